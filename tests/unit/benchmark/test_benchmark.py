"""Test how the benchmark judges a tool: a success is right only if the release was delivered by then."""

from dataclasses import replace
from pathlib import Path

import pytest

from argocd_release.model.outcome import Outcome
from benchmark.__main__ import TOOLS
from benchmark.measure import Measurement, is_right, verdict
from benchmark.report import OURS, PLAIN, header, row, summary
from scenarios import SCENARIOS
from scenarios.runner import Played

GREEN = SCENARIOS["first-release"]
RED = SCENARIOS["crash-loop"]
ENDED = Played(exit_code=0, log="", seconds=3, cpu_seconds=1, late=0.5, truth_known=True, folder=Path(), token="")
MEASURED = Measurement(
    verdict="delivered", right=True, seconds=2, late=1.2, cpu_seconds=1, peak_mb=240, requests=9
)  # fmt: skip


@pytest.mark.parametrize(
    ("exit_code", "late", "known", "right"),
    [
        (0, 0.5, True, True),
        (0, None, True, False),
        (0, -3.0, True, False),
        (0, None, False, True),
        (1, 0.5, True, False),
    ],
)
@pytest.mark.parametrize("tool", TOOLS.values(), ids=TOOLS)
def test_a_green_before_the_truth_is_wrong(
    tool: object, *, exit_code: int, late: float | None, known: bool, right: bool
) -> None:
    ended = replace(ENDED, exit_code=exit_code, late=late, truth_known=known)
    assert is_right(GREEN, tool, ended) == right  # type: ignore[arg-type]


@pytest.mark.parametrize(("exit_code", "plain", "ours"), [(0, False, False), (20, True, False), (11, True, True)])
def test_a_tool_that_judges_must_name_the_kind_of_failure(exit_code: int, *, plain: bool, ours: bool) -> None:
    ended = replace(ENDED, exit_code=exit_code)
    assert (is_right(RED, TOOLS[PLAIN], ended), is_right(RED, TOOLS[OURS], ended)) == (plain, ours)


def test_words_for_the_end() -> None:
    ended = replace(ENDED, exit_code=11)
    assert (verdict(TOOLS[PLAIN], ended), verdict(TOOLS[OURS], ended)) == ("red", Outcome.DEGRADED.word)
    assert verdict(TOOLS[OURS], replace(ENDED, exit_code=99)) == "99"


def test_summary_counts_what_was_wrong_late_and_slow() -> None:
    burned = replace(MEASURED, verdict="red", seconds=45.1, late=None)
    wrong = replace(MEASURED, verdict="green", right=False, late=None)
    results = {"first-release": {PLAIN: wrong, OURS: MEASURED}, "crash-loop": {PLAIN: burned, OURS: burned}}
    found = summary(results, SCENARIOS, timeout=45)
    assert found[PLAIN]["wrong"] == ["first-release"]
    assert found[PLAIN]["burned_the_timeout"] == ["crash-loop"]
    assert found[OURS]["late_median"] == 1.2
    assert found[OURS]["slower_than_allowed"] == ["crash-loop"]


def test_a_row_is_as_wide_as_the_header() -> None:
    line = row(GREEN, {PLAIN: replace(MEASURED, late=None, right=False), OURS: MEASURED})
    assert "✗ delivered" in line
    assert len(line) == len(header())
