"""The conditions of an Application, with which Argo CD reports a revision that it cannot compare or apply."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from argocd_release.model.problem import CauseCode

COMPARISON_ERROR: Final = "ComparisonError"
#: The condition that auto-sync has given the revision up.
SYNC_ERROR: Final = "SyncError"
# The types of conditions that give the reason why a revision is not applied.
ERRORS: Final[Mapping[str, CauseCode]] = MappingProxyType(
    {
        COMPARISON_ERROR: CauseCode.COMPARISON_ERROR,
        "InvalidSpecError": CauseCode.SPEC_INVALID,
        "UnknownError": CauseCode.COMPARISON_ERROR,
        SYNC_ERROR: CauseCode.SYNC_GIVEN_UP,
    }
)
# The repo-server's messages about the files in git (argo-cd v2.13.2 util/app/path, reposerver/repository).
_IN_GIT: Final = (
    ("app path does not exist", CauseCode.PATH_MISSING),
    ("Failed to unmarshal", CauseCode.MANIFEST_UNREADABLE),
)
# argo-cd v2.13.2 controller/state.go:859.
_HEALTH: Final = "error setting app health: "


@dataclass(frozen=True, kw_only=True)
class Condition:
    """A condition of an Application."""

    type: str
    message: str

    @property
    def about_health(self) -> bool:
        """Return True if Argo CD could not read the health of a resource, for example because a script failed."""
        return self.type == "ComparisonError" and self.message.startswith(_HEALTH)

    @property
    def code(self) -> CauseCode | None:
        """Return the cause code, or None if the condition is not a reason why a revision is not applied."""
        known = next((code for words, code in _IN_GIT if words in self.message), None)
        return (known or ERRORS[self.type]) if self.type in ERRORS else None
