"""Failures whose evidence disappears. For example, the pod and log of a failed hook exist only for seconds."""

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from argocd_release.messages import drift, hooks, reports, verdict
from argocd_release.model.outcome import Outcome
from argocd_release.timing import SITE_PAUSE
from sandbox import manifests
from scenarios.dsl import IMAGE, Stage, config, literal, scenario, status, web
from scenarios.fake_servers import site
from scenarios.healing import definition, widget

LAST_WORDS = "cannot connect to database at db:5432: connection refused"
_REJECTED = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "rejected", "labels": {"a": "not valid!"}}}
# The first attempt fails after 3 s. Argo CD starts the second one 5 s later, and then replaces the hook.
FIRST_ATTEMPT = 12.0


def _read_logs(stage: Stage) -> None:
    """Give the job the right to read logs, which Argo CD requires since 3.0."""
    policy = ("applications, get, */*, allow", "projects, get, *, allow", "logs, get, */*, allow")
    stage.settings["ARGOCD_AUTH_TOKEN"] = stage.sandbox.token(stage.name, policy)


def _migration(stage: Stage, **options: Any) -> None:
    _read_logs(stage)
    stage.deployed(web("1"))
    options = {"fate": "fail", "ends_after": "2s"} | options
    stage.commit(web("2"), {"hook.yaml": manifests.hook("migrate", "PreSync", **options)})


@scenario(
    "a failed migration of a service that runs",
    Outcome.SYNC_FAILED,
    ru="неудачная миграция работающего сервиса",
    cause=LAST_WORDS,
    max_seconds=FIRST_ATTEMPT,
)
def migration_fails(stage: Stage) -> Iterator[None]:
    _migration(stage)
    yield


@scenario(
    "a failed migration without a hook-delete-policy",
    Outcome.SYNC_FAILED,
    ru="неудачная миграция без hook-delete-policy",
    cause=LAST_WORDS,
    max_seconds=FIRST_ATTEMPT,
)
def migration_without_policy(stage: Stage) -> Iterator[None]:
    _migration(stage, delete="")
    yield


@scenario(
    "a failed migration with generateName",
    Outcome.SYNC_FAILED,
    ru="неудачная миграция с generateName",
    cause=LAST_WORDS,
    max_seconds=FIRST_ATTEMPT,
)
def migration_with_generated_name(stage: Stage) -> Iterator[None]:
    _migration(stage, generate_name=True)
    yield


@scenario(
    "a failed migration that Argo CD deletes at once (HookFailed)",
    Outcome.SYNC_FAILED,
    ru="неудачная миграция, которую Argo CD сразу удаляет (HookFailed)",
    cause=LAST_WORDS,
    max_seconds=FIRST_ATTEMPT,
)
def migration_deleted_when_failed(stage: Stage) -> Iterator[None]:
    _migration(stage, delete="HookFailed")
    yield


@scenario(
    "a failed migration with generateName that Argo CD deletes whatever its end",
    Outcome.SYNC_FAILED,
    ru="неудачная миграция с generateName, которую Argo CD удаляет при любом исходе",
    cause=LAST_WORDS,
    max_seconds=FIRST_ATTEMPT,
)
def migration_always_deleted(stage: Stage) -> Iterator[None]:
    _migration(stage, delete="HookSucceeded,HookFailed", generate_name=True)
    yield


@scenario(
    "a failed migration with the hook-delete-policy HookSucceeded",
    Outcome.SYNC_FAILED,
    ru="неудачная миграция с hook-delete-policy HookSucceeded",
    cause=LAST_WORDS,
    max_seconds=FIRST_ATTEMPT,
)
def migration_kept_when_failed(stage: Stage) -> Iterator[None]:
    _migration(stage, delete="HookSucceeded")
    yield


@scenario(
    "a failed smoke test that Argo CD deletes at once",
    Outcome.SYNC_FAILED,
    ru="неудачная проверка PostSync, которую Argo CD сразу удаляет",
    cause=LAST_WORDS,
    max_seconds=FIRST_ATTEMPT,
)
def smoke_test_deleted(stage: Stage) -> Iterator[None]:
    _read_logs(stage)
    smoke = manifests.hook("smoke-test", "PostSync", fate="fail", ends_after="2s", delete="HookFailed")
    stage.deployed(web("1"))
    stage.commit(web("2"), {"smoke.yaml": smoke})
    yield


# OutOfSync after a successful sync. Each cause has a different hint (argo-cd#8134, #8811, #5105, #12039).

DRIFT = {"RELEASE_STUCK_GRACE": "5"}
DRIFT_ENDS = 5.0 + 8.0


@scenario(
    "a resource with Prune=false is no longer in git",
    Outcome.NOT_DELIVERED,
    ru="ресурса с Prune=false больше нет в git",
    cause=literal(verdict.PRUNE_FALSE),
    max_seconds=DRIFT_ENDS,
)
def prune_false(stage: Stage) -> Iterator[None]:
    stage.settings |= DRIFT
    kept = json.loads(manifests.config_map("kept", colour="blue"))
    kept["metadata"]["annotations"] = {"argocd.argoproj.io/sync-options": "Prune=false"}
    stage.deployed(web("1"), {"kept.yaml": json.dumps(kept)})
    stage.commit(web("2"), {"kept.yaml": None})
    yield


@scenario(
    "a finalizer holds what is pruned",
    Outcome.NOT_DELIVERED,
    ru="finalizer держит удаляемый ресурс",
    cause="example.com/hold",
    max_seconds=DRIFT_ENDS + 3,
)
def finalizer_holds(stage: Stage) -> Iterator[None]:
    stage.settings |= DRIFT
    held = json.loads(manifests.config_map("held", colour="blue"))
    held["metadata"]["finalizers"] = ["example.com/hold"]
    stage.deployed(web("1"), {"held.yaml": json.dumps(held)})
    stage.commit(web("2"), {"held.yaml": None})
    yield
    stage.wait_for_end_of_job()
    stage.sandbox.kubectl(
        "patch", "configmap", "held", "-n", stage.name, "--type=merge", '-p={"metadata":{"finalizers":null}}'
    )


@scenario(
    "two applications have the same resource",
    Outcome.NOT_DELIVERED,
    ru="один ресурс у двух приложений",
    cause=literal(verdict.SHARED, application="play-shared-resource-other"),
    max_seconds=DRIFT_ENDS,
)
def shared_resource(stage: Stage) -> Iterator[None]:
    stage.settings |= DRIFT
    stage.deployed(web("1"), config("shared"))
    other = stage.sandbox.repository(f"{stage.name}-other")
    other.commit(config("shared", colour="red"))
    taken = stage.sandbox.application(f"{stage.name}-other", other, namespace=stage.name)
    taken.wait_for(lambda state: status(state, "sync", "status") == "Synced")
    stage.running.refresh()
    stage.until(lambda state: status(state, "sync", "status") == "OutOfSync")
    yield


@scenario(
    "another controller changes what was synced",
    Outcome.NOT_DELIVERED,
    ru="другой контроллер меняет то, что было применено",
    cause=literal(drift.OVERWRITTEN, manager="autoscaler"),
    max_seconds=DRIFT_ENDS,
)
def overwritten(stage: Stage) -> Iterator[None]:
    stage.settings |= DRIFT
    stage.deployed(web("1"))
    _autoscale(stage, 2)
    stage.until(lambda state: status(state, "sync", "status") == "OutOfSync")
    yield


def _autoscale(stage: Stage, replicas: int) -> None:
    patch = json.dumps({"spec": {"replicas": replicas}})
    as_controller = ("--field-manager=autoscaler", "--type=merge", f"--patch={patch}")
    stage.sandbox.kubectl("patch", "deployment", "web", "-n", stage.name, *as_controller)


@scenario(
    "the API server drops a field of the manifest",
    Outcome.NOT_DELIVERED,
    ru="API-сервер отбрасывает поле манифеста",
    cause=literal(drift.NOT_KEPT, resource="Widget/gear"),
    max_seconds=DRIFT_ENDS + 5,
)
def field_dropped(stage: Stage) -> Iterator[None]:
    """The field is not in the schema of the custom resource, so it is never in the cluster."""
    stage.settings |= DRIFT
    _drops_a_field(stage)
    yield


@scenario(
    "the API server drops a field of the manifest, and selfHeal repeats the sync",
    Outcome.TIMED_OUT,
    ru="API-сервер отбрасывает поле манифеста, а selfHeal повторяет синхронизацию",
    cause=literal(drift.NOT_KEPT, resource="Widget/gear"),
    max_seconds=30,
)
def field_dropped_again(stage: Stage) -> Iterator[None]:
    stage.settings["RELEASE_TIMEOUT"] = "20"
    _drops_a_field(stage, self_heal=True)
    yield


def _drops_a_field(stage: Stage, **options: Any) -> None:
    crd = definition(stage)
    size = {"type": "object", "properties": {"size": {"type": "integer"}}}
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"] = {"type": "object", "properties": {"spec": size}}
    stage.sandbox.apply(crd)
    stage.sleep(3)
    stage.deploy(web("1"), widget(stage, spec={"size": 1, "typo": True}), **options)


@scenario(
    "another controller and selfHeal change the same field in turn",
    Outcome.TIMED_OUT,
    ru="другой контроллер и selfHeal по очереди меняют одно поле",
    cause=literal(drift.OVERWRITTEN, manager="autoscaler"),
    max_seconds=25,
)
def fight(stage: Stage) -> Iterator[None]:
    stage.settings["RELEASE_TIMEOUT"] = "15"
    stage.deployed(web("1"), self_heal=True)
    # Autoscale before the job starts. Otherwise, two looks of the job would see the application Synced.
    _autoscale(stage, 2)
    stage.until(lambda state: status(state, "sync", "status") == "OutOfSync")
    yield
    # Patch so often that the application is never Synced for the 0.3 s between a look and the look that confirms it.
    for step in range(150):
        _autoscale(stage, 2 + step % 5)
        stage.sleep(0.05)


# The failure or the pods belong to the operation of another revision (argo-cd#17314, #4811, #11473).


def _hangs(stage: Stage) -> None:
    """Push a commit whose sync hangs in its first wave, and then the fix."""
    later = json.loads(manifests.config_map("later", colour="blue"))
    later["metadata"]["annotations"] = {"argocd.argoproj.io/sync-wave": "1"}
    stage.deploy(web("1", fate="crash"), {"later.yaml": json.dumps(later)})
    stage.until(lambda state: "waiting for healthy state" in str(status(state, "operationState", "message")))
    stage.commit(web("2"))


@scenario(
    "the sync of an earlier commit hangs, and this commit is the fix",
    Outcome.NOT_DELIVERED,
    ru="синхронизация более раннего коммита зависла, а этот коммит её исправляет",
    cause="waiting for healthy state of apps/Deployment/web",
    max_seconds=DRIFT_ENDS,
)
def old_sync_hangs(stage: Stage) -> Iterator[None]:
    stage.settings |= DRIFT
    _hangs(stage)
    yield


@scenario(
    "the sync of an earlier commit hangs, and RELEASE_TERMINATE_OLD_SYNC ends it",
    Outcome.DELIVERED,
    ru="синхронизация более раннего коммита зависла, и RELEASE_TERMINATE_OLD_SYNC завершает её",
    max_seconds=25,
)
def old_sync_terminated(stage: Stage) -> Iterator[None]:
    stage.settings |= DRIFT | {"RELEASE_TERMINATE_OLD_SYNC": "true"}
    _hangs(stage)
    yield


@scenario(
    "the sync of an earlier commit runs a slow migration",
    Outcome.DELIVERED,
    ru="синхронизация более раннего коммита выполняет долгую миграцию",
    max_seconds=25,
)
def old_sync_slow(stage: Stage) -> Iterator[None]:
    stage.settings |= DRIFT
    stage.deployed(web("1"))
    migrate = manifests.hook("migrate", "PreSync", starts_after="200ms", ends_after="14s")
    stage.commit(web("2"), {"migrate.yaml": migrate})
    stage.running.refresh()
    stage.until(lambda state: "waiting for completion of hook" in str(status(state, "operationState", "message")))
    stage.commit(web("3"), {"migrate.yaml": None})
    yield


@scenario(
    "the sync of an earlier commit is retried in vain, and RELEASE_TERMINATE_OLD_SYNC ends it",
    Outcome.DELIVERED,
    ru="синхронизация более раннего коммита повторяется без успеха, и RELEASE_TERMINATE_OLD_SYNC завершает её",
    max_seconds=30,
)
def old_sync_retried(stage: Stage) -> Iterator[None]:
    """The API server rejects a manifest, and this commit removes it. Argo CD retries the sync for five minutes."""
    stage.settings |= DRIFT | {"RELEASE_TERMINATE_OLD_SYNC": "true"}
    stage.deployed(web("1"))
    stage.commit(web("2"), {"rejected.yaml": json.dumps(_REJECTED)})
    stage.running.refresh()
    stage.until(lambda state: bool(status(state, "operationState", "retryCount")))
    stage.commit(web("3"), {"rejected.yaml": None})
    yield


@scenario(
    "a PreSync hook failed, and the SyncFail hook cannot start",
    Outcome.SYNC_FAILED,
    ru="PreSync hook не удался, а SyncFail hook не может начаться",
    cause=LAST_WORDS,
    max_seconds=FIRST_ATTEMPT,
)
def sync_fail_hook_hangs(stage: Stage) -> Iterator[None]:
    _read_logs(stage)
    stage.deployed(web("1"))
    migrate = manifests.hook("migrate", "PreSync", fate="fail", ends_after="1s")
    notify = manifests.hook("notify", "SyncFail", fate="image-pull")
    stage.commit(web("2"), {"migrate.yaml": migrate, "notify.yaml": notify})
    yield


@scenario(
    "a person ends the sync",
    Outcome.SYNC_FAILED,
    ru="синхронизацию завершил человек",
    cause=literal(verdict.SYNC_TERMINATED),
    max_seconds=20,
)
def sync_ended_by_hand(stage: Stage) -> Iterator[None]:
    stage.deployed(web("1"), retry_limit=0)
    stage.commit(web("2"), {"hook.yaml": manifests.hook("slow", "PreSync", ends_after="60s")})
    yield
    stage.until(lambda state: "waiting for completion of hook" in str(status(state, "operationState", "message")))
    # The application controller can overwrite the request with its own state of the operation, which loses the request.
    for _ in range(3):
        stage.sandbox.argocd("app", "terminate-op", stage.name)
        with suppress(TimeoutError):
            stage.until(lambda state: status(state, "operationState", "phase") not in {"Running", "Terminating"}, 4)
            return


@scenario(
    "the application has the annotation skip-reconcile",
    Outcome.NOT_DELIVERED,
    ru="у приложения аннотация skip-reconcile",
    cause=literal(verdict.SKIPPED),
    max_seconds=30,
)
def skip_reconcile(stage: Stage) -> Iterator[None]:
    stage.settings |= DRIFT
    stage.deployed(web("1"))
    annotation = "argocd.argoproj.io/skip-reconcile=true"
    stage.sandbox.kubectl("annotate", "application", stage.name, "-n", "argocd", annotation)
    stage.commit(web("2"))
    yield


@scenario(
    "an evicted pod that was replaced",
    Outcome.TIMED_OUT,
    ru="вытесненный под, который уже заменён",
    cause="not ready",
    max_seconds=20,
)
def evicted_pod(stage: Stage) -> Iterator[None]:
    """The cause is the pod that has replaced the evicted pod, not the evicted pod."""
    stage.settings["RELEASE_TIMEOUT"] = "8"
    stage.deploy(web("1", fate="never-ready"))
    stage.until(lambda state: status(state, "health", "status") == "Progressing")
    pods: list[str] = []
    while not pods:
        pods = stage.sandbox.kubectl("get", "pods", "-o", "name", "-n", stage.name).split()
        stage.sleep(1)
    status_patch = json.dumps(
        {"status": {"phase": "Failed", "reason": "Evicted", "message": "The node was low on memory"}}
    )
    stage.sandbox.kubectl(
        "patch", pods[0], "-n", stage.name, "--subresource=status", "--type=merge", f"--patch={status_patch}"
    )
    yield


@scenario(
    "the site serves the expected version a while after the delivery",
    Outcome.DELIVERED,
    ru="сайт отдаёт ожидаемую версию через некоторое время после доставки",
    cause="delivered; checking",
    max_seconds=30,
)
def newer_site(stage: Stage) -> Iterator[None]:
    """The job must not take the old version, and must see the new version three times in a row."""
    stage.deployed(web("1"))
    with site(newer_after=12) as url:
        stage.settings |= {
            "RELEASE_URL_CHECK": "true", "RELEASE_SITE_URL": url, "RELEASE_URL_STATUS": "200",
            "RELEASE_URL_BODY": "version 2", "RELEASE_URL_SUCCESS_THRESHOLD": "3",
        }  # fmt: skip
        stage.delivered_when = None
        newer_at = time.time() + 12
        yield
        stage.wait_for_end_of_job()
    if time.time() < newer_at + 2 * SITE_PAUSE:
        raise AssertionError("the job has not seen the new version three times")


@scenario(
    "the site serves an old version",
    Outcome.TIMED_OUT,
    ru="сайт отдаёт старую версию",
    cause="expected the text “version 2”, received HTTP status 200 with “version 1”",
    max_seconds=20,
)
def old_site(stage: Stage) -> Iterator[None]:
    stage.deployed(web("1"))
    with site(newer_after=3600) as url:
        stage.settings |= {
            "RELEASE_TIMEOUT": "8", "RELEASE_URL_CHECK": "true", "RELEASE_SITE_URL": url,
            "RELEASE_URL_BODY": "version 2",
        }  # fmt: skip
        yield
        stage.wait_for_end_of_job()


@scenario(
    "the site is silent beside a pod that does not serve it",
    Outcome.TIMED_OUT,
    ru="сайт не отвечает, а рядом в crash loop под, который его не обслуживает",
    cause=literal(reports.SITE_SILENT),
    max_seconds=20,
)
def silent_site(stage: Stage) -> Iterator[None]:
    """Argo CD shows the pod of an operator below a resource that has no health."""
    stage.settings |= {
        "RELEASE_TIMEOUT": "10", "RELEASE_URL_CHECK": "true", "RELEASE_SITE_URL": "http://127.0.0.1:9/"
    }  # fmt: skip
    stage.deployed(web("1"), config("operator"))
    owner = json.loads(stage.sandbox.kubectl("get", "configmap", "operator", "-n", stage.name, "-o", "json"))
    pod = json.loads(manifests.deployment("worker", f"{IMAGE}:1", fate="crash"))["spec"]["template"]
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "operator", "uid": owner["metadata"]["uid"]}
    metadata = pod["metadata"] | {"name": "worker", "namespace": stage.name, "ownerReferences": [reference]}
    stage.sandbox.apply({"apiVersion": "v1", "kind": "Pod"} | pod | {"metadata": metadata})
    stage.sleep(4)
    yield


@scenario(
    "a hook that is suspended",
    Outcome.TIMED_OUT,
    ru="хук приостановлен",
    cause=literal(hooks.HOOK_SUSPENDED, subject="PreSync hook Job/migrate"),
    max_seconds=20,
)
def suspended_hook(stage: Stage) -> Iterator[None]:
    stage.settings["RELEASE_TIMEOUT"] = "8"
    document = json.loads(manifests.hook("migrate", "PreSync"))
    document["spec"]["suspend"] = True
    stage.deploy(web("1"), {"hook.yaml": json.dumps(document)})
    yield


@scenario(
    "a claim whose consumer comes in a later wave",
    Outcome.TIMED_OUT,
    ru="claim, который использует под из следующей sync wave",
    cause=literal(verdict.NO_VOLUME, resource="PersistentVolumeClaim/data"),
    max_seconds=20,
)
def claim_without_consumer(stage: Stage) -> Iterator[None]:
    """No pod uses the claim, so the pods are running."""
    stage.settings["RELEASE_TIMEOUT"] = "8"
    stage.sandbox.apply({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": stage.name},
        "provisioner": "kubernetes.io/no-provisioner", "volumeBindingMode": "WaitForFirstConsumer",
    })  # fmt: skip
    stage.deployed(web("1"))
    consumer = json.loads(manifests.deployment("db", f"{IMAGE}:1", claim="data"))
    consumer["metadata"]["annotations"] = {"argocd.argoproj.io/sync-wave": "1"}
    stage.commit({"claim.yaml": manifests.claim("data", storage_class=stage.name), "db.yaml": json.dumps(consumer)})
    yield


@scenario(
    "a hook that was deleted while the sync waits for it",
    Outcome.TIMED_OUT,
    ru="хук удалили, пока синхронизация его ждёт",
    # Before Argo CD 3 the Job is gone from the cluster. Since then a finalizer keeps it, and it is being deleted.
    cause=literal(hooks.HOOK_GONE, hook_type="PreSync", hook="Job/migrate").removesuffix("gone from the cluster"),
    max_seconds=20,
)
def deleted_hook(stage: Stage) -> Iterator[None]:
    """A Job that its TTL removes before Argo CD has seen its end has the same effect."""
    stage.settings["RELEASE_TIMEOUT"] = "10"
    stage.deploy(web("1"), {"hook.yaml": manifests.hook("migrate", "PreSync", ends_after="60s")})
    stage.until(lambda state: "Running" in str(status(state, "operationState", "syncResult", "resources")))
    stage.sandbox.kubectl("delete", "job", "migrate", "-n", stage.name, "--wait=false")
    yield
