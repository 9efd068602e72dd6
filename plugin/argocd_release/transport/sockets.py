"""Name resolution, connections and TLS without an HTTP library, each bounded by the deadline."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from functools import partial
from typing import Final, TypeVar

from argocd_release.timing.background import answered, ask
from argocd_release.timing.deadline import Deadline


def tls_context(
    *, authorities: Iterable[str] = (), certificate: str = "", key: str = "", verify: bool = True
) -> ssl.SSLContext:
    """Return a context that trusts the authorities of this machine and those in the PEM files.

    Args:
        authorities: paths of PEM files.
        certificate: path of the client's certificate; it is used only together with ``key``.
        key: path of the client's private key.
        verify: False accepts every server.

    Raises:
        OSError: a file cannot be read, or does not hold what it must.
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


Connection = TypeVar("Connection")
_lock: Final = threading.Lock()
_lookups: Final[dict[tuple[str, int], Future[tuple[str, ...]]]] = {}


def resolve(host: str, port: int, *, seconds: float) -> tuple[str, ...]:
    """Return the addresses of the host, each once.

    A lookup cannot be interrupted. Callers that ask for the same host share the lookup that runs, so a name server
    that does not respond holds one thread for each host.

    Raises:
        TimeoutError: the name server did not respond in time.
        OSError: the host has no address.
    """
    with _lock:
        lookup = _lookups.get((host, port))
        if lookup is None or lookup.done():
            lookup = _lookups[host, port] = ask(partial(_look_up, host, port))
    if not answered(lookup, seconds=seconds, check=lambda: None):
        raise TimeoutError(f"the name server has not answered within {max(seconds, 1):.0f} s")
    return lookup.result()


def _look_up(host: str, port: int) -> tuple[str, ...]:
    try:
        entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        # An empty label, or one of more than 63 characters, is refused before the name server is asked.
        raise OSError(f"{host!r} is not a host name: {error}") from error
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in entries))


def connect(host: str, port: int, *, deadline: Deadline, to: Callable[[str, float], Connection]) -> Connection:
    """Return a connection to the first address of the host that accepts one.

    An address that drops packets leaves time for those after it.

    ``to`` connects to one address within the given seconds, or raises.

    Raises:
        TimeoutError: the name server did not respond in time.
        OSError: the host has no address. The last error of ``to`` is raised too.
    """
    addresses = resolve(host, port, seconds=deadline.left)
    for following in range(len(addresses) - 1, 0, -1):
        try:
            return to(addresses[-following - 1], deadline.left / (following + 1))
        except Exception:  # noqa: BLE001, S112 - the error of the last address is the one that is told
            continue
    return to(addresses[-1], deadline.left)
