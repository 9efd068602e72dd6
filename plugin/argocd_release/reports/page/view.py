"""Prepare the data for the HTML page: select it, limit its size, and turn it into texts."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from argocd_release.core.text import without_applied_file
from argocd_release.messages import reports as texts
from argocd_release.model.git import SHA
from argocd_release.model.outcome import Outcome
from argocd_release.reports.page.chart import Chart, SizeBudget, chart

# An object of the JSON report.
Json = Mapping[str, Any]
# The maximum size in bytes of the texts from outside and their markup: for a single application, and for each
# application of a group.
ROOM: Final = 38_000
ROOM_OF_EACH: Final = 5_500
# The maximum number of applications of a group that the page shows in full. If the group is larger, the page shows only
# failures in full. The other applications only have a row in the table.
WHOLE: Final = 16
# The maximum number of rows in the table of a group, and the maximum size of all these rows in bytes.
ROWS: Final = 200
ROOM_OF_ROWS: Final = 150_000
# The maximum number of rows or items of each kind that the page shows for an application.
RESOURCES: Final = 40
PODS: Final = 20
EVENTS: Final = 20
IMAGES: Final = 12
# The number of characters of a commit that the page shows.
SHORT: Final = 8
_OUTCOMES: Final = {outcome.word: outcome for outcome in Outcome}
_WEB: Final = re.compile(r"https?://[^\s\"'<>\\]{1,2000}")


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of the page.

    Attributes:
        title: the title above the table.
        header: the titles of the columns.
        rows: the cells of each row.
        more: the number of rows that are not shown, such as ``and 3 more``; empty if all are shown.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    more: str = ""


@dataclass(frozen=True, kw_only=True)
class Log:
    """The last lines of a container's log."""

    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ChangeView:
    """The revisions or the images before and after the release.

    Attributes:
        what: ``revision`` or ``images``.
        before: the values before the release.
        after: the values after it.
        link: the address of GitLab's comparison of the revisions, or an empty string.
    """

    what: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    link: str = ""

    @property
    def same(self) -> bool:
        """Return True if the release changed nothing."""
        return self.before == self.after


@dataclass(frozen=True, kw_only=True)
class CauseView:
    """The cause of a failure. A text that is not known is empty.

    Attributes:
        cause: the message of the cause.
        code: its cause code.
        link: the page in Argo CD that shows the object.
        reason: the verdict's reason, if it says more than the cause.
        next: the fix.
    """

    cause: str = ""
    code: str = ""
    link: str = ""
    reason: str = ""
    next: str = ""


@dataclass(frozen=True, kw_only=True)
class ApplicationView:
    """The data of an application that the page shows in full."""

    name: str
    url: str
    tone: str
    outcome: str
    seconds: str
    why: CauseView
    proof: str
    chart: Chart
    changes: tuple[ChangeView, ...]
    changed: Table | None
    summary: str
    tables: tuple[Table, ...]
    logs: tuple[Log, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ApplicationRow:
    """The row of an application in the table of a group.

    Attributes:
        anchor: the anchor of the application on the page; empty if the page does not show it in full.
        bars: a chart that shows only the phases.
    """

    name: str
    anchor: str
    tone: str
    outcome: str
    seconds: str
    cause: str
    bars: Chart


@dataclass(frozen=True, kw_only=True)
class Page:
    """The data of the page.

    Attributes:
        tone: the colour: ``good`` for a success, ``bad`` for a failure, ``open`` if the release status is unknown.
        facts: pairs of a label and a text.
        links: pairs of a text and an address.
        rows: the table of the applications; empty if there is only one.
        parts: the applications that the page shows in full.
        more: the number of applications that are not in the table, such as ``and 3 more``, or an empty string.
    """

    title: str
    headline: str
    meaning: str
    tone: str
    why: CauseView
    facts: tuple[tuple[str, str], ...]
    links: tuple[tuple[str, str], ...]
    version: str
    rows: tuple[ApplicationRow, ...] = ()
    parts: tuple[ApplicationView, ...] = field(default=())
    more: str = ""


def view(report: Json) -> Page:
    """Return the data of the page for a JSON report, which must conform to ``report.schema.json``."""
    outcome = _OUTCOMES[report["outcome"]]
    applications = sorted(report["applications"], key=_worst_first)
    several = len(applications) > 1
    failed = sum(application["outcome"] != Outcome.DELIVERED.word for application in applications)
    full = applications[: len(applications) if len(applications) <= WHOLE else min(failed, WHOLE)]
    whole = max([report["seconds"], *(application["seconds"] for application in applications)])
    top, rows = SizeBudget(ROOM_OF_EACH), SizeBudget(ROOM_OF_ROWS)
    title = f"{len(applications)} applications"
    if not several:
        title = top.take(applications[0]["name"], 200) if applications else "No application"
    facts = {
        "commit": top.take(report["image_tag"], 60),
        "took": _seconds(report["seconds"]),
        "ended": _moment(report["ended_at"]),
        "exit code": f"{outcome.exit_code}",
    }
    return Page(
        title=title,
        headline=outcome.headline.capitalize(),
        meaning=outcome.meaning,
        tone=_tone(outcome),
        why=_why(report, top),
        facts=tuple((name, text) for name, text in facts.items() if text),
        links=tuple((text, url) for text, url in (("the site", report["site_url"]),) if _WEB.fullmatch(url)),
        version=top.take(report["version"], 40),
        rows=tuple(
            _row(application, f"application-{position}" if position < len(full) else "", whole, rows)
            for position, application in enumerate(applications[:ROWS])
        )
        if several
        else (),
        parts=tuple(
            _part(
                application,
                application["seconds"] if several else report["seconds"],
                SizeBudget(ROOM_OF_EACH if several else ROOM),
            )
            for application in full
        ),
        more=f"and {len(applications) - ROWS} more" if len(applications) > ROWS else "",
    )


def _worst_first(application: Json) -> tuple[int, float, str]:
    return (-_OUTCOMES[application["outcome"]].severity, -application["seconds"], application["name"])


def _tone(outcome: Outcome) -> str:
    if outcome is Outcome.DELIVERED:
        return "good"
    return "bad" if outcome.is_failure else "open"


def _row(application: Json, anchor: str, seconds: float, room: SizeBudget) -> ApplicationRow:
    return ApplicationRow(
        name=room.take(application["name"], 120, markup=640),
        anchor=anchor,
        tone=_tone(_OUTCOMES[application["outcome"]]),
        outcome=application["outcome"],
        seconds=_seconds(application["seconds"]),
        cause=room.take(application["cause"]["message"], 160) if application["cause"] else "",
        bars=chart(application, seconds, SizeBudget(0), lanes=0),
    )


def _part(application: Json, seconds: float, room: SizeBudget) -> ApplicationView:
    state = application["state"] or {}
    outcome = _OUTCOMES[application["outcome"]]
    return ApplicationView(
        name=room.take(application["name"], 200),
        url=application["url"] if _WEB.fullmatch(application["url"]) else "",
        tone=_tone(outcome),
        outcome=outcome.word,
        seconds=_seconds(application["seconds"]),
        why=_why(application, room),
        proof=room.take(application["proof"], 600),
        # Take the texts of the evidence before those of the chart, because the evidence matters more.
        tables=tuple(_tables(application, state, room)),
        logs=tuple(_logs(application["logs"], room)),
        notes=tuple(room.take(note, 400, markup=20) for note in application["notes"][:10]),
        chart=chart(application, seconds, room),
        changes=tuple(_changes(application["changes"], state, application["counts"]["images"], room)),
        changed=_changed(application["changes"], room),
        summary=_summary(application["changes"]),
    )


def _why(judged: Json, room: SizeBudget) -> CauseView:
    cause, reason = judged["cause"], judged["reason"]
    if cause is None:
        return CauseView()
    return CauseView(
        cause=room.take(cause["message"], 1200),
        code=room.take(cause["code"], 60),
        link=cause["link"] if _WEB.fullmatch(cause["link"]) else "",
        reason=room.take(reason, 800) if judged["reason_adds"] else "",
        next=room.take(cause["hint"], 600),
    )


def _tables(application: Json, state: Json, room: SizeBudget) -> Iterator[Table]:
    conditions = [(item["type"], item["message"]) for item in state.get("conditions", ())]
    counts = application["counts"]
    yield from _table("Conditions", ("Condition", "Message"), conditions, 10, room, count=counts["conditions"])
    broken = [
        (f"{item['kind']}/{item['name']}", item["namespace"], item["sync"], item["health"], item["message"])
        for item in state.get("resources", ())
        if not item["hook"] and (item["sync"] != "Synced" or item["health"] not in {"", "Healthy"})
    ]
    header = ("Resource", "Namespace", "Sync", "Health", "Message")
    yield from _table(texts.UNHEALTHY_RESOURCES, header, broken, PODS, room, count=counts["deviating"])
    pods = [
        (item["name"], item["namespace"], item["ready"], item["status"], str(item["restarts"]))
        for item in application["pods"]
    ]
    pod_header = ("Pod", "Namespace", "Ready", "Status", "Restarts")
    yield from _table("Pods", pod_header, pods, PODS, room, count=counts["pods"])
    events = [
        (item["object"], item["type"], item["reason"], f"{item['count']}×", item["message"])
        for item in sorted(application["events"], key=lambda item: item["type"] == "Normal")
    ]
    yield from _table("Events", ("Object", "Type", "Reason", "Count", "Message"), events, EVENTS, room)


def _table(
    title: str,
    header: tuple[str, ...],
    rows: Sequence[Sequence[str]],
    most: int,
    room: SizeBudget,
    *,
    count: int | None = None,
) -> Iterator[Table]:
    """Yield the table, or nothing if it would have no rows.

    Args:
        title: the title above the table.
        header: the titles of the columns.
        rows: the cells of each row.
        most: the maximum number of rows that the page shows.
        room: the size budget for the cells.
        count: the number of all rows, if ``rows`` does not contain all of them.
    """
    cells: list[tuple[str, ...]] = []
    for row in rows[:most]:
        if room.left <= 0:
            break
        cells.append(
            tuple(room.take(cell, 400 if place == len(row) - 1 else 160, markup=10) for place, cell in enumerate(row))
        )
    if cells:
        left_out = (len(rows) if count is None else count) - len(cells)
        more = f"and {left_out} more" if left_out > 0 else ""
        yield Table(title=title, header=header, rows=tuple(cells), more=more)


def _logs(logs: Sequence[Json], room: SizeBudget) -> Iterator[Log]:
    for log in logs[:3]:
        named = texts.PAGE_LOG_BEFORE_RESTART if log["previous"] else texts.PAGE_LOG
        title = named.fill(pod=room.take(log["pod"], 120), container=room.take(log["container"], 80))
        # Take the last lines first if the size budget is small, because they show why the program ended.
        lines = [room.take(line, 500, markup=2) for line in reversed(log["lines"]) if room.left > 0]
        yield Log(title=title, lines=tuple(reversed(lines)))


def _changes(changes: Json, state: Json, images: int, room: SizeBudget) -> Iterator[ChangeView]:
    before, after = changes["revisions_before"], state.get("revisions", [])
    link = next((url for url in changes["compare"] if _WEB.fullmatch(url)), "")
    if after:
        yield ChangeView(what="revision", before=_shas(before, room), after=_shas(after, room), link=link)
    was, now = changes["images_before"], state.get("images", [])
    new, gone = [image for image in now if image not in was], [image for image in was if image not in now]
    if new or gone:
        yield ChangeView(what="images", before=_few(gone, room), after=_few(new, room))
    elif now:
        yield ChangeView(what="images", before=(same := _few(now, room, count=images)), after=same)


def _shas(revisions: Sequence[str], room: SizeBudget) -> tuple[str, ...]:
    return tuple(room.take(text[:SHORT] if SHA.fullmatch(text) else text, 80, markup=20) for text in revisions[:IMAGES])


def _few(texts: Sequence[str], room: SizeBudget, *, count: int = 0) -> tuple[str, ...]:
    left_out = max(count, len(texts)) - len(texts[:IMAGES])
    more = (f"and {left_out} more",) if left_out else ()
    return (*(room.take(text, 300, markup=20) for text in texts[:IMAGES]), *more)


def _changed(changes: Json, room: SizeBudget) -> Table | None:
    rows = [
        (
            f"{item['kind']}/{item['name']}",
            item["namespace"],
            item["hook"] or item["action"],
            without_applied_file(item["message"]),
        )
        for item in changes["resources"]
    ]
    header = ("Resource", "Namespace", "Action", "Message")
    return next(_table("Resources", header, rows, RESOURCES, room, count=changes["count"]), None)


def _summary(changes: Json) -> str:
    """Return the number of changes by action as a text, such as ``2 configured, 1 pruned, 298 unchanged``."""
    counts = Counter[str](changes["actions"])
    hooks, rest = changes["hooks"], changes["unchanged"]
    parts = [f"{count} {action[:20]}" for action, count in counts.most_common(6)]
    parts += [f"{hooks} hook{'s' if hooks > 1 else ''}"] if hooks else []
    return ", ".join([*parts, f"{rest} unchanged"] if rest else parts)


def _seconds(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{seconds:.1f} s" if seconds < 100 else f"{minutes} min {rest} s"  # noqa: PLR2004


def _moment(text: str) -> str:
    try:
        return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except ValueError:
        return ""
