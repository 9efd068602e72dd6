"""The output of the benchmark: a table with the progress, the goals, and JSON for the docs. Pure."""

from collections.abc import Mapping
from dataclasses import asdict
from statistics import median
from typing import Any, Final

from argocd_release.model.outcome import Outcome
from benchmark.measure import Measurement
from scenarios.dsl import Scenario

OURS: Final = "argocd-release"
PLAIN: Final = "plain"
Results = Mapping[str, Mapping[str, Measurement]]
# A run that took this share of its time limit counts as having used all of it.
BURNED: Final = 0.95


def row(scenario: Scenario, tools: Mapping[str, Measurement]) -> str:
    """Return one line of the table."""
    cells = [f"{scenario.name:30}"]
    for tool in (PLAIN, OURS):
        if tool in tools:
            done = tools[tool]
            late = "" if done.late is None else f"{done.late:+5.1f}"
            mark = "  " if done.right else "✗ "
            cells.append(
                f"{mark}{done.verdict:14}{done.seconds:6.1f} s {late:6}{done.cpu_seconds:5.1f} s {done.peak_mb:4.0f} MB"
            )
    return " | ".join(cells)


def header() -> str:
    columns = f"{'seconds':>8} {'late':6}{'CPU':>7} {'memory':>7}"
    return " | ".join([f"{'scenario':30}", *(f"  {tool:14}{columns}" for tool in (PLAIN, OURS))])


def document(results: Results, scenarios: Mapping[str, Scenario], **about: Any) -> dict[str, Any]:
    """Return the whole benchmark as JSON data."""
    listed = [
        {
            "name": name,
            "title": scenarios[name].title,
            "title_ru": scenarios[name].ru,
            "expected": scenarios[name].outcome.word,
            "within": scenarios[name].max_seconds,
            "tools": {tool: asdict(measurement) for tool, measurement in tools.items()},
        }
        for name, tools in results.items()
    ]
    return about | {"scenarios": listed, "summary": summary(results, scenarios, about["timeout"])}


def summary(results: Results, scenarios: Mapping[str, Scenario], timeout: float) -> dict[str, Any]:
    """Return how often each tool was right and how long it took, and the scenarios that exceeded our time limits."""
    found: dict[str, Any] = {}
    for tool in (PLAIN, OURS):
        done = {name: tools[tool] for name, tools in results.items() if tool in tools}
        if not done:
            continue
        late = [each.late for each in done.values() if each.late is not None and each.right]
        burned = [
            name
            for name, each in done.items()
            if each.seconds >= timeout * BURNED
            and scenarios[name].outcome not in {Outcome.TIMED_OUT, Outcome.DELIVERED}
        ]
        found[tool] = {
            "scenarios": len(done),
            "right": sum(each.right for each in done.values()),
            "wrong": sorted(name for name, each in done.items() if not each.right),
            "burned_the_timeout": sorted(burned),
            "seconds_median": round(median(each.seconds for each in done.values()), 2),
            "late_median": round(median(late), 2) if late else None,
            "peak_mb": max(each.peak_mb for each in done.values()),
        }
    if OURS in found:
        slow = [
            name
            for name, tools in results.items()
            if OURS in tools and tools[OURS].seconds > scenarios[name].max_seconds
        ]
        found[OURS]["slower_than_allowed"] = sorted(slow)
    return found
