"""Test how often a group of any size is listed and looked at, and that many jobs do not poll at the same moments."""

import itertools
from collections import Counter

import pytest

from argocd_release.watch.clock import ApplicationClock, MonotonicClock
from argocd_release.watch.pace import (
    LEAST_SECONDS,
    MOST_LOOKS_A_SECOND,
    POLL_SECONDS,
    UNSEEN_SECONDS,
    seconds_between_lists,
    seconds_between_looks,
)


@pytest.mark.parametrize("pending", [1, 20, 200, 500, 1000, 5000, 20_000])
def test_the_rate_of_looks_is_limited_for_a_group_of_any_size(pending: int) -> None:
    seconds = seconds_between_looks(pending)
    assert pending / seconds <= MOST_LOOKS_A_SECOND
    if pending <= UNSEEN_SECONDS * MOST_LOOKS_A_SECOND:
        assert seconds <= UNSEEN_SECONDS


@pytest.mark.parametrize("took", [0.0, 0.1, 0.5, 2.0, 5.0, 15.0])
def test_lists_that_take_long_are_requested_less_often(took: float) -> None:
    seconds = seconds_between_lists(took)
    assert seconds >= LEAST_SECONDS
    # At most half of the time goes into lists, but the pause after a list never exceeds ten seconds.
    assert took / seconds == pytest.approx(1 / 2) or seconds in {LEAST_SECONDS, took + 10}


def test_a_hundred_jobs_that_were_woken_together_do_not_poll_in_step() -> None:
    clock = MonotonicClock()
    spread = ApplicationClock(clock, clock.wake).spread
    jobs = [[spread(POLL_SECONDS) for _ in range(20)] for _ in range(100)]
    assert all(0.8 * POLL_SECONDS <= pause <= 1.2 * POLL_SECONDS for pauses in jobs for pause in pauses)
    # After twenty seconds, no tenth of a second has more than five times its share of the polls.
    times = [at for pauses in jobs for at in itertools.accumulate(pauses) if 20 <= at < 30]
    counts = Counter(int(at * 10) for at in times)
    assert max(counts.values()) <= 5 * len(times) / 100
