"""Generate the benchmark page and the table of large groups from ``docs/benchmark*.json``, in both languages.

If one of these files does not exist, its page or table is not generated.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from reference import LANGUAGES, MARK, WORDS, Row, table

PATH = Path("docs/benchmark.json")
SETS_PATH = Path("docs/benchmark-sets.json")
RECORDED_PATH = Path("docs/benchmark-recorded.json")
JOBS_PATH = Path("docs/benchmark-jobs.json")
WORDING: dict[str, Any] = WORDS["benchmark"]
# A shorter job only begins and ends, so its share of CPU time would mean nothing.
STARTED_SECONDS = 15.0
Measured = dict[str, Any]
# The expected outcomes that are no early failure: the situation heals, or it lasts until the timeout.
NOT_FAILED = {"delivered", "timed-out"}


def pages(root: Path) -> dict[str, str]:
    """Return the generated files by path: the page, the sentence for the first page, and the tables of large groups."""
    made: dict[str, str] = {}
    if (root / PATH).exists():
        measured = json.loads((root / PATH).read_text("utf-8"))
        made |= {f"docs/{language}/benchmarks.md": page(language, measured) for language in LANGUAGES}
        made |= {f"docs/generated/measured.{language}.md": sentence(language, measured) for language in LANGUAGES}
    if (root / SETS_PATH).exists():
        measured = json.loads((root / SETS_PATH).read_text("utf-8"))
        made |= {f"docs/generated/many.{language}.md": many(language, measured) for language in LANGUAGES}
    if (root / RECORDED_PATH).exists():
        measured = json.loads((root / RECORDED_PATH).read_text("utf-8"))
        made |= {f"docs/generated/curve.{language}.md": curve(language, measured) for language in LANGUAGES}
    if (root / JOBS_PATH).exists():
        measured = json.loads((root / JOBS_PATH).read_text("utf-8"))
        made |= {f"docs/generated/jobs.{language}.md": jobs(language, measured) for language in LANGUAGES}
    return made


def parted(measured: Measured) -> tuple[Measured, Measured]:
    """Split the scenarios into those that every tool can judge, and those that need a setting of argocd-release."""
    found = measured["scenarios"]
    extra = [each for each in found if "RELEASE_" in each["title"] or each["name"] in WORDING["lacking"]]
    return measured | {"scenarios": [each for each in found if each not in extra]}, measured | {"scenarios": extra}


def page(language: str, measured: Measured) -> str:
    """Return the page in one language. It contains the method, the totals of each tool, and each scenario."""
    tools = list(dict.fromkeys(tool for scenario in measured["scenarios"] for tool in scenario["tools"]))
    names = [WORDING["tools"].get(tool, {}).get(language, tool) for tool in tools]
    labels, columns = WORDING["labels"][language], (*WORDING["columns"][language], *names)
    common, extra = parted(measured)
    text: str = WORDING["page"][language]
    return text.format(
        mark=MARK,
        count=len(measured["scenarios"]),
        argocd=measured["argocd"],
        version=measured["argocd-release"],
        date=measured["date"],
        runs=measured["runs"],
        timeout=measured["timeout"],
        common=len(common["scenarios"]),
        extra=len(extra["scenarios"]),
        common_sums=table(("", *names), sums(common, tools, labels)),
        extra_sums=table(("", *names), sums(extra, tools, labels)),
        common_scenarios=table(columns, scenarios(common, tools, language)),
        extra_scenarios=table(columns, scenarios(extra, tools, language)),
    )


def sentence(language: str, measured: Measured) -> str:
    """Return the sentence for the first page, about the scenarios that every tool can judge."""
    found = [each for each in parted(measured)[0]["scenarios"] if {"plain", "argocd-release"} <= set(each["tools"])]
    plain = [each["tools"]["plain"] | {"expected": each["expected"]} for each in found]
    ours = [each["tools"]["argocd-release"] for each in found]
    failed = [each["tools"]["argocd-release"]["seconds"] for each in found if each["expected"] not in NOT_FAILED]
    text: str = WORDING["measured"][language]
    said = text.format(
        count=len(found),
        wrong=sum(not each["right"] for each in plain),
        green=sum(not each["right"] and each["verdict"] == "green" for each in plain),
        right=sum(each["right"] for each in ours),
        late=round(median(failed)) if failed else 0,
    )
    return f"{MARK}\n\n{said}\n"


def comparison(measured: Measured) -> str:
    """Return the table in README. It compares the plain command with argocd-release in the common scenarios."""
    names = {"plain": "`argocd app wait` in a script", "argocd-release": "argocd-release"}
    common = [each for each in parted(measured)[0]["scenarios"] if names.keys() <= each["tools"].keys()]
    rows: list[list[str]] = [[], ["right verdict"], ["success although not delivered"], ["a failure is reported after"]]
    for tool in names:
        results = [each["tools"][tool] | {"failed": each["expected"] not in NOT_FAILED} for each in common]
        success = {"green", "delivered"}
        failed = [result["seconds"] for result in results if result["failed"]]
        rows[1].append(f"{sum(result['right'] for result in results)} of {len(results)}")
        rows[2].append(str(sum(not result["right"] and result["verdict"] in success for result in results)))
        rows[3].append(f"{median(failed):.0f} s (median), {max(failed):.0f} s (slowest)")
    rows[0] = ["", *names.values()]
    return table(rows[0], [tuple(row) for row in rows[1:]])


def sums(measured: Measured, tools: Sequence[str], labels: Sequence[str]) -> list[Row]:
    columns = []
    for tool in tools:
        results = [scenario["tools"][tool] for scenario in measured["scenarios"] if tool in scenario["tools"]]
        columns.append(
            (
                f"{sum(result['right'] for result in results)} / {len(results)}",
                f"{sum(result['seconds'] for result in results):.0f}",
                _requests(results),
                f"{max((result['peak_mb'] for result in results), default=0):.0f}",
            )
        )
    return [(label, *(column[index] for column in columns)) for index, label in enumerate(labels)]


def _requests(results: Sequence[Mapping[str, Any]]) -> str:
    """Return the number of requests as text, or a dash if none were counted. Parallel runs share one counter."""
    counted = [result["requests"] for result in results if result["requests"] is not None]
    return str(sum(counted)) if counted else "—"


def scenarios(measured: Measured, tools: Sequence[str], language: str) -> list[Row]:
    return [
        (
            found["title" if language == "en" else f"title_{language}"],
            found["expected"],
            *(cell(found["tools"].get(tool)) for tool in tools),
        )
        for found in measured["scenarios"]
    ]


def cell(result: Mapping[str, Any] | None) -> str:
    return "" if result is None else f"{'✓' if result['right'] else '✗'} {result['verdict']}, {result['seconds']:.1f} s"


def many(language: str, measured: Measured) -> str:
    """Return the table of large groups: a row for each number of applications and situation, with both tools."""
    words = WORDING["many"][language]
    rows: dict[tuple[int, str], dict[str, Measured]] = {}
    for run in measured["runs"]:
        rows.setdefault((run["applications"], run["situation"]), {})[run["tool"]] = run
    shown = [
        (
            str(count),
            words["situations"][situation],
            *_compared(words, situation, tools, measured["compared_in"][str(count)]),
        )
        for (count, situation), tools in rows.items()
    ]
    about = _about(words["about"], measured)
    return f"{MARK}\n\n{about}\n\n{table(words['columns'], shown)}"


def _share(run: Measured) -> int:
    return round(100 * float(run["cpu_seconds"]) / float(run["seconds"]))


def _compared(words: Mapping[str, str], situation: str, tools: Mapping[str, Measured], alone: float) -> Sequence[str]:
    ours, plain = tools["argocd-release"], tools.get("argocd app wait")
    ended = words["late"].format(**ours) if ours["late"] is not None else words["seconds"].format(**ours)
    told = words["told"].format(**ours) if ours["told"] is not None else ""
    compared = words["alone"].format(alone=alone) if situation == "already delivered" else ""
    return (
        f"{ended}{told}{compared}",
        _of_plain(words, plain),
        # The share of a job that only begins and ends would mean nothing.
        words["cpu" if ours["seconds"] > STARTED_SECONDS else "started"].format(share=_share(ours), **ours),
        f"{ours['peak_mb']} / {plain['peak_mb'] if plain else '—'}",
        words["requests"].format(**ours),
        words["work"].format(**ours["work"]) if "work" in ours else "",
    )


def _of_plain(words: Mapping[str, str], plain: Measured | None) -> str:
    """Return the result of the plain command, or a dash if it was not measured."""
    if plain is None:
        return "—"
    colour = words["red"] if plain["exit_code"] else words["green"]
    early = words["early"].format(early=-plain["late"]) if plain["late"] is not None and plain["late"] < 0 else ""
    return f"{colour}, {words['seconds'].format(**plain)}{early}"


def curve(language: str, measured: Measured) -> str:
    """Return the table with the cost of one job, measured with recorded answers, by the number of applications."""
    words = WORDING["curve"][language]
    about = _about(words["about"], measured)
    rows = [
        (
            words["of"][run["chosen"]].format(**run),
            words["compared"].format(**run),
            words["cpu"].format(share=f"{100 * run['cpu_share']:.1f}"),
            str(run["requests"]),
            f"{run['poll_kilobytes']:.0f}",
            str(run["peak_mb"]),
            words["seconds"].format(**run),
        )
        for run in measured["runs"]
    ]
    return f"{MARK}\n\n{about}\n\n{table(words['columns'], rows)}"


def jobs(language: str, measured: Measured) -> str:
    """Return the tables about many jobs at once and about many jobs one after another, if they were measured."""
    words = WORDING["jobs"][language]
    parts = [MARK]
    if at_once := measured.get("at_once"):
        rows = [
            (words["periods"][name], str(rate["mean"]), str(rate["peak"])) for name, rate in at_once["rates"].items()
        ]
        parts += [_about(words["at_once"], at_once | {"wrong": len(at_once["wrong"])}), table(words["rates"], rows)]
    if soak := measured.get("soak"):
        left = {"files": len(soak["files_left"]), "failed": soak["jobs_failed"]}
        before, after = soak["before"], soak["after"]
        rows = [(words[key], str(before[key]), str(after[key])) for key in ("server_mb", "server_files")]
        parts += [_about(words["soak"], soak | left), table(words["growth"], rows)]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _about(text: str, measured: Measured) -> str:
    return text.format(**{key.replace("-", "_"): value for key, value in measured.items()})
