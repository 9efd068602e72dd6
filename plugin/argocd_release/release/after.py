"""What follows a verdict where the settings say so: the deployed address is asked, and others are told.

What does it is loaded then: most runs do neither.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from argocd_release.model.cause import CauseCode
from argocd_release.model.events import AskingTheSite, NotTold, Told
from argocd_release.model.outcome import Outcome
from argocd_release.model.result import ReleaseResult
from argocd_release.model.verdict import Verdict
from argocd_release.release.job_log import JobLog
from argocd_release.release.signals import Stop
from argocd_release.settings.load import Settings
from argocd_release.timing.deadline import Deadline, JobDeadline

if TYPE_CHECKING:
    from argocd_release.release.sinks import Sinks


def reached(verdict: Verdict, known: Settings, *, deadline: Deadline, log: JobLog, stop: Stop) -> Verdict:
    """The verdict, or another one where what was delivered must answer and does not in time. Raises ``Cancelled``."""
    if not known.url_check or verdict.outcome is not Outcome.DELIVERED:
        return verdict
    from argocd_release.notify import site  # noqa: PLC0415

    log.tell(AskingTheSite(url=known.site_url))
    said = site.reached(known.site_url, deadline=deadline, check=stop.check, ca_file=known.git_ca_file)
    if not said:
        return verdict
    reason = f"it runs, but {known.site_url} does not answer as it should: {said}"
    hint = "look at its Ingress or route, and at the name service; <RELEASE_URL_CHECK=false> asks no more"
    return Verdict(outcome=Outcome.TIMED_OUT, reason=reason, hint=hint, code=CauseCode.SITE_SILENT)


def sinks_of(known: Settings, *, deadline: JobDeadline, stop: Stop) -> "Sinks | None":
    """Who else is to be told; None: nobody."""
    if not (known.gitlab_deployment or known.mr_note):
        return None
    from argocd_release.release.sinks import Sinks  # noqa: PLC0415

    return Sinks(known, stop, deadline)


def told(sinks: "Sinks", log: JobLog, result: ReleaseResult) -> ReleaseResult:
    """The result with what came of each notice, which is logged; whatever goes wrong changes no verdict."""
    notices = log.redacted(tuple(sinks.tell(result)))
    for notice in notices:
        log.tell((Told if notice.done else NotTold)(sink=notice.sink, text=notice.text))
    return replace(result, notices=notices)
