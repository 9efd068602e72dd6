"""A group of 400 applications with 400 resources each: a cancelled job ends in time, and its reports stay small."""

import json
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Final

from argocd_release.model.outcome import Outcome
from argocd_release.reports.size_limits import LISTED
from sandbox.sandbox import Sandbox
from tests.support.job import COMMAND, REPORTS
from tests.support.large_group import LargeGroup
from tests.support.processes import peak_memory
from tests.support.stopwatch import Stopwatch, check
from tests.support.waiting import eventually

APPLICATIONS: Final = 400
RESOURCES: Final = 400
#: The number of resources of each application that wait for their pods: one of a hundred.
DEVIATING: Final = 4
#: The job ends within this time after SIGTERM, with all reports. It takes 0.8 s on a machine that does nothing else. A
#: runner in a Docker container waits about 6 s before it kills a process.
SECONDS: Final = 2.0
#: The same on a machine that has other work.
BUSY_SECONDS: Final = 15.0
REPORT_BYTES: Final = 4 << 20
MEMORY_BYTES: Final = 250 << 20


def test_a_cancelled_job_of_a_large_group_ends_in_time_with_small_reports(sandbox: Sandbox, tmp_path: Path) -> None:
    with LargeGroup(APPLICATIONS, RESOURCES) as server, (tmp_path / "log").open("wb") as log:
        environ = {
            "PATH": sandbox.environment()["PATH"],
            "ARGOCD_SERVER": server.address,
            "ARGOCD_AUTH_TOKEN": "a-token-of-twenty-characters",
            "ARGOCD_OPTS": "--plaintext --grpc-web",
            "RELEASE_SELECTOR": "team=shop",
            # On a busy machine a list of this size can take longer than the default.
            "RELEASE_CONNECT_GRACE": "120",
        }
        job = subprocess.Popen([str(COMMAND)], env=environ, cwd=tmp_path, stdout=log, stderr=log)
        try:
            eventually(
                lambda: job.poll() is not None or (server.lists >= 2 and len(server.compared) == APPLICATIONS), 150
            )
            memory, watch = peak_memory(job.pid), Stopwatch()
            job.send_signal(signal.SIGTERM)
            while job.poll() is None and watch.seconds() < BUSY_SECONDS:
                memory = peak_memory(job.pid) or memory
                time.sleep(0.01)
            seconds, stalled = watch.seconds(), watch.stalled()
        finally:
            job.kill()
            job.wait()
    print(f"{seconds:.2f} s after SIGTERM, {stalled:.2f} s of them stalled, {memory >> 20} MB")
    check(seconds, stalled=stalled, promised=SECONDS, busy=BUSY_SECONDS)
    assert job.returncode == Outcome.CANCELLED.exit_code, (tmp_path / "log").read_text("utf-8")
    sizes = {name: (tmp_path / name).stat().st_size for name in REPORTS}
    assert max(sizes.values()) <= REPORT_BYTES
    assert memory <= MEMORY_BYTES
    report = json.loads((tmp_path / "argocd-release.json").read_text("utf-8"))
    assert len(report["applications"]) == APPLICATIONS
    counted = Counter((one["counts"]["resources"], one["counts"]["deviating"]) for one in report["applications"])
    observed = counted.pop((RESOURCES, DEVIATING))
    # The job can still wait for the answers of the last applications.
    assert observed >= APPLICATIONS * 0.9
    assert set(counted) <= {(0, 0)}
    listed = [item for one in report["applications"] if one["state"] for item in one["state"]["resources"]]
    assert len(listed) == LISTED
    assert all(item["health"] == "Progressing" for item in listed)
    log_text = (tmp_path / "log").read_text("utf-8")
    # More resources deviate than the reports can list.
    assert f"Resources:   {observed * RESOURCES}, of which the reports list {LISTED}" in log_text
    metrics = (tmp_path / "argocd-release.metrics.txt").read_text("utf-8")
    samples = [line for line in metrics.splitlines() if line.startswith("argocd_release_resources{")]
    assert sum(line.endswith(f" {RESOURCES}") for line in samples) == observed
