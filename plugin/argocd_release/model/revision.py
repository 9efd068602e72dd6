"""Revisions of sources, and the hydration of dry revisions."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

# What Argo CD takes for a commit and leaves as it is (argo-cd v2.13.2 util/git/git.go truncatedCommitSHARegex).
_ABBREVIATED: Final = re.compile(r"[0-9a-f]{7,64}")


def same_revision(one: str, other: str) -> bool:
    """Whether two revisions are one: the same, or a commit and the beginning of its digits, seven or more."""
    short, long = sorted((one.lower(), other.lower()), key=len)
    return one == other or (_ABBREVIATED.fullmatch(short) is not None and long.startswith(short))


def all_same_revisions(these: tuple[str, ...], those: tuple[str, ...]) -> bool:
    """Whether the revisions of several sources are the same, one by one."""
    return len(these) == len(those) and all(map(same_revision, these, those))


class Relation(StrEnum):
    """How the revision that Argo CD compares with stands to the one that is expected."""

    SAME = "same"
    DESCENDANT = "descendant"
    OLDER = "older"
    DIVERGED = "diverged"
    # A descendant, but what was expected is undone in it.
    REVERTED = "reverted"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class RevisionRelation:
    """What git's history says of two revisions; ``commits`` lie between a descendant and what it descends from."""

    relation: Relation
    commits: int = 0
    # Why the history could not be consulted; `final`: it will not be, however long one waits.
    note: str = ""
    final: bool = False
    # It is being asked at this moment.
    pending: bool = False
    # The revision that reverts what was expected; "" where only the files tell.
    by: str = ""


class HydrationPhase(StrEnum):
    NONE = ""
    HYDRATING = "Hydrating"
    FAILED = "Failed"
    HYDRATED = "Hydrated"

    @classmethod
    def read(cls, value: object) -> Self:
        """The phase of that name; one that nobody knows is none."""
        return cls(value) if isinstance(value, str) and value in set(cls) else cls("")


@dataclass(frozen=True, kw_only=True)
class Hydration:
    """How far it is. Revisions are ``""`` where Argo CD has not said any, times RFC 3339 or ``""``.

    ``dry_revision`` and ``hydrated_revision``: of the last hydration that succeeded. ``compared_revision``: the dry one
    that Argo CD looked at last, be it that it changes nothing. ``failed_revision``: the dry one of a hydration that
    failed. ``requested``: Argo CD is asked to look, and has not. ``staged_on``: the branch that somebody else brings to
    the one that is synced; ``""``: none.
    """

    phase: HydrationPhase
    message: str = ""
    dry_revision: str = ""
    hydrated_revision: str = ""
    compared_revision: str = ""
    failed_revision: str = ""
    finished_at: str = ""
    requested: bool = False
    staged_on: str = ""
    #: The hydrated manifests are in another repository than the dry ones.
    is_elsewhere: bool = False

    @property
    def commit(self) -> str:
        """The dry commit whose manifests the hydrated branch has; ``""``: not known.

        A commit that changes none of them may be looked at without another hydration.
        """
        if self.staged_on:
            return ""
        unchanged = self.phase is HydrationPhase.HYDRATED and self.compared_revision
        return unchanged or self.dry_revision

    @property
    def failed(self) -> bool:
        """Whether it has failed, and nobody has asked to try again."""
        return self.phase is HydrationPhase.FAILED and not self.requested

    def is_seen(self, revision: str, reconciled_at: str) -> bool:
        """Whether a comparison, of that time and with that revision, was one with the hydrated commit."""
        same = bool(self.hydrated_revision) and same_revision(revision, self.hydrated_revision)
        # Others may hydrate to the same branch.
        return same or bool(self.staged_on) or reconciled_at > self.finished_at
