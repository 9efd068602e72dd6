"""Many applications: a tracker each, on one clock and one deadline, fed by one list a poll.

Each step sees a state that was asked for after the step before it had ended: two looks at one answer confirm nothing.
"""

import math
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Final

from argocd_release.model.application import Application
from argocd_release.model.errors import ArgoCDError
from argocd_release.model.events import Summary
from argocd_release.model.observation import ANSWERS
from argocd_release.model.outcome import Outcome
from argocd_release.model.ports import Clock, Emit
from argocd_release.model.verdict import Verdict
from argocd_release.timing.inquiry import answered, ask
from argocd_release.watch.tracker import Tracker

# A list of many costs what it costs whoever asks: one that was just taken is good for a while.
LEAST_SECONDS: Final = 0.5
POLL_SECONDS: Final = 2.0
SUMMARY_SECONDS: Final = 15.0
# So many applications are compared, or looked beneath, at the same time.
STEPS_AT_ONCE: Final = 8
# A step that takes longer goes on beside the next poll.
ROUND_SECONDS: Final = 2.0
# Of an application whose state in the list is what it was, a look shows only pods: all together not more often than so
# many a second. Each is looked at after these seconds all the same.
LOOKS_A_SECOND: Final = 20.0
UNSEEN_SECONDS: Final = 10.0
# After the deadline a last look at each gets so long in all.
OVERTIME_SECONDS: Final = 4.0


# What an application that manages another may still change.
_OPEN: Final = frozenset({Outcome.DELIVERED, Outcome.MISSING})


@dataclass
class Member:
    """One application of the set. ``verdict`` None: not known yet; ``seconds``: since the job began, when it was.

    ``under``: the application that manages it, or ``""``.
    """

    name: str
    tracker: Tracker
    under: str = ""
    verdict: Verdict | None = None
    seconds: float = 0.0
    look_again_at: float = 0.0
    ripens_at: float = math.inf
    # When the last step ended, and the state in the list when it began.
    looked_at: float = float("-inf")
    listed: Application | None = None
    stepping: bool = False
    #: Delivered or gone, while the application that manages it was not delivered yet: that one may still change it.
    held: Verdict | None = None
    #: Whether what manages it has its verdict.
    settled: bool = False

    @property
    def failed(self) -> bool:
        return self.verdict is not None and self.verdict.outcome is not Outcome.DELIVERED

    @property
    def delivered(self) -> bool:
        return self.verdict is not None and self.verdict.outcome is Outcome.DELIVERED


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What one poll found: the names of this job, each with the name of the application that manages it or ``""``.

    ``count``: of all jobs; ``states``: as the list has them; ``error``: why nothing can be said.
    """

    asked_at: float = 0.0
    names: Mapping[str, str] = field(default_factory=dict)
    count: int = 0
    states: Callable[[str], Application | None] = lambda _: None
    error: ArgoCDError | None = None


class Crew:
    """Steps of several applications at the same time; those that take long go on beside the next poll."""

    def __init__(self, step: Callable[[Member], object], clock: Clock) -> None:
        self._step = step
        self._clock = clock
        self._queue: deque[Member] = deque()
        self._working: list[Future[None]] = []

    def add(self, member: Member) -> None:
        """Let it take its step when there is room."""
        member.stepping = True
        self._queue.append(member)

    def start(self) -> None:
        """Begin as many steps as may go on at once."""
        room = max(STEPS_AT_ONCE - len(self._working), 0)
        self._working += [ask(self._work) for _ in range(min(room, len(self._queue)))]

    def wait(self, until: float, check: Callable[[], object]) -> None:
        """Until all have ended, or the moment has come; raises what a step raised, and what ``check`` does."""
        for each in self._working:
            answered(each, seconds=max(until - self._clock.now(), 0.0), check=check)
        ended = [each for each in self._working if each.done()]
        self._working = [each for each in self._working if each not in ended]
        for each in ended:
            each.result()

    def _work(self) -> None:
        while self._queue:
            try:
                member = self._queue.popleft()
            except IndexError:
                # Another one was faster.
                return
            try:
                self._step(member)
            finally:
                member.looked_at, member.stepping = self._clock.now(), False


class Fleet:
    """Waits for many. ``poll`` asks for the list and says who is meant; None: another poll will. ``track`` tracks one.

    ``complete``: whether so many are enough; until then more may appear, for ``appear`` seconds. ``connect``: seconds
    for which the first list may fail. ``judged``: is told of each verdict, by name and seconds. ``stop_early``: whether
    one that fails ends the wait for the others.
    """

    def __init__(
        self,
        *,
        poll: Callable[[], Seen | None],
        track: Callable[[str], Tracker],
        clock: Clock,
        emit: Emit,
        judged: Callable[[str, Verdict, int], object],
        started: float,
        timeout: float,
        complete: Callable[[int], bool],
        appear: float,
        connect: float,
        stop_early: bool,
        check: Callable[[], object] = lambda: None,
    ) -> None:
        self.members: dict[str, Member] = {}
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
        self._connect = connect
        self._stop_early = stop_early
        self._check = check
        self._summed_up_at = started
        # Argo CD may take its time to compare; who was compared already is not to wait for that.
        self._first, self._again = Crew(self._step_one, clock), Crew(self._step_one, clock)

    @property
    def pending(self) -> tuple[Member, ...]:
        """Those without a verdict."""
        return tuple(member for member in self.members.values() if member.verdict is None)

    @property
    def elapsed(self) -> float:
        return self._clock.now() - self._started

    @property
    def gathered(self) -> bool:
        """Whether no more applications are waited for."""
        return self._complete(self.count) or self.elapsed >= self._appear

    def run(self) -> ArgoCDError | None:
        """Until each has its verdict, and no more may appear. Gives why nothing is known, where that is so."""
        while True:
            self._check()
            began = self._clock.now()
            seen = self._poll()
            if seen is None:
                self._rest(began, at_once=True)
                continue
            self._take_in(seen)
            self._step(seen)
            self._settle(seen)
            if self.elapsed >= self._timeout + OVERTIME_SECONDS:
                for member in self.pending:
                    self._judged(member, member.held or member.tracker.expired())
            if self._is_over(seen):
                return seen.error if not self.members else None
            self._sum_up()
            self._rest(began)

    def give_up(self, verdict: Verdict) -> None:
        """What is pending gets this verdict."""
        for member in self.pending:
            self._judged(member, verdict)

    def _take_in(self, seen: Seen) -> None:
        if seen.error is not None:
            return
        self.count = seen.count
        for name, under in seen.names.items():
            member = self.members.get(name)
            if member is None:
                self.members[name] = Member(name=name, tracker=self._track(name), under=under)
            elif under and not member.settled and not member.failed:
                # What manages it has shown so only now: what was seen of it may be what is to be changed.
                member.under, member.held, member.verdict = under, member.held or member.verdict, None

    def _step(self, seen: Seen) -> None:
        """Let those who are due take their step, several at the same time; those that take long go on meanwhile."""
        for member in self.pending:
            if self._is_due(member, seen):
                member.listed = seen.states(member.name)
                (self._first if member.looked_at == float("-inf") else self._again).add(member)
        until = self._clock.now() + ROUND_SECONDS
        for crew in (self._again, self._first):
            crew.start()
        for crew in (self._again, self._first):
            crew.wait(until, self._check)

    def _step_one(self, member: Member) -> None:
        if member.verdict is not None:
            return
        step = member.tracker.step()
        verdict = step.verdict
        if verdict is None:
            member.look_again_at, member.ripens_at = step.look_again_at, step.ripens_at
        elif verdict.outcome in _OPEN and member.under:
            member.held = verdict
        elif member.verdict is None:
            self._judged(member, verdict)

    def _settle(self, seen: Seen) -> None:
        """Once what manages them is delivered, applications are looked at anew: it may have changed them just now.

        One that it manages no more was taken away by this very release.
        """
        for member in self.pending:
            above = self.members.get(member.under)
            if member.stepping or not member.under or (above is not None and above.verdict is None):
                continue
            held, member.under, member.held, member.settled = member.held, "", None, True
            # Where what managed it was taken away itself, nothing manages it any more.
            delivered = above is None or above.delivered
            if delivered and seen.error is None and member.name not in seen.names:
                del self.members[member.name]
            elif delivered:
                member.tracker.close()
                member.tracker = self._track(member.name)
                member.look_again_at, member.looked_at = 0.0, float("-inf")
            elif held is not None:
                self._judged(member, held)

    def _is_due(self, member: Member, seen: Seen) -> bool:
        now = self._clock.now()
        if member.stepping or member.held is not None:
            return False
        if member.looked_at == float("-inf"):
            return True
        if seen.error is None and seen.asked_at < member.looked_at:
            return False
        changed = seen.error is None and seen.states(member.name) != member.listed
        return changed or now >= self._due_at(member)

    def _due_at(self, member: Member) -> float:
        """When it is looked at, if the list shows nothing new of it."""
        if member.look_again_at - member.looked_at <= LEAST_SECONDS:
            return member.look_again_at
        share = min(len(self.pending) / LOOKS_A_SECOND, UNSEEN_SECONDS)
        # What fails is known when its grace ends, however many others are waited for.
        ripe = member.ripens_at if member.ripens_at > member.looked_at else math.inf
        return min(max(member.look_again_at, member.looked_at + share), ripe, self._started + self._timeout)

    def _judged(self, member: Member, verdict: Verdict) -> None:
        member.seconds = self.elapsed
        member.verdict = verdict
        self._tell_verdict(member.name, verdict, round(member.seconds))

    def _is_over(self, seen: Seen) -> bool:
        if self._stop_early and any(member.failed for member in self.members.values()):
            return True
        if not self.members and seen.error is not None:
            return self.elapsed >= (0 if seen.error.trouble in ANSWERS else min(self._connect, self._timeout))
        return not self.pending and (self.gathered or self.elapsed >= self._timeout)

    def _sum_up(self) -> None:
        now = self._clock.now()
        if now - self._summed_up_at < SUMMARY_SECONDS:
            return
        self._summed_up_at = now
        failed, left = sum(member.failed for member in self.members.values()), len(self.pending)
        whole = len(self.members)
        self._emit(
            Summary(
                delivered=whole - failed - left,
                whole=whole,
                pending=left,
                failed=failed,
                waited=round(self.elapsed),
                timeout=round(self._timeout),
            )
        )

    def _rest(self, began: float, *, at_once: bool = False) -> None:
        now, deadline = self._clock.now(), max(self._started + self._timeout, self._clock.now())
        least, most = min(began + LEAST_SECONDS, deadline), began + POLL_SECONDS
        soonest = min((self._due_at(each) for each in self.pending if not each.stepping), default=most)
        self._clock.sleep(max(least - now, 0.0))
        if not at_once:
            self._clock.pause(max(min(soonest, most, deadline) - self._clock.now(), 0.0))
