"""Describe the last operation of an application: why it runs or has failed, and if its failure still matters.

All functions are pure.
"""

from dataclasses import replace
from typing import Final

from argocd_release.core.text import counted, one_line, without_layers
from argocd_release.messages import causes
from argocd_release.messages import verdict as texts
from argocd_release.model.application import Application, Operation, SyncStatus
from argocd_release.model.problem import SHARED_RESOURCE, CauseCode, Problem, Subject, refusal
from argocd_release.verdict.quota import quota_hint

#: The maximum number of resources that the message of a problem names.
NAMED_RESOURCES: Final = 3
# The messages of a running sync that waits for a user or for a time. The first is from controller/sync.go, the others
# are from gitops-engine pkg/sync/sync_context.go of argo-cd v3.6.1.
_BLOCKED: Final = "Sync operation blocked by sync window"
_UNCONFIRMED: Final = "waiting for pruning confirmation of "
_DELETES: Final = "waiting for deletion of "


def is_obsolete(application: Application) -> bool:
    """Return True if the last operation failed, and the application is Synced nevertheless.

    This happens if git was reverted after the failure, or if a user requested a sync of a revision that does not exist.
    Return False if a hook failed: Argo CD does not compare hooks with git, so the application can be Synced although
    the hook still fails.
    """
    operation = application.operation
    if operation is None or not operation.unsuccessful or application.operating:
        return False
    if application.sync is not SyncStatus.SYNCED:
        return False
    if operation.partial and application.applied:
        # A sync of some resources runs no hooks, and the full sync of this revision succeeded before it.
        return True
    failed = [item for item in operation.results if item.failed]
    if application.operation_counts or any(item.hook_type for item in failed):
        return False
    # Without a failed resource, nothing shows what came before this operation. A user can request a sync after the sync
    # of the same revision has failed in a hook. Argo CD itself only syncs a revision that it has not tried before.
    return bool(failed) or operation.automated or application.applied


def is_hidden_by_partial_sync(application: Application) -> bool:
    """Return True if a user's sync of some resources hides how the last full sync of the compared revision ended.

    If that sync has failed in a hook, the application can be Synced and Healthy nevertheless. Argo CD itself only syncs
    some resources after a successful full sync.
    """
    operation = application.operation
    if operation is None or not operation.partial or operation.automated:
        return False
    return application.deployed is not None and not application.applied


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
        is_shared = operation is not None and operation.message.startswith(SHARED_RESOURCE)
        return Problem(message=text, code=CauseCode.SHARED_RESOURCE if is_shared else CauseCode.SYNC_FAILED)
    rejected = refusal(failed[0].message) or CauseCode.MANIFEST_REJECTED
    code = CauseCode.HOOK_FAILED if failed[0].hook_type else rejected
    hint = causes.REJECTION_HINTS.get(code.word, "")
    if code is CauseCode.QUOTA:
        hint = quota_hint(failed[0].message, general=hint, then=causes.THEN_SYNC_AGAIN)
    return Problem(message=text, code=code, subject=Subject.of(failed[0]), hint=hint)


def operation_cause(application: Application) -> str:
    """Return the first failed resources with their messages, or the operation's message if no resource failed."""
    operation = application.operation
    if operation is None:
        return ""
    failed = [f"{item}: {one_line(item.message, limit=1000)}" for item in operation.results if item.failed]
    return "; ".join(failed[:NAMED_RESOURCES]) or one_line(without_layers(operation.message), limit=1000)


def running(application: Application) -> Problem:
    """Return the problem of an operation that was requested or is running."""
    operation = application.operation
    if operation is None or not operation.running:
        return Problem(message=texts.SYNC_STARTS.text, code=CauseCode.SYNC_RUNNING)
    if operation.dry_run:
        return Problem(message=texts.DRY_RUN_RUNS.text, code=CauseCode.SYNC_RUNNING)
    if is_blocked(operation):
        return Problem(message=texts.SYNC_BLOCKED.text, code=CauseCode.SYNC_WINDOW, hint=texts.SYNC_BLOCKED.hint)
    if not operation.is_of(application.revisions):
        return old_sync(application, operation)
    if operation.retries:
        failed = _failed(application)
        again = texts.ATTEMPT_FAILED.fill(number=operation.retries, cause=operation_cause(application))
        return replace(failed, message=again)
    message = one_line(operation.message)
    if message.startswith(_UNCONFIRMED):
        confirm = texts.PRUNE_UNCONFIRMED.fill_hint(application=application.full_name)
        text = texts.PRUNE_UNCONFIRMED.fill(message=message)
        return Problem(message=text, code=CauseCode.SYNC_RUNNING, hint=confirm)
    if message.startswith(_DELETES):
        text, hint = texts.SYNC_RUNS_BECAUSE.fill(message=message), causes.HINTS[CauseCode.DELETION_PENDING.word]
        return Problem(message=text, code=CauseCode.SYNC_RUNNING, hint=hint)
    text = texts.SYNC_RUNS_BECAUSE.fill(message=message) if message else texts.SYNC_RUNS.text
    return Problem(message=text, code=CauseCode.SYNC_RUNNING)


def is_blocked(operation: Operation) -> bool:
    """Return True if a sync window keeps the running operation from continuing."""
    return operation.running and operation.message.startswith(_BLOCKED)


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
