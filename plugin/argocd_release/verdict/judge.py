"""Judge an application: turn its observations and their times into a verdict. All functions are pure.

An observation shows symptoms, each with a problem. A symptom that lasts for its grace period becomes the verdict. Its
grace period starts again if an observation does not show it, or shows it for another revision.
"""

from dataclasses import replace
from typing import Final

from argocd_release.messages import causes
from argocd_release.messages import verdict as texts
from argocd_release.model.application import Application
from argocd_release.model.errors import FailureKind
from argocd_release.model.observation import ANSWERS, Failure
from argocd_release.model.outcome import Outcome, Verdict
from argocd_release.model.problem import CauseCode
from argocd_release.verdict.blockers import (
    blocker,
    caveat,
)
from argocd_release.verdict.expectation import Expectation
from argocd_release.verdict.symptom_history import LEFT, SymptomHistory, SymptomRecord
from argocd_release.verdict.symptoms import (
    ABOUT_REVISION,
    HINTS,
    Symptom,
    ended_early,
    timeout_hint,
)

# Symptoms whose verdict only quotes an object's message. A root cause about that object repeats the message.
_QUOTED: Final = frozenset({Symptom.PODS, Symptom.CONDITION})
#: The reason for a pending verdict on a delivered release that a second look must still confirm.
CONFIRMING: Final = texts.CONFIRMING
_UNSEEN: Final = dict.fromkeys(ANSWERS, texts.REFUSES) | {FailureKind.MALFORMED: texts.OUTPUT_UNREADABLE}


def judge(observation: Application | Failure, history: SymptomHistory) -> Verdict:
    """Return the verdict on the observation that ``history`` contains as its last look."""
    for symptom, record in history.records.items():
        if not history.has_elapsed(symptom):
            continue
        if record.problem is None:
            return _delivered(observation, history)
        rule = history.graces.rules[symptom]
        verdict = Verdict.on(record.problem, rule.outcome, hint=HINTS.get(symptom, ""))
        verdict = replace(verdict, quotes=symptom in _QUOTED, ended_early=ended_early(symptom, rule))
        if symptom in LEFT:
            # The cause code differs from that of the root cause, so the log shows this reason below the root cause.
            reason, hint = _left_at(history, record), texts.NOT_STABLE.hint
            verdict = replace(verdict, reason=reason, code=CauseCode.UNSTABLE, hint=hint)
        if isinstance(observation, Application) and symptom in ABOUT_REVISION:
            return _of_later_revision(verdict, observation, history.expectation)
        return verdict
    if isinstance(observation, Failure):
        what = _UNSEEN.get(observation.kind, texts.NO_RESPONSE)
        unseen = texts.LOOK_FAILED.fill(what=what, message=observation.message)
        codes = [record.problem.code for record in history.records.values() if record.problem]
        return Verdict(outcome=None, reason=unseen, code=codes[0] if codes else CauseCode.UNREACHABLE)
    left = next((history.records[symptom] for symptom in LEFT if symptom in history.records), None)
    if left is not None:
        return Verdict(outcome=None, reason=_left_at(history, left), code=CauseCode.UNSTABLE)
    if history.is_staying and (stability := history.stability):
        ready = stability.since - history.started
        until = ready + stability.paused + history.graces.stable_for
        reason = texts.MUST_STAY.fill(ready=f"{ready:.0f}", until=f"{until:.0f}")
        return Verdict(outcome=None, reason=reason, hint=texts.MUST_STAY.hint)
    missing = blocker(observation, history.expectation, compared=history.compared)
    return Verdict.on(missing, None) if missing else Verdict(outcome=None, reason=CONFIRMING)


def _left_at(history: SymptomHistory, record: SymptomRecord) -> str:
    """Describe when the release was ready, when it was not ready any more, and why."""
    ready = history.stability.since if history.stability else record.first_seen
    return texts.NOT_STABLE.fill(
        ready=f"{ready - history.started:.0f}",
        left=f"{record.first_seen - history.started:.0f}",
        message=record.problem.message if record.problem else "",
    )


def _delivered(observation: Application | Failure, history: SymptomHistory) -> Verdict:
    if not isinstance(observation, Application):
        raise TypeError("a failed look shows no delivered release")
    expectation, stability = history.expectation, history.stability
    unseen = texts.RESTARTS_UNSEEN if stability and not stability.has_seen_pods else ""
    return Verdict(
        outcome=Outcome.DELIVERED,
        reason=texts.DELIVERED.fill(sync=observation.sync, health=observation.health),
        delivered_by=expectation.delivered_by(observation),
        caveat="; ".join(filter(None, (caveat(observation, expectation), unseen))),
    )


def timed_out(
    observation: Application | Failure, pending: Verdict, history: SymptomHistory, *, seconds: float
) -> Verdict:
    """Return the verdict at the deadline.

    ``pending`` is the verdict on the last look. ``seconds`` is the time from the start of the job to the deadline.
    """
    limit = f"{seconds:.0f}"
    if isinstance(observation, Failure) and observation.kind is not FailureKind.MISSING:
        outcome = Outcome.DENIED if observation.refused else Outcome.UNREACHABLE
        hint = next((HINTS[symptom] for symptom in history.records if symptom in HINTS), "")
        reason = texts.FAILED_WITHIN.fill(reason=pending.reason, seconds=limit)
        return replace(pending, outcome=outcome, reason=reason, hint=hint)
    cannot_compare = history.records.get(Symptom.CANNOT_COMPARE)
    if cannot_compare and cannot_compare.problem:
        unreached = Verdict.on(cannot_compare.problem, Outcome.UNREACHABLE, hint=HINTS[Symptom.CANNOT_COMPARE])
        return replace(unreached, reason=texts.FAILED_WITHIN.fill(reason=unreached.reason, seconds=limit))
    reason = texts.TIMED_OUT.fill(seconds=limit, reason=pending.reason)
    return replace(pending, outcome=Outcome.TIMED_OUT, reason=reason, hint=pending.hint or timeout_hint(pending.code))


def _of_later_revision(verdict: Verdict, application: Application, expectation: Expectation) -> Verdict:
    """Return the verdict on a failure. If the failed revision is later than the expected one, say so."""
    later = expectation.later(application)
    if not later:
        return verdict
    if expectation.was_deployed(application) and application.health in expectation.healths:
        return replace(
            verdict, outcome=Outcome.NOT_DELIVERED, hint=causes.SUPERSEDED, code=CauseCode.SUPERSEDED, quotes=False,
            reason=texts.SUPERSEDED.fill(expected=expectation.revision[:7], later=later, reason=verdict.reason),
        )  # fmt: skip
    reason = texts.OF_LATER_REVISION.fill(reason=verdict.reason, later=later, expected=expectation.revision[:7])
    return replace(verdict, reason=reason)
