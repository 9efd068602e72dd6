"""Compare the reference of a container image with an expected one. All functions are pure."""

import re
from typing import Final

_DOCKER_HUB: Final = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
_DIGESTS: Final = ("sha256:", "sha512:")


def matches(wanted: str, image: str) -> bool:
    """Return True if the image is the wanted one.

    Args:
        wanted: a tag, a digest, or a reference that contains one or both. A reference without a registry matches the
            name in any registry, and a name without a folder matches in any folder.
        image: the reference of a container's image.
    """
    tag, digest = wanted.removeprefix(":"), wanted.removeprefix("@")
    name, known_tag, known_digest = parts(image)
    if digest.startswith(_DIGESTS):
        return digest == known_digest
    if not any(mark in tag for mark in ":/@"):
        return bool(tag) and tag == known_tag
    wanted_name, wanted_tag, wanted_digest = parts(wanted)
    if not (wanted_tag or wanted_digest) or not _is_same(wanted_name, name):
        return False
    if wanted_digest:
        # If an image reference has both a tag and a digest, Kustomize and Argo CD keep only the digest.
        return wanted_digest == known_digest and (not wanted_tag or known_tag in {"", wanted_tag})
    return wanted_tag == known_tag


def expected_tag(wanted: str) -> str:
    """Return the tag that the manifests must name for a wanted image, or "" if they do not have to name one.

    If a wanted image contains a digest, Kustomize and Argo CD leave the tag out of the manifests.
    """
    tag = wanted.removeprefix(":")
    if "@" in wanted or wanted.startswith(_DIGESTS):
        return ""
    return parts(wanted)[1] if any(mark in tag for mark in ":/") else tag


def names_tag(manifest: str, tag: str) -> bool:
    """Return True if the tag is somewhere in the manifest, also if it is not part of an image reference.

    The custom resource of an operator often has a separate field for the tag. Its name depends on the kind.

    Args:
        manifest: a manifest as JSON text, in which an escaped line break can precede the tag.
        tag: the tag. A longer word that contains it does not count.
    """
    return re.search(rf"(?:^|[^\w.-]|\\[nrt]){re.escape(tag)}(?![\w.-])", manifest, re.ASCII) is not None


def parts(image: str) -> tuple[str, str, str]:
    """Return the name, tag and digest of an image reference. A missing part is ""."""
    reference, _, digest = image.partition("@")
    name, colon, tag = reference.rpartition(":")
    # If a slash follows the colon, the colon separates the registry's host from its port. It does not begin a tag.
    return (name, tag, digest) if colon and "/" not in tag else (reference, "", digest)


def _is_same(wanted: str, name: str) -> bool:
    return _in_full(wanted) == _in_full(name) if _registry(wanted) else f"/{_in_full(name)}".endswith(f"/{wanted}")


def _registry(name: str) -> str:
    """Return the registry that an image name contains, by the rule of github.com/distribution/reference, or ""."""
    host, slash, _ = name.partition("/")
    return host if slash and ("." in host or ":" in host or host == "localhost") else ""


def _in_full(name: str) -> str:
    host = _registry(name)
    rest = name.removeprefix(f"{host}/") if host else name
    if host and host not in _DOCKER_HUB:
        return name
    return f"docker.io/{rest}" if "/" in rest else f"docker.io/library/{rest}"
