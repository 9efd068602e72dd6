"""Real faults of Argo CD. If the status is unknown, the outcome is *unreachable* or *denied*, but never a failure."""

from collections.abc import Iterator

from argocd_release.messages import argocd, verdict
from argocd_release.model.outcome import Outcome
from sandbox.application import delivered
from scenarios.dsl import Stage, literal, scenario, web

READER = ("applications, get, */*, allow", "projects, get, *, allow")


@scenario(
    "a token that is not allowed",
    Outcome.DENIED,
    ru="токену не хватает прав",
    cause="permission denied: applications, get",
    max_seconds=5,
)
def forbidden(stage: Stage) -> Iterator[None]:
    policy = ("applications, get, other/*, allow", "projects, get, *, allow")
    stage.settings["ARGOCD_AUTH_TOKEN"] = stage.sandbox.token(stage.name, policy)
    stage.deploy(web("1"))
    yield


@scenario(
    "a token without projects, get",
    Outcome.DELIVERED,
    ru="токен без projects, get",
    max_seconds=8,
)
def no_projects(stage: Stage) -> Iterator[None]:
    """The token lacks a right that `argocd app get` needs, but a comparison over HTTP does not need."""
    stage.settings["ARGOCD_AUTH_TOKEN"] = stage.sandbox.token(stage.name, READER[:1])
    stage.deploy(web("1"))
    yield


@scenario(
    "a token without the right to sync, with RELEASE_SYNC",
    Outcome.DENIED,
    ru="RELEASE_SYNC, но токену не хватает прав на синхронизацию",
    cause="permission denied",
    max_seconds=8,
)
def sync_forbidden(stage: Stage) -> Iterator[None]:
    stage.settings |= {"ARGOCD_AUTH_TOKEN": stage.sandbox.token(stage.name, READER), "RELEASE_SYNC": "true"}
    stage.deploy(web("1"), automated=False)
    yield


@scenario("a revoked token", Outcome.DENIED, ru="отозванный токен", cause="does not have token with id", max_seconds=5)
def revoked(stage: Stage) -> Iterator[None]:
    stage.settings["ARGOCD_AUTH_TOKEN"] = stage.sandbox.token(stage.name, READER)
    stage.sandbox.revoke(stage.name)
    stage.deploy(web("1"))
    yield


@scenario(
    "a token revoked midway",
    Outcome.DENIED,
    ru="токен отозвали, пока джоб ждёт",
    cause="does not have token with id",
    max_seconds=30,
)
def revoked_midway(stage: Stage) -> Iterator[None]:
    stage.settings["ARGOCD_AUTH_TOKEN"] = stage.sandbox.token(stage.name, READER)
    stage.deploy(web("1", fate="never-ready"))
    yield
    stage.sleep(4)
    stage.sandbox.revoke(stage.name)


@scenario(
    "an application deleted and created again",
    Outcome.DELIVERED,
    ru="приложение удалили и создали снова",
    max_seconds=28,
)
def created_again(stage: Stage) -> Iterator[None]:
    stage.deploy(web("1", fate="never-ready"))
    yield
    stage.sleep(6)
    stage.running.delete()
    stage.sleep(3)
    stage.deploy(web("2"))


@scenario(
    "the API server is down at the start",
    Outcome.UNREACHABLE,
    ru="API-сервер не работает в начале",
    cause="connection refused",
    max_seconds=13,
    exclusive=True,
)
def server_down(stage: Stage) -> Iterator[None]:
    stage.settings["RELEASE_CONNECT_GRACE"] = "6"
    stage.deploy(web("1"))
    with stage.sandbox.part("argocd-server").stopped():
        yield
        stage.wait_for_end_of_job()


@scenario(
    "the API server is away for 20 s",
    Outcome.DELIVERED,
    ru="API-сервер недоступен 20 с",
    max_seconds=40,
    exclusive=True,
)
def server_away(stage: Stage) -> Iterator[None]:
    stage.deploy(web("1", ready_after="15s"))
    # It is delivered while Argo CD cannot be reached, so the time of the delivery is unknown.
    stage.delivered_when = None
    yield
    stage.sleep(6)
    with stage.sandbox.part("argocd-server").stopped():
        stage.sleep(20)


@scenario(
    "the API server is frozen",
    Outcome.UNREACHABLE,
    ru="API-сервер завис",
    cause=literal(argocd.NO_RESPONSE),
    max_seconds=18,
    exclusive=True,
)
def server_frozen(stage: Stage) -> Iterator[None]:
    """Argo CD accepts connections and never responds."""
    stage.settings["RELEASE_TIMEOUT"] = "10"
    stage.deploy(web("1"))
    with stage.sandbox.part("argocd-server").paused():
        yield
        stage.wait_for_end_of_job()


@scenario(
    "the application controller is frozen for a while",
    Outcome.DELIVERED,
    ru="application controller на время завис",
    max_seconds=35,
    exclusive=True,
)
def controller_frozen(stage: Stage) -> Iterator[None]:
    """A refresh never ends, but the old state can still be read, which is Synced and Healthy."""
    stage.deployed(web("old"))
    revision = stage.commit(web("new"))
    with stage.sandbox.part("application-controller").paused():
        yield
        stage.sleep(12)
    stage.delivered_when = delivered(revision)


@scenario(
    "the application controller is down",
    Outcome.TIMED_OUT,
    ru="application controller не работает",
    cause=literal(verdict.NOT_COMPARED),
    max_seconds=18,
    exclusive=True,
)
def controller_down(stage: Stage) -> Iterator[None]:
    stage.settings["RELEASE_TIMEOUT"] = "11"
    stage.deployed(web("1"))
    with stage.sandbox.part("application-controller").stopped():
        yield
        stage.wait_for_end_of_job()
