"""Connections for httpcore that end with the call that uses them.

httpcore limits each read and each write. A server that sends a byte now and then keeps such a call alive for ever.
Here every operation gets the time that is left of the whole call.
"""

import socket
import ssl
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpcore

from argocd_release.timing.deadline import Deadline
from argocd_release.transport.sockets import connect

#: Parts of a request body; the server must take each part within the time that is left.
_PART: Final = 16384
#: A stream can be quiet for minutes. If its connection was lost without a word, the kernel ends it after 25 s.
KEEPALIVE: Final = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
)
_call: Final = threading.local()


@contextmanager
def bounded(deadline: Deadline) -> Iterator[None]:
    """Apply the deadline to every operation of this thread; httpcore works in the thread that calls it."""
    _call.deadline = deadline
    try:
        yield
    finally:
        del _call.deadline


def _left(error: type[Exception]) -> float:
    left: float = _call.deadline.left
    if left <= 0:
        raise error("no time is left")
    return left


class Stream(httpcore.NetworkStream):
    """A connection whose operations end at the deadline of the call."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - see the module
        return self._stream.read(max_bytes, _left(httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        for start in range(0, len(buffer), _PART):
            self._stream.write(buffer[start : start + _PART], _left(httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        # Python's handshake has one limit for all of its reads and writes (Modules/_ssl.c do_handshake).
        return Stream(self._stream.start_tls(ssl_context, server_hostname, _left(httpcore.ConnectTimeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class Backend(httpcore.NetworkBackend):
    """Connects to the addresses of a host one after the other, within the time that is left."""

    def __init__(self) -> None:
        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        def to(address: str, seconds: float) -> httpcore.NetworkStream:
            if seconds <= 0:
                raise httpcore.ConnectTimeout("no time is left")
            return self._backend.connect_tcp(address, port, seconds, local_address, socket_options)

        try:
            return Stream(connect(host, port, deadline=_call.deadline, to=to))
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
