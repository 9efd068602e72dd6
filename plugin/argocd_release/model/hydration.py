"""The source hydrator: manifests are rendered from a dry commit, and the commit that is synced holds them rendered.

Shape: argo-cd v3.6.1 pkg/apis/application/v1alpha1/types.go SourceHydratorStatus; when what is written:
controller/hydrator/hydrator.go.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from argocd_release.model.revision import alike


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
        same = bool(self.hydrated_revision) and alike(revision, self.hydrated_revision)
        # Others may hydrate to the same branch.
        return same or bool(self.staged_on) or reconciled_at > self.finished_at
