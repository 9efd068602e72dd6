"""A job of one application."""

from collections.abc import Callable, Sequence

from argocd_release.model.application import Application
from argocd_release.model.ports import Clock
from argocd_release.model.verdict import Verdict
from argocd_release.release.connect import Readers
from argocd_release.release.job_log import JobLog
from argocd_release.release.tracking import Judged, Tracking
from argocd_release.watch.runner import run


class Single:
    """Waits for the one; ``see`` is told of each state of it."""

    several = False
    verdict = None
    seconds = 0.0

    def __init__(
        self,
        name: str,
        tracking: Tracking,
        readers: Readers,
        *,
        clock: Clock,
        log: JobLog,
        see: Callable[[Application | None], object],
    ) -> None:
        self.name = name
        self._clock = clock
        emit = log.beside(readers.argocd, lambda: see(self.tracker.application))
        self.tracker = tracking.tracker(name, commands=readers.commands, beneath=readers.api, clock=clock, emit=emit)

    @property
    def members(self) -> Sequence[Judged]:
        return (self,)

    def wait(self) -> Verdict:
        return run(self.tracker, self._clock)
