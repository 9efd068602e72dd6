"""Run ``argocd-release diff`` like a job of a merge request pipeline."""

import json
import os
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sandbox.git import BRANCH, Repository
from sandbox.sandbox import Sandbox
from tests.support.job import COMMAND, measured

BASE: Final = "argocd-diff"
ENDINGS: Final = (".json", ".xml", ".html", ".diff")
_END_SECONDS: Final = 150.0


@dataclass(frozen=True, kw_only=True)
class Diff:
    """The result of a run."""

    exit_code: int
    log: str
    seconds: float
    cpu_seconds: float
    folder: Path

    @property
    def report(self) -> dict[str, Any]:
        return dict(json.loads(self.text(".json")))

    def text(self, ending: str) -> str:
        return (self.folder / f"{BASE}{ending}").read_text("utf-8")

    def application(self, name: str) -> dict[str, Any]:
        return next(dict(each) for each in self.report["applications"] if each["name"] == name)

    @property
    def everything(self) -> str:
        """Return the log and all files."""
        return "\n".join([self.log, *(self.text(ending) for ending in ENDINGS)])


def merge_request(repository: Repository, files: Mapping[str, str | None]) -> tuple[str, str]:
    """Commit the files on a branch of their own, and return the commit before and the commit itself."""
    base = repository.git("rev-parse", BRANCH).strip()
    repository.git("checkout", "-q", "-B", "merge-request", BRANCH)
    commit = repository.commit(files)
    repository.git("checkout", "-q", BRANCH)
    return base, commit


def variables(repository: Repository, base: str, commit: str) -> dict[str, str]:
    """Return the variables that GitLab sets in a merge request pipeline."""
    return {
        "CI_COMMIT_SHA": commit,
        "CI_MERGE_REQUEST_DIFF_BASE_SHA": base,
        "CI_MERGE_REQUEST_IID": "7",
        "CI_MERGE_REQUEST_PROJECT_ID": "1",
        "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "1",
        "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": BRANCH,
        "CI_DEFAULT_BRANCH": BRANCH,
        "CI_PROJECT_DIR": str(repository.folder),
        "CI_REPOSITORY_URL": repository.url,
        "CI_JOB_NAME": "argocd-diff",
        "CI_JOB_URL": "https://gitlab.example.com/shop/web/-/jobs/1",
    }


def diff(sandbox: Sandbox, folder: Path, environ: Mapping[str, str], *, token: str | None = None) -> Diff:
    """Run the command in a folder with the variables, to its end."""
    folder.mkdir(parents=True, exist_ok=True)
    shell = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
    connection = sandbox.environment(**({} if token is None else {"token": token}))
    before, started = os.times(), time.monotonic()
    done = subprocess.run(
        [str(COMMAND), "diff"],
        env=shell | measured() | connection | dict(environ),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_END_SECONDS,
        check=False,
    )
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return Diff(
        exit_code=done.returncode, log=done.stdout, seconds=time.monotonic() - started, cpu_seconds=used, folder=folder
    )
