"""The end of the job log: the banner, what shows the cause, what to do next."""

from collections.abc import Sequence
from typing import Any

from argocd_release.model.result import ReleaseResult
from argocd_release.release.job_log import JobLog
from argocd_release.reports import banner, evidence


def show(log: JobLog, result: ReleaseResult, written: Sequence[tuple[str, dict[str, Any]]]) -> None:
    """Show it; ``written``: events on the reports, with their fields."""
    outcome, cause = result.outcome, result.cause
    log.info(
        "result",
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
    one = result.applications[0]
    if note := evidence.caveat(one):
        log.info("not proven", text=note)
    for block in evidence.blocks(one):
        with log.section(block.name, block.title, collapsed=block.collapsed):
            lines = list(block.lines)
            log.info("evidence", text="\n".join(lines), title=block.title, lines=lines)
    if step := evidence.next_step(one):
        log.info("next", text=f"\n{step}", next=cause.hint if cause else "")
    for event, fields in written:
        if event == "report not written":
            log.info(event, **fields)
    if paths := [fields["path"] for event, fields in written if event == "report written"]:
        log.info("reports written", paths=", ".join(paths))
