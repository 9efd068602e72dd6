"""Find the symptoms that each look shows, and record how long they have lasted. All functions are pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from argocd_release.messages import verdict as texts
from argocd_release.model.application import Application, HealthStatus
from argocd_release.model.errors import FailureKind
from argocd_release.model.observation import ANSWERS, Failure
from argocd_release.model.problem import CauseCode, Problem
from argocd_release.verdict.attempts import Attempts, hangs, is_slow, operation_symptoms
from argocd_release.verdict.blockers import (
    DELETING,
    EMPTY,
    SKIPPED,
    blocker,
    cannot_start,
    first,
    has_old_spec,
    is_empty,
    stuck,
    unreadable_health,
    unsynced,
    unwell,
)
from argocd_release.verdict.expectation import Expectation, WaitCondition
from argocd_release.verdict.last_operation import old_sync
from argocd_release.verdict.symptoms import (
    CODES,
    GracePeriods,
    Symptom,
    condition_symptoms,
    hydration_symptom,
)

if TYPE_CHECKING:
    from argocd_release.verdict.stability import Stability

#: The symptoms of a release that was proven, and has not stayed ready.
LEFT: Final = (Symptom.UNSTABLE, Symptom.UNSTABLE_SYNC)
_OLD_SYNCS: Final = frozenset({Symptom.OLD_SYNC, Symptom.SLOW_OLD_SYNC})


@dataclass(frozen=True, kw_only=True)
class SymptomRecord:
    """A symptom that the last looks have shown without interruption.

    The grace period counts from ``first_seen``. The record ends as soon as a look no longer shows the symptom, or the
    application's revision has changed.
    """

    look_count: int
    #: The uid of the application and its revision. A change starts a new record. With RELEASE_STABLE_FOR, the record of
    #: a delivered release also depends on the source parameters.
    subject: str
    #: The problem that belongs to the symptom; None for a delivered release.
    problem: Problem | None
    #: The clock time in seconds at which each object first showed the symptom, by the keys of ``_by_uid``.
    first_seen_by_uid: Mapping[str, float]

    @property
    def first_seen(self) -> float:
        """Return the clock time in seconds at which a look first showed the symptom."""
        return min(self.first_seen_by_uid.values())


@dataclass(frozen=True, kw_only=True)
class SymptomHistory:
    """The symptoms of the last look with their start times, and the facts that all looks so far have shown."""

    graces: GracePeriods = field(default_factory=GracePeriods)
    expectation: Expectation = field(default_factory=Expectation)
    now: float = 0
    #: True if Argo CD has compared with git since this job began.
    compared: bool = False
    #: True if the last look included a comparison with git.
    fresh: bool = False
    #: True if the job requests no more comparisons, because Argo CD would again fail to render.
    no_more_comparisons: bool = False
    #: True if Argo CD has responded to at least one look.
    reached: bool = False
    #: The uid of the application. A new application of the same name has another uid.
    uid: str | None = None
    records: Mapping[Symptom, SymptomRecord] = field(default_factory=dict)
    attempts: Attempts = field(default_factory=Attempts)
    #: The clock time at which the job began.
    started: float = 0
    #: The state of the proven release, if it must stay ready for some time; None before the proof.
    stability: "Stability | None" = None

    def observe(
        self,
        observation: Application | Failure,
        *,
        now: float,
        compared: bool = False,
        begun: float | None = None,
        no_more_comparisons: bool = False,
    ) -> "SymptomHistory":
        """Return a copy that includes one more look.

        Args:
            observation: The application that the look showed, or the failure of the look.
            now: The clock time at which the look ended, in seconds.
            compared: True if this look included a comparison with git.
            begun: The clock time at which the look began, or None to use ``now``. If the look failed, its symptoms
                count from this time, because a failed look can take a long time.
            no_more_comparisons: True if the job requests no more comparisons.
        """
        since = now if begun is None or isinstance(observation, Application) else begun
        application = observation if isinstance(observation, Application) else None
        recreated = application is not None and self.uid not in {None, application.uid}
        looked = replace(
            self,
            now=now,
            compared=compared or (self.compared and not recreated),
            fresh=compared,
            no_more_comparisons=no_more_comparisons,
            reached=self.reached or not isinstance(observation, Failure) or observation.kind in ANSWERS,
            uid=application.uid if application else self.uid,
            attempts=self.attempts.observe(application) if application else self.attempts,
        )
        records: dict[Symptom, SymptomRecord] = {}
        for symptom, problem in symptoms(observation, looked).items():
            before, subject = self.records.get(symptom), self._record_subject(symptom, application)
            if before is not None and before.subject != subject:
                before = None
            by_uid = _by_uid(symptom, application, problem)
            first_seen = before.first_seen_by_uid if before else {}
            times = {uid: first_seen.get(uid, since) for uid in by_uid}
            records[symptom] = SymptomRecord(
                look_count=before.look_count + 1 if before else 1,
                subject=subject,
                problem=_longest_first(by_uid, times),
                first_seen_by_uid=times,
            )
        looked = replace(looked, records=records)
        if application is None or not self.graces.stable_for:
            return looked
        return replace(looked, stability=_next_stability(looked, application, seconds=now - self.now))

    @property
    def is_staying(self) -> bool:
        """Return True if the release is proven and still ready, and only the time of RELEASE_STABLE_FOR is left."""
        return self.stability is not None and self.shows_delivery and not any(item in self.records for item in LEFT)

    def _record_subject(self, symptom: Symptom, application: Application | None) -> str:
        """Return the subject of the symptom's record, or "" if the look has failed."""
        if application is None:
            return ""
        # With new source parameters, the time to stay ready starts again even if no look has shown their sync.
        must_stay = symptom is Symptom.DELIVERED and self.graces.stable_for
        return _stable_subject(application) if must_stay else _subject(application)

    def _left(self, symptom: Symptom, record: SymptomRecord) -> float:
        """Return the seconds until the symptom has lasted long enough. The result can be negative."""
        since = record.first_seen
        if symptom is Symptom.DELIVERED and self.graces.stable_for:
            if self.stability is None:
                return 0
            since = self.stability.since + self.stability.paused
        return self.graces.rules[symptom].seconds - (self.now - since)

    @property
    def old_sync_hangs(self) -> bool:
        """Return True if the sync of an earlier revision has made no progress for its grace period.

        This does not depend on ``RELEASE_FAIL_FAST``, because the job ends only that sync, and continues to wait.
        """
        grace = self.graces.stuck_grace
        record = self.records.get(Symptom.OLD_SYNC) or self.records.get(Symptom.SLOW_OLD_SYNC)
        return bool(grace) and record is not None and record.look_count > 1 and self.now - record.first_seen >= grace

    def without_old_sync(self) -> "SymptomHistory":
        """Return a copy in which the grace period for the sync of an earlier revision starts again."""
        return replace(self, records={key: record for key, record in self.records.items() if key not in _OLD_SYNCS})

    @property
    def due_in(self) -> float | None:
        """Return the seconds until a symptom can decide; 0 if it only needs another look, None if none can decide."""
        rules = self.graces.rules
        lasting = [
            (rules[symptom], self._left(symptom, record))
            for symptom, record in self.records.items()
            if symptom in rules
        ]
        # If a rule requires another comparison, a look without one cannot decide.
        waits = not self.no_more_comparisons
        return min((max(left, 0) for rule, left in lasting if left > 0 or not (rule.fresh and waits)), default=None)

    @property
    def pending_problems(self) -> dict[str, str]:
        """Return the messages of the problems that the last look showed, by the names of the symptoms."""
        return {
            symptom.name.lower().replace("_", " "): record.problem.message
            for symptom, record in self.records.items()
            if record.problem is not None
        }

    @property
    def shows_delivery(self) -> bool:
        """Return True if the last look shows that the release is delivered, so that one more look can confirm it."""
        return Symptom.DELIVERED in self.records

    @property
    def in_doubt(self) -> bool:
        """Return True if the last look shows a symptom that only another comparison can confirm or clear."""
        return any(symptom in self.records for symptom in (Symptom.CONDITION, Symptom.CANNOT_COMPARE))

    def has_elapsed(self, symptom: Symptom) -> bool:
        """Return True if the symptom meets its rule for the grace period, the looks, and a new comparison."""
        record, rule = self.records[symptom], self.graces.rules.get(symptom)
        if rule is None or (rule.fresh and not (self.fresh or self.no_more_comparisons)):
            return False
        if symptom is Symptom.DELIVERED and self.graces.stable_for and not self.is_staying:
            return False
        return self._left(symptom, record) <= 0 and record.look_count >= rule.looks


def _next_stability(history: SymptomHistory, application: Application, *, seconds: float) -> "Stability | None":
    """Return the state of the proven release after the last look, which was ``seconds`` after the previous look.

    If the revision or the source parameters have changed, the release must be proven again.
    """
    subject = _stable_subject(application)
    stability = history.stability if history.stability and history.stability.subject == subject else None
    record = history.records.get(Symptom.DELIVERED)
    if record is None:
        return stability.pause(application, history.expectation, seconds) if stability else None
    # Most jobs do not use this feature, and do not need its module.
    from argocd_release.verdict.stability import Stability  # noqa: PLC0415

    if stability is None and record.look_count >= history.graces.rules[Symptom.DELIVERED].looks:
        stability = Stability(since=record.first_seen, subject=subject)
    if stability is None or any(symptom in history.records for symptom in LEFT):
        return stability
    return stability.observe(application)


def symptoms(observation: Application | Failure, history: SymptomHistory) -> dict[Symptom, Problem | None]:
    """Return the symptoms that one look shows, in the order in which they decide. DELIVERED has no problem."""
    pairs = _of_failure(observation, history) if isinstance(observation, Failure) else _states(observation, history)
    return dict(sorted(pairs, key=lambda pair: pair[0].value))


def _subject(application: Application) -> str:
    return f"{application.uid} {application.revision}"


def _stable_subject(application: Application) -> str:
    return f"{_subject(application)} {application.parameters}"


def _by_uid(symptom: Symptom, application: Application | None, problem: Problem | None) -> dict[str, Problem | None]:
    """Return the problem of each object that shows the symptom. Each key has its own grace period."""
    if application is not None and symptom in _OLD_SYNCS and (operation := hangs(application)):
        # The key contains the progress of the sync, so that each further step starts a new grace period.
        steps = "; ".join(f"{item} {item.status} {item.hook_phase}" for item in operation.results)
        return {f"{operation.started_at} {operation.retries} {operation.message} {steps}": problem}
    if application is None or symptom is not Symptom.PODS:
        return {"": problem}
    return {failing.uid: failing.problem for failing in cannot_start(application)}


def _longest_first(problems: Mapping[str, Problem | None], times: Mapping[str, float]) -> Problem | None:
    """Return the problem that has lasted longest, and add the number of other problems to its message."""
    by_time = (problems[uid] for uid in sorted(problems, key=lambda uid: times[uid]))
    shown_problems = tuple(problem for problem in by_time if problem is not None)
    return first(shown_problems) if shown_problems else None


def _of_failure(failure: Failure, history: SymptomHistory) -> Iterator[tuple[Symptom, Problem]]:
    symptom, text = _symptom_of(failure, history), failure.message
    if symptom is Symptom.DELETED:
        text = texts.DELETED_WHILE_TRACKED
    yield symptom, Problem(message=text, code=failure.code or CODES[symptom])


def _symptom_of(failure: Failure, history: SymptomHistory) -> Symptom:
    match failure.kind:
        case FailureKind.DENIED | FailureKind.UNAUTHENTICATED:
            return Symptom.DENIED if history.uid is None else Symptom.DENIED_MIDWAY
        case FailureKind.REFUSED:
            return Symptom.REFUSED
        case FailureKind.MALFORMED:
            return Symptom.UNREADABLE
        case FailureKind.MISSING:
            return Symptom.DELETED if history.uid is not None else Symptom.MISSING_AT_START
        case _:
            return Symptom.UNREACHABLE if history.reached else Symptom.UNREACHABLE_AT_START


def _states(application: Application, history: SymptomHistory) -> Iterator[tuple[Symptom, Problem | None]]:
    if application.deleting:
        yield Symptom.DELETED, DELETING
    if not history.compared:
        if application.skips_reconcile:
            yield Symptom.STUCK, SKIPPED
        return
    missing = blocker(application, history.expectation, compared=history.compared)
    if missing is not None and missing.code in {CauseCode.NOT_HYDRATED, CauseCode.HYDRATION_FAILED}:
        # Until the hydration ends, any other symptom belongs to the previous commit.
        yield from hydration_symptom(missing, application.hydration.message if application.hydration else "")
        return
    if application.refusal:
        refused = texts.REFUSED.fill(reason=application.refusal)
        yield Symptom.SYNC_REFUSED, Problem(message=refused, code=CauseCode.SYNC_REFUSED)
    expectation = history.expectation
    elsewhere = expectation.is_elsewhere(application)
    # The git history decides which commit a failure belongs to. Until it has answered, no failure counts.
    # A failure of a spec that the owner is about to replace does not count either.
    old_spec = has_old_spec(application, expectation)
    foreign = elsewhere or expectation.is_undecided(application) or old_spec
    yield from condition_symptoms(application, foreign=foreign)
    gap = expectation.gap(application)
    reached = elsewhere or expectation.is_synced(application)
    if gap is not None and gap.final and reached and not (application.operating or old_spec):
        yield Symptom.OUT_OF_REACH, gap
    # Ignore failures of any revision other than the expected one.
    if not foreign:
        yield from _of_revision(application, history)
    if missing is None:
        yield Symptom.DELIVERED, None


def _of_revision(application: Application, history: SymptomHistory) -> Iterator[tuple[Symptom, Problem]]:
    """Yield the symptoms of the compared revision, with their problems."""
    expectation, stability = history.expectation, history.stability
    if WaitCondition.OPERATION in expectation.wait_for:
        limit = history.graces.failed_attempts
        yield from operation_symptoms(application, history.attempts, failed_attempts=limit)
    yield from _failures(application, expectation)
    if stability is None or stability.subject != _stable_subject(application):
        return
    if failed := stability.failure(application, expectation):
        yield Symptom.UNSTABLE, failed
    if drifted := stability.drift(application, expectation):
        yield Symptom.UNSTABLE_SYNC, drifted


def _failures(application: Application, expectation: Expectation) -> Iterator[tuple[Symptom, Problem]]:
    synced = expectation.is_synced(application)
    settled = synced and not application.operating
    missing = unsynced(application, expectation)
    # If the job expects no revision, a later commit can still meet the rest of the expectation, such as the image. So
    # the application is not stuck.
    if missing and stuck(application) and (expectation.revision or expectation.gap(application) is None):
        yield Symptom.STUCK, missing
    if WaitCondition.OPERATION in expectation.wait_for and (operation := hangs(application)):
        symptom = Symptom.SLOW_OLD_SYNC if is_slow(application) else Symptom.OLD_SYNC
        yield symptom, old_sync(application, operation)
    failing = cannot_start(application)
    rolls_out = application.operating and application.operation_counts
    if (synced or rolls_out) and expectation.healths and failing:
        yield Symptom.PODS, first(tuple(problem.problem for problem in failing))
    if settled and expectation.healths and application.unreadable_health:
        yield Symptom.HEALTH_UNREADABLE, unreadable_health(application)
    if settled and expectation.healths and application.health is HealthStatus.DEGRADED:
        yield Symptom.DEGRADED, unwell(application)
    if settled and is_empty(application) and not expectation.allow_empty:
        yield Symptom.EMPTY, EMPTY
