"""What answers at an address, layer by layer: name, port, TLS, HTTP. Each step says what it saw, and never raises.

For explaining only: nothing that these find changes a verdict.
"""

import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import httpx

from argocd_release.argocd.api import verification
from argocd_release.argocd.connection import Connection
from argocd_release.timing.inquiry import answered, ask

SECONDS: Final = 3.0
BODY_LIMIT: Final = 100_000
_PORTS: Final = {"http": 80, "https": 443}
# OpenSSL's x509_vfy.h.
OTHER_NAME: Final = 62


@dataclass(frozen=True, kw_only=True)
class Answer:
    """``status`` 0: there was no HTTP answer, and ``error`` says why."""

    status: int = 0
    body: str = ""
    location: str = ""
    server: str = ""
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class Handshake:
    """``error`` is ``""`` when it went well; ``verify_code`` is OpenSSL's (X509_V_ERR_…), 0 where it is not that."""

    error: str = ""
    verify_code: int = 0
    names: tuple[str, ...] = ()
    ends: str = ""
    protocol: str = ""


def endpoint(connection: Connection) -> tuple[str, int]:
    """Host and port that argocd connects to."""
    url = httpx.URL(connection.address)
    return url.host, url.port or _PORTS[url.scheme]


def addresses(host: str, port: int) -> tuple[tuple[str, ...], str]:
    """The addresses of the name, or why there are none; a resolver that hangs is left alone."""
    asked = ask(lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    if not answered(asked, seconds=SECONDS, check=lambda: None):
        return (), f"the name server has not answered within {SECONDS:.0f} s"
    try:
        return tuple(dict.fromkeys(str(entry[4][0]) for entry in asked.result())), ""
    except (OSError, UnicodeError) as error:
        return (), getattr(error, "strerror", None) or str(error)


def connects(host: str, port: int) -> str:
    """Why no connection comes about; ``""`` if one does."""
    try:
        with socket.create_connection((host, port), timeout=SECONDS):
            return ""
    except TimeoutError:
        return "timeout"
    except OSError as error:
        return error.strerror or str(error)


def handshake(connection: Connection, *, verify: bool = True) -> Handshake:
    """TLS as the options want it; with ``verify`` False, whether there is TLS at all."""
    try:
        context = verification(connection)
    except (OSError, ssl.SSLError) as error:
        return Handshake(error=f"a file among the options cannot be read: {error}")
    if isinstance(context, bool) or not verify:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2", "http/1.1"])
    tried = _handshake(connection, context)
    if tried.verify_code == OTHER_NAME and context.check_hostname:
        # The chain was fine, so what the certificate says of itself may be shown.
        context.check_hostname = False
        seen = _handshake(connection, context)
        return Handshake(error=tried.error, verify_code=OTHER_NAME, names=seen.names, ends=seen.ends)
    return tried


def _handshake(connection: Connection, context: ssl.SSLContext) -> Handshake:
    host, port = endpoint(connection)
    try:
        with (
            socket.create_connection((host, port), timeout=SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=host) as secure,
        ):
            told: dict[str, Any] = secure.getpeercert() or {}
            names = tuple(str(value) for _, value in told.get("subjectAltName", ()))
            return Handshake(
                names=names, ends=str(told.get("notAfter", "")), protocol=secure.selected_alpn_protocol() or ""
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
    """GET requests as argocd would send them, over one connection, no redirect followed; use as a context manager."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._client: httpx.Client | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._client is not None:
            self._client.close()

    def get(self, path: str, query: Mapping[str, str] | None = None, *, token: bool = False) -> Answer:
        """What a GET of the path is answered with; the token is sent only where it is asked for."""
        headers = dict(self._connection.headers)
        authorization = headers.pop("Authorization")
        try:
            if self._client is None:
                self._client = httpx.Client(
                    headers=headers, timeout=SECONDS, trust_env=False, verify=verification(self._connection)
                )
            url = path if "://" in path else self._connection.address + path
            own = {"Authorization": authorization} if token else {}
            with self._client.stream("GET", url, params=query or None, headers=own) as answer:
                body = bytearray()
                for chunk in answer.iter_bytes():
                    body += chunk
                    if len(body) > BODY_LIMIT:
                        break
                return Answer(
                    status=answer.status_code,
                    body=bytes(body[:BODY_LIMIT]).decode("utf-8", "replace"),
                    location=answer.headers.get("location", ""),
                    server=answer.headers.get("server", ""),
                )
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            return Answer(error=str(error) or type(error).__name__)


def unreadable_repository(url: str, *, ca_file: str) -> str:
    """Why the git repository at the URL, which holds an account, cannot be read over HTTP; ``""`` if it can."""
    try:
        context = ssl.create_default_context()
        if ca_file:
            context.load_verify_locations(ca_file)
        whole = httpx.URL(url)
        account = (whole.username, whole.password)
        plain = whole.copy_with(username=None, password=None)
        answer = httpx.get(
            f"{str(plain).rstrip('/')}/info/refs", params={"service": "git-upload-pack"}, auth=account, verify=context,
            timeout=SECONDS, follow_redirects=True,
        )  # fmt: skip
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        return str(error) or type(error).__name__
    return "" if answer.status_code == httpx.codes.OK else f"HTTP {answer.status_code}"
