"""Run the pipeline of a version with gitlab-ci-local, in a throw-away clone, with a registry on this machine.

``bin/dev test tests/image/release_dry_run.py -rP`` is a step of each release (CONTRIBUTING.md, Publishing). It is not in
CI, because the first run also builds programs, which takes about ten minutes. Later runs take about six minutes on two
cores. These parts differ from GitLab:

- The jobs run in gitlab-ci-local's shell executor, because their images can be unreachable. `self-test` runs in the
  image that the pipeline has built.
- buildx, BuildKit, cosign and the scanner of the SBOM are built from their Go modules (`tests/support/release_programs.py`).
  BuildKit runs as a process of this machine instead of in a privileged container.
- The scanners are those of `tests/support/scanners.py`. The gate is the real one.
- The image is built for this machine's architecture only, from a stand-in of the base image and the sandbox's argocd.
- gitlab-ci-local ignores the keyword `release`, so no release is created in a GitLab.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import docker
import httpx
import pytest
import yaml
from packaging.requirements import Requirement

from argocd_release import __version__
from sandbox import build, cache
from tests.support import docker_engine, release_programs
from tests.support.docker_engine import ARCHITECTURE, ROOT, STAND_IN, Engine
from tests.support.gitlab_ci_local import NODE, gitlab_ci_local
from tests.support.registry import running_registry
from tests.support.waiting import eventually

PROJECT = "platform/argocd-release"
PIPELINE = "dry-run.yml"
SNIPPETS = ROOT / "docs" / "snippets" / "shell"
INDEX = "application/vnd.oci.image.index.v1+json"
SCANNERS = {
    "Jobs/Secret-Detection.gitlab-ci.yml": {"secret_detection": "secret-detection"},
    "Jobs/SAST.gitlab-ci.yml": {"sast": "", "semgrep-sast": "sast"},
    "Jobs/Dependency-Scanning.gitlab-ci.yml": {"dependency_scanning": ""},
    "Jobs/Container-Scanning.gitlab-ci.yml": {"container_scanning": "container-scanning"},
}
SCANS = ("secret_detection", "semgrep-sast", "container_scanning", "scans")
PUBLISHING = ("attest", "publish-image", "release-files", "publish")
# bandit's B602 has the severity High.
WEAK = "import subprocess\n\nsubprocess.run(input(), shell=True)\n"
TOOLS_IMAGE = "argocd-release-tests/release-tools"
BUILD = "docker buildx build ."
# The version of Python in the image. The lock file also names packages that only older versions need.
PYTHON = {"python_version": "3.13", "python_full_version": "3.13.0"}
CHECKSUM = f"ARGOCD_SHA256_{ARCHITECTURE.upper()}"
SYFT = """#!/bin/sh
set -e
printf '{"_type":"https://in-toto.io/Statement/v0.1","predicateType":"https://spdx.dev/Document","predicate":' > /tmp/sbom
/syft scan --quiet "dir:$BUILDKIT_SCAN_SOURCE" --output spdx-json >> /tmp/sbom
printf '}' >> /tmp/sbom
cp /tmp/sbom "$BUILDKIT_SCAN_DESTINATION/sbom.spdx.json"
"""

pytestmark = pytest.mark.timeout(3600)


@dataclass(frozen=True, kw_only=True)
class DryRun:
    """A clone of the project with a version as its tag, and the registries and variables of its pipeline."""

    clone: Path
    registry: str
    environ: dict[str, str]
    variables: dict[str, str]
    #: The names of the files in the package registry.
    packages: dict[str, bytes]

    @property
    def image(self) -> str:
        return f"{self.registry}/{PROJECT}"

    @property
    def state(self) -> Path:
        """The folder with the logs and artifacts of the jobs."""
        return self.clone / ".gitlab-ci-local"

    def commit(self, message: str) -> None:
        """Commit all changes, and move the tag of the version to this commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        self.git("tag", "--force", __version__)

    def git(self, *arguments: str) -> str:
        command = ["git", *arguments]
        return subprocess.run(
            command, cwd=self.clone, env=self.environ, check=True, capture_output=True, text=True
        ).stdout.strip()

    def run(self, *jobs: str, in_shell: bool = True) -> str:
        """Run the jobs. Return gitlab-ci-local's output, which says which jobs have started and how each has ended."""
        shutil.rmtree(Path(self.environ["HOME"]) / ".docker" / "contexts", ignore_errors=True)
        shutil.rmtree(Path(self.environ["HOME"]) / ".docker" / "buildx", ignore_errors=True)
        given = [f"--variable={name}={value}" for name, value in self.variables.items()]
        containers = ["--network=host", f"--helper-image={docker_engine.HELPER}"]
        executor = ["--force-shell-executor"] if in_shell else containers
        options = [
            f"--file={PIPELINE}",
            "--shell-isolation",
            "--unset-variable=CI_COMMIT_BRANCH",
            "--timestamps",
            *executor,
            *given,
        ]
        done = subprocess.run(
            [str(gitlab_ci_local()), *options, *jobs],
            cwd=self.clone,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        print(done.stdout)
        return done.stdout.rpartition("\n\n")[2]

    def log(self, job: str) -> str:
        return (self.state / "output" / f"{job}.log").read_text("utf-8")

    def digest(self, tag: str) -> str | None:
        """Return the digest of the image that the registry has under this tag, or None."""
        answer = httpx.get(f"http://{self.registry}/v2/{PROJECT}/manifests/{tag}", headers={"Accept": INDEX})
        return answer.headers["Docker-Content-Digest"] if answer.is_success else None

    def verify(self) -> subprocess.CompletedProcess[str]:
        """Verify the signature as the documentation says."""
        snippet = (SNIPPETS / "verify-image-key.sh").read_text("utf-8").replace("registry.example.com", self.registry)
        command = re.sub("(?<=^version=).*", __version__, snippet)
        return subprocess.run(
            ["sh", "-ec", command],
            cwd=self.environ["HOME"],
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def dry_run(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DryRun]:
    # The engine has the stand-in of the base image now, and the files of the sandbox's argocd are in the build context.
    home = tmp_path_factory.mktemp("release")
    programs = release_programs.build(build._go())
    docker_engine.helper(engine.client)
    with (
        running_registry(home) as registry,
        package_registry() as (address, packages),
        cleared(engine.client, registry),
        buildkit(home, programs) as socket,
    ):
        environ = user(home, programs)
        make_tools(engine.client, registry, programs)
        base = push(engine.client, f"{TOOLS_IMAGE}:base", f"{registry}/tools/base")
        variables = {
            "CI_API_V4_URL": f"http://{address}/api/v4",
            "CI_COMMIT_TAG": __version__,
            "CI_JOB_TOKEN": "job-token",
            "CI_REGISTRY": registry,
            "CI_REGISTRY_IMAGE": f"{registry}/{PROJECT}",
            "CI_REGISTRY_PASSWORD": "password",
            "CI_REGISTRY_USER": "user",
            "COSIGN_PASSWORD": environ["COSIGN_PASSWORD"],
            "COSIGN_PRIVATE_KEY": (home / "cosign.key").read_text("utf-8"),
            # The engine of this machine, instead of a service with TLS.
            "DIND_IMAGE": "",
            "DOCKER_CERT_PATH": "",
            "DOCKER_HOST": os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock"),
            "DOCKER_TLS_VERIFY": "",
            "SBOM_IMAGE": f"{registry}/tools/syft:1",
            "XDG_CACHE_HOME": environ["XDG_CACHE_HOME"],
        }
        clone = home / "argocd-release"
        subprocess.run(["git", "clone", "--quiet", "--no-tags", str(ROOT), str(clone)], check=True)
        run = DryRun(clone=clone, registry=registry, environ=environ, variables=variables, packages=packages)
        prepare(run, engine.arguments, base, socket)
        yield run
        # gitlab-ci-local has copied the project for each job, which takes 4 GB.
        shutil.rmtree(clone, ignore_errors=True)


@contextmanager
def cleared(client: docker.DockerClient, registry: str) -> Iterator[None]:
    """Remove the images of the dry run at the end."""
    try:
        yield
    finally:
        for image in client.images.list():
            names = (*image.tags, *image.attrs["RepoDigests"])
            if any(name.startswith((TOOLS_IMAGE, registry)) for name in names):
                client.images.remove(image.id, force=True)


@contextmanager
def buildkit(home: Path, programs: Path) -> Iterator[Path]:
    """Run BuildKit, and yield its socket. Its cache is removed at the end, because it is hundreds of megabytes."""
    socket, root = home / "buildkit.sock", home / "buildkit"
    command = [str(programs / "buildkitd"), f"--root={root}", f"--addr=unix://{socket}", "--oci-worker-net=host"]
    with (home / "buildkit.log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as running:
        try:
            eventually(socket.exists, seconds=20)
            yield socket
        finally:
            running.terminate()
            running.wait(timeout=60)
            shutil.rmtree(root, ignore_errors=True)


@contextmanager
def package_registry() -> Iterator[tuple[str, dict[str, bytes]]]:
    """Serve the upload of GitLab's generic packages, and yield its address and the received files."""
    received: dict[str, bytes] = {}

    class Packages(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            received[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(201 if self.headers["JOB-TOKEN"] == "job-token" else 401)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the library's
            """Write no log."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Packages) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"127.0.0.1:{server.server_port}", received
        server.shutdown()


def user(home: Path, programs: Path) -> dict[str, str]:
    """Return the environment of a user with a signing key, buildx and the programs that the jobs install with apk."""
    plugins = home / ".docker" / "cli-plugins"
    plugins.mkdir(parents=True)
    (plugins / "docker-buildx").symlink_to(programs / "buildx")
    (home / "bin").mkdir()
    (home / "bin" / "apk").write_text('#!/bin/sh\necho "shell executor: not installed: $*"\n')
    (home / "bin" / "apk").chmod(0o755)
    (home / ".gitconfig").write_text("[user]\n\tname = x\n\temail = x@example.com\n[safe]\n\tdirectory = *\n")
    old = Path.home()
    environ = os.environ | {
        "COSIGN_PASSWORD": "a password",
        "GOCACHE": os.environ.get("GOCACHE", str(old / ".cache" / "go-build")),
        "GOMODCACHE": os.environ.get("GOMODCACHE", str(old / "go" / "pkg" / "mod")),
        "HOME": str(home),
        "PATH": f"{home / 'bin'}:{programs}:{NODE}:{os.environ['PATH']}",
        "XDG_CACHE_HOME": str(cache.folder().parents[1]),
    }
    subprocess.run(["sh", "-ec", (SNIPPETS / "signing-key.sh").read_text("utf-8")], cwd=home, env=environ, check=True)
    return environ


def make_tools(client: docker.DockerClient, registry: str, programs: Path) -> None:
    """Build the image of the SBOM's scanner, and a base image with Debian's security updates."""
    security = "deb http://deb.debian.org/debian-security trixie-security main"
    lines = {
        "base": [
            f"FROM {STAND_IN}",
            f"RUN echo '{security}' > /etc/apt/sources.list.d/security.list && apt-get update -qq && apt-get upgrade -qq",
        ],
        "syft": [f"FROM {STAND_IN}", "COPY syft scan /", "RUN chmod +x /syft /scan", 'ENTRYPOINT ["/scan"]'],
    }
    files = {"syft": (programs / "syft").read_bytes(), "scan": SYFT.encode()}
    for name, dockerfile in lines.items():
        context = {"Dockerfile": "\n".join(dockerfile).encode()} | (files if name == "syft" else {})
        docker_engine.build_from(client, f"{TOOLS_IMAGE}:{name}", context)
    push(client, f"{TOOLS_IMAGE}:syft", f"{registry}/tools/syft")


def push(client: docker.DockerClient, image: str, repository: str) -> str:
    """Push the image as version 1 of the repository, and return its name with the digest."""
    client.images.get(image).tag(repository, "1")
    for line in client.images.push(repository, "1", stream=True, decode=True):
        assert "error" not in line, line
    return str(next(name for name in client.images.get(f"{repository}:1").attrs["RepoDigests"] if repository in name))


def prepare(run: DryRun, arguments: dict[str, str], base: str, socket: Path) -> None:
    """Change the clone so that this machine can build it, add stand-ins for GitLab's templates, and commit."""
    run.git("remote", "set-url", "origin", f"git@gitlab.example.com:{PROJECT}.git")
    text = (run.clone / ".gitlab-ci.yml").read_text("utf-8")
    # If an image has only one architecture, buildx describes its attestations in another form.
    for two, one in (
        ("linux/amd64,linux/arm64", f"linux/{ARCHITECTURE}"),
        ("in amd64 arm64", f"in {ARCHITECTURE}"),
        ('(index .SBOM \\"linux/$architecture\\").SPDX', ".SBOM.SPDX"),
        ('(index .Provenance \\"linux/$architecture\\").SLSA', ".Provenance.SLSA"),
    ):
        assert text.count(two) == 1, two
        text = text.replace(two, one)
    text, count = re.subn(
        r"docker buildx create --use .*", f"docker buildx create --use --driver remote unix://{socket}", text
    )
    assert count == 1
    changed = {name: arguments[name] for name in ("APT_SNAPSHOT", "ARGOCD_SOURCE", "ARGOCD_LICENSE", CHECKSUM)}
    options = [f"--build-context {docker_engine.declared_base()}=docker-image://{base}"]
    options += [f"--build-arg {name}={value}" for name, value in changed.items()]
    assert text.count(BUILD) == 1
    text = text.replace(BUILD, f"{BUILD} {' '.join(options)}")
    # Change neither the pipeline nor the Dockerfile in place, because tests of `image-tests` read them.
    (run.clone / PIPELINE).write_text(text, "utf-8")
    shutil.copytree(ROOT / "build" / "argocd", run.clone / "build" / "argocd")
    run.git("add", "--force", "build/argocd")
    folder = run.state / "includes" / "gitlab.com/gitlab-org/gitlab/-/raw/HEAD/lib/gitlab/ci/templates"
    for template, kinds in SCANNERS.items():
        jobs = {job: scanner(kind) for job, kind in kinds.items()}
        (folder / template).parent.mkdir(parents=True, exist_ok=True)
        (folder / template).write_text(yaml.safe_dump(jobs), "utf-8")
    exclude = run.clone / ".git" / "info" / "exclude"
    exclude.write_text(f".gitlab-ci-local/\n{PIPELINE}\n", "utf-8")
    run.commit("release: build from this machine")


def scanner(kind: str) -> dict[str, object]:
    """Return a job that replaces GitLab's scanner of this kind. If the kind is empty, the job never runs."""
    if not kind:
        return {"script": ["exit 1"], "rules": [{"when": "never"}]}
    command = f"{sys.executable} {ROOT}/tests/support/scanners.py {kind.replace('-', '_')} gl-{kind}-report.json"
    return {"script": [command], "allow_failure": True}


def outcome(printed: str, job: str) -> str:
    """Return PASS, WARN or FAIL, or an empty string if gitlab-ci-local did not start the job."""
    found = re.search(rf"^ (PASS|WARN|FAIL) +\[.*?\] {job}\s", printed, re.MULTILINE)
    return found[1] if found else ""


def test_weak_code_stops_the_version(dry_run: DryRun) -> None:
    weak = dry_run.clone / "plugin" / "argocd_release" / "weak.py"
    weak.write_text(WEAK, "utf-8")
    dry_run.commit("release: add weak code")

    built = dry_run.run("version", "build-image")
    assert outcome(built, "build-image") == "PASS"
    ended = dry_run.run(*SCANS, *PUBLISHING)

    assert outcome(ended, "scans") == "FAIL"
    assert "High: B602 in plugin/argocd_release/weak.py" in dry_run.log("scans")
    assert dry_run.log("scans").count("High: ") == 1
    assert {job: outcome(ended, job) for job in PUBLISHING} == dict.fromkeys(PUBLISHING, "")
    assert dry_run.digest(dry_run.git("rev-parse", "HEAD")) is not None
    assert dry_run.digest(__version__) is None
    assert dry_run.verify().returncode != 0
    assert dry_run.packages == {}

    shutil.copytree(dry_run.state / "artifacts" / "build-image", dry_run.state / "weak")
    weak.unlink()
    dry_run.commit("release: remove the weak code")


def test_a_version_is_built_tested_scanned_signed_and_published(dry_run: DryRun) -> None:
    assert outcome(dry_run.run("version", "build-image"), "build-image") == "PASS"
    assert outcome(dry_run.run("self-test", in_shell=False), "self-test") == "PASS"
    ended = dry_run.run("image-tests", *SCANS, "self-test:reports", *PUBLISHING)
    for job in ("image-tests", *SCANS, "self-test:reports", *PUBLISHING):
        assert outcome(ended, job) == "PASS", job

    digest = dry_run.digest(__version__)
    assert digest is not None
    assert f"the image under test is {dry_run.image}@{digest}" in dry_run.log("image-tests")
    assert digest == dry_run.digest(dry_run.git("rev-parse", "HEAD"))
    verified = dry_run.verify()
    assert verified.returncode == 0, verified.stderr
    assert digest in verified.stdout

    (notes,) = dry_run.state.rglob("builds/publish/notes.md")
    assert f"`{dry_run.image}:{__version__}@{digest}`" in notes.read_text("utf-8")
    published = {Path(name).name: content for name, content in dry_run.packages.items()}
    assert set(published) == {f"sbom-{ARCHITECTURE}.spdx.json", f"provenance-{ARCHITECTURE}.slsa.json"}
    packages = {
        (package["name"], package.get("versionInfo"))
        for package in json.loads(published[f"sbom-{ARCHITECTURE}.spdx.json"])["packages"]
    }
    assert ("argocd-release", __version__) in packages
    assert locked() <= {(name.lower().replace("_", "-"), version) for name, version in packages}
    names = {name for name, _ in packages}
    assert {"libc6", f"python{PYTHON['python_version']}-minimal", "github.com/argoproj/argo-cd/v2"} <= names


def locked() -> set[tuple[str, str]]:
    """Return the Python packages that the image must contain, with their versions."""
    command = [
        str(NODE / "uv"),
        "export",
        "--quiet",
        "--frozen",
        "--no-emit-project",
        "--no-hashes",
        "--no-default-groups",
    ]
    exported = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    requirements = [Requirement(line) for line in exported.splitlines() if not line.lstrip().startswith("#")]
    return {
        (required.name, str(required.specifier).removeprefix("=="))
        for required in requirements
        if required.marker is None or required.marker.evaluate(PYTHON)
    }


def test_publishing_the_same_image_again_changes_nothing(dry_run: DryRun) -> None:
    digest = dry_run.digest(__version__)
    assert outcome(dry_run.run("publish-image"), "publish-image") == "PASS"
    assert "already names this image" in dry_run.log("publish-image")
    assert dry_run.digest(__version__) == digest


def test_another_image_of_a_published_version_is_refused(dry_run: DryRun) -> None:
    """Retry the jobs of the first pipeline, whose commit had the same tag."""
    digest = dry_run.digest(__version__)
    files = dict(dry_run.packages)
    artifacts = dry_run.state / "artifacts" / "build-image"
    shutil.rmtree(artifacts)
    shutil.copytree(dry_run.state / "weak", artifacts)

    ended = dry_run.run("publish-image", "release-files", "publish")

    assert outcome(ended, "publish-image") == "FAIL"
    assert "a published version never changes" in dry_run.log("publish-image")
    assert outcome(ended, "release-files") == outcome(ended, "publish") == ""
    assert dry_run.digest(__version__) == digest
    assert dry_run.packages == files
