"""Accounts of Argo CD and their tokens, set up with the very commands of the guide."""

import base64
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from sandbox import cluster

if TYPE_CHECKING:
    from sandbox.sandbox import Sandbox

CI_POLICY: Final = (
    "applications, get, */*, allow",
    "applications, sync, */*, allow",
    "projects, get, *, allow",
)


def login(sandbox: "Sandbox") -> None:
    """Log in as admin with the initial password, as ``argocd login`` does; keeps the session in the folder."""
    secret = sandbox.kubectl("get", "secret", "argocd-initial-admin-secret", "-n", "argocd", "-o", "json")
    password = base64.b64decode(json.loads(secret)["data"]["password"]).decode()
    config = sandbox.folder / "admin"
    environ = {"HOME": str(sandbox.folder / "home"), "TMPDIR": str(sandbox.folder / "tmp")}
    environ |= {"ARGOCD_CONFIG_DIR": str(config), "PATH": os.environ.get("PATH", "")}
    # Without --insecure `argocd login` asks on a terminal about a certificate that is not the system's, given or not.
    options = ("--grpc-web", "--insecure", "--username", "admin", "--password", password)
    argocd = str(sandbox.world.programs["argocd"])
    # The API server closes and opens its port once more when it has written its own certificate and password.
    cluster.retry(lambda: cluster.run([argocd, "login", sandbox.server, *options], environ=environ))
    token = yaml.safe_load((config / "config").read_text())["users"][0]["auth-token"]
    (sandbox.folder / "admin.token").touch(mode=0o600)
    (sandbox.folder / "admin.token").write_text(token)


def admin_token(folder: Path) -> str:
    return (folder / "admin.token").read_text()


def create_ci_account(sandbox: "Sandbox", name: str) -> str:
    """The read-only account of the guide, in the very place where the guide puts its rights; gives a token."""
    return create(sandbox, name, CI_POLICY, key="policy.csv")


def create(sandbox: "Sandbox", name: str, policy: tuple[str, ...], *, key: str = "") -> str:
    """A new account with a role of its own that has these rights; gives a token.

    The rights go to ``key`` of the ConfigMap argocd-rbac-cm, by default to one of the account's own.
    """
    _patch(sandbox, "argocd-cm", {f"accounts.{name}": "apiKey,login", f"accounts.{name}.enabled": "true"})
    lines = [f"p, role:{name}, {rights}" for rights in policy] + [f"g, {name}, role:{name}"]
    # Argo CD joins policy.csv and all keys of the form policy.NAME.csv (util/rbac/rbac.go).
    _patch(sandbox, "argocd-rbac-cm", {key or f"policy.{name}.csv": "\n".join(lines) + "\n"})
    return sandbox.argocd("account", "generate-token", "--account", name).strip()


def revoke(sandbox: "Sandbox", name: str) -> None:
    """Delete every token of the account."""
    account = json.loads(sandbox.argocd("account", "get", "--account", name, "-o", "json"))
    for token in account.get("tokens") or []:
        sandbox.argocd("account", "delete-token", "--account", name, token["id"])


def _patch(sandbox: "Sandbox", config_map: str, data: dict[str, Any]) -> None:
    patch = json.dumps({"data": data})
    sandbox.kubectl("patch", "configmap", config_map, "-n", "argocd", "--type", "merge", "-p", patch)
