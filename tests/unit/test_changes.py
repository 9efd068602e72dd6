"""Which lines of argocd's feed people see, and as whose words."""

import pytest

from argocd_release.argocd.wait_output import COUNT_SECONDS, LINES, Changes
from argocd_release.core.text import QUOTED

HEADER = "TIMESTAMP                  GROUP        KIND   NAMESPACE  NAME    STATUS    HEALTH        HOOK  MESSAGE"
ROW = "2026-01-01T00:00:0{}+00:00   batch  Job  web  migrate  {}  Failed  PreSync  {}"


def shown(*lines: str) -> list[str]:
    changes = Changes(lambda: 0.0)
    return [said for line in lines if (said := changes.new(line))]


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
    row = ROW.format(1, "Synced", "done")
    assert shown(row, "", "Name:               argocd/web", "Project:            default") == [row]


def test_argocd_s_own_end_is_no_news() -> None:
    assert shown("argocd: rpc error: code = Canceled desc = context canceled") == []


def test_after_so_many_lines_they_are_only_counted() -> None:
    now = [100.0]
    changes = Changes(lambda: now[0])
    told = [changes.new(ROW.format(1, "Running", number)) for number in range(LINES + 30)]
    assert sum(map(bool, told)) == LINES
    assert changes.left_out() == 0
    now[0] += COUNT_SECONDS
    assert changes.left_out() == 30
    assert changes.left_out() == 0
    changes.new(ROW.format(1, "Running", "the last"))
    assert changes.left_out(at_once=True) == 1
    assert changes.left_out(at_once=True) == 0


def test_a_long_line_is_cut() -> None:
    assert len(shown("x" * 100_000)[0]) < 1100
