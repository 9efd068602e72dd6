"""Build the result of a job from its verdicts, and write the reports of the result."""

import time
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path

from argocd_release import __version__
from argocd_release.model.outcome import Outcome, Verdict, aggregate
from argocd_release.model.result import ApplicationResult, ReleaseResult
from argocd_release.model.timeline import ReleaseTimeline
from argocd_release.release import policy
from argocd_release.release.wiring import JobParts
from argocd_release.reports import registry
from argocd_release.reports.registry import REPORTERS, Written
from argocd_release.reports.size_limits import limited
from argocd_release.settings import load
from argocd_release.settings.environment import JobEnvironment
from argocd_release.timing import Deadline
from argocd_release.watch.poll_loop import TrackedApplication


def forget_earlier(environ: JobEnvironment) -> None:
    """Remove the reports of an earlier job. If this job died early, GitLab would otherwise upload them."""
    registry.forget(load.report_paths(environ).values())


def artifact(environ: JobEnvironment, report: str) -> str:
    """Return the path of the report relative to the project, which is the name of the artifact in GitLab.

    The result is an empty string if the report is outside the project, or if its path contains ``]]``. In the JUnit
    report, that would end the mark ``[[ATTACHMENT|…]]`` too early.

    Args:
        environ: the environment of the job.
        report: the setting of the report, such as ``json_path``.
    """
    path = Path(load.report_paths(environ)[report]).resolve()
    project = Path(load.valid(environ, "CI_PROJECT_DIR")).resolve()
    name = path.relative_to(project).as_posix() if path.is_relative_to(project) else ""
    return "" if "]]" in name else name


def write(
    environ: JobEnvironment, result: ReleaseResult, deadline: Deadline, *, late: bool = False
) -> Iterator[Written]:
    """Write the reports, and yield the path or the error of each.

    Args:
        environ: the environment of the job.
        result: the result to report, without secrets.
        deadline: the moment at which the job stops writing into a pipe.
        late: True to write the reports that the job writes only at its end, False to write all others.
    """
    for name, path in load.report_paths(environ).items():
        reporter = REPORTERS[name]
        if reporter.late is not late:
            continue
        render = partial(reporter.render, result)
        yield registry.written(reporter.title, path, render, seconds=deadline.left)


def _links(settings: load.Settings, docs_url: str) -> dict[str, str]:
    """Return the addresses to which the HTML page links, by name. Leave out unknown addresses."""
    merge_requests = f"{settings.merge_request_project_url or settings.project_url}/-/merge_requests"
    known = settings.project_url
    links = {
        "job": settings.job_url,
        "pipeline": settings.pipeline_url,
        "merge_request": f"{merge_requests}/{settings.merge_request}" if known and settings.merge_request else "",
        "commit": f"{known}/-/commit/{settings.commit}" if known and settings.commit else "",
        "docs": docs_url,
    }
    return {name: address for name, address in links.items() if address}


class Results:
    """A builder that can return the current result of a run at any moment of the run.

    Its creation removes the reports of an earlier job.

    Attributes:
        settings: the settings; None until they are loaded.
        parts: the parts of the job; None until they are wired.
    """

    def __init__(self, environ: JobEnvironment) -> None:
        self._started = time.monotonic()
        self._environ = environ
        self.settings: load.Settings | None = None
        self.parts: JobParts | None = None
        forget_earlier(environ)

    def of(self, verdict: Verdict) -> ReleaseResult:
        """Return the current result. ``verdict`` is the verdict on the whole release."""
        settings, ended_at = self.settings, datetime.now(UTC)
        seconds = time.monotonic() - self._started
        applications = tuple(self._applications(verdict, seconds, ended_at))
        several = self.parts is not None and self.parts.group.several
        if several and applications:
            # Use the most severe outcome: that of the group itself, or that of one of its applications.
            worst = aggregate(
                (verdict.outcome or Outcome.UNEXPECTED, *(application.outcome for application in applications))
            )
            verdict = replace(verdict, outcome=worst)
        return ReleaseResult(
            verdict=verdict,
            applications=applications,
            seconds=seconds,
            ended_at=ended_at,
            several=several,
            meant=policy.target_words(settings) if settings else "",
            image_tag=settings.image_tag if settings else "",
            project_url=settings.project_url if settings else "",
            version=__version__,
            attachment=artifact(self._environ, "json_path"),
            page=artifact(self._environ, "page_path"),
            site_url=settings.site_url if settings else "",
            job_url=settings.job_url if settings else "",
            links=_links(settings, self._docs_url) if settings else {},
            language=load.valid(self._environ, "RELEASE_PAGE_LANGUAGE"),
            job_name=settings.job_name if settings else "",
            dotenv_prefix=load.valid(self._environ, "RELEASE_DOTENV_PREFIX"),
        )

    @cached_property
    def _docs_url(self) -> str:
        return load.valid(self._environ, "RELEASE_DOCS_URL")

    def limited(self, result: ReleaseResult) -> ReleaseResult:
        """Return the part of the result that fits into the reports. Redacting and writing it all can take minutes."""
        return limited(result)

    def write(self, result: ReleaseResult, deadline: Deadline, *, late: bool = False) -> list[Written]:
        """Write the reports, and return the path or the error of each. The arguments are those of ``write``."""
        return list(write(self._environ, result, deadline, late=late))

    def _applications(self, verdict: Verdict, seconds: float, ended_at: datetime) -> Iterator[ApplicationResult]:
        if self.parts is not None:
            several, address = self.parts.group.several, self._address()
            for member in self.parts.group.members:
                # A single application has the verdict of the job. In a group, so does an application without a verdict
                # of its own.
                if several and member.verdict is not None:
                    yield self._application_result(
                        member.name, member.verdict, member.seconds, ended_at, member, address=address
                    )
                else:
                    yield self._application_result(member.name, verdict, seconds, ended_at, member, address=address)
            if self.parts.group.members or several:
                return
        names = self.settings.names if self.settings else load.read_names(load.valid(self._environ, "ARGOCD_APP_NAME"))
        name = names[0] if len(names) == 1 else ""
        yield self._application_result(name, verdict, seconds, ended_at, None, address=self._address())

    def _address(self) -> str:
        """Return the address of Argo CD's web interface for people; "" if there are no settings.

        This is Argo CD's public address or, if that is unknown, the address that the job uses.
        """
        if self.settings is None:
            return ""
        return (self.parts.public_address() if self.parts is not None else "") or self.settings.connection.address

    def _application_result(
        self,
        name: str,
        verdict: Verdict,
        seconds: float,
        ended_at: datetime,
        judged: TrackedApplication | None,
        *,
        address: str,
    ) -> ApplicationResult:
        settings, parts = self.settings, self.parts
        expectation = parts.policy.expectation(name) if parts else policy.expectation(settings)
        tracker = judged.tracker if judged else None
        hook_logs = parts.hooks.logs if parts else None
        return ApplicationResult(
            verdict=verdict,
            name=name,
            url=address and f"{address}/applications/{name}",
            image_tag=settings.image_tag if settings else "",
            seconds=seconds,
            ended_at=ended_at,
            application=tracker.application if tracker else None,
            transitions=tuple(tracker.timeline.transitions) if tracker else (),
            expectation={part.name: getattr(expectation, part.name) for part in fields(expectation)},
            expects=expectation.words,
            docs_url=self._docs_url,
            rollout=tracker.timeline.rollout if tracker else ReleaseTimeline(),
            timeout=parts.policy.timeout if parts else 0,
            hook_logs=hook_logs.of(name) if hook_logs else (),
        )
