"""Releases that fail. The job must name the cause, and end within 5 s after the grace period."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from argocd_release.messages import argocd, verdict
from argocd_release.model.outcome import Outcome
from sandbox import manifests
from scenarios.dsl import Stage, config, literal, scenario, status, web

SLACK = 5.0
# The time until the first pod is created and kwok applies its fate.
START = 4.0
POD_GRACE = 15.0
STRICT_POD_GRACE = 5.0
CONDITION_GRACE = 10.0


@scenario(
    "a crash loop", Outcome.DEGRADED, ru="crash loop", cause="CrashLoopBackOff", max_seconds=START + POD_GRACE + SLACK
)
def crash_loop(stage: Stage) -> Iterator[None]:
    stage.deploy(web("1", fate="crash"))
    yield


@scenario(
    "a crash loop of a commit not noticed yet",
    Outcome.DEGRADED,
    ru="crash loop коммита, которого Argo CD ещё не заметил",
    cause="CrashLoopBackOff",
    max_seconds=START + POD_GRACE + SLACK,
)
def stale_then_crash(stage: Stage) -> Iterator[None]:
    """Here, the plain `argocd app wait` succeeds immediately."""
    stage.deployed(web("1"))
    stage.commit(web("2", fate="crash"))
    yield


@scenario(
    "an image that cannot be pulled",
    Outcome.DEGRADED,
    ru="образ, который нельзя скачать",
    cause="ImagePullBackOff",
    max_seconds=START + POD_GRACE + SLACK,
)
def image_pull(stage: Stage) -> Iterator[None]:
    stage.deploy(web("1", fate="image-pull"))
    yield


@scenario(
    "a quota that allows no pod",
    Outcome.DEGRADED,
    ru="квота не разрешает ни одного пода",
    cause="exceeded quota",
    max_seconds=START + POD_GRACE + SLACK,
)
def quota(stage: Stage) -> Iterator[None]:
    """No pod can be created, and the application stays Progressing."""
    stage.allow_no_pods()
    stage.deploy(web("1"))
    yield


@scenario(
    "a readiness probe that never succeeds",
    Outcome.DEGRADED,
    ru="readiness probe никогда не проходит",
    cause="Readiness probe failed",
    max_seconds=27,
)
def not_ready(stage: Stage) -> Iterator[None]:
    """The Deployment becomes Degraded after 3 s, its progress deadline. The grace period of 15 s starts then."""
    stage.deploy(web("1", fate="never-ready", deadline=3))
    yield


@scenario(
    "Degraded already before the job",
    Outcome.DEGRADED,
    ru="приложение Degraded ещё до начала джоба",
    cause="Readiness probe failed",
    max_seconds=15 + SLACK,
)
def already_degraded(stage: Stage) -> Iterator[None]:
    stage.deploy(web("1", fate="never-ready", deadline=1))
    stage.until(lambda state: status(state, "health", "status") == "Degraded")
    yield


@scenario(
    "a manifest that the API rejects",
    Outcome.SYNC_FAILED,
    ru="манифест, который отвергает API",
    cause="spec.replicas: Invalid value",
    max_seconds=20,
)
def rejected_manifest(stage: Stage) -> Iterator[None]:
    """Argo CD retries the sync five times, but two failed attempts suffice for a verdict."""
    stage.deployed(web("1"))
    stage.commit(web("2", replicas=-2))
    yield


@scenario(
    "a rejected manifest, without retries",
    Outcome.SYNC_FAILED,
    ru="отвергнутый манифест, без повторов",
    cause="spec.replicas: Invalid value",
    max_seconds=8,
)
def rejected_once(stage: Stage) -> Iterator[None]:
    stage.deploy(web("1", replicas=-2), retry_limit=0)
    yield


@scenario(
    "a manifest that is not YAML",
    Outcome.SYNC_FAILED,
    ru="манифест с неверным YAML",
    cause="ComparisonError",
    max_seconds=CONDITION_GRACE + SLACK + 2,
)
def broken_manifest(stage: Stage) -> Iterator[None]:
    stage.deployed(web("1"))
    stage.commit({"web.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n spec: [\n"})
    yield


@scenario(
    "auto-sync will not delete everything",
    Outcome.SYNC_FAILED,
    ru="автоматическая синхронизация отказывается удалить всё",
    cause="auto-sync will wipe out all resources",
    max_seconds=CONDITION_GRACE + SLACK + 2,
)
def auto_sync_refuses_to_prune_all(stage: Stage) -> Iterator[None]:
    """The only manifest lacks its `kind`. Argo CD skips the file, and then has nothing left to apply."""
    stage.deployed(web("1"))
    stage.commit({"web.yaml": "kind: {{ unfinished"})
    yield


@scenario(
    "a path that is not there",
    Outcome.SYNC_FAILED,
    ru="путь, которого нет",
    cause="app path does not exist",
    max_seconds=CONDITION_GRACE + SLACK + 2,
)
def missing_path(stage: Stage) -> Iterator[None]:
    stage.deploy(web("1"), path="not/there")
    yield


@scenario(
    "a branch that is not there",
    Outcome.SYNC_FAILED,
    ru="ветка, которой нет",
    cause="ComparisonError",
    max_seconds=CONDITION_GRACE + SLACK + 2,
)
def missing_branch(stage: Stage) -> Iterator[None]:
    stage.deploy(web("1"), source={"targetRevision": "nowhere"})
    yield


@scenario(
    "a namespace that is not there",
    Outcome.SYNC_FAILED,
    ru="неймспейс, которого нет",
    cause='namespaces "',
    max_seconds=20,
)
def missing_namespace(stage: Stage) -> Iterator[None]:
    # Another application could create the namespace, so this failure has a grace period.
    stage.settings["RELEASE_HEALING_GRACE"] = "8"
    stage.deploy(config("web", namespace=f"{stage.name}-nowhere"))
    yield


@scenario(
    "a failed PreSync hook", Outcome.SYNC_FAILED, ru="неудачный PreSync hook", cause="Job/migrate", max_seconds=25
)
def pre_sync_hook(stage: Stage) -> Iterator[None]:
    stage.deploy(web("1"), {"hook.yaml": manifests.hook("migrate", "PreSync", fate="fail")})
    yield


@scenario(
    "a hook past its deadline",
    Outcome.SYNC_FAILED,
    ru="хук превысил свой предел времени",
    cause="Job/migrate: Failed — Job was active",
    max_seconds=15,
)
def hook_deadline(stage: Stage) -> Iterator[None]:
    """Kubernetes deletes the running pod of the hook."""
    stage.deploy(
        web("1"), {"hook.yaml": manifests.hook("migrate", "PreSync", ends_after="60s", deadline=3)}, retry_limit=0
    )
    yield


@scenario(
    "a failed PostSync hook after Healthy",
    Outcome.SYNC_FAILED,
    ru="неудачный PostSync hook после Healthy",
    cause="Job/smoke-test",
    max_seconds=15,
)
def post_sync_hook(stage: Stage) -> Iterator[None]:
    """The application is Synced and Healthy, but not delivered. Here, the script of the old guide succeeds."""
    hook = manifests.hook("smoke-test", "PostSync", fate="fail", ends_after="2s")
    stage.deploy(web("1"), {"hook.yaml": hook}, retry_limit=0)
    yield


@scenario(
    "a project that forbids the destination",
    Outcome.SYNC_FAILED,
    ru="проект запрещает место назначения",
    cause="InvalidSpecError",
    max_seconds=CONDITION_GRACE + SLACK + 2,
)
def forbidden_destination(stage: Stage) -> Iterator[None]:
    stage.sandbox.project(stage.name, destinations=[{"server": "*", "namespace": "elsewhere"}])
    stage.deploy(web("1"), project=stage.name)
    yield


@scenario(
    "an application that manages nothing",
    Outcome.NOT_DELIVERED,
    ru="приложение без ресурсов",
    cause=literal(verdict.EMPTY),
    max_seconds=10 + SLACK,
)
def empty(stage: Stage) -> Iterator[None]:
    """Argo CD skips a file without apiVersion, kind and metadata, and is Synced and Healthy without any resource."""
    stage.deploy({"values.yaml": "replicas: 2\n"})
    yield


@scenario(
    "an application that is not there",
    Outcome.MISSING,
    ru="приложение, которого нет",
    cause=literal(argocd.APPLICATION_MISSING),
    max_seconds=3,
)
def missing(stage: Stage) -> Iterator[None]:
    stage.repository.commit({"README.md": "no application was made of this"})
    yield


@scenario(
    "an application deleted midway",
    Outcome.MISSING,
    ru="приложение удалили, пока джоб ждёт",
    cause=verdict.DELETED_WHILE_TRACKED,
    max_seconds=17 + 10 + SLACK,
)
def deleted(stage: Stage) -> Iterator[None]:
    stage.deploy(web("1", fate="never-ready"))
    yield
    # The pause is long enough for the job to see it, even on a busy machine.
    stage.sleep(16)
    stage.running.delete()


@scenario(
    "no automated sync policy",
    Outcome.TIMED_OUT,
    ru="синхронизация не запущена, sync policy нет",
    cause=literal(verdict.WHY_MANUAL),
    max_seconds=15,
)
def manual_sync_policy(stage: Stage) -> Iterator[None]:
    stage.settings["RELEASE_TIMEOUT"] = "10"
    stage.deploy(web("1"), automated=False)
    yield


@scenario("pruning is off", Outcome.TIMED_OUT, ru="prune выключен", cause=literal(verdict.PRUNE_OFF), max_seconds=15)
def pending_prune(stage: Stage) -> Iterator[None]:
    stage.settings["RELEASE_TIMEOUT"] = "10"
    stage.deployed(web("1"), config("old"), prune=False)
    stage.commit(web("2"), {"old-config.yaml": None})
    yield


@scenario(
    "a sync window that forbids",
    Outcome.TIMED_OUT,
    ru="запрещающее окно синхронизации",
    cause=literal(verdict.WHY_SYNC_WINDOW),
    max_seconds=15,
)
def sync_window(stage: Stage) -> Iterator[None]:
    stage.settings["RELEASE_TIMEOUT"] = "10"
    window = {"kind": "deny", "schedule": "* * * * *", "duration": "1h", "applications": ["*"]}
    stage.sandbox.project(stage.name, syncWindows=[window])
    stage.deploy(web("1"), project=stage.name)
    yield


@scenario(
    "a sync window that allows a sync only later",
    Outcome.TIMED_OUT,
    ru="окно, которое разрешит синхронизацию позже",
    cause="the next sync by Argo CD itself is possible at",
    max_seconds=15,
)
def sync_window_opens_later(stage: Stage) -> Iterator[None]:
    stage.settings["RELEASE_TIMEOUT"] = "10"
    later = datetime.now(UTC) + timedelta(hours=3)
    schedule = f"{later.minute} {later.hour} * * *"
    window = {"kind": "allow", "schedule": schedule, "duration": "1h", "applications": ["*"], "timeZone": "UTC"}
    stage.sandbox.project(stage.name, syncWindows=[window])
    stage.deploy(web("1"), project=stage.name)
    yield


@scenario(
    "a rollout slower than the timeout",
    Outcome.TIMED_OUT,
    ru="обновление дольше таймаута",
    cause="Readiness probe failed",
    max_seconds=12,
)
def too_slow(stage: Stage) -> Iterator[None]:
    stage.settings["RELEASE_TIMEOUT"] = "8"
    stage.deploy(web("1", fate="never-ready"))
    yield


@scenario(
    "RELEASE_PATIENCE=strict ends a crash loop sooner",
    Outcome.DEGRADED,
    ru="RELEASE_PATIENCE=strict раньше завершает ожидание при crash loop",
    cause="CrashLoopBackOff",
    max_seconds=START + STRICT_POD_GRACE + SLACK,
)
def patience_strict(stage: Stage) -> Iterator[None]:
    """With the default, the job would end after ``POD_GRACE``, which is later than the limit."""
    stage.settings["RELEASE_PATIENCE"] = "strict"
    stage.deploy(web("1", fate="crash"))
    yield


@scenario(
    "RELEASE_FAIL_FAST=false waits for the timeout",
    Outcome.TIMED_OUT,
    ru="RELEASE_FAIL_FAST=false ждёт таймаута",
    cause="CrashLoopBackOff",
    max_seconds=24,
)
def fail_fast_off(stage: Stage) -> Iterator[None]:
    stage.settings |= {"RELEASE_FAIL_FAST": "false", "RELEASE_TIMEOUT": "20", "RELEASE_IMAGE": "1"}
    stage.deploy(web("1", fate="crash"))
    yield
