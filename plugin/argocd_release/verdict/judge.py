"""The verdict: a pure function of what was seen of an application, and since when.

What is seen becomes findings. A finding that lasts through its grace becomes the verdict. A finding that is no
longer seen, or that is seen of another revision, starts anew.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from argocd_release.model.application import Application, HealthStatus, Operation, SyncStatus
from argocd_release.model.cause import CauseCode, Finding
from argocd_release.model.errors import FailureKind
from argocd_release.model.observation import ANSWERS, Failure
from argocd_release.model.outcome import Outcome
from argocd_release.model.verdict import Verdict
from argocd_release.verdict.attempts import Attempts, awaited, cause_code, healings, hook_failed, remedy
from argocd_release.verdict.blockers import (
    DELETING,
    EMPTY,
    SKIPPED,
    blocker,
    cannot_start,
    caveat,
    failed_attempts,
    failure,
    first,
    hangs,
    has_old_spec,
    is_reverted,
    old_sync,
    stuck,
    unreadable_health,
    unsynced,
    unwell,
)
from argocd_release.verdict.conditions import condition_symptoms, hydration_symptoms
from argocd_release.verdict.expectation import Condition, Expectation
from argocd_release.verdict.rules import GracePeriods
from argocd_release.verdict.symptoms import ABOUT_REVISION, CODES, HINTS, SUPERSEDED, Symptom

# What these name is what the object itself says, and nothing more.
_QUOTED: Final = frozenset({Symptom.PODS, Symptom.CONDITION})
#: What may pass if the job waits longer. Nothing else does without a change.
_PASSES: Final = frozenset({
    None, CauseCode.UNHEALTHY, CauseCode.NOT_COMPARED, CauseCode.NOT_HYDRATED, CauseCode.OTHER_IMAGE,
    CauseCode.OTHER_REVISION, CauseCode.OTHER_CHART_VERSION, CauseCode.SYNC_RUNNING, CauseCode.SYNC_BUSY,
    CauseCode.SYNC_WINDOW, CauseCode.NO_SYNC_POLICY, CauseCode.NO_ADDRESS, CauseCode.NO_VOLUME, CauseCode.OUT_OF_SYNC,
    CauseCode.ROLLOUT_PAUSED,
})  # fmt: skip
# Of what is delivered by one look.
CONFIRMING: Final = "looking once more"
_UNSEEN: Final = dict.fromkeys(ANSWERS, "Argo CD refuses") | {FailureKind.MALFORMED: "argocd's output can't be read"}


@dataclass(frozen=True, kw_only=True)
class SymptomRecord:
    """When a symptom was seen first (seconds on the injected clock), by how many looks, of which revision, and how.

    ``each``: when it was seen first of each thing that still shows it, by uid; of the application itself by ``""``.
    """

    looks: int
    subject: str
    finding: Finding
    each: Mapping[str, float]

    @property
    def since(self) -> float:
        return min(self.each.values())


@dataclass(frozen=True, kw_only=True)
class SymptomHistory:
    """What the looks so far have shown. ``compared``: Argo CD has compared with git since this job began."""

    patience: GracePeriods = field(default_factory=GracePeriods)
    expectation: Expectation = field(default_factory=Expectation)
    now: float = 0
    compared: bool = False
    # Whether it has for the last look.
    fresh: bool = False
    # True if the job asks for no further comparison, because each would be another failed render.
    no_more_comparisons: bool = False
    reached: bool = False
    # The application that was found; one of the same name that was created since is another.
    uid: str | None = None
    sightings: Mapping[Symptom, SymptomRecord] = field(default_factory=dict)
    attempts: Attempts = field(default_factory=Attempts)

    def observe(
        self,
        seen: Application | Failure,
        *,
        now: float,
        compared: bool = False,
        begun: float | None = None,
        no_more_comparisons: bool = False,
    ) -> "SymptomHistory":
        """Return the history with one more look.

        Args:
            seen: The result of the look.
            now: The clock when the look ended.
            compared: True if Argo CD has compared with git for this look.
            begun: The clock when the look began. A failure counts from there, because the look has perhaps waited.
            no_more_comparisons: True if the job asks for no further comparison.

        """
        since = now if begun is None or isinstance(seen, Application) else begun
        application = seen if isinstance(seen, Application) else None
        recreated = application is not None and self.uid not in {None, application.uid}
        looked = replace(
            self,
            now=now,
            compared=compared or (self.compared and not recreated),
            fresh=compared,
            no_more_comparisons=no_more_comparisons,
            reached=self.reached or not isinstance(seen, Failure) or seen.kind in ANSWERS,
            uid=application.uid if application else self.uid,
            attempts=self.attempts.observe(application) if application else self.attempts,
        )
        subject = f"{application.uid} {application.revision}" if application else ""
        sightings: dict[Symptom, SymptomRecord] = {}
        for symptom, finding in findings(seen, looked).items():
            before = self.sightings.get(symptom)
            lasts = before is not None and before.subject == subject
            known, looks = (before.each, before.looks) if before is not None and lasts else ({}, 0)
            found = _apart(symptom, application, finding)
            each = {uid: known.get(uid, since) for uid in found}
            # What shows it longest is named first: it is what ripens.
            told = first(tuple(found[uid] for uid in sorted(found, key=lambda uid: each[uid])))
            sightings[symptom] = SymptomRecord(looks=looks + 1, subject=subject, finding=told, each=each)
        return replace(looked, sightings=sightings)

    @property
    def old_sync_hangs(self) -> bool:
        """Return True if the sync of an earlier revision has made no progress for its grace period."""
        return Symptom.OLD_SYNC in self.sightings and self.ripe(Symptom.OLD_SYNC)

    def without_old_sync(self) -> "SymptomHistory":
        """Return the history with the grace period of an earlier revision's sync started again."""
        return replace(self, sightings={key: seen for key, seen in self.sightings.items() if key != Symptom.OLD_SYNC})

    @property
    def due_in(self) -> float | None:
        """Return the seconds until a symptom becomes the verdict if it lasts; 0 if it only needs another look."""
        rules = self.patience.rules
        lasting = [
            (rules[symptom], rules[symptom].seconds - (self.now - sighting.since))
            for symptom, sighting in self.sightings.items()
            if symptom in rules
        ]
        # Another look alone decides nothing of what needs a comparison.
        waits = not self.no_more_comparisons
        return min((max(left, 0) for rule, left in lasting if left > 0 or not (rule.fresh and waits)), default=None)

    @property
    def troubles(self) -> dict[str, str]:
        """What was seen that may yet become the verdict, or heal: by name, each with why."""
        return {
            symptom.name.lower().replace("_", " "): sighting.finding.text
            for symptom, sighting in self.sightings.items()
            if symptom is not Symptom.DELIVERED
        }

    @property
    def shows_delivery(self) -> bool:
        """Return True if the last look shows a release that is delivered and only needs to be confirmed."""
        return Symptom.DELIVERED in self.sightings

    @property
    def in_doubt(self) -> bool:
        """Return True if something was seen that only another comparison can confirm or clear."""
        return any(symptom in self.sightings for symptom in (Symptom.CONDITION, Symptom.CANNOT_COMPARE))

    def ripe(self, symptom: Symptom) -> bool:
        """Return True if the symptom has lasted for its grace period and enough looks."""
        sighting, rule = self.sightings[symptom], self.patience.rules.get(symptom)
        if rule is None or (rule.fresh and not (self.fresh or self.no_more_comparisons)):
            return False
        return self.now - sighting.since >= rule.seconds and sighting.looks >= rule.looks


def judge(seen: Application | Failure, history: SymptomHistory) -> Verdict:
    """The verdict on the last look, which ``history`` already holds."""
    for symptom, sighting in history.sightings.items():
        if history.ripe(symptom):
            outcome = history.patience.rules[symptom].outcome
            delivered_by = (
                history.expectation.delivered_by(seen)
                if isinstance(seen, Application) and outcome is Outcome.DELIVERED
                else ""
            )
            verdict = Verdict.on(sighting.finding, outcome, hint=HINTS.get(symptom, ""), delivered_by=delivered_by)
            verdict = replace(verdict, quotes=symptom in _QUOTED)
            if isinstance(seen, Application) and outcome is Outcome.DELIVERED:
                verdict = replace(verdict, caveat=caveat(seen, history.expectation))
            if isinstance(seen, Application) and symptom in ABOUT_REVISION:
                return _of_whom(verdict, seen, history.expectation)
            return verdict
    if isinstance(seen, Failure):
        unseen = f"{_UNSEEN.get(seen.kind, 'Argo CD gives no answer')}: {seen.message}"
        codes = [CODES[symptom] for symptom in history.sightings if symptom in CODES]
        return Verdict(outcome=None, reason=unseen, code=codes[0] if codes else CauseCode.UNREACHABLE)
    missing = blocker(seen, history.expectation, compared=history.compared)
    return Verdict.on(missing, None) if missing else Verdict(outcome=None, reason=CONFIRMING)


def timed_out(seen: Application | Failure, pending: Verdict, history: SymptomHistory, *, seconds: float) -> Verdict:
    """The verdict at the deadline, ``seconds`` after the beginning; ``pending``: that on the last look."""
    within = f"within {seconds:.0f} s"
    if isinstance(seen, Failure) and seen.kind is not FailureKind.MISSING:
        outcome = Outcome.DENIED if seen.refused else Outcome.UNREACHABLE
        hint = next((HINTS[symptom] for symptom in history.sightings if symptom in HINTS), "")
        return replace(pending, outcome=outcome, reason=f"{pending.reason} ({within})", hint=hint)
    if cannot := history.sightings.get(Symptom.CANNOT_COMPARE):
        unreached = Verdict.on(cannot.finding, Outcome.UNREACHABLE, hint=HINTS[Symptom.CANNOT_COMPARE])
        return replace(unreached, reason=f"{unreached.reason} ({within})")
    longer = ", or raise <RELEASE_TIMEOUT> if it only needs longer" if pending.code in _PASSES else ""
    hint = pending.hint or f"fix what it waits for{longer}"
    return replace(pending, outcome=Outcome.TIMED_OUT, reason=f"not delivered {within}: {pending.reason}", hint=hint)


def _of_whom(verdict: Verdict, application: Application, expectation: Expectation) -> Verdict:
    """The failure, where it is that of a later revision than the expected one: it is said of that one, by name."""
    later = expectation.later(application)
    if not later:
        return verdict
    if expectation.was_deployed(application) and application.health in expectation.healths:
        reason = (
            f"{expectation.revision[:7]} was synced, but its place was taken by {later}, which fails: {verdict.reason}"
        )
        code = CauseCode.SUPERSEDED
        return replace(verdict, outcome=Outcome.NOT_DELIVERED, reason=reason, hint=SUPERSEDED, code=code, quotes=False)
    return replace(verdict, reason=f"{verdict.reason} (of {later} than {expectation.revision[:7]}, which it contains)")


def findings(seen: Application | Failure, history: SymptomHistory) -> dict[Symptom, Finding]:
    """Symptoms of one look with what shows them, in the order in which they decide."""
    pairs = _troubles(seen, history) if isinstance(seen, Failure) else _states(seen, history)
    return dict(sorted(pairs, key=lambda pair: pair[0].value))


def _apart(symptom: Symptom, application: Application | None, finding: Finding) -> dict[str, Finding]:
    """The finding, by what shows the symptom: of pods each has a grace of its own."""
    if application is not None and symptom is Symptom.OLD_SYNC and (operation := hangs(application)):
        # What it has done so far: with each step its grace period starts again.
        steps = "; ".join(f"{item} {item.status} {item.hook_phase}" for item in operation.results)
        return {f"{operation.started_at} {operation.retries} {operation.message} {steps}": finding}
    if application is None or symptom is not Symptom.PODS:
        return {"": finding}
    return {each.uid: each.finding for each in cannot_start(application)}


def _troubles(failure: Failure, history: SymptomHistory) -> Iterator[tuple[Symptom, Finding]]:
    symptom, text = _trouble(failure, history), failure.message
    if symptom is Symptom.DELETED:
        text = "the application was deleted while it was tracked"
    yield symptom, Finding(text=text, code=CODES[symptom])


def _trouble(failure: Failure, history: SymptomHistory) -> Symptom:
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


def _states(application: Application, history: SymptomHistory) -> Iterator[tuple[Symptom, Finding]]:
    if application.deleting:
        yield Symptom.DELETED, DELETING
    if not history.compared:
        if application.skips_reconcile:
            yield Symptom.STUCK, SKIPPED
        return
    missing = blocker(application, history.expectation, compared=history.compared)
    if missing is not None and missing.code in {CauseCode.NOT_HYDRATED, CauseCode.HYDRATION_FAILED}:
        # Whatever else is seen is of the commit before.
        yield from hydration_symptoms(missing, application.hydration.message if application.hydration else "")
        return
    if application.refusal:
        refused = f"Argo CD refuses to sync: {application.refusal}"
        yield Symptom.SYNC_REFUSED, Finding(text=refused, code=CauseCode.SYNC_REFUSED)
    expectation = history.expectation
    elsewhere = expectation.is_elsewhere(application)
    # The git history decides which commit a failure belongs to. Until it has answered, no failure counts.
    # A failure of a spec that the owner is about to replace does not count either.
    old_spec = has_old_spec(application, expectation)
    foreign = elsewhere or expectation.is_undecided(application) or old_spec
    yield from condition_symptoms(application, foreign=foreign)
    gap = expectation.gap(application)
    reached = elsewhere or _is_synced(application, expectation)
    if gap is not None and gap.final and reached and not (application.operating or old_spec):
        yield Symptom.OUT_OF_REACH, gap.finding
    # Ignore failures of any revision other than the expected one.
    if not foreign:
        if Condition.OPERATION in expectation.wait_for:
            yield from _failed_operation(application, history)
        yield from _ailments(application, expectation)
    if missing is None:
        yield Symptom.DELIVERED, Finding(text=f"{application.sync} and {application.health}")


def _ailments(application: Application, expectation: Expectation) -> Iterator[tuple[Symptom, Finding]]:
    synced = _is_synced(application, expectation)
    settled = synced and not application.operating
    missing = unsynced(application, expectation)
    # Without an expected revision, what is expected may come with a later one, and end this state.
    if missing and stuck(application) and (expectation.revision or expectation.gap(application) is None):
        yield Symptom.STUCK, missing
    if Condition.OPERATION in expectation.wait_for and (operation := hangs(application)):
        yield Symptom.OLD_SYNC, old_sync(application, operation)
    failing = cannot_start(application)
    rolls_out = application.operating and application.operation_counts
    if (synced or rolls_out) and expectation.healths and failing:
        yield Symptom.PODS, first(tuple(each.finding for each in failing))
    if settled and expectation.healths and application.unreadable_health:
        yield Symptom.HEALTH_UNREADABLE, unreadable_health(application)
    if settled and expectation.healths and application.health is HealthStatus.DEGRADED:
        yield Symptom.DEGRADED, unwell(application)
    if settled and not application.resources and not expectation.allow_empty:
        yield Symptom.EMPTY, EMPTY


def _is_synced(application: Application, expectation: Expectation) -> bool:
    return application.sync is SyncStatus.SYNCED or Condition.SYNC not in expectation.wait_for


def _failed_operation(application: Application, history: SymptomHistory) -> Iterator[tuple[Symptom, Finding]]:
    operation = application.operation
    if operation is None:
        return
    # That of another revision is history only while a newer operation is to come: a Synced application gets none.
    is_last = application.sync is SyncStatus.SYNCED and not is_reverted(application)
    counts = application.operation_counts or is_last
    if counts and operation.unsuccessful and not application.operating:
        yield Symptom.OPERATION_FAILED, _given_up(failure(application), operation)
    elif application.operation_counts and operation.running:
        yield from _failed_attempts(application, operation, history)


def _given_up(finding: Finding, operation: Operation) -> Finding:
    """Return the finding on a failed operation, with its own hint if the failure can heal without a change in git."""
    kinds = healings(operation)
    if not kinds:
        return finding
    hint = (
        f"the failure can heal without a change in git, but Argo CD does not sync this revision again: {remedy(kinds)}"
    )
    return replace(
        finding, code=cause_code(kinds), hint=f"{hint}, then sync again (argocd app sync, or <RELEASE_SYNC=true>)"
    )


def _failed_attempts(
    application: Application, operation: Operation, history: SymptomHistory
) -> Iterator[tuple[Symptom, Finding]]:
    attempts, limit = history.attempts, history.patience.failed_attempts
    if 0 < limit <= attempts.counted:
        yield Symptom.ATTEMPTS_FAILED, failed_attempts(application, operation.retries)
    elif hook_failed(application, failed_attempts=limit):
        yield Symptom.HOOK_FAILED, failed_attempts(application, operation.attempt)
    if attempts.waits_for:
        waiting = failed_attempts(application, operation.retries, waits_for=awaited(attempts.waits_for))
        hint = (
            f"the manifests need no change: {remedy(attempts.waits_for)}; Argo CD retries by itself for a while, and "
        )
        hint += "<RELEASE_HEALING_GRACE> says how long such a failure may last"
        yield Symptom.ATTEMPTS_WAIT, replace(waiting, code=cause_code(attempts.waits_for), hint=hint)
