"""Tables as kubectl and argocd print them: columns two spaces apart, the last one as long as it likes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from argocd_release.core.text import one_line

CELL_LIMIT: Final = 200


LAST_CELL_LIMIT: Final = 400


_UNITS: Final = ((86400, "d"), (3600, "h"), (60, "m"))


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of the table, with the header first; none if there are no rows. Each cell is one line."""
    if not rows:
        return []
    limits = [CELL_LIMIT] * (len(header) - 1) + [LAST_CELL_LIMIT]
    cells = [[one_line(cell, limit=limit) for cell, limit in zip(row, limits, strict=True)] for row in rows]
    lines = [list(header), *cells]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header) - 1)]
    return ["  ".join([*map(str.ljust, line, widths), line[-1]]).rstrip() for line in lines]


def age(since: str, now: datetime) -> str:
    """How long ago the RFC 3339 time was, as kubectl says it; ``""`` if it is no time."""
    try:
        seconds = int((now - datetime.fromisoformat(since)).total_seconds())
    except (ValueError, TypeError):
        return ""
    return next((f"{seconds // size}{unit}" for size, unit in _UNITS if seconds >= 2 * size), f"{max(seconds, 0)}s")
