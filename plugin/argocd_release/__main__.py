"""The process boundary: arguments, wiring, and the exit code."""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import TextIO

from argocd_release import __version__
from argocd_release.signals import Signals


def main(arguments: Sequence[str] | None = None) -> None:
    """The console command."""
    _open_standard_streams()
    # Before anything else, for a job may be cancelled while the libraries are still being loaded.
    with Signals() as signals:
        from argocd_release.run import Run  # noqa: PLC0415

        try:
            _parse(arguments)
            sys.stdout.reconfigure(encoding="utf-8", errors="replace", line_buffering=True)  # type: ignore[union-attr]
            exit_code = Run(os.environ, sys.stdout).execute(signals)
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


def _parse(arguments: Sequence[str] | None) -> None:
    parser = argparse.ArgumentParser(
        prog="argocd-release",
        description="Waits until the application runs what was pushed, Synced and Healthy; says why if it does not.",
        epilog=_settings_help(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"argocd-release {__version__}")
    parser.parse_args(arguments)


def _settings_help() -> str:
    from argocd_release.settings import PROPERTIES, described  # noqa: PLC0415 - see main

    lines = ["settings, all from environment variables:"]
    for name, declared in PROPERTIES.items():
        lines.append(f"  {name}\n      {described(declared)}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
