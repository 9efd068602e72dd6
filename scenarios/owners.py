"""Applications whose spec another object defines: a parent application, its parent, or an ApplicationSet."""

import json
from collections.abc import Iterator
from typing import Any

from argocd_release.messages import verdict
from argocd_release.model.outcome import Outcome
from sandbox import manifests
from sandbox.application import ARGOCD, IN_CLUSTER, Application, State
from scenarios.dsl import IMAGE, Files, Stage, literal, scenario, status

APPLICATION = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application"}
APPLICATION_SET = {"apiVersion": "argoproj.io/v1alpha1", "kind": "ApplicationSet"}
NOTE = literal(verdict.OWNER_CAVEAT)


def runs(tag: str) -> Any:
    """Return a predicate for states that are Synced and Healthy, and in which only the image with this tag runs."""

    def holds(state: State) -> bool:
        sync, health = status(state, "sync", "status"), status(state, "health", "status")
        return (sync, health) == ("Synced", "Healthy") and status(state, "summary", "images") == [f"{IMAGE}:{tag}"]

    return holds


def spec(stage: Stage, name: str, path: str, **helm: str) -> dict[str, Any]:
    """Return the spec of an application that deploys a chart in the stage's repository with these values."""
    source = stage.repository.source(path)
    if helm:
        source["helm"] = {"parameters": [{"name": key, "value": value} for key, value in helm.items()]}
    return {
        "project": "default",
        "source": source,
        "destination": {"server": IN_CLUSTER, "namespace": name},
        "syncPolicy": {"automated": {}, "syncOptions": ["CreateNamespace=true"]},
    }


def child(stage: Stage, tag: str) -> Files:
    """Return the files of the child's chart and of its Application, whose spec contains the tag."""
    metadata = {"name": stage.name, "namespace": ARGOCD}
    manifest = APPLICATION | {"metadata": metadata, "spec": spec(stage, stage.name, "chart", **{"image.tag": tag})}
    chart = manifests.helm_chart("web", "1.0.0", f"{IMAGE}:0", folder="chart")
    return {"apps/child.yaml": json.dumps(manifest), **chart}


def owned(stage: Stage) -> Application:
    """Return the application of the stage, which its owner creates."""
    stage.application = Application(
        cluster=stage.sandbox, name=stage.name, namespace=stage.name, argocd_namespace=ARGOCD
    )
    return stage.application


def parented(stage: Stage) -> str:
    """Deploy a child that runs tag 1, push a commit that changes its spec to tag 2, and return the commit."""
    stage.commit(child(stage, "1"))
    stage.sandbox.application(f"{stage.name}-parent", stage.repository, path="apps", namespace=ARGOCD)
    wait_for_child(stage)
    revision = stage.commit(child(stage, "2"))
    stage.delivered_when = runs("2")
    return revision


def wait_for_child(stage: Stage) -> None:
    """Wait until the owner has created the child, and the child runs tag 1."""
    owned(stage)
    deadline = 60
    while deadline and not stage.sandbox.kubectl("get", "application", stage.name, "-n", ARGOCD, "--ignore-not-found"):
        stage.sleep(1)
        deadline -= 1
    stage.until(runs("1"), 60)


@scenario(
    "the parent application holds the image tag, and has not compared yet",
    Outcome.DELIVERED,
    ru="тег образа хранит родительское приложение, и оно ещё не сравнивалось с git",
    max_seconds=25,
)
def owner_parent(stage: Stage) -> Iterator[None]:
    stage.settings["RELEASE_REVISION"] = parented(stage)
    yield


@scenario(
    "the parent application holds the expected image",
    Outcome.DELIVERED,
    ru="ожидаемый образ задан в родительском приложении",
    max_seconds=25,
)
def owner_parent_image(stage: Stage) -> Iterator[None]:
    parented(stage)
    stage.settings["RELEASE_IMAGE"] = f"{IMAGE}:2"
    yield


@scenario(
    "the parent of the parent holds the image tag",
    Outcome.DELIVERED,
    ru="тег образа хранит родитель родителя",
    max_seconds=40,
)
def owner_grandparent(stage: Stage) -> Iterator[None]:
    """The root application passes a tag to the parent, which passes it to the child."""
    template = APPLICATION | {
        "metadata": {"name": stage.name, "namespace": ARGOCD},
        "spec": spec(stage, stage.name, "chart", **{"image.tag": "{{ .Values.tag }}"}),
    }
    chart = manifests.helm_chart("web", "1.0.0", f"{IMAGE}:0", folder="chart")
    apps = {
        "apps/Chart.yaml": json.dumps({"apiVersion": "v2", "name": "apps", "version": "1.0.0"}),
        "apps/templates/child.yaml": json.dumps(template),
    }

    def root(tag: str) -> Files:
        name = f"{stage.name}-parent"
        inner = APPLICATION | {
            "metadata": {"name": name, "namespace": ARGOCD},
            "spec": spec(stage, ARGOCD, "apps", tag=tag),
        }
        return {"root/parent.yaml": json.dumps(inner)}

    stage.commit(chart, apps, root("1"))
    stage.sandbox.application(f"{stage.name}-root", stage.repository, path="root", namespace=ARGOCD)
    wait_for_child(stage)
    stage.settings["RELEASE_REVISION"] = stage.commit(root("2"))
    stage.delivered_when = runs("2")
    yield


@scenario(
    "a parent application that the token cannot see",
    Outcome.DELIVERED,
    ru="родительское приложение, которого токен не видит",
    cause=NOTE,
)
def owner_hidden(stage: Stage) -> Iterator[None]:
    """The token cannot see the owner. The release succeeds, and its log says what this does not prove."""
    stage.commit(child(stage, "1"))
    project = stage.sandbox.project(f"{stage.name}-owners")
    stage.sandbox.application(f"{stage.name}-parent", stage.repository, path="apps", namespace=ARGOCD, project=project)
    wait_for_child(stage)
    policy = ("applications, get, default/*, allow", "projects, get, *, allow")
    stage.settings["ARGOCD_AUTH_TOKEN"] = stage.sandbox.token(stage.name, policy)
    stage.settings["RELEASE_REVISION"] = stage.repository.git("rev-parse", "HEAD").strip()
    stage.delivered_when = runs("1")
    yield


def application_set(stage: Stage, generator: dict[str, Any], tag: str) -> None:
    """Create an ApplicationSet that generates one application, and wait for that application."""
    template = {
        "metadata": {"name": stage.name},
        "spec": spec(stage, stage.name, "chart", **{"image.tag": tag}),
    }
    metadata = {"name": f"{stage.name}-set", "namespace": ARGOCD}
    stage.sandbox.apply(
        APPLICATION_SET | {"metadata": metadata, "spec": {"generators": [generator], "template": template}}
    )
    wait_for_child(stage)


@scenario(
    "an ApplicationSet that the token cannot see",
    Outcome.DELIVERED,
    ru="ApplicationSet, которого токен не видит",
    cause=NOTE,
    parts=("applicationset-controller",),
)
def owner_set_hidden(stage: Stage) -> Iterator[None]:
    stage.settings["RELEASE_REVISION"] = stage.commit(
        manifests.helm_chart("web", "1.0.0", f"{IMAGE}:0", folder="chart")
    )
    application_set(stage, {"list": {"elements": [{"tag": "1"}]}}, "{{tag}}")
    policy = ("applications, get, */*, allow", "projects, get, *, allow")
    stage.settings["ARGOCD_AUTH_TOKEN"] = stage.sandbox.token(stage.name, policy)
    stage.delivered_when = runs("1")
    yield


@scenario(
    "an ApplicationSet that no commit changes, and RELEASE_OWNER=strict",
    Outcome.DELIVERED,
    ru="ApplicationSet, который не меняют коммиты, и RELEASE_OWNER=strict",
    cause="RELEASE SUCCESSFUL",
    parts=("applicationset-controller",),
)
def owner_set_of_a_list(stage: Stage) -> Iterator[None]:
    stage.settings["RELEASE_REVISION"] = stage.commit(
        manifests.helm_chart("web", "1.0.0", f"{IMAGE}:0", folder="chart")
    )
    application_set(stage, {"list": {"elements": [{"tag": "1"}]}}, "{{tag}}")
    policy = ("applications, get, */*, allow", "projects, get, *, allow", "applicationsets, get, */*, allow")
    stage.settings |= {"ARGOCD_AUTH_TOKEN": stage.sandbox.token(stage.name, policy), "RELEASE_OWNER": "strict"}
    stage.delivered_when = runs("1")
    yield
