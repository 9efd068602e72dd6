"""What keeps an application from being delivered, named in one line. Pure."""

import re
from typing import Final

from argocd_release.application import Application, HealthStatus, OperationPhase, Resource, SyncStatus
from argocd_release.expectation import Condition, Expectation
from argocd_release.lack import lack
from argocd_release.text import one_line

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


def waiting_for(application: Application, expectation: Expectation, *, compared: bool) -> str:
    """What is still missing; ``""`` if nothing. ``compared``: with git, since this job began."""
    if not compared:
        return NOT_COMPARED
    operation, wait_for = application.operation, expectation.wait_for
    if Condition.OPERATION in wait_for:
        if application.operating:
            return _running(application)
        if operation is not None and operation.finished_at > application.reconciled_at:
            # Until then sync and health are those of before the operation (app.go:2506-2521).
            return "Argo CD has not compared since the sync finished"
    if Condition.SYNC in wait_for and application.sync is not SyncStatus.SYNCED:
        return _out_of_sync(application)
    gap = expectation.gap(application)
    if gap is not None:
        return gap.reason
    if Condition.OPERATION in wait_for:
        current = is_current(application)
        if operation is not None and current and operation.phase is not OperationPhase.SUCCEEDED:
            return f"sync {operation.phase.lower()}: {operation_cause(application)}"
        if Condition.SYNC not in wait_for and not current:
            # Where OutOfSync is good enough, only a sync of this very revision says that it was applied.
            return f"{application.revision[:12] or 'this revision'} has not been synced yet{_policy(application)}"
    if expectation.healths and application.health not in expectation.healths:
        failing = first(application.failing)
        return failing or f"{application.health}: {unhealthy(application)}".rstrip(": ")
    return "" if application.resources or expectation.allow_empty else EMPTY


def is_current(application: Application) -> bool:
    """Whether the last operation is of the revision compared last; one of a revision before is history, not news."""
    return application.operation is not None and application.operation.revisions == application.revisions


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
    if operation.revisions and operation.revisions != application.revisions:
        # argo-cd #11494: a commit does not end the retries of the one before.
        return f"Argo CD is still busy with the sync of {','.join(operation.revisions)}, a revision before this one"
    if operation.retries:
        return f"attempt {operation.retries} to sync failed, Argo CD will retry: {operation_cause(application)}"
    return f"sync is running: {one_line(operation.message)}".removesuffix(": ")


def _out_of_sync(application: Application) -> str:
    pending = [item for item in application.resources if item.sync is not SyncStatus.SYNCED]
    if pending and all(item.requires_pruning for item in pending) and not application.prune:
        return f"OutOfSync: {_named(pending)} is no longer in git, and pruning is off: {_PRUNE}"
    conditions = "; ".join(f"{item.type}: {one_line(item.message)}" for item in application.conditions)
    return f"{application.sync}: {_named(pending) or conditions or 'nothing compared yet'}{_policy(application)}"


_PRUNE: Final = "delete it, or sync with --prune"


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
    succeeded = application.operation is not None and application.operation.phase is OperationPhase.SUCCEEDED
    if is_current(application) and succeeded and not application.self_heal:
        return "; Argo CD has synced this revision already and does not repeat that without selfHeal"
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
