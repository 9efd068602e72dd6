"""What the pages tell a person to set up, set up by their own commands on the sandbox."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import yaml

from argocd_release.settings.load import INPUT_PREFIX, PROPERTIES
from sandbox.application import delivered
from sandbox.git import Repository
from sandbox.sandbox import Sandbox
from tests.docs.pages import DOCS

SNIPPETS = DOCS / "snippets"
PROJECT = "gitops-poc-dzha"
APPLICATION = "sentry-frontend-dev"
BIN = Path(sys.executable).parent


def snippet(name: str) -> str:
    return (SNIPPETS / name).read_text("utf-8")


def renamed(text: str, account_name: str) -> str:
    """The snippet for another account."""
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
        """What the snippet prints, typed in by an administrator or in the pipeline; raises ``CalledProcessError``."""
        text = change(snippet(f"shell/{name}"))
        script = self.folder / name
        script.write_text(text)
        token = self.sandbox.admin_token if as_admin else self.token
        own = {"ARGOCD_AUTH_TOKEN": token, "ARGOCD_APP_NAME": APPLICATION, "ARGOCD_PROJECT": PROJECT}
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", str(script)],
            cwd=self.folder,
            env=self.environ() | own | environ,
            input=stdin,
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.stdout

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
        """A person's shell: its own home, the sandbox's programs, and the sandbox's certificate trusted."""
        given = self.sandbox.environment()
        certificate = str(self.sandbox.certificate)
        return {
            **{name: given[name] for name in ("ARGOCD_SERVER", "ARGOCD_OPTS", "KUBECONFIG")},
            "PATH": f"{BIN}:{given['PATH']}",
            "HOME": str(self.folder),
            "TMPDIR": str(self.sandbox.folder / "tmp"),
            "LANG": os.environ.get("LANG", "C.UTF-8"),
            "SSL_CERT_FILE": certificate,
            "CURL_CA_BUNDLE": certificate,
        }
