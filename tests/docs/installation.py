"""An installation by the pages' own commands on the sandbox."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import yaml

from argocd_release.settings.environment import INPUT_PREFIX, PROPERTIES
from sandbox.application import delivered
from sandbox.git import Repository
from sandbox.sandbox import Sandbox
from tests.docs.pages import DOCS
from tests.support.docker_engine import Engine

SNIPPETS = DOCS / "snippets"
PROJECT = "gitops-poc-dzha"
APPLICATION = "sentry-frontend-dev"
BIN = Path(sys.executable).parent


def snippet(name: str) -> str:
    return (SNIPPETS / name).read_text("utf-8")


def renamed(text: str, account_name: str) -> str:
    """Return the snippet for another account."""
    return text.replace("ci-readonly", account_name)


@dataclass(kw_only=True)
class Installation:
    """The pages' project, application, account and token. ``folder``: where their commands are typed in."""

    sandbox: Sandbox
    folder: Path
    repository: Repository
    token: str = field(default="", repr=False)

    @classmethod
    def create(cls, sandbox: Sandbox, folder: Path) -> Self:
        everything = {"sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}]}
        metadata = {"name": PROJECT, "namespace": "argocd"}
        sandbox.apply(
            {"apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": metadata, "spec": everything}
        )
        installation = cls(sandbox=sandbox, folder=folder, repository=sandbox.repository("docs-sentry-demo"))
        revision = installation.push(tag="3f2c1ab")
        application = sandbox.application(
            APPLICATION, installation.repository, path="frontend/.cicd", project=PROJECT, namespace="poc-dev"
        )
        for name in ("argocd-cm.yaml", "argocd-rbac-cm.yaml"):
            (folder / name).write_text(snippet(f"kubernetes/{name}"))
        installation.run("apply-account.sh", as_admin=True)
        installation.token = installation.run("generate-token.sh", as_admin=True).strip()
        application.wait_for(delivered(revision))
        return installation

    def push(self, *, tag: str, fate: str = "ready") -> str:
        """Commit the pages' manifest with the image's tag; its pods meet the fate. Gives the revision."""
        manifest = yaml.safe_load(snippet("kubernetes/deployment.yaml"))
        template = manifest["spec"]["template"]
        template["metadata"]["labels"]["fate"] = fate
        container = template["spec"]["containers"][0]
        container["image"] = f"{container['image'].rpartition(':')[0]}:{tag}"
        return self.repository.commit({"frontend/.cicd/deployment.yaml": yaml.safe_dump(manifest)})

    def run(
        self,
        name: str,
        *,
        as_admin: bool = False,
        change: Callable[[str], str] = str,
        stdin: str = "",
        **environ: str,
    ) -> str:
        """Return the output of the snippet in a shell with the right login; raise ``CalledProcessError``."""
        own = {"ARGOCD_AUTH_TOKEN": self.sandbox.admin_token} if as_admin else {}
        return self._bash(
            f"set -e -o pipefail\n{change(snippet(f'shell/{name}'))}", stdin, self.environ() | own | environ
        )

    def pasted(self, *names: str, token: str = "", as_admin: bool = False, **environ: str) -> str:
        """Return the output of blocks that are pasted one after the other into a shell without any setup.

        The first block is ``environment.sh`` with the address and the certificate of this Argo CD. The token is typed
        when the block asks for it, so a line that is pasted too early would be taken for the token.
        """
        token = token or (self.sandbox.admin_token if as_admin else self.token)
        options = f"ARGOCD_OPTS='--grpc-web --server-crt {self.sandbox.certificate}'"
        start = snippet("shell/environment.sh").replace("argocd.example.com", self.sandbox.server)
        start = start.replace("ARGOCD_OPTS=--grpc-web", options)
        rest = "".join(snippet(f"shell/{name}") for name in names)
        bare = {name: self.environ()[name] for name in ("PATH", "HOME")}
        return self._bash(f"{start}{token}\nset -e -o pipefail\n{rest}", "", bare | environ, pasted=True)

    def _bash(self, text: str, stdin: str, environ: Mapping[str, str], *, pasted: bool = False) -> str:
        command, given = (["bash"], text) if pasted else (["bash", "-c", text], stdin)
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=dict(environ),
            input=given,
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.stdout

    def in_the_image(self, engine: Engine, script: str, **environ: str) -> str:
        """Return the output of a job's script in the image, with the group's variables; raise ``ContainerError``."""
        group = {
            "ARGOCD_SERVER": self.sandbox.server,
            "ARGOCD_AUTH_TOKEN": self.token,
            "ARGOCD_OPTS": "--grpc-web --server-crt /builds/ARGOCD_CA",
        }
        output = engine.client.containers.run(
            engine.image.id,
            ["sh", "-ec", script],
            environment=group | environ,
            network_mode="host",
            working_dir="/tmp",  # noqa: S108 - inside the container
            volumes={str(self.sandbox.certificate): {"bind": "/builds/ARGOCD_CA", "mode": "ro"}},
            remove=True,
        )
        return str(output.decode())

    def release(self, given: Mapping[str, str], **environ: str) -> subprocess.CompletedProcess[str]:
        """Run the release job with the component's inputs and the group's two variables."""
        by_input = {entry["x-input"]: name for name, entry in PROPERTIES.items() if "x-input" in entry}
        own = {f"{INPUT_PREFIX}{by_input[name]}": value for name, value in given.items() if name != "options"}
        command = [str(BIN / "argocd-release")]
        environ = self.environ() | {"ARGOCD_AUTH_TOKEN": self.token} | own | environ
        return subprocess.run(
            command, cwd=self.folder, env=environ, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=60,
        )  # fmt: skip

    def environ(self) -> dict[str, str]:
        """Return the environment of an administrator's shell: logged in, with its own home and the sandbox."""
        given = self.sandbox.environment()
        return {
            **{name: given[name] for name in ("ARGOCD_SERVER", "ARGOCD_OPTS", "KUBECONFIG")},
            "PATH": f"{BIN}:{given['PATH']}",
            "HOME": str(self.folder),
            "TMPDIR": str(self.sandbox.folder / "tmp"),
            "LANG": os.environ.get("LANG", "C.UTF-8"),
        }
