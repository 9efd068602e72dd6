"""A stopwatch for promises in seconds, on a machine that can be busy with other things."""

import time
from pathlib import Path
from typing import Final

# Linux counts here the microseconds in which any program waited for a CPU.
_PRESSURE: Final = Path("/proc/pressure/cpu")


class Stopwatch:
    """A measurement of seconds, and of those in which a program of this machine waited for a CPU."""

    def __init__(self) -> None:
        self._started, self._stalled = time.monotonic(), _stalled()

    def seconds(self) -> float:
        return time.monotonic() - self._started

    def stalled(self) -> float:
        return _stalled() - self._stalled


def check(seconds: float, *, stalled: float, promised: float, busy: float) -> None:
    """Assert that a promise is held, strictly on a quiet machine.

    Args:
        seconds: the time that was measured.
        stalled: the seconds of it in which a program waited for a CPU.
        promised: the limit without the stalled seconds.
        busy: the limit with them.
    """
    assert seconds - stalled <= promised, f"{seconds:.2f} s, {stalled:.2f} s of them on a busy machine"
    assert seconds <= busy, f"{seconds:.2f} s, {stalled:.2f} s of them on a busy machine"


def _stalled() -> float:
    """Return the seconds since the machine started, or 0 if this Linux does not count them."""
    try:
        some = _PRESSURE.read_text("ascii").splitlines()[0]
    except OSError:
        return 0.0
    return int(some.rpartition("total=")[2]) / 1e6
