"""Releases with the source hydrator: a pipeline knows the dry commit, but Argo CD syncs the hydrated commit."""

from collections.abc import Iterator
from typing import Any

from argocd_release.messages import verdict
from argocd_release.model.outcome import Outcome
from sandbox.application import State
from scenarios.dsl import Files, Stage, literal, scenario, status, web
from scenarios.expectations import clone, expect_unmerged

PARTS = ("commit-server",)
BRANCH = "hydrated"
PATH = "web"


def deploy(stage: Stage, *contents: Files) -> str:
    """Push files to the dry branch, create the application, and return the dry commit, which the job expects."""
    revision = push(stage, *contents)
    dry = stage.repository.source()
    hydrator: dict[str, Any] = {"drySource": dry, "syncSource": {"targetBranch": BRANCH, "path": PATH}}
    stage.application = stage.sandbox.application(stage.name, stage.repository, source=None, sourceHydrator=hydrator)
    return revision


def push(stage: Stage, *contents: Files) -> str:
    revision = stage.commit(*contents)
    stage.settings["RELEASE_REVISION"] = revision
    stage.delivered_when = lambda state: _delivered(state, revision)
    return revision


def deployed(stage: Stage, *contents: Files) -> str:
    """Deploy the files, wait until the application is hydrated, Synced and Healthy, and return the dry commit."""
    revision = deploy(stage, *contents)
    stage.until(lambda state: _delivered(state, revision))
    return revision


def _delivered(state: State, revision: str) -> bool:
    hydrated = _hydration(state, "lastSuccessfulOperation")
    ended = _hydration(state, "lastComparedDryRevision") == revision or hydrated.get("drySHA") == revision
    synced = status(state, "sync", "status") == "Synced" and status(state, "sync", "revision") == hydrated.get(
        "hydratedSHA"
    )
    return bool(ended) and synced and status(state, "health", "status") == "Healthy"


def _hydration(state: State, key: str) -> Any:
    return status(state, "sourceHydrator", key) or {}


@scenario("hydrated: a first release", Outcome.DELIVERED, ru="hydrator: первый релиз", max_seconds=30, parts=PARTS)
def hydrated(stage: Stage) -> Iterator[None]:
    """RELEASE_REVISION is the dry commit, which Argo CD itself never syncs."""
    deploy(stage, web("1"))
    yield


@scenario(
    "hydrated: a commit that Argo CD has not noticed",
    Outcome.DELIVERED,
    ru="hydrator: коммит, которого Argo CD ещё не заметил",
    max_seconds=30,
    parts=PARTS,
)
def hydrated_later(stage: Stage) -> Iterator[None]:
    """The application is Synced and Healthy with the previous hydrated commit. A refresh alone does not change that."""
    deployed(stage, web("1"))
    push(stage, web("2"))
    del stage.settings["RELEASE_REVISION"]
    yield


@scenario(
    "hydrated: a commit that changes no manifest",
    Outcome.DELIVERED,
    ru="hydrator: коммит не меняет ни одного манифеста",
    max_seconds=30,
    parts=PARTS,
)
def hydrated_without_change(stage: Stage) -> Iterator[None]:
    """The dry commit changes no manifests, so Argo CD creates no hydrated commit."""
    deployed(stage, web("1"))
    push(stage, {"README.md": "hello"})
    stage.delivered_when = None
    yield


@scenario(
    "hydrated: the commit is contained in a later one",
    Outcome.DELIVERED,
    ru="hydrator: коммит содержится в более позднем",
    cause=literal(verdict.LATER, commits="1 commit"),
    parts=PARTS,
)
def hydrated_contained(stage: Stage) -> Iterator[None]:
    first = deployed(stage, web("1"))
    push(stage, web("2"))
    stage.settings["RELEASE_REVISION"] = first
    clone(stage)
    yield


@scenario(
    "hydrated: the commit never comes to the dry branch",
    Outcome.NOT_DELIVERED,
    ru="hydrator: коммит так и не приходит в dry-ветку",
    cause=literal(verdict.OLDER, commits="1 commit"),
    max_seconds=6 + 7,
    parts=PARTS,
)
def hydrated_never(stage: Stage) -> Iterator[None]:
    deployed(stage, web("1"))
    expect_unmerged(stage)
    yield


@scenario(
    "hydrated: a manifest that is not YAML",
    Outcome.SYNC_FAILED,
    ru="hydrator: манифест с неверным YAML",
    cause="hydration",
    max_seconds=25,
    parts=PARTS,
)
def hydration_fails(stage: Stage) -> Iterator[None]:
    """The application stays Synced and Healthy with its previous state, although the hydration fails."""
    deployed(stage, web("1"))
    push(stage, {"web.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n spec: [\n"})
    yield


@scenario(
    "hydrated: the commit-server is away",
    Outcome.UNREACHABLE,
    ru="hydrator: commit-server недоступен",
    cause="hydration",
    max_seconds=50,
    exclusive=True,
    parts=PARTS,
)
def commit_server_away(stage: Stage) -> Iterator[None]:
    stage.settings["RELEASE_UNREACHABLE_GRACE"] = "15"
    deployed(stage, web("1"))
    push(stage, web("2"))
    with stage.sandbox.part("commit-server").stopped():
        yield
        stage.wait_for_end_of_job()


@scenario(
    "hydrated: it takes a while",
    Outcome.DELIVERED,
    ru="hydrator: рендеринг занимает время",
    max_seconds=40,
    exclusive=True,
    parts=PARTS,
)
def hydration_takes_long(stage: Stage) -> Iterator[None]:
    """The application stays Synced and Healthy with its previous state."""
    deployed(stage, web("1"))
    push(stage, web("2"))
    with stage.sandbox.part("commit-server").paused():
        yield
        stage.sleep(12)
