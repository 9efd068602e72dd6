"""The protocol of the supervisor: one line of JSON in each direction, on a socket in the sandbox's folder."""

import json
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Literal

SOCKET: Final = "supervisor.sock"
# If the supervisor reads this line on standard input, it keeps the sandbox running after its caller has ended.
STAY: Final = b"stay\n"
# The time limit of a request. The request `start` takes longest, because it waits until the component is ready.
ANSWER_SECONDS: Final = 70.0
_REQUEST_SECONDS: Final = 2.0

Verb = Literal["down", "status", "stop", "start", "pause", "resume"]


class SandboxError(Exception):
    """A failure of the sandbox. The message names the component and ends with its last log lines."""


class SandboxAbsentError(SandboxError):
    """No sandbox is running in the folder, or it is not ready yet."""


def ask(folder: Path, verb: Verb, name: str = "", *, seconds: float = ANSWER_SECONDS) -> Any:
    """Send a request to the supervisor of the sandbox in ``folder``, and return its response.

    Raises:
        SandboxError: the supervisor reports an error, or does not respond in time.
        SandboxAbsentError: no supervisor is running.
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
    """A request that the supervisor has received. The methods raise no error, whatever the caller does."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        connection.settimeout(_REQUEST_SECONDS)

    def read(self) -> tuple[str, str] | None:
        """Return the verb and the component of the request, or None if the request is malformed or incomplete."""
        with suppress(OSError, ValueError), self._connection.makefile("r", encoding="utf-8") as stream:
            verb, name = json.loads(stream.readline())
            return str(verb), str(name)
        return None

    def reply(self, **message: Any) -> None:
        """Send the response, which is either ``answer=…`` or ``error=…``."""
        with suppress(OSError):
            self._connection.sendall(json.dumps(message).encode() + b"\n")
