"""A server that misbehaves at a random request in a random way: every job ends in time, with all its reports.

The default number of examples fits into CI; ``MISBEHAVING_EXAMPLES=200`` plays more.
"""

import json
import math
import os
import random
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from argocd_release.model.outcome import Outcome
from sandbox.sandbox import Sandbox
from tests.support.job import COMMAND, REPORTS
from tests.support.misbehaving import FAULTS, Misbehaving
from tests.support.processes import waited
from tests.support.raw_server import RawServer
from tests.support.waiting import eventually

EXAMPLES: Final = int(os.environ.get("MISBEHAVING_EXAMPLES", "20"))
AT_ONCE: Final = 4
NAMES: Final = Path(__file__).parents[1] / "support" / "silent_names"
#: GitLab ends such a job so early that the phases after the verdict have hardly any time.
TIMEOUT, JOB_TIMEOUT = 3, 16
#: The maximum time from the deadline, or from SIGTERM, to the end of the job.
LATE_SECONDS, SIGNAL_SECONDS = 2.0, 1.0
KINDS: Final = {
    "one application": {"ARGOCD_APP_NAME": "web"},
    "a group": {"ARGOCD_APP_NAME": "web,api"},
    "a selector": {"RELEASE_SELECTOR": "team=shop"},
    "notifications": {"ARGOCD_APP_NAME": "web,api", "RELEASE_GITLAB_DEPLOYMENT": "team/shop"},
    "the site": {"ARGOCD_APP_NAME": "web,api", "RELEASE_URL_CHECK": "true"},
    "Dex": {"ARGOCD_APP_NAME": "web", "RELEASE_ID_TOKEN": "an-id-token", "RELEASE_DEX_CONNECTOR": "gitlab-ci"},
    "the doctor": {"ARGOCD_APP_NAME": "web"},
}


@dataclass(frozen=True, kw_only=True)
class Example:
    kind: str
    fault: str
    number: int
    #: Seconds after which SIGTERM is sent; 0: never.
    stop_after: float

    @classmethod
    def of(cls, seed: int) -> "Example":
        chosen = random.Random(seed)  # noqa: S311 - the same examples each time
        return cls(
            kind=list(KINDS)[seed % len(KINDS)],
            fault=chosen.choice([*FAULTS, "silent name server"]),
            number=chosen.randint(1, 6),
            stop_after=chosen.choice([0.0, chosen.uniform(1.5, 5)]),
        )


def play(example: Example, folder: Path, environ: dict[str, str]) -> str:
    """Return what was wrong with the end of the job, or an empty string."""
    folder.mkdir()
    server = Misbehaving(folder, example.fault, example.number)
    host = "argocd.silent" if example.fault == "silent name server" else "localhost"
    address = f"{host}:{server.port}"
    limits = {
        "RELEASE_TIMEOUT": str(TIMEOUT),
        "CI_JOB_TIMEOUT": str(JOB_TIMEOUT),
        "CI_JOB_STARTED_AT": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    settings = {
        "PATH": environ["PATH"],
        "PYTHONPATH": str(NAMES),
        "ARGOCD_SERVER": address,
        "ARGOCD_AUTH_TOKEN": "a-token-of-twenty-characters",
        "ARGOCD_OPTS": f"--grpc-web --server-crt {server.authority}",
        "RELEASE_TIMEOUT": "60",
        **({} if example.stop_after else limits),
        "CI_API_V4_URL": f"https://{address}/api/v4",
        "CI_PROJECT_ID": "1",
        "CI_PROJECT_PATH": "team/shop",
        "CI_COMMIT_REF_NAME": "main",
        "CI_JOB_TOKEN": "a-job-token",
        "CI_SERVER_TLS_CA_FILE": str(server.authority),
        "RELEASE_SITE_URL": f"https://{address}/site",
        **KINDS[example.kind],
    }
    is_doctor = example.kind == "the doctor"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(COMMAND), *(["doctor"] if is_doctor else [])], env=settings, cwd=folder, stdout=log, stderr=log
        )
    started, stalled_before, stalled = time.monotonic(), 0.0, 0.0
    limit, what = (TIMEOUT if is_doctor else JOB_TIMEOUT) + LATE_SECONDS, "the deadline"
    stop_after = example.stop_after or math.inf
    try:
        while process.poll() is None:
            stalled = waited(process.pid) or stalled
            now = time.monotonic()
            if now - started - stalled >= stop_after:
                process.send_signal(signal.SIGTERM)
                stop_after, started, stalled_before = math.inf, now, stalled
                limit, what = SIGNAL_SECONDS, "SIGTERM"
            if now - started > 60:
                return f"it never ended after {what}"
            time.sleep(0.02)
    finally:
        process.kill()
        process.wait()
        server.close()
    # A busy machine is no fault of the job: what its main thread waited for a processor does not count.
    seconds = time.monotonic() - started - (stalled - stalled_before)
    print(f"{limit - seconds:.2f} s left of {limit:.0f} s after {what}: {example}")
    missing = [name for name in REPORTS if not (folder / name).exists()] if not is_doctor else []
    text = (folder / "log").read_text("utf-8", "replace")
    if missing:
        return f"without {missing}:\n{text}"
    if "Traceback" in text or process.returncode == 1:
        return f"exit {process.returncode}:\n{text}"
    return f"{seconds - limit:.1f} s too late after {what}:\n{text}" if seconds > limit else ""


@pytest.mark.parametrize("at", ["while it waits", "while it notifies"])
def test_a_gitlab_that_never_answers_delays_no_cancelled_job(sandbox: Sandbox, tmp_path: Path, at: str) -> None:
    """Argo CD responds well. GitLab accepts each connection, and sends nothing."""
    connections: list[socket.socket] = []

    def hold(connection: socket.socket) -> None:
        connections.append(connection)
        while connection.recv(65536):
            pass

    argocd, gitlab = Misbehaving(tmp_path, "hang", sys.maxsize), RawServer(hold)
    environ = {
        "PATH": sandbox.environment()["PATH"],
        "ARGOCD_SERVER": f"localhost:{argocd.port}",
        "ARGOCD_AUTH_TOKEN": "a-token-of-twenty-characters",
        "ARGOCD_OPTS": f"--grpc-web --server-crt {argocd.authority}",
        "CI_API_V4_URL": f"http://127.0.0.1:{gitlab.port}/api/v4",
        "CI_PROJECT_ID": "1",
        "CI_PROJECT_PATH": "team/shop",
        "CI_COMMIT_REF_NAME": "main",
        "CI_MERGE_REQUEST_IID": "7",
        "RELEASE_GITLAB_TOKEN": "a-token-for-gitlab",
        "RELEASE_MR_NOTE": "true",
        **KINDS["notifications"],
        **({"RELEASE_IMAGE": "registry.example.com/web:9"} if at == "while it waits" else {}),
    }
    path = tmp_path / "log"
    with path.open("wb") as log:
        job = subprocess.Popen([str(COMMAND)], env=environ, cwd=tmp_path, stdout=log, stderr=log)
    try:
        mark = "-> " if at == "while it waits" else "delivered after"
        eventually(lambda: job.poll() is not None or mark in path.read_text("utf-8"))
        eventually(lambda: job.poll() is not None or mark == "-> " or bool(connections))
        stalled, started = waited(job.pid), time.monotonic()
        job.send_signal(signal.SIGTERM)
        after = stalled
        while job.poll() is None and time.monotonic() - started < 30:
            after = waited(job.pid) or after
            time.sleep(0.01)
        seconds = time.monotonic() - started - (after - stalled)
    finally:
        job.kill()
        job.wait()
        argocd.close()
        gitlab.close()
    print(f"{seconds:.2f} s after SIGTERM, {at}")
    text = path.read_text("utf-8")
    outcome = Outcome.CANCELLED if at == "while it waits" else Outcome.DELIVERED
    assert job.returncode == outcome.exit_code, text
    assert connections, "GitLab was not asked"
    assert seconds <= SIGNAL_SECONDS, text
    assert [name for name in REPORTS if not (tmp_path / name).exists()] == []
    assert not any(told["done"] for told in json.loads((tmp_path / "argocd-release.json").read_text("utf-8"))["told"])


def test_every_job_ends_in_time_with_all_its_reports(sandbox: Sandbox, tmp_path: Path) -> None:
    environ = sandbox.environment()
    examples = [Example.of(seed) for seed in range(EXAMPLES)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        ends = list(pool.map(lambda pair: play(pair[1], tmp_path / str(pair[0]), environ), enumerate(examples)))
    wrong = [f"{example}: {end}" for example, end in zip(examples, ends, strict=True) if end]
    assert not wrong, "\n\n".join(wrong)
