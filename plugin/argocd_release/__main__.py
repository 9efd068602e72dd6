"""The process boundary: arguments, wiring, and the exit code."""

import argparse
import os
import sys
from collections.abc import Sequence

from argocd_release import __version__
from argocd_release.run import Run
from argocd_release.settings import PROPERTIES, described


def main(arguments: Sequence[str] | None = None) -> None:
    """The console command."""
    parser = argparse.ArgumentParser(
        prog="argocd-release",
        description="Waits until the application runs what was pushed, Synced and Healthy; says why if it does not.",
        epilog=_settings_help(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"argocd-release {__version__}")
    parser.parse_args(arguments)
    sys.stdout.reconfigure(encoding="utf-8", errors="replace", line_buffering=True)  # type: ignore[union-attr]
    sys.exit(Run(os.environ, sys.stdout).execute())


def _settings_help() -> str:
    lines = ["settings, all from environment variables:"]
    for name, declared in PROPERTIES.items():
        lines.append(f"  {name}\n      {described(declared)}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
