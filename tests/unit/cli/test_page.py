"""Test the command that renders the page from a JSON report."""

import io
from pathlib import Path

import pytest

from argocd_release.cli import page
from argocd_release.messages.cli import NO_PAGE
from argocd_release.model.outcome import Outcome
from argocd_release.release.signals import Signals
from tests.support.wording import fields_of


@pytest.mark.parametrize("content", [None, "", "[" * 100_000, "{}", "\ufeff{}", '"x"'])
def test_what_is_no_report_is_said_to_be_none(tmp_path: Path, content: str | None) -> None:
    report = tmp_path / "report.json"
    if content is not None:
        report.write_text(content, "utf-8")
    stream = io.StringIO()
    with Signals() as signals:
        assert page.execute([str(report)], {}, stream, signals) == Outcome.SETTINGS.exit_code
    fields = fields_of(stream.getvalue(), NO_PAGE)
    assert fields is not None
    assert fields["report"] == str(report)


@pytest.mark.parametrize("path", ["/", "..", "."])
def test_a_folder_is_no_report(path: str) -> None:
    stream = io.StringIO()
    with Signals() as signals:
        assert page.execute([path], {}, stream, signals) == Outcome.SETTINGS.exit_code
    assert stream.getvalue().count("\n") == 1
