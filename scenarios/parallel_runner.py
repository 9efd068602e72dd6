"""Play many scenarios with argocd-release, in parallel in one sandbox unless they disturb each other."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Final

from argocd_release.model.outcome import Outcome
from sandbox.releases import Release
from sandbox.sandbox import Sandbox
from scenarios.dsl import Scenario
from scenarios.runner import COMMAND, Played, play

AT_ONCE: Final = 6
TIMEOUT: Final = "60"
Performances = Mapping[str, "Future[Played]"]


def possible(scenarios: Iterable[Scenario], release: Release) -> dict[str, Scenario]:
    """Return the scenarios for which this version of Argo CD has all components, by their names."""
    return {each.name: each for each in scenarios if release.hydrates or "commit-server" not in each.parts}


@contextmanager
def performed(
    scenarios: Iterable[Scenario],
    sandbox: Sandbox,
    folder: Path,
    *,
    start: Callable[[], AbstractContextManager[Sandbox]] = Sandbox.start,
    prefix: str = "play",
) -> Iterator[Performances]:
    """Play the scenarios, and yield each with its result when it has ended.

    Args:
        scenarios: the scenarios to play.
        sandbox: the sandbox for all scenarios that do not disturb each other.
        folder: the folder for reports and logs. Each scenario gets a folder inside it.
        start: starts a second sandbox, in which the exclusive scenarios are played one by one at the same time.
        prefix: the prefix of the applications' names. No application in the sandbox must have it yet.
    """
    asked = list(scenarios)
    with ExitStack() as stack:

        def submit(chosen: list[Scenario], own: Sandbox, workers: int) -> dict[str, "Future[Played]"]:
            stack.enter_context(own.using(*dict.fromkeys(part for scenario in chosen for part in scenario.parts)))
            executor = ThreadPoolExecutor(workers)
            stack.callback(executor.shutdown, cancel_futures=True)

            def perform(scenario: Scenario) -> Played:
                name = f"{prefix}-{scenario.name}"
                environ = {"RELEASE_TIMEOUT": TIMEOUT}
                return play(scenario, own, command=[str(COMMAND)], name=name, folder=folder / name, environ=environ)

            return {scenario.name: executor.submit(perform, scenario) for scenario in chosen}

        performances = submit([scenario for scenario in asked if not scenario.exclusive], sandbox, AT_ONCE)
        if exclusive := [scenario for scenario in asked if scenario.exclusive]:
            performances |= submit(exclusive, stack.enter_context(start()), 1)
        yield performances


def wrong(scenario: Scenario, played: Played) -> str:
    """Return what is wrong with the result of a scenario, apart from its duration, or an empty string."""
    expected = scenario.outcome
    if played.exit_code != expected.exit_code:
        return f"exit code {played.exit_code} instead of {expected.exit_code}: {played.cause}"
    said = played.log if expected is Outcome.DELIVERED else played.cause
    if scenario.cause not in said:
        return f"{scenario.cause!r} is not said: {played.cause}"
    if expected is Outcome.DELIVERED and played.early:
        return "green before it was delivered"
    # If the status of a release is unknown, the log must not say that it failed.
    called_failed = "RELEASE FAILED" in played.log
    return "" if called_failed == expected.is_failure else "called failed, or not, against its exit code"
