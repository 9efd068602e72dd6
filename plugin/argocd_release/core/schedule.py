"""Parse Go durations and cron schedules, and find the next time at which sync windows allow a sync.

The syntax of schedules is that of ``cron.ParseStandard`` (robfig/cron v3 parser.go, spec.go), which Argo CD uses.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import count
from operator import itemgetter
from typing import Final

_UNITS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_PARTS: Final = re.compile(r"(?:[0-9]{1,9}(?:\.[0-9]{1,9})?(?:h|ms|m|s))+")
_PART: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(h|ms|m|s)")
#: The number of days for which ``next_sync`` looks ahead.
DAYS: Final = 32
# Longer windows make no sense, and would take long to compute.
_MOST_SECONDS: Final = 366 * 86400.0
# If the windows start more often, the next sync would take long to compute.
_MOST_STARTS: Final = 100_000
_DESCRIPTORS: Final = {
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}  # fmt: skip
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: Final = ((0, 59, ()), (0, 23, ()), (1, 31, ()), (1, 12, _MONTHS), (0, 6, _WEEKDAYS))
_RANGE: Final = re.compile(r"(\*|\?|[0-9a-z]{1,3})(?:-([0-9a-z]{1,3}))?(?:/([0-9]{1,2}))?")


def go_seconds(text: str) -> float | None:
    """Return the seconds of a duration such as ``1h30m``, or None if the text is no such duration.

    A number without a unit means seconds, as in Argo CD (argo-cd v2.13.2 types.go parseStringToDuration).
    """
    if text.isascii() and text.isdigit() and len(text) <= 9:  # noqa: PLR2004 - longer numbers make no sense
        return float(text)
    if not _PARTS.fullmatch(text):
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))


@dataclass(frozen=True, kw_only=True)
class Window:
    """A sync window: a recurring period during which syncs are either allowed or denied.

    Attributes:
        denies: True if the window denies syncs.
        schedule: the times at which the window begins, as a cron expression of five fields, or ``@daily`` and the like.
        duration: the duration of the window, such as ``1h``.
        zone: the name of the time zone of the schedule; "" means UTC.
    """

    denies: bool
    schedule: str
    duration: str
    zone: str = ""


def next_sync(windows: Sequence[Window], now: datetime) -> datetime | None:
    """Return the first time from now on at which the windows allow a sync; None if there is none within ``DAYS``.

    The rule is that of an automated sync (argo-cd v2.13.2 types.go SyncWindows.CanSync): no deny window is active. If
    there are allow windows, one of them is active.

    Raises:
        ValueError: a schedule, a duration or a time zone is malformed or unknown, or the windows start too often.
    """
    now = now.astimezone(UTC)
    starts = count()
    denied = _merged(_spans(window, now, starts) for window in windows if window.denies)
    allowed = _merged(_spans(window, now, starts) for window in windows if not window.denies)
    if all(window.denies for window in windows):
        allowed = [(now, now + timedelta(days=DAYS))]
    for start, end in allowed:
        at = max(start, now)
        if index := bisect_right(denied, at, key=itemgetter(0)):
            at = max(at, denied[index - 1][1])
        if at < min(end, now + timedelta(days=DAYS)):
            return at
    return None


def _merged(spans: Iterable[Iterable[tuple[datetime, datetime]]]) -> list[tuple[datetime, datetime]]:
    """Sort the spans, and merge those that overlap."""
    merged: list[tuple[datetime, datetime]] = []
    for start, end in sorted(span for each in spans for span in each):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _spans(window: Window, now: datetime, starts: Iterator[int]) -> list[tuple[datetime, datetime]]:
    """Return the periods of the window in the next ``DAYS`` days and shortly before, sorted and merged.

    Like Argo CD (argo-cd v2.13.2 types.go scheduleOffsetByTimeZone), compute with the local times of the window's zone.

    Args:
        window: the window.
        now: the current time, with a time zone.
        starts: a counter of the starts in all windows.

    Raises:
        ValueError: the window is malformed, or the windows start too often.
    """
    seconds = go_seconds(window.duration)
    if seconds is None or seconds > _MOST_SECONDS:
        raise ValueError(window.duration)
    zone, length = _zone(window.zone), timedelta(seconds=seconds)
    local = now.astimezone(zone).replace(tzinfo=None)
    spans: list[tuple[datetime, datetime]] = []
    for start in _starts(window.schedule, (local - length).date(), (local + timedelta(days=DAYS)).date()):
        if next(starts) >= _MOST_STARTS:
            raise ValueError(window.schedule)
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], start + length)
        else:
            spans.append((start, start + length))
    return [
        (start.replace(tzinfo=zone).astimezone(UTC), end.replace(tzinfo=zone).astimezone(UTC)) for start, end in spans
    ]


def _starts(schedule: str, day: date, last: date) -> Iterator[datetime]:
    """Yield the times at which the schedule starts from the first to the last day, without a time zone."""
    minutes, hours, days, months, weekdays = _parsed(schedule.strip())
    while day <= last:
        if day.month in months.values and _is_day(day, days, weekdays):
            for hour in sorted(hours.values):
                for minute in sorted(minutes.values):
                    yield datetime.combine(day, time(hour, minute))
        day += timedelta(days=1)


def _zone(name: str) -> tzinfo:
    if name in {"", "UTC"}:
        return UTC
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - few jobs meet a sync window

    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError) as error:
        raise ValueError(name) from error


@dataclass(frozen=True)
class _Field:
    """The values of one field of a cron expression."""

    values: frozenset[int]
    #: True if the field contains ``*`` or ``?`` with a step of at most 1. With a greater step, robfig/cron v3.0.1
    #: (parser.go getRange) treats the star as a range.
    any: bool


def _is_day(day: date, days: _Field, weekdays: _Field) -> bool:
    in_days, in_weekdays = day.day in days.values, day.isoweekday() % 7 in weekdays.values
    return (in_days and in_weekdays) if days.any or weekdays.any else (in_days or in_weekdays)


def _parsed(schedule: str) -> list[_Field]:
    parts = _DESCRIPTORS.get(schedule, schedule).split()
    if len(parts) != len(_FIELDS):
        raise ValueError(schedule)
    return [_field(part, *limits) for part, limits in zip(parts, _FIELDS, strict=True)]


def _field(text: str, least: int, most: int, names: tuple[str, ...]) -> _Field:
    values, any_value = set[int](), False
    for part in text.lower().split(","):
        match = _RANGE.fullmatch(part)
        if match is None:
            raise ValueError(text)
        first, last, step = match.groups()
        if first in {"*", "?"}:
            any_value, start, end = any_value or int(step or 1) == 1, least, most
        else:
            start = _number(first, least, names)
            end = _number(last, least, names) if last else most if step else start
        if not least <= start <= end <= most or step == "0":
            raise ValueError(text)
        values |= set(range(start, end + 1, int(step or 1)))
    return _Field(frozenset(values), any_value)


def _number(text: str, least: int, names: tuple[str, ...]) -> int:
    return names.index(text) + least if text in names else int(text)
