"""A job of several applications tells GitLab: a record for each environment, and one comment on all."""

from collections.abc import Callable
from typing import Any

import pytest

from sandbox import manifests
from sandbox.sandbox import Sandbox
from tests.support.gitlab_api import GitLab, MergeRequest, Project
from tests.support.job import Release

LABEL = "several"


class Shop:
    """Two applications in folders of a project's repository, and the job of both."""

    def __init__(self, name: str, sandbox: Sandbox, gitlab: GitLab, release: Callable[..., Release]) -> None:
        self.name, self.gitlab, self._release = name, gitlab, release
        self.project: Project = gitlab.project(f"team/{name}", sandbox.repository(f"team/{name}"))
        self.commit("1")
        for part in ("web", "worker"):
            source = self.project.repository.source(part)
            sandbox.application(f"{name}-{part}", source, labels={LABEL: name})

    def commit(self, tag: str, **worker: Any) -> tuple[str, MergeRequest]:
        files = {
            f"{part}/app.yaml": manifests.deployment(part, f"registry.example.com/{part}:{tag}", **pods)
            for part, pods in (("web", {}), ("worker", worker))
        }
        revision = self.project.repository.commit(files)
        return revision, self.project.open(f"change-{tag}", revision)

    def release(self, revision: str, **settings: str) -> Release:
        gitlab, project = self.gitlab, self.project
        told = {"RELEASE_GITLAB_DEPLOYMENT": project.path, "RELEASE_GITLAB_TOKEN": gitlab.token()}
        job = {"CI_API_V4_URL": gitlab.api, "CI_PROJECT_ID": str(project.id), "CI_PROJECT_PATH": project.path}
        chosen = {"RELEASE_SELECTOR": f"{LABEL}={self.name}", "RELEASE_EXPECTED_COUNT": "2", "RELEASE_MR_NOTE": "true"}
        return self._release("", **job, **told, **chosen, CI_COMMIT_SHA=revision, **settings)

    def records(self, part: str) -> list[tuple[str, str]]:
        return self.project.records(f"{self.name}-{part}")


@pytest.fixture
def shop(name: str, sandbox: Sandbox, gitlab: GitLab, release: Callable[..., Release]) -> Shop:
    return Shop(name, sandbox, gitlab, release)


def test_each_has_a_record_and_all_have_one_comment(shop: Shop) -> None:
    revision, request = shop.commit("2", fate="crash")
    ended = shop.release(revision)
    assert ended.exit_code == 11, ended.log
    assert (shop.records("web"), shop.records("worker")) == ([(revision, "success")], [(revision, "failed")])
    (comment,) = request.notes
    assert f"`selector {LABEL}={shop.name}`: Release failed" in comment.body
    assert "- Applications: 2, 1 degraded, 1 delivered" in comment.body, comment.body
    assert f"- `{shop.name}-worker`: degraded, `Deployment/worker → Pod/worker-" in comment.body
    assert "cannot connect to database" in comment.body

    fixed, request = shop.commit("3")
    ended = shop.release(fixed)
    assert ended.exit_code == 0, ended.log
    for part in ("web", "worker"):
        assert shop.records(part)[-1] == (fixed, "success")
    (comment,) = request.notes
    assert "- Applications: 2, 2 delivered" in comment.body


def test_one_environment_of_all_is_what_the_worst_is(shop: Shop) -> None:
    revision, _ = shop.commit("2", fate="crash")
    ended = shop.release(revision, RELEASE_GITLAB_ENVIRONMENT="production")
    assert ended.exit_code == 11, ended.log
    assert shop.project.records("production") == [(revision, "failed")]
