"""Jobs for several applications. The first is that of the stage, and the names of the others begin with its name."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

from argocd_release.messages import argocd, verdict
from argocd_release.model.outcome import Outcome
from sandbox.application import Application, State, delivered
from sandbox.git import Repository
from scenarios.dsl import IMAGE, Stage, literal, scenario, status, web
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


def expected(stage: Stage, applications: dict[str, dict[str, str]]) -> None:
    """Write a file of expectations for applications, which are given by the ends of their names."""
    file = stage.sandbox.folder / f"{stage.name}.json"
    file.write_text(json.dumps({f"{stage.name}{end}": each for end, each in applications.items()}))
    stage.settings["RELEASE_EXPECTATIONS"] = str(file)


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
