"""Releases that must stay ready for some time (RELEASE_STABLE_FOR)."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from argocd_release.messages import verdict
from argocd_release.model.outcome import Outcome
from scenarios.dsl import Stage, config, literal, scenario, web
from scenarios.groups import add, synced

STABLE_FOR = 20
#: The time after the start of the job at which something breaks. On a busy machine, a job needs some seconds until it
#: has proven the release. After 10 s, the log has one more line.
BREAKS_AFTER = 9
MAX_SECONDS = 35


def _stable(stage: Stage, seconds: int = STABLE_FOR) -> None:
    stage.settings["RELEASE_STABLE_FOR"] = str(seconds)


def _patch_pods(stage: Stage, change: Callable[[dict[str, Any]], None], *, ready: bool = False) -> None:
    """Change the container status of all pods, as the kubelet would."""
    pods = json.loads(stage.sandbox.kubectl("get", "pods", "-n", stage.name, "-o", "json"))["items"]
    for pod in pods:
        containers = pod["status"]["containerStatuses"]
        for container in containers:
            container["ready"] = ready
            change(container)
        conditions = [
            item | ({"status": str(ready)} if item["type"] in {"Ready", "ContainersReady"} else {})
            for item in pod["status"]["conditions"]
        ]
        patch = json.dumps({"status": {"containerStatuses": containers, "conditions": conditions}})
        stage.sandbox.kubectl(
            "patch", "pod", pod["metadata"]["name"], "-n", stage.name, "--subresource=status", "--type=merge",
            f"--patch={patch}",
        )  # fmt: skip


def _ended(reason: str, exit_code: int) -> dict[str, Any]:
    times = {"startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:00:08Z"}
    return {"terminated": {"exitCode": exit_code, "reason": reason} | times}


def _restarted(container: dict[str, Any]) -> None:
    container["restartCount"] += 1
    container["lastState"] = _ended("Error", 3)


def _killed(container: dict[str, Any]) -> None:
    container["restartCount"] += 1
    container["lastState"] = _ended("OOMKilled", 137)
    container["state"] = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting"}}


@scenario("it stays ready for the whole time", Outcome.DELIVERED, ru="релиз остаётся готовым всё время", max_seconds=35)
def stable(stage: Stage) -> Iterator[None]:
    stage.deployed(web("1"))
    _stable(stage, 10)
    stage.commit(web("2", ready_after="2s"))
    stage.delivered_when = None
    yield


@scenario(
    "a container restarts after the release was ready, and is ready again",
    Outcome.DEGRADED,
    ru="контейнер перезапускается после готовности и снова готов",
    cause="exit code 3, 1 restart",
    max_seconds=MAX_SECONDS,
)
def stable_restart(stage: Stage) -> Iterator[None]:
    stage.deployed(web("1"))
    _stable(stage)
    yield
    stage.sleep(BREAKS_AFTER)
    _patch_pods(stage, _restarted, ready=True)


@scenario(
    "a container is OOMKilled after the release was ready",
    Outcome.DEGRADED,
    ru="контейнер завершён из-за OOM после готовности",
    cause="OOMKilled",
    max_seconds=MAX_SECONDS,
)
def stable_oom(stage: Stage) -> Iterator[None]:
    stage.deployed(web("1"))
    _stable(stage)
    yield
    stage.sleep(BREAKS_AFTER)
    _patch_pods(stage, _killed)


@scenario(
    "a pod loses its readiness after the release was ready",
    Outcome.DEGRADED,
    ru="под теряет готовность после готовности релиза",
    cause="not ready",
    max_seconds=MAX_SECONDS,
)
def stable_unready(stage: Stage) -> Iterator[None]:
    stage.deployed(web("1", replicas=2))
    _stable(stage)
    yield
    stage.sleep(BREAKS_AFTER)
    _patch_pods(stage, lambda _: None)


@scenario(
    "a resource drifts after the release was ready",
    Outcome.NOT_DELIVERED,
    ru="ресурс расходится с git после готовности релиза",
    cause="ConfigMap/settings was changed by hand",
    max_seconds=MAX_SECONDS,
)
def stable_drift(stage: Stage) -> Iterator[None]:
    stage.deployed(web("1"), config("settings"))
    _stable(stage)
    yield
    stage.sleep(BREAKS_AFTER)
    patch = '--patch={"data":{"colour":"red"}}'
    stage.sandbox.kubectl("patch", "configmap", "settings", "-n", stage.name, "--type=merge", patch)


@scenario(
    "a new commit arrives in the time in which the release must stay ready",
    Outcome.DELIVERED,
    ru="новый коммит за время, пока релиз должен оставаться готовым",
    max_seconds=50,
)
def stable_new_commit(stage: Stage) -> Iterator[None]:
    """The time starts again with the new commit."""
    stage.deployed(web("1"))
    _stable(stage, 15)
    stage.delivered_when = None
    yield
    stage.sleep(10)
    stage.repository.commit(web("2", ready_after="2s"))
    stage.running.refresh()


@scenario(
    "the application is scaled up in the time in which it must stay ready",
    Outcome.DELIVERED,
    ru="приложение масштабируют за время, пока оно должно оставаться готовым",
    max_seconds=MAX_SECONDS,
)
def stable_scaled_up(stage: Stage) -> Iterator[None]:
    """New pods that start are no failure. The replicas are not in git, as with a HorizontalPodAutoscaler."""
    deployment = json.loads(str(web("1", ready_after="3s")["web.yaml"]))
    del deployment["spec"]["replicas"]
    stage.deployed({"web.yaml": json.dumps(deployment)})
    _stable(stage)
    stage.delivered_when = None
    yield
    stage.sleep(BREAKS_AFTER)
    stage.sandbox.kubectl("scale", "deployment", "web", "-n", stage.name, "--replicas=3")


@scenario(
    "a pod is evicted in the time in which it must stay ready",
    Outcome.DELIVERED,
    ru="под вытеснен за время, пока приложение должно оставаться готовым",
    max_seconds=MAX_SECONDS,
)
def stable_evicted(stage: Stage) -> Iterator[None]:
    """A drained node deletes its pods. Their successors need more seconds than a failure can last."""
    stage.deployed(web("1", replicas=2, ready_after="4s"))
    _stable(stage)
    stage.delivered_when = None
    yield
    stage.sleep(BREAKS_AFTER)
    pod = stage.sandbox.kubectl("get", "pods", "-n", stage.name, "-o", "name").split()[0]
    stage.sandbox.kubectl("delete", pod, "-n", stage.name, "--wait=false")


@scenario(
    "a container of one application of a group is OOMKilled after all were ready",
    Outcome.DEGRADED,
    ru="контейнер одного приложения группы завершён из-за OOM после готовности всех",
    cause="OOMKilled",
    max_seconds=MAX_SECONDS + 5,
)
def stable_group(stage: Stage) -> Iterator[None]:
    stage.deployed(web("1"))
    (other,) = add(stage, "other")
    other.wait_for(synced, 60)
    _stable(stage)
    stage.settings["ARGOCD_APP_NAME"] = f"{stage.name} {stage.name}-other"
    yield
    stage.sleep(BREAKS_AFTER)
    _patch_pods(stage, _killed)


@scenario(
    "an excluded crash loop in the time in which the chosen resources must stay ready",
    Outcome.DELIVERED,
    ru="crash loop исключённого ресурса за время, пока выбранные должны оставаться готовыми",
    max_seconds=MAX_SECONDS,
)
def stable_with_excluded_crash_loop(stage: Stage) -> Iterator[None]:
    stage.deploy(web("1"), web("1", name="worker", fate="crash"))
    _stable(stage, 12)
    stage.settings["RELEASE_RESOURCES"] = "!apps:Deployment:worker"
    stage.delivered_when = None
    yield


@scenario(
    "it must stay ready for longer than the timeout",
    Outcome.SETTINGS,
    ru="релиз должен оставаться готовым дольше таймаута",
    cause="1 setting is wrong",
)
def stable_longer_than_the_timeout(stage: Stage) -> Iterator[None]:
    stage.deployed(web("1"))
    stage.settings |= {"RELEASE_STABLE_FOR": "60", "RELEASE_TIMEOUT": "60"}
    yield


@scenario(
    "the timeout comes before the end of the time in which it must stay ready",
    Outcome.TIMED_OUT,
    ru="таймаут наступает раньше, чем истекло время, пока релиз должен оставаться готовым",
    cause=literal(verdict.MUST_STAY),
    max_seconds=30,
)
def stable_timeout(stage: Stage) -> Iterator[None]:
    stage.settings |= {"RELEASE_STABLE_FOR": "19", "RELEASE_TIMEOUT": "20"}
    stage.deployed(web("1"))
    stage.commit(web("2", ready_after="6s"))
    yield
