"""Find the problem that keeps the release of an application from being delivered. All functions are pure."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from argocd_release.core.text import first_names, one_line
from argocd_release.messages import verdict as texts
from argocd_release.model.application import Application, HealthStatus, Resource, SyncStatus
from argocd_release.model.problem import SYNC_ERROR, CauseCode, HasRef, Problem, Subject
from argocd_release.model.resource_tree import Failing
from argocd_release.verdict import pending
from argocd_release.verdict.expectation import Expectation, WaitCondition
from argocd_release.verdict.last_operation import (
    NAMED_RESOURCES,
    failure,
    is_hidden_by_partial_sync,
    is_obsolete,
    running,
)
from argocd_release.verdict.pending import (
    drift,
    exclusion_caveat,
    holds_for_good,
    is_settled,
    owner_caveat,
    owner_finding,
    pending_reason,
    spec_finding,
    sync_obstacle,
    unhydrated,
    unsynced_resources,
)

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
            return running(application)
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
    if not succeeded and not is_obsolete(application):
        return failure(application)
    if missing := unsynced(application, expectation):
        return missing
    if operation is not None and operation.dry_run and application.deployed is not None and not application.applied:
        return Problem(message=texts.DRY_RUN_HIDES.text, code=CauseCode.NO_SYNC_POLICY)
    return None


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
    caveats = caveats or (texts.FULL_SYNC_UNPROVEN if is_hidden_by_partial_sync(application) else "")
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
        obstacle, revision = sync_obstacle(application), application.revision[:12] or texts.THIS_REVISION
        return Problem(message=texts.NOT_SYNCED.fill(revision=revision, why=obstacle.message), code=obstacle.code)
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


def stuck(application: Application) -> bool:
    """Return True if an automated application stays OutOfSync until a person acts.

    The conditions are those of argo-cd v2.13.2 controller/appcontroller.go autoSync.
    """
    if application.sync is not SyncStatus.OUT_OF_SYNC or not application.automated or application.operating:
        return False
    # A sync window ends by itself, and a refused sync has its own symptom (SYNC_REFUSED). So neither counts here.
    if application.sync_window or application.refusal:
        return False
    return (
        is_settled(application)
        or application.is_overlooked
        or holds_for_good(application)
        or (_only_prunes(application) and not application.prune)
    )


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
        hint=_hint_of_failed_run(worst[0]) if worst else "",
    )


def _hint_of_failed_run(resource: Resource) -> str:
    """Return the hint for a CronJob whose last run failed, otherwise "".

    Since Argo CD 3.2, the CronJob is Degraded until its next run has succeeded (argo-cd v3.6.1
    resource_customizations/batch/CronJob/health.lua).
    """
    if (resource.group, resource.kind, resource.health) != ("batch", "CronJob", HealthStatus.DEGRADED):
        return ""
    return texts.CRON_JOB_FAILED.fill_hint(name=resource.name, namespace=resource.namespace)


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


def _out_of_sync(application: Application) -> Problem:
    pending = unsynced_resources(application)
    # Do not report drift while an operation can still sync the rest, or if a refused sync or a sync window explains
    # more.
    explained = application.operating or application.refusal or application.missing_image or application.sync_window
    if not explained and (reason := drift(application)):
        return reason
    if _only_prunes(application) and not application.prune:
        gone = texts.PRUNE_OFF.fill(status=SyncStatus.OUT_OF_SYNC, resources=_named(pending))
        return Problem(message=gone, code=CauseCode.PRUNE_OFF, subject=_subject(pending), hint=texts.PRUNE_OFF.hint)
    conditions = "; ".join(f"{item.type}: {item.summary}" for item in application.conditions)
    obstacle = sync_obstacle(application)
    text = f"{application.sync}: {_named(pending) or conditions or texts.NOTHING_COMPARED}{obstacle.message}"
    return Problem(message=text, code=obstacle.code, subject=_subject(pending), hint=obstacle.hint)


def _only_prunes(application: Application) -> bool:
    """Return True if only resources that were removed from git are not synced, so that only pruning is left.

    Resources that RELEASE_RESOURCES excludes matter too, because a sync applies the whole application.
    """
    pending = unsynced_resources(application)
    excluded = application.exclusion.resources if application.exclusion else ()
    waits = any(item.awaits_apply for item in excluded)
    return bool(pending) and not waits and all(item.requires_pruning for item in pending)


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
