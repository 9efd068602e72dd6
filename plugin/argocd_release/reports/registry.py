"""The reporters. Each renders a result to the text of a file."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from argocd_release.model.result import ReleaseResult
from argocd_release.reports import annotations, dotenv, json_report, junit, metrics
from argocd_release.reports.page.render import render as page


@dataclass(frozen=True, kw_only=True)
class Reporter:
    """A report that becomes a file.

    Attributes:
        title: the name of the report for people.
        render: returns the text of the file.
        late: True if it is written only once, at the end, because it takes longer than the others.
    """

    title: str
    render: Callable[[ReleaseResult], str]
    late: bool = False


# The keys are the fields of the settings with the file's path.
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
