"""Releases that are delivered, immediately or after a moment. A job must not end before that."""

from collections.abc import Iterator

from argocd_release.messages import verdict
from argocd_release.model.outcome import Outcome
from sandbox import manifests
from sandbox.application import delivered
from scenarios.dsl import IMAGE, Files, Stage, config, literal, namespace, scenario, status, web

GREEN = Outcome.DELIVERED


@scenario("already delivered", GREEN, ru="уже доставлено", max_seconds=2.5, exclusive=True)
def already_delivered(stage: Stage) -> Iterator[None]:
    stage.deployed(web("1"))
    yield


@scenario("first release", GREEN, ru="первый релиз")
def first_release(stage: Stage) -> Iterator[None]:
    stage.deploy(web("1", replicas=2))
    yield


@scenario("a commit that Argo CD has not noticed", GREEN, ru="коммит, которого Argo CD ещё не заметил")
def commit_not_noticed(stage: Stage) -> Iterator[None]:
    """Here, the plain `argocd app wait` succeeds immediately, while the old image is still running."""
    stage.deployed(web("old"))
    stage.commit(web("new", ready_after="2s"))
    yield


@scenario("a slow rollout", GREEN, ru="медленное обновление")
def slow_rollout(stage: Stage) -> Iterator[None]:
    stage.deployed(web("1"))
    stage.commit(web("2", fate="slow"))
    yield


@scenario("a commit that changes configuration only", GREEN, ru="коммит меняет только конфигурацию")
def configuration_only(stage: Stage) -> Iterator[None]:
    stage.deployed(web("1"), config("web"))
    stage.commit(config("web", colour="green"))
    yield


@scenario("a commit that changes nothing of the application", GREEN, ru="коммит ничего не меняет в приложении")
def nothing_changed(stage: Stage) -> Iterator[None]:
    stage.deployed(web("1"))
    stage.commit({"README.md": "hello"})
    # A tool that succeeds before Argo CD has noticed the commit is also correct.
    stage.delivered_when = None
    yield


@scenario("a fix after a failed sync", GREEN, ru="исправление после неудачной синхронизации")
def fix_after_failed_sync(stage: Stage) -> Iterator[None]:
    """The job must ignore the failed sync of the earlier revision."""
    stage.deploy(web("1", replicas=-2), retry_limit=0)
    stage.until(lambda state: status(state, "operationState", "phase") == "Failed")
    stage.commit(web("2"))
    yield


@scenario("a fix of a crash loop", GREEN, ru="исправление после crash loop", max_seconds=30)
def fix_after_crash_loop(stage: Stage) -> Iterator[None]:
    """The pods of the earlier revision still crash while the new pods start."""
    stage.deploy(web("1", fate="crash"))
    stage.until(lambda state: status(state, "sync", "status") == "Synced")
    stage.sleep(2)
    stage.commit(web("2", ready_after="18s"))
    yield


@scenario("a fix of a Degraded application", GREEN, ru="исправление приложения в состоянии Degraded")
def fix_after_degraded(stage: Stage) -> Iterator[None]:
    """The health Degraded belongs to the earlier revision."""
    stage.deploy(web("1", fate="never-ready", deadline=1))
    stage.until(lambda state: status(state, "health", "status") == "Degraded")
    stage.commit(web("2", ready_after="3s"))
    yield


@scenario(
    "a sync that fails once and then succeeds",
    GREEN,
    ru="синхронизация один раз не удалась, затем удалась",
    max_seconds=40,
)
def retry_succeeds(stage: Stage) -> Iterator[None]:
    """The namespace is created too late for the first sync attempt, so only the retry succeeds."""
    missing = f"{stage.name}-later"
    stage.deploy(config("web", namespace=missing))
    yield
    stage.until(lambda state: "SyncFailed" in str(status(state, "operationState", "syncResult")))
    stage.sandbox.apply(namespace(missing))


@scenario("hooks before, at and after the sync", GREEN, ru="хуки до синхронизации, во время и после неё")
def hooks(stage: Stage) -> Iterator[None]:
    stage.deploy(
        web("1"),
        {f"{phase}.yaml": manifests.hook(phase.lower(), phase, ends_after="1s") for phase in ("PreSync", "Sync")},
        {"PostSync.yaml": manifests.hook("postsync", "PostSync", ends_after="3s")},
    )
    yield


@scenario("a second commit while the first is rolled out", GREEN, ru="второй коммит, пока разворачивается первый")
def second_commit_during_rollout(stage: Stage) -> Iterator[None]:
    stage.deployed(web("1"))
    stage.commit(web("2", fate="never-ready"))
    yield
    stage.sleep(3)
    stage.commit(web("3"))
    stage.running.refresh()


@scenario("self-heal puts a deleted Deployment back", GREEN, ru="self-heal возвращает удалённый Deployment")
def self_heal(stage: Stage) -> Iterator[None]:
    revision = stage.deployed(web("1"), self_heal=True)
    stage.sandbox.kubectl("delete", "deployment", "web", "-n", stage.name)
    yield
    stage.until(delivered(revision))


@scenario("several sources", GREEN, ru="несколько источников")
def several_sources(stage: Stage) -> Iterator[None]:
    other = stage.sandbox.repository(f"{stage.name}-other")
    second = other.commit(web("1", name="other"))
    first = stage.commit(web("1"))
    stage.application = stage.sandbox.application(stage.name, [stage.repository.source(), other.source()])
    stage.delivered_when = lambda state: (
        status(state, "sync", "revisions") == [first, second] and status(state, "health", "status") == "Healthy"
    )
    yield


@scenario("a sync by hand while the job waits", GREEN, ru="синхронизация вручную, пока джоб ждёт")
def manual_sync(stage: Stage) -> Iterator[None]:
    """In the first seconds, the log says that a user must sync the application."""
    stage.deploy(web("1"), automated=False)
    yield
    stage.sleep(4)
    stage.sandbox.argocd("app", "sync", stage.name, "--async")


def _synced_by_hand(stage: Stage, *contents: Files) -> None:
    revision = stage.deploy(*contents, automated=False)
    stage.sandbox.argocd("app", "sync", stage.name, "--async")
    stage.until(delivered(revision))


@scenario("RELEASE_SYNC starts the sync", GREEN, ru="RELEASE_SYNC запускает синхронизацию")
def sync_started(stage: Stage) -> Iterator[None]:
    stage.settings["RELEASE_SYNC"] = "true"
    stage.deploy(web("1"), automated=False)
    yield


@scenario(
    "RELEASE_SYNC, and git names another image",
    Outcome.TIMED_OUT,
    ru="RELEASE_SYNC, а в git указан другой образ",
    cause=literal(verdict.WHY_IMAGE_MISSING, image="2"),
)
def sync_of_another_image(stage: Stage) -> Iterator[None]:
    """The job must not deploy version 3, because it expects version 2."""
    stage.settings |= {"RELEASE_SYNC": "true", "RELEASE_IMAGE": "2", "RELEASE_TIMEOUT": "8"}
    _synced_by_hand(stage, web("1"))
    stage.commit(web("3"))
    yield
    stage.job_ended.wait(60)
    stage.until(lambda state: status(state, "sync", "status") == "OutOfSync", seconds=2)


@scenario(
    "RELEASE_SYNC, and the image is written into git later",
    GREEN,
    ru="RELEASE_SYNC, а образ появляется в git позже",
)
def sync_of_an_image_that_comes(stage: Stage) -> Iterator[None]:
    stage.settings |= {"RELEASE_SYNC": "true", "RELEASE_IMAGE": "2"}
    _synced_by_hand(stage, web("1"))
    stage.commit(web("3"))
    yield
    stage.sleep(4)
    stage.commit(web("2"))


@scenario(
    "RELEASE_SYNC waits for a sync that another user started",
    GREEN,
    ru="RELEASE_SYNC ждёт синхронизацию, запущенную не джобом",
    max_seconds=40,
)
def sync_of_another(stage: Stage) -> Iterator[None]:
    stage.settings["RELEASE_SYNC"] = "true"
    stage.deploy(web("1"), {"hook.yaml": manifests.hook("slow", "PreSync", ends_after="6s")}, automated=False)
    stage.sandbox.argocd("app", "sync", stage.name, "--async")
    stage.commit(web("2"))
    yield


@scenario("RELEASE_SYNC repeats a failed sync", GREEN, ru="RELEASE_SYNC повторяет неудачную синхронизацию")
def sync_repeated(stage: Stage) -> Iterator[None]:
    """A sync failed because its namespace was missing. After another sync, the retried job succeeds."""
    stage.settings["RELEASE_SYNC"] = "true"
    missing = f"{stage.name}-later"
    stage.deploy(config("web", namespace=missing), automated=False)
    stage.sandbox.argocd("app", "sync", stage.name, "--async")
    stage.until(lambda state: status(state, "operationState", "phase") == "Failed")
    stage.sandbox.apply(namespace(missing))
    yield


@scenario(
    "RELEASE_APPEAR_TIMEOUT waits for an application to come",
    GREEN,
    ru="RELEASE_APPEAR_TIMEOUT ждёт появления приложения",
)
def appears_late(stage: Stage) -> Iterator[None]:
    stage.settings["RELEASE_APPEAR_TIMEOUT"] = "30"
    yield
    stage.sleep(3)
    stage.deploy(web("1"))


@scenario(
    "RELEASE_ALLOW_EMPTY: an application that manages nothing", GREEN, ru="RELEASE_ALLOW_EMPTY, приложение без ресурсов"
)
def empty_allowed(stage: Stage) -> Iterator[None]:
    stage.settings["RELEASE_ALLOW_EMPTY"] = "true"
    stage.deploy({"README.md": "nothing"})
    yield


@scenario("RELEASE_WAIT_FOR: OutOfSync by design", GREEN, ru="RELEASE_WAIT_FOR, приложение OutOfSync намеренно")
def out_of_sync_by_design(stage: Stage) -> Iterator[None]:
    """A resource that was removed from git stays in the cluster, because pruning is turned off."""
    stage.settings["RELEASE_WAIT_FOR"] = "health operation"
    stage.deployed(web("1"), config("old"), prune=False)
    revision = stage.commit(web("2", ready_after="2s"), {"old-config.yaml": None})
    stage.delivered_when = lambda state: (
        status(state, "operationState", "syncResult", "revision") == revision
        and status(state, "health", "status") == "Healthy"
        and status(state, "summary", "images") == [f"{IMAGE}:2"]
    )
    yield


@scenario(
    "RELEASE_WAIT_FOR without sync: RELEASE_REVISION was synced by hand",
    GREEN,
    ru="RELEASE_WAIT_FOR без sync: RELEASE_REVISION применили вручную",
)
def synced_by_revision(stage: Stage) -> Iterator[None]:
    """After `argocd app sync --revision`, the application is OutOfSync with its tracked branch."""
    stage.deploy(web("1"), automated=False)
    stage.sandbox.argocd("app", "sync", stage.name, "--async")
    revision = stage.commit(web("2"))
    stage.commit(web("3"))
    stage.until(lambda state: status(state, "operationState", "phase") == "Succeeded")
    stage.settings |= {"RELEASE_WAIT_FOR": "health operation", "RELEASE_REVISION": revision}
    stage.sandbox.argocd("app", "sync", stage.name, "--revision", revision, "--async")
    stage.delivered_when = lambda state: (
        status(state, "operationState", "syncResult", "revision") == revision
        and status(state, "health", "status") == "Healthy"
        and status(state, "summary", "images") == [f"{IMAGE}:2"]
    )
    yield


@scenario("a resource that is defined twice", GREEN, ru="ресурс определён дважды", cause="warning: ", max_seconds=15)
def defined_twice(stage: Stage) -> Iterator[None]:
    """Two manifests define the same resource. Argo CD uses one of them, and reports the other in a condition."""
    stage.deploy(web("1"), {"again.yaml": manifests.deployment("web", f"{IMAGE}:1")})
    yield
