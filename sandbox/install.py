"""Install what Argo CD needs: credentials for the cluster, CRDs, ConfigMaps and Secrets."""

import base64
import json
import secrets
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

from sandbox import build, objects
from sandbox.commands import retry
from sandbox.kube_api import KubeAPI
from sandbox.layout import ADDRESS, Layout

NODE: Final = "node-1"
_FOLDERS: Final = (
    "home", "tmp", "logs", "pki", "tools", "data/tls", "data/ssh", "data/gpg/source", "data/gpg/keys", "data/plugins",
)  # fmt: skip
_CONFIG_MAPS: Final = (
    "argocd-cm", "argocd-rbac-cm", "argocd-cmd-params-cm", "argocd-ssh-known-hosts-cm", "argocd-tls-certs-cm",
    "argocd-gpg-keys-cm", "argocd-notifications-cm",
)  # fmt: skip
_SECRETS: Final = ("argocd-secret", "argocd-notifications-secret")


def prepare(layout: Layout) -> None:
    """Create the folders, scripts and credentials that the components read when they start."""
    folder = layout.folder
    for name in _FOLDERS:
        (folder / name).mkdir(parents=True, mode=0o700)
    # Make the script executable, because files in Go's module cache are not.
    script = shutil.copyfile(_source(layout) / "hack" / "git-verify-wrapper.sh", layout.tools / "git-verify-wrapper.sh")
    script.chmod(0o700)
    (folder / "tokens.csv").write_text(f"{layout.admin_token},admin,admin,system:masters\n")
    (folder / "service-account.key").write_text(_elliptic_key())
    for file, namespace in ((layout.kubeconfig, "default"), (layout.argocd_kubeconfig, "argocd")):
        file.write_text(json.dumps(_kubeconfig(layout, namespace)))
        file.chmod(0o600)


def install(layout: Layout, *, between: Callable[[], object]) -> None:
    """Create the objects that Argo CD needs before its components start. Call ``between`` between the steps."""
    api, crds = KubeAPI(layout), _crds(layout)
    # Retry each step, because an API server that is ready can still refuse its first requests.
    for name, text in crds.items():
        retry(partial(api.apply_crd, name, text), between=between)
        between()
    namespaces = [_object("v1", "Namespace", name, namespace="") for name in ("argocd", "default")]
    retry(lambda: api.apply(*namespaces, _node()), between=between)
    for name in crds:
        retry(partial(api.await_crd, name), between=between)
        between()
    found = [_object("v1", "ConfigMap", name) for name in _CONFIG_MAPS]
    found += [_object("v1", "Secret", name) for name in _SECRETS]
    found.append(_object("argoproj.io/v1alpha1", "AppProject", "default") | {"spec": objects.EVERYTHING})
    # The API server needs a moment until it serves the resources of an established CRD.
    retry(lambda: api.apply(*found), between=between)


def remove(folder: Path) -> None:
    """Remove the folder of a sandbox with all its content."""
    shutil.rmtree(folder, ignore_errors=True)


def _source(layout: Layout) -> Path:
    return build.module_folder(layout.release.module, layout.release.path)


def _crds(layout: Layout) -> dict[str, bytes]:
    """Return the CRDs of Argo CD and kwok as YAML, by their names."""
    argocd = _source(layout) / "manifests" / "crds"
    kinds = ("application", "appproject", "applicationset")
    found = {f"{kind}s.argoproj.io": argocd / f"{kind}-crd.yaml" for kind in kinds}
    kwok = build.module_folder("kwok", "sigs.k8s.io/kwok") / "kustomize" / "crd" / "bases"
    found |= {f"{kind}.kwok.x-k8s.io": kwok / f"kwok.x-k8s.io_{kind}.yaml" for kind in ("clusterlogs", "logs")}
    return {name: file.read_bytes() for name, file in found.items()}


def _object(version: str, kind: str, name: str, *, namespace: str = "argocd") -> dict[str, Any]:
    labels = {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "argocd"}
    metadata = {"name": name, "labels": labels} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": version, "kind": kind, "metadata": metadata}


def _node() -> dict[str, Any]:
    size = {"cpu": "1k", "memory": "1Ti", "pods": "10k"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": NODE, "labels": {"kubernetes.io/hostname": NODE}},
        "status": {"allocatable": size, "capacity": size},
    }


def _kubeconfig(layout: Layout, namespace: str) -> dict[str, Any]:
    server = f"https://{ADDRESS}:{layout.ports['kube-apiserver']}"
    context = {"cluster": "sandbox", "user": "admin", "namespace": namespace}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "sandbox", "cluster": {"server": server, "insecure-skip-tls-verify": True}}],
        "users": [{"name": "admin", "user": {"token": layout.admin_token}}],
        "contexts": [{"name": "sandbox", "context": context}],
        "current-context": "sandbox",
    }


def _elliptic_key() -> str:
    """Return a new private key for the curve P-256 as PEM (an ECPrivateKey of RFC 5915 without the public key)."""
    scalar = (secrets.randbits(255) + 1).to_bytes(32, "big")
    der = bytes.fromhex("30310201010420") + scalar + bytes.fromhex("a00a06082a8648ce3d030107")
    body = base64.encodebytes(der).decode().strip()
    return f"-----BEGIN EC PRIVATE KEY-----\n{body}\n-----END EC PRIVATE KEY-----\n"
