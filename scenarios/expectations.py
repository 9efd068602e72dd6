"""Releases with an expectation: a revision, an image or a chart version."""

import json
from collections.abc import Iterator
from typing import Any

from argocd_release.messages import git_history, verdict
from argocd_release.model.outcome import Outcome
from sandbox import manifests
from sandbox.application import State, delivered
from sandbox.git import Repository
from sandbox.git_server import GitServer, serving
from scenarios.dsl import IMAGE, Stage, literal, scenario, status, web

GRACE = {"RELEASE_EXPECTATION_GRACE": "6"}


def clone(stage: Stage, repository: Repository | None = None) -> None:
    """Give the job a shallow clone of the pipeline's project, like those that GitLab creates."""
    project = repository or stage.repository
    folder = stage.repository.folder.with_name(f"{stage.name}-clone")
    project.git("clone", "--quiet", "--depth=1", project.url, str(folder))
    stage.settings |= {"CI_PROJECT_DIR": str(folder), "CI_REPOSITORY_URL": project.url}


def expect_unmerged(stage: Stage) -> None:
    """Expect a commit of a branch that is never merged."""
    stage.repository.git("checkout", "--quiet", "-b", "unmerged")
    stage.settings |= GRACE | {"RELEASE_REVISION": stage.commit(web("2"))}
    clone(stage)
    stage.repository.git("checkout", "--quiet", "main")


def code(stage: Stage) -> str:
    """Give the job a clone of a project with code but without manifests, and return its commit."""
    repository = Repository.create(stage.repository.folder.with_name(f"{stage.name}-code"))
    revision = repository.commit({"main.py": "print(1)\n"})
    clone(stage, repository)
    return revision


@scenario("RELEASE_REVISION is what runs", Outcome.DELIVERED, ru="RELEASE_REVISION уже работает")
def revision(stage: Stage) -> Iterator[None]:
    stage.settings["RELEASE_REVISION"] = stage.deploy(web("1"))
    yield


@scenario(
    "RELEASE_REVISION is pushed after the job began",
    Outcome.DELIVERED,
    ru="RELEASE_REVISION приходит после старта джоба",
)
def revision_comes(stage: Stage) -> Iterator[None]:
    stage.deployed(web("1"))
    stage.repository.git("checkout", "--quiet", "-b", "next")
    second = stage.commit(web("2"))
    stage.settings["RELEASE_REVISION"] = second
    clone(stage)
    yield
    stage.sleep(4)
    stage.repository.git("branch", "--force", "main", "next")


@scenario(
    "RELEASE_REVISION is contained in what runs",
    Outcome.DELIVERED,
    ru="RELEASE_REVISION содержится в том, что работает",
    cause=literal(verdict.LATER, commits="2 commits"),
)
def revision_contained(stage: Stage) -> Iterator[None]:
    stage.settings["RELEASE_REVISION"] = stage.commit(web("1"))
    stage.commit(web("2"))
    stage.deploy(web("3"))
    clone(stage)
    yield


@scenario(
    "RELEASE_REVISION exactly, and a later one runs",
    Outcome.TIMED_OUT,
    ru="RELEASE_REVISION точно, а работает более поздняя",
    cause=literal(verdict.OTHER_REVISION),
    max_seconds=14,
)
def revision_superseded(stage: Stage) -> Iterator[None]:
    stage.settings |= {"RELEASE_REVISION_MATCH": "exact", "RELEASE_TIMEOUT": "10"}
    stage.settings["RELEASE_REVISION"] = stage.commit(web("1"))
    stage.deployed(web("2"))
    clone(stage)
    yield


@scenario(
    "RELEASE_REVISION was replaced by a force push",
    Outcome.NOT_DELIVERED,
    ru="RELEASE_REVISION исчезла после force push",
    cause=literal(verdict.DIVERGED),
    max_seconds=6 + 7,
)
def revision_diverged(stage: Stage) -> Iterator[None]:
    stage.commit(web("1"))
    stage.settings |= GRACE | {"RELEASE_REVISION": stage.commit(web("2"))}
    stage.repository.git("branch", "lost")
    stage.repository.git("reset", "--quiet", "--hard", "HEAD~1")
    stage.deployed(web("3"))
    clone(stage)
    yield


@scenario(
    "RELEASE_REVISION never comes to the branch",
    Outcome.NOT_DELIVERED,
    ru="RELEASE_REVISION так и не приходит в ветку",
    cause=literal(verdict.OLDER, commits="1 commit"),
    max_seconds=6 + 7,
)
def revision_never_comes(stage: Stage) -> Iterator[None]:
    first = stage.deploy(web("1"))
    stage.running.wait_for(delivered(first))
    expect_unmerged(stage)
    yield


@scenario(
    "RELEASE_REVISION is a commit under an annotated tag",
    Outcome.DELIVERED,
    ru="RELEASE_REVISION — коммит под аннотированным тегом",
)
def revision_tagged(stage: Stage) -> Iterator[None]:
    commit = stage.settings["RELEASE_REVISION"] = stage.commit(web("1"))
    stage.repository.git("tag", "--annotate", "--message=release", "v1")
    # While Argo CD 2.13 compares, it names the tag; while it syncs, the commit. Argo CD 3.6 names the commit in both.
    ends = [delivered(revision) for revision in (commit, stage.repository.git("rev-parse", "v1").strip())]
    stage.delivered_when = lambda state: any(holds(state) for holds in ends)
    stage.application = stage.sandbox.application(stage.name, stage.repository.source(revision="v1"))
    clone(stage)
    yield


@scenario(
    "RELEASE_REVISION exactly, under an annotated tag",
    Outcome.DELIVERED,
    ru="RELEASE_REVISION точно, под аннотированным тегом",
)
def revision_tagged_exactly(stage: Stage) -> Iterator[None]:
    stage.settings["RELEASE_REVISION_MATCH"] = "exact"
    yield from revision_tagged(stage)


@scenario(
    "RELEASE_REVISION of a repository of its own, and another pipeline's",
    Outcome.DELIVERED,
    ru="RELEASE_REVISION отдельного репозитория, и коммит другого пайплайна",
    cause=literal(verdict.LATER, commits="1 commit"),
)
def revision_of_configuration(stage: Stage) -> Iterator[None]:
    """The pipeline belongs to the code's project and writes the tag to the configuration's.

    Another one follows at once.
    """
    stage.commit(web("1"))
    code(stage)
    stage.settings["RELEASE_REVISION"] = stage.commit(web("2"))
    stage.deploy(web("1", name="other"))
    yield


@scenario(
    "RELEASE_REVISION is the code's, not the manifests'",
    Outcome.NOT_DELIVERED,
    ru="RELEASE_REVISION — коммит кода, а не манифестов",
    cause=literal(git_history.COMMIT_ELSEWHERE),
    max_seconds=6 + 7,
)
def revision_of_code(stage: Stage) -> Iterator[None]:
    stage.deployed(web("1"))
    stage.settings |= GRACE | {"RELEASE_REVISION": code(stage)}
    yield


@scenario(
    "RELEASE_REVISION is reverted by the next commit",
    Outcome.NOT_DELIVERED,
    ru="RELEASE_REVISION откатывает следующий коммит",
    cause=literal(verdict.REVERTED),
    max_seconds=6 + 7,
)
def revision_reverted(stage: Stage) -> Iterator[None]:
    stage.deployed(web("1"))
    stage.settings |= GRACE | {"RELEASE_REVISION": stage.commit(web("2"))}
    stage.repository.git("revert", "--no-edit", "HEAD")
    clone(stage)
    yield


@scenario(
    "RELEASE_REVISION is overwritten",
    Outcome.NOT_DELIVERED,
    ru="RELEASE_REVISION перезаписана",
    cause=literal(verdict.FILES_REVERTED),
    max_seconds=6 + 7,
)
def revision_overwritten(stage: Stage) -> Iterator[None]:
    """Another pipeline writes the old tag again, and the message of its commit does not mention a revert."""
    stage.deployed(web("1"))
    stage.settings |= GRACE | {"RELEASE_REVISION": stage.commit(web("2"))}
    stage.commit(web("1"))
    clone(stage)
    yield


@scenario(
    "RELEASE_REVISION, and no history to ask",
    Outcome.NOT_DELIVERED,
    ru="RELEASE_REVISION, но история git недоступна",
    cause=literal(git_history.OTHER_HISTORY_UNREAD),
    max_seconds=6 + 7,
)
def revision_without_history(stage: Stage) -> Iterator[None]:
    """Argo CD can read the repository with the configuration, but the job cannot."""
    stage.settings |= GRACE | {"RELEASE_REVISION": stage.commit(web("1"))}
    stage.commit(web("2"))
    code(stage)
    with serving(stage.repository.folder.parent, account="argocd:let-me-in") as server:
        _deploy_from(stage, server)
        yield
        stage.wait_for_end_of_job()


def _deploy_from(stage: Stage, server: GitServer) -> None:
    """Deploy from the server, with the account in the repository's URL.

    If the account were in a Secret, Argo CD would need a helper program.
    """
    url = server.url(stage.repository, server.account)
    stage.application = stage.sandbox.application(stage.name, stage.repository.source() | {"repoURL": url})
    stage.until(_synced_and_healthy)


def _synced_and_healthy(state: State) -> bool:
    return (status(state, "sync", "status"), status(state, "health", "status")) == ("Synced", "Healthy")


@scenario("RELEASE_IMAGE runs", Outcome.DELIVERED, ru="RELEASE_IMAGE работает")
def image(stage: Stage) -> Iterator[None]:
    stage.deployed(web("1"))
    stage.settings["RELEASE_IMAGE"] = f"{IMAGE}:2"
    stage.commit(web("2", ready_after="1s"))
    yield


@scenario(
    "RELEASE_IMAGE comes with a later commit", Outcome.DELIVERED, ru="RELEASE_IMAGE приходит с более поздним коммитом"
)
def image_comes(stage: Stage) -> Iterator[None]:
    """Another job or an image updater writes the tag to git later."""
    stage.deployed(web("1"))
    stage.settings["RELEASE_IMAGE"] = "2"
    yield
    stage.sleep(4)
    stage.commit(web("2"))


@scenario(
    "RELEASE_IMAGE is not in the revision",
    Outcome.NOT_DELIVERED,
    ru="RELEASE_IMAGE нет в ревизии",
    cause=literal(verdict.OTHER_IMAGE, image="2"),
    max_seconds=6 + 7,
)
def image_missing(stage: Stage) -> Iterator[None]:
    stage.settings |= GRACE | {"RELEASE_IMAGE": "2", "RELEASE_REVISION": stage.deployed(web("1"))}
    yield


@scenario(
    "a source that the application does not have",
    Outcome.NOT_DELIVERED,
    ru="источник, которого у приложения нет",
    cause=literal(verdict.NO_SUCH_SOURCE),
    max_seconds=6 + 7,
)
def source_missing(stage: Stage) -> Iterator[None]:
    revision = stage.deploy(web("1"))
    stage.settings |= GRACE | {"RELEASE_SOURCE": "https://git.example.com/other.git", "RELEASE_REVISION": revision}
    yield


@scenario(
    "RELEASE_IMAGE of a CronJob that has not started",
    Outcome.DELIVERED,
    ru="RELEASE_IMAGE у CronJob, который ещё не запускался",
    cause=verdict.WILL_RUN.fill(
        resource="CronJob/report", images="registry.example.com/web:2", due=verdict.DUE_AT_START
    ),
)
def image_of_a_cron_job(stage: Stage) -> Iterator[None]:
    stage.deployed({"report.yaml": manifests.cron_job("report", image=f"{IMAGE}:1")})
    stage.settings["RELEASE_IMAGE"] = f"{IMAGE}:2"
    stage.commit({"report.yaml": manifests.cron_job("report", image=f"{IMAGE}:2")})
    yield


@scenario(
    "RELEASE_IMAGE of a Deployment that is scaled to zero",
    Outcome.DELIVERED,
    ru="RELEASE_IMAGE у Deployment без реплик",
    cause=verdict.WILL_RUN.fill(
        resource="Deployment/web", images="registry.example.com/web:2", due=verdict.DUE_WITH_REPLICAS
    ),
)
def image_scaled_to_zero(stage: Stage) -> Iterator[None]:
    stage.deployed(web("1"))
    stage.settings["RELEASE_IMAGE"] = "2"
    stage.commit(web("2", replicas=0))
    yield


@scenario(
    "RELEASE_IMAGE, which only an init container has",
    Outcome.TIMED_OUT,
    ru="RELEASE_IMAGE есть только у init container",
    cause=f"{IMAGE}:1",
    max_seconds=20,
)
def image_of_an_init_container(stage: Stage) -> Iterator[None]:
    """The init container has ended when the pod is ready, so the image does not run."""
    stage.settings |= {"RELEASE_TIMEOUT": "12", "RELEASE_IMAGE": f"{IMAGE}:2"}
    deployment = json.loads(manifests.deployment("web", f"{IMAGE}:1"))
    pod = deployment["spec"]["template"]["spec"]
    pod["initContainers"] = [{"name": "migrate", "image": f"{IMAGE}:2"}]
    stage.deploy({"web.yaml": json.dumps(deployment)})
    yield


@scenario(
    "RELEASE_IMAGE of a pod with an init container",
    Outcome.DELIVERED,
    ru="RELEASE_IMAGE у пода с init container",
    max_seconds=20,
)
def image_beside_an_init_container(stage: Stage) -> Iterator[None]:
    stage.settings["RELEASE_IMAGE"] = "2"
    deployment = json.loads(manifests.deployment("web", f"{IMAGE}:2"))
    deployment["spec"]["template"]["spec"]["initContainers"] = [
        {"name": "wait", "image": "registry.example.com/wait:1"}
    ]
    stage.deploy({"web.yaml": json.dumps(deployment)})
    yield


@scenario(
    "RELEASE_IMAGE of a StatefulSet with OnDelete",
    Outcome.TIMED_OUT,
    ru="RELEASE_IMAGE у StatefulSet со стратегией OnDelete",
    cause=verdict.ON_DELETE.fill(images="registry.example.com/web:1", resource="StatefulSet/db"),
    max_seconds=15,
)
def image_on_delete(stage: Stage) -> Iterator[None]:
    stage.settings |= {"RELEASE_IMAGE": f"{IMAGE}:2", "RELEASE_TIMEOUT": "10"}
    stage.deployed(_updated("1", {"type": "OnDelete"}))
    stage.commit(_updated("2", {"type": "OnDelete"}))
    yield


@scenario(
    "RELEASE_IMAGE of a Job that has completed beside a Deployment",
    Outcome.DELIVERED,
    ru="RELEASE_IMAGE у Job, который завершился, рядом с Deployment",
)
def image_of_a_job(stage: Stage) -> Iterator[None]:
    stage.settings["RELEASE_IMAGE"] = "registry.example.com/hook:1"
    stage.deploy(web("1"), {"batch.yaml": manifests.job("batch")})
    yield


@scenario(
    "RELEASE_IMAGE of a StatefulSet whose partition keeps all pods",
    Outcome.TIMED_OUT,
    ru="RELEASE_IMAGE у StatefulSet, partition которого не даёт обновить ни один под",
    cause=verdict.PARTITION.fill(images="registry.example.com/web:1", resource="StatefulSet/db"),
    max_seconds=15,
)
def image_partition(stage: Stage) -> Iterator[None]:
    stage.settings |= {"RELEASE_IMAGE": f"{IMAGE}:2", "RELEASE_TIMEOUT": "10"}
    update = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
    stage.deployed(_updated("1", update))
    stage.commit(_updated("2", update))
    yield


@scenario(
    "RELEASE_IMAGE of a StatefulSet whose partition keeps some pods",
    Outcome.DELIVERED,
    ru="RELEASE_IMAGE у StatefulSet, partition которого не даёт обновить часть подов",
    cause=verdict.KEPT_PODS.fill(images=f"{IMAGE}:1"),
)
def image_partly_updated(stage: Stage) -> Iterator[None]:
    update = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
    stage.deployed(_updated("1", update, replicas=2))
    stage.settings["RELEASE_IMAGE"] = f"{IMAGE}:2"
    stage.commit(_updated("2", update, replicas=2))
    yield


def _updated(tag: str, strategy: dict[str, Any], replicas: int = 1) -> dict[str, str | None]:
    document = json.loads(manifests.stateful_set("db", f"{IMAGE}:{tag}", replicas=replicas))
    document["spec"]["updateStrategy"] = strategy
    return {"db.yaml": json.dumps(document)}
