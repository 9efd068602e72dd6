"""The suite itself on a machine that has Python and git and nothing else."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Folders whose tests need programs that can be missing, and one test that needs nothing of the sandbox.
CHOSEN = (
    "tests/image/test_image.py::test_versions",
    "tests/docs/test_browser.py",
    "tests/locks/test_locks.py::test_the_whole_lock_installs_and_lacks_nothing",
    "tests/unit/test_runner_shells.py",
    "tests/unit/core/test_text.py",
)


def suite(folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the suite with git as the only program, without a Docker engine, and outside CI."""
    git = folder / "git"
    git.symlink_to("/usr/bin/git")
    bare = {"PATH": str(folder), "HOME": str(folder), "DOCKER_HOST": f"unix://{folder}/nothing"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *CHOSEN]
    return subprocess.run(
        command, cwd=ROOT, env=bare | environ, capture_output=True, text=True, timeout=120, check=False
    )


def test_what_needs_an_absent_tool_is_skipped_and_the_suite_ends_well(tmp_path: Path) -> None:
    done = suite(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "there is no Docker engine: " in done.stdout
    assert "there is no Chromium; CI has it" in done.stdout
    assert "skipped: 1 test. next: start a Docker engine: apt-get install docker.io" in done.stdout
    assert re.search(r"skipped: \d+ tests\. next: install Chromium: apt-get install chromium", done.stdout)
    assert re.search(r"skipped: \d+ tests\. next: install bash: apt-get install bash", done.stdout)
    assert re.search(r"skipped: \d+ tests\. next: install dash: apt-get install dash", done.stdout)
    assert "skipped: 1 test. next: install Python 3.14 with ensurepip: pyenv install 3.14" in done.stdout
    assert done.stderr == ""


def test_in_ci_an_absent_tool_is_a_failure(tmp_path: Path) -> None:
    done = suite(tmp_path, CI="true")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Failed: there is no Docker engine: " in done.stdout
    assert "Failed: there is no Chromium. next: install Chromium: apt-get install chromium" in done.stdout
    assert "Failed: there is no dash. next: install dash: apt-get install dash" in done.stdout
    assert "skipped: 1 test. next: install Python 3.14 with ensurepip: pyenv install 3.14" in done.stdout
