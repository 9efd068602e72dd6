"""What the job log says first: what is waited for, for how long, and what of the settings is odd."""

from collections.abc import Mapping

from argocd_release import __version__
from argocd_release.release import criteria
from argocd_release.release.job_log import JobLog
from argocd_release.release.targets import targets_of
from argocd_release.settings import load


def slips(log: JobLog, environ: Mapping[str, str]) -> None:
    """Variables that are no settings, or that nobody reads."""
    for name, meant in load.unknown(environ):
        log.info("unknown setting", name=name, meant=f"; did you mean {meant}?" if meant else "")
    for name, instead in load.unread(environ):
        log.info("variable not read", name=name, input=instead)


def begin(log: JobLog, known: load.Settings, *, timeout: int, clocks: str) -> str:
    """Say it; gives what is waited for. ``clocks``: why they must differ, if so."""
    what = str(targets_of(known))
    log.info("start", version=__version__, application=what, server=known.server, timeout=timeout)
    if clocks:
        log.info("clocks differ", why=clocks)
    wanted = criteria.expectation(known).words or "nothing; green says that git's head runs"
    own = f"by application what {known.expectations} says; of all others " if known.expectations else ""
    log.info("expects", what=f"{own}{wanted}")
    if timeout < known.timeout:
        log.info("timeout shortened", timeout=timeout, asked=known.timeout, job=known.job_timeout)
    return what
