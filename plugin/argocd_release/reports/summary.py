"""Summarise a release for several reports: the phases that it reached, the proof of a success, and tables."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from argocd_release.core.text import one_line
from argocd_release.messages import reports as texts
from argocd_release.model.application import SyncStatus
from argocd_release.model.outcome import Outcome
from argocd_release.model.result import ApplicationResult

# The maximum length of a cell, and of a cell in the last column.
CELL_LIMIT: Final = 200
LAST_CELL_LIMIT: Final = 400
_UNITS: Final = ((86400, "d"), (3600, "h"), (60, "m"))


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table, the header first; no lines if there are no rows. Each cell is on one line."""
    if not rows:
        return []
    limits = [CELL_LIMIT] * (len(header) - 1) + [LAST_CELL_LIMIT]
    cells = [[one_line(cell, limit=limit) for cell, limit in zip(row, limits, strict=True)] for row in rows]
    lines = [list(header), *cells]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header) - 1)]
    return ["  ".join([*map(str.ljust, line, widths), line[-1]]).rstrip() for line in lines]


def age(since: str, now: datetime) -> str:
    """Return the time since a moment in kubectl's form, such as ``5m``; "" if ``since`` is not an RFC 3339 time."""
    try:
        seconds = int((now - datetime.fromisoformat(since)).total_seconds())
    except (ValueError, TypeError):
        return ""
    return next((f"{seconds // size}{unit}" for size, unit in _UNITS if seconds >= 2 * size), f"{max(seconds, 0)}s")


def line(result: ApplicationResult) -> str:
    """Return the phases, such as ``compared 0.8 s · synced 3.1 s · healthy 41.7 s (Deployment/web 38.2 s)``.

    The times are seconds since tracking began. The brackets contain the workload that took longest. The line is empty
    if the application reached no phase, or if Argo CD could not compare at the end.
    """
    if result.application is not None and result.application.sync is SyncStatus.UNKNOWN:
        return ""
    rollout = result.rollout
    phases = {
        "compared": rollout.phases.compared,
        "synced": rollout.phases.synced,
        "healthy": rollout.phases.healthy,
    }
    reached = [texts.PHASE.fill(name=name, seconds=f"{at:.1f}") for name, at in phases.items() if at is not None]
    if not reached:
        return ""
    if rollout.slowest is not None and phases["healthy"] is not None:
        slowest = rollout.slowest
        reached[-1] = texts.SLOWEST.fill(phases=reached[-1], subject=slowest.subject, seconds=f"{slowest.seconds:.1f}")
    missing = next((name for name, at in phases.items() if at is None), "")
    application = result.application
    if not missing or application is None or result.outcome is Outcome.DELIVERED:
        return " · ".join(reached)
    status = application.sync if missing == "synced" else application.health
    return " · ".join([*reached, texts.AT_THE_END.fill(status=status)])


_SHORT = 8


def proof(result: ApplicationResult) -> str:
    """Return a sentence on what the outcome proves about the application. Only a success proves anything."""
    if result.outcome is not Outcome.DELIVERED:
        return texts.NOT_DELIVERED if result.outcome.is_failure else texts.STATUS_UNKNOWN
    if result.verdict.caveat:
        return texts.CAVEAT.fill(caveat=result.verdict.caveat[:1].upper() + result.verdict.caveat[1:])
    if result.expects:
        if later := result.verdict.delivered_by:
            return texts.PROVEN_BY_LATER.fill(expected=result.expects, delivered_by=later)
        return texts.PROVEN.fill(expected=result.expects)
    application = result.application
    revision = application.revision[:_SHORT] if application and len(application.revisions) == 1 else ""
    head = texts.HEAD_AT.fill(revision=revision) if revision else texts.HEAD
    if result.image_runs:
        return texts.PROVEN_IMAGE.fill(image_tag=result.image_tag, head=head)
    if result.image_is_there and not result.commit_is_deployed:
        return texts.PROVEN_HEAD_WITH_IMAGE.fill(head=head, image_tag=result.image_tag)
    if not result.image_tag or not result.proven:
        return texts.PROVEN_HEAD.fill(head=head)
    return texts.PROVEN_COMMIT.fill(head=head)
