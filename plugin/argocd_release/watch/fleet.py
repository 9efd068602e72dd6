"""Many applications: a tracker each, on one clock and one deadline, fed by one list a poll."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from argocd_release.model.errors import ArgoCDError
from argocd_release.model.observation import ANSWERS
from argocd_release.model.outcome import Outcome
from argocd_release.model.ports import Clock, Emit
from argocd_release.model.verdict import Verdict
from argocd_release.watch.tracker import Tracker

# A list of many costs what it costs whoever asks, so one that was just taken is good for a while.
LEAST_SECONDS: Final = 1.0


POLL_SECONDS: Final = 4.0


SUMMARY_SECONDS: Final = 15.0


@dataclass
class Member:
    """One application of the set. ``verdict`` None: not known yet; ``seconds``: since the job began, when it was."""

    name: str
    tracker: Tracker
    verdict: Verdict | None = None
    seconds: float = 0.0
    look_again_at: float = 0.0

    @property
    def failed(self) -> bool:
        return self.verdict is not None and self.verdict.outcome is not Outcome.DELIVERED


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What one poll found. ``names``: of this job; ``count``: of all jobs; ``error``: why nothing can be said."""

    names: tuple[str, ...] = ()
    count: int = 0
    error: ArgoCDError | None = None


class Fleet:
    """Waits for many. ``poll`` asks for the list and says who is meant; ``track`` makes a tracker.

    ``complete``: whether so many are enough; until then more may appear, for ``appear`` seconds. ``connect``: seconds
    for which the first list may fail. ``stop_early``: whether one that fails ends the wait for the others.
    """

    def __init__(
        self,
        *,
        poll: Callable[[], Seen],
        track: Callable[[str], Tracker],
        clock: Clock,
        emit: Emit,
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
        self._started = started
        self._timeout = timeout
        self._complete = complete
        self._appear = appear
        self._connect = connect
        self._stop_early = stop_early
        self._check = check
        self._summed_up_at = started

    @property
    def pending(self) -> tuple[Member, ...]:
        return tuple(member for member in self.members.values() if member.verdict is None)

    def run(self) -> ArgoCDError | None:
        """Until each has its verdict, and no more may appear. Gives why nothing is known, where that is so."""
        while True:
            self._check()
            began = self._clock.now()
            seen = self._poll()
            self._take_in(seen)
            for member in self.pending:
                self._step(member)
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
        self.count = max(self.count, seen.count)
        for name in seen.names:
            if name not in self.members:
                self.members[name] = Member(name=name, tracker=self._track(name))

    def _step(self, member: Member) -> None:
        self._check()
        if self._clock.now() < member.look_again_at:
            return
        step = member.tracker.step()
        if step.verdict is None:
            member.look_again_at = step.look_again_at
        else:
            self._judged(member, step.verdict)

    def _judged(self, member: Member, verdict: Verdict) -> None:
        member.verdict, member.seconds = verdict, self._clock.now() - self._started
        word = verdict.outcome.word if verdict.outcome else ""
        reason = "" if verdict.outcome is Outcome.DELIVERED else f": {verdict.reason}"
        self._emit("judged", name=member.name, outcome=word, waited=round(member.seconds), reason=reason)

    def _is_over(self, seen: Seen) -> bool:
        elapsed = self._clock.now() - self._started
        if self._stop_early and any(member.failed for member in self.members.values()):
            return True
        if elapsed >= self._timeout and not self.pending:
            return True
        if not self.members and seen.error is not None:
            return elapsed >= (0 if seen.error.trouble in ANSWERS else min(self._connect, self._timeout))
        return not self.pending and (self._complete(self.count) or elapsed >= self._appear)

    def _sum_up(self) -> None:
        now = self._clock.now()
        if now - self._summed_up_at < SUMMARY_SECONDS:
            return
        self._summed_up_at = now
        failed, left = sum(member.failed for member in self.members.values()), len(self.pending)
        whole = len(self.members)
        waited = round(now - self._started)
        self._emit(
            "summary", delivered=whole - failed - left, whole=whole, pending=left, failed=failed,
            waited=waited, timeout=round(self._timeout),
        )  # fmt: skip

    def _rest(self, began: float) -> None:
        now = self._clock.now()
        soonest = min((member.look_again_at for member in self.pending), default=now + LEAST_SECONDS)
        until = max(min(soonest, began + POLL_SECONDS), began + LEAST_SECONDS)
        deadline = self._started + self._timeout
        self._clock.sleep(max(min(began + LEAST_SECONDS, max(deadline, now)) - now, 0.0))
        self._clock.pause(max(min(until, max(deadline, now)) - self._clock.now(), 0.0))
