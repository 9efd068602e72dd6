"""Waiting for a state, with a limit that a busy machine keeps: who waits pays only for what the state takes."""

import time
from collections.abc import Callable


def eventually(holds: Callable[[], bool], seconds: float = 60.0) -> float:
    """Seconds until it held."""
    started = time.monotonic()
    while not holds():
        assert time.monotonic() < started + seconds, f"not within {seconds:.0f} s"
        time.sleep(0.05)
    return time.monotonic() - started
