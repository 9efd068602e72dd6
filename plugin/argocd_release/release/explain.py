"""After the verdict: the root causes of the worst failures, or the reason why the release status is unknown."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from argocd_release.core.text import one_line
from argocd_release.diagnosis.collect import diagnose
from argocd_release.model.diagnosis import Diagnosis
from argocd_release.model.errors import ArgoCDError, Cancelled
from argocd_release.model.events import AskingTheDoctor, CauseNotLookedFor, LookingForTheCause, NotShown
from argocd_release.model.outcome import Outcome
from argocd_release.model.result import ApplicationResult, ReleaseResult
from argocd_release.release.job_log import JobLog
from argocd_release.release.signals import Stop
from argocd_release.release.wiring import JobParts
from argocd_release.timing.deadline import JobDeadline, Phase

# Root causes are collected for so many of the most severe failures.
EXPLAINED: Final = 5
#: Outcomes for which the doctor checks the connection.
ADVISED: Final = frozenset({Outcome.UNREACHABLE, Outcome.DENIED})
# After any other outcome argocd would not answer, or has nothing to show.
_SHOWN: Final = frozenset({Outcome.DELIVERED, Outcome.NOT_DELIVERED})


class Explainer:
    """Adds to a result what can be found out about it. Whatever goes wrong here changes no outcome."""

    def __init__(self, parts: JobParts, *, log: JobLog, stop: Stop, deadline: JobDeadline) -> None:
        self._parts = parts
        self._log = log
        self._stop = stop
        self._deadline = deadline

    def explain(self, result: ReleaseResult) -> ReleaseResult | None:
        """Return the result with causes, hints and the application's status; None if nothing was found out."""
        later = self._advise(result) if result.outcome in ADVISED else self._diagnose_worst(result)
        if not result.several:
            later = self._with_status(later)
        if later == result:
            return None
        ended_at = datetime.now(UTC)
        passed = (ended_at - result.ended_at).total_seconds()
        applications = tuple(
            replace(one, ended_at=ended_at, seconds=one.seconds if result.several else one.seconds + passed)
            for one in later.applications
        )
        return replace(later, applications=applications, ended_at=ended_at, seconds=result.seconds + passed)

    def _advise(self, result: ReleaseResult) -> ReleaseResult:
        """Return the result with the doctor's finding as the hint of each application that shares the outcome."""
        # The doctor is slow to load, and most jobs do not need it.
        from argocd_release.doctor.advice import advice  # noqa: PLC0415

        self._log.tell(AskingTheDoctor())
        shared = [one for one in result.undelivered if one.outcome is result.outcome]
        verdict = shared[0].verdict if shared else result.verdict
        parts, seconds = self._parts, self._deadline.phase(Phase.DIAGNOSIS).left
        connection = parts.readers.connection
        try:
            hint = advice(verdict, parts.environ, connection, parts.settings, check=self._stop.check, seconds=seconds)
        except (Exception, Cancelled):  # noqa: BLE001 - advice changes no verdict
            return result
        applications = tuple(
            replace(one, verdict=replace(one.verdict, hint=hint)) if one in shared else one
            for one in result.applications
        )
        return replace(result, verdict=replace(result.verdict, hint=hint), applications=applications)

    def _diagnose_worst(self, result: ReleaseResult) -> ReleaseResult:
        failures = [one for one in result.undelivered if one.verdict.asks_cluster and one.application is not None]
        worst = failures[:EXPLAINED]
        limit = self._deadline.phase(Phase.DIAGNOSIS)
        diagnoses: dict[str, Diagnosis] = {}
        for one in worst:
            if self._stop.is_set():
                break
            name = one.name if result.several else ""
            looking = LookingForTheCause(outcome=one.outcome.word, reason=one.verdict.reason, name=name)
            self._log.tell(replace(looking, width=len(name)))
            diagnoses[one.name] = self._diagnosis(one, limit.left / (len(worst) - len(diagnoses)))
        applications = tuple(
            replace(one, diagnosis=diagnoses.get(one.name, one.diagnosis)) for one in result.applications
        )
        return replace(result, applications=applications)

    def _diagnosis(self, one: ApplicationResult, seconds: float) -> Diagnosis:
        if one.application is None:
            return Diagnosis()
        try:
            return diagnose(
                one.name,
                one.application,
                sources=self._parts.readers.api,
                stop=self._stop,
                seconds=seconds,
                hooks=self._parts.hooks.of(one.name),
                host=self._silent_host(one),
            )
        except Cancelled as cancelled:
            return Diagnosis(notes=(f"cut short: {cancelled}",))
        except Exception as error:  # noqa: BLE001 - a diagnosis changes no verdict
            self._log.tell(CauseNotLookedFor(error=f"{type(error).__name__}: {one_line(str(error))}"))
            return Diagnosis()

    def _silent_host(self, one: ApplicationResult) -> str:
        """Return the host of the deployed address if it is all that failed, otherwise an empty string."""
        if not one.site_is_silent:
            return ""
        return urlsplit(self._parts.settings.site_url).hostname or "-"

    def _with_status(self, result: ReleaseResult) -> ReleaseResult:
        """Return the result with the status of its application as ``argocd app get`` prints it."""
        one = result.applications[0]
        if result.outcome not in _SHOWN and not one.verdict.asks_cluster:
            return result
        try:
            status = self._status(one.name, self._deadline.phase(Phase.STATUS).left)
        except Cancelled as cancelled:
            notes = (*one.diagnosis.notes, f"cut short: {cancelled}")
            return replace(result, applications=(replace(one, diagnosis=replace(one.diagnosis, notes=notes)),))
        except Exception as error:  # noqa: BLE001 - the status changes no verdict
            self._log.tell(CauseNotLookedFor(error=f"{type(error).__name__}: {one_line(str(error))}"))
            return result
        return replace(result, applications=(replace(one, diagnosis=replace(one.diagnosis, status=status)),))

    def _status(self, name: str, seconds: float) -> str:
        """Return the status without the resources, which are shown on their own."""
        try:
            text = self._parts.readers.argocd.show("app", "get", name, seconds=seconds)
        except ArgoCDError as error:
            self._log.tell(NotShown(command=error.command, error=error.message))
            return ""
        return text.strip().partition("\n\n")[0]
