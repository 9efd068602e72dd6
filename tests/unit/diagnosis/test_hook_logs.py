"""Test which lines of hooks the job log shows, which ones the reports keep, and that no Secret is among them."""

import time
from collections.abc import Iterator, Sequence

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


SECRET = ("apiVersion: v1", "kind: Secret", "metadata:", "  name: db", "stringData:", "  user: app")
VALUE = "correct-horse-battery"


@pytest.fixture
def paused(monkeypatch: pytest.MonkeyPatch) -> Watched:
    """Return logs that are only shown when a test says so, because no thread does it."""
    monkeypatch.setattr(hook_logs, "run_in_background", lambda _: None)
    return Watched()


def parts(paused: Watched, *groups: Sequence[str], seconds: float = 60.0) -> list[str]:
    """Pass on the groups of lines, each ``seconds`` after the one before. Return all lines of the job log and report."""
    take = paused.logs.open(KEY, application="web", hook=lambda: HOOK, pod="migrate-x")
    for lines in groups:
        for line in lines:
            take(line)
        log = paused.logs._logs[KEY]
        log.first_at -= seconds
        log.last_at -= seconds
        paused.logs._show(at_once=False)
    return [*paused.shown, *paused.kept]


def prefixed(*lines: str) -> list[str]:
    return [f"2026-01-01T00:00:00Z {line}" for line in lines]


@pytest.mark.parametrize(
    "groups",
    [
        ([*SECRET], [f"  password: {VALUE}", "done"]),
        ([f"row {number}" for number in range(300)] + [*SECRET], [f"  password: {VALUE}", "done"]),
        ([*SECRET, "  bundle: |"], *[[f"    {VALUE}"] * 320] * 5, [f"  password: {VALUE}", "done"]),
        (prefixed(*SECRET, "  bundle: |"), *[prefixed(*[f"    {VALUE}"] * 320)] * 5, prefixed("done")),
        (prefixed(*SECRET[:4]), prefixed("stringData:", f"  password: {VALUE}", "done")),
        (["kind: Secret"], [f"stringData: {{password: {VALUE}}}"], ["done"]),
        (["kind: Secret"], ["stringData: {a: b,"], [f"  password: {VALUE}}}"], ["done"]),
        (["{", '  "data": {', '    "user": {', "    },"], [f'    "password": "{VALUE}"'], ["  }", "}", "done"]),
        (["{", '  "data": {'], *[[f'    "password": "{VALUE}",'] * 320] * 5, ["  }", "}", "done"]),
        (["stringData:", "  data:", "    a: b"], [f"  password: {VALUE}"], ["done"]),
        (["-----BEGIN PRIVATE KEY-----", VALUE], [VALUE], ["-----END PRIVATE KEY-----", "done"]),
        ([f"Secret: data:map[a:{VALUE}"], [VALUE]),
        ([f'{{"data": {{"a": "{VALUE} … (9 more characters)'], [f"    {VALUE}"], ["done"]),
        ([f"{'x' * 60} kind: Secret", f"{'x' * 60} stringData:"], [f"{'x' * 60}   a: {VALUE}"], [f"{'x' * 60} done"]),
    ],
)
def test_no_part_of_a_secret_is_shown_without_its_start(
    monkeypatch: pytest.MonkeyPatch, groups: tuple[list[str], ...]
) -> None:
    monkeypatch.setattr(hook_logs, "run_in_background", lambda _: None)
    for seconds in (60.0, 1.0):
        lines = parts(Watched(), *groups, seconds=seconds)
        assert [line for line in lines if VALUE in line] == []
    last = groups[-1][-1]
    assert not last.endswith("done") or parts(Watched(), *groups)[-1] == last


def test_the_data_of_a_secret_is_held_back_until_its_kind_can_follow(paused: Watched) -> None:
    """``kubectl get -o yaml`` prints the fields in alphabetical order, and a program can add a prefix to its output."""
    data = prefixed("apiVersion: v1", "data:", f"  user: {VALUE}")
    lines = parts(paused, data, prefixed(f"  password: {VALUE}"), prefixed("kind: Secret", "done"), seconds=1.0)
    assert [line for line in lines if VALUE in line] == []
    assert lines[-1] == prefixed("done")[0]


@pytest.mark.parametrize(
    "document",
    [
        [
            "apiVersion: v1",
            "data:",
            f"  password: {VALUE}",
            "immutable: true",
            "kind: Secret",
            "metadata:",
            "  name: db",
        ],
        ["apiVersion: v1", f"data: {{password: {VALUE}}}", "kind: Secret"],
        ["{apiVersion: v1, data: {a: b,", f"    password: {VALUE}}},", "  kind: Secret}"],
        ["items:", "- apiVersion: v1", "  data:", f"    password: {VALUE}", "  kind: Secret"],
        ['"data":', f'  "password": "{VALUE}"', "", f'  "user": "{VALUE}"', '"kind": "Secret"'],
        ["kind: Secret", "metadata:", *["  a: b"] * 70, "stringData:", f"  password: {VALUE}"],
        ["data:", *[f"  password: {VALUE}"] * 320, "kind: Secret"],
        ["kind: ConfigMap", "data:", "  a: b", "apiVersion: v1", "data:", f"  password: {VALUE}", "kind: Secret"],
        ["kind: List", "kind: Secret", "metadata:", *["  a: b"] * 70, "data:", f"  password: {VALUE}"],
    ],
    ids=range(9),
)
@pytest.mark.parametrize("seconds", [1.0, 20.0])
@pytest.mark.parametrize("prefix", ["", "+ ", "INFO "])
def test_no_line_of_a_secret_is_shown_before_its_kind(
    monkeypatch: pytest.MonkeyPatch, document: list[str], seconds: float, prefix: str
) -> None:
    """``kubectl`` prints ``data`` before ``kind``, and the kind can arrive long after the values."""
    monkeypatch.setattr(hook_logs, "run_in_background", lambda _: None)
    lines = [f"{prefix}{line}" for line in (*document, "done", "row")]
    shown = parts(Watched(), *([line] for line in lines), seconds=seconds)
    assert [line for line in shown if VALUE in line] == []
    assert shown[-1] == f"{prefix}row"


def test_a_secret_that_the_end_of_the_job_cuts_off_is_hidden(paused: Watched) -> None:
    lines = parts(paused, prefixed("apiVersion: v1", "data:", f"  password: {VALUE}"), seconds=1.0)
    assert lines == [*prefixed("apiVersion: v1"), f"{prefixed('data:')[0]} [redacted]"]


def test_data_of_another_document_is_shown_at_once(paused: Watched) -> None:
    groups = [prefixed("kind: ConfigMap", "data:", "  rows: 3"), prefixed("data:", "  rows: 4", "done")]
    parts(paused, *groups, seconds=1.0)
    assert paused.shown == [line for group in groups for line in group]


def test_data_without_a_kind_is_hidden_after_some_seconds(paused: Watched) -> None:
    parts(paused, prefixed("data:", "  rows: 3"), prefixed("  rows: 4", "done"), seconds=20.0)
    assert paused.shown == [f"{prefixed('data:')[0]} [redacted]", *prefixed("done")]


def test_the_lines_after_a_secret_are_shown_once(paused: Watched) -> None:
    groups = [[*SECRET], ["  password: x", "done"], ["row 1"], ["kind: Secret", "row 2"], ["row 3"]]
    parts(paused, *groups)
    assert paused.shown[:6] == [*SECRET[:4], "stringData: [redacted]", "done"]
    assert paused.shown[6:] == ["row 1", "kind: Secret", "row 2", "row 3"]


def test_a_log_after_its_last_event_stays_small(paused: Watched) -> None:
    paused.open(KEY, "row")
    paused.logs.close()
    paused.open(("other", "migrate", 0), *["y" * 100] * (3 * KEPT_LINES))
    assert len(paused.logs._logs["other", "migrate", 0].new) == KEPT_LINES
    assert len(paused.logs.of("web")) == 2


def test_no_event_follows_the_last_one(paused: Watched) -> None:
    take = paused.logs.open(KEY, application="web", hook=lambda: HOOK, pod="migrate-x")
    take("row")
    paused.logs.close()
    before = list(paused.events)
    for number in range(300):
        take(f"late {number}")
    assert paused.logs._show(at_once=False) is False
    assert paused.events == before
