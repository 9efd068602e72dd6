"""The evidence of a release that was not delivered, in blocks for the job log and the JUnit report.

The evidence has at most 200 lines: each block has a limit, and its last line gives the number of omitted lines.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from argocd_release.core.text import QUOTED, counted, one_line
from argocd_release.model.application import Application, HealthStatus, Resource, ResourceResult, SyncStatus
from argocd_release.model.outcome import Outcome
from argocd_release.model.result import ApplicationResult, ObjectEvent, PodLog, ReleaseResult
from argocd_release.reports.summary import age, table

SHOWN_IMAGES: Final = 3
STATUS_LINES: Final = 20
CAUSE_LINES: Final = 6
RESOURCES: Final = 15
CHANGED: Final = 30
PODS: Final = 10
EVENTS: Final = 15
_SHORT: Final = 8
_HEALTHY: Final = frozenset({None, HealthStatus.HEALTHY})
_COLUMNS: Final = ("GROUP", "KIND", "NAMESPACE", "NAME", "STATUS", "HEALTH", "HOOK", "MESSAGE")
_LINE_START: Final = re.compile(r"\n(?! )")
# The random suffix of a name that Kubernetes generated.
_GENERATED: Final = re.compile(r"-[bcdfghjklmnpqrstvwxz2456789]{5}(?=\")")


@dataclass(frozen=True, kw_only=True)
class Block:
    """Lines of evidence under a title. ``name`` is the name of their section in GitLab's log."""

    name: str
    title: str
    lines: tuple[str, ...]
    collapsed: bool = False

    def __str__(self) -> str:
        return "\n".join((self.title, *self.lines))


def story(result: ApplicationResult) -> str:
    """Return the complete evidence as one text: the cause, the blocks, the next step, and the facts."""
    parts = [headline(result), *map(str, blocks(result)), next_step(result), facts(result)]
    return "\n\n".join(part for part in parts if part) + "\n"


def headline(result: ApplicationResult) -> str:
    """Return the cause, and the verdict's reason if it adds to the cause."""
    cause = result.cause or result.verdict.cause
    said = _headed(cause.message)
    return f"{said}\n{_indented(result.verdict.reason)}" if result.reason_adds else said


def _headed(message: str) -> str:
    return f"cause: {_indented(message)}"


def _indented(message: str) -> str:
    """Return the message with its further lines indented, so that none looks like a line of the job."""
    return _LINE_START.sub("\n  ", message)


def caveat(result: ApplicationResult) -> str:
    """Return a note on the limits of a success, or an empty string."""
    if result.outcome is not Outcome.DELIVERED:
        return ""
    if result.verdict.caveat:
        return f"note: {result.verdict.caveat}"
    if result.proven:
        return ""
    if result.image_is_there:
        return (
            f"note: there is an image of this commit ({result.image_tag}), but the job saw no serving pod with it; to "
            "prove this commit, set <RELEASE_IMAGE> to the image that was built, or <RELEASE_REVISION>"
        )
    return (
        "note: this success only means that HEAD of the tracked branch is deployed; to prove this commit "
        f"({result.image_tag}), set <RELEASE_IMAGE> to the image that was built, or <RELEASE_REVISION>"
    )


def last_lines(result: ApplicationResult) -> str:
    """Return the last lines of the log: the cause, the fix and the link to the documentation; empty without a cause.

    GitLab's summary shows the last ten lines of a failed job's log, and people read the end of a log first.
    """
    cause = _limited(_headed(result.cause.message).splitlines(), CAUSE_LINES) if result.cause else []
    return "\n".join(filter(None, (*cause, next_step(result))))


def next_step(result: ApplicationResult) -> str:
    """Return the fix and the link to the documentation, or an empty string without a cause."""
    hint = f"next: {result.cause.hint}" if result.cause and result.cause.hint else ""
    return "\n".join(part for part in (hint, f"help: {result.help_url}" if result.help_url else "") if part)


def facts(result: ApplicationResult) -> str:
    """Return the facts about the release, one per line. Unknown facts are left out."""
    application = result.application
    images = application.images if application else ()
    more = f" and {len(images) - SHOWN_IMAGES} more" if len(images) > SHOWN_IMAGES else ""
    outcome = result.outcome
    lines = {
        "Application:": result.name,
        "Image Tag:" if result.image_is_there else "Commit:": result.image_tag,
        "Images:": ", ".join(images[:SHOWN_IMAGES]) + more,
        "Expected:": _expected(result),
        "Revision:": application.revision if application else "",
        "Contains:": result.verdict.delivered_by,
        "URL:": result.url,
        "Duration:": f"{result.seconds:.1f} s",
        "Exit code:": "" if outcome is Outcome.DELIVERED else f"{outcome.exit_code} ({outcome.meaning})",
    }
    return "\n".join(f"{label:12} {one_line(text)}" for label, text in lines.items() if text)


def _expected(result: ApplicationResult) -> str:
    """Return the expectation of a failed release and the revision that Argo CD has; empty without an expectation."""
    if not result.outcome.is_failure or not result.expects:
        return ""
    revisions = result.application.revisions if result.application else ()
    actual = ", ".join(revision[:_SHORT] for revision in revisions if revision)
    return f"{result.expects}; Argo CD has {actual}" if actual and "revision " in result.expects else result.expects


def blocks(result: ApplicationResult) -> Iterator[Block]:
    """Yield the blocks that show the cause, in the order of the job log: the closest to the cause comes last."""
    diagnosis = result.diagnosis
    status = diagnosis.status.splitlines()
    failed = result.outcome is not Outcome.DELIVERED
    command = f"$ argocd app get {result.name}"
    yield from _block("status", command, _limited(status, STATUS_LINES), collapsed=failed)
    if result.application is not None and result.outcome.is_failure:
        yield from _block("conditions", "Conditions", _conditions(result.application))
        yield from _block("resources", "Resources", _resources(result.application))
    if result.application is not None and not failed:
        yield from _block("changed", "What changed", _changed(result.application))
    yield from _block("pods", "Pods", _pods(result))
    yield from _block("events", "Recent events", _events(result))
    same: dict[tuple[str, ...], list[PodLog]] = {}
    for log in diagnosis.logs:
        same.setdefault(log.lines, []).append(log)
    for position, logs in enumerate(same.values(), 1):
        lines = [f"{QUOTED}{line}".rstrip() for line in logs[0].lines]
        others = [f"the same: {', '.join(f'Pod/{log.pod}' for log in logs[1:])}"] if logs[1:] else []
        yield from _block(f"log-{position}", _log_title(logs[0]), [*lines, *others])
    yield from _block("notes", "Not shown", list(diagnosis.notes))


def _block(name: str, title: str, lines: Sequence[str], *, collapsed: bool = False) -> Iterator[Block]:
    if lines:
        yield Block(name=name, title=title, lines=tuple(lines), collapsed=collapsed)


def _conditions(application: Application) -> list[str]:
    rows = [(item.type, item.message) for item in application.conditions]
    return _limited(table(("CONDITION", "MESSAGE"), rows), RESOURCES)


def _resources(application: Application) -> list[str]:
    told = {(item.kind, item.name): item for item in application.results if item.failed}
    hooks = [item for item in application.results if item.hook_type and item.hook_phase != "Succeeded"]
    broken = [item for item in application.resources if _is_broken(item) and not item.hook]
    rows = [_hook_row(item) for item in hooks]
    rows += [_resource_row(item, told.get((item.kind, item.name))) for item in broken]
    fine = sum(not _is_broken(item) and not item.hook for item in application.resources)
    lines = _limited(table(_COLUMNS, rows), RESOURCES)
    return (
        [
            *lines,
            f"{counted(fine, 'other resource')} without problems"
            if lines
            else f"{counted(fine, 'resource')} without problems",
        ]
        if fine
        else lines
    )


def _changed(application: Application) -> list[str]:
    """Return the resources that this sync changed, others that are not Healthy, and the number of unchanged ones."""
    now = {item.ref: item for item in application.resources}
    changed = [item for item in application.results if item.changed]
    rows = [_result_row(item, now.get(item.ref)) for item in changed]
    told = {item.ref for item in changed}
    rows += [_resource_row(item, None) for item in application.resources if _is_broken(item) and item.ref not in told]
    lines = table(_COLUMNS, rows[:CHANGED])
    if len(rows) > CHANGED:
        lines.append(f"and {len(rows) - CHANGED} more: {actions(changed[CHANGED:])}")
    rest = len(application.resources) - sum(item.ref in now for item in changed)
    return [*lines, f"+ {rest} unchanged"] if rest > 0 else lines


def actions(results: Sequence[ResourceResult]) -> str:
    """Return the number of results of each action, such as ``2 configured, 268 created``."""
    counts = Counter(item.action or item.hook_type or item.status for item in results)
    return ", ".join(f"{count} {one_line(action, limit=40)}" for action, count in sorted(counts.items()))


def _is_broken(item: Resource) -> bool:
    return item.sync is not SyncStatus.SYNCED or item.health not in _HEALTHY


def _resource_row(item: Resource, told: ResourceResult | None) -> tuple[str, ...]:
    message = told.message if told else item.message
    return (item.group, item.kind, item.namespace, item.name, item.sync, item.health or "", "", message)


def _result_row(item: ResourceResult, now: Resource | None) -> tuple[str, ...]:
    if item.hook_type:
        return _hook_row(item)
    health = now.health if now and now.health else ""
    return (
        item.group,
        item.kind,
        item.namespace,
        item.name,
        now.sync if now else item.status,
        health,
        "",
        item.message,
    )


def _hook_row(item: ResourceResult) -> tuple[str, ...]:
    return (item.group, item.kind, item.namespace, item.name, item.hook_phase, "", item.hook_type, item.message)


def _pods(result: ApplicationResult) -> list[str]:
    pods = result.diagnosis.pods
    broken = [pod for pod in pods if pod.health != "Healthy"]
    rows = [
        (pod.namespace, pod.name, pod.containers, pod.reason, str(pod.restarts), age(pod.created_at, result.ended_at))
        for pod in broken
    ]
    lines = _limited(table(("NAMESPACE", "NAME", "READY", "STATUS", "RESTARTS", "AGE"), rows), PODS)
    fine = len(pods) - len(broken)
    if not fine:
        return lines
    return [
        *lines,
        f"{counted(fine, 'other pod')} ready or completed" if lines else f"{counted(fine, 'pod')} ready or completed",
    ]


def _events(result: ApplicationResult) -> list[str]:
    merged: dict[tuple[str, str, str], ObjectEvent] = {}
    counts: dict[tuple[str, str, str], int] = {}
    for occurrence in result.diagnosis.occurrences:
        event = occurrence.event
        # Merge the events of a controller that retries: each attempt to create a pod generates another name.
        key = (occurrence.subject, event.reason, _GENERATED.sub("", event.message))
        merged[key] = occurrence
        counts[key] = counts.get(key, 0) + event.count
    warnings = [(key, found) for key, found in merged.items() if found.event.type != "Normal"]
    rows = [
        (
            age(found.event.last_at, result.ended_at) + (f" (x{counts[key]})" if counts[key] > 1 else ""),
            found.event.type,
            found.event.reason,
            found.subject,
            found.event.message,
        )
        for key, found in warnings
    ]
    lines = _limited(table(("LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"), rows), EVENTS)
    normal = len(merged) - len(warnings)
    return [*lines, f"and {normal} more of type Normal"] if lines and normal else lines


def _log_title(log: PodLog) -> str:
    before = " before its last restart" if log.previous else ""
    return f"Log of Pod/{log.pod}, container {log.container}{before}, last {counted(len(log.lines), 'line')}"


def _limited(lines: Sequence[str], limit: int) -> list[str]:
    left = len(lines) - limit
    return [*lines[:limit], f"… and {counted(left, 'more line')} left out"] if left > 0 else list(lines)


ROWS: Final = 250


def overview(result: ReleaseResult) -> str:
    """Return the result of a group as one text: the worst cause, the reason, the table and the facts."""
    outcome = result.outcome
    cause = f"cause: {one_line(str(result.cause))}" if result.cause else ""
    rows = [
        (one.name, one.outcome.word, f"{one.seconds:.1f} s", one_line(str(one.cause or "")))
        for one in result.worst_first
    ]
    lines = table(("APPLICATION", "OUTCOME", "AFTER", "CAUSE"), rows[:ROWS])
    more = f"… and {counted(len(rows) - ROWS, 'more line')} left out" if len(rows) > ROWS else ""
    facts = {
        "Commit:": result.image_tag,
        "Duration:": f"{result.seconds:.1f} s",
        "Exit code:": "" if outcome is Outcome.DELIVERED else f"{outcome.exit_code} ({outcome.meaning})",
    }
    known = "\n".join(f"{label:12} {one_line(text)}" for label, text in facts.items() if text)
    reason = "" if result.cause and result.cause.message == result.verdict.reason else result.verdict.reason
    head = "\n".join(part for part in (cause, one_line(reason)) if part)
    return "\n\n".join(part for part in (head, "\n".join([*lines, more] if more else lines), known) if part)


RULE: Final = "=" * 45


def render(result: ReleaseResult) -> str:
    """Return the banner at the end of the log, without a line feed after it."""
    one = None if result.several else result.only
    if one is None:
        return f"{RULE}\n{result.outcome.headline}\n{RULE}\n{overview(result)}\n{RULE}"
    why = "" if result.outcome is Outcome.DELIVERED else f"{headline(one)}\n\n"
    return f"{RULE}\n{result.outcome.headline}\n{RULE}\n{why}{facts(one)}\n{RULE}"
