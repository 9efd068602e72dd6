"""Define the symptoms that decide a verdict, with the outcome, the grace period and the hint of each.

A look is one read of the application's state. A symptom decides the verdict if the looks show it for its grace period.
An error condition of the application is also a symptom, either of an outage or of a defect in the revision. All
functions are pure.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property
from types import MappingProxyType
from typing import Final

from argocd_release.core.connectivity import Outage, is_outage, outage
from argocd_release.messages import causes, reports, verdict
from argocd_release.model.application import Application
from argocd_release.model.outcome import Outcome
from argocd_release.model.problem import COMPARISON_ERROR, SYNC_ERROR, CauseCode, Condition, Problem

#: Argo CD puts these words before an error that it takes from its manifest cache (argo-cd v2.13.2
#: reposerver/repository/repository.go:67).
_CACHED_ERROR: Final = "Manifest generation error (cached)"
# Phrases of the errors that Helm, Kustomize or a similar tool reports if it cannot render the manifests.
_RENDERER: Final = re.compile(
    r"`helm (?!pull|fetch|registry)|`kustomize |helm dependencies|jsonnet|plugin|Manifest generation error"
)
# Phrases of the errors that Argo CD reports if it cannot reach the repo-server, git or a chart registry, or cannot read
# the cluster's live state. These errors are not about rendering.
_BEFORE: Final = re.compile(
    r"code = Unavailable|failed to list refs|repository not found|authentication|authorization|unable to resolve '"
    r"|failed to (?:initialize|fetch|checkout)|`git |error (?:fetching|testing|resolving)"
    r"|failed to get (?:git|index|tags)"
    r"|`helm |live state|cluster|couldn't find remote ref|ssh: |knownhosts",
    re.IGNORECASE,
)


def is_render_error(condition: Condition) -> bool:
    """Return True if the repo-server failed to render the manifests.

    A ComparisonError with an unknown message counts as a render error.
    """
    if condition.type != COMPARISON_ERROR:
        return False
    return _RENDERER.search(condition.message) is not None or _BEFORE.search(condition.message) is None


def is_cached(condition: Condition) -> bool:
    """Return True if Argo CD took the error from its manifest cache and did not render the manifests again."""
    return _CACHED_ERROR in condition.message


def can_heal(conditions: Iterable[Condition]) -> bool:
    """Return True if all conditions report outages, which can end without a change in git."""
    return all(is_outage(condition.message) for condition in conditions)


class Symptom(Enum):
    """A state of an application, or of the access to Argo CD. If the state lasts, it decides the verdict.

    The order of the members is their priority. If the grace periods of several symptoms have elapsed, the first of
    these symptoms decides.
    """

    #: Argo CD refused the token before any look showed the application.
    DENIED = auto()
    #: Argo CD refused the token after an earlier look had shown the application.
    DENIED_MIDWAY = auto()
    #: Argo CD responds, but refuses to return the application.
    REFUSED = auto()
    #: The response does not contain an application, for example because it comes from another server.
    UNREADABLE = auto()
    #: Argo CD has no such application, and no earlier look has shown it.
    MISSING_AT_START = auto()
    DELETED = auto()
    #: Argo CD has not responded to any look yet.
    UNREACHABLE_AT_START = auto()
    UNREACHABLE = auto()
    #: Argo CD cannot compare, because a server that it needs is out of reach.
    CANNOT_COMPARE = auto()
    #: The source hydrator cannot work, because a server that it needs is out of reach.
    CANNOT_HYDRATE = auto()
    HYDRATION_FAILED = auto()
    OPERATION_FAILED = auto()
    ATTEMPTS_FAILED = auto()
    HOOK_FAILED = auto()
    #: The attempts of the running sync fail for a reason that can heal without a change in git.
    ATTEMPTS_WAIT = auto()
    #: An error condition reports a defect in the revision or in the spec.
    CONDITION = auto()
    SYNC_REFUSED = auto()
    #: The application can no longer meet the expectation.
    OUT_OF_REACH = auto()
    #: The application stays OutOfSync until a person acts.
    STUCK = auto()
    #: A sync of another revision is running. Each step that it makes starts the grace period again.
    OLD_SYNC = auto()
    #: The same, but a hook of that sync runs, or its pods start. This has no rule, so it never decides the verdict.
    SLOW_OLD_SYNC = auto()
    #: The release was proven, and then a pod failed or the health got worse.
    UNSTABLE = auto()
    #: The release was proven, and then the application became OutOfSync.
    UNSTABLE_SYNC = auto()
    #: Pods of the release cannot start.
    PODS = auto()
    DEGRADED = auto()
    HEALTH_UNREADABLE = auto()
    #: The application is synced, but manages no resources.
    EMPTY = auto()
    DELIVERED = auto()


#: Symptoms of the compared revision. If that revision is later than the expected one, the verdict says so.
ABOUT_REVISION: Final = frozenset({
    Symptom.OPERATION_FAILED, Symptom.ATTEMPTS_FAILED, Symptom.HOOK_FAILED, Symptom.ATTEMPTS_WAIT, Symptom.CONDITION,
    Symptom.PODS, Symptom.DEGRADED, Symptom.HEALTH_UNREADABLE,
})  # fmt: skip
#: The cause codes of failed looks, by the symptom that the failed look shows.
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
#: The hint of each symptom. A problem without its own hint gets this one.
HINTS: Final[Mapping[Symptom, str]] = MappingProxyType(
    {Symptom[name]: hint for name, hint in causes.SYMPTOM_HINTS.items()}
)


def condition_hint(condition: Condition, outage: Outage | None) -> str:
    """Return the hint for an error condition, or "" to use the hint of its symptom.

    Args:
        condition: the error condition.
        outage: the outage that the condition reports; None if it reports a defect.
    """
    if is_cached(condition):
        return causes.CACHED_ERROR
    if outage is None:
        return ""
    return causes.OUTAGES[outage.kind.name].format(target=causes.OUTAGE_TARGETS[outage.speaker.name])


def condition_symptoms(application: Application, *, foreign: bool) -> Iterator[tuple[Symptom, Problem]]:
    """Yield the symptom that each error condition shows, with its problem.

    Args:
        application: the observed application.
        foreign: True if failures belong to another revision or to an old spec. A SyncError is then no symptom.
    """
    for condition in application.errors:
        text = f"{condition.type}: {condition.summary}"
        cut_off = outage(condition.message) if condition.type != SYNC_ERROR else None
        hint = condition_hint(condition, cut_off)
        if cut_off:
            # An outage is no sign of a defect in the revision, so outages have their own symptom and cause code.
            text = verdict.CANNOT_COMPARE.fill(condition=text)
            yield Symptom.CANNOT_COMPARE, Problem(message=text, code=CauseCode.CANNOT_COMPARE, hint=hint)
        elif condition.type != SYNC_ERROR or not foreign:
            yield Symptom.CONDITION, Problem(message=text, code=condition.code or CauseCode.COMPARISON_ERROR, hint=hint)


def hydration_symptom(missing: Problem, message: str) -> Iterator[tuple[Symptom, Problem]]:
    """Yield the symptom of a failed hydration. If ``missing`` is another problem, yield nothing.

    Args:
        missing: the problem that keeps the release pending.
        message: the message of the source hydrator, which shows if an outage has caused the failure.
    """
    if missing.code is CauseCode.HYDRATION_FAILED:
        yield (Symptom.CANNOT_HYDRATE if is_outage(message) else Symptom.HYDRATION_FAILED), missing


# The grace period in seconds for an application that manages no resources.
EMPTY_SECONDS: Final = 10.0
# The grace period in seconds for a proven release that is no longer ready. Argo CD does not update the health and the
# pods at exactly the same time, so a single look can show a state that never existed.
UNSTABLE_SECONDS: Final = 2.0
# The grace period in seconds for a token that Argo CD refuses, but has accepted before. A proxy or a restarting Argo CD
# can briefly refuse a valid token.
DENIED_SECONDS: Final = 10.0


def timeout_hint(code: CauseCode | None) -> str:
    """Return the hint for a release that is still pending at the timeout.

    Args:
        code: the cause for which it is pending; None if nothing is known to be wrong.
    """
    if code is None:
        return verdict.MORE_TIME
    return causes.TIMEOUT_HINTS.get(code.word) or causes.HINTS.get(code.word) or verdict.TIMED_OUT.hint


@dataclass(frozen=True, kw_only=True)
class Rule:
    """The outcome to which a symptom leads, and how long it must last before it decides the verdict."""

    outcome: Outcome
    #: The grace period in seconds, counted from the first look that showed the symptom.
    seconds: float = 0
    #: The number of successive looks that must show the symptom.
    looks: int = 1
    #: True if the last of these looks must include a new comparison. Only a comparison can clear the symptom.
    fresh: bool = False


def ended_early(symptom: Symptom, rule: Rule) -> str:
    """Return the reason why this symptom ends the wait before the timeout; "" if the message already says it."""
    return reports.ENDED_BECAUSE_OF.get(symptom.name, "").format(seconds=f"{rule.seconds:.0f}")


@dataclass(frozen=True, kw_only=True)
class GracePeriods:
    """The grace periods in seconds, with the defaults of the settings.

    If a grace period other than ``appear_timeout`` is 0, the rules that use it are turned off.

    Attributes:
        fail_fast: False to wait until the timeout even if the release has failed.
        failed_attempts: the number of failed attempts after which a sync counts as failed, even if Argo CD still
            retries it.
        condition_grace: for an error condition, a failed hydration, or a request that Argo CD refuses.
        degraded_grace: for a synced application that is Degraded or whose health cannot be read.
        pod_grace: for a pod that cannot start.
        deleted_grace: for an application that disappears during the job.
        unreachable_grace: for Argo CD, or a server that Argo CD needs, if it stops responding.
        connect_grace: for Argo CD if it does not respond at the start, or if another server responds in its place.
        appear_timeout: for an application that does not exist at the start.
        expectation_grace: for an expectation that can no longer be met.
        stuck_grace: for an application that stays OutOfSync until a person acts.
        healing_grace: for failed attempts of a sync that can heal without a change in git.
        stable_for: the time for which a proven release must stay ready. This is not a grace period. If it is 0, the
            release is delivered as soon as it is proven.
    """

    fail_fast: bool = True
    failed_attempts: int = 2
    condition_grace: float = 10
    degraded_grace: float = 15
    pod_grace: float = 15
    deleted_grace: float = 10
    unreachable_grace: float = 60
    connect_grace: float = 15
    appear_timeout: float = 0
    expectation_grace: float = 30
    stuck_grace: float = 60
    healing_grace: float = 60
    stable_for: float = 0

    @cached_property
    def rules(self) -> Mapping[Symptom, Rule]:
        """Return the rules of all symptoms that can end the wait before the timeout."""
        return self._rules_of_answers | (self._rules_of_failures if self.fail_fast else {})

    @property
    def _rules_of_answers(self) -> dict[Symptom, Rule]:
        """Return the rules that apply even if ``RELEASE_FAIL_FAST`` is off, because waiting longer would not help."""
        rules = {
            Symptom.DENIED: Rule(outcome=Outcome.DENIED, looks=2),
            Symptom.DENIED_MIDWAY: Rule(outcome=Outcome.DENIED, seconds=DENIED_SECONDS, looks=2),
            Symptom.MISSING_AT_START: Rule(outcome=Outcome.MISSING, seconds=self.appear_timeout),
            Symptom.DELIVERED: Rule(outcome=Outcome.DELIVERED, seconds=self.stable_for, looks=2),
        }
        if self.stable_for:
            rules[Symptom.UNSTABLE] = Rule(outcome=Outcome.DEGRADED, seconds=UNSTABLE_SECONDS, looks=2)
            rules[Symptom.UNSTABLE_SYNC] = Rule(outcome=Outcome.NOT_DELIVERED, seconds=UNSTABLE_SECONDS, looks=2)
        if self.unreachable_grace:
            rules[Symptom.UNREACHABLE] = Rule(outcome=Outcome.UNREACHABLE, seconds=self.unreachable_grace)
            rules[Symptom.CANNOT_COMPARE] = Rule(
                outcome=Outcome.UNREACHABLE, seconds=self.unreachable_grace, looks=2, fresh=True
            )
            # Do not require another comparison: Argo CD retries a failed hydration only after 2 minutes (argo-cd v3.6.1
            # controller/hydrator/hydrator.go appNeedsHydration).
            rules[Symptom.CANNOT_HYDRATE] = Rule(outcome=Outcome.UNREACHABLE, seconds=self.unreachable_grace, looks=2)
        if self.condition_grace:
            rules[Symptom.REFUSED] = Rule(outcome=Outcome.DENIED, seconds=self.condition_grace, looks=2)
        if self.connect_grace:
            rules[Symptom.UNREADABLE] = Rule(outcome=Outcome.UNREACHABLE, seconds=self.connect_grace)
            rules[Symptom.UNREACHABLE_AT_START] = Rule(outcome=Outcome.UNREACHABLE, seconds=self.connect_grace)
        if self.deleted_grace:
            rules[Symptom.DELETED] = Rule(outcome=Outcome.MISSING, seconds=self.deleted_grace)
        return rules

    @property
    def _rules_of_failures(self) -> dict[Symptom, Rule]:
        """Return the rules that apply only if ``RELEASE_FAIL_FAST`` is on. A grace period of 0 turns its rules off."""
        rules = {
            Symptom.OPERATION_FAILED: Rule(outcome=Outcome.SYNC_FAILED, looks=2),
            Symptom.EMPTY: Rule(outcome=Outcome.NOT_DELIVERED, seconds=EMPTY_SECONDS),
        }
        if self.failed_attempts:
            rules[Symptom.ATTEMPTS_FAILED] = Rule(outcome=Outcome.SYNC_FAILED)
            rules[Symptom.HOOK_FAILED] = Rule(outcome=Outcome.SYNC_FAILED, looks=2)
        if self.healing_grace:
            rules[Symptom.ATTEMPTS_WAIT] = Rule(outcome=Outcome.SYNC_FAILED, seconds=self.healing_grace)
        if self.expectation_grace:
            rules[Symptom.OUT_OF_REACH] = Rule(outcome=Outcome.NOT_DELIVERED, seconds=self.expectation_grace, looks=2)
        if self.stuck_grace:
            rules[Symptom.OLD_SYNC] = Rule(outcome=Outcome.NOT_DELIVERED, seconds=self.stuck_grace, looks=2)
            rules[Symptom.STUCK] = Rule(outcome=Outcome.NOT_DELIVERED, seconds=self.stuck_grace, looks=2)
        if self.condition_grace:
            rules[Symptom.HYDRATION_FAILED] = Rule(outcome=Outcome.SYNC_FAILED, seconds=self.condition_grace, looks=2)
            rules[Symptom.SYNC_REFUSED] = Rule(outcome=Outcome.SYNC_FAILED, seconds=self.condition_grace)
            rules[Symptom.CONDITION] = Rule(
                outcome=Outcome.SYNC_FAILED, seconds=self.condition_grace, looks=2, fresh=True
            )
        if self.pod_grace:
            rules[Symptom.PODS] = Rule(outcome=Outcome.DEGRADED, seconds=self.pod_grace)
        if self.degraded_grace:
            rules[Symptom.DEGRADED] = Rule(outcome=Outcome.DEGRADED, seconds=self.degraded_grace)
            rules[Symptom.HEALTH_UNREADABLE] = rules[Symptom.DEGRADED]
        return rules
