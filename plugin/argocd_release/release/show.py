"""The end of the job log: the banner, what shows the cause, what to do next."""

from collections.abc import Sequence
from typing import Any

from argocd_release.model.result import ReleaseResult
from argocd_release.release.explain import EXPLAINED
from argocd_release.release.job_log import JobLog
from argocd_release.reports import banner, evidence


def show(log: JobLog, result: ReleaseResult, written: Sequence[tuple[str, dict[str, Any]]]) -> None:
    """Show it; ``written``: events on the reports, with their fields."""
    outcome = result.outcome
    log.info(
        "result",
        text=f"\n{banner.render(result)}",
        outcome=outcome.word,
        exit_code=outcome.exit_code,
        reason=result.verdict.reason,
        cause=result.cause,
        next=result.hint,
        application=", ".join(one.name for one in result.applications),
        seconds=round(result.seconds, 3),
    )
    one = None if result.several else result.applications[0]
    if one and (note := evidence.caveat(one)):
        log.info("not proven", text=note)
    for position, each in enumerate((one,) if one else result.undelivered[:EXPLAINED], 1):
        for block in evidence.blocks(each):
            # GitLab knows a section by its name alone.
            name = block.name if one else f"{block.name}-of-{position}"
            title = block.title if one else f"{each.name}: {block.title}"
            with log.section(name, title, collapsed=block.collapsed):
                lines = list(block.lines)
                log.info("evidence", text="\n".join(lines), title=title, lines=lines)
    if result.hint:
        log.info("next", text=f"\nnext: {result.hint}", next=result.hint)
    for event, fields in written:
        if event == "report not written":
            log.info(event, **fields)
    if paths := [fields["path"] for event, fields in written if event == "report written"]:
        log.info("reports written", paths=", ".join(paths))
