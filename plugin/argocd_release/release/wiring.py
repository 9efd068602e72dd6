"""What a run works with, made from its settings: the readers of Argo CD and of git, and what is waited for."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

from argocd_release.release import after
from argocd_release.release.connect import Readers, connected
from argocd_release.release.job_log import JobLog
from argocd_release.release.server_warnings import ServerWarnings
from argocd_release.release.signals import Signals, Stop
from argocd_release.release.single import Single
from argocd_release.release.targets import targets_of
from argocd_release.release.tracking import Tracking, Watch, tracking
from argocd_release.settings import load
from argocd_release.timing.deadline import Deadline, JobDeadline
from argocd_release.watch.clock import MonotonicClock


@dataclass(frozen=True, kw_only=True)
class Tools:
    """``readers``: of Argo CD, as the settings ``known`` say, made of ``environ``."""

    known: load.Settings
    environ: Mapping[str, str]
    readers: Readers
    tracking: Tracking
    watch: Watch
    #: Tells others of the end, and gives the result with what came of it; None: nobody is to be told.
    tell: Callable[[Any], Any] | None
    #: Waits for the verdict, and gives it.
    track: Callable[[], Any]


def wire(
    known: load.Settings,
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
    expected = load.expected_of(known)
    how = tracking(known, expected, timeout=timeout, deadline=deadline, stop=stop, stack=stack)
    security = ServerWarnings(readers.connection if known.pods_matter else None, log)

    def see(application: Any) -> None:
        if sinks is not None:
            sinks.see(application)
        security.see(application)

    due, targets = Deadline(timeout), targets_of(known)
    watch: Watch
    if targets.one:
        watch = Single(targets.one, how, readers, clock=clock, log=log, see=see)
    else:
        # A job of one application does without.
        from argocd_release.release.several import several  # noqa: PLC0415

        watch = several(targets, how, readers, clock=clock, log=log, see=see)

    def track() -> Any:
        verdict = watch.wait()
        security.tell()
        return after.reached(verdict, known, deadline=due, log=log, stop=stop)

    tell = partial(after.told, sinks, log) if sinks is not None else None
    return Tools(known=known, environ=environ, readers=readers, tracking=how, watch=watch, tell=tell, track=track)
