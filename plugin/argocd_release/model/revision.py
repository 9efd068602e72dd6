"""Revisions of sources, and the hydration of dry revisions."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

# The texts that Argo CD treats as a commit and does not resolve (argo-cd v2.13.2 util/git/git.go
# truncatedCommitSHARegex).
_ABBREVIATED: Final = re.compile(r"[0-9a-f]{7,64}")


def same_revision(first: str, second: str) -> bool:
    """Return True if both are equal, or if one is a commit and the other is an abbreviation of it."""
    short, long = sorted((first.lower(), second.lower()), key=len)
    return first == second or (_ABBREVIATED.fullmatch(short) is not None and long.startswith(short))


def all_same_revisions(these: tuple[str, ...], those: tuple[str, ...]) -> bool:
    """Return True if the revisions of several sources are the same, one by one."""
    return len(these) == len(those) and all(map(same_revision, these, those))


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """A successful sync of all resources. ``parameters`` are its sources without their target revisions."""

    revisions: tuple[str, ...]
    parameters: tuple[str, ...]


class Relation(StrEnum):
    """The relation of the revision that Argo CD compares with to the expected revision."""

    SAME = "same"
    DESCENDANT = "descendant"
    OLDER = "older"
    DIVERGED = "diverged"
    # It is a descendant, but the change of the expected revision was reverted in it.
    REVERTED = "reverted"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class RevisionRelation:
    """The relation of two revisions by the git history. ``commits`` is the number of commits between them."""

    relation: Relation
    commits: int = 0
    # The reason why the history could not be consulted. If ``final`` is True, waiting does not help.
    note: str = ""
    final: bool = False
    # True while the history is being consulted.
    pending: bool = False
    # The revision that reverts the expected one; empty if only the files show it.
    by: str = ""


class HydrationPhase(StrEnum):
    NONE = ""
    HYDRATING = "Hydrating"
    FAILED = "Failed"
    HYDRATED = "Hydrated"

    @classmethod
    def read(cls, value: object) -> Self:
        """Return the phase of that name. An unknown phase counts as none."""
        return cls(value) if isinstance(value, str) and value in set(cls) else cls("")


@dataclass(frozen=True, kw_only=True)
class Hydration:
    """The progress of a hydration. Unknown revisions and times are empty. Times are RFC 3339."""

    phase: HydrationPhase
    message: str = ""
    #: The dry and the hydrated revision of the last hydration that succeeded.
    dry_revision: str = ""
    hydrated_revision: str = ""
    #: The dry revision that Argo CD looked at last, even if nothing changed.
    compared_revision: str = ""
    #: The dry revision of a hydration that failed.
    failed_revision: str = ""
    finished_at: str = ""
    #: True if a hydration was requested, and Argo CD has not begun it.
    requested: bool = False
    #: The staging branch, which another tool merges into the synced branch; empty if there is none.
    staged_on: str = ""
    #: True if the hydrated manifests are in another repository than the dry ones.
    is_elsewhere: bool = False

    @property
    def commit(self) -> str:
        """Return the dry commit whose manifests are on the hydrated branch, or an empty string if it is not known.

        Argo CD can process a commit without another hydration if the commit changes no manifests.
        """
        if self.staged_on:
            return ""
        unchanged = self.phase is HydrationPhase.HYDRATED and self.compared_revision
        return unchanged or self.dry_revision

    @property
    def failed(self) -> bool:
        """Return True if it has failed, and no retry was requested."""
        return self.phase is HydrationPhase.FAILED and not self.requested

    def is_seen(self, revision: str, reconciled_at: str) -> bool:
        """Return True if the comparison with ``revision`` at ``reconciled_at`` contains the hydrated commit."""
        same = bool(self.hydrated_revision) and same_revision(revision, self.hydrated_revision)
        # Another application can hydrate to the same branch, so a comparison after the hydration counts, too.
        return same or bool(self.staged_on) or reconciled_at > self.finished_at
