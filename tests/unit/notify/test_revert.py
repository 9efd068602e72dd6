"""Test the merge request that reverts a failed commit, with a GitLab that enforces its own rules, and with real git."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from argocd_release.messages import revert as texts
from argocd_release.model.application import (
    Application,
    HealthStatus,
    Operation,
    OperationPhase,
    ResourceResult,
    SyncStatus,
)
from argocd_release.model.errors import NOTIFICATION_ERROR_LIMIT
from argocd_release.model.git import Deployment, Hydration, HydrationPhase
from argocd_release.model.outcome import Outcome
from argocd_release.model.problem import CauseCode, Problem
from argocd_release.model.result import ApplicationResult, Diagnosis, NotificationResult
from argocd_release.release.revert_request import ELSEWHERE, command
from argocd_release.settings.environment import JobEnvironment
from argocd_release.settings.load import Settings, load
from tests.support.gitlab_api import Call, GitLab, Project, RefusedError
from tests.unit.notify.releases import JOB, at, ended, of, told, without_code

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])


def settings(gitlab: GitLab, revision: str, **environ: str) -> Settings:
    """Return the settings of a job in the pipeline of ``team/shop`` for the commit."""
    known = {
        "ARGOCD_SERVER": "argocd.example.com",
        "ARGOCD_AUTH_TOKEN": "eyJhbGciOiJIUzI1NiJ9",
        "ARGOCD_APP_NAME": "web",
    }
    known |= {"CI_API_V4_URL": gitlab.api, "CI_JOB_TOKEN": gitlab.token("job"), "CI_PROJECT_ID": "1"}
    known |= {"CI_PROJECT_PATH": "team/shop", "CI_COMMIT_SHA": revision, "CI_JOB_URL": JOB}
    known |= {"RELEASE_REVERT": "merge-request", "RELEASE_GITLAB_TOKEN": gitlab.token()}
    return load(JobEnvironment(known | environ))


@pytest.fixture
def commits(project: Project) -> tuple[str, str]:
    """Return two commits of ``main``: the one that Argo CD had deployed, and the one that fails."""
    first = project.repository.commit({"file": "1"}, "Deploy 1")
    return first, project.repository.commit({"file": "2"}, "Deploy 2")


def failed(revision: str, earlier: str, *results: ResourceResult, name: str = "web", **changes: Any) -> Application:
    """Return an application in which the sync of the revision has changed a Deployment that does not become ready."""
    changed = ResourceResult(
        kind="Deployment", name="web", status="Synced", hook_phase="", message="deployment.apps/web configured"
    )
    operation = Operation(
        phase=OperationPhase.SUCCEEDED, message="", revisions=(revision,), started_at="2026-01-01T00:00:04Z",
        finished_at="2026-01-01T00:00:05Z", retries=0, results=(changed, *results),
    )  # fmt: skip
    deployed, previously = (Deployment(revisions=(each,), parameters=()) for each in (revision, earlier))
    changes = {"sync": SyncStatus.SYNCED, "health": HealthStatus.DEGRADED} | changes
    application = at(revision, name=name, **changes)
    return replace(application, operation=operation, deployed=deployed, previously=previously)


def released(known: Settings, *items: ApplicationResult) -> NotificationResult:
    (notice,) = told(known, ended(*items))
    assert "\n" not in notice.text
    return notice


def degraded(
    revision: str, earlier: str, reason: str = "Pod/web-x: CrashLoopBackOff", **changes: Any
) -> ApplicationResult:
    return of(Outcome.DEGRADED, failed(revision, earlier, **changes), reason)


def test_a_failed_commit_gets_one_merge_request_that_reverts_it(
    gitlab: GitLab, project: Project, commits: tuple[str, str]
) -> None:
    first, second = commits
    notice = released(settings(gitlab, second), degraded(second, first))
    assert notice.done, notice
    (request,) = project.merge_requests
    assert notice.text == texts.OPENED.fill(
        request=f"!1 ({gitlab.url}/team/shop/-/merge_requests/1)", commit=second[:8], branch="main"
    )
    assert (request.branch, request.target, request.title) == (f"revert-{second[:8]}", "main", 'Revert "Deploy 2"')
    assert (request.state, request.removes_branch) == ("opened", True)
    assert project.repository.git("show", f"{request.branch}:file") == "1"
    assert f"This reverts commit {second}" in project.described(request.sha)["message"]
    for part in (second, "`Pod/web-x: CrashLoopBackOff`", JOB, "https://argocd.example.com/applications/web", "Hooks"):
        assert part in request.description
    assert "Hooks of this commit ran" not in request.description
    assert project.head("main") == second, "nothing is merged"


@pytest.mark.parametrize("state", ["opened", "merged", "closed"])
def test_a_commit_is_never_reverted_twice(
    gitlab: GitLab, project: Project, commits: tuple[str, str], state: str
) -> None:
    first, second = commits
    known = settings(gitlab, second)
    released(known, degraded(second, first))
    project.merge_requests[0].state = state
    if state != "opened":
        project.repository.git("branch", "-D", f"revert-{second[:8]}")
    notice = released(known, degraded(second, first))
    assert notice.done
    assert (
        f"!1 ({gitlab.url}/team/shop/-/merge_requests/1) ({state}) already reverts commit {second[:8]}" in notice.text
    )
    assert len(project.merge_requests) == 1
    assert len(gitlab.asked("POST")) == 3


def test_a_merge_request_of_a_fork_is_not_the_revert(
    gitlab: GitLab, project: Project, commits: tuple[str, str]
) -> None:
    first, second = commits
    project.open(f"revert-{second[:8]}", "f" * 40).from_fork = True
    project.merge_requests[0].state = "closed"
    assert released(settings(gitlab, second), degraded(second, first)).text.startswith("opened !2")


def test_jobs_of_one_commit_at_the_same_time_open_one(
    gitlab: GitLab, project: Project, commits: tuple[str, str]
) -> None:
    first, second = commits
    notices: list[NotificationResult] = []
    jobs = [
        threading.Thread(target=lambda: notices.append(released(settings(gitlab, second), degraded(second, first))))
        for _ in range(4)
    ]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert [notice for notice in notices if not notice.done] == []
    assert len(project.merge_requests) == 1
    assert len([notice for notice in notices if notice.text.startswith("opened")]) == 1
    assert project.repository.git("show", f"revert-{second[:8]}:file") == "1", "reverted once"
    assert project.described(project.head(f"revert-{second[:8]}"))["parent_ids"] == [second]


@pytest.mark.parametrize("reverted", [False, True])
def test_an_interrupted_run_is_continued(
    gitlab: GitLab, project: Project, commits: tuple[str, str], *, reverted: bool
) -> None:
    first, second = commits
    branch = f"revert-{second[:8]}"
    project.repository.git("branch", branch, second)
    if reverted:
        project.repository.git("switch", "-q", branch)
        project.repository.git("revert", "--no-edit", second)
        project.repository.git("switch", "-q", "main")
    notice = released(settings(gitlab, second), degraded(second, first))
    assert notice.text.startswith("opened !1"), notice
    assert project.repository.git("show", f"{branch}:file") == "1"
    assert project.described(project.head(branch))["parent_ids"] == [second]


def test_a_branch_of_another_person_is_left_alone(gitlab: GitLab, project: Project, commits: tuple[str, str]) -> None:
    first, second = commits
    branch = f"revert-{second[:8]}"
    project.repository.git("switch", "-q", "-c", branch)
    own = project.repository.commit({"file": "3"}, "My work")
    project.repository.git("switch", "-q", "main")
    notice = released(settings(gitlab, second), degraded(second, first))
    assert (notice.done, notice.text) == (False, texts.BRANCH_TAKEN.fill(branch=branch))
    assert project.head(branch) == own
    assert project.merge_requests == []


@pytest.mark.parametrize(
    "outcome",
    [each for each in Outcome if each not in {Outcome.SYNC_FAILED, Outcome.DEGRADED}],
)
def test_only_exit_codes_10_and_11_open_one(gitlab: GitLab, commits: tuple[str, str], outcome: Outcome) -> None:
    first, second = commits
    assert told(settings(gitlab, second), ended(of(outcome, failed(second, first)))) == []
    assert gitlab.calls == []


def test_a_failed_sync_opens_one(gitlab: GitLab, project: Project, commits: tuple[str, str]) -> None:
    first, second = commits
    application = replace(
        failed(second, first, sync=SyncStatus.OUT_OF_SYNC), deployed=Deployment(revisions=(first,), parameters=()),
        previously=None, operation=None,
    )  # fmt: skip
    assert released(settings(gitlab, second), of(Outcome.SYNC_FAILED, application)).text.startswith("opened !1")
    assert len(project.merge_requests) == 1


@pytest.mark.parametrize(
    "message",
    [
        'Revert "Deploy 1"\n\nThis reverts commit 0123456789abcdef0123456789abcdef01234567',
        "Back to 1\n\nThis reverts commit 0123456.",
        'Reapply "Deploy 1"\n\nThis reverts commit 0123456.',
        'Revert "Revert "Deploy 1""',
        "Back\n\nThis reverts merge request !12",
        "Merge branch 'revert-01234567' into 'main'\n\nRevert \"Deploy 1\"\n\nSee merge request team/shop!13",
    ],
)
def test_a_revert_is_never_reverted(gitlab: GitLab, project: Project, commits: tuple[str, str], message: str) -> None:
    _, second = commits
    third = project.repository.commit({"file": "1"}, message)
    notice = released(settings(gitlab, third), degraded(third, second))
    assert (notice.done, notice.text) == (True, texts.OF_REVERT.fill(commit=third[:8]))
    assert gitlab.asked("POST") == []


@pytest.mark.parametrize("reverted", [False, True])
def test_a_commit_that_is_not_the_newest_of_its_branch_is_not_reverted(
    gitlab: GitLab, project: Project, commits: tuple[str, str], *, reverted: bool
) -> None:
    first, second = commits
    if reverted:
        project.repository.git("revert", "--no-edit", second)
    else:
        project.repository.commit({"other": "3"}, "Deploy 3")
    notice = released(settings(gitlab, second), degraded(second, first))
    entry = texts.DONE if reverted else texts.NOT_HEAD
    assert notice.text == entry.fill(commit=second[:8], branch="main", head=project.head("main")[:8])
    assert gitlab.asked("POST") == []


def test_a_later_commit_of_others_is_not_reverted(gitlab: GitLab, project: Project, commits: tuple[str, str]) -> None:
    _, second = commits
    third = project.repository.commit({"file": "3"})
    notice = released(settings(gitlab, second), degraded(third, second))
    assert notice.text == texts.OTHER_COMMIT.fill(failed=third[:8], expected=second[:12])
    assert project.merge_requests == []


def test_two_applications_of_one_commit_share_one(gitlab: GitLab, project: Project, commits: tuple[str, str]) -> None:
    first, second = commits
    items = [degraded(second, first, name=f"web-{number}") for number in range(3)]
    assert released(settings(gitlab, second), *items).text.startswith("opened !1")
    (request,) = project.merge_requests
    assert "- Applications: 3, 3 degraded" in request.description


def test_a_configuration_repository(gitlab: GitLab, project: Project, commits: tuple[str, str]) -> None:
    first, second = commits
    foreign = {"CI_PROJECT_ID": "900", "CI_PROJECT_PATH": "team/code", "RELEASE_REVERT_PROJECT": "team/shop"}
    foreign["RELEASE_REVISION"] = "c" * 40
    known = settings(gitlab, "c" * 40, **foreign)
    notice = released(known, degraded(second, first))
    assert (notice.done, notice.text) == (True, texts.WHICH_COMMIT)
    wanted = replace(degraded(second, first), expectation={"revision": second[:12]})
    other = replace(degraded(second, first), expectation={"revision": first})
    assert released(known, other).text == texts.OTHER_COMMIT.fill(failed=second[:8], expected=first[:12])
    assert project.merge_requests == []
    numbered = settings(gitlab, "c" * 40, **(foreign | {"RELEASE_REVERT_PROJECT": str(project.id)}))
    assert released(numbered, wanted).text.startswith("opened !1")
    assert [request.target for request in project.merge_requests] == ["main"]


def test_the_branch_that_argo_cd_tracks_is_the_target(
    gitlab: GitLab, project: Project, commits: tuple[str, str]
) -> None:
    first, second = commits
    project.repository.git("branch", "env/live", second)
    application = failed(second, first)
    tracked = replace(application, sources=(replace(application.sources[0], target_revision="env/live"),))
    assert released(settings(gitlab, second), of(Outcome.DEGRADED, tracked)).done
    head = replace(application, sources=(replace(application.sources[0], target_revision="HEAD"),))
    assert [request.target for request in project.merge_requests] == ["env/live"]
    assert "already reverts" in released(settings(gitlab, second), of(Outcome.DEGRADED, head)).text


@pytest.mark.parametrize("target", ["v1.0.0", "0123456789"])
def test_a_tag_cannot_be_reverted(gitlab: GitLab, commits: tuple[str, str], target: str) -> None:
    first, second = commits
    application = failed(second, first)
    tagged = replace(application, sources=(replace(application.sources[0], target_revision=target),))
    notice = released(settings(gitlab, second), of(Outcome.DEGRADED, tagged))
    assert notice.text == texts.NO_BRANCH.fill(branch=target)
    assert gitlab.asked("POST") == []


def test_a_merge_commit_is_reverted_to_the_earlier_commit_of_the_branch(
    gitlab: GitLab, project: Project, commits: tuple[str, str]
) -> None:
    _, second = commits
    project.repository.git("switch", "-q", "-c", "feature", second)
    change = project.repository.commit({"other": "3"}, "Change")
    project.repository.git("switch", "-q", "main")
    merged = project.merge("feature", change)
    assert released(settings(gitlab, merged), degraded(merged, second)).text.startswith("opened !2")
    assert project.repository.git("ls-tree", "--name-only", f"revert-{merged[:8]}").split() == ["file"]


def test_a_merge_commit_with_an_unknown_main_parent_is_left_alone(
    gitlab: GitLab, project: Project, commits: tuple[str, str]
) -> None:
    _, second = commits
    project.repository.git("switch", "-q", "-c", "feature", second)
    change = project.repository.commit({"other": "3"}, "Change")
    project.repository.git("switch", "-q", "main")
    merged = project.merge("feature", change, merge_request=False)
    notice = released(settings(gitlab, merged), degraded(merged, second))
    assert notice.text == texts.MERGE.fill(commit=merged[:8])
    assert gitlab.asked("POST") == []


def test_hooks_that_ran_are_said(gitlab: GitLab, project: Project, commits: tuple[str, str]) -> None:
    first, second = commits
    hook = ResourceResult(
        kind="Job", name="migrate", status="Synced", hook_phase="Succeeded", message="", hook_type="PreSync"
    )
    released(settings(gitlab, second), of(Outcome.DEGRADED, failed(second, first, hook)))
    assert (
        "**Hooks of this commit ran** in `web`: `PreSync Job/migrate succeeded`."
        in project.merge_requests[0].description
    )


def test_commits_that_the_revert_does_not_cover_are_said(
    gitlab: GitLab, project: Project, commits: tuple[str, str]
) -> None:
    first, second = commits
    third = project.repository.commit({"file": "3"}, "Deploy 3")
    released(settings(gitlab, third), degraded(third, first))
    assert f"Argo CD had deployed `{first[:8]}` before, and the parent of this commit is `{second[:8]}`" in (
        project.merge_requests[0].description
    )


def test_without_an_earlier_deployment_there_is_nothing_to_return_to(
    gitlab: GitLab, project: Project, commits: tuple[str, str]
) -> None:
    first, second = commits
    new = replace(failed(second, first), previously=None)
    notice = released(settings(gitlab, second), of(Outcome.DEGRADED, new))
    assert notice.text == texts.NOTHING_EARLIER.fill(application="web")
    assert project.merge_requests == []


def test_a_commit_that_was_deployed_before_has_not_caused_the_failure(gitlab: GitLab, commits: tuple[str, str]) -> None:
    """Another source or a parameter of the application has changed."""
    first, second = commits
    application = failed(second, first)
    other_source = replace(
        application,
        revisions=(second, "b" * 40),
        sources=at(second, "b" * 40).sources,
        operation=replace(application.operation, revisions=(second, "b" * 40)) if application.operation else None,
        deployed=Deployment(revisions=(second, "b" * 40), parameters=()),
        previously=Deployment(revisions=(second, "a" * 40), parameters=()),
    )
    parameter = replace(application, previously=Deployment(revisions=(second,), parameters=("old",)))
    notices = [
        released(settings(gitlab, second), of(Outcome.DEGRADED, other_source)),
        released(settings(gitlab, second), of(Outcome.DEGRADED, parameter)),
        released(settings(gitlab, second), of(Outcome.SYNC_FAILED, application)),
    ]
    assert {notice.text for notice in notices} == {texts.DEPLOYED_BEFORE.fill(commit=second[:8])}
    assert gitlab.calls == []


@pytest.mark.parametrize(
    ("deployed_at", "created_at", "is_opened"),
    [
        ("2025-12-01T00:00:00Z", "2026-01-01T00:00:00Z", False),
        ("2025-12-31T23:58:00Z", "2026-01-01T02:00:00+02:00", False),
        # Argo CD can sync the commit a moment before GitLab creates the pipeline, or long before the job starts.
        ("2025-12-31T23:59:40Z", "2026-01-01T00:00:00Z", True),
        ("2026-01-01T00:00:05Z", "2026-01-01T00:00:00Z", True),
        # An unknown or malformed time proves nothing.
        ("2025-12-01T00:00:00Z", "", True),
        ("2025-12-01T00:00:00Z", "2026-01-01T00:00:00", True),
        ("", "2026-01-01T00:00:00Z", True),
    ],
)
def test_a_commit_that_was_deployed_before_its_pipeline_is_not_to_blame(
    gitlab: GitLab, commits: tuple[str, str], deployed_at: str, created_at: str, *, is_opened: bool
) -> None:
    """A scheduled pipeline can meet an application that a node, a quota or a database has made Degraded."""
    first, second = commits
    application = failed(second, first)
    assert application.deployed is not None
    application = replace(application, deployed=replace(application.deployed, ended_at=deployed_at))
    notice = released(settings(gitlab, second, CI_PIPELINE_CREATED_AT=created_at), of(Outcome.DEGRADED, application))
    if is_opened:
        assert notice.text.startswith("opened !1")
    else:
        assert notice.text == texts.DEPLOYED_BEFORE.fill(commit=second[:8])
        assert gitlab.calls == []


def test_hydrated_commits_are_not_compared_with_dry_ones(
    gitlab: GitLab, project: Project, commits: tuple[str, str]
) -> None:
    _, second = commits
    hydrated, earlier = "e" * 40, "d" * 40
    application = replace(
        failed(hydrated, earlier),
        hydration=Hydration(phase=HydrationPhase.HYDRATED, dry_revision=second),
    )
    assert released(settings(gitlab, second), of(Outcome.DEGRADED, application)).text.startswith("opened !1")
    assert "Argo CD had deployed" not in project.merge_requests[0].description


def test_a_commit_that_changed_nothing_is_not_to_blame(gitlab: GitLab, commits: tuple[str, str]) -> None:
    first, second = commits
    application = replace(failed(second, first), operation=None)
    notice = released(settings(gitlab, second), of(Outcome.DEGRADED, application))
    assert notice.text == texts.NO_CHANGE.fill(commit=second[:8], application="web")
    assert gitlab.calls == []


@pytest.mark.parametrize("code", [each for each in CauseCode if each in ELSEWHERE])
def test_a_cause_outside_of_the_commit(gitlab: GitLab, commits: tuple[str, str], code: CauseCode) -> None:
    first, second = commits
    cause = Problem(code=code, message="it is so")
    item = replace(degraded(second, first), diagnosis=Diagnosis(cause=cause))
    assert released(settings(gitlab, second), item).text == texts.ELSEWHERE.fill(cause=code.word)
    assert gitlab.calls == []


def test_without_a_token_the_log_names_the_command(gitlab: GitLab, project: Project, commits: tuple[str, str]) -> None:
    first, second = commits
    notice = released(settings(gitlab, second, RELEASE_GITLAB_TOKEN=""), degraded(second, first))
    assert not notice.done
    assert command(second, "main") in notice.text
    assert gitlab.calls == []
    # The command itself works.
    local = command(second, "main").partition(" && git push")[0]
    for words in local.split(" && "):
        project.repository.git(*words.split()[1:])
    assert project.repository.git("show", f"revert-{second[:8]}:file") == "1"


def test_the_command_is_short_and_safe() -> None:
    for branch in ("main", "a" * 300, "$(touch x)", "a;b"):
        text = texts.NOT_ALLOWED.fill(command=command("f" * 40, branch))
        assert len(text) <= NOTIFICATION_ERROR_LIMIT
    assert "merge_request.target='$(touch x)'" in command("f" * 40, "$(touch x)")


def read_only(gitlab: GitLab, _: Project) -> dict[str, str]:
    return {"RELEASE_GITLAB_TOKEN": gitlab.token("read")}


def reporter(_: GitLab, project: Project) -> dict[str, str]:
    project.reported = True
    return {}


def protected(_: GitLab, project: Project) -> dict[str, str]:
    project.protected = (f"revert-{project.head('main')[:8]}",)
    return {}


def missing(_: GitLab, __: Project) -> dict[str, str]:
    return {"RELEASE_REVERT_PROJECT": "77", "RELEASE_REVISION": "c" * 40}


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        (read_only, "insufficient_scope; next: set <RELEASE_GITLAB_TOKEN>"),
        (reporter, "403 Forbidden; next: set <RELEASE_GITLAB_TOKEN>"),
        (protected, "You are not allowed to create protected branches on this project.; next: allow the token's user"),
        (missing, "404 Project Not Found; next: check that 77 (<RELEASE_REVERT_PROJECT>)"),
    ],
)
def test_what_gitlab_refuses_is_one_line_and_leaves_no_branch(
    gitlab: GitLab, project: Project, commits: tuple[str, str], prepare: Callable[..., dict[str, str]], said: str
) -> None:
    first, second = commits
    notice = released(settings(gitlab, second, **prepare(gitlab, project)), degraded(second, first))
    assert not notice.done
    assert said in notice.text
    assert project.branches() == ["main"]
    assert project.merge_requests == []


def test_a_branch_that_cannot_be_used_is_removed(gitlab: GitLab, project: Project, commits: tuple[str, str]) -> None:
    first, second = commits

    def lose_the_role(call: Call) -> None:
        project.reported = call.method == "POST" and call.path.endswith("/merge_requests")

    project.before = lose_the_role
    notice = released(settings(gitlab, second), degraded(second, first))
    assert "403 Forbidden; next: set <RELEASE_GITLAB_TOKEN>" in notice.text
    assert project.branches() == ["main"]


def test_a_commit_without_changes_leaves_no_branch(gitlab: GitLab, project: Project, commits: tuple[str, str]) -> None:
    _, second = commits
    project.repository.git("commit", "--allow-empty", "-m", "Deploy again")
    third = project.head("main")
    notice = released(settings(gitlab, third), degraded(third, second))
    assert notice.text == texts.CONFLICT.fill(commit=third[:8], code="empty")
    assert project.branches() == ["main"]


def test_a_branch_with_a_commit_of_another_person_is_never_deleted(
    gitlab: GitLab, project: Project, commits: tuple[str, str]
) -> None:
    """The revert of the newest commit conflicts only if the branch changes in between."""
    first, second = commits
    branch = f"revert-{second[:8]}"

    def change(call: Call) -> None:
        if call.path.endswith("/revert"):
            project.repository.git("switch", "-q", branch)
            project.repository.commit({"file": "3"}, "My work")
            project.repository.git("switch", "-q", "main")

    project.before = change
    notice = released(settings(gitlab, second), degraded(second, first))
    assert not notice.done
    assert notice.text == texts.CONFLICT.fill(commit=second[:8], code="conflict")
    assert project.described(project.head(branch))["title"] == "My work"


@pytest.mark.parametrize("opens", [True, False])
def test_a_job_never_deletes_the_branch_that_another_job_reverted_first(
    gitlab: GitLab, project: Project, commits: tuple[str, str], *, opens: bool
) -> None:
    first, second = commits
    branch = f"revert-{second[:8]}"
    others: list[NotificationResult] = []

    def run_another_job(call: Call) -> None:
        if call.path.endswith("/revert"):
            project.before = (lambda _: None) if opens else refuse_to_open
            others.append(released(settings(gitlab, second), degraded(second, first)))
            project.before = lambda _: None

    def refuse_to_open(call: Call) -> None:
        if (call.method, call.path.rpartition("/")[2]) == ("POST", "merge_requests"):
            raise RefusedError(504, {"message": "504 Gateway Timeout"})

    project.before = run_another_job
    notice = released(settings(gitlab, second), degraded(second, first))
    assert notice.done, notice
    assert [other.done for other in others] == [opens]
    assert [(request.branch, request.state) for request in project.merge_requests] == [(branch, "opened")]
    assert project.described(project.head(branch))["parent_ids"] == [second]
    assert gitlab.asked("DELETE") == []


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_branch_stays_if_gitlab_has_possibly_opened_the_merge_request(
    gitlab: GitLab, project: Project, commits: tuple[str, str], status: int
) -> None:
    first, second = commits
    branch = f"revert-{second[:8]}"

    def open_and_fail(call: Call) -> None:
        if (call.method, call.path.rpartition("/")[2]) == ("POST", "merge_requests"):
            project.open(branch, project.head(branch))
            raise RefusedError(status, {"message": "broken"})

    project.before = open_and_fail
    notice = released(settings(gitlab, second), degraded(second, first))
    assert not notice.done
    assert project.branches() == ["main", branch]
    project.before = lambda _: None
    assert "!1" in released(settings(gitlab, second), degraded(second, first)).text
    assert len(project.merge_requests) == 1


def test_a_silent_gitlab_costs_few_seconds(gitlab: GitLab, project: Project, commits: tuple[str, str]) -> None:
    first, second = commits
    gitlab.silent = 5.0
    started = time.monotonic()
    notice = released(settings(gitlab, second), degraded(second, first))
    assert not notice.done
    assert time.monotonic() - started < 6
    assert project.branches() == ["main"]


def test_a_slow_gitlab_is_not_begun_with(gitlab: GitLab, commits: tuple[str, str]) -> None:
    first, second = commits
    gitlab.silent = 0.9
    notice = released(settings(gitlab, second), degraded(second, first))
    assert notice.text == texts.TOO_SLOW
    assert gitlab.asked("POST") == []


HOSTILE = (
    "/merge",
    "a\n/merge\n",
    "@all look",
    "`/close`",
    "```\n/close\n```",
    "<img src=x>",
    "!1 #2 ~bug",
    "Closes #1",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_text_from_outside_stays_code(gitlab: GitLab, project: Project, text: str) -> None:
    first = project.repository.commit({"file": "1"})
    second = project.repository.commit({"file": "2"}, text)
    released(settings(gitlab, second), replace(degraded(second, first, text, name=text), url=""))
    (request,) = project.merge_requests
    assert "\n" not in request.title
    assert not [line for line in request.description.split("\n") if line.startswith("/")]
    bare = without_code(request.description)
    for part in ("/merge", "/close", "@all", "<img", "~bug", "Closes"):
        assert part not in bare


def test_off_does_nothing(gitlab: GitLab, commits: tuple[str, str]) -> None:
    first, second = commits
    known = settings(gitlab, second, RELEASE_REVERT="", RELEASE_COMMIT_STATUS="team/shop")
    assert [notice.sink for notice in told(known, ended(degraded(second, first)))] == ["commit status"]
