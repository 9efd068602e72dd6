"""Handle SIGTERM and SIGINT. A signal ends the tracking, but the job still writes its reports.

The handler raises no exception: an exception while a process starts would leave that process behind. The handler takes
no lock, because the interrupted code can hold the same lock. It only sets a flag, or writes a byte to a pipe.
"""

import math
import signal
import time
from collections.abc import Callable
from types import FrameType
from typing import Final, Self

from argocd_release.model.errors import Cancelled
from argocd_release.model.outcome import Outcome

_OUTCOMES: Final = {signal.SIGTERM: Outcome.CANCELLED, signal.SIGINT: Outcome.INTERRUPTED}


class StopRequest:
    """The request to end the run early. It cannot be withdrawn."""

    def __init__(self) -> None:
        self._outcome: Outcome | None = None
        self._at = math.inf

    def set(self, outcome: Outcome) -> None:
        """Request the end of the run. A signal handler can call this, because it only assigns attributes."""
        self._at = time.monotonic()
        self._outcome = outcome

    def left(self, seconds: float) -> float:
        """Return how many of the ``seconds`` after the request are left, at least 0; infinity without a request."""
        return max(self._at + seconds - time.monotonic(), 0.0)

    def is_set(self) -> bool:
        """Return True if the end of the run was requested."""
        return self._outcome is not None

    def check(self) -> None:
        """Raise ``Cancelled`` if the end of the run was requested."""
        if self._outcome is not None:
            raise Cancelled(self._outcome)


class Signals:
    """A context manager that handles signals. The first signal calls the actions, and all later ones are ignored."""

    def __init__(self) -> None:
        self._arrived: Outcome | None = None
        self._actions: list[Callable[[Outcome], None]] = []

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._arrive) for number in _OUTCOMES}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            # A second signal must not change the exit code with which the process is about to end.
            signal.signal(number, signal.SIG_IGN if self._arrived else handler)

    def on_arrival(self, action: Callable[[Outcome], None]) -> None:
        """Register an action, which is called when a signal arrives, or at once if one has already arrived."""
        self._actions.append(action)
        if self._arrived is not None:
            action(self._arrived)

    def _arrive(self, number: int, _: FrameType | None) -> None:
        if self._arrived is None:
            self._arrived = _OUTCOMES[signal.Signals(number)]
            for action in self._actions:
                action(self._arrived)
