"""What the reporters are given: a result an application, and the verdict on all of them."""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime

from argocd_release import __version__
from argocd_release.model.outcome import Outcome, aggregate
from argocd_release.model.result import ApplicationResult, ReleaseResult
from argocd_release.model.verdict import Verdict
from argocd_release.release import criteria, report_files
from argocd_release.release.targets import read_names
from argocd_release.release.wiring import Tools
from argocd_release.settings import load
from argocd_release.verdict.expectation import Expectation


class Results:
    """Makes the result of a run at any moment. ``started``: of the run, by ``time.monotonic()``."""

    def __init__(self, environ: Mapping[str, str], started: float) -> None:
        self._environ = environ
        self._started = started
        self.known: load.Settings | None = None
        self.tools: Tools | None = None

    def of(self, verdict: Verdict) -> ReleaseResult:
        known, ended_at = self.known, datetime.now(UTC)
        seconds = time.monotonic() - self._started
        applications = tuple(self._applications(verdict, seconds, ended_at))
        several = self.tools is not None and self.tools.many is not None
        if several and applications:
            # What the set as a whole is, and what its applications are, whichever is worse.
            worst = aggregate((verdict.outcome or Outcome.UNEXPECTED, *(one.outcome for one in applications)))
            verdict = replace(verdict, outcome=worst)
        return ReleaseResult(
            verdict=verdict,
            applications=applications,
            seconds=seconds,
            ended_at=ended_at,
            several=several,
            image_tag=known.image_tag if known else "",
            project_url=known.project_url if known else "",
            version=__version__,
            attachment=report_files.attachment(self._environ),
            site_url=known.site_url if known else "",
            job_url=known.job_url if known else "",
            dotenv_prefix=load.valid(self._environ, "RELEASE_DOTENV_PREFIX"),
        )

    def _applications(self, verdict: Verdict, seconds: float, ended_at: datetime) -> list[ApplicationResult]:
        known, tools = self.known, self.tools
        url: Callable[[str], str] = known.url if known else lambda _: ""
        image_tag = known.image_tag if known else ""

        def one(name: str, verdict: Verdict, seconds: float, tools: Tools | None) -> ApplicationResult:
            expectation: Expectation = tools.expectation(name) if tools else criteria.expectation(known)
            tracker = tools.tracker(name) if tools else None
            return ApplicationResult(
                verdict=verdict,
                name=name,
                url=url(name),
                image_tag=image_tag,
                seconds=seconds,
                ended_at=ended_at,
                application=tracker.application if tracker else None,
                transitions=tuple(tracker.timeline.transitions) if tracker else (),
                expectation=asdict(expectation),
                expects=expectation.words,
            )

        if tools is not None and tools.many is not None:
            return [
                # Those without a verdict of their own share that of the job: it was cut short.
                one(each.name, each.verdict or verdict, each.seconds or seconds, tools)
                for each in tools.many.members
            ]
        names = read_names(known.app_name if known else load.valid(self._environ, "ARGOCD_APP_NAME"))
        return [one(names[0] if len(names) == 1 else "", verdict, seconds, tools)]
