"""A job opens a merge request that reverts the commit of a failed release, on a real Argo CD and with real git."""

from collections.abc import Callable
from typing import Any

import pytest

from sandbox import manifests
from sandbox.sandbox import Sandbox
from tests.support.gitlab_api import GitLab, Project
from tests.support.job import Release

LABEL = "reverts"


class Shop:
    """A repository with two applications in its folders, and the jobs of its pipelines or of another project's."""

    def __init__(self, name: str, sandbox: Sandbox, gitlab: GitLab, release: Callable[..., Release]) -> None:
        self.name, self._gitlab, self._release = name, gitlab, release
        self.project: Project = gitlab.project(f"team/{name}", sandbox.repository(f"team/{name}"))
        self.token = gitlab.token()
        first = self.commit("1")
        for part in ("web", "worker"):
            sandbox.application(f"{name}-{part}", self.project.repository.source(part), labels={LABEL: name})
        # Argo CD must have deployed the first commit, so that there is something to return to.
        deployed = self.release(first)
        assert deployed.exit_code == 0, deployed.log

    def commit(self, tag: str, *web: str, message: str = "change", **pods: Any) -> str:
        """Commit both applications with the tag. The Deployment ``web`` gets the pods, and its folder the manifests."""
        deployment = manifests.deployment("web", f"registry.example.com/web:{tag}", **pods)
        worker = manifests.deployment("worker", f"registry.example.com/worker:{tag}")
        files: dict[str, str | None] = {"web/app.yaml": deployment, "worker/app.yaml": worker}
        files |= {f"web/more-{number}.yaml": text for number, text in enumerate(web)}
        return self.project.repository.commit(files, f"Deploy {tag}" if message == "change" else message)

    def release(self, revision: str, application: str = "", **settings: str) -> Release:
        job = {"CI_API_V4_URL": self._gitlab.api, "CI_PROJECT_ID": str(self.project.id), "CI_COMMIT_SHA": revision}
        job |= {"CI_PROJECT_PATH": self.project.path, "CI_JOB_TOKEN": self._gitlab.token("job")}
        chosen = {} if application else {"RELEASE_SELECTOR": f"{LABEL}={self.name}", "RELEASE_EXPECTED_COUNT": "2"}
        wanted = {"RELEASE_REVERT": "merge-request", "RELEASE_GITLAB_TOKEN": self.token}
        return self._release(application, **(job | chosen | wanted | settings))


@pytest.fixture
def shop(name: str, sandbox: Sandbox, gitlab: GitLab, release: Callable[..., Release]) -> Shop:
    return Shop(name, sandbox, gitlab, release)


def hook() -> str:
    """Return the manifest of a PreSync hook that succeeds."""
    return manifests.hook("migrate", "PreSync")


def test_a_failed_commit_is_reverted_once_and_its_revert_is_released(shop: Shop) -> None:
    revision, application = shop.commit("2", hook(), fate="crash"), f"{shop.name}-web"
    ended = shop.release(revision, application, RELEASE_COMMIT_STATUS=shop.project.path)
    assert ended.exit_code == 11, ended.log
    (request,) = shop.project.merge_requests
    assert "revert merge request: opened !1" in ended.log
    assert (request.title, request.target, request.state) == ('Revert "Deploy 2"', "main", "opened")
    assert "cannot connect to database" in request.description or "CrashLoopBackOff" in request.description
    assert "**Hooks of this commit ran**" in request.description, request.description
    assert "PreSync Job/migrate succeeded" in request.description
    assert dict(shop.project.states(revision))[f"argocd/{application}"][-1] == "failed"
    assert shop.token not in ended.log

    again = shop.release(revision, application)
    assert again.exit_code == 11, again.log
    assert f"(opened) already reverts commit {revision[:8]}" in again.log
    assert len(shop.project.merge_requests) == 1

    reverted = shop.project.merge(request.branch, request.sha)
    fixed = shop.release(reverted, application)
    assert fixed.exit_code == 0, fixed.log
    assert "revert merge request" not in fixed.log


def test_a_commit_of_a_configuration_repository_that_several_applications_deploy(shop: Shop) -> None:
    revision = shop.commit("2", fate="crash")
    elsewhere = {"CI_PROJECT_ID": "900", "CI_PROJECT_PATH": "team/code", "RELEASE_REVERT_PROJECT": shop.project.path}
    unknown = shop.release("c" * 40, **elsewhere)
    assert unknown.exit_code == 2, unknown.log
    assert "RELEASE_REVERT can only revert the commit in RELEASE_REVISION, which is empty" in unknown.log
    ended = shop.release("c" * 40, **elsewhere, RELEASE_REVISION=revision)
    assert ended.exit_code == 11, ended.log
    (request,) = shop.project.merge_requests
    assert "- Applications: 2, 1 degraded, 1 delivered" in request.description
    assert shop.project.repository.git("show", f"{request.branch}:web/app.yaml").count("web:1") == 1


def test_a_sync_that_fails_is_reverted(shop: Shop) -> None:
    application = f"{shop.name}-web"
    broken = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: broken\ndata: 5\n"
    revision = shop.commit("2", broken)
    ended = shop.release(revision, application)
    assert ended.exit_code == 10, ended.log
    assert "revert merge request: opened !1" in ended.log
    assert shop.project.merge_requests[0].branch == f"revert-{revision[:8]}"
