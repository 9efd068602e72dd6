"""What the reporters are given: a result an application, and the verdict on all of them; and their files."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime

from argocd_release import __version__
from argocd_release.model.outcome import Outcome, aggregate
from argocd_release.model.result import ApplicationResult, ReleaseResult
from argocd_release.model.verdict import Verdict
from argocd_release.release import criteria, report_files
from argocd_release.release.tracking import Judged
from argocd_release.release.wiring import Tools
from argocd_release.settings import load
from argocd_release.timing.deadline import Deadline

Written = report_files.Written


class Results:
    """Makes the result of a run at any moment, and writes it. The files of an earlier run are removed at once."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._started = time.monotonic()
        self._environ = environ
        self.known: load.Settings | None = None
        self.tools: Tools | None = None
        report_files.forget_earlier(environ)

    def of(self, verdict: Verdict) -> ReleaseResult:
        """The result as it is now; ``verdict``: on all."""
        known, ended_at = self.known, datetime.now(UTC)
        seconds = time.monotonic() - self._started
        applications = tuple(self._applications(verdict, seconds, ended_at))
        several = self.tools is not None and self.tools.watch.several
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
            meant=criteria.targets(known) if known else "",
            image_tag=known.image_tag if known else "",
            project_url=known.project_url if known else "",
            version=__version__,
            attachment=report_files.artifact(self._environ, "json_path"),
            page=report_files.artifact(self._environ, "page_path"),
            site_url=known.site_url if known else "",
            job_url=known.job_url if known else "",
            dotenv_prefix=load.valid(self._environ, "RELEASE_DOTENV_PREFIX"),
        )

    def write(self, result: ReleaseResult, deadline: Deadline, *, late: bool = False) -> list[Written]:
        """Write the reports, or those that are written ``late``; gives a note on each."""
        return list(report_files.write(self._environ, result, deadline, late=late))

    def _applications(self, verdict: Verdict, seconds: float, ended_at: datetime) -> Iterator[ApplicationResult]:
        if self.tools is not None:
            for each in self.tools.watch.members:
                # One without a verdict of its own shares that of the job: it is the only one, or was cut short.
                yield self._one(each.name, each.verdict or verdict, each.seconds or seconds, ended_at, each)
            return
        names = self.known.names if self.known else load.read_names(load.valid(self._environ, "ARGOCD_APP_NAME"))
        yield self._one(names[0] if len(names) == 1 else "", verdict, seconds, ended_at, None)

    def _one(
        self, name: str, verdict: Verdict, seconds: float, ended_at: datetime, judged: Judged | None
    ) -> ApplicationResult:
        known, tools = self.known, self.tools
        expectation = tools.tracking.expectation(name) if tools else criteria.expectation(known)
        tracker = judged.tracker if judged else None
        one = ApplicationResult(
            verdict=verdict,
            name=name,
            url=known.url(name) if known else "",
            image_tag=known.image_tag if known else "",
            seconds=seconds,
            ended_at=ended_at,
            application=tracker.application if tracker else None,
            transitions=tuple(tracker.timeline.transitions) if tracker else (),
            expectation=asdict(expectation),
            expects=expectation.words,
            docs_url=load.valid(self._environ, "RELEASE_DOCS_URL"),
        )
        return replace(one, rollout=tracker.timeline.rollout) if tracker else one
