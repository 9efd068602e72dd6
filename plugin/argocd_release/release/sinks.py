"""Send the result of a release to the notification sinks: GitLab, and a collector of traces."""

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Final, Protocol

from argocd_release.core.text import counted
from argocd_release.messages import reports as texts
from argocd_release.model.application import Application, HealthStatus, SyncStatus
from argocd_release.model.errors import Cancelled, NotificationError
from argocd_release.model.events import NotTold, Told
from argocd_release.model.outcome import Outcome
from argocd_release.model.result import NotificationResult, ReleaseResult
from argocd_release.notify.gitlab import (
    END_STATES,
    DeploymentTarget,
    MergeRequest,
    begin_deployment,
    end_deployment,
    is_commit,
    merge_request,
    put_comment,
    source_position,
)
from argocd_release.notify.gitlab_client import GitLab, GitLabError
from argocd_release.release.job_log import JobContext, JobLog
from argocd_release.settings.load import NotificationSettings
from argocd_release.timing import GITLAB_AFTER_SIGNAL, GITLAB_UNTIL, Background, Deadline, Phase, run_in_background

# The time limit in seconds for creating a deployment record. It is created in the background while the job tracks the
# application.
BEGIN_SECONDS: Final = 8.0
# The job always updates the first deployment record, and another one only if more than this many seconds are left.
LEAST_SECONDS: Final = 0.5
DEPLOYMENT: Final = "deployment"
MERGE_REQUEST: Final = "merge request"
_SIGNALS: Final = frozenset({Outcome.CANCELLED, Outcome.INTERRUPTED})


def _nothing() -> None:
    """Do nothing. A wait with this function as its ``check`` continues after a signal."""


class Sink(Protocol):
    """A notification sink with a module of its own, which is imported only if the sink is configured."""

    @property
    def name(self) -> str:
        """Return the name of the sink in the log."""
        ...

    def wants(self, result: ReleaseResult) -> bool:
        """Return True if the sink must receive this result."""

    def on_application(self, application: Application) -> None:
        """Receive a state that Argo CD has compared with the expected revision. This method must not block."""

    def end(self, result: ReleaseResult, deadline: Deadline) -> str:
        """Receive the result of the release, and return a message about the notification.

        Raises:
            NotificationError: the receiver refused, or did not respond.
        """


class Sinks:
    """The notification sinks of a job. They receive each observed state and, at the end, the result."""

    def __init__(self, settings: NotificationSettings, context: JobContext, *others: Sink) -> None:
        self._others = others
        #: Callbacks that receive each state that Argo CD has compared with the expected revision.
        self.on_released = tuple(sink.on_application for sink in others)
        self._settings = settings
        self._stop = context.stop
        self._deadline = context.deadline
        # For each environment, the background call that creates its deployment record, and the revision of that record.
        self._begun: dict[str, tuple[Background[None], str]] = {}
        self._turn = threading.Lock()

    def on_application(self, application: Application | None) -> None:
        """Create a deployment record in the background as soon as Argo CD begins to apply a revision."""
        if not self._settings.gitlab_deployment or application is None:
            return
        revision = at_work(application, self._settings.gitlab_deployment)
        if not revision:
            return
        place = deployment_target_of(application, self._settings)
        with self._turn:
            if place.environment not in self._begun:
                self._begun[place.environment] = (run_in_background(lambda: self._begin(place, revision)), revision)

    def emit(self, result: ReleaseResult) -> Iterator[NotificationResult]:
        """Send the result to all sinks at the same time, and yield the success or the error of each."""
        deadline, check = self._deadline.phase(Phase.SINKS), self._stop.check
        if result.outcome in _SIGNALS or self._stop.is_set():
            # After a signal, the job has about a second left, and spends a part of it on GitLab. The usual check would
            # end each wait at once.
            check = _nothing
            deadline = deadline.at_most(GITLAB_AFTER_SIGNAL).at_most(self._stop.left(GITLAB_UNTIL))
        calls: list[tuple[str, Background[str]]] = []
        if self._settings.gitlab_deployment:
            calls.append((DEPLOYMENT, run_in_background(lambda: self._end(result, deadline))))
        if self._settings.mr_note and result.outcome not in _SIGNALS:
            calls.append((MERGE_REQUEST, run_in_background(lambda: self._comment(result, deadline))))
        calls += [
            (sink.name, run_in_background(partial(sink.end, result, deadline)))
            for sink in self._others
            if sink.wants(result)
        ]
        for sink, answer in calls:
            yield self._notice(sink, answer, deadline, check)

    def _notice(
        self, sink: str, answer: "Background[str]", deadline: Deadline, check: Callable[[], object]
    ) -> NotificationResult:
        try:
            if not answer.done() and not answer.wait_for(seconds=deadline.left, check=check):
                return NotificationResult(sink=sink, done=False, text=texts.NO_RESPONSE_IN_TIME)
            return NotificationResult(sink=sink, done=True, text=answer.result())
        except Cancelled:
            return NotificationResult(sink=sink, done=False, text=texts.JOB_CANCELLED)
        except NotificationError as error:
            return NotificationResult(sink=sink, done=False, text=str(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, the verdict stands
            return NotificationResult(sink=sink, done=False, text=str(GitLabError(f"{type(error).__name__}: {error}")))

    def _begin(self, place: DeploymentTarget, revision: str) -> None:
        with self._gitlab(self._settings.gitlab_deployment, self._deadline.at_most(BEGIN_SECONDS)) as gitlab:
            begin_deployment(gitlab, place, revision)

    def _end(self, result: ReleaseResult, deadline: Deadline) -> str:
        """Set the final status of each environment's deployment record, and return a message about the records.

        If several applications have the same environment, the worst of them decides its status.
        """
        for begun, _ in self._begun.values():
            # Wait until the record exists. Otherwise, two simultaneous requests could create two records.
            begun.wait_for(seconds=deadline.left, check=lambda: None)
        ends: dict[str, tuple[DeploymentTarget, str, str]] = {}
        for application_result in result.worst_first:
            place = (
                deployment_target_of(application_result.application, self._settings)
                if application_result.application
                else None
            )
            if application_result.application is None or place is None or place.environment in ends:
                continue
            revision = revision_of(application_result.application, self._settings.gitlab_deployment)
            outcome = application_result.outcome if result.several else result.outcome
            status = END_STATES.get(outcome, "canceled")
            if status == "canceled" or not revision:
                revision = self._begun[place.environment][1] if place.environment in self._begun else revision
            if revision:
                ends[place.environment] = (place, revision, status)
        if not ends:
            return texts.NO_REVISION
        results: list[str] = []
        with self._gitlab(self._settings.gitlab_deployment, deadline) as gitlab:
            for place, revision, status in ends.values():
                if results and deadline.left <= LEAST_SECONDS:
                    raise GitLabError(
                        texts.ONLY_SOME.fill(done=len(results), environments=counted(len(ends), "environment"))
                    )
                results.append(end_deployment(gitlab, place, revision, status))
        return results[0] if len(results) == 1 else texts.SEVERAL.fill(count=len(results), text=results[0])

    def _comment(self, result: ReleaseResult, deadline: Deadline) -> str:
        settings = self._settings
        if not settings.gitlab_token:
            raise GitLabError(texts.NOT_ALLOWED_TO_COMMENT)
        own = settings.own_project
        request = MergeRequest(project=settings.merge_request_project, iid=settings.merge_request)
        if not request.iid:
            with self._gitlab(own, deadline) as gitlab:
                origin = merge_request(gitlab, settings.commit)
            if origin is None:
                return texts.NO_MERGE_REQUEST
            request = origin
        # A merge request from a fork belongs to the target project, not to the project of this job.
        with self._gitlab(request.project or own, deadline) as gitlab:
            return put_comment(gitlab, request.iid, result)

    def _gitlab(self, project: str, deadline: Deadline) -> GitLab:
        return gitlab_of(self._settings, project, deadline)


def gitlab_of(settings: NotificationSettings, project: str, deadline: Deadline) -> GitLab:
    """Return the client of GitLab's API for a project.

    Raises:
        GitLabError: the job does not know GitLab's address, or has no token for it.
    """
    if not settings.gitlab_api or not (settings.gitlab_token or settings.job_token):
        raise GitLabError(texts.NO_GITLAB_JOB)
    return GitLab(
        settings.gitlab_api,
        project,
        token=settings.gitlab_token,
        job_token=settings.job_token,
        deadline=deadline,
        ca_file=settings.git_ca_file,
    )


def sinks_of(settings: NotificationSettings, context: JobContext) -> "Sinks | None":
    """Return the notification sinks, or None if none are configured."""
    others: list[Sink] = []
    if settings.otlp_address:
        from argocd_release.notify.traces import Exporter  # noqa: PLC0415 - few jobs send a trace

        others.append(
            Exporter(
                address=settings.otlp_address,
                headers=settings.otlp_traces_headers or settings.otlp_headers,
                service_name=settings.otel_service_name,
                traceparent=settings.traceparent,
                pipeline=settings.pipeline_attributes,
                ca_file=settings.git_ca_file,
            )
        )
    if settings.commit_status:
        from argocd_release.release.commit_statuses import CommitStatuses  # noqa: PLC0415 - few jobs set statuses

        others.append(CommitStatuses(settings, partial(gitlab_of, settings), context.deadline))
    if settings.revert:
        from argocd_release.release.revert_request import RevertRequest  # noqa: PLC0415 - few jobs revert

        others.append(RevertRequest(settings, partial(gitlab_of, settings)))
    if not (settings.gitlab_deployment or settings.mr_note or others):
        return None
    return Sinks(settings, context, *others)


def notify(sinks: "Sinks", log: JobLog, result: ReleaseResult) -> ReleaseResult:
    """Send the notifications, log their results, and return the result of the release with them.

    A notification that fails does not change the verdict.
    """
    notices = log.redacted(tuple(sinks.emit(result)))
    for notice in notices:
        log.emit((Told if notice.done else NotTold)(sink=notice.sink, text=notice.text))
    return replace(result, notices=notices)


_COMMIT: Final = re.compile(r"[0-9a-f]{7,40}")
# Characters that mark a range of versions (https://github.com/Masterminds/semver). Names of branches rarely contain
# them.
_RANGE: Final = frozenset("*^~<>=| ")
_VERSION: Final = re.compile(r"\Av?[0-9]++(?:\.[0-9]++){1,2}+\Z")


def at_work(application: Application, project: str) -> str:
    """Return the project's commit that Argo CD is syncing, or whose resources are Progressing; otherwise "".

    Args:
        application: the observed application.
        project: the id or the path of the GitLab project to which the deployment records belong.
    """
    operation = application.operation
    if operation is not None and operation.running:
        # The operation of a hydrated application does not name the dry commit. So use the dry commit with which Argo CD
        # has compared the application.
        return _own(application, application.commits if application.hydration else operation.revisions, project)
    if application.sync is SyncStatus.SYNCED and application.health is HealthStatus.PROGRESSING:
        return revision_of(application, project)
    return ""


def revision_of(application: Application, project: str) -> str:
    """Return the commit that Argo CD has compared with, or an empty string if no revision is a commit.

    If the application has several sources, the commit is that of the project's repository.
    """
    return _own(application, application.commits, project)


def deployment_target_of(application: Application, settings: NotificationSettings) -> DeploymentTarget:
    """Return the environment and the ref of the application's deployment record.

    GitLab accepts only branches and tags as the ref. If the application tracks neither, use the default branch.
    """
    own = settings.gitlab_deployment in {settings.project_id, settings.project_path}
    target = application.sources[source_position(application, settings.gitlab_deployment)].target_revision
    followed = target.removeprefix("refs/heads/").removeprefix("refs/tags/")
    if _is_no_ref(followed):
        followed = settings.default_branch if own else ""
    ref = settings.gitlab_ref or (settings.ref_name if own and settings.ref_name else followed)
    tag = ref == settings.ref_tag if own and not settings.gitlab_ref else _VERSION.fullmatch(ref) is not None
    return DeploymentTarget(environment=settings.gitlab_environment or application.name, ref=ref, tag=tag)


def _is_no_ref(target: str) -> bool:
    """Return True if the target is neither a branch nor a tag, but HEAD, a commit or a version range like ``1.2.*``."""
    return target in {"", "HEAD"} or _COMMIT.fullmatch(target) is not None or not _RANGE.isdisjoint(target)


def _own(application: Application, revisions: tuple[str, ...], project: str) -> str:
    position = source_position(application, project)
    chosen = revisions[position] if position < len(revisions) else ""
    return chosen if is_commit(chosen) else next(filter(is_commit, revisions), "")
