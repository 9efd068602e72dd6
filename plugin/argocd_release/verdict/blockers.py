"""Find the problem that keeps the release of an application from being delivered. All functions are pure."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from argocd_release.core.text import counted, first_names, one_line, without_layers
from argocd_release.messages import causes
from argocd_release.messages import verdict as texts
from argocd_release.model.application import Application, HealthStatus, Operation, Resource, SyncStatus
from argocd_release.model.problem import SYNC_ERROR, CauseCode, HasRef, Problem, Subject, refusal
from argocd_release.model.resource_tree import Failing
from argocd_release.verdict import pending
from argocd_release.verdict.expectation import Expectation, WaitCondition
from argocd_release.verdict.pending import (
    drift,
    exclusion_caveat,
    holds_for_good,
    owner_caveat,
    owner_finding,
    pending_reason,
    spec_finding,
    sync_obstacle,
    unhydrated,
)
from argocd_release.verdict.quota import quota_hint

#: The maximum number of resources that the message of a problem names.
NAMED_RESOURCES: Final = 3
NOT_COMPARED: Final = Problem(message=texts.NOT_COMPARED.text, code=CauseCode.NOT_COMPARED)
SKIPPED: Final = Problem(message=texts.SKIPPED.text, hint=texts.SKIPPED.hint, code=CauseCode.RECONCILE_SKIPPED)
SPEC_CHANGED: Final = Problem(message=texts.SPEC_CHANGED.text, code=CauseCode.NOT_COMPARED)
EMPTY: Final = Problem(message=texts.EMPTY.text, code=CauseCode.NOTHING_MANAGED)
# The health statuses, the worst first, in the order of healthOrder in gitops-engine pkg/health/health.go. Unknown has a
# lower place here, because it shows no defect.
_SEVERITY: Final = (
    HealthStatus.DEGRADED,
    HealthStatus.MISSING,
    HealthStatus.UNKNOWN,
    HealthStatus.PROGRESSING,
    HealthStatus.SUSPENDED,
)
DELETING: Final = Problem(message=texts.DELETING.text, code=CauseCode.APPLICATION_DELETED)


def blocker(application: Application, expectation: Expectation, *, compared: bool) -> Problem | None:
    """Return the problem that keeps the release pending, or None if the application is delivered.

    Args:
        application: the observed application.
        expectation: the expectation of the release.
        compared: True if Argo CD has compared the application with git since the job began.
    """
    if missing := _not_comparable(application, compared=compared):
        return missing
    wait_for = expectation.wait_for
    if WaitCondition.OPERATION in wait_for:
        if application.operating:
            return _running(application)
        if application.outdated:
            return Problem(message=texts.NOT_COMPARED_AFTER_SYNC.text, code=CauseCode.NOT_COMPARED)
    if errors := comparison_errors(application):
        return errors[0]
    if WaitCondition.SYNC in wait_for and (missing := unsynced(application, expectation)):
        return missing
    gap = expectation.gap(application)
    if gap is not None:
        return gap
    return (
        _not_applied(application, expectation)
        or _not_well(application, expectation)
        or owner_finding(application, expectation)
    )


def _not_comparable(application: Application, *, compared: bool) -> Problem | None:
    if not compared:
        return SKIPPED if application.skips_reconcile else NOT_COMPARED
    if application.deleting:
        return DELETING
    return unhydrated(application) or (None if application.spec_compared else SPEC_CHANGED)


def _not_applied(application: Application, expectation: Expectation) -> Problem | None:
    operation = application.operation if WaitCondition.OPERATION in expectation.wait_for else None
    succeeded = operation is None or operation.dry_run or operation.succeeded
    if not succeeded and not is_reverted(application):
        return failure(application)
    if missing := unsynced(application, expectation):
        return missing
    if operation is not None and operation.dry_run and application.deployed is not None and not application.applied:
        return Problem(message=texts.DRY_RUN_HIDES.text, code=CauseCode.NO_SYNC_POLICY)
    return None


def is_reverted(application: Application) -> bool:
    """Return True if the last operation failed for another revision, and the application is Synced nevertheless.

    This happens if git was reverted after the failure. Return False if a hook failed: Argo CD does not compare hooks
    with git, so the application can be Synced although the hook still fails.
    """
    operation = application.operation
    if operation is None or not operation.unsuccessful or application.operation_counts or application.operating:
        return False
    failed = [item for item in operation.results if item.failed]
    return bool(failed) and application.sync is SyncStatus.SYNCED and not any(item.hook_type for item in failed)


def has_old_spec(application: Application, expectation: Expectation) -> bool:
    """Return True if the spec has changed since Argo CD compared it, or if an owner is about to change it."""
    return not application.spec_compared or spec_finding(application, expectation) is not None


def caveat(application: Application, expectation: Expectation) -> str:
    """Return the caveat of a delivered release, which says what is not proven; "" if everything is proven."""
    # If Argo CD cannot reach the repository of the dry source, it reports no error, and keeps its current hydrated
    # commit (argo-cd v3.6.1 controller/hydrator/hydrator.go).
    if application.hydration and application.hydration.is_elsewhere and not (expectation.revision or expectation.image):
        return texts.DRY_SOURCE_UNPROVEN
    caveats = expectation.image_caveat(application) or owner_caveat(application, expectation)
    return caveats or (exclusion_caveat(application.exclusion) if application.exclusion else "")


def comparison_errors(application: Application) -> tuple[Problem, ...]:
    """Return a problem for each error condition that reports a failed comparison with git.

    Leave out a SyncError, because the sync status and the last operation say more about the failed sync.
    """
    return tuple(
        Problem(message=f"{item.type}: {item.summary}", code=item.code or CauseCode.COMPARISON_ERROR)
        for item in application.errors
        if item.type != SYNC_ERROR
    )


def unsynced(application: Application, expectation: Expectation) -> Problem | None:
    """Return a problem if Argo CD has not completely synced the compared revision, otherwise None."""
    if application.sync is SyncStatus.SYNCED:
        return None
    if WaitCondition.SYNC in expectation.wait_for:
        return _out_of_sync(application)
    # If the job does not wait for Synced, only a sync of the compared or the expected revision proves that Argo CD
    # applied it.
    asks = WaitCondition.OPERATION in expectation.wait_for or expectation.revision
    applied = application.applied or expectation.was_synced_last(application)
    if asks and not (applied or _only_prunes(application)):
        code, why = sync_obstacle(application)
        return Problem(
            message=texts.NOT_SYNCED.fill(revision=application.revision[:12] or texts.THIS_REVISION, why=why), code=code
        )
    return None


def _not_well(application: Application, expectation: Expectation) -> Problem | None:
    if expectation.healths and application.unreadable_health:
        return unreadable_health(application)
    if expectation.healths and application.health not in expectation.healths:
        failing = cannot_start(application)
        return first(tuple(problem.problem for problem in failing)) if failing else unwell(application)
    return EMPTY if is_empty(application) and not expectation.allow_empty else None


def is_empty(application: Application) -> bool:
    """Return True if the application manages no resources, not even excluded ones.

    An excluded resource that was deleted from git does not count, because only its pruning is left.
    """
    excluded = application.exclusion.resources if application.exclusion else ()
    return not (application.resources or any(not item.requires_pruning for item in excluded))


def cannot_start(application: Application) -> tuple[Failing, ...]:
    """Return the objects of this release that cannot start: pods, and workloads that cannot create pods.

    While a sync runs and the application is not Synced, the release only includes objects that this sync has applied.
    It includes a pod of a Job only if the sync has applied that Job, because a CronJob creates Jobs at any time.
    """
    failing = application.workloads.failing if application.workloads else ()
    applied = {(item.group, item.kind, item.namespace, item.name) for item in application.results if item.applied}
    waits = application.sync is not SyncStatus.SYNCED and application.operating
    return tuple(problem for problem in failing if problem.root in applied or not (waits or problem.of_job))


def failure(application: Application) -> Problem:
    """Return the problem of the failed last operation. If it synced another revision, name that revision."""
    operation = application.operation
    if operation is None or application.operation_counts:
        return _failed(application)
    of = texts.OTHER_PARAMETERS if operation.is_of(application.revisions) else _revisions(operation)
    return _failed(application, texts.LAST_SYNC.fill(revisions=of))


def failed_attempts(application: Application, count: int, *, waits_for: str = "") -> Problem:
    """Return the problem that a running operation has after ``count`` failed attempts.

    ``waits_for`` is the event after which an attempt can succeed; "" if the failure needs a change in git.
    """
    attempts = counted(count, "attempt")
    more = (
        texts.ATTEMPTS_WAITING.fill(attempts=attempts, event=waits_for)
        if waits_for
        else texts.ATTEMPTS.fill(attempts=attempts)
    )
    return _failed(application, more, phase="failed")


def _failed(application: Application, more: str = "", *, phase: str = "") -> Problem:
    operation = application.operation
    if operation is not None and operation.terminated:
        return Problem(
            message=f"{texts.SYNC_TERMINATED.text}{more}",
            code=CauseCode.SYNC_TERMINATED,
            hint=texts.SYNC_TERMINATED.fill_hint(application=application.full_name),
        )
    failed = [item for item in operation.results if item.failed] if operation else []
    ended_as = phase or (operation.phase.lower() if operation else "")
    text = texts.SYNC_FAILED.fill(phase=ended_as, cause=operation_cause(application)) + more
    if not failed:
        return Problem(message=text, code=CauseCode.SYNC_FAILED)
    rejected = refusal(failed[0].message) or CauseCode.MANIFEST_REJECTED
    code = CauseCode.HOOK_FAILED if failed[0].hook_type else rejected
    hint = causes.REJECTION_HINTS.get(code.word, "")
    if code is CauseCode.QUOTA:
        hint = quota_hint(failed[0].message, general=hint, then=causes.THEN_SYNC_AGAIN)
    return Problem(message=text, code=code, subject=Subject.of(failed[0]), hint=hint)


def stuck(application: Application) -> bool:
    """Return True if an automated application stays OutOfSync until a person acts.

    The conditions are those of argo-cd v2.13.2 controller/appcontroller.go autoSync.
    """
    if application.sync is not SyncStatus.OUT_OF_SYNC or not application.automated or application.operating:
        return False
    # A sync window ends by itself, and a refused sync has its own symptom (SYNC_REFUSED). So neither counts here.
    if application.sync_window or application.refusal:
        return False
    settled = application.attempted and _has_succeeded(application) and not application.self_heal
    return settled or holds_for_good(application) or (_only_prunes(application) and not application.prune)


def operation_cause(application: Application) -> str:
    """Return the first failed resources with their messages, or the operation's message if no resource failed."""
    operation = application.operation
    if operation is None:
        return ""
    failed = [f"{item}: {one_line(item.message, limit=1000)}" for item in operation.results if item.failed]
    return "; ".join(failed[:NAMED_RESOURCES]) or one_line(without_layers(operation.message), limit=1000)


def unhealthy(application: Application) -> str:
    """Describe the resources that decide the health with their messages, or return Argo CD's message about the health.

    The health of an application is that of its worst resource. Hooks do not count (argo-cd v2.13.2
    controller/health.go).
    """
    return _named(_worst(application)) or application.health_message


def unwell(application: Application) -> Problem:
    """Return the problem of an application that is not Healthy, which names the resources that decide the health."""
    worst = _worst(application)[:1]
    if worst and (rollout := pending.argo_rollout_of(application, worst[0])):
        stands = pending.rollout_finding(worst[0], rollout)
        if stands is not None:
            todo = f"; {rollout.todo}" if rollout.todo else ""
            return replace(stands, message=f"{application.health}: {stands.message}{todo}", hint=rollout.todo)
    missing = pending_reason(worst[0].group, worst[0].kind, worst[0].health) if worst else None
    return Problem(
        message=_with_status(application.health, unhealthy(application)),
        code=missing.code if missing else CauseCode.UNHEALTHY,
        subject=_subject(worst),
    )


def _with_status(health: HealthStatus, text: str) -> str:
    return texts.WITH_STATUS.fill(status=health, message=text) if text else health


def unreadable_health(application: Application) -> Problem:
    """Return the problem of an application whose health Argo CD cannot read, with Argo CD's message."""
    reason = one_line(application.unreadable_health, limit=1000)
    return Problem(message=texts.HEALTH_UNREADABLE.fill(message=reason), code=CauseCode.HEALTH_UNREADABLE)


def _worst(application: Application) -> list[Resource]:
    resources = [item for item in application.resources if item.health in _SEVERITY and not item.hook]
    worst = [item for item in resources if item.health is application.health]
    return worst or sorted(resources, key=_severity)


def first(findings: tuple[Problem, ...]) -> Problem:
    """Return the first problem, and add the number of other problems to its message. ``findings`` must not be empty."""
    if len(findings) == 1:
        return findings[0]
    message = texts.AND_MORE.fill(message=findings[0].message, count=len(findings) - 1)
    return replace(findings[0], message=message)


def _running(application: Application) -> Problem:
    operation = application.operation
    if operation is None or not operation.running:
        return Problem(message=texts.SYNC_STARTS.text, code=CauseCode.SYNC_RUNNING)
    if operation.dry_run:
        return Problem(message=texts.DRY_RUN_RUNS.text, code=CauseCode.SYNC_RUNNING)
    if not operation.is_of(application.revisions):
        return old_sync(application, operation)
    if operation.retries:
        failed = _failed(application)
        again = texts.ATTEMPT_FAILED.fill(number=operation.retries, cause=operation_cause(application))
        return replace(failed, message=again)
    message = one_line(operation.message)
    text = texts.SYNC_RUNS_BECAUSE.fill(message=message) if message else texts.SYNC_RUNS.text
    return Problem(message=text, code=CauseCode.SYNC_RUNNING)


def old_sync(application: Application, operation: Operation) -> Problem:
    """Return the problem of a running sync of another revision. Its hint says how to end that sync.

    A new commit does not end the retries of the commit before it (argo-cd#11494).
    """
    waits = f": {one_line(operation.message)}" if operation.message else ""
    text = texts.OLD_SYNC if application.operation_is_old else texts.OTHER_SYNC
    return Problem(
        message=text.fill(revisions=_revisions(operation), waits=waits),
        code=CauseCode.SYNC_BUSY,
        hint=text.fill_hint(application=application.full_name),
    )


def _revisions(operation: Operation) -> str:
    return ",".join(revision[:7] for revision in operation.revisions or operation.requested)


def _out_of_sync(application: Application) -> Problem:
    pending = _pending(application)
    # Do not report drift while an operation can still sync the rest, or if a refused sync or a sync window explains
    # more.
    explained = application.operating or application.refusal or application.missing_image or application.sync_window
    if not explained and (reason := drift(application)):
        return reason
    if _only_prunes(application) and not application.prune:
        gone = texts.PRUNE_OFF.fill(status=SyncStatus.OUT_OF_SYNC, resources=_named(pending))
        return Problem(message=gone, code=CauseCode.PRUNE_OFF, subject=_subject(pending), hint=texts.PRUNE_OFF.hint)
    conditions = "; ".join(f"{item.type}: {item.summary}" for item in application.conditions)
    code, why = sync_obstacle(application)
    text = f"{application.sync}: {_named(pending) or conditions or texts.NOTHING_COMPARED}{why}"
    hint = causes.HINTS[CauseCode.OUT_OF_SYNC.word] if why and code is CauseCode.OUT_OF_SYNC else ""
    if code is CauseCode.OTHER_IMAGE:
        hint = texts.WHY_IMAGE_MISSING.hint
    if code is CauseCode.SYNC_WINDOW and application.sync_window:
        hint = application.sync_window.hint(application.full_name)
    return Problem(message=text, code=code, subject=_subject(pending), hint=hint)


def _pending(application: Application) -> list[Resource]:
    # Leave out hooks, because a hook has no sync status.
    return [item for item in application.resources if item.sync is not SyncStatus.SYNCED and not item.hook]


def _only_prunes(application: Application) -> bool:
    """Return True if only resources that were removed from git are not synced, so that only pruning is left.

    Resources that RELEASE_RESOURCES excludes matter too, because a sync applies the whole application.
    """
    pending = _pending(application)
    excluded = application.exclusion.resources if application.exclusion else ()
    waits = any(item.awaits_apply for item in excluded)
    return bool(pending) and not waits and all(item.requires_pruning for item in pending)


def _has_succeeded(application: Application) -> bool:
    return application.operation is not None and application.operation.succeeded


def _subject(items: Sequence[HasRef]) -> Subject | None:
    return Subject.of(items[0]) if items else None


def _named(resources: list[Resource]) -> str:
    names = [one_line(_described(item)) for item in resources[:NAMED_RESOURCES]]
    return first_names(names, NAMED_RESOURCES, left_out=len(resources) - len(names))


def _severity(resource: Resource) -> int:
    return _SEVERITY.index(resource.health) if resource.health in _SEVERITY else len(_SEVERITY)


def _described(resource: Resource) -> str:
    """Describe a resource by its name and its message. If it has no message, add the reason why it is pending."""
    missing = None if resource.message else pending_reason(resource.group, resource.kind, resource.health)
    return missing.message.fill(resource=resource) if missing else f"{resource} {resource.message}".strip()
