"""The ground under Argo CD: credentials of the cluster, its CRDs, and the objects Argo CD expects to find."""

import base64
import json
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from sandbox import build, objects
from sandbox.link import SandboxError
from sandbox.parts import ADDRESS, World, get

CALL_SECONDS: Final = 30.0
NODE: Final = "node-1"


class CommandError(SandboxError):
    """A command of the sandbox failed; the message has the command and what it said."""


def run(command: list[str], *, environ: dict[str, str], stdin: str = "", cwd: Path | None = None) -> str:
    """What the command prints; raises ``CommandError``, also when it takes longer than 30 s or is not there."""
    shown = " ".join([Path(command[0]).name, *command[1:]])
    try:
        done = subprocess.run(
            command,
            env=environ,
            cwd=cwd,
            input=stdin,
            capture_output=True,
            text=True,
            # A log may have printed anything.
            encoding="utf-8",
            errors="replace",
            timeout=CALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise CommandError(f"{shown}: no end after {CALL_SECONDS:.0f} s") from error
    except FileNotFoundError as error:
        raise CommandError(f"{shown}: there is no {command[0]} on this machine") from error
    if done.returncode:
        raise CommandError(f"{shown} ended with exit code {done.returncode}:\n{(done.stderr or done.stdout).strip()}")
    return done.stdout


def retry(action: Callable[[], object], seconds: float = 10.0, *, between: Callable[[], object] = lambda: None) -> None:
    """Repeat until there is no ``CommandError``; the last one is raised, and whatever ``between`` raises at once."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            action()
        except CommandError:
            between()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


def kubectl(world: World, *arguments: str, stdin: str = "") -> str:
    """What kubectl prints; raises ``CommandError``."""
    environ = {
        "PATH": os.environ.get("PATH", ""),
        "HOME": str(world.folder / "home"),
        "KUBECONFIG": str(world.kubeconfig),
    }
    return run([str(world.programs["kubectl"]), *arguments], environ=environ, stdin=stdin)


def fetch(world: World, path: str) -> dict[str, Any]:
    """The object at a path of the Kubernetes API, without the price of a kubectl; raises ``CommandError``."""
    url = f"https://{ADDRESS}:{world.ports['kube-apiserver']}{path}"
    try:
        found: dict[str, Any] = json.loads(get(url, token=world.admin_token, seconds=CALL_SECONDS))
    except (OSError, ValueError) as error:
        raise CommandError(f"GET {path}: {error}") from error
    return found


def apply(world: World, *objects: dict[str, Any]) -> None:
    """Apply the objects; raises ``CommandError``."""
    listing = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
    options = ("--server-side", "--force-conflicts", "--validate=false", "--field-manager=sandbox")
    kubectl(world, "apply", *options, "-f", "-", stdin=json.dumps(listing))


def prepare(world: World) -> None:
    """Make the folders and credentials that the parts read when they start."""
    folder = world.folder
    for name in (
        "home",
        "tmp",
        "logs",
        "pki",
        "data/tls",
        "data/ssh",
        "data/gpg/source",
        "data/gpg/keys",
        "data/plugins",
    ):
        (folder / name).mkdir(parents=True, mode=0o700)
    (folder / "tokens.csv").write_text(f"{world.admin_token},admin,admin,system:masters\n")
    (folder / "service-account.key").write_text(_elliptic_key())
    for file, namespace in ((world.kubeconfig, "default"), (world.argocd_kubeconfig, "argocd")):
        file.write_text(json.dumps(_kubeconfig(world, namespace)))
        file.chmod(0o600)


def install(world: World, *, between: Callable[[], object]) -> None:
    """Put into the cluster what Argo CD needs before its own parts start; ``between`` is called between steps."""
    crds = build.module_folder("argocd", "github.com/argoproj/argo-cd/v2") / "manifests" / "crds"
    files = [f"--filename={crds / name}-crd.yaml" for name in ("application", "appproject", "applicationset")]
    of_kwok = build.module_folder("kwok", "sigs.k8s.io/kwok") / "kustomize" / "crd" / "bases"
    files += [f"--filename={of_kwok / name}.yaml" for name in ("kwok.x-k8s.io_clusterlogs", "kwok.x-k8s.io_logs")]
    # An API server that is ready still builds the first answers for its clients, so each step may be repeated.
    retry(lambda: kubectl(world, "apply", "--server-side", "--validate=false", *files), between=between)
    between()
    namespaces = [_object("v1", "Namespace", name, namespace="") for name in ("argocd", "default")]
    retry(lambda: apply(world, *namespaces, _node()), between=between)
    retry(lambda: kubectl(world, "wait", "--for=condition=established", "--timeout=20s", *files), between=between)
    between()
    maps = ("argocd-cm", "argocd-rbac-cm", "argocd-cmd-params-cm", "argocd-ssh-known-hosts-cm", "argocd-tls-certs-cm",
            "argocd-gpg-keys-cm")  # fmt: skip
    found = [_object("v1", "ConfigMap", name) for name in maps] + [_object("v1", "Secret", "argocd-secret")]
    found.append(_object("argoproj.io/v1alpha1", "AppProject", "default") | {"spec": objects.EVERYTHING})
    # An established CRD is served a moment later.
    retry(lambda: apply(world, *found), between=between)


def remove(folder: Path) -> None:
    """Remove the sandbox's folder, with all that was in it."""
    shutil.rmtree(folder, ignore_errors=True)


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


def _kubeconfig(world: World, namespace: str) -> dict[str, Any]:
    server = f"https://{ADDRESS}:{world.ports['kube-apiserver']}"
    context = {"cluster": "sandbox", "user": "admin", "namespace": namespace}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "sandbox", "cluster": {"server": server, "insecure-skip-tls-verify": True}}],
        "users": [{"name": "admin", "user": {"token": world.admin_token}}],
        "contexts": [{"name": "sandbox", "context": context}],
        "current-context": "sandbox",
    }


def _elliptic_key() -> str:
    """A new private key on P-256, as PEM: RFC 5915's ECPrivateKey without the optional public half."""
    scalar = (secrets.randbits(255) + 1).to_bytes(32, "big")
    der = bytes.fromhex("30310201010420") + scalar + bytes.fromhex("a00a06082a8648ce3d030107")
    body = base64.encodebytes(der).decode().strip()
    return f"-----BEGIN EC PRIVATE KEY-----\n{body}\n-----END EC PRIVATE KEY-----\n"
