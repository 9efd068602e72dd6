"""Test the commit statuses with a GitLab that enforces its own rules."""

import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from argocd_release.messages import reports as texts
from argocd_release.model.application import HealthStatus, SyncStatus
from argocd_release.model.outcome import Outcome
from argocd_release.notify.commit_status import FIELD_LIMIT, status_name
from argocd_release.release.commit_statuses import CommitStatuses
from argocd_release.release.sinks import gitlab_of, sinks_of
from argocd_release.settings.environment import JobEnvironment
from argocd_release.settings.load import Settings, load
from argocd_release.timing import Background, Deadline, run_in_background
from sandbox.git import Repository
from tests.support.gitlab_api import Call, GitLab, Project, RefusedError
from tests.support.waiting import eventually
from tests.unit.notify.releases import JOB, at, ended, job_context, of, told

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])


def settings(gitlab: GitLab, **environ: str) -> Settings:
    known = {
        "ARGOCD_SERVER": "argocd.example.com",
        "ARGOCD_AUTH_TOKEN": "eyJhbGciOiJIUzI1NiJ9",
        "ARGOCD_APP_NAME": "web",
    }
    known |= {"CI_API_V4_URL": gitlab.api, "CI_JOB_TOKEN": gitlab.token("job"), "CI_PROJECT_ID": "9"}
    known |= {"CI_PROJECT_PATH": "team/code", "CI_JOB_URL": JOB, "RELEASE_COMMIT_STATUS": "team/shop"}
    known |= {"RELEASE_GITLAB_TOKEN": gitlab.token()}
    return load(JobEnvironment(known | environ))


def commit(project: Project, text: str) -> str:
    return project.repository.commit({"file": text})


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (Outcome.DELIVERED, "success"),
        (Outcome.SYNC_FAILED, "failed"),
        (Outcome.DEGRADED, "failed"),
        (Outcome.TIMED_OUT, "failed"),
        (Outcome.CANCELLED, "canceled"),
        (Outcome.UNREACHABLE, "canceled"),
        (Outcome.NOT_DELIVERED, "canceled"),
    ],
)
def test_a_status_is_pending_and_then_final(gitlab: GitLab, project: Project, outcome: Outcome, state: str) -> None:
    revision = commit(project, "1")
    (notice,) = told(settings(gitlab), ended(of(outcome, at(revision))), at(revision), gitlab=gitlab)
    assert notice.done, notice
    assert notice.sink == "commit status"
    assert project.states(revision) == [("argocd/web", ["pending", state])]
    (status,) = project.statuses
    assert status.target_url == "https://argocd.example.com/applications/web"
    assert status.description == ("Synced and Healthy after 12 s" if outcome is Outcome.DELIVERED else "it is so")


def test_the_page_is_the_best_link(gitlab: GitLab, project: Project) -> None:
    revision = commit(project, "1")
    told(settings(gitlab), ended(of(Outcome.DEGRADED, at(revision)), page="release.html"))
    assert project.statuses[0].target_url == f"{JOB}/artifacts/file/release.html"


def test_without_a_verdict_on_the_commit_a_status_that_was_not_begun_is_not_set(
    gitlab: GitLab, project: Project
) -> None:
    (notice,) = told(settings(gitlab), ended(of(Outcome.UNREACHABLE, at(commit(project, "1")))))
    assert (notice.done, notice.text) == (True, texts.STATUS_NOT_BEGUN)
    assert project.statuses == []


def test_a_commit_that_is_already_deployed_does_not_become_pending(gitlab: GitLab, project: Project) -> None:
    revision = commit(project, "1")
    healthy = at(revision, sync=SyncStatus.SYNCED, health=HealthStatus.HEALTHY)
    told(settings(gitlab), ended(of(Outcome.DELIVERED, healthy)), healthy, expected=0, gitlab=gitlab)
    assert project.states() == [("argocd/web", ["success"])]


def test_a_second_run_adds_the_later_result(gitlab: GitLab, project: Project) -> None:
    revision = commit(project, "1")
    for outcome in (Outcome.DEGRADED, Outcome.DELIVERED):
        (notice,) = told(settings(gitlab), ended(of(outcome, at(revision))), at(revision), at(revision))
        assert notice.done, notice
    assert [states[-1] for _, states in project.states(revision)] == ["failed", "success"]


@pytest.mark.parametrize("state", ["pending", "running"])
def test_a_status_that_a_killed_job_left_is_ended(gitlab: GitLab, project: Project, state: str) -> None:
    """GitLab answers 400 to a status that already has the state: that is no problem."""
    revision = commit(project, "1")
    project.pipeline(revision)
    project.statuses.append(gitlab_status(project, revision, state))
    (notice,) = told(settings(gitlab), ended(of(Outcome.DELIVERED, at(revision))), at(revision), gitlab=gitlab)
    assert notice.done, notice
    assert project.states(revision) == [("argocd/web", [state, "success"])]
    assert [call.status for call in gitlab.asked("POST")] == [400, 201]


def gitlab_status(project: Project, revision: str, state: str) -> Any:
    from tests.support.gitlab_api import Status  # noqa: PLC0415 - only here

    pipeline = project.pipelines[-1]
    return Status(id=1, name="argocd/web", sha=revision, pipeline=pipeline.id, ref=pipeline.ref, states=[state])


def test_a_later_commit_ends_the_status_of_the_earlier_one(gitlab: GitLab, project: Project) -> None:
    first, second = commit(project, "1"), commit(project, "2")
    told(settings(gitlab), ended(of(Outcome.DELIVERED, at(second))), at(first), at(second), gitlab=gitlab)
    assert project.states(first) == [("argocd/web", ["pending", "canceled"])]
    assert project.states(second) == [("argocd/web", ["pending", "success"])]
    assert second[:8] in (project.statuses[0].description or "")


def test_the_final_status_goes_to_the_pipeline_of_the_pending_one(gitlab: GitLab, project: Project) -> None:
    """Without the pipeline's id, GitLab takes the newest pipeline of the commit, and the first status stays pending."""
    revision = commit(project, "1")
    known = settings(gitlab)
    context = job_context()
    sinks = sinks_of(known, context)
    assert sinks is not None
    sinks.on_released[0](at(revision))
    eventually(lambda: bool(project.statuses))
    later = project.pipeline(revision, "main")
    context.deadline.judged()
    (notice,) = sinks.emit(ended(of(Outcome.DELIVERED, at(revision))))
    assert notice.done, notice
    assert project.states(revision) == [("argocd/web", ["pending", "success"])]
    assert project.statuses[0].pipeline != later.id


def test_of_several_sources_the_one_in_the_project(gitlab: GitLab, project: Project) -> None:
    revision = commit(project, "1")
    for application in (
        at("b" * 40, revision, repositories=("values", "shop")),
        at("1.2.3", revision, repositories=("charts", "shop")),
    ):
        (notice,) = told(settings(gitlab), ended(of(Outcome.DELIVERED, application)))
        assert notice.done, notice
    assert {status.sha for status in project.statuses} == {revision}


@pytest.mark.parametrize("repositories", [("my-shop",), ("values",)])
def test_no_source_in_the_project_is_said(gitlab: GitLab, project: Project, repositories: tuple[str, ...]) -> None:
    application = at(commit(project, "1"), repositories=repositories)
    (notice,) = told(settings(gitlab), ended(of(Outcome.DELIVERED, application)))
    assert not notice.done
    assert notice.text == texts.STATUS_NO_SOURCE.fill(project="team/shop")
    assert gitlab.asked("POST") == []


def test_a_project_can_be_a_number(gitlab: GitLab, project: Project) -> None:
    revision = commit(project, "1")
    known = settings(gitlab, RELEASE_COMMIT_STATUS=str(project.id))
    told(known, ended(of(Outcome.DELIVERED, at("b" * 40, revision, repositories=("values", "shop")))))
    assert project.states(revision) == [("argocd/web", ["success"])]
    own = settings(gitlab, RELEASE_COMMIT_STATUS=str(project.id), CI_PROJECT_ID="1", CI_PROJECT_PATH="team/shop")
    calls = len(gitlab.calls)
    told(own, ended(of(Outcome.DEGRADED, at(revision))))
    assert len(gitlab.calls) == calls + 1


def test_each_application_and_environment_has_its_own_status(gitlab: GitLab, project: Project) -> None:
    revision = commit(project, "1")
    group = ended(of(Outcome.DELIVERED, at(revision)), of(Outcome.DEGRADED, at(revision, name="api"), "it crashes"))
    (notice,) = told(
        settings(gitlab, CI_ENVIRONMENT_NAME="staging"), group, at(revision), at(revision, name="api"), gitlab=gitlab
    )
    assert notice.text == texts.STATUSES_SET.fill(
        count=2, text=texts.STATUS_SET.fill(name="argocd/api (staging)", state="failed", revision=revision[:8])
    )
    told(
        settings(gitlab, CI_ENVIRONMENT_NAME="staging", RELEASE_GITLAB_ENVIRONMENT="live"),
        ended(of(Outcome.DELIVERED, at(revision))),
    )
    assert sorted(project.states()) == [
        ("argocd/api (staging)", ["pending", "failed"]),
        ("argocd/web (live)", ["success"]),
        ("argocd/web (staging)", ["pending", "success"]),
    ]


def test_an_application_outside_of_argo_cds_namespace_is_named_with_its_own(gitlab: GitLab, project: Project) -> None:
    application = at(commit(project, "1"), namespace="team", controller_namespace="argocd")
    told(settings(gitlab), ended(of(Outcome.DELIVERED, application)))
    assert project.states() == [("argocd/team/web", ["success"])]


def test_a_ci_job_of_the_same_name_is_no_obstacle(gitlab: GitLab, project: Project) -> None:
    revision = commit(project, "1")
    project.pipeline(revision, jobs=("web",))
    (notice,) = told(settings(gitlab), ended(of(Outcome.DELIVERED, at(revision))))
    assert notice.done, notice


@pytest.mark.parametrize("reason", ["word " * 200, "\x1b[31m/close\n@all " + "é" * 300, "ends"])
def test_text_from_outside_is_one_short_line(gitlab: GitLab, project: Project, reason: str) -> None:
    (notice,) = told(settings(gitlab), ended(of(Outcome.DEGRADED, at(commit(project, "1")), reason)))
    assert notice.done, notice
    description = project.statuses[0].description or ""
    assert len(description) <= FIELD_LIMIT
    assert "\n" not in description
    assert "\x1b" not in description


@pytest.mark.parametrize(
    "url", ["ftp://argocd.example.com/", "https://argocd.example.com/" + "a" * 300, "javascript:alert(1)", ""]
)
def test_a_link_that_gitlab_refuses_is_left_out(gitlab: GitLab, project: Project, url: str) -> None:
    result = of(Outcome.DEGRADED, at(commit(project, "1")))
    (notice,) = told(settings(gitlab), ended(replace(result, url=url)))
    assert notice.done, notice
    assert project.statuses[0].target_url == JOB


def test_a_name_is_never_too_long() -> None:
    assert len(status_name("a" * 300, "b" * 300)) == FIELD_LIMIT
    assert status_name("web", "web") == "argocd/web"


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"RELEASE_GITLAB_TOKEN": ""}, texts.STATUS_NOT_ALLOWED),
        ({"RELEASE_GITLAB_TOKEN": "wrong"}, "401: 401 Unauthorized; next: set <RELEASE_GITLAB_TOKEN>"),
        ({"RELEASE_COMMIT_STATUS": "77"}, "404: 404 Project Not Found; next: check that 77"),
        ({"CI_API_V4_URL": ""}, texts.NO_GITLAB_JOB),
        ({"CI_API_V4_URL": "http://127.0.0.1:1/api/v4"}, texts.GITLAB_SILENT.fill(error="")),
    ],
)
def test_what_gitlab_refuses_is_one_line(gitlab: GitLab, project: Project, environ: dict[str, str], said: str) -> None:
    revision = commit(project, "1")
    (notice,) = told(settings(gitlab, **environ), ended(of(Outcome.DELIVERED, at(revision))), at(revision))
    assert not notice.done
    assert said in notice.text
    assert "\n" not in notice.text
    assert project.statuses == []


def test_missing_rights_name_the_scope_and_the_role(gitlab: GitLab, project: Project) -> None:
    revision = commit(project, "1")
    known = settings(gitlab, RELEASE_GITLAB_TOKEN=gitlab.token("read"))
    (notice,) = told(known, ended(of(Outcome.DELIVERED, at(revision))))
    assert "insufficient_scope; next: set <RELEASE_GITLAB_TOKEN>" in notice.text
    project.protected = ("main",)
    (notice,) = told(settings(gitlab), ended(of(Outcome.DELIVERED, at(revision))))
    assert "403 Forbidden; next: set <RELEASE_GITLAB_TOKEN>" in notice.text
    assert "Maintainer" in notice.text


def test_a_commit_that_the_project_does_not_have(gitlab: GitLab, project: Project) -> None:
    commit(project, "1")
    (notice,) = told(settings(gitlab), ended(of(Outcome.DELIVERED, at("f" * 40))))
    assert "404 Commit Not Found; next: check that team/shop" in notice.text


def test_after_a_refusal_no_further_status_becomes_pending(gitlab: GitLab, project: Project) -> None:
    project.protected = ("main",)
    revision = commit(project, "1")
    group = [at(revision, name=f"web-{number}") for number in range(5)]
    told(settings(gitlab), ended(*[of(Outcome.DELIVERED, each) for each in group]), *group, expected=1, gitlab=gitlab)
    assert len(gitlab.asked("POST")) <= 2


@pytest.mark.parametrize("outcome", [Outcome.CANCELLED, Outcome.UNREACHABLE])
def test_a_pending_status_without_a_response_is_ended(gitlab: GitLab, project: Project, outcome: Outcome) -> None:
    """GitLab has set the status, but a proxy responds with an error."""
    revision = commit(project, "1")

    def set_and_fail(call: Call) -> None:
        project.before = lambda _: None
        project.pipeline(revision)
        project.statuses.append(gitlab_status(project, revision, str(call.body["state"])))
        raise RefusedError(502, {"message": "502 Bad Gateway"})

    project.before = set_and_fail
    (notice,) = told(settings(gitlab), ended(of(outcome, at(revision))), at(revision), gitlab=gitlab)
    assert notice.done, notice
    assert project.states(revision) == [("argocd/web", ["pending", "canceled"])]


def test_a_pending_status_that_gitlab_refused_is_not_ended(gitlab: GitLab, project: Project) -> None:
    revision = commit(project, "1")

    def refuse(_: Call) -> None:
        project.before = lambda _: None
        raise RefusedError(403, {"message": "403 Forbidden"})

    project.before = refuse
    (notice,) = told(settings(gitlab), ended(of(Outcome.CANCELLED, at(revision))), at(revision), gitlab=gitlab)
    assert (notice.done, notice.text) == (True, texts.STATUS_NOT_BEGUN)
    assert project.statuses == []


def test_the_end_can_meet_the_end_of_the_background_thread(gitlab: GitLab, project: Project) -> None:
    """The thread forgets itself at its end, possibly while the job reads the attribute."""

    class Forgetful(CommitStatuses):
        reads = 0

        @property
        def _worker(self) -> Background[None] | None:
            self.reads += 1
            return run_in_background(lambda: None) if self.reads == 1 else None

        @_worker.setter
        def _worker(self, _: Background[None] | None) -> None: ...

    revision = commit(project, "1")
    known = settings(gitlab)
    sink = Forgetful(known, partial(gitlab_of, known), Deadline(10))
    assert "success" in sink.end(ended(of(Outcome.DELIVERED, at(revision))), Deadline(5))


def test_a_silent_gitlab_costs_few_seconds(gitlab: GitLab, project: Project) -> None:
    revision = commit(project, "1")
    gitlab.silent = 5.0
    started = time.monotonic()
    (notice,) = told(settings(gitlab), ended(of(Outcome.DELIVERED, at(revision))), at(revision))
    assert not notice.done
    assert time.monotonic() - started < 6
    started = time.monotonic()
    (notice,) = told(settings(gitlab), ended(of(Outcome.CANCELLED, at(revision))), at(revision))
    assert time.monotonic() - started < 2


def test_off_costs_nothing(gitlab: GitLab) -> None:
    context = job_context()
    assert sinks_of(settings(gitlab, RELEASE_COMMIT_STATUS=""), context) is None
    deployments = sinks_of(settings(gitlab, RELEASE_COMMIT_STATUS="", RELEASE_GITLAB_DEPLOYMENT="team/shop"), context)
    assert deployments is not None
    assert deployments.on_released == ()


def test_another_repository_with_the_same_name_is_not_the_project(gitlab: GitLab, tmp_path: Path) -> None:
    gitlab.project("shop", Repository.create(tmp_path / "other.git"))
    (notice,) = told(settings(gitlab, RELEASE_COMMIT_STATUS="team/other"), ended(of(Outcome.DELIVERED, at("a" * 40))))
    assert notice.text == texts.STATUS_NO_SOURCE.fill(project="team/other")
