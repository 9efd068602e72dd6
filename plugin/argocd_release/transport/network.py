"""Name lookups, TLS and connections, all limited by the deadline of the whole call.

httpcore's own timeouts apply to each read and write. A server that sends single bytes could therefore keep a call
running forever. In this module, each operation only gets the time that is left of the whole call.
"""

import base64
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import SplitResult, unquote, urlsplit

from argocd_release.messages import argocd as texts
from argocd_release.timing import Background, Deadline, run_in_background
from argocd_release.transport.urls import split_proxy

if TYPE_CHECKING:
    from httpcore import NetworkBackend, NetworkStream
else:
    # Define these names without httpcore, which accepts any class with the same methods. Importing it would delay the
    # first look.
    NetworkBackend = NetworkStream = object

#: A request body is sent in parts of this many bytes, so that the deadline is checked between them.
_PART: Final = 16384
#: Options that make the kernel detect a lost connection within 25 s. Without them, a stream that is idle for minutes
#: would not notice the loss.
KEEPALIVE: Final = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
)
#: The port of a proxy whose URL contains none.
_HTTP: Final = 80
_call: Final = threading.local()


class NotConnectedError(Exception):
    """The client could not connect to the server, so it has not sent the request.

    Attributes:
        timed_out: True if the call reached its time limit.
    """

    def __init__(self, message: str, *, timed_out: bool) -> None:
        self.timed_out = timed_out
        super().__init__(message)


def host_of(url: str) -> str:
    """Return the host and the port in a URL, without the user name and the password."""
    return urlsplit(url).netloc.rpartition("@")[2]


@contextmanager
def bounded(deadline: Deadline) -> Iterator[None]:
    """Apply the deadline to all network operations of this thread, including httpcore's, which has no threads."""
    _call.deadline, _call.opening = deadline, False
    try:
        yield
    finally:
        del _call.deadline


def was_opening_tunnel() -> bool:
    """Return True if the last call of this thread has connected to a server, but has not begun a TLS handshake.

    If the call uses TLS through a proxy, this means that the proxy has not opened the tunnel.
    """
    return bool(_call.opening)


def _left() -> float:
    left: float = _call.deadline.left
    if left <= 0:
        raise TimeoutError(texts.NO_TIME_LEFT)
    return left


class Stream(NetworkStream):
    """A connection whose operations end at the deadline of the current call, whatever timeout httpcore passes."""

    def __init__(self, stream: NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - the deadline of the call applies
        return self._stream.read(max_bytes, _left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        for start in range(0, len(buffer), _PART):
            self._stream.write(buffer[start : start + _PART], _left())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> NetworkStream:
        _call.opening = False
        if _call.deadline.left <= 0:
            raise NotConnectedError(texts.NO_TIME_LEFT, timed_out=True)
        # Python applies the timeout to the handshake as a whole (Modules/_ssl.c do_handshake).
        # The name in a certificate contains an IPv6 address without brackets.
        name = server_hostname.strip("[]") if server_hostname else None
        return Stream(self._stream.start_tls(ssl_context, name, _left()))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class Backend(NetworkBackend):
    """A network backend for httpcore that tries all IP addresses of a host within the deadline of the call."""

    def __init__(self) -> None:
        import httpcore  # noqa: PLC0415

        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> NetworkStream:
        def to(address: str, seconds: float) -> NetworkStream:
            if seconds <= 0:
                raise TimeoutError(texts.NO_TIME_LEFT)
            return self._backend.connect_tcp(address, port, seconds, local_address, socket_options)

        _call.opening = True
        try:
            return Stream(connect(host, port, deadline=_call.deadline, to=to))
        except OSError as error:
            raise NotConnectedError(
                str(error) or type(error).__name__, timed_out=isinstance(error, TimeoutError)
            ) from error


def tls_context(
    *, authorities: Iterable[str] = (), certificate: str = "", key: str = "", verify: bool = True
) -> ssl.SSLContext:
    """Create a TLS context that trusts the certificate authorities of the system and those in the given files.

    Args:
        authorities: the paths of PEM files with certificate authorities.
        certificate: the path of the client certificate. It is only used if ``key`` is given too.
        key: the path of the client's private key.
        verify: False to accept any certificate.

    Raises:
        OSError: a file cannot be read, or contains no certificate or key.
    """
    context = ssl.create_default_context()
    if verify:
        for path in authorities:
            context.load_verify_locations(path)
    else:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if certificate and key:
        context.load_cert_chain(certificate, key)
    return context


def open_through_proxy(proxy: str, host: str, port: int, *, seconds: float) -> socket.socket:
    """Connect to a server through an HTTP proxy, and return the socket of the tunnel.

    Args:
        proxy: the URL of the proxy, which can contain a user name and a password.
        host: the host name of the server.
        port: the port of the server.
        seconds: the time limit.

    Raises:
        OSError: the URL of the proxy is invalid, or the proxy cannot be reached or refuses to open the tunnel.
    """
    parts, deadline = split_proxy(proxy), Deadline(seconds)
    proxy_port = parts.port or _HTTP
    tunnel = connect(
        parts.hostname or "",
        proxy_port,
        deadline=deadline,
        to=lambda address, left: socket.create_connection((address, proxy_port), left),
    )
    server = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        status = _request_tunnel(tunnel, parts, server, deadline)
    except BaseException:
        tunnel.close()
        raise
    if not status.startswith("2"):
        tunnel.close()
        raise OSError(texts.PROXY_REFUSES.fill(proxy=host_of(proxy), server=server, status=status))
    return tunnel


def _request_tunnel(tunnel: socket.socket, proxy: SplitResult, server: str, deadline: Deadline) -> str:
    """Ask the proxy to open the tunnel, and return the HTTP status of its response, such as ``200 OK``."""
    account = f"{unquote(proxy.username or '')}:{unquote(proxy.password or '')}"
    encoded = base64.b64encode(account.encode()).decode()
    header = f"Proxy-Authorization: Basic {encoded}\r\n" if account != ":" else ""
    tunnel.sendall(f"CONNECT {server} HTTP/1.1\r\nHost: {server}\r\n{header}\r\n".encode())
    answer = b""
    # In TLS, the client sends first. So no data of the server follows the response of the proxy.
    while b"\r\n\r\n" not in answer and len(answer) < _PART:
        tunnel.settimeout(max(deadline.left, 0.001))
        part = tunnel.recv(_PART)
        if not part:
            break
        answer += part
    return answer.split(b"\r\n", 1)[0].decode("latin-1").partition(" ")[2]


Connection = TypeVar("Connection")
_lock: Final = threading.Lock()
_lookups: Final[dict[tuple[str, int], Background[tuple[str, ...]]]] = {}


def resolve(host: str, port: int, *, seconds: float) -> tuple[str, ...]:
    """Resolve a host name, and return its IP addresses without duplicates.

    A lookup cannot be interrupted, so it runs in a background thread. Callers for the same host share a running lookup,
    so that at most one thread per host hangs if the name server does not respond.

    Raises:
        TimeoutError: the name server did not respond in time.
        OSError: the host has no address.
    """
    with _lock:
        lookup = _lookups.get((host, port))
        if lookup is None or lookup.done():
            lookup = _lookups[host, port] = run_in_background(partial(_look_up, host, port))
    if not lookup.wait_for(seconds=seconds, check=lambda: None):
        raise TimeoutError(texts.NAME_SERVER_SILENT.fill(seconds=f"{max(seconds, 1):.0f}"))
    return lookup.result()


def _look_up(host: str, port: int) -> tuple[str, ...]:
    try:
        entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        # Python rejects names with empty labels or labels of more than 63 characters with a UnicodeError.
        raise OSError(texts.NO_HOST_NAME.fill(host=host, error=error)) from error
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in entries))


def connect(host: str, port: int, *, deadline: Deadline, to: Callable[[str, float], Connection]) -> Connection:
    """Try the IP addresses of the host one after the other, and return the first connection.

    Each address gets an equal share of the time that is left, because an address can drop all packets.

    Args:
        host: the host name.
        port: the port.
        deadline: no attempt runs longer than until this deadline.
        to: a function that connects to an IP address within a number of seconds, or raises an exception.

    Raises:
        TimeoutError: the name server did not respond in time.
        OSError: the host has no address. If no address accepts a connection, the last error of ``to`` is raised.
    """
    addresses = resolve(host, port, seconds=deadline.left)
    for following in range(len(addresses) - 1, 0, -1):
        try:
            return to(addresses[-following - 1], deadline.left / (following + 1))
        except Exception:  # noqa: BLE001, S112 - the error of the last address is raised
            continue
    return to(addresses[-1], deadline.left)
