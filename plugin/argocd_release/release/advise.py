"""What is found out after the verdict: of a failure its cause, of one that nobody could give what stands in the way."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from argocd_release.model.errors import Cancelled
from argocd_release.model.events import AskingTheDoctor
from argocd_release.model.outcome import Outcome
from argocd_release.model.result import ApplicationResult, ReleaseResult
from argocd_release.model.verdict import Verdict
from argocd_release.release.explain import explain
from argocd_release.release.job_log import JobLog
from argocd_release.release.signals import Stop
from argocd_release.release.wiring import Tools
from argocd_release.release.worst import explained_worst
from argocd_release.timing.deadline import JobDeadline, Phase

ADVISED: Final = frozenset({Outcome.UNREACHABLE, Outcome.DENIED})


def explained(
    result: ReleaseResult, tools: Tools, *, log: JobLog, stop: Stop, deadline: JobDeadline
) -> ReleaseResult | None:
    """The result with what can be found out about it; None: nothing. The seconds are those until then."""
    if tools.watch.several:
        later = explained_worst(result, tools, log=log, stop=stop, deadline=deadline)
    else:
        one = _explained(result.applications[0], tools, log=log, stop=stop, deadline=deadline)
        later = replace(result, verdict=one.verdict, applications=(one,))
    if later == result:
        return None
    ended_at = datetime.now(UTC)
    passed = (ended_at - result.ended_at).total_seconds()
    applications = tuple(
        replace(one, ended_at=ended_at, seconds=one.seconds if tools.watch.several else one.seconds + passed)
        for one in later.applications
    )
    return replace(later, applications=applications, ended_at=ended_at, seconds=result.seconds + passed)


def _explained(
    result: ApplicationResult, tools: Tools, *, log: JobLog, stop: Stop, deadline: JobDeadline
) -> ApplicationResult:
    """The result with what can be found out about it; whatever goes wrong here changes no outcome."""
    if result.verdict.outcome in ADVISED:
        return replace(result, verdict=_advised(result.verdict, tools, log=log, stop=stop, deadline=deadline))
    return replace(result, diagnosis=explain(result, tools, log=log, stop=stop, deadline=deadline))


def _advised(verdict: Verdict, tools: Tools, *, log: JobLog, stop: Stop, deadline: JobDeadline) -> Verdict:
    """With what the doctor says to it as its hint."""
    # The doctor's own way to reach a server is slow to load, and most runs do without.
    from argocd_release.doctor.advice import advice  # noqa: PLC0415

    log.tell(AskingTheDoctor())
    seconds = deadline.phase(Phase.DIAGNOSIS).left
    try:
        hint = advice(verdict, tools.environ, tools.readers.connection, tools.known, check=stop.check, seconds=seconds)
    except (Exception, Cancelled):  # noqa: BLE001 - advice changes no verdict
        return verdict
    return replace(verdict, hint=hint)
