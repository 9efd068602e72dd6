"""Name the failed pods of Jobs that start another pod, such as those of a hook with a ``backoffLimit``."""

import math
from collections.abc import Iterator
from typing import Final

from argocd_release.messages import hooks
from argocd_release.model.application import Application
from argocd_release.model.hook_events import JobPodFailed
from argocd_release.model.resource_tree import Workloads

#: The maximum number of pods that the job log names.
PODS: Final = 20
#: If a Job still runs this many seconds after its pod has failed, it starts another pod. Otherwise, the Job fails
#: within this time, and the state of the sync says more than the pod.
SECONDS: Final = 1.0


class RetriedPods:
    """The failed pods of an application's Jobs. The job log names each of them once."""

    def __init__(self) -> None:
        # The time at which a look first showed a pod, by its uid; infinity if the job log has named it.
        self._seen_at: dict[str, float] = {}

    def new(self, application: Application, workloads: Workloads, now: float) -> Iterator[JobPodFailed]:
        """Yield an event for each failed pod that must be named now, if its Job belongs to the sync.

        Args:
            application: the observed application.
            workloads: its pods.
            now: the time in seconds.
        """
        applied = {item.ref: item.hook_type for item in application.results if item.applied}
        for failed in workloads.retried:
            if failed.root not in applied or (failed.uid not in self._seen_at and len(self._seen_at) >= PODS):
                continue
            if now - self._seen_at.setdefault(failed.uid, now) >= SECONDS:
                self._seen_at[failed.uid] = math.inf
                message, hook_type = failed.problem.message, applied[failed.root]
                failure = hooks.HOOK.fill(hook_type=hook_type, message=message) if hook_type else message
                yield JobPodFailed(failure=failure)
