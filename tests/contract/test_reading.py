"""Polls cost little on a server with thousands of applications, which plays recorded answers over real HTTP."""

import time
from typing import Never, cast

import pytest

from argocd_release.argocd.api import Api
from argocd_release.argocd.http_first import HttpFirstCommands
from argocd_release.model.errors import ArgoCDError, FailureKind
from argocd_release.model.outcome import Outcome
from argocd_release.model.ports import Commands, Lists
from argocd_release.release.group import GroupWait
from argocd_release.release.policy import FEW_NAMES, Policy, targets_of
from argocd_release.settings import load
from argocd_release.settings.environment import JobEnvironment
from argocd_release.settings.expectations_file import Expected
from argocd_release.watch.clock import MonotonicClock
from argocd_release.watch.pace import MOST_LOOKS_A_SECOND
from benchmark.recorded import NAMES, SELECTOR, measure
from benchmark.recorded_server import RecordedServer, serving

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

APPLICATIONS = 5000
SECONDS = 2
MOST_BYTES_PER_POLL = 100_000
MOST_MEGABYTES = 300


class NoCommandLine:
    """A command line that reaches no server, so that the job reads everything over HTTP."""

    def _fail(self, *_: object, **__: object) -> Never:
        raise ArgoCDError(kind=FailureKind.UNREACHABLE, command="argocd", exit_code=20, message="no gRPC")

    get = list = sync = wait = _fail


def waited(server: RecordedServer, names: int) -> None:
    """Wait for so many applications until the timeout."""
    given = {"ARGOCD_APP_NAME": " ".join(f"web-{number}" for number in range(names)), "ARGOCD_AUTH_TOKEN": "t" * 20}
    settings = load.load(JobEnvironment(given | {"ARGOCD_SERVER": "argocd.example.com"}))
    policy = Policy(
        settings=settings, expected=Expected(rules={}), timeout=SECONDS, started=time.monotonic(), check=lambda: None
    )
    argocd = NoCommandLine()
    with Api(server.connection) as api:
        commands = HttpFirstCommands(cast("Commands", argocd), cast("Lists", argocd), api)
        group = GroupWait(
            targets_of(settings), policy, commands=commands, cluster=api, clock=MonotonicClock(), emit=lambda _: None
        )
        assert group.wait().outcome is Outcome.TIMED_OUT
    assert len(group.members) == names


def test_three_names_cost_three_applications_per_poll_and_not_thousands() -> None:
    with serving(APPLICATIONS) as server:
        waited(server, 3)
    polls = server.requests["read"] / 3
    assert polls >= 1
    assert "list" not in server.requests
    assert server.bytes / polls <= MOST_BYTES_PER_POLL


def test_many_names_cost_one_list_per_poll_and_no_other_reads() -> None:
    with serving(APPLICATIONS) as server:
        waited(server, FEW_NAMES + 1)
    assert server.requests["list"] >= 1
    # Before the first comparison, one read finds out whether HTTP answers.
    assert server.requests["read"] <= 1


def test_a_job_for_a_thousand_applications_needs_little_memory_and_limits_its_requests() -> None:
    cost = measure(1000, SELECTOR, seconds=3)
    assert cost.exit_code == Outcome.DELIVERED.exit_code
    assert cost.peak_mb <= MOST_MEGABYTES
    # All applications are Progressing, so each look reads a resource tree. The rest are lists and events.
    assert cost.requests <= 1.2 * MOST_LOOKS_A_SECOND * 60


def test_a_job_for_three_names_costs_the_same_on_a_server_of_any_size() -> None:
    few, many = (measure(count, NAMES, seconds=3) for count in (10, APPLICATIONS))
    assert (few.exit_code, many.exit_code) == (0, 0)
    assert many.poll_kilobytes * 1000 <= MOST_BYTES_PER_POLL
    assert many.poll_kilobytes == pytest.approx(few.poll_kilobytes, rel=0.3)
    assert many.peak_mb <= few.peak_mb + 20
