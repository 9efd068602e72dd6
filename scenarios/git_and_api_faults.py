"""Temporary and permanent faults that prevent the job from observing, or Argo CD from comparing."""

from collections.abc import Iterator

from argocd_release.messages import verdict
from argocd_release.model.outcome import Outcome
from sandbox.application import delivered
from scenarios.dsl import Stage, literal, scenario, web
from scenarios.fake_servers import git_server, proxy


@scenario(
    "git takes longer to answer than a look",
    Outcome.DELIVERED,
    ru="git отвечает дольше, чем длится одна проверка",
    max_seconds=18,
)
def slow_git(stage: Stage) -> Iterator[None]:
    """Each comparison takes longer than a look waits, so a job that restarted it at each look would never end."""
    with git_server(stage.repository.folder.parent) as git:
        revision = stage.commit(web("1"))
        stage.application = stage.sandbox.application(stage.name, _source(stage, git.url(stage.repository.folder)))
        stage.until(delivered(revision))
        stage.delivered_when = None
        git.delay = 10.3
        yield
        stage.sleep(20)


@scenario("git is away for a moment", Outcome.DELIVERED, ru="git ненадолго недоступен", max_seconds=20)
def git_away_for_a_moment(stage: Stage) -> Iterator[None]:
    """The first comparison fails with `repository not found`, because the git server is away for a moment."""
    stage.deployed(web("1"))
    revision = stage.commit(web("2"))
    folder = stage.repository.folder
    hidden = folder.rename(folder.with_suffix(".away"))
    yield
    stage.sleep(3)
    hidden.rename(folder)
    stage.delivered_when = delivered(revision)


@scenario("a git server is restarted", Outcome.DELIVERED, ru="сервер git перезапущен", max_seconds=35)
def git_server_restarted(stage: Stage) -> Iterator[None]:
    folder = stage.repository.folder
    with git_server(folder.parent) as git:
        port = git.port
        revision = stage.commit(web("1"))
        stage.application = stage.sandbox.application(stage.name, _source(stage, git.url(folder)))
        stage.until(delivered(revision))
        revision = stage.commit(web("2"))
    yield
    stage.sleep(15)
    with git_server(folder.parent, port=port):
        stage.until(delivered(revision))
        stage.sleep(5)


@scenario(
    "the repo-server is restarted, for 18 s",
    Outcome.DELIVERED,
    ru="repo-server перезапускается, 18 с",
    max_seconds=40,
    exclusive=True,
)
def repo_server_restarted(stage: Stage) -> Iterator[None]:
    stage.deployed(web("1"))
    revision = stage.commit(web("2"))
    with stage.sandbox.part("repo-server").stopped():
        yield
        stage.sleep(18)
    stage.delivered_when = delivered(revision)


@scenario(
    "the repo-server is away",
    Outcome.UNREACHABLE,
    ru="repo-server недоступен",
    cause=literal(verdict.CANNOT_COMPARE),
    max_seconds=75,
    exclusive=True,
)
def repo_server_away(stage: Stage) -> Iterator[None]:
    stage.settings["RELEASE_TIMEOUT"] = "120"
    stage.deployed(web("1"))
    stage.commit(web("2"))
    with stage.sandbox.part("repo-server").stopped():
        yield
        stage.wait_for_end_of_job()


@scenario("a project that is not there", Outcome.DENIED, ru="проект, которого нет", cause="project", max_seconds=18)
def project_absent(stage: Stage) -> Iterator[None]:
    stage.sandbox.project(stage.name)
    stage.deployed(web("1"), project=stage.name)
    stage.sandbox.kubectl("delete", "appproject", stage.name, "-n", "argocd")
    yield


@scenario(
    "a project that goes away midway",
    Outcome.DENIED,
    ru="проект удалили, пока джоб ждёт",
    cause="project",
    max_seconds=25,
)
def project_deleted_midway(stage: Stage) -> Iterator[None]:
    stage.sandbox.project(stage.name)
    stage.deploy(web("1", fate="never-ready"), project=stage.name)
    yield
    stage.sleep(4)
    stage.sandbox.kubectl("delete", "appproject", stage.name, "-n", "argocd")


@scenario(
    "a proxy that forbids everything",
    Outcome.UNREACHABLE,
    ru="прокси запрещает всё",
    cause="failed with status code 403",
    max_seconds=13,
)
def proxy_forbids(stage: Stage) -> Iterator[None]:
    stage.deploy(web("1"))
    with proxy(stage.sandbox.server) as front:
        front.status = 403
        stage.settings |= front.settings | {"RELEASE_CONNECT_GRACE": "6"}
        yield
        stage.wait_for_end_of_job()


@scenario(
    "a proxy that forbids everything for 8 s",
    Outcome.DELIVERED,
    ru="прокси запрещает всё в течение 8 с",
    max_seconds=30,
)
def proxy_forbids_for_a_while(stage: Stage) -> Iterator[None]:
    stage.deploy(web("1", ready_after="12s"))
    with proxy(stage.sandbox.server) as front:
        stage.settings |= front.settings
        yield
        stage.sleep(4)
        front.status = 403
        stage.sleep(8)
        front.status = 0
        stage.sleep(15)


def _source(stage: Stage, url: str) -> dict[str, str]:
    return stage.repository.source() | {"repoURL": url}
