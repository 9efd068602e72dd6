"""Test the order of the outcomes, which decides the outcome of a group."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from argocd_release.model.outcome import Outcome, aggregate


def test_failures_are_above_what_was_not_judged_and_that_above_delivered() -> None:
    ordered = sorted(Outcome, key=lambda outcome: outcome.severity)
    assert ordered[0] is Outcome.DELIVERED
    assert [outcome.is_failure for outcome in ordered] == sorted(outcome.is_failure for outcome in Outcome)
    assert all(less.severity < more.severity for less, more in pairwise(ordered)), "each has a place of its own"


@given(st.lists(st.sampled_from(Outcome), min_size=1))
def test_the_outcome_of_several_is_the_most_severe_in_whatever_order(outcomes: list[Outcome]) -> None:
    assert aggregate(outcomes) is aggregate(reversed(outcomes))
    assert aggregate(outcomes) in outcomes
    assert (aggregate(outcomes) is Outcome.DELIVERED) == (set(outcomes) == {Outcome.DELIVERED})


def test_of_no_application_nothing_is_delivered() -> None:
    assert aggregate([]) is not Outcome.DELIVERED
