"""Say what Argo CD does with an application after a failed release, so that readers know if they can just wait.

The conditions are those of argo-cd v2.13.2 controller/appcontroller.go (autoSync, processRequestedAppOperation).
"""

from typing import Final

from argocd_release.core.schedule import DAYS
from argocd_release.core.text import SHORT_SHA
from argocd_release.messages import reports as texts
from argocd_release.model.application import Application, HealthStatus, Operation, OperationPhase, SyncStatus
from argocd_release.model.problem import HEALING, SYNC_ERROR, CauseCode
from argocd_release.model.result import ApplicationResult

# The causes after which Kubernetes itself keeps trying to create or to start the pods.
_RETRIED_BY_KUBERNETES: Final = frozenset({
    CauseCode.CRASH_LOOP, CauseCode.OOM_KILLED, CauseCode.IMAGE_PULL, CauseCode.CONTAINER_CONFIG,
    CauseCode.VOLUME_NOT_MOUNTED, CauseCode.UNSCHEDULABLE, CauseCode.QUOTA, CauseCode.WEBHOOK_FAILED,
    CauseCode.SERVICE_ACCOUNT_MISSING, CauseCode.NO_PODS,
})  # fmt: skip


def argo_cd_now(result: ApplicationResult) -> str:
    """Return what Argo CD does now with the application; "" if the release did not fail, or if this is unknown."""
    application = result.application
    if application is None or not result.outcome.is_failure:
        return ""
    if application.deleting:
        return texts.NOW_DELETES
    if application.skips_reconcile:
        return texts.NOW_SKIPS
    if application.operating:
        return _operating(result, application)
    if any(item.type != SYNC_ERROR for item in application.errors):
        return texts.NOW_COMPARES_AGAIN
    if application.sync is SyncStatus.SYNCED:
        return _synced(result, application)
    return _out_of_sync(application) if application.sync is SyncStatus.OUT_OF_SYNC else ""


def _operating(result: ApplicationResult, application: Application) -> str:
    operation = application.operation
    if operation is None or not operation.running:
        return texts.NOW_STARTS
    if operation.phase is OperationPhase.TERMINATING:
        return texts.NOW_ENDS_SYNC
    if not operation.is_of(application.revisions):
        revision = ", ".join(revision[:SHORT_SHA] for revision in operation.revisions or operation.requested)
        return texts.NOW_SYNCS_OTHER.fill(revision=revision, attempt=_attempt(operation))
    if not operation.finished_at:
        began = _time(operation.started_at)
        return texts.NOW_SYNCS.fill(attempt=_attempt(operation), time=began)
    fails = texts.NOW_TAKES_LATEST if operation.retry.refreshes else texts.NOW_FAILS_AGAIN
    effect = texts.NOW_CAN_HEAL if _code(result) in HEALING else fails
    if any(item.hook_ran and item.failed for item in operation.results):
        effect = texts.NOW_RUNS_HOOK_AGAIN
    time = _time(operation.retry.next_at)
    text = texts.NOW_RETRIES if time else texts.NOW_RETRIES_SOON
    fields = {"time": time} if time else {}
    return text.fill(attempt=_attempt(operation, waits=True), effect=effect, **fields)


def _attempt(operation: Operation, *, waits: bool = False) -> str:
    """Return the number of the running attempt or, if Argo CD waits, of the next one, such as ``attempt 2 of 6``."""
    number = operation.attempt + waits
    most = operation.retry.attempts
    if most is None:
        return texts.NOW_ATTEMPT_UNLIMITED.fill(number=number)
    return texts.NOW_ATTEMPT_OF.fill(number=number, most=max(most, number))


def _time(time: str) -> str:
    """Return the time of day of a time in RFC 3339, such as ``16:05:09 UTC``; "" if the time is unknown."""
    return f"{time[11:19]} UTC" if time.endswith("Z") and len(time) == len("2026-01-01T00:00:00Z") else ""


def _code(result: ApplicationResult) -> CauseCode | None:
    return result.cause.code if result.cause else result.verdict.code


def _synced(result: ApplicationResult, application: Application) -> str:
    operation = application.operation
    if operation is not None and operation.unsuccessful and application.operation_counts:
        return texts.NOW_GAVE_UP.fill(attempts=_attempts(operation))
    if application.health is HealthStatus.HEALTHY:
        return texts.NOW_SYNCED
    return texts.NOW_KUBERNETES_RETRIES if _code(result) in _RETRIED_BY_KUBERNETES else texts.NOW_WATCHES


def _out_of_sync(application: Application) -> str:
    operation = application.operation
    if not application.automated:
        return texts.NOW_WAITS_FOR_USER
    if (window := application.sync_window) and not application.skips_auto_sync:
        if window.stays_closed:
            return texts.NOW_WINDOW_STAYS_CLOSED.fill(days=DAYS)
        return texts.NOW_SYNCS_AT.fill(time=window.opens) if window.opens else texts.NOW_WAITS_FOR_WINDOW
    if operation is None or not application.attempted:
        return texts.NOW_DOES_NOT_SYNC if application.is_overlooked else texts.NOW_SYNCS_SOON
    if operation.terminated:
        return texts.NOW_TERMINATED
    if operation.unsuccessful:
        return texts.NOW_GAVE_UP.fill(attempts=_attempts(operation))
    return texts.NOW_HEALS if application.self_heal else texts.NOW_SYNCED_ALREADY


def _attempts(operation: Operation) -> str:
    if operation.retries:
        return texts.NOW_ALL_ATTEMPTS.fill(count=operation.retries + 1)
    return texts.NOW_THE_ATTEMPT
