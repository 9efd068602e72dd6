"""Test which lines of hooks the job log shows, which ones the reports keep, and that no Secret is among them."""

import time
from collections.abc import Iterator

import pytest

from argocd_release.diagnosis import hook_logs
from argocd_release.diagnosis.hook_logs import KEPT_LINES, LOGS, SHOWN_LINES, HookLogs
from argocd_release.model.errors import ArgoCDError, FailureKind
from argocd_release.model.events import JobEvent
from argocd_release.model.hook_events import HookLogLines, HookLogsRefused
from tests.support.waiting import eventually

HOOK = "PreSync hook Job/migrate"
KEY = ("uid", "migrate", 0)


class Watched:
    """The logs of one hook, whose title a test decides, and the events about them."""

    def __init__(self, title: str = HOOK) -> None:
        self.title = title
        self.events: list[JobEvent] = []
        self.logs = HookLogs(self.events.append, several=False)

    def open(self, key: tuple[str, str, int] = KEY, *lines: str) -> None:
        take = self.logs.open(key, application="web", hook=lambda: self.title, pod="migrate-x")
        for line in lines:
            take(line)

    @property
    def shown(self) -> list[str]:
        return [line for event in self.events if isinstance(event, HookLogLines) for line in event.lines]

    @property
    def kept(self) -> tuple[str, ...]:
        self.logs.close()
        (log,) = self.logs.of("web")
        return log.lines


@pytest.fixture
def watched() -> Iterator[Watched]:
    watched = Watched()
    yield watched
    watched.logs.close()


def test_a_line_is_shown_while_the_hook_runs(watched: Watched) -> None:
    watched.open(KEY, "migrating")
    eventually(lambda: watched.shown == ["migrating"], seconds=5)


def test_a_log_is_shown_once_it_is_known_to_be_of_a_hook(watched: Watched) -> None:
    watched.title = ""
    watched.open(KEY, "migrating")
    time.sleep(1)
    assert watched.shown == []
    assert watched.logs.of("web") == ()
    watched.title = HOOK
    eventually(lambda: watched.shown == ["migrating"], seconds=5)


def test_a_secret_that_arrives_in_parts_is_not_shown(watched: Watched) -> None:
    take = watched.logs.open(KEY, application="web", hook=lambda: HOOK, pod="migrate-x")
    take("begin")
    take("-----BEGIN RSA PRIVATE KEY-----")
    time.sleep(1)
    take("MIIEowIBAAKCAQEA")
    time.sleep(1)
    take("-----END RSA PRIVATE KEY-----")
    take("data:")
    time.sleep(1)
    take("  password: aHVudGVyMg==")
    take("end")
    eventually(lambda: "end" in watched.shown, seconds=5)
    for lines in (watched.shown, watched.kept):
        assert [line for line in lines if "MIIEow" in line or "aHVud" in line] == []
        assert lines[0] == "begin"
        assert lines[-1] == "end"


def test_a_secret_without_an_end_holds_nothing_back_for_ever(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hook_logs, "_HELD_SECONDS", 1.0)
    watched.open(KEY, "begin", "-----BEGIN RSA PRIVATE KEY-----", "MIIEowIBAAKCAQEA")
    eventually(lambda: "begin" in watched.shown, seconds=5)
    assert "MIIEowIBAAKCAQEA" not in watched.shown


def test_a_long_log_is_cut_and_counted(watched: Watched) -> None:
    count = 5 * KEPT_LINES
    watched.open(KEY, *(f"row {number}" for number in range(count)))
    watched.logs.close()
    assert watched.shown == [f"row {number}" for number in range(SHOWN_LINES)]
    assert watched.kept == tuple(f"row {number}" for number in range(count - KEPT_LINES, count))
    (log,) = watched.logs.of("web")
    assert log.left_out == count - KEPT_LINES
    assert [event.left_out for event in watched.events if isinstance(event, HookLogLines)] == [count - SHOWN_LINES]


def test_the_last_number_of_omitted_lines_is_the_right_one(watched: Watched) -> None:
    take = watched.logs.open(KEY, application="web", hook=lambda: HOOK, pod="migrate-x")
    for number in range(SHOWN_LINES + 5):
        take(f"row {number}")
    eventually(lambda: bool(watched.shown), seconds=5)
    for _ in range(10 * KEPT_LINES):
        take("more")
    watched.logs.close()
    left_out = [event.left_out for event in watched.events if isinstance(event, HookLogLines)]
    assert left_out == [5, 5 + 10 * KEPT_LINES]
    (log,) = watched.logs.of("web")
    assert log.left_out + len(log.lines) == SHOWN_LINES + 5 + 10 * KEPT_LINES


def test_long_lines_are_limited_too(watched: Watched) -> None:
    watched.open(KEY, *["x" * 500] * 300)
    watched.logs.close()
    assert sum(map(len, watched.shown)) <= hook_logs.SHOWN_TEXT
    assert sum(map(len, watched.kept)) <= hook_logs.KEPT_TEXT


def test_all_logs_together_are_limited(watched: Watched) -> None:
    for number in range(LOGS + 5):
        watched.open((f"uid-{number}", "migrate", 0), *["x" * 400] * 500)
    watched.logs.close()
    assert sum(map(len, watched.shown)) <= 4 * hook_logs.SHOWN_TEXT
    text = [line for log in watched.logs.of("web") for line in log.lines]
    assert sum(map(len, text)) <= 4 * hook_logs.KEPT_TEXT
    assert text


def test_a_log_that_is_read_again_is_shown_once(watched: Watched) -> None:
    watched.open(KEY, "migrating")
    watched.open(KEY, "migrating")
    watched.logs.close()
    assert watched.shown == ["migrating"]


def test_a_log_that_failed_before_its_first_line_can_be_read_again(watched: Watched) -> None:
    watched.open(KEY)
    watched.logs.forget(KEY)
    watched.open(KEY, "migrating")
    watched.logs.forget(KEY)
    watched.logs.close()
    assert watched.shown == ["migrating"]


def test_a_refusal_is_said_once(watched: Watched) -> None:
    error = ArgoCDError(kind=FailureKind.DENIED, command="logs", exit_code=None, message="permission denied: logs, get")
    for number in range(3):
        watched.open((f"uid-{number}", "migrate", 0))
        watched.logs.refused((f"uid-{number}", "migrate", 0), error)
    watched.logs.close()
    assert watched.events == [HookLogsRefused(error="permission denied: logs, get")]
