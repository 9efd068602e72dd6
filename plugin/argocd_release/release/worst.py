"""After the verdict on a set: why the worst of it were not delivered."""

from dataclasses import replace
from typing import Final

from argocd_release.core.text import one_line
from argocd_release.diagnosis.collect import DIAGNOSED, diagnose
from argocd_release.model.diagnosis import Diagnosis
from argocd_release.model.events import CauseNotLookedFor, LookingForTheCauseOf
from argocd_release.model.result import ApplicationResult, ReleaseResult
from argocd_release.release.job_log import JobLog
from argocd_release.release.signals import Stop
from argocd_release.release.wiring import Tools
from argocd_release.timing.deadline import JobDeadline, Phase

# So many are looked into; of the others the verdict is enough.
EXPLAINED: Final = 5


def explained_worst(
    result: ReleaseResult, tools: Tools, *, log: JobLog, stop: Stop, deadline: JobDeadline
) -> ReleaseResult:
    """The result with what can be found out about the worst; whatever goes wrong here changes no verdict."""
    within = deadline.phase(Phase.DIAGNOSIS)
    worst = [one for one in result.undelivered if one.outcome in DIAGNOSED and one.application is not None][:EXPLAINED]
    found: dict[str, Diagnosis] = {}
    for one in worst:
        if stop.is_set():
            break
        log.tell(LookingForTheCauseOf(name=one.name, outcome=one.outcome.word))
        seconds = within.left / (len(worst) - len(found))
        found[one.name] = _diagnosed(one, tools, log=log, stop=stop, seconds=seconds)
    applications = tuple(replace(one, diagnosis=found.get(one.name, one.diagnosis)) for one in result.applications)
    return replace(result, applications=applications)


def _diagnosed(one: ApplicationResult, tools: Tools, *, log: JobLog, stop: Stop, seconds: float) -> Diagnosis:
    if one.application is None:
        return Diagnosis()
    try:
        return diagnose(one.name, one.application, sources=tools.readers.api, stop=stop, seconds=seconds)
    except Exception as error:  # noqa: BLE001 - see above
        log.tell(CauseNotLookedFor(error=f"{type(error).__name__}: {one_line(str(error))}"))
        return Diagnosis()
