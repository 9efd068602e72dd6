"""Job and notifications together: one record of each release, whoever made it."""

import time
from collections.abc import Callable

import pytest

from sandbox import manifests
from sandbox.sandbox import Sandbox
from tests.gitlab_pipeline import read
from tests.support import controllers
from tests.support.controllers import EXAMPLES
from tests.support.gitlab_api import GitLab, Json
from tests.support.job import Release

ROOT = EXAMPLES.parents[1]
SECONDS = 15.0


def environment_of_the_job() -> Json:
    """That of the pipeline in ``component/examples/combined.yml``."""
    text = (EXAMPLES / "combined.yml").read_text("utf-8")
    job = read(text, (ROOT / "templates" / "release.yml").read_text("utf-8")).jobs["release:frontend"]
    environment: Json = dict(job["environment"])
    return environment


@pytest.mark.usefixtures("notifications")
@pytest.mark.parametrize(("action", "records"), [("verify", 1), ("start", 2)])
def test_who_makes_the_record(
    sandbox: Sandbox, gitlab: GitLab, name: str, release: Callable[..., Release], action: str, records: int
) -> None:
    environment = environment_of_the_job()
    assert environment["action"] == "verify"
    project = gitlab.project(f"team/{name}", sandbox.repository(f"team/{name}"))
    revision = project.repository.commit({"web.yaml": manifests.deployment("web", "registry.example.com/web:1")})
    sandbox.application(name, project.repository)
    annotations = controllers.example("notifications/application.yaml")["metadata"]["annotations"]
    assert annotations["argocd-release/environment"] == environment["name"]
    annotations["notifications.argoproj.io/subscribe.gitlab"] = project.path
    words = [f"{key}={value}" for key, value in annotations.items()]
    sandbox.kubectl("annotate", "application", name, "-n", "argocd", *words)

    ended = release(name)
    assert ended.exit_code == 0, ended.log
    project.job(environment | {"action": action}, revision, "success")

    deadline = time.monotonic() + SECONDS
    while len(project.records()) < records and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(3)
    assert project.records(environment["name"]) == [(revision, "success")] * records
    # A rollback by hand: no pipeline knows of it, and the page still tells the truth.
    second = project.repository.commit({"web.yaml": manifests.deployment("web", "registry.example.com/web:2")})
    assert release(name).exit_code == 0
    project.job(environment | {"action": action}, second, "success")
    sandbox.kubectl("patch", "application", name, "-n", "argocd", "--type=json", "-p", NOT_AUTOMATED)
    sandbox.argocd("app", "rollback", name, "0")
    while (last := project.last(environment["name"])) is None or last.sha != revision:
        assert time.monotonic() < deadline + 2 * SECONDS, project.records()
        time.sleep(0.1)


NOT_AUTOMATED = '[{"op": "remove", "path": "/spec/syncPolicy/automated"}]'
