"""What a run works with, made from its settings: the readers of Argo CD and of git, and the tracker."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from argocd_release.release import after, criteria
from argocd_release.release.connect import Readers, connected
from argocd_release.release.job_log import JobLog
from argocd_release.release.server_warnings import ServerWarnings
from argocd_release.release.signals import Signals, Stop
from argocd_release.settings.load import Settings
from argocd_release.timing.deadline import Deadline, JobDeadline, Phase
from argocd_release.watch.clock import MonotonicClock
from argocd_release.watch.runner import run
from argocd_release.watch.tracker import Tracker

if TYPE_CHECKING:
    from argocd_release.git.history import Histories


@dataclass(frozen=True, kw_only=True)
class Tools:
    """``readers``: of Argo CD, as the settings ``known`` say, made of ``environ``."""

    known: Settings
    environ: Mapping[str, str]
    readers: Readers
    tracker: Tracker
    #: Tells others of the end, and gives the result with what came of it; None: nobody is to be told.
    tell: Callable[[Any], Any] | None
    #: Waits for the verdict, and gives it.
    track: Callable[[], Any]


def wire(
    known: Settings,
    environ: Mapping[str, str],
    *,
    timeout: float,
    deadline: JobDeadline,
    log: JobLog,
    signals: Signals,
    stop: Stop,
    stack: ExitStack,
) -> Tools:
    """The tools of a run; ``stack`` closes them. Raises what ``connected`` does."""
    clock = MonotonicClock()
    readers = connected(
        known, environ, timeout=timeout, deadline=deadline, log=log, clock=clock, check=stop.check, stack=stack
    )
    signals.on_arrival(readers.argocd.cancel)
    signals.on_arrival(lambda _: clock.wake())
    sinks = after.sinks_of(known, deadline=deadline, stop=stop)
    security = ServerWarnings(readers.connection if known.pods_matter else None, log)

    def see() -> None:
        if sinks is not None:
            sinks.see(tracker.application)
        security.see(tracker.application)

    histories = _histories(known, deadline=deadline, stop=stop, stack=stack)
    tracker = Tracker(
        known.app_name,
        commands=readers.commands,
        clock=clock,
        timeout=timeout,
        emit=log.beside(readers.argocd, see),
        patience=criteria.graces(known),
        expectation=criteria.expectation(known),
        beneath=readers.api if known.pods_matter else None,
        kinship=histories.kinship if histories else None,
        sync=known.sync,
        check=stop.check,
    )
    due = Deadline(timeout)

    def track() -> Any:
        verdict = run(tracker, clock)
        security.tell()
        return after.reached(verdict, known, deadline=due, log=log, stop=stop)

    tell = partial(after.told, sinks, log) if sinks is not None else None
    return Tools(known=known, environ=environ, readers=readers, tracker=tracker, tell=tell, track=track)


def _histories(known: Settings, *, deadline: JobDeadline, stop: Stop, stack: ExitStack) -> "Histories | None":
    if not known.revision:
        return None
    # A library that most runs do without, and the slowest to load.
    from argocd_release.git.history import Histories  # noqa: PLC0415

    return stack.enter_context(Histories(known.git_access, stop=stop, limit=deadline.phase(Phase.VERDICT)))
