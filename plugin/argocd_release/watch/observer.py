"""Observe an application: read its state, and the pods, sync windows and owners that the verdict needs.

Each look has a time limit, and ends at once if the job must end. Data that arrives later is used by a later look.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final, Generic, TypeVar

from argocd_release.core.text import one_line
from argocd_release.messages import job_log
from argocd_release.model.application import Application, HealthStatus, SyncStatus
from argocd_release.model.errors import ArgoCDError, FailureKind
from argocd_release.model.events import HistoryNotConsulted, JobEvent, PodsNotSeen, UnknownWords
from argocd_release.model.exclusion import Exclusion
from argocd_release.model.git import Relation
from argocd_release.model.observation import ANSWERS, Failure, SyncWindow
from argocd_release.model.ports import ClusterView, Commands, Emit, Get, OwnerLookup, RevisionRelationLookup
from argocd_release.model.resource_tree import Node, Workloads
from argocd_release.timing import Background, Deadline, run_in_background
from argocd_release.verdict.attempts import other_sync
from argocd_release.verdict.expectation import Expectation
from argocd_release.watch.retried_pods import RetriedPods
from argocd_release.watch.revision_lookup import RevisionLookup

# The time in seconds for which a look waits for a comparison. After it, the look reads the state without the
# comparison, which continues in the background. The wait must be limited: a comparison can take long, and does not end
# if the application controller is down.
REFRESH_SECONDS: Final = 10.0
# The time limit of a comparison, which continues in the background.
COMPARISON_SECONDS: Final = 300.0
# The time limit of a request that reads the state without a comparison.
UNCOMPARED_SECONDS: Final = 5.0
# The minimum time limit of a look in seconds, even just before the deadline.
LEAST_SECONDS: Final = 2.0
# The time limit in seconds for reading pods and sync windows. Argo CD usually responds within a tenth of a second.
CLUSTER_SECONDS: Final = 2.0
# If a look cannot read the pods, it uses the pods of an earlier look that is at most this many seconds old.
REMEMBERED_SECONDS: Final = 10.0
LEAST_CLUSTER_SECONDS: Final = 0.5
# The minimum number of seconds between two requests for sync windows, which only open and close at full minutes.
WINDOW_SECONDS: Final = 20.0
Answer = TypeVar("Answer")


class _Request(Generic[Answer]):
    """A request that runs in the background, with the uid and revisions of the application at its start."""

    def __init__(self, subject: object, answer: "Background[Answer]") -> None:
        self.subject = subject
        self.answer = answer


class Observer:
    """An observer of one application. ``application`` is the last observed state, or None before the first look.

    Args:
        name: the name of the application.
        commands: the argocd commands that read the application.
        now: returns the time of a monotonic clock in seconds.
        emit: receives the events for the job log.
        expectation: the expected revision, image or chart version.
        cluster: reads pods and sync windows; None if pods cannot affect the verdict.
        revision_relation: a function that finds out how a revision is related to the expected one, and that can block.
            None if the job does not use git.
        check: a callback that is called repeatedly during a look. It raises an exception if the job must end.
        wake: a callback for responses that arrive after the look that requested them.
        wait_limit: the maximum number of seconds that a look waits for its comparison.
        hard_refresh: makes Argo CD do a hard refresh; None if the settings forbid hard refreshes.
        hard_first: True to make the first comparison a hard refresh.
        owners: finds the owners of the application; None if the settings turn the lookup off.
        choose: returns the application with only the resources that count for the verdict; None if all count.
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
        check: Callable[[], object],
        wake: Callable[[], object],
        wait_limit: float = REFRESH_SECONDS,
        hard_refresh: Get | None = None,
        hard_first: bool = False,
        owners: OwnerLookup | None = None,
        choose: Callable[[Application], Application] | None = None,
    ) -> None:
        self._choose = choose
        self.application: Application | None = None
        #: True to read the pods even if the application is Healthy.
        self.reads_pods = False
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
        self._wait_limit = wait_limit
        self._hard_refresh = hard_refresh
        #: True until the hard refresh that the settings demand has ended.
        self.hard_first = hard_first
        self._owners = owners
        self._comparison: Background[Application] | None = None
        self._compared_uid = ""
        self._workloads: _Request[Workloads] | None = None
        self._remembered: tuple[float, object, Workloads] | None = None
        # The images of a pod without those of its init containers, by the pod's uid and all its images.
        self._container_images: dict[tuple[str, tuple[str, ...]], tuple[str, ...]] = {}
        self._has_seen_pods = False
        self._retried_pods = RetriedPods()
        self._emitted: set[type[JobEvent]] = set()
        self._window: tuple[float, SyncWindow | None] | None = None

    def look(
        self, *, seconds: float, compare: bool, echo: bool, hard: bool = False
    ) -> tuple[Application | Failure, bool]:
        """Look at the application. Return its state or the failure, and True if the look included a comparison.

        Args:
            seconds: the time until the deadline. The look gets at least ``LEAST_SECONDS``.
            compare: True to make Argo CD compare with git.
            echo: True to print the command in the job log.
            hard: True to request a hard refresh, which renders the manifests again.
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
                # If the application was deleted and created again after the comparison, Argo CD has not compared the
                # new one.
                compared = compared and application.uid == self._compared_uid
        except ArgoCDError as error:
            # If Argo CD was restarted, it will never respond to the pending request for a comparison. Forget that
            # request, so that the next look sends a new one.
            self._comparison = None
            return _failure(error), False
        if application.unknown_words:
            self._emit_once(UnknownWords(words=one_line(", ".join(application.unknown_words))))
        if self._choose is not None:
            application = self._choose(application)
        cluster = Deadline(min(max(seconds, LEAST_CLUSTER_SECONDS), CLUSTER_SECONDS), self._now)
        state = self._with_revision_relations(self._with_window(self._with_workloads(application, cluster), cluster))
        self.application = replace(state, owners=self._owners(state)) if self._owners else state
        return self.application, compared

    @property
    def comparing(self) -> bool:
        """Return True while a comparison is running."""
        return self._comparison is not None

    def _compare(self, deadline: Deadline, *, echo: bool, hard: bool) -> tuple[Application | None, bool]:
        """Start a comparison or wait for the running one. Return the state, and True if Argo CD has compared.

        The state is None if the caller must read it. A comparison continues across looks, because a slow one would
        never end if each look started another one.
        """
        wait_limit = 0.0
        if self._comparison is None:
            get = partial(
                self._commands.get,
                self._name,
                seconds=COMPARISON_SECONDS,
                refresh=True,
                hard=self.hard_first,
                echo=echo,
            )
            if hard and self._hard_refresh is not None:
                get = partial(self._hard_refresh, self._name, seconds=COMPARISON_SECONDS)
            self._comparison = run_in_background(get)
            # Keep half of the time for reading the state without the comparison.
            wait_limit = min(self._wait_limit, deadline.left / 2)
        if not self._comparison.wait_for(seconds=wait_limit, check=self._check):
            if wait_limit:
                self._comparison.add_done_callback(lambda _: self._wake())
            return None, False
        comparison, self._comparison = self._comparison, None
        error = comparison.exception()
        if error is None:
            self._compared_uid, self.hard_first = comparison.result().uid, False
        if wait_limit and not (isinstance(error, ArgoCDError) and error.kind is FailureKind.TIMED_OUT):
            return comparison.result(), True
        # Let the caller read the state again. Either the comparison has timed out, or an earlier look has started it,
        # so that its result can be outdated.
        return None, error is None

    def _with_workloads(self, application: Application, deadline: Deadline) -> Application:
        # Read the pods in these states. If a pod crashes, the application stays Progressing until the Deployment's
        # progress deadline, for ten minutes. While an Argo Rollout waits for a user, the application is Suspended.
        # While a sync waits for a wave or a hook, the application can be in any state.
        unwell = application.health in {HealthStatus.PROGRESSING, HealthStatus.DEGRADED, HealthStatus.SUSPENDED}
        matter = self._expectation.image or unwell or application.operating or self.reads_pods
        if self._cluster is None or not matter:
            return application
        request, subject = self._workloads, (application.uid, application.revisions)
        if request is None or request.subject != subject:
            read = partial(self._workloads_with_templates, self._cluster, application.exclusion)
            request = _Request(subject, run_in_background(read))
        if not request.answer.wait_for(seconds=deadline.left, check=self._check):
            if request is not self._workloads:
                self._workloads = request
                request.answer.add_done_callback(lambda _: self._wake())
            self._emit_once(PodsNotSeen(error=job_log.PODS_PENDING.fill(seconds=f"{CLUSTER_SECONDS:.0f}")))
            return self._with_remembered(replace(application, pods_hidden=False), subject)
        self._workloads = None
        try:
            workloads = request.answer.result()
        except ArgoCDError as error:
            self._emit_once(PodsNotSeen(error=error.message))
            # A refusal means that later looks cannot show the pods either. A closed port counts as a refusal too, but
            # if this job has seen pods before, the API server is probably just restarting.
            hidden = error.is_refused and not self._has_seen_pods
            return self._with_remembered(replace(application, pods_hidden=hidden), subject)
        self._has_seen_pods = True
        self._remembered = (self._now(), subject, workloads)
        for failed in self._retried_pods.new(application, workloads, self._now()):
            self._emit(failed)
        return replace(application, workloads=workloads)

    def _workloads_with_templates(self, view: ClusterView, exclusion: Exclusion | None) -> Workloads:
        """Read the pods. If none runs the expected image, also read the pod templates of workloads without pods."""
        workloads = view.workloads(self._name, exclusion)
        if self._expectation.image and (doubtful := self._expectation.doubtful_pods(workloads)):
            workloads = replace(workloads, images=self._images_of_containers(view, workloads, doubtful))
        if not workloads.idle or not self._expectation.lacks_image(workloads):
            return workloads
        return replace(workloads, templates=view.pod_templates(self._name, workloads.idle))

    def _images_of_containers(
        self, view: ClusterView, workloads: Workloads, doubtful: tuple[Node, ...]
    ) -> tuple[str, ...]:
        """Return the images of the ready pods, without the images of init containers of the doubtful pods.

        The manifest of each pod is read only once, because the images of a pod's containers seldom change.
        """
        unread = [pod for pod in doubtful if (pod.uid, pod.images) not in self._container_images]
        templates = view.pod_templates(self._name, tuple(unread)) if unread else ()
        for pod, template in zip(unread, templates, strict=False):
            self._container_images[pod.uid, pod.images] = template.images
        images = (
            image
            for pod in workloads.serving
            for image in (self._container_images.get((pod.uid, pod.images), ()) if pod in doubtful else pod.images)
        )
        return tuple(dict.fromkeys(images))

    def _with_remembered(self, application: Application, subject: object) -> Application:
        """Add the failing objects of the last look that could read the pods, if that look is recent.

        Without them, a look that cannot read the pods would restart the grace periods of these objects. Images are not
        added, because only the current look can prove that an image is running.
        """
        if self._remembered is None or self._expectation.image:
            return application
        at, remembered_subject, workloads = self._remembered
        is_valid = remembered_subject == subject and self._now() - at <= REMEMBERED_SECONDS
        if not is_valid:
            return application
        return replace(application, workloads=Workloads(failing=workloads.failing), pods_remembered=True)

    def _with_window(self, application: Application, deadline: Deadline) -> Application:
        waits = application.automated and application.sync is SyncStatus.OUT_OF_SYNC and not application.operating
        # If Argo CD has already tried to sync the revision, it does not sync it again when a window permits it. So
        # sync windows are not the reason why the application is OutOfSync.
        if self._cluster is None or not waits or application.skips_auto_sync:
            return application
        now = self._now()
        if self._window is None or now - self._window[0] >= WINDOW_SECONDS:
            window = run_in_background(partial(self._cluster.sync_window, self._name, application.project))
            if not window.wait_for(seconds=deadline.left, check=self._check):
                return application
            error = window.exception()
            if error is not None and not (isinstance(error, ArgoCDError) and error.kind in ANSWERS):
                return application
            self._window = (now, None if error else window.result())
        return replace(application, sync_window=self._window[1])

    def _with_revision_relations(self, application: Application) -> Application:
        if self._revision_relation is None:
            return replace(application, operation_is_old=self._is_old(application))
        expected = self._expectation.revision
        sources = self._expectation.revisions_to_look_up(application)
        relations = {
            revision: self._revision_relation(revision, expected, source) for revision, source in sources.items()
        }
        for revision_relation in relations.values():
            if revision_relation.relation is Relation.UNKNOWN and not revision_relation.pending:
                self._emit_once(HistoryNotConsulted(why=revision_relation.note))
        return replace(application, revision_relations=relations, operation_is_old=self._is_old(application))

    def _is_old(self, application: Application) -> bool:
        """Return True if it is certain that the running operation syncs an earlier revision.

        An automated sync always uses HEAD of the tracked branch. So if its revision is not the compared one, HEAD has
        moved since that sync began. A sync that a user or a job requested can use any revision, so the git history must
        decide.
        """
        operation = other_sync(application)
        if operation is None or operation.automated:
            return operation is not None
        if self._revision_relation is None or len(operation.revisions) != 1 or not application.sources:
            return False
        expected = self._expectation.revision or application.commits[0]
        relation = self._revision_relation(operation.revisions[0], expected, application.sources[0])
        return relation.relation is Relation.OLDER

    def _emit_once(self, event: JobEvent) -> None:
        """Emit the event, unless the observer has already emitted an event of the same type."""
        if type(event) not in self._emitted:
            self._emitted.add(type(event))
            self._emit(event)


def _failure(error: ArgoCDError) -> Failure:
    return Failure(kind=error.kind, message=error.message)
