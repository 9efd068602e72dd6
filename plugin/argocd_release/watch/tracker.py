"""Track one application: look at it, judge the look, and decide when the next look is due.

The tracker itself never waits between looks. The poll loop calls it again when the next look is due.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from argocd_release.messages import verdict as texts
from argocd_release.model import ports
from argocd_release.model.application import Application
from argocd_release.model.observation import Failure
from argocd_release.model.outcome import Outcome, Verdict
from argocd_release.verdict.expectation import Expectation, WaitCondition
from argocd_release.verdict.judge import judge, timed_out
from argocd_release.verdict.symptom_history import SymptomHistory
from argocd_release.verdict.symptoms import GracePeriods
from argocd_release.watch.change_streams import ChangeStreams, must_change
from argocd_release.watch.comparisons import Comparisons, render_errors
from argocd_release.watch.observer import LEAST_SECONDS, REFRESH_SECONDS, Observer
from argocd_release.watch.progress import STILL_WAITING_SECONDS, Progress
from argocd_release.watch.sync_requests import SyncRequests
from argocd_release.watch.timeline import Timeline

# The pause between looks while `argocd app wait` runs. The command reports changes of the application, but not of pods.
QUIET_SECONDS: Final = 4.0
# The pause between looks while streams report all changes. A connection can be lost without an error.
LIVE_SECONDS: Final = 60.0
POLL_SECONDS: Final = 2.0
# The pause between the first look that shows a result and the look that confirms it.
CONFIRM_SECONDS: Final = 0.3
BURST_SECONDS: Final = 0.3
# The pause between two looks at reported changes lasts at least this many times as long as the first of them. If Argo
# CD is overloaded, looks take seconds, and further looks at each change would make it slower.
LOOK_PAUSES: Final = 3.0
# If the look at the deadline times out, the verdict uses the previous look. This is its maximum age in seconds.
RECENT_SECONDS: Final = 10.0
# In a group, a look waits this many seconds for its comparison. A later look uses the result.
CROWD_SECONDS: Final = 3.0


@dataclass(frozen=True, kw_only=True)
class Step:
    """The result of a step: a verdict, or the time of the next look. Times are those of the tracker's clock."""

    verdict: Verdict | None
    look_again_at: float = 0.0
    #: The earliest time of the next look, even if a change is reported.
    not_before: float = 0.0
    #: The end of the grace period that ends first; infinity if no grace period is running.
    grace_ends_at: float = math.inf


class Tracker:
    """A tracker that looks at one application until there is a verdict on it.

    The arguments that are not listed here are those of ``Observer``.

    Args:
        clock: the clock. Its ``wake`` is called when a change is reported.
        timeout: seconds from ``started`` to the deadline.
        emit: receives the events for the job log.
        graces: the grace periods of problems.
        terminate: True to terminate a sync of an earlier revision that hangs.
        started: the clock time at which the job began; the current time by default.
        follow: True to follow the streams that report changes, and to run ``argocd app wait``, whose output shows
            progress and reports changes, too.
        queued_before: returns the application's position in the queue for comparisons, from 1; 0 if it is not queued.
        keep: a callback that receives the name and each observed state.
    """

    def __init__(
        self,
        name: str,
        *,
        commands: ports.Commands,
        clock: ports.Clock,
        timeout: float,
        emit: ports.Emit,
        graces: GracePeriods = GracePeriods(),  # noqa: B008 - frozen
        expectation: Expectation = Expectation(),  # noqa: B008 - frozen
        cluster: ports.ClusterView | None = None,
        revision_relation: ports.RevisionRelationLookup | None = None,
        sync: bool = False,
        terminate: bool = False,
        check: Callable[[], object] = lambda: None,
        started: float | None = None,
        follow: bool = True,
        queued_before: Callable[[], int] = lambda: 0,
        hard_refresh: ports.Get | None = None,
        hard_first: bool = False,
        keep: Callable[[str, Application], object] = lambda *_: None,
        owners: ports.OwnerLookup | None = None,
        choose: Callable[[Application], Application] | None = None,
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
        self._history = SymptomHistory(graces=graces, expectation=expectation, started=self._started)
        self._looks = Observer(
            name,
            commands=commands,
            now=clock.now,
            emit=emit,
            expectation=expectation,
            cluster=cluster,
            revision_relation=revision_relation,
            check=check,
            wake=self._on_news,
            wait_limit=REFRESH_SECONDS if follow else CROWD_SECONDS,
            hard_refresh=hard_refresh,
            hard_first=hard_first,
            owners=owners,
            choose=choose,
        )
        self._requests = SyncRequests(
            name, commands=commands, emit=emit, expectation=expectation, cluster=cluster, sync=sync
        )
        self._comparisons = Comparisons(now=clock.now, hard_refresh=hard_refresh is not None)
        self._streams = (
            ChangeStreams(name, cluster, clock=clock, on_change=self._on_news, emit=emit)
            if follow and cluster is not None
            else None
        )
        self._looked_at: float | None = None
        # The duration of the last look in seconds; 0 if it has waited for a comparison.
        self._took = 0.0
        self._feed: ports.WaitFeed | None = None
        self._has_news = True
        self._look_at = self._started
        self._confirms_late = False
        self._last_observation: tuple[float, Application, Verdict] | None = None
        self._progress = Progress(emit=emit, now=clock.now, started=self._started, timeout=timeout)

    @property
    def application(self) -> Application | None:
        """Return the last observed state, or None if there is none yet. This also works after an interruption."""
        return self._looks.application

    @property
    def released(self) -> Application | None:
        """Return the last observed state if Argo CD has compared it with the expected revision, otherwise None."""
        application, history = self.application, self._history
        reached = application is not None and history.compared and not history.expectation.revision_gap(application)
        return application if reached else None

    def step(self) -> Step:
        """Look at the application and judge the look. After the deadline, the result is always a verdict.

        While streams report all changes, the tracker only looks again after a change.
        """
        if (
            self._last_observation is not None
            and not self._has_news
            and self._clock.now() < self._look_at
            and self._is_live()
        ):
            _, application, pending = self._last_observation
            self._progress.emit_pending(application, pending)
            return self._again(answered=True)
        self._has_news = False
        observation = self._look()
        if self._history.fresh:
            # Ignore changes reported during the comparison, because the comparison itself causes some. The job still
            # notices a delivered release, because it only starts `argocd app wait` after a look. If the release is
            # already delivered, that command ends immediately, and its end triggers another look.
            self._has_news = False
        verdict = judge(observation, self._history)
        # The pods matter even if the application is Healthy: they show restarts.
        self._looks.reads_pods = bool(self._history.graces.stable_for) and self._history.shows_delivery
        self._progress.steady = self._history.is_staying
        at = self._clock.now() - self._started
        self.timeline.record_problems(self._history.pending_problems, at)
        if isinstance(observation, Application):
            self._last_observation = (self._clock.now(), observation, verdict)
            self._progress.emit_changes(self.timeline.look(observation, at, compared=self._history.compared))
        if verdict.outcome is None and self._left() <= 0:
            if self._may_confirm_late():
                confirm_at = self._clock.now() + CONFIRM_SECONDS
                return Step(verdict=None, look_again_at=confirm_at, not_before=confirm_at)
            verdict = self._timed_out(observation, self._with_queue(verdict))
        if verdict.outcome is not None:
            self.close(grace=1.0 if verdict.outcome is Outcome.DELIVERED else 0.0)
            return Step(verdict=verdict)
        self._progress.emit_pending(observation, self._with_queue(verdict))
        answered = isinstance(observation, Application)
        if answered and self._follow and self._feed is None:
            self._feed = self._commands.wait(
                self._name, seconds=self._timeout, wait_for=self._waited_for(), on_line=self._on_line
            )
        return self._again(answered=answered)

    def expired(self, queued_before: int = 0) -> Verdict:
        """Return the verdict at the deadline from the last look, without another look.

        Args:
            queued_before: the number of applications in the queue before this one, which matters if there was no look.
        """
        if self._last_observation is not None:
            _, observation, verdict = self._last_observation
            return self._timed_out(observation, self._with_queue(verdict))
        never = Verdict(outcome=None, reason=_not_requested(queued_before))
        return self._timed_out(Failure.late(never.reason), never)

    def replace_tracker(self, earlier: "Tracker") -> None:
        """Close an earlier tracker of the same application, and continue its work.

        If the revision and the source parameters are the same, the seconds in which the release has stayed ready still
        count. Do not repeat the syncs, hard refreshes and terminations that the earlier tracker has requested. Count
        its failed renders, too. If they have reached the maximum, use its comparison instead of a new one.
        """
        earlier.close()
        history, comparisons, looks = earlier._history, earlier._comparisons, earlier._looks  # noqa: SLF001
        self._history = replace(self._history, stability=history.stability)
        if comparisons.exhausted:
            self._history = replace(self._history, compared=history.compared, uid=history.uid)
        self._comparisons, self._requests = comparisons, earlier._requests  # noqa: SLF001
        self._looks.hard_first = looks.hard_first

    def close(self, *, grace: float = 0.0) -> None:
        """Stop ``argocd app wait``, after giving it ``grace`` seconds to end by itself."""
        if self._feed is not None:
            self._feed.stop(grace=grace)

    def _on_news(self) -> None:
        self._has_news = True
        self._clock.wake()

    def _is_live(self) -> bool:
        """Return True if streams report every change that can affect the verdict.

        The streams do not suffice if Argo CD is about to act, for example to start a sync.
        """
        application = self.application
        if application is None or not self._hears_of_changes:
            return False
        open_ended = application.operating or application.requested or application.awaits_sync or application.outdated
        waits = open_ended or application.deleting or application.hydration is not None
        return self._history.compared and not waits and not self._looks.comparing

    @property
    def _hears_of_changes(self) -> bool:
        """Return True while streams report each change since the start of the last look."""
        return self._streams is not None and self._looked_at is not None and self._streams.report_since(self._looked_at)

    def _look(self) -> Application | Failure:
        if self._streams is not None and self._looked_at is None:
            self._streams.start()
        begun = self._looked_at = self._clock.now()
        compare = not self._looks.comparing and self._comparisons.due_at(self.application, self._history) <= begun
        if compare:
            self._comparisons.begin(self.application)
        observation, compared = self._looks.look(
            seconds=self._seconds_left_to_wait(),
            compare=compare,
            hard=self._comparisons.is_hard,
            echo=self._history.now == 0,
        )
        self._took = 0.0 if compare else self._clock.now() - begun
        if compared and isinstance(observation, Application):
            self._comparisons.end(observation)
        history = self._observe(observation, compared=compared, begun=begun)
        # A sync renders the manifests too. If the comparison could not render them, the sync would fail as well.
        if isinstance(observation, Application) and history.compared and not render_errors(observation):
            synced = self._requests.begin(observation, seconds=max(self._left(), LEAST_SECONDS))
            if synced is not observation:
                observation = synced
                history = self._observe(observation, compared=compared, begun=None)
        self._history = history
        if isinstance(observation, Application):
            self._on_answer(observation)
        return observation

    def _on_answer(self, application: Application) -> None:
        """Do what a look makes necessary to which Argo CD has responded."""
        if self._terminate:
            self._end_old_sync(application)
        self._keep(self._name, application)
        if self._streams is not None:
            self._streams.restart()

    def _observe(self, observation: Application | Failure, *, compared: bool, begun: float | None) -> SymptomHistory:
        return self._history.observe(
            observation,
            now=self._clock.now(),
            compared=compared,
            begun=begun,
            no_more_comparisons=self._comparisons.exhausted,
        )

    def _end_old_sync(self, application: Application) -> None:
        """Terminate the sync of an earlier revision if it has hung or failed for its whole grace period."""
        history, seconds = self._history, max(self._left(), LEAST_SECONDS)
        if self._requests.end_old_sync(application, history, now=self._clock.now(), seconds=seconds):
            self._history = history.without_old_sync()

    def _waited_for(self) -> tuple[str, ...]:
        return tuple(condition.value for condition in WaitCondition if condition in self._history.expectation.wait_for)

    def _again(self, *, answered: bool) -> Step:
        # If the release only has to stay ready, the feed has ended, but there is no reason to look more often.
        staying, grace_due_in = self._history.is_staying, self._history.due_in
        rests = grace_due_in is None or staying
        # If `argocd app wait` has lost its connection, the streams suffice while the application itself must change.
        streams_suffice = rests and self._is_live() and must_change(self.application, self._history.expectation)
        quiet = answered and (staying or streams_suffice or (self._feed is not None and not self._feed.ended))
        most = QUIET_SECONDS if quiet else POLL_SECONDS
        if grace_due_in is not None:
            # ``due_in`` counts from the last look. After a wake-up without a look, some of that time is already over.
            grace_due_in = max(self._history.now + grace_due_in - self._clock.now(), 0.0)
        # The next look is at least `least` seconds later, even if a change is reported. Workloads cause many changes in
        # a short time while they roll out. Two looks at almost the same time would confirm nothing.
        least = BURST_SECONDS
        if answered and grace_due_in is not None:
            least, most = (
                (least, min(most, grace_due_in + least)) if grace_due_in else (CONFIRM_SECONDS, CONFIRM_SECONDS)
            )
        if grace_due_in is None:
            least = max(least, min(LOOK_PAUSES * self._took, QUIET_SECONDS))
        due_in = self._comparisons.due_at(self.application, self._history) - self._clock.now()
        if self._history.in_doubt and not self._looks.comparing:
            most = min(most, max(due_in, least))
        elif self.application is not None and self._history.expectation.gap(self.application) is not None:
            most = min(most, max(due_in, POLL_SECONDS))
        now, deadline = self._clock.now(), self._started + self._timeout
        self._look_at = now
        if most == QUIET_SECONDS and rests and self._last_observation is not None and self._is_live():
            ends = math.inf if grace_due_in is None else now + grace_due_in
            self._look_at = min(self._last_observation[0] + LIVE_SECONDS, now + max(due_in, 0.0), deadline, ends)
            most = min(self._look_at - now, STILL_WAITING_SECONDS + BURST_SECONDS)
        elif most in {QUIET_SECONDS, POLL_SECONDS}:
            most = self._clock.spread(most)
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
        """Return how many seconds a look can take.

        This is the time until the deadline or, before Argo CD has responded for the first time, until the end of the
        grace period ``connect``.
        """
        connect = self._history.graces.connect_grace
        if self._history.reached or not connect:
            return self._left()
        return min(self._left(), max(self._started + connect - self._clock.now(), 2 * LEAST_SECONDS))

    def _timed_out(self, observation: Application | Failure, verdict: Verdict) -> Verdict:
        if isinstance(observation, Failure) and observation.timed_out and self._last_observation is not None:
            at, application, judged = self._last_observation
            # A look at the deadline has little time. If it timed out, use the previous look, unless that is too old.
            if self._clock.now() - at <= RECENT_SECONDS:
                observation, verdict = application, judged
        return timed_out(observation, verdict, self._history, seconds=self._timeout)

    def _may_confirm_late(self) -> bool:
        """Return True, but only once, if the look at the deadline shows a delivered release.

        Another look can then confirm the delivery.
        """
        first, self._confirms_late = not self._confirms_late, True
        return first and self._history.shows_delivery

    def _with_queue(self, verdict: Verdict) -> Verdict:
        """Return the verdict. If the first comparison is still in the queue, give the queue as the reason."""
        before = 0 if self._history.compared else self._queued_before()
        return replace(verdict, reason=_not_requested(before)) if before else verdict

    def _on_line(self, line: str) -> None:
        if line:
            self._progress.emit_output(line, self.application)
        # If streams report all changes, a line contains no news. An empty line means that the process has ended.
        if not line or not self._hears_of_changes:
            self._on_news()


def _not_requested(before: int) -> str:
    return texts.READ_LATER.fill(before=before) if before else texts.FIRST_READ_LATE
