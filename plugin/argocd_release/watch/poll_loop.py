"""Poll a group of one or more applications, with a tracker for each application and one deadline for all.

Each look uses a response that was requested after the application's previous look had ended. A second look at the same
response would confirm nothing.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from argocd_release.model.application import Application
from argocd_release.model.errors import ArgoCDError
from argocd_release.model.events import NoAnswer, Summary
from argocd_release.model.observation import Failure
from argocd_release.model.outcome import Outcome, Verdict
from argocd_release.model.ports import Clock, Emit
from argocd_release.verdict.judge import judge, timed_out
from argocd_release.verdict.symptom_history import SymptomHistory
from argocd_release.verdict.symptoms import GracePeriods
from argocd_release.watch.clock import ApplicationClock
from argocd_release.watch.pace import LEAST_SECONDS, POLL_SECONDS, seconds_between_lists, seconds_between_looks
from argocd_release.watch.tracker import Tracker
from argocd_release.watch.worker_pool import WorkerPool

SUMMARY_SECONDS: Final = 15.0
# The maximum number of seconds for which a poll waits for its steps. Longer steps continue during the next poll.
ROUND_SECONDS: Final = 2.0
# The maximum number of seconds after the deadline that the last looks can take.
OVERTIME_SECONDS: Final = 4.0
# The outcomes of a child application that a sync of its parent can still change.
_OPEN: Final = frozenset({Outcome.DELIVERED, Outcome.MISSING})


@dataclass
class TrackedApplication:
    """An application of the group, with its tracker and, at the end, its verdict. Times are clock times in seconds."""

    name: str
    tracker: Tracker
    #: The name of the parent application, or "".
    parent: str = ""
    verdict: Verdict | None = None
    #: Seconds from the start of the job to the verdict.
    seconds: float = 0.0
    look_again_at: float = 0.0
    not_before: float = 0.0
    due_at: float = math.inf
    #: The time at which the last step ended, and the listed state that the step used.
    looked_at: float = -math.inf
    listed: Application | None = None
    stepping: bool = False
    #: True if a change of the application was reported since its last step, for example by a stream.
    has_news: bool = False
    #: A verdict *delivered* or *missing* that only becomes final after the verdict on the parent.
    provisional_verdict: Verdict | None = None
    #: True if there is a verdict on the parent.
    settled: bool = False

    @property
    def failed(self) -> bool:
        return self.verdict is not None and not self.delivered

    @property
    def delivered(self) -> bool:
        return self.verdict is not None and self.verdict.outcome is Outcome.DELIVERED


@dataclass(frozen=True, kw_only=True)
class PollResult:
    """The result of one poll: the applications of this job and, if the poll requested a list, their states."""

    requested_at: float = 0.0
    #: Maps the name of each application of this job to the name of its parent application or "".
    names: Mapping[str, str] = field(default_factory=dict)
    #: The number of applications in the group, including those of parallel jobs that share the group.
    count: int = 0
    #: Returns the listed state of an application, or None if the poll has no list or the list lacks the application.
    states: Callable[[str], Application | None] = lambda _: None
    #: The error if the list could not be read, otherwise None.
    error: ArgoCDError | None = None


class GroupPoller:
    """A loop that polls a group of applications until there is a verdict on each of them.

    Args:
        poll: returns the current members of the group, or None if the loop must call it again to find them.
        track: creates the tracker of an application. The tracker calls ``wake`` of the given clock after a change.
        clock: the clock for all times and pauses.
        emit: receives the events for the job log.
        judged: a callback for each verdict. It receives the application's name, the verdict, and the elapsed seconds.
        started: the clock time at which the job began.
        timeout: seconds from ``started`` to the deadline.
        complete: receives the number of applications, and returns True if that is enough.
        appear: seconds from ``started`` for which the loop waits for more applications if there are too few.
        graces: the grace periods that apply if Argo CD does not return the list.
        stop_early: True to stop after the first failure.
        lists: True if polls request lists, which have a minimum interval.
        check: a callback that is called repeatedly. It raises an exception to end the loop.
    """

    def __init__(
        self,
        *,
        poll: Callable[[], PollResult | None],
        track: Callable[[str, Clock], Tracker],
        clock: Clock,
        emit: Emit,
        judged: Callable[[str, Verdict, int], object],
        started: float,
        timeout: float,
        complete: Callable[[int], bool],
        appear: float,
        graces: GracePeriods,
        stop_early: bool,
        lists: bool = True,
        check: Callable[[], object] = lambda: None,
    ) -> None:
        self.applications: dict[str, TrackedApplication] = {}
        self.count = 0
        self._poll = poll
        self._track = track
        self._clock = clock
        self._emit = emit
        self._tell_verdict = judged
        self._started = started
        self._timeout = timeout
        self._complete = complete
        self._appear = appear
        # The symptoms of the group as a whole. They matter until a poll finds the first application of the group.
        self._history = SymptomHistory(graces=graces)
        self._shown_read_error = ""
        self._stop_early = stop_early
        self._lists = lists
        self._check = check
        self._summed_up_at = started
        # First looks wait for comparisons, which can take long. A separate pool keeps them from delaying later looks.
        self._first, self._again = WorkerPool(self._step_one, clock), WorkerPool(self._step_one, clock)

    @property
    def pending(self) -> tuple[TrackedApplication, ...]:
        """Return the applications on which there is no verdict yet."""
        return tuple(application for application in self.applications.values() if application.verdict is None)

    @property
    def elapsed(self) -> float:
        return self._clock.now() - self._started

    @property
    def gathered(self) -> bool:
        """Return True if the loop no longer waits for more applications."""
        return self._complete(self.count) or self.elapsed >= self._appear

    def run(self) -> Verdict | None:
        """Poll until each application has a verdict. Return None, or a verdict on the group if it cannot be listed."""
        try:
            return self._run()
        finally:
            for application in self.applications.values():
                application.tracker.close()

    def give_up(self, verdict: Verdict) -> None:
        """Use this verdict for all pending applications."""
        for application in self.pending:
            self._judge(application, verdict)

    def _run(self) -> Verdict | None:
        while True:
            self._check()
            began = self._clock.now()
            polled = self._poll()
            spacing = seconds_between_lists(self._clock.now() - began) if self._lists else 0.0
            if polled is None:
                self._rest(began, spacing, at_once=True)
                continue
            self._take_in(polled)
            self._step(polled)
            self._settle(polled)
            if self.elapsed >= self._timeout + OVERTIME_SECONDS:
                self._expire()
            if polled.error is not None and not self.applications:
                verdict = self._judge_read_error(polled.error, polled.requested_at)
                if verdict is not None:
                    return verdict
            elif self._is_over:
                return None
            self._sum_up()
            self._rest(began, spacing)

    def _judge_read_error(self, error: ArgoCDError, begun: float) -> Verdict | None:
        """Judge a group that cannot be listed by the rules for a single application. Return None if it is pending."""
        failure = Failure(kind=error.kind, message=error.message)
        self._history = self._history.observe(failure, now=self._clock.now(), begun=begun)
        verdict = judge(failure, self._history)
        if verdict.outcome is None and self.elapsed >= self._timeout:
            verdict = timed_out(failure, verdict, self._history, seconds=self._timeout)
        if verdict.outcome is not None:
            return verdict
        if verdict.reason != self._shown_read_error:
            self._shown_read_error = verdict.reason
            self._emit(NoAnswer(reason=verdict.reason))
        return None

    def _take_in(self, polled: PollResult) -> None:
        if polled.error is not None:
            return
        self.count = polled.count
        for name, parent in polled.names.items():
            application = self.applications.get(name)
            if application is None:
                self.applications[name] = self._tracked(name, parent)
            elif parent and not application.settled and not application.failed:
                # The poll has found the application's parent only now, so the earlier verdict becomes provisional.
                application.parent = parent
                application.provisional_verdict = application.provisional_verdict or application.verdict
                application.verdict = None

    def _tracked(self, name: str, parent: str) -> TrackedApplication:
        def on_news() -> None:
            # If each poll requests a list, a change of one application must not cause an extra poll.
            if not self._lists:
                application.has_news = True
                self._clock.wake()

        tracker = self._track(name, ApplicationClock(self._clock, on_news))
        application = TrackedApplication(name=name, tracker=tracker, parent=parent)
        return application

    def _step(self, polled: PollResult) -> None:
        """Run all steps that are due, and wait at most ``ROUND_SECONDS`` for their end."""
        pending = self.pending
        for application in pending:
            if self._is_due(application, polled, pending=len(pending)):
                application.listed = polled.states(application.name)
                (self._first if application.looked_at == -math.inf else self._again).add(application)
        # If the job waits for a single application, there is nothing else to do until its step ends.
        until = math.inf if not self._lists and len(self.applications) == 1 else self._clock.now() + ROUND_SECONDS
        for pool in (self._again, self._first):
            pool.start()
        for pool in (self._again, self._first):
            pool.wait(until, self._check)

    def _step_one(self, application: TrackedApplication) -> None:
        if application.verdict is not None:
            return
        step = application.tracker.step()
        verdict = step.verdict
        if verdict is None:
            application.look_again_at, application.due_at = step.look_again_at, step.grace_ends_at
            application.not_before = step.not_before
        elif verdict.outcome in _OPEN and application.parent:
            application.provisional_verdict = verdict
        elif application.verdict is None:
            self._judge(application, verdict)

    def _settle(self, polled: PollResult) -> None:
        """Update the child applications whose parents have a verdict now.

        If the parent was delivered, its sync can have changed its children. Track these from the beginning, and drop
        those that it no longer manages. If the parent has failed, provisional verdicts on its children become final.
        """
        for application in self.pending:
            parent = self.applications.get(application.parent)
            if application.stepping or not application.parent or (parent is not None and parent.verdict is None):
                continue
            provisional, application.parent = application.provisional_verdict, ""
            application.provisional_verdict, application.settled = None, True
            # If this release has removed the parent, treat it as delivered.
            delivered = parent is None or parent.delivered
            if delivered and polled.error is None and application.name not in polled.names:
                application.tracker.close()
                del self.applications[application.name]
            elif delivered:
                again = self._tracked(application.name, "")
                again.tracker.replace_tracker(application.tracker)
                again.settled = True
                self.applications[application.name] = again
            elif provisional is not None:
                self._judge(application, provisional)

    def _is_due(self, application: TrackedApplication, polled: PollResult, *, pending: int) -> bool:
        now = self._clock.now()
        if application.stepping or application.provisional_verdict is not None:
            return False
        if application.looked_at == -math.inf:
            return True
        if polled.error is None and polled.requested_at < application.looked_at:
            return False
        changed = polled.error is None and polled.states(application.name) != application.listed
        return changed or now >= self._due_at(application, pending=pending)

    def _due_at(self, application: TrackedApplication, *, pending: int) -> float:
        """Return the time of the next look if the list shows no change. ``pending`` applications share the rate."""
        again = application.not_before if application.has_news else application.look_again_at
        if again - application.looked_at <= LEAST_SECONDS:
            return again
        share = application.looked_at + seconds_between_looks(pending)
        if again < share:
            # The limit on the rate of looks does not delay a look at the end of a grace period.
            due = application.due_at if application.due_at > application.looked_at else math.inf
            again = min(share, due)
        return min(again, self._started + self._timeout)

    def _needs_poll_at(self, application: TrackedApplication, *, pending: int) -> float:
        """Return the time at which the application needs a poll, even if the usual one is due later.

        If polls request lists, an additional poll is only for a confirming look, the end of a grace period or the
        deadline.
        """
        if not self._lists:
            return self._due_at(application, pending=pending)
        if application.look_again_at - application.looked_at <= LEAST_SECONDS:
            return application.look_again_at
        due = application.due_at if application.due_at > application.looked_at else math.inf
        return min(due, self._started + self._timeout)

    def _judge(self, application: TrackedApplication, verdict: Verdict) -> None:
        application.seconds = self.elapsed
        application.verdict = verdict
        self._tell_verdict(application.name, verdict, round(application.seconds))

    def _expire(self) -> None:
        for application in self.pending:
            before = self._first.position(application)
            self._judge(application, application.provisional_verdict or application.tracker.expired(before))

    @property
    def _is_over(self) -> bool:
        if self._stop_early and any(application.failed for application in self.applications.values()):
            return True
        return not self.pending and (self.gathered or self.elapsed >= self._timeout)

    def _sum_up(self) -> None:
        now, count = self._clock.now(), len(self.applications)
        if now - self._summed_up_at < SUMMARY_SECONDS:
            return
        self._summed_up_at = now
        failed, left = sum(application.failed for application in self.applications.values()), len(self.pending)
        waited, timeout, done = round(self.elapsed), round(self._timeout), count - failed - left
        self._emit(Summary(delivered=done, whole=count, pending=left, failed=failed, waited=waited, timeout=timeout))

    def _rest(self, began: float, spacing: float, *, at_once: bool = False) -> None:
        """Pause until the next look or poll is due, or until a change is reported.

        Args:
            began: the clock time at which the last poll began.
            spacing: the minimum number of seconds from ``began`` to the next poll.
            at_once: True to poll again after ``spacing``, without a further pause.
        """
        now, deadline, pending = self._clock.now(), self._started + self._timeout, self.pending
        waiting = [application for application in pending if not application.stepping]
        least = max(min((application.not_before for application in waiting), default=now), began + spacing)
        least = min(least, deadline) if now < deadline else least
        while (left := least - self._clock.now()) > 0:
            self._check()
            self._clock.sleep(min(left, LEAST_SECONDS))
        needs = (self._needs_poll_at(application, pending=len(pending)) for application in waiting)
        soonest = min(needs, default=math.inf)
        if not at_once:
            self._clock.pause(max(min(soonest, began + self._clock.spread(POLL_SECONDS)) - self._clock.now(), 0.0))
