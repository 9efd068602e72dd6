"""What a run works with, made from its settings: the readers of Argo CD and of git, and what is waited for."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

from argocd_release.argocd.api import Api
from argocd_release.argocd.cli import ArgoCD
from argocd_release.release import after
from argocd_release.release.job_log import JobLog
from argocd_release.release.signals import Signals, Stop
from argocd_release.release.single import Single
from argocd_release.release.targets import targets_of
from argocd_release.release.tracking import Tracking, Watch, tracking
from argocd_release.settings import load
from argocd_release.timing.deadline import Deadline, JobDeadline
from argocd_release.watch.clock import MonotonicClock


@dataclass(frozen=True, kw_only=True)
class Tools:
    """``argocd``, ``api``: the two readers of Argo CD; each call of theirs ends before the job's deadline."""

    argocd: ArgoCD
    api: Api
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
    """The tools of a run; ``stack`` closes them. Raises ``ArgoCDError`` where there is no argocd."""
    argocd = stack.enter_context(
        ArgoCD(
            {**environ, **known.connection.environ},
            echo=log.command,
            on_call=log.called,
            deadline=deadline,
        )
    )
    api = stack.enter_context(Api(known.connection, on_call=log.called, deadline=deadline))
    clock = MonotonicClock()
    signals.on_arrival(argocd.cancel)
    signals.on_arrival(lambda _: clock.wake())
    sinks = after.sinks_of(known, deadline=deadline, stop=stop)
    see: Callable[[Any], object] = sinks.see if sinks is not None else lambda _: None
    expected = load.expected_of(known)
    how = tracking(known, expected, timeout=timeout, deadline=deadline, stop=stop, stack=stack)
    due, targets = Deadline(timeout), targets_of(known)
    watch: Watch
    if targets.one:
        watch = Single(targets.one, how, argocd=argocd, view=api, clock=clock, log=log, see=see)
    else:
        # A job of one application does without.
        from argocd_release.release.several import several  # noqa: PLC0415

        watch = several(targets, how, argocd=argocd, api=api, clock=clock, log=log, see=see)

    def track() -> Any:
        return after.reached(watch.wait(), known, deadline=due, log=log, stop=stop)

    tell = partial(after.told, sinks, log) if sinks is not None else None
    return Tools(argocd=argocd, api=api, tracking=how, watch=watch, tell=tell, track=track)
