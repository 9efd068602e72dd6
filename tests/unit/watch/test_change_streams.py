"""Test when streams of changes start again, and when they report each change."""

import threading
from collections.abc import Callable
from itertools import pairwise
from typing import cast

from argocd_release.model.connection_events import StreamsGivenUp
from argocd_release.model.events import JobEvent
from argocd_release.model.ports import ClusterView
from argocd_release.watch.change_streams import LASTING_SECONDS, MOST_RESTARTS, PAUSE_SPREAD, ChangeStreams
from argocd_release.watch.clock import MonotonicClock
from tests.support.waiting import eventually
from tests.unit.clock import Clock


class SpreadClock(Clock):
    """A clock that records by which share a pause can vary."""

    def __init__(self) -> None:
        super().__init__()
        self.shares: list[float] = []

    def spread(self, seconds: float, share: float = 0.0) -> float:
        self.shares.append(share)
        return seconds


class Endpoint:
    """A stream of a server that sends nothing by itself. Each request for it runs until ``end``."""

    def __init__(self) -> None:
        self.requests: list[threading.Event] = []
        self.send: Callable[[], object] = lambda: None

    @property
    def running(self) -> int:
        return sum(not request.is_set() for request in self.requests)

    def watch(self, name: str, on_change: Callable[[], object]) -> None:
        assert name == "web"
        over = threading.Event()
        self.send = on_change
        self.requests.append(over)
        assert over.wait(30)


class Job:
    """The streams of a job, and the server that they read from."""

    def __init__(self) -> None:
        self.clock = SpreadClock()
        self.application, self.tree = Endpoint(), Endpoint()
        self.watch_application, self.watch_tree = self.application.watch, self.tree.watch
        self.changes = 0
        self.events: list[JobEvent] = []
        view = cast("ClusterView", self)
        self.streams = ChangeStreams("web", view, clock=self.clock, on_change=self._on_change, emit=self.events.append)
        self.streams.start()
        self._pairs = ((self.application, self.streams._application), (self.tree, self.streams._tree))
        self._settle()

    def end(self, *endpoints: Endpoint) -> None:
        for endpoint in endpoints:
            endpoint.requests[-1].set()
        self._settle()

    def look(self, *, after: float) -> None:
        """Let the job look at its application after this pause, so that it can start streams again."""
        self.clock.sleep(after)
        self.streams.restart()
        self._settle()

    def look_until_start(self, endpoint: Endpoint, *, most: int) -> float:
        """Look once per second until the stream starts again. Return the seconds that this took, or ``most``."""
        begun, count = self.clock.now(), len(endpoint.requests)
        self.look(after=0)
        while len(endpoint.requests) == count and self.clock.now() < begun + most:
            self.look(after=1)
        return self.clock.now() - begun

    def _settle(self) -> None:
        """Wait until the job and the server agree which streams are running, and that there is one of each at most."""
        for endpoint, stream in self._pairs:
            eventually(lambda endpoint=endpoint, stream=stream: endpoint.running == int(stream.is_running))  # type: ignore[misc]

    def _on_change(self) -> None:
        self.changes += 1


def test_the_pause_grows_and_the_restarts_are_bounded() -> None:
    job, pauses = Job(), []
    for _ in range(MOST_RESTARTS):
        job.end(job.application)
        pauses.append(job.look_until_start(job.application, most=100))
    assert pauses == [5, 10, 20, 40, 60, 60, 60, 60]
    assert set(job.clock.shares) == {PAUSE_SPREAD}
    assert job.events == []
    job.end(job.application)
    assert job.look_until_start(job.application, most=300) == 300
    assert job.events == [StreamsGivenUp(count=MOST_RESTARTS + 1)]
    assert len(job.tree.requests) == 1, "a stream that is running is not started again"


def test_a_stream_that_has_lasted_starts_again_after_the_first_pause_without_limit() -> None:
    job = Job()
    for _ in range(3 * MOST_RESTARTS):
        job.clock.sleep(LASTING_SECONDS)
        job.end(job.tree)
        assert job.look_until_start(job.tree, most=100) == 5
    assert job.events == []
    assert len(job.application.requests) == 1


def test_streams_of_many_jobs_do_not_start_again_at_the_same_moment() -> None:
    pauses = sorted(MonotonicClock().spread(10, PAUSE_SPREAD) for _ in range(500))
    assert 5 <= pauses[0] < 6
    assert 14 < pauses[-1] <= 15
    assert max(later - earlier for earlier, later in pairwise(pauses)) < 0.5


def test_no_stream_starts_again_without_a_look_that_argo_cd_has_answered() -> None:
    job = Job()
    job.end(job.application, job.tree)
    job.clock.sleep(100)
    assert (len(job.application.requests), len(job.tree.requests)) == (1, 1)


def test_streams_report_each_change_since_their_start_once_the_server_has_responded() -> None:
    job = Job()
    looked_at = job.clock.now()
    job.clock.sleep(1)
    assert not job.streams.report_since(looked_at)
    job.application.send()
    assert job.streams.report_since(looked_at)
    assert job.changes == 0, "the first message only contains the current state"
    job.application.send()
    job.tree.send()
    assert job.changes == 2


def test_after_a_restart_of_both_another_look_shows_the_changes_in_between() -> None:
    job = Job()
    job.application.send()
    job.end(job.application, job.tree)
    job.look_until_start(job.tree, most=100)
    looked_at = job.clock.now()
    assert not job.streams.report_since(looked_at)
    job.clock.sleep(1)
    job.application.send()
    assert job.changes == 0
    assert not job.streams.report_since(looked_at)
    assert job.streams.report_since(job.clock.now())


def test_after_a_restart_of_the_tree_another_look_shows_the_changes_in_between() -> None:
    job = Job()
    job.application.send()
    looked_at = job.clock.now()
    assert job.streams.report_since(looked_at)
    job.end(job.tree)
    assert not job.streams.report_since(job.clock.now())
    job.look_until_start(job.tree, most=100)
    assert not job.streams.report_since(looked_at)
    assert job.streams.report_since(job.clock.now())
