"""What a job of many applications works with; a job of one does without all of it."""

from collections.abc import Callable
from functools import partial

from argocd_release.argocd.reads import Reads
from argocd_release.model.application import Application
from argocd_release.model.errors import SettingsError
from argocd_release.model.ports import Clock
from argocd_release.release.connect import Readers
from argocd_release.release.job_log import JobLog
from argocd_release.release.many import Many
from argocd_release.release.targets import Targets
from argocd_release.release.tracking import Tracking
from argocd_release.watch.clock import Unwoken
from argocd_release.watch.shared import SharedView


def several(
    targets: Targets,
    tracking: Tracking,
    readers: Readers,
    *,
    clock: Clock,
    log: JobLog,
    see: Callable[[Application | None], object],
) -> Many:
    """The set that the targets mean."""
    known, started = tracking.known, clock.now()
    reads = Reads(readers.commands, readers.lists, readers.api)

    def all_known(names: frozenset[str]) -> None:
        if problems := tracking.expected.unmatched(names):
            raise SettingsError(problems)

    return Many(
        targets,
        lists=reads,
        reads=reads,
        make=partial(
            tracking.tracker, beneath=SharedView(readers.api), clock=Unwoken(clock), started=started, follow=False
        ),
        clock=clock,
        emit=log.tell,
        see=see,
        known=all_known,
        started=started,
        timeout=tracking.timeout,
        appear=known.appear_timeout,
        connect=known.connect_grace,
        stop_early=known.on_failure == "stop",
        check=tracking.check,
    )
