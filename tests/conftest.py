"""Configuration for all tests: their layers and markers, an environment without settings, and a shared sandbox.

The layer of a test is derived from its folder, and its other markers from its fixtures, so no test can lack a marker.
Tests of the layers unit and contract need only Python and git, and cannot use the network.
"""

import functools
import gc
import os
import re
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Final

import hypothesis
import pytest

from sandbox import build, releases
from sandbox.programs import ROLLOUTS_CONTROLLER
from sandbox.sandbox import Sandbox
from tests.support import missing
from tests.support.job import Release, Running, StartRelease
from tests.support.second_chance import SecondChance

if TYPE_CHECKING:
    from tests.support.docker_engine import Engine

# Pretend that rich is not installed. The job's image lacks it, but here import-linter needs it. structlog and httpx
# would import it, which takes 0.15 s in each worker.
sys.modules["rich"] = None  # type: ignore[assignment]

# If a shell has started the suite in the background, SIGINT is ignored, and all child processes would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Collect garbage less often: it took a sixth of the CPU time of the quick tests, and found almost nothing.
gc.set_threshold(100_000, 20, 100)

# Do not fail property tests because the machine is slow. The profile `quick` is for the inner loop.
PATIENT = hypothesis.settings(deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.register_profile("full", PATIENT)
hypothesis.settings.register_profile("quick", PATIENT, max_examples=25)
hypothesis.settings.load_profile("full")

HERE: Final = Path(__file__).parent
SETTINGS: Final = ("ARGOCD_", "RELEASE_", "CI_")
# The layer of each folder. All other folders belong to the layer e2e.
LAYERS: Final = {"unit": "unit", "contract": "contract", "cases": "contract"}
# The markers of fixtures that need more than Python and git.
NEEDS: Final = {"sandbox": "sandbox", "engine": "docker", "browser": "browser", "ways": "proxy"}
# Markers of tests that need a program which this project does not build, so that it can be missing.
TOOLS: Final = {"docker", "browser", "proxy"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        folder = folder_of(item.path)
        layer = LAYERS.get(folder, "e2e")
        needs = {marker for fixture, marker in NEEDS.items() if fixture in getattr(item, "fixturenames", ())}
        if folder == "sandbox":
            needs.add("sandbox")
        if layer != "e2e":
            if needs:
                raise pytest.UsageError(
                    f"{item.nodeid} is in a layer that needs no {', '.join(sorted(needs))}: move it"
                )
            if not item.get_closest_marker("allow_hosts"):
                item.add_marker("disable_socket")
        for marker in (layer, *sorted(needs)):
            item.add_marker(marker)


@functools.cache
def folder_of(file: Path) -> str:
    """Return the name of the folder below ``tests`` that contains the file."""
    return file.relative_to(HERE).parts[0]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build the programs that the selected tests need, before the time limit of the first test begins."""
    # Modules and tests are never freed, so exclude them from garbage collection.
    gc.freeze()
    if session.config.option.collectonly:
        return
    if any(runs_programs(item) for item in session.items):
        capture = session.config.pluginmanager.get_plugin("capturemanager")
        with capture.global_and_fixture_disabled() if capture else nullcontext():
            build.build()
            if session.config.getoption("--rollouts"):
                build.make([ROLLOUTS_CONTROLLER], sys.stderr)


def runs_programs(item: pytest.Item) -> bool:
    """Return True if the test needs the sandbox's programs and will not be skipped."""
    markers = {mark.name for mark in item.iter_markers()}
    return bool(markers & {"sandbox", "docker"}) and not any(absence(marker) for marker in TOOLS & markers)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in TOOLS & {mark.name for mark in item.iter_markers()}:
        if absent := absence(marker):
            missing.skip(absent, HOW[marker])


# For each marker, how to get what its tests need.
HOW: Final = {
    "docker": "start a Docker engine: apt-get install docker.io",
    "browser": "install Chromium: apt-get install chromium",
    "proxy": "install HAProxy: apt-get install haproxy",
}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many tests were skipped because this machine lacks something, and how to get it."""
    for line in missing.summary(terminalreporter.stats.get("skipped", [])):
        terminalreporter.write_line(line)


def absence(marker: str) -> str:
    """Return the reason why tests with this marker cannot run here, or an empty string if they can."""
    if marker == "browser":
        return "" if shutil.which("chromium") else "there is no Chromium"
    if marker == "proxy":
        return "" if shutil.which("haproxy") else "there is no HAProxy"
    from tests.support import docker_engine  # noqa: PLC0415 - nobody else needs the Docker client

    return docker_engine.absence()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--accept", action="store_true", help="write what came out as what the cases expect")
    versions = ", ".join(releases.RELEASES)
    parser.addoption("--argocd", default="", metavar="VERSION", help=f"of the sandbox's server: {versions}")
    parser.addoption("--rollouts", action="store_true", help="also the scenarios that need Argo Rollouts, built then")
    parser.addoption("--argocd-client", default="", metavar="VERSION", help="of the command line, likewise")


def pytest_configure(config: pytest.Config) -> None:
    # Pass the options on as variables, so that they apply to all sandboxes in all processes of the suite.
    given = {releases.SERVER_VARIABLE: "--argocd", releases.CLIENT_VARIABLE: "--argocd-client"}
    try:
        os.environ.update({name: version for name, option in given.items() if (version := config.getoption(option))})
        releases.server()
        releases.client()
    except releases.UnknownReleaseError as error:
        raise pytest.UsageError(str(error)) from error
    # Rerun failed tests only in CI, because a developer wants to see a failure immediately.
    if os.environ.get("CI") and not config.getoption("numprocesses", None) and not hasattr(config, "workerinput"):
        config.pluginmanager.register(SecondChance(NEEDS.values()))


@pytest.fixture(autouse=True)
def _no_settings(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the settings of a job from the environment and, in quick tests, the system's certificate authorities.

    OpenSSL reads the certificate authorities for each TLS context, which takes 35 ms. Quick tests do not need them,
    because they do not connect to other machines.
    """
    for name in [name for name in os.environ if name.startswith(SETTINGS)]:
        monkeypatch.delenv(name)
    if request.node.get_closest_marker("e2e") is None:
        monkeypatch.setenv("SSL_CERT_FILE", os.devnull)
        monkeypatch.setenv("SSL_CERT_DIR", os.devnull)


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox.start() as running:
        yield running


@pytest.fixture(scope="session")
def engine() -> Iterator["Engine"]:
    from tests.support import docker_engine  # noqa: PLC0415 - nobody else needs the Docker client

    with docker_engine.built() as engine:
        yield engine


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """Return a name for the application, namespace and repository of this test."""
    plain: str = request.node.name
    return re.sub(r"[^a-z0-9]+", "-", plain.removeprefix("test_").lower()).strip("-")[:50].strip("-")


@pytest.fixture
def start_release(sandbox: Sandbox, tmp_path: Path) -> Iterator[StartRelease]:
    """Return a function that starts argocd-release like a pipeline of the guide, and kill the processes at the end."""
    running: list[Running] = []

    def start(application: str, **environ: str) -> Running:
        folder = tmp_path / str(len(running))
        folder.mkdir()
        settings = {"ARGOCD_APP_NAME": application, "RELEASE_TIMEOUT": "60", "CI_COMMIT_SHORT_SHA": "abc1234"}
        running.append(Running(sandbox.environment() | settings | environ, folder))
        return running[-1]

    yield start
    for run in running:
        run.kill()


@pytest.fixture
def release(start_release: StartRelease) -> Callable[..., Release]:
    """Return a function that runs argocd-release to its end."""

    def run(application: str, **environ: str) -> Release:
        return start_release(application, **environ).end()

    return run
