"""Servers in front of the real git and the real Argo CD, which can be slow, refuse requests or not respond."""

import http.client
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import socket
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any, Final

from sandbox.local_server import running

ADDRESS: Final = "127.0.0.1"
_HOP_BY_HOP: Final = frozenset({"connection", "transfer-encoding", "keep-alive", "te", "content-length"})


class _Again(ThreadingTCPServer):
    allow_reuse_address = True


@dataclass(kw_only=True)
class Git:
    """A git server for a folder of repositories. ``delay`` is the time before each response in seconds."""

    port: int
    delay: float = 0.0

    def url(self, repository: Path) -> str:
        return f"git://{ADDRESS}:{self.port}/{repository.name}"


@contextmanager
def git_server(folder: Path, *, port: int = 0) -> Iterator[Git]:
    """Serve the repositories in the folder, as git daemon does."""

    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            time.sleep(git.delay)
            command = ["git", "daemon", "--inetd", "--export-all", "--reuseaddr", f"--base-path={folder}"]
            subprocess.run(command, stdin=self.connection, stdout=self.connection, check=False)

    with running(_Again((ADDRESS, port), Handler)) as at:
        git = Git(port=at)
        yield git


@dataclass(kw_only=True)
class Proxy:
    """An HTTP proxy in front of Argo CD.

    Attributes:
        status: the HTTP status with which the proxy responds to all requests, or 0 to pass them on.
        hold: the delay of requests in seconds, by a text that their path contains.
    """

    port: int = 0
    status: int = 0
    hold: dict[str, float] = field(default_factory=dict)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def settings(self) -> dict[str, str]:
        """Return the variables with which the job uses the proxy."""
        return {"ARGOCD_SERVER": f"{ADDRESS}:{self.port}", "ARGOCD_OPTS": "--grpc-web --plaintext"}


@contextmanager
def proxy(server: str) -> Iterator[Proxy]:
    """Run a proxy in front of the Argo CD at ``host:port``, which uses TLS."""
    front = Proxy()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._forward()

        def do_POST(self) -> None:
            self._forward()

        def log_message(self, *_: Any) -> None:
            """Print nothing."""

        def _forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if front.status:
                self.send_error(front.status)
                return
            front.over.wait(next((seconds for text, seconds in front.hold.items() if text in self.path), 0))
            with suppress(OSError, http.client.HTTPException):
                _relay(self, server, body)

    with running(ThreadingHTTPServer((ADDRESS, 0), Handler)) as front.port:
        try:
            yield front
        finally:
            front.over.set()


@contextmanager
def silence() -> Iterator[int]:
    """Yield a port that accepts connections and never responds."""
    with socket() as listening:
        listening.bind((ADDRESS, 0))
        listening.listen(64)
        yield listening.getsockname()[1]


def _relay(handler: BaseHTTPRequestHandler, server: str, body: bytes) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    upstream = http.client.HTTPSConnection(server, context=context)
    try:
        headers = {name: value for name, value in handler.headers.items() if name.lower() not in _HOP_BY_HOP}
        upstream.request(handler.command, handler.path, body, headers)
        answer = upstream.getresponse()
        handler.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _HOP_BY_HOP:
                handler.send_header(name, value)
        handler.end_headers()
        while chunk := answer.read1(65536):
            handler.wfile.write(chunk)
    finally:
        upstream.close()


class _Site(BaseHTTPRequestHandler):
    """A site that serves version 1, and from ``newer_at`` on version 2."""

    newer_at = 0.0

    def do_GET(self) -> None:
        """Respond with the version, or with 404 to any path but ``/version``."""
        found = self.path == "/version"
        body = f"version {2 if time.time() >= self.newer_at else 1}\n" if found else "no such page\n"
        self.send_response(200 if found else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        """Print nothing, so that the log of a test stays free of this server."""


@contextmanager
def site(newer_after: float) -> Iterator[str]:
    """Serve the site, whose version 2 begins after these seconds, and return its address."""
    handler = type("Site", (_Site,), {"newer_at": time.time() + newer_after})
    with running(ThreadingHTTPServer((ADDRESS, 0), handler)) as port:
        yield f"http://{ADDRESS}:{port}/version"
