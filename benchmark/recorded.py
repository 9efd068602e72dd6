"""The command ``bin/dev benchmark --recorded``: what one job for 1 to 5,000 applications costs its runner.

A server plays recorded answers, so Argo CD's own speed does not matter. The job waits for a while. Then all
applications become Healthy at the same moment.
"""

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from argocd_release import __version__
from argocd_release.reports.registry import write_file
from argocd_release.watch.pace import seconds_between_looks
from benchmark.measure import Peak, cpu_seconds, wait_until
from benchmark.recorded_server import TOKEN, RecordedServer, serving
from scenarios.runner import COMMAND, shell

SIZES: Final = (1, 10, 50, 200, 500, 1000, 2000, 5000)
#: The number of resources of each application.
RESOURCES: Final = 10
#: The number of applications that a job names if it does not wait for all applications of the server.
FEW: Final = 3
#: The numbers of applications on the server with which such a job is measured.
FEW_SIZES: Final = (10, 1000, 5000)
TIMEOUT: Final = 600
#: The minimum number of seconds in which the requests of the waiting job are counted.
WAIT_SECONDS: Final = 20.0
#: The maximum number of seconds that the job can take to compare all applications.
COMPARED_SECONDS: Final = 300.0
SELECTOR: Final = "a selector for all"
NAMES: Final = f"{FEW} names"


@dataclass(frozen=True, kw_only=True)
class Cost:
    """The cost of one job.

    Attributes:
        applications: the number of applications on the server.
        chosen: how the job chooses its applications.
        started_cpu: CPU time of the job until each application was compared once.
        cpu_share: the share of one core that the job uses afterwards, while nothing changes.
        requests: its requests per minute while nothing changes.
        megabytes: the bytes of the answers per minute while nothing changes, in MB (10^6), before compression.
        poll_kilobytes: the bytes of the answers per poll, in kB (10^3), before compression.
        late: seconds from the delivery to the end of the job.
        cpu_seconds: CPU time of the whole job.
        peak_mb: the highest memory use in MB (2^20).
    """

    applications: int
    chosen: str
    exit_code: int
    started_cpu: float
    cpu_share: float
    requests: int
    megabytes: float
    poll_kilobytes: float
    late: float
    cpu_seconds: float
    peak_mb: int


def measure(count: int, chosen: str, *, resources: int = RESOURCES, seconds: float) -> Cost:
    """Run one job against a server with ``count`` applications, and return its cost."""
    tracked = min(FEW, count) if chosen == NAMES else count
    with (
        serving(count, resources) as server,
        tempfile.TemporaryDirectory() as folder,
        (Path(folder) / "log").open("w") as log,
    ):
        process = subprocess.Popen(
            [COMMAND],
            env=_environment(server, chosen, tracked), cwd=folder, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
        peak = Peak()
        peak.watch(process.pid)
        try:
            wait_until(
                lambda: process.poll() is not None or len(server.compared) >= tracked,
                seconds=COMPARED_SECONDS,
            )
            if process.poll() is not None:
                raise RuntimeError("the job ended before it had compared its applications")
            started_cpu = cpu_seconds(process.pid)
            # The first polls after the comparisons look at every application.
            time.sleep(seconds / 3)
            before, cpu, at = _counts(server), cpu_seconds(process.pid), time.monotonic()
            time.sleep(seconds)
            passed, cpu, after = time.monotonic() - at, cpu_seconds(process.pid) - cpu, _counts(server)
            delivered = time.monotonic()
            server.deliver()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            late = time.monotonic() - delivered
        finally:
            if process.returncode is None:
                process.kill()
    requests, polls, plain = (now - then for now, then in zip(after, before, strict=True))
    return Cost(
        applications=count, chosen=chosen, exit_code=process.returncode,
        started_cpu=round(started_cpu, 1),
        cpu_share=round(cpu / passed, 3), requests=round(requests * 60 / passed),
        megabytes=round(plain * 60 / passed / 1e6, 2),
        poll_kilobytes=round(plain / max(polls if chosen == SELECTOR else polls / tracked, 1) / 1e3, 1),
        late=round(late, 1), cpu_seconds=round(usage.ru_utime + usage.ru_stime, 1), peak_mb=round(peak.megabytes),
    )  # fmt: skip


def _environment(server: RecordedServer, chosen: str, tracked: int) -> dict[str, str]:
    names = " ".join(f"web-{number}" for number in range(tracked)) if chosen == NAMES else ""
    # The job does not start the argocd CLI, because it reaches Argo CD through an HTTP proxy.
    return shell() | {
        "ARGOCD_SERVER": "argocd.example.com",
        "ARGOCD_AUTH_TOKEN": TOKEN,
        "ARGOCD_OPTS": "--plaintext",
        "ARGOCD_APP_NAME": names,
        "RELEASE_PROXY": f"http://127.0.0.1:{server.port}",
        "RELEASE_SELECTOR": "" if names else "team=shop",
        "RELEASE_TIMEOUT": str(TIMEOUT),
    }


def _counts(server: RecordedServer) -> tuple[int, int, int]:
    """Return the number of requests, the number of polls among them, and the number of bytes."""
    requests = server.requests
    return requests.total(), requests["list"] + requests["read"], server.bytes


def main(sizes: Sequence[int], output: Path) -> int:
    """Measure, print the progress, and write the JSON. Return 1 if a job had a wrong verdict."""
    rows: list[dict[str, Any]] = []
    few = [(count, NAMES) for count in FEW_SIZES if count in sizes]
    for count, chosen in [*((count, SELECTOR) for count in sizes), *few]:
        # Measure for long enough that the job looks at each application of a large group at least once.
        rows.append(asdict(measure(count, chosen, seconds=max(WAIT_SECONDS, seconds_between_looks(count)))))
        print(json.dumps(rows[-1]), flush=True)
    about: dict[str, Any] = {"argocd-release": __version__, "date": datetime.now(UTC).date().isoformat()}
    about |= {"cores": os.cpu_count(), "resources": RESOURCES, "seconds": WAIT_SECONDS}
    # Other work on the machine makes the job slower, but does not change its CPU time and its requests much.
    about["load"] = round(os.getloadavg()[2], 1)
    write_file(output, json.dumps(about | {"runs": rows}, indent=1) + "\n")
    print(f"written to {output}")
    return int(any(row["exit_code"] for row in rows))
