"""Releases that are judged by only some of an application's resources (RELEASE_RESOURCES)."""

import json
from collections.abc import Iterator

from argocd_release.messages import chosen_resources, verdict
from argocd_release.model.outcome import Outcome
from sandbox import manifests
from scenarios.dsl import IMAGE, Stage, config, literal, namespace, scenario, status, web
from scenarios.groups import LABEL, chosen

GREEN = Outcome.DELIVERED
CRASHES = ("Progressing", "Degraded")
POD_LIMIT = 4 + 15 + 5


def _choose(stage: Stage, *patterns: str) -> None:
    stage.settings["RELEASE_RESOURCES"] = ",".join(patterns)
    stage.delivered_when = None


def _worker(fate: str = "ready", tag: str = "1", **metadata: str) -> dict[str, str | None]:
    document = json.loads(manifests.deployment("worker", f"{IMAGE}:{tag}", fate=fate))
    document["metadata"]["annotations"] = metadata
    return {"worker.yaml": json.dumps(document)}


@scenario("an excluded crash loop, and a healthy chosen Deployment", GREEN, ru="crash loop у исключённого ресурса")
def resources_excluded_crash_loop(stage: Stage) -> Iterator[None]:
    stage.deploy(web("1", ready_after="2s"), _worker("crash"))
    _choose(stage, "!apps:Deployment:worker")
    yield


@scenario(
    "a chosen crash loop, and a healthy excluded Deployment",
    Outcome.DEGRADED,
    ru="crash loop у выбранного ресурса",
    cause="Deployment/worker → Pod/worker-",
    max_seconds=POD_LIMIT,
)
def resources_chosen_crash_loop(stage: Stage) -> Iterator[None]:
    stage.deploy(web("1"), _worker("crash"))
    stage.until(lambda state: status(state, "sync", "status") == "Synced")
    _choose(stage, "apps:Deployment:worker")
    yield


@scenario(
    "a crash loop of a chosen and of an excluded Deployment",
    Outcome.DEGRADED,
    ru="crash loop у выбранного и у исключённого ресурса",
    cause="Deployment/web → Pod/web-",
    max_seconds=POD_LIMIT,
)
def resources_two_crash_loops(stage: Stage) -> Iterator[None]:
    """The excluded Deployment crashes first, but it is not the cause."""
    stage.deploy(_worker("crash"))
    stage.until(lambda state: status(state, "health", "status") in CRASHES)
    revision = stage.commit(web("1", fate="crash"), _worker("crash"))
    stage.running.refresh()
    stage.until(
        lambda state: status(state, "sync", "status") == "Synced" and status(state, "sync", "revision") == revision
    )
    _choose(stage, "*:Deployment:web")
    yield


@scenario("drift of an excluded resource", GREEN, ru="исключённый ресурс расходится с git")
def resources_excluded_drift(stage: Stage) -> Iterator[None]:
    stage.deployed(web("1"), config("settings"))
    patch = '--patch={"data":{"colour":"red"}}'
    stage.sandbox.kubectl("patch", "configmap", "settings", "-n", stage.name, "--type=merge", patch)
    stage.until(lambda state: status(state, "sync", "status") == "OutOfSync")
    _choose(stage, "apps:Deployment:web", "!:ConfigMap:*")
    yield


@scenario(
    "drift of a chosen resource, and a Synced excluded one",
    Outcome.NOT_DELIVERED,
    ru="выбранный ресурс расходится с git",
    cause="ConfigMap/settings",
    max_seconds=5 + 8,
)
def resources_chosen_drift(stage: Stage) -> Iterator[None]:
    stage.settings["RELEASE_STUCK_GRACE"] = "5"
    stage.deployed(web("1"), config("settings"))
    patch = '--patch={"data":{"colour":"red"}}'
    stage.sandbox.kubectl("patch", "configmap", "settings", "-n", stage.name, "--type=merge", patch)
    stage.until(lambda state: status(state, "sync", "status") == "OutOfSync")
    _choose(stage, ":ConfigMap:settings")
    yield


@scenario(
    "a pattern that matches no resource",
    Outcome.NOT_DELIVERED,
    ru="шаблон, под который не подходит ни один ресурс",
    cause=literal(chosen_resources.NO_RESOURCE_MATCHES, patterns="apps:Deployment:wbe"),
    max_seconds=5 + 8,
)
def resources_unmatched(stage: Stage) -> Iterator[None]:
    stage.settings["RELEASE_EXPECTATION_GRACE"] = "5"
    stage.deployed(web("1"), config("settings"))
    _choose(stage, "apps:Deployment:wbe", ":ConfigMap:settings")
    yield


@scenario("a pattern with an asterisk in a name", GREEN, ru="шаблон со звёздочкой в имени")
def resources_by_glob(stage: Stage) -> Iterator[None]:
    stage.deploy(web("1", name="web-api"), web("1", name="web-page"), _worker("crash"))
    _choose(stage, "*:Deployment:web-*")
    yield


@scenario("a pattern with a namespace", GREEN, ru="шаблон с неймспейсом")
def resources_of_a_namespace(stage: Stage) -> Iterator[None]:
    """Two Deployments have the same name, and the one in the other namespace crashes."""
    other = f"{stage.name}-other"
    stage.sandbox.apply(namespace(other))
    document = json.loads(manifests.deployment("web", f"{IMAGE}:1", fate="crash"))
    document["metadata"]["namespace"] = other
    stage.deploy(web("1"), {"other.yaml": json.dumps(document)})
    _choose(stage, f"apps:Deployment:{stage.name}/web")
    yield


@scenario(
    "a sync that failed only because of an excluded resource",
    GREEN,
    ru="синхронизация не удалась только из-за исключённого ресурса",
)
def resources_excluded_sync_failure(stage: Stage) -> Iterator[None]:
    stage.deployed(web("1"))
    stage.commit(web("2", ready_after="1s"), web("1", name="rejected", replicas=-2))
    _choose(stage, "apps:Deployment:web")
    yield


@scenario(
    "an excluded resource that keeps a chosen one from being synced",
    Outcome.SYNC_FAILED,
    ru="исключённый ресурс не даёт применить выбранный",
    cause="spec.replicas: Invalid value",
    max_seconds=20,
)
def resources_excluded_failure_in_an_earlier_wave(stage: Stage) -> Iterator[None]:
    later = json.loads(manifests.deployment("web", f"{IMAGE}:1"))
    later["metadata"]["annotations"] = {"argocd.argoproj.io/sync-wave": "1"}
    stage.deploy({"web.yaml": json.dumps(later)}, web("1", name="rejected", replicas=-2))
    _choose(stage, "apps:Deployment:web")
    yield


@scenario(
    "the expected image runs only in an excluded Deployment",
    Outcome.TIMED_OUT,
    ru="ожидаемый образ работает только в исключённом ресурсе",
    cause=literal(verdict.OTHER_IMAGE, image=":2"),
    max_seconds=14,
)
def resources_image_of_an_excluded_one(stage: Stage) -> Iterator[None]:
    stage.settings |= {"RELEASE_IMAGE": ":2", "RELEASE_TIMEOUT": "10"}
    stage.deployed(web("1"), _worker(tag="2"))
    _choose(stage, "!apps:Deployment:worker")
    yield


@scenario("a group whose excluded Deployments crash", GREEN, ru="группа, в которой исключённые ресурсы в crash loop")
def resources_of_a_group(stage: Stage) -> Iterator[None]:
    for name in ("a", "b"):
        repository = stage.sandbox.repository(f"{stage.name}-{name}")
        repository.commit(web("1", ready_after="2s") | _worker("crash"))
        stage.sandbox.application(f"{stage.name}-{name}", repository, labels={LABEL: stage.name})
    chosen(stage, RELEASE_EXPECTED_COUNT="2")
    _choose(stage, "!apps:Deployment:worker")
    yield


@scenario(
    "a pattern that has not the form of argocd",
    Outcome.SETTINGS,
    ru="шаблон не в форме, которую понимает argocd",
    cause="1 setting is wrong",
)
def resources_malformed(stage: Stage) -> Iterator[None]:
    stage.deployed(web("1"))
    _choose(stage, "Deployment/web", "apps:Deployment:web")
    yield
