"""When something must have ended: the job's whole time, and each phase and each step within it."""

import time
from collections.abc import Callable
from typing import Self


class Deadline:
    """A moment ``seconds`` from now on the given clock; ``at_most`` gives a phase, which never ends after the whole."""

    def __init__(self, seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._at = now() + seconds

    @property
    def left(self) -> float:
        """Seconds until then, never less than 0."""
        return max(self._at - self._now(), 0.0)

    def at_most(self, seconds: float) -> Self:
        """The deadline of a phase: this one, or sooner."""
        return type(self)(min(seconds, self.left), self._now)
