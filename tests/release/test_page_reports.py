"""The releases whose pages the documentation shows: one that is delivered, and one that ends in a crash loop.

``bin/dev record`` runs this test with ``--accept``, which writes the reports of both into ``docs/reports``. They come
from a real Argo CD. The pods are simulated, and the addresses of this machine are replaced.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator

from argocd_release.reports.json_report import SCHEMA
from argocd_release.reports.page import render
from sandbox import manifests
from sandbox.application import delivered
from sandbox.git_server import serving
from sandbox.sandbox import Sandbox
from tests.support.job import Running

REPORTS: Final = Path(__file__).parents[2] / "docs" / "reports"
REGISTRY: Final = "registry.example.com/shop"
GITLAB: Final = "https://gitlab.example.com/acme"
LOG: Final = (
    *(f"api: registered route /api/v2/{name}" for name in ("cart", "orders", "payments", "prices", "stock", "users")),
    "api: starting version 4.2.0 on :8080",
    "api: connecting to database shop at db:5432",
    "api: attempt 1 of 3 failed: connection refused",
    "api: attempt 2 of 3 failed: connection refused",
    "api: attempt 3 of 3 failed: connection refused",
    "api: fatal: cannot connect to database at db:5432: connection refused",
)
Files = dict[str, str | None]
# Three releases one after another, each with two hooks and two waves.
pytestmark = pytest.mark.timeout(400)


def shop(tag: str, *, broken: bool = False) -> Files:
    """Return the manifests of a shop: a migration, a database, two services after it, and a smoke test."""
    api: dict[str, Any] = {"fate": "crash", "back_off": True} if broken else {"ready_after": "4s"}
    later = {
        "api": manifests.deployment("api", f"{REGISTRY}/api:{tag}", replicas=2, **api),
        "web": manifests.deployment("web", f"{REGISTRY}/web:{tag}", ready_after="6s"),
    }
    settings = {f"settings-{number}": manifests.config_map(f"settings-{number}", colour="blue") for number in range(12)}
    changed = {f"features-{number}": manifests.config_map(f"features-{number}", release=tag) for number in range(2)}
    first = {
        "db": manifests.stateful_set("db", f"{REGISTRY}/db:{tag}", ready_after="3s"),
        "migrate": manifests.hook("migrate", "PreSync", ends_after="3s"),
        "smoke-test": manifests.hook("smoke-test", "PostSync", ends_after="2s"),
    }
    files = settings | changed | first | {name: in_wave(1, text) for name, text in later.items()}
    return {f"deploy/{name}.yaml": text for name, text in files.items()}


def in_wave(number: int, manifest: str) -> str:
    document = json.loads(manifest)
    document["metadata"].setdefault("annotations", {})["argocd.argoproj.io/sync-wave"] = str(number)
    return json.dumps(document)


@pytest.fixture(scope="module")
def empty_sandbox() -> Iterator[Sandbox]:
    """Start a sandbox of its own. In the shared one, the tests of the doctor have released an application ``shop``."""
    with Sandbox.start() as running:
        yield running


@pytest.fixture(scope="module")
def reports(empty_sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Run both releases one after another, and yield their reports with public addresses."""
    sandbox = empty_sandbox
    repository = sandbox.repository("shop")
    first = repository.commit(shop("1f0c9a2"))
    # Argo CD reads the repository from the server of the project, as in GitLab, so that there are links to commits.
    with serving(sandbox.folder / "repositories") as server:
        host = f"http://localhost:{server.port}"
        application = sandbox.application("shop", repository.source("deploy") | {"repoURL": server.url(repository)})
        application.wait_for(delivered(first), 90)
        sandbox.pod_log("shop", LOG)
        recorded: dict[str, Any] = {}
        # The first job begins when Argo CD has synced the first revision already.
        for name, tag, number in (("first", "1f0c9a2", 0), ("green", "8be41d7", 1), ("red", "c4d1f05", 2)):
            revision = first
            if number:
                revision = repository.commit(shop(tag, broken=name == "red"), f"shop {tag}")
            environ = sandbox.environment() | {
                "ARGOCD_APP_NAME": "shop",
                "RELEASE_IMAGE": tag,
                "RELEASE_DOCS_URL": "https://docs.example.com",
                "CI_COMMIT_SHORT_SHA": revision[:8],
                "CI_COMMIT_SHA": revision,
                "CI_PROJECT_URL": f"{host}/web",
                "CI_JOB_URL": f"{host}/web/-/jobs/{4711 + number}",
                "CI_PIPELINE_URL": f"{host}/web/-/pipelines/{1841 + number}",
                "CI_MERGE_REQUEST_IID": f"{96 + number}",
            }
            run = Running(environ, tmp_path_factory.mktemp(name))
            try:
                run.end()
            finally:
                run.kill()
            text = (run.folder / "argocd-release.json").read_text("utf-8")
            text = text.replace(host, GITLAB).replace(sandbox.server, "argocd.example.com")
            recorded[name] = json.loads(text)
        yield recorded


@pytest.mark.parametrize("name", ["green", "red"])
def test_the_recorded_report_is_what_the_tool_writes_today(
    name: str, reports: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    report, file = reports[name], REPORTS / f"{name}.json"
    Draft202012Validator(SCHEMA).validate(report)
    if request.config.getoption("--accept"):
        file.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", "utf-8")
    recorded = json.loads(file.read_text("utf-8"))
    assert fields(report) == fields(recorded)
    assert report["outcome"] == recorded["outcome"] == {"green": "delivered", "red": "degraded"}[name]
    assert len(render(report).encode()) <= 20_000


def fields(report: Any) -> set[str]:
    """Return the paths of all fields with a value. Lists count as a whole, because their length can differ."""
    if isinstance(report, dict):
        return {f"{key}.{below}" for key, value in report.items() for below in fields(value) or {""}}
    if isinstance(report, list):
        return {f"[].{below}" for item in report if isinstance(item, dict) for below in fields(item)}
    return set()


def test_a_first_release_is_one_without_an_earlier_sync(reports: dict[str, Any]) -> None:
    """Its state is its own, so the page must not call it the same as before."""
    changes = {name: report["applications"][0]["changes"] for name, report in reports.items()}
    assert {name: each["first"] for name, each in changes.items()} == {"first": True, "green": False, "red": False}, (
        changes
    )
    assert changes["first"]["revisions_before"] == changes["first"]["images_before"] == []
    assert changes["green"]["revisions_before"] == reports["first"]["applications"][0]["state"]["revisions"]
    assert "first release" in render(reports["first"])
    assert "<i lang=en>unchanged</i>" not in render(reports["first"])


def test_the_red_report_shows_plausible_restarts(reports: dict[str, Any]) -> None:
    """The kubelet restarts a container at once, then after 10, 20 and 40 seconds."""
    (application,) = reports["red"]["applications"]
    assert application["cause"]["code"] == "crash-loop"
    most = max(pod["restarts"] for pod in application["pods"])
    began = next(span["began"] for span in application["spans"] if span["subject"] == "Deployment/api")
    seconds = application["phases"]["judged"] - began
    assert most <= 1 + (seconds >= 9) + (seconds >= 29) + (seconds >= 69), (most, seconds)
