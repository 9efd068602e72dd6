"""``argocd-release``, ``argocd-release wait``: one release is waited for, and judged."""

import gc
from collections.abc import Mapping, Sequence
from typing import TextIO

from argocd_release.release.signals import Signals


def execute(arguments: Sequence[str], environ: Mapping[str, str], stream: TextIO, signals: Signals) -> int:
    """Wait for the release; everything but ``--help`` and ``--version`` is said by the environment."""
    if arguments:
        parse_arguments(arguments)
    # What is imported stays: to look for garbage among it is for nothing, and takes time before argocd is called.
    gc.disable()
    from argocd_release.release.run import Run  # noqa: PLC0415 - its libraries take longer than help may

    gc.freeze()
    gc.enable()
    return Run(environ, stream).execute(signals)


def parse_arguments(arguments: Sequence[str]) -> None:
    """Answer ``--help`` and ``--version``; anything else is an error. Always raises ``SystemExit`` then."""
    import argparse  # noqa: PLC0415 - a job gives no arguments

    from argocd_release import __version__  # noqa: PLC0415
    from argocd_release.cli.main import COMMANDS  # noqa: PLC0415

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


def _settings_help() -> str:
    from argocd_release.settings.schema import PROPERTIES, described  # noqa: PLC0415

    lines = ["settings, all from environment variables:"]
    for name, declared in PROPERTIES.items():
        lines.append(f"  {name}\n      {described(declared)}")
    return "\n".join(lines)
