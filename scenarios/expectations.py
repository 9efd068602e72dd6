"""What a job expects beside Synced and Healthy: a revision, an image, a chart's version."""

from collections.abc import Iterator

from argocd_release.errors import Outcome
from sandbox.application import delivered
from scenarios.stage import IMAGE, Stage, scenario, web

GRACE = {"RELEASE_EXPECTATION_GRACE": "6"}


def clone(stage: Stage) -> None:
    """Give the job the clone that GitLab makes: the last commits only."""
    folder = stage.repository.folder.with_name(f"{stage.name}-clone")
    stage.repository.git("clone", "--quiet", "--depth=1", stage.repository.url, str(folder))
    stage.settings |= {"CI_PROJECT_DIR": str(folder), "CI_REPOSITORY_URL": stage.repository.url}


@scenario("RELEASE_REVISION is what runs", Outcome.DELIVERED)
def revision(stage: Stage) -> Iterator[None]:
    stage.settings["RELEASE_REVISION"] = stage.deploy(web("1"))
    yield


@scenario("RELEASE_REVISION is pushed after the job began", Outcome.DELIVERED)
def revision_comes(stage: Stage) -> Iterator[None]:
    stage.deployed(web("1"))
    stage.repository.git("checkout", "--quiet", "-b", "next")
    second = stage.commit(web("2"))
    stage.settings["RELEASE_REVISION"] = second
    clone(stage)
    yield
    stage.sleep(4)
    stage.repository.git("branch", "--force", "main", "next")


@scenario("RELEASE_REVISION is contained in what runs", Outcome.DELIVERED, cause="2 commits later")
def revision_contained(stage: Stage) -> Iterator[None]:
    stage.settings["RELEASE_REVISION"] = stage.commit(web("1"))
    stage.commit(web("2"))
    stage.deploy(web("3"))
    clone(stage)
    yield


@scenario("RELEASE_REVISION exactly, and a later one runs", Outcome.TIMED_OUT, cause="Argo CD compares with", within=14)
def revision_superseded(stage: Stage) -> Iterator[None]:
    stage.settings |= {"RELEASE_REVISION_MATCH": "exact", "RELEASE_TIMEOUT": "10"}
    stage.settings["RELEASE_REVISION"] = stage.commit(web("1"))
    stage.deployed(web("2"))
    clone(stage)
    yield


@scenario("RELEASE_REVISION was replaced by a force push", Outcome.NOT_DELIVERED, cause="have diverged", within=6 + 7)
def revision_diverged(stage: Stage) -> Iterator[None]:
    stage.commit(web("1"))
    stage.settings |= GRACE | {"RELEASE_REVISION": stage.commit(web("2"))}
    stage.repository.git("branch", "lost")
    stage.repository.git("reset", "--quiet", "--hard", "HEAD~1")
    stage.deployed(web("3"))
    clone(stage)
    yield


@scenario("RELEASE_REVISION never comes to the branch", Outcome.NOT_DELIVERED, cause="1 commit newer", within=6 + 7)
def revision_never_comes(stage: Stage) -> Iterator[None]:
    first = stage.deploy(web("1"))
    stage.running.wait_for(delivered(first))
    stage.repository.git("checkout", "--quiet", "-b", "unmerged")
    stage.settings |= GRACE | {"RELEASE_REVISION": stage.commit(web("2"))}
    clone(stage)
    stage.repository.git("checkout", "--quiet", "main")
    yield


@scenario("RELEASE_REVISION, and no history to ask", Outcome.TIMED_OUT, cause="could not be consulted", within=14)
def revision_without_history(stage: Stage) -> Iterator[None]:
    stage.settings["RELEASE_REVISION"] = stage.commit(web("1"))
    stage.settings["RELEASE_TIMEOUT"] = "10"
    stage.deployed(web("2"))
    yield


@scenario("RELEASE_IMAGE runs", Outcome.DELIVERED)
def image(stage: Stage) -> Iterator[None]:
    stage.deployed(web("1"))
    stage.settings["RELEASE_IMAGE"] = f"{IMAGE}:2"
    stage.commit(web("2", ready_after="1s"))
    yield


@scenario("RELEASE_IMAGE comes with a later commit", Outcome.DELIVERED)
def image_comes(stage: Stage) -> Iterator[None]:
    """As where another job, or an updater, writes the tag to git."""
    stage.deployed(web("1"))
    stage.settings["RELEASE_IMAGE"] = "2"
    yield
    stage.sleep(4)
    stage.commit(web("2"))


@scenario("RELEASE_IMAGE is not in the revision", Outcome.NOT_DELIVERED, cause="no pod runs the image 2", within=6 + 7)
def image_missing(stage: Stage) -> Iterator[None]:
    stage.settings |= GRACE | {"RELEASE_IMAGE": "2", "RELEASE_REVISION": stage.deployed(web("1"))}
    yield


@scenario("a source that the application does not have", Outcome.NOT_DELIVERED, cause="has no source", within=6 + 7)
def source_missing(stage: Stage) -> Iterator[None]:
    stage.settings |= GRACE | {"RELEASE_SOURCE": "https://git.example.com/other.git"}
    stage.deploy(web("1"))
    yield
