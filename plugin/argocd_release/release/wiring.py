"""What a run works with, made from its settings: the readers of Argo CD and of git, and the tracker."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from argocd_release.argocd.api import Api
from argocd_release.argocd.cli import ArgoCD
from argocd_release.release import after, criteria
from argocd_release.release.job_log import JobLog
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
    """``argocd``, ``api``: the two readers of Argo CD; each call of theirs ends before the job's deadline."""

    argocd: ArgoCD
    api: Api
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
    """The tools of a run; ``stack`` closes them. Raises ``ArgoCDError`` where there is no argocd."""
    api = stack.enter_context(Api(known.connection, on_call=log.called, deadline=deadline))
    argocd = stack.enter_context(
        ArgoCD(
            {**environ, **known.connection.environ},
            echo=log.command,
            on_call=log.called,
            deadline=deadline,
            whole=api.application,
        )
    )
    clock = MonotonicClock()
    signals.on_arrival(argocd.cancel)
    signals.on_arrival(lambda _: clock.wake())
    pods_matter = (known.fail_fast and known.pod_grace > 0) or bool(known.image)
    sinks = after.sinks_of(known, deadline=deadline, stop=stop)
    histories = _histories(known, deadline=deadline, stop=stop, stack=stack)
    tracker = Tracker(
        known.app_name,
        commands=argocd,
        clock=clock,
        timeout=timeout,
        emit=log.beside(argocd, lambda: sinks.see(tracker.application) if sinks is not None else None),
        patience=criteria.graces(known),
        expectation=criteria.expectation(known),
        beneath=api if pods_matter else None,
        kinship=histories.kinship if histories else None,
        sync=known.sync,
        check=stop.check,
    )
    due = Deadline(timeout)

    def track() -> Any:
        return after.reached(run(tracker, clock), known, deadline=due, log=log, stop=stop)

    tell = partial(after.told, sinks, log) if sinks is not None else None
    return Tools(argocd=argocd, api=api, tracker=tracker, tell=tell, track=track)


def _histories(known: Settings, *, deadline: JobDeadline, stop: Stop, stack: ExitStack) -> "Histories | None":
    if not known.revision:
        return None
    # A library that most runs do without, and the slowest to load.
    from argocd_release.git.history import Histories  # noqa: PLC0415

    return stack.enter_context(Histories(known.git_access, stop=stop, limit=deadline.phase(Phase.VERDICT)))
