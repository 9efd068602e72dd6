"""Test Go's durations and cron schedules, as Argo CD's specifications contain them."""

from datetime import UTC, datetime

import pytest

from argocd_release.core.schedule import Window, go_seconds, next_sync


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5s", 5), ("3m", 180), ("1h30m", 5400), ("1.5h", 5400), ("500ms", 0.5), ("10", 10), ("0", 0),
        ("", None), ("5", 5), ("m", None), ("5 s", None), ("-5s", None), ("1d", None), ("٣s", None), ("9" * 400, None),
    ],
)  # fmt: skip
def test_a_duration(text: str, seconds: float | None) -> None:
    assert go_seconds(text) == seconds


NOW = datetime(2026, 11, 29, 12, 30, 20, tzinfo=UTC)  # A Sunday.


def deny(schedule: str, duration: str, zone: str = "") -> Window:
    return Window(denies=True, schedule=schedule, duration=duration, zone=zone)


def allow(schedule: str, duration: str, zone: str = "") -> Window:
    return Window(denies=False, schedule=schedule, duration=duration, zone=zone)


@pytest.mark.parametrize(
    ("windows", "expected"),
    [
        ([], NOW),
        ([deny("* * * * *", "1h")], None),
        ([deny("0 12 * * *", "1h")], datetime(2026, 11, 29, 13, tzinfo=UTC)),
        ([deny("0 12 * * *", "1h"), deny("0 13 * * SUN", "90m")], datetime(2026, 11, 29, 14, 30, tzinfo=UTC)),
        ([deny("0 1 * * *", "10m")], NOW),
        ([allow("0 22 * * 1-5", "2h")], datetime(2026, 11, 30, 22, tzinfo=UTC)),
        ([allow("0 22 * * mon", "2h"), deny("0 22 30 11 *", "1h")], datetime(2026, 11, 30, 23, tzinfo=UTC)),
        ([allow("0 12 * * *", "1h"), deny("0 12 29 nov *", "1h")], datetime(2026, 11, 30, 12, tzinfo=UTC)),
        ([allow("0 9 1 3 *", "1h")], None),
        ([allow("@daily", "1h")], datetime(2026, 11, 30, tzinfo=UTC)),
        # If both the day of the month and the weekday are given, one of the two is enough.
        ([allow("0 0 13 * mon", "1h")], datetime(2026, 11, 30, tzinfo=UTC)),
        # With a step of more than 1, a star counts as given (robfig/cron v3.0.1 parser.go getRange).
        ([allow("0 0 */7 * mon", "1h")], datetime(2026, 11, 30, tzinfo=UTC)),
        ([allow("0 0 13 * */2", "1h")], datetime(2026, 12, 1, tzinfo=UTC)),
        ([allow("0 0 */1 * wed", "1h")], datetime(2026, 12, 2, tzinfo=UTC)),
        ([allow("*/20 12 ? * *", "1m")], datetime(2026, 11, 29, 12, 40, tzinfo=UTC)),
        ([allow("0 18 * * *", "1h", "Europe/Berlin")], datetime(2026, 11, 29, 17, tzinfo=UTC)),
        ([deny("0 0 * * *", "48h"), deny("0 0 1 1 *", "1h")], None),
    ],
)  # fmt: skip
def test_the_next_sync(windows: list[Window], expected: datetime | None) -> None:
    assert next_sync(windows, NOW) == expected


@pytest.mark.parametrize(
    ("now", "windows", "expected"),
    [
        # Argo CD compares local times (argo-cd v2.13.2 types.go scheduleOffsetByTimeZone). So if the clocks change
        # within a window, it is shorter or longer than its duration.
        ("2026-03-28T23:00Z", [deny("0 23 * * *", "6h", "Europe/Berlin")], "2026-03-29T03:00Z"),
        ("2026-10-24T22:00Z", [deny("0 23 * * *", "6h", "Europe/Berlin")], "2026-10-25T04:00Z"),
        ("2026-10-24T22:00Z", [deny("0 23 * * *", "6h")], "2026-10-24T22:00Z"),
        ("2026-10-24T23:00Z", [deny("0 23 * * *", "6h")], "2026-10-25T05:00Z"),
    ],
)
def test_the_clocks_can_change_within_a_window(now: str, windows: list[Window], expected: str) -> None:
    assert next_sync(windows, datetime.fromisoformat(now)) == datetime.fromisoformat(expected)


@pytest.mark.parametrize("count", [1, 50])
def test_a_window_that_begins_too_often_is_an_error(count: int) -> None:
    """The job must not compute for seconds, or need much memory, only to name a time."""
    windows = [deny("* * * * *", "8760h" if count == 1 else "1m", "Europe/Berlin")] * count
    with pytest.raises(ValueError, match=r"\* \* \* \* \*"):
        next_sync(windows, NOW)


def test_many_short_windows_of_both_kinds_take_no_long_time() -> None:
    assert next_sync([allow("* * * * *", "10s"), deny("* * * * *", "10s")], NOW) is None
    assert next_sync([allow("* * * * *", "30s"), deny("* * * * *", "25s")], NOW) == NOW.replace(second=25)


@pytest.mark.parametrize(
    "window",
    [
        deny("* * * *", "1h"), deny("60 * * * *", "1h"), deny("5-1 * * * *", "1h"), deny("*/0 * * * *", "1h"),
        deny("x * * * *", "1h"), deny("@reboot", "1h"), deny("0 0 * * *", "soon"), deny("0 0 * * *", "9999999h"),
        deny("0 0 * * *", "1h", "Mars/Olympus"), deny("0 0 * * *", "1h", "../../etc/passwd"), deny("²  * * * *", "1h"),
    ],
)  # fmt: skip
def test_a_malformed_window_is_an_error(window: Window) -> None:
    with pytest.raises(ValueError, match=".*"):
        next_sync([window], NOW)
