"""The verdict: a pure function of what was seen of an application, and since when.

What is seen becomes findings. A finding that lasts through its grace becomes the verdict. A finding that is no
longer seen, or that is seen of another revision, starts anew.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from argocd_release.core.outage import is_outage
from argocd_release.core.text import one_line
from argocd_release.model.application import Application, HealthStatus, SyncStatus
from argocd_release.model.errors import FailureKind
from argocd_release.model.observation import ANSWERS, Failure
from argocd_release.model.outcome import Outcome
from argocd_release.model.verdict import Verdict
from argocd_release.verdict.blockers import (
    DELETING,
    EMPTY,
    blocker,
    cannot_start,
    failure,
    first,
    operation_cause,
    stuck,
    unhealthy,
    unsynced,
)
from argocd_release.verdict.expectation import Condition, Expectation
from argocd_release.verdict.graces import GracePeriods
from argocd_release.verdict.symptoms import ABOUT_REVISION, HINTS, SUPERSEDED, Symptom

_UNSEEN: Final = dict.fromkeys(ANSWERS, "Argo CD refuses") | {FailureKind.GARBAGE: "argocd's output can't be read"}


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """When a symptom was seen first (seconds on the injected clock), by how many looks, of which revision, and why.

    ``each``: when it was seen first of each thing that still shows it, by uid; of the application itself by ``""``.
    """

    looks: int
    subject: str
    reason: str
    each: Mapping[str, float]

    @property
    def since(self) -> float:
        return min(self.each.values())


@dataclass(frozen=True, kw_only=True)
class History:
    """What the looks so far have shown. ``compared``: Argo CD has compared with git since this job began."""

    patience: GracePeriods = field(default_factory=GracePeriods)
    expectation: Expectation = field(default_factory=Expectation)
    now: float = 0
    compared: bool = False
    # Whether it has for the last look.
    fresh: bool = False
    reached: bool = False
    # The application that was found; one of the same name that was created since is another.
    uid: str | None = None
    sightings: Mapping[Symptom, Sighting] = field(default_factory=dict)

    def observe(self, seen: Application | Failure, *, now: float, compared: bool = False) -> "History":
        """The history with one more look in it, made at ``now``."""
        application = seen if isinstance(seen, Application) else None
        recreated = application is not None and self.uid not in {None, application.uid}
        looked = replace(
            self,
            now=now,
            compared=compared or (self.compared and not recreated),
            fresh=compared,
            reached=self.reached or not isinstance(seen, Failure) or seen.trouble in ANSWERS,
            uid=application.uid if application else self.uid,
        )
        subject = f"{application.uid} {application.revision}" if application else ""
        sightings: dict[Symptom, Sighting] = {}
        for symptom, reason in findings(seen, looked).items():
            before = self.sightings.get(symptom)
            lasts = before is not None and before.subject == subject
            known, looks = (before.each, before.looks) if before is not None and lasts else ({}, 0)
            texts = _texts(symptom, application, reason)
            each = {uid: known.get(uid, now) for uid in texts}
            # What shows it longest is named first: it is what ripens.
            told = first(tuple(texts[uid] for uid in sorted(texts, key=lambda uid: each[uid])))
            sightings[symptom] = Sighting(looks=looks + 1, subject=subject, reason=told, each=each)
        return replace(looked, sightings=sightings)

    @property
    def ripens_in(self) -> float | None:
        """Seconds until something seen may become the verdict, should it last; 0: it only needs another look."""
        rules = self.patience.rules
        lasting = [
            (rules[symptom], rules[symptom].seconds - (self.now - sighting.since))
            for symptom, sighting in self.sightings.items()
            if symptom in rules
        ]
        # Another look alone decides nothing of what needs a comparison.
        return min((max(left, 0) for rule, left in lasting if left > 0 or not rule.fresh), default=None)

    @property
    def in_doubt(self) -> bool:
        """Whether something was seen that only another comparison can confirm or clear."""
        return any(symptom in self.sightings for symptom in (Symptom.CONDITION, Symptom.CANNOT_COMPARE))

    def ripe(self, symptom: Symptom) -> bool:
        """Whether the symptom has lasted through its grace."""
        sighting, rule = self.sightings[symptom], self.patience.rules.get(symptom)
        if rule is None or (rule.fresh and not self.fresh):
            return False
        return self.now - sighting.since >= rule.seconds and sighting.looks >= rule.looks


def judge(seen: Application | Failure, history: History) -> Verdict:
    """The verdict on the last look, which ``history`` already holds."""
    for symptom, sighting in history.sightings.items():
        if history.ripe(symptom):
            outcome = history.patience.rules[symptom].outcome
            via = (
                history.expectation.via(seen) if isinstance(seen, Application) and outcome is Outcome.DELIVERED else ""
            )
            verdict = Verdict(outcome=outcome, reason=sighting.reason, hint=HINTS.get(symptom, ""), via=via)
            if isinstance(seen, Application) and symptom in ABOUT_REVISION:
                return _of_whom(verdict, seen, history.expectation)
            return verdict
    if isinstance(seen, Failure):
        return Verdict(outcome=None, reason=f"{_UNSEEN.get(seen.trouble, 'Argo CD gives no answer')}: {seen.message}")
    missing = blocker(seen, history.expectation, compared=history.compared)
    return Verdict(outcome=None, reason=missing or "looking once more")


def _of_whom(verdict: Verdict, application: Application, expectation: Expectation) -> Verdict:
    """The failure, where it is that of a later revision than the expected one: it is said of that one, by name."""
    later = expectation.later(application)
    if not later:
        return verdict
    if expectation.was_deployed(application) and application.health in expectation.healths:
        reason = (
            f"{expectation.revision[:7]} was synced, but its place was taken by {later}, which fails: {verdict.reason}"
        )
        return replace(verdict, outcome=Outcome.NOT_DELIVERED, reason=reason, hint=SUPERSEDED)
    return replace(verdict, reason=f"{verdict.reason} (of {later} than {expectation.revision[:7]}, which it contains)")


def findings(seen: Application | Failure, history: History) -> dict[Symptom, str]:
    """Symptoms of one look with their reasons, in the order in which they decide."""
    pairs = _troubles(seen, history) if isinstance(seen, Failure) else _states(seen, history)
    return dict(sorted(pairs, key=lambda pair: pair[0].value))


def _texts(symptom: Symptom, application: Application | None, reason: str) -> dict[str, str]:
    """The reason, by what shows the symptom: of pods each has a grace of its own."""
    if application is None or symptom is not Symptom.PODS:
        return {"": reason}
    return {each.uid: each.text for each in cannot_start(application)}


def _troubles(failure: Failure, history: History) -> Iterator[tuple[Symptom, str]]:
    match failure.trouble:
        case FailureKind.DENIED | FailureKind.UNAUTHENTICATED:
            yield Symptom.DENIED if history.uid is None else Symptom.DENIED_MIDWAY, failure.message
        case FailureKind.REFUSED:
            yield Symptom.REFUSED, failure.message
        case FailureKind.GARBAGE:
            yield Symptom.UNREADABLE, failure.message
        case FailureKind.MISSING if history.uid is not None:
            yield Symptom.DELETED, "the application was deleted while it was tracked"
        case FailureKind.MISSING:
            yield Symptom.MISSING_AT_START, failure.message
        case _:
            symptom = Symptom.UNREACHABLE if history.reached else Symptom.UNREACHABLE_AT_START
            yield symptom, failure.message


def _states(application: Application, history: History) -> Iterator[tuple[Symptom, str]]:
    if application.deleting:
        yield Symptom.DELETED, DELETING
    if not history.compared:
        return
    if application.refusal:
        yield Symptom.SYNC_REFUSED, f"Argo CD refuses to sync: {application.refusal}"
    expectation = history.expectation
    elsewhere = expectation.is_elsewhere(application)
    # Of whom a failure is, git's history must say; it answers within seconds, or says that it can't.
    foreign = elsewhere or expectation.is_undecided(application)
    yield from _conditions(application, foreign=foreign)
    gap = expectation.gap(application)
    reached = elsewhere or _is_synced(application, expectation)
    if gap is not None and gap.final and reached and not application.operating:
        yield Symptom.OUT_OF_REACH, gap.reason
    # What a revision does that is not the expected one is no news of that one.
    if not foreign:
        if Condition.OPERATION in expectation.wait_for:
            yield from _failed_operation(application, history)
        yield from _ailments(application, expectation)
    if not blocker(application, expectation, compared=history.compared):
        yield Symptom.DELIVERED, f"{application.sync} and {application.health}"


def _conditions(application: Application, *, foreign: bool) -> Iterator[tuple[Symptom, str]]:
    for condition in application.errors:
        said = f"{condition.type}: {one_line(condition.message, limit=1000)}"
        if condition.type != "SyncError":
            # What Argo CD cannot reach says nothing of the revision.
            outage = is_outage(condition.message)
            yield (Symptom.CANNOT_COMPARE, f"Argo CD cannot compare: {said}") if outage else (Symptom.CONDITION, said)
        elif not foreign:
            yield Symptom.CONDITION, said


def _ailments(application: Application, expectation: Expectation) -> Iterator[tuple[Symptom, str]]:
    synced = _is_synced(application, expectation)
    settled = synced and not application.operating
    missing = unsynced(application, expectation)
    # Without an expected revision, what is expected may come with a later one, and end this state.
    if missing and stuck(application) and (expectation.revision or expectation.gap(application) is None):
        yield Symptom.STUCK, missing
    failing = cannot_start(application)
    rolls_out = application.operating and application.operation_counts
    if (synced or rolls_out) and expectation.healths and failing:
        yield Symptom.PODS, first(tuple(each.text for each in failing))
    if settled and expectation.healths and application.health is HealthStatus.DEGRADED:
        yield Symptom.DEGRADED, f"Degraded: {unhealthy(application)}"
    if settled and not application.resources and not expectation.allow_empty:
        yield Symptom.EMPTY, EMPTY


def _is_synced(application: Application, expectation: Expectation) -> bool:
    return application.sync is SyncStatus.SYNCED or Condition.SYNC not in expectation.wait_for


def _failed_operation(application: Application, history: History) -> Iterator[tuple[Symptom, str]]:
    operation = application.operation
    if operation is None:
        return
    # That of another revision is history only while a newer operation is to come: a Synced application gets none.
    counts = application.operation_counts or application.sync is SyncStatus.SYNCED
    if counts and operation.unsuccessful and not application.operating:
        yield Symptom.OPERATION_FAILED, f"sync {operation.phase.lower()}: {failure(application)}"
    elif application.operation_counts and operation.running and operation.retries >= history.patience.failed_attempts:
        attempts = f"{operation.retries} attempts, Argo CD still retries"
        yield Symptom.ATTEMPTS_FAILED, f"sync failed: {operation_cause(application)} ({attempts})"
