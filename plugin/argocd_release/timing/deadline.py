"""When something must have ended: the job's whole time, and each phase and each step within it."""

import math
import time
from collections.abc import Callable, Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final


class Deadline:
    """A moment ``seconds`` from now on the given clock; ``at_most`` gives a phase, which never ends after the whole."""

    def __init__(self, seconds: float = math.inf, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._at = now() + seconds

    @property
    def left(self) -> float:
        """Seconds until then, never less than 0."""
        return max(self._at - self._now(), 0.0)

    def at_most(self, seconds: float) -> "Deadline":
        """The deadline of a phase: this one, or sooner."""
        return Deadline(min(seconds, self.left), self._now)


class Phase(Enum):
    """What a job does one after the other. ``VERDICT``: only how much later than ``RELEASE_TIMEOUT`` it may come."""

    VERDICT = "verdict"
    FIRST_REPORTS = "first reports"
    DIAGNOSIS = "diagnosis"
    STATUS = "status"
    SINKS = "sinks"
    REPORTS = "reports"


# Their sum is what a job takes after RELEASE_TIMEOUT at the most; settings.load keeps more than that for GitLab.
SECONDS: Final[Mapping[Phase, float]] = MappingProxyType(
    {
        # A last look, a sync that it asks for, and the end of argocd app wait.
        Phase.VERDICT: 7.0,
        Phase.FIRST_REPORTS: 2.0,
        Phase.DIAGNOSIS: 20.0,
        Phase.STATUS: 5.0,
        Phase.SINKS: 4.0,
        Phase.REPORTS: 2.0,
    }
)

AFTER_SECONDS: Final = sum(SECONDS.values())


class JobDeadline(Deadline):
    """The deadline of a whole job, whose verdict is due after ``timeout`` seconds, and which has ``most`` in all."""

    def __init__(
        self, timeout: float = 0.0, *, most: float = math.inf, now: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(min(timeout + AFTER_SECONDS, max(most, 0.0)), now)
        self._verdict = super().at_most(timeout + SECONDS[Phase.VERDICT])

    def phase(self, phase: Phase) -> Deadline:
        """The deadline of a phase that begins now. It leaves each later phase its time, however late this one is."""
        if phase is Phase.VERDICT:
            return self._verdict
        order = list(Phase)
        later = sum(SECONDS[other] for other in order[order.index(phase) + 1 :])
        return self.at_most(min(SECONDS[phase], max(self.left - later, 0.0)))
