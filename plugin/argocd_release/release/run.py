"""One run, from the environment to the exit code: every outcome passes through here, and each writes its reports."""

import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import TextIO

from argocd_release import __version__
from argocd_release.model.result import ApplicationResult, ReleaseResult
from argocd_release.model.verdict import Verdict
from argocd_release.release import criteria, report_files
from argocd_release.release.job_log import JobLog
from argocd_release.release.signals import Signals, Stop
from argocd_release.release.unjudged import ENDINGS, verdict_on
from argocd_release.release.wiring import Tools, wire
from argocd_release.settings import load
from argocd_release.timing.deadline import AFTER_SECONDS, Deadline, JobDeadline, Phase

# A job that was told to end has seconds for all its reports; GitLab's runner kills it then.
STOPPED_SECONDS = 1.0


class Run:
    """Settings, tracking, diagnosis, reports. What is known is kept, for the reports of a run that is cut short."""

    def __init__(self, environ: Mapping[str, str], stream: TextIO) -> None:
        self._started = time.monotonic()
        self._environ = environ = load.with_files_read(environ)
        report_files.forget_earlier(environ)
        self._log = JobLog(environ, stream)
        self._settings: load.Settings | None = None
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
            result = self._result(verdict)
            # Whatever happens from here on, there are reports.
            shown, written = self._write(result, Phase.FIRST_REPORTS)
            if self._tools is not None:
                # What looks for causes and draws the end is loaded when there is one.
                from argocd_release.release.advise import explained  # noqa: PLC0415

                one = result.applications[0]
                found = explained(one, self._tools, log=self._log, stop=self._stop, deadline=self._deadline)
                if found != one:
                    later = self._result(found.verdict)
                    later = replace(later, applications=(replace(later.applications[0], diagnosis=found.diagnosis),))
                    shown, written = self._write(later, Phase.REPORTS)
            if self._tools is not None and self._tools.tell is not None:
                shown = self._tools.tell(shown)
                shown, written = self._write(shown, Phase.REPORTS)
            written += report_files.write(self._environ, shown, self._limit(Phase.REPORTS), late=True)
            from argocd_release.release.show import show  # noqa: PLC0415

            show(self._log, shown, written)
        return result.outcome.exit_code

    def _track(self, stack: ExitStack, signals: Signals) -> Verdict:
        self._log.warn(self._environ)
        known = self._settings = load.load(self._environ)
        now = datetime.now(UTC)
        timeout, clocks = load.seconds_left(known, now)
        upload = load.UPLOAD_SECONDS - AFTER_SECONDS
        self._deadline = JobDeadline(timeout, most=load.job_seconds_left(known, now)[0] - upload)
        expects = criteria.expectation(known).words
        self._log.introduce(known, version=__version__, timeout=timeout, clocks=clocks, expects=expects)
        self._tools = wire(
            known,
            self._environ,
            timeout=timeout,
            deadline=self._deadline,
            log=self._log,
            signals=signals,
            stop=self._stop,
            stack=stack,
        )
        with self._log.section("tracking", f"Waiting for {known.app_name}"):
            try:
                verdict: Verdict = self._tools.track()
            finally:
                self._log.count_unchanged()
        return verdict

    def _result(self, verdict: Verdict) -> ReleaseResult:
        known = self._settings
        tracker = self._tools.tracker if self._tools else None
        expectation = criteria.expectation(known)
        seconds, ended_at = time.monotonic() - self._started, datetime.now(UTC)
        one = ApplicationResult(
            verdict=verdict,
            name=known.app_name if known else load.valid(self._environ, "ARGOCD_APP_NAME"),
            url=known.url if known else "",
            image_tag=known.image_tag if known else "",
            seconds=seconds,
            ended_at=ended_at,
            application=tracker.application if tracker else None,
            transitions=tuple(tracker.timeline.transitions) if tracker else (),
            expectation=asdict(expectation),
            expects=expectation.words,
            docs_url=load.valid(self._environ, "RELEASE_DOCS_URL"),
        )
        if tracker is not None:
            one = replace(one, rollout=tracker.timeline.rollout)
        return ReleaseResult(
            verdict=verdict,
            applications=(one,),
            seconds=seconds,
            ended_at=ended_at,
            image_tag=one.image_tag,
            project_url=known.project_url if known else "",
            version=__version__,
            attachment=report_files.artifact(self._environ, "json_path"),
            page=report_files.artifact(self._environ, "page_path"),
            site_url=known.site_url if known else "",
            job_url=known.job_url if known else "",
            dotenv_prefix=load.valid(self._environ, "RELEASE_DOTENV_PREFIX"),
        )

    def _write(self, result: ReleaseResult, phase: Phase) -> tuple[ReleaseResult, list[report_files.Written]]:
        """Write the reports; gives the result as it may be shown, and a note on each report."""
        shown = self._log.redacted(result)
        return shown, list(report_files.write(self._environ, shown, self._limit(phase)))

    def _limit(self, phase: Phase) -> Deadline:
        deadline: Deadline = self._deadline.phase(phase)
        return deadline.at_most(STOPPED_SECONDS) if self._stop.is_set() else deadline
