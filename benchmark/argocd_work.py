"""Measure the work of Argo CD itself: CPU time, comparisons and renders."""

import re
from dataclasses import dataclass
from typing import Final, Self

from benchmark.measure import cpu_seconds
from sandbox.layout import ADDRESS
from sandbox.probes import call
from sandbox.sandbox import Sandbox

PARTS: Final = ("application-controller", "repo-server", "argocd-server")
_COMPARISONS: Final = re.compile(r"^argocd_app_reconcile_count\{.*\} (\S+)$", re.MULTILINE)
# The repo-server renders manifests if its cache lacks them (argo-cd v2.13.2 reposerver/repository/repository.go:962).
_RENDERS: Final = b"manifest cache miss"
_SECONDS: Final = 10.0


@dataclass(frozen=True, kw_only=True)
class Work:
    """The work of Argo CD's controller, repo-server and API server, since their start or within a period.

    Attributes:
        cpu_seconds: the CPU time of all three.
        comparisons: how often the controller has compared an application.
        renders: how often the repo-server has rendered manifests, because its cache lacked them.
    """

    cpu_seconds: float
    comparisons: int
    renders: int

    def __sub__(self, earlier: Self) -> "Work":
        return Work(
            cpu_seconds=round(self.cpu_seconds - earlier.cpu_seconds, 1),
            comparisons=self.comparisons - earlier.comparisons,
            renders=self.renders - earlier.renders,
        )


def work(sandbox: Sandbox) -> Work:
    """Return the work of Argo CD since the start of the sandbox."""
    status, ports = sandbox.status(), sandbox.layout.ports
    metrics = call("GET", f"http://{ADDRESS}:{ports['controller-metrics']}/metrics", seconds=_SECONDS).decode()
    log = (sandbox.folder / "logs" / "repo-server.log").read_bytes()
    return Work(
        cpu_seconds=sum(cpu_seconds(int(status[name]["pid"])) for name in PARTS),
        comparisons=sum(int(float(number)) for number in _COMPARISONS.findall(metrics)),
        renders=log.count(_RENDERS),
    )
