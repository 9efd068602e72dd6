"""What keeps an application from being delivered, named in one line. Pure."""

import re
from typing import Final

from argocd_release.core.text import one_line
from argocd_release.model.application import Application, HealthStatus, Operation, OperationPhase, Resource, SyncStatus
from argocd_release.model.resource_tree import Failing
from argocd_release.verdict.expectation import Condition, Expectation
from argocd_release.verdict.lack import lack

NAMED_RESOURCES: Final = 3


# Argo CD applies a resource from a temporary file, whose name says nothing and is another one at each attempt.
_APPLIED_FILE: Final = re.compile(r'error when \w+ "/dev/shm/\d+": ')


NOT_COMPARED: Final = (
    "Argo CD has not compared with git since this job began; its application controller may be down or busy"
)


EMPTY: Final = "the application manages no resources"


# The worst first (gitops-engine pkg/health/health.go healthOrder, but for Unknown, which is no finding).
_SEVERITY: Final = (
    HealthStatus.DEGRADED,
    HealthStatus.MISSING,
    HealthStatus.UNKNOWN,
    HealthStatus.PROGRESSING,
    HealthStatus.SUSPENDED,
)


DELETING: Final = "the application is being deleted"


_AGAIN: Final = "argocd app sync, or RELEASE_SYNC=true"


def blocker(application: Application, expectation: Expectation, *, compared: bool) -> str:
    """What is still missing; ``""`` if nothing. ``compared``: with git, since this job began."""
    if not compared:
        return NOT_COMPARED
    if application.deleting:
        return DELETING
    wait_for = expectation.wait_for
    if Condition.OPERATION in wait_for:
        if application.operating:
            return _running(application)
        if application.outdated:
            return "Argo CD has not compared since the sync finished"
    if Condition.SYNC in wait_for and (missing := unsynced(application, expectation)):
        return missing
    gap = expectation.gap(application)
    if gap is not None:
        return gap.reason
    return _not_applied(application, expectation) or _not_well(application, expectation)


def _not_applied(application: Application, expectation: Expectation) -> str:
    operation = application.operation if Condition.OPERATION in expectation.wait_for else None
    if operation is not None and not operation.dry_run and operation.phase is not OperationPhase.SUCCEEDED:
        return f"sync {operation.phase.lower()}: {failure(application)}"
    if missing := unsynced(application, expectation):
        return missing
    if operation is not None and operation.dry_run and application.deployed is not None and not application.applied:
        return f"the last operation is a dry run, and hides whether the sync before it succeeded; repeat it ({_AGAIN})"
    return ""


def unsynced(application: Application, expectation: Expectation) -> str:
    """What of the revision has still to be synced, and why it is not; ``""`` if nothing."""
    if application.sync is SyncStatus.SYNCED:
        return ""
    if Condition.SYNC in expectation.wait_for:
        return _out_of_sync(application)
    # Where OutOfSync is good enough, only a sync of this very revision says that it was applied.
    asks = Condition.OPERATION in expectation.wait_for or expectation.revision
    if asks and not (_only_prunes(application) or application.applied):
        return f"{application.revision[:12] or 'this revision'} has not been synced yet{_policy(application)}"
    return ""


def _not_well(application: Application, expectation: Expectation) -> str:
    if expectation.healths and application.health not in expectation.healths:
        failing = first(tuple(each.text for each in cannot_start(application)))
        return failing or f"{application.health}: {unhealthy(application)}".rstrip(": ")
    return "" if application.resources or expectation.allow_empty else EMPTY


def cannot_start(application: Application) -> tuple[Failing, ...]:
    """What cannot start and counts.

    Until all is Synced that is only what the sync of this revision has applied: the rest is of the revision before. A
    Job counts only where the sync applied or runs it: those of a CronJob are no part of the release.
    """
    failing = application.workloads.failing if application.workloads else ()
    applied = {(item.group, item.kind, item.namespace, item.name) for item in application.results if item.applied}
    waits = application.sync is not SyncStatus.SYNCED and application.operating
    return tuple(each for each in failing if each.root in applied or not (waits or each.of_job))


def failure(application: Application) -> str:
    """Why the last operation failed; of another revision than the one compared, which one, and that it counts still."""
    operation = application.operation
    if operation is None or application.operation_counts:
        return operation_cause(application)
    of = "other parameters" if operation.is_of(application.revisions) else _revisions(operation)
    what = f"the last sync, of {of}; Argo CD has nothing new to sync, so repeat it: {_AGAIN}"
    return f"{operation_cause(application)} ({what})"


def stuck(application: Application) -> bool:
    """Whether an OutOfSync application with an automated policy stays so until somebody helps.

    The conditions: argo-cd v2.13.2 controller/appcontroller.go autoSync.
    """
    if application.sync is not SyncStatus.OUT_OF_SYNC or not application.automated or application.operating:
        return False
    # A window ends by itself, and a refusal has a rule of its own.
    if application.sync_window or application.refusal:
        return False
    settled = application.attempted and _has_succeeded(application) and not application.self_heal
    return settled or (_only_prunes(application) and not application.prune)


def operation_cause(application: Application) -> str:
    """The failed resources with their messages; without one, the operation's own message."""
    operation = application.operation
    if operation is None:
        return ""
    failed = [f"{item}: {one_line(item.message, limit=1000)}" for item in operation.results if item.failed]
    cause = "; ".join(failed[:NAMED_RESOURCES]) or one_line(operation.message, limit=1000)
    return _APPLIED_FILE.sub("", cause)


def unhealthy(application: Application) -> str:
    """The resources that make the application what it is, with their messages; else those not Healthy, worst first.

    The application is as its worst resource is. Hooks do not count in that (argo-cd v2.13.2 controller/health.go).
    """
    found = [item for item in application.resources if item.health in _SEVERITY and not item.hook]
    worst = [item for item in found if item.health is application.health]
    return _named(worst or sorted(found, key=_severity)) or application.health_message


def first(texts: tuple[str, ...]) -> str:
    """The first of the texts, and how many more there are."""
    rest = f" (and {len(texts) - 1} more like it)" if len(texts) > 1 else ""
    return f"{texts[0]}{rest}" if texts else ""


def _running(application: Application) -> str:
    operation = application.operation
    if operation is None or not operation.running:
        return "a sync is about to start"
    if operation.dry_run:
        return "a dry run is running"
    if not operation.is_of(application.revisions):
        # argo-cd #11494: a commit does not end the retries of the one before.
        return f"Argo CD is still busy with the sync of {_revisions(operation)}, a revision before this one"
    if operation.retries:
        return f"attempt {operation.retries} to sync failed, Argo CD will retry: {operation_cause(application)}"
    return f"sync is running: {one_line(operation.message)}".removesuffix(": ")


def _revisions(operation: Operation) -> str:
    return ",".join(operation.revisions or operation.asked)


def _out_of_sync(application: Application) -> str:
    pending = _pending(application)
    if _only_prunes(application) and not application.prune:
        return f"OutOfSync: {_named(pending)} is no longer in git, and pruning is off: {_PRUNE}"
    conditions = "; ".join(f"{item.type}: {one_line(item.message)}" for item in application.conditions)
    return f"{application.sync}: {_named(pending) or conditions or 'nothing compared yet'}{_policy(application)}"


_PRUNE: Final = "delete it, or sync with --prune"


def _pending(application: Application) -> list[Resource]:
    # A hook has no sync status.
    return [item for item in application.resources if item.sync is not SyncStatus.SYNCED and not item.hook]


def _only_prunes(application: Application) -> bool:
    """Whether all that git has is applied, and what is left is no longer in git."""
    pending = _pending(application)
    return bool(pending) and all(item.requires_pruning for item in pending)


def _has_succeeded(application: Application) -> bool:
    return application.operation is not None and application.operation.phase is OperationPhase.SUCCEEDED


def _policy(application: Application) -> str:
    if application.refusal:
        return f"; Argo CD refuses to sync: {application.refusal}"
    if application.sync_window:
        return f"; a sync window of project {application.project} forbids it now: {application.sync_window}"
    if not application.automated:
        return "; it has no automated sync policy, so somebody must sync it (argocd app sync), or RELEASE_SYNC=true"
    gave_up = [item.message for item in application.conditions if item.type == "SyncError"]
    if gave_up:
        return f"; Argo CD gave it up: {one_line(gave_up[0])}"
    if application.operation is None or application.self_heal:
        return ""
    if application.attempted and _has_succeeded(application):
        what = "has made a dry run of" if application.operation.dry_run else "has synced"
        return f"; Argo CD {what} this revision already and does not repeat that without selfHeal"
    return ""


def _named(resources: list[Resource]) -> str:
    texts = [f"{item} {item.message or _lacks(item)}".strip() for item in resources]
    rest = f" and {len(texts) - NAMED_RESOURCES} more" if len(texts) > NAMED_RESOURCES else ""
    return ", ".join(one_line(text) for text in texts[:NAMED_RESOURCES]) + rest


def _severity(resource: Resource) -> int:
    return _SEVERITY.index(resource.health) if resource.health in _SEVERITY else len(_SEVERITY)


def _lacks(resource: Resource) -> str:
    missing = lack(resource.group, resource.kind, resource.health)
    return missing.what if missing else ""
