"""SIGTERM and SIGINT: they end the tracking, never the writing of reports."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final, Self

from argocd_release.errors import Cancelled, Outcome

_OUTCOMES: Final = {signal.SIGTERM: Outcome.CANCELLED, signal.SIGINT: Outcome.INTERRUPTED}


class Signals:
    """While installed, the first signal raises ``Cancelled`` where that is allowed; every later one is ignored."""

    def __init__(self) -> None:
        self._arrived: Outcome | None = None
        self._allowed = False

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._arrive) for number in _OUTCOMES}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Where a signal may end what runs; one that came before ends it at once."""
        self._allowed = True
        try:
            if self._arrived is not None:
                raise Cancelled(self._arrived)
            yield
        finally:
            self._allowed = False

    def _arrive(self, number: int, _: FrameType | None) -> None:
        if self._arrived is None:
            self._arrived = _OUTCOMES[signal.Signals(number)]
            if self._allowed:
                raise Cancelled(self._arrived)
