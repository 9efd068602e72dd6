"""The exit code of each job's script, run as GitLab's runners wrap it.

GitLab's rules on exit codes (`retry: exit_codes`, `allow_failure: exit_codes`) see the one that the wrapper ends with.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from argocd_release.model.outcome import Outcome
from tests.support import missing
from tests.support.runner import WRAPPERS, scripts, wrapped

CODES = sorted(outcome.exit_code for outcome in Outcome)
#: The files that declare jobs with argocd-release.
FILES = ("diff.yml", "doctor.yml", "release.yml", "without-catalog.yml")


def exit_codes(shell: str, program: str, folder: Path) -> list[int]:
    """Run the program once for each exit code of `argocd-release`, and return the codes that the runner would see."""
    return [exit_code(shell, program, folder, code) for code in CODES]


def exit_code(shell: str, program: str, folder: Path, code: int) -> int:
    stand_in = folder / "argocd-release"
    stand_in.write_text(f"#!/bin/sh\nexit {code}\n")
    stand_in.chmod(0o755)
    path = {"PATH": f"{folder}:{os.environ['PATH']}"}
    done = subprocess.run([shell], input=program, env=path, text=True, capture_output=True, timeout=30, check=False)
    return done.returncode


def needed(name: str) -> str:
    """Return the name of the shell, or skip the test if the shell is not installed."""
    if shutil.which(name) is None:
        missing.skip(f"there is no {name}", f"install {name}: apt-get install {name}")
    return name


@pytest.fixture(params=["bash", "dash"])
def shell(request: pytest.FixtureRequest) -> str:
    return needed(request.param)


def test_the_jobs_that_run_argocd_release_are_known() -> None:
    assert sorted(scripts()) == list(FILES)


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_the_runner_sees_every_exit_code(file: str, wrapper: str, shell: str, tmp_path: Path) -> None:
    assert exit_codes(shell, wrapped(scripts()[file], wrapper), tmp_path) == CODES


def test_the_older_wrapper_does_lose_exit_codes_in_bash(tmp_path: Path) -> None:
    """Show that the test above can fail."""
    assert exit_codes(needed("bash"), wrapped(["argocd-release"], "eval"), tmp_path) == [min(code, 1) for code in CODES]
