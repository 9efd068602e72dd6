"""The layout of one sandbox: its folder, its programs and its ports."""

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
    """The data that all components need. ``ports`` contains a port for each name in ``PORTS``."""

    folder: Path
    #: The programs by their names. ``argocd`` is the CLI, and ``argocd-services`` contains Argo CD's components.
    programs: dict[str, Path]
    ports: dict[str, int]
    admin_token: str
    #: The version of Argo CD that the sandbox runs.
    release: Release

    @classmethod
    def from_json(cls, known: dict[str, Any]) -> Self:
        """Create a layout from the result of ``to_json``. Additional keys are ignored."""
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
        """Return the path of the kubeconfig whose default namespace is that of Argo CD."""
        return self.folder / "kubeconfig-argocd"

    @property
    def tools(self) -> Path:
        """Return the folder with the scripts that Argo CD expects on its PATH."""
        return self.folder / "tools"

    def environ(self, path: str) -> dict[str, str]:
        """Return the environment variables of all programs, which prevent them from writing outside the sandbox."""
        return {"PATH": path, "HOME": str(self.folder / "home"), "TMPDIR": str(self.folder / "tmp")}
