"""The command ``argocd-release wait``, which is the default: wait until the release is delivered or has failed."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TextIO

from argocd_release import __version__
from argocd_release.cli.main import COMMANDS
from argocd_release.core.text import nearest
from argocd_release.messages import cli as texts
from argocd_release.release.job import Run
from argocd_release.release.signals import Signals
from argocd_release.settings.environment import PROPERTIES, SCHEMA

#: The tier of the groups whose settings the help describes, and the group of the variables that GitLab sets.
BASIC: Final = "basic"
SET_BY_GITLAB: Final = "job"
#: The maximum length of a line of the help.
WIDTH: Final = 110


def execute(arguments: Sequence[str], environ: Mapping[str, str], stream: TextIO, signals: Signals) -> int:
    """Wait for the release, and return the exit code. All settings come from environment variables."""
    if arguments:
        parse_arguments(arguments)
    return Run(environ, stream).execute(signals)


def parse_arguments(arguments: Sequence[str]) -> None:
    """Handle ``--help`` and ``--version``, and reject all other arguments.

    Raises:
        SystemExit: always.
    """
    import argparse  # noqa: PLC0415 - a job passes no arguments

    if not arguments[0].startswith("-"):
        _refuse(arguments[0], COMMANDS)
    commands = [texts.COMMAND.fill(name=name, summary=command.summary) for name, command in COMMANDS.items()]
    parser = argparse.ArgumentParser(
        prog="argocd-release",
        usage="argocd-release [COMMAND] [-h] [--version]",
        description=texts.DESCRIPTION,
        epilog="\n".join([texts.COMMANDS, *commands, "", _settings_help()]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"argocd-release {__version__}")
    parser.parse_args(arguments)


def _refuse(word: str, commands: Iterable[str]) -> None:
    """Report an unknown command, suggest the command with the most similar name, and exit with code 2."""
    similar = nearest(word, commands)
    meant = texts.DID_YOU_MEAN.fill(name=similar) if similar else texts.THERE_ARE.fill(names=", ".join(commands))
    sys.stderr.write(texts.NO_COMMAND.fill(word=word[:100], suggestion=meant))
    raise SystemExit(2)


def _settings_help() -> str:
    """Return the settings by group: one line for each setting that most jobs need, and the names of all others."""
    import textwrap  # noqa: PLC0415

    lines = [texts.SETTINGS]
    for group, declared_group in SCHEMA["x-groups"].items():
        settings = {name: declared for name, declared in PROPERTIES.items() if declared["x-group"] == group}
        if declared_group["tier"] == BASIC:
            lines.append(f"{declared_group['title']}:")
            for name, declared in settings.items():
                sentence = declared["description"].partition(". ")[0].rstrip(".")
                lines.append(f"  {name:18} {textwrap.shorten(sentence, WIDTH - 22, placeholder=' …')}")
        elif group == SET_BY_GITLAB:
            lines.append(texts.SET_BY_GITLAB.fill(count=len(settings)))
        else:
            title = f"{declared_group['title']}: "
            lines += textwrap.wrap(title + ", ".join(settings), WIDTH, subsequent_indent="  ", break_on_hyphens=False)
    return "\n".join(lines)
