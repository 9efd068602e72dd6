"""Summaries that several reports share: the phases reached, the proof of a success, and tables."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from argocd_release.core.text import one_line
from argocd_release.model.outcome import Outcome
from argocd_release.model.result import ApplicationResult

CELL_LIMIT: Final = 200
LAST_CELL_LIMIT: Final = 400
_UNITS: Final = ((86400, "d"), (3600, "h"), (60, "m"))


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of the table, the header first; none if there are no rows. Each cell is one line."""
    if not rows:
        return []
    limits = [CELL_LIMIT] * (len(header) - 1) + [LAST_CELL_LIMIT]
    cells = [[one_line(cell, limit=limit) for cell, limit in zip(row, limits, strict=True)] for row in rows]
    lines = [list(header), *cells]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header) - 1)]
    return ["  ".join([*map(str.ljust, line, widths), line[-1]]).rstrip() for line in lines]


def age(since: str, now: datetime) -> str:
    """Return the age of an RFC 3339 time in kubectl's form, or an empty string if it is not a time."""
    try:
        seconds = int((now - datetime.fromisoformat(since)).total_seconds())
    except (ValueError, TypeError):
        return ""
    return next((f"{seconds // size}{unit}" for size, unit in _UNITS if seconds >= 2 * size), f"{max(seconds, 0)}s")


def line(result: ApplicationResult) -> str:
    """Return the phases, such as ``compared 0.8 s · synced 3.1 s · healthy 41.7 s (Deployment/web 38.2 s)``.

    The times are counted from the start of tracking. The slowest workload is in brackets. The line is
    empty if the application reached no phase.
    """
    rollout = result.rollout
    phases = {
        "compared": rollout.phases.compared,
        "synced": rollout.phases.synced,
        "healthy": rollout.phases.healthy,
    }
    reached = [f"{name} {at:.1f} s" for name, at in phases.items() if at is not None]
    if not reached:
        return ""
    if rollout.slowest is not None and phases["healthy"] is not None:
        reached[-1] += f" ({rollout.slowest.subject} {rollout.slowest.seconds:.1f} s)"
    missing = next((f"not {name}" for name, at in phases.items() if at is None), "")
    return " · ".join([*reached, missing] if missing and result.outcome is not Outcome.DELIVERED else reached)


_SHORT = 8


def proof(result: ApplicationResult) -> str:
    """Return a sentence on what the outcome proves about the application. Only a success proves anything."""
    if result.outcome is not Outcome.DELIVERED:
        return f"Not proven: the release {'was not delivered' if result.outcome.is_failure else 'status is unknown'}."
    if result.verdict.caveat:
        return f"{result.verdict.caveat[:1].upper()}{result.verdict.caveat[1:]}."
    if result.expects:
        contained = f", which {result.verdict.delivered_by}" if result.verdict.delivered_by else ""
        return f"Proven: what was expected runs, {result.expects}{contained}."
    application = result.application
    revision = application.revision[:_SHORT] if application and len(application.revisions) == 1 else ""
    head = f"HEAD of the tracked branch runs, as Argo CD read it during this job{f' ({revision})' if revision else ''}"
    if result.image_runs:
        return f"Proven: an image of this pipeline's commit runs, {result.image_tag}; and {head}."
    if result.image_is_there and not result.commit_is_deployed:
        return (
            f"Proven: {head}. An image of this pipeline's commit is there, {result.image_tag}. The job did not see a "
            "serving pod with it."
        )
    if not result.image_tag or not result.proven:
        return f"Proven: {head}. This does not prove that this pipeline's commit runs."
    return f"Proven: {head}, and that is this pipeline's commit."
