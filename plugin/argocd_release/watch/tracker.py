"""Track one application. Each step looks at it, judges the look, and returns when the next look is due.

The poll loop does the waiting.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from argocd_release.messages import verdict as texts
from argocd_release.model.application import Application
from argocd_release.model.events import ApplicationState, NoAnswer, Output, StateChanged, StillWaiting
from argocd_release.model.observation import Failure
from argocd_release.model.outcome import Outcome, Verdict
from argocd_release.model.ports import (
    Clock,
    ClusterView,
    Commands,
    Emit,
    Get,
    OwnerLookup,
    RevisionRelationLookup,
    WaitFeed,
)
from argocd_release.verdict.expectation import Expectation, WaitCondition
from argocd_release.verdict.judge import SymptomHistory, judge, timed_out
from argocd_release.verdict.symptoms import GracePeriods
from argocd_release.watch.comparisons import Comparisons, render_errors
from argocd_release.watch.observer import LEAST_SECONDS, REFRESH_SECONDS, Observer
from argocd_release.watch.timeline import Timeline

# The pause between looks while `argocd app wait` runs. Its lines report changes of the application, but not of pods.
QUIET_SECONDS: Final = 4.0
# The pause while streams report the changes of pods, too. The look only detects a connection that was lost silently.
LIVE_SECONDS: Final = 60.0
POLL_SECONDS: Final = 2.0
# The pause between the look that first shows a result and the look that confirms it.
CONFIRM_SECONDS: Final = 0.3
BURST_SECONDS: Final = 0.3
# While the reason stays the same, the log repeats it after this time. The next look follows after at most 4 s, so the
# log gets a line at least every 15 s.
STILL_WAITING_SECONDS: Final = 10.0
# After this many lines, the log shows a new reason only every STILL_WAITING_SECONDS.
LINES_AT_ONCE: Final = 50
_COUNTS: Final = re.compile(r", \d++ restarts?|back-off \d++m?\d*+s")
# If the look at the deadline times out, the verdict uses an earlier look that is at most this old.
RECENT_SECONDS: Final = 10.0
# In a group, a look waits only this long for its comparison, because other applications wait for their looks. If the
# answer comes late, a later look uses it.
CROWD_SECONDS: Final = 3.0


@dataclass(frozen=True, kw_only=True)
class Step:
    """The result of a step: the verdict, or the time of the next look. Times are clock times."""

    verdict: Verdict | None
    look_again_at: float = 0.0
    #: The earliest time of the next look, even if there is news.
    not_before: float = 0.0
    #: The end of the next grace period; infinity if none is running.
    grace_ends_at: float = math.inf


class Tracker:
    """A tracker that follows one application until it has a verdict.

    ``Observer`` describes the arguments that are not listed here.

    Args:
        timeout: seconds from ``started`` to the deadline.
        started: the clock time at which the job began; the default is the current time.
        follow: True to run ``argocd app wait`` beside the looks. Its lines count as news.
        queued_before: returns the number of comparisons that wait ahead of this application's; 0 if it has started.
        keep: is called with the name and each observed state.
        terminate: True to end a hanging sync of an earlier revision.
    """

    def __init__(
        self,
        name: str,
        *,
        commands: Commands,
        clock: Clock,
        timeout: float,
        emit: Emit,
        graces: GracePeriods = GracePeriods(),  # noqa: B008 - frozen
        expectation: Expectation = Expectation(),  # noqa: B008 - frozen
        cluster: ClusterView | None = None,
        revision_relation: RevisionRelationLookup | None = None,
        sync: bool = False,
        terminate: bool = False,
        check: Callable[[], object] = lambda: None,
        started: float | None = None,
        follow: bool = True,
        queued_before: Callable[[], int] = lambda: 0,
        hard_refresh: Get | None = None,
        keep: Callable[[str, Application], object] = lambda *_: None,
        owners: OwnerLookup | None = None,
    ) -> None:
        self.timeline = Timeline()
        self._keep = keep
        self._terminate = terminate
        self._name = name
        self._commands = commands
        self._clock = clock
        self._started = clock.now() if started is None else started
        self._follow = follow
        self._queued_before = queued_before
        self._timeout = timeout
        self._emit = emit
        self._history = SymptomHistory(graces=graces, expectation=expectation)
        self._looks = Observer(
            name,
            commands=commands,
            now=clock.now,
            emit=emit,
            expectation=expectation,
            cluster=cluster,
            revision_relation=revision_relation,
            sync=sync,
            check=check,
            wake=self._on_news,
            wait_limit=REFRESH_SECONDS if follow else CROWD_SECONDS,
            hard_refresh=hard_refresh,
            owners=owners,
        )
        self._comparisons = Comparisons(now=clock.now, hard_refresh=hard_refresh is not None)
        self._feed: WaitFeed | None = None
        self._has_news = True
        self._look_at = self._started
        self._confirms_late = False
        self._last_observation: tuple[float, Application, Verdict] | None = None
        self._shown: tuple[str, float] = ("", self._started)
        self._line_count = 0
        #: The start times of the operations that this job has ended.
        self._terminated: set[str] = set()

    @property
    def application(self) -> Application | None:
        """Return the last observed state, or None before the first. It is available after an interrupt, too."""
        return self._looks.application

    def step(self) -> Step:
        """Look and judge once. After the deadline, a pending release gets a final verdict, such as *timed out*.

        A look takes time, so the step reads the clock instead of taking the time as an argument.
        """
        if (
            self._last_observation is not None
            and not self._has_news
            and self._clock.now() < self._look_at
            and self._is_live()
        ):
            _, application, pending = self._last_observation
            self._emit_pending(application, pending)
            return self._again(answered=True)
        self._has_news = False
        if self._follow:
            self._looks.follow_changes()
        observation = self._look()
        if self._history.fresh:
            # Ignore news that the comparison itself has caused in the application and its tree. No news gets lost,
            # because `argocd app wait` starts afterwards. If the release was delivered in the meantime, that command
            # ends at once, which is news.
            self._has_news = False
        verdict = judge(observation, self._history)
        at = self._clock.now() - self._started
        self.timeline.record_problems(self._history.pending_problems, at)
        if isinstance(observation, Application):
            self._last_observation = (self._clock.now(), observation, verdict)
            for change in self.timeline.look(observation, at, compared=self._history.compared):
                self._emit(StateChanged(what=change.what, value=change.value, at=change.at))
        if verdict.outcome is None and self._left() <= 0:
            if self._may_confirm_late():
                confirm_at = self._clock.now() + CONFIRM_SECONDS
                return Step(verdict=None, look_again_at=confirm_at, not_before=confirm_at)
            verdict = self._timed_out(observation, self._with_queue(verdict))
        if verdict.outcome is not None:
            self.close(grace=1.0 if verdict.outcome is Outcome.DELIVERED else 0.0)
            return Step(verdict=verdict)
        self._emit_pending(observation, self._with_queue(verdict))
        answered = isinstance(observation, Application)
        if answered and self._follow and self._feed is None:
            self._feed = self._commands.wait(
                self._name, seconds=self._timeout, wait_for=self._waited_for(), on_line=self._on_line
            )
        return self._again(answered=answered)

    def expired(self, queued_before: int = 0) -> Verdict:
        """Return the verdict at the deadline from the last look, without another one.

        Args:
            queued_before: the number of applications that wait for a look before this one.
        """
        if self._last_observation is not None:
            _, observation, verdict = self._last_observation
            return self._timed_out(observation, self._with_queue(verdict))
        never = Verdict(outcome=None, reason=_not_requested(queued_before))
        return self._timed_out(Failure.late(never.reason), never)

    def close(self, *, grace: float = 0.0) -> None:
        """End ``argocd app wait``. It gets ``grace`` seconds to end by itself."""
        if self._feed is not None:
            self._feed.stop(grace=grace)

    def _on_news(self) -> None:
        self._has_news = True
        self._clock.wake()

    def _is_live(self) -> bool:
        """Return True if streams report every change that can affect the verdict."""
        application = self.application
        if application is None or not self._looks.hears_of_changes:
            return False
        open_ended = application.operating or application.requested or application.awaits_sync or application.outdated
        waits = open_ended or application.deleting or application.hydration is not None
        return self._history.compared and not waits and not self._looks.comparing

    def _look(self) -> Application | Failure:
        begun = self._clock.now()
        compare = not self._looks.comparing and self._comparisons.due_at(self.application, self._history) <= begun
        if compare:
            self._comparisons.begin(self.application)
        observation, compared = self._looks.look(
            seconds=self._seconds_left_to_wait(),
            compare=compare,
            hard=self._comparisons.is_hard,
            echo=self._history.now == 0,
        )
        if compared and isinstance(observation, Application):
            self._comparisons.end(observation)
        history = self._observe(observation, compared=compared, begun=begun)
        # A sync also renders the manifests. If the comparison failed to render them, the sync would fail, too.
        if isinstance(observation, Application) and history.compared and not render_errors(observation):
            synced = self._looks.begin_sync(observation, seconds=max(self._left(), LEAST_SECONDS))
            if synced is not observation:
                observation = synced
                history = self._observe(observation, compared=compared, begun=None)
        self._history = history
        if self._terminate and isinstance(observation, Application):
            self._end_old_sync(observation)
        if isinstance(observation, Application):
            self._keep(self._name, observation)
        return observation

    def _observe(self, observation: Application | Failure, *, compared: bool, begun: float | None) -> SymptomHistory:
        return self._history.observe(
            observation,
            now=self._clock.now(),
            compared=compared,
            begun=begun,
            no_more_comparisons=self._comparisons.exhausted,
        )

    def _end_old_sync(self, application: Application) -> None:
        """End the running operation if it syncs an earlier revision and has hung for its grace period."""
        operation = application.operation
        hangs = self._history.old_sync_hangs and application.operation_is_old
        if not hangs or operation is None or operation.started_at in self._terminated:
            return
        self._terminated.add(operation.started_at)
        if self._looks.terminate(seconds=max(self._left(), LEAST_SECONDS)):
            self._history = self._history.without_old_sync()

    def _waited_for(self) -> tuple[str, ...]:
        return tuple(condition.value for condition in WaitCondition if condition in self._history.expectation.wait_for)

    def _again(self, *, answered: bool) -> Step:
        quiet = answered and self._feed is not None and not self._feed.ended
        most, grace_due_in = QUIET_SECONDS if quiet else POLL_SECONDS, self._history.due_in
        # News never makes the next look earlier than `least`. Workloads that roll out cause bursts of news, and two
        # looks at the same instant would confirm nothing.
        least = BURST_SECONDS
        if answered and grace_due_in is not None:
            least, most = (
                (least, min(most, grace_due_in + least)) if grace_due_in else (CONFIRM_SECONDS, CONFIRM_SECONDS)
            )
        due_in = self._comparisons.due_at(self.application, self._history) - self._clock.now()
        if self._history.in_doubt and not self._looks.comparing:
            most = min(most, max(due_in, least))
        elif self.application is not None and self._history.expectation.gap(self.application) is not None:
            most = min(most, max(due_in, POLL_SECONDS))
        now, deadline = self._clock.now(), self._started + self._timeout
        self._look_at = now
        if most == QUIET_SECONDS and grace_due_in is None and self._last_observation is not None and self._is_live():
            self._look_at = min(self._last_observation[0] + LIVE_SECONDS, now + max(due_in, 0.0), deadline)
            most = min(self._look_at - now, STILL_WAITING_SECONDS + BURST_SECONDS)
        not_before = min(now + least, deadline)
        return Step(
            verdict=None,
            not_before=not_before,
            look_again_at=min(now + max(most, least), deadline),
            grace_ends_at=math.inf if grace_due_in is None else now + grace_due_in,
        )

    def _left(self) -> float:
        return self._started + self._timeout - self._clock.now()

    def _seconds_left_to_wait(self) -> float:
        """Return the seconds that a look is allowed to take.

        Until Argo CD responds for the first time, the grace period ``connect`` limits them.
        """
        connect = self._history.graces.connect
        if self._history.reached or not connect:
            return self._left()
        return min(self._left(), max(self._started + connect - self._clock.now(), 2 * LEAST_SECONDS))

    def _timed_out(self, observation: Application | Failure, verdict: Verdict) -> Verdict:
        if isinstance(observation, Failure) and observation.timed_out and self._last_observation is not None:
            at, application, judged = self._last_observation
            # A look at the deadline has little time. If it has timed out, judge the recent look before it.
            if self._clock.now() - at <= RECENT_SECONDS:
                observation, verdict = application, judged
        return timed_out(observation, verdict, self._history, seconds=self._timeout)

    def _may_confirm_late(self) -> bool:
        """Return True if the look at the deadline shows a delivered release, which one more look can confirm.

        Only the first call returns True.
        """
        first, self._confirms_late = not self._confirms_late, True
        return first and self._history.shows_delivery

    def _with_queue(self, verdict: Verdict) -> Verdict:
        """Return the verdict. If its comparison is still queued behind others, give that as the reason."""
        before = 0 if self._history.compared else self._queued_before()
        return replace(verdict, reason=_not_requested(before)) if before else verdict

    def _on_line(self, line: str) -> None:
        if line:
            self._emit(Output(line=line))
        # A line is no news if the stream of the application already reports the same changes. An empty line means that
        # the process has ended.
        if not line or not self._looks.hears_of_changes:
            self._on_news()

    def _emit_pending(self, observation: Application | Failure, verdict: Verdict) -> None:
        now, (last_reason, at) = self._clock.now(), self._shown
        # While many workloads roll out, the reason changes at every look. After LINES_AT_ONCE lines, log only some.
        if (verdict.reason == last_reason or self._line_count >= LINES_AT_ONCE) and now - at < STILL_WAITING_SECONDS:
            return
        same = _without_counts(verdict.reason) == _without_counts(last_reason)
        if same and now - at < STILL_WAITING_SECONDS:
            return
        self._shown = (verdict.reason, now)
        self._line_count += 1
        waited = round(now - self._started)
        if same:
            self._emit(StillWaiting(reason=verdict.reason, waited=waited, timeout=round(self._timeout)))
        elif isinstance(observation, Failure):
            self._emit(NoAnswer(reason=verdict.reason))
        else:
            revision = ",".join(revision[:7] for revision in observation.revisions)
            # The line shows both statuses, so its reason does not need to begin with one of them.
            reason = verdict.reason.removeprefix(f"{observation.sync}: ").removeprefix(f"{observation.health}: ")
            self._emit(
                ApplicationState(sync=observation.sync, health=observation.health, revision=revision, reason=reason)
            )


def _without_counts(reason: str) -> str:
    """Return the reason without the numbers that grow by themselves: restarts, and the kubelet's back-off."""
    return _COUNTS.sub("", reason)


def _not_requested(before: int) -> str:
    return texts.READ_LATER.fill(before=before) if before else texts.FIRST_READ_LATE
