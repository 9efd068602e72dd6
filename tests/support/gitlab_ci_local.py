"""Preview and run a consumer's pipelines with gitlab-ci-local, which npm installs from a lock file.

The consumer's repository includes the component by its address, as on a real GitLab. The configuration of git maps this
address to the local files.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from argocd_release import __version__
from sandbox import cache
from tests.support import missing
from tests.support.docker_engine import Engine, helper

ROOT = Path(__file__).parents[2]
NPM = ROOT / "tests" / "component" / "npm"
EXAMPLES = ROOT / "component" / "examples"
NODE = Path(sys.executable).parent


def gitlab_ci_local() -> Path:
    """Return the path of the program. Install it into the cache if it is missing."""
    lock = (NPM / "package-lock.json").read_bytes()
    folder = cache.folder().parent / f"gitlab-ci-local-{hashlib.sha256(lock).hexdigest()[:12]}"
    program = folder / "node_modules" / ".bin" / "gitlab-ci-local"
    if not program.exists():
        folder.mkdir(parents=True, exist_ok=True)
        for file in NPM.iterdir():
            shutil.copy(file, folder)
        environ = os.environ | {"PATH": f"{NODE}:{os.environ['PATH']}"}
        subprocess.run(["npm", "ci", "--silent"], cwd=folder, env=environ, check=True, timeout=300)
    return program


@dataclass(frozen=True, kw_only=True)
class Consumer:
    """A repository whose pipeline includes the component. ``folder`` is its work tree."""

    folder: Path
    environ: dict[str, str] = field(repr=False)

    @classmethod
    def create(cls, root: Path, pipeline: str, *, project: str = "team/shop") -> "Consumer":
        folder, server = root / "shop", root / "server"
        config = root / "gitconfig"
        config.write_text(
            f'[url "{server}/"]\n\tinsteadOf = ssh://git@gitlab.example.com:22/\n[user]\n\tname = x\n\temail = x@example.com\n'
        )
        environ = {
            "PATH": f"{NODE}:{os.environ['PATH']}",
            "HOME": str(root),
            "GIT_CONFIG_GLOBAL": str(config),
            "GIT_CONFIG_NOSYSTEM": "1",
        }
        consumer = cls(folder=folder, environ=environ)
        for path in ("platform", "mirrors"):
            component = server / path / "argocd-release.git"
            component.mkdir(parents=True)
            shutil.copytree(ROOT / "templates", component / "templates")
            consumer.git(component, "tag", __version__)
        folder.mkdir()
        (folder / ".gitlab-ci.yml").write_text(pipeline)
        consumer.git(folder, "remote", "add", "origin", f"git@gitlab.example.com:{project}.git")
        consumer.git(folder, "update-ref", "refs/remotes/origin/main", "HEAD")
        consumer.git(folder, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
        return consumer

    def git(self, folder: Path, *arguments: str) -> None:
        if not (folder / ".git").exists():
            self._run(folder, "git", "init", "--quiet", "--initial-branch=main")
            self._run(folder, "git", "add", "--all")
            self._run(folder, "git", "commit", "--quiet", "--message", "all")
        self._run(folder, "git", *arguments)

    def preview(self) -> str:
        """Return the pipeline with all includes resolved. gitlab-ci-local checks it against GitLab's schema."""
        done = self._local("--preview")
        assert done.returncode == 0, done.stderr
        return done.stdout

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the pipeline in containers, which needs rsync."""
        if shutil.which("rsync") is None:
            missing.skip("gitlab-ci-local needs rsync", "install rsync: apt-get install rsync")
        # Users can set this variable if their image is in another registry. Here it must override the job's own value.
        place = f"ARGOCD_RELEASE_REPOSITORY={default_image().rpartition(':')[0]}"
        options = ("--network", "host", "--pull-policy", "if-not-present", "--variable", place)
        return self._local(*options, *arguments)

    def run_in(
        self, engine: Engine, variables: Mapping[str, str], certificate: Path, *arguments: str
    ) -> subprocess.CompletedProcess[str]:
        """Run the pipeline in the image under test.

        Args:
            engine: the Docker engine with the image.
            variables: the CI/CD variables of the GitLab group.
            certificate: a file that the containers see as ``/argocd.crt``.
            arguments: further arguments for gitlab-ci-local.
        """
        engine.image.tag(*default_image().rsplit(":", 1))
        given = [word for name, value in variables.items() for word in ("--variable", f"{name}={value}")]
        volume = f"{certificate}:/argocd.crt:ro"
        return self.run("--helper-image", helper(engine.client), "--volume", volume, *given, *arguments)

    def short_sha(self) -> str:
        """Return the value of CI_COMMIT_SHORT_SHA in the pipeline."""
        command = ("git", "rev-parse", "--short=8", "HEAD")
        done = subprocess.run(command, cwd=self.folder, env=self.environ, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def _local(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(gitlab_ci_local()), *arguments],
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )

    def _run(self, folder: Path, *command: str) -> None:
        subprocess.run(command, cwd=folder, env=self.environ, check=True, capture_output=True, timeout=60)


def example(name: str) -> str:
    return (EXAMPLES / f"{name}.yml").read_text("utf-8")


def default_image() -> str:
    """Return the default image of the component's job, in the registry registry.example.com of the docs."""
    header, body = yaml.safe_load_all((ROOT / "templates" / "release.yml").read_text("utf-8"))
    given = str(header["spec"]["inputs"]["image"]["default"])
    (job,) = [job for job in body.values() if "script" in job]
    place = job["variables"]["ARGOCD_RELEASE_REPOSITORY"].replace("$CI_REGISTRY", "registry.example.com")
    return given.replace("$ARGOCD_RELEASE_REPOSITORY", place)
