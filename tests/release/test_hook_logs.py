"""The logs of hooks in the job log while the hooks run (RELEASE_HOOK_LOGS), and in the reports, on the sandbox."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from argocd_release.core.text import QUOTED
from argocd_release.messages import job_log
from argocd_release.reports.json_report import SCHEMA
from sandbox import manifests
from sandbox.application import delivered
from sandbox.sandbox import Sandbox
from scenarios.dsl import web
from tests.support.hostile import HOSTILE, WORD
from tests.support.job import COMMAND, Release, Running
from tests.support.job_log_rules import check_log
from tests.support.waiting import eventually

FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
SECTION = re.compile(r"\x1b\[0Ksection_(start|end):\d+:(hook-logs-\d+)(\[collapsed=true\])?\r\x1b\[0K")
LOGS = ("applications, get, */*, allow", "projects, get, *, allow", "logs, get, */*, allow")
NO_LOGS = LOGS[:2]
PASSWORD = "correct-horse-battery"


@dataclass
class Job:
    """A running release job. Its log can be read while it runs."""

    running: Running

    @property
    def log(self) -> str:
        return (self.running.folder / "log").read_bytes().decode("utf-8", "replace")

    @property
    def quoted(self) -> list[str]:
        """Return the lines of hooks in the log, without the mark of quoted lines."""
        return [line.removeprefix(QUOTED) for line in self.log.split("\n") if line.startswith(QUOTED)]

    def ends(self) -> Release:
        """Wait for the end, and check the log and the JSON report."""
        release = self.running.end()
        assert not check_log(self.log), self.log
        assert not list(Draft202012Validator(SCHEMA).iter_errors(self.report)), self.log
        return release

    @property
    def report(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.running.folder / "argocd-release.json").read_text("utf-8"))
        return document

    @property
    def kept(self) -> dict[tuple[str, str], list[str]]:
        """Return the lines in the JSON report, by hook and container."""
        logs = self.report["applications"][0]["hook_logs"]
        return {(log["hook"], log["container"]): log["lines"] for log in logs}


@pytest.fixture
def job(sandbox: Sandbox, name: str, tmp_path: Path) -> Iterator[Callable[..., Job]]:
    """Return a function that starts a release job of this test's application."""
    jobs: list[Job] = []

    def start(policy: tuple[str, ...] = LOGS, **environ: str) -> Job:
        folder = tmp_path / str(len(jobs))
        folder.mkdir()
        settings = {
            "ARGOCD_APP_NAME": name, "ARGOCD_AUTH_TOKEN": sandbox.token(name, policy), "RELEASE_TIMEOUT": "60",
            "CI_COMMIT_SHORT_SHA": "abc1234", "RELEASE_HOOK_LOGS": "true",
        }  # fmt: skip
        command = ("sh", "-c", f"exec {COMMAND} >log 2>&1")
        jobs.append(Job(Running(sandbox.environment() | settings | environ, folder, command)))
        return jobs[-1]

    yield start
    for one in jobs:
        one.running.kill()


def deploy(sandbox: Sandbox, name: str, hook: str, **options: Any) -> str:
    """Deploy a service, and then push a commit with the hook. Return its revision."""
    repository = sandbox.repository(name)
    revision = repository.commit(web("1"))
    application = sandbox.application(name, repository, **options)
    application.wait_for(delivered(revision), 60)
    sandbox.pod_log(name, ())
    return repository.commit(dict(web("2")) | {"hook.yaml": hook})


def test_the_lines_of_a_hook_appear_while_it_runs(sandbox: Sandbox, name: str, job: Callable[..., Job]) -> None:
    deploy(sandbox, name, manifests.hook("migrate", "PreSync", starts_after="200ms", ends_after="12s"))
    running = job()
    sandbox.pod_log(name, ["migrating 1 of 3"], append=True)
    eventually(lambda: running.quoted == ["migrating 1 of 3"], seconds=9)
    sandbox.pod_log(name, ["migrating 2 of 3"], append=True)
    eventually(lambda: running.quoted == ["migrating 1 of 3", "migrating 2 of 3"], seconds=4)
    assert running.running.process.poll() is None
    sandbox.pod_log(name, ["migrating 3 of 3"], append=True)

    assert running.ends().exit_code == 0, running.log
    lines = [f"migrating {number} of 3" for number in (1, 2, 3)]
    assert running.quoted == lines
    assert "\nPreSync hook Job/migrate, Pod/migrate-" in running.log
    assert running.kept == {("PreSync hook Job/migrate", "migrate"): lines}
    page = (running.running.folder / "argocd-release.html").read_text("utf-8")
    assert all(line in page for line in lines)


def test_a_hostile_log_stays_in_its_folded_section(sandbox: Sandbox, name: str, job: Callable[..., Job]) -> None:
    deploy(sandbox, name, manifests.hook("migrate", "PreSync", starts_after="200ms", ends_after="6s"))
    key = ["-----BEGIN RSA PRIVATE KEY-----", *["MIIEowIBAAKCAQEA"] * 5, "-----END RSA PRIVATE KEY-----"]
    secret = ["apiVersion: v1", "data:", "  password: aHVudGVyMg==", "kind: Secret"]
    many = [f"row {number}" for number in range(10_000)]
    sandbox.pod_log(name, [*HOSTILE, f"password is {PASSWORD}", *key, *secret, *many])
    running = job(GITLAB_CI="true", DATABASE_PASSWORD=PASSWORD)

    release = running.running.end()

    assert release.exit_code == 0, running.log
    log = running.log
    assert WORD in log or "row 9999" in json.dumps(running.report)
    begun = [name for kind, name, folded in SECTION.findall(log) if kind == "start" and folded]
    ended = [name for kind, name, _ in SECTION.findall(log) if kind == "end"]
    assert begun
    assert begun == ended
    assert len(set(begun)) == len(begun)
    for text in (log, json.dumps(running.report)):
        assert PASSWORD not in text
        assert "MIIEowIBAAKCAQEA" not in text
        assert "aHVudGVyMg" not in text
        assert "abcdefghijklmnop" not in text
    assert not FORBIDDEN.search(SECTION.sub("", log).replace("\x1b[0K", "").replace("\r", "")), "control characters"
    inside = re.split(r"\x1b\[0Ksection_\w+:\d+:hook-logs-\d+[^\n]*\n", log)[1::2]
    foreign = [line for part in inside for line in part.splitlines() if not line.startswith(QUOTED)]
    assert all(line.startswith("PreSync hook Job/migrate, Pod/") for line in foreign), foreign
    assert len(log) < 100_000
    (lines,) = running.kept.values()
    assert len(lines) <= 1000
    assert lines[-1] == "row 9999"
    assert re.search(rf"^{re.escape(QUOTED)}… \d+ more lines", log, re.MULTILINE), log


def test_all_containers_of_a_pod_hook_are_shown(sandbox: Sandbox, name: str, job: Callable[..., Job]) -> None:
    hook = json.loads(manifests.pod_hook("smoke-test", "PostSync", ends_after="6s"))
    image = "registry.example.com/hook:1"
    hook["spec"]["initContainers"] = [{"name": "prepare", "image": image}]
    hook["spec"]["containers"].append({"name": "proxy", "image": image})
    deploy(sandbox, name, json.dumps(hook))
    for container in ("prepare", "smoke-test", "proxy"):
        sandbox.pod_log(name, [f"this is {container}"], container=container)
    running = job()

    assert running.ends().exit_code == 0, running.log
    label = "PostSync hook Pod/smoke-test"
    assert running.kept == {(label, name): [f"this is {name}"] for name in ("prepare", "smoke-test", "proxy")}, (
        running.log
    )
    assert sorted(running.quoted) == ["this is prepare", "this is proxy", "this is smoke-test"]
    assert f"{label}, container prepare:" in running.log


def test_each_failed_pod_of_a_hook_is_named(sandbox: Sandbox, name: str, job: Callable[..., Job]) -> None:
    hook = manifests.hook("migrate", "PreSync", fate="fail", starts_after="200ms", ends_after="1s", backoffLimit=6)
    deploy(sandbox, name, hook)
    sandbox.pod_log(name, ["no such table users"])
    running = job(RELEASE_TIMEOUT="40")

    assert running.running.end().exit_code == 12, running.log

    failed = re.findall(
        r"^-> PreSync hook Job/migrate → Pod/(migrate-\w+): Error.*; Kubernetes starts", running.log, re.MULTILINE
    )
    assert len(failed) == len(set(failed)) >= 2, running.log
    shown = re.findall(r"^PreSync hook Job/migrate, Pod/(migrate-\w+), container migrate:$", running.log, re.MULTILINE)
    assert set(failed) <= set(shown), running.log


def enforce(sandbox: Sandbox, value: str | None) -> None:
    """Make Argo CD 2 check the right to read logs, as Argo CD 3 always does; None for its default."""
    patch = json.dumps({"data": {"server.rbac.log.enforce.enable": value}})
    sandbox.kubectl("patch", "configmap", "argocd-cm", "-n", "argocd", "--type", "merge", "-p", patch)


@pytest.fixture
def enforced(sandbox: Sandbox) -> Iterator[None]:
    enforce(sandbox, "true")
    yield
    enforce(sandbox, None)


@pytest.mark.usefixtures("enforced")
def test_a_token_without_the_right_is_told_once(sandbox: Sandbox, name: str, job: Callable[..., Job]) -> None:
    deploy(sandbox, name, manifests.hook("migrate", "PreSync", starts_after="200ms", ends_after="6s"))
    sandbox.pod_log(name, ["migrating"])
    running = job(NO_LOGS)

    assert running.ends().exit_code == 0, running.log
    note = job_log.LINES["hook logs refused"].partition("{")[0]
    assert running.log.count(note) == 1, running.log
    assert running.quoted == []
    assert running.kept == {}


def test_without_the_setting_no_line_of_a_hook_is_shown(sandbox: Sandbox, name: str, job: Callable[..., Job]) -> None:
    deploy(sandbox, name, manifests.hook("migrate", "PreSync", starts_after="200ms", ends_after="4s"))
    sandbox.pod_log(name, ["migrating"])
    running = job(RELEASE_HOOK_LOGS="false")

    assert running.ends().exit_code == 0, running.log
    assert "migrating" not in running.log
    assert running.kept == {}
