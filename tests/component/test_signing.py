"""Sign an image with a key as the pipeline does, and verify it as the page says: real cosign, real registry."""

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from tests.support import missing
from tests.support.gitlab_ci_local import ROOT
from tests.support.registry import running_registry

SNIPPETS = ROOT / "docs" / "snippets" / "shell"
REPOSITORY = "platform/argocd-release"
INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
VERSION = "1.2.3"


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    with running_registry(tmp_path) as address:
        yield address


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Return the environment of a user with a signing key, which lies in the folder."""
    if shutil.which("cosign") is None:
        why = "install cosign: go install github.com/sigstore/cosign/v2/cmd/cosign@v2.6.1"
        missing.skip("there is no cosign, which takes 4 minutes to build", why, in_ci=True)
    (tmp_path / "apk").write_text("#!/bin/sh\n")
    (tmp_path / "apk").chmod(0o755)
    made = {"HOME": str(tmp_path), "PATH": f"{tmp_path}:{os.environ['PATH']}", "COSIGN_PASSWORD": "a password"}
    subprocess.run(["sh", "-ec", (SNIPPETS / "signing-key.sh").read_text()], cwd=tmp_path, env=made, check=True)
    return made


def upload(registry: str, *, tag: str) -> str:
    """Upload an image for two architectures, and return its digest."""
    with httpx.Client(base_url=f"http://{registry}/v2/{REPOSITORY}") as client:

        def put_blob(content: bytes) -> dict[str, object]:
            place = client.post("/blobs/uploads/").headers["location"]
            digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
            client.put(f"{place}&digest={digest}", content=content).raise_for_status()
            return {"digest": digest, "size": len(content)}

        def put_manifest(document: dict[str, object], name: str = "") -> dict[str, object]:
            content = json.dumps(document).encode()
            digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
            headers = {"Content-Type": str(document["mediaType"])}
            client.put(f"/manifests/{name or digest}", content=content, headers=headers).raise_for_status()
            return {"mediaType": document["mediaType"], "digest": digest, "size": len(content)}

        images = []
        for architecture in ("amd64", "arm64"):
            platform = {"os": "linux", "architecture": architecture}
            config = put_blob(json.dumps(platform | {"rootfs": {"type": "layers", "diff_ids": []}}).encode())
            config["mediaType"] = "application/vnd.oci.image.config.v1+json"
            image = put_manifest({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": []})
            images.append(image | {"platform": platform})
        index = put_manifest({"schemaVersion": 2, "mediaType": INDEX, "manifests": images}, tag)
    return str(index["digest"])


def sign(registry: str, digest: str, folder: Path, environ: dict[str, str]) -> None:
    job = yaml.safe_load((ROOT / ".gitlab-ci.yml").read_text("utf-8"))["attest"]
    given = environ | {
        "CI_REGISTRY": registry,
        "CI_REGISTRY_IMAGE": f"{registry}/{REPOSITORY}",
        "CI_REGISTRY_USER": "user",
        "CI_REGISTRY_PASSWORD": "password",
        "CI_SERVER_FQDN": "gitlab.example.com",
        "IMAGE_DIGEST": digest,
        "COSIGN_PRIVATE_KEY": (folder / "cosign.key").read_text(),
    }
    subprocess.run(["sh", "-ec", "\n".join(job["script"])], cwd=folder, env=given, check=True, timeout=60)


def verify(registry: str, version: str, folder: Path, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    snippet = (SNIPPETS / "verify-image-key.sh").read_text().replace("registry.example.com", registry)
    command = re.sub("(?<=^version=).*", version, snippet)
    return subprocess.run(
        ["sh", "-ec", command], cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=60
    )


def test_only_the_signed_image_passes_and_only_with_its_key(
    registry: str, environ: dict[str, str], tmp_path: Path
) -> None:
    digest = upload(registry, tag=VERSION)
    unsigned = verify(registry, VERSION, tmp_path, environ)
    assert unsigned.returncode != 0
    assert "no signatures found" in unsigned.stderr

    sign(registry, digest, tmp_path, environ)
    signed = verify(registry, VERSION, tmp_path, environ)
    assert signed.returncode == 0, signed.stderr
    assert digest in signed.stdout

    (tmp_path / "other").mkdir()
    subprocess.run(["cosign", "generate-key-pair"], cwd=tmp_path / "other", env=environ, check=True)
    shutil.copy(tmp_path / "other" / "cosign.pub", tmp_path / "cosign.pub")
    assert verify(registry, VERSION, tmp_path, environ).returncode != 0


def test_each_platform_is_signed(registry: str, environ: dict[str, str], tmp_path: Path) -> None:
    digest = upload(registry, tag=VERSION)
    sign(registry, digest, tmp_path, environ)
    index = httpx.get(f"http://{registry}/v2/{REPOSITORY}/manifests/{digest}", headers={"Accept": INDEX}).json()
    for image in index["manifests"]:
        reference = f"{registry}/{REPOSITORY}@{image['digest']}"
        command = ["cosign", "verify", "--key", "cosign.pub", "--private-infrastructure", reference]
        done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
