"""Follow the HTTP streams that report changes of an application, and start a stream again after it has ended."""

import math
from collections.abc import Callable
from functools import partial
from typing import Final

from argocd_release.model.application import Application, SyncStatus
from argocd_release.model.connection_events import StreamsGivenUp
from argocd_release.model.ports import Clock, ClusterView, Emit
from argocd_release.timing import Background, run_in_background
from argocd_release.verdict.expectation import Expectation, WaitCondition

# The pause in seconds before a stream that has ended starts again. It doubles while the stream does not last.
FIRST_PAUSE_SECONDS: Final = 5.0
MOST_PAUSE_SECONDS: Final = 60.0
# Each pause is up to this share shorter or longer. A restart of Argo CD's API server ends the streams of all jobs at
# the same moment, and they must not start again at the same moment.
PAUSE_SPREAD: Final = 0.5
# The maximum number of restarts in a row of a stream that does not last.
MOST_RESTARTS: Final = 8
# A stream that has run for so many seconds has lasted. Load balancers end idle streams after 30 s or later.
LASTING_SECONDS: Final = 20.0


class _Stream:
    """One stream, which runs in a background thread until Argo CD or a proxy ends it.

    Args:
        read: reads the stream until its end.
        clock: the clock of the tracker.
    """

    def __init__(self, read: Callable[[], None], clock: Clock) -> None:
        self._read = read
        self._clock = clock
        self._reading: Background[None] | None = None
        self.started_at = self._ended_at = 0.0
        #: The clock time of the next start; None while the stream is running, and before its end is noticed.
        self._start_at: float | None = None
        self._restarts = 0

    @property
    def is_running(self) -> bool:
        return self._reading is not None and not self._reading.done()

    @property
    def is_restarted(self) -> bool:
        return self._restarts > 0

    @property
    def is_exhausted(self) -> bool:
        """Return True if the stream has ended, and ``MOST_RESTARTS`` restarts have not made it last."""
        return not self.is_running and self._restarts > MOST_RESTARTS

    def start(self) -> None:
        """Start the stream. Call this only if it is not running."""
        self.started_at, self._start_at = self._clock.now(), None
        self._reading = run_in_background(self._run)

    def must_start(self) -> bool:
        """Return True if the stream has ended and its pause is over. The pause begins when the end is noticed."""
        if self.is_running:
            return False
        if self._start_at is None:
            lasted = self._ended_at - self.started_at >= LASTING_SECONDS
            pause = FIRST_PAUSE_SECONDS if lasted else min(FIRST_PAUSE_SECONDS * 2**self._restarts, MOST_PAUSE_SECONDS)
            self._restarts = 1 if lasted else self._restarts + 1
            self._start_at = self._clock.now() + self._clock.spread(pause, PAUSE_SPREAD)
        return not self.is_exhausted and self._clock.now() >= self._start_at

    def _run(self) -> None:
        try:
            self._read()
        finally:
            self._ended_at = self._clock.now()


class ChangeStreams:
    """The streams that report the changes of one application and of its resource tree.

    Args:
        name: the name of the application.
        cluster: opens the streams.
        clock: the clock of the tracker.
        on_change: a callback for each reported change. It runs in the thread of a stream.
        emit: receives the events for the job log.
    """

    def __init__(
        self, name: str, cluster: ClusterView, *, clock: Clock, on_change: Callable[[], object], emit: Emit
    ) -> None:
        self._emit = emit
        self._clock = clock
        self._on_change = on_change
        self._application = _Stream(partial(cluster.watch_application, name, self._on_application), clock)
        self._tree = _Stream(partial(cluster.watch_tree, name, on_change), clock)
        self._streams = (self._application, self._tree)
        self._is_given_up = False
        #: The application's stream reports each change after this clock time; infinity before its first message.
        self._reports_since = math.inf

    def start(self) -> None:
        """Start both streams. Do this directly before the first look, which takes longer than the start."""
        for stream in self._streams:
            stream.start()

    def restart(self) -> None:
        """Start each stream again that has ended, if its pause is over. Do this only while Argo CD responds."""
        if self._is_given_up:
            return
        due = [stream for stream in self._streams if stream.must_start()]
        if any(stream.is_exhausted for stream in self._streams):
            self._is_given_up = True
            self._emit(StreamsGivenUp(count=MOST_RESTARTS + 1))
            return
        if self._application in due:
            self._reports_since = math.inf
        for stream in due:
            stream.start()

    def report_since(self, moment: float) -> bool:
        """Return True if both streams are running, and have reported each change since this clock time."""
        are_running = all(stream.is_running for stream in self._streams)
        return are_running and max(self._reports_since, self._tree.started_at) <= moment

    def _on_application(self) -> None:
        """Handle a message of the application's stream.

        The first message only contains the current state, so it does not report a change. But it proves that no proxy
        delays the stream.
        """
        if self._reports_since < math.inf:
            self._on_change()
        else:
            # Changes between a look and the restart of a stream are not reported, so another look must show them.
            self._reports_since = self._clock.now() if self._application.is_restarted else self._application.started_at


def must_change(application: Application | None, expectation: Expectation) -> bool:
    """Return True if the sync status or the health of the application must change before the release can be delivered.

    Streams report that change. They do not report a change of anything else that keeps a release pending, such as the
    owner of the application.
    """
    if application is None:
        return False
    unsynced = WaitCondition.SYNC in expectation.wait_for and application.sync is not SyncStatus.SYNCED
    return unsynced or (bool(expectation.healths) and application.health not in expectation.healths)
