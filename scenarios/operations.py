"""Situations in which the last operation does or does not count for the verdict.

It counts if it was for the compared revision and parameters, and was not a dry run.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from argocd_release.messages import drift, verdict
from argocd_release.model.outcome import Outcome
from sandbox import manifests, objects
from sandbox.application import State, delivered
from sandbox.commands import CommandError
from scenarios.dsl import IMAGE, Files, Stage, config, literal, scenario, status, web
from scenarios.expectations import clone

GREEN = Outcome.DELIVERED
SHORT = {"RELEASE_TIMEOUT": "10"}
STUCK = {"RELEASE_STUCK_GRACE": "5"}
WAVE_LIMIT = 4 + 15 + 5
SMOKE: Files = {"smoke.yaml": manifests.hook("smoke-test", "PostSync", fate="fail", ends_after="1s")}


def phase(wanted: str) -> Callable[[State], bool]:
    return lambda state: status(state, "operationState", "phase") == wanted


def target(stage: Stage, revision: str, **options: Any) -> None:
    """Create the application so that it tracks a tag or a commit."""
    source = {"targetRevision": revision}
    stage.application = stage.sandbox.application(stage.name, stage.repository, source=source, **options)


def tag(stage: Stage) -> str:
    stage.repository.git("tag", "--annotate", "--message", "first", "v1")
    return "v1"


@scenario(
    "an annotated tag, and a failed PostSync hook",
    Outcome.SYNC_FAILED,
    ru="аннотированный тег и неудачный PostSync hook",
    cause="Job/smoke-test",
)
def tag_failed_hook(stage: Stage) -> Iterator[None]:
    """The compared revision is the tag object, but the revision of the sync is the commit."""
    stage.commit(web("1"), SMOKE)
    target(stage, tag(stage), retry_limit=0)
    stage.until(phase("Failed"))
    yield


@scenario(
    "a short commit, and a failed PostSync hook",
    Outcome.SYNC_FAILED,
    ru="сокращённый коммит и неудачный PostSync hook",
    cause="Job/smoke-test",
)
def abbreviated_sha_failed_hook(stage: Stage) -> Iterator[None]:
    target(stage, stage.commit(web("1"), SMOKE)[:8], retry_limit=0)
    stage.until(phase("Failed"))
    yield


@scenario("RELEASE_REVISION, and an annotated tag of it", GREEN, ru="RELEASE_REVISION и аннотированный тег на ней")
def tag_of_revision(stage: Stage) -> Iterator[None]:
    stage.settings["RELEASE_REVISION"] = stage.commit(web("1"))
    target(stage, tag(stage))
    stage.delivered_when = None
    yield


@scenario("RELEASE_REVISION, and a short commit of it", GREEN, ru="RELEASE_REVISION и её сокращённый коммит")
def short_of_revision(stage: Stage) -> Iterator[None]:
    revision = stage.commit(web("1"))
    stage.settings["RELEASE_REVISION"] = revision
    target(stage, revision[:8])
    stage.delivered_when = None
    yield


@scenario(
    "a failed hook, and a commit to another folder",
    Outcome.SYNC_FAILED,
    ru="неудачный хук, затем коммит в другой каталог",
    cause="Job/smoke-test",
)
def failed_hook_then_unrelated(stage: Stage) -> Iterator[None]:
    """The application is Synced and Healthy. Argo CD has nothing to sync, and shows *Last Sync: Failed*."""
    stage.deploy(_in("app", web("1"), SMOKE), path="app", retry_limit=0)
    stage.until(phase("Failed"))
    stage.commit({"elsewhere/README.md": "hello"})
    yield


@scenario(
    "a failed hook, and a commit to the second source",
    Outcome.SYNC_FAILED,
    ru="неудачный хук, затем коммит во второй источник",
    cause="Job/smoke-test",
)
def failed_hook_then_second_source(stage: Stage) -> Iterator[None]:
    _with_second_source(stage, path=".")
    yield


@scenario(
    "a failed hook, and a commit to a source that is only a ref",
    Outcome.SYNC_FAILED,
    ru="неудачный хук, затем коммит в источник, который задан только как ref",
    cause="Job/smoke-test",
)
def failed_hook_then_ref(stage: Stage) -> Iterator[None]:
    _with_second_source(stage, ref="values")
    yield


def _with_second_source(stage: Stage, **fields: str) -> None:
    other = stage.sandbox.repository(f"{stage.name}-other")
    other.commit({"README.md": "hello"})
    stage.commit(web("1"), SMOKE)
    second = {"repoURL": other.url, "targetRevision": "main"} | fields
    stage.application = stage.sandbox.application(stage.name, [stage.repository.source(), second], retry_limit=0)
    stage.until(phase("Failed"))
    other.commit({"README.md": "hello again"})


@scenario("a revert after a rejected manifest", GREEN, ru="откат после отвергнутого манифеста")
def reverted(stage: Stage) -> Iterator[None]:
    """Argo CD shows the failed sync of the reverted commit until the next sync."""
    _reverted(stage)
    stage.delivered_when = None
    yield


@scenario(
    "a revert after a failed hook",
    Outcome.SYNC_FAILED,
    ru="откат после неудачного хука",
    cause=literal(verdict.LAST_SYNC),
)
def reverted_hook(stage: Stage) -> Iterator[None]:
    """Argo CD does not compare hooks, so it does not know whether the hooks of this commit have run."""
    stage.deployed(web("1"), retry_limit=0)
    stage.commit(web("2"), SMOKE)
    stage.running.refresh()
    stage.until(phase("Failed"))
    stage.commit({"smoke.yaml": None})
    stage.delivered_when = None
    yield


@scenario(
    "a revert after a rejected manifest, and RELEASE_SYNC",
    GREEN,
    ru="откат после отвергнутого манифеста и RELEASE_SYNC",
)
def reverted_and_synced(stage: Stage) -> Iterator[None]:
    stage.settings["RELEASE_SYNC"] = "true"
    _reverted(stage)
    yield


def _reverted(stage: Stage) -> None:
    stage.deployed(web("1"), retry_limit=0)
    stage.commit(web("2", replicas=-2))
    stage.running.refresh()
    stage.until(phase("Failed"))
    stage.commit(web("1"))


@scenario(
    "a later commit is rejected after RELEASE_REVISION was delivered",
    Outcome.NOT_DELIVERED,
    ru="после доставки RELEASE_REVISION отвергнут более поздний коммит",
    cause=literal(verdict.SUPERSEDED),
)
def superseded(stage: Stage) -> Iterator[None]:
    stage.settings["RELEASE_REVISION"] = stage.deployed(web("1"), retry_limit=0)
    stage.commit(web("2", replicas=-2))
    clone(stage)
    stage.running.refresh()
    stage.until(phase("Failed"))
    yield


@scenario(
    "a hook of a later commit fails after RELEASE_REVISION was delivered",
    Outcome.NOT_DELIVERED,
    ru="после доставки RELEASE_REVISION не удался хук более позднего коммита",
    cause=literal(verdict.SUPERSEDED),
)
def superseded_by_a_hook(stage: Stage) -> Iterator[None]:
    stage.settings["RELEASE_REVISION"] = stage.deployed(web("1"), retry_limit=0)
    stage.commit(web("2"), SMOKE)
    clone(stage)
    stage.running.refresh()
    stage.until(phase("Failed"))
    yield


@scenario(
    "RELEASE_REVISION runs, a later commit changed nothing, and no history to ask",
    GREEN,
    ru="RELEASE_REVISION работает, более поздний коммит ничего не изменил, а история git недоступна",
)
def revision_then_unrelated(stage: Stage) -> Iterator[None]:
    stage.settings |= {"RELEASE_REVISION_MATCH": "exact"}
    stage.settings["RELEASE_REVISION"] = stage.deployed(_in("app", web("1")), path="app")
    stage.commit({"elsewhere/README.md": "hello"})
    stage.delivered_when = None
    yield


@scenario(
    "RELEASE_REVISION comes while the one before has failed",
    GREEN,
    ru="RELEASE_REVISION приходит, когда предыдущая не удалась",
    max_seconds=30,
)
def comes_after_a_failure(stage: Stage) -> Iterator[None]:
    """The fix is merged a moment after its job has started."""
    stage.deploy(web("1", replicas=-2), retry_limit=0)
    stage.until(phase("Failed"))
    stage.repository.git("checkout", "--quiet", "-b", "next")
    stage.settings["RELEASE_REVISION"] = stage.commit(web("2"))
    clone(stage)
    yield
    stage.sleep(12)
    stage.repository.git("branch", "--force", "main", "next")


@scenario(
    "it is being deleted",
    Outcome.MISSING,
    ru="приложение удаляют",
    cause=literal(verdict.DELETING),
    max_seconds=10 + 5,
)
def deletion_blocked_by_finalizer(stage: Stage) -> Iterator[None]:
    """A finalizer blocks the deletion of the object, which stays Synced and Healthy."""
    stage.deployed(web("1"))
    _hold(stage, ["example.com/hold"])
    stage.sandbox.kubectl("delete", "application", stage.name, "-n", "argocd", "--wait=false")
    yield
    stage.wait_for_end_of_job()
    _hold(stage, [])


def _hold(stage: Stage, finalizers: list[str]) -> None:
    patch = json.dumps({"metadata": {"finalizers": finalizers}})
    stage.sandbox.kubectl("patch", "application", stage.name, "-n", "argocd", "--type=merge", f"--patch={patch}")


@scenario(
    "RELEASE_WAIT_FOR without sync: a dry run only",
    Outcome.TIMED_OUT,
    ru="RELEASE_WAIT_FOR без sync, был только dry run",
    cause=literal(verdict.NOT_SYNCED),
    max_seconds=15,
)
def dry_run_only(stage: Stage) -> Iterator[None]:
    stage.settings |= SHORT | {"RELEASE_WAIT_FOR": "health operation"}
    _synced_by_hand(stage, web("1"))
    stage.commit(web("2"))
    stage.sandbox.argocd("app", "sync", stage.name, "--dry-run")
    yield


@scenario(
    "RELEASE_WAIT_FOR without sync and operation: RELEASE_REVISION was never synced",
    Outcome.TIMED_OUT,
    ru="RELEASE_WAIT_FOR без sync и operation, а RELEASE_REVISION не применяли",
    cause=literal(verdict.NOT_SYNCED),
    max_seconds=15,
)
def revision_never_synced(stage: Stage) -> Iterator[None]:
    stage.settings |= SHORT | {"RELEASE_WAIT_FOR": "health"}
    _synced_by_hand(stage, web("1"))
    stage.settings["RELEASE_REVISION"] = stage.commit(web("2"))
    yield


@scenario(
    "RELEASE_WAIT_FOR without sync: other parameters at the same commit",
    Outcome.TIMED_OUT,
    ru="RELEASE_WAIT_FOR без sync, другие параметры при том же коммите",
    cause=literal(verdict.NOT_SYNCED),
    max_seconds=15,
)
def parameters_never_synced(stage: Stage) -> Iterator[None]:
    stage.settings |= SHORT | {"RELEASE_WAIT_FOR": "health operation"}
    _synced_by_hand(stage, manifests.helm_chart("web", "0.1.0", f"{IMAGE}:1"))
    stage.sandbox.argocd("app", "set", stage.name, "--helm-set", "image.tag=2")
    yield


def _synced_by_hand(stage: Stage, files: Files) -> None:
    revision = stage.deploy(files, automated=False)
    stage.sandbox.argocd("app", "sync", stage.name, "--async")
    stage.until(delivered(revision))


@scenario(
    "other parameters after a failed sync of the same commit",
    GREEN,
    ru="другие параметры после неудачной синхронизации того же коммита",
)
def parameters_mended(stage: Stage) -> Iterator[None]:
    """The failure belongs to the earlier parameters."""
    files = web("1") | {"kustomization.yaml": manifests.kustomization("web.yaml")}
    stage.deploy(files, automated=False, source={"kustomize": {"namePrefix": "NOT_A_NAME_"}})
    stage.sandbox.argocd("app", "sync", stage.name, "--async")
    stage.until(phase("Failed"))
    stage.sandbox.argocd("app", "set", stage.name, "--nameprefix", "good-")
    yield
    stage.sleep(10)
    stage.sandbox.argocd("app", "sync", stage.name, "--async")


@scenario(
    "RELEASE_WAIT_FOR without sync: a commit that changes nothing of the application",
    GREEN,
    ru="RELEASE_WAIT_FOR без sync, коммит ничего не меняет в приложении",
)
def nothing_to_sync(stage: Stage) -> Iterator[None]:
    stage.settings["RELEASE_WAIT_FOR"] = "health operation"
    stage.deployed(_in("app", web("1")), path="app")
    stage.commit({"elsewhere/README.md": "hello"})
    stage.delivered_when = None
    yield


@scenario(
    "RELEASE_WAIT_FOR without sync: nothing to do but prune, which is off",
    GREEN,
    ru="RELEASE_WAIT_FOR без sync, осталось удалить лишнее, а prune выключен",
)
def nothing_but_prune(stage: Stage) -> Iterator[None]:
    stage.settings["RELEASE_WAIT_FOR"] = "health operation"
    stage.deployed(web("1"), config("old"), prune=False)
    stage.commit({"old-config.yaml": None})
    stage.delivered_when = None
    yield


@scenario("somebody's dry run while the job waits", GREEN, ru="dry run другого пользователя, пока джоб ждёт")
def dry_run_beside(stage: Stage) -> Iterator[None]:
    """Argo CD does not compare after a dry run."""
    stage.deployed(web("1"))
    revision = stage.commit(web("2", ready_after="7s"))
    yield
    stage.until(lambda state: _synced_to(state, revision) and phase("Succeeded")(state))
    stage.sandbox.argocd("app", "sync", stage.name, "--dry-run", "--async")


def _synced_to(state: State, revision: str) -> bool:
    return (status(state, "sync", "revision"), status(state, "sync", "status")) == (revision, "Synced")


@scenario(
    "pruning is off, beyond RELEASE_STUCK_GRACE",
    Outcome.NOT_DELIVERED,
    ru="prune выключен дольше RELEASE_STUCK_GRACE",
    cause=literal(verdict.PRUNE_OFF),
    max_seconds=5 + 7,
)
def stuck_on_prune(stage: Stage) -> Iterator[None]:
    stage.settings |= STUCK
    stage.deployed(web("1"), config("old"), prune=False)
    stage.commit(web("2"), {"old-config.yaml": None})
    yield


@scenario(
    "edited by hand, without selfHeal",
    Outcome.NOT_DELIVERED,
    ru="изменено вручную, без selfHeal",
    cause=literal(drift.CHANGED_BY_HAND),
    max_seconds=12,
)
def drift_without_self_heal(stage: Stage) -> Iterator[None]:
    stage.settings |= STUCK
    stage.deployed(web("1"))
    stage.sandbox.kubectl("scale", "deployment", "web", "--replicas=2", "-n", stage.name)
    stage.until(lambda state: status(state, "sync", "status") == "OutOfSync")
    yield


@scenario(
    "a crash loop in the first of two waves",
    Outcome.DEGRADED,
    ru="crash loop в первой из двух sync wave",
    cause="CrashLoopBackOff",
    max_seconds=WAVE_LIMIT,
)
def crash_in_a_wave(stage: Stage) -> Iterator[None]:
    """The second wave is never applied, so the application stays OutOfSync."""
    stage.deploy(web("1", fate="crash"), _in_wave(1, config("web")))
    yield


@scenario(
    "a hook whose image cannot be pulled",
    Outcome.DEGRADED,
    ru="хук, образ которого нельзя скачать",
    cause="ImagePullBackOff",
    max_seconds=WAVE_LIMIT,
)
def hook_image(stage: Stage) -> Iterator[None]:
    """Without a verdict of the job, Argo CD would wait for the hook's Job forever."""
    stage.deploy(web("1"), {"hook.yaml": manifests.hook("migrate", "PreSync", fate="image-pull")})
    yield


@scenario(
    "a Job whose image cannot be pulled",
    Outcome.DEGRADED,
    ru="Job, образ которого нельзя скачать",
    cause="ImagePullBackOff",
    max_seconds=WAVE_LIMIT,
)
def job_image(stage: Stage) -> Iterator[None]:
    stage.deploy({"job.yaml": manifests.job("import", fate="image-pull")})
    yield


@scenario(
    "a fix of a crash loop, behind a hook that takes longer than the grace",
    GREEN,
    ru="исправление crash loop после хука, который идёт дольше отсрочки",
    max_seconds=40,
)
def fix_behind_a_hook(stage: Stage) -> Iterator[None]:
    """While the hook is running, the crashing pods belong to the earlier revision."""
    stage.deploy(web("1", fate="crash"))
    stage.until(lambda state: status(state, "sync", "status") == "Synced")
    stage.sleep(3)
    stage.commit(web("2"), {"hook.yaml": manifests.hook("migrate", "PreSync", ends_after="20s")})
    yield


def _in(folder: str, *contents: Files) -> dict[str, str | None]:
    return {f"{folder}/{path}": text for files in contents for path, text in files.items()}


def _in_wave(wave: int, files: Files) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for path, text in files.items():
        document = json.loads(text or "{}")
        document["metadata"]["annotations"] = {"argocd.argoproj.io/sync-wave": str(wave)}
        found[path] = json.dumps(document)
    return found


@scenario(
    "a user has tried to sync an earlier commit that cannot be rendered",
    Outcome.DELIVERED,
    ru="пользователь пробовал синхронизировать более ранний коммит, который не рендерится",
)
def sync_of_broken_commit(stage: Stage) -> Iterator[None]:
    """The application has no automated sync policy, because Argo CD refuses such a request otherwise."""
    bad = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: bad\n data: [\n"
    broken = stage.commit(web("1"), {"bad.yaml": bad})
    revision = stage.deploy({"bad.yaml": None}, automated=False)
    stage.sandbox.argocd("app", "sync", stage.name)
    stage.until(delivered(revision))
    with suppress(CommandError):
        stage.sandbox.argocd("app", "sync", stage.name, "--revision", broken)
    stage.until(phase("Error"))
    stage.delivered_when = None
    yield


@scenario(
    "a sync window begins during the sync",
    Outcome.TIMED_OUT,
    ru="окно запрета начинается во время синхронизации",
    cause=verdict.SYNC_BLOCKED.text,
    max_seconds=20,
)
def window_during_sync(stage: Stage) -> Iterator[None]:
    stage.settings |= {"RELEASE_TIMEOUT": "12"}
    stage.deployed(web("1"), project=stage.sandbox.project(stage.name))
    stage.commit(web("2"), {"slow.yaml": manifests.hook("slow", "PreSync", starts_after="200ms", ends_after="5s")})
    stage.running.refresh()
    stage.until(lambda state: "waiting for completion of hook" in str(status(state, "operationState", "message")))
    stage.sandbox.project(stage.name, syncWindows=[objects.deny_window()])
    yield


@scenario(
    "a resource is gone from the cluster",
    Outcome.NOT_DELIVERED,
    ru="ресурс исчез из кластера",
    cause=literal(verdict.RESOURCE_GONE, resource="ConfigMap/settings"),
    max_seconds=12,
)
def resource_gone(stage: Stage) -> Iterator[None]:
    """Kubernetes deletes a Job in the same way after its ttlSecondsAfterFinished."""
    stage.settings |= STUCK
    stage.deployed(web("1"), config("settings"))
    stage.sandbox.kubectl("delete", "configmap", "settings", "-n", stage.name)
    stage.until(lambda state: status(state, "sync", "status") == "OutOfSync")
    yield
