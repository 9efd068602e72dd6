"""Observe an application: its state in Argo CD, and the data below it that the verdict needs.

No step takes longer than the look, or continues when the job must end. Data that does not arrive in time is left out,
and a later look picks it up.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final, Generic, TypeVar

from argocd_release.core.text import one_line
from argocd_release.messages import job_log
from argocd_release.model.application import Application, HealthStatus, SyncStatus
from argocd_release.model.errors import ArgoCDError, FailureKind
from argocd_release.model.events import HistoryNotConsulted, JobEvent, NotTerminated, PodsNotSeen, UnknownWords
from argocd_release.model.observation import ANSWERS, Failure
from argocd_release.model.ports import ClusterView, Commands, Emit, Get, OwnerLookup, RevisionRelationLookup
from argocd_release.model.resource_tree import Workloads
from argocd_release.model.revision import Relation
from argocd_release.timing.background import Background, run_in_background
from argocd_release.timing.deadline import Deadline
from argocd_release.verdict.blockers import hangs
from argocd_release.verdict.expectation import Expectation
from argocd_release.watch.revision_lookup import RevisionLookup

# A comparison takes what git takes, and is without end where the application controller is away: after these seconds
# the state is looked at without it, while it goes on.
REFRESH_SECONDS: Final = 10.0
COMPARISON_SECONDS: Final = 300.0
UNCOMPARED_SECONDS: Final = 5.0
# A look just before the deadline still gets this long to answer.
LEAST_SECONDS: Final = 2.0
# The data below an application usually arrives within a tenth of a second.
CLUSTER_SECONDS: Final = 2.0
# Pods that were read are used for so long by looks that cannot read them.
REMEMBERED_SECONDS: Final = 10.0
LEAST_CLUSTER_SECONDS: Final = 0.5
# Sync windows change by the minute, so more frequent requests would give no news.
WINDOW_SECONDS: Final = 20.0
Found = TypeVar("Found")


class _Asked(Generic[Found]):
    """The last request for one kind of data, about one state of the application."""

    def __init__(self, about: object, answer: "Background[Found]") -> None:
        self.about = about
        self.answer = answer


class Observer:
    """The observer of one application. ``application`` is the last state, or None before the first look.

    Args:
        cluster: the view below the application, or None if the token cannot read it.
        revision_relation: returns how a revision is related to an expected one; it can block.
        check: raises if the job must end.
        wake: is called when the answer to an earlier request arrives.
        patience: the longest wait of a look for its comparison, in seconds.
    """

    def __init__(
        self,
        name: str,
        *,
        commands: Commands,
        now: Callable[[], float],
        emit: Emit,
        expectation: Expectation,
        cluster: ClusterView | None,
        revision_relation: RevisionRelationLookup | None,
        sync: bool,
        check: Callable[[], object],
        wake: Callable[[], object],
        patience: float = REFRESH_SECONDS,
        hard_refresh: Get | None = None,
        owners: OwnerLookup | None = None,
    ) -> None:
        self.application: Application | None = None
        self._name = name
        self._commands = commands
        self._now = now
        self._emit = emit
        self._expectation = expectation
        self._cluster = cluster
        self._revision_relation = (
            RevisionLookup(revision_relation, now=now, check=check, on_answer=wake) if revision_relation else None
        )
        self._check = check
        self._wake = wake
        self._patience = patience
        self._hard_refresh = hard_refresh
        self._owners = owners
        self._comparison: Background[Application] | None = None
        self._compared_uid = ""
        self._workloads: _Asked[Workloads] | None = None
        self._streams: tuple[Background[None], ...] = ()
        self._streams_answer = False
        self._remembered: tuple[float, object, Workloads] | None = None
        self._has_seen_pods = False
        self._sync = sync
        self._asked: tuple[str, ...] | None = None
        self._told: set[type[JobEvent]] = set()
        self._window: tuple[float, str] | None = None

    def look(
        self, *, seconds: float, compare: bool, echo: bool, hard: bool = False
    ) -> tuple[Application | Failure, bool]:
        """Return what was seen, and whether Argo CD has compared with git for it.

        Args:
            seconds: time until the deadline of the whole wait, which a look can exceed by ``LEAST_SECONDS``.
            compare: whether to ask Argo CD to compare.
            echo: whether the log shows the command.
            hard: whether to ask for a hard refresh, which renders the manifests again.
        """
        deadline = Deadline(max(seconds, LEAST_SECONDS), self._now)
        application: Application | None = None
        compared = False
        try:
            if compare or self._comparison is not None:
                application, compared = self._compare(deadline, echo=echo, hard=hard)
            if application is None:
                limit = deadline.at_most(UNCOMPARED_SECONDS if compare else seconds).left
                application = self._commands.get(self._name, seconds=max(limit, LEAST_SECONDS / 2))
                # This application has the same name but was created since, so it has not been compared.
                compared = compared and application.uid == self._compared_uid
        except ArgoCDError as error:
            # Argo CD will perhaps never answer a request from before it went away.
            self._comparison = None
            return _failure(error), False
        if application.unknown_words:
            self._tell(UnknownWords(words=one_line(", ".join(application.unknown_words))))
        cluster = Deadline(min(max(seconds, LEAST_CLUSTER_SECONDS), CLUSTER_SECONDS), self._now)
        found = self._with_revision_relations(self._with_window(self._with_workloads(application, cluster), cluster))
        self.application = replace(found, owners=self._owners(found)) if self._owners else found
        return self.application, compared

    def follow_changes(self) -> None:
        """Start to follow the application and its resource tree over HTTP, once."""
        if self._cluster is not None and not self._streams:
            watch_application, watch_tree = self._cluster.watch_application, self._cluster.watch_tree
            self._streams = (
                run_in_background(partial(watch_application, self._name, self._on_application)),
                run_in_background(partial(watch_tree, self._name, self._wake)),
            )

    @property
    def hears_of_changes(self) -> bool:
        """True while each change of the application and of its resource tree is reported as it happens."""
        return self._streams_answer and not any(stream.done() for stream in self._streams)

    def _on_application(self) -> None:
        """Take a change. The stream begins with the present state, which proves that nothing holds changes back."""
        if self._streams_answer:
            self._wake()
        self._streams_answer = True

    @property
    def comparing(self) -> bool:
        """Return True if a requested comparison still runs."""
        return self._comparison is not None

    def _compare(self, deadline: Deadline, *, echo: bool, hard: bool) -> tuple[Application | None, bool]:
        """Return the state that Argo CD has compared, None if it is not known, and whether Argo CD has compared.

        A comparison goes on beside the looks: if each look asked again, a slow one would never be seen to end.
        """
        patience = 0.0
        if self._comparison is None:
            get = partial(self._commands.get, self._name, seconds=COMPARISON_SECONDS, refresh=True, echo=echo)
            if hard and self._hard_refresh is not None:
                get = partial(self._hard_refresh, self._name, seconds=COMPARISON_SECONDS)
            self._comparison = run_in_background(get)
            # Half of what is left: to look without it takes its time too.
            patience = min(self._patience, deadline.left / 2)
        if not self._comparison.wait_for(seconds=patience, check=self._check):
            if patience:
                self._comparison.add_done_callback(lambda _: self._wake())
            return None, False
        comparison, self._comparison = self._comparison, None
        error = comparison.exception()
        if error is None:
            self._compared_uid = comparison.result().uid
        if patience and not (isinstance(error, ArgoCDError) and error.kind is FailureKind.TIMED_OUT):
            return comparison.result(), True
        # The comparison is from a moment ago, or was lost with the connection.
        return None, error is None

    def begin_sync(self, application: Application, *, seconds: float) -> Application | Failure:
        """Return the state after a sync was requested, if one is wanted, needed and possible now.

        An operation of another user or tool is waited for, and never ended.
        """
        failed = application.operation is not None and application.operation.unsuccessful
        if not self._sync or application.operating or (application.sync is SyncStatus.SYNCED and not failed):
            return application
        # One sync of a revision is one attempt: should it fail, that is the verdict.
        if application.revisions == self._asked or self._expectation.revision_gap(application) is not None:
            return application
        try:
            self._commands.sync(self._name, seconds=seconds)
        except ArgoCDError as error:
            if error.kind is FailureKind.OPERATION_IN_PROGRESS:
                return replace(application, requested=True)
            if error.kind is FailureKind.SYNC_WINDOW:
                return replace(application, sync_window=error.message)
            refused = error.kind in {FailureKind.OTHER, FailureKind.REFUSED}
            return replace(application, refusal=error.message) if refused else _failure(error)
        self._asked = application.revisions
        return replace(application, requested=True)

    def terminate(self, *, seconds: float) -> bool:
        """Return True if Argo CD has been asked to end the operation that runs; say why if it could not."""
        try:
            self._commands.terminate(self._name, seconds=seconds)
        except ArgoCDError as error:
            self._emit(NotTerminated(error=error.message))
            return False
        return True

    def _with_workloads(self, application: Application, deadline: Deadline) -> Application:
        # While a pod crashes, the application stays Progressing until the Deployment's own deadline, ten minutes.
        # While a sync waits for a wave or a hook, it can be Missing, or still Healthy. An Argo Rollout that waits for
        # a person is Suspended.
        unwell = application.health in {HealthStatus.PROGRESSING, HealthStatus.DEGRADED, HealthStatus.SUSPENDED}
        if self._cluster is None or not (self._expectation.image or unwell or application.operating):
            return application
        asked, about = self._workloads, (application.uid, application.revisions)
        if asked is None or asked.about != about:
            asked = _Asked(about, run_in_background(partial(self._workloads_with_templates, self._cluster)))
        if not asked.answer.wait_for(seconds=deadline.left, check=self._check):
            if asked is not self._workloads:
                self._workloads = asked
                asked.answer.add_done_callback(lambda _: self._wake())
            self._tell(PodsNotSeen(error=job_log.PODS_PENDING.fill(seconds=f"{CLUSTER_SECONDS:.0f}")))
            return self._with_remembered(replace(application, pods_hidden=False), about)
        self._workloads = None
        try:
            found = asked.answer.result()
        except ArgoCDError as error:
            self._tell(PodsNotSeen(error=error.message))
            # Only a refusal makes the pods absent, and only if this job has never seen any: a closed port can also be a
            # restart. After any other failure they are not seen yet.
            hidden = error.is_refused and not self._has_seen_pods
            return self._with_remembered(replace(application, pods_hidden=hidden), about)
        self._has_seen_pods = True
        self._remembered = (self._now(), about, found)
        return replace(application, workloads=found)

    def _workloads_with_templates(self, view: ClusterView) -> Workloads:
        """Return what runs, with the pod templates of what has no pods if no pod runs the expected image."""
        found = view.workloads(self._name)
        if not found.idle or not self._expectation.lacks_image(found):
            return found
        return replace(found, templates=view.pod_templates(self._name, found.idle))

    def _with_remembered(self, application: Application, about: object) -> Application:
        """Return the state with the failing objects of a moment ago.

        Otherwise a look that sees no pods would restart their grace periods. The images that run are not remembered,
        because they must be observed.
        """
        if self._remembered is None or self._expectation.image:
            return application
        at, of, found = self._remembered
        holds = of == about and self._now() - at <= REMEMBERED_SECONDS
        return replace(application, workloads=Workloads(failing=found.failing)) if holds else application

    def _with_window(self, application: Application, deadline: Deadline) -> Application:
        waits = application.automated and application.sync is SyncStatus.OUT_OF_SYNC and not application.operating
        if self._cluster is None or not waits:
            return application
        now = self._now()
        if self._window is None or now - self._window[0] >= WINDOW_SECONDS:
            asked = run_in_background(partial(self._cluster.sync_window, self._name))
            if not asked.wait_for(seconds=deadline.left, check=self._check):
                return application
            error = asked.exception()
            if error is not None and not (isinstance(error, ArgoCDError) and error.kind in ANSWERS):
                return application
            self._window = (now, "" if error else asked.result())
        return replace(application, sync_window=self._window[1])

    def _with_revision_relations(self, application: Application) -> Application:
        if self._revision_relation is None:
            return replace(application, operation_is_old=self._is_old(application))
        expected = self._expectation.revision
        strangers = self._expectation.strangers(application)
        found = {
            revision: self._revision_relation(revision, expected, source) for revision, source in strangers.items()
        }
        for revision_relation in found.values():
            if revision_relation.relation is Relation.UNKNOWN and not revision_relation.pending:
                self._tell(HistoryNotConsulted(why=revision_relation.note))
        return replace(application, revision_relations=found, operation_is_old=self._is_old(application))

    def _is_old(self, application: Application) -> bool:
        """Return True if the operation of another revision that runs syncs an earlier one for sure.

        An automated sync is always of HEAD. If Argo CD compares with another revision now, HEAD has moved since. A sync
        that a user or a job requested can be of any revision, so only the git history tells.
        """
        operation = hangs(application)
        if operation is None or operation.automated:
            return operation is not None
        if self._revision_relation is None or len(operation.revisions) != 1 or not application.sources:
            return False
        expected = self._expectation.revision or application.commits[0]
        found = self._revision_relation(operation.revisions[0], expected, application.sources[0])
        return found.relation is Relation.OLDER

    def _tell(self, event: JobEvent) -> None:
        """Tell it, but nothing of the kind twice."""
        if type(event) not in self._told:
            self._told.add(type(event))
            self._emit(event)


def _failure(error: ArgoCDError) -> Failure:
    return Failure(kind=error.kind, message=error.message)
