"""Every scenario with its verdict, cause and time. Those that disturb nobody are played at once, which saves minutes."""

import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from argocd_release.model.outcome import Outcome
from sandbox.sandbox import Sandbox
from scenarios import SCENARIOS
from scenarios.play import Played, play
from scenarios.stage import Scenario
from tests.gitlab_rules import check_dotenv, check_junit
from tests.support.job import COMMAND

AT_ONCE = 6
# Six at once on two cores make each other wait; the limits themselves are held by `bin/dev benchmark`, one by one.
SLACK_FACTOR, SLACK_SECONDS = 1.5, 5
Performances = dict[str, Future[Played]]


@pytest.fixture(scope="module")
def performances(
    request: pytest.FixtureRequest, sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Performances]:
    """Of each scenario that was asked for, its end, sooner or later."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        # Each worker is given all tests and told of its own one by one: here it would play every other worker's too.
        pytest.fail("the scenarios are played at once by one process: leave out --numprocesses")
    names = [item.name.partition("[")[2].rstrip("]") for item in request.session.items if item.path == request.path]
    asked = [SCENARIOS[name] for name in names]
    folder = tmp_path_factory.mktemp("scenarios")

    def perform(scenario: Scenario) -> Played:
        # Other tests have applications on the same sandbox that are named as their scenarios are.
        name, environ = f"play-{scenario.name}", {"RELEASE_TIMEOUT": "60"}
        return play(scenario, sandbox, command=[str(COMMAND)], name=name, folder=folder / name, environ=environ)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        together = {each.name: pool.submit(perform, each) for each in asked if not each.exclusive}

        # The others have the sandbox to themselves, when those are done.
        def alone(scenario: Scenario) -> Played:
            for other in together.values():
                other.exception()
            return perform(scenario)

        with ThreadPoolExecutor(1) as solo:
            yield together | {each.name: solo.submit(alone, each) for each in asked if each.exclusive}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_scenario(scenario: Scenario, performances: Performances, sandbox: Sandbox) -> None:
    played = performances[scenario.name].result()

    assert played.exit_code == scenario.outcome.exit_code, played.log
    assert scenario.cause in (played.log if scenario.outcome is Outcome.DELIVERED else played.cause), played.log
    # A release that was not judged is never called failed.
    assert ("RELEASE FAILED" in played.log) == scenario.outcome.is_failure
    assert played.seconds <= scenario.within * SLACK_FACTOR + SLACK_SECONDS, played.log
    assert played.dotenv == check_dotenv("".join(f"{key}={value}\n" for key, value in played.dotenv.items()))
    assert played.dotenv["ARGOCD_RELEASE_STATUS"] == scenario.outcome.word
    for file in played.folder.iterdir():
        assert sandbox.ci_token not in file.read_text("utf-8"), file
    assert check_junit((played.folder / "argocd-release.xml").read_text("utf-8"))
