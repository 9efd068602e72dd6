"""Build the image under test with a real Docker engine, or pull the image that the pipeline has built.

The variable IMAGE_UNDER_TEST names a built image. IMAGE_REVISION is its commit, and IMAGE_SOURCE is its project. If
the base image of the Dockerfile cannot be pulled, ``mmdebstrap`` creates a stand-in from Debian's packages. The
certificate authorities of this machine are copied into the stand-in, but never into the product's image.
"""

import functools
import gc
import hashlib
import io
import os
import platform
import shutil
import subprocess
import tarfile
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import docker
import pytest
from docker.errors import APIError, DockerException, ImageNotFound
from docker.models.images import Image

from sandbox import build, releases

ROOT = Path(__file__).parents[2]
STAND_IN = "argocd-release-tests/base:trixie"
HELPER = "argocd-release-tests/helper:1"
TAG = "argocd-release-tests/image:1"
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
CERTIFICATES = Path(os.environ.get("SSL_CERT_FILE") or "/etc/ssl/certs/ca-certificates.crt")


@dataclass(frozen=True, kw_only=True)
class Engine:
    """A Docker engine with the image under test."""

    client: docker.DockerClient
    image: Image
    #: Arguments with which the tests can build the image here.
    arguments: dict[str, str]
    #: The commit, the project and the base image from which the image under test was built.
    origin: dict[str, str]
    #: True if the image was built here, with the argocd program of the sandbox.
    is_built_here: bool


@functools.cache
def absence() -> str:
    """Return the reason why there is no Docker engine, or an empty string if one responds."""
    # A client that cannot connect leaves its socket open (docker 7.2.0 docker/transport/unixconn.py:connect). Collect
    # the socket here, so that its ResourceWarning does not appear in another test.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            with closing(docker.from_env()) as client:
                client.ping()
        except (DockerException, OSError) as error:
            why = f"there is no Docker engine: {error}"
        else:
            return ""
        gc.collect()
    return why


@contextmanager
def built() -> Iterator[Engine]:
    """Build the image under test, and yield the engine that has it."""
    with closing(docker.from_env(timeout=300)) as client:
        yield build_image(client)


def build_image(client: docker.DockerClient) -> Engine:
    """Return the engine with the image that IMAGE_UNDER_TEST names. If it is not set, build the image.

    The build uses the argocd program of the sandbox, as a build without internet access does.
    """
    arguments = build_arguments(client)
    if built_image := os.environ.get("IMAGE_UNDER_TEST"):
        origin = {name: os.environ[f"IMAGE_{name}"] for name in ("REVISION", "SOURCE")} | {"BASE": declared_base()}
        image = client.images.pull(built_image)
        return Engine(client=client, image=image, arguments=arguments, origin=origin, is_built_here=False)
    image = build_from_project(client, arguments)
    return Engine(client=client, image=image, arguments=arguments, origin=arguments, is_built_here=True)


def build_arguments(client: docker.DockerClient) -> dict[str, str]:
    """Put the sandbox's argocd program into the build context, and return the arguments of the build."""
    source = ROOT / "build" / "argocd" / f"argocd-linux-{ARCHITECTURE}"
    source.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(build.build()["argocd"], source)
    client_release = releases.client()
    license_file = build.module_folder(client_release.module, client_release.path) / "LICENSE"
    shutil.copyfile(license_file, source.with_name("LICENSE"))
    return {
        "BASE": base(client),
        "TARGETARCH": ARCHITECTURE,
        "ARGOCD_SOURCE": "build/argocd",
        "ARGOCD_LICENSE": "build/argocd/LICENSE",
        # The archive of old days can be unreachable, so take the packages of today.
        "APT_SNAPSHOT": "",
        f"ARGOCD_SHA256_{ARCHITECTURE.upper()}": hashlib.sha256(source.read_bytes()).hexdigest(),
        "REVISION": "0123456789abcdef",
        "SOURCE": "https://gitlab.example.com/platform/argocd-release",
    }


def build_from_project(
    client: docker.DockerClient, arguments: dict[str, str], *, tag: str = TAG, fresh: bool = False
) -> Image:
    """Build the Dockerfile of the project, and return the image.

    Args:
        client: the client of the engine.
        arguments: the build arguments.
        tag: the name of the image.
        fresh: True to build every layer again.
    """
    image, _ = client.images.build(
        path=str(ROOT), tag=tag, buildargs=arguments, network_mode="host", rm=True, nocache=fresh
    )
    return image


def base(client: docker.DockerClient) -> str:
    """Return the base image of the Dockerfile if it can be pulled, otherwise a stand-in."""
    try:
        client.images.get(STAND_IN)
    except ImageNotFound:
        try:
            client.images.pull(declared_base())
        except APIError:
            make_stand_in(client)
        else:
            return declared_base()
    return STAND_IN


def declared_base() -> str:
    """Return the base image that the Dockerfile names."""
    lines = (ROOT / "Dockerfile").read_text("utf-8").splitlines()
    return next(line.removeprefix("ARG BASE=") for line in lines if line.startswith("ARG BASE="))


def make_stand_in(client: docker.DockerClient) -> None:
    if shutil.which("mmdebstrap") is None:
        pytest.fail(
            "the base image can't be pulled, and there is no mmdebstrap to make a stand-in: apt-get install mmdebstrap"
        )
    command = ["mmdebstrap", "--quiet", "--variant=minbase", "--include=ca-certificates", "trixie", "-"]
    plain = subprocess.run(command, capture_output=True, timeout=300, check=True).stdout
    client.api.import_image_from_data(plain, repository="argocd-release-tests/plain", tag="trixie")
    bundle = CERTIFICATES.read_bytes()
    target = "etc/ssl/certs/ca-certificates.crt"
    lines = ["FROM argocd-release-tests/plain:trixie", f"COPY {target} /{target}"]
    build_from(client, STAND_IN, {"Dockerfile": "\n".join(lines).encode(), target: bundle})


def helper(client: docker.DockerClient) -> str:
    """Build the image with which gitlab-ci-local copies artifacts, because its default one can be unreachable."""
    lines = [
        f"FROM {base(client)}",
        "RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends rsync >/dev/null",
    ]
    build_from(client, HELPER, {"Dockerfile": "\n".join(lines).encode()})
    return HELPER


def build_from(client: docker.DockerClient, tag: str, files: dict[str, bytes]) -> None:
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    context.seek(0)
    client.images.build(fileobj=context, custom_context=True, tag=tag, network_mode="host", rm=True)
