"""Whole runs on recorded answers of a real Argo CD: the job log and both reports, compared to the letter.

Each folder is a case: ``environ.json`` what the job sets, ``argocd/`` the recorded answers, the rest what must come out.
``pytest tests/cases --accept`` writes what came out as what is expected: read the difference before you commit it.
"""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from argocd_release import __version__
from tests.conftest import COMMAND
from tests.gitlab_rules import check_annotations, check_dotenv, check_junit

HERE = Path(__file__).parent
REPLAY = HERE.parent / "replay"
CASES = sorted(file.parent.name for file in HERE.glob("*/environ.json"))
EXPECTED = ("log.txt", "argocd-release.xml", "argocd-release.env", "argocd-release.annotations.json")


def run(case: Path, folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    settings = json.loads((case / "environ.json").read_text("utf-8"))
    path = f"{REPLAY}:{os.environ['PATH']}"
    return subprocess.run(
        [str(COMMAND)],
        env={"REPLAY": str(case / "argocd"), "PATH": path} | settings | environ,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )


def steady(text: str) -> str:
    """Without what differs from run to run, or from version to version."""
    text = text.replace(f"argocd-release {__version__}:", "argocd-release V:")
    text = re.sub(r"Duration:    [\d.]+ s", "Duration:    N s", text)
    text = re.sub(r"DURATION=\d+", "DURATION=N", text)
    return re.sub(r' time="[\d.]+"', ' time="N"', text)


def test_there_are_cases() -> None:
    assert len(CASES) >= 7


@pytest.mark.parametrize("name", CASES)
def test_case(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    case = HERE / name
    done = run(case, tmp_path)
    (tmp_path / "log.txt").write_text(f"{done.stdout}exit code {done.returncode}\n", "utf-8")
    for file in EXPECTED:
        came = steady((tmp_path / file).read_text("utf-8"))
        if request.config.getoption("--accept"):
            (case / file).write_text(came, "utf-8")
        assert came == (case / file).read_text("utf-8")
    check_junit((tmp_path / "argocd-release.xml").read_text("utf-8"))
    check_annotations((tmp_path / "argocd-release.annotations.json").read_text("utf-8"))
    check_dotenv((tmp_path / "argocd-release.env").read_text("utf-8"))
