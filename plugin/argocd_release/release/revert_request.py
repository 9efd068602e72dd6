"""Decide if the job opens a merge request that reverts the commit of a failed release.

The job imports this module only if RELEASE_REVERT is set.
"""

import shlex
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final

from argocd_release.core.text import SHORT_SHA, one_line, without_ids
from argocd_release.messages import reports as comment_texts
from argocd_release.messages import revert as texts
from argocd_release.model.application import Application
from argocd_release.model.git import Deployment, same_revision
from argocd_release.model.outcome import Outcome
from argocd_release.model.problem import HEALING, CauseCode
from argocd_release.model.result import ApplicationResult, ReleaseResult
from argocd_release.notify.gitlab import code, facts, positions_of
from argocd_release.notify.gitlab_client import GitLab, GitLabError, with_next_step
from argocd_release.notify.revert import RevertedCommit, branch_of, open_revert
from argocd_release.reports import summary
from argocd_release.settings.load import NotificationSettings
from argocd_release.timing import Deadline

#: The setting that names the project, for messages.
SETTING: Final = "<RELEASE_REVERT_PROJECT>"
#: The outcomes that a commit can cause.
FAILED: Final = frozenset({Outcome.SYNC_FAILED, Outcome.DEGRADED})
#: The causes with these outcomes that a revert does not remove, because they are outside of the commit.
ELSEWHERE: Final = HEALING | {
    CauseCode.DENIED, CauseCode.REFUSED, CauseCode.SYNC_BUSY, CauseCode.SYNC_REFUSED, CauseCode.SYNC_RUNNING,
    CauseCode.SYNC_TERMINATED, CauseCode.SYNC_WINDOW, CauseCode.UNREACHABLE, CauseCode.UNREADABLE,
}  # fmt: skip
#: GitLab can create a pipeline this many seconds after the push, and its clock can differ from that of Argo CD.
MARGIN: Final = 60.0
#: If the name of the branch is longer, the git command for people does not contain it.
BRANCH_LIMIT: Final = 60


class RevertRequest:
    """The notification sink that opens a merge request to revert the commit of a failed release.

    Args:
        settings: the settings for notifications.
        open_client: returns the client of GitLab's API for a project.
    """

    name: Final = texts.SINK

    def __init__(self, settings: NotificationSettings, open_client: Callable[[str, Deadline], GitLab]) -> None:
        self._settings = settings
        self._open = open_client

    def wants(self, result: ReleaseResult) -> bool:
        """Return True if the release has failed with an outcome that a commit can cause."""
        return result.outcome in FAILED

    def on_application(self, application: Application) -> None:
        """Do nothing, because only the result matters."""

    def end(self, result: ReleaseResult, deadline: Deadline) -> str:
        """Open the merge request, unless there is a reason against it. Return a message that says what happened.

        Raises:
            GitLabError: GitLab refused, or did not respond.
        """
        settings = self._settings
        project = settings.revert_project or settings.own_project
        with self._open(project, deadline) as gitlab:
            try:
                return self._end(gitlab, self._project_path(gitlab, project), result, deadline)
            except GitLabError as error:
                raise with_next_step(error, project=project, setting=SETTING) from error

    def _end(self, gitlab: GitLab, path: str, result: ReleaseResult, deadline: Deadline) -> str:
        failures = [item for item in result.worst_first if item.outcome in FAILED]
        candidates = [
            (item, position)
            for item in failures
            if item.application is not None
            for position in positions_of(item.application, path)
        ]
        if not candidates:
            return texts.NO_SOURCE.fill(project=one_line(path, limit=100))
        reasons = [self._reason_against(item, position, path) for item, position in candidates]
        if all(reasons):
            return reasons[0]
        item, position = candidates[reasons.index("")]
        sha, tracked = item_revision(item, position), _tracked(item, position)
        if not self._settings.gitlab_token:
            raise GitLabError(texts.NOT_ALLOWED.fill(command=command(sha, tracked)))
        return open_revert(
            gitlab, sha, tracked, describe=lambda commit: describe(result, item, commit), deadline=deadline
        )

    def _reason_against(self, item: ApplicationResult, position: int, path: str) -> str:
        """Return the reason why the commit of this application must not be reverted, or an empty string."""
        sha, expected = item_revision(item, position), self._expected(item, path)
        if not expected:
            return texts.WHICH_COMMIT
        if not same_revision(sha, expected):
            return texts.OTHER_COMMIT.fill(failed=sha[:SHORT_SHA], expected=one_line(expected, limit=100)[:12])
        cause = item.cause
        if cause is not None and cause.code in ELSEWHERE:
            return texts.ELSEWHERE.fill(cause=cause.code.word)
        application = item.application
        earlier = earlier_deployment(item)
        if application is None or earlier is None:
            return texts.NOTHING_EARLIER.fill(application=one_line(item.name, limit=100))
        # With a source hydrator, Argo CD's history contains hydrated commits, and ``sha`` is the dry commit.
        is_known = application.hydration is None and earlier.revisions[position : position + 1] == (sha,)
        if is_known or was_deployed_before(item, self._settings.pipeline_created_at):
            return texts.DEPLOYED_BEFORE.fill(commit=sha[:SHORT_SHA])
        if item.outcome is Outcome.DEGRADED and not item.change_counts:
            return texts.NO_CHANGE.fill(commit=sha[:SHORT_SHA], application=one_line(item.name, limit=100))
        return ""

    def _expected(self, item: ApplicationResult, path: str) -> str:
        """Return the commit that the release must deliver; "" if the job does not know the commit in this project."""
        settings = self._settings
        revision = str(item.expectation.get("revision") or "")
        return revision or (settings.commit if path.lower() == settings.project_path.lower() else "")

    def _project_path(self, gitlab: GitLab, project: str) -> str:
        if project == self._settings.project_id:
            return self._settings.project_path
        return gitlab.path() if project.isdecimal() else project


def item_revision(item: ApplicationResult, position: int) -> str:
    """Return the compared commit of the application's source at the position."""
    return item.application.commits[position] if item.application is not None else ""


def earlier_deployment(item: ApplicationResult) -> Deployment | None:
    """Return the last successful sync before the one that has failed or led to the failure; None if there was none."""
    application = item.application
    if application is None or application.deployed is None:
        return None
    is_last = item.outcome is Outcome.DEGRADED and application.deployed.revisions == application.revisions
    return application.previously if is_last else application.deployed


def was_deployed_before(item: ApplicationResult, pipeline_created_at: str) -> bool:
    """Return True if Argo CD had deployed the Degraded revision before GitLab created the pipeline of the job.

    Return False if one of the times is unknown. The start of the job proves nothing, because Argo CD usually syncs the
    commit of a new pipeline before its last job starts.
    """
    application = item.application
    if application is None or application.deployed is None or item.outcome is not Outcome.DEGRADED:
        return False
    if application.deployed.revisions != application.revisions:
        return False
    try:
        created_at = datetime.fromisoformat(pipeline_created_at)
        return (created_at - datetime.fromisoformat(application.deployed.ended_at)).total_seconds() > MARGIN
    except (ValueError, TypeError):
        return False


def command(sha: str, tracked: str) -> str:
    """Return the git command that opens the same merge request, for people."""
    target = tracked if len(tracked) <= BRANCH_LIMIT else ""
    option = f" -o merge_request.target={shlex.quote(target)}" if target else ""
    branch, short = branch_of(sha), sha[:12]
    return texts.COMMAND.fill(branch=branch, commit=short, option=option)


def describe(result: ReleaseResult, item: ApplicationResult, commit: RevertedCommit) -> str:
    """Return the description of the merge request in GitLab Flavored Markdown.

    GitLab would execute a quick action in a description, such as ``/merge``. So format each text from outside as code.
    """
    parts = [texts.ABOUT.fill(commit=commit.sha, target=code(commit.target), application=code(item.name))]
    if cause := item.cause:
        parts.append(comment_texts.COMMENT_CAUSE.fill(cause=code(without_ids(cause.message))))
        if cause.hint:
            parts.append(comment_texts.COMMENT_NEXT.fill(hint=code(cause.hint)))
    parts.append("\n".join(facts(result)))
    parts.append("\n".join([texts.BEFORE, *_warnings(result, item, commit)]))
    return "\n\n".join(parts) + "\n"


def _warnings(result: ReleaseResult, item: ApplicationResult, commit: RevertedCommit) -> Iterator[str]:
    for failure in result.worst_first:
        application = failure.application
        if application is None or commit.sha not in application.commits:
            continue
        if any(resource.hook_ran for resource in application.results):
            yield texts.HOOKS.fill(application=code(failure.name), hooks=code(summary.hooks(application)))
    earlier = earlier_deployment(item)
    is_hydrated = item.application is not None and item.application.hydration is not None
    if earlier is not None and not is_hydrated and commit.parent not in earlier.revisions:
        before = ", ".join(revision[:SHORT_SHA] for revision in earlier.revisions)
        yield texts.MORE_COMMITS.fill(earlier=code(before), parent=code(commit.parent[:SHORT_SHA]))
    yield texts.ONLY_PROPOSAL


def _tracked(item: ApplicationResult, position: int) -> str:
    """Return the branch that the source tracks, or an empty string for HEAD."""
    target = item.application.sources[position].target_revision if item.application is not None else ""
    return "" if target == "HEAD" else target.removeprefix("refs/heads/")
