"""A job whose streams of changes end polls, and rests again as soon as new streams work."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Never, cast

import pytest

from argocd_release.argocd.api import Api
from argocd_release.argocd.http_first import HttpFirstCommands
from argocd_release.model.errors import ArgoCDError, FailureKind
from argocd_release.model.events import JobEvent
from argocd_release.model.outcome import Outcome, Verdict
from argocd_release.model.ports import Commands, Lists
from argocd_release.release.group import GroupWait
from argocd_release.release.policy import Policy, targets_of
from argocd_release.settings import load
from argocd_release.settings.environment import JobEnvironment
from argocd_release.settings.expectations_file import Expected
from argocd_release.watch import change_streams, tracker
from argocd_release.watch.clock import MonotonicClock
from benchmark.recorded_server import RecordedServer, serving
from tests.support.waiting import eventually

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

TIMEOUT = 60
FIRST_PAUSE = 0.5
# The job polls at this interval while no stream reports changes.
POLL_SECONDS = 0.5


class WaitOnly:
    """A command line that only has ``argocd app wait``."""

    def __init__(self) -> None:
        self.ended = False
        self.on_line: Callable[[str], None] = lambda _: None

    def wait(self, name: str, *, on_line: Callable[[str], None], **_: object) -> "WaitOnly":
        del name
        self.on_line = on_line
        return self

    def stop(self, *, grace: float = 0.0) -> None: ...

    def _fail(self, *_: object, **__: object) -> Never:
        raise ArgoCDError(kind=FailureKind.UNREACHABLE, command="argocd", exit_code=20, message="no gRPC")

    get = list = sync = _fail


class Job:
    """A job that waits for one application of the server in another thread."""

    def __init__(self, server: RecordedServer) -> None:
        self.server = server
        self.events: list[JobEvent] = []
        self.verdicts: list[Verdict] = []
        self.argocd = WaitOnly()
        self.thread = threading.Thread(target=self._wait, daemon=True)
        self.thread.start()

    def end_streams(self, *, feed_ends: bool) -> None:
        """End all streams. As soon as the job can notice that, let ``argocd app wait`` end or only print a line."""
        self.server.end_streams()
        eventually(lambda: self.server.streams == 0)
        time.sleep(0.1)
        self.argocd.ended = feed_ends
        self.argocd.on_line("" if feed_ends else "the stream has ended")

    def polls_within(self, seconds: float) -> int:
        """Return how often the job reads its application within so many seconds."""
        before = self.server.requests["read"]
        time.sleep(seconds)
        return self.server.requests["read"] - before

    def _wait(self) -> None:
        given = {"ARGOCD_APP_NAME": "web-0", "ARGOCD_AUTH_TOKEN": "t" * 20, "ARGOCD_SERVER": "argocd.example.com"}
        settings = load.load(JobEnvironment(given))
        policy = Policy(
            settings=settings,
            expected=Expected(rules={}),
            timeout=TIMEOUT,
            started=time.monotonic(),
            check=lambda: None,
        )
        with Api(self.server.connection) as api:
            commands = HttpFirstCommands(cast("Commands", self.argocd), cast("Lists", self.argocd), api)
            group = GroupWait(
                targets_of(settings), policy, commands=commands, cluster=api, clock=MonotonicClock(),
                emit=self.events.append,
            )  # fmt: skip
            self.verdicts.append(group.wait())


@contextmanager
def job(monkeypatch: pytest.MonkeyPatch) -> Iterator[Job]:
    """Run a job whose application is Progressing until it is delivered, and wait until its streams are running."""
    monkeypatch.setattr(change_streams, "FIRST_PAUSE_SECONDS", FIRST_PAUSE)
    monkeypatch.setattr(tracker, "QUIET_SECONDS", POLL_SECONDS)
    monkeypatch.setattr(tracker, "POLL_SECONDS", POLL_SECONDS)
    with serving(1, streams=True) as server:
        running = Job(server)
        eventually(lambda: server.requests["stream"] == 2)
        eventually(lambda: server.requests["resource-tree"] >= 1)
        yield running


@pytest.mark.parametrize("feed_ends", [False, True])
def test_streams_that_have_ended_start_again_and_the_job_rests(
    monkeypatch: pytest.MonkeyPatch, *, feed_ends: bool
) -> None:
    with job(monkeypatch) as running:
        server = running.server
        running.end_streams(feed_ends=feed_ends)
        # The job polls until the streams run again. The look after that shows the changes that no stream has reported.
        eventually(lambda: server.requests["stream"] == 4)
        reads = server.requests["read"]
        assert reads >= 1
        eventually(lambda: server.requests["read"] > reads)
        time.sleep(POLL_SECONDS)
        assert running.polls_within(4 * POLL_SECONDS) == 0
        assert server.requests["stream"] == 4
        delivered = time.monotonic()
        server.deliver()
        running.thread.join(30)
        assert [verdict.outcome for verdict in running.verdicts] == [Outcome.DELIVERED]
        assert time.monotonic() - delivered < 3
        assert not any(event.NAME == "streams given up" for event in running.events)
