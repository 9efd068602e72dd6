"""The command ``bin/dev benchmark``: play every scenario with both tools, print a table, and write JSON."""

import argparse
import json
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Final

from argocd_release import __version__
from argocd_release.model.outcome import Outcome
from argocd_release.reports.registry import write_file
from benchmark import jobs, recorded, report, sets
from benchmark.measure import Measurement, Tool, measure
from sandbox import releases
from sandbox.sandbox import ROOT, Sandbox
from scenarios import SCENARIOS
from scenarios.dsl import Scenario, Stage, web
from scenarios.parallel_runner import possible
from scenarios.runner import COMMAND

OUTPUT: Final = ROOT / "docs" / "benchmark.json"
SETS_OUTPUT: Final = ROOT / "docs" / "benchmark-sets.json"
RECORDED_OUTPUT: Final = ROOT / "docs" / "benchmark-recorded.json"
TIMEOUT: Final = 45
TOOLS: Final = {
    report.PLAIN: Tool(name=report.PLAIN, command=["sh", str(Path(__file__).with_name("plain.sh"))], judges=False),
    report.OURS: Tool(name=report.OURS, command=[COMMAND], judges=True),
}
JOBS_OUTPUT: Final = ROOT / "docs" / "benchmark-jobs.json"
REPETITIONS: Final = 5
WAITS: Final = (20, 60)


def main() -> int:
    """Run the requested scenarios; return 0 if argocd-release was right in all of them."""
    parser = argparse.ArgumentParser(prog="bin/dev benchmark", description=__doc__)
    parser.add_argument("scenarios", nargs="*", help="names of scenarios; all, if none is given")
    parser.add_argument("--only", choices=TOOLS, help="measure this tool alone")
    parser.add_argument(
        "--at-once", type=int, default=1, help="plain runs at once, which saves time and counts no requests"
    )
    parser.add_argument("--output", type=Path, help="where the JSON goes")
    versions = ", ".join(releases.RELEASES)
    parser.add_argument("--argocd", default="", metavar="VERSION", help=f"of the server: {versions}")
    parser.add_argument("--client", default="", metavar="VERSION", help="of the command line, likewise")
    parser.add_argument(
        "--sets", type=int, nargs="*", metavar="SIZE",
        help="compare one job for many applications with argocd app wait: 1, 10, 50, 200, or the given numbers",
    )  # fmt: skip
    parser.add_argument(
        "--recorded", type=int, nargs="*", metavar="SIZE",
        help="measure one job with recorded responses for 1 to 5,000 applications, or for the given numbers",
    )  # fmt: skip
    parser.add_argument("--jobs", type=int, metavar="COUNT", help="run this many jobs at once against one Argo CD")
    parser.add_argument("--soak", type=int, metavar="COUNT", help="run this many jobs one after another")
    given = parser.parse_args()
    if many := {name: count for name, count in (("at_once", given.jobs), ("soak", given.soak)) if count}:
        return jobs.main(many, given.output or JOBS_OUTPUT)
    if given.recorded is not None:
        return recorded.main(given.recorded or recorded.SIZES, given.output or RECORDED_OUTPUT)
    if given.sets is not None:
        compared = [sets.OURS] if given.only == report.OURS else [sets.OURS, sets.PLAIN]
        return sets.main(given.sets or sets.SIZES, compared, given.output or SETS_OUTPUT)
    if unknown := set(given.scenarios) - set(SCENARIOS):
        parser.error(f"no such scenario: {', '.join(sorted(unknown))}")
    asked = [SCENARIOS[name] for name in given.scenarios or SCENARIOS]
    chosen = possible(asked, releases.server(given.argocd))
    with tempfile.TemporaryDirectory() as folder:
        tools = [TOOLS[given.only]] if given.only else list(TOOLS.values())
        bench = Bench(Path(folder), chosen, tools, argocd=given.argocd, client=given.client)
        document = bench.run(given.at_once)
    output = given.output or OUTPUT
    write_file(output, json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    print(json.dumps({"summary": document["summary"], "goals": document["goals"]}, indent=2, ensure_ascii=False))
    print(f"written to {output}")
    return int(bool(document["summary"].get(report.OURS, {}).get("wrong")))


class Bench:
    """One run of the benchmark. Each tool has its own sandbox, so that its requests are counted apart."""

    def __init__(
        self, folder: Path, chosen: dict[str, Scenario], tools: list[Tool], *, argocd: str = "", client: str = ""
    ) -> None:
        self._folder = folder
        self._chosen = chosen
        self._tools = tools
        self._argocd, self._client = argocd, client
        self._results: dict[str, dict[str, Measurement]] = {name: {} for name in chosen}

    def run(self, at_once: int) -> dict[str, Any]:
        """Measure everything, and print the progress; return the data for the JSON."""
        print(report.header(), flush=True)
        with ThreadPoolExecutor(len(self._tools)) as pool:
            for done in [pool.submit(self._tool, tool, at_once) for tool in self._tools]:
                done.result()
        goals = self._goals() if any(tool.judges for tool in self._tools) else {}
        server = releases.server(self._argocd)
        about = {"argocd": f"v{server.version}", "argocd-release": __version__, "runs": 1, "timeout": TIMEOUT}
        about["date"] = datetime.now(UTC).date().isoformat()
        return report.document(self._results, SCENARIOS, **about, goals=goals)

    def _tool(self, tool: Tool, at_once: int) -> None:
        together = 1 if tool.judges else at_once
        parts = dict.fromkeys(part for scenario in self._chosen.values() for part in scenario.parts)
        with Sandbox.start(argocd=self._argocd, client=self._client, components=parts) as sandbox:

            def one(scenario: Scenario) -> None:
                measured = self._measure(scenario, tool, sandbox, scenario.name, alone=together == 1)
                self._results[scenario.name][tool.name] = measured
                if len(self._results[scenario.name]) == len(self._tools):
                    print(report.row(scenario, self._results[scenario.name]), flush=True)

            with ThreadPoolExecutor(together) as pool:
                list(pool.map(one, [each for each in self._chosen.values() if not each.exclusive]))
            for scenario in self._chosen.values():
                if scenario.exclusive:
                    one(scenario)

    def _measure(
        self, scenario: Scenario, tool: Tool, sandbox: Sandbox, name: str, *, alone: bool = True, timeout: int = TIMEOUT
    ) -> Measurement:
        print(f"... {name} with {tool.name}", file=sys.stderr, flush=True)
        folder = self._folder / tool.name / name
        return measure(scenario, tool, sandbox, name=name, folder=folder, timeout=timeout, alone=alone)

    def _goals(self) -> dict[str, float]:
        """Return the goals that the scenarios do not show, each measured on a quiet sandbox."""
        ours = TOOLS[report.OURS]
        waits = Scenario(
            name="waits",
            title="",
            outcome=Outcome.TIMED_OUT,
            play=_never_ready,
            cause="",
            max_seconds=0,
            exclusive=False,
        )
        with Sandbox.start(argocd=self._argocd, client=self._client) as sandbox:
            settled = SCENARIOS["already-delivered"]
            already = [
                self._measure(settled, ours, sandbox, f"already-{number}").seconds for number in range(REPETITIONS)
            ]
            short, long = (
                self._measure(waits, ours, sandbox, f"waits-{seconds}", timeout=seconds) for seconds in WAITS
            )
        between = long.seconds - short.seconds
        return {
            "already_delivered_seconds_median": round(median(already), 2),
            "share_of_a_core_while_waiting": round((long.cpu_seconds - short.cpu_seconds) / between, 3),
            "requests_per_second_while_waiting": round(((long.requests or 0) - (short.requests or 0)) / between, 2),
        }


def _never_ready(stage: Stage) -> Any:
    stage.deploy(web("1", fate="never-ready"))
    time.sleep(2)
    yield


if __name__ == "__main__":
    sys.exit(main())
