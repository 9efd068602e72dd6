"""A clock for what waits."""


class Clock:
    """Time that passes only when it is waited for."""

    def __init__(self) -> None:
        self.at = 100.0

    def now(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds

    pause = sleep

    def wake(self) -> None: ...
