"""How a supervisor is controlled: a line of JSON each way, on a socket in the sandbox's folder."""

import json
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Literal

SOCKET: Final = "supervisor.sock"
# What a caller writes to the supervisor's standard input that leaves the sandbox to itself.
STAY: Final = b"stay\n"
# The longest answer is that of `start`, which waits until the component is ready.
ANSWER_SECONDS: Final = 70.0
_REQUEST_SECONDS: Final = 2.0

Verb = Literal["down", "status", "stop", "start", "pause", "resume"]


class SandboxError(Exception):
    """Something of the sandbox went wrong; the message names the component and ends with its last log lines."""


class SandboxAbsentError(SandboxError):
    """No sandbox runs there, or none that is ready."""


def ask(folder: Path, verb: Verb, name: str = "", *, seconds: float = ANSWER_SECONDS) -> Any:
    """What the supervisor of the sandbox in ``folder`` answers.

    Raises ``SandboxError``: with its own words, or if it takes longer; ``SandboxAbsentError`` if it is not there.
    """
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(seconds)
            connection.connect(str(folder / SOCKET))
            with connection.makefile("rw", encoding="utf-8") as stream:
                print(json.dumps([verb, name]), file=stream, flush=True)
                line = stream.readline()
    except TimeoutError as error:
        raise SandboxError(f"the supervisor in {folder} has not answered to {verb!r} for {seconds:.0f} s") from error
    except OSError as error:
        raise SandboxAbsentError(f"no sandbox runs in {folder}: its supervisor is not there ({error})") from error
    if not line:
        raise SandboxAbsentError(f"the supervisor in {folder} ended before it answered to {verb!r}")
    heard = json.loads(line)
    if "error" in heard:
        raise SandboxError(heard["error"])
    return heard["answer"]


class Request:
    """A request as the supervisor sees it. Nothing that the caller does, or fails to do, raises here."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        connection.settimeout(_REQUEST_SECONDS)

    def read(self) -> tuple[str, str] | None:
        """The verb and the name of a component, or None from a caller that went away or talks nonsense."""
        with suppress(OSError, ValueError), self._connection.makefile("r", encoding="utf-8") as stream:
            verb, name = json.loads(stream.readline())
            return str(verb), str(name)
        return None

    def reply(self, **message: Any) -> None:
        """Send ``answer=…`` or ``error=…``."""
        with suppress(OSError):
            self._connection.sendall(json.dumps(message).encode() + b"\n")
