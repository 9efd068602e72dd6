"""Render the metrics report in the text format of OpenMetrics.

In a merge request, GitLab compares the metrics with those of the target branch. It identifies a series by its name and
labels (lib/gitlab/ci/reports/metrics), so no label has a value that changes from run to run. Each metric has the lines
TYPE and HELP. If it has a unit, its name ends with that base unit, and there is a line UNIT
(https://prometheus.io/docs/specs/om/open_metrics_spec/).
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from argocd_release.core.text import one_line
from argocd_release.messages import reports as texts
from argocd_release.model.result import ApplicationResult, ReleaseResult
from argocd_release.model.timeline import SpanKind

PREFIX: Final = "argocd_release"
# The maximum length of a label's value.
LABEL_LIMIT: Final = 300
_SECONDS: Final = "seconds"


def _attempts(result: ApplicationResult) -> int | None:
    if result.application is None:
        return None
    return sum(span.kind is SpanKind.SYNC for span in result.rollout.spans)


def _resources(result: ApplicationResult) -> int | None:
    return result.resource_counts.total() if result.application else None


def _changed(result: ApplicationResult) -> int | None:
    return result.change_counts.total() if result.application else None


def _restarts(result: ApplicationResult) -> int | None:
    pods = result.diagnosis.pods
    return sum(pod.restarts for pod in pods) if pods else None


_Value = Callable[[ApplicationResult], float | None]
# The unit, the help text and the value of each metric, by its name without the prefix.
_METRICS: Final[Mapping[str, tuple[str, str, _Value]]] = MappingProxyType(
    {
        "duration_seconds": (_SECONDS, texts.DURATION_SECONDS, lambda result: result.seconds),
        "compared_seconds": (
            _SECONDS,
            texts.COMPARED_SECONDS,
            lambda result: result.rollout.phases.compared,
        ),
        "synced_seconds": (_SECONDS, texts.SYNCED_SECONDS, lambda result: result.rollout.phases.synced),
        "healthy_seconds": (_SECONDS, texts.HEALTHY_SECONDS, lambda result: result.rollout.phases.healthy),
        "sync_attempts": ("", texts.SYNC_ATTEMPTS, _attempts),
        "resources": ("", texts.RESOURCES, _resources),
        "resources_changed": ("", texts.RESOURCES_CHANGED, _changed),
        "pod_restarts": ("", texts.POD_RESTARTS, _restarts),
    }
)


def render(result: ReleaseResult) -> str:
    """Return the report as OpenMetrics text. An application whose value is unknown has no sample of the metric."""
    lines: list[str] = []
    for name, (unit, help_url, value) in _METRICS.items():
        samples = [
            (application.name, number)
            for application in result.applications
            if (number := value(application)) is not None
        ]
        if not samples:
            continue
        whole = f"{PREFIX}_{name}"
        lines.append(f"# TYPE {whole} gauge")
        lines += [f"# UNIT {whole} {unit}"] if unit else []
        lines.append(f"# HELP {whole} {help_url}")
        lines += [
            f'{whole}{{application="{_label(application)}"}} {_number(number)}' for application, number in samples
        ]
    return "\n".join([*lines, "# EOF"]) + "\n"


def _label(text: str) -> str:
    return one_line(text, limit=LABEL_LIMIT).replace("\\", "\\\\").replace('"', '\\"')


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.3f}"
