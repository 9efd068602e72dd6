"""Publish the result of a diff: the job log, the files, and the comment in the merge request."""

from functools import partial

from argocd_release.core.redaction import DocumentLine
from argocd_release.core.text import QUOTED, counted, one_line
from argocd_release.diff import render
from argocd_release.diff.compare import DiffResult, State
from argocd_release.messages import diff as texts
from argocd_release.model.events import ReportNotWritten, ReportsWritten, ShownEvidence, Trace
from argocd_release.model.outcome import Outcome
from argocd_release.notify.gitlab import put_marked_comment
from argocd_release.notify.gitlab_client import GitLabError
from argocd_release.release.job_log import JobContext, JobLog
from argocd_release.release.sinks import gitlab_of
from argocd_release.reports import registry
from argocd_release.settings.environment import JobEnvironment
from argocd_release.settings.load import NotificationSettings
from argocd_release.timing import Phase, run_in_background


def say(log: JobLog, text: str) -> None:
    """Log a text of the diff job."""
    log.emit(Trace(text=text))


def forget(files: str) -> None:
    """Remove the result files of an earlier job. Otherwise, GitLab would upload them if this job dies early."""
    registry.forget(f"{files}{ending}" for ending in render.FILES)


def empty(environ: JobEnvironment, files: str) -> DiffResult:
    """Return the initial result, which applies until the job has compared an application or failed."""
    job_url = environ.text("CI_JOB_URL")
    return DiffResult(
        outcome=Outcome.UNEXPECTED,
        reason="",
        job_name=environ.text("CI_JOB_NAME"),
        job_url=job_url,
        full_url=render.full_url(job_url, files),
    )


def write(log: JobLog, result: DiffResult, files: str) -> None:
    """Write the result files, and log the path or error of each. ``files`` is their path without the suffix."""
    events = [
        registry.written(texts.TITLE, f"{files}{ending}", partial(content, result))
        for ending, content in render.FILES.items()
    ]
    for event in events:
        if isinstance(event, ReportNotWritten):
            log.emit(event)
    log.emit(ReportsWritten(paths=", ".join(event for event in events if isinstance(event, str))))


def show(log: JobLog, result: DiffResult, file: str) -> None:
    """Log the table, the warnings and the differences. ``file`` is the path of the complete difference."""
    if result.applications:
        say(log, "\n" + "\n".join(render.table(result.applications)))
    for number, application in enumerate(result.applications):
        for danger in application.dangers:
            say(log, texts.DANGER.fill(application=application.name, danger=danger))
        for text in application.notes:
            say(log, texts.NOTE.fill(application=application.name, note=text))
        if application.changes:
            title = texts.SECTION.fill(
                application=application.name, changes=counted(len(application.changes), "change")
            )
            lines = render.log_lines(application, result.revision, file)
            with log.section(f"diff-{number}", title, collapsed=True):
                # The result was redacted before. Redacting it as one text would hide the data of ConfigMaps.
                text = DocumentLine("\n".join(f"{QUOTED}{line}".rstrip() for line in lines))
                log.emit(ShownEvidence(title=title, lines=tuple(map(DocumentLine, lines)), text=text))
    say(log, f"\n{render.summary(result)}")
    if result.hint:
        say(log, texts.NEXT.fill(hint=result.hint))


def comment(settings: NotificationSettings, context: JobContext, result: DiffResult) -> None:
    """Write the comment in the merge request. If that fails, only log a warning."""
    if not (settings.mr_note and settings.merge_request):
        return
    if not settings.gitlab_token:
        say(context.log, context.log.redacted(texts.NO_TOKEN_FOR_NOTE.fill()))
        return
    deadline = context.deadline.phase(Phase.SINKS)
    project = settings.merge_request_project or settings.own_project
    is_needed = bool(result.of(State.COMPARED) or result.of(State.FAILED))

    def put() -> str:
        with gitlab_of(settings, project, deadline) as gitlab:
            body = render.note(result)
            done = put_marked_comment(gitlab, settings.merge_request, render.marker(result), body, create=is_needed)
            return done or texts.COMMENT_UNNEEDED

    answer = run_in_background(put)
    try:
        is_done = answer.wait_for(seconds=deadline.left, check=lambda: None)
        text = texts.NOTE_DONE.fill(text=answer.result()) if is_done else texts.NOTE_FAILED.fill(text=texts.NO_RESPONSE)
        say(context.log, text)
    except Exception as error:  # noqa: BLE001 - whatever it is, the result stands
        text = str(error) if isinstance(error, GitLabError) else f"{type(error).__name__}: {error}"
        say(context.log, context.log.redacted(texts.NOTE_FAILED.fill(text=one_line(text))))
