"""A job of many applications: the list of a poll, a tracker each, and the verdict on all of them."""

import threading
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from argocd_release.model.application import Application
from argocd_release.model.errors import ArgoCDError
from argocd_release.model.events import JobEvent, Judged, NoAnswer, NoAnswerOfOne, State, StateOfOne
from argocd_release.model.observation import ANSWERS
from argocd_release.model.outcome import Outcome, aggregate, tally
from argocd_release.model.ports import Clock, Commands, Emit, Lists
from argocd_release.model.verdict import Verdict, overall
from argocd_release.release.targets import Targets, resolve, top
from argocd_release.verdict.judge import CONFIRMING
from argocd_release.watch.fleet import Fleet, Member, Seen
from argocd_release.watch.shared import Listing, SharedCommands
from argocd_release.watch.tracker import Tracker

LIST_SECONDS: Final = 15.0
# What a selector matches is asked for again after these seconds, where the list of a poll does not say it itself.
SELECT_SECONDS: Final = 15.0
# Argo CD writes down its own namespace with the first comparison of an application.
HOME_SECONDS: Final = 15.0
# A list just before the deadline still gets this long.
LEAST_SECONDS: Final = 2.0


class MakeTracker(Protocol):
    """A tracker of the job's: all but these are the same for each application."""

    def __call__(self, name: str, *, commands: Commands, emit: Emit) -> Tracker: ...


class Many:
    """Waits for all that the targets mean. ``emit`` takes the log's events; ``make`` makes a tracker.

    ``see`` is told of each application that was looked at; ``known`` of the names of all jobs once all are there, and
    raises where one is missing.
    """

    several = True

    def __init__(
        self,
        targets: Targets,
        *,
        lists: Lists,
        reads: Commands,
        make: MakeTracker,
        clock: Clock,
        emit: Emit,
        see: Callable[[Application | None], object],
        known: Callable[[frozenset[str]], object],
        started: float,
        timeout: float,
        appear: float,
        connect: float,
        stop_early: bool,
        check: Callable[[], object],
    ) -> None:
        self._targets = targets
        self._lists = lists
        self._reads = reads
        self._make = make
        self._line = emit
        self._see = see
        self._known = known
        self._ends_at = started + timeout
        self._clock = clock
        self._listing = Listing()
        self._selected: tuple[float, tuple[str, ...]] | None = None
        self._names: frozenset[str] = frozenset()
        # Argo CD's own namespace; None: not known yet, "": it never showed.
        self._home: str | None = None
        self._home_until = started + min(HOME_SECONDS, timeout / 2)
        self._width = 0
        self._asked = 0
        self._emitting = threading.Lock()
        self.fleet = Fleet(
            poll=self._poll,
            track=self._track,
            clock=clock,
            emit=self._tell,
            judged=self._judged,
            started=started,
            timeout=timeout,
            complete=lambda count: not targets.count.few(count),
            appear=min(appear, timeout),
            connect=connect,
            stop_early=stop_early,
            check=check,
        )

    @property
    def members(self) -> Sequence[Member]:
        """By name."""
        return sorted(self.fleet.members.values(), key=lambda member: member.name)

    def wait(self) -> Verdict:
        """Until each has its verdict; gives the one on all. Raises ``Cancelled``, and what ``known`` raises."""
        error = self.fleet.run()
        first = next((member for member in self.members if member.failed), None)
        if first is not None and self.fleet.pending:
            reason = f"not judged: <RELEASE_ON_FAILURE> is stop, and {first.name} was not delivered"
            self.fleet.give_up(Verdict(outcome=Outcome.CANCELLED, reason=reason))
        elif error is None and self.fleet.gathered:
            self._known(self._names)
        return self._verdict(error)

    def _verdict(self, error: ArgoCDError | None) -> Verdict:
        """On the set as a whole, where that is worse than what its applications say."""
        targets, count = self._targets, self.fleet.count
        if error is not None:
            outcome = Outcome.DENIED if error.trouble in ANSWERS else Outcome.UNREACHABLE
            return Verdict(outcome=outcome, reason=error.message, hint="check the token, and what it may see")
        judged = [member.verdict.outcome for member in self.members if member.verdict]
        outcomes = [outcome for outcome in judged if outcome is not None]
        if targets.count.few(count) or targets.count.many(count):
            found = {0: "no application matches", 1: "1 application matches"}.get(count, f"{count} applications match")
            reason = f"{found} {targets}, but {targets.count} must"
            hint = (
                "check the selector, and that the token may see them; <RELEASE_APPEAR_TIMEOUT> waits for those to come"
            )
            of_those = f"; of those that do: {tally(outcomes)}" if outcomes else ""
            worst = aggregate((*outcomes, Outcome.MISSING))
            return Verdict(outcome=worst, reason=f"{reason}{of_those}", hint=hint)
        if not outcomes:
            of = f"none of the {count} applications falls to job {targets.job} of {targets.jobs}"
            return Verdict(outcome=Outcome.DELIVERED, reason=of)
        return overall(outcomes)

    def _poll(self) -> Seen | None:
        targets, asked_at = self._targets, self._clock.now()
        alone = targets.selects and not (targets.names or targets.children)
        try:
            if targets.selects and not alone and self._is_selecting():
                # One list a poll: who is meant now, how they are the next time.
                chosen = self._list(selector=targets.selector, project=targets.project)
                self._selected = (asked_at, tuple(each.full_name for each in chosen))
                return None
            known = self._list(**({"selector": targets.selector, "project": targets.project} if alone else {}))
        except ArgoCDError as error:
            self._listing = Listing(asked_at=asked_at, error=error)
            return Seen(asked_at=asked_at, error=error)
        listing = Listing(asked_at=asked_at, applications={each.full_name: each for each in known})
        self._listing = listing
        if self._is_homeless(listing):
            return None
        selected = tuple(listing.applications) if alone else self._selected[1] if self._selected else ()
        under = resolve(targets, selected, listing.applications, self._home or "")
        self._names |= under.keys()
        mine = {name: above for name, above in under.items() if targets.mine(top(name, under))}
        self._width = max((self._width, *map(len, mine)))
        there = [name for name in under if listing.find(name) or name in targets.names]
        if len(there) >= targets.count.number and self._clock.now() >= self._ends_at:
            self._known(self._names)
        return Seen(asked_at=asked_at, names=mine, count=len(there), states=listing.find)

    def _is_homeless(self, listing: Listing) -> bool:
        """Whether to wait for Argo CD's own namespace: before and after, an application would have two names.

        And in a job of several jobs perhaps another place.
        """
        if self._home is None and listing.applications:
            if not listing.namespace and self._clock.now() < self._home_until:
                return self._targets.selects or self._targets.children
            self._home = listing.namespace
        return False

    def _is_selecting(self) -> bool:
        return self._selected is None or self._clock.now() - self._selected[0] >= SELECT_SECONDS

    def _list(self, **chosen: str) -> tuple[Application, ...]:
        left = max(self._ends_at - self._clock.now(), LEAST_SECONDS)
        self._asked += 1
        # The selection and the list, or the list alone.
        told = 2 if self._targets.selects and (self._targets.names or self._targets.children) else 1
        return self._lists.list(seconds=min(left, LIST_SECONDS), echo=self._asked <= told, **chosen)

    def _track(self, name: str) -> Tracker:
        commands = SharedCommands(commands=self._reads, listing=lambda: self._listing, now=self._clock.now)

        def emit(event: JobEvent, /) -> None:
            self._see(tracker.application)
            # What else a single application's log says, nobody would read of many.
            match event:
                case State() if event.reason != CONFIRMING:
                    text = f"{event.sync} to {event.revision}, {event.health}: {event.reason}"
                    self._tell(StateOfOne(text=self._aligned(name, text), name=name, **event.told))
                case NoAnswer():
                    text = self._aligned(name, f"{event.reason}; trying again")
                    self._tell(NoAnswerOfOne(text=text, name=name, **event.told))
                case _:
                    pass

        tracker = self._make(name, commands=commands, emit=emit)
        return tracker

    def _judged(self, name: str, verdict: Verdict, waited: int) -> None:
        word = verdict.outcome.word if verdict.outcome else ""
        reason = "" if verdict.outcome is Outcome.DELIVERED else verdict.reason
        text = self._aligned(name, f"{word} after {waited} s{f': {reason}' if reason else ''}")
        self._tell(Judged(text=text, name=name, outcome=word, waited=waited, reason=reason))

    def _aligned(self, name: str, text: str) -> str:
        return f"{name.ljust(self._width)} | {text}"

    def _tell(self, event: JobEvent, /) -> None:
        """Take an event of any of the threads."""
        with self._emitting:
            self._line(event)
