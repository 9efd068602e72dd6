"""Applications that manage other applications. The parent is that of the stage, and the job waits for all of them."""

import json
from collections.abc import Iterator
from typing import Any

from argocd_release.model.outcome import Outcome
from sandbox.application import Application
from sandbox.git import Repository
from scenarios.dsl import IMAGE, Files, Stage, namespace, scenario, status, web
from scenarios.groups import reader


def child(stage: Stage, name: str, *files: Files, namespace: str = "argocd", **options: Any) -> dict[str, str | None]:
    """Return a file for the parent's repository with a child application. ``files`` are the child's resources."""
    full = f"{stage.name}-{name}"
    repository = stage.sandbox.repository(full)
    repository.commit({path: text for each in files or (web("1", **options),) for path, text in each.items()})
    return application_of(full, repository, namespace=namespace)


def application_of(name: str, repository: Repository, *, namespace: str = "argocd") -> dict[str, str | None]:
    spec = {
        "project": "default",
        "source": repository.source("."),
        "destination": {"server": "https://kubernetes.default.svc", "namespace": name},
        "syncPolicy": {"automated": {}, "syncOptions": ["CreateNamespace=true"]},
    }
    kind = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application"}
    return {f"{name}.yaml": json.dumps(kind | {"metadata": {"name": name, "namespace": namespace}, "spec": spec})}


def parent(stage: Stage, *children: Files, **settings: str) -> None:
    """Deploy the application of the stage as a parent, and configure the job to wait for its children."""
    stage.deploy(*children)
    stage.delivered_when = None
    stage.settings |= {"RELEASE_CHILDREN": "true", **settings}


@scenario(
    "an application of applications with its children",
    Outcome.DELIVERED,
    ru="app of apps с дочерними приложениями",
    max_seconds=30,
)
def group_children(stage: Stage) -> Iterator[None]:
    parent(stage, child(stage, "a"), child(stage, "b"), RELEASE_EXPECTED_COUNT="3", RELEASE_APPEAR_TIMEOUT="30")
    yield


@scenario(
    "RELEASE_IMAGE of an application of applications, which its child runs",
    Outcome.DELIVERED,
    ru="RELEASE_IMAGE у app of apps: образ работает в дочернем приложении",
    max_seconds=30,
)
def group_children_image(stage: Stage) -> Iterator[None]:
    """The parent has no pods, so it cannot prove the image itself."""
    expected = {"RELEASE_IMAGE": f"{IMAGE}:1", "RELEASE_EXPECTED_COUNT": "2", "RELEASE_APPEAR_TIMEOUT": "30"}
    parent(stage, child(stage, "a"), **expected)
    yield


@scenario("children of children", Outcome.DELIVERED, ru="дочерние приложения дочерних", max_seconds=40)
def group_nested(stage: Stage) -> Iterator[None]:
    inner = child(stage, "inner", child(stage, "leaf"))
    parent(stage, inner, RELEASE_EXPECTED_COUNT="3", RELEASE_APPEAR_TIMEOUT="40")
    yield


def set_of_children(stage: Stage) -> Files:
    """Return an ApplicationSet of two applications, of which the second crashes."""
    made = {
        "good": stage.sandbox.repository(f"{stage.name}-good"),
        "bad": stage.sandbox.repository(f"{stage.name}-bad"),
    }
    made["good"].commit(web("1"))
    made["bad"].commit(web("1", fate="crash"))
    elements = [
        {"app": f"{stage.name}-{name}", "url": str(repository.source(".")["repoURL"])}
        for name, repository in made.items()
    ]
    template = {
        "metadata": {"name": "{{app}}"},
        "spec": {
            "project": "default",
            "source": made["good"].source(".") | {"repoURL": "{{url}}"},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "{{app}}"},
            "syncPolicy": {"automated": {}, "syncOptions": ["CreateNamespace=true"]},
        },
    }
    manifest = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "ApplicationSet",
        "metadata": {"name": stage.name, "namespace": "argocd"},
        "spec": {"generators": [{"list": {"elements": elements}}], "template": template},
    }
    return {"set.yaml": json.dumps(manifest)}


@scenario(
    "a child made by an ApplicationSet of the parent crashes",
    Outcome.DEGRADED,
    ru="дочернее приложение, созданное ApplicationSet родителя, в crash loop",
    cause="-bad:",
    max_seconds=45,
    parts=("applicationset-controller",),
)
def group_set_child_crashes(stage: Stage) -> Iterator[None]:
    parent(stage, set_of_children(stage), RELEASE_POD_GRACE="3")
    yield


@scenario(
    "an ApplicationSet of the parent makes its applications late",
    Outcome.DEGRADED,
    ru="ApplicationSet родителя создаёт приложения с опозданием",
    cause="-bad:",
    max_seconds=60,
    exclusive=True,
    parts=("applicationset-controller",),
)
def group_set_is_late(stage: Stage) -> Iterator[None]:
    """Argo CD 2.13 reports the ApplicationSet as Healthy before its controller has processed it."""
    with stage.sandbox.part("applicationset-controller").paused():
        parent(stage, set_of_children(stage), RELEASE_POD_GRACE="3")
        policy = ("applications, get, */*, allow", "projects, get, *, allow", "applicationsets, get, */*, allow")
        stage.settings["ARGOCD_AUTH_TOKEN"] = stage.sandbox.token(stage.name, policy)
        yield
        stage.until(lambda state: status(state, "sync", "status") == "Synced", 40)
        stage.sleep(10)


@scenario(
    "a child of a child crashes",
    Outcome.DEGRADED,
    ru="дочернее приложение дочернего в crash loop",
    cause="leaf",
    max_seconds=45,
)
def group_leaf_crashes(stage: Stage) -> Iterator[None]:
    parent(stage, child(stage, "inner", child(stage, "leaf", fate="crash")), RELEASE_POD_GRACE="3")
    yield


@scenario(
    "a child whose target its parent changes, to one that crashes",
    Outcome.DEGRADED,
    ru="родитель меняет версию дочернего приложения на неработающую",
    cause="-a:",
    max_seconds=45,
)
def group_child_is_changed(stage: Stage) -> Iterator[None]:
    """Before the parent is synced, the child is Synced and Healthy with its old spec."""
    old = child(stage, "a")
    stage.deployed(old)
    stage.settings |= {"RELEASE_CHILDREN": "true", "RELEASE_POD_GRACE": "3"}
    a = Application(
        cluster=stage.sandbox, name=f"{stage.name}-a", namespace=f"{stage.name}-a", argocd_namespace="argocd"
    )
    a.wait_for(lambda state: bool(status(state, "health", "status") == "Healthy"), 60)
    other = stage.sandbox.repository(f"{stage.name}-other")
    other.commit(web("2", fate="crash"))
    stage.commit(application_of(f"{stage.name}-a", other))
    stage.delivered_when = None
    yield


@scenario(
    "a child that the release takes away", Outcome.DELIVERED, ru="релиз убирает дочернее приложение", max_seconds=45
)
def group_child_removed(stage: Stage) -> Iterator[None]:
    stage.deployed(child(stage, "a"), child(stage, "b"))
    for name in ("a", "b"):
        full = f"{stage.name}-{name}"
        made = Application(cluster=stage.sandbox, name=full, namespace=full, argocd_namespace="argocd")
        made.wait_for(lambda state: bool(status(state, "health", "status") == "Healthy"), 60)
    stage.commit({f"{stage.name}-b.yaml": None})
    stage.delivered_when = None
    stage.settings |= {"RELEASE_CHILDREN": "true", "RELEASE_EXPECTED_COUNT": "2"}
    yield


@scenario(
    "applications that manage each other", Outcome.DELIVERED, ru="приложения, управляющие друг другом", max_seconds=40
)
def group_cycle(stage: Stage) -> Iterator[None]:
    ring = application_of(stage.name, stage.repository)
    parent(stage, child(stage, "a", ring, web("1")), web("1"), RELEASE_EXPECTED_COUNT="2", RELEASE_APPEAR_TIMEOUT="30")
    yield


@scenario(
    "a child in another namespace",
    Outcome.DELIVERED,
    ru="дочернее приложение в другом namespace",
    cause="team-x/",
    max_seconds=40,
)
def group_child_elsewhere(stage: Stage) -> Iterator[None]:
    stage.sandbox.apply(namespace("team-x"))
    parent(stage, child(stage, "a", namespace="team-x"), RELEASE_EXPECTED_COUNT="2", RELEASE_APPEAR_TIMEOUT="30")
    yield


@scenario(
    "a child that the token may not see",
    Outcome.DENIED,
    ru="дочернее приложение, на которое у токена нет прав",
    cause="permission denied: applications, get",
    max_seconds=40,
)
def group_child_hidden(stage: Stage) -> Iterator[None]:
    reader(stage, stage.name)
    parent(stage, child(stage, "a"))
    yield
