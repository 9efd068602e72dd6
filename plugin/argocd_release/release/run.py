"""One run, from the environment to the exit code: every outcome passes through here, and each writes its reports."""

import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from typing import TextIO

from argocd_release import __version__
from argocd_release.model.diagnosis import Diagnosis
from argocd_release.model.result import ReleaseResult
from argocd_release.model.verdict import Verdict
from argocd_release.release import criteria, report_files
from argocd_release.release.job_log import JobLog
from argocd_release.release.results import Results
from argocd_release.release.signals import Signals, Stop
from argocd_release.release.targets import targets_of
from argocd_release.release.unjudged import ENDINGS, verdict_on
from argocd_release.release.wiring import Tools, wire
from argocd_release.settings import expected, load
from argocd_release.timing.deadline import AFTER_SECONDS, Deadline, JobDeadline, Phase

# A job that was told to end has seconds for all its reports; GitLab's runner kills it then.
STOPPED_SECONDS = 1.0


class Run:
    """Settings, tracking, diagnosis, reports. What is known is kept, for the reports of a run that is cut short."""

    def __init__(self, environ: Mapping[str, str], stream: TextIO) -> None:
        self._results = Results(environ, time.monotonic())
        self._environ = environ
        report_files.forget_earlier(environ)
        self._log = JobLog(environ, stream)
        self._tools: Tools | None = None
        self._deadline = JobDeadline()
        self._stop = Stop()

    def execute(self, signals: Signals) -> int:
        """Track, write the reports, find the cause, write them again with it, show the end; gives the exit code."""
        with ExitStack() as stack:
            signals.on_arrival(self._stop.set)
            try:
                verdict = self._track(stack, signals)
            except ENDINGS as error:
                verdict = verdict_on(error, self._log)
            result = self._results.of(verdict)
            # Whatever happens from here on, there are reports.
            shown, written = self._write(result, Phase.FIRST_REPORTS)
            if self._tools is not None:
                # What looks for causes and draws the end is loaded when there is one.
                from argocd_release.release.explain import explain  # noqa: PLC0415

                found = explain(result, self._tools, log=self._log, stop=self._stop, deadline=self._deadline)
                if any(diagnosis != Diagnosis() for diagnosis in found.values()):
                    later = self._results.of(verdict)
                    applications = tuple(
                        replace(one, diagnosis=found.get(one.name, one.diagnosis)) for one in later.applications
                    )
                    shown, written = self._write(replace(later, applications=applications), Phase.REPORTS)
            if self._tools is not None and self._tools.tell is not None:
                shown = self._tools.tell(shown)
                shown, written = self._write(shown, Phase.REPORTS)
            from argocd_release.release.show import show  # noqa: PLC0415

            show(self._log, shown, written)
        return result.outcome.exit_code

    def _track(self, stack: ExitStack, signals: Signals) -> Verdict:
        for name, meant in load.unknown(self._environ):
            self._log.info("unknown setting", name=name, meant=f"; did you mean {meant}?" if meant else "")
        for name, instead in load.unread(self._environ):
            self._log.info("variable not read", name=name, input=instead)
        known = self._results.known = load.load(self._environ)
        targets = targets_of(known)
        now = datetime.now(UTC)
        timeout, clocks = load.seconds_left(known, now)
        upload = load.UPLOAD_SECONDS - AFTER_SECONDS
        self._deadline = JobDeadline(timeout, most=load.job_seconds_left(known, now)[0] - upload)
        self._log.info("start", version=__version__, application=str(targets), server=known.server, timeout=timeout)
        if clocks:
            self._log.info("clocks differ", why=clocks)
        nothing = "nothing; green says that git's head runs"
        own = f"by application what {known.expectations} says; of the others " if known.expectations else ""
        self._log.info("expects", what=f"{own}{criteria.expectation(known).words or nothing}")
        if timeout < known.timeout:
            self._log.info("timeout shortened", timeout=timeout, asked=known.timeout, job=known.job_timeout)
        self._tools = self._results.tools = wire(
            known,
            self._environ,
            targets,
            expected=expected.read(known.expectations, load.PROPERTIES)[0],
            timeout=timeout,
            deadline=self._deadline,
            log=self._log,
            signals=signals,
            stop=self._stop,
            stack=stack,
        )
        with self._log.section("tracking", f"Waiting for {targets}"):
            try:
                verdict: Verdict = self._tools.track()
            finally:
                self._log.count_left_out(at_once=True)
        return verdict

    def _write(self, result: ReleaseResult, phase: Phase) -> tuple[ReleaseResult, list[tuple[str, dict[str, str]]]]:
        """Write the reports; gives the result as it may be shown, and a note on each report."""
        shown = self._log.redacted(result)
        deadline: Deadline = self._deadline.phase(phase)
        if self._stop.is_set():
            deadline = deadline.at_most(STOPPED_SECONDS)
        return shown, list(report_files.write(self._environ, shown, deadline))
