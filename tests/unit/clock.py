"""Provide a clock for tests of code that waits."""


class Clock:
    """A clock whose time passes only when a caller sleeps or pauses."""

    def __init__(self) -> None:
        self.at = 100.0

    def now(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds

    pause = sleep

    def wake(self) -> None: ...

    def spread(self, seconds: float, share: float = 0.0) -> float:
        del share
        return seconds
