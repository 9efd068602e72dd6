"""Probe an address layer by layer: name, port, TLS, HTTP. No step raises: each returns its result or the error.

The results only explain errors. No verdict depends on them.
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
from argocd_release.transport.network import connect, resolve, tls_context

BODY_LIMIT: Final = 100_000
_OK: Final = 200
_PORTS: Final = {"http": 80, "https": 443}
# The certificate does not contain the host name (X509_V_ERR_HOSTNAME_MISMATCH in OpenSSL's x509_vfy.h).
OTHER_NAME: Final = 62


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The HTTP answer of an address. If there was none, ``status`` is 0 and ``error`` gives the reason."""

    status: int = 0
    body: str = ""
    location: str = ""
    server: str = ""
    error: str = ""


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
    #: The protocol that ALPN has negotiated: ``h2``, ``http/1.1``, or an empty string.
    protocol: str = ""


def endpoint(connection: Connection) -> tuple[str, int]:
    """Return the host and the port that argocd connects to.

    Raises:
        ValueError: the server of the connection is not a valid address.
    """
    url = urlsplit(connection.address)
    return url.hostname or "", url.port or _PORTS[url.scheme]


def addresses(host: str, port: int) -> tuple[tuple[str, ...], str]:
    """Return the addresses of the host, or the reason why there are none."""
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
    """Return the reason why the port accepts no connection, or an empty string if it accepts one.

    A reset proves that a server listens. The TLS handshake or the first request then reports the reset.
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
    """Try a TLS handshake with the options of the connection, and return the result.

    If ``verify`` is False, accept every certificate, and ignore the TLS files that the options name.
    """
    try:
        context = connection.tls()
    except (OSError, ssl.SSLError) as error:
        return Handshake(error=texts.OPTIONS_FILE_UNREADABLE.fill(error=error))
    if not verify:
        context = tls_context(verify=False)
    context.set_alpn_protocols(["h2", "http/1.1"])
    tried = _handshake(connection, context)
    if tried.verify_code == OTHER_NAME and context.check_hostname:
        # The chain is valid, and only the host name is wrong. Connect again to read the names in the certificate.
        context.check_hostname = False
        unchecked = _handshake(connection, context)
        return Handshake(error=tried.error, verify_code=OTHER_NAME, names=unchecked.names, ends=unchecked.ends)
    return tried


def _handshake(connection: Connection, context: ssl.SSLContext) -> Handshake:
    host, port = endpoint(connection)
    try:
        with (
            _open(host, port) as plain,
            context.wrap_socket(plain, server_hostname=host) as secure,
        ):
            certificate: dict[str, Any] = secure.getpeercert() or {}
            names = tuple(str(value) for _, value in certificate.get("subjectAltName", ()))
            return Handshake(
                names=names, ends=str(certificate.get("notAfter", "")), protocol=secure.selected_alpn_protocol() or ""
            )
    except ssl.SSLCertVerificationError as error:
        return Handshake(error=error.verify_message, verify_code=error.verify_code)
    except ssl.SSLError as error:
        return Handshake(error=error.reason or str(error))
    except TimeoutError:
        return Handshake(error="timeout")
    except OSError as error:
        return Handshake(error=error.strerror or str(error))


class Prober:
    """A client that sends GET requests as argocd would, and follows no redirect. Use it as a context manager.

    Args:
        connection: the address, the token and the options.
        deadline: the moment at which every request ends.
        check: is called while the main thread waits for an answer, and raises to end the waiting.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        deadline: Deadline = Deadline(),  # noqa: B008 - infinite
        check: Callable[[], object] = lambda: None,
    ) -> None:
        self._connection = connection
        self._client = Client(tls=connection.tls, deadline=deadline, check=check)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self._client.__exit__(*details)

    def get(self, path: str, query: Mapping[str, str] | None = None, *, token: bool = False) -> Answer:
        """Send a GET request to the path or URL, and return the answer. Send the token only if ``token`` is True."""
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
            return Answer(error=str(error))
        return Answer(
            status=answer.status,
            body=answer.text,
            location=answer.headers.get("location", ""),
            server=answer.headers.get("server", ""),
        )


def unreadable_repository(url: str, *, ca_file: str) -> str:
    """Return the reason why the git repository cannot be read over HTTP, or an empty string if it can.

    Args:
        url: the HTTP address of the repository, with its credentials.
        ca_file: path of a PEM file with a certificate authority to trust as well, or an empty string.
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
