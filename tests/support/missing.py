"""Skip tests because this machine lacks something, and say at the end of the run how to get it."""

import os
from collections import Counter
from collections.abc import Iterable
from typing import Final, NoReturn

import pytest

_NEXT: Final = ". next: "


def skip(why: str, how: str, *, in_ci: bool = False) -> NoReturn:
    """Skip the test, or fail it in CI.

    Args:
        why: what this machine lacks, as a sentence without a full stop.
        how: how to get it, as an imperative sentence.
        in_ci: True if the test is also skipped, instead of failed, in CI.
    """
    if in_ci:
        pytest.skip(f"{why}{_NEXT}{how}")
    if os.environ.get("CI"):
        pytest.fail(f"{why}{_NEXT}{how}")
    pytest.skip(f"{why}; CI has it{_NEXT}{how}")


def summary(skipped: Iterable[pytest.TestReport]) -> list[str]:
    """Return a line for each thing that this machine lacks: the number of skipped tests, and how to get it."""
    reasons = [report.longrepr[2] for report in skipped if isinstance(report.longrepr, tuple)]
    counts = Counter(reason.partition(_NEXT)[2] for reason in reasons if _NEXT in reason)
    return [
        f"skipped: {count} {'test' if count == 1 else 'tests'}{_NEXT}{how}" for how, count in sorted(counts.items())
    ]
