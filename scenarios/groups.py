"""Jobs for several applications. The first is that of the stage, and the names of the others begin with its name."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

from argocd_release.messages import argocd, verdict
from argocd_release.model.outcome import Outcome
from sandbox.application import Application, State, delivered
from sandbox.git import Repository
from scenarios.dsl import IMAGE, Files, Stage, literal, namespace, scenario, status, web
from scenarios.operations import superseded

LABEL = "team"


def add(
    stage: Stage, *names: str, retry_limit: int | None = None, project: str = "default", **pods: Any
) -> list[Application]:
    """Create more applications with the label of the stage, each with a separate repository and namespace."""
    made = []
    for name in names:
        full = f"{stage.name}-{name}"
        repository = stage.sandbox.repository(full)
        repository.commit(web("1", **pods))
        options: dict[str, Any] = {"labels": {LABEL: stage.name}, "retry_limit": retry_limit, "project": project}
        made.append(stage.sandbox.application(full, repository, **options))
    return made


def chosen(stage: Stage, **settings: str) -> None:
    stage.settings |= {"ARGOCD_APP_NAME": "", "RELEASE_SELECTOR": f"{LABEL}={stage.name}", **settings}


def named(stage: Stage, *names: str) -> None:
    stage.settings["ARGOCD_APP_NAME"] = " ".join(f"{stage.name}-{name}" for name in names)


def synced(state: State) -> bool:
    return bool(status(state, "sync", "status") == "Synced")


def compared_since_synced(state: State) -> bool:
    finished, compared = status(state, "operationState", "finishedAt"), status(state, "reconciledAt")
    return synced(state) and bool(finished and compared and compared >= finished)


def looked_at(application: Application) -> Callable[[], None]:
    """Return a function that waits until Argo CD has compared the application for the job.

    The times that Argo CD reports are in whole seconds, so the comparison must be a second later.
    """
    application.wait_for(compared_since_synced, 60)
    # Argo CD still compares the result of the application's own sync.
    time.sleep(3)
    before = status(application.get(), "reconciledAt")
    time.sleep(1.1)

    def wait() -> None:
        application.wait_for(lambda state: bool(status(state, "reconciledAt") > before), 60)
        time.sleep(1)

    return wait


@scenario("several names, all delivered", Outcome.DELIVERED, ru="несколько имён, все приложения доставлены")
def group_named(stage: Stage) -> Iterator[None]:
    add(stage, "a", "b", "c")
    named(stage, "a", "b", "c")
    yield


@scenario("a selector, all delivered", Outcome.DELIVERED, ru="селектор, все приложения доставлены")
def group_selected(stage: Stage) -> Iterator[None]:
    add(stage, "a", "b")
    chosen(stage, RELEASE_EXPECTED_COUNT="2")
    yield


@scenario(
    "one of several crashes, the others are delivered",
    Outcome.DEGRADED,
    ru="одно приложение группы в crash loop, остальные доставлены",
    max_seconds=35,
)
def group_one_crashes(stage: Stage) -> Iterator[None]:
    add(stage, "a", "b")
    add(stage, "crash", fate="crash")
    chosen(stage)
    yield


@scenario(
    "one of several crashes, and ends the job",
    Outcome.DEGRADED,
    ru="одно приложение группы в crash loop завершает джоб",
    max_seconds=35,
)
def group_stops(stage: Stage) -> Iterator[None]:
    add(stage, "a", fate="slow")
    add(stage, "crash", fate="crash")
    chosen(stage, RELEASE_ON_FAILURE="stop", RELEASE_POD_GRACE="1")
    yield


@scenario(
    "a selector that matches nothing",
    Outcome.MISSING,
    ru="селектор, который ничего не находит",
    cause=literal(verdict.COUNT, found=0),
)
def group_empty(stage: Stage) -> Iterator[None]:
    chosen(stage)
    yield


@scenario(
    "fewer applications than expected",
    Outcome.MISSING,
    ru="приложений меньше, чем ожидалось",
    cause=literal(verdict.COUNT, found=1),
)
def group_too_few(stage: Stage) -> Iterator[None]:
    add(stage, "a")
    chosen(stage, RELEASE_EXPECTED_COUNT="2+")
    yield


@scenario(
    "an application that appears while the others are waited for",
    Outcome.DELIVERED,
    ru="приложение появляется, пока джоб ждёт остальные",
    max_seconds=25,
)
def group_appears(stage: Stage) -> Iterator[None]:
    add(stage, "a")
    chosen(stage, RELEASE_EXPECTED_COUNT="2", RELEASE_APPEAR_TIMEOUT="40")
    yield
    stage.sleep(4)
    add(stage, "b")


@scenario(
    "one of several names does not exist",
    Outcome.MISSING,
    ru="одного из названных приложений нет",
    cause=literal(argocd.APPLICATION_MISSING),
    max_seconds=25,
)
def group_one_missing(stage: Stage) -> Iterator[None]:
    add(stage, "a")
    named(stage, "a", "nobody")
    yield


@scenario(
    "one of several is deleted while it is waited for",
    Outcome.MISSING,
    ru="одно приложение группы удаляют, пока джоб ждёт",
    max_seconds=40,
)
def group_one_vanishes(stage: Stage) -> Iterator[None]:
    add(stage, "a")
    (gone,) = add(stage, "b", fate="never-ready")
    chosen(stage, RELEASE_DELETED_GRACE="3")
    seen = looked_at(gone)
    yield
    seen()
    gone.delete()


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


def expected(stage: Stage, applications: dict[str, dict[str, str]]) -> None:
    """Write a file of expectations for applications, which are given by the ends of their names."""
    file = stage.sandbox.folder / f"{stage.name}.json"
    file.write_text(json.dumps({f"{stage.name}{end}": each for end, each in applications.items()}))
    stage.settings["RELEASE_EXPECTATIONS"] = str(file)


@scenario(
    "an application of applications with its children",
    Outcome.DELIVERED,
    ru="app of apps с дочерними приложениями",
    max_seconds=30,
)
def group_children(stage: Stage) -> Iterator[None]:
    parent(stage, child(stage, "a"), child(stage, "b"), RELEASE_EXPECTED_COUNT="3", RELEASE_APPEAR_TIMEOUT="30")
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


@scenario(
    "one of several names that the token may not see",
    Outcome.DENIED,
    ru="на одно из названных приложений у токена нет прав",
    cause="permission denied",
    max_seconds=30,
)
def group_one_hidden(stage: Stage) -> Iterator[None]:
    reader(stage, f"{stage.name}-a")
    add(stage, "a", "b")
    named(stage, "a", "b")
    yield


def reader(stage: Stage, name: str) -> None:
    """Give the job a token that can see only this application."""
    policy = (f"applications, get, default/{name}, allow", "projects, get, default, allow")
    stage.settings["ARGOCD_AUTH_TOKEN"] = stage.sandbox.token(stage.name, policy)


@scenario(
    "names and a selector that mean the same",
    Outcome.DELIVERED,
    ru="имена и селектор об одном и том же",
    max_seconds=30,
)
def group_named_and_selected(stage: Stage) -> Iterator[None]:
    add(stage, "a", "b", "c")
    chosen(stage, RELEASE_EXPECTED_COUNT="3")
    stage.settings["ARGOCD_APP_NAME"] = f"{stage.name}-a,argocd/{stage.name}-b"
    yield


@scenario(
    "all of a project, whatever another one's do", Outcome.DELIVERED, ru="все приложения проекта, другие не учитываются"
)
def group_project(stage: Stage) -> Iterator[None]:
    add(stage, "a", "b", project=stage.sandbox.project(stage.name))
    add(stage, "other", fate="crash")
    stage.settings |= {"ARGOCD_APP_NAME": "", "RELEASE_PROJECT": stage.name, "RELEASE_EXPECTED_COUNT": "2"}
    yield


@scenario("a selector in a project", Outcome.DELIVERED, ru="селектор внутри проекта")
def group_selected_in_project(stage: Stage) -> Iterator[None]:
    (named_too,) = add(stage, "named")
    add(stage, "a", project=stage.sandbox.project(stage.name))
    add(stage, "other", fate="crash")
    chosen(stage, RELEASE_PROJECT=stage.name, RELEASE_EXPECTED_COUNT="2")
    stage.settings["ARGOCD_APP_NAME"] = named_too.name
    yield


@scenario(
    "more applications than expected",
    Outcome.MISSING,
    ru="приложений больше, чем ожидалось",
    cause=literal(verdict.COUNT, found=2),
    max_seconds=30,
)
def group_too_many(stage: Stage) -> Iterator[None]:
    add(stage, "a", "b")
    chosen(stage, RELEASE_EXPECTED_COUNT="1")
    yield


@scenario(
    "one each: delivered, crashing, rejected, never ready",
    Outcome.DEGRADED,
    ru="четыре приложения: доставлено, crash loop, отклонено, никогда не готово",
    cause="-crash:",
    max_seconds=50,
)
def group_mixed(stage: Stage) -> Iterator[None]:
    add(stage, "fine")
    add(stage, "crash", fate="crash")
    add(stage, "hangs", fate="never-ready")
    add(stage, "rejected", replicas=-2, retry_limit=0)
    chosen(stage, RELEASE_TIMEOUT="30")
    yield


@scenario(
    "one of several is not ready in time",
    Outcome.TIMED_OUT,
    ru="одно приложение группы не готово вовремя",
    cause="-hangs: Deployment/web",
    max_seconds=30,
)
def group_one_hangs(stage: Stage) -> Iterator[None]:
    add(stage, "a", "b")
    add(stage, "hangs", fate="never-ready")
    chosen(stage, RELEASE_TIMEOUT="15")
    yield


@scenario(
    "a commit that Argo CD has not noticed crashes one of several",
    Outcome.DEGRADED,
    ru="коммит, которого Argo CD ещё не заметил, ломает одно приложение группы",
    cause="-b:",
    max_seconds=45,
)
def group_stale(stage: Stage) -> Iterator[None]:
    made = add(stage, "a", "b")
    for each in made:
        each.wait_for(lambda state: bool(status(state, "health", "status") == "Healthy"), 60)
    repository = Repository(folder=stage.sandbox.folder / "repositories" / f"{stage.name}-b.git")
    repository.commit(web("2", fate="crash"))
    chosen(stage, RELEASE_POD_GRACE="3")
    yield


@scenario(
    "a later commit took the place of one of several",
    Outcome.NOT_DELIVERED,
    ru="в одном приложении группы развёрнут более поздний коммит",
    cause=literal(verdict.SUPERSEDED),
)
def group_one_superseded(stage: Stage) -> Iterator[None]:
    next(superseded(stage))
    add(stage, "a", "b")
    revision = stage.settings.pop("RELEASE_REVISION")
    expected(stage, {"": {"revision": revision}})
    stage.settings["ARGOCD_APP_NAME"] = f"{stage.name} {stage.name}-a {stage.name}-b"
    yield


@scenario(
    "each runs the image that is expected of it",
    Outcome.DELIVERED,
    ru="в каждом приложении работает ожидаемый образ",
    max_seconds=30,
)
def group_expectations(stage: Stage) -> Iterator[None]:
    add(stage, "a-1", "a-2", "b")
    expected(stage, {"-a-*": {"image": f"{IMAGE}:1"}, "-b": {"image": ":1", "wait_for": "sync health"}})
    chosen(stage, RELEASE_EXPECTED_COUNT="3")
    yield


@scenario(
    "one of several runs another image",
    Outcome.TIMED_OUT,
    ru="в одном приложении группы работает другой образ",
    cause=literal(verdict.OTHER_IMAGE, image=":2"),
    max_seconds=30,
)
def group_one_image_differs(stage: Stage) -> Iterator[None]:
    add(stage, "a", "b")
    expected(stage, {"-b": {"image": ":2"}})
    chosen(stage, RELEASE_TIMEOUT="12")
    yield


@scenario(
    "an expectation of an application that is not there",
    Outcome.SETTINGS,
    ru="ожидание для приложения, которого нет",
    cause="1 setting is wrong",
)
def group_expectation_for_unknown_name(stage: Stage) -> Iterator[None]:
    add(stage, "a")
    expected(stage, {"-a": {"image": ":1"}, "-wbe": {"image": ":1"}})
    chosen(stage)
    yield


@scenario(
    "the API server is restarted while several are waited for",
    Outcome.DELIVERED,
    ru="API-сервер перезапускают, пока джоб ждёт группу",
    max_seconds=60,
    exclusive=True,
)
def group_server_restarted(stage: Stage) -> Iterator[None]:
    made = add(stage, "a", "b", "c", ready_after="20s", fate="slow")
    seen = looked_at(made[0])
    chosen(stage, RELEASE_EXPECTED_COUNT="3")
    yield
    seen()
    stage.sandbox.part("argocd-server").restart()


@scenario(
    "several, all delivered before the job began",
    Outcome.DELIVERED,
    ru="группа, все приложения доставлены до начала джоба",
    max_seconds=8,
)
def group_already(stage: Stage) -> Iterator[None]:
    for each in add(stage, "a", "b", "c"):
        revision = each.wait_for(lambda state: bool(state.get("status", {}).get("sync", {}).get("revision")), 40)
        each.wait_for(delivered(revision["status"]["sync"]["revision"]), 60)
    chosen(stage)
    yield


@scenario(
    "jobs that share a set: this one has nothing to do",
    Outcome.DELIVERED,
    ru="джобы делят группу, и этому джобу не досталось приложений",
    cause=literal(verdict.NO_SHARE),
    max_seconds=8,
)
def group_split(stage: Stage) -> Iterator[None]:
    """A group of one application is split over several jobs, so only one of them waits for it."""
    add(stage, "a")
    chosen(stage, RELEASE_SPLIT="true", CI_NODE_INDEX="1", CI_NODE_TOTAL="1000")
    yield
