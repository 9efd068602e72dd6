"""Play a scenario with a tool, such as argocd-release: run both at the same time, and record the result."""

import contextlib
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from argocd_release.model.outcome import Outcome
from sandbox.sandbox import Sandbox
from scenarios.dsl import Scenario, Stage

#: The path of the program argocd-release in the current environment of Python.
COMMAND: Final = str(Path(sys.executable).with_name("argocd-release"))
END_SECONDS: Final = 150.0
RULE: Final = "=" * 45
# The watch on the application reports a state at most this many seconds late.
WATCH_SECONDS: Final = 0.5


def shell() -> dict[str, str]:
    """Return the environment variables of this process that a job needs as well. No others must influence it."""
    return {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}


@dataclass(frozen=True, kw_only=True)
class Played:
    """The result of a tool in a scenario.

    Attributes:
        exit_code: the exit code of the tool.
        log: its output.
        seconds: its duration.
        cpu_seconds: its CPU time.
        late: seconds from the delivery to the end of the tool, or None if no delivery was observed.
        folder: the folder of the tool, with its reports.
        token: the token of the job, which no output must contain.
    """

    exit_code: int
    log: str
    seconds: float
    cpu_seconds: float
    late: float | None
    # True if the time of the delivery could be observed.
    truth_known: bool
    folder: Path
    token: str

    @property
    def cause(self) -> str:
        """Return the cause, which is the first line below the banner of the result, or an empty string."""
        _, _, after = self.log.partition(f"\n{RULE}\n")[2].partition(f"\n{RULE}\n")
        return after.partition("\n")[0].removeprefix("cause: ")

    @property
    def early(self) -> bool:
        """Return True if the tool has certainly ended before the release was delivered."""
        return self.truth_known and (self.late is None or self.late <= -WATCH_SECONDS)

    @property
    def dotenv(self) -> dict[str, str]:
        lines = (self.folder / "argocd-release.env").read_text("utf-8").splitlines()
        return dict(line.split("=", 1) for line in lines)


def play(
    scenario: Scenario,
    sandbox: Sandbox,
    *,
    command: list[str],
    name: str,
    folder: Path,
    environ: dict[str, str],
    watcher: "Watcher | None" = None,
) -> Played:
    """Play a scenario to its end.

    Args:
        scenario: the scenario.
        sandbox: the sandbox.
        command: the command line of the tool.
        name: the name of the application.
        folder: the folder of the tool, which must not exist yet.
        environ: the environment variables of the tool.
        watcher: observes the process of the tool, or None.
    """
    folder.mkdir(parents=True)
    stage = Stage(sandbox=sandbox, name=name)
    acts = scenario.play(stage)
    next(acts)
    called = stage.application.full_name if stage.application else stage.name
    settings = sandbox.environment() | {"ARGOCD_APP_NAME": called, "CI_COMMIT_SHORT_SHA": "abc1234"} | environ
    with ExitStack() as stack:
        changes = None
        if stage.application is not None:
            changes = stack.enter_context(stage.application.changes())
        log = stack.enter_context((folder / "log").open("w"))
        started = time.monotonic()
        process = subprocess.Popen(
            command, env=shell() | settings | stage.settings, cwd=folder, stdout=log, stderr=subprocess.STDOUT
        )
        stack.callback(_end, process)
        if watcher is not None:
            watcher.watch(process.pid)
        beside = stack.enter_context(ThreadPoolExecutor(1)).submit(lambda: list(acts))
        usage = _wait(process)
        stage.job_ended.set()
        seconds, ended = time.monotonic() - started, time.time()
        beside.result()
    late = None
    if changes is not None and stage.delivered_when is not None and scenario.outcome is Outcome.DELIVERED:
        with contextlib.suppress(LookupError):
            late = ended - changes.first(stage.delivered_when)
    return Played(
        exit_code=process.returncode,
        log=(folder / "log").read_text("utf-8", "replace"),
        seconds=seconds,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        late=late,
        truth_known=changes is not None and stage.delivered_when is not None,
        folder=folder,
        token=sandbox.ci_token,
    )


class Watcher:
    """An observer that receives the tool's process when it starts."""

    def watch(self, pid: int) -> None:
        raise NotImplementedError


def _wait(process: "subprocess.Popen[bytes]") -> "os.struct_rusage":  # type: ignore[name-defined]
    deadline = time.monotonic() + END_SECONDS
    while True:
        pid, code, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(code)
            return usage
        if time.monotonic() > deadline:
            raise TimeoutError(f"{process.args!r} did not end within {END_SECONDS:.0f} s")
        time.sleep(0.02)


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.returncode is None:
        process.kill()
        process.wait()
