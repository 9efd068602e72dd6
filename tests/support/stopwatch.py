"""A stopwatch for time limits in tests, which takes into account that the machine can be busy."""

import time
from pathlib import Path
from typing import Final

# In this file, Linux counts the microseconds during which any program had to wait for a CPU.
_PRESSURE: Final = Path("/proc/pressure/cpu")


class Stopwatch:
    """A measurement of the elapsed seconds, and of the part in which some program had to wait for a CPU."""

    def __init__(self) -> None:
        self._started, self._stalled = time.monotonic(), _stalled()

    def seconds(self) -> float:
        return time.monotonic() - self._started

    def stalled(self) -> float:
        return _stalled() - self._stalled


def check(seconds: float, *, stalled: float, promised: float, busy: float) -> None:
    """Assert that a duration is within its limits.

    Args:
        seconds: the measured duration.
        stalled: the part of it in which some program had to wait for a CPU.
        promised: the limit for the duration without the stalled part.
        busy: the limit for the whole duration.
    """
    assert seconds - stalled <= promised, f"{seconds:.2f} s, {stalled:.2f} s of them on a busy machine"
    assert seconds <= busy, f"{seconds:.2f} s, {stalled:.2f} s of them on a busy machine"


def _stalled() -> float:
    """Return the stalled seconds since the start of the machine, or 0 if this Linux does not count them."""
    try:
        some = _PRESSURE.read_text("ascii").splitlines()[0]
    except OSError:
        return 0.0
    return int(some.rpartition("total=")[2]) / 1e6
