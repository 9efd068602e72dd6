"""After a verdict that nobody could give: what the doctor says stands in the way."""

from dataclasses import replace

from argocd_release.doctor.advice import ADVISED, advice
from argocd_release.model.errors import Cancelled
from argocd_release.model.verdict import Verdict
from argocd_release.release.job_log import JobLog
from argocd_release.release.signals import Stop
from argocd_release.release.wiring import Tools
from argocd_release.timing.deadline import JobDeadline, Phase


def advised(verdict: Verdict, tools: Tools, *, log: JobLog, stop: Stop, deadline: JobDeadline) -> Verdict:
    """The verdict with what the doctor says to it, where there was no answer or a refusal."""
    if verdict.outcome not in ADVISED:
        return verdict
    log.info("asking the doctor")
    seconds = deadline.phase(Phase.DIAGNOSIS).left
    try:
        hint = advice(verdict, tools.environ, tools.readers.connection, tools.known, check=stop.check, seconds=seconds)
    except (Exception, Cancelled):  # noqa: BLE001 - advice changes no verdict
        return verdict
    return replace(verdict, hint=hint)
