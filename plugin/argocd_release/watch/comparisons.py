"""Decide when Argo CD must compare with git again, and when a hard refresh is necessary.

A comparison can make Argo CD render the manifests. After three failed renders in a row, Argo CD repeats a cached error
for an hour. To stay below that number, the job causes at most ``MOST_FAILED_RENDERS`` failed renders.
"""

import math
from collections.abc import Callable
from typing import Final

from argocd_release.model.application import Application
from argocd_release.model.problem import Condition
from argocd_release.verdict.symptom_history import SymptomHistory
from argocd_release.verdict.symptoms import can_heal, is_cached, is_render_error

COMPARE_AGAIN_SECONDS: Final = 5.0
MOST_FAILED_RENDERS: Final = 2
# The seconds between a failed render and the next comparison. The second value applies if an outage, for example of the
# git server, made the render fail.
RENDER_AGAIN_SECONDS: Final = 10.0
RENDER_AGAIN_AFTER_OUTAGE_SECONDS: Final = 30.0
# If an automated application is OutOfSync and no sync begins, the job requests another comparison after this time. If
# the first render of a revision failed, Argo CD 3.6 only syncs the revision after another comparison (argo-cd v3.6.1
# controller/state.go:496). By itself, Argo CD compares only every three minutes.
SYNC_SECONDS: Final = 10.0
# Argo CD compares an application by itself at the end of each sync (argo-cd v2.13.2 controller/appcontroller.go:1431,
# v3.6.1 controller/appcontroller.go:1773). The job requests that comparison only if it is missing for this time, for
# example because the application controller was restarted. An earlier request would often cause a second comparison.
AFTER_SYNC_SECONDS: Final = 10.0


class Comparisons:
    """A record of the comparisons that the job has requested. It decides when the next comparison is due.

    Args:
        now: returns the time of a monotonic clock in seconds.
        hard_refresh: True if the job is allowed to request one hard refresh.
    """

    def __init__(self, *, now: Callable[[], float], hard_refresh: bool) -> None:
        self._now = now
        self._hard_refresh = hard_refresh
        self._begun_at = self._ended_at = now()
        self._failed_renders = 0
        self._is_hard = False
        # The end of a sync that no comparison has followed yet, and the clock time at which the job has noticed this.
        self._uncompared_sync: tuple[str, float] = ("", 0.0)

    @property
    def exhausted(self) -> bool:
        """Return True if the job must not cause another failed render."""
        return self._failed_renders >= MOST_FAILED_RENDERS

    @property
    def is_hard(self) -> bool:
        """Return True if the last requested comparison is a hard refresh."""
        return self._is_hard

    def begin(self, application: Application | None) -> None:
        """Record the start of a comparison, and decide whether it is a hard refresh.

        The job uses its only hard refresh if the last observed state contains a cached error.

        Args:
            application: the last observed state, or None.
        """
        self._begun_at = self._now()
        self._is_hard = self._hard_refresh and _answers_from_cache(application)
        self._hard_refresh = self._hard_refresh and not self._is_hard

    def end(self, application: Application) -> None:
        """Record the end of a comparison. ``application`` is the state that it has led to."""
        self._ended_at = self._now()
        if not render_errors(application):
            self._failed_renders = 0
        elif not _answers_from_cache(application):
            self._failed_renders += 1

    def due_at(self, application: Application | None, history: SymptomHistory) -> float:
        """Return the clock time at which to request the next comparison.

        The time is negative infinity before the first comparison, and infinity if no further comparison is necessary.
        Without these requests, Argo CD would take minutes to notice a new revision or the end of an error.

        Args:
            application: the last observed state, or None.
            history: the symptoms of the looks so far.
        """
        if not history.compared:
            return -math.inf
        if application is None:
            return math.inf
        if render_errors(application):
            return self._render_due_at(application, history)
        if history.in_doubt:
            return self._begun_at + COMPARE_AGAIN_SECONDS
        operation = application.operation
        if operation is not None and operation.excluded_failures and operation.finished_at and application.outdated:
            # Only a comparison after a failed attempt shows that all chosen resources are Synced. While Argo CD waits
            # to retry, it does not always compare by itself (seen with argo-cd v3.6.1).
            return self._begun_at + COMPARE_AGAIN_SECONDS
        hydration, expectation = application.hydration, history.expectation
        # Each comparison also requests a hydration. After a failed hydration, a new request would restart the grace
        # period of the failure.
        if application.operating or (hydration is not None and hydration.failed):
            return math.inf
        if not application.spec_compared or (expectation.demands and expectation.gap(application) is not None):
            return self._begun_at + COMPARE_AGAIN_SECONDS
        if operation is not None and application.outdated:
            noticed_at = self._noticed_at(operation.finished_at)
            return max(self._begun_at + COMPARE_AGAIN_SECONDS, noticed_at + AFTER_SYNC_SECONDS)
        return self._begun_at + SYNC_SECONDS if application.awaits_sync else math.inf

    def _noticed_at(self, sync_end: str) -> float:
        """Return the clock time of the first call with this end of a sync."""
        if self._uncompared_sync[0] != sync_end:
            self._uncompared_sync = (sync_end, self._now())
        return self._uncompared_sync[1]

    def _render_due_at(self, application: Application, history: SymptomHistory) -> float:
        if _answers_from_cache(application):
            # Argo CD repeats a cached error and does not render, so another comparison does no harm.
            return self._ended_at + (0.0 if self._hard_refresh else RENDER_AGAIN_SECONDS)
        if self.exhausted:
            return math.inf
        if can_heal(application.errors):
            return self._ended_at + RENDER_AGAIN_AFTER_OUTAGE_SECONDS
        # A second failed render would confirm the first one, so do not request it before the grace period has ended.
        return self._ended_at + max(RENDER_AGAIN_SECONDS, history.graces.condition_grace)


def render_errors(application: Application) -> tuple[Condition, ...]:
    """Return the error conditions that report that Argo CD could not render the manifests."""
    return tuple(condition for condition in application.errors if is_render_error(condition))


def _answers_from_cache(application: Application | None) -> bool:
    return application is not None and any(is_cached(condition) for condition in application.errors)
