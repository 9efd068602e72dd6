"""Provide clocks whose pauses other threads and signal handlers can end early."""

import os
import random
import selectors
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from argocd_release.model.ports import SPREAD, Clock

_PIPE_BYTES: Final = 65536


class MonotonicClock:
    """The monotonic clock of the system. ``wake`` only writes to a pipe, so it is safe to call in a signal handler."""

    def __init__(self) -> None:
        self._news, self._bell = os.pipe()
        os.set_blocking(self._news, False)
        os.set_blocking(self._bell, False)

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def pause(self, seconds: float) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._news, selectors.EVENT_READ)
            if selector.select(max(seconds, 0.0)):
                os.read(self._news, _PIPE_BYTES)

    def wake(self) -> None:
        # If the pipe is full, earlier calls of wake() are still unread. They end the pause as well, so ignore the
        # error.
        with suppress(BlockingIOError):
            os.write(self._bell, b".")

    def spread(self, seconds: float, share: float = SPREAD) -> float:
        return seconds * random.uniform(1 - share, 1 + share)  # noqa: S311 - not for cryptography


class ApplicationClock:
    """The clock for one application of a group. Only its ``wake`` differs from that of the group's clock.

    ``wake`` calls the given function, which decides whether to end the pause of the whole group.
    """

    def __init__(self, clock: Clock, wake: Callable[[], object]) -> None:
        self.now = clock.now
        self.sleep = clock.sleep
        self.pause = clock.pause
        self.spread = clock.spread
        self._wake = wake

    def wake(self) -> None:
        self._wake()
