"""Whole runs on recorded answers of a real Argo CD: the job log and both reports, compared to the letter.

Each folder is a case: ``environ.json`` what the job sets, ``argocd/`` the recorded answers, the rest what must come out.
``pytest tests/cases --accept`` writes what came out as what is expected: read the difference before you commit it.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from argocd_release import __version__
from tests.support.gitlab_rules import check_annotations, check_dotenv, check_junit
from tests.support.job_log_rules import check_log
from tests.support.replay import CASES as HERE
from tests.support.replay import OFFLINE, run

CASES = sorted(file.parent.name for file in HERE.glob("*/environ.json"))
EXPECTED = ("log.txt", "argocd-release.xml", "argocd-release.env", "argocd-release.annotations.json")


def steady(text: str) -> str:
    """Without what differs from run to run, or from version to version."""
    text = text.replace(f"argocd-release {__version__}:", "argocd-release V:")
    text = re.sub(r"Duration:    [\d.]+ s", "Duration:    N s", text)
    text = re.sub(r"(\b(?:compared|synced|healthy)|\(\S+) [\d.]+ s\b", r"\1 N s", text)
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
    assert not check_log(done.stdout)
    check_junit((tmp_path / "argocd-release.xml").read_text("utf-8"))
    check_annotations((tmp_path / "argocd-release.annotations.json").read_text("utf-8"))
    check_dotenv((tmp_path / "argocd-release.env").read_text("utf-8"))


def test_a_case_that_asks_a_name_server_is_noticed() -> None:
    asking = "import socket; socket.getaddrinfo('argocd.example.com', 443)"
    done = subprocess.run([sys.executable, "-c", asking], env=OFFLINE, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert done.stderr == "a case asked the network: socket.getaddrinfo 'argocd.example.com'\n"
