"""The image: what is in it and what is not, and that a release job works in it as runners run it."""

import hashlib
import re
import tarfile
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from docker.errors import BuildError
from docker.models.containers import Container
from docker.models.images import Image

from argocd_release import __version__
from sandbox import manifests
from sandbox.application import delivered
from sandbox.sandbox import Sandbox
from tests.support import docker_engine
from tests.support.diff_job import BASE, ENDINGS, merge_request, variables
from tests.support.docker_engine import ROOT, Engine
from tests.support.gitlab_rules import check_dotenv, check_junit, released
from tests.support.runner import scripts, wrapped

MEGABYTE = 1_000_000
Start = Callable[..., Container]
REPORTS = {f"argocd-release.{kind}" for kind in ("xml", "env", "annotations.json", "json", "metrics.txt", "html")}
# Docker adds these when it creates a container.
OF_THE_CONTAINER = {
    ".dockerenv", "dev", "dev/console", "dev/pts", "dev/shm", "etc", "etc/hostname", "etc/hosts", "etc/mtab", "etc/resolv.conf",
    "proc", "sys",
}  # fmt: skip
# COPY sets the times of these folders. BuildKit can set them again (rewrite-timestamp), Docker's own builder cannot.
CHANGED_BY_COPY = {"opt", "opt/argocd-release", "usr/local/bin", "usr/share/doc", "usr/share/doc/argocd"}
# As GitLab's runner cancels a job in Docker: SIGTERM for every process but the first and its own, the highest first, and
# up to 6 s for each to end.
CANCEL = """
for p in $(ls /proc | grep -E "^[0-9]+$" | sort -rn); do
  [ $p = 1 ] || [ $p = $$ ] || kill -TERM $p 2>/dev/null || continue
  n=0; while [ $p != 1 ] && [ $p != $$ ] && kill -0 $p 2>/dev/null && [ $n -lt 60 ]; do sleep 0.1; n=$((n + 1)); done
done
"""


def inside(engine: Engine, script: str, **options: object) -> str:
    """Return the output of a shell script in the image, including its standard error."""
    output = engine.client.containers.run(engine.image.id, ["sh", "-c", script], remove=True, stderr=True, **options)
    return str(output.decode())


@pytest.fixture
def start(engine: Engine, sandbox: Sandbox, tmp_path: Path, request: pytest.FixtureRequest) -> Start:
    """Start argocd-release in a container as a strict cluster would: any user, a read-only root, no home."""

    def started(application: str, component: str = "release", **environ: str) -> Container:
        tmp_path.chmod(0o777)
        settings = sandbox.environment() | {"ARGOCD_OPTS": "--grpc-web --server-crt /argocd.crt"}
        settings = {name: value for name, value in settings.items() if name.startswith("ARGOCD_")}
        container: Container = engine.client.containers.run(
            engine.image.id,
            ["bash", "-c", wrapped(scripts()[f"{component}.yml"], "eval")],
            environment=settings
            | {"ARGOCD_APP_NAME": application, "RELEASE_TIMEOUT": "30", "HOME": "/nowhere"}
            | environ,
            user="4242:0",
            read_only=True,
            tmpfs={"/tmp": "mode=1777"},  # noqa: S108
            network_mode="host",
            working_dir="/builds/project",
            volumes={
                str(tmp_path): {"bind": "/builds/project", "mode": "rw"},
                str(sandbox.certificate): {"bind": "/argocd.crt", "mode": "ro"},
            },
            detach=True,
        )
        request.addfinalizer(lambda: container.remove(force=True))
        return container

    return started


def test_metadata(engine: Engine) -> None:
    config = engine.image.attrs["Config"]
    assert config["User"] == "10001:0"
    assert config["Entrypoint"] is None
    assert config["Cmd"] == ["argocd-release"]
    labels = config["Labels"]
    prefix = "org.opencontainers.image"
    assert labels[f"{prefix}.version"] == __version__
    assert labels[f"{prefix}.licenses"] == "Apache-2.0"
    names = {"REVISION": "revision", "SOURCE": "source", "BASE": "base.name"}
    assert {argument: labels[f"{prefix}.{name}"] for argument, name in names.items()} == {
        argument: engine.origin[argument] for argument in names
    }


def test_versions(engine: Engine) -> None:
    assert inside(engine, "argocd-release --version") == f"argocd-release {__version__}\n"
    assert inside(engine, "argocd version --client --short").startswith("argocd: v2.13.2+")
    assert inside(engine, "python3 --version").startswith("Python 3.13.")


def test_what_runners_need_is_there(engine: Engine) -> None:
    tools = ("sh", "bash", "grep", "sed", "awk", "cat", "printf", "id", "mkdir", "kill")
    assert inside(engine, f"for t in {' '.join(tools)}; do command -v $t >/dev/null || echo $t; done") == ""
    assert inside(engine, "echo a1 | grep a | sed s/1/2/ | awk '{print $1}'; cat -A /etc/hostname >/dev/null") == "a2\n"


def test_what_nobody_needs_is_not(engine: Engine) -> None:
    assert inside(engine, "find / -xdev -perm /6000 -type f 2>/dev/null", user="0") == ""
    assert inside(engine, "for t in gcc cc make pip pip3 curl wget; do command -v $t; done; true") == ""
    assert (
        inside(
            engine,
            "find / -xdev '(' -name pip -o -name 'pip-*' ')' -path '*site-packages*' 2>/dev/null; ls /var/lib/apt/lists 2>/dev/null; true",
        )
        == ""
    )
    assert inside(engine, "grep -rl 'PRIVATE KEY' /opt /tmp /root /home 2>/dev/null; true") == ""


def test_each_part_has_its_license(engine: Engine) -> None:
    without = """
for package in $(dpkg-query --show --showformat '${Package} '); do
  test -s /usr/share/doc/$package/copyright || echo "Debian package $package"
done
for package in /opt/argocd-release/lib/python3*/site-packages/*.dist-info; do
  [ "$(find "$package" -ipath '*/licenses/*' -type f -size +0)" ] || echo "Python package $package"
done
"""
    assert inside(engine, without) == ""
    assert "Copyright 2017-2018 The Argo Authors" in inside(engine, "cat /usr/share/doc/argocd/copyright")
    for name in ("LICENSE", "NOTICE"):
        assert inside(engine, f"cat /usr/share/doc/argocd-release/{name}") == (ROOT / name).read_text("utf-8")


def test_the_notice_names_places_that_the_image_has(engine: Engine) -> None:
    places = re.findall(r"(?<= )/\S+", (ROOT / "NOTICE").read_text("utf-8"))
    assert len(places) == 3
    assert inside(engine, f"ls -d {' '.join(places)} > /dev/null") == ""


def test_a_user_without_a_name_and_a_read_only_root(engine: Engine) -> None:
    printed = inside(
        engine,
        "id -u; cd /tmp && argocd-release; echo $?; ls argocd-release.*",
        user="4242:4242",
        read_only=True,
        tmpfs={"/tmp": ""},  # noqa: S108
        environment={"HOME": "/nowhere"},
    )
    assert printed.startswith("4242\n")
    assert "3 settings are wrong:" in printed
    assert set(printed.split()[-len(REPORTS) :]) == REPORTS


def test_a_wrong_checksum_stops_the_build(engine: Engine) -> None:
    arguments = {**engine.arguments, **{name: "0" * 64 for name in engine.arguments if "SHA256" in name}}
    with pytest.raises(BuildError) as caught:
        engine.client.images.build(path=str(ROOT), buildargs=arguments, target="argocd", network_mode="host", rm=True)
    assert "did NOT match" in "".join(line.get("stream", "") for line in caught.value.build_log)


# Two builds without a cache take a minute each, and minutes on a busy machine.
@pytest.mark.timeout(900)
def test_two_builds_have_the_same_files(engine: Engine) -> None:
    """Build every layer twice, and compare the names, modes, owners, times and contents of all files."""
    builds = []
    for number in (1, 2):
        image = docker_engine.build_from_project(
            engine.client, engine.arguments, tag=f"argocd-release-tests/again:{number}", fresh=True
        )
        builds.append(files_of(engine, image))
        engine.client.images.remove(image.id, force=True)
    names = builds[0].keys() | builds[1].keys()
    assert sorted(name for name in names if builds[0].get(name) != builds[1].get(name)) == []
    assert len(builds[0]) > 1000
    digest = hashlib.sha256("\n".join(map(str, sorted(builds[0].items()))).encode()).hexdigest()
    print(f"files: {len(builds[0])}, digest of the file system: {digest}")


def files_of(engine: Engine, image: Image) -> dict[str, tuple[object, ...]]:
    """Return the attributes and the digest of each file of the image by its name."""
    container = engine.client.containers.create(image.id)
    with tempfile.TemporaryFile() as exported:
        exported.writelines(container.export())
        container.remove()
        exported.seek(0)
        with tarfile.open(fileobj=exported) as archive:
            return {
                member.name: (*attributes(member), digest_of(archive, member))
                for member in archive
                if member.name not in OF_THE_CONTAINER
            }


def attributes(member: tarfile.TarInfo) -> tuple[object, ...]:
    seconds = 0 if member.name in CHANGED_BY_COPY else member.mtime
    return member.type, member.mode, member.uid, member.gid, seconds, member.linkname


def digest_of(archive: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    stream = archive.extractfile(member) if member.isreg() else None
    return hashlib.sha256(stream.read() if stream else b"").hexdigest()


def test_size(engine: Engine, tmp_path: Path) -> None:
    """The size of every layer, compressed as a registry stores it."""
    saved = tmp_path / "image.tar"
    with saved.open("wb") as file:
        file.writelines(engine.image.save())
    sizes = []
    with tarfile.open(saved) as archive:
        for member in archive:
            stream = archive.extractfile(member)
            if stream is None or (member.size < MEGABYTE and not member.name.endswith("layer.tar")):
                continue
            squeeze = zlib.compressobj(6)
            sizes.append(sum(len(squeeze.compress(block)) for block in iter(lambda s=stream: s.read(MEGABYTE), b"")))  # type: ignore[misc]
            sizes[-1] += len(squeeze.flush())
    print(
        f"compressed layers, in MB: {[round(size / MEGABYTE, 1) for size in sizes]}, all: {sum(sizes) / MEGABYTE:.1f}"
    )
    # The official argocd is about 24 MB larger than the sandbox's, because it contains the web interface and symbols.
    most = 95 if engine.is_built_here else 119
    assert 50 * MEGABYTE < sum(sizes) <= most * MEGABYTE


def test_start_to_first_call(engine: Engine) -> None:
    script = """
mkdir /tmp/bin
printf '#!/bin/sh\\ndate +%%s%%N > /tmp/called; kill -9 $PPID' > /tmp/bin/argocd
chmod +x /tmp/bin/argocd
for n in 1 2 3 4 5 6; do s=$(date +%s%N); argocd-release >/dev/null 2>&1; echo $(( ($(cat /tmp/called) - s) / 1000000 )); done
"""
    environ = {"ARGOCD_SERVER": "x", "ARGOCD_AUTH_TOKEN": "x", "ARGOCD_APP_NAME": "x"}
    path = "/tmp/bin:/opt/argocd-release/bin:/usr/bin:/bin"  # noqa: S108
    lines = inside(engine, script, environment=environ | {"PATH": path}, working_dir="/tmp").splitlines()  # noqa: S108
    times = [int(line) for line in lines if line.isdigit()][1:]
    print(f"start to first call of argocd, in ms: {times}")
    assert len(times) == 5
    assert min(times) <= 400


def test_a_delivered_release(sandbox: Sandbox, start: Start, name: str, tmp_path: Path) -> None:
    repository = sandbox.repository(name)
    revision = repository.commit({"web.yaml": manifests.deployment("web", "registry.example.com/web:1")})
    sandbox.application(name, repository).wait_for(delivered(revision))
    container = start(name)

    assert container.wait(timeout=60)["StatusCode"] == 0, container.logs().decode()
    assert "RELEASE SUCCESSFUL" in container.logs().decode()
    variables = check_dotenv((tmp_path / "argocd-release.env").read_text("utf-8"))
    assert variables["ARGOCD_RELEASE_REVISION"] == revision


def test_a_failed_release(sandbox: Sandbox, start: Start, name: str, tmp_path: Path) -> None:
    repository = sandbox.repository(name)
    repository.commit({"web.yaml": manifests.deployment("web", "registry.example.com/web:1", replicas=-2)})
    sandbox.application(name, repository, retry_limit=0)
    container = start(name)

    assert container.wait(timeout=60)["StatusCode"] == 10, container.logs().decode()
    assert "must be greater than or equal to 0" in container.logs().decode()
    assert released(check_junit((tmp_path / "argocd-release.xml").read_text("utf-8"))) == "failure"


def test_a_diff_of_a_merge_request(sandbox: Sandbox, start: Start, name: str, tmp_path: Path) -> None:
    """GitLab's runner clones the project as another user, without the files of other commits."""
    repository = sandbox.repository(name)
    revision = repository.commit({"web.yaml": manifests.deployment("web", "registry.example.com/web:1")})
    sandbox.application(name, repository).wait_for(delivered(revision))
    base, commit = merge_request(
        repository, {"web.yaml": manifests.deployment("web", "registry.example.com/web:1", replicas=0)}
    )
    repository.git("clone", "-q", "--depth=1", "--branch=merge-request", repository.url, str(tmp_path / "clone"))
    given = variables(repository, base, commit) | {"CI_PROJECT_DIR": "/builds/project/clone"}

    container = start(name, "diff", **given, RELEASE_DIFF_FAIL_ON="dangerous")

    log = container.wait(timeout=60), container.logs().decode()
    assert log[0]["StatusCode"] == 16, log
    assert "-  replicas: 1" in log[1]
    assert {file.name for file in tmp_path.iterdir()} == {"clone", *(f"{BASE}{ending}" for ending in ENDINGS)}


def test_cancelled_as_gitlabs_runner_does(sandbox: Sandbox, start: Start, name: str, tmp_path: Path) -> None:
    repository = sandbox.repository(name)
    repository.commit({"web.yaml": manifests.deployment("web", "registry.example.com/web:1", fate="never-ready")})
    sandbox.application(name, repository)
    container = start(name)
    deadline = time.monotonic() + 20
    while b"app wait" not in container.logs() and time.monotonic() < deadline:
        time.sleep(0.2)
    sent = time.monotonic()
    container.exec_run(["sh", "-c", CANCEL])

    assert container.wait(timeout=10)["StatusCode"] == 143, container.logs().decode()
    assert time.monotonic() - sent <= 10
    assert {file.name for file in tmp_path.iterdir()} == REPORTS
    assert released(check_junit((tmp_path / "argocd-release.xml").read_text("utf-8"))) == "error"
    assert check_dotenv((tmp_path / "argocd-release.env").read_text("utf-8"))["ARGOCD_RELEASE_STATUS"] == "cancelled"
