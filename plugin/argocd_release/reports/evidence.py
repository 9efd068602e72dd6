"""Show the evidence about a release in blocks, for the job log, the JUnit report and the comment in the merge request.

Each block has its own line limit, and all blocks together have at most 200 lines. The last line of a shortened block
gives the number of omitted lines.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from argocd_release.core.text import QUOTED, counted, first_names, one_line, without_ids
from argocd_release.messages import reports as texts
from argocd_release.model.application import Application, Resource, ResourceResult
from argocd_release.model.outcome import Outcome
from argocd_release.model.resource_tree import COMBINED
from argocd_release.model.result import ApplicationResult, Change, ObjectEvent, PodLog, ReleaseResult, ResourceState
from argocd_release.reports import summary
from argocd_release.reports.summary import age, table
from argocd_release.reports.summary import state as release_state

#: The maximum number of images that the line ``Images:`` names.
SHOWN_IMAGES: Final = 3
#: The maximum number of lines of the output of ``argocd app get`` that the evidence shows.
STATUS_LINES: Final = 20
#: The maximum number of lines for the cause at the end of the job log.
CAUSE_LINES: Final = 6
#: The maximum number of lines in the table of resources, and in that of conditions.
RESOURCES: Final = 15
#: The maximum number of resources in the table of changes.
CHANGED: Final = 30
#: The maximum number of lines in the table of pods.
PODS: Final = 10
#: The maximum number of lines in the table of events.
EVENTS: Final = 15
#: The maximum number of lines of a pod's log below the cause.
LAST_WORDS: Final = 3
_COLUMNS: Final = ("GROUP", "KIND", "NAMESPACE", "NAME", "STATUS", "HEALTH", "HOOK", "MESSAGE")
_LINE_START: Final = re.compile(r"\n(?! )")
# The random suffix that Kubernetes appends to a generated name. In the message of an event, a quotation mark follows
# it.
_GENERATED: Final = re.compile(r"-[bcdfghjklmnpqrstvwxz2456789]{5}(?=\")")


@dataclass(frozen=True, kw_only=True)
class Block:
    """A block of evidence.

    Attributes:
        name: the name of its section in GitLab's log.
        title: the title for people.
        lines: the lines below the title.
    """

    name: str
    title: str
    lines: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join((self.title, *self.lines))


def story(result: ApplicationResult) -> str:
    """Return all evidence as one text: the cause, the next step, the facts, and the blocks."""
    parts = [headline(result), next_step(result), facts(result), *map(str, blocks(result))]
    return without_ids("\n\n".join(part for part in parts if part) + "\n")


def headline(result: ApplicationResult) -> str:
    """Return the cause. If the verdict's reason says more than the cause, add the reason."""
    cause = result.cause or result.verdict.cause
    text = _headed(cause.message)
    return f"{text}\n{_indented(result.verdict.reason)}" if result.reason_adds else text


def _headed(message: str) -> str:
    return texts.CAUSE.fill(message=_indented(message))


def _indented(message: str) -> str:
    """Return the message with all lines after the first indented, so that none looks like a line of the job itself."""
    return _LINE_START.sub("\n  ", message)


def caveat(result: ApplicationResult) -> str:
    """Return a note on what this success does not prove; "" if nothing is unproven or the outcome is no success."""
    if result.outcome is not Outcome.DELIVERED:
        return ""
    if result.verdict.caveat:
        return texts.NOTE.fill(caveat=result.verdict.caveat)
    if result.proven:
        return ""
    if result.image_is_there:
        return texts.NO_SERVING_POD_NOTE.fill(image_tag=result.image_tag)
    return texts.NOT_PROVEN_NOTE.fill(image_tag=result.image_tag)


def last_lines(result: ApplicationResult) -> str:
    """Return the last lines of the job log, which people read first: the cause, the fix and the link to the docs."""
    cause = _limited(_headed(result.cause.message).splitlines(), CAUSE_LINES) if result.cause else []
    return "\n".join(filter(None, (*cause, next_step(result))))


def last_lines_of_group(result: ApplicationResult, cause: str, hint: str) -> str:
    """Return the last lines about one cause in a group: the cause, the last log lines of the pod, and the fix.

    Args:
        result: an application with this cause.
        cause: the line with the cause, which names all applications that have it.
        hint: the fix for all these applications.
    """
    lines = _limited(_indented(cause).splitlines(), CAUSE_LINES)
    return "\n".join(filter(None, (*lines, last_words(result), _next_step(hint, result))))


def last_words(result: ApplicationResult) -> str:
    """Return the last log lines of the pod that is the root cause, or the reason why the job has no log of it.

    The result is an empty string if the root cause is not a pod.
    """
    cause, diagnosis = result.cause, result.diagnosis
    if cause is None or cause.subject is None or cause.subject.ref.kind != "Pod":
        return ""
    pod = str(cause.subject.ref)
    log = next((log for log in diagnosis.logs if f"Pod/{log.pod}" == pod), None)
    if log is None:
        return diagnosis.no_log
    lines = [line for line in log.lines if line.strip()][-LAST_WORDS:]
    # Directly below the cause, which names the pod, the lines need no title.
    title = [texts.LAST_WORDS.fill(pod=pod)] if result.reason_adds else []
    return "\n".join([*title, *(f"{QUOTED}{line}".rstrip() for line in lines)])


def next_step(result: ApplicationResult) -> str:
    """Return the fix of the cause and the link to the documentation, or an empty string if both are unknown."""
    return _next_step(result.cause.hint if result.cause else "", result)


def _next_step(fix: str, result: ApplicationResult) -> str:
    link = texts.HELP.fill(url=result.help_url) if result.help_url else ""
    return "\n".join(filter(None, (texts.NEXT.fill(hint=fix) if fix else "", link)))


def hint(result: ApplicationResult) -> str:
    """Return the line with the fix of the cause, or an empty string if it is unknown."""
    return texts.NEXT.fill(hint=result.cause.hint) if result.cause and result.cause.hint else ""


def facts(result: ApplicationResult) -> str:
    """Return the facts about the release, one per line. Leave out unknown facts."""
    application, outcome, state = result.application, result.outcome, release_state(result)
    # If the lines about the state name the running pods, leave out Argo CD's list of images: it also contains images of
    # finished Jobs.
    images = application.images if application and (not state or result.diagnosis.serving is None) else ()
    has_tag = outcome is Outcome.DELIVERED and result.image_is_there
    # If the release was not delivered, the line `Expected:` can already name the commit. Then leave out `Commit:`.
    names_commit = bool(result.image_tag) and result.image_tag in result.expects
    phases, seconds = summary.line(result), f"{result.seconds:.1f} s"
    lines = {
        "Application:": result.name,
        texts.IMAGE_TAG if has_tag else "Commit:": "" if state and names_commit else summary.commit(result),
        **state,
        "Images:": first_names(images, SHOWN_IMAGES, left_out=result.unlisted.images if images else 0),
        "Revision:": application.revision if application and not state else "",
        "Contains:": result.verdict.delivered_by,
        "Resources:": summary.listed(result.resource_counts, result.unlisted.resources),
        texts.EXCLUDED: "" if state else summary.excluded(application),
        "URL:": result.url,
        "Duration:": texts.DURATION.fill(seconds=f"{result.seconds:.1f}", phases=phases) if phases else seconds,
        "Exit code:": summary.exit_code(outcome),
    }
    return without_ids("\n".join(_labelled(lines)))


def _labelled(texts_by_label: Mapping[str, str]) -> list[str]:
    return [f"{label:12} {one_line(text)}" for label, text in texts_by_label.items() if text]


def blocks(result: ApplicationResult, *, several: bool = False) -> Iterator[Block]:
    """Yield the blocks in the order of the job log.

    If ``several`` is True, the first block shows the application's state, which the facts about a group do not contain.
    """
    diagnosis = result.diagnosis
    if several:
        yield from _block("state", texts.STATE, _labelled(release_state(result)))
    status = diagnosis.status.splitlines()
    failed = result.outcome is not Outcome.DELIVERED
    command = texts.COMMAND.fill(application=result.name)
    yield from _block("status", command, _limited(status, STATUS_LINES))
    if result.application is not None and result.outcome.is_failure:
        yield from _block("conditions", "Conditions", _conditions(result, result.application))
        yield from _block("resources", "Resources", _resources(result, result.application))
    if result.application is not None and not failed:
        yield from _block("changed", texts.CHANGED, _changed(result, result.application))
    yield from _block("pods", "Pods", _pods(result))
    yield from _block("events", texts.EVENTS, _events(result))
    same: dict[tuple[str, ...], list[PodLog]] = {}
    for log in diagnosis.logs:
        same.setdefault(log.lines, []).append(log)
    for position, logs in enumerate(same.values(), 1):
        lines = [f"{QUOTED}{line}".rstrip() for line in logs[0].lines]
        others = [texts.SAME_LOG.fill(pods=", ".join(f"Pod/{log.pod}" for log in logs[1:]))] if logs[1:] else []
        yield from _block(f"log-{position}", _log_title(logs[0]), [*lines, *others])
    yield from _block("notes", texts.NOT_SHOWN, list(diagnosis.notes))


def _block(name: str, title: str, lines: Sequence[str]) -> Iterator[Block]:
    if lines:
        yield Block(name=name, title=title, lines=tuple(lines))


def _conditions(result: ApplicationResult, application: Application) -> list[str]:
    rows = [(item.type, item.message) for item in application.conditions]
    return _limited(table(("CONDITION", "MESSAGE"), rows), RESOURCES, unlisted=result.unlisted.conditions)


def _resources(result: ApplicationResult, application: Application) -> list[str]:
    failures = {(item.kind, item.name): item for item in application.results if item.failed}
    hooks = [item for item in application.results if item.hook_type and item.hook_phase != "Succeeded"]
    broken = [item for item in application.resources if ResourceState.of(item).deviates]
    rows = [_hook_row(item) for item in hooks]
    rows += [_resource_row(item, failures.get((item.kind, item.name))) for item in broken]
    counts = result.resource_counts
    fine = sum(count for state, count in counts.items() if not (state.hook or state.deviates))
    unlisted = sum(count for state, count in result.unlisted.resources.items() if state.deviates)
    lines = _limited(table(_COLUMNS, rows), RESOURCES, unlisted=unlisted)
    if not fine:
        return lines
    return [*lines, texts.RESOURCES_FINE.fill(resources=counted(fine, "other resource" if lines else "resource"))]


def _changed(result: ApplicationResult, application: Application) -> list[str]:
    """Return the table of the resources that the sync has changed, or that are not both Synced and Healthy.

    The last line gives the number of unchanged resources.
    """
    now = {item.ref: item for item in application.resources}
    changed = [item for item in application.results if item.changed]
    rows = [_result_row(item, now.get(item.ref)) for item in changed]
    changed_refs = {item.ref for item in changed}
    rows += [
        _resource_row(item, None)
        for item in application.resources
        if ResourceState.of(item).deviates and item.ref not in changed_refs
    ]
    lines = table(_COLUMNS, rows[:CHANGED])
    left_out = result.change_counts - Counter(map(Change.of, changed[:CHANGED]))
    if count := max(len(rows) - CHANGED, 0) + sum(result.unlisted.changes.values()):
        lines.append(texts.MORE_CHANGES.fill(count=count, actions=actions(left_out)))
    rest = result.unchanged_count
    return [*lines, texts.UNCHANGED.fill(count=rest)] if rest > 0 else lines


def actions(changes: Mapping[Change, int]) -> str:
    """Return the number of changes by action as a text, such as ``2 configured, 268 created``."""
    counts = Counter[str]()
    for change, count in changes.items():
        counts[change.word] += count
    return ", ".join(f"{count} {one_line(word, limit=40)}" for word, count in sorted(counts.items()))


def _resource_row(item: Resource, result: ResourceResult | None) -> tuple[str, ...]:
    message = result.message if result else item.message
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
    if result.unlisted.pods:
        lines.append(texts.PODS_UNLISTED.fill(pods=counted(result.unlisted.pods, "more pod")))
    fine = len(pods) - len(broken)
    if not fine:
        return lines
    return [*lines, texts.PODS_FINE.fill(pods=counted(fine, "other pod" if lines else "pod"))]


def _events(result: ApplicationResult) -> list[str]:
    merged: dict[tuple[str, str, str], ObjectEvent] = {}
    counts: dict[tuple[str, str, str], int] = {}
    for occurrence in result.diagnosis.events:
        event = occurrence.event
        # Merge the events of a retrying controller: their messages differ only in the generated name of each new pod.
        event = replace(event, message=event.message.removeprefix(COMBINED))
        key = (occurrence.subject, event.reason, _GENERATED.sub("", event.message))
        occurrence = replace(occurrence, event=event)  # noqa: PLW2901
        merged[key] = occurrence
        counts[key] = counts.get(key, 0) + event.count
    warnings = [(key, group) for key, group in merged.items() if group.event.type != "Normal"]
    rows = [
        (
            age(group.event.last_at, result.ended_at) + (f" (x{counts[key]})" if counts[key] > 1 else ""),
            group.event.type,
            group.event.reason,
            group.subject,
            group.event.message,
        )
        for key, group in warnings
    ]
    lines = _limited(table(("LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"), rows), EVENTS)
    normal = len(merged) - len(warnings)
    return [*lines, texts.MORE_NORMAL_EVENTS.fill(count=normal)] if lines and normal else lines


def _log_title(log: PodLog) -> str:
    title = texts.LOG_BEFORE_RESTART if log.previous else texts.LOG
    return title.fill(pod=log.pod, container=log.container, lines=counted(len(log.lines), "line"))


def _limited(lines: Sequence[str], limit: int, *, unlisted: int = 0) -> list[str]:
    left = max(len(lines) - limit, 0) + unlisted
    return [*lines[:limit], texts.LEFT_OUT.fill(lines=counted(left, "more line"))] if left > 0 else list(lines)


RULE: Final = "=" * 45


def render(result: ReleaseResult) -> str:
    """Return the banner with the result, which ends the log. It does not end with a line feed."""
    application = None if result.several else result.only
    if application is None:
        return f"{RULE}\n{result.outcome.headline}\n{RULE}\n{summary.overview(result)}\n{RULE}"
    if result.outcome is Outcome.DELIVERED:
        return f"{RULE}\n{result.outcome.headline}\n{RULE}\n{facts(application)}\n{RULE}"
    # The last lines of the log repeat the next step, with the link.
    why = "\n".join(filter(None, (headline(application), last_words(application), hint(application))))
    return f"{RULE}\n{result.outcome.headline}\n{RULE}\n{why}\n{facts(application)}\n{RULE}"
