"""Run one job from its settings to its exit code."""

import gc
import math
import time
import traceback
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final, TextIO

from argocd_release import __version__
from argocd_release.core.text import one_line
from argocd_release.messages import job_log
from argocd_release.model.errors import Cancelled, ProgramMissingError, ReleaseError, SignInError
from argocd_release.model.events import Trace
from argocd_release.model.outcome import Outcome, Verdict
from argocd_release.model.result import ReleaseResult
from argocd_release.release import policy
from argocd_release.release.explain import Explainer, show
from argocd_release.release.job_log import JobContext, JobLog
from argocd_release.release.results import Results
from argocd_release.release.signals import Signals, StopRequest
from argocd_release.release.wiring import wire
from argocd_release.reports.registry import Written
from argocd_release.settings import load
from argocd_release.timing import AFTER_SECONDS, UPLOAD_SECONDS, Deadline, JobDeadline, Phase

# Each of these exceptions leads to a verdict. The others, such as SystemExit, end the interpreter.
ENDINGS: Final = (Exception, Cancelled)

# The hints for exceptions that argocd-release raises, by the outcome of the exception.
_HINTS: Final = {
    Outcome.SETTINGS: job_log.SETTINGS_WRONG.hint,
    Outcome.NO_PREVIEW: job_log.NO_PREVIEW.hint,
}


def verdict_on(error: BaseException, log: JobLog, *, out_of_time: bool = False) -> Verdict:
    """Return the verdict to which an exception leads. If the exception is unexpected, log its traceback.

    Args:
        error: the exception that ended the run.
        log: the job log.
        out_of_time: True if GitLab ends the job because of its timeout. The job receives the same signal as for a
            cancellation.
    """
    match error:
        case Cancelled() if out_of_time:
            reason, hint = job_log.OUT_OF_TIME.fill(), job_log.OUT_OF_TIME.fill_hint()
            return Verdict(outcome=error.outcome, reason=reason, hint=hint)
        case Cancelled():
            reason = job_log.CANCELLED.fill(meaning=error.outcome.meaning)
            return Verdict(outcome=error.outcome, reason=reason, hint=job_log.CANCELLED.fill_hint())
        case SignInError():
            hint = job_log.SIGN_IN_FAILED.fill_hint()
            return Verdict(outcome=error.outcome, reason=str(error), hint=hint, code=error.code)
        case ProgramMissingError():
            return Verdict(outcome=error.outcome, reason=str(error), hint=error.hint)
        case ReleaseError():
            return Verdict(outcome=error.outcome, reason=str(error), hint=_HINTS.get(error.outcome, ""))
        case _:
            log.emit(Trace(text="".join(traceback.format_exception(error))))
            reason = job_log.UNEXPECTED.fill(kind=type(error).__name__, error=one_line(str(error)))
            return Verdict(outcome=Outcome.UNEXPECTED, reason=reason, hint=job_log.UNEXPECTED.fill_hint())


# The time in seconds, counted from a signal, within which the job must write all reports. Without this limit, a full
# pipe as the target of a report could block the job.
STOPPED_SECONDS = 0.9
# The largest expected difference between the clocks of GitLab and the runner, in seconds.
JOB_END_SECONDS = 5.0


class Run:
    """One run of the job: load the settings, wait for the verdict, diagnose, report.

    If a signal ends the run early, the reports contain the results so far.
    """

    def __init__(self, environ: Mapping[str, str], stream: TextIO) -> None:
        self._started = time.monotonic()
        environ = load.with_files_read(environ)
        self._results = Results(environ)
        # This deadline applies until the settings are loaded, and the deadline that they describe replaces it.
        self._context = JobContext(
            environ=environ, log=JobLog(environ, stream), stop=StopRequest(), deadline=JobDeadline()
        )
        # The monotonic time at which GitLab's timeout ends the job. The job receives the same signal as for a
        # cancellation.
        self._job_ends_at = math.inf

    def execute(self, signals: Signals) -> int:
        """Run the job, and return its exit code.

        The reports are written when the verdict is known, and again after the diagnosis and the notifications.
        """
        with ExitStack() as stack:
            signals.on_arrival(self._context.stop.set)
            try:
                verdict = self._track(stack, signals)
            except ENDINGS as error:
                out_of_time = time.monotonic() >= self._job_ends_at - JOB_END_SECONDS
                verdict = verdict_on(error, self._context.log, out_of_time=out_of_time)
            self._context.deadline.judged()
            # Exclude the observed applications from garbage collection. The job needs them until its end, and after
            # SIGTERM, checking 160,000 resources again and again would take a fifth of the time for the reports.
            gc.freeze()
            result = self._results.of(verdict)
            # Write the reports now, so that they exist even if the runner kills the job during the diagnosis.
            redacted, written = self._write(result, Phase.FIRST_REPORTS)
            parts = self._results.parts
            if parts is not None:
                explainer = Explainer(parts)
                later = explainer.explain(result)
                if later is not None:
                    redacted, written = self._write(later, Phase.REPORTS)
            if parts is not None and parts.notify is not None:
                redacted = parts.notify(redacted)
                written = self._results.write(redacted, self._limit(Phase.REPORTS))
            written += self._results.write(redacted, self._limit(Phase.REPORTS), late=True)
            show(self._context.log, redacted, written)
        return result.outcome.exit_code

    def _track(self, stack: ExitStack, signals: Signals) -> Verdict:
        """Load the settings, connect to Argo CD, wait for the applications, and return the verdict on them."""
        self._context.log.emit_warnings(self._context.environ)
        settings = self._results.settings = load.load(self._context.environ)
        now = datetime.now(UTC)
        timeout, clocks = load.seconds_left(settings, now)
        load.check_job_time(settings, timeout)
        upload = UPLOAD_SECONDS - AFTER_SECONDS
        left = load.job_seconds_left(settings, now)[0]
        self._job_ends_at = time.monotonic() + left
        context = self._context = replace(
            self._context, deadline=JobDeadline(timeout, most=left - upload, started=self._started)
        )
        expects, what = policy.expectation_words(settings, settings.expectations), policy.target_words(settings)
        self._context.log.introduce(
            settings.server, settings, version=__version__, what=what, timeout=timeout, clocks=clocks, expects=expects
        )
        parts = self._results.parts = wire(settings, context, timeout=timeout, signals=signals, stack=stack)
        with self._context.log.section("tracking", job_log.TRACKING.fill(targets=what)):
            try:
                verdict: Verdict = parts.wait()
            finally:
                self._context.log.count_unchanged()
        return verdict

    def _write(self, result: ReleaseResult, phase: Phase) -> tuple[ReleaseResult, list[Written]]:
        """Write the reports. Return the redacted result that they show, and the path or error of each report."""
        redacted = self._context.log.redacted(self._results.limited(result))
        return redacted, self._results.write(redacted, self._limit(phase))

    def _limit(self, phase: Phase) -> Deadline:
        """Return the deadline of the phase, which is earlier if a signal has arrived."""
        deadline: Deadline = self._context.deadline.phase(phase)
        return deadline.at_most(self._context.stop.left(STOPPED_SECONDS))
