"""The end of the job log: the banner, what shows the cause, what to do next."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from argocd_release.core.text import one_line
from argocd_release.model.events import (
    Next,
    NotProven,
    PhasesReached,
    ReportNotWritten,
    ReportsWritten,
    Result,
    ShownEvidence,
    Warned,
)
from argocd_release.model.outcome import Outcome
from argocd_release.model.result import ApplicationResult, ReleaseResult
from argocd_release.release.explain import EXPLAINED
from argocd_release.release.job_log import JobLog
from argocd_release.release.report_files import Written
from argocd_release.reports import banner, evidence, phases

#: Conditions of delivered applications that the job log shows.
CONDITIONS: Final = 10


def show(log: JobLog, result: ReleaseResult, written: Sequence[Written]) -> None:
    """Show the result, and which reports were written."""
    log.tell(_end(result))
    if not result.several:
        _show_what_holds(log, result.applications[0])
    for event in _warnings(result)[:CONDITIONS]:
        log.tell(event)
    for position, one in enumerate(result.undelivered[:EXPLAINED] if result.several else result.applications, 1):
        for block in evidence.blocks(one):
            title = f"{one.name}: {block.title}" if result.several else block.title
            # GitLab knows a section by its name alone.
            name = f"{block.name}-of-{position}" if result.several else block.name
            with log.section(name, title, collapsed=block.collapsed):
                log.tell(ShownEvidence(text="\n".join(block.lines), title=title, lines=block.lines))
    for missing in written:
        if isinstance(missing, ReportNotWritten):
            log.tell(missing)
    if paths := [path for path in written if isinstance(path, str)]:
        log.tell(ReportsWritten(paths=", ".join(paths)))
    _show_next(log, result)


def _warnings(result: ReleaseResult) -> list[Warned]:
    """Return the conditions of delivered applications, which do not keep them from being Synced and Healthy."""
    return [
        Warned(why=f"{one.name}: {item.type}: {one_line(item.message, limit=1000)}", code=item.type)
        for one in result.applications
        if one.outcome is Outcome.DELIVERED and one.application is not None
        for item in one.application.conditions
    ]


def _show_what_holds(log: JobLog, one: ApplicationResult) -> None:
    """Show what success does not prove, and when which phase was reached."""
    if note := evidence.caveat(one):
        log.tell(NotProven(text=note))
    if line := phases.line(one):
        log.tell(PhasesReached(text=line, **asdict(one.rollout.phases)))


def _show_next(log: JobLog, result: ReleaseResult) -> None:
    """Show what to do about the worst failure, or about the group itself if its verdict is not an application's."""
    if result.is_theirs or not result.several:
        for worst in result.undelivered[:1]:
            if step := evidence.last_lines(worst):
                log.tell(Next(text=f"\n{step}", next=worst.cause.hint if worst.cause else "", help=worst.explained))
    elif result.verdict.hint:
        log.tell(Next(text=f"\nnext: {result.verdict.hint}", next=result.verdict.hint, help=""))


def _end(result: ReleaseResult) -> Result:
    outcome, cause = result.outcome, result.cause
    return Result(
        text=f"\n{banner.render(result)}",
        outcome=outcome.word,
        exit_code=outcome.exit_code,
        reason=result.verdict.reason,
        cause=str(cause or ""),
        code=cause.code.word if cause else "",
        next=cause.hint if cause else "",
        application=", ".join(one.name for one in result.applications),
        seconds=round(result.seconds, 3),
    )
