"""Explain a verdict: collect its root cause and its hints, and show them in the job log."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from argocd_release.core.text import counted, first_names, one_line
from argocd_release.diagnosis.collect import diagnose
from argocd_release.doctor.hints import advice
from argocd_release.messages import job_log
from argocd_release.messages import reports as texts
from argocd_release.model.errors import ArgoCDError, Cancelled
from argocd_release.model.events import (
    AskingTheDoctor,
    CauseNotLookedFor,
    LookingForTheCause,
    Next,
    NotProven,
    NotShown,
    PhasesReached,
    ReportNotWritten,
    ReportsWritten,
    Result,
    ShownEvidence,
    Warned,
)
from argocd_release.model.outcome import Outcome
from argocd_release.model.result import ApplicationResult, Diagnosis, ReleaseResult
from argocd_release.release.job_log import JobLog
from argocd_release.release.wiring import JobParts
from argocd_release.reports import evidence, summary
from argocd_release.reports.registry import Written
from argocd_release.timing import Phase

# The maximum number of failed applications whose root causes are collected. The most severe failures come first.
EXPLAINED: Final = 5
#: The outcomes after which the job runs the doctor's checks to find the reason.
ADVISED: Final = frozenset({Outcome.UNREACHABLE, Outcome.DENIED})
# The outcomes after which the job shows the output of ``argocd app get``, although it collects no root cause. After
# other outcomes without a root cause, Argo CD does not respond, or there is nothing to show.
_SHOWN: Final = frozenset({Outcome.DELIVERED, Outcome.NOT_DELIVERED})


class Explainer:
    """A collector of root causes, hints and evidence for a result. Its own errors never change the outcome."""

    def __init__(self, parts: JobParts) -> None:
        self._parts = parts
        self._log = parts.context.log
        self._stop = parts.context.stop
        self._deadline = parts.context.deadline

    def explain(self, result: ReleaseResult) -> ReleaseResult | None:
        """Return the result with root causes, hints and argocd's status output, or None if there is nothing to add."""
        later = self._advise(result) if result.outcome in ADVISED else self._diagnose_worst(result)
        if not result.several:
            later = self._with_status(later)
        if later == result:
            return None
        ended_at = datetime.now(UTC)
        passed = (ended_at - result.ended_at).total_seconds()
        applications = tuple(
            replace(
                application,
                ended_at=ended_at,
                seconds=application.seconds if result.several else application.seconds + passed,
            )
            for application in later.applications
        )
        return replace(later, applications=applications, ended_at=ended_at, seconds=result.seconds + passed)

    def _advise(self, result: ReleaseResult) -> ReleaseResult:
        """Add the doctor's hint to the result, and to each application with the same outcome as the whole release."""
        self._log.emit(AskingTheDoctor())
        shared = [application for application in result.undelivered if application.outcome is result.outcome]
        verdict = shared[0].verdict if shared else result.verdict
        parts, seconds = self._parts, self._deadline.phase(Phase.DIAGNOSIS).left
        connection = parts.readers.connection
        try:
            hint = advice(
                verdict,
                parts.context.environ,
                connection,
                parts.settings.timeout,
                check=self._stop.check,
                seconds=seconds,
            )
        except (Exception, Cancelled):  # noqa: BLE001 - advice changes no verdict
            return result
        applications = tuple(
            replace(application, verdict=replace(application.verdict, hint=hint))
            if application in shared
            else application
            for application in result.applications
        )
        return replace(result, verdict=replace(result.verdict, hint=hint), applications=applications)

    def _diagnose_worst(self, result: ReleaseResult) -> ReleaseResult:
        """Add the diagnoses of the worst failures to the result. All diagnoses share the time limit of the phase."""
        failures = [
            application_result
            for application_result in result.undelivered
            if application_result.outcome.is_failure and application_result.application is not None
        ]
        worst = failures[:EXPLAINED]
        limit = self._deadline.phase(Phase.DIAGNOSIS)
        diagnoses: dict[str, Diagnosis] = {}
        for application_result in worst:
            if self._stop.is_set():
                break
            if application_result.verdict.asks_cluster:
                name = application_result.name if result.several else ""
                looking = LookingForTheCause(
                    outcome=application_result.outcome.word, reason=application_result.verdict.reason, name=name
                )
                self._log.emit(replace(looking, width=len(name)))
            diagnoses[application_result.name] = self._diagnosis(
                application_result, limit.left / (len(worst) - len(diagnoses))
            )
        applications = tuple(
            replace(application_result, diagnosis=diagnoses.get(application_result.name, application_result.diagnosis))
            for application_result in result.applications
        )
        return replace(result, applications=applications)

    def _diagnosis(self, result: ApplicationResult, seconds: float) -> Diagnosis:
        if result.application is None:
            return Diagnosis()
        try:
            return diagnose(
                result.name,
                result.application,
                sources=self._parts.readers.api,
                stop=self._stop,
                seconds=seconds,
                hooks=self._parts.hooks.of(result.name),
                host=self._silent_host(result),
                subject=result.verdict.subject,
                look_for_cause=result.verdict.asks_cluster,
            )
        except Cancelled as cancelled:
            return Diagnosis(notes=(job_log.CUT_SHORT.fill(reason=cancelled),))
        except Exception as error:  # noqa: BLE001 - a diagnosis changes no verdict
            self._log.emit(CauseNotLookedFor(error=f"{type(error).__name__}: {one_line(str(error))}"))
            return Diagnosis()

    def _silent_host(self, result: ApplicationResult) -> str:
        """Return the host of the deployed site if the site's silence is the only reason for the failure.

        Otherwise, return an empty string. If the host is unknown, return ``-``.
        """
        if not result.site_is_silent:
            return ""
        return urlsplit(self._parts.settings.site_url).hostname or "-"

    def _with_status(self, result: ReleaseResult) -> ReleaseResult:
        """Add the status that ``argocd app get`` prints to the result of a single application."""
        application = result.applications[0]
        if result.outcome not in _SHOWN and not application.verdict.asks_cluster:
            return result
        try:
            status = self._status(application.name, self._deadline.phase(Phase.STATUS).left)
        except Cancelled as cancelled:
            notes = (*application.diagnosis.notes, job_log.CUT_SHORT.fill(reason=cancelled))
            return replace(
                result, applications=(replace(application, diagnosis=replace(application.diagnosis, notes=notes)),)
            )
        except Exception as error:  # noqa: BLE001 - the status changes no verdict
            self._log.emit(CauseNotLookedFor(error=f"{type(error).__name__}: {one_line(str(error))}"))
            return result
        return replace(
            result, applications=(replace(application, diagnosis=replace(application.diagnosis, status=status)),)
        )

    def _status(self, name: str, seconds: float) -> str:
        """Return the output of ``argocd app get`` without its list of resources, which the job log shows separately."""
        try:
            text = self._parts.readers.argocd.show("app", "get", name, seconds=seconds)
        except ArgoCDError as error:
            self._log.emit(NotShown(command=error.command, error=error.message))
            return ""
        return text.strip().partition("\n\n")[0]


#: The maximum number of conditions of delivered applications, and of their caveats, that the job log shows.
CONDITIONS: Final = 10
#: The maximum number of applications that a caveat or a cause names in the job log.
NAMES: Final = 3
#: The maximum number of causes for which the end of the log says what to do.
STEPS: Final = 5


def show(log: JobLog, result: ReleaseResult, written: Sequence[Written]) -> None:
    """Show the result, its evidence and the paths of the written reports in the job log.

    Args:
        log: the job log.
        result: the result, without secrets.
        written: the path or the error of each report.
    """
    log.emit(_end(result))
    if result.several:
        own = [result.verdict.caveat] if result.verdict.caveat else []
        for note in [*own, *_caveats(result)][:CONDITIONS]:
            log.emit(NotProven(text=note))
    else:
        _show_what_holds(log, result.applications[0])
    for event in _warnings(result)[:CONDITIONS]:
        log.emit(event)
    for position, application in enumerate(
        result.undelivered[:EXPLAINED] if result.several else result.applications, 1
    ):
        for block in evidence.blocks(application, several=result.several):
            title = f"{application.name}: {block.title}" if result.several else block.title
            # GitLab identifies a section only by its name, so the section names of two applications must differ.
            name = f"{block.name}-of-{position}" if result.several else block.name
            with log.section(name, title, collapsed=application.outcome is not Outcome.DELIVERED):
                log.emit(ShownEvidence(text="\n".join(block.lines), title=title, lines=block.lines))
    for missing in written:
        if isinstance(missing, ReportNotWritten):
            log.emit(missing)
    if paths := [path for path in written if isinstance(path, str)]:
        log.emit(ReportsWritten(paths=", ".join(paths)))
    _show_next(log, result)


def _caveats(result: ReleaseResult) -> list[str]:
    """Return each caveat of the delivered applications once, with the names of the applications that have it."""
    names: dict[str, list[str]] = {}
    for application in result.applications:
        if application.outcome is Outcome.DELIVERED and (caveat := application.verdict.caveat):
            names.setdefault(caveat, []).append(application.name)
    return [
        texts.NOTE_OF_APPLICATIONS.fill(applications=first_names(applications, NAMES), caveat=caveat)
        for caveat, applications in names.items()
    ]


def _warnings(result: ReleaseResult) -> list[Warned]:
    """Return a warning for each condition of a delivered application."""
    return [
        Warned(why=f"{application_result.name}: {item.type}: {one_line(item.message, limit=1000)}", code=item.type)
        for application_result in result.applications
        if application_result.outcome is Outcome.DELIVERED and application_result.application is not None
        for item in application_result.application.conditions
    ]


def _show_what_holds(log: JobLog, result: ApplicationResult) -> None:
    """Log the caveat of a delivered release, and the time at which the application reached each phase."""
    if note := evidence.caveat(result):
        log.emit(NotProven(text=note))
    if line := summary.line(result):
        log.emit(PhasesReached(text=line, **asdict(result.rollout.phases)))


def _show_next(log: JobLog, result: ReleaseResult) -> None:
    """Log the causes and hints of the failed applications, or the hint for the group if only the group itself failed.

    Applications with the same cause share one hint, so that each distinct cause is shown once. The most severe failure
    comes last, because people read the end of the log first.
    """
    if not result.several:
        for application in result.undelivered[:1]:
            if step := evidence.last_lines(application):
                hint = application.cause.hint if application.cause else ""
                log.emit(Next(text=f"\n{step}", next=hint, help=application.help_url))
        return
    if not result.is_theirs:
        if result.verdict.hint:
            log.emit(Next(text=f"\n{job_log.NEXT.fill(hint=result.verdict.hint)}", next=result.verdict.hint, help=""))
        return
    steps = summary.causes(result)
    more = len(steps[STEPS:])
    before = job_log.MORE_CAUSES.fill(causes=counted(more, "other cause")) if more else ""
    for number, applications in reversed(list(enumerate(steps[:STEPS], 1))):
        worst, names = applications[0], first_names([application.name for application in applications], NAMES)
        message = f"{names}: {worst.cause}" if len(result.applications) > 1 else str(worst.cause)
        hint = worst.general_hint if len(applications) > 1 else worst.cause.hint if worst.cause else ""
        step = evidence.last_lines_of_group(worst, summary.numbered(message, number, len(steps)), hint)
        text = "\n".join(filter(None, (before, step)))
        log.emit(Next(text=f"\n{text}", next=hint, help=worst.help_url))
        before = ""


def _end(result: ReleaseResult) -> Result:
    outcome, cause = result.outcome, result.cause
    return Result(
        text=f"\n{evidence.render(result)}",
        outcome=outcome.word,
        exit_code=outcome.exit_code,
        reason=result.verdict.reason,
        cause=str(cause or ""),
        code=cause.code.word if cause else "",
        next=cause.hint if cause else "",
        application=", ".join(application.name for application in result.applications),
        seconds=round(result.seconds, 3),
    )
