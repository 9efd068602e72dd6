"""Faults in the environment of an application: in its cluster, its git server or its namespace."""

from collections.abc import Iterator
from typing import Any

from argocd_release.messages import verdict
from argocd_release.model.outcome import Outcome
from sandbox import manifests
from sandbox.application import IN_CLUSTER, Application
from sandbox.commands import retry
from sandbox.git_server import serving
from scenarios.dsl import Stage, literal, namespace, scenario, status, web

# An address at which no server listens.
NOWHERE = "https://127.0.0.1:9"
IMPATIENT = {"RELEASE_UNREACHABLE_GRACE": "10"}


@scenario(
    "a cluster that Argo CD cannot reach",
    Outcome.UNREACHABLE,
    ru="кластер, недоступный для Argo CD",
    cause="connection refused",
    max_seconds=40,
)
def destination_unreachable(stage: Stage) -> Iterator[None]:
    """The pods can be running, but Argo CD cannot see them, so the status of the release is unknown."""
    stage.settings |= IMPATIENT
    metadata = {"name": stage.name, "namespace": "argocd", "labels": {"argocd.argoproj.io/secret-type": "cluster"}}
    data = {"name": stage.name, "server": NOWHERE, "config": "{}"}
    stage.sandbox.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data})
    stage.deploy(web("1"), destination={"server": NOWHERE})
    yield


@scenario(
    "a cluster that Argo CD does not know",
    Outcome.SYNC_FAILED,
    ru="кластер, которого Argo CD не знает",
    cause="InvalidSpecError",
    max_seconds=20,
)
def cluster_unknown(stage: Stage) -> Iterator[None]:
    stage.deploy(web("1"), destination={"server": "https://nowhere.example.com"})
    yield


@scenario(
    "a git server that answers 500",
    Outcome.UNREACHABLE,
    ru="git-сервер отвечает 500",
    cause=literal(verdict.CANNOT_COMPARE),
    max_seconds=40,
)
def git_fails(stage: Stage) -> Iterator[None]:
    stage.settings |= IMPATIENT
    stage.commit(web("1"))
    with serving(stage.repository.folder.parent) as git:
        git.down = True
        source = stage.repository.source() | {"repoURL": git.url(stage.repository)}
        stage.application = stage.sandbox.application(stage.name, source)
        yield
        stage.wait_for_end_of_job()


@scenario(
    "a crash loop of an application in another namespace",
    Outcome.DEGRADED,
    ru="crash loop приложения вне неймспейса Argo CD",
    cause="CrashLoopBackOff",
    max_seconds=24,
)
def other_namespace_crash(stage: Stage) -> Iterator[None]:
    stage.deploy(web("1", fate="crash"), argocd_namespace="team-web")
    yield


@scenario(
    "a resource whose health nobody knows",
    Outcome.TIMED_OUT,
    ru="ресурс, health которого Argo CD не знает",
    cause="PersistentVolumeClaim/data: Unknown",
    max_seconds=18,
)
def health_unknown(stage: Stage) -> Iterator[None]:
    """Argo CD knows three phases of a claim, and reports the health of any other phase as Unknown."""
    stage.settings["RELEASE_TIMEOUT"] = "12"
    stage.deploy(web("1"), {"claim.yaml": manifests.claim("data", storage_class="none")})
    stage.until(lambda state: status(state, "sync", "status") == "Synced")
    phase = '--patch={"status": {"phase": "Released"}}'
    stage.sandbox.kubectl("patch", "pvc", "data", "-n", stage.name, "--subresource=status", "--type=merge", phase)
    stage.until(lambda state: status(state, "health", "status") == "Unknown")
    yield


@scenario(
    "an application that waits for its step of a progressive sync",
    Outcome.TIMED_OUT,
    ru="приложение ждёт своего шага progressive sync",
    cause=literal(verdict.WHY_APPLICATION_SET),
    max_seconds=20,
    parts=("applicationset-controller",),
)
def progressive_sync(stage: Stage) -> Iterator[None]:
    """The application of the earlier step does not become Healthy."""
    stage.settings["RELEASE_TIMEOUT"] = "12"
    files = {f"first/{path}": text for path, text in web("1", fate="never-ready").items()}
    stage.commit(files | {f"second/{path}": text for path, text in web("1", name="other").items()})
    stage.sandbox.apply(namespace(stage.name), _set(stage.name, stage.repository.source("{{path}}")))
    first = Application(cluster=stage.sandbox, name=f"{stage.name}-first", namespace=stage.name)
    stage.application = Application(cluster=stage.sandbox, name=stage.name, namespace=stage.name)
    for each in (first, stage.application):
        # Retry, because the controller has just started.
        retry(each.get, 40)
    first.wait_for(lambda state: status(state, "health", "status") == "Progressing", 60)
    stage.until(lambda state: status(state, "sync", "status") == "OutOfSync")
    yield


def _set(name: str, source: dict[str, Any]) -> dict[str, Any]:
    steps = {"first": f"{name}-first", "second": name}
    elements = [{"app": app, "path": path} for path, app in steps.items()]
    destination = {"server": IN_CLUSTER, "namespace": name}
    template = {
        "metadata": {"name": "{{app}}", "labels": {"step": "{{path}}"}},
        "spec": {"project": "default", "source": source, "destination": destination, "syncPolicy": {"automated": {}}},
    }
    rolling = [{"matchExpressions": [{"key": "step", "operator": "In", "values": [step]}]} for step in steps]
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "ApplicationSet",
        "metadata": {"name": name, "namespace": "argocd"},
        "spec": {
            "generators": [{"list": {"elements": elements}}],
            "strategy": {"type": "RollingSync", "rollingSync": {"steps": rolling}},
            "template": template,
        },
    }
