"""Serve git repositories over HTTP or HTTPS with ``git http-backend``, which supports filters like GitLab."""

import base64
import functools
import os
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from sandbox.git import Repository
from sandbox.local_server import running


@dataclass(kw_only=True)
class GitServer:
    """A git server for the repositories in ``folder``.

    Attributes:
        account: the required ``user:password``, or an empty string if none is required.
        down: while this is True, the server responds to all requests with 500.
        answering: while this is not set, the server does not respond.
        seen: the ``user:password`` of each request so far; empty for a request without one.
    """

    folder: Path
    account: str = ""
    down: bool = False
    answering: threading.Event = field(default_factory=threading.Event)
    seen: list[str] = field(default_factory=list)
    port: int = 0
    scheme: str = "http"

    def url(self, repository: Repository, account: str = "") -> str:
        at = f"{account}@" if account else ""
        return f"{self.scheme}://{at}localhost:{self.port}/{repository.folder.relative_to(self.folder)}"


@contextmanager
def serving(folder: Path, *, account: str = "", certificate: Path | None = None) -> Iterator[GitServer]:
    """Run the server until the context ends. With a ``certificate``, a PEM file that includes the key, use TLS."""
    server = GitServer(folder=folder, account=account)
    server.answering.set()
    http = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_GitOverHttp, server))
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        http.socket = context.wrap_socket(http.socket, server_side=True)
        server.scheme = "https"
    with running(http) as server.port:
        yield server


@functools.cache
def _backend() -> str:
    """Return the path of the program ``git http-backend``, which is faster to start directly than with git."""
    folder = subprocess.run(["git", "--exec-path"], capture_output=True, text=True, check=True).stdout.strip()
    return f"{folder}/git-http-backend"


class _GitOverHttp(BaseHTTPRequestHandler):
    """A handler that runs ``git http-backend`` by CGI (https://git-scm.com/docs/git-http-backend)."""

    def __init__(self, server: GitServer, *arguments: Any) -> None:
        self.known = server
        super().__init__(*arguments)

    def do_GET(self) -> None:
        _, _, encoded = self.headers.get("Authorization", "").partition(" ")
        account = base64.b64decode(encoded).decode()
        self.known.seen.append(account)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.known.answering.wait()
        if self.known.down:
            self._answer(HTTPStatus.INTERNAL_SERVER_ERROR, {}, b"")
        elif self.known.account and account != self.known.account:
            self._answer(HTTPStatus.UNAUTHORIZED, {"WWW-Authenticate": 'Basic realm="git"'}, b"")
        else:
            self._run(body)

    do_POST = do_GET  # noqa: N815 - http.server's names

    def _run(self, sent: bytes) -> None:
        path, _, query = self.path.partition("?")
        settings = {"uploadpack.allowFilter": "true", "safe.directory": "*"}
        environ = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.known.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_COUNT": str(len(settings)),
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type") or "",
            "CONTENT_LENGTH": str(len(sent)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding") or "",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol") or "",
        }
        for number, (key, value) in enumerate(settings.items()):
            environ |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
        answer = subprocess.run([_backend()], env=environ, input=sent, capture_output=True, check=True).stdout
        head, _, body = answer.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().splitlines())
        self._answer(int(fields.pop("Status", "200").split()[0]), fields, body)

    def _answer(self, status: int, fields: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass
