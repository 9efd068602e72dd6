"""Set a commit status for each application on the commit that Argo CD deploys.

The job imports this module only if RELEASE_COMMIT_STATUS is set.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

from argocd_release.core.text import SHORT_SHA, without_ids
from argocd_release.messages import reports as texts
from argocd_release.model.application import Application, HealthStatus, SyncStatus
from argocd_release.model.outcome import Outcome
from argocd_release.model.result import ApplicationResult, ReleaseResult
from argocd_release.notify.commit_status import PENDING, CommitStatus, set_status, status_name
from argocd_release.notify.gitlab import END_STATES, page_address, positions_of
from argocd_release.notify.gitlab_client import GitLab, GitLabError, with_next_step
from argocd_release.settings.load import NotificationSettings
from argocd_release.timing import Background, Deadline, run_in_background

CANCELED: Final = "canceled"
#: The time limit in seconds for a pending status. It is set in the background while the job tracks the applications.
BEGIN_SECONDS: Final = 8.0
# The job always sets the first final status, and another one only if more than this many seconds are left.
LEAST_SECONDS: Final = 0.5
#: The setting that names the project, for messages.
SETTING: Final = "<RELEASE_COMMIT_STATUS>"


class CommitStatuses:
    """The notification sink for commit statuses.

    As soon as Argo CD has compared an application with a commit, the commit gets the status ``pending`` in the
    background. One thread sets all statuses, because GitLab only sets one status of a commit at a time.

    Args:
        settings: the settings for notifications.
        open_client: returns the client of GitLab's API for a project.
        deadline: the deadline of the job.
    """

    name: Final = "commit status"

    def __init__(
        self, settings: NotificationSettings, open_client: Callable[[str, Deadline], GitLab], deadline: Deadline
    ) -> None:
        self._settings = settings
        self._open = open_client
        self._deadline = deadline
        self._turn = threading.Lock()
        self._queue: deque[Application] = deque()
        self._queued: set[tuple[str, tuple[str, ...]]] = set()
        self._worker: Background[None] | None = None
        self._is_closed = False
        self._path = ""
        # The pipeline of each pending status that this job has requested, by the name of the status and the commit. It
        # is None if GitLab has not named it.
        self._pending: dict[tuple[str, str], object] = {}

    def wants(self, _result: ReleaseResult) -> bool:
        """Return True, also after a signal, because the job must not leave a status pending."""
        return True

    def on_application(self, application: Application) -> None:
        """Set the status of the compared commit to pending in the background, unless it is already deployed."""
        if application.sync is SyncStatus.SYNCED and application.health is HealthStatus.HEALTHY:
            return
        key = (application.full_name, application.commits)
        with self._turn:
            if self._is_closed or key in self._queued or not self._settings.gitlab_token:
                return
            self._queued.add(key)
            self._queue.append(application)
            if self._worker is None or self._worker.done():
                self._worker = run_in_background(self._work)

    def end(self, result: ReleaseResult, deadline: Deadline) -> str:
        """Set the final status of each application, the worst first. Return a message about the statuses.

        Raises:
            GitLabError: GitLab refused, or did not respond.
        """
        if not self._settings.gitlab_token:
            raise GitLabError(texts.STATUS_NOT_ALLOWED)
        with self._turn:
            self._is_closed = True
            worker = self._worker
        if worker is not None:
            # Wait for the pending status that is being set. Otherwise, GitLab could receive it after the final one.
            worker.wait_for(seconds=deadline.left, check=lambda: None)
        project = self._settings.commit_status
        with self._open(project, deadline) as gitlab:
            try:
                return self._end(gitlab, result, deadline)
            except GitLabError as error:
                raise with_next_step(error, project=project, setting=SETTING) from error

    def _end(self, gitlab: GitLab, result: ReleaseResult, deadline: Deadline) -> str:
        applications = [item.application for item in result.applications if item.application is not None]
        if not any(application.commits for application in applications):
            return texts.STATUS_UNKNOWN_REVISION
        path = self._project_path(gitlab)
        if not any(_revision(application, path) for application in applications):
            raise GitLabError(texts.STATUS_NO_SOURCE.fill(project=path))
        statuses = dict(self._final(result, path))
        texts_set: list[str] = []
        for (name, revision), status in statuses.items():
            if texts_set and deadline.left <= LEAST_SECONDS:
                raise GitLabError(texts.STATUS_ONLY_SOME.fill(done=len(texts_set), count=len(statuses)))
            set_status(gitlab, revision, status)
            texts_set.append(texts.STATUS_SET.fill(name=name, state=status.state, revision=revision[:SHORT_SHA]))
        if not texts_set:
            return texts.STATUS_NOT_BEGUN
        count = len(texts_set)
        return texts_set[0] if count == 1 else texts.STATUSES_SET.fill(count=count, text=texts_set[0])

    def _final(self, result: ReleaseResult, path: str) -> Iterator[tuple[tuple[str, str], CommitStatus]]:
        """Yield the final statuses by name and commit, then a canceled one for each other pending status."""
        left = dict(self._pending)
        by_name: dict[str, str] = {}
        for item in result.worst_first:
            if item.application is None or not (revision := _revision(item.application, path)):
                continue
            name = self._name(item.application)
            by_name[name] = revision
            outcome = item.outcome if result.several else result.outcome
            state, key = END_STATES.get(outcome, CANCELED), (name, revision)
            pipeline = left.pop(key, None)
            if state == CANCELED and key not in self._pending:
                continue
            yield (
                key,
                CommitStatus(
                    name=name,
                    state=state,
                    description=_description(item, outcome),
                    addresses=(page_address(result), item.url, result.job_url),
                    pipeline=pipeline,
                ),
            )
        for (name, revision), pipeline in left.items():
            later = by_name.get(name, "")
            reason = texts.STATUS_SUPERSEDED.fill(revision=later[:SHORT_SHA]) if later else result.verdict.reason
            addresses = (result.job_url,)
            yield (
                (name, revision),
                CommitStatus(name=name, state=CANCELED, description=reason, addresses=addresses, pipeline=pipeline),
            )

    def _work(self) -> None:
        """Set the pending statuses in the queue. After an error of GitLab, set no more, because it would recur."""
        while True:
            with self._turn:
                if self._is_closed or not self._queue:
                    self._worker = None
                    return
                application = self._queue.popleft()
            try:
                with self._open(self._settings.commit_status, self._deadline.at_most(BEGIN_SECONDS)) as gitlab:
                    self._begin(gitlab, application)
            except GitLabError:
                with self._turn:
                    self._is_closed = True

    def _begin(self, gitlab: GitLab, application: Application) -> None:
        revision, name = _revision(application, self._project_path(gitlab)), self._name(application)
        if not revision:
            return
        status = CommitStatus(
            name=name, state=PENDING, description=texts.STATUS_PENDING, addresses=(self._settings.job_url,)
        )
        key = (name, revision)
        is_first = key not in self._pending
        # GitLab can set the status although its response is late or lost. So remember the status before the request.
        self._pending.setdefault(key, None)
        try:
            self._pending[key] = set_status(gitlab, revision, status)
        except GitLabError as error:
            if is_first and error.is_refusal:
                del self._pending[key]
            raise

    def _name(self, application: Application) -> str:
        elsewhere = application.controller_namespace not in {"", application.namespace}
        name = application.full_name if elsewhere else application.name
        return status_name(name, self._settings.gitlab_environment or self._settings.environment_name)

    def _project_path(self, gitlab: GitLab) -> str:
        """Return the path of the project. If the setting is a number, read the path once."""
        settings = self._settings
        if not self._path:
            known = settings.project_path if settings.commit_status == settings.project_id else settings.commit_status
            self._path = gitlab.path() if known.isdecimal() else known
        return self._path


def _revision(application: Application, path: str) -> str:
    """Return the compared commit of the source in the project's repository, or an empty string if there is none."""
    return next((application.commits[position] for position in positions_of(application, path)), "")


def _description(item: ApplicationResult, outcome: Outcome) -> str:
    if outcome is Outcome.DELIVERED:
        return texts.STATUS_DELIVERED.fill(seconds=f"{item.seconds:.0f}")
    return without_ids(item.cause.message if item.cause is not None else item.verdict.reason)
