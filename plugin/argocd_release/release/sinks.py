"""Who else is told of a release: GitLab's environments page, and the merge request.

Whatever goes wrong with one is a line and a field of the report, and changes no verdict.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Final

from argocd_release.model.application import Application
from argocd_release.model.errors import Cancelled
from argocd_release.model.outcome import Outcome
from argocd_release.model.result import Notice, ReleaseResult
from argocd_release.notify import deployments, note
from argocd_release.notify.client import GitLab, GitLabError
from argocd_release.notify.deployments import Place
from argocd_release.release.place import at_work, place_of, revision_of
from argocd_release.release.signals import Stop
from argocd_release.settings.load import Settings
from argocd_release.timing.deadline import Deadline, JobDeadline, Phase
from argocd_release.timing.inquiry import answered, ask

# The record is begun beside the tracking.
BEGIN_SECONDS: Final = 8.0
# When the whole run must end within 5 s.
SECONDS_AFTER_SIGNAL: Final = 2.0
DEPLOYMENT: Final = "deployment"
MERGE_REQUEST: Final = "merge request"
_SIGNALS: Final = frozenset({Outcome.CANCELLED, Outcome.INTERRUPTED})
# What was not judged, or judged of another revision, ends what was begun and makes no record of its own.
_STATUSES: Final = {
    Outcome.DELIVERED: "success",
    Outcome.SYNC_FAILED: "failed",
    Outcome.DEGRADED: "failed",
    Outcome.TIMED_OUT: "failed",
    Outcome.MISSING: "failed",
}


class Sinks:
    """Told of each look at the application, and of the end."""

    def __init__(self, known: Settings, stop: Stop, limit: JobDeadline) -> None:
        self._known = known
        self._stop = stop
        self._limit = limit
        self._begun: Future[None] | None = None
        self._revision = ""

    def see(self, application: Application | None) -> None:
        """Begin the deployment's record once Argo CD is at work; never waits."""
        if not self._known.gitlab_deployment or self._begun is not None or application is None:
            return
        revision = at_work(application, self._known.gitlab_deployment)
        if revision:
            place = place_of(application, self._known)
            self._revision = revision
            self._begun = ask(lambda: self._begin(place, revision))

    def tell(self, result: ReleaseResult) -> Iterator[Notice]:
        """Tell all of the end, at the same time; gives what came of each."""
        deadline = self._limit.phase(Phase.SINKS)
        if result.outcome in _SIGNALS:
            deadline = deadline.at_most(SECONDS_AFTER_SIGNAL)
        asked: list[tuple[str, Future[str]]] = []
        if self._known.gitlab_deployment:
            asked.append((DEPLOYMENT, ask(lambda: self._end(result, deadline))))
        if self._known.mr_note and result.outcome not in _SIGNALS:
            asked.append((MERGE_REQUEST, ask(lambda: self._comment(result, deadline))))
        for sink, answer in asked:
            yield self._notice(sink, answer, deadline)

    def _notice(self, sink: str, answer: "Future[str]", deadline: Deadline) -> Notice:
        check: Callable[[], object] = (lambda: None) if self._stop.is_set() else self._stop.check
        try:
            if not answered(answer, seconds=deadline.left, check=check):
                return Notice(sink=sink, done=False, text="GitLab gave no answer in time")
            return Notice(sink=sink, done=True, text=answer.result())
        except Cancelled:
            return Notice(sink=sink, done=False, text="the job was cancelled")
        except GitLabError as error:
            return Notice(sink=sink, done=False, text=f"GitLab did not take it: {error}")
        except Exception as error:  # noqa: BLE001 - whatever it is, the verdict stands
            return Notice(sink=sink, done=False, text=str(GitLabError(f"{type(error).__name__}: {error}")))

    def _begin(self, place: Place, revision: str) -> None:
        with self._gitlab(self._known.gitlab_deployment, self._limit.at_most(BEGIN_SECONDS)) as gitlab:
            deployments.begin(gitlab, place, revision)

    def _end(self, result: ReleaseResult, deadline: Deadline) -> str:
        if self._begun is not None:
            # Two at once could make two records.
            answered(self._begun, seconds=deadline.left, check=lambda: None)
        application = result.only.application if result.only else None
        revision = revision_of(application, self._known.gitlab_deployment) if application else ""
        status = _STATUSES.get(result.outcome, "canceled")
        if status == "canceled" or not revision:
            revision = self._revision or revision
        if application is None or not revision:
            return "no commit is known, so there is none to tell of"
        with self._gitlab(self._known.gitlab_deployment, deadline) as gitlab:
            return deployments.end(gitlab, place_of(application, self._known), revision, status)

    def _comment(self, result: ReleaseResult, deadline: Deadline) -> str:
        known = self._known
        if not known.gitlab_token:
            raise GitLabError("RELEASE_GITLAB_TOKEN is not set, and a job's own token may not comment")
        with self._gitlab(known.project_id or known.project_path, deadline) as gitlab:
            iid = known.merge_request or note.merge_request(gitlab, known.commit)
            return note.put(gitlab, iid, result) if iid else "the commit came from no merge request"

    def _gitlab(self, project: str, deadline: Deadline) -> GitLab:
        known = self._known
        if not known.gitlab_api or not (known.gitlab_token or known.job_token):
            raise GitLabError("CI_API_V4_URL and a token are there in a job of GitLab only")
        return GitLab(
            known.gitlab_api,
            project,
            token=known.gitlab_token,
            job_token=known.job_token,
            deadline=deadline,
            ca_file=known.git_ca_file,
        )
