"""Run a command whose only way out is an HTTP proxy: ``isolated.py PORT SOCKET COMMAND...``.

``unshare --net`` runs this program in a network namespace of its own. There, only the loopback device exists. The program
forwards the port to the Unix socket on which the proxy listens, because Unix sockets do not belong to a network namespace.
"""

import fcntl
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
from contextlib import suppress
from typing import Final

_GET_FLAGS: Final = 0x8913
_SET_FLAGS: Final = 0x8914
_UP: Final = 0x1
_PART: Final = 65536


def main(port: int, path: str, command: list[str]) -> int:
    """Forward the port, run the command, and return its exit code."""
    _start_loopback()
    server = socket.create_server(("127.0.0.1", port))
    threading.Thread(target=_serve, args=(server, path), daemon=True).start()
    process = subprocess.Popen(command)
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    return process.wait()


def _start_loopback() -> None:
    """Set the loopback device up, if this process is allowed to. Outside a new namespace, it is up already."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket, suppress(PermissionError):
        request = struct.pack("16sH14s", b"lo", 0, b"")
        (flags,) = struct.unpack_from("H", fcntl.ioctl(any_socket, _GET_FLAGS, request), 16)
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sH14s", b"lo", flags | _UP, b""))


def _serve(server: socket.socket, path: str) -> None:
    while True:
        client, _ = server.accept()
        proxy = socket.socket(socket.AF_UNIX)
        try:
            proxy.connect(path)
        except OSError:
            client.close()
            continue
        for source, target in ((client, proxy), (proxy, client)):
            threading.Thread(target=_copy, args=(source, target), daemon=True).start()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while part := source.recv(_PART):
            target.sendall(part)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    # The proxy is the only program that knows the environment variable of the tests.
    os.environ.pop("PYTHONPATH", None)
    sys.exit(main(int(sys.argv[1]), sys.argv[2], sys.argv[3:]))
