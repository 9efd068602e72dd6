"""Releases with Argo Rollouts, canary and blue-green, with its real controller."""

import json
from collections.abc import Callable, Iterator
from typing import Any, Final

from argocd_release.messages import verdict
from argocd_release.model.outcome import Outcome
from sandbox import manifests
from sandbox.application import State
from scenarios.dsl import IMAGE, Stage, literal, scenario, status

GREEN: Final = Outcome.DELIVERED
PARTS: Final = ("argo-rollouts",)
SHORT: Final = {"RELEASE_TIMEOUT": "12"}
PAUSE: Final[list[dict[str, Any]]] = [{"setWeight": 50}, {"pause": {}}, {"setWeight": 100}]
BRIEF: Final[list[dict[str, Any]]] = [{"setWeight": 50}, {"pause": {"duration": "3s"}}]


def canary(tag: str, steps: list[dict[str, Any]], **options: Any) -> dict[str, str | None]:
    """Return an Argo Rollout with these canary steps. Argo Rollouts skips them in the first release."""
    return {"web.yaml": manifests.rollout("web", f"{IMAGE}:{tag}", {"canary": {"steps": steps}}, **options)}


def blue_green(tag: str) -> dict[str, str | None]:
    """Return a blue-green Argo Rollout that waits until a user promotes it."""
    services = {"activeService": "web", "previewService": "web-preview", "autoPromotionEnabled": False}
    files = {f"{name}.yaml": manifests.service(name, "web") for name in ("web", "web-preview")}
    return {**files, "rollout.yaml": manifests.rollout("web", f"{IMAGE}:{tag}", {"blueGreen": services})}


def emit(stage: Stage, **fields: Any) -> None:
    """Change the status like the commands ``promote``, ``abort`` and ``retry rollout`` of kubectl argo rollouts."""
    patch = json.dumps({"status": fields})
    stage.sandbox.kubectl(
        "patch", "rollout", "web", "-n", stage.name, "--subresource=status", "--type=merge", f"--patch={patch}"
    )


def settled_as(word: str) -> Callable[[State], bool]:
    def holds(state: State) -> bool:
        return (status(state, "sync", "status"), status(state, "health", "status")) == ("Synced", word)

    return holds


@scenario(
    "a canary with a pause that ends by itself",
    GREEN,
    ru="canary с паузой, которая кончается сама",
    max_seconds=30,
    parts=PARTS,
)
def rollout_canary(stage: Stage) -> Iterator[None]:
    stage.deployed(canary("1", BRIEF))
    stage.settings["RELEASE_IMAGE"] = "2"
    stage.commit(canary("2", BRIEF))
    yield


@scenario(
    "a canary that waits to be promoted",
    Outcome.TIMED_OUT,
    ru="canary ждёт подтверждения (promote)",
    cause="Rollout/web: paused " + verdict.WITH_WEIGHT.fill(where=verdict.AT_STEP.fill(step=2, steps=3), weight=50),
    max_seconds=18,
    parts=PARTS,
)
def rollout_paused(stage: Stage) -> Iterator[None]:
    stage.settings |= SHORT
    stage.deployed(canary("1", PAUSE))
    stage.commit(canary("2", PAUSE))
    yield


@scenario(
    "RELEASE_WAIT_FOR: a paused canary is good enough",
    GREEN,
    ru="RELEASE_WAIT_FOR принимает canary на паузе",
    max_seconds=30,
    parts=PARTS,
)
def rollout_paused_accepted(stage: Stage) -> Iterator[None]:
    stage.settings |= {"RELEASE_WAIT_FOR": "sync health suspended operation", "RELEASE_IMAGE": "2"}
    stage.deployed(canary("1", PAUSE))
    stage.commit(canary("2", PAUSE))
    stage.delivered_when = None
    yield


@scenario(
    "RELEASE_IMAGE, which only the stable pods beside a canary have",
    Outcome.TIMED_OUT,
    ru="RELEASE_IMAGE, который есть только у стабильных подов рядом с canary",
    cause=literal(verdict.OTHER_IMAGE),
    max_seconds=18,
    parts=PARTS,
)
def rollout_of_another_image(stage: Stage) -> Iterator[None]:
    stage.settings |= SHORT | {"RELEASE_WAIT_FOR": "sync health suspended operation", "RELEASE_IMAGE": "1"}
    stage.deployed(canary("1", PAUSE))
    stage.commit(canary("2", PAUSE))
    stage.running.refresh()
    stage.until(settled_as("Suspended"))
    yield


@scenario(
    "a canary that is promoted while the job waits",
    GREEN,
    ru="canary подтверждают, пока джоб ждёт",
    cause=literal(verdict.PAUSED.hint),
    max_seconds=40,
    parts=PARTS,
)
def rollout_promoted(stage: Stage) -> Iterator[None]:
    stage.deployed(canary("1", PAUSE))
    stage.commit(canary("2", PAUSE))
    yield
    stage.until(settled_as("Suspended"))
    stage.sleep(5)
    emit(stage, pauseConditions=None)


@scenario(
    "a canary whose analysis fails",
    Outcome.DEGRADED,
    ru="canary, у которого анализ не проходит",
    cause="AnalysisRun/web-",
    max_seconds=15 + 25,
    parts=PARTS,
)
def rollout_analysis(stage: Stage) -> Iterator[None]:
    steps: list[dict[str, Any]] = [{"setWeight": 50}, {"analysis": {"templates": [{"templateName": "smoke"}]}}]
    template: dict[str, str | None] = {"analysis.yaml": manifests.analysis("smoke", fate="fail")}
    stage.deployed(canary("1", steps), template)
    stage.commit(canary("2", steps))
    yield


@scenario(
    "a blue-green rollout that waits to be promoted",
    Outcome.TIMED_OUT,
    ru="blue-green ждёт подтверждения (promote)",
    cause=f"Rollout/web: {verdict.PAUSED_BEFORE_PROMOTION}",
    max_seconds=18,
    parts=PARTS,
)
def rollout_blue_green(stage: Stage) -> Iterator[None]:
    stage.settings |= SHORT
    stage.deployed(blue_green("1"))
    stage.commit(blue_green("2"))
    yield


@scenario(
    "a canary that is aborted",
    Outcome.DEGRADED,
    ru="canary прерван",
    cause=f"Rollout/web: {verdict.ABORTED.text}",
    max_seconds=15 + 25,
    parts=PARTS,
)
def rollout_aborted(stage: Stage) -> Iterator[None]:
    stage.deployed(canary("1", PAUSE))
    stage.commit(canary("2", PAUSE))
    yield
    stage.until(settled_as("Suspended"))
    emit(stage, abort=True)


@scenario(
    "a canary that is aborted and retried", GREEN, ru="canary прерван и запущен снова", max_seconds=50, parts=PARTS
)
def rollout_retried(stage: Stage) -> Iterator[None]:
    stage.deployed(canary("1", BRIEF))
    stage.commit(canary("2", [{"setWeight": 50}, {"pause": {"duration": "8s"}}]))
    yield
    stage.until(settled_as("Suspended"))
    emit(stage, abort=True)
    stage.until(settled_as("Degraded"))
    stage.sleep(4)
    emit(stage, abort=False)


@scenario(
    "a canary past its progressDeadlineSeconds",
    Outcome.DEGRADED,
    ru="canary превысил progressDeadlineSeconds",
    cause="Readiness probe failed",
    max_seconds=15 + 25,
    parts=PARTS,
)
def rollout_deadline(stage: Stage) -> Iterator[None]:
    stage.deployed(canary("1", BRIEF))
    stage.commit(canary("2", BRIEF, fate="never-ready", deadline=5))
    yield


@scenario(
    "a canary whose pods crash",
    Outcome.DEGRADED,
    ru="canary с подами в crash loop",
    cause="CrashLoopBackOff",
    max_seconds=15 + 15,
    parts=PARTS,
)
def rollout_crash(stage: Stage) -> Iterator[None]:
    stage.deployed(canary("1", PAUSE))
    stage.commit(canary("2", PAUSE, fate="crash"))
    yield
