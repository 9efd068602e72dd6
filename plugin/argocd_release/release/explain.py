"""After the verdict: why a release was not delivered, or not judged; and its status as argocd shows it."""

from dataclasses import replace
from typing import Final

from argocd_release.argocd.cli import ArgoCD
from argocd_release.core.text import one_line
from argocd_release.diagnosis.collect import DIAGNOSED, diagnose
from argocd_release.model.diagnosis import Diagnosis
from argocd_release.model.errors import ArgoCDError, Cancelled
from argocd_release.model.outcome import Outcome
from argocd_release.model.result import ApplicationResult
from argocd_release.release.advise import advised
from argocd_release.release.job_log import JobLog
from argocd_release.release.signals import Stop
from argocd_release.release.wiring import Tools
from argocd_release.timing.deadline import Deadline, JobDeadline, Phase

# After any other outcome argocd would not answer, or has nothing to show.
_SHOWN: Final = frozenset({Outcome.DELIVERED, Outcome.NOT_DELIVERED}) | DIAGNOSED


def explain(
    result: ApplicationResult, tools: Tools, *, log: JobLog, stop: Stop, deadline: JobDeadline
) -> ApplicationResult:
    """The result with what can be found out about it; whatever goes wrong here changes no outcome."""
    if result.outcome not in _SHOWN:
        return replace(result, verdict=advised(result.verdict, tools, log=log, stop=stop, deadline=deadline))
    return replace(result, diagnosis=_diagnosed(result, tools, log=log, stop=stop, deadline=deadline))


def _diagnosed(result: ApplicationResult, tools: Tools, *, log: JobLog, stop: Stop, deadline: JobDeadline) -> Diagnosis:
    found = result.diagnosis
    try:
        if result.application is not None and result.outcome in DIAGNOSED:
            log.info("looking for the cause", outcome=result.outcome.word, reason=result.verdict.reason)
            seconds = deadline.phase(Phase.DIAGNOSIS).left
            found = diagnose(result.name, result.application, sources=tools.readers.api, stop=stop, seconds=seconds)
        return replace(found, status=_status(result, tools.readers.argocd, log, deadline.phase(Phase.STATUS)))
    except Cancelled as cancelled:
        return replace(found, notes=(*found.notes, f"cut short: {cancelled}"))
    except Exception as error:  # noqa: BLE001 - see above
        log.info("cause not looked for", error=f"{type(error).__name__}: {one_line(str(error))}")
        return found


def _status(result: ApplicationResult, argocd: ArgoCD, log: JobLog, deadline: Deadline) -> str:
    """The application's status as argocd prints it; of a failure without the resources, which are shown apart."""
    try:
        text = argocd.show("app", "get", result.name, seconds=deadline.left)
    except ArgoCDError as error:
        log.info("not shown", command=error.command, error=error.message)
        return ""
    return text.strip() if result.outcome is Outcome.DELIVERED else text.strip().partition("\n\n")[0]
