"""Whatever hangs: the deadline is kept, and a cancel ends the job within a second, with its reports."""

import json
import signal
import time
from collections.abc import Callable
from datetime import datetime

import pytest

from argocd_release.messages.argocd import APPLICATION_DENIED
from argocd_release.messages.git_history import HISTORY_BEING_READ
from sandbox import manifests
from sandbox.sandbox import Sandbox
from scenarios.dsl import literal, web
from scenarios.fake_servers import proxy, silence
from tests.support.job import Release, Running, StartRelease, check_reports
from tests.support.stopwatch import Stopwatch, check

# The job ends within 1 s of a cancel.
CANCEL = {"promised": 1.0, "busy": 10.0}
# A look at the deadline can take that much longer. The search for the cause comes after it and has a limit of its own.
OVER = {"promised": 5 + 2.0, "busy": 5 + 10.0}
SHORT = {"RELEASE_TIMEOUT": "5", "RELEASE_LOG_FORMAT": "json"}
STRANGER = "0123456789abcdef0123456789abcdef01234567"


def cancelled(running: Running, *, after: float) -> Release:
    """Cancel the job after some seconds; it must end in time."""
    time.sleep(after)
    assert running.process.poll() is None
    stopwatch = Stopwatch()
    running.process.send_signal(signal.SIGTERM)
    ended = running.end()
    check(stopwatch.seconds(), stalled=stopwatch.stalled(), **CANCEL)
    return ended


def timed_out(release: Callable[..., Release], application: str, **settings: str) -> Release:
    """Run the job with a timeout of 5 s; there must be a verdict in time."""
    stopwatch = Stopwatch()
    ended = release(application, **SHORT, **settings)
    check(waited(ended), stalled=stopwatch.stalled(), **OVER)
    return ended


def waited(ended: Release) -> float:
    """Return the seconds from the first event of the log until there was a verdict."""
    events = [json.loads(line) for line in ended.log.splitlines()]
    at = {event["event"]: datetime.fromisoformat(event["timestamp"]) for event in reversed(events)}
    return (at.get("looking for the cause", at["result"]) - at["start"]).total_seconds()


@pytest.fixture
def delivered(sandbox: Sandbox, name: str) -> str:
    repository = sandbox.repository(name)
    repository.commit(web("1"))
    sandbox.application(name, repository)
    return name


@pytest.fixture
def waiting(sandbox: Sandbox, name: str) -> str:
    """Create an application of 12 StatefulSets without pods; only events give the reason."""
    repository = sandbox.repository(name)
    quota = json.loads(manifests.resource_quota("none", pods="0"))
    quota["metadata"]["namespace"] = name
    sandbox.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}, quota)
    image = "registry.example.com/db:1"
    files = {f"db-{number}.yaml": manifests.stateful_set(f"db-{number}", image) for number in range(12)}
    repository.commit(files)
    sandbox.application(name, repository)
    return name


def test_git_that_never_answers(
    sandbox: Sandbox, start_release: StartRelease, release: Callable[..., Release], delivered: str
) -> None:
    with silence() as port:
        settings = {"RELEASE_REVISION": STRANGER, "CI_REPOSITORY_URL": f"http://127.0.0.1:{port}/x.git"}
        # Argo CD deploys this project's own repository, so the job reads it from GitLab's address.
        settings["CI_PROJECT_URL"] = f"file://{sandbox.folder}/repositories/{delivered}"

        ended = cancelled(start_release(delivered, **settings), after=4)
        assert ended.exit_code == 143, ended.log
        check_reports(ended, "cancelled")

        ended = timed_out(release, delivered, **settings)
        assert ended.exit_code == 12, ended.log
        assert HISTORY_BEING_READ in ended.log


def test_events_that_take_their_time(
    sandbox: Sandbox, start_release: StartRelease, release: Callable[..., Release], waiting: str
) -> None:
    with proxy(sandbox.server) as front:
        front.hold["/events"] = 2.5

        ended = cancelled(start_release(waiting, **front.settings), after=5)
        assert ended.exit_code == 143, ended.log
        check_reports(ended, "cancelled")

        ended = timed_out(release, waiting, **front.settings)
        assert ended.exit_code == 12, ended.log


@pytest.mark.parametrize("how", [{}, {"RELEASE_CHILDREN": "true"}], ids=["one by one", "by a list"])
def test_http_that_is_swallowed_while_grpc_works(
    sandbox: Sandbox, release: Callable[..., Release], delivered: str, how: dict[str, str]
) -> None:
    """H19: the command line takes over, for one application and for a group."""
    with proxy(sandbox.server) as front:
        front.hold["/api/v1"] = 60
        ended = release(delivered, RELEASE_TIMEOUT="60", **how, **front.settings)
    assert ended.exit_code == 0, ended.log
    assert ended.seconds <= 30, ended.log


def test_rights_that_cannot_be_asked_for(
    sandbox: Sandbox, start_release: StartRelease, release: Callable[..., Release], name: str
) -> None:
    with proxy(sandbox.server) as front:
        front.hold["ProjectService/List"] = 60

        ended = cancelled(start_release(name, **front.settings), after=2)
        assert ended.exit_code == 143, ended.log
        check_reports(ended, "cancelled")

        ended = timed_out(release, name, **front.settings)
        assert ended.exit_code == 31, ended.log
        assert literal(APPLICATION_DENIED) in ended.log


def test_a_comparison_that_never_ends(
    sandbox: Sandbox, start_release: StartRelease, release: Callable[..., Release], delivered: str
) -> None:
    with sandbox.part("application-controller").paused():
        ended = cancelled(start_release(delivered), after=3)
        assert ended.exit_code == 143, ended.log

        ended = timed_out(release, delivered)
        assert ended.exit_code == 12, ended.log
