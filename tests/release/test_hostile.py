"""Hostile text from the cluster, through the real Argo CD, into every output: nothing breaks, runs, or is lost silently."""

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from argocd_release.reports.json_report import SCHEMA
from sandbox.application import delivered
from sandbox.sandbox import Sandbox
from scenarios.dsl import status, web
from tests.support.gitlab_rules import check_annotations, check_dotenv, check_junit, released
from tests.support.hostile import HOSTILE, WORD
from tests.support.job import Release, StartRelease
from tests.support.waiting import eventually

SECTION = re.compile(r"section_(start|end):")
OURS = re.compile(
    r"\x1b\[0Ksection_(?:start:\d{9,}:([a-z0-9_-]+)(?:\[collapsed=true\])?|end:\d{9,}:([a-z0-9_-]+))[\r\n]\x1b\[0K"
)
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
STYLES = {
    "plain": {"NO_COLOR": "1"},
    "gitlab": {"GITLAB_CI": "true"},
    "json": {"RELEASE_LOG_FORMAT": "json", "RELEASE_LOG_LEVEL": "debug"},
}


@pytest.fixture(scope="module")
def application(sandbox: Sandbox) -> str:
    """Create a crash loop whose log and event are hostile."""
    name = "hostile"
    repository = sandbox.repository(name)
    repository.commit(web("1", fate="crash"))
    sandbox.application(name, repository).wait_for(lambda state: status(state, "sync", "status") == "Synced")
    sandbox.pod_log(name, HOSTILE, previous=HOSTILE)

    def pod() -> str:
        return sandbox.kubectl("get", "pods", "-n", name, "-o", "jsonpath={.items[*].metadata.name}")

    eventually(lambda: bool(pod()))
    message = "\n".join(text if isinstance(text, str) else "" for text in HOSTILE if len(text) < 1000)
    sandbox.event(name, pod(), f"{message}\x1b[31m")
    return name


@pytest.fixture
def ended(application: str, start_release: StartRelease) -> dict[str, tuple[Release, Path]]:
    running = {style: start_release(application, RELEASE_POD_GRACE="1", **environ) for style, environ in STYLES.items()}
    with ThreadPoolExecutor(len(running)) as pool:
        done = dict(zip(running, pool.map(lambda run: run.end(), running.values()), strict=True))
    return {style: (release, running[style].folder) for style, release in done.items()}


def test_hostile_text_reaches_every_output_harmlessly(ended: dict[str, tuple[Release, Path]]) -> None:
    for style, (release, folder) in ended.items():
        assert release.exit_code == 11, release.log
        assert len(release.log) < 200_000
        log = release.log
        if style == "gitlab":
            sections = OURS.findall(log)
            begun, closed = ([pair[index] for pair in sections if pair[index]] for index in (0, 1))
            assert sorted(begun) == sorted(closed)
            assert begun
            log = COLOUR.sub("", OURS.sub("", log))
        assert not SECTION.search(log)
        assert not FORBIDDEN.search(log), style
        assert WORD in log
        assert "more characters" in log, "what was cut off is counted"
        assert "abcdefghijklmnop" not in log
        for file in folder.iterdir():
            text = file.read_text("utf-8")
            assert not FORBIDDEN.search(text), file
            assert len(text) < 200_000
        cases = check_junit((folder / "argocd-release.xml").read_text("utf-8"))
        assert released(cases) == "failure"
        assert WORD in (folder / "argocd-release.xml").read_text("utf-8")
        assert WORD in check_dotenv((folder / "argocd-release.env").read_text("utf-8"))["ARGOCD_RELEASE_CAUSE"]
        check_annotations((folder / "argocd-release.annotations.json").read_text("utf-8"))
        report = json.loads((folder / "argocd-release.json").read_text("utf-8"))
        Draft202012Validator(SCHEMA).validate(report)
        assert WORD in report["cause"]["message"]


def test_a_log_for_machines_is_one_json_object_a_line(ended: dict[str, tuple[Release, Path]]) -> None:
    entries = [json.loads(line) for line in ended["json"][0].log.splitlines()]
    assert all(entry["event"] for entry in entries)
    assert {"start", "command", "result"} <= {entry["event"] for entry in entries}
    assert next(entry for entry in entries if entry["event"] == "result")["exit_code"] == 11


SECRET = """\
apiVersion: v1
kind: Secret
metadata:
  name: credentials
stringData:
"""
# Values that surround the secret one; the API server rejects the number.
VALUES = """\
  a-note: "hosts: [a, b] }}"
  b-quote: 'x"}} and \\" and {{'
  password: TOPSECRETVALUE
  port: 5432
"""


def test_the_values_of_a_secret_that_is_rejected_are_shown_nowhere(
    sandbox: Sandbox, start_release: StartRelease
) -> None:
    """Argo CD quotes the whole patch, as JSON and as Go prints a map."""
    name = "rejected-secret"
    repository = sandbox.repository(name)
    first = repository.commit({"secret.yaml": f"{SECRET}  password: first-value\n"})
    application = sandbox.application(name, repository, retry_limit=0)
    application.wait_for(delivered(first))
    repository.commit({"secret.yaml": SECRET + VALUES.replace("{{", "{").replace("}}", "}")})

    running = start_release(name)
    ended = running.end()

    assert ended.exit_code == 10, ended.log
    said = ended.log + "".join(file.read_text("utf-8") for file in running.folder.iterdir())
    assert "TOPSECRET" not in said
    assert "VE9QU0VD" not in said, "nor in base64"
    assert "[redacted]" in said
    assert "credentials" in ended.cause
    assert "cannot convert int64 to string" in ended.cause, ended.log


def test_logs_that_may_not_be_read_are_said_to_be_so(
    sandbox: Sandbox, application: str, release: Callable[..., Release]
) -> None:
    """Argo CD 2 asks for `logs, get` where argocd-cm says so; 3 always does."""
    token = sandbox.token("no-logs", ("applications, get, */*, allow", "projects, get, *, allow"))
    enforce = '{"data": {"server.rbac.log.enforce.enable": "%s"}}'
    sandbox.kubectl("patch", "configmap", "argocd-cm", "-n", "argocd", "--type=merge", "-p", enforce % "true")
    try:
        ended = release(application, RELEASE_POD_GRACE="1", ARGOCD_AUTH_TOKEN=token)
    finally:
        sandbox.kubectl("patch", "configmap", "argocd-cm", "-n", "argocd", "--type=merge", "-p", enforce % "false")

    assert ended.exit_code == 11, ended.log
    assert "CrashLoopBackOff" in ended.cause
    assert "logs, get" in ended.log
    assert "Log of Pod/" not in ended.log
