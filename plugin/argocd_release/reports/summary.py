"""Summarise a release for several reports: the phases, the proof of a success, the state of a failure, and tables.

Each line about the state is a fact from the last look or from the diagnosis, or says that the fact is unknown.
"""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

from argocd_release.core.text import SHORT_SHA, counted, first_names, one_line
from argocd_release.messages import reports as texts
from argocd_release.model.application import Application, HealthStatus, Operation, ResourceResult, SyncStatus
from argocd_release.model.outcome import Outcome
from argocd_release.model.problem import CauseCode, ResourceRef
from argocd_release.model.resource_tree import WORKLOADS
from argocd_release.model.result import ApplicationResult, ReleaseResult, ResourceState
from argocd_release.model.serving_pods import PodGroup, ServingPods
from argocd_release.reports.argo_cd_now import argo_cd_now

# The maximum length of a table cell, and of a cell in the last column, which usually contains a message.
CELL_LIMIT: Final = 200
LAST_CELL_LIMIT: Final = 400
_UNITS: Final = ((86400, "d"), (3600, "h"), (60, "m"))


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table, the header first. Without rows, return no lines. Each cell fits on one line."""
    if not rows:
        return []
    limits = [CELL_LIMIT] * (len(header) - 1) + [LAST_CELL_LIMIT]
    cells = [[one_line(cell, limit=limit) for cell, limit in zip(row, limits, strict=True)] for row in rows]
    lines = [list(header), *cells]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header) - 1)]
    return ["  ".join([*map(str.ljust, line, widths), line[-1]]).rstrip() for line in lines]


def age(since: str, now: datetime) -> str:
    """Return the time between ``since`` and ``now`` in kubectl's form, such as ``5m``; "" if ``since`` is malformed."""
    try:
        seconds = int((now - datetime.fromisoformat(since)).total_seconds())
    except (ValueError, TypeError):
        return ""
    return next((f"{seconds // size}{unit}" for size, unit in _UNITS if seconds >= 2 * size), f"{max(seconds, 0)}s")


def line(result: ApplicationResult) -> str:
    """Return the phases, such as ``compared 0.8 s · synced 3.1 s · healthy 41.7 s (Deployment/web 38.2 s)``.

    The times are seconds since tracking began. The brackets contain the workload that took longest. The line is empty
    if the application reached no phase, or if Argo CD could not compare at the end.
    """
    if result.application is not None and result.application.sync is SyncStatus.UNKNOWN:
        return ""
    rollout = result.rollout
    phases = {
        "compared": rollout.phases.compared,
        "synced": rollout.phases.synced,
        "healthy": rollout.phases.healthy,
    }
    reached = [texts.PHASE.fill(name=name, seconds=f"{at:.1f}") for name, at in phases.items() if at is not None]
    if not reached:
        return ""
    if rollout.slowest is not None and phases["healthy"] is not None:
        slowest = rollout.slowest
        reached[-1] = texts.SLOWEST.fill(phases=reached[-1], subject=slowest.subject, seconds=f"{slowest.seconds:.1f}")
    missing = next((name for name, at in phases.items() if at is None), "")
    application = result.application
    if not missing or application is None or result.outcome is Outcome.DELIVERED:
        return " · ".join(reached)
    status = application.sync if missing == "synced" else application.health
    return " · ".join([*reached, texts.AT_THE_END.fill(status=status)])


def commit(result: ApplicationResult) -> str:
    """Return the pipeline's commit. If the job did not check that Argo CD has it, say so after a failure."""
    if not result.image_tag or result.proven or not result.outcome.is_failure:
        return result.image_tag
    return texts.COMMIT_UNCHECKED.fill(commit=result.image_tag)


def proof(result: ApplicationResult) -> str:
    """Return a sentence about what the release proves. If the release did not succeed, nothing is proven."""
    if result.outcome is not Outcome.DELIVERED:
        return texts.NOT_DELIVERED if result.outcome.is_failure else texts.STATUS_UNKNOWN
    if result.verdict.caveat:
        return texts.CAVEAT.fill(caveat=result.verdict.caveat[:1].upper() + result.verdict.caveat[1:])
    if result.expects:
        if later := result.verdict.delivered_by:
            return texts.PROVEN_BY_LATER.fill(expected=result.expects, delivered_by=later)
        return texts.PROVEN.fill(expected=result.expects)
    application = result.application
    revision = application.revision[:SHORT_SHA] if application and len(application.revisions) == 1 else ""
    head = texts.HEAD_AT.fill(revision=revision) if revision else texts.HEAD
    if result.image_runs:
        return texts.PROVEN_IMAGE.fill(image_tag=result.image_tag, head=head)
    if result.image_is_there and not result.commit_is_deployed:
        return texts.PROVEN_HEAD_WITH_IMAGE.fill(head=head, image_tag=result.image_tag)
    if not result.image_tag or not result.proven:
        return texts.PROVEN_HEAD.fill(head=head)
    return texts.PROVEN_COMMIT.fill(head=head)


#: The maximum number of resources that the line about the revision names.
SHOWN_RESOURCES: Final = 2
#: The maximum number of hooks that the line about hooks names.
SHOWN_HOOKS: Final = 3
#: The phases in which a hook has not ended yet.
_WAITS: Final = frozenset({"", "Running", "Terminating"})

# The causes with which Argo CD has another version than the expected one.
_NOT_EXPECTED: Final = frozenset({
    CauseCode.OTHER_REVISION, CauseCode.OTHER_IMAGE, CauseCode.OTHER_CHART_VERSION, CauseCode.NO_SUCH_SOURCE,
})  # fmt: skip
# The causes with which it is not known if Argo CD has read the expected version.
_NOT_KNOWN: Final = frozenset({CauseCode.NOT_COMPARED, CauseCode.NOT_HYDRATED, CauseCode.OWNER_PENDING})


def state(result: ApplicationResult) -> dict[str, str]:
    """Return the lines about the state, by their labels.

    Return none if the release was delivered, or if the job ended before its first request to Argo CD.
    """
    if result.outcome in {Outcome.DELIVERED, Outcome.SETTINGS, Outcome.NO_PREVIEW} or not result.name:
        return {}
    application = result.application
    what = result.expects or texts.HEAD_OF_BRANCH
    if names := excluded(application):
        what = texts.EXPECTED_WITHOUT.fill(expected=what, excluded=names)
    expected = {texts.EXPECTED: what}
    if application is None:
        return expected | {texts.STATUS: texts.NEVER_SHOWN}
    serving = result.diagnosis.serving
    label = texts.ARGO_CD_HAS if result.outcome.is_failure else texts.LAST_SEEN
    return expected | {
        label: _compared(application, is_expected=result.verdict.code is not CauseCode.OTHER_REVISION),
        texts.RUNS_NOW: _running(serving, result.ended_at),
        texts.OLD_VERSION: _old_version(application, serving, result.verdict.code),
        texts.HOOKS: hooks(application, result.diagnosis.not_begun),
        texts.ARGO_CD_NOW: argo_cd_now(result),
        texts.ENDED_EARLY: _ended_early(result),
    }


def _ended_early(result: ApplicationResult) -> str:
    reason = result.verdict.ended_early
    if not reason or not result.timeout:
        return ""
    return texts.ENDED_BECAUSE.fill(timeout=f"{result.timeout:.0f}", reason=reason)


def _compared(application: Application, *, is_expected: bool) -> str:
    revision = ", ".join(revision[:SHORT_SHA] for revision in application.revisions if revision)
    if not revision or application.sync is SyncStatus.UNKNOWN:
        return texts.NOT_COMPARED.fill(health=_health(application))
    text = texts.REVISION if is_expected else texts.OTHER_REVISION
    return texts.COMPARED.fill(
        revision=text.fill(revision=revision), applied=_applied(application), health=_health(application)
    )


def _health(application: Application) -> str:
    """Return the health of the application. If it is not Healthy, name the resources that have this health."""
    health = application.health
    names = [str(item) for item in application.resources if item.health is health and not item.hook]
    if health is HealthStatus.HEALTHY or not names:
        return health
    return texts.HEALTH_OF.fill(health=health, resources=one_line(first_names(names, SHOWN_RESOURCES)))


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


def _old_version(application: Application, serving: ServingPods | None, code: CauseCode | None) -> str:
    """Return the text that says if the version before this release still serves; "" if there are no pods."""
    if serving is None:
        return texts.UNKNOWN
    current, earlier = serving.current, serving.earlier
    if earlier.ready:
        return texts.OLD_SERVES_TOO if current.ready else texts.OLD_SERVES
    if not current.count:
        is_first = application.is_new and not (earlier.count or _has_history(application))
        return texts.NO_OLD_VERSION if is_first else ""
    if not current.ready:
        return texts.OLD_GONE if _has_history(application) else texts.NO_OLD_VERSION
    if code in _NOT_EXPECTED:
        return texts.NOT_EXPECTED_RUNS
    if code in _NOT_KNOWN:
        return texts.UNKNOWN
    return _pods_after_sync(application, current) if _is_applied(application) else texts.OLD_SERVES


def _pods_after_sync(application: Application, current: PodGroup) -> str:
    """Describe the old version, if Argo CD has applied the revision and only pods of the current state run.

    The result says that the pods were replaced only if the sync of this revision has changed a workload.
    """
    operation = application.operation
    if operation is None or not application.operation_counts:
        # The cluster already was in the state of this revision, so no sync was necessary.
        return texts.NOT_CHANGED
    if _was_synced_before(application, operation):
        return texts.UNKNOWN
    if current.youngest < operation.started_at:
        return texts.NOT_CHANGED
    if application.is_new and not _has_history(application):
        return texts.NO_OLD_VERSION
    changed = [item for item in operation.results if item.changed and not (item.hook_type or item.failed)]
    if any(item.kind in WORKLOADS for item in changed):
        return texts.REPLACED.fill(ready=current.ready, pods=counted(current.count, "pod"))
    # The operator of a custom resource can replace pods, too.
    return texts.UNKNOWN if any(_is_custom(item) for item in changed) else texts.NOT_CHANGED


def _was_synced_before(application: Application, operation: Operation) -> bool:
    """Return True if an earlier sync of this revision can already have changed the pods."""
    deployed = application.deployed
    if operation.partial or deployed is None:
        return operation.partial
    return deployed.revisions == application.revisions and "" < deployed.ended_at < operation.started_at


def _is_custom(item: ResourceResult) -> bool:
    return "." in item.group and not item.group.endswith(".k8s.io")


def _is_applied(application: Application) -> bool:
    return application.sync is SyncStatus.SYNCED or bool(_applied_resources(application))


def _has_history(application: Application) -> bool:
    """Return True if Argo CD has deployed another revision before this one."""
    deployed = application.deployed
    if deployed is None:
        return False
    return application.previously is not None or deployed.revisions != application.revisions


def hooks(application: Application, not_begun: Collection[ResourceRef] = ()) -> str:
    """Return the line that lists the hooks of this revision's sync with their results.

    A hook can have changed a database, even if the release failed.

    Args:
        application: the application in its last observed state.
        not_begun: the resources that have pods without any started container.
    """
    if application.operation is None or not application.operation_counts:
        return texts.NO_HOOKS_NO_SYNC
    results = [item for item in application.results if item.hook_type]
    if not results:
        return texts.NO_HOOKS
    hook_texts = [
        texts.HOOK.fill(hook_type=item.hook_type, hook=item, phase=_phase(item, not_begun)) for item in results
    ]
    return one_line(first_names(hook_texts, SHOWN_HOOKS))


def _phase(hook: ResourceResult, not_begun: Collection[ResourceRef]) -> str:
    if hook.status == "SyncFailed":
        return texts.HOOK_REJECTED
    if hook.hook_phase in _WAITS:
        return texts.HOOK_WAITS if hook.ref in not_begun else texts.HOOK_RUNS
    return texts.HOOK_SUCCEEDED if hook.hook_phase == "Succeeded" else texts.HOOK_FAILED


#: The maximum number of excluded resources that the line ``Excluded:`` names.
SHOWN_EXCLUDED: Final = 5


def excluded(application: Application | None) -> str:
    """Return the names of the resources that RELEASE_RESOURCES excludes; "" if all resources count."""
    exclusion = application.exclusion if application else None
    if exclusion is None:
        return ""
    names = [str(item) for item in exclusion.resources]
    return one_line(first_names(names, SHOWN_EXCLUDED, left_out=exclusion.count - len(names)))


_NUMBER: Final = re.compile(r"\d+")


def causes(result: ReleaseResult) -> list[list[ApplicationResult]]:
    """Return the failed applications of a group by their causes, the most severe cause first.

    Two causes are the same if their hints are equal, and their messages differ only in numbers and in the object.
    """
    groups: dict[tuple[str, str], list[ApplicationResult]] = {}
    for application in result.undelivered:
        cause = application.cause
        if cause is not None and (application.outcome.is_failure or application.outcome is result.outcome):
            message = cause.message.removeprefix(str(cause.subject or ""))
            groups.setdefault((_NUMBER.sub("#", message), application.general_hint), []).append(application)
    return list(groups.values())


def numbered(cause: str, number: int, count: int) -> str:
    """Return the line with a cause. If there are several causes, the line says which of them this is."""
    if count == 1:
        return texts.CAUSE.fill(message=cause)
    return texts.CAUSE_OF.fill(number=number, count=count, message=cause)


def listed(counts: Mapping[ResourceState, int], unlisted: Mapping[ResourceState, int]) -> str:
    """Describe how many of the resources the reports list. Return "" if they list all of them.

    Args:
        counts: the number of all resources in each state.
        unlisted: the number of resources in each state that the reports do not list.
    """
    count, left_out = sum(counts.values()), sum(unlisted.values())
    if not left_out:
        return ""
    deviating = sum(number for state, number in unlisted.items() if state.deviates)
    listed = texts.LISTED.fill(count=count, listed=count - left_out)
    return texts.LISTED_DEVIATING.fill(listed=listed, deviating=deviating) if deviating else listed


def exit_code(outcome: Outcome, *, of_group: bool = False) -> str:
    """Return the exit code with its meaning; "" if the release was delivered."""
    if outcome is Outcome.DELIVERED:
        return ""
    text = texts.EXIT_CODE_OF_GROUP if of_group else texts.EXIT_CODE
    return text.fill(exit_code=outcome.exit_code, meaning=outcome.meaning)


#: The maximum number of applications in the table of a group.
ROWS: Final = 250


def overview(result: ReleaseResult) -> str:
    """Describe the result of a group: its worst cause, the reason, the table of the applications, and the facts."""
    outcome = result.outcome
    count = len(causes(result)) if result.is_theirs else 1
    cause = numbered(one_line(str(result.cause)), 1, count) if result.cause else ""
    rows = [
        (
            application.name,
            application.outcome.word,
            f"{application.seconds:.1f} s",
            one_line(str(application.cause or "")),
        )
        for application in result.worst_first
    ]
    lines = table(("APPLICATION", "OUTCOME", "AFTER", "CAUSE"), rows[:ROWS])
    more = texts.LEFT_OUT.fill(lines=counted(len(rows) - ROWS, "more line")) if len(rows) > ROWS else ""
    counts = sum((application.resource_counts for application in result.applications), Counter[ResourceState]())
    unlisted = sum(
        (Counter(application.unlisted.resources) for application in result.applications), Counter[ResourceState]()
    )
    facts = {
        "Commit:": result.image_tag,
        "Resources:": listed(counts, unlisted),
        "Duration:": f"{result.seconds:.1f} s",
        "Exit code:": exit_code(outcome, of_group=result.is_theirs),
    }
    fact_lines = "\n".join(f"{label:12} {one_line(text)}" for label, text in facts.items() if text)
    reason = "" if result.cause and result.cause.message == result.verdict.reason else result.verdict.reason
    head = "\n".join(part for part in (cause, one_line(reason)) if part)
    return "\n\n".join(part for part in (head, "\n".join([*lines, more] if more else lines), fact_lines) if part)
