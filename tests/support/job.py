"""Runs argocd-release as a release job does: in a folder of its own, with no variables but those that are given."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

COMMAND: Final = Path(sys.executable).with_name("argocd-release")
# What a shell always has, and what tells the processes of a measured run to be measured too.
_KEPT: Final = ("PATH", "HOME", "LANG", "COVERAGE_PROCESS_CONFIG")
_END_SECONDS: Final = 150.0


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

    def __init__(self, environ: Mapping[str, str], folder: Path) -> None:
        self.folder = folder
        self._started = time.monotonic()
        kept = {key: os.environ[key] for key in _KEPT if key in os.environ}
        self.process = subprocess.Popen(
            [str(COMMAND)],
            env=kept | dict(environ),
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def end(self) -> Release:
        """Wait for the end; the dotenv report must be there."""
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
        """End it if it still runs, and leave nothing open."""
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


# Called with an application's name; keyword arguments are further variables.
StartRelease = Callable[..., Running]


def run(environ: Mapping[str, str], folder: Path) -> Release:
    """Run argocd-release to its end."""
    running = Running(environ, folder)
    try:
        return running.end()
    finally:
        running.kill()
