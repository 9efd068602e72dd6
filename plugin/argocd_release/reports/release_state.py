"""Describe the state in which a failed release ended: the expectation, Argo CD's state, and the running pods.

Each line is a fact from the last look or from the diagnosis. If a fact is not known, its line says so.
"""

from datetime import datetime
from typing import Final

from argocd_release.core.text import SHORT_SHA, counted, first_names, one_line
from argocd_release.messages import reports as texts
from argocd_release.model.application import Application, ResourceResult, SyncStatus
from argocd_release.model.outcome import Outcome
from argocd_release.model.problem import CauseCode
from argocd_release.model.result import ApplicationResult, PodGroup, ServingPods
from argocd_release.reports.summary import age

#: The maximum number of hooks that the line about hooks names.
SHOWN_HOOKS: Final = 3
#: The phases of a hook that has not ended.
_WAITS: Final = frozenset({"", "Running", "Terminating"})


def state(result: ApplicationResult) -> dict[str, str]:
    """Return the lines about the state, by their labels.

    There are none if the release was delivered, or if the job ended before it asked Argo CD.
    """
    if result.outcome in {Outcome.DELIVERED, Outcome.SETTINGS, Outcome.NO_PREVIEW} or not result.name:
        return {}
    wanted = {texts.WANTED: result.expects or texts.HEAD_OF_BRANCH}
    application = result.application
    if application is None:
        return wanted | {texts.STATUS: texts.NEVER_SHOWN}
    serving = result.diagnosis.serving
    label = texts.ARGO_CD_HAS if result.outcome.is_failure else texts.LAST_SEEN
    return wanted | {
        label: _compared(application, is_wanted=result.verdict.code is not CauseCode.OTHER_REVISION),
        texts.RUNS_NOW: _running(serving, result.ended_at),
        texts.OLD_VERSION: _old_version(application, serving),
        texts.HOOKS: _hooks(application),
    }


def _compared(application: Application, *, is_wanted: bool) -> str:
    revision = ", ".join(revision[:SHORT_SHA] for revision in application.revisions if revision)
    if not revision or application.sync is SyncStatus.UNKNOWN:
        return texts.NOT_COMPARED.fill(health=application.health)
    text = texts.REVISION if is_wanted else texts.OTHER_REVISION
    return texts.COMPARED.fill(
        revision=text.fill(revision=revision), applied=_applied(application), health=application.health
    )


def _applied(application: Application) -> str:
    if application.sync is SyncStatus.SYNCED:
        return texts.APPLIED
    done = _applied_resources(application)
    if not done:
        return texts.NOT_APPLIED
    count = sum(not (item.hook or item.requires_pruning) for item in application.resources)
    if len(done) < count:
        return texts.PARTLY_APPLIED.fill(applied=len(done), resources=counted(count, "resource"))
    return texts.DRIFTED


def _applied_resources(application: Application) -> list[ResourceResult]:
    return [item for item in application.results if item.applied and not item.hook_type]


def _running(serving: ServingPods | None, ended_at: datetime) -> str:
    if serving is None:
        return texts.PODS_UNKNOWN
    groups = [group for group in (serving.earlier, serving.current) if group.ready]
    if not groups:
        return texts.NO_POD_READY if serving.current.count or serving.earlier.count else texts.NO_PODS
    return "; ".join(_group(group, ended_at) for group in groups)


def _group(group: PodGroup, ended_at: datetime) -> str:
    images = first_names(group.images, len(group.images), left_out=group.more_images)
    ready = texts.READY_OF.fill(ready=group.ready, pods=counted(group.count, "pod"))
    since = group.oldest.replace("T", " ").replace("Z", " UTC")
    if not (passed := age(group.oldest, ended_at)):
        return texts.RUNS.fill(images=images, ready=ready)
    return texts.RUNS_SINCE.fill(images=images, since=since, age=passed, ready=ready)


def _old_version(application: Application, serving: ServingPods | None) -> str:
    """Return the line that says if the version before this release still serves."""
    if serving is None:
        return texts.PODS_UNKNOWN
    current, earlier = serving.current, serving.earlier
    if earlier.ready:
        return texts.OLD_SERVES_TOO if current.ready else texts.OLD_SERVES
    if not current.count:
        return texts.NO_PODS
    if not current.ready:
        return texts.OLD_GONE if _has_history(application) else texts.NO_OLD_VERSION
    # If the sync did not change the pods, those of the version before it are still running.
    operation = application.operation
    if not _is_applied(application) or (operation is not None and current.youngest < operation.started_at):
        return texts.OLD_SERVES
    return texts.REPLACED.fill(ready=current.ready, pods=counted(current.count, "pod"))


def _is_applied(application: Application) -> bool:
    return application.sync is SyncStatus.SYNCED or bool(_applied_resources(application))


def _has_history(application: Application) -> bool:
    """Return True if Argo CD has deployed another revision before this one."""
    deployed = application.deployed
    if deployed is None:
        return False
    return application.previously is not None or deployed.revisions != application.revisions


def _hooks(application: Application) -> str:
    """Return the line about the hooks of this revision's sync and their results.

    A hook can have changed a database, even if the release failed.
    """
    if application.operation is None or not application.operation_counts:
        return texts.NO_HOOKS_NO_SYNC
    hooks = [item for item in application.results if item.hook_type]
    if not hooks:
        return texts.NO_HOOKS
    hook_texts = [texts.HOOK.fill(hook_type=item.hook_type, hook=item, phase=_phase(item)) for item in hooks]
    return one_line(first_names(hook_texts, SHOWN_HOOKS))


def _phase(hook: ResourceResult) -> str:
    if hook.status == "SyncFailed":
        return texts.HOOK_REJECTED
    if hook.hook_phase in _WAITS:
        return texts.HOOK_RUNS
    return texts.HOOK_SUCCEEDED if hook.hook_phase == "Succeeded" else texts.HOOK_FAILED
