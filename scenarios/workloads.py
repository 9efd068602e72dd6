"""Releases of different kinds of workloads, which are declared in different ways, such as Helm and Kustomize."""

import json
from collections.abc import Callable, Iterator

from argocd_release.messages import causes, verdict
from argocd_release.model.outcome import Outcome
from sandbox import manifests
from sandbox.application import State
from scenarios.dsl import IMAGE, Stage, literal, scenario, status, web

GREEN = Outcome.DELIVERED
POD_LIMIT = 4 + 15 + 5


@scenario("a StatefulSet", GREEN, ru="StatefulSet")
def stateful_set(stage: Stage) -> Iterator[None]:
    stage.deployed({"db.yaml": manifests.stateful_set("db", f"{IMAGE}:1", replicas=2)})
    stage.commit({"db.yaml": manifests.stateful_set("db", f"{IMAGE}:2", replicas=2, ready_after="1s")})
    yield


@scenario("a DaemonSet", GREEN, ru="DaemonSet")
def daemon_set(stage: Stage) -> Iterator[None]:
    stage.deployed({"agent.yaml": manifests.daemon_set("agent", f"{IMAGE}:1")})
    stage.commit({"agent.yaml": manifests.daemon_set("agent", f"{IMAGE}:2", ready_after="1s")})
    yield


@scenario("a Job that is no hook", GREEN, ru="Job, который не является хуком")
def job(stage: Stage) -> Iterator[None]:
    stage.deploy({"job.yaml": manifests.job("import", ends_after="3s")})
    yield


@scenario(
    "a Job that fails", Outcome.DEGRADED, ru="неудачный Job", cause="Job/import → Pod/import-", max_seconds=4 + 15 + 5
)
def job_fails(stage: Stage) -> Iterator[None]:
    stage.deploy({"job.yaml": manifests.job("import", fate="fail", ends_after="1s")})
    yield


@scenario("a CronJob", GREEN, ru="CronJob")
def cron_job(stage: Stage) -> Iterator[None]:
    stage.deploy({"nightly.yaml": manifests.cron_job("nightly")})
    yield


@scenario(
    "a paused Deployment is Suspended",
    Outcome.TIMED_OUT,
    ru="приостановленный Deployment — Suspended",
    cause="Suspended: Deployment/web",
    max_seconds=14,
)
def suspended(stage: Stage) -> Iterator[None]:
    stage.settings["RELEASE_TIMEOUT"] = "10"
    stage.deployed(web("1"))
    stage.commit(web("1", paused=True))
    yield


@scenario("RELEASE_WAIT_FOR: Suspended is good enough", GREEN, ru="RELEASE_WAIT_FOR принимает Suspended")
def suspended_accepted(stage: Stage) -> Iterator[None]:
    stage.settings["RELEASE_WAIT_FOR"] = "sync health suspended operation"
    stage.deployed(web("1"))
    revision = stage.commit(web("1", paused=True))
    stage.delivered_when = lambda state: (
        status(state, "sync", "revision") == revision and status(state, "health", "status") == "Suspended"
    )
    yield


@scenario("a Helm chart in git", GREEN, ru="Helm-чарт в git")
def helm_in_git(stage: Stage) -> Iterator[None]:
    stage.deployed(manifests.helm_chart("web", "0.1.0", f"{IMAGE}:1"))
    stage.settings["RELEASE_IMAGE"] = "2"
    stage.commit(manifests.helm_chart("web", "0.1.1", f"{IMAGE}:2", ready_after="1s"))
    yield


@scenario(
    "a Helm template that does not render",
    Outcome.SYNC_FAILED,
    ru="шаблон Helm не рендерится",
    cause="ComparisonError",
    max_seconds=18,
)
def helm_broken(stage: Stage) -> Iterator[None]:
    chart = manifests.helm_chart("web", "0.1.0", f"{IMAGE}:1")
    stage.deployed(chart)
    stage.commit(chart | {"templates/config.yaml": '{{ required "tell me the colour" .Values.colour }}'})
    yield


@scenario("a Helm repository, and RELEASE_CHART_VERSION", GREEN, ru="репозиторий Helm и RELEASE_CHART_VERSION")
def chart_version(stage: Stage) -> Iterator[None]:
    charts = stage.sandbox.chart_repository(stage.name)
    charts.publish("web", "1.0.0", manifests.helm_chart("web", "1.0.0", f"{IMAGE}:1"))
    stage.application = stage.sandbox.application(stage.name, charts.source("web", "1.*"))
    stage.application.wait_for(_delivered("1.0.0"))
    stage.settings["RELEASE_CHART_VERSION"] = "1.1.0"
    charts.publish("web", "1.1.0", manifests.helm_chart("web", "1.1.0", f"{IMAGE}:2", ready_after="1s"))
    stage.delivered_when = _delivered("1.1.0")
    yield


@scenario(
    "RELEASE_CHART_VERSION is never published",
    Outcome.TIMED_OUT,
    ru="RELEASE_CHART_VERSION не публикуют",
    cause=literal(verdict.OTHER_CHART_VERSION, versions="1.0.0"),
    max_seconds=14,
)
def chart_version_missing(stage: Stage) -> Iterator[None]:
    charts = stage.sandbox.chart_repository(stage.name)
    charts.publish("web", "1.0.0", manifests.helm_chart("web", "1.0.0", f"{IMAGE}:1"))
    stage.application = stage.sandbox.application(stage.name, charts.source("web", "1.*"))
    stage.settings |= {"RELEASE_CHART_VERSION": "1.1.0", "RELEASE_TIMEOUT": "10"}
    yield


@scenario("a chart, and its values in git", GREEN, ru="чарт, а его values в git")
def chart_and_values(stage: Stage) -> Iterator[None]:
    """The expected revision is that of the second source."""
    charts = stage.sandbox.chart_repository(stage.name)
    charts.publish("web", "1.0.0", manifests.helm_chart("web", "1.0.0", f"{IMAGE}:1"))
    revision = stage.repository.commit({"dev.yaml": "image: {tag: '2'}\n"})
    values = {"repoURL": stage.repository.url, "targetRevision": "main", "ref": "values"}
    chart = charts.source("web", "1.0.0", helm={"valueFiles": ["$values/dev.yaml"]})
    stage.application = stage.sandbox.application(stage.name, [chart, values])
    stage.settings |= {"RELEASE_REVISION": revision, "RELEASE_SOURCE": "values", "RELEASE_IMAGE": f"{IMAGE}:2"}
    stage.delivered_when = lambda state: (
        status(state, "sync", "revisions") == ["1.0.0", revision] and status(state, "health", "status") == "Healthy"
    )
    yield


@scenario("Kustomize", GREEN, ru="Kustomize")
def kustomize(stage: Stage) -> Iterator[None]:
    images = [{"name": IMAGE, "newTag": "2"}]
    stage.deployed(web("1"), {"kustomization.yaml": manifests.kustomization("web.yaml")})
    stage.settings["RELEASE_IMAGE"] = "2"
    stage.commit({"kustomization.yaml": manifests.kustomization("web.yaml", images=images)})
    yield


@scenario(
    "a kustomization of a file that is not there",
    Outcome.SYNC_FAILED,
    ru="kustomization с файлом, которого нет",
    cause="ComparisonError",
    max_seconds=18,
)
def kustomize_broken(stage: Stage) -> Iterator[None]:
    stage.deploy({"kustomization.yaml": manifests.kustomization("nowhere.yaml")})
    yield


@scenario("an application in another namespace than Argo CD", GREEN, ru="приложение вне неймспейса Argo CD")
def other_namespace(stage: Stage) -> Iterator[None]:
    stage.deploy(web("1"), argocd_namespace="team-web")
    yield


@scenario(
    "a crash loop that heals within its grace", GREEN, ru="crash loop, который проходит за отсрочку", max_seconds=25
)
def crash_heals(stage: Stage) -> Iterator[None]:
    stage.deploy(web("1", fate="heals", heals_after=9))
    yield


@scenario(
    "an init container that crashes",
    Outcome.DEGRADED,
    ru="init-контейнер завершается с ошибкой",
    cause="init container migrate: CrashLoopBackOff",
    max_seconds=POD_LIMIT,
)
def init_crash(stage: Stage) -> Iterator[None]:
    stage.deploy(web("1", fate="init-crash"))
    yield


@scenario(
    "a missing ConfigMap",
    Outcome.DEGRADED,
    ru="нет ConfigMap",
    cause="CreateContainerConfigError",
    max_seconds=POD_LIMIT,
)
def missing_configmap(stage: Stage) -> Iterator[None]:
    stage.deploy(web("1", fate="config-error"))
    yield


@scenario(
    "a StatefulSet without quota",
    Outcome.DEGRADED,
    ru="StatefulSet без места в квоте",
    cause="exceeded quota",
    max_seconds=POD_LIMIT,
)
def stateful_quota(stage: Stage) -> Iterator[None]:
    """Only the events explain why no pod is created."""
    stage.allow_no_pods()
    stage.deploy({"db.yaml": manifests.stateful_set("db", f"{IMAGE}:1")})
    yield


@scenario(
    "a pod that no node can take",
    Outcome.TIMED_OUT,
    ru="под, который не берёт ни один узел",
    cause=causes.UNSCHEDULABLE,
    max_seconds=14,
)
def unschedulable(stage: Stage) -> Iterator[None]:
    """An autoscaler can still add a node, so this is no failure before the timeout."""
    stage.settings["RELEASE_TIMEOUT"] = "10"
    stage.deploy(web("1", fate="unschedulable"))
    yield


@scenario(
    "a fix of a StatefulSet whose pods crash", GREEN, ru="исправление StatefulSet с подами в crash loop", max_seconds=50
)
def stateful_fix(stage: Stage) -> Iterator[None]:
    """Kubernetes replaces the pods one after another. Meanwhile, the old ones still crash."""
    stage.deploy({"db.yaml": manifests.stateful_set("db", f"{IMAGE}:1", fate="crash", replicas=3, parallel=True)})
    stage.until(lambda state: status(state, "sync", "status") == "Synced")
    stage.sleep(3)
    new = manifests.stateful_set("db", f"{IMAGE}:2", replicas=3, parallel=True, ready_after="11s")
    stage.commit({"db.yaml": new})
    yield


@scenario(
    "a StatefulSet that waits for a broken pod",
    Outcome.TIMED_OUT,
    ru="StatefulSet ждёт неисправный под",
    cause=literal(causes.PREVIOUS_REVISION),
    max_seconds=21,
)
def stateful_blocked(stage: Stage) -> Iterator[None]:
    """The fix is applied, but Kubernetes replaces no pod while the broken one is not ready."""
    stage.settings["RELEASE_TIMEOUT"] = "15"
    stage.deploy({"db.yaml": manifests.stateful_set("db", f"{IMAGE}:1", fate="crash", replicas=2)})
    stage.until(lambda state: status(state, "sync", "status") == "Synced")
    stage.sleep(3)
    stage.commit({"db.yaml": manifests.stateful_set("db", f"{IMAGE}:2", replicas=2)})
    yield


@scenario(
    "a rollout in which every pod crashes once",
    GREEN,
    ru="обновление, при котором каждый под один раз завершается с ошибкой",
    max_seconds=50,
)
def each_crashes_once(stage: Stage) -> Iterator[None]:
    """Each pod heals within its grace period, but all of them together take longer."""
    stage.deployed(web("1", replicas=3))
    stage.commit(web("2", replicas=3, fate="heals", heals_after=8))
    yield


def _nightly(stage: Stage) -> None:
    """Run the CronJob, whose pod is not deleted afterwards."""
    stage.sandbox.kubectl("create", "job", "nightly-1", "--from=cronjob/nightly", "-n", stage.name)
    ended = "--for=jsonpath={.status.conditions[*].status}=True"
    stage.sandbox.kubectl("wait", ended, "--timeout=20s", "job/nightly-1", "-n", stage.name)


@scenario(
    "RELEASE_IMAGE, which only a finished pod has",
    Outcome.TIMED_OUT,
    ru="RELEASE_IMAGE, который есть только у завершённого пода",
    cause=literal(verdict.OTHER_IMAGE),
    max_seconds=14,
)
def image_of_a_finished_pod(stage: Stage) -> Iterator[None]:
    stage.deployed(web("1"), {"nightly.yaml": manifests.cron_job("nightly", image=f"{IMAGE}:1")})
    _nightly(stage)
    stage.deploy_again(web("2"), {"nightly.yaml": manifests.cron_job("nightly", image=f"{IMAGE}:2")})
    stage.settings |= {"RELEASE_IMAGE": f"{IMAGE}:1", "RELEASE_TIMEOUT": "10"}
    yield


@scenario(
    "a CronJob failed last night, and a probe fails now",
    Outcome.TIMED_OUT,
    ru="CronJob не удался ночью, а probe не проходит сейчас",
    cause="Readiness probe failed",
    max_seconds=14,
)
def old_cronjob_failure(stage: Stage) -> Iterator[None]:
    stage.settings["RELEASE_TIMEOUT"] = "10"
    stage.deployed(web("1"), {"nightly.yaml": manifests.cron_job("nightly", fate="fail")})
    _nightly(stage)
    stage.commit(web("2", fate="never-ready"))
    yield


@scenario(
    "a Secret that cannot be mounted",
    Outcome.TIMED_OUT,
    ru="Secret, который нельзя смонтировать",
    cause="MountVolume.SetUp failed",
    max_seconds=14,
)
def not_mounted(stage: Stage) -> Iterator[None]:
    stage.settings["RELEASE_TIMEOUT"] = "10"
    stage.deploy(web("1", fate="not-mounted"))
    yield


@scenario(
    "an Ingress without an address",
    Outcome.TIMED_OUT,
    ru="Ingress без адреса",
    cause=verdict.NO_ADDRESS.fill(resource="Ingress/web"),
    max_seconds=12,
)
def ingress(stage: Stage) -> Iterator[None]:
    stage.settings["RELEASE_TIMEOUT"] = "8"
    stage.deploy(web("1"), {"ingress.yaml": manifests.ingress("web")})
    yield


@scenario(
    "a LoadBalancer without an address",
    Outcome.TIMED_OUT,
    ru="LoadBalancer без адреса",
    cause=verdict.NO_LOAD_BALANCER.fill(resource="Service/web"),
    max_seconds=12,
)
def load_balancer(stage: Stage) -> Iterator[None]:
    stage.settings["RELEASE_TIMEOUT"] = "8"
    stage.deploy(web("1"), {"service.yaml": manifests.load_balancer("web")})
    yield


@scenario(
    "a claim without a storage class",
    Outcome.TIMED_OUT,
    ru="claim без storage class",
    cause="no storage class is set",
    max_seconds=14,
)
def claim_without_class(stage: Stage) -> Iterator[None]:
    """The cause is the claim, not the pod that waits for it."""
    stage.settings["RELEASE_TIMEOUT"] = "10"
    stage.deploy(web("1", claim="data"), {"claim.yaml": manifests.claim("data")})
    yield


@scenario(
    "a claim of an unknown storage class",
    Outcome.TIMED_OUT,
    ru="claim с неизвестным storage class",
    cause='"fast" not found',
    max_seconds=14,
)
def claim_of_unknown_class(stage: Stage) -> Iterator[None]:
    stage.settings["RELEASE_TIMEOUT"] = "10"
    stage.deploy(web("1"), {"claim.yaml": manifests.claim("data", storage_class="fast")})
    yield


@scenario(
    "a policy that forbids the pods",
    Outcome.DEGRADED,
    ru="политика запрещает поды",
    cause="denied request: say who",
    max_seconds=POD_LIMIT,
)
def forbidden_pods(stage: Stage) -> Iterator[None]:
    stage.allow_only_owned_pods()
    stage.deploy(web("1"))
    yield


@scenario(
    "a DaemonSet whose pods are forbidden",
    Outcome.DEGRADED,
    ru="DaemonSet, поды которого запрещены",
    cause=f"DaemonSet/agent: {causes.NO_PODS}",
    max_seconds=POD_LIMIT,
)
def forbidden_daemon(stage: Stage) -> Iterator[None]:
    stage.allow_only_owned_pods()
    stage.deploy({"agent.yaml": manifests.daemon_set("agent", f"{IMAGE}:1")})
    yield


@scenario("a chart's version with build metadata", GREEN, ru="версия чарта с метаданными сборки")
def chart_build(stage: Stage) -> Iterator[None]:
    charts = stage.sandbox.chart_repository(stage.name)
    charts.publish("web", "1.0.0+5", manifests.helm_chart("web", "1.0.0+5", f"{IMAGE}:1"))
    stage.application = stage.sandbox.application(stage.name, charts.source("web", "1.*"))
    # The expected version comes from an image tag, in which the character + is not allowed.
    stage.settings["RELEASE_CHART_VERSION"] = "v1.0.0_5"
    yield


def _delivered(version: str) -> Callable[[State], bool]:
    def holds(state: State) -> bool:
        return (status(state, "sync", "revision"), status(state, "health", "status")) == (version, "Healthy")

    return holds


@scenario(
    "a resource whose health is ignored",
    Outcome.DELIVERED,
    ru="ресурс, health которого не учитывается",
    max_seconds=40,
    parts=("commit-server",),
)
def ignored_health(stage: Stage) -> Iterator[None]:
    """Argo CD knows the annotation since 2.14, like the commit-server. The other Deployment takes longer."""
    document = json.loads(manifests.deployment("extra", f"{IMAGE}:1", fate="crash"))
    document["metadata"]["annotations"] = {"argocd.argoproj.io/ignore-healthcheck": "true"}
    stage.deploy(web("1", ready_after="25s"), {"extra.yaml": json.dumps(document)})
    yield
