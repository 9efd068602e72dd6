"""Wait until a state is reached. The limit is long, so that it also suffices on a busy machine."""

import time
from collections.abc import Callable


def eventually(holds: Callable[[], bool], seconds: float = 60.0) -> float:
    """Wait until the condition holds, and return how many seconds that took."""
    started, pause = time.monotonic(), 0.005
    while not holds():
        assert time.monotonic() < started + seconds, f"not within {seconds:.0f} s"
        time.sleep(pause)
        pause = min(pause * 2, 0.05)
    return time.monotonic() - started
