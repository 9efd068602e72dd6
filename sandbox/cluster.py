"""The Kubernetes and the Argo CD of a running sandbox, with an administrator's rights."""

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
    """The cluster of a sandbox. ``server`` is Argo CD's address.

    Each method that runs a command or calls an API raises ``CommandError``, or ``SandboxError`` if a component has
    died.
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
        """Return the token of Argo CD's admin."""
        return self._admin_token.read_text("utf-8")

    @admin_token.setter
    def admin_token(self, token: str) -> None:
        self._admin_token.touch(mode=0o600)
        self._admin_token.write_text(token, "utf-8")

    def environment(self, *, token: str | None = None) -> dict[str, str]:
        """Return the variables that the guide tells a pipeline to set, and a PATH with this sandbox's programs."""
        own = dict.fromkeys(str(self.layout.programs[name].parent) for name in ("argocd", "kubectl"))
        return {
            "ARGOCD_SERVER": self.server,
            "ARGOCD_AUTH_TOKEN": self.ci_token if token is None else token,
            "ARGOCD_OPTS": f"--grpc-web --server-crt {self.certificate}",
            "KUBECONFIG": str(self.layout.kubeconfig),
            "PATH": os.pathsep.join([*own, os.environ.get("PATH", "")]),
        }

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        """Return the output of kubectl."""
        return self._run("kubectl", *arguments, stdin=stdin, KUBECONFIG=str(self.layout.kubeconfig))

    def argocd(self, *arguments: str, token: str | None = None) -> str:
        """Return the output of argocd, called as admin or with the token."""
        job = self.environment(token=self.admin_token if token is None else token)
        known = {name: job[name] for name in job if name.startswith("ARGOCD_")}
        # `argocd admin` reads the cluster itself.
        return self._run("argocd", *arguments, KUBECONFIG=str(self.layout.kubeconfig), **known)

    def get(self, path: str) -> dict[str, Any]:
        """Return the object at a path of the Kubernetes API, which is faster than kubectl."""
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
        """Return the pid and the state (running, stopped, died) of each component that was started, and why it died."""
        states: dict[str, dict[str, Any]] = ask(self.folder, "status", seconds=STATUS_SECONDS)
        return states

    def deaths(self) -> list[str]:
        """Return the exit report of each component that died: its name, how it ended, and its last log lines.

        A component that a test has stopped does not count. Raises ``SandboxError``.
        """
        return [state["why"] for state in self.status().values() if state["state"] == "died"]

    def check(self) -> None:
        """Raise ``SandboxError`` if a component died, or the supervisor with all of them."""
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
            # Without its supervisor the whole sandbox is gone, which `deaths` reports.
            if deaths := self.deaths():
                raise SandboxError("\n".join([str(error), *deaths])) from error
            raise
