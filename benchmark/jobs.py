"""The commands ``bin/dev benchmark --jobs`` and ``--soak``: many jobs at the same time, and one after another.

All jobs use one Argo CD. The first command shows whether many jobs overload it or get wrong verdicts. The second
command shows whether Argo CD or a job leaves something behind.
"""

import json
import os
import re
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean
from typing import Any, Final

from argocd_release import __version__
from argocd_release.model.outcome import Outcome
from argocd_release.reports.registry import write_file
from benchmark.measure import wait_until
from benchmark.sets import Sets
from sandbox.sandbox import Sandbox
from scenarios.runner import COMMAND, shell

#: The number of jobs that wait for the same application.
SHARING: Final = 2
#: One in this many applications crashes.
CRASHING: Final = 10
#: The number of jobs that begin at the same time. The next one starts when one of them has read its application.
STARTING: Final = 4
#: The seconds that all jobs wait before the API server restarts, and again before the delivery.
WAIT_SECONDS: Final = 30.0
#: The benchmark prints the memory of the API server each time this many jobs have ended.
SAMPLED: Final = 50
TIMEOUT: Final = 600
SERVER: Final = "argocd-server"
_STARTED: Final = re.compile(rb'grpc\.start_time="([^"]+)"')
#: The log of a job contains ``_STATE`` as soon as the job has read its application.
_STATE: Final = b'"event": "state"'
_NO_ANSWER: Final = b'"event": "no answer"'


@dataclass(frozen=True, kw_only=True)
class Rate:
    """The mean and the highest number of requests to Argo CD per second in a period."""

    mean: float
    peak: int


def rate(starts: Counter[int], begin: float, end: float) -> Rate:
    """Return the rate of requests between two moments, from the number of requests in each second."""
    counts = [starts[second] for second in range(int(begin), int(end))]
    return Rate(mean=round(mean(counts), 1), peak=max(counts))


def request_starts(sandbox: Sandbox) -> Counter[int]:
    """Return the number of requests that began in each second, from the log of Argo CD's API server."""
    log = (sandbox.folder / "logs" / f"{SERVER}.log").read_bytes()
    return Counter(int(datetime.fromisoformat(time_.decode()).timestamp()) for time_ in _STARTED.findall(log))


def environment(sandbox: Sandbox, name: str, folder: Path) -> dict[str, str]:
    """Return the environment variables of a job. Let the job write its temporary files into the folder."""
    settings = {"ARGOCD_APP_NAME": name, "RELEASE_TIMEOUT": str(TIMEOUT), "RELEASE_LOG_FORMAT": "json"}
    (folder / "tmp").mkdir(parents=True)
    return shell() | sandbox.environment() | settings | {"TMPDIR": str(folder / "tmp")}


class Job:
    """A running job in a folder of its own."""

    def __init__(self, sandbox: Sandbox, name: str, folder: Path) -> None:
        self.name = name
        self._log = folder / "log"
        environ = environment(sandbox, name, folder)
        with self._log.open("wb") as log:
            self.process = subprocess.Popen([COMMAND], env=environ, cwd=folder, stdout=log, stderr=subprocess.STDOUT)

    @property
    def log(self) -> bytes:
        return self._log.read_bytes()

    def has_begun(self) -> bool:
        return self.process.poll() is not None or _STATE in self.log

    def end(self) -> None:
        """Kill the job if it is still running."""
        self.process.kill()
        self.process.wait()


def at_once(sandbox: Sandbox, count: int) -> dict[str, Any]:
    """Run ``count`` jobs at the same time, and return the measurements.

    All jobs wait for pods that do not become ready. Then the API server restarts. At the end, Argo CD delivers a new
    commit, with which one in ``CRASHING`` applications crashes.
    """
    sets = Sets(sandbox, max(count // SHARING, 1))
    sets.create_delivered("1")
    sets.commit("2", fate="never-ready")
    sets.compare()
    wait_until(lambda: all(state == "Progressing" for state in sets.healths()))
    with ExitStack() as stack, tempfile.TemporaryDirectory() as folder:
        began, jobs = time.time(), list[Job]()
        for number in range(count):
            wait_until(lambda: sum(not job.has_begun() for job in jobs) < STARTING)
            jobs.append(Job(sandbox, sets.names[number % sets.count], Path(folder) / str(number)))
            stack.callback(jobs[-1].end)
        wait_until(lambda: all(job.has_begun() for job in jobs))
        waiting = time.time()
        time.sleep(WAIT_SECONDS)
        restart = time.time()
        sandbox.part(SERVER).restart()
        time.sleep(WAIT_SECONDS)
        delivery = time.time()
        crashing = sets.names[::CRASHING]
        sets.commit("3", crashing=crashing)
        sets.compare()
        wait_until(lambda: all(job.process.poll() is not None for job in jobs))
        ended = time.time()
        wrong = [
            f"{job.name}: {job.process.returncode}"
            for job in jobs
            if job.process.returncode != _expected(job, crashing)
        ]
        no_answers = sum(job.log.count(_NO_ANSWER) for job in jobs)
    starts = request_starts(sandbox)
    periods = {"start": (began, waiting), "wait": (waiting, restart), "restart": (restart, delivery)}
    rates = {name: asdict(rate(starts, *period)) for name, period in (periods | {"end": (delivery, ended)}).items()}
    return {
        "jobs": count, "applications": sets.count, "wrong": wrong, "no_answers": no_answers,
        "start_seconds": round(waiting - began, 1), "end_seconds": round(ended - delivery, 1), "rates": rates,
    }  # fmt: skip


def _expected(job: Job, crashing: list[str]) -> int:
    return (Outcome.DEGRADED if job.name in crashing else Outcome.DELIVERED).exit_code


def soak(sandbox: Sandbox, count: int) -> dict[str, Any]:
    """Run ``count`` jobs one after another for a delivered application. Return the traces that they left behind."""
    sets = Sets(sandbox, 1)
    sets.create_delivered("1")
    with tempfile.TemporaryDirectory() as folder:
        # After the first jobs, the memory of the API server only grows if it leaks.
        codes = Counter(_run(sandbox, sets.names[0], Path(folder) / f"first-{number}") for number in range(20))
        before, seconds = _server(sandbox), time.monotonic()
        children = _children()
        for number in range(count):
            codes[_run(sandbox, sets.names[0], Path(folder) / str(number))] += 1
            if not (number + 1) % SAMPLED:
                print(json.dumps({"jobs": number + 1} | _server(sandbox)), flush=True)
        seconds = time.monotonic() - seconds
        left = [path.name for path in Path(folder).glob("*/tmp/*")]
    return {
        "jobs": count, "seconds": round(seconds), "jobs_failed": codes.total() - codes[0],
        "before": before, "after": _server(sandbox), "files_left": left, "processes_left": _children() - children,
    }  # fmt: skip


def _run(sandbox: Sandbox, name: str, folder: Path) -> int:
    job = Job(sandbox, name, folder)
    return job.process.wait()


def _server(sandbox: Sandbox) -> dict[str, int]:
    """Return the resident memory in MB and the open files of Argo CD's API server."""
    process = Path(f"/proc/{sandbox.part(SERVER).pid}")
    pages = int((process / "statm").read_text("ascii").split()[1])
    return {"server_mb": pages * 4096 >> 20, "server_files": len(list((process / "fd").iterdir()))}


def _children() -> int:
    """Return the number of child processes of this process, and of orphans that run argocd or argocd-release."""
    found = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, fields = stat.read_text("utf-8", "replace").split("(", 1)[1].rsplit(")", 1)
        except OSError:
            continue
        parent = int(fields.split()[1])
        found += parent == os.getpid() or (parent == 1 and name.startswith("argocd"))
    return found


def main(given: Mapping[str, int], output: Path) -> int:
    """Run the requested measurements, and write them into the JSON beside earlier ones. Return 1 if one was wrong."""
    document = json.loads(output.read_text("utf-8")) if output.exists() else {}
    measurements: dict[str, Callable[[Sandbox, int], dict[str, Any]]] = {"at_once": at_once, "soak": soak}
    failed = False
    for name, count in given.items():
        with Sandbox.start() as sandbox:
            measured = measurements[name](sandbox, count)
            about = {"argocd": f"v{sandbox.layout.release.version}", "argocd-release": __version__}
        about |= {"date": datetime.now(UTC).date().isoformat(), "cores": str(os.cpu_count())}
        document[name] = about | measured
        print(json.dumps(document[name], indent=1), flush=True)
        failed |= bool(
            measured.get("wrong")
            or measured.get("jobs_failed")
            or measured.get("files_left")
            or measured.get("processes_left")
        )
    write_file(output, json.dumps(document, indent=1) + "\n")
    print(f"written to {output}")
    return int(failed)
