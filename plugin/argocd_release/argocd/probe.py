"""Test the network path to an address layer by layer: name lookup, port, TLS and HTTP.

The functions return errors as values instead of raising them. They only explain failures; no verdict depends on them.
"""

import base64
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Self
from urllib.parse import unquote, urlsplit

from argocd_release.argocd.connection import Connection
from argocd_release.messages import argocd as texts
from argocd_release.timing import DOCTOR_CALL, Deadline
from argocd_release.transport.client import Client, HttpError, Request
from argocd_release.transport.network import connect, open_through_proxy, resolve, tls_context

BODY_LIMIT: Final = 100_000
_OK: Final = 200
_PORTS: Final = {"http": 80, "https": 443}
#: OpenSSL's error code for a certificate that does not contain the host name (X509_V_ERR_HOSTNAME_MISMATCH in
#: x509_vfy.h).
OTHER_NAME: Final = 62


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The HTTP response from an address. If no response arrived, ``status`` is 0, and ``error`` gives the reason.

    ``proxy_status`` has the same meaning as in ``HttpError``.
    """

    status: int = 0
    body: str = ""
    location: str = ""
    server: str = ""
    error: str = ""
    proxy_status: int | None = None


@dataclass(frozen=True, kw_only=True)
class Handshake:
    """The result of a TLS handshake."""

    #: The error, or an empty string if the handshake succeeded.
    error: str = ""
    #: OpenSSL's error code (X509_V_ERR_…) if the certificate was refused, otherwise 0.
    verify_code: int = 0
    #: The host names in the certificate.
    names: tuple[str, ...] = ()
    #: The expiry date of the certificate, as OpenSSL prints it.
    ends: str = ""
    #: True if the job cannot read a file that the argocd options name, so that no handshake began.
    lacks_file: bool = False


def endpoint(connection: Connection) -> tuple[str, int]:
    """Return the host and port to which argocd connects.

    Raises:
        ValueError: the server of the connection is not a valid address.
    """
    url = urlsplit(connection.address)
    return url.hostname or "", url.port or _PORTS[url.scheme]


def addresses(host: str, port: int) -> tuple[tuple[str, ...], str]:
    """Resolve the host name. Return two values: its IP addresses and the error. One of the two is empty."""
    try:
        return resolve(host, port, seconds=DOCTOR_CALL), ""
    except OSError as error:
        return (), error.strerror or str(error)


def _open(host: str, port: int) -> socket.socket:
    deadline = Deadline(DOCTOR_CALL)
    return connect(
        host, port, deadline=deadline, to=lambda address, seconds: socket.create_connection((address, port), seconds)
    )


def connects(host: str, port: int) -> str:
    """Try to connect to the port. Return the error, or an empty string if the connection succeeded.

    A connection reset counts as success, because it proves that a server listens. If the server resets connections,
    the TLS handshake or the first request reports that.
    """
    try:
        with _open(host, port):
            return ""
    except ConnectionResetError:
        return ""
    except TimeoutError:
        return "timeout"
    except OSError as error:
        return error.strerror or str(error)


def handshake(connection: Connection, *, verify: bool = True) -> Handshake:
    """Try a TLS handshake with the TLS options of the connection.

    If ``verify`` is False, accept any certificate, and do not use the files that the options name.
    """
    try:
        context = connection.tls()
    except (OSError, ssl.SSLError) as error:
        return Handshake(error=texts.OPTIONS_FILE_UNREADABLE.fill(error=error), lacks_file=True)
    if not verify:
        context = tls_context(verify=False)
    context.set_alpn_protocols(["h2", "http/1.1"])
    tried = _handshake(connection, context)
    if tried.verify_code == OTHER_NAME and context.check_hostname:
        # The certificate chain is valid, but for another host name. To learn the names in the certificate, connect
        # again without the check of the host name: Python returns them only for a certificate that it accepts.
        context.check_hostname = False
        unchecked = _handshake(connection, context)
        return Handshake(error=tried.error, verify_code=OTHER_NAME, names=unchecked.names, ends=unchecked.ends)
    return tried


def _handshake(connection: Connection, context: ssl.SSLContext) -> Handshake:
    host, port = endpoint(connection)
    try:
        with (
            open_through_proxy(connection.proxy, host, port, seconds=DOCTOR_CALL)
            if connection.proxy
            else _open(host, port) as plain,
            context.wrap_socket(plain, server_hostname=host) as secure,
        ):
            certificate: dict[str, Any] = secure.getpeercert() or {}
            names = tuple(str(value) for _, value in certificate.get("subjectAltName", ()))
            return Handshake(names=names, ends=str(certificate.get("notAfter", "")))
    except ssl.SSLCertVerificationError as error:
        return Handshake(error=error.verify_message, verify_code=error.verify_code)
    except ssl.SSLError as error:
        return Handshake(error=error.reason or str(error))
    except TimeoutError:
        return Handshake(error="timeout")
    except OSError as error:
        return Handshake(error=error.strerror or str(error))


class Prober:
    """A client that sends GET requests with argocd's options, and does not follow redirects.

    Use it as a context manager.

    Args:
        connection: the address, token and options of Argo CD.
        deadline: the time by which every request must end.
        check: a callback that is called repeatedly while the main thread waits for a response. It raises an exception
            to cancel the request.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        deadline: Deadline = Deadline(),  # noqa: B008 - infinite
        check: Callable[[], object] = lambda: None,
    ) -> None:
        self._connection = connection
        self._client = Client(tls=connection.tls, deadline=deadline, check=check, proxy=connection.proxy)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self._client.__exit__(*details)

    def get(self, path: str, query: Mapping[str, str] | None = None, *, token: bool = False) -> Answer:
        """Send a GET request, and return the response or the error.

        Args:
            path: a path on Argo CD's address, or a whole URL.
            query: the query parameters.
            token: True to send the token with the request.
        """
        connection = self._connection
        request = Request(
            url=path if "://" in path else connection.address + path,
            query=query or {},
            headers=connection.headers if token else connection.plain_headers,
            body_limit=BODY_LIMIT,
            truncate=True,
        )
        try:
            answer = self._client.send(request, seconds=DOCTOR_CALL)
        except HttpError as error:
            return Answer(error=str(error), proxy_status=error.proxy_status)
        return Answer(
            status=answer.status,
            body=answer.text,
            location=answer.headers.get("location", ""),
            server=answer.headers.get("server", ""),
        )


def unreadable_repository(url: str, *, ca_file: str) -> str:
    """Try to read the git repository over HTTP. Return the error, or an empty string if that succeeded.

    Args:
        url: the URL of the repository, with a user name and password if it needs them.
        ca_file: the path of a PEM file with an additional certificate authority to trust, or an empty string.
    """
    try:
        parts = urlsplit(url)
        account = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
        plain = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    except ValueError as error:
        return str(error)
    request = Request(
        url=f"{plain.rstrip('/')}/info/refs",
        query={"service": "git-upload-pack"},
        headers={"Authorization": f"Basic {base64.b64encode(account.encode()).decode()}"} if account != ":" else {},
        body_limit=BODY_LIMIT,
        truncate=True,
    )
    tls = partial(tls_context, authorities=filter(None, (ca_file,)))
    try:
        with Client(tls=tls, deadline=Deadline(), proxies=True) as client:
            answer = client.follow(request, seconds=DOCTOR_CALL)
    except HttpError as error:
        return str(error)
    return "" if answer.status == _OK else f"HTTP {answer.status}"
