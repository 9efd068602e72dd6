"""The symptoms that a look can show, with the outcome, the grace period and the hint of each. Pure.

An error condition of an application is also a symptom, either of an outage or of a defect in the revision.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property
from types import MappingProxyType
from typing import Final

from argocd_release.core.connectivity import Outage, is_outage, outage
from argocd_release.core.text import one_line
from argocd_release.messages import causes, verdict
from argocd_release.model.application import Application
from argocd_release.model.outcome import Outcome
from argocd_release.model.problem import COMPARISON_ERROR, SYNC_ERROR, CauseCode, Condition, Problem

#: The start of each message from Argo CD's cache of errors (argo-cd v2.13.2 reposerver/repository/repository.go:67).
_CACHED_ERROR: Final = "Manifest generation error (cached)"
_RENDERER: Final = re.compile(
    r"`helm (?!pull|fetch|registry)|`kustomize |helm dependencies|jsonnet|plugin|Manifest generation error"
)
# Phrases of errors that occur before rendering: in the connection to the repo-server, in git, or in a chart registry.
# Errors about the live state in the cluster are no render errors either.
_BEFORE: Final = re.compile(
    r"code = Unavailable|failed to list refs|repository not found|authentication|authorization|unable to resolve '"
    r"|failed to (?:initialize|fetch|checkout)|`git |error (?:fetching|testing|resolving)"
    r"|failed to get (?:git|index|tags)"
    r"|`helm |live state|cluster|couldn't find remote ref|ssh: |knownhosts",
    re.IGNORECASE,
)


def is_render_error(condition: Condition) -> bool:
    """Return True if the repo-server failed to render the manifests. An unknown message counts as a render error."""
    if condition.type != COMPARISON_ERROR:
        return False
    return _RENDERER.search(condition.message) is not None or _BEFORE.search(condition.message) is None


def is_cached(condition: Condition) -> bool:
    """Return True if the error comes from the cache, so that nothing was rendered."""
    return _CACHED_ERROR in condition.message


def can_heal(conditions: Iterable[Condition]) -> bool:
    """Return True if all errors are outages of servers that Argo CD needs to render."""
    return all(is_outage(condition.message) for condition in conditions)


class Symptom(Enum):
    """A symptom that a look can show.

    In this order, the first symptom whose grace period has elapsed decides the verdict.
    """

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


#: The symptoms of one revision, which can be later than the expected one.
ABOUT_REVISION: Final = frozenset({
    Symptom.OPERATION_FAILED, Symptom.ATTEMPTS_FAILED, Symptom.HOOK_FAILED, Symptom.ATTEMPTS_WAIT, Symptom.CONDITION,
    Symptom.PODS, Symptom.DEGRADED, Symptom.HEALTH_UNREADABLE,
})  # fmt: skip
#: The cause codes of symptoms for which no application shows a more specific cause.
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
HINTS: Final[Mapping[Symptom, str]] = MappingProxyType(
    {Symptom[name]: hint for name, hint in causes.SYMPTOM_HINTS.items()}
)


def condition_hint(condition: Condition, outage: Outage | None) -> str:
    """Return the hint for an error condition; "" if the general hint of its symptom applies."""
    if is_cached(condition):
        return causes.CACHED_ERROR
    if outage is None:
        return ""
    return causes.OUTAGES[outage.kind.name].format(target=causes.OUTAGE_TARGETS[outage.speaker.name])


def condition_symptoms(application: Application, *, foreign: bool) -> Iterator[tuple[Symptom, Problem]]:
    """Yield the symptoms that the error conditions show.

    ``foreign`` is True if a failure does not count, or not yet, for the expected revision. A SyncError is then no
    symptom.
    """
    for condition in application.errors:
        text = f"{condition.type}: {one_line(condition.message, limit=1000)}"
        cut_off = outage(condition.message) if condition.type != SYNC_ERROR else None
        hint = condition_hint(condition, cut_off)
        if cut_off:
            # An outage says nothing about the revision.
            text = verdict.CANNOT_COMPARE.fill(condition=text)
            yield Symptom.CANNOT_COMPARE, Problem(message=text, code=CauseCode.CANNOT_COMPARE, hint=hint)
        elif condition.type != SYNC_ERROR or not foreign:
            yield Symptom.CONDITION, Problem(message=text, code=condition.code or CauseCode.COMPARISON_ERROR, hint=hint)


def hydration_symptom(missing: Problem, message: str) -> Iterator[tuple[Symptom, Problem]]:
    """Yield the symptom of a failed hydration. The source hydrator's ``message`` tells an outage from a defect."""
    if missing.code is CauseCode.HYDRATION_FAILED:
        yield (Symptom.CANNOT_HYDRATE if is_outage(message) else Symptom.HYDRATION_FAILED), missing


EMPTY_SECONDS: Final = 10.0
# The grace period for a refused token that worked before. A proxy or a restarting Argo CD can refuse it briefly.
DENIED_SECONDS: Final = 10.0

#: These problems can pass if the job waits longer. All others need a change.
PASSING: Final = frozenset({
    None, CauseCode.UNHEALTHY, CauseCode.NOT_COMPARED, CauseCode.NOT_HYDRATED, CauseCode.OTHER_IMAGE,
    CauseCode.OTHER_REVISION, CauseCode.OTHER_CHART_VERSION, CauseCode.SYNC_RUNNING, CauseCode.SYNC_BUSY,
    CauseCode.SYNC_WINDOW, CauseCode.NO_SYNC_POLICY, CauseCode.NO_ADDRESS, CauseCode.NO_VOLUME, CauseCode.OUT_OF_SYNC,
    CauseCode.ROLLOUT_PAUSED,
})  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Rule:
    """The outcome of a symptom, and how long the symptom must last before it decides the verdict."""

    outcome: Outcome
    #: Seconds since a look first showed the symptom.
    seconds: float = 0
    #: The number of looks that must show the symptom.
    looks: int = 1
    #: True if the last of these looks must follow a new comparison, because only a comparison can end the symptom.
    fresh: bool = False


@dataclass(frozen=True, kw_only=True)
class GracePeriods:
    """The grace periods in seconds, with the defaults of the settings.

    If a grace period other than ``appear`` is 0, the rules that use it are turned off.

    Attributes:
        failed_attempts: the number of failed attempts after which a sync counts as failed. Argo CD can still retry it,
            and its phase is Running.
    """

    fail_fast: bool = True
    failed_attempts: int = 2
    condition: float = 10
    degraded: float = 15
    pods: float = 15
    deleted: float = 10
    unreachable: float = 60
    connect: float = 15
    appear: float = 0
    expected: float = 30
    stuck: float = 60
    healing: float = 60

    @cached_property
    def rules(self) -> Mapping[Symptom, Rule]:
        """Return the rule of each symptom that can end the wait before the timeout."""
        return self._rules_of_answers | (self._rules_of_failures if self.fail_fast else {})

    @property
    def _rules_of_answers(self) -> dict[Symptom, Rule]:
        """Return the rules that apply with and without ``RELEASE_FAIL_FAST``, because waiting shows nothing new."""
        rules = {
            Symptom.DENIED: Rule(outcome=Outcome.DENIED, looks=2),
            Symptom.DENIED_MIDWAY: Rule(outcome=Outcome.DENIED, seconds=DENIED_SECONDS, looks=2),
            Symptom.MISSING_AT_START: Rule(outcome=Outcome.MISSING, seconds=self.appear),
            Symptom.DELIVERED: Rule(outcome=Outcome.DELIVERED, looks=2),
        }
        if self.unreachable:
            rules[Symptom.UNREACHABLE] = Rule(outcome=Outcome.UNREACHABLE, seconds=self.unreachable)
            rules[Symptom.CANNOT_COMPARE] = Rule(
                outcome=Outcome.UNREACHABLE, seconds=self.unreachable, looks=2, fresh=True
            )
            # Argo CD retries a hydration after 2 minutes (argo-cd v3.6.1 controller/hydrator/hydrator.go
            # appNeedsHydration).
            rules[Symptom.CANNOT_HYDRATE] = Rule(outcome=Outcome.UNREACHABLE, seconds=self.unreachable, looks=2)
        if self.condition:
            rules[Symptom.REFUSED] = Rule(outcome=Outcome.DENIED, seconds=self.condition, looks=2)
        if self.connect:
            rules[Symptom.UNREADABLE] = Rule(outcome=Outcome.UNREACHABLE, seconds=self.connect)
            rules[Symptom.UNREACHABLE_AT_START] = Rule(outcome=Outcome.UNREACHABLE, seconds=self.connect)
        if self.deleted:
            rules[Symptom.DELETED] = Rule(outcome=Outcome.MISSING, seconds=self.deleted)
        return rules

    @property
    def _rules_of_failures(self) -> dict[Symptom, Rule]:
        """Return the rules of failures. A grace period of 0 turns its rule off."""
        rules = {
            Symptom.OPERATION_FAILED: Rule(outcome=Outcome.SYNC_FAILED, looks=2),
            Symptom.EMPTY: Rule(outcome=Outcome.NOT_DELIVERED, seconds=EMPTY_SECONDS),
        }
        if self.failed_attempts:
            rules[Symptom.ATTEMPTS_FAILED] = Rule(outcome=Outcome.SYNC_FAILED)
            rules[Symptom.HOOK_FAILED] = Rule(outcome=Outcome.SYNC_FAILED, looks=2)
        if self.healing:
            rules[Symptom.ATTEMPTS_WAIT] = Rule(outcome=Outcome.SYNC_FAILED, seconds=self.healing)
        if self.expected:
            rules[Symptom.OUT_OF_REACH] = Rule(outcome=Outcome.NOT_DELIVERED, seconds=self.expected, looks=2)
        if self.stuck:
            rules[Symptom.OLD_SYNC] = Rule(outcome=Outcome.NOT_DELIVERED, seconds=self.stuck, looks=2)
            rules[Symptom.STUCK] = Rule(outcome=Outcome.NOT_DELIVERED, seconds=self.stuck, looks=2)
        if self.condition:
            rules[Symptom.HYDRATION_FAILED] = Rule(outcome=Outcome.SYNC_FAILED, seconds=self.condition, looks=2)
            rules[Symptom.SYNC_REFUSED] = Rule(outcome=Outcome.SYNC_FAILED, seconds=self.condition)
            rules[Symptom.CONDITION] = Rule(outcome=Outcome.SYNC_FAILED, seconds=self.condition, looks=2, fresh=True)
        if self.pods:
            rules[Symptom.PODS] = Rule(outcome=Outcome.DEGRADED, seconds=self.pods)
        if self.degraded:
            rules[Symptom.DEGRADED] = Rule(outcome=Outcome.DEGRADED, seconds=self.degraded)
            rules[Symptom.HEALTH_UNREADABLE] = rules[Symptom.DEGRADED]
        return rules
