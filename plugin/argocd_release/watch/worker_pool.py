"""Run the steps of a group's applications in threads."""

from collections import deque
from collections.abc import Callable
from typing import Final, Generic, Protocol, TypeVar

from argocd_release.model.ports import Clock
from argocd_release.timing import Background, run_in_background

# The maximum number of steps that a pool runs at the same time.
STEPS_AT_ONCE: Final = 8


class HasSteps(Protocol):
    """An application whose steps a pool runs."""

    #: True while a step is in the queue or is running.
    stepping: bool
    #: The clock time at which the last step ended.
    looked_at: float
    #: True if a change was reported since the last step.
    has_news: bool


Item = TypeVar("Item", bound=HasSteps)


class WorkerPool(Generic[Item]):
    """A pool of threads that runs the steps of several applications. A long step continues during later polls."""

    def __init__(self, step: Callable[[Item], object], clock: Clock) -> None:
        self._step = step
        self._clock = clock
        self._queue: deque[Item] = deque()
        self._working: list[Background[None]] = []

    def add(self, application: Item) -> None:
        """Put the next step of the application into the queue."""
        application.stepping = True
        self._queue.append(application)

    def start(self) -> None:
        """Start threads for the queued steps, at most ``STEPS_AT_ONCE`` in total."""
        room = max(STEPS_AT_ONCE - len(self._working), 0)
        self._working += [run_in_background(self._work) for _ in range(min(room, len(self._queue)))]

    def wait(self, until: float, check: Callable[[], object]) -> None:
        """Wait for all steps, at most until the clock time ``until``. Raise any exception of a step or ``check``."""
        for future in self._working:
            future.wait_for(seconds=max(until - self._clock.now(), 0.0), check=check)
        ended = [future for future in self._working if future.done()]
        self._working = [future for future in self._working if future not in ended]
        for future in self._working:
            # If a step ends later, wake the poll loop, so that it handles the result before the next poll is due.
            future.add_done_callback(lambda _: self._clock.wake())
        for future in ended:
            future.result()

    def position(self, application: Item) -> int:
        """Return the number of steps that are running, or that are in the queue before the step of this application."""
        try:
            return self._queue.index(application) + sum(not future.done() for future in self._working)
        except (ValueError, RuntimeError):
            # The application is no longer in the queue, or another thread has changed the queue during the search.
            return 0

    def _work(self) -> None:
        while self._queue:
            try:
                application = self._queue.popleft()
            except IndexError:
                # Another worker has taken the last application from the queue.
                return
            application.has_news = False
            try:
                self._step(application)
            finally:
                application.looked_at, application.stepping = self._clock.now(), False
