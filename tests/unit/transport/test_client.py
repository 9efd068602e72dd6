"""Test the HTTP client with a server that misbehaves: every call must end in time, with an error of this package."""

import base64
import gzip
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import httpcore
import pytest

from argocd_release.messages.argocd import PROXY_INVALID, REDIRECTS_NOWHERE, RESPONSE_INCOMPLETE
from argocd_release.timing import Deadline, run_in_background
from argocd_release.transport import network
from argocd_release.transport.client import Client, HttpError, Request
from argocd_release.transport.network import tls_context
from tests.support.raw_server import serving
from tests.support.wording import pattern_of

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

SECONDS = 0.2
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"


def drip(connection: socket.socket, *before: bytes) -> None:
    """Send 20 bytes each second, for longer than any call is allowed to last."""
    connection.recv(65536)
    for part in before:
        connection.sendall(part)
    for _ in range(200):
        connection.sendall(b"x")
        time.sleep(0.05)


def answer(data: bytes) -> Callable[[socket.socket], None]:
    def serve(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(data)

    return serve


def a_client(**parts: object) -> Client:
    return Client(**{"tls": tls_context, "deadline": Deadline(), **parts})  # type: ignore[arg-type]


LATE: dict[str, Callable[[socket.socket], object]] = {
    "says nothing": lambda _: time.sleep(10),
    "drips the status line": lambda connection: drip(connection, b"HTTP/1.1 200 "),
    "drips header lines": lambda connection: drip(connection, b"HTTP/1.1 200 OK\r\nX-A: "),
    "drips the body": lambda connection: drip(connection, b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"),
    "drips chunks": lambda connection: drip(connection, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n"),
    "an endless body": lambda connection: drip(connection, b"HTTP/1.1 200 OK\r\n\r\n"),
}


@pytest.mark.parametrize("background", [True, False])
@pytest.mark.parametrize("kind", LATE)
def test_a_call_is_bounded_as_a_whole(kind: str, *, background: bool) -> None:
    with serving(LATE[kind]) as port, a_client() as client:
        request = Request(url=f"http://127.0.0.1:{port}/")
        started = time.monotonic()
        send = partial(client.send, request, seconds=SECONDS)
        with pytest.raises(HttpError, match=pattern_of(RESPONSE_INCOMPLETE)) as caught:
            run_in_background(send).result(10) if background else send()
        assert time.monotonic() - started < SECONDS + 1
        assert caught.value.timed_out


def test_half_a_tls_handshake_is_bounded() -> None:
    def half(connection: socket.socket) -> None:
        connection.recv(65536)
        # Send the header of a handshake record, and then one byte at a time.
        connection.sendall(b"\x16\x03\x03\x40\x00")
        drip(connection)

    with serving(half) as port, a_client() as client:
        started = time.monotonic()
        with pytest.raises(HttpError):
            client.send(Request(url=f"https://127.0.0.1:{port}/"), seconds=SECONDS)
        assert time.monotonic() - started < SECONDS + 1


def test_a_name_server_that_does_not_respond_holds_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait(20))
    with a_client() as client:
        started, threads = time.monotonic(), threading.active_count()
        for _ in range(3):
            with pytest.raises(HttpError, match=pattern_of(RESPONSE_INCOMPLETE)) as caught:
                client.send(Request(url="http://argocd.example.com/"), seconds=0.2)
            assert not caught.value.sent
        assert time.monotonic() - started < 3
        assert threading.active_count() <= threads + 1
    over.set()


def test_the_deadline_of_the_job_ends_a_call_and_forbids_the_next() -> None:
    with serving(lambda _: time.sleep(10)) as port, a_client(deadline=Deadline(0.3)) as client:
        started = time.monotonic()
        for _ in range(2):
            with pytest.raises(HttpError) as caught:
                client.send(Request(url=f"http://127.0.0.1:{port}/"), seconds=30)
            assert caught.value.timed_out
        assert time.monotonic() - started < 1.5


def test_a_signal_ends_a_call_of_the_main_thread() -> None:
    class StoppedError(Exception):
        pass

    def check() -> None:
        if time.monotonic() > started + 0.2:
            raise StoppedError

    with serving(lambda _: time.sleep(10)) as port, a_client(check=check) as client:
        started = time.monotonic()
        with pytest.raises(StoppedError):
            client.send(Request(url=f"http://127.0.0.1:{port}/"), seconds=30)
        assert time.monotonic() - started < 1


def test_threads_end_with_their_calls() -> None:
    with serving(LATE["drips header lines"]) as port, a_client() as client:
        before = {thread for thread in threading.enumerate() if thread.name == "background call"}
        for _ in range(5):
            with pytest.raises(HttpError):
                client.send(Request(url=f"http://127.0.0.1:{port}/"), seconds=0.2)
        time.sleep(0.3)
        assert {thread for thread in threading.enumerate() if thread.name == "background call"} <= before


BROKEN = {
    "an end": b"",
    "garbage": b"\x00\xff\r\n\r\n",
    "half a status line": b"HTTP/1.1 20",
    "half a header": b"HTTP/1.1 200 OK\r\nContent-",
    "half a body": HEAD + b"{",
    "a length that is no number": b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
    "a chunk that is no number": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n",
    "gzip that is none": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
    "a header without an end": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000,
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_answer_is_an_error_of_ours(kind: str) -> None:
    with serving(answer(BROKEN[kind])) as port, a_client() as client, pytest.raises(HttpError) as caught:
        client.send(Request(url=f"http://127.0.0.1:{port}/"), seconds=5)
    assert not caught.value.timed_out
    assert str(caught.value)


@pytest.mark.parametrize(
    "request_",
    [
        Request(url="ftp://127.0.0.1/"),
        Request(url="http:///path"),
        Request(url="http://[::1/"),
        Request(url="http://127.0.0.1:99999/"),
        Request(url="http://127.0.0.1:x/"),
        Request(url=f"http://{'a' * 70}.example.com/"),
        Request(url="http://..example.com/"),
        Request(url="http://127.0.0.1:1/", headers={"X-A": "a\r\nX-B: b"}),
        Request(url="http://127.0.0.1:1/", headers={"X A": "a"}),
        Request(url="http://127.0.0.1:1/", headers={"X-\u00e9": "\u00e9"}),
        Request(url="http://127.0.0.1:1/"),
    ],
    ids=lambda request_: request_.url[:30],
)
def test_an_impossible_request_is_an_error_of_ours(request_: Request) -> None:
    with a_client() as client, pytest.raises(HttpError):
        client.send(request_, seconds=5)


def test_a_closed_client_still_raises_errors_of_ours() -> None:
    with serving(lambda _: time.sleep(10)) as port:
        client = a_client()
        call = run_in_background(lambda: client.send(Request(url=f"http://127.0.0.1:{port}/"), seconds=0.5))
        time.sleep(0.2)
        client.__exit__()
        assert isinstance(call.exception(5), HttpError)


def test_the_body_is_bounded_also_when_it_is_unpacked() -> None:
    packed = gzip.compress(b" " * 10_000_000)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n".encode()
    with serving(answer(head + packed)) as port, a_client() as client:
        url = f"http://127.0.0.1:{port}/"
        with pytest.raises(HttpError, match="larger than 1 MB"):
            client.send(Request(url=url, body_limit=1 << 20), seconds=5)
        assert client.send(Request(url=url, body_limit=1000, truncate=True), seconds=5).body == b" " * 1000
        assert client.send(Request(url=url), seconds=5).body == b" " * 10_000_000
        parts: list[bytes] = []
        client.send(Request(url=url, on_part=parts.append), seconds=5)
        assert b"".join(parts) == b" " * 10_000_000
        assert max(map(len, parts)) < 1 << 20


def test_the_kernel_notices_a_connection_that_was_silently_lost() -> None:
    with serving(answer(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")) as port, a_client() as client:
        opened: list[socket.socket] = []
        connect = httpcore.SyncBackend.connect_tcp

        def connected(*arguments: Any) -> httpcore.NetworkStream:
            stream = connect(*arguments)
            opened.append(stream.get_extra_info("socket").dup())
            return stream

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(httpcore.SyncBackend, "connect_tcp", connected)
            client.send(Request(url=f"http://127.0.0.1:{port}/"), seconds=5)
    with opened[0] as connection:
        assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        idle, interval, count = (
            connection.getsockopt(socket.IPPROTO_TCP, option)
            for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        )
    assert idle + interval * count <= 30


def test_the_time_that_taking_the_parts_needs_is_not_the_servers() -> None:
    packed = gzip.compress(b" " * 5_000_000)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n".encode()
    with serving(answer(head + packed)) as port, a_client() as client:
        request = Request(url=f"http://127.0.0.1:{port}/", on_part=lambda _: time.sleep(0.01))
        assert client.send(request, seconds=0.35).status == 200


def test_the_request_is_what_was_asked_for() -> None:
    seen: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        request = b""
        while not request.endswith(b"body"):
            request += connection.recv(65536)
        seen.append(request)
        connection.sendall(HEAD + b"hello")

    with serving(serve) as port, a_client() as client:
        request = Request(
            method="POST",
            url=f"http://user:secret@127.0.0.1:{port}/a%2Fb/\u00e9 ?x=1",
            query={"labels": "a=b,c"},
            headers={"Authorization": "Bearer t"},
            body=b"body",
        )
        response = client.send(request, seconds=5)
    assert (response.status, response.text, response.headers["content-length"]) == (200, "hello", "5")
    head, _, body = seen[0].partition(b"\r\n\r\n")
    assert head.split(b"\r\n")[0] == b"POST /a%2Fb/%C3%A9%20?x=1&labels=a%3Db%2Cc HTTP/1.1"
    assert f"Host: 127.0.0.1:{port}".encode() in head
    assert b"Authorization: Bearer t" in head
    assert b"secret" not in head
    assert body == b"body"


def test_headers_are_not_sent_to_another_server() -> None:
    seen: list[bytes] = []

    def other(connection: socket.socket) -> None:
        seen.append(connection.recv(65536))
        connection.sendall(HEAD + b"hello")

    with serving(other) as port:
        redirect = f"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{port}/\r\nContent-Length: 0\r\n\r\n".encode()
        with serving(answer(redirect)) as first, a_client() as client:
            request = Request(url=f"http://127.0.0.1:{first}/", headers={"Authorization": "Bearer t"})
            assert client.follow(request, seconds=5).text == "hello"
    assert b"Bearer" not in seen[0]


def test_a_proxy_of_the_environment_is_used_only_if_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes] = []

    def proxy(connection: socket.socket) -> None:
        seen.append(connection.recv(65536))
        connection.sendall(HEAD + b"proxy")

    with serving(proxy) as port, serving(answer(HEAD + b"plain")) as direct:
        monkeypatch.setenv("http_proxy", f"http://me:p%40ss@127.0.0.1:{port}")
        monkeypatch.setenv("no_proxy", "")
        with a_client(proxies=True) as client:
            assert client.send(Request(url="http://gitlab.example.com/x"), seconds=5).text == "proxy"
            monkeypatch.setenv("no_proxy", "127.0.0.1")
            assert client.send(Request(url=f"http://127.0.0.1:{direct}/"), seconds=5).text == "plain"
        with a_client() as client:
            assert client.send(Request(url=f"http://127.0.0.1:{direct}/"), seconds=5).text == "plain"
    assert seen[0].startswith(b"GET http://gitlab.example.com/x HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic bWU6cEBzcw==" in seen[0]


def test_an_address_that_drops_packets_leaves_time_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[tuple[str, float]] = []

    def to(address: str, seconds: float) -> str:
        tried.append((address, seconds))
        if address == "127.0.0.2":
            time.sleep(seconds)
            raise TimeoutError
        return address

    monkeypatch.setattr(network, "resolve", lambda *_, **__: ("127.0.0.2", "127.0.0.1"))
    assert network.connect("x", 80, deadline=Deadline(1), to=to) == "127.0.0.1"
    assert [address for address, _ in tried] == ["127.0.0.2", "127.0.0.1"]
    assert tried[0][1] <= 0.5
    assert tried[1][1] > 0.3


@pytest.mark.parametrize(
    ("verify", "trusted", "works"), [(True, True, True), (True, False, False), (False, False, True)]
)
def test_the_authority_decides(authority: Path, *, verify: bool, trusted: bool, works: bool) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(authority / "server.pem")

    def serve(connection: socket.socket) -> None:
        with suppress(ssl.SSLError), context.wrap_socket(connection, server_side=True) as secure:
            answer(HEAD + b"hello")(secure)

    files = [str(authority / "ca.pem")] if trusted else []
    with (
        serving(serve) as port,
        a_client(tls=lambda: tls_context(authorities=files, verify=verify)) as client,
    ):
        request = Request(url=f"https://localhost:{port}/")
        if works:
            assert client.send(request, seconds=5).text == "hello"
        else:
            with pytest.raises(HttpError, match="CERTIFICATE_VERIFY_FAILED"):
                client.send(request, seconds=5)


#: Proxies that open no tunnel, each with the status of the error and a text in its message.
PROXIES: dict[str, tuple[Callable[[socket.socket], object], int, str]] = {
    "demands an account": (answer(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"), 407, "407 Proxy"),
    "forbids": (answer(b"HTTP/1.1 403 \x1b[31mForbidden\r\n\r\n"), 403, "403"),
    "cannot reach the server": (answer(b"HTTP/1.1 503 Service Unavailable\r\n\r\n"), 503, "503"),
    "responds with garbage": (answer(b"SSH-2.0-OpenSSH_9.2\r\n"), 0, "cannot be used"),
    "closes the connection": (lambda connection: connection.recv(65536), 0, "cannot be used"),
    "says nothing": (lambda _: time.sleep(10), 0, "no response within 1 s"),
    "drips": (lambda connection: drip(connection, b"HTTP/1.1 200 "), 0, "no response within 1 s"),
    "drips headers": (lambda connection: drip(connection, b"HTTP/1.1 200 OK\r\nX-A: "), 0, "no response within 1 s"),
}


@pytest.mark.parametrize("background", [True, False])
@pytest.mark.parametrize("kind", PROXIES)
def test_a_proxy_that_opens_no_tunnel_is_the_reason(kind: str, *, background: bool) -> None:
    serve, status, text = PROXIES[kind]
    with serving(serve) as port, a_client(proxy=f"http://ci:s3cret@127.0.0.1:{port}") as client:
        started = time.monotonic()
        send = partial(client.send, Request(url="https://argocd.invalid/"), seconds=SECONDS)
        with pytest.raises(HttpError) as caught:
            run_in_background(send).result(10) if background else send()
        assert time.monotonic() - started < SECONDS + 1
    error = caught.value
    assert (error.proxy_status, error.sent) == (status, False)
    assert f"the proxy 127.0.0.1:{port} " in str(error)
    assert text in str(error)
    assert str(error).isprintable()
    assert "s3cret" not in str(error)
    # The doctor opens the tunnel itself, for the TLS handshake.
    with serving(serve) as port, pytest.raises(OSError, match=".") as refused:
        network.open_through_proxy(f"http://ci:s3cret@127.0.0.1:{port}", "argocd.invalid", 443, seconds=SECONDS)
    assert "s3cret" not in str(refused.value)


def test_a_closed_port_of_a_proxy_is_the_reason() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    for url in ("https://argocd.invalid/", "http://argocd.invalid/"):
        with a_client(proxy=f"http://127.0.0.1:{port}") as client, pytest.raises(HttpError) as caught:
            client.send(Request(url=url), seconds=2)
        assert caught.value.proxy_status == 0
        assert "Connection refused" in str(caught.value)


INVALID_PROXIES = [
    "http://ci:s3cret#word@127.0.0.1:3128",
    "http://c[i:s3cret@127.0.0.1",
    "http://ci:s3cret\u2100@127.0.0.1:1",
]


@pytest.mark.parametrize("proxy", INVALID_PROXIES)
def test_the_error_of_an_invalid_proxy_does_not_contain_the_password(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(OSError, match=PROXY_INVALID) as refused:
        network.open_through_proxy(proxy, "argocd.invalid", 443, seconds=1)
    assert "s3cret" not in str(refused.value)
    request = Request(url="http://argocd.invalid/")
    with a_client(proxy=proxy) as client, pytest.raises(HttpError, match=PROXY_INVALID) as failed:
        client.send(request, seconds=1)
    assert failed.value.proxy_status == 0
    monkeypatch.setenv("http_proxy", proxy)
    monkeypatch.delenv("no_proxy", raising=False)
    with a_client(proxies=True) as client, pytest.raises(HttpError, match=PROXY_INVALID):
        client.send(request, seconds=1)


def test_the_password_of_a_proxy_can_contain_any_character() -> None:
    requests: list[bytes] = []

    def refuse(connection: socket.socket) -> None:
        requests.append(connection.recv(65536))
        connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")

    with serving(refuse) as port:
        proxy = f"http://ci:s%C3%A9cret@127.0.0.1:{port}"
        with a_client(proxy=proxy) as client, pytest.raises(HttpError):
            client.send(Request(url="https://argocd.invalid/"), seconds=2)
        with pytest.raises(OSError, match="407"):
            network.open_through_proxy(proxy, "argocd.invalid", 443, seconds=2)
    account = base64.b64encode("ci:s\u00e9cret".encode())
    assert [account in request for request in requests] == [True, True]


@pytest.mark.parametrize(
    "location",
    [
        "http://[object Object]/login",
        "http://[bad",
        "//[",
        "http://127.0.0.1:x/",
        "http://127.0.0.1:99999/",
    ],
)
def test_a_redirect_to_an_invalid_address_is_an_error(location: str) -> None:
    head = f"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: {location}\r\n\r\n".encode()
    with serving(answer(head)) as port, a_client() as client, pytest.raises(HttpError) as caught:
        client.follow(Request(url=f"http://127.0.0.1:{port}/"), seconds=5)
    assert caught.value.redirects
    assert str(caught.value) == REDIRECTS_NOWHERE


def test_a_gzip_body_can_have_several_members() -> None:
    packed = gzip.compress(b"hello ") + gzip.compress(b" " * 100_000) + gzip.compress(b"world")
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n".encode()
    with serving(answer(head + packed)) as port, a_client() as client:
        answered = client.send(Request(url=f"http://127.0.0.1:{port}/"), seconds=5)
    assert answered.body == b"hello " + b" " * 100_000 + b"world"
    # The server closes each connection, so a second request needs a client of its own.
    with serving(answer(head + packed)) as port, a_client() as client, pytest.raises(HttpError, match="larger"):
        client.send(Request(url=f"http://127.0.0.1:{port}/", body_limit=1000), seconds=5)


def test_bytes_after_a_gzip_member_are_ignored() -> None:
    """Like gzip itself, the client ignores zero bytes with which a server fills the last block."""
    packed = gzip.compress(b"hello") + bytes(100)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n".encode()
    with serving(answer(head + packed)) as port, a_client() as client:
        assert client.send(Request(url=f"http://127.0.0.1:{port}/"), seconds=5).text == "hello"


def test_a_server_that_fails_behind_a_proxy_is_not_the_proxys_fault() -> None:
    def tunnel(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        connection.recv(65536)
        connection.sendall(b"this is not TLS")

    with serving(tunnel) as port, a_client(proxy=f"http://127.0.0.1:{port}") as client:
        with pytest.raises(HttpError) as caught:
            client.send(Request(url="https://argocd.invalid/"), seconds=2)
        assert caught.value.proxy_status is None
    with serving(answer(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")) as port:
        with a_client(proxy=f"http://127.0.0.1:{port}") as client, pytest.raises(HttpError) as refused:
            client.send(Request(url="http://argocd.invalid/"), seconds=2)
        assert refused.value.proxy_status == 407


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("https://[2001:db8::1]:8443/", b"CONNECT [2001:db8::1]:8443 HTTP/1.1"),
        ("https://argocd.invalid/", b"CONNECT argocd.invalid:443 HTTP/1.1"),
        ("http://[2001:db8::1]:8080/api", b"GET http://[2001:db8::1]:8080/api HTTP/1.1"),
    ],
)
def test_a_proxy_gets_the_address_in_its_written_form(url: str, line: bytes) -> None:
    lines: list[bytes] = []

    def refuse(connection: socket.socket) -> None:
        lines.append(connection.recv(65536).split(b"\r\n")[0])
        connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")

    with serving(refuse) as port, a_client(proxy=f"http://127.0.0.1:{port}") as client, pytest.raises(HttpError):
        client.send(Request(url=url), seconds=2)
    assert lines == [line]
