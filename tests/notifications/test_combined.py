"""The job and the notifications together: each release has one record, whichever of them creates it."""

import time
from collections.abc import Callable

import pytest

from sandbox import manifests
from sandbox.sandbox import Sandbox
from tests.support import controllers
from tests.support.controllers import EXAMPLES
from tests.support.gitlab_api import GitLab, Json
from tests.support.gitlab_pipeline import read
from tests.support.job import Release
from tests.support.waiting import eventually

ROOT = EXAMPLES.parents[1]
QUIET = 3.0
# The controller looks once a minute at an application to which nothing happens.
ROLLBACK_SECONDS = 90.0
NOT_AUTOMATED = '[{"op": "remove", "path": "/spec/syncPolicy/automated"}]'


def environment_of_the_job() -> Json:
    """Return the environment of the pipeline in ``component/examples/combined.yml``."""
    text = (EXAMPLES / "combined.yml").read_text("utf-8")
    job = read(text, (ROOT / "templates" / "release.yml").read_text("utf-8")).jobs["release:frontend"]
    environment: Json = dict(job["environment"])
    return environment


@pytest.mark.usefixtures("notifications")
@pytest.mark.parametrize(("action", "each"), [("verify", 1), ("start", 2)])
def test_who_makes_the_record(
    sandbox: Sandbox, gitlab: GitLab, release: Callable[..., Release], action: str, each: int
) -> None:
    """With `verify` one record a release; with `start` the job makes a second one of each."""
    environment = environment_of_the_job()
    assert environment["action"] == "verify"
    name = f"combined-{action}"
    project = gitlab.project(f"team/{name}", sandbox.repository(f"team/{name}"))
    first = project.repository.commit(web("1"))
    sandbox.application(name, project.repository)
    annotations = controllers.example("notifications/application.yaml")["metadata"]["annotations"]
    assert annotations["argocd-release/environment"] == environment["name"]
    annotations["notifications.argoproj.io/subscribe.gitlab"] = project.path
    words = [f"{key}={value}" for key, value in annotations.items()]
    sandbox.kubectl("annotate", "application", name, "-n", "argocd", *words)

    def records() -> list[tuple[str, str]]:
        return project.records(environment["name"])

    def released(revision: str, expected: list[tuple[str, str]]) -> None:
        ended = release(name)
        assert ended.exit_code == 0, ended.log
        project.job(environment | {"action": action}, revision, "success")
        eventually(lambda: len(records()) >= len(expected))
        time.sleep(QUIET)
        assert records() == expected

    once = [(first, "success")] * each
    released(first, once)
    second = project.repository.commit(web("2"))
    released(second, [*once, *[(second, "success")] * each])

    # No pipeline knows of a rollback, and the page still says what runs.
    sandbox.kubectl("patch", "application", name, "-n", "argocd", "--type=json", "-p", NOT_AUTOMATED)
    sandbox.argocd("app", "rollback", name, "0")
    eventually(lambda: records()[-1] == (first, "success"), ROLLBACK_SECONDS)
    last = project.last(environment["name"])
    assert last is not None
    assert last.sha == first


def web(tag: str) -> dict[str, str | None]:
    return {"web.yaml": manifests.deployment("web", f"registry.example.com/web:{tag}")}
