"""A preview for each merge request: the real ApplicationSet controller, with the files of ``component/examples/preview``."""

import json
import os
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import yaml

from sandbox.application import Application, delivered
from sandbox.commands import CommandError
from sandbox.git import Repository
from sandbox.sandbox import Sandbox
from tests.support import controllers
from tests.support.controllers import EXAMPLES
from tests.support.gitlab_api import GitLab, MergeRequest, Project
from tests.support.job import StartRelease
from tests.support.waiting import eventually

CHART = EXAMPLES / "preview" / "chart"
WEBHOOK_SECRET = "shared-with-gitlab"
# The interval of the polling in these tests; the example has 60.
REQUEUE_SECONDS = 5
HOST = "https://gitlab.example.com/"


@dataclass(frozen=True, kw_only=True)
class Previews:
    """A project whose merge requests get previews."""

    sandbox: Sandbox
    gitlab: GitLab
    project: Project

    @property
    def repository(self) -> Repository:
        return self.project.repository

    def branch(self, name: str) -> str:
        """Create a branch with a commit of its own; return its revision."""
        self.repository.git("checkout", "--quiet", "-B", name, "main")
        return self.push(name)

    def push(self, branch: str) -> str:
        self.repository.git("checkout", "--quiet", branch)
        return self.repository.commit({"readme": f"{branch} {time.time()}"})

    def open(self, branch: str, *labels: str) -> MergeRequest:
        return self.project.open(branch, self.branch(branch), *(labels or ("preview",)))

    def emit(self, request: MergeRequest, action: str) -> None:
        """Send the merge request as the project's webhook does."""
        address = controllers.webhook_address(self.sandbox)
        assert self.gitlab.hook(self.project, request, action, address, WEBHOOK_SECRET) == 200

    def application(self, tag: str) -> Application:
        return Application(cluster=self.sandbox, name=f"preview-{tag}", namespace=f"preview-{tag}")

    def names(self) -> set[str]:
        listed = json.loads(self.sandbox.kubectl("get", "applications", "-n", "argocd", "-o", "json"))
        return {each["metadata"]["name"] for each in listed["items"] if each["spec"]["project"] == "previews"}

    def is_there(self, kind: str, name: str) -> bool:
        try:
            self.sandbox.kubectl("get", kind, name, *(("-n", "argocd") if kind == "application" else ()))
        except CommandError:
            return False
        return True

    def give_an_address(self, application: Application) -> None:
        """Act like an ingress controller; without an address an Ingress stays Progressing."""
        patch = json.dumps({"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}})
        words = ("ingress", "shop", "-n", application.namespace, "--subresource=status", "--type=merge", "-p", patch)
        eventually(lambda: self._done("patch", *words))

    def _done(self, *words: str) -> bool:
        try:
            self.sandbox.kubectl(*words)
        except CommandError:
            return False
        return True


def documents(path: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((EXAMPLES / path).read_text("utf-8")))


@pytest.fixture(scope="module")
def previews(sandbox: Sandbox, gitlab: GitLab) -> Iterator[Previews]:
    """All of the example, as it stands but for addresses, tokens, the project's number and the time between two looks."""
    repository = sandbox.repository("team/shop")
    files = {f".preview/{file.relative_to(CHART)}": file.read_text("utf-8") for file in CHART.rglob("*.*")}
    repository.commit(files)
    project = gitlab.project("team/shop", repository)
    previews = Previews(sandbox=sandbox, gitlab=gitlab, project=project)
    texts = [(EXAMPLES / "preview" / name).read_text("utf-8") for name in ("appproject.yaml", "applicationset.yaml")]
    changed = [
        text.replace(f"{HOST}team/shop.git", repository.url)
        .replace(f"api: {HOST}", f"api: {gitlab.url}")
        .replace('project: "42"', f'project: "{project.id}"')
        .replace("requeueAfterSeconds: 60", f"requeueAfterSeconds: {REQUEUE_SECONDS}")
        for text in texts
    ]
    token, webhook = documents("preview/secret.yaml")
    token["stringData"] = {"token": gitlab.token()}
    webhook["stringData"] = {"webhook.gitlab.secret": WEBHOOK_SECRET}
    sandbox.apply(token, webhook, yaml.safe_load(changed[0]), *documents("preview/ingress.yaml"))
    with sandbox.using("applicationset-controller"):
        sandbox.apply(yaml.safe_load(changed[1]))
        yield previews
        sandbox.kubectl("delete", "applicationset", "previews", "-n", "argocd", "--wait=true")


def test_a_preview_comes_and_goes_with_its_merge_request(previews: Previews) -> None:
    request = previews.open("PROJ-123-description")
    previews.emit(request, "open")
    application = previews.application("proj-123")
    eventually(lambda: previews.is_there("application", application.name))
    previews.give_an_address(application)
    state = application.wait_for(delivered(request.sha))
    assert state["spec"]["destination"]["namespace"] == "preview-proj-123"
    assert state["status"]["summary"]["externalURLs"] == ["https://proj-123.preview.example.com/"]
    assert state["status"]["summary"]["images"] == [f"registry.example.com/team/shop:{request.sha[:8]}"]

    stop(previews, request)
    assert request.labels == []
    previews.emit(request, "update")
    eventually(lambda: not previews.is_there("application", application.name))
    eventually(lambda: not previews.is_there("namespace", application.namespace))


def stop(previews: Previews, request: MergeRequest) -> None:
    """Run the script of the example's job `stop:preview` literally."""
    pipeline = yaml.safe_load((EXAMPLES / "preview.yml").read_text("utf-8"))
    given = {
        "PREVIEW_TOKEN": previews.gitlab.token(),
        "CI_API_V4_URL": previews.gitlab.api,
        "CI_PROJECT_ID": str(previews.project.id),
        "CI_MERGE_REQUEST_IID": str(request.iid),
    }
    for line in pipeline["stop:preview"]["script"]:
        subprocess.run(["bash", "-euo", "pipefail", "-c", line], env=os.environ | given, check=True, timeout=30)


def test_a_preview_goes_when_its_merge_request_is_closed(previews: Previews) -> None:
    request = previews.open("PROJ-124-closed")
    previews.emit(request, "open")
    application = previews.application("proj-124")
    eventually(lambda: previews.is_there("application", application.name))
    request.state = "closed"
    previews.emit(request, "close")
    eventually(lambda: not previews.is_there("application", application.name))
    eventually(lambda: not previews.is_there("namespace", application.namespace))


def test_who_gets_none(previews: Previews) -> None:
    """Neither a branch without a tag, nor a merge request without the label."""
    previews.open("fix-the-typo")
    previews.open("feature/PROJ-7-slash-before-the-tag")
    previews.open("PROJ-8without-a-boundary")
    previews.open("PROJ-9-no-label", "bug")
    last = previews.open("proj-10")
    previews.emit(last, "open")
    eventually(lambda: "preview-proj-10" in previews.names())
    assert previews.names() & {"preview-proj-7", "preview-proj-8", "preview-proj-9"} == set()
    assert all(re.fullmatch(r"preview-[a-z0-9]+-[0-9]+", name) for name in previews.names())


@pytest.mark.parametrize(
    ("branch", "tag"),
    [
        ("Shop-11/Mixed-Case", "shop-11"),
        ("SHOP-12_underscore", "shop-12"),
        ("SHOP-13-" + "long-" * 40 + "name", "shop-13"),
        ("SHOP-14-описание", "shop-14"),
        ("SHOP-15", "shop-15"),
    ],
)
def test_what_becomes_of_a_branch(previews: Previews, branch: str, tag: str) -> None:
    request = previews.open(branch)
    previews.emit(request, "open")
    eventually(lambda: f"preview-{tag}" in previews.names())
    request.state = "closed"


def test_two_branches_of_one_tag_are_one_preview(previews: Previews) -> None:
    """The newest merge request has it, until it is closed."""
    older, newer = previews.open("TWIN-1-first"), previews.open("TWIN-1-second")
    previews.emit(newer, "open")
    application = previews.application("twin-1")
    eventually(lambda: previews.is_there("application", application.name))
    application.wait_for(lambda state: state["spec"]["source"]["targetRevision"] == newer.sha)
    newer.state = "merged"
    previews.emit(newer, "merge")
    application.wait_for(lambda state: state["spec"]["source"]["targetRevision"] == older.sha)
    older.state = "closed"


def test_from_a_commit_to_the_application(previews: Previews) -> None:
    """By polling as late as the next look, by the webhook at once."""
    request = previews.open("TIME-1-measured")
    previews.emit(request, "open")
    application = previews.application("time-1")
    eventually(lambda: previews.is_there("application", application.name))
    late: dict[str, list[float]] = {"polling": [], "webhook": []}
    for told in ("polling", "webhook", "polling", "webhook", "polling", "webhook"):
        time.sleep(1.7)
        request.sha = previews.push(request.branch)
        if told == "webhook":
            previews.emit(request, "update")
        sha = request.sha
        late[told].append(eventually(lambda sha=sha: application.get()["spec"]["source"]["targetRevision"] == sha))  # type: ignore[misc]
    print(f"from the commit to the application, requeueAfterSeconds {REQUEUE_SECONDS}:")
    for told, seconds in late.items():
        print(f"  {told}: {', '.join(f'{each:.2f}' for each in seconds)} s")
    assert max(late["polling"]) <= REQUEUE_SECONDS + 15
    assert min(late["webhook"]) < REQUEUE_SECONDS / 2
    request.state = "closed"


def test_a_webhook_without_the_secret_is_refused(previews: Previews) -> None:
    request = previews.open("SECRET-1-none")
    address = controllers.webhook_address(previews.sandbox)
    with pytest.raises(OSError, match="400"):
        previews.gitlab.hook(previews.project, request, "open", address, "guessed")
    request.state = "closed"


def test_the_pipeline_waits_for_its_preview(previews: Previews, start_release: StartRelease) -> None:
    """The job begins before the application is there; it ends green with address, record and comment."""
    gitlab, project = previews.gitlab, previews.project
    branch = "PIPE-1-from-the-job"
    revision = previews.branch(branch)
    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as http:
        threading.Thread(target=http.serve_forever, args=(0.05,), daemon=True).start()
        running = start_release(
            "preview-{tag}",
            CI_COMMIT_REF_NAME=branch,
            CI_COMMIT_SHA=revision,
            CI_API_V4_URL=gitlab.api,
            CI_JOB_TOKEN=gitlab.token("job"),
            CI_PROJECT_ID=str(project.id),
            CI_PROJECT_PATH=project.path,
            RELEASE_GITLAB_DEPLOYMENT=project.path,
            RELEASE_GITLAB_ENVIRONMENT="preview/{tag}",
            RELEASE_GITLAB_TOKEN=gitlab.token(),
            RELEASE_MR_NOTE="true",
            RELEASE_SITE_URL=f"http://127.0.0.1:{http.server_port}/{{tag}}",
            RELEASE_URL_CHECK="true",
        )
        time.sleep(2)
        request = project.open(branch, revision, "preview")
        previews.emit(request, "open")
        previews.give_an_address(previews.application("pipe-1"))
        ended = running.end()
        http.shutdown()
    assert ended.exit_code == 0, ended.log
    assert ended.dotenv["ARGOCD_RELEASE_SITE_URL"].endswith("/pipe-1")
    assert ended.dotenv["ARGOCD_RELEASE_REVISION"] == revision
    assert project.records("preview/pipe-1") == [(revision, "success")]
    assert len(request.notes) == 1
    assert "preview-pipe-1" in request.notes[0].body
    report = json.loads((running.folder / "argocd-release.json").read_text("utf-8"))
    assert [(each["sink"], each["done"]) for each in report["told"]] == [("deployment", True), ("merge request", True)]
    asked = [call for call in gitlab.calls if "merge_requests" in call.path and "/notes" in call.path]
    print(f"the comment: {len(asked) + 1} requests, {asked[-1].at - asked[0].at:.3f} s between its first and last")
    request.state = "closed"


def test_the_pipeline_of_a_branch_without_a_tag(start_release: StartRelease) -> None:
    ended = start_release("preview-{tag}", CI_COMMIT_REF_NAME="main").end()
    assert ended.exit_code == 15, ended.log
    assert "the branch 'main' contains no tag" in ended.log
    assert ended.dotenv["ARGOCD_RELEASE_STATUS"] == "no-preview"


class Site(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass
