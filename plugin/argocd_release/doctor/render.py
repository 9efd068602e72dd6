"""Render the checklist as text and as JSON."""

from typing import Any, Final

from argocd_release import __version__
from argocd_release.core.text import counted
from argocd_release.doctor.checks import Checklist, CheckResult, CheckState, link
from argocd_release.messages import doctor

FORMAT: Final = 1
_WIDTH: Final = 12


def as_text(ledger: Checklist, docs_url: str = "") -> str:
    """Return one line per check, followed by the fix for each failed check.

    Checks that could not run share one line. ``docs_url``: address of the documentation, "" if it is unknown.
    """
    lines: list[str] = []
    for found in ledger.results:
        if found.state is CheckState.SKIPPED:
            continue
        lines.append(f"{found.state.mark} {found.check:{_WIDTH}} {found.message}")
        if found.fix:
            lines.append(f"  {'':{_WIDTH}} fix: {found.fix}")
        if found.code and (page := link(found.check, docs_url)):
            lines.append(f"  {'':{_WIDTH}} see: {page}")
    if skipped := [found.check for found in ledger.results if found.state is CheckState.SKIPPED]:
        text = doctor.NOT_CHECKED.fill(checks=", ".join(skipped))
        lines.append(f"{CheckState.SKIPPED.mark} {'not checked':{_WIDTH}} {text}")
    return "\n".join([*lines, "", *_conclusion(ledger)])


def as_json(ledger: Checklist, docs_url: str = "") -> dict[str, Any]:
    """Return the checklist in the form that ``doctor.schema.json`` describes."""
    worst = ledger.worst
    return {
        "format": FORMAT,
        "version": __version__,
        "trackable": worst is None,
        "exit_code": worst.exit_code if worst else 0,
        "checks": [_check(found, docs_url) for found in ledger.results],
    }


def _check(found: CheckResult, docs_url: str) -> dict[str, str]:
    return {
        "name": found.check,
        "state": found.state.word,
        "code": found.code,
        "message": found.message,
        "fix": found.fix,
        "link": link(found.check, docs_url) if found.code else "",
    }


def _conclusion(ledger: Checklist) -> list[str]:
    errors = counted(sum(result.state is CheckState.FAILED for result in ledger.results), "error")
    warning_count = sum(result.state is CheckState.WARNING for result in ledger.results)
    warnings = counted(warning_count, "warning")
    if ledger.worst is None:
        return [doctor.READY_WITH_WARNINGS.fill(warnings=warnings) if warning_count else doctor.READY.fill()]
    worst = ledger.worst
    ending = doctor.ENDING.fill(exit_code=worst.exit_code, meaning=worst.meaning)
    if ledger.cancelled is not None:
        return [doctor.INCOMPLETE.fill(ending=ending)]
    counts = f"{errors}, {warnings}" if warning_count else errors
    return [doctor.WOULD_END.fill(ending=ending), doctor.NOT_READY.fill(counts=counts)]
