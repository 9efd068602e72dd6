"""The loop: look at the application, judge, wait for news or the next look, until the verdict or the deadline.

Clock and commands are arguments, so a wait of ten minutes is tested in milliseconds.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, Protocol

from argocd_release.application import Application, HealthStatus
from argocd_release.errors import ArgoCDError, Outcome, Trouble
from argocd_release.rules import Expectation, Patience
from argocd_release.timeline import Timeline
from argocd_release.tree import Workloads
from argocd_release.verdict import Failure, History, Verdict, judge

POLL_SECONDS: Final = 2.0
# Between the look that first sees an end and the one that confirms it.
CONFIRM_SECONDS: Final = 0.5
BURST_SECONDS: Final = 0.3
# A look just before the deadline still gets this long to answer.
LEAST_CALL_SECONDS: Final = 2.0
REFRESH_SECONDS: Final = 10.0
UNCOMPARED_SECONDS: Final = 5.0
# With the next look at most 2 s away, nobody waits longer than 15 s for a word.
STILL_WAITING_SECONDS: Final = 12.0


class Emit(Protocol):
    """Takes an event by its constant name, as ``structlog``'s ``log.info`` does."""

    def __call__(self, event: str, /, *args: Any, **fields: Any) -> object: ...


class Clock(Protocol):
    """Seconds that only go forward, a sleep, and a pause that ``wake`` cuts short, even one called before it."""

    def now(self) -> float: ...
    def sleep(self, seconds: float) -> None: ...
    def pause(self, seconds: float) -> None: ...
    def wake(self) -> None: ...


class Feed(Protocol):
    @property
    def ended(self) -> bool: ...
    def stop(self, *, grace: float = 0.0) -> None: ...


class Commands(Protocol):
    """What the loop needs of the argocd CLI."""

    def get(self, name: str, *, seconds: float, refresh: bool = False, echo: bool = False) -> Application: ...
    def wait(self, name: str, *, seconds: float, on_line: Callable[[str], None]) -> Feed: ...


class MonotonicClock:
    """The machine's own clock."""

    def __init__(self) -> None:
        self._news = threading.Event()

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def pause(self, seconds: float) -> None:
        self._news.wait(seconds)
        self._news.clear()

    def wake(self) -> None:
        self._news.set()


class Tracker:
    """Tracks one application; ``application`` is the last state seen (None: none), also of a run that is cut short."""

    def __init__(
        self,
        name: str,
        *,
        commands: Commands,
        clock: Clock,
        timeout: float,
        emit: Emit,
        patience: Patience = Patience(),  # noqa: B008 - frozen
        expectation: Expectation = Expectation(),  # noqa: B008 - frozen
        workloads: Callable[[str], Workloads] | None = None,
    ) -> None:
        self.application: Application | None = None
        self.timeline = Timeline()
        self._name = name
        self._commands = commands
        self._clock = clock
        self._started = clock.now()
        self._timeout = timeout
        self._emit = emit
        self._history = History(patience=patience, expectation=expectation)
        self._workloads = workloads
        self._workloads_seen = True
        self._feed: Feed | None = None
        self._shown: tuple[str, float] = ("", self._started)

    def track(self) -> Verdict:
        """Look, judge and wait until there is a verdict; at the deadline it is *timed out* (or *unreachable*)."""
        history = self._history
        try:
            while True:
                seen, compared = self._look(compare=not history.compared, echo=history.now == 0)
                answered = isinstance(seen, Application)
                history = history.observe(seen, now=self._clock.now(), compared=compared)
                verdict = judge(seen, history)
                if isinstance(seen, Application):
                    for change in self.timeline.look(seen, self._clock.now() - self._started):
                        self._emit("transition", what=change.what, value=change.value, at=change.at)
                if verdict.outcome is None and self._left() <= 0:
                    verdict = self._timed_out(seen, verdict)
                if verdict.outcome is not None:
                    if self._feed is not None:
                        self._feed.stop(grace=1.0 if verdict.outcome is Outcome.DELIVERED else 0.0)
                    return verdict
                self._tell(seen, verdict)
                if answered and self._feed is None:
                    self._feed = self._commands.wait(self._name, seconds=self._timeout, on_line=self._on_line)
                self._rest(confirming=bool(history.sightings) and answered)
        finally:
            if self._feed is not None:
                self._feed.stop()

    def _look(self, *, compare: bool, echo: bool) -> tuple[Application | Failure, bool]:
        """What was seen, and whether Argo CD has compared for it."""
        left = max(self._left(), LEAST_CALL_SECONDS)
        try:
            seconds = min(left, REFRESH_SECONDS) if compare else left
            self.application = self._commands.get(self._name, seconds=seconds, refresh=compare, echo=echo)
        except ArgoCDError as error:
            if compare and error.trouble is Trouble.HUNG:
                return self._look_without_comparing(), False
            return Failure(trouble=error.trouble, message=error.message), False
        return self._with_workloads(self.application), compare

    def _with_workloads(self, application: Application) -> Application:
        # While a pod crashes the application stays Progressing until the Deployment's own deadline, ten minutes.
        if self._workloads is None or application.health not in {HealthStatus.PROGRESSING, HealthStatus.DEGRADED}:
            return application
        try:
            return replace(application, workloads=self._workloads(self._name))
        except ArgoCDError as error:
            if self._workloads_seen:
                self._emit("pods not seen", error=error.message)
            self._workloads_seen = False
            return application

    def _look_without_comparing(self) -> Application | Failure:
        # A refresh waits for the application controller without end; a frozen API server answers nothing at all.
        try:
            self.application = self._commands.get(self._name, seconds=UNCOMPARED_SECONDS)
        except ArgoCDError as error:
            return Failure(trouble=error.trouble, message=error.message)
        return self.application

    def _rest(self, *, confirming: bool) -> None:
        # News never brings the next look sooner than `least`: a rollout is a burst of news, and two looks at the same
        # instant would confirm nothing.
        least, most = (CONFIRM_SECONDS, CONFIRM_SECONDS) if confirming else (BURST_SECONDS, POLL_SECONDS)
        self._clock.sleep(min(least, max(self._left(), 0.0)))
        self._clock.pause(min(most - least, max(self._left(), 0.0)))

    def _left(self) -> float:
        return self._started + self._timeout - self._clock.now()

    def _timed_out(self, seen: Application | Failure, verdict: Verdict) -> Verdict:
        within = f"within {self._timeout:.0f} s"
        if isinstance(seen, Failure) and seen.trouble is not Trouble.MISSING:
            return replace(verdict, outcome=Outcome.UNREACHABLE, reason=f"{verdict.reason} ({within})")
        hint = "fix what it waits for, or raise RELEASE_TIMEOUT if it only needs longer"
        return replace(
            verdict, outcome=Outcome.TIMED_OUT, reason=f"not delivered {within}: {verdict.reason}", hint=hint
        )

    def _on_line(self, line: str) -> None:
        if line:
            self._emit("output", line=line)
        self._clock.wake()

    def _tell(self, seen: Application | Failure, verdict: Verdict) -> None:
        now, (shown, at) = self._clock.now(), self._shown
        if verdict.reason == shown and now - at < STILL_WAITING_SECONDS:
            return
        self._shown = (verdict.reason, now)
        waited = round(now - self._started)
        if verdict.reason == shown:
            self._emit("still waiting", reason=verdict.reason, waited=waited, timeout=round(self._timeout))
        elif isinstance(seen, Failure):
            self._emit("no answer", reason=verdict.reason)
        else:
            revision = seen.revision[:7] if len(seen.revisions) == 1 else seen.revision
            reason = verdict.reason.removeprefix(f"{seen.sync}: ").removeprefix(f"{seen.health}: ")
            self._emit("state", sync=seen.sync, health=seen.health, revision=revision, reason=reason)
