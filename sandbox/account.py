"""Create Argo CD accounts and their tokens with the commands of the guide."""

import base64
import json
import os
from typing import Any, Final

import yaml

from sandbox import commands
from sandbox.cluster import Cluster

CI_POLICY: Final = (
    "applications, get, */*, allow",
    "applications, sync, */*, allow",
    "projects, get, *, allow",
)
_OBJECTS: Final = "/api/v1/namespaces/argocd"


def trust(cluster: Cluster) -> None:
    """Write the API server's self-signed certificate to the file ``cluster.certificate``."""
    secret = cluster.get(f"{_OBJECTS}/secrets/argocd-secret")
    cluster.certificate.write_bytes(base64.b64decode(secret["data"]["tls.crt"]))


def login(cluster: Cluster) -> None:
    """Log in as admin with the initial password, and store the session in the sandbox's folder."""
    secret = cluster.get(f"{_OBJECTS}/secrets/argocd-initial-admin-secret")
    password = base64.b64decode(secret["data"]["password"]).decode()
    config = cluster.folder / "admin"
    environ = cluster.layout.environ(os.environ.get("PATH", "")) | {"ARGOCD_CONFIG_DIR": str(config)}
    # Without --insecure, `argocd login` prompts the user, because the system does not trust the certificate.
    options = ("--grpc-web", "--insecure", "--username", "admin", "--password", password)
    argocd = str(cluster.layout.programs["argocd"])
    # Retry, because the API server closes and reopens its port after it has generated its certificate and password.
    commands.retry(lambda: commands.run([argocd, "login", cluster.server, *options], environ=environ))
    cluster.admin_token = yaml.safe_load((config / "config").read_text())["users"][0]["auth-token"]


def create_ci_account(cluster: Cluster, name: str) -> str:
    """Create the read-only account of the guide, with its rights in ``policy.csv``, and return a token of it."""
    return create(cluster, name, CI_POLICY, key="policy.csv")


def create(cluster: Cluster, name: str, policy: tuple[str, ...], *, key: str = "") -> str:
    """Create an account and a role with these rights for it, and return a token of the account.

    Args:
        cluster: the cluster.
        name: the name of the account and the role.
        policy: the rights, such as ``applications, get, */*, allow``.
        key: the key in the ConfigMap argocd-rbac-cm; by default a separate key for the account.
    """
    _patch(cluster, "argocd-cm", {f"accounts.{name}": "apiKey,login", f"accounts.{name}.enabled": "true"})
    lines = [f"p, role:{name}, {rights}" for rights in policy] + [f"g, {name}, role:{name}"]
    # Argo CD combines the keys policy.csv and policy.NAME.csv (util/rbac/rbac.go).
    _patch(cluster, "argocd-rbac-cm", {key or f"policy.{name}.csv": "\n".join(lines) + "\n"})
    tokens: list[str] = []
    # Retry, because Argo CD needs a moment to notice that the ConfigMap has changed.
    commands.retry(lambda: tokens.append(cluster.argocd("account", "generate-token", "--account", name).strip()))
    return tokens[0]


def revoke(cluster: Cluster, name: str) -> None:
    """Delete all tokens of the account."""
    account = json.loads(cluster.argocd("account", "get", "--account", name, "-o", "json"))
    for token in account.get("tokens") or []:
        cluster.argocd("account", "delete-token", "--account", name, token["id"])


def _patch(cluster: Cluster, config_map: str, data: dict[str, Any]) -> None:
    cluster.merge(f"{_OBJECTS}/configmaps/{config_map}", {"data": data})
