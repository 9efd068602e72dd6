"""The outcome of each symptom, and its grace period."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from argocd_release.model.outcome import Outcome
from argocd_release.model.problem import CauseCode
from argocd_release.verdict.symptoms import Symptom

EMPTY_SECONDS: Final = 10.0
# The grace period for a refused token that worked a moment ago: a proxy or a restarting Argo CD can refuse it briefly.
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
    """The outcome of a symptom, and how long it must last: in seconds since the first sight, and in looks.

    ``fresh``: the last of these looks must be one for which Argo CD has compared: it notices nothing by itself.
    """

    outcome: Outcome
    seconds: float = 0
    looks: int = 1
    fresh: bool = False


@dataclass(frozen=True, kw_only=True)
class GracePeriods:
    """The grace periods in seconds, with the defaults of the settings. 0 turns an early end off, except for ``appear``.

    ``failed_attempts``: after which a sync that Argo CD keeps retrying counts as failed; all that time it is Running.
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
        """Return the rules that hold with and without ``RELEASE_FAIL_FAST``: nothing more can become known."""
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
            # Argo CD tries again after 2 minutes (argo-cd v3.6.1 controller/hydrator/hydrator.go appNeedsHydration).
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
