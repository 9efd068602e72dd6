"""Compute the chart of a release: bars on one time scale. Positions are in percent of the chart's width."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from argocd_release.core.text import clean
from argocd_release.messages import verdict
from argocd_release.reports.page.language import Text, translated, words

#: The mark that shows that the end of a text was cut off.
_MARK: Final = " …"
# The size in bytes of each character that HTML escapes. Any other character takes as many bytes as in UTF-8.
_ESCAPED: Final = {"&": 5, "<": 4, ">": 4, '"': 5, "'": 5}


class SizeBudget:
    """A limit for the bytes that texts add to the page. It cuts off a text that does not fit.

    Attributes:
        left: the remaining bytes.

    Args:
        left: the number of bytes at the beginning.
        whole: a larger budget that contains this one. The texts also reduce it.
    """

    def __init__(self, left: int, *, whole: "SizeBudget | None" = None) -> None:
        self.left = left
        self._whole = whole

    def share(self, most: int) -> "SizeBudget":
        """Return a part of this budget, with at most ``most`` bytes. Texts in the part reduce both budgets."""
        return SizeBudget(min(most, self.left), whole=self)

    def take(self, text: str, limit: int, *, markup: int = 0) -> str:
        """Cut the text to ``limit`` characters and to the remaining bytes, and subtract its size from the budget.

        Args:
            text: the text for the page.
            limit: the maximum number of characters.
            markup: the size of the markup around the text, in bytes.
        """
        before = self.left
        self.left -= markup
        text = clean(text, limit=limit)
        kept = len(text)
        for position, character in enumerate(text):
            size = _ESCAPED.get(character) or len(character.encode("utf-8", "replace"))
            if self.left < size:
                kept = position
                break
            self.left -= size
        if self._whole is not None:
            self._whole.left -= before - self.left
        return text if kept == len(text) else text[:kept] + _MARK


Json = Mapping[str, Any]
#: The maximum number of lanes, which each show one span, in the chart of an application.
LANES: Final = 40
#: The distances, in seconds, that the ticks of the time scale can have.
_STEPS: Final = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600)
#: The maximum number of ticks on the time scale.
_TICKS: Final = 6
#: The minimum width of a bar, in percent of the chart's width. A narrower bar would be invisible.
_LEAST: Final = 0.4
# The words before the number of an attempt to sync, as in ``sync, attempt 2`` (messages/verdict.py).
_ATTEMPT: Final = verdict.ATTEMPT.text.partition("}")[2].partition("{")[0]
# The minimum duration in seconds of a span or phase that the chart shows. A shorter one would be shown as 0.0 s.
_SHORTEST: Final = 0.05
# The order of the kinds, for spans that began at the same moment. A sync comes first, because it starts the others.
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
    """

    x: str
    width: str
    kind: str


@dataclass(frozen=True, kw_only=True)
class JobPhase:
    """A phase of the job.

    Attributes:
        what: the name of the phase.
        kind: the CSS class of its bar.
        when: its duration.
    """

    what: Text
    kind: str
    when: str


@dataclass(frozen=True, kw_only=True)
class Lane:
    """A row of the chart, and of the table below it. It shows one span of the release.

    Attributes:
        what: the sync, the resource or the problem that the span is about.
        wave: the sync wave, or None.
        detail: the message below the bar, or an empty string.
        when: the duration.
        since: the beginning and the end, in seconds since tracking began.
        end: the last state of the span.
        bars: the bar of the span.
    """

    what: Text
    wave: Text | None
    detail: str
    when: str
    since: str
    end: Text
    bars: tuple[Bar, ...]


@dataclass(frozen=True, kw_only=True)
class Chart:
    """The chart of one application.

    Attributes:
        job: the bars of the phases of the job.
        steps: the names and durations of the phases of the job.
        seconds: the duration of the job.
        ticks: the position, in percent, and the label of each tick on the time scale.
        lanes: the spans of the application.
        more: the number of spans that are not shown, such as ``and 3 more``, or None.
    """

    job: tuple[Bar, ...]
    steps: tuple[JobPhase, ...]
    seconds: str
    ticks: tuple[tuple[str, str], ...]
    lanes: tuple[Lane, ...]
    more: Text | None = None


def chart(application: Json, seconds: float, room: SizeBudget, *, lanes: int = LANES) -> Chart:
    """Return the chart of an application.

    Args:
        application: the application in the JSON report.
        seconds: the minimum length of the time scale in seconds.
        room: the size budget for the texts of the lanes.
        lanes: the maximum number of lanes; 0 for the chart in the table of a group, which only shows the phases of the
            job.
    """
    judged = _judged(application)
    spans = [span for span in application["spans"] if _is_worth_showing(span)]
    whole = max([seconds, judged, *(span["ended"] or span["began"] for span in spans)]) or 1.0
    # In the table of a group, end the chart with the verdict on this application. After that verdict, the job only
    # waited for other applications.
    marks = list(_phases(application, seconds if lanes else judged))
    chosen = _chosen(spans, lanes)
    retried = any(_ATTEMPT in span["subject"] for span in spans)
    drawn = tuple(_lane(span, judged, whole, room, retried=retried) for span in chosen if room.left > 0)
    left_out = application["counts"]["spans"] - len(application["spans"]) + len(spans) - len(drawn) if lanes else 0
    return Chart(
        job=tuple(_bar(since, until, whole, kind) for _, kind, since, until in marks),
        steps=tuple(
            JobPhase(what=words()[what], kind=kind, when=f"{until - since:.1f} s")
            for what, kind, since, until in marks
            if until - since >= _SHORTEST
        )
        if lanes
        else (),
        seconds=f"{marks[-1][3]:.1f} s" if marks else "",
        ticks=tuple(_ticks(whole)) if lanes else (),
        lanes=drawn,
        more=words()["more"].fill(count=left_out) if left_out > 0 else None,
    )


def _is_worth_showing(span: Json) -> bool:
    """Return True if the span failed, has not ended, or lasted long enough for its bar to be seen."""
    return span["ended"] is None or span["end"] in _FAILED or span["ended"] - span["began"] >= _SHORTEST


def _judged(application: Json) -> float:
    """Return the seconds until the verdict or, if no look has shown the application, until the job gave up."""
    judged = application["phases"]["judged"]
    return float(application["seconds"] if judged is None else judged)


def _phases(application: Json, seconds: float) -> Iterator[tuple[str, str, float, float]]:
    """Yield each phase of the job in order: its name, its CSS class, its beginning and its end in seconds."""
    phases, since, waited_for = application["phases"], 0.0, "judged"
    judged = _judged(application)
    for name in ("compared", "synced", "healthy"):
        until = phases[name]
        if until is None:
            waited_for = f"not_{name}"
            break
        until = min(max(until, since), judged)
        yield name, name, since, until
        since = until
    good = application["outcome"] == "delivered"
    if judged > since:
        yield ("confirmed" if good else waited_for), ("confirmed" if good else "lost"), since, judged
    if seconds > judged:
        yield ("reports" if good else "cause_found"), "confirmed", judged, seconds


def _chosen(spans: Sequence[Json], most: int) -> list[Json]:
    """Return up to ``most`` spans, in the order in which they began.

    Prefer problems, and spans that failed or did not end. Then prefer the longest spans.
    """

    def weight(span: Json) -> tuple[bool, float]:
        bad = span["ended"] is None or span["end"] in _FAILED or span["kind"] == "trouble"
        return (not bad, -((span["ended"] or span["began"]) - span["began"]))

    chosen = sorted(spans, key=weight)[:most]
    return sorted(chosen, key=lambda span: (span["began"], _ORDER.index(span["kind"]), span["subject"]))


def _lane(span: Json, judged: float, whole: float, room: SizeBudget, *, retried: bool) -> Lane:
    began, ended = span["began"], span["ended"]
    until = max(judged, began) if ended is None else ended
    is_problem = span["kind"] == "trouble"
    subject = span["subject"] + (
        f"{_ATTEMPT}1" if retried and span["kind"] == "sync" and "," not in span["subject"] else ""
    )
    if is_problem:
        end = words()["went_away" if ended is not None else "until_the_end"]
    else:
        end = Text(room.take(span["end"], 40)) if span["end"] or ended is not None else words()["not_ended"]
    return Lane(
        # The markup of a lane takes about 330 bytes.
        what=words()["problem"] if is_problem else translated(room.take(subject, 120, markup=330)),
        wave=words()["wave"].fill(number=span["wave"]) if span["wave"] else None,
        detail=room.take(span["text"], 200, markup=30),
        when=f"{until - began:.1f} s",
        since=f"{began:.1f}–{until:.1f}",
        end=end,
        bars=(_bar(began, until, whole, _kind(span)),),
    )


def _kind(span: Json) -> str:
    if span["kind"] == "trouble":
        return "trouble" if span["ended"] is None else "healed"
    if span["end"] in _FAILED:
        return "failed"
    if span["ended"] is None:
        return "unfinished"
    return str(span["kind"])


def _bar(since: float, until: float, whole: float, kind: str) -> Bar:
    width = max((until - since) / whole * 100, _LEAST)
    x = min(since / whole * 100, 100 - width)
    return Bar(x=f"{x:.1f}%", width=f"{width:.1f}%", kind=kind)


def _ticks(whole: float) -> Iterator[tuple[str, str]]:
    step = next((step for step in _STEPS if whole / step <= _TICKS), whole / _TICKS)
    count = int(whole / step)
    for number in range(1, count + 1):
        at = number * step
        if at / whole < 0.97:  # noqa: PLR2004 - a label there would be cut off
            yield f"{at / whole * 100:.1f}%", f"{at:g} s" if at < 120 else f"{at / 60:g} min"  # noqa: PLR2004
