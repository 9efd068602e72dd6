"""The verdict: a pure function of what was seen of an application, and since when.

What is seen becomes findings. A finding that lasts through its grace becomes the verdict. A finding that is no
longer seen, or that is seen of another revision, starts anew.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from argocd_release.application import Application, HealthStatus, OperationPhase, Resource, SyncStatus
from argocd_release.errors import Outcome, Trouble
from argocd_release.rules import HINTS, Expectation, Patience, Symptom
from argocd_release.text import one_line

NAMED_RESOURCES: Final = 3
# Troubles that are an answer of Argo CD's all the same.
_ANSWERS: Final = frozenset({Trouble.MISSING, Trouble.DENIED, Trouble.UNAUTHENTICATED})
# Argo CD applies a resource from a temporary file, whose name says nothing and is another one at each attempt.
_APPLIED_FILE: Final = re.compile(r'error when \w+ "/dev/shm/\d+": ')
_ERROR_CONDITIONS: Final = frozenset({"ComparisonError", "InvalidSpecError", "UnknownError"})


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A look at the application that failed."""

    trouble: Trouble
    message: str


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """When a symptom was seen first (seconds on the injected clock), by how many looks, of which revision."""

    since: float
    looks: int
    subject: str


@dataclass(frozen=True, kw_only=True)
class History:
    """What the looks so far have shown. ``compared``: Argo CD has compared with git since this job began."""

    patience: Patience = field(default_factory=Patience)
    expectation: Expectation = field(default_factory=Expectation)
    now: float = 0
    compared: bool = False
    reached: bool = False
    found: bool = False
    sightings: Mapping[Symptom, Sighting] = field(default_factory=dict)

    def observe(self, seen: Application | Failure, *, now: float, compared: bool = False) -> "History":
        """The history with one more look in it, made at ``now``."""
        answered = isinstance(seen, Application)
        looked = replace(
            self,
            now=now,
            compared=self.compared or compared,
            reached=self.reached or not isinstance(seen, Failure) or seen.trouble in _ANSWERS,
            found=self.found or answered,
        )
        subject = f"{seen.uid} {seen.revision}" if isinstance(seen, Application) else ""
        sightings: dict[Symptom, Sighting] = {}
        for symptom in findings(seen, looked):
            before = self.sightings.get(symptom)
            if before is None or before.subject != subject:
                before = Sighting(since=now, looks=0, subject=subject)
            sightings[symptom] = replace(before, looks=before.looks + 1)
        return replace(looked, sightings=sightings)

    def ripe(self, symptom: Symptom) -> bool:
        """Whether the symptom has lasted through its grace."""
        sighting, rule = self.sightings[symptom], self.patience.rules().get(symptom)
        return rule is not None and self.now - sighting.since >= rule.seconds and sighting.looks >= rule.looks


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What we say of the release; ``outcome`` None means: not known yet, ``reason`` says what is missing."""

    outcome: Outcome | None
    reason: str
    hint: str = ""


def judge(seen: Application | Failure, history: History) -> Verdict:
    """The verdict on the last look, which ``history`` already holds."""
    found = findings(seen, history)
    for symptom, reason in found.items():
        if history.ripe(symptom):
            outcome = history.patience.rules()[symptom].outcome
            return Verdict(outcome=outcome, reason=reason, hint=HINTS.get(symptom, ""))
    if isinstance(seen, Failure):
        refused = seen.trouble in _ANSWERS
        return Verdict(outcome=None, reason=f"Argo CD {'refuses' if refused else 'gives no answer'}: {seen.message}")
    return Verdict(outcome=None, reason=waiting_for(seen, history) or "looking once more")


def findings(seen: Application | Failure, history: History) -> dict[Symptom, str]:
    """Symptoms of one look with their reasons, in the order in which they decide."""
    pairs = _troubles(seen, history) if isinstance(seen, Failure) else _states(seen, history)
    return dict(sorted(pairs, key=lambda pair: pair[0].value))


def _troubles(failure: Failure, history: History) -> Iterator[tuple[Symptom, str]]:
    match failure.trouble:
        case Trouble.DENIED | Trouble.UNAUTHENTICATED:
            yield Symptom.DENIED, failure.message
        case Trouble.MISSING if history.found:
            yield Symptom.DELETED, "the application was deleted while it was tracked"
        case Trouble.MISSING:
            yield Symptom.MISSING_AT_START, failure.message
        case Trouble.UNREACHABLE | Trouble.HUNG | Trouble.KILLED | Trouble.GARBAGE | Trouble.OTHER:
            symptom = Symptom.UNREACHABLE if history.reached else Symptom.UNREACHABLE_AT_START
            yield symptom, failure.message


def _states(application: Application, history: History) -> Iterator[tuple[Symptom, str]]:
    operation = application.operation
    # The operation of a revision before is history, not news: the comparison has moved on.
    current = operation is not None and operation.revisions == application.revisions
    if application.deleting:
        yield Symptom.DELETED, "the application is being deleted"
    if history.compared and operation is not None and current:
        if not application.operating and operation.phase in {OperationPhase.FAILED, OperationPhase.ERROR}:
            yield Symptom.OPERATION_FAILED, f"sync {operation.phase.lower()}: {_operation_cause(application)}"
        elif operation.running and operation.retries >= history.patience.failed_attempts:
            attempts = f"{operation.retries} attempts, Argo CD still retries"
            yield Symptom.ATTEMPTS_FAILED, f"sync failed: {_operation_cause(application)} ({attempts})"
    for condition in application.conditions:
        if history.compared and condition.type in _ERROR_CONDITIONS:
            yield Symptom.CONDITION, f"{condition.type}: {one_line(condition.message, limit=1000)}"
    settled = history.compared and application.sync is SyncStatus.SYNCED and not application.operating
    if history.compared and application.sync is SyncStatus.SYNCED and application.failing:
        yield Symptom.PODS, _first(application.failing)
    if settled and application.health is HealthStatus.DEGRADED:
        yield Symptom.DEGRADED, f"Degraded: {_unhealthy(application)}"
    if settled and not application.resources:
        yield Symptom.EMPTY, "the application manages no resources"
    if not waiting_for(application, history):
        yield Symptom.DELIVERED, "Synced and Healthy"


def waiting_for(application: Application, history: History) -> str:
    """What keeps the application from being delivered, in one line; ``""`` if nothing does."""
    operation = application.operation
    if not history.compared:
        return "Argo CD has not compared with git since this job began; its application controller may be down or busy"
    if application.operating:
        return _running(application)
    if operation is not None and operation.finished_at > application.reconciled_at:
        # Until then sync and health are those of before the operation (app.go:2506-2521).
        return "Argo CD has not compared since the sync finished"
    if application.sync is not SyncStatus.SYNCED:
        return _out_of_sync(application)
    if missing := history.expectation.missing(application):
        return missing
    current = operation is not None and operation.revisions == application.revisions
    if operation is not None and current and operation.phase is not OperationPhase.SUCCEEDED:
        return f"sync {operation.phase.lower()}: {_operation_cause(application)}"
    if application.health is not HealthStatus.HEALTHY and application.failing:
        return _first(application.failing)
    if application.health is not HealthStatus.HEALTHY:
        return f"{application.health}: {_unhealthy(application)}".rstrip(": ")
    return "" if application.resources else "the application manages no resources"


def _running(application: Application) -> str:
    operation = application.operation
    if operation is None or not operation.running:
        return "a sync is about to start"
    if operation.revisions and operation.revisions != application.revisions:
        # argo-cd #11494: a commit does not end the retries of the one before.
        return f"Argo CD is still busy with the sync of {','.join(operation.revisions)}, a revision before this one"
    if operation.retries:
        return f"attempt {operation.retries} to sync failed, Argo CD will retry: {_operation_cause(application)}"
    return f"sync is running: {one_line(operation.message)}".removesuffix(": ")


def _out_of_sync(application: Application) -> str:
    pending = _named([item for item in application.resources if item.sync is not SyncStatus.SYNCED])
    manual = "" if application.automated else "; it has no automated sync policy: somebody must sync it"
    conditions = "; ".join(f"{item.type}: {one_line(item.message)}" for item in application.conditions)
    return f"{application.sync}: {pending or conditions or 'nothing compared yet'}{manual}"


def _operation_cause(application: Application) -> str:
    """The failed resources with their messages; without one, the operation's own message."""
    operation = application.operation
    if operation is None:
        return ""
    failed = [f"{item}: {one_line(item.message, limit=1000)}" for item in operation.results if item.failed]
    cause = "; ".join(failed[:NAMED_RESOURCES]) or one_line(operation.message, limit=1000)
    return _APPLIED_FILE.sub("", cause)


def _unhealthy(application: Application) -> str:
    worst = [item for item in application.resources if item.health not in {None, HealthStatus.HEALTHY}]
    return _named(worst) or application.health_message


def _first(texts: tuple[str, ...]) -> str:
    return texts[0] + (f" (and {len(texts) - 1} more pods)" if len(texts) > 1 else "")


def _named(resources: list[Resource]) -> str:
    texts = [f"{item} {item.message}".strip() if item.message else str(item) for item in resources]
    rest = f" and {len(texts) - NAMED_RESOURCES} more" if len(texts) > NAMED_RESOURCES else ""
    return ", ".join(one_line(text) for text in texts[:NAMED_RESOURCES]) + rest
