"""Where everything of one sandbox is: its folder, its programs, its ports."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from sandbox.releases import RELEASES, Release

ADDRESS: Final = "127.0.0.1"
PORTS: Final = (
    "etcd", "etcd-peer", "kube-apiserver", "valkey", "kwok", "repo-server", "repo-server-metrics",
    "controller-metrics", "argocd-server", "argocd-server-metrics", "commit-server", "commit-server-metrics",
    "applicationset-webhook", "applicationset-metrics", "applicationset-probe", "notifications-metrics", "dex",
    "rollouts-metrics", "rollouts-health",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What every component must know. ``ports`` has one for each name in ``PORTS``."""

    folder: Path
    #: By name. ``argocd`` is the command line of a job, ``argocd-services`` what the components of Argo CD run.
    programs: dict[str, Path]
    ports: dict[str, int]
    admin_token: str
    #: The version of Argo CD that it runs.
    release: Release

    @classmethod
    def from_json(cls, known: dict[str, Any]) -> Self:
        """The layout that ``to_json`` described; further keys are not its business."""
        return cls(
            folder=Path(known["folder"]),
            programs={name: Path(path) for name, path in known["programs"].items()},
            ports=known["ports"],
            admin_token=known["admin_token"],
            release=RELEASES[known["argocd"]],
        )

    def to_json(self) -> dict[str, Any]:
        programs = {name: str(path) for name, path in self.programs.items()}
        return {
            "folder": str(self.folder),
            "programs": programs,
            "ports": self.ports,
            "admin_token": self.admin_token,
            "argocd": self.release.version,
        }

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    @property
    def argocd_kubeconfig(self) -> Path:
        """The same, with Argo CD's own namespace as the default one."""
        return self.folder / "kubeconfig-argocd"

    @property
    def tools(self) -> Path:
        """Scripts that Argo CD expects on its PATH."""
        return self.folder / "tools"

    def environ(self, path: str) -> dict[str, str]:
        """What any program of the sandbox is given, so that it writes nowhere else."""
        return {"PATH": path, "HOME": str(self.folder / "home"), "TMPDIR": str(self.folder / "tmp")}
