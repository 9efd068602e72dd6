"""Every scenario with its verdict, cause and time, on the Argo CD that the sandbox runs."""

import os
from collections.abc import Iterator

import pytest

from sandbox import releases
from sandbox.sandbox import Sandbox
from scenarios import NEWEST, SCENARIOS
from scenarios.dsl import Scenario
from scenarios.parallel_runner import Performances, performed, possible, wrong
from tests.support.gitlab_rules import check_dotenv, check_junit
from tests.support.job_log_rules import check_log

# Six at once on two cores make each other wait; the limits themselves are held by `bin/dev benchmark`, one by one.
SLACK_FACTOR, SLACK_SECONDS = 1.5, 5
# Built for those who ask, which takes minutes.
ROLLOUTS = "argo-rollouts"


@pytest.fixture(scope="module")
def performances(
    request: pytest.FixtureRequest, sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Performances]:
    """Return the results of the requested scenarios, in the order of their ends."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        # Each worker collects all tests and learns its own ones one by one, so it would play those of other workers
        # too.
        pytest.fail("the scenarios are played at once by one process: leave out --numprocesses")
    names = [item.name.partition("[")[2].rstrip("]") for item in request.session.items if item.path == request.path]
    with performed((SCENARIOS[name] for name in names), sandbox, tmp_path_factory.mktemp("scenarios")) as playing:
        yield playing


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    rollouts = metafunc.config.getoption("--rollouts")
    asked = [each for each in SCENARIOS.values() if rollouts or ROLLOUTS not in each.parts]
    played = possible(asked, releases.server())
    marks = {name: [pytest.mark.newest] if name in NEWEST else [] for name in played}
    metafunc.parametrize("scenario", [pytest.param(each, id=name, marks=marks[name]) for name, each in played.items()])


@pytest.mark.timeout(1800)
def test_scenario(scenario: Scenario, performances: Performances) -> None:
    played = performances[scenario.name].result()

    assert not wrong(scenario, played), played.log
    assert not check_log(played.log), played.log
    assert played.seconds <= scenario.max_seconds * SLACK_FACTOR + SLACK_SECONDS, played.log
    assert played.dotenv == check_dotenv("".join(f"{key}={value}\n" for key, value in played.dotenv.items()))
    assert played.dotenv["ARGOCD_RELEASE_STATUS"] == scenario.outcome.word
    for file in played.folder.iterdir():
        assert played.token not in file.read_text("utf-8"), file
    assert check_junit((played.folder / "argocd-release.xml").read_text("utf-8"))
