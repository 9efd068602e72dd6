"""Decide whether a proven release stays Synced, Healthy and ready (``RELEASE_STABLE_FOR``). All functions are pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from argocd_release.core.text import counted
from argocd_release.messages import verdict as texts
from argocd_release.model.application import Application, HealthStatus, SyncStatus
from argocd_release.model.problem import CauseCode, Problem, Subject
from argocd_release.model.resource_tree import Workloads
from argocd_release.verdict.blockers import unsynced, unwell
from argocd_release.verdict.expectation import Expectation, WaitCondition


@dataclass(frozen=True, kw_only=True)
class Stability:
    """The state of a release that is proven, and must stay ready for some time.

    Attributes:
        since: the clock time in seconds of the first look that showed the delivered release.
        subject: the uid of the application, its revision and its source parameters. After a change, the release must
            be proven again.
        restarts: the number of restarts of each pod that has been ready since then, by the uid of the pod.
        has_seen_pods: True if a look since then could read the pods, even if the application has none.
        paused: the seconds since then in which the health or the sync status was unknown. They do not count.
    """

    since: float
    subject: str
    restarts: Mapping[str, int] = field(default_factory=dict)
    has_seen_pods: bool = False
    paused: float = 0

    def pause(self, application: Application, expectation: Expectation, seconds: float) -> Self:
        """Return a copy. If the look shows an unknown state, ``paused`` then includes the given seconds."""
        is_unknown = bool(expectation.healths) and application.health is HealthStatus.UNKNOWN
        is_uncompared = WaitCondition.SYNC in expectation.wait_for and application.sync is SyncStatus.UNKNOWN
        return replace(self, paused=self.paused + seconds) if is_unknown or is_uncompared else self

    def observe(self, application: Application) -> Self:
        """Return a copy that includes the ready pods of a look at the delivered release.

        If all pods are ready, forget the other pods, because an autoscaler has removed them.
        """
        workloads = _shown_workloads(application)
        if workloads is None:
            return self
        restarts = {pod.uid: self.restarts.get(pod.uid, pod.restarts) for pod in workloads.serving}
        if workloads.ready < workloads.pods or workloads.failing:
            restarts = {**self.restarts, **restarts}
        return replace(self, restarts=restarts, has_seen_pods=True)

    def drift(self, application: Application, expectation: Expectation) -> Problem | None:
        """Return the problem if the application is not Synced any more, otherwise None."""
        if WaitCondition.SYNC not in expectation.wait_for or application.sync is not SyncStatus.OUT_OF_SYNC:
            return None
        return unsynced(application, expectation)

    def failure(self, application: Application, expectation: Expectation) -> Problem | None:
        """Return the problem if a container has restarted, a pod is not ready or the health is worse, otherwise None.

        An application with new pods that still start is Progressing too, for example after it was scaled up or after
        the eviction of a pod. This is no failure if no pod that was ready before has lost its readiness.
        """
        if application.workloads is not None and (crashed := self._crashed(application.workloads)):
            return crashed
        workloads = _shown_workloads(application)
        if not expectation.healths or application.health in expectation.healths:
            return None
        if application.health is HealthStatus.UNKNOWN or (workloads is None and self.restarts):
            # Argo CD cannot tell the health, or this look has not shown the pods.
            return None
        if (
            application.health is HealthStatus.PROGRESSING
            and workloads is not None
            and self._only_new_pods_start(workloads)
        ):
            return None
        shows_why = workloads is not None and (workloads.failing or workloads.warning)
        return _pod_failure(workloads) if workloads and shows_why else unwell(application)

    def _crashed(self, workloads: Workloads) -> Problem | None:
        """Return the problem of a pod that was ready and cannot start any more, or has restarted, otherwise None.

        This does not depend on the health of the application, which can be Healthy for some time after a crash.
        """
        for failing in workloads.failing:
            if failing.uid in self.restarts:
                return failing.problem
        for pod in (*workloads.serving, *workloads.unready):
            if (count := pod.restarts - self.restarts.get(pod.uid, pod.restarts)) > 0:
                message = texts.RESTARTED.fill(pod=pod, restarts=counted(count, "restart"))
                return Problem(message=message, code=CauseCode.UNSTABLE, subject=Subject.of(pod))
        return None

    def _only_new_pods_start(self, workloads: Workloads) -> bool:
        """Return True if all pods that were ready still are or were deleted, and the health waits for new pods.

        A drained node and an autoscaler delete pods, too. With ``minReadySeconds``, a Deployment remains Progressing
        for some time after a new pod is ready.
        """
        serving = {pod.uid for pod in workloads.serving}
        unready = {pod.uid for pod in workloads.unready if pod.reason != "Terminating"}
        changes = workloads.ready < workloads.pods or self.restarts.keys() != serving
        return changes and not (self.restarts.keys() & unready or workloads.failing)


def _shown_workloads(application: Application) -> Workloads | None:
    """Return the workloads that this look has shown, or None if the look did not or could not read them."""
    return None if application.pods_remembered else application.workloads


def _pod_failure(workloads: Workloads) -> Problem:
    if workloads.failing:
        return workloads.failing[0].problem
    return Problem(message=workloads.warning, code=CauseCode.NOT_READY)
