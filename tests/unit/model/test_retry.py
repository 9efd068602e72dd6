"""When Argo CD begins the next attempt of a failed sync."""

from typing import Any

import pytest

from argocd_release.model.retry import Retry

FAILED_AT = "2026-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("strategy", "retries", "next_at"),
    [
        # Seen on the sandbox: the first attempt fails after 2 seconds, the second after 12.
        ({"limit": 5}, 1, "2026-01-01T00:00:10Z"),
        ({"limit": 5}, 2, "2026-01-01T00:00:20Z"),
        ({"limit": 5}, 9, "2026-01-01T00:03:00Z"),
        ({"backoff": {"duration": "1m", "factor": 1}}, 4, "2026-01-01T00:01:00Z"),
        ({"backoff": {"duration": "7", "factor": 3, "maxDuration": "1h"}}, 2, "2026-01-01T00:01:03Z"),
        ({"backoff": {"duration": "1h", "factor": 10**12, "maxDuration": "0"}}, 10**6, ""),
        ({"backoff": {"duration": "soon", "factor": "x"}}, 1, "2026-01-01T00:00:10Z"),
    ],
)
def test_the_time_of_the_next_attempt(strategy: dict[str, Any], retries: int, next_at: str) -> None:
    assert Retry.of(strategy, failed_at=FAILED_AT, retries=retries).next_at == next_at


@pytest.mark.parametrize(("value", "refreshes"), [(True, True), (False, False), ("yes", False), (None, False)])
def test_the_next_attempt_can_take_the_latest_commit(value: object, refreshes: bool) -> None:  # noqa: FBT001
    assert Retry.of({"refresh": value}, failed_at="", retries=0).refreshes is refreshes


@pytest.mark.parametrize("failed_at", ["", "yesterday"])
def test_without_a_failed_attempt_the_time_is_unknown(failed_at: str) -> None:
    assert Retry.of({"limit": 5}, failed_at=failed_at, retries=1).next_at == ""


@pytest.mark.parametrize(
    ("strategy", "attempts"), [({"limit": 5}, 6), ({}, 1), ({"limit": -1}, None), ({"limit": "x"}, 1)]
)
def test_the_number_of_attempts_contains_the_first_one(strategy: dict[str, Any], attempts: int | None) -> None:
    assert Retry.of(strategy, failed_at="", retries=0).attempts == attempts
