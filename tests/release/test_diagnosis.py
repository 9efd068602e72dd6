"""Why it failed, read by someone who has only the job log: whole runs on the sandbox, compared to ``docs/logs``.

``pytest tests/release/test_diagnosis.py --accept`` writes what came out as what is expected: read each log alone
before you commit it, and ask whether you could fix it from that.
"""

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import pytest
from jsonschema import Draft202012Validator

from argocd_release.messages.causes import NO_PODS, NOT_READY
from argocd_release.reports.json_report import SCHEMA
from sandbox import manifests
from sandbox.application import Application, delivered
from sandbox.git import Repository
from sandbox.sandbox import Sandbox
from scenarios.runner import RULE
from tests.support.gitlab_rules import check_annotations, check_dotenv, check_junit, released
from tests.support.job import Release, Running
from tests.support.job_log_rules import check_log

LOGS = Path(__file__).parents[2] / "docs" / "logs"
REGISTRY = "registry.example.com/sentry-demo"
PROJECT = "gitops-poc-dzha"
TITLES = (
    "$ argocd app get",
    "Resources",
    "Pods",
    "Recent events",
    "Log of ",
    "Conditions",
    "Not shown",
    "What changed",
    "cause: ",
    "next: ",
)
Files = dict[str, str | None]
# A function that returns the files of a service in git, by the tag of its image.
Manifests = Callable[[str, str], Files]


def deployment(**options: object) -> Manifests:
    """Return the manifests of a Deployment whose pods have a fate."""

    def made(service: str, tag: str) -> Files:
        return {"deploy/app.yaml": manifests.deployment(service, f"{REGISTRY}/{service}:{tag}", **options)}  # type: ignore[arg-type]

    return made


def added(before: Manifests, files: Files) -> Manifests:
    return lambda service, tag: before(service, tag) | files


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A service that runs, and the commit that is released: what it has in git afterwards."""

    service: str
    exit_code: int
    cause: str
    released: Manifests
    before: Manifests = field(default_factory=deployment)
    environ: dict[str, str] = field(default_factory=dict)


SETTINGS: Files = {"deploy/settings.yaml": manifests.config_map("settings", greeting="hello")}
SCENARIOS = {
    "delivered": Scenario(
        service="frontend",
        released=added(deployment(ready_after="4s"), SETTINGS),
        exit_code=0,
        cause="",
    ),
    "crash-loop": Scenario(
        service="payment",
        released=added(deployment(fate="crash", back_off=True), SETTINGS),
        exit_code=11,
        cause='Deployment/payment → Pod/payment-POD: CrashLoopBackOff, exit code 1, N restarts — "cannot connect to database'
        ' at db:5432: connection refused"',
    ),
    "image-pull": Scenario(
        service="game-engine",
        released=deployment(fate="image-pull"),
        exit_code=11,
        cause='Deployment/game-engine → Pod/game-engine-POD: ImagePullBackOff — "Failed to pull image'
        ' "registry.example.com/sentry-demo/game-engine:TAG": rpc',
    ),
    "not-ready": Scenario(
        service="search",
        released=deployment(fate="never-ready"),
        exit_code=12,
        cause=f'Deployment/search → Pod/search-POD: {NOT_READY} — "Readiness probe failed: HTTP probe failed with'
        ' statuscode: 503"; the program\'s log says "cannot connect to database at db:5432: connection refused"',
        environ={"RELEASE_TIMEOUT": "30"},
    ),
    "quota": Scenario(
        service="mailer",
        before=added(deployment(), {"deploy/quota.yaml": manifests.resource_quota("pods", pods="1")}),
        released=deployment(),
        exit_code=11,
        cause=f'Deployment/mailer → ReplicaSet/mailer-RS: {NO_PODS} — pods "mailer-POD" is forbidden: exceeded quota "pods"',
    ),
    "pre-sync-hook": Scenario(
        service="orders",
        released=added(
            deployment(), {"deploy/hook.yaml": manifests.hook("migrate", "PreSync", fate="fail", ends_after="1s")}
        ),
        exit_code=10,
        cause='PreSync hook Job/migrate → Pod/migrate-POD: Error, exit code 1 — "cannot connect to database at db:5432:',
    ),
    "rejected-manifest": Scenario(
        service="gateway",
        released=deployment(replicas=-2),
        exit_code=10,
        cause='sync failed: Deployment/gateway: Deployment.apps "gateway" is invalid: spec.replicas: Invalid value: -2:',
    ),
    "broken-manifest": Scenario(
        service="catalog",
        released=lambda *_: {"deploy/app.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: catalog\n  labels: [\n"},
        exit_code=10,
        cause='ComparisonError: Failed to unmarshal "app.yaml"',
    ),
    "missing-path": Scenario(
        service="profile",
        released=lambda *_: {"deploy/app.yaml": None, "kubernetes/README.md": "The manifests have moved here.\n"},
        exit_code=10,
        cause="ComparisonError: deploy: app path does not exist",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def ended(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[Release, Path]]]:
    """All at once, as pipelines run them: the service runs, a commit is pushed, the job begins. Gives how each ended."""
    everything = {"sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}]}
    metadata = {"name": PROJECT, "namespace": "argocd"}
    sandbox.apply(
        {"apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": metadata, "spec": everything}
    )
    services = {name: Service.deployed(sandbox, scenario) for name, scenario in SCENARIOS.items()}
    running: dict[str, Running] = {}
    try:
        for name, service in services.items():
            service.wait()
            # Not nine programs in one moment: a log of a busy machine says that Argo CD was slow.
            time.sleep(3)
            tag = service.push(SCENARIOS[name].released)
            settings = {"ARGOCD_APP_NAME": service.application.name, "RELEASE_IMAGE": tag, "CI_COMMIT_SHORT_SHA": tag}
            environ = sandbox.environment() | settings | SCENARIOS[name].environ
            running[name] = Running(environ, tmp_path_factory.mktemp(name))
        yield {name: (run.end(), run.folder) for name, run in running.items()}
    finally:
        for run in running.values():
            run.process.kill()
            run.process.wait()


@dataclass(kw_only=True)
class Service:
    """A service with its repository and its application; its image has the tag of the commit that it is built from."""

    name: str
    repository: Repository
    application: Application
    revision: str = ""

    @classmethod
    def deployed(cls, sandbox: Sandbox, scenario: Scenario) -> Self:
        repository = sandbox.repository(f"sentry-{scenario.service}")
        application = Application(
            cluster=sandbox, name=f"sentry-{scenario.service}-dev", namespace=f"{scenario.service}-dev"
        )
        service = cls(name=scenario.service, repository=repository, application=application)
        service.push(scenario.before)
        sandbox.application(
            application.name, repository, path="deploy", namespace=application.namespace, project=PROJECT, retry_limit=0
        )
        return service

    def push(self, files: Manifests) -> str:
        """Commit code, and what the build job writes for it; gives the image's tag."""
        code = {"main.py": f"# {self.name}, release after {self.revision or 'none'}\n"}
        tag = self.repository.commit(code, "a feature")[:8]
        self.revision = self.repository.commit(files(self.name, tag), f"{self.name} {tag} [skip ci]")
        return tag

    def wait(self) -> None:
        self.application.wait_for(delivered(self.revision), 60)


def published(log: str, sandbox: Sandbox) -> str:
    """As the site shows it: this machine's addresses are replaced, all else is what was printed."""
    return log.replace(sandbox.server, "argocd.example.com").replace(
        f"file://{sandbox.folder}/repositories", "https://gitlab.example.com/sentry-demo"
    )


NAMES = "|".join([*(scenario.service for scenario in SCENARIOS.values()), "migrate"])


def steady(log: str) -> str:
    """Return the log with placeholders for values that differ in each run: names, revisions, times."""
    for pattern, plain in (
        (r"argocd-release [\d.]+(?:-[\w.]+)?:", "argocd-release V:"),
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}", "UID"),
        (r"\b[0-9a-f]{40}\b", "REVISION"),
        (rf"\b({NAMES})(?:-[0-9a-f]{{6,10}})?-[bcdfghjklmnpqrstvwxz2456789]{{5}}\b", r"\1-POD"),
        (rf"(?<=ReplicaSet/)({NAMES})-[0-9a-f]{{6,10}}\b", r"\1-RS"),
        # This comes after the names, whose generated parts can look the same.
        (r"\b[0-9a-f]{8}\b", "TAG"),
        (r"\b[0-9a-f]{7}\b(?!-)", "REV"),
        (r"\d+ restarts?\b", "N restarts"),
        (r"Duration:    [\d.]+ s", "Duration:    9.9 s"),
        (r"since [\d-]+ [\d:]+ UTC \(\w+ ago", "since THEN (9s ago"),
    ):
        log = re.sub(pattern, plain, log)
    return log


# Rows of ``argocd app wait``, and changes of the state: how many there are depends on the moments of the looks.
MOMENTS = re.compile(r"\d{4}-\d\d-\d\dT|-> (?!.*; collecting)|\+ \d+ unchanged")
# The header of a table, the number of resources without problems, the names of the reports.
PRINTED = re.compile(r"[A-Z]+(?: {2,}[A-Z]+)+$|reports: |\d+ (?:other )?(?:resource|pod)s? ")


def told(log: str) -> list[str]:
    """Return every line that the tool prints in each such run, without the rows of tables and the lines of pods."""
    lines = steady(log).splitlines()
    rules = [index for index, line in enumerate(lines) if line == RULE]
    head = [line for line in lines[: rules[0]] if not MOMENTS.match(line)]
    body = [line for line in lines[rules[-1] :] if line.startswith(TITLES) or PRINTED.match(line)]
    # The number of lines that a pod had written, and the seconds, differ.
    body = [re.sub(r", last \d+ lines?$", "", line) for line in body]
    # The widths of columns depend on the length of generated names.
    printed = (*head, *lines[rules[0] : rules[-1]], *body, *lines[-2:])
    return [re.sub(r"\b\d+\.\d s", "9.9 s", re.sub(" {2,}", " ", line)) for line in printed]


@pytest.mark.parametrize("line", ["expected: ", "-> degraded; ", "Duration: ", "Resources", "NAMESPACE ", "reports: "])
def test_a_line_that_a_published_log_lacks_is_noticed(line: str) -> None:
    """These are lines at the beginning, in the middle and at the end, which a change of the tool can add."""
    log = (LOGS / "crash-loop.log").read_text("utf-8")
    lines = log.splitlines(keepends=True)
    without = [each for each in lines if not each.startswith(line)]
    assert len(without) < len(lines)
    assert told("".join(without)) != told(log)


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_log_alone_says_what_to_fix(
    name: str, ended: dict[str, tuple[Release, Path]], sandbox: Sandbox, request: pytest.FixtureRequest
) -> None:
    release, _ = ended[name]
    scenario = SCENARIOS[name]
    # GitLab's runner adds the last line.
    last = f"ERROR: Job failed: exit code {release.exit_code}" if release.exit_code else "Job succeeded"
    log = published(f"{release.log}{last}\n", sandbox)
    if request.config.getoption("--accept"):
        (LOGS / f"{name}.log").write_text(log, "utf-8")
    assert release.exit_code == scenario.exit_code, release.log
    assert told(log) == told((LOGS / f"{name}.log").read_text("utf-8"))
    if scenario.cause:
        cause = steady(release.cause)
        assert cause.startswith(scenario.cause)
    assert len(log.splitlines()) <= 120
    assert not check_log(release.log)
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
    assert released(cases) == ("failure" if release.exit_code else "passed")
    if release.exit_code:
        assert report["cause"]["message"] == release.cause
        assert release.dotenv["ARGOCD_RELEASE_CAUSE"].startswith(release.cause[:300])
        assert f"<failure>cause: {release.cause[:20]}" in release.junit
        assert report["cause"]["hint"]
    assert next(change["value"] for change in report["applications"][0]["transitions"] if change["what"] == "sync") in {
        "Synced",
        "OutOfSync",
        "Unknown",
    }
