"""Wait for a state, with a limit that even a busy machine keeps. The wait ends as soon as the state is reached."""

import time
from collections.abc import Callable


def eventually(holds: Callable[[], bool], seconds: float = 60.0) -> float:
    """Wait until the condition holds; return the seconds that it took."""
    started, pause = time.monotonic(), 0.005
    while not holds():
        assert time.monotonic() < started + seconds, f"not within {seconds:.0f} s"
        time.sleep(pause)
        pause = min(pause * 2, 0.05)
    return time.monotonic() - started
