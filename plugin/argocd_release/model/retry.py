"""Describe how Argo CD retries a failed sync: how often, and when the next attempt begins.

The defaults and the formula are those of argo-cd v2.13.2 pkg/apis/application/v1alpha1: application_defaults.go, and
RetryStrategy.NextRetryAt in types.go.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

from argocd_release.core.schedule import go_seconds
from argocd_release.core.text import as_object, as_text

_DURATION: Final = 5.0
_MAX_DURATION: Final = 180.0
_FACTOR: Final = 2
# Reduce larger retry counts and factors to these values, because the power of larger numbers could overflow. The
# maximum duration usually limits the result long before that.
_MOST_RETRIES: Final = 60
_MOST_FACTOR: Final = 1000


@dataclass(frozen=True, kw_only=True)
class Retry:
    """The retry strategy of an operation.

    Attributes:
        limit: the maximum number of retries; a negative number if Argo CD retries without a limit.
        next_at: the time at which the next attempt begins, in RFC 3339; "" if it is unknown.
        refreshes: True if the next attempt takes the latest commit of the branch (argo-cd v3.6.1
            controller/appcontroller.go processRequestedAppOperation).
    """

    limit: int = 0
    next_at: str = ""
    refreshes: bool = False

    @classmethod
    def of(cls, strategy: dict[str, Any], *, failed_at: str, retries: int) -> Self:
        """Read the strategy of an operation.

        Args:
            strategy: the field ``retry`` of the operation.
            failed_at: the time at which the last attempt failed, in RFC 3339; "" if an attempt is running.
            retries: Argo CD's ``retryCount``.
        """
        limit = strategy.get("limit")
        backoff = as_object(strategy.get("backoff"))
        return cls(
            limit=limit if isinstance(limit, int) else 0,
            next_at=_after(failed_at, _wait(backoff, retries)),
            refreshes=strategy.get("refresh") is True,
        )

    @property
    def attempts(self) -> int | None:
        """Return the maximum number of attempts, with the first one; None if there is no limit."""
        return None if self.limit < 0 else self.limit + 1


def _wait(backoff: dict[str, Any], retries: int) -> float:
    """Return the seconds between the last attempt and the next one.

    When Argo CD computes this time, it has already increased ``retryCount`` (controller/appcontroller.go
    processRequestedAppOperation). So with the defaults, the first wait takes 10 seconds.
    """
    duration = go_seconds(as_text(backoff.get("duration")))
    most = go_seconds(as_text(backoff.get("maxDuration")))
    given = backoff.get("factor")
    factor = min(max(given, 0), _MOST_FACTOR) if isinstance(given, int) else _FACTOR
    base = _DURATION if duration is None else duration
    seconds = base * float(factor) ** min(max(retries, 0), _MOST_RETRIES)
    limit = _MAX_DURATION if most is None else most
    return min(seconds, limit) if limit else seconds


def _after(time: str, seconds: float) -> str:
    """Return the time that is ``seconds`` later, in RFC 3339; "" if ``time`` is malformed or the result too late."""
    try:
        later = datetime.fromisoformat(time) + timedelta(seconds=seconds)
    except (ValueError, OverflowError):
        return ""
    return later.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
