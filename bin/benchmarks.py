"""The page of the benchmark, in both languages, from ``docs/benchmark.json``; there is none without that file."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reference import LANGUAGES, MARK, WORDS, Row, table

PATH = Path("docs/benchmark.json")
WORDING: dict[str, Any] = WORDS["benchmark"]


def pages(root: Path) -> dict[str, str]:
    """The pages by path."""
    if not (root / PATH).exists():
        return {}
    measured = json.loads((root / PATH).read_text("utf-8"))
    return {f"docs/{language}/benchmarks.md": page(language, measured) for language in LANGUAGES}


def page(language: str, measured: Mapping[str, Any]) -> str:
    """One language's page: what was measured, the sums of each tool, each scenario."""
    tools = list(dict.fromkeys(tool for scenario in measured["scenarios"] for tool in scenario["tools"]))
    names = [WORDING["tools"].get(tool, {}).get(language, tool) for tool in tools]
    text: str = WORDING["page"][language]
    return text.format(
        mark=MARK,
        count=len(measured["scenarios"]),
        argocd=measured["argocd"],
        version=measured["argocd-release"],
        date=measured["date"],
        runs=measured["runs"],
        timeout=measured["timeout"],
        sums=table(("", *names), sums(measured, tools, WORDING["labels"][language])),
        scenarios=table((*WORDING["columns"][language], *names), scenarios(measured, tools)),
    )


def sums(measured: Mapping[str, Any], tools: Sequence[str], labels: Sequence[str]) -> list[Row]:
    columns = []
    for tool in tools:
        results = [scenario["tools"][tool] for scenario in measured["scenarios"] if tool in scenario["tools"]]
        columns.append(
            (
                f"{sum(result['right'] for result in results)} / {len(results)}",
                f"{sum(result['seconds'] for result in results):.0f}",
                _requests(results),
                f"{max(result['peak_mb'] for result in results):.0f}",
            )
        )
    return [(label, *(column[index] for column in columns)) for index, label in enumerate(labels)]


def _requests(results: Sequence[Mapping[str, Any]]) -> str:
    """Not counted is not none: several runs at once have one counter."""
    counted = [result["requests"] for result in results if result["requests"] is not None]
    return str(sum(counted)) if counted else "—"


def scenarios(measured: Mapping[str, Any], tools: Sequence[str]) -> list[Row]:
    return [
        (found["title"], found["expected"], *(cell(found["tools"].get(tool)) for tool in tools))
        for found in measured["scenarios"]
    ]


def cell(result: Mapping[str, Any] | None) -> str:
    return "" if result is None else f"{'✓' if result['right'] else '✗'} {result['verdict']}, {result['seconds']:.1f} s"
