"""An HTTP client with a time limit for each call as a whole. Every failure is an ``HttpError``.

A call includes the name lookup, the connection, the TLS handshake, the headers and the body. It ends at its own time
limit, at the deadline of the job or, in the main thread, when ``check`` raises an exception.
"""

import math
import ssl
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import SplitResult, quote, unquote_to_bytes, urlencode, urlsplit

from argocd_release.core.text import one_line
from argocd_release.messages import argocd as texts
from argocd_release.timing import Deadline, run_in_background
from argocd_release.transport.network import KEEPALIVE, Backend, NotConnectedError, bounded, host_of, was_opening_tunnel
from argocd_release.transport.urls import http_parts, proxy_of_environment, redirected, split_proxy

if TYPE_CHECKING:
    import httpcore

BODY_LIMIT: Final = 64 << 20
CONNECTIONS: Final = 100
IDLE_SECONDS: Final = 30.0
#: Seconds after the time limit of a call, within which its background thread can still report why the call failed.
_LAG_SECONDS: Final = 0.2
REDIRECTS: Final = 5
_OK: Final = 200
_REDIRECTED: Final = frozenset({301, 302, 303, 307, 308})
# Makes zlib expect a gzip header.
_GZIP: Final = zlib.MAX_WBITS | 16
_UNPACKED_PART: Final = 1 << 16
# Characters that the client sends without percent-encoding in the path and query of a URL.
_QUOTED: Final = "/%:@!$&'()*+,;=~-._?[]"
_HEADERS: Final = {"User-Agent": "argocd-release", "Accept": "*/*", "Accept-Encoding": "gzip"}


class HttpError(Exception):
    """A call did not receive a complete response. The message is a single line that users can read.

    Attributes:
        timed_out: True if the call reached its time limit.
        sent: False if the request has certainly not reached the server.
        redirects: True if the server redirected too often, or to an invalid URL.
        proxy_status: the HTTP status with which the proxy refused the request, 0 if the proxy did not respond, or None
            if the proxy is not the reason for the failure.
    """

    def __init__(
        self,
        message: str,
        *,
        timed_out: bool = False,
        sent: bool = True,
        redirects: bool = False,
        proxy_status: int | None = None,
    ) -> None:
        self.timed_out = timed_out
        self.sent = sent
        self.redirects = redirects
        self.proxy_status = proxy_status
        super().__init__(one_line(message, limit=300))


@dataclass(frozen=True, kw_only=True)
class Response:
    """A complete HTTP response. The names of the headers are in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    #: The URL that ``Client.follow`` requested last, otherwise an empty string.
    url: str = ""

    @property
    def text(self) -> str:
        """Return the body decoded as UTF-8. Invalid bytes are replaced."""
        return self.body.decode("utf-8", "replace")


@dataclass(frozen=True, kw_only=True)
class Request:
    """An HTTP request, and how to read the body of its response.

    Attributes:
        url: the URL. Its query is combined with ``query``.
        method: the HTTP method.
        query: additional query parameters.
        headers: the headers, which can contain a token.
        body: the body of the request.
        body_limit: the maximum size of the response's body in bytes, after decompression. If it is 0, ``on_part``
            receives a body of any size.
        truncate: True to cut off a larger body, False to raise ``HttpError``.
        on_part: a callback that receives each part of the body of a response with status 200 as soon as it arrives. The
            returned response then has no body. The time that the callback takes does not count towards the time limit
            of the call, but towards the deadline of the job.
        is_enough: a callback that receives the status and the part of the body that has arrived, which is empty at
            first. If it returns True, or at the time limit, the client stops reading and returns a response with this
            part. The client only calls it if ``truncate`` is True.
    """

    url: str
    method: str = "GET"
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    body_limit: int = BODY_LIMIT
    truncate: bool = False
    on_part: Callable[[bytes], object] | None = field(default=None, repr=False, compare=False)
    is_enough: Callable[[int, bytearray], bool] | None = field(default=None, repr=False, compare=False)


class Client:
    """A thread-safe HTTP client that keeps connections open between calls. Use it as a context manager.

    Connections can be shared by requests with different tokens, because all headers belong to a single request.

    Args:
        tls: returns the TLS context. It is called before the first TLS connection. If it raises an ``OSError``, the
            call raises an ``HttpError``.
        deadline: the moment at which every call ends at the latest.
        check: a callback that is called repeatedly while the main thread waits. It raises an exception to cancel the
            call.
        proxies: True to use the proxies in the environment variables.
        proxy: the URL of an HTTP proxy for all requests, or an empty string.
    """

    def __init__(
        self,
        *,
        tls: Callable[[], ssl.SSLContext],
        deadline: Deadline,
        check: Callable[[], object] = lambda: None,
        proxies: bool = False,
        proxy: str = "",
    ) -> None:
        self._tls = tls
        self._deadline = deadline
        self._check = check
        self._proxies = proxies
        self._proxy = proxy
        self._lock = threading.Lock()
        self._pools: dict[tuple[str, str], httpcore.ConnectionPool] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # Ignore errors, because httpcore refuses to close a pool in use. A call that has timed out can still be running
        # in its background thread.
        for pool in self._pools.values():
            with suppress(Exception):
                pool.close()

    def send(self, request: Request, *, seconds: float) -> Response:
        """Send the request, and return the response, whatever its status is.

        Raises:
            HttpError: the server did not send a complete response within ``seconds``.
        """
        deadline = self._deadline.at_most(seconds)
        limit = deadline.left
        if limit <= 0:
            raise HttpError(texts.NO_TIME_LEFT, timed_out=True, sent=False)
        if threading.current_thread() is not threading.main_thread():
            return self._send(request, deadline, limit)
        answer = run_in_background(partial(self._send, request, deadline, limit))
        while not answer.wait_for(seconds=deadline.left + _LAG_SECONDS, check=self._check):
            if deadline.left <= 0:
                raise _late(limit)
        return answer.result()

    def follow(self, request: Request, *, seconds: float) -> Response:
        """Send the request and follow at most ``REDIRECTS`` redirects, within ``seconds`` in total.

        If a redirect leads to another server, the headers are not sent to it.

        Raises:
            HttpError: a server did not send a complete response, or redirected too often or to an invalid URL.
        """
        deadline = Deadline(seconds)
        for _ in range(REDIRECTS + 1):
            answer = self.send(request, seconds=deadline.left)
            location = answer.headers.get("location", "")
            if answer.status not in _REDIRECTED or not location:
                return replace(answer, url=request.url)
            url = redirected(request.url, location)
            if not url:
                raise HttpError(texts.REDIRECTS_NOWHERE, redirects=True)
            same = urlsplit(url)[:2] == urlsplit(request.url)[:2]
            request = replace(request, url=url, query={}, headers=request.headers if same else {})
        raise HttpError(texts.REDIRECTS_TOO_OFTEN.fill(count=REDIRECTS), redirects=True)

    def _send(self, request: Request, deadline: Deadline, limit: float) -> Response:
        try:
            with bounded(deadline):
                return self._exchange(request, deadline)
        except HttpError:
            raise
        except Exception as error:
            if (of_proxy := self._error_of_proxy(request.url, error, limit)) is not None:
                raise of_proxy from error
            raise self._error_of_server(error, limit) from error

    def _error_of_proxy(self, url: str, error: Exception, limit: float) -> HttpError | None:
        """Return the error if the proxy is the reason for the failure, otherwise None."""
        import httpcore  # noqa: PLC0415

        if not self._proxy:
            return None
        proxy = host_of(self._proxy)
        if isinstance(error, httpcore.ProxyError):
            message = texts.PROXY_REFUSES.fill(proxy=proxy, server=host_of(url), status=error)
            status = str(error)[:3]
            return HttpError(message, sent=False, proxy_status=int(status) if status.isdecimal() else 0)
        # Without TLS there is no tunnel, so only a failed connection is certainly a failure of the proxy.
        not_connected = isinstance(error, NotConnectedError | httpcore.ConnectError | httpcore.ConnectTimeout)
        if not (was_opening_tunnel() if urlsplit(url).scheme == "https" else not_connected):
            return None
        late = isinstance(error, httpcore.TimeoutException | TimeoutError) or getattr(error, "timed_out", False)
        reason = texts.NO_RESPONSE.fill(seconds=f"{max(limit, 1):.0f}") if late else str(error) or type(error).__name__
        message = texts.PROXY_UNREACHABLE.fill(proxy=proxy, reason=reason)
        return HttpError(message, timed_out=late, sent=False, proxy_status=0)

    @staticmethod
    def _error_of_server(error: Exception, limit: float) -> HttpError:
        import httpcore  # noqa: PLC0415

        if isinstance(error, NotConnectedError):
            return _late(limit, sent=False) if error.timed_out else HttpError(str(error), sent=False)
        if isinstance(error, httpcore.TimeoutException | TimeoutError):
            return _late(limit, sent=not isinstance(error, httpcore.ConnectTimeout | httpcore.PoolTimeout))
        if isinstance(error, httpcore.LocalProtocolError):
            # The text of the error can contain the value of a header, which can be secret.
            return HttpError(type(error).__name__)
        # httpcore and h11 raise many kinds of errors, for example for malformed responses and closed pools.
        return HttpError(str(error) or type(error).__name__, sent=not isinstance(error, httpcore.ConnectError))

    def _exchange(self, request: Request, deadline: Deadline) -> Response:
        # Import httpcore here, because importing it at the start of the job would delay the first look.
        import httpcore  # noqa: PLC0415

        url, host = _split(request.url)
        query = "&".join(filter(None, (quote(url.query, safe=_QUOTED), urlencode(request.query))))
        target = f"{quote(url.path or '/', safe=_QUOTED)}{'?' if query else ''}{query}"
        bracketed = f"[{host}]" if ":" in host else host
        headers = {"Host": f"{bracketed}:{url.port}" if url.port else bracketed, **_HEADERS, **request.headers}
        if request.method in {"POST", "PUT"}:
            headers["Content-Length"] = str(len(request.body))
        proxy = self._proxy or (proxy_of_environment(url) if self._proxies else "")
        with self._pool(url, proxy).stream(
            request.method,
            httpcore.URL(
                scheme=url.scheme.encode(),
                # httpcore sends this host to a proxy unchanged, so an IPv6 address needs its brackets.
                host=(bracketed if proxy else host).encode(),
                port=url.port,
                target=target.encode(),
            ),
            headers=[(name.encode(), value.encode()) for name, value in headers.items()],
            content=request.body or None,
            extensions={"timeout": {"pool": deadline.left}},
        ) as answer:
            received = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in answer.headers}
            if self._proxy and answer.status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
                status = f"{answer.status} {HTTPStatus(answer.status).phrase}"
                message = texts.PROXY_REFUSES.fill(proxy=host_of(self._proxy), server=url.netloc, status=status)
                raise HttpError(message, sent=False, proxy_status=answer.status)
            parts: Iterable[bytes] = answer.iter_stream()
            if received.get("content-encoding", "").lower() == "gzip":
                parts = _unpacked(parts)
            if request.on_part is not None and answer.status == _OK:
                for part in _limited(parts, request.body_limit or math.inf):
                    left = deadline.left
                    request.on_part(part)
                    deadline.extend(left - deadline.left, within=self._deadline)
                return Response(status=answer.status, headers=received)
            return Response(status=answer.status, headers=received, body=_read(parts, request, answer.status))

    def _pool(self, url: SplitResult, proxy: str) -> "httpcore.ConnectionPool":
        import httpcore  # noqa: PLC0415

        key = (proxy, url.scheme)
        with self._lock:
            if key not in self._pools:
                self._pools[key] = httpcore.ConnectionPool(
                    # Only create a TLS context if it is needed, because that takes 35 ms of CPU time.
                    ssl_context=self._tls() if url.scheme == "https" else None,
                    proxy=_proxy_of(proxy) if proxy else None,
                    max_connections=CONNECTIONS,
                    keepalive_expiry=IDLE_SECONDS,
                    socket_options=KEEPALIVE,
                    network_backend=Backend(),
                )
            return self._pools[key]


def _proxy_of(url: str) -> "httpcore.Proxy":
    """Return the proxy with this URL.

    Raises:
        HttpError: the URL is invalid.
    """
    import httpcore  # noqa: PLC0415

    try:
        parts = split_proxy(url)
    except OSError as error:
        raise HttpError(str(error), sent=False, proxy_status=0) from error
    account = (unquote_to_bytes(parts.username or ""), unquote_to_bytes(parts.password or ""))
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    return httpcore.Proxy(bare, auth=account if any(account) else None)


def _split(url: str) -> tuple[SplitResult, str]:
    """Split the URL. Also return its host in the ASCII form that DNS and certificates use.

    Raises:
        HttpError: the URL has no host, an invalid port, or a scheme other than http and https.
    """
    parts = http_parts(url)
    if parts is None or not parts.hostname:
        raise HttpError(texts.NO_HTTP_ADDRESS, sent=False)
    return parts, parts.hostname.encode("idna").decode("ascii")


def _read(parts: Iterable[bytes], request: Request, status: int) -> bytes:
    limit = request.body_limit
    if not request.truncate:
        return b"".join(_limited(parts, limit))
    body = bytearray()
    if request.is_enough is not None:
        _read_enough(parts, body, partial(request.is_enough, status), limit)
        return bytes(body[:limit])
    for part in parts if limit else ():
        body += part
        if len(body) >= limit:
            break
    return bytes(body[:limit])


def _read_enough(parts: Iterable[bytes], body: bytearray, is_enough: Callable[[bytearray], bool], limit: int) -> None:
    """Append parts to the body until ``is_enough`` returns True, it reaches the limit, or no more parts arrive."""
    import httpcore  # noqa: PLC0415

    arriving = iter(parts)
    with suppress(httpcore.TimeoutException, TimeoutError):
        while len(body) < limit and not is_enough(body):
            part = next(arriving, None)
            if part is None:
                return
            body += part


def _unpacked(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Decompress a gzip body into small parts, because a compressed part can become a thousand times as long.

    The body can consist of several members (RFC 1952). Zero bytes after a member are ignored, as gzip does.
    """
    unpacking = zlib.decompressobj(_GZIP)
    for part in parts:
        packed = part
        while packed:
            if unpacking.eof:
                packed = packed.lstrip(b"\0")
                if not packed:
                    break
                unpacking = zlib.decompressobj(_GZIP)
            yield unpacking.decompress(packed, _UNPACKED_PART)
            packed = unpacking.unused_data if unpacking.eof else unpacking.unconsumed_tail


def _limited(parts: Iterable[bytes], limit: float) -> Iterator[bytes]:
    """Yield the parts until their total length exceeds ``limit`` bytes.

    Raises:
        HttpError: the total length exceeds the limit.
    """
    length = 0
    for part in parts:
        length += len(part)
        if length > limit:
            raise HttpError(texts.RESPONSE_TOO_LARGE.fill(megabytes=int(limit) >> 20))
        yield part


def _late(seconds: float, *, sent: bool = True) -> HttpError:
    return HttpError(texts.RESPONSE_INCOMPLETE.fill(seconds=f"{max(seconds, 1):.0f}"), timed_out=True, sent=sent)
