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
        subject: the uid of the application and its revision. Another revision must be proven again.
        restarts: the number of restarts of each pod that has been ready since then, by the uid of the pod.
    """

    since: float
    subject: str
    restarts: Mapping[str, int] = field(default_factory=dict)

    def observe(self, application: Application) -> Self:
        """Return a copy that also contains the pods that this look has shown as ready for the first time."""
        serving = application.workloads.serving if application.workloads else ()
        new = {pod.uid: pod.restarts for pod in serving if pod.uid not in self.restarts}
        return replace(self, restarts={**self.restarts, **new}) if new else self

    def drift(self, application: Application, expectation: Expectation) -> Problem | None:
        """Return the problem if the application is not Synced any more, otherwise None."""
        if WaitCondition.SYNC not in expectation.wait_for or application.sync is not SyncStatus.OUT_OF_SYNC:
            return None
        return unsynced(application, expectation)

    def failure(self, application: Application, expectation: Expectation) -> Problem | None:
        """Return the problem if a container has restarted, a pod is not ready or the health is worse, otherwise None.

        An application with additional pods that still start is Progressing too, for example after it was scaled up.
        This is no failure if the pods that were ready before are still ready.
        """
        workloads = application.workloads
        if workloads is not None and (crashed := self._crashed(workloads)):
            return crashed
        if not expectation.healths or application.health in expectation.healths:
            return None
        if application.health is HealthStatus.UNKNOWN or (workloads is None and self.restarts):
            # Argo CD cannot tell the health, or this look has not shown the pods.
            return None
        if application.health is HealthStatus.PROGRESSING and workloads is not None and self._only_grows(workloads):
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

    def _only_grows(self, workloads: Workloads) -> bool:
        serving = {pod.uid for pod in workloads.serving}
        return self.restarts.keys() <= serving and workloads.ready < workloads.pods and not workloads.failing


def _pod_failure(workloads: Workloads) -> Problem:
    if workloads.failing:
        return workloads.failing[0].problem
    return Problem(message=workloads.warning, code=CauseCode.NOT_READY)
