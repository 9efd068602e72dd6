"""Situations in which Argo CD cannot render the manifests, so that too many requests of the job would do harm."""

import json
from collections.abc import Iterator

from argocd_release.model.outcome import Outcome
from sandbox import manifests
from sandbox.application import State, delivered
from sandbox.charts import ChartRepository
from scenarios.dsl import IMAGE, Stage, scenario, status

#: After one more failed render in a row, Argo CD returns the cached error for an hour (argo-cd v2.13.2
#: cmd/argocd-repo-server/commands/argocd_repo_server.go:47).
MOST_FAILED_RENDERS = 2
CACHED = "Manifest generation error (cached)"


UMBRELLA = {"apiVersion": "v2", "name": "umbrella", "version": "1.0.0"}


def dependency_of(charts: ChartRepository) -> dict[str, str]:
    """Return the dependency on the chart ``web`` in ``charts``."""
    return {"name": "web", "version": "1.0.0", "repository": charts.url}


def umbrella(stage: Stage, charts: ChartRepository, tag: str) -> str:
    """Push a chart that depends on another chart in ``charts``, and return the commit."""
    files = {
        "Chart.yaml": json.dumps(UMBRELLA | {"dependencies": [dependency_of(charts)]}),
        "values.yaml": json.dumps({"web": {"image": {"repository": IMAGE, "tag": tag}}}),
    }
    return stage.commit(files)


def failing(state: State) -> bool:
    """Return True if Argo CD reports that it cannot compare the application."""
    return any(item["type"] == "ComparisonError" for item in status(state, "conditions") or [])


def cached(state: State) -> bool:
    """Return True if Argo CD reports an error from its cache."""
    return any(CACHED in item["message"] for item in status(state, "conditions") or [])


@scenario(
    "a chart dependency is away for 25 s",
    Outcome.DELIVERED,
    ru="зависимость чарта недоступна 25 с",
    cause="helm dependency build",
    max_seconds=45,
)
def dependency_away(stage: Stage) -> Iterator[None]:
    """The job must not cause the three failed renders after which Argo CD stops rendering."""
    charts = deployed(stage)
    revision = umbrella(stage, charts, "2")
    charts.away = True
    yield
    stage.sleep(25)
    charts.away = False
    stage.until(delivered(revision), 60)
    if charts.refused > MOST_FAILED_RENDERS:
        raise AssertionError(f"the job caused {charts.refused} failed renders")


def deployed(stage: Stage) -> ChartRepository:
    """Deploy the application, and return the repository of its dependency."""
    charts = stage.sandbox.chart_repository(stage.name)
    charts.publish("web", "1.0.0", manifests.helm_chart("web", "1.0.0", f"{IMAGE}:1"))
    revision = umbrella(stage, charts, "1")
    stage.application = stage.sandbox.application(stage.name, stage.repository)
    stage.until(delivered(revision), 60)
    return charts


def paused(stage: Stage) -> ChartRepository:
    """Cause so many failed renders, without the job, that Argo CD repeats a cached error."""
    charts = deployed(stage)
    umbrella(stage, charts, "2")
    charts.away = True
    for _ in range(4):
        stage.running.refresh()
        stage.sleep(1.1)
    stage.until(cached)
    charts.away = False
    return charts


@scenario(
    "Argo CD returns a cached error",
    Outcome.DELIVERED,
    ru="Argo CD отвечает ошибкой из кеша",
    cause="--hard-refresh",
)
def cached_error(stage: Stage) -> Iterator[None]:
    """The cause of the error is removed, but Argo CD only notices that after a hard refresh."""
    paused(stage)
    yield


@scenario(
    "Argo CD returns a cached error, and hard refreshes are off",
    Outcome.UNREACHABLE,
    ru="Argo CD отвечает ошибкой из кеша, hard refresh выключен",
    cause="`helm dependency build` failed",
    max_seconds=25,
)
def cached_error_stays(stage: Stage) -> Iterator[None]:
    stage.settings |= {"RELEASE_HARD_REFRESH": "false", "RELEASE_UNREACHABLE_GRACE": "10"}
    paused(stage)
    stage.delivered_when = None
    yield


@scenario(
    "a chart dependency is away for 25 s, for two applications of a group",
    Outcome.DELIVERED,
    ru="зависимость чарта недоступна 25 с, для двух приложений группы",
    max_seconds=50,
)
def group_dependency_away(stage: Stage) -> Iterator[None]:
    """Argo CD counts failed renders separately for each application."""
    charts = deployed(stage)
    second = f"{stage.name}-b"
    other = stage.sandbox.application(second, stage.repository)
    other.wait_for(delivered(stage.repository.git("rev-parse", "HEAD").strip()), 60)
    revision = umbrella(stage, charts, "2")
    charts.away = True
    stage.settings["ARGOCD_APP_NAME"] = f"{stage.name} {second}"
    yield
    stage.sleep(25)
    charts.away = False
    stage.until(delivered(revision), 60)
    other.wait_for(delivered(revision), 60)
    if charts.refused > 2 * MOST_FAILED_RENDERS:
        raise AssertionError(f"the job caused {charts.refused} failed renders of two applications")


def newer_chart(stage: Stage, charts: ChartRepository) -> None:
    """Overwrite version 1.0.0 of the chart, and expect the image of the new content."""
    charts.publish("web", "1.0.0", manifests.helm_chart("web", "1.0.0", f"{IMAGE}:2"))
    stage.settings["RELEASE_IMAGE"] = f"{IMAGE}:2"
    stage.delivered_when = runs_newer_image


def runs_newer_image(state: State) -> bool:
    """Return True if the application is Synced and Healthy, and runs the image of the new content."""
    images = status(state, "summary", "images") or []
    words = status(state, "sync", "status"), status(state, "health", "status")
    return words == ("Synced", "Healthy") and images == [f"{IMAGE}:2"]


def deployed_chart(stage: Stage) -> ChartRepository:
    """Deploy version 1.0.0 of a chart, and return its repository."""
    charts = stage.sandbox.chart_repository(stage.name)
    charts.publish("web", "1.0.0", manifests.helm_chart("web", "1.0.0", f"{IMAGE}:1"))
    # Without self-heal, Argo CD does not sync the same chart version a second time.
    stage.application = stage.sandbox.application(stage.name, charts.source("web", "1.0.0"), self_heal=True)
    stage.until(delivered("1.0.0"), 60)
    return charts


@scenario(
    "a chart version was overwritten, and RELEASE_REFRESH is hard",
    Outcome.DELIVERED,
    ru="версию чарта перезаписали, RELEASE_REFRESH=hard",
    cause="--hard-refresh",
    max_seconds=30,
)
def mutable_chart(stage: Stage) -> Iterator[None]:
    stage.settings["RELEASE_REFRESH"] = "hard"
    newer_chart(stage, deployed_chart(stage))
    yield


@scenario(
    "a chart version was overwritten, and RELEASE_REFRESH is normal",
    Outcome.TIMED_OUT,
    ru="версию чарта перезаписали, RELEASE_REFRESH=normal",
    cause=f"{IMAGE}:2",
    max_seconds=25,
)
def mutable_chart_unseen(stage: Stage) -> Iterator[None]:
    """Argo CD uses its cache of manifests, because the version of the chart is still the same."""
    stage.settings["RELEASE_TIMEOUT"] = "15"
    newer_chart(stage, deployed_chart(stage))
    stage.delivered_when = None
    yield


@scenario(
    "a chart dependency of two applications was overwritten, and RELEASE_REFRESH is hard",
    Outcome.DELIVERED,
    ru="зависимость чарта двух приложений перезаписали, RELEASE_REFRESH=hard",
    max_seconds=45,
)
def mutable_dependency(stage: Stage) -> Iterator[None]:
    """The commit stays the same, and only the content of its chart dependency changes."""
    charts = stage.sandbox.chart_repository(stage.name)
    charts.publish("web", "1.0.0", manifests.helm_chart("web", "1.0.0", f"{IMAGE}:1"))
    files = {"Chart.yaml": json.dumps(UMBRELLA | {"dependencies": [dependency_of(charts)]})}
    revision = stage.commit(files)
    second = f"{stage.name}-b"
    stage.application = stage.sandbox.application(stage.name, stage.repository, self_heal=True)
    other = stage.sandbox.application(second, stage.repository, self_heal=True)
    for application in (stage.application, other):
        application.wait_for(delivered(revision), 60)
    newer_chart(stage, charts)
    stage.settings |= {"RELEASE_REFRESH": "hard", "ARGOCD_APP_NAME": f"{stage.name} {second}"}
    yield
