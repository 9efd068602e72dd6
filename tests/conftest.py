"""What every test shares: an environment without settings, and one sandbox for all that need a real Argo CD."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox import releases
from sandbox.sandbox import Sandbox
from tests.docker_engine import Engine, build_image, engine_or_skip

# A shell that starts the suite in the background has SIGINT ignored, and every program below would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

SETTINGS = ("ARGOCD_", "RELEASE_", "CI_")
COMMAND = Path(sys.executable).with_name("argocd-release")


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(SETTINGS)]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox.start() as running:
        yield running


@pytest.fixture(scope="session")
def engine() -> Engine:
    return build_image(engine_or_skip())


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A name for the test's own application, namespace and repository."""
    plain: str = request.node.name
    return re.sub(r"[^a-z0-9]+", "-", plain.removeprefix("test_").lower()).strip("-")[:50].strip("-")


@dataclass(frozen=True, kw_only=True)
class Release:
    """How a run of argocd-release ended. ``ended`` is a ``time.time()``."""

    exit_code: int
    log: str
    junit: str
    dotenv: dict[str, str]
    seconds: float
    ended: float

    @property
    def cause(self) -> str:
        """The first line under the banner."""
        rule = "=" * 45
        return self.log.split(f"\n{rule}\n")[2].splitlines()[0].removeprefix("cause: ").removeprefix("cause: ")


class Running:
    """A run of argocd-release in the background, in a folder of its own."""

    def __init__(self, environ: dict[str, str], folder: Path) -> None:
        self.folder = folder
        self._started = time.monotonic()
        plain = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
        self.process = subprocess.Popen(
            [str(COMMAND)], env=plain | environ, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def end(self) -> Release:
        """Wait for the end; the reports must be there."""
        log, _ = self.process.communicate(timeout=150)
        ended, seconds = time.time(), time.monotonic() - self._started
        lines = (self.folder / "argocd-release.env").read_text("utf-8").splitlines()
        return Release(
            exit_code=self.process.returncode,
            log=log,
            junit=junit.read_text("utf-8") if (junit := self.folder / "argocd-release.xml").exists() else "",
            dotenv=dict(line.split("=", 1) for line in lines),
            seconds=seconds,
            ended=ended,
        )


StartRelease = Callable[..., Running]


@pytest.fixture
def start_release(sandbox: Sandbox, tmp_path: Path) -> Iterator[StartRelease]:
    """Start argocd-release as a pipeline of the guide would; keyword arguments are further variables."""
    running: list[Running] = []

    def start(application: str, **environ: str) -> Running:
        folder = tmp_path / str(len(running))
        folder.mkdir()
        settings = {"ARGOCD_APP_NAME": application, "RELEASE_TIMEOUT": "60", "CI_COMMIT_SHORT_SHA": "abc1234"}
        running.append(Running(sandbox.environment() | settings | environ, folder))
        return running[-1]

    yield start
    for run in running:
        run.process.kill()
        run.process.wait()
        if run.process.stdout is not None:
            run.process.stdout.close()


@pytest.fixture
def release(start_release: StartRelease) -> Callable[..., Release]:
    """Run argocd-release to its end."""

    def run(application: str, **environ: str) -> Release:
        return start_release(application, **environ).end()

    return run


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--accept", action="store_true", help="write what came out as what the cases expect")
    versions = ", ".join(releases.RELEASES)
    parser.addoption("--argocd", default="", metavar="VERSION", help=f"of the sandbox's server: {versions}")
    parser.addoption("--argocd-client", default="", metavar="VERSION", help="of the command line, likewise")


def pytest_configure(config: pytest.Config) -> None:
    # Every sandbox of the suite, whoever starts it, and in whichever process.
    given = {releases.SERVER_VARIABLE: "--argocd", releases.CLIENT_VARIABLE: "--argocd-client"}
    try:
        os.environ.update({name: version for name, option in given.items() if (version := config.getoption(option))})
        releases.server()
        releases.client()
    except releases.UnknownReleaseError as error:
        raise pytest.UsageError(str(error)) from error
