"""One run, from the environment to the exit code: every outcome passes through here, and each writes its reports."""

import math
import time
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TextIO

from argocd_release import __version__
from argocd_release.model.result import ReleaseResult
from argocd_release.model.verdict import Verdict
from argocd_release.release import policy
from argocd_release.release.job_log import JobLog
from argocd_release.release.results import Results, Written
from argocd_release.release.signals import Signals, Stop
from argocd_release.release.unjudged import ENDINGS, verdict_on
from argocd_release.release.wiring import wire
from argocd_release.settings import load
from argocd_release.timing.deadline import AFTER_SECONDS, Deadline, JobDeadline, Phase

# A job that was told to end has seconds for all its reports; GitLab's runner kills it then.
STOPPED_SECONDS = 1.0
# The clocks of GitLab and of the runner differ by so much at the most.
JOB_END_SECONDS = 5.0


class Run:
    """Settings, tracking, diagnosis, reports. What is known is kept, for the reports of a run that is cut short."""

    def __init__(self, environ: Mapping[str, str], stream: TextIO) -> None:
        self._started = time.monotonic()
        self._environ = environ = load.with_files_read(environ)
        self._results = Results(environ)
        self._log = JobLog(environ, stream)
        self._deadline = JobDeadline()
        self._stop = Stop()
        # On the monotonic clock: GitLab ends the job then, which the job sees as a cancellation.
        self._job_ends_at = math.inf

    def execute(self, signals: Signals) -> int:
        """Track, write the reports, find the cause, write them again with it, show the end; gives the exit code."""
        with ExitStack() as stack:
            signals.on_arrival(self._stop.set)
            try:
                verdict = self._track(stack, signals)
            except ENDINGS as error:
                out_of_time = time.monotonic() >= self._job_ends_at - JOB_END_SECONDS
                verdict = verdict_on(error, self._log, out_of_time=out_of_time)
            self._deadline.judged()
            result = self._results.of(verdict)
            # Whatever happens from here on, there are reports.
            shown, written = self._write(result, Phase.FIRST_REPORTS)
            parts = self._results.parts
            if parts is not None:
                # What looks for causes and draws the end is loaded when there is one.
                from argocd_release.release.explain import Explainer  # noqa: PLC0415

                explainer = Explainer(parts, log=self._log, stop=self._stop, deadline=self._deadline)
                later = explainer.explain(result)
                if later is not None:
                    shown, written = self._write(later, Phase.REPORTS)
            if parts is not None and parts.notify is not None:
                shown = parts.notify(shown)
                shown, written = self._write(shown, Phase.REPORTS)
            written += self._results.write(shown, self._limit(Phase.REPORTS), late=True)
            from argocd_release.release.show import show  # noqa: PLC0415

            show(self._log, shown, written)
        return result.outcome.exit_code

    def _track(self, stack: ExitStack, signals: Signals) -> Verdict:
        self._log.warn(self._environ)
        settings = self._results.settings = load.load(self._environ)
        now = datetime.now(UTC)
        timeout, clocks = load.seconds_left(settings, now)
        upload = load.UPLOAD_SECONDS - AFTER_SECONDS
        left = load.job_seconds_left(settings, now)[0]
        self._job_ends_at = time.monotonic() + left
        self._deadline = JobDeadline(timeout, most=left - upload, started=self._started)
        expects, what = policy.expectation_words(settings), policy.target_words(settings)
        self._log.introduce(settings, version=__version__, what=what, timeout=timeout, clocks=clocks, expects=expects)
        parts = self._results.parts = wire(
            settings,
            self._environ,
            timeout=timeout,
            deadline=self._deadline,
            log=self._log,
            signals=signals,
            stop=self._stop,
            stack=stack,
        )
        with self._log.section("tracking", f"Waiting for {what}"):
            try:
                verdict: Verdict = parts.wait()
            finally:
                self._log.count_unchanged()
        return verdict

    def _write(self, result: ReleaseResult, phase: Phase) -> tuple[ReleaseResult, list[Written]]:
        """Write the reports; gives the result as it may be shown, and a note on each report."""
        shown = self._log.redacted(result)
        return shown, self._results.write(shown, self._limit(phase))

    def _limit(self, phase: Phase) -> Deadline:
        deadline: Deadline = self._deadline.phase(phase)
        return deadline.at_most(STOPPED_SECONDS) if self._stop.is_set() else deadline
