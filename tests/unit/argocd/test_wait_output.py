"""Test the lines of ``argocd app wait`` that the job log shows, and whose messages they show."""

import pytest

from argocd_release.argocd.wait_output import (
    CONTINUED_LINES,
    COUNT_SECONDS,
    LINES,
    PROGRESS_LINES,
    WaitOutputFilter,
    log_line,
)
from argocd_release.core.text import QUOTED

HEADER = "TIMESTAMP                  GROUP        KIND   NAMESPACE  NAME    STATUS    HEALTH        HOOK  MESSAGE"
ROW = "2026-01-01T00:00:0{}+00:00   batch  Job  web  migrate  {}  Failed  PreSync  {}"


def shown(*lines: str) -> list[str]:
    changes = WaitOutputFilter(lambda: 0.0)
    return [said for line in lines for said in changes.new(line)]


def test_a_row_is_shown_once_however_often_it_is_said() -> None:
    first = ROW.format(1, "Running", "started")
    assert shown(HEADER, first, ROW.format(2, "Running", "started"), "", "  ") == [HEADER, first]


@pytest.mark.parametrize(
    "spoof", ["RELEASE SUCCESSFUL", "=" * 45, "cause: none", "$ argocd app get web", HEADER, "argocd: ok"]
)
def test_a_line_that_is_no_row_is_somebody_elses(spoof: str) -> None:
    row = ROW.format(1, "Failed", "it said")
    assert shown(row, spoof) == [row, f"{QUOTED}{spoof}"]


@pytest.mark.parametrize("spoof", ["Name: x/y", "This is the state of the app after `wait` operation:"])
def test_a_message_cannot_end_the_feed(spoof: str) -> None:
    first, second = ROW.format(1, "Failed", "it said"), ROW.format(2, "Succeeded", "well")
    assert shown(first, spoof, second, "more") == [first, second, f"{QUOTED}more"]


def test_the_end_of_the_feed_is_left_out() -> None:
    row = ROW.format(1, "Failed", "done")
    assert shown(row, "", "Name:               argocd/web", "Project:            default") == [row]


def test_argocd_s_own_end_is_no_news() -> None:
    assert shown("argocd: rpc error: code = Canceled desc = context canceled") == []


def test_after_so_many_lines_they_are_only_counted() -> None:
    now = [100.0]
    changes = WaitOutputFilter(lambda: now[0])
    told = [changes.new(ROW.format(1, "Failed", number)) for number in range(LINES + 30)]
    assert sum(map(bool, told)) == LINES
    assert changes.left_out() == 0
    now[0] += COUNT_SECONDS
    assert changes.left_out() == 30
    assert changes.left_out() == 0
    changes.new(ROW.format(1, "Failed", "the last"))
    assert changes.left_out(at_once=True) == 1
    assert changes.left_out(at_once=True) == 0


def test_a_long_line_is_cut() -> None:
    assert len(shown("x" * 100_000)[0]) < 1100


def state(number: int, status: str = "Synced", message: str = "") -> str:
    return (
        f"2026-01-01T00:00:01+00:00          ConfigMap         big                c-{number}    {status}    {message}"
    )


def test_of_many_resources_only_those_that_change_are_told() -> None:
    changes = WaitOutputFilter(lambda: 0.0)
    lines = [HEADER, *map(state, range(300))]
    changed = [state(7, "OutOfSync"), state(7, message="configmap/c-7 configured")]
    lines += [
        changed[0],
        *(state(number, message=f"configmap/c-{number} unchanged") for number in range(300) if number != 7),
    ]
    lines += [changed[1]]
    assert [said for line in lines for said in changes.new(line)] == [HEADER, *changed]
    assert changes.unchanged == 299
    assert not changes.left_out(at_once=True)


def test_many_that_change_are_told_of_for_a_while_and_trouble_for_longer() -> None:
    changes = WaitOutputFilter(lambda: 0.0)
    told = [said for number in range(300) for said in changes.new(state(number, "OutOfSync", "Missing"))]
    assert len(told) == PROGRESS_LINES
    assert changes.new(row := state(1, "SyncFailed", "denied")) == (row,)
    assert changes.left_out(at_once=True) == 300 - PROGRESS_LINES
    assert changes.unchanged == 0


def test_a_resource_that_becomes_well_again_is_news() -> None:
    bad = "2026-01-01T00:00:01+00:00   apps  Deployment  web  web  Synced  Degraded"
    good = bad.replace("Degraded", "Healthy")
    assert shown(good, bad, good, bad) == [bad]
    assert shown(bad, good) == [bad, good]


def test_what_the_sync_before_did_is_no_news() -> None:
    """The first rows contain the messages of the previous sync, until those of this sync replace them."""
    first = [HEADER, *(state(number, message=f"configmap/c-{number} created") for number in range(3))]
    second = [state(number, message=f"configmap/c-{number} unchanged") for number in range(2)]
    configured = state(2, message="configmap/c-2 configured")
    assert shown(*first, *second, configured) == [HEADER, configured]
    hook = "2026-01-01T00:00:01+00:00   batch  Job  web  migrate  Succeeded              PreSync  Reached it"
    again = "2026-01-01T00:00:02+00:00   batch  Job  web  migrate  Running   Synced     PreSync  created"
    assert shown(hook, again, hook) == [again]
    assert shown(hook, again, hook.replace("Reached", "Has reached")) == [again, hook.replace("Reached", "Has reached")]


SECRET_ROW = "2026-01-01T00:00:00+00:00            Secret     default  credentials  OutOfSync  Missing        "


@pytest.mark.parametrize(
    "lines",
    [
        [f'{SECRET_ROW}Secret "credentials" is invalid: type: Invalid value: "TOPSECRET": field is immutable'],
        [
            f"{SECRET_ROW}failed to create typed patch object (default/x; /v1, Kind=Secret): errors:",
            "  .data.a: expected string, got &value.valueUnstructured{Value:TOPSECRET}",
            "  .data.b: expected string, got &value.valueUnstructured{Value:map[x:TOPSECRET]}",
        ],
        [f'{SECRET_ROW}admission webhook "w" denied the request: the value', "TOPSECRET", "", "is TOPSECRET"],
        [f"{SECRET_ROW}error when patching: map[data:map[a:one  two", "TOPSECRET]]", "TOPSECRET"],
        [
            "2026-01-01T00:00:00+00:00  apps  Deployment  default  web  OutOfSync  Missing        it printed",
            "kind: Secret",
            "data:",
            "  password: TOPSECRET",
            "  other: |",
            "    TOPSECRET",
        ],
        [
            "2026-01-01T00:00:00+00:00  apps  Deployment  default  web  OutOfSync  Missing        bad",
            "Invalid value: v1.PodSpec{A:",
            'Value:"TOPSECRET"',
        ],
        ['argocd: failed: Secret "x" is invalid: data: Invalid value: "TOPSECRET": no'],
    ],
)
def test_a_secret_in_the_feed_is_hidden_although_its_message_has_several_lines(lines: list[str]) -> None:
    changes = WaitOutputFilter(lambda: 0.0)
    shown = "\n".join(line for given in lines for line in changes.new(given))
    assert "TOPSECRET" not in shown
    assert "credentials" in shown or "Deployment" in shown or "argocd: failed" in shown or "Secret" in shown
    # The row of another resource is shown in full.
    other = (
        "2026-01-01T00:00:01+00:00            ConfigMap  default  settings     OutOfSync  Missing        it is wrong"
    )
    assert changes.new(other)[-1] == other


@pytest.mark.parametrize("line_feed", ["\\n", "%0A"])
def test_an_error_of_argocd_shows_no_data_of_a_secret(line_feed: str) -> None:
    """With ``--grpc-web``, argocd prints line feeds as %0A."""
    lines = ["cannot parse:", "data:", "  password: hunter2hunter2", "kind: ConfigMap"]
    entry = f'{{"level":"fatal","msg":"rpc error: code = Unknown desc = {line_feed.join(lines)}"}}'
    shown_line = log_line(entry)
    assert "hunter2" not in shown_line
    assert shown_line.startswith("argocd: rpc error: code = Unknown desc = cannot parse: data:")


def test_a_resource_that_is_being_created_is_shown_with_its_message_only() -> None:
    creating = "2026-01-01T00:00:01+00:00  ConfigMap  web  settings  Synced  Missing"
    created = "2026-01-01T00:00:02+00:00  ConfigMap  web  settings  Synced  Missing    configmap/settings created"
    assert shown(creating, created) == [created]


FAILED_ROW = "2026-11-29T13:06:11+00:00  apps  Deployment  web  web  OutOfSync  Degraded        it failed:"


@pytest.mark.parametrize("before", [0, CONTINUED_LINES - 3, CONTINUED_LINES, 3 * CONTINUED_LINES])
@pytest.mark.parametrize(
    "lines",
    [
        ["kind: Secret", "stringData:", "  user: hunter2", "  password: hunter2"],
        ["x data:", "x   password: hunter2", "x kind: Secret"],
        ["data: {password: hunter2}", "kind: Secret"],
        ['{"kind":"Secret","data":{', '"password":"hunter2"', "}}"],
        ["-----BEGIN RSA PRIVATE KEY-----", "hunter2hunter2", "hunter2hunter2", "-----END RSA PRIVATE KEY-----"],
    ],
    ids=range(5),
)
def test_no_line_of_a_long_message_shows_a_secret(lines: list[str], before: int) -> None:
    rows = WaitOutputFilter(lambda: 0.0)
    printed = [line for text in (FAILED_ROW, *["reason"] * before, *lines) for line in rows.new(text)]
    assert "hunter2" not in "\n".join(printed)
    assert printed[: min(before, CONTINUED_LINES)] == [FAILED_ROW, *["  | reason"] * (CONTINUED_LINES - 1)][:before]


def test_the_lines_after_a_long_message_are_counted() -> None:
    rows = WaitOutputFilter(lambda: 0.0)
    for text in (FAILED_ROW, *["reason"] * (CONTINUED_LINES + 4)):
        rows.new(text)
    assert rows.left_out(at_once=True) == 5
    assert rows.new(FAILED_ROW.replace("web  web", "web  api")) != ()
