"""A job sets a status on the commit of a configuration repository that Argo CD deploys."""

from collections.abc import Callable
from typing import Any

import pytest

from sandbox import manifests
from sandbox.sandbox import Sandbox
from tests.support.gitlab_api import GitLab, Project
from tests.support.job import Release

LABEL = "statuses"


class Configuration:
    """A configuration repository with two applications in its folders, and jobs in the pipeline of another project."""

    def __init__(self, name: str, sandbox: Sandbox, gitlab: GitLab, release: Callable[..., Release]) -> None:
        self.name, self._gitlab, self._release = name, gitlab, release
        self.project: Project = gitlab.project(f"ops/{name}", sandbox.repository(f"ops/{name}"))
        self.token = gitlab.token()
        self.commit("1")
        for part in ("web", "worker"):
            sandbox.application(f"{name}-{part}", self.project.repository.source(part), labels={LABEL: name})

    def commit(self, tag: str, **worker: Any) -> str:
        return self.project.repository.commit({
            f"{part}/app.yaml": manifests.deployment(part, f"registry.example.com/{part}:{tag}", **pods)
            for part, pods in (("web", {}), ("worker", worker))
        })  # fmt: skip

    def release(self, application: str = "", **settings: str) -> Release:
        job = {"CI_API_V4_URL": self._gitlab.api, "CI_PROJECT_ID": "900", "CI_PROJECT_PATH": "team/code"}
        job |= {"CI_JOB_TOKEN": self._gitlab.token("job"), "RELEASE_GITLAB_TOKEN": self.token}
        chosen = {} if application else {"RELEASE_SELECTOR": f"{LABEL}={self.name}", "RELEASE_EXPECTED_COUNT": "2"}
        return self._release(application, **job, **chosen, RELEASE_COMMIT_STATUS=self.project.path, **settings)


@pytest.fixture
def configuration(name: str, sandbox: Sandbox, gitlab: GitLab, release: Callable[..., Release]) -> Configuration:
    made = Configuration(name, sandbox, gitlab, release)
    # Argo CD must have deployed the first commit. Otherwise, it could deploy the second one before the job begins.
    deployed = made.release()
    assert deployed.exit_code == 0, deployed.log
    return made


@pytest.mark.newest
def test_each_application_of_a_group_has_a_status(configuration: Configuration) -> None:
    revision = configuration.commit("2", fate="crash")
    ended = configuration.release(CI_ENVIRONMENT_NAME="staging")
    assert ended.exit_code == 11, ended.log
    web, worker = (f"argocd/{configuration.name}-{part} (staging)" for part in ("web", "worker"))
    assert dict(configuration.project.states(revision)) == {web: ["pending", "success"], worker: ["pending", "failed"]}
    described = {status.name: status.description or "" for status in configuration.project.statuses}
    assert "Pod/worker-" in described[worker]
    assert f"commit status: 2 statuses; the first: {worker} is failed on commit {revision[:8]}" in ended.log

    fixed = configuration.commit("3")
    ended = configuration.release(CI_ENVIRONMENT_NAME="staging")
    assert ended.exit_code == 0, ended.log
    assert {states[-1] for _, states in configuration.project.states(fixed)} == {"success"}


@pytest.mark.newest
def test_one_application_has_a_status_and_the_token_is_not_in_the_log(configuration: Configuration) -> None:
    revision = configuration.commit("2")
    name = f"{configuration.name}-web"
    ended = configuration.release(name)
    assert ended.exit_code == 0, ended.log
    assert configuration.project.states(revision) == [(f"argocd/{name}", ["pending", "success"])]
    assert configuration.token not in ended.log


def test_a_refusal_changes_no_verdict(configuration: Configuration) -> None:
    configuration.commit("2")
    configuration.project.protected = ("main",)
    ended = configuration.release(f"{configuration.name}-web")
    assert ended.exit_code == 0, ended.log
    assert (
        "warning: could not update the commit status: GitLab responded with HTTP 403: 403 Forbidden; next: set"
        in ended.log
    )
