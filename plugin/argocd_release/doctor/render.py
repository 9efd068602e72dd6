"""The checklist, for people and for machines."""

from typing import Any, Final

from argocd_release import __version__
from argocd_release.doctor.finding import Ledger, State

FORMAT: Final = 1
_WIDTH: Final = 12


def as_text(ledger: Ledger) -> str:
    """A line a check, and below each that is not well what mends it."""
    lines = []
    for found in ledger.findings:
        lines.append(f"{found.state.mark} {found.check:{_WIDTH}} {found.message}")
        if found.fix:
            lines.append(f"  {'':{_WIDTH}} fix: {found.fix}")
    return "\n".join([*lines, "", _conclusion(ledger)])


def as_json(ledger: Ledger) -> dict[str, Any]:
    """Of the form that ``doctor.schema.json`` describes."""
    worst = ledger.worst
    return {
        "format": FORMAT,
        "version": __version__,
        "trackable": worst is None,
        "exit_code": worst.exit_code if worst else 0,
        "checks": [
            {
                "name": found.check,
                "state": found.state.word,
                "code": found.code,
                "message": found.message,
                "fix": found.fix,
            }
            for found in ledger.findings
        ],
    }


def _conclusion(ledger: Ledger) -> str:
    failed = sum(found.state is State.FAILED for found in ledger.findings)
    warned = sum(found.state is State.WARNING for found in ledger.findings)
    notes = f", {warned} to look at" if warned else ""
    if ledger.worst is None:
        return f"A release could be tracked{notes}."
    worst = ledger.worst
    if ledger.cancelled is not None:
        return f"The checks are incomplete. Exit code {worst.exit_code} ({worst.meaning})."
    return f"No release could be tracked: {failed} to mend{notes}. Exit code {worst.exit_code} ({worst.meaning})."
