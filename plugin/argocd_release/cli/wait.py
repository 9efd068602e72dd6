"""``argocd-release``, ``argocd-release wait``: one release is waited for, and judged."""

import gc
from collections.abc import Iterable, Mapping, Sequence
from typing import TextIO

from argocd_release import __version__
from argocd_release.cli.main import COMMANDS
from argocd_release.release.job import Run
from argocd_release.release.signals import Signals
from argocd_release.settings.schema import PROPERTIES, SCHEMA


def execute(arguments: Sequence[str], environ: Mapping[str, str], stream: TextIO, signals: Signals) -> int:
    """Wait for the release; everything but ``--help`` and ``--version`` is said by the environment."""
    if arguments:
        parse_arguments(arguments)
    # What is imported stays: to look for garbage among it is for nothing, and takes time before argocd is called.
    gc.disable()
    gc.freeze()
    gc.enable()
    return Run(environ, stream).execute(signals)


def parse_arguments(arguments: Sequence[str]) -> None:
    """Answer ``--help`` and ``--version``; anything else is an error. Always raises ``SystemExit`` then."""
    import argparse  # noqa: PLC0415 - a job gives no arguments

    if not arguments[0].startswith("-"):
        _refuse(arguments[0], COMMANDS)
    commands = [f"  {name:10}  {command.summary}" for name, command in COMMANDS.items()]
    parser = argparse.ArgumentParser(
        prog="argocd-release",
        usage="argocd-release [COMMAND] [-h] [--version]",
        description="Waits until the application runs what was pushed, Synced and Healthy; says why if it does not.",
        epilog="\n".join(["commands:", *commands, "", _settings_help()]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"argocd-release {__version__}")
    parser.parse_args(arguments)


def _refuse(word: str, commands: Iterable[str]) -> None:
    """End with the nearest command, because the word is none."""
    import difflib  # noqa: PLC0415
    import sys  # noqa: PLC0415

    nearest = difflib.get_close_matches(word[:100], commands, 1)
    meant = f"; did you mean {nearest[0]}?" if nearest else f"; there are {', '.join(commands)}"
    sys.stderr.write(f"argocd-release: there is no command {word[:100]!r}{meant}\n")
    raise SystemExit(2)


def _settings_help() -> str:
    """Return the settings by group, the required ones first, each with the first sentence about it."""
    lines = ["settings, all from environment variables; `argocd-release explain NAME` says more about one:"]
    for group, title in SCHEMA["x-groups"].items():
        lines += ["", f"{title}:"]
        for name, declared in PROPERTIES.items():
            if declared["x-group"] == group:
                sentence = declared["description"].partition(". ")[0].rstrip(".")
                lines.append(f"  {name:27} {sentence}")
    return "\n".join(lines)
