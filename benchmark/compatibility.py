"""The command ``bin/dev compatibility``: play every scenario on one version of Argo CD, and store the results.

The results go to ``docs/compatibility.json``, one entry for each pair of server and command line. The tables of the
docs, and the versions that argocd-release knows as tested, are generated from it.
"""

import argparse
import json
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from concurrent.futures import as_completed
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Final

from argocd_release.reports.registry import write_file
from sandbox import releases
from sandbox.sandbox import ROOT, Sandbox
from scenarios import SCENARIOS
from scenarios.dsl import Scenario
from scenarios.parallel_runner import performed, possible, wrong

OUTPUT: Final = ROOT / "docs" / "compatibility.json"
RUNS: Final = 3


def main() -> int:
    """Play the requested scenarios; return 0 if every result was right."""
    versions = ", ".join(releases.RELEASES)
    parser = argparse.ArgumentParser(prog="bin/dev compatibility", description=__doc__)
    parser.add_argument("scenarios", nargs="*", help="names of scenarios; with any, nothing is written")
    parser.add_argument("--argocd", default="", metavar="VERSION", help=f"of the server: {versions}")
    parser.add_argument("--client", default="", metavar="VERSION", help="of the command line, likewise")
    parser.add_argument("--runs", type=int, default=RUNS, help="in a row, each on a sandbox of its own (%(default)s)")
    parser.add_argument("--without", nargs="*", default=[], metavar="PART", help="optional parts that are not to run")
    given = parser.parse_args()
    if unknown := set(given.scenarios) - set(SCENARIOS):
        parser.error(f"no such scenario: {', '.join(sorted(unknown))}")
    server, client = releases.server(given.argocd), releases.client(given.client)
    asked = [SCENARIOS[name] for name in given.scenarios or SCENARIOS]
    asked = [each for each in asked if not set(each.parts) & set(given.without)]
    chosen = possible(asked, server)
    started = time.monotonic()
    played = run(chosen.values(), given.runs, server=server.version, client=client.version)
    right = sum(each["right"] == given.runs for each in played.values())
    entry = {
        "server": server.version,
        "cli": client.version,
        "scenarios": len(played),
        "right": right,
        "date": datetime.now(UTC).date().isoformat(),
        "runs": given.runs,
        "seconds": round((time.monotonic() - started) / given.runs),
        "results": played,
    }
    if not given.scenarios:
        write_file(OUTPUT, rendered(merged(json.loads(OUTPUT.read_text("utf-8")), entry)))
        print(f"written to {OUTPUT}; bin/dev generate brings it into the docs")
    return int(right < len(played))


def run(scenarios: Iterable[Scenario], runs: int, *, server: str, client: str) -> dict[str, dict[str, Any]]:
    """Return for each scenario how often it was right, and its median duration in seconds."""
    asked = list(scenarios)
    right = dict.fromkeys((each.name for each in asked), 0)
    seconds: dict[str, list[float]] = defaultdict(list)
    for number in range(1, runs + 1):
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            start = partial(Sandbox.start, argocd=server, client=client)
            playing = stack.enter_context(performed(asked, stack.enter_context(start()), folder, start=start))
            performing = {playing[each.name]: each for each in asked}
            for future in as_completed(performing):
                each = performing[future]
                try:
                    played = future.result()
                except Exception as error:  # noqa: BLE001 - whatever it was, the other scenarios go on
                    found = f"{type(error).__name__}: {error}"
                else:
                    found = wrong(each, played)
                    seconds[each.name].append(played.seconds)
                right[each.name] += not found
                print(f"{number}/{runs} {each.name:32} {f'WRONG: {found}' if found else 'right'}", flush=True)
    return {name: {"right": count, "seconds": round(median(seconds[name] or [0]), 1)} for name, count in right.items()}


def merged(known: list[dict[str, Any]], entry: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the entries with this one added or replaced, the oldest server first."""
    others = [each for each in known if (each["server"], each["cli"]) != (entry["server"], entry["cli"])]
    return sorted([*others, dict(entry)], key=lambda each: (_numbers(each["server"]), _numbers(each["cli"])))


def rendered(entries: Iterable[Mapping[str, Any]]) -> str:
    """Return the entries as JSON with one scenario per line, which gives readable differences."""
    shown = []
    for entry in entries:
        head = json.dumps({key: value for key, value in entry.items() if key != "results"})
        lines = [f"  {json.dumps(name)}: {json.dumps(played)}" for name, played in sorted(entry["results"].items())]
        shown.append(f'{head[:-1]}, "results": {{\n' + ",\n".join(lines) + "\n}}")
    return "[\n" + ",\n".join(shown) + "\n]\n"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


if __name__ == "__main__":
    sys.exit(main())
