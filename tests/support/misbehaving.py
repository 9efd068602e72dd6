"""A TLS server that imitates Argo CD, GitLab and a site, and shows a permanent fault from a given request on."""

import json
import socket
import ssl
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import trustme

from tests.support.raw_server import RawServer
from tests.unit.states import document

FAULTS: Final = ("hang", "drip headers", "drip body", "half a handshake", "close", "garbage")
_ENDLESS_SECONDS: Final = 60.0


class Misbehaving:
    """A server that responds correctly before request ``number``. From then on, each request shows ``fault``."""

    def __init__(self, folder: Path, fault: str, number: int) -> None:
        authority = trustme.CA()
        self.authority = folder / "authority.pem"
        authority.cert_pem.write_to_path(self.authority)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(self._context)
        self._fault, self._number, self._count = fault, number, 0
        self._lock = threading.Lock()
        self._server = RawServer(self._serve)
        self.port = self._server.port

    def close(self) -> None:
        self._server.close()

    def _is_due(self, *, request: bool) -> bool:
        with self._lock:
            self._count += request
            return self._count >= self._number

    def _serve(self, plain: socket.socket) -> None:
        with suppress(ValueError):
            if self._fault == "half a handshake" and self._is_due(request=True):
                plain.recv(65536)
                plain.sendall(b"\x16\x03\x03\x40\x00")
                _drip(plain)
                return
            with self._context.wrap_socket(plain, server_side=True) as secure:
                while request := _read(secure):
                    if self._is_due(request=True) and self._fault != "half a handshake":
                        self._misbehave(secure)
                        return
                    secure.sendall(_answer(request))

    def _misbehave(self, connection: ssl.SSLSocket) -> None:
        match self._fault:
            case "hang":
                time.sleep(_ENDLESS_SECONDS)
            case "drip headers":
                connection.sendall(b"HTTP/1.1 200 OK\r\nX-A: ")
                _drip(connection)
            case "drip body":
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
                _drip(connection)
            case "close":
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{")
            case _:
                connection.sendall(b"\x00\xffgarbage" * 20 + b"\r\n\r\n")


def _drip(connection: socket.socket) -> None:
    until = time.monotonic() + _ENDLESS_SECONDS
    while time.monotonic() < until:
        connection.sendall(b"x")
        time.sleep(0.2)


def _read(connection: socket.socket) -> str:
    """Read a request, and return its first line, or an empty string if the connection has ended."""
    head = b""
    while b"\r\n\r\n" not in head:
        part = connection.recv(65536)
        if not part:
            return ""
        head += part
    head, _, body = head.partition(b"\r\n\r\n")
    length = next(
        (line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), b"0"
    )
    while len(body) < int(length):
        body += connection.recv(65536)
    return head.split(b"\r\n")[0].decode()


def _answer(request: str) -> bytes:
    path = request.split(" ")[1].partition("?")[0]
    status, body = "200 OK", json.dumps(_content(path)).encode()
    if path.endswith("/deployments") and request.startswith("POST"):
        status = "201 Created"
    elif not path.startswith(("/api", "/site")):
        status = "404 Not Found"
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def _content(path: str) -> Any:
    if path.endswith("/version"):
        return {"Version": "v3.1.2"}
    if path.endswith("/deployments"):
        return []
    if path.endswith("/api/v1/applications"):
        return {"metadata": {}, "items": [_application("web"), _application("api")]}
    if "/applications/" in path and path.count("/") == 4:
        return _application(path.rpartition("/")[2])
    if "can-i" in path:
        return {"value": "yes"}
    return {"nodes": []} if path.endswith("/resource-tree") else {}


def _application(name: str) -> dict[str, Any]:
    made = document(reconciledAt=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    made["metadata"] |= {"name": name, "uid": f"u-{name}"}
    return made
