"""Programs that are run to their end."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from sandbox.control import SandboxError

CALL_SECONDS: Final = 30.0


class CommandError(SandboxError):
    """A command of the sandbox failed; the message has the command and what it said."""


def run(command: list[str], *, environ: dict[str, str], stdin: str = "", cwd: Path | None = None) -> str:
    """What the command prints; raises ``CommandError``, also when it takes longer than 30 s or is not there."""
    shown = " ".join([Path(command[0]).name, *command[1:]])
    try:
        done = subprocess.run(
            command,
            env=environ,
            cwd=cwd,
            input=stdin,
            capture_output=True,
            text=True,
            # A log may have printed anything.
            encoding="utf-8",
            errors="replace",
            timeout=CALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise CommandError(f"{shown}: no end after {CALL_SECONDS:.0f} s") from error
    except FileNotFoundError as error:
        raise CommandError(f"{shown}: there is no {command[0]} on this machine") from error
    if done.returncode:
        raise CommandError(f"{shown} ended with exit code {done.returncode}:\n{(done.stderr or done.stdout).strip()}")
    return done.stdout


def retry(action: Callable[[], object], seconds: float = 10.0, *, between: Callable[[], object] = lambda: None) -> None:
    """Repeat until there is no ``CommandError``; the last one is raised, and whatever ``between`` raises at once."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            action()
        except CommandError:
            between()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return
