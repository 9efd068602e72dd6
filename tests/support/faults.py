"""A TCP proxy that simulates faults of the network. The fault can be changed while the proxy is running."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from typing import Final

from tests.support.raw_server import RawServer

_PIECE: Final = 65536
_BACKLOG: Final = 64
# The interval at which a connection that waits checks whether the fault was changed.
_SLICE_SECONDS: Final = 0.05


class Fault(Enum):
    """A fault of the network. With ``HALF_OPEN``, the client's data reaches the server, but nothing comes back."""

    NONE = "none"
    LATENCY = "latency"
    TRICKLE = "trickle"
    HALF_OPEN = "half open"
    BLACK_HOLE = "black hole"
    RESET = "reset"


LATENCY_SECONDS: Final = 0.1
# With ``TRICKLE``, data is passed on in parts of this many bytes, so that a response takes seconds.
TRICKLE_BYTES: Final = 400
TRICKLE_SECONDS: Final = 0.05


class Network:
    """A proxy to a port of this machine. Changing ``fault`` also affects open connections."""

    def __init__(self, target: int, fault: Fault = Fault.NONE) -> None:
        self.fault = fault
        #: The number of bytes that were passed on to clients.
        self.answered = 0
        self._target = target
        self._ended = threading.Event()
        self._listening = RawServer(self._serve, backlog=_BACKLOG)
        self.server = f"localhost:{self._listening.port}"

    def close(self) -> None:
        """End all connections, and accept no new ones."""
        self._ended.set()
        self._listening.close()

    def _serve(self, client: socket.socket) -> None:
        while self.fault is Fault.BLACK_HOLE and not self._ended.wait(_SLICE_SECONDS):
            pass
        if self.fault is Fault.RESET:
            _reset(client)
            return
        with socket.create_connection(("127.0.0.1", self._target)) as server:
            answers = threading.Thread(target=self._pass, args=(server, client, True), daemon=True)
            answers.start()
            self._pass(client, server, False)
            answers.join()

    def _pass(self, source: socket.socket, sink: socket.socket, back: bool) -> None:  # noqa: FBT001
        source.settimeout(_SLICE_SECONDS)
        with suppress(OSError):
            while not self._ended.is_set():
                try:
                    piece = source.recv(TRICKLE_BYTES if back and self.fault is Fault.TRICKLE else _PIECE)
                except TimeoutError:
                    piece = None
                if self.fault is Fault.RESET:
                    _reset(source)
                    _reset(sink)
                    return
                if piece == b"":
                    sink.shutdown(socket.SHUT_WR)
                    return
                if piece and self._lets_through(back=back):
                    sink.sendall(piece)
                    self.answered += len(piece) if back else 0

    def _lets_through(self, *, back: bool) -> bool:
        """Wait as long as the fault delays the data. Return False if the fault is a reset."""
        while self.fault is Fault.BLACK_HOLE or (back and self.fault is Fault.HALF_OPEN):
            if self._ended.wait(_SLICE_SECONDS):
                return False
        if self.fault is Fault.LATENCY:
            time.sleep(LATENCY_SECONDS)
        elif self.fault is Fault.TRICKLE and back:
            time.sleep(TRICKLE_SECONDS)
        return self.fault is not Fault.RESET


def _reset(connection: socket.socket) -> None:
    """Close the connection with a TCP reset."""
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()


@contextmanager
def network(target: int, fault: Fault = Fault.NONE) -> Iterator[Network]:
    """Run a proxy to the port until the context ends."""
    made = Network(target, fault)
    try:
        yield made
    finally:
        made.close()
