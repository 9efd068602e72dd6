"""Run commands, and wait for their end."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from sandbox.control import SandboxError

CALL_SECONDS: Final = 30.0


class CommandError(SandboxError):
    """A command of the sandbox has failed. The message contains the command and its output."""


def run(command: list[str], *, environ: dict[str, str], stdin: str = "", cwd: Path | None = None) -> str:
    """Run a command, and return its output.

    Raises:
        CommandError: the command fails, does not exist, or takes longer than 30 s.
    """
    shown = " ".join([Path(command[0]).name, *command[1:]])
    try:
        done = subprocess.run(
            command,
            env=environ,
            cwd=cwd,
            input=stdin,
            capture_output=True,
            text=True,
            # The output can contain a log, which is not always valid UTF-8.
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
    """Retry an action until it raises no ``CommandError``.

    Args:
        action: the action.
        seconds: the time after which the last error is raised.
        between: a callback between the attempts. It can raise an exception to stop them.
    """
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
