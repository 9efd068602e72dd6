"""A sandbox whose Argo CD trusts the ID tokens of a GitLab, configured with the files of the guide."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from sandbox.sandbox import Sandbox
from scenarios.dsl import web
from tests.support.identity import GitLab

SNIPPETS: Final = Path(__file__).parents[2] / "docs" / "snippets"
PROJECT: Final = "gitops-poc-dzha"
AUDIENCE: Final = "https://argocd.example.com"
ISSUER: Final = "https://gitlab.example.com"


def snippet(name: str) -> str:
    """Return a file of the guide by its path below ``docs/snippets``."""
    return (SNIPPETS / name).read_text("utf-8")


@dataclass(frozen=True, kw_only=True)
class Realm:
    """A sandbox and its GitLab. ``application`` is in the project of the guide, and ``foreign`` in another project."""

    sandbox: Sandbox
    gitlab: GitLab
    application: str
    foreign: str


@contextmanager
def realm(sandbox: Sandbox, gitlab: GitLab, way: str, addresses: dict[str, str]) -> Iterator[Realm]:
    """Configure Argo CD with the guide's ConfigMaps until the context ends.

    Args:
        sandbox: the sandbox.
        gitlab: the issuer of ID tokens.
        way: the guide's way to sign in, which is a part of the names of its files.
        addresses: replacements for the addresses in the files.
    """
    sandbox.project(PROJECT)
    names = f"keyless-{way}", f"keyless-{way}-foreign"
    for name, project in zip(names, (PROJECT, "default"), strict=True):
        repository = sandbox.repository(name)
        repository.commit(web("1"))
        sandbox.application(name, repository, project=project)
    patches = {name: _data(f"{name}-{way}.yaml", addresses) for name in ("argocd-cm", "argocd-rbac-cm")}
    for name, data in patches.items():
        _patch(sandbox, name, data)
    # Argo CD caches its OpenID Connect provider until a restart (argo-cd v2.13.2
    # util/session/sessionmanager.go:567-581).
    sandbox.part("argocd-server").restart()
    try:
        yield Realm(sandbox=sandbox, gitlab=gitlab, application=names[0], foreign=names[1])
    finally:
        for name, data in patches.items():
            _patch(sandbox, name, dict.fromkeys(data))
        sandbox.part("argocd-server").restart()


def _data(file: str, addresses: dict[str, str]) -> dict[str, Any]:
    text = snippet(f"kubernetes/{file}")
    for written, real in addresses.items():
        text = text.replace(written, real)
    found: dict[str, Any] = yaml.safe_load(text)["data"]
    return found


def _patch(sandbox: Sandbox, name: str, data: dict[str, Any]) -> None:
    sandbox.kubectl("patch", "configmap", name, "-n", "argocd", "--type", "merge", "-p", json.dumps({"data": data}))
