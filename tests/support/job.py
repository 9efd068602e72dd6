"""Run argocd-release like a release job: in a folder of its own, with only the given variables."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.gitlab_rules import check_dotenv, check_junit

#: The file names of the reports by default.
REPORTS: Final = (
    "argocd-release.xml", "argocd-release.env", "argocd-release.annotations.json", "argocd-release.json",
    "argocd-release.metrics.txt", "argocd-release.html",
)  # fmt: skip
COMMAND: Final = Path(sys.executable).with_name("argocd-release")
_SHELL: Final = ("PATH", "HOME", "LANG")
_MEASURED: Final = ("COVERAGE_PROCESS_CONFIG",)
_END_SECONDS: Final = 150.0


@dataclass(frozen=True, kw_only=True)
class Release:
    """The result of a run of argocd-release. ``ended`` is the time of its end, as returned by ``time.time()``."""

    exit_code: int
    log: str
    junit: str
    dotenv: dict[str, str]
    seconds: float
    ended: float

    @property
    def cause(self) -> str:
        """Return the cause, which is the first line below the banner of the result."""
        rule = "=" * 45
        return self.log.split(f"\n{rule}\n")[2].splitlines()[0].removeprefix("cause: ").removeprefix("cause: ")


class Running:
    """A background process of argocd-release, or of a command that runs it, in a separate folder."""

    def __init__(self, environ: Mapping[str, str], folder: Path, command: Sequence[str] = (str(COMMAND),)) -> None:
        self.folder = folder
        self._started = time.monotonic()
        shell = {key: os.environ[key] for key in _SHELL if key in os.environ}
        self.process = subprocess.Popen(
            command,
            env=shell | measured() | dict(environ),
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def end(self) -> Release:
        """Wait for the end, and return the result. The process must have written the dotenv report."""
        log, _ = self.process.communicate(timeout=_END_SECONDS)
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

    def kill(self) -> None:
        """Kill the process if it is running, and close its pipes."""
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


# A function that starts a release. Its arguments are the application's name, and further variables as keywords.
StartRelease = Callable[..., Running]


@dataclass(frozen=True, kw_only=True)
class Checked:
    """The result of a run of the doctor. ``text`` is its output."""

    exit_code: int
    text: str
    seconds: float


def doctor(environ: Mapping[str, str], folder: Path, *arguments: str) -> Checked:
    """Run the doctor in the folder, with no other settings than the given variables."""
    started = time.monotonic()
    done = subprocess.run(
        [str(COMMAND), "doctor", *arguments],
        env={"HOME": os.environ.get("HOME", "/"), **measured(), **environ},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_END_SECONDS,
        check=False,
    )
    return Checked(exit_code=done.returncode, text=done.stdout, seconds=time.monotonic() - started)


def measured() -> dict[str, str]:
    """Return the environment variables by which coverage also measures child processes."""
    return {key: os.environ[key] for key in _MEASURED if key in os.environ}


def check_reports(release: Release, status: str) -> dict[str, str]:
    """Assert that the dotenv and JUnit reports follow GitLab's rules and have this status.

    Return the status of each JUnit case by its name.
    """
    assert release.dotenv == check_dotenv("".join(f"{key}={value}\n" for key, value in release.dotenv.items()))
    assert release.dotenv["ARGOCD_RELEASE_STATUS"] == status
    assert release.dotenv["ARGOCD_RELEASE_EXIT_CODE"] == str(release.exit_code)
    return check_junit(release.junit)
