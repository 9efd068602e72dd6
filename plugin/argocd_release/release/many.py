"""A job of many applications: the list of a poll, a tracker each, and what is said of them in the end."""

import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, Protocol

from argocd_release.argocd.cli import ArgoCD
from argocd_release.model.application import Application
from argocd_release.model.diagnosis import Diagnosis
from argocd_release.model.errors import ArgoCDError
from argocd_release.model.observation import ANSWERS
from argocd_release.model.outcome import Outcome, aggregate
from argocd_release.model.ports import Clock, Commands, Emit
from argocd_release.model.result import ApplicationResult
from argocd_release.model.verdict import Verdict
from argocd_release.release.targets import Targets, resolve
from argocd_release.watch.fleet import Fleet, Member, Seen
from argocd_release.watch.shared import REFRESHES_AT_ONCE, Listing, SharedCommands
from argocd_release.watch.tracker import Tracker

LIST_SECONDS: Final = 15.0


# So many are looked into; of the others the verdict is enough.
DIAGNOSED_MOST: Final = 5


# What a single application's log says, and nobody would read of many.
_TOLD: Final = frozenset({"state", "no answer"})


class MakeTracker(Protocol):
    """A tracker of the job's: all but these are the same for each application."""

    def __call__(self, name: str, *, commands: Commands, emit: Emit) -> Tracker: ...


class Many:
    """Waits for all that the targets mean. ``emit`` takes the log's events; ``make`` makes a tracker."""

    def __init__(
        self,
        targets: Targets,
        *,
        argocd: ArgoCD,
        make: MakeTracker,
        clock: Clock,
        emit: Emit,
        started: float,
        timeout: float,
        appear: float,
        connect: float,
        stop_early: bool,
        check: Callable[[], object],
    ) -> None:
        self._targets = targets
        self._argocd = argocd
        self._make = make
        self._emit = emit
        self._started = started
        self._timeout = timeout
        self._clock = clock
        self._listing = Listing()
        self._at_once = threading.Semaphore(REFRESHES_AT_ONCE)
        self._width = 0
        self.fleet = Fleet(
            poll=self._poll,
            track=self._track,
            clock=clock,
            emit=self._emit_judged,
            started=started,
            timeout=timeout,
            complete=lambda count: not targets.count.few(count),
            appear=min(appear, timeout),
            connect=connect,
            stop_early=stop_early,
            check=check,
        )

    def wait(self) -> Verdict:
        """Until each has its verdict; gives the one on all."""
        error = self.fleet.run()
        first = next((member for member in self.fleet.members.values() if member.failed), None)
        if first is not None and self.fleet.pending:
            reason = f"not judged: RELEASE_ON_FAILURE is stop, and {first.name} was not delivered"
            self.fleet.give_up(Verdict(outcome=Outcome.CANCELLED, reason=reason))
        return self.verdict(error)

    def verdict(self, error: ArgoCDError | None = None) -> Verdict:
        """On the set as a whole, where that is worse than what its applications say."""
        targets, count = self._targets, self.fleet.count
        if error is not None:
            outcome = Outcome.DENIED if error.trouble in ANSWERS else Outcome.UNREACHABLE
            return Verdict(outcome=outcome, reason=error.message, hint="check the token, and what it may see")
        judged = [member.verdict.outcome for member in self.fleet.members.values() if member.verdict]
        outcomes = [outcome for outcome in judged if outcome is not None]
        if targets.count.few(count) or targets.count.many(count):
            found = "no application matches" if not count else f"{count} applications match"
            reason = f"{found} {targets}, and {targets.count} must"
            hint = "check the selector, and that the token may see them; RELEASE_APPEAR_TIMEOUT waits for those to come"
            worst = aggregate((*outcomes, Outcome.MISSING))
            return Verdict(outcome=worst, reason=f"{reason}{_and(outcomes)}", hint=hint)
        if not outcomes:
            of = f"none of the {count} applications falls to job {targets.job} of {targets.jobs}"
            return Verdict(outcome=Outcome.DELIVERED, reason=of)
        return Verdict(outcome=aggregate(outcomes), reason=f"{len(outcomes)} applications{_and(outcomes, ': ')}")

    def results(
        self,
        verdict: Verdict,
        found: Mapping[str, Diagnosis],
        *,
        url: Callable[[str], str],
        ended_at: datetime,
        **parts: Any,
    ) -> tuple[ApplicationResult, ...]:
        """One an application; of those without a verdict of their own ``verdict``, as of a job that is cut short."""
        return tuple(
            ApplicationResult(
                verdict=member.verdict or verdict,
                name=member.name,
                url=url(member.name),
                seconds=member.seconds or time.monotonic() - self._started,
                ended_at=ended_at,
                application=member.tracker.application,
                diagnosis=found.get(member.name, Diagnosis()),
                transitions=tuple(member.tracker.timeline.transitions),
                **parts,
            )
            for member in self._members()
        )

    def _members(self) -> list[Member]:
        return sorted(self.fleet.members.values(), key=lambda member: member.name)

    def _poll(self) -> Seen:
        targets, asked_at = self._targets, time.monotonic()
        left = max(self._started + self._timeout - self._clock.now(), 2.0)
        try:
            selected: tuple[Application, ...] = ()
            if targets.selects:
                selected = self._argocd.list(
                    seconds=min(left, LIST_SECONDS), selector=targets.selector, project=targets.project
                )
            known = selected
            if targets.names or targets.children:
                known = self._argocd.list(seconds=min(left, LIST_SECONDS))
        except ArgoCDError as error:
            self._listing = Listing(asked_at=asked_at, error=error)
            return Seen(error=error)
        self._listing = Listing(asked_at=asked_at, applications={each.full_name: each for each in known})
        meant = resolve(targets, selected, self._listing.applications)
        there = [name for name in meant if self._listing.find(name) or name in targets.names]
        mine = tuple(name for name in meant if targets.mine(name))
        self._width = max((self._width, *map(len, mine)))
        return Seen(names=mine, count=len(there))

    def _track(self, name: str) -> Tracker:
        commands = SharedCommands(commands=self._argocd, listing=lambda: self._listing, at_once=self._at_once)

        def emit(event: str, /, **fields: Any) -> None:
            if event in _TOLD:
                self._emit(f"{event} of one", name=name.ljust(self._width), **fields)

        return self._make(name, commands=commands, emit=emit)

    def _emit_judged(self, event: str, /, **fields: Any) -> None:
        if "name" in fields:
            fields["name"] = fields["name"].ljust(self._width)
        self._emit(event, **fields)


def _and(outcomes: list[Outcome], before: str = "; of those that do: ") -> str:
    counts = {each: outcomes.count(each) for each in Outcome}
    by_severity = sorted((each for each in Outcome if counts[each]), key=lambda each: -each.severity)
    said = ", ".join(f"{counts[each]} {each.word}" for each in by_severity)
    return f"{before}{said}" if said else ""
