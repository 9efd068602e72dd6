"""Play one scenario with one tool, and measure the result."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from argocd_release.model.outcome import Outcome
from sandbox.control import SandboxError
from sandbox.sandbox import Sandbox
from scenarios.dsl import Scenario
from scenarios.runner import Played, Watcher, play

SAMPLE_SECONDS: Final = 0.05
PAGE_MB: Final = 4096 / 1024 / 1024


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A measured tool. ``judges`` is True if it has more verdicts than green and red."""

    name: str
    command: list[str]
    judges: bool


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """The measurement of one tool. Unknown numbers are None.

    CPU time and memory include all child processes. Resident memory is summed, so shared pages count twice.
    """

    verdict: str
    right: bool
    seconds: float
    late: float | None
    cpu_seconds: float
    peak_mb: float
    requests: int | None


def measure(
    scenario: Scenario, tool: Tool, sandbox: Sandbox, *, name: str, folder: Path, timeout: int, alone: bool
) -> Measurement:
    """Play and measure the scenario. If ``alone``, no other tool uses the sandbox, so its requests can be counted."""
    before = sandbox.requests() if alone else None
    peak = Peak()
    environ = {"RELEASE_TIMEOUT": str(timeout)}
    played = play(scenario, sandbox, command=tool.command, name=name, folder=folder, environ=environ, watcher=peak)
    requests = None
    if before is not None:
        try:
            # A server that was stopped in between starts its count again.
            requests = sum((sandbox.requests() - before).values()) if not scenario.exclusive else None
        except (OSError, SandboxError):
            requests = None
    return Measurement(
        verdict=verdict(tool, played),
        right=is_right(scenario, tool, played),
        seconds=round(played.seconds, 2),
        late=None if played.late is None else round(played.late, 2),
        cpu_seconds=round(played.cpu_seconds, 2),
        peak_mb=round(peak.megabytes),
        requests=requests,
    )


def verdict(tool: Tool, played: Played) -> str:
    """Return the word for the result: ``green`` or ``red`` for a tool that has only an exit code."""
    if not tool.judges:
        return "red" if played.exit_code else "green"
    words = {outcome.exit_code: outcome.word for outcome in Outcome}
    return words.get(played.exit_code, str(played.exit_code))


def is_right(scenario: Scenario, tool: Tool, played: Played) -> bool:
    """Return True if the verdict was true. A success before the delivery is not."""
    if scenario.outcome is not Outcome.DELIVERED:
        return played.exit_code == scenario.outcome.exit_code if tool.judges else played.exit_code != 0
    return played.exit_code == 0 and not played.early


class Peak(Watcher):
    """The highest memory use of a process and its descendants."""

    def __init__(self) -> None:
        self.megabytes = 0.0

    def watch(self, pid: int) -> None:
        threading.Thread(target=self._sample, args=(pid,), daemon=True).start()

    def _sample(self, pid: int) -> None:
        while (pages := sum(_pages(pid))) > 0:
            self.megabytes = max(self.megabytes, pages * PAGE_MB)
            time.sleep(SAMPLE_SECONDS)


def wait_until(holds: Callable[[], bool], *, seconds: float = 600.0) -> None:
    """Wait until the condition holds.

    Raises:
        TimeoutError: it did not hold within this time.
    """
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            raise TimeoutError(f"a step of the benchmark took more than {seconds:.0f} s")
        time.sleep(0.05)


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process and its ended children have used, or 0 if the process has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
    except OSError:
        return 0.0
    # utime, stime, cutime and cstime of proc(5), without the first two fields.
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def _pages(pid: int) -> Iterator[int]:
    """Yield the resident pages of the process and of its descendants; none once it is gone."""
    try:
        yield int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text("ascii").split():
                yield from _pages(int(child))
    except (OSError, IndexError):
        return
