"""Compute the chart of a release: bars on one time scale. Positions are in percent of the chart's width."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from argocd_release.core.text import clean
from argocd_release.messages import reports as texts

#: The mark that replaces the end of a text that was cut.
_MARK: Final = " …"
# The size in bytes of each character that HTML escapes. All other characters have their size in UTF-8.
_ESCAPED: Final = {"&": 5, "<": 4, ">": 4, '"': 5, "'": 5}


class SizeBudget:
    """The number of bytes that texts can still add to the page. A text that does not fit is cut.

    Attributes:
        left: the remaining bytes.
    """

    def __init__(self, left: int) -> None:
        self.left = left

    def take(self, text: str, limit: int, *, markup: int = 0) -> str:
        """Return the text, cut to ``limit`` characters and to the remaining bytes. Subtract its size from the budget.

        Args:
            text: the text for the page.
            limit: the maximum number of characters.
            markup: the size of the markup around the text, in bytes.
        """
        self.left -= markup
        text = clean(text, limit=limit)
        kept = len(text)
        for position, character in enumerate(text):
            size = _ESCAPED.get(character) or len(character.encode("utf-8", "replace"))
            if self.left < size:
                kept = position
                break
            self.left -= size
        return text if kept == len(text) else text[:kept] + _MARK


Json = Mapping[str, Any]
#: The maximum number of lanes in the chart of an application.
LANES: Final = 40
#: The possible distances between two ticks, in seconds.
_STEPS: Final = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600)
#: The maximum number of ticks.
_TICKS: Final = 6
#: The minimum width of a bar in percent, so that it can be seen.
_LEAST: Final = 0.4
# The order, by kind, of spans that began at the same moment. A sync comes first, because it starts the others.
_ORDER: Final = ("sync", "hook", "rollout", "trouble")
#: The final states, in Argo CD's words, that mark a span as failed.
_FAILED: Final = frozenset({"Failed", "Error", "Degraded"})


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A bar of the chart.

    Attributes:
        x: the position of its left end, in percent of the width of the chart.
        width: its width, in percent of the width of the chart.
        kind: the CSS class of the bar, which sets its colour.
        title: the tooltip.
    """

    x: str
    width: str
    kind: str
    title: str


@dataclass(frozen=True, kw_only=True)
class Lane:
    """A row of the chart, and of the table below it. It shows one span of the release.

    Attributes:
        what: the sync, the resource or the problem that the span is about.
        kind: the kind of the span: sync, hook, rollout or trouble.
        wave: the sync wave, or an empty string.
        detail: the message below the bar, or an empty string.
        when: the duration.
        since: the time of the beginning.
        until: the time of the end, or an empty string if the span did not end.
        end: the last state of the span.
        bars: the bar of the span.
    """

    what: str
    kind: str
    wave: str
    detail: str
    when: str
    since: str
    until: str
    end: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, kw_only=True)
class Chart:
    """The chart of one application.

    Attributes:
        job: one bar for each phase of the job.
        steps: the name, the CSS class and the end time of each phase.
        ticks: the position in percent and the label of each tick of the time scale.
        lanes: the spans of the application.
        more: the number of spans that are not shown.
    """

    job: tuple[Bar, ...]
    steps: tuple[tuple[str, str, str], ...]
    ticks: tuple[tuple[str, str], ...]
    lanes: tuple[Lane, ...]
    more: int = 0


def chart(application: Json, seconds: float, room: SizeBudget, *, lanes: int = LANES) -> Chart:
    """Return the chart of an application.

    Args:
        application: the application in the JSON report.
        seconds: the minimum length of the time scale in seconds.
        room: the size budget for the texts of the lanes.
        lanes: the maximum number of lanes; 0 for the chart in the table of a group, which has only the phases.
    """
    judged = _judged(application)
    whole = max([seconds, judged, *(span["ended"] or span["began"] for span in application["spans"])]) or 1.0
    # In the table of a group, end the chart with the verdict on this application. After that, the job only waited for
    # other applications.
    marks = list(_phases(application, seconds if lanes else judged))
    chosen = _chosen(application["spans"], lanes)
    return Chart(
        job=tuple(
            _bar(since, until, whole, kind, f"{what}: {since:.1f} to {until:.1f} s")
            for what, kind, since, until in marks
        ),
        steps=tuple((what, kind, f"{until:.1f} s") for what, kind, _, until in marks),
        ticks=tuple(_ticks(whole)),
        lanes=tuple(_lane(span, judged, whole, room) for span in chosen if room.left > 0),
        more=len(application["spans"]) - len(chosen) if lanes else 0,
    )


def _judged(application: Json) -> float:
    """Return the seconds until the verdict or, if no look showed the application, until the job gave up."""
    judged = application["phases"]["judged"]
    return float(application["seconds"] if judged is None else judged)


def _phases(application: Json, seconds: float) -> Iterator[tuple[str, str, float, float]]:
    """Yield each phase of the job in order: its name, its CSS class, its beginning and its end in seconds."""
    phases, since = application["phases"], 0.0
    judged = _judged(application)
    for name in ("compared", "synced", "healthy"):
        until = phases[name]
        if until is None:
            break
        until = min(max(until, since), judged)
        yield name, name, since, until
        since = until
    good = application["outcome"] == "delivered"
    if judged > since:
        yield ("confirmed" if good else "judged"), ("confirmed" if good else "lost"), since, judged
    if seconds > judged:
        yield ("reports" if good else "cause found"), "after", judged, seconds


def _chosen(spans: Sequence[Json], most: int) -> list[Json]:
    """Return up to ``most`` spans, in the order in which they began.

    Problems and spans that failed or did not end are chosen first, then the longest spans.
    """

    def weight(span: Json) -> tuple[bool, float]:
        bad = span["ended"] is None or span["end"] in _FAILED or span["kind"] == "trouble"
        return (not bad, -((span["ended"] or span["began"]) - span["began"]))

    chosen = sorted(spans, key=weight)[:most]
    return sorted(chosen, key=lambda span: (span["began"], _ORDER.index(span["kind"]), span["subject"]))


def _lane(span: Json, judged: float, whole: float, room: SizeBudget) -> Lane:
    until = max(judged, span["began"]) if span["ended"] is None else span["ended"]
    kind = span["kind"] == "trouble"
    end = ("healed" if span["ended"] is not None else texts.TO_THE_END) if kind else span["end"]
    # The page contains the text three times: in the lane, in the tooltip of the bar, and in the table.
    what = room.take(span["subject"], 120, markup=520 + 2 * len(span["subject"]))
    when = f"{until - span['began']:.1f} s"
    kind = _kind(span)
    last = texts.THE_END if span["ended"] is None else f"{until:.1f} s"
    title = texts.BAR.fill(subject=what, since=f"{span['began']:.1f} s", until=last, end=end[:40])
    return Lane(
        what=what,
        kind=span["kind"],
        wave=f"wave {span['wave']}" if span["wave"] else "",
        detail=room.take(span["text"], 200, markup=len(span["text"][:200])),
        when=when,
        since=f"{span['began']:.1f} s",
        until="" if span["ended"] is None else f"{until:.1f} s",
        end=room.take(end, 40),
        bars=(_bar(span["began"], until, whole, kind, title),),
    )


def _kind(span: Json) -> str:
    if span["kind"] == "trouble":
        return "trouble" if span["ended"] is None else "healed"
    if span["end"] in _FAILED:
        return "failed"
    if span["ended"] is None:
        return "unfinished"
    return str(span["kind"])


def _bar(since: float, until: float, whole: float, kind: str, title: str) -> Bar:
    width = max((until - since) / whole * 100, _LEAST)
    x = min(since / whole * 100, 100 - width)
    return Bar(x=f"{x:.2f}%", width=f"{width:.2f}%", kind=kind, title=title)


def _ticks(whole: float) -> Iterator[tuple[str, str]]:
    step = next((step for step in _STEPS if whole / step <= _TICKS), whole / _TICKS)
    count = int(whole / step)
    for number in range(1, count + 1):
        at = number * step
        if at / whole < 0.97:  # noqa: PLR2004 - a label there would be cut off
            yield f"{at / whole * 100:.2f}%", f"{at:g} s" if at < 120 else f"{at / 60:g} min"  # noqa: PLR2004
