"""After the verdict: why the release was not delivered, and the application's status as argocd shows it."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from argocd_release.argocd.cli import ArgoCD
from argocd_release.core.text import one_line
from argocd_release.diagnosis.collect import DIAGNOSED, diagnose
from argocd_release.model.diagnosis import Diagnosis
from argocd_release.model.errors import ArgoCDError, Cancelled
from argocd_release.model.events import CauseNotLookedFor, LookingForTheCause, LookingForTheCauseOf, NotShown
from argocd_release.model.outcome import Outcome
from argocd_release.model.result import ApplicationResult, ReleaseResult
from argocd_release.release.job_log import JobLog
from argocd_release.release.signals import Stop
from argocd_release.release.wiring import Tools
from argocd_release.timing.deadline import Deadline, JobDeadline, Phase

# After any other outcome argocd would not answer, or has nothing to show.
_SHOWN: Final = frozenset({Outcome.DELIVERED, Outcome.NOT_DELIVERED}) | DIAGNOSED


# So many of a set are looked into; of the others the verdict is enough.
EXPLAINED: Final = 5


def explained(
    result: ReleaseResult, tools: Tools, *, log: JobLog, stop: Stop, deadline: JobDeadline
) -> ReleaseResult | None:
    """The result with what can be found out about the outcomes, None: nothing; whatever goes wrong changes no verdict.

    The seconds are those until then.
    """
    if tools.watch.several:
        found = _of_the_worst(result, tools, log=log, stop=stop, deadline=deadline)
    else:
        one = result.applications[0]
        found = {one.name: _explained(one, tools, log=log, stop=stop, deadline=deadline)}
    if all(diagnosis == Diagnosis() for diagnosis in found.values()):
        return None
    ended_at = datetime.now(UTC)
    passed = (ended_at - result.ended_at).total_seconds()
    applications = tuple(_with(one, found.get(one.name), tools, ended_at, passed) for one in result.applications)
    return replace(result, applications=applications, ended_at=ended_at, seconds=result.seconds + passed)


def _with(
    one: ApplicationResult, found: Diagnosis | None, tools: Tools, ended_at: datetime, passed: float
) -> ApplicationResult:
    seconds = one.seconds if tools.watch.several else one.seconds + passed
    return replace(one, diagnosis=found or one.diagnosis, ended_at=ended_at, seconds=seconds)


def _of_the_worst(
    result: ReleaseResult, tools: Tools, *, log: JobLog, stop: Stop, deadline: JobDeadline
) -> dict[str, Diagnosis]:
    within = deadline.phase(Phase.DIAGNOSIS)
    worst = [one for one in result.undelivered if one.outcome in DIAGNOSED and one.application is not None][:EXPLAINED]
    found: dict[str, Diagnosis] = {}
    for one in worst:
        log.tell(LookingForTheCauseOf(name=one.name, outcome=one.outcome.word))
        seconds = within.left / (len(worst) - len(found))
        found[one.name] = _diagnosed(one, tools, log=log, stop=stop, seconds=seconds)
    return found


def _diagnosed(one: ApplicationResult, tools: Tools, *, log: JobLog, stop: Stop, seconds: float) -> Diagnosis:
    if one.application is None or stop.is_set():
        return Diagnosis()
    try:
        return diagnose(one.name, one.application, sources=tools.api, stop=stop, seconds=seconds)
    except Exception as error:  # noqa: BLE001 - see above
        log.tell(CauseNotLookedFor(error=f"{type(error).__name__}: {one_line(str(error))}"))
        return Diagnosis()


def _explained(result: ApplicationResult, tools: Tools, *, log: JobLog, stop: Stop, deadline: JobDeadline) -> Diagnosis:
    found = Diagnosis()
    if result.outcome not in _SHOWN:
        return found
    try:
        if result.application is not None and result.outcome in DIAGNOSED:
            log.tell(LookingForTheCause(outcome=result.outcome.word, reason=result.verdict.reason))
            seconds = deadline.phase(Phase.DIAGNOSIS).left
            found = diagnose(result.name, result.application, sources=tools.api, stop=stop, seconds=seconds)
        return replace(found, status=_status(result, tools.argocd, log, deadline.phase(Phase.STATUS)))
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
