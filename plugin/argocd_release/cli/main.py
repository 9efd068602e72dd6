"""The entry point of the program: find the command, run it, and exit with its exit code."""

import atexit
import gc
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import Final, TextIO

from argocd_release.messages import cli as texts
from argocd_release.release.signals import Signals

# A command receives its arguments, the environment, the output stream and the signals, and returns the exit code.
Execute = Callable[[Sequence[str], Mapping[str, str], TextIO, Signals], int]


@dataclass(frozen=True, kw_only=True)
class Subcommand:
    """A subcommand, whose ``module`` defines the function ``execute``."""

    module: str
    summary: str

    def load(self) -> Execute:
        """Import the module, and return its function ``execute``."""
        # Exclude the objects of imported modules from garbage collection. They are never freed, so checking them costs
        # time.
        gc.disable()
        execute: Execute = import_module(self.module).execute
        gc.freeze()
        gc.enable()
        return execute


COMMANDS: Final[Mapping[str, Subcommand]] = MappingProxyType(
    {
        "wait": Subcommand(module="argocd_release.cli.wait", summary=texts.WAIT),
        "diff": Subcommand(module="argocd_release.cli.diff", summary=texts.DIFF),
        "doctor": Subcommand(module="argocd_release.cli.doctor", summary=texts.DOCTOR),
        "explain": Subcommand(module="argocd_release.cli.explain", summary=texts.EXPLAIN),
        "page": Subcommand(module="argocd_release.cli.page", summary=texts.PAGE),
    }
)
DEFAULT: Final = "wait"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the subcommand in the arguments, or ``wait`` if there is none, and exit with its exit code."""
    _open_standard_streams()
    # Install the signal handlers before importing libraries, because the job can be cancelled during the imports.
    with Signals() as signals:
        words = list(sys.argv[1:] if arguments is None else arguments)
        name = words.pop(0) if words and words[0] in COMMANDS else DEFAULT
        try:
            sys.stdout.reconfigure(encoding="utf-8", errors="replace", line_buffering=True)  # type: ignore[union-attr]
            exit_code = COMMANDS[name].load()(words, os.environ, sys.stdout, signals)
        finally:
            _settle(sys.stdout)
    if arguments is None:
        _leave(exit_code)
    sys.exit(exit_code)


def _leave(exit_code: int) -> None:
    """End the process at once, without freeing its objects.

    It would take 0.2 s to free the objects of hundreds of applications. A cancelled job only has one second in total.
    """
    # Python's module multiprocessing ends its processes in the same way (Lib/multiprocessing/process.py, _bootstrap).
    atexit._run_exitfuncs()  # noqa: SLF001
    sys.stderr.flush()
    os._exit(exit_code)


def _open_standard_streams() -> None:
    """Open /dev/null for each closed standard stream. Otherwise, the next file would get the stream's descriptor."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, os.fdopen(number, mode))


def _settle(stream: TextIO) -> None:
    """Flush the stream. Ignore errors such as a closed pipe, because the verdict determines the exit code."""
    try:
        stream.flush()
    except (OSError, ValueError):
        # Redirect the stream to /dev/null. Otherwise, Python would write the rest of the buffer at exit. If that failed
        # again, Python would change the exit code.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
