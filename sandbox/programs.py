"""The programs of the sandbox, and the Go modules of ``sandbox/go`` that pin them."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from sandbox.releases import DEFAULT, HELM, KUBERNETES, KUSTOMIZE, RELEASES, ROLLOUTS, Release

_MAJOR_VERSION: Final = re.compile(r"v[0-9]+")


@dataclass(frozen=True, kw_only=True)
class Program:
    """One binary: the module that pins it, its package, and its ``-X`` values."""

    name: str
    module: str
    package: str
    values: tuple[str, ...] = ()
    #: True if applications with plain manifests do not need it, so that the demo does not have to wait for it.
    extra: bool = False
    #: True if it is only built when a sandbox starts it.
    asked: bool = False

    @property
    def built_as(self) -> str:
        """Return the file name that ``go build`` chooses: the last path element that is not a major version."""
        path = PurePosixPath(self.package)
        return path.parent.name if _MAJOR_VERSION.fullmatch(path.name) else path.name


def argocd(release: Release) -> Program:
    """Return the program of this version of Argo CD, which contains the CLI and all components."""
    common = f"{release.path}/common"
    # Set the version, because otherwise the CLI reports the version v99.99.99+unknown.
    values = {"version": release.version, "gitCommit": release.commit, "gitTreeState": "clean"}
    return Program(
        name="argocd",
        module=release.module,
        package=f"{release.path}/cmd",
        values=tuple(f"{common}.{name}={value}" for name, value in values.items() if value),
    )


def _kubernetes(name: str, *, extra: bool = False) -> Program:
    common, (major, minor, _) = "k8s.io/component-base/version", KUBERNETES.split(".")
    values = (f"{common}.gitVersion=v{KUBERNETES}", f"{common}.gitMajor={major}", f"{common}.gitMinor={minor}")
    package = f"k8s.io/kubernetes/cmd/{name}"
    return Program(name=name, module=DEFAULT.module, package=package, values=values, extra=extra)


ROLLOUTS_PATH: Final = "github.com/argoproj/argo-rollouts"
ROLLOUTS_CONTROLLER: Final = Program(
    name="argo-rollouts",
    module="argo-rollouts",
    package=f"{ROLLOUTS_PATH}/cmd/rollouts-controller",
    values=(f"{ROLLOUTS_PATH}/utils/version.version={ROLLOUTS}",),
    asked=True,
)
PROGRAMS: Final = (
    _kubernetes("kube-apiserver"),
    _kubernetes("kube-controller-manager"),
    _kubernetes("kube-scheduler"),
    *(argocd(release) for release in RELEASES.values()),
    Program(name="kwok", module="kwok", package="sigs.k8s.io/kwok/cmd/kwok"),
    Program(name="etcd", module=DEFAULT.module, package="go.etcd.io/etcd/server/v3"),
    _kubernetes("kubectl", extra=True),
    Program(
        name="helm",
        module="helm",
        package="helm.sh/helm/v3/cmd/helm",
        values=(f"helm.sh/helm/v3/internal/version.version=v{HELM}",),
        extra=True,
    ),
    Program(
        name="kustomize",
        module="kustomize",
        package="sigs.k8s.io/kustomize/kustomize/v5",
        values=(f"sigs.k8s.io/kustomize/api/provenance.version=v{KUSTOMIZE}",),
        extra=True,
    ),
    ROLLOUTS_CONTROLLER,
)
