"""Prepare the tables and logs of the page: the expectation, evidence and changes of an application, limited in size."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from argocd_release.core.text import SHORT_SHA, clean, without_applied_file
from argocd_release.model.git import SHA
from argocd_release.reports.page.chart import SizeBudget
from argocd_release.reports.page.language import Text, words

Json = Mapping[str, Any]
# The maximum number of rows in each table, and the maximum number of logs.
RESOURCES: Final = 40
PODS: Final = 20
EVENTS: Final = 20
CONDITIONS: Final = 10
LOGS: Final = 3
#: The number of log lines that the page always shows below the cause. It folds the earlier lines.
LAST_LINES: Final = 8
#: Each log of a hook can use half of the remaining size budget, but at least this many bytes.
_LEAST_LOG: Final = 4000
#: The maximum number of lines of each log.
LOG_LINES: Final = 40


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of the page.

    Attributes:
        title: the title above the table.
        header: the titles of the columns.
        rows: the cells of each row.
        more: the number of rows that are not shown, such as ``and 3 more``, or None.
    """

    title: Text
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    more: Text | None = None


@dataclass(frozen=True, kw_only=True)
class Log:
    """The last lines of a container's log.

    Attributes:
        title: the title, with the names of the pod and the container.
        lines: the lines that the page always shows.
        earlier: the lines before them, which the page folds.
    """

    title: Text
    lines: tuple[str, ...]
    earlier: tuple[str, ...] = ()

    @property
    def earlier_title(self) -> Text:
        """Return the title of the folded lines, which tells how many they are, such as ``12 earlier lines``."""
        return words()["earlier_lines"].fill(count=len(self.earlier))


def last_lines(application: Json, room: SizeBudget) -> Log | None:
    """Return the last lines of the log that shows the cause, or None if there is no log."""
    log = _log_of_cause(application)
    if log is None:
        return None
    lines = _lines(log, room)
    name = "last_lines_before_restart" if log["previous"] else "last_lines"
    return Log(title=_title(name, log, room), lines=lines[-LAST_LINES:], earlier=lines[:-LAST_LINES])


def other_logs(application: Json, room: SizeBudget) -> Iterator[Log]:
    """Yield the logs other than the one that shows the cause."""
    first = _log_of_cause(application)
    for log in [log for log in application["logs"] if log is not first][: LOGS - 1]:
        if room.left > 0:
            name = "log_before_restart" if log["previous"] else "log"
            yield Log(title=_title(name, log, room), lines=_lines(log, room))


def hook_logs(application: Json, room: SizeBudget) -> Iterator[Log]:
    """Yield the logs of the hooks, which a report contains only if the settings of the job ask for them."""
    for log in application.get("hook_logs", ()):
        if room.left <= 0:
            return
        share = room.share(max(room.left // 2, _LEAST_LOG))
        names = {key: share.take(log[key], 120, markup=80) for key in ("hook", "pod", "container")}
        lines = [share.take(line, 500, markup=2) for line in reversed(log["lines"]) if share.left > 0]
        is_whole = len(lines) == len(log["lines"]) and not log["left_out"]
        title = words()["hook_log" if is_whole else "hook_log_end"]
        yield Log(title=title.fill(**names), lines=tuple(reversed(lines)))


def _log_of_cause(application: Json) -> Json | None:
    """Return the log of the pod that the cause names. If it names none, return the first log that is not blank."""
    cause = application["cause"]
    named = f"{cause['subject']} {cause['message']}" if cause else ""
    logs = [log for log in application["logs"] if any(line.strip() for line in log["lines"])]
    return next((log for log in logs if log["pod"] in named), logs[0] if logs else None)


def _lines(log: Json, room: SizeBudget) -> tuple[str, ...]:
    """Return as many of the log's last lines as fit into the budget. They show why the program ended."""
    lines = [room.take(line, 500, markup=2) for line in reversed(log["lines"][-LOG_LINES:]) if room.left > 0]
    return tuple(reversed(lines))


def _title(name: str, log: Json, room: SizeBudget) -> Text:
    pod, container = room.take(log["pod"], 120, markup=240), room.take(log["container"], 80)
    return words()[name].fill(pod=pod, container=container)


def evidence(application: Json, room: SizeBudget) -> Iterator[Table]:
    """Yield the tables of the evidence, except empty ones."""
    state, counts = application["state"] or {}, application["counts"]
    conditions = [(item["type"], item["message"]) for item in state.get("conditions", ())]
    yield from _table(
        "conditions", ("condition", "message"), conditions, room, most=CONDITIONS, count=counts["conditions"]
    )
    broken = [
        (f"{item['kind']}/{item['name']}", item["namespace"], item["sync"], item["health"], item["message"])
        for item in state.get("resources", ())
        if not item["hook"] and (item["sync"] != "Synced" or item["health"] not in {"", "Healthy"})
    ]
    header = ("Resource", "Namespace", "Sync", "Health", "Message")
    yield from _table("unhealthy_resources", header, broken, room, most=PODS, count=counts["deviating"])
    if excluded := application.get("excluded"):
        others = [
            (f"{item['kind']}/{item['name']}", item["namespace"], item["sync"], item["health"])
            for item in excluded["resources"]
        ]
        yield from _table("excluded_resources", header[:-1], others, room, most=PODS, count=excluded["count"])
    pods = [
        (item["name"], item["namespace"], item["ready"], item["status"], f"{item['restarts']}×")
        for item in application["pods"]
    ]
    header = ("Pod", "Namespace", "Ready", "Status", "Restarts")
    yield from _table("pods", header, pods, room, most=PODS, count=counts["pods"])
    events = [
        (item["object"], item["type"], item["reason"], f"{item['count']}×", item["message"])
        for item in sorted(application["events"], key=lambda item: item["type"] == "Normal")
    ]
    yield from _table(
        "events", ("object", "type", "reason", "count", "message"), events, room, most=EVENTS, count=len(events)
    )


def changed(changes: Json, room: SizeBudget) -> Table | None:
    """Return the table of the changed resources, or None if there are none."""
    rows = [
        (
            f"{item['kind']}/{item['name']}",
            item["namespace"],
            item["hook"] or item["action"],
            _message(item),
        )
        for item in changes["resources"]
    ]
    header = ("Resource", "Namespace", "Action", "Message")
    return next(_table("resources", header, rows, room, most=RESOURCES, count=changes["count"]), None)


def _message(item: Json) -> str:
    """Return the message that the sync reported, or an empty string if it only repeats the name and the action.

    ``kubectl`` prints ``deployment.apps/web configured`` for each resource.
    """
    text = clean(without_applied_file(item["message"]), limit=1000)
    group = f".{item['group']}" if item["group"] else ""
    return "" if text == f"{item['kind'].lower()}{group}/{item['name']} {item['action']}" else text


def _table(
    title: str, header: tuple[str, ...], rows: Sequence[Sequence[str]], room: SizeBudget, *, most: int, count: int
) -> Iterator[Table]:
    """Yield the table, or nothing if it would have no rows.

    Empty columns are left out. If all rows have the same namespace, the title names it instead.

    Args:
        title: the name of the title in the catalogue.
        header: the titles of the columns, in the words of Kubernetes and of Argo CD.
        rows: the cells of each row. The last cell can be long.
        room: the size budget for the cells.
        most: the maximum number of rows that the page shows.
        count: the number of all rows, if ``rows`` does not contain all of them.
    """
    shown = [tuple(row) for row in rows[:most]]
    titled, namespaces = words()[title], {row[1] for row in shown} if "Namespace" in header else set[str]()
    kept = [place for place, _ in enumerate(header) if any(row[place] for row in shown)]
    if len(namespaces) == 1 and (namespace := namespaces.pop()):
        kept.remove(1)
        namespace = room.take(namespace, 80, markup=60)
        titled = words()["in_namespace"].fill_each(title=titled, namespace=Text(namespace, namespace))
    # The title is in both languages. The header has the words of kubectl and of Argo CD.
    room.take("", 0, markup=200 + 20 * len(kept) if shown else 0)
    cells: list[tuple[str, ...]] = []
    for row in shown:
        # A row that would be cut is left out. Only the first row is cut, if it is longer than the whole budget.
        size = sum(min(len(row[place].encode()), 300 if place == kept[-1] else 120) + 4 for place in kept)
        if room.left < (size + 9 if cells else 1):
            break
        room.take("", 0, markup=9)
        cells.append(tuple(room.take(row[place], 300 if place == kept[-1] else 120, markup=4) for place in kept))
    if shown:
        left_out = max(count, len(rows)) - len(cells)
        more = words()["more"].fill(count=left_out) if left_out > 0 else None
        yield Table(title=titled, header=tuple(header[place] for place in kept), rows=tuple(cells), more=more)


# The maximum number of revisions or images in one cell of the comparison.
LISTED: Final = 3


@dataclass(frozen=True, kw_only=True)
class ComparisonRow:
    """A row of the table that compares an expected value with the actual one.

    Attributes:
        what: the name of the compared value, such as the revision.
        expected: the expected value.
        actual: the value that Argo CD reports.
        tone: ``good`` if the values agree, ``bad`` if they differ, ``open`` if they can still become equal, and empty
            if they cannot be compared.
    """

    what: Text
    expected: str | Text
    actual: str | Text
    tone: str


def comparison(application: Json, room: SizeBudget) -> Iterator[ComparisonRow]:
    """Yield a row for each expectation, with the value that Argo CD reports.

    Yield nothing if no look has shown the application.

    Args:
        application: the application in the JSON report.
        room: the size budget for the values.
    """
    state, expected = application["state"], application["expectation"]
    if state is None:
        return
    yield from _revision(expected, state, application, room)
    if image := str(expected.get("image") or ""):
        yield _image(image, state["images"], room)
    wait_for = expected.get("wait_for") or ["health", "operation", "sync"]
    if "sync" in wait_for:
        yield _exact("sync_status", "Synced", state["sync"])
    if "operation" in wait_for and state["operation"]:
        yield _operation(state["operation"])
    healths = [name for word, name in (("health", "Healthy"), ("suspended", "Suspended")) if word in wait_for]
    if healths:
        health = state["health"]
        yield ComparisonRow(
            what=words()["health"], expected=" / ".join(healths), actual=health, tone=_tone(health in healths)
        )


def _revision(expected: Json, state: Json, application: Json, room: SizeBudget) -> Iterator[ComparisonRow]:
    actual = _listed([short(text) for text in state["revisions"]], room)
    code = application["cause"]["code"] if application["cause"] else ""
    if version := str(expected.get("chart_version") or ""):
        met = version in state["revisions"]
        yield ComparisonRow(
            what=words()["chart_version"], expected=room.take(version, 80), actual=actual, tone=_tone(met)
        )
    if revision := str(expected.get("revision") or ""):
        met = any(text.startswith(revision) for text in state["revisions"])
        # A different revision can contain the expected one. Only the verdict shows that.
        tone = "good" if met else "bad" if code in {"other-revision", "superseded"} else ""
        yield ComparisonRow(what=words()["revision"], expected=room.take(short(revision), 80), actual=actual, tone=tone)
    elif not version and actual:
        yield ComparisonRow(what=words()["revision"], expected=words()["any_revision"], actual=actual, tone="")


def _image(image: str, images: Sequence[str], room: SizeBudget) -> ComparisonRow:
    """Return the row about the image. If the expected image has no slash, show the images without their folders."""
    having = [text for text in images if image in text]
    shown = [text if "/" in image else text.rpartition("/")[2] for text in having or images]
    actual: str | Text = _listed(shown, room) or words()["unknown"]
    # Argo CD's list also contains images of pods that do not serve. So an image in the list proves nothing.
    return ComparisonRow(
        what=words()["image"], expected=room.take(image, 300), actual=actual, tone="" if having else "bad"
    )


def _exact(name: str, expected: str, actual: str) -> ComparisonRow:
    return ComparisonRow(what=words()[name], expected=expected, actual=actual, tone=_tone(actual == expected))


def _operation(operation: Json) -> ComparisonRow:
    """Return the row of the last sync. The number of the attempt is one more than Argo CD's count of retries."""
    phase, attempt = operation["phase"], operation["retries"] + 1
    actual = Text(phase, phase) if attempt == 1 else words()["attempt"].fill(phase=phase, number=attempt)
    tone = "open" if phase == "Running" else _tone(phase == "Succeeded")
    return ComparisonRow(what=words()["last_sync"], expected="Succeeded", actual=actual, tone=tone)


def _tone(met: bool) -> str:  # noqa: FBT001 - the only argument
    return "good" if met else "bad"


def _listed(texts: Sequence[str], room: SizeBudget) -> str:
    more = len(texts) - LISTED
    shown = ", ".join(room.take(text, 200) for text in texts[:LISTED])
    return f"{shown} + {more}" if more > 0 else shown


def short(revision: str) -> str:
    """Return the first digits of a commit SHA, or the whole text if it is not one, such as a chart version."""
    return revision[:SHORT_SHA] if SHA.fullmatch(revision) else revision
