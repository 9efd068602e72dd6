"""The command ``bin/dev benchmark --sets``: many applications in one job, compared with ``argocd app wait``.

Each size has four situations: all are delivered during the job, all are delivered already, one crashes, and a selector
matches nothing. The seconds hide the load of the machine, so compare CPU time, memory and requests.
"""

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from argocd_release import __version__
from argocd_release.reports.registry import write_file
from benchmark.argocd_work import Work, work
from benchmark.measure import Peak
from sandbox import manifests
from sandbox.application import IN_CLUSTER, delivered
from sandbox.git import Repository
from sandbox.sandbox import Sandbox
from scenarios.runner import COMMAND, shell

SIZES: Final = (1, 10, 50, 200)
LABEL: Final = "bench"
TIMEOUT: Final = 180
OURS: Final = "argocd-release"
PLAIN: Final = "argocd app wait"
LIST: Final = "application.ApplicationService/List"
NAMESPACE: Final = "bench"
APPLICATIONS: Final = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications"
REFRESH: Final = "argocd.argoproj.io/refresh"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The measurement of one tool. Unknown numbers are None.

    Attributes:
        late: seconds since the last application was delivered, by the cluster's times.
        told: seconds from the creation of a crashing pod to the line in the log about it.
        cpu_seconds: CPU time with all child processes.
        peak_mb: memory with all child processes.
        requests: all requests to Argo CD's API server.
        lists: the requests for a list.
        work: the work of Argo CD during the measurement, including its own syncs.
    """

    situation: str
    applications: int
    tool: str
    exit_code: int
    seconds: float
    late: float | None
    told: float | None
    cpu_seconds: float
    peak_mb: float
    requests: int
    lists: int
    work: Work


class Sets:
    """The applications of one size, in one repository with a folder each."""

    def __init__(self, sandbox: Sandbox, count: int) -> None:
        self.sandbox = sandbox
        self.count = count
        self.repository: Repository = sandbox.repository(f"bench-{count}")
        self.names = [f"bench-{count}-{number}" for number in range(count)]

    def commit(self, tag: str, *, crashing: Sequence[str] = (), fate: str = "ready") -> str:
        """Commit a new version of each; return the revision. ``fate`` is that of the pods that do not crash."""
        files = {
            f"{name}/web.yaml": manifests.deployment(
                name, f"registry.example.com/web:{tag}", fate="crash" if name in crashing else fate
            )
            for name in self.names
        }
        return self.repository.commit(files)

    def create(self) -> None:
        self.sandbox.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        objects = [
            {
                "apiVersion": "argoproj.io/v1alpha1",
                "kind": "Application",
                "metadata": {"name": name, "namespace": "argocd", "labels": {LABEL: str(self.count)}},
                "spec": {
                    "project": "default",
                    "source": self.repository.source(name),
                    "destination": {"server": IN_CLUSTER, "namespace": NAMESPACE},
                    "syncPolicy": {"automated": {"prune": True}},
                },
            }
            for name in self.names
        ]
        self.sandbox.apply(*objects)

    def create_delivered(self, tag: str) -> str:
        """Commit a version, create the applications, and wait until all are delivered; return the revision."""
        revision = self.commit(tag)
        self.create()
        self.delivered_at(revision, 600)
        return revision

    def healths(self) -> list[str]:
        """Return the health of each application."""
        return [str(each["status"].get("health", {}).get("status", "")) for each in self._applications()]

    def compare(self) -> None:
        """Let Argo CD read git, as a webhook would. By itself it does so every three minutes."""
        asked = {"metadata": {"annotations": {REFRESH: "normal"}}}
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda name: self.sandbox.merge(f"{APPLICATIONS}/{name}", asked), self.names))

    def compared_in(self) -> float:
        """Return the seconds that Argo CD needs to compare them all without a waiting job."""
        started = time.monotonic()
        self.compare()
        while any(REFRESH in each["metadata"].get("annotations", {}) for each in self._applications()):
            time.sleep(0.25)
        return time.monotonic() - started

    def crashed_at(self, name: str) -> datetime:
        """Return the time at which the last pod of the application was created."""
        pods = self.sandbox.get(f"/api/v1/namespaces/{NAMESPACE}/pods")["items"]
        made = [pod["metadata"]["creationTimestamp"] for pod in pods if pod["metadata"]["name"].startswith(f"{name}-")]
        return datetime.fromisoformat(max(made))

    def delivered_at(self, revision: str, seconds: float) -> float:
        """Return the ``time.time()`` at which the last application was Synced to the revision and Healthy."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if all(map(delivered(revision), self._applications())):
                return time.time()
            time.sleep(1.0)
        raise TimeoutError(f"{self.count} applications were not delivered within {seconds:.0f} s")

    def _applications(self) -> list[Any]:
        found: list[Any] = self.sandbox.get(f"{APPLICATIONS}?labelSelector={LABEL}%3D{self.count}")["items"]
        return found


def run(
    sets: Sets, situation: str, tool: str, *, beside: Callable[[], float] | None = None, crashing: str = ""
) -> Measured:
    """Run a tool once. ``beside`` runs meanwhile, and returns the time at which all was delivered."""
    sandbox = sets.sandbox
    nothing = situation == "nothing matches"
    selector = f"{LABEL}=nobody" if nothing else f"{LABEL}={sets.count}"
    settings = {"RELEASE_TIMEOUT": str(TIMEOUT), "RELEASE_SELECTOR": selector, "ARGOCD_APP_NAME": ""}
    settings["RELEASE_LOG_FORMAT"] = "json"
    command = [COMMAND]
    if tool == PLAIN:
        which = ["--selector", selector] if nothing else sets.names
        command = ["argocd", "app", "wait", *which, "--health", "--sync", "--timeout", str(TIMEOUT)]
    before, done, peak = sandbox.requests(), work(sandbox), Peak()
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("w+") as log:
        environ = shell() | sandbox.environment() | settings
        started = time.monotonic()
        process = subprocess.Popen(command, env=environ, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
        peak.watch(process.pid)
        with ThreadPoolExecutor(1) as pool:
            true_end = pool.submit(beside) if beside is not None else None
            _, status, usage = os.wait4(process.pid, 0)
            seconds, ended = time.monotonic() - started, time.time()
            process.returncode = os.waitstatus_to_exitcode(status)
            # A tool does not always let Argo CD read git, which by itself does so every three minutes.
            if true_end is not None:
                sets.compare()
            late = None if true_end is None else ended - true_end.result()
        log.seek(0)
        judged = _judged(log, crashing) if crashing and tool == OURS else None
    told = round((judged - sets.crashed_at(crashing)).total_seconds(), 1) if judged else None
    asked = sandbox.requests() - before
    return Measured(
        situation=situation, applications=sets.count, tool=tool, exit_code=process.returncode,
        seconds=round(seconds, 1), late=None if late is None else round(late, 1),
        told=told,
        cpu_seconds=round(usage.ru_utime + usage.ru_stime, 1), peak_mb=round(peak.megabytes),
        requests=sum(asked.values()), lists=asked[LIST], work=work(sandbox) - done,
    )  # fmt: skip


def _judged(log: Iterable[str], name: str) -> datetime | None:
    events = [json.loads(line) for line in log if line.startswith("{")]
    judged = [event for event in events if (event["event"], event.get("name")) == ("judged", name)]
    return datetime.fromisoformat(judged[0]["timestamp"]) if judged else None


def measure(
    sandbox: Sandbox, sizes: Sequence[int], tools: Sequence[str], alone: dict[int, float]
) -> Iterator[Measured]:
    """Measure every situation of every size with each tool. ``alone`` receives Argo CD's own time."""
    for count in sizes:
        sets = Sets(sandbox, count)
        sets.create_delivered("1")
        # After a change of hundreds of applications, Argo CD is still busy for a while.
        alone[count] = min(round(sets.compared_in(), 1) for _ in range(3))
        for tool in tools:
            yield run(sets, "already delivered", tool)
        for number, tool in enumerate(tools):
            revision = sets.commit(f"new-{number}")
            yield run(sets, "delivered", tool, beside=partial(sets.delivered_at, revision, 600))
            sets.delivered_at(revision, 600)
        if count > 1:
            crashing = sets.names[-1:]
            for number, tool in enumerate(tools):
                sets.commit(f"crash-{number}", crashing=crashing)
                yield run(sets, "one crashes", tool, crashing=crashing[0])
        if count == sizes[-1]:
            for tool in tools:
                yield run(sets, "nothing matches", tool)


def main(sizes: Sequence[int], tools: Sequence[str], output: Path) -> int:
    """Measure, print the progress, and write the JSON."""
    rows: list[dict[str, Any]] = []
    alone: dict[int, float] = {}
    with Sandbox.start() as sandbox:
        for measured in measure(sandbox, sizes, tools, alone):
            rows.append(asdict(measured))
            print(json.dumps(asdict(measured)), flush=True)
    about = {"argocd": f"v{sandbox.layout.release.version}", "argocd-release": __version__}
    about |= {"date": datetime.now(UTC).date().isoformat(), "cores": str(os.cpu_count()), "timeout": str(TIMEOUT)}
    write_file(output, json.dumps(about | {"compared_in": alone, "runs": rows}, indent=1) + "\n")
    print(f"written to {output}")
    return 0
