"""Several applications in one job. The first is the stage's own; the others are called after it."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

from argocd_release.model.outcome import Outcome
from sandbox.application import Application, State, delivered
from scenarios.stage import Stage, scenario, status, web

LABEL = "team"


def add(stage: Stage, *names: str, fate: str = "ready", **options: Any) -> list[Application]:
    """Further applications, each with a repository and a namespace of its own, chosen by the stage's label."""
    made = []
    for name in names:
        full = f"{stage.name}-{name}"
        repository = stage.sandbox.repository(full)
        repository.commit(web("1", fate=fate))
        made.append(stage.sandbox.application(full, repository, labels={LABEL: stage.name}, **options))
    return made


def chosen(stage: Stage, **settings: str) -> None:
    stage.settings |= {"ARGOCD_APP_NAME": "", "RELEASE_SELECTOR": f"{LABEL}={stage.name}", **settings}


def named(stage: Stage, *names: str) -> None:
    stage.settings["ARGOCD_APP_NAME"] = " ".join(f"{stage.name}-{name}" for name in names)


def synced(state: State) -> bool:
    return bool(status(state, "sync", "status") == "Synced")


def looked_at(application: Application) -> Callable[[], None]:
    """Waits until the tool has let Argo CD compare the application, by whose times that is a second later at least."""
    before = application.get()["status"]["reconciledAt"]
    time.sleep(1.1)

    def wait() -> None:
        application.wait_for(lambda state: bool(status(state, "reconciledAt") > before), 60)
        time.sleep(1)

    return wait


@scenario("several names, all delivered", Outcome.DELIVERED)
def set_named(stage: Stage) -> Iterator[None]:
    add(stage, "a", "b", "c")
    named(stage, "a", "b", "c")
    yield


@scenario("a selector, all delivered", Outcome.DELIVERED)
def set_selected(stage: Stage) -> Iterator[None]:
    add(stage, "a", "b")
    chosen(stage, RELEASE_EXPECTED_COUNT="2")
    yield


@scenario("one of several crashes, the others are delivered", Outcome.DEGRADED, within=35)
def set_one_crashes(stage: Stage) -> Iterator[None]:
    add(stage, "a", "b")
    add(stage, "crash", fate="crash")
    chosen(stage)
    yield


@scenario("one of several crashes, and ends the job", Outcome.DEGRADED, within=35)
def set_stops(stage: Stage) -> Iterator[None]:
    add(stage, "a", fate="slow")
    add(stage, "crash", fate="crash")
    chosen(stage, RELEASE_ON_FAILURE="stop", RELEASE_POD_GRACE="1")
    yield


@scenario("a selector that matches nothing", Outcome.MISSING, cause="no application matches")
def set_empty(stage: Stage) -> Iterator[None]:
    chosen(stage)
    yield


@scenario("fewer applications than expected", Outcome.MISSING, cause="1 application matches")
def set_too_few(stage: Stage) -> Iterator[None]:
    add(stage, "a")
    chosen(stage, RELEASE_EXPECTED_COUNT="2+")
    yield


@scenario("an application that appears while the others are waited for", Outcome.DELIVERED, within=25)
def set_appears(stage: Stage) -> Iterator[None]:
    add(stage, "a")
    chosen(stage, RELEASE_EXPECTED_COUNT="2", RELEASE_APPEAR_TIMEOUT="40")
    yield
    stage.sleep(4)
    add(stage, "b")


@scenario("one of several names does not exist", Outcome.MISSING, cause="there is no application", within=25)
def set_one_missing(stage: Stage) -> Iterator[None]:
    add(stage, "a")
    named(stage, "a", "nobody")
    yield


@scenario("one of several is deleted while it is waited for", Outcome.MISSING, within=40)
def set_one_vanishes(stage: Stage) -> Iterator[None]:
    add(stage, "a")
    (gone,) = add(stage, "b", fate="never-ready")
    gone.wait_for(synced, 60)
    chosen(stage, RELEASE_DELETED_GRACE="3")
    seen = looked_at(gone)
    yield
    seen()
    gone.delete()


def child(stage: Stage, name: str) -> dict[str, str | None]:
    """The manifest of a child, as the application of applications has it."""
    full = f"{stage.name}-{name}"
    repository = stage.sandbox.repository(full)
    repository.commit(web("1"))
    spec = {
        "project": "default",
        "source": repository.source("."),
        "destination": {"server": "https://kubernetes.default.svc", "namespace": full},
        "syncPolicy": {"automated": {}, "syncOptions": ["CreateNamespace=true"]},
    }
    kind = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application"}
    return {f"{name}.yaml": json.dumps(kind | {"metadata": {"name": full, "namespace": "argocd"}, "spec": spec})}


@scenario("an application of applications with its children", Outcome.DELIVERED, within=30)
def set_children(stage: Stage) -> Iterator[None]:
    stage.deploy(child(stage, "a") | child(stage, "b"))
    stage.truth = None
    stage.settings |= {"RELEASE_CHILDREN": "true", "RELEASE_EXPECTED_COUNT": "3", "RELEASE_APPEAR_TIMEOUT": "30"}
    yield


@scenario("several, all delivered before the job began", Outcome.DELIVERED, within=8)
def set_already(stage: Stage) -> Iterator[None]:
    for each in add(stage, "a", "b", "c"):
        revision = each.wait_for(lambda state: bool(state.get("status", {}).get("sync", {}).get("revision")), 40)
        each.wait_for(delivered(revision["status"]["sync"]["revision"]), 60)
    chosen(stage)
    yield


@scenario("jobs that share a set: this one has nothing to do", Outcome.DELIVERED, cause="falls to job", within=8)
def set_split(stage: Stage) -> Iterator[None]:
    """Of one application and many jobs only one job has it."""
    add(stage, "a")
    chosen(stage, RELEASE_SPLIT="true", CI_NODE_INDEX="1", CI_NODE_TOTAL="1000")
    yield
