"""A release of several applications at a glance: why, a line each, the worst first and then the slowest."""

from typing import Final

from argocd_release.core.text import counted, one_line
from argocd_release.model.outcome import Outcome
from argocd_release.model.result import ReleaseResult
from argocd_release.reports.tables import table

ROWS: Final = 250


def overview(result: ReleaseResult) -> str:
    """The whole as one text: the verdict, the cause of the worst, the table and the facts."""
    outcome = result.outcome
    cause = f"cause: {one_line(str(result.cause))}" if result.cause else ""
    rows = [
        (one.name, one.outcome.word, f"{one.seconds:.1f} s", one_line(str(one.cause or "")))
        for one in result.worst_first
    ]
    lines = table(("APPLICATION", "OUTCOME", "AFTER", "CAUSE"), rows[:ROWS])
    more = f"… and {counted(len(rows) - ROWS, 'more line')} left out" if len(rows) > ROWS else ""
    facts = {
        "Commit:": result.image_tag,
        "Duration:": f"{result.seconds:.1f} s",
        "Exit code:": "" if outcome is Outcome.DELIVERED else f"{outcome.exit_code} ({outcome.meaning})",
    }
    known = "\n".join(f"{label:12} {one_line(text)}" for label, text in facts.items() if text)
    reason = "" if result.cause and result.cause.message == result.verdict.reason else result.verdict.reason
    head = "\n".join(part for part in (cause, one_line(reason)) if part)
    return "\n\n".join(part for part in (head, "\n".join([*lines, more] if more else lines), known) if part)
