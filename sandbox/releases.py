"""The versions of Argo CD and the other programs that the sandbox can run.

The file ``sandbox/go/argocd-VERSION/go.mod`` pins a version of Argo CD. The one of the default version also pins the
version of Kubernetes, which is the same for all versions of Argo CD.
"""

import os
from dataclasses import dataclass
from typing import Final

SERVER_VARIABLE: Final = "SANDBOX_ARGOCD"
CLIENT_VARIABLE: Final = "SANDBOX_ARGOCD_CLIENT"

KUBERNETES: Final = "1.31.0"
# The versions of the tools in the image of the default version (argo-cd v2.13.2 hack/tool-versions.sh).
HELM: Final = "3.15.4"
KUSTOMIZE: Final = "5.4.3"
# The newest version of Argo Rollouts that supports this version of Kubernetes.
ROLLOUTS: Final = "1.10.2"


class UnknownReleaseError(ValueError):
    """The sandbox cannot run the requested version. The message lists the versions that it can run."""


@dataclass(frozen=True, kw_only=True)
class Release:
    """One version of Argo CD."""

    version: str
    #: The path of Argo CD's Go module in this version.
    path: str
    #: The commit of its tag, which ``argocd version`` prints; "" if it is unknown.
    commit: str = ""
    #: True if the version has a source hydrator, with its commit-server.
    hydrates: bool = False

    @property
    def module(self) -> str:
        """Return the name of the folder in ``sandbox/go`` that pins this version."""
        return f"argocd-{self.version}"


_V2: Final = "github.com/argoproj/argo-cd/v2"
_V3: Final = "github.com/argoproj/argo-cd/v3"

DEFAULT: Final = Release(version="2.13.2", path=_V2, commit="dc43124058130db9a747d141d86d7c2f4aac7bf9")
RELEASES: Final = {
    release.version: release
    for release in (
        DEFAULT,
        Release(version="2.14.21", path=_V2, commit="206a6eeca509bbf7f239301f3d3fa498c23251a4", hydrates=True),
        Release(version="3.0.23", path=_V3, commit="7cedae735ca5c68fc24520b42da339aa388b9d25", hydrates=True),
        Release(version="3.5.7", path=_V3, hydrates=True),
        Release(version="3.6.1", path=_V3, hydrates=True),
    )
}


def server(version: str = "") -> Release:
    """Return the version of Argo CD to run: the given one, that in ``SANDBOX_ARGOCD``, or the default."""
    return _find(version or os.environ.get(SERVER_VARIABLE, ""))


def client(version: str = "") -> Release:
    """Return the version of the argocd CLI: the given one, that in ``SANDBOX_ARGOCD_CLIENT``, or the default."""
    return _find(version or os.environ.get(CLIENT_VARIABLE, ""))


def _find(version: str) -> Release:
    if not version:
        return DEFAULT
    try:
        return RELEASES[version]
    except KeyError:
        raise UnknownReleaseError(
            f"the sandbox has no Argo CD {version}; it has {', '.join(RELEASES)}. "
            "How to add one: CONTRIBUTING.md, Another version of Argo CD"
        ) from None
