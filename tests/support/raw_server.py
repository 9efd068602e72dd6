"""A TCP server for tests that passes each connection to a function, in a thread of its own."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

HOST: Final = "127.0.0.1"


class RawServer:
    """A server on a free port. ``serve`` receives each connection. The server ignores network errors in ``serve``."""

    def __init__(self, serve: Callable[[socket.socket], object], *, backlog: int = 100) -> None:
        self._serve = serve
        self._listening = socket.create_server((HOST, 0), backlog=backlog)
        self.port: int = self._listening.getsockname()[1]
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def close(self) -> None:
        """Accept no more connections.

        Wait for the thread before the socket is closed. Otherwise, the server of the next test can get the same file
        descriptor, and the thread can accept a connection to that server.
        """
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                threading.Thread(target=self._work, args=(connection,), daemon=True).start()

    def _work(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            self._serve(connection)


@contextmanager
def serving(serve: Callable[[socket.socket], object]) -> Iterator[int]:
    """Run a server, and yield its port."""
    server = RawServer(serve)
    try:
        yield server.port
    finally:
        server.close()
