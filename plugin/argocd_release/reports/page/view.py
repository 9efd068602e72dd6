"""Prepare the data for the HTML page: select it, limit its size, and turn it into texts."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from argocd_release.core.text import SHORT_SHA
from argocd_release.model.outcome import Outcome
from argocd_release.reports.page import tables
from argocd_release.reports.page.chart import Chart, SizeBudget, chart
from argocd_release.reports.page.language import (
    Text,
    headline,
    meaning,
    meaning_of_cause,
    translated,
    translated_clauses,
    words,
)
from argocd_release.reports.page.tables import ComparisonRow, Log, Table, comparison, short

Json = Mapping[str, Any]
# The maximum size, in bytes, of texts from outside together with their markup. The first limit applies to a single
# application, the second to each application of a group.
ROOM: Final = 6_900
ROOM_OF_EACH: Final = 6_500
# The maximum size of all logs of hooks together, which are on the page only if the settings ask for them.
ROOM_OF_HOOK_LOGS: Final = 40_000
# The log below the cause, the changes, and the chart can each use at most this share of an application's size budget.
_SHARE: Final = 0.4
# The maximum number of applications of a group that the page shows in full. If the group is larger, the page only shows
# failures in full. Other applications only have a row in the table.
WHOLE: Final = 13
# The limits of the table of a group: the number of its rows, and their total size in bytes.
ROWS: Final = 200
ROOM_OF_ROWS: Final = 110_000
# The maximum number of images or revisions in a list.
IMAGES: Final = 12
_OUTCOMES: Final = {outcome.word: outcome for outcome in Outcome}
_WEB: Final = re.compile(r"https?://[^\s\"'<>\\]{1,2000}")
# The form of a documentation address to which the page can link.
_DOCS: Final = re.compile(r"https?://[A-Za-z0-9._~:/@%+,=-]{1,255}")


@dataclass(frozen=True, kw_only=True)
class ChangeView:
    """The revisions or the images before and after the release.

    Attributes:
        what: the name of the values: the revision or the images.
        before: the values before the release; empty if nothing has changed.
        after: the values after the release.
        note: a note that there was no earlier release, or that nothing has changed.
        link: the address of GitLab's comparison of the revisions, or an empty string.
        url: the address of the new commit, or an empty string.
    """

    what: Text
    before: tuple[str, ...]
    after: tuple[str, ...]
    note: Text | None = None
    link: str = ""
    url: str = ""


@dataclass(frozen=True, kw_only=True)
class CauseView:
    """The cause of a failure. Unknown texts are empty.

    Attributes:
        cause: the message of the cause.
        code: its cause code.
        meaning: the meaning of the code.
        link: the address of the page in Argo CD that shows the object with the cause.
        help: the address of the documentation about the code.
        reason: the verdict's reason, if it says more than the cause.
        next: the fix.
        log: the last lines of the log that shows the cause.
        note: the reason why there is no log.
    """

    cause: str = ""
    code: str = ""
    meaning: Text | None = None
    link: str = ""
    help: str = ""
    reason: str = ""
    next: Text | None = None
    log: Log | None = None
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class ApplicationView:
    """The data for the part of the page about one application."""

    name: str
    url: str
    tone: str
    outcome: str
    seconds: str
    why: CauseView
    proof: Text
    compared: tuple[ComparisonRow, ...]
    end_state: tuple[tuple[Text, Text], ...]
    chart: Chart
    changes: tuple[ChangeView, ...]
    changed: Table | None
    summary: tuple[Text, ...]
    tables: tuple[Table, ...]
    logs: tuple[Log, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ApplicationRow:
    """The row of an application in the table of a group.

    Attributes:
        anchor: the anchor of the application on the page; empty if the page does not show it in full.
        bars: a chart that only shows the phases of the job.
    """

    name: str
    anchor: str
    tone: str
    outcome: str
    seconds: str
    cause: str
    bars: Chart


@dataclass(frozen=True, kw_only=True)
class Fact:
    """A fact about the release, with its name.

    Attributes:
        url: the address to which the text links, or an empty string.
    """

    name: Text
    text: str | Text
    url: str = ""


@dataclass(frozen=True, kw_only=True)
class Page:
    """The data of the page.

    Attributes:
        language: the language in which the page opens, ``en`` or ``ru``.
        tone: the CSS class for the outcome: ``good`` for a success, ``bad`` for a failure, ``open`` for an unknown
            status.
        rows: the rows of the table of applications; empty if there is only one application.
        parts: the applications that the page shows in full.
        more: the number of applications that are not in the table, such as ``and 3 more``, or None.
    """

    language: str
    title: str | Text
    headline: Text
    meaning: Text
    tone: str
    why: CauseView
    facts: tuple[Fact, ...]
    made_by: Text
    rows: tuple[ApplicationRow, ...] = ()
    parts: tuple[ApplicationView, ...] = field(default=())
    more: Text | None = None

    @property
    def browser_title(self) -> str:
        """Return the title of the browser's tab, in the language in which the page opens."""
        title = self.title if isinstance(self.title, str) else self.title.of(self.language)
        return f"{self.headline.of(self.language)}: {title[:60]}"

    @property
    def only(self) -> ApplicationView | None:
        """Return the only application of the page, or None if the page shows a group."""
        return self.parts[0] if self.parts and not self.rows else None


def view(report: Json) -> Page:
    """Return the data of the page for a JSON report, which must conform to ``report.schema.json``."""
    outcome = _OUTCOMES[report["outcome"]]
    applications = sorted(report["applications"], key=_worst_first)
    several = len(applications) > 1
    failed = sum(application["outcome"] != Outcome.DELIVERED.word for application in applications)
    full = applications[: len(applications) if len(applications) <= WHOLE else min(failed, WHOLE)]
    whole = max([report["seconds"], *(application["seconds"] for application in applications)])
    top, rows = SizeBudget(ROOM_OF_EACH), SizeBudget(ROOM_OF_ROWS)
    docs = report.get("links", {}).get("docs", "")
    title: str | Text = words()["count_of_applications"].fill(count=len(applications))
    if not several:
        title = top.take(applications[0]["name"], 200) if applications else words()["no_application"]
    parts = tuple(
        _part(
            application,
            application["seconds"] if several else report["seconds"],
            docs,
            SizeBudget(ROOM_OF_EACH if several else ROOM),
            SizeBudget(ROOM_OF_HOOK_LOGS // len(full)),
        )
        for application in full
    )
    return Page(
        language=report.get("language", "en"),
        title=title,
        headline=headline(outcome),
        meaning=meaning(outcome),
        tone=_tone(outcome),
        # If there is only one application, show its cause instead of the release's, because only an application's cause
        # is shown with the last lines of a log.
        why=parts[0].why if parts and not several else _why(report, docs, top),
        facts=tuple(_facts(report, applications, top)),
        made_by=words()["made_by"].fill(version=top.take(report["version"], 40)),
        rows=tuple(
            _row(application, f"application-{position}" if position < len(full) else "", whole, rows)
            for position, application in enumerate(applications[:ROWS])
        )
        if several
        else (),
        parts=parts,
        more=words()["more"].fill(count=len(applications) - ROWS) if len(applications) > ROWS else None,
    )


def _worst_first(application: Json) -> tuple[int, float, str]:
    return (-_OUTCOMES[application["outcome"]].severity, -application["seconds"], application["name"])


def _tone(outcome: Outcome) -> str:
    if outcome is Outcome.DELIVERED:
        return "good"
    return "bad" if outcome.is_failure else "open"


def _facts(report: Json, applications: Sequence[Json], room: SizeBudget) -> Iterator[Fact]:
    """Yield the facts: links to GitLab, Argo CD and the site, the times, and the exit code of a failure."""
    outcome, links = _OUTCOMES[report["outcome"]], report.get("links", {})
    commit = _web(links.get("commit", ""))
    if report["image_tag"] or commit:
        text = report["image_tag"] or commit.rpartition("/")[2][:SHORT_SHA]
        yield Fact(name=words()["commit"], text=room.take(text, 60), url=commit)
    for name, sign in (("merge_request", "!"), ("pipeline", "#"), ("job", "#")):
        if url := _web(links.get(name, "")):
            number = url.rstrip("/").rpartition("/")[2]
            yield Fact(name=words()[name], text=room.take(f"{sign}{number}", 24, markup=160), url=url)
    if len(applications) == 1 and (url := _web(applications[0]["url"])):
        yield Fact(name=Text("Argo CD"), text=room.take(applications[0]["name"], 60), url=url)
    if url := _web(report["site_url"]):
        yield Fact(name=words()["address"], text=words()["the_site"], url=url)
    yield Fact(name=words()["took"], text=_seconds(report["seconds"]))
    if ended := _moment(report["ended_at"]):
        yield Fact(name=words()["ended"], text=ended)
    if outcome is not Outcome.DELIVERED:
        yield Fact(name=words()["exit_code"], text=f"{outcome.exit_code}")


def _web(url: str) -> str:
    """Return the address, or an empty string if it is not safe as a link."""
    return url if _WEB.fullmatch(url) else ""


def _row(application: Json, anchor: str, seconds: float, room: SizeBudget) -> ApplicationRow:
    return ApplicationRow(
        name=room.take(application["name"], 120, markup=400),
        anchor=anchor,
        tone=_tone(_OUTCOMES[application["outcome"]]),
        outcome=application["outcome"],
        seconds=_seconds(application["seconds"]),
        cause=room.take(application["cause"]["message"], 160) if application["cause"] else "",
        bars=chart(application, seconds, SizeBudget(0), lanes=0),
    )


def _part(
    application: Json, seconds: float, docs: str, room: SizeBudget, room_of_hook_logs: SizeBudget
) -> ApplicationView:
    outcome, share = _OUTCOMES[application["outcome"]], int(room.left * _SHARE)
    # Take the texts in the order of their importance, until the size budget is used up. The cause with its log comes
    # first. Then follow the comparison, the changes, the chart, and the other evidence.
    return ApplicationView(
        name=room.take(application["name"], 200),
        url=_web(application["url"]),
        tone=_tone(outcome),
        outcome=outcome.word,
        seconds=_seconds(application["seconds"]),
        why=_why(application, docs, room, tables.last_lines(application, room.share(share))),
        proof=translated(room.take(application["proof"], 600)),
        compared=tuple(comparison(application, room)) if outcome is not Outcome.DELIVERED else (),
        end_state=tuple(
            (words()[name], translated_clauses(room.take(text, 300, markup=120)))
            for name, text in application.get("end_state", {}).items()
        ),
        changes=tuple(_changes(application, room.share(share))),
        summary=tuple(_summary(application["changes"])),
        chart=chart(application, seconds, room.share(share)),
        notes=tuple(room.take(note, 400, markup=20) for note in application["notes"][:10]),
        tables=tuple(tables.evidence(application, room)),
        logs=(*tables.other_logs(application, room), *tables.hook_logs(application, room_of_hook_logs)),
        changed=tables.changed(application["changes"], room),
    )


def _why(judged: Json, docs: str, room: SizeBudget, log: Log | None = None) -> CauseView:
    cause, notes = judged["cause"], judged.get("notes", ())
    if cause is None:
        return CauseView()
    return CauseView(
        cause=room.take(cause["message"], 1000),
        code=room.take(cause["code"], 60),
        meaning=meaning_of_cause(cause["code"]),
        link=_web(cause["link"]),
        help=f"{docs.rstrip('/')}/troubleshooting/#{cause['code']}" if _DOCS.fullmatch(docs) else "",
        reason=room.take(judged["reason"], 800) if judged["reason_adds"] else "",
        next=translated(room.take(cause["hint"], 600)) if cause["hint"] else None,
        log=log,
        note=room.take(notes[0], 300) if notes and log is None else "",
    )


def _changes(application: Json, room: SizeBudget) -> Iterator[ChangeView]:
    changes, state = application["changes"], application["state"] or {}
    before, after = changes["revisions_before"], state.get("revisions", [])
    link = next((url for url in changes["compare"] if _WEB.fullmatch(url)), "")
    first = words()["first_release"] if changes.get("first") else None
    if after:
        old, new = _shas(before, room), _shas(after, room)
        same = words()["no_change"] if old == new else None
        commits = changes.get("commits", [])
        yield ChangeView(
            what=words()["revision"], before=() if same else old, after=new, note=first or same, link=link,
            url=_web(commits[0]) if len(new) == 1 and commits else "",
        )  # fmt: skip
    was, now = changes["images_before"], state.get("images", [])
    added, gone = [image for image in now if image not in was], [image for image in was if image not in now]
    if added or gone:
        yield ChangeView(what=words()["images"], before=_few(gone, room), after=_few(added, room))
    elif now:
        same = None if first else words()["no_change"]
        shown = _few(now, room, count=application["counts"]["images"])
        yield ChangeView(what=words()["images"], before=(), after=shown, note=same)


def _shas(revisions: Sequence[str], room: SizeBudget) -> tuple[str, ...]:
    return tuple(room.take(short(text), 80, markup=20) for text in revisions[:IMAGES])


def _few(texts: Sequence[str], room: SizeBudget, *, count: int = 0) -> tuple[str, ...]:
    left_out = max(count, len(texts)) - len(texts[:IMAGES])
    more = (f"+ {left_out}",) if left_out else ()
    return (*(room.take(text, 300, markup=20) for text in texts[:IMAGES]), *more)


def _summary(changes: Json) -> Iterator[Text]:
    """Yield the number of changes by action, such as ``2 configured``. The actions have Argo CD's names."""
    counts = Counter[str](changes["actions"])
    yield from (Text(f"{count} {action[:20]}") for action, count in counts.most_common(6))
    if changes["hooks"]:
        yield words()["hook_count"].fill(count=changes["hooks"])
    if (counts or changes["hooks"]) and changes["unchanged"]:
        yield words()["unchanged"].fill(count=changes["unchanged"])


def _seconds(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{seconds:.1f} s" if seconds < 100 else f"{minutes} min {rest} s"  # noqa: PLR2004


def _moment(text: str) -> str:
    try:
        return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except ValueError:
        return ""
