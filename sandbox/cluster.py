"""Access to the Kubernetes and the Argo CD of a running sandbox, with administrator rights."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from sandbox import commands
from sandbox.commands import CommandError
from sandbox.control import SandboxError, ask
from sandbox.kube_api import KubeAPI
from sandbox.layout import Layout

STATUS_SECONDS: Final = 5.0


class Cluster:
    """The cluster of a sandbox. ``server`` is the address of Argo CD.

    Each method that runs a command or calls an API raises ``CommandError`` if that fails, or ``SandboxError`` if a
    component has crashed.
    """

    def __init__(self, layout: Layout, *, token: str) -> None:
        self.layout = layout
        self.folder = layout.folder
        self.server = f"localhost:{layout.ports['argocd-server']}"
        self.ci_token = token
        self.certificate = self.folder / "argocd.crt"
        self._admin_token = self.folder / "admin.token"
        self._api = KubeAPI(layout)

    @property
    def admin_token(self) -> str:
        """Return the token of Argo CD's user admin."""
        return self._admin_token.read_text("utf-8")

    @admin_token.setter
    def admin_token(self, token: str) -> None:
        self._admin_token.touch(mode=0o600)
        self._admin_token.write_text(token, "utf-8")

    def environment(self, *, token: str | None = None) -> dict[str, str]:
        """Return the environment variables of a pipeline according to the guide, and a PATH with our programs."""
        own = dict.fromkeys(str(self.layout.programs[name].parent) for name in ("argocd", "kubectl"))
        return {
            "ARGOCD_SERVER": self.server,
            "ARGOCD_AUTH_TOKEN": self.ci_token if token is None else token,
            "ARGOCD_OPTS": f"--grpc-web --server-crt {self.certificate}",
            "KUBECONFIG": str(self.layout.kubeconfig),
            "PATH": os.pathsep.join([*own, os.environ.get("PATH", "")]),
        }

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        """Run kubectl, and return its output."""
        return self._run("kubectl", *arguments, stdin=stdin, KUBECONFIG=str(self.layout.kubeconfig))

    def argocd(self, *arguments: str, token: str | None = None) -> str:
        """Run argocd as admin or with the given token, and return its output."""
        job = self.environment(token=self.admin_token if token is None else token)
        known = {name: job[name] for name in job if name.startswith("ARGOCD_")}
        # The command `argocd admin` reads the cluster directly, so it needs KUBECONFIG.
        return self._run("argocd", *arguments, KUBECONFIG=str(self.layout.kubeconfig), **known)

    def get(self, path: str) -> dict[str, Any]:
        """Read the object at a path of the Kubernetes API. This is faster than kubectl."""
        with self._naming_the_dead():
            return self._api.get(path)

    def merge(self, path: str, patch: Mapping[str, Any]) -> None:
        """Patch the object at a path of the Kubernetes API with a JSON merge patch."""
        with self._naming_the_dead():
            self._api.merge(path, patch)

    def apply(self, *objects: Mapping[str, Any]) -> None:
        """Apply the objects, one after the other."""
        with self._naming_the_dead():
            self._api.apply(*objects)

    def status(self) -> dict[str, dict[str, Any]]:
        """Return the pid and the state of each started component: running, stopped, or died with the reason."""
        states: dict[str, dict[str, Any]] = ask(self.folder, "status", seconds=STATUS_SECONDS)
        return states

    def deaths(self) -> list[str]:
        """Return a report about each component that has crashed: its name, how it ended, and its last log lines.

        Components that a test has stopped are left out.

        Raises:
            SandboxError: the supervisor does not respond.
        """
        return [state["why"] for state in self.status().values() if state["state"] == "died"]

    def check(self) -> None:
        """Check that the supervisor and all components are running.

        Raises:
            SandboxError: the supervisor or a component has crashed.
        """
        if deaths := self.deaths():
            raise SandboxError("\n".join(deaths))

    def _run(self, program: str, *arguments: str, stdin: str = "", **environ: str) -> str:
        own = self.layout.environ(os.environ.get("PATH", ""))
        with self._naming_the_dead():
            return commands.run([str(self.layout.programs[program]), *arguments], environ=own | environ, stdin=stdin)

    @contextmanager
    def _naming_the_dead(self) -> Iterator[None]:
        try:
            yield
        except CommandError as error:
            # If the supervisor has ended, all components have ended too. `deaths` reports that.
            if deaths := self.deaths():
                raise SandboxError("\n".join([str(error), *deaths])) from error
            raise
