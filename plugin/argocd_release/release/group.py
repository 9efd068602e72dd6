"""Wait for the applications of a job, and return the verdict on all of them. A single application is a group of one."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, Protocol

from argocd_release.core.text import counted, first_names
from argocd_release.messages import chosen_resources
from argocd_release.messages import verdict as texts
from argocd_release.model.application import Application
from argocd_release.model.errors import ArgoCDError, SettingsError
from argocd_release.model.events import ApplicationEvent, ApplicationState, JobEvent, Judged, NoAnswer, Summary
from argocd_release.model.hook_events import JobPodFailed
from argocd_release.model.outcome import Outcome, Verdict, aggregate, overall, tally
from argocd_release.model.ports import Clock, ClusterView, Commands, Emit, Lists
from argocd_release.model.problem import CauseCode, Problem
from argocd_release.release.policy import NAMED_PATTERNS, Policy, Targets, resolve, top
from argocd_release.verdict.judge import CONFIRMING
from argocd_release.watch.poll_loop import GroupPoller, PollResult, TrackedApplication
from argocd_release.watch.snapshot import ApplicationSnapshot, SharedView, SnapshotCommands
from argocd_release.watch.tracker import Tracker

# The time limit in seconds of a request that lists applications.
LIST_SECONDS: Final = 15.0
# The pause in seconds between two requests for the applications that the selector matches. The job sends these
# requests only if it also waits for applications outside the selector.
SELECT_SECONDS: Final = 15.0
# The longest wait for the name of Argo CD's own namespace, in seconds. Argo CD writes that name into an application
# when it compares the application for the first time.
HOME_SECONDS: Final = 15.0
# The minimum time limit in seconds of a request that lists applications, even just before the deadline.
LEAST_LIST_SECONDS: Final = 2.0
# The pause in seconds before the log repeats the same reason why applications cannot be read.
NO_ANSWER_SECONDS: Final = 10.0


class GroupCommands(Commands, Lists, Protocol):
    """The argocd commands that read and list the applications of a group."""

    def queued_before(self, name: str) -> int: ...


class GroupWait:
    """A job's wait for its applications. ``wait`` returns one verdict on all of them together.

    Args:
        targets: the requested applications.
        policy: the rules by which the applications are judged.
        commands: reads and lists applications.
        cluster: shows the pods of an application.
        clock: the clock of the wait.
        emit: receives the events for the job log.
        on_application: callbacks that receive the application's last observed state at each of its events.
        on_released: callbacks that also receive this state, but only after a comparison with the expected revision.
        keep: a callback that receives the application's name and state after each look.
    """

    def __init__(
        self,
        targets: Targets,
        policy: Policy,
        *,
        commands: GroupCommands,
        cluster: ClusterView,
        clock: Clock,
        emit: Emit,
        on_application: Sequence[Callable[[Application | None], object]] = (),
        on_released: Sequence[Callable[[Application], object]] = (),
        keep: Callable[[str, Application], object] = lambda *_: None,
    ) -> None:
        self._keep = keep
        self.several = not targets.one
        self._targets = targets
        self._policy = policy
        self._commands = commands
        self._cluster = SharedView(cluster)
        self._line = emit
        self._on_application = on_application
        self._on_released = on_released
        self._clock = clock
        self._started = policy.started
        self._snapshot = ApplicationSnapshot()
        self._selected: tuple[float, tuple[str, ...]] | None = None
        self._names: frozenset[str] = frozenset()
        # Argo CD's own namespace; None while it is unknown, "" if no application has shown it within the time limit.
        self._home: str | None = None
        self._width = 0
        self._list_count = 0
        self._no_answer: tuple[str, float] = ("", self._started - NO_ANSWER_SECONDS)
        self._emitting = threading.Lock()
        timeout = policy.timeout
        self.poller = GroupPoller(
            poll=self._read_names if targets.read_one_by_one else self._read_list,
            track=self._track,
            clock=clock,
            emit=self._emit,
            judged=self._judged,
            started=self._started,
            timeout=timeout,
            complete=lambda count: not targets.count.few(count),
            appear=min(policy.settings.appear_timeout, timeout),
            graces=policy.settings,
            stop_early=policy.stops_early,
            lists=not targets.read_one_by_one,
            check=policy.check,
        )

    @property
    def members(self) -> Sequence[TrackedApplication]:
        """Return the tracked applications in the order of their names."""
        return sorted(self.poller.applications.values(), key=lambda application: application.name)

    def wait(self) -> Verdict:
        """Wait until each application has its verdict, and return the verdict on the whole group.

        Raises:
            Cancelled: a signal ended the job.
            SettingsError: the file of expectations names an application that does not exist.
        """
        if self._targets.read_one_by_one:
            self._check_names(frozenset(self._targets.names))
        ignored_variables = self.poller.run()
        failed = next((member for member in self.members if member.failed), None)
        if failed is not None and self.poller.pending:
            reason = texts.STOPPED.fill(application=failed.name)
            self.poller.give_up(Verdict(outcome=Outcome.CANCELLED, reason=reason))
        elif failed is None and ignored_variables is None and self.poller.gathered:
            self._check_names(self._names)
        return ignored_variables or self._verdict()

    def _verdict(self) -> Verdict:
        """Return the verdict on the group, from the verdicts on its applications and from their number."""
        targets, count = self._targets, self.poller.count
        verdicts = [member.verdict for member in self.members if member.verdict]
        if targets.one and verdicts:
            return verdicts[0]
        outcomes = [verdict.outcome for verdict in verdicts if verdict.outcome is not None]
        if targets.count.few(count) or targets.count.many(count):
            reason = texts.COUNT.fill(expected=targets.count, found=count, targets=targets)
            if outcomes:
                reason = texts.COUNT_WITH_OUTCOMES.fill(reason=reason, outcomes=tally(outcomes))
            return Verdict(outcome=aggregate((*outcomes, Outcome.MISSING)), reason=reason, hint=texts.COUNT.hint)
        if not outcomes:
            reason = texts.NO_SHARE.fill(applications=counted(count, "application"), job=targets.job, jobs=targets.jobs)
            return Verdict(outcome=Outcome.DELIVERED, reason=reason)
        verdict = overall(outcomes)
        if self._policy.choose is None or any(member.failed for member in self.members):
            return verdict
        unmatched = first_names(self._unmatched_patterns(), NAMED_PATTERNS)
        return self._unmatched_verdict(verdict, unmatched) if unmatched else verdict

    def _unmatched_patterns(self) -> list[str]:
        """Return the patterns in RELEASE_RESOURCES that match no resource of any application of this job."""
        seen = [member.tracker.application for member in self.members]
        exclusions = [application.exclusion for application in seen if application and application.exclusion]
        patterns = exclusions[0].unmatched if exclusions else ()
        return [pattern for pattern in patterns if all(pattern in item.unmatched for item in exclusions)]

    def _unmatched_verdict(self, verdict: Verdict, patterns: str) -> Verdict:
        """Return a verdict that reports the patterns without a match. ``verdict`` is the verdict on the applications.

        If several jobs share the applications, a pattern can match in an application of another job.
        """
        if self._targets.jobs > 1:
            return replace(verdict, caveat=chosen_resources.NO_RESOURCE_OF_SHARE.fill(patterns=patterns))
        problem = Problem(
            message=chosen_resources.NO_RESOURCE_OF_GROUP.fill(patterns=patterns), code=CauseCode.NO_SUCH_RESOURCE
        )
        return Verdict.on(problem, Outcome.NOT_DELIVERED, hint=chosen_resources.NO_RESOURCE_OF_GROUP.hint)

    def _check_names(self, names: frozenset[str]) -> None:
        if problems := self._policy.expected.unmatched(names):
            raise SettingsError(problems)

    def _read_names(self) -> PollResult:
        """Return a poll result that contains only the names in the settings. Each tracker reads its own application."""
        names = self._targets.names
        mine = {name: "" for name in names if self._targets.mine(name)}
        self._width = max(map(len, mine), default=0)
        return PollResult(requested_at=self._clock.now(), names=mine, count=len(names))

    def _read_list(self) -> PollResult | None:
        targets, requested_at = self._targets, self._clock.now()
        selector_only = targets.selects and not (targets.names or targets.children)
        try:
            if targets.selects and not selector_only and self._is_selecting():
                # Each poll requests only one list. This poll finds out which applications the selector matches, and the
                # next poll reads their states.
                chosen = self._list(selector=targets.selector, project=targets.project)
                self._selected = (requested_at, tuple(application.full_name for application in chosen))
                return None
            applications = self._list(
                **({"selector": targets.selector, "project": targets.project} if selector_only else {})
            )
        except ArgoCDError as error:
            self._snapshot = ApplicationSnapshot(requested_at=requested_at, error=error)
            return PollResult(requested_at=requested_at, error=error)
        snapshot = ApplicationSnapshot(
            requested_at=requested_at, applications={application.full_name: application for application in applications}
        )
        self._snapshot = snapshot
        if self._is_homeless(snapshot):
            return None
        selected = tuple(snapshot.applications) if selector_only else self._selected[1] if self._selected else ()
        return self._group_of(snapshot, selected)

    def _group_of(self, snapshot: ApplicationSnapshot, selected: Sequence[str]) -> PollResult:
        targets = self._targets
        parents = resolve(targets, selected, snapshot.applications, self._home or "")
        self._names |= parents.keys()
        mine = {name: parent for name, parent in parents.items() if targets.mine(top(name, parents))}
        self._width = max((self._width, *map(len, mine)))
        count = sum(snapshot.find(name) is not None or name in targets.names for name in parents)
        result = PollResult(requested_at=snapshot.requested_at, names=mine, count=count, states=snapshot.find)
        # If the job waits for children, it can recognise a wrong name only at the end, because children can be created
        # at any time.
        if not targets.children and (not targets.count.few(count) or self.poller.gathered):
            self._check_names(self._names)
        return result

    def _is_homeless(self, snapshot: ApplicationSnapshot) -> bool:
        """Return True if the job must wait until it knows Argo CD's own namespace.

        Applications in that namespace are called by their names alone, so it must be known before names are compared.
        The name also decides which of several jobs tracks an application.
        """
        if self._home is None and snapshot.applications:
            limit = min(HOME_SECONDS, self._policy.timeout / 2)
            if not snapshot.namespace and self._clock.now() < self._started + limit:
                return self._targets.selects or self._targets.children
            self._home = snapshot.namespace
        return False

    def _is_selecting(self) -> bool:
        return self._selected is None or self._clock.now() - self._selected[0] >= SELECT_SECONDS

    def _list(self, **chosen: str) -> tuple[Application, ...]:
        left = max(self._started + self._policy.timeout - self._clock.now(), LEAST_LIST_SECONDS)
        self._list_count += 1
        # Log each distinct command once. If the job lists both the selected and all applications, its first two
        # commands differ. Otherwise, all commands are the same.
        echo_count = 2 if self._targets.selects and (self._targets.names or self._targets.children) else 1
        return self._commands.list(seconds=min(left, LIST_SECONDS), echo=self._list_count <= echo_count, **chosen)

    def _track(self, name: str, clock: Clock) -> Tracker:
        commands: Commands = self._commands
        if not self._targets.read_one_by_one:
            commands = SnapshotCommands(
                commands=commands,
                snapshot=lambda: self._snapshot,
                now=clock.now,
                health_of_resources=self._policy.choose is not None,
            )

        def emit(event: JobEvent, /) -> None:
            for observer in self._on_application:
                observer(tracker.application)
            if self._on_released and (released := tracker.released) is not None:
                for callback in self._on_released:
                    callback(released)
            self._emit_of(name, event)

        tracker = self._policy.tracker(
            name,
            cluster=self._cluster,
            commands=commands,
            clock=clock,
            emit=emit,
            started=self._started,
            follow=not self.several,
            keep=self._keep,
            queued_before=lambda: self._commands.queued_before(name),
        )
        return tracker

    def _emit_of(self, name: str, event: JobEvent) -> None:
        """Emit an event of one application. In a group, emit only states, failed pods of Jobs and failed requests."""
        match event:
            case _ if not self.several:
                self._emit(event)
            case ApplicationState() if event.reason != CONFIRMING:
                self._emit_named(name, event)
            case JobPodFailed():
                self._emit_named(name, event)
            case NoAnswer() if self._is_new(event):
                self._emit_named(name, event)
            case _:
                pass

    def _emit_named(self, name: str, event: ApplicationEvent) -> None:
        self._emit(replace(event, name=name, width=self._width))

    def _is_new(self, event: NoAnswer) -> bool:
        """Return True if the reason for the failed look is new, or was last logged long enough ago to be repeated."""
        (reason, at), now = self._no_answer, self._clock.now()
        if event.reason == reason and now - at < NO_ANSWER_SECONDS:
            return False
        self._no_answer = (event.reason, now)
        return True

    def _judged(self, name: str, verdict: Verdict, waited: int) -> None:
        word = verdict.outcome.word if verdict.outcome else ""
        reason = "" if verdict.outcome is Outcome.DELIVERED else verdict.reason
        if self.several:
            self._emit_named(name, Judged(outcome=word, waited=waited, reason=reason))

    def _emit(self, event: JobEvent, /) -> None:
        """Emit an event. Any thread can call this function, because a lock protects the job log."""
        if isinstance(event, Summary) and not self.several:
            return
        with self._emitting:
            self._line(event)
