"""After the verdict: why the release was not delivered, and the application's status as argocd shows it."""

from dataclasses import replace
from typing import Final

from argocd_release.argocd.cli import ArgoCD
from argocd_release.core.text import one_line
from argocd_release.diagnosis.collect import DIAGNOSED, diagnose
from argocd_release.model.diagnosis import Diagnosis
from argocd_release.model.errors import ArgoCDError, Cancelled
from argocd_release.model.events import CauseNotLookedFor, LookingForTheCause, NotShown
from argocd_release.model.outcome import Outcome
from argocd_release.model.result import ApplicationResult
from argocd_release.release.job_log import JobLog
from argocd_release.release.signals import Stop
from argocd_release.release.wiring import Tools
from argocd_release.timing.deadline import Deadline, JobDeadline, Phase

# After any other outcome argocd would not answer, or has nothing to show.
_SHOWN: Final = frozenset({Outcome.DELIVERED, Outcome.NOT_DELIVERED}) | DIAGNOSED


def explain(result: ApplicationResult, tools: Tools, *, log: JobLog, stop: Stop, deadline: JobDeadline) -> Diagnosis:
    """What can be found out about the outcome; whatever goes wrong here changes no verdict."""
    found = Diagnosis()
    if result.outcome not in _SHOWN:
        return found
    try:
        if result.application is not None and result.outcome in DIAGNOSED:
            log.tell(LookingForTheCause(outcome=result.outcome.word, reason=result.verdict.reason))
            seconds = deadline.phase(Phase.DIAGNOSIS).left
            found = diagnose(result.name, result.application, sources=tools.readers.api, stop=stop, seconds=seconds)
        return replace(found, status=_status(result, tools.readers.argocd, log, deadline.phase(Phase.STATUS)))
    except Cancelled as cancelled:
        return replace(found, notes=(*found.notes, f"cut short: {cancelled}"))
    except Exception as error:  # noqa: BLE001 - see above
        log.tell(CauseNotLookedFor(error=f"{type(error).__name__}: {one_line(str(error))}"))
        return found


def _status(result: ApplicationResult, argocd: ArgoCD, log: JobLog, deadline: Deadline) -> str:
    """The application's status as argocd prints it, without the resources, which are shown apart."""
    try:
        text = argocd.show("app", "get", result.name, seconds=deadline.left)
    except ArgoCDError as error:
        log.tell(NotShown(command=error.command, error=error.message))
        return ""
    return text.strip().partition("\n\n")[0]
