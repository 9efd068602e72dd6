"""The end of the job log: the banner, what shows the cause, what to do next."""

from collections.abc import Sequence
from dataclasses import asdict

from argocd_release.model.events import (
    Next,
    NotProven,
    PhasesReached,
    ReportNotWritten,
    ReportsWritten,
    Result,
    ShownEvidence,
)
from argocd_release.model.result import ApplicationResult, ReleaseResult
from argocd_release.release.job_log import JobLog
from argocd_release.release.report_files import Written
from argocd_release.release.worst import EXPLAINED
from argocd_release.reports import banner, evidence, phases


def show(log: JobLog, result: ReleaseResult, written: Sequence[Written]) -> None:
    """Show it, and what became of the reports."""
    log.tell(_end(result))
    if result.several:
        _show_the_worst(log, result)
    else:
        _show_one(log, result.applications[0])
    for missing in written:
        if isinstance(missing, ReportNotWritten):
            log.tell(missing)
    if paths := [path for path in written if isinstance(path, str)]:
        log.tell(ReportsWritten(paths=", ".join(paths)))


def _show_one(log: JobLog, one: ApplicationResult) -> None:
    if note := evidence.caveat(one):
        log.tell(NotProven(text=note))
    if line := phases.line(one):
        log.tell(PhasesReached(text=line, **asdict(one.rollout.phases)))
    for block in evidence.blocks(one):
        with log.section(block.name, block.title, collapsed=block.collapsed):
            log.tell(ShownEvidence(text="\n".join(block.lines), title=block.title, lines=block.lines))
    _show_next(log, one)


def _show_next(log: JobLog, one: ApplicationResult) -> None:
    if step := evidence.next_step(one):
        log.tell(Next(text=f"\n{step}", next=one.cause.hint if one.cause else "", help=one.explained))


def _show_the_worst(log: JobLog, result: ReleaseResult) -> None:
    for position, one in enumerate(result.undelivered[:EXPLAINED], 1):
        for block in evidence.blocks(one):
            title = f"{one.name}: {block.title}"
            # GitLab knows a section by its name alone.
            with log.section(f"{block.name}-of-{position}", title, collapsed=block.collapsed):
                log.tell(ShownEvidence(text="\n".join(block.lines), title=title, lines=block.lines))
    for worst in result.undelivered[:1]:
        _show_next(log, worst)


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
