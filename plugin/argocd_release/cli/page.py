"""The command ``argocd-release page REPORT [PAGE]``: render a JSON report as an HTML page."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from argocd_release.core.text import one_line, parse_json
from argocd_release.messages import cli as texts
from argocd_release.model.outcome import Outcome
from argocd_release.release.signals import Signals
from argocd_release.reports import registry
from argocd_release.reports.json_report import SCHEMA
from argocd_release.reports.page import render


def execute(arguments: Sequence[str], _: Mapping[str, str], stream: TextIO, __: Signals) -> int:
    """Write the page to the given path, or next to the report, and print the path. Return the exit code."""
    parser = argparse.ArgumentParser(prog="argocd-release page", description=texts.PAGE_DESCRIPTION)
    parser.add_argument("report", type=Path, help=texts.REPORT)
    parser.add_argument("page", type=Path, nargs="?", help=texts.TARGET)
    given = parser.parse_args(arguments)
    try:
        # ``with_suffix`` raises a ValueError if the path has no file name.
        target = given.page or given.report.with_suffix(".html")
        report = _read(given.report)
        registry.write_file(target, render(report))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        stream.write(texts.NO_PAGE.fill(report=given.report, error=one_line(why)))
        return Outcome.SETTINGS.exit_code
    stream.write(f"{target}\n")
    return 0


def _read(path: Path) -> Any:
    """Read a JSON report.

    Raises:
        OSError: the file cannot be read.
        ValueError: the file is not a report in the format of this version.
    """
    from jsonschema import Draft202012Validator  # noqa: PLC0415

    try:
        report = parse_json(path.read_text("utf-8"))
    except ValueError as error:
        raise ValueError(texts.NO_JSON.fill(error=error)) from error
    wrong = next(Draft202012Validator(SCHEMA).iter_errors(report), None)
    if wrong is not None:
        raise ValueError(texts.OTHER_VERSION.fill(path=wrong.json_path, error=wrong.message[:200]))
    return report
