"""Why it failed, read by someone who has only the job log: whole runs on the sandbox, compared to ``docs/logs``.

``pytest tests/release/test_diagnosis.py --accept`` writes what came out as what is expected: read each log alone before
you commit it, and ask whether you could fix it from that.
"""

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from argocd_release import __version__
from argocd_release.reports.json_report import SCHEMA
from sandbox import manifests
from sandbox.application import Application, State, delivered
from sandbox.sandbox import Sandbox
from scenarios.play import RULE
from scenarios.stage import status
from tests.gitlab_rules import check_annotations, check_dotenv, check_junit
from tests.support.job import Release, Running

LOGS = Path(__file__).parents[2] / "docs" / "logs"
IMAGE = "registry.example.com/web"
TITLES = ("$ argocd app get", "Resources", "Pods", "Recent events", "Log of ", "Conditions", "Not shown", "next: ")
Files = dict[str, str | None]


def web(tag: str = "1", **options: object) -> Files:
    return {"web.yaml": manifests.deployment("web", f"{IMAGE}:{tag}", **options)}  # type: ignore[arg-type]


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """Commits, one after the other; what is waited for before the release begins, of the application and its pods."""

    commits: tuple[Files, ...]
    exit_code: int
    cause: str
    settled: Callable[[State], bool]
    pods: str = ""
    environ: dict[str, str] = field(default_factory=dict)
    options: dict[str, object] = field(default_factory=dict)


def synced(state: State) -> bool:
    return (status(state, "sync", "status"), status(state, "operationState", "phase")) == ("Synced", "Succeeded")


def failed(state: State) -> bool:
    return bool(status(state, "operationState", "phase") == "Failed")


def conditioned(state: State) -> bool:
    return bool(state.get("status", {}).get("conditions"))


SCENARIOS = {
    "delivered": Scenario(
        commits=(web("abc1234", ready_after="9s") | {"settings.yaml": manifests.config_map("settings", greeting="hello")},),
        exit_code=0,
        cause="",
        settled=synced,
        environ={"RELEASE_IMAGE": f"{IMAGE}:abc1234"},
    ),
    "crash-loop": Scenario(
        commits=(web(fate="crash") | {"settings.yaml": manifests.config_map("settings", greeting="hello")},),
        exit_code=11,
        cause='Deployment/web → Pod/web-POD: CrashLoopBackOff, exit code 1, N restarts — "cannot connect to database at'
        ' db:5432: connection refused"',
        settled=synced,
        pods="CrashLoopBackOff",
    ),
    "image-pull": Scenario(
        commits=(web(fate="image-pull"),),
        exit_code=11,
        cause='Deployment/web → Pod/web-POD: ImagePullBackOff — "Failed to pull image "registry.example.com/web:1": rpc',
        settled=synced,
        pods="ImagePullBackOff",
    ),
    "not-ready": Scenario(
        commits=(web(fate="never-ready"),),
        exit_code=12,
        cause='Deployment/web → Pod/web-POD: Running, but not ready — "Readiness probe failed: HTTP probe failed with'
        ' statuscode: 503"',
        settled=synced,
        pods="Unhealthy",
        environ={"RELEASE_TIMEOUT": "3"},
    ),
    "quota": Scenario(
        commits=({"quota.yaml": manifests.resource_quota("pods", pods="0")}, web()),
        exit_code=11,
        cause='Deployment/web → ReplicaSet/web-RS: no pod can be created — pods "web-POD" is forbidden: exceeded quota:',
        settled=synced,
        pods="FailedCreate",
    ),
    "pre-sync-hook": Scenario(
        commits=(web() | {"hook.yaml": manifests.hook("migrate", "PreSync", fate="fail", ends_after="1s")},),
        exit_code=10,
        cause='PreSync hook Job/migrate → Pod/migrate-POD: Error, exit code 1 — "cannot connect to database at db:5432:',
        settled=failed,
        options={"retry_limit": 0},
    ),
    "rejected-manifest": Scenario(
        commits=(web(), web("2", replicas=-2)),
        exit_code=10,
        cause='sync failed: Deployment/web: Deployment.apps "web" is invalid: spec.replicas: Invalid value: -2:',
        settled=failed,
        options={"retry_limit": 0},
    ),
    "broken-manifest": Scenario(
        commits=({"web.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  labels: [\n"},),
        exit_code=10,
        cause='ComparisonError: Failed to unmarshal "web.yaml"',
        settled=conditioned,
    ),
    "missing-path": Scenario(
        commits=(web(),),
        exit_code=10,
        cause="ComparisonError: deploy/production: app path does not exist",
        settled=conditioned,
        options={"path": "deploy/production"},
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def ended(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[Release, Path]]]:
    """All scenarios at once: how each release ended, and the folder with its reports."""
    for name, scenario in SCENARIOS.items():
        repository = sandbox.repository(name)
        application = None
        for files in scenario.commits:
            revision = repository.commit(files)
            application = application or sandbox.application(name, repository, **scenario.options)
            application.refresh()
            if files is not scenario.commits[-1]:
                application.wait_for(delivered(revision))
    running: dict[str, Running] = {}
    try:
        for name, scenario in SCENARIOS.items():
            settle(sandbox, name, scenario)
            folder = tmp_path_factory.mktemp(name)
            settings = {
                "ARGOCD_APP_NAME": name,
                "RELEASE_TIMEOUT": "60",
                "RELEASE_POD_GRACE": "1",
                "RELEASE_CONDITION_GRACE": "1",
                "CI_COMMIT_SHORT_SHA": "abc1234",
            }
            running[name] = Running(sandbox.environment() | settings | scenario.environ, folder)
        yield {name: (run.end(), run.folder) for name, run in running.items()}
    finally:
        for run in running.values():
            run.process.kill()
            run.process.wait()


def settle(sandbox: Sandbox, name: str, scenario: Scenario) -> None:
    Application(cluster=sandbox, name=name, namespace=name).wait_for(scenario.settled)
    deadline = time.monotonic() + 30
    while scenario.pods and scenario.pods not in sandbox.kubectl("get", "events,pods", "-n", name):
        assert time.monotonic() < deadline, f"{name}: no {scenario.pods}"
        time.sleep(0.3)


def steady(log: str, sandbox: Sandbox) -> str:
    """Without what differs from run to run: names, revisions, times, ports. What it looks like stays."""
    log = log.replace(f"argocd-release {__version__}:", "argocd-release V:")
    log = log.replace(sandbox.server, "argocd.example.com").replace(
        f"file://{sandbox.folder}/repositories", "https://git.example.com"
    )
    for pattern, plain in (
        (r"\b[0-9a-f]{40}\b", "3f2c1ab" + "0" * 33),
        (r"(?<=[ (])[0-9a-f]{7}(?=[,)])", "3f2c1ab"),
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}", "00000000-0000-0000-0000-000000000000"),
        (r"(web-[0-9a-f]{7,10})-[bcdfghjklmnpqrstvwxz2456789]{5}(?![a-z0-9])", r"\1-x2k4j"),
        (r"(migrate)-[bcdfghjklmnpqrstvwxz2456789]{5}\b", r"\1-x2k4j"),
        (r"(?m)^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d", "2026-01-01T00:00:00+00:00"),
        (r"\d+ restarts?\b", "4 restarts"),
        (r"(?m)^(\S+ +\S+ +\d/\d +\S+ +)\d+( +)\d+s$", r"\g<1>4\g<2>25s"),
        (r"(?m)^\d+s(?: \(x\d+\))? +(?=Warning)", "9s         "),
        (r"Duration:    [\d.]+ s", "Duration:    9.9 s"),
    ):
        log = re.sub(pattern, plain, log)
    return log


def told(log: str) -> list[str]:
    """The banner with cause and facts, the titles of the evidence, and the end: what does not depend on the moment."""
    lines = log.splitlines()
    rules = [index for index, line in enumerate(lines) if line == RULE]
    titles = [line for line in lines[rules[-1] :] if line.startswith(TITLES)]
    return [*lines[rules[0] : rules[-1]], *titles, *lines[-2:]]


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_log_alone_says_what_to_fix(
    name: str, ended: dict[str, tuple[Release, Path]], sandbox: Sandbox, request: pytest.FixtureRequest
) -> None:
    release, _ = ended[name]
    scenario = SCENARIOS[name]
    # GitLab's runner adds the last line.
    last = f"ERROR: Job failed: exit code {release.exit_code}" if release.exit_code else "Job succeeded"
    log = steady(f"{release.log}{last}\n", sandbox)
    if request.config.getoption("--accept"):
        (LOGS / f"{name}.log").write_text(log, "utf-8")
    assert release.exit_code == scenario.exit_code, release.log
    assert told(log) == told((LOGS / f"{name}.log").read_text("utf-8"))
    if scenario.cause:
        cause = re.sub(r"(?<=web-)[0-9a-f]+-\w{5}\b|(?<=migrate-)\w{5}\b", "POD", release.cause)
        cause = re.sub(r"(?<=web-)[0-9a-f]{6,}\b", "RS", re.sub(r"\d+ restarts?", "N restarts", cause))
        assert cause.startswith(scenario.cause)
    assert len(log.splitlines()) <= 120
    assert "section_" not in log
    assert "\x1b" not in log


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_reports_say_the_same(name: str, ended: dict[str, tuple[Release, Path]]) -> None:
    release, folder = ended[name]
    report = json.loads((folder / "argocd-release.json").read_text("utf-8"))
    Draft202012Validator(SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(report)
    cases = check_junit(release.junit)
    check_dotenv((folder / "argocd-release.env").read_text("utf-8"))
    check_annotations((folder / "argocd-release.annotations.json").read_text("utf-8"))
    assert report["exit_code"] == release.exit_code
    assert cases["release"] == ("failure" if release.exit_code else "passed")
    if release.exit_code:
        assert report["cause"] == release.cause
        assert release.dotenv["ARGOCD_RELEASE_CAUSE"].startswith(release.cause[:300])
        assert f"<failure>cause: {release.cause[:20]}" in release.junit
        assert report["next"]
    assert next(change["value"] for change in report["applications"][0]["transitions"] if change["what"] == "sync") in {
        "Synced",
        "OutOfSync",
        "Unknown",
    }
