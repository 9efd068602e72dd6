"""The symptoms that a look can show, and the hints for them."""

import re
from collections.abc import Iterable, Mapping
from enum import Enum, auto
from types import MappingProxyType
from typing import Final

from argocd_release.core.connectivity import Outage, is_outage
from argocd_release.messages import hints
from argocd_release.model.condition import COMPARISON_ERROR, Condition
from argocd_release.model.problem import CauseCode

#: Begins every answer from the cache of errors (argo-cd v2.13.2 reposerver/repository/repository.go:67).
_CACHED_ERROR: Final = "Manifest generation error (cached)"
_RENDERER: Final = re.compile(
    r"`helm (?!pull|fetch|registry)|`kustomize |helm dependencies|jsonnet|plugin|Manifest generation error"
)
# Words of the steps before the repo-server renders: reaching it, git, a chart's registry; and of the cluster's state.
_BEFORE: Final = re.compile(
    r"code = Unavailable|failed to list refs|repository not found|authentication|authorization|unable to resolve '"
    r"|failed to (?:initialize|fetch|checkout)|`git |error (?:fetching|testing|resolving)"
    r"|failed to get (?:git|index|tags)"
    r"|`helm |live state|cluster|couldn't find remote ref|ssh: |knownhosts",
    re.IGNORECASE,
)


def is_render_error(condition: Condition) -> bool:
    """Return True if the repo-server got as far as rendering; an unknown message counts as one."""
    if condition.type != COMPARISON_ERROR:
        return False
    return _RENDERER.search(condition.message) is not None or _BEFORE.search(condition.message) is None


def is_cached(condition: Condition) -> bool:
    """Return True if the error comes from the cache, so that nothing was rendered."""
    return _CACHED_ERROR in condition.message


def can_heal(conditions: Iterable[Condition]) -> bool:
    """Return True if all errors are of something that rendering needs and that is away."""
    return all(is_outage(condition.message) for condition in conditions)


class Symptom(Enum):
    """A symptom that a look can show. The first whose grace period has elapsed decides."""

    DENIED = auto()
    DENIED_MIDWAY = auto()
    REFUSED = auto()
    UNREADABLE = auto()
    MISSING_AT_START = auto()
    DELETED = auto()
    UNREACHABLE_AT_START = auto()
    UNREACHABLE = auto()
    CANNOT_COMPARE = auto()
    CANNOT_HYDRATE = auto()
    HYDRATION_FAILED = auto()
    OPERATION_FAILED = auto()
    ATTEMPTS_FAILED = auto()
    HOOK_FAILED = auto()
    #: The attempts fail for a reason that heals without a change in git.
    ATTEMPTS_WAIT = auto()
    CONDITION = auto()
    SYNC_REFUSED = auto()
    OUT_OF_REACH = auto()
    STUCK = auto()
    OLD_SYNC = auto()
    PODS = auto()
    DEGRADED = auto()
    HEALTH_UNREADABLE = auto()
    EMPTY = auto()
    DELIVERED = auto()


#: These symptoms belong to one revision, which can be later than the job's own.
ABOUT_REVISION: Final = frozenset({
    Symptom.OPERATION_FAILED, Symptom.ATTEMPTS_FAILED, Symptom.HOOK_FAILED, Symptom.ATTEMPTS_WAIT, Symptom.CONDITION,
    Symptom.PODS, Symptom.DEGRADED, Symptom.HEALTH_UNREADABLE,
})  # fmt: skip
#: The causes of symptoms for which the application itself shows no better one.
CODES: Final[Mapping[Symptom, CauseCode]] = MappingProxyType(
    {
        Symptom.DENIED: CauseCode.DENIED,
        Symptom.DENIED_MIDWAY: CauseCode.DENIED,
        Symptom.REFUSED: CauseCode.REFUSED,
        Symptom.UNREADABLE: CauseCode.UNREADABLE,
        Symptom.MISSING_AT_START: CauseCode.APPLICATION_MISSING,
        Symptom.DELETED: CauseCode.APPLICATION_DELETED,
        Symptom.UNREACHABLE_AT_START: CauseCode.UNREACHABLE,
        Symptom.UNREACHABLE: CauseCode.UNREACHABLE,
    }
)
HINTS: Final[Mapping[Symptom, str]] = MappingProxyType({Symptom[name]: hint for name, hint in hints.SYMPTOMS.items()})


def condition_hint(condition: Condition, outage: Outage | None) -> str:
    """Return what to do about an error condition; "" if its symptom says that."""
    if is_cached(condition):
        return hints.CACHED_ERROR
    if outage is None:
        return ""
    return hints.OUTAGES[outage.kind.name].format(target=hints.OUTAGE_TARGETS[outage.speaker.name])
