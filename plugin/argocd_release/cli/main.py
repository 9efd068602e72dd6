"""The process boundary: arguments, the command that they name, and the exit code."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import Final, TextIO

from argocd_release.release.signals import Signals

# A command is given its arguments, the environment, the log's stream and the signals; it gives the exit code.
Execute = Callable[[Sequence[str], Mapping[str, str], TextIO, Signals], int]


@dataclass(frozen=True, kw_only=True)
class Command:
    """``module``: has a function ``execute``, and is imported when the command is asked for."""

    module: str
    summary: str

    def load(self) -> Execute:
        execute: Execute = import_module(self.module).execute
        return execute


COMMANDS: Final[Mapping[str, Command]] = MappingProxyType(
    {
        "wait": Command(
            module="argocd_release.cli.wait", summary="wait until the application runs what was pushed; the default"
        ),
        "doctor": Command(
            module="argocd_release.cli.doctor", summary="check all that a release needs, and say what mends it"
        ),
        "explain": Command(
            module="argocd_release.cli.explain", summary="explain a setting, an exit code or a cause: explain NAME"
        ),
        "page": Command(module="argocd_release.cli.page", summary="draw the page of a JSON report anew"),
    }
)
DEFAULT: Final = "wait"


def main(arguments: Sequence[str] | None = None) -> None:
    """The console command."""
    _open_standard_streams()
    # Before anything else, for a job may be cancelled while the libraries are still being loaded.
    with Signals() as signals:
        words = list(sys.argv[1:] if arguments is None else arguments)
        name = words.pop(0) if words and words[0] in COMMANDS else DEFAULT
        try:
            sys.stdout.reconfigure(encoding="utf-8", errors="replace", line_buffering=True)  # type: ignore[union-attr]
            exit_code = COMMANDS[name].load()(words, os.environ, sys.stdout, signals)
        finally:
            _settle(sys.stdout)
    sys.exit(exit_code)


def _open_standard_streams() -> None:
    """Whatever of the three was closed becomes /dev/null: else the next file that is opened would take its place."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, os.fdopen(number, mode))


def _settle(stream: TextIO) -> None:
    """Whoever read the log may have gone, and its disk may be full; the exit code is the verdict's all the same."""
    try:
        stream.flush()
    except (OSError, ValueError):
        # Python writes what is left over when it ends, and would exit with a code of its own.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
