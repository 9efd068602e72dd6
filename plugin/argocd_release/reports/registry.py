"""The reporters: each renders a result to the text of a file."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from argocd_release.model.result import ReleaseResult
from argocd_release.reports import annotations, dotenv, json_report, junit, metrics
from argocd_release.reports.page.render import render as page


@dataclass(frozen=True, kw_only=True)
class Reporter:
    """A report that becomes a file: what people call it, and its text.

    ``late``: it is written once, when nothing more will be known, for it costs more than the others.
    """

    title: str
    render: Callable[[ReleaseResult], str]
    late: bool = False


# Keyed by the setting's field that says where the file goes.
REPORTERS: Final[Mapping[str, Reporter]] = MappingProxyType(
    {
        "junit_path": Reporter(title="JUnit report", render=junit.render),
        "dotenv_path": Reporter(title="dotenv report", render=dotenv.render),
        "annotations_path": Reporter(title="annotations report", render=annotations.render),
        "json_path": Reporter(title="JSON report", render=json_report.render),
        "metrics_path": Reporter(title="metrics report", render=metrics.render),
        "page_path": Reporter(title="page", render=lambda result: page(json_report.document(result)), late=True),
    }
)
