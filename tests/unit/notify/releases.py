"""Results of releases, and a function that sends them to the notification sinks as a job does."""

import io
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from argocd_release.model.application import Application, HealthStatus, SyncStatus
from argocd_release.model.git import Source
from argocd_release.model.outcome import Outcome, Verdict
from argocd_release.model.result import ApplicationResult, NotificationResult, ReleaseResult
from argocd_release.release.job_log import JobContext, JobLog
from argocd_release.release.signals import StopRequest
from argocd_release.release.sinks import sinks_of
from argocd_release.settings.environment import JobEnvironment
from argocd_release.settings.load import Settings
from argocd_release.timing import JobDeadline
from tests.support.gitlab_api import GitLab
from tests.support.waiting import eventually
from tests.unit import states

JOB = "https://gitlab.example.com/team/code/-/jobs/7"


def job_context() -> JobContext:
    """Return the context of a job that has just started."""
    return JobContext(
        environ=JobEnvironment({}),
        log=JobLog(JobEnvironment({}), io.StringIO()),
        stop=StopRequest(),
        deadline=JobDeadline(60),
    )


def at(
    *revisions: str, name: str = "web", repositories: tuple[str, ...] = ("shop", "values"), **changes: Any
) -> Application:
    sources = tuple(
        Source(repo_url=f"https://gitlab.example.com/team/{each}.git", target_revision="main") for each in repositories
    )
    changes = {"sync": SyncStatus.OUT_OF_SYNC, "health": HealthStatus.PROGRESSING} | changes
    return replace(
        states.application(),
        name=name,
        revisions=revisions,
        sources=sources[: len(revisions)],
        operation=None,
        **changes,
    )


def of(outcome: Outcome, application: Application | None, reason: str = "it is so") -> ApplicationResult:
    name = application.name if application else "web"
    return ApplicationResult(
        verdict=Verdict(outcome=outcome, reason=reason),
        name=name,
        url=f"https://argocd.example.com/applications/{name}",
        image_tag="",
        seconds=12.0,
        ended_at=datetime(2026, 1, 1, tzinfo=UTC),
        application=application,
    )


def ended(*results: ApplicationResult, **fields: Any) -> ReleaseResult:
    worst = max(results, key=lambda each: each.outcome.severity)
    return ReleaseResult(
        verdict=worst.verdict, applications=results, seconds=12.0, ended_at=worst.ended_at, several=len(results) > 1,
        job_url=JOB, **fields,
    )  # fmt: skip


def told(
    known: Settings,
    result: ReleaseResult,
    *before: Application,
    expected: int | None = None,
    gitlab: GitLab | None = None,
) -> list[NotificationResult]:
    """Run the sinks of a job: first with the states in ``before``, then with its result.

    Args:
        known: the settings.
        result: the result of the release.
        before: the states that the job sees before its end.
        expected: the number of requests that these states must cause; one for each by default.
        gitlab: counts the requests.
    """
    context = job_context()
    sinks = sinks_of(known, context)
    assert sinks is not None
    for application in before:
        for callback in sinks.on_released:
            callback(application)
    if gitlab is not None:
        count = len(before) if expected is None else expected
        eventually(lambda: len([call for call in gitlab.asked("POST", "/statuses/") if call.status]) >= count)
    context.deadline.judged()
    return list(sinks.emit(result))


def without_code(text: str) -> str:
    """Return the text without its code.

    In Markdown, a run of backticks opens code, and the next run of the same length ends it.
    """
    kept, position = [], 0
    while (start := text.find("`", position)) >= 0:
        kept.append(text[position:start])
        length = len(text[start:]) - len(text[start:].lstrip("`"))
        end = start + length
        while True:
            end = text.find("`" * length, end)
            assert end >= 0, "code that nothing ends"
            if text[end - 1] != "`" and text[end + length : end + length + 1] != "`":
                break
            end += len(text[end:]) - len(text[end:].lstrip("`"))
        position = end + length
    return "".join([*kept, text[position:]])
