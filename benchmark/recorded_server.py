"""A server that plays the recorded answers of a real Argo CD for thousands of applications, over real HTTP.

It is also an HTTP proxy for itself, because a job behind an HTTP proxy does not start the argocd CLI. So a benchmark of
such a job measures the job alone.
"""

import gzip
import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import parse_qsl, urlsplit

from argocd_release.argocd.connection import Connection
from sandbox.local_server import running

ROOT: Final = Path(__file__).resolve().parents[1]
# `argocd app get --refresh -o json` of an application whose new pod is not ready yet.
(_ANSWER,) = (ROOT / "tests/cases/timed-out/argocd").glob("app-get-*---refresh--o-json---logformat-json/1.out")
_APPLICATION: Final[dict[str, Any]] = json.loads(_ANSWER.read_text("utf-8"))
# The resource tree of a Deployment whose pod is not ready yet.
_TREE: Final = ROOT / "tests/contract/recorded/2.13.2/too-slow.json"
TOKEN: Final = "a-token-of-twenty-characters"  # noqa: S105 - the server accepts any
_PATH: Final = "/api/v1/applications"
_STREAM: Final = "/api/v1/stream/applications"
_HEALTHY: Final = {"status": "Healthy"}
# The placeholder for the application's name in the template of all applications.
_NAME: Final = "NAME-OF-THE-APPLICATION"


class RecordedServer:
    """A server with the applications ``web-0``, ``web-1`` and so on, which counts requests and bytes.

    All applications are Synced and Progressing until ``deliver`` is called, and Healthy afterwards.

    Args:
        applications: the number of applications.
        resources: the number of resources of each application.
        streams: True to report changes on streams, as Argo CD does. Otherwise, the server has no streams.
    """

    def __init__(self, applications: int, resources: int = 1, *, streams: bool = False) -> None:
        self._resources = resources
        self._has_streams = streams
        self._changed = threading.Condition()
        #: The number of streams that are running.
        self.streams = 0
        # The number of times that all streams have ended.
        self._stream_ends = 0
        self._names = [f"web-{number}" for number in range(applications)]
        tree = json.loads(_TREE.read_text("utf-8"))["tree"]
        self._parts = {"resource-tree": json.dumps(tree).encode(), "events": b'{"items":[]}'}
        #: The number of requests by their kind: list, read, comparison, resource-tree, events, stream, other.
        self.requests: Counter[str] = Counter()
        #: The names of the applications that were compared.
        self.compared: set[str] = set()
        #: The bytes of all answers before their compression.
        self.bytes = 0
        self.port = 0
        self._lock = threading.Lock()
        self._play(_APPLICATION, version="1")

    @property
    def connection(self) -> Connection:
        return Connection(server=f"127.0.0.1:{self.port}", auth_token=TOKEN, opts="--plaintext")

    def deliver(self) -> None:
        """Let all applications become Healthy at the same time."""
        status = _APPLICATION["status"]
        status = status | {"health": _HEALTHY, "reconciledAt": f"9{status['reconciledAt'][1:]}"}
        with self._changed:
            self._play(_APPLICATION | {"status": status}, version="2")
            self._changed.notify_all()

    def end_streams(self) -> None:
        """End all streams, as a restart of Argo CD's API server does."""
        with self._changed:
            self._stream_ends += 1
            self._changed.notify_all()

    def messages(self, path: str) -> Iterator[bytes] | None:
        """Return the messages of the requested stream until its end, or None if the path is that of no stream.

        The stream of an application begins with its state. The stream of a resource tree contains no messages, because
        the tree does not change.
        """
        name = dict(parse_qsl(urlsplit(path).query)).get("name", "")
        if not self._has_streams or not path.startswith(_STREAM):
            return None
        with self._lock:
            self.requests["stream"] += 1
        return self._messages(name)

    def _messages(self, name: str) -> Iterator[bytes]:
        ends, shown = self._stream_ends, ""
        with self._changed:
            self.streams += 1
        try:
            while ends == self._stream_ends:
                if name and self._template != shown:
                    shown = self._template
                    yield f'data: {{"result":{{"application":{self._application(name)}}}}}\n\n'.encode()
                with self._changed:
                    while ends == self._stream_ends and (not name or self._template == shown):
                        self._changed.wait()
        finally:
            with self._changed:
                self.streams -= 1

    def answer(self, path: str, *, compress: bool = False) -> tuple[int, bytes]:
        """Return the status and the body of the answer to a GET request, and count it."""
        url = urlsplit(path)
        name, _, part = url.path.removeprefix(_PATH).removeprefix("/").partition("/")
        kind = part or ("list" if not name else "comparison" if "refresh=" in url.query else "read")
        if not url.path.startswith(_PATH) or (part and part not in self._parts):
            kind, plain, packed = "other", b"{}", b""
        elif kind == "list":
            plain, packed = self._list
        else:
            plain, packed = self._parts.get(part) or self._application(name).encode(), b""
        # Argo CD compresses its answers with the default level of Go's gzip, which is 6.
        body = (packed or gzip.compress(plain, 6)) if compress and kind != "other" else plain
        with self._lock:
            self.requests[kind] += 1
            self.bytes += len(plain)
            self.compared |= {name} if kind == "comparison" else set()
        return (HTTPStatus.NOT_FOUND if kind == "other" else HTTPStatus.OK), body

    def _play(self, document: dict[str, Any], *, version: str) -> None:
        self._template = json.dumps(_named(document, self._resources, version), separators=(",", ":"))
        whole = f'{{"metadata":{{}},"items":[{",".join(map(self._application, self._names))}]}}'.encode()
        self._list = whole, gzip.compress(whole, 6)

    def _application(self, name: str) -> str:
        return self._template.replace(_NAME, name)


def _named(document: dict[str, Any], resources: int, version: str) -> dict[str, Any]:
    """Return the recorded application with ``_NAME`` as its name, and with copies of its resource."""
    named: dict[str, Any] = json.loads(json.dumps(document))
    named["metadata"] |= {"name": _NAME, "uid": _NAME, "resourceVersion": version}
    status = named["status"]
    for holder in (status, status["operationState"]["syncResult"]):
        (resource,) = holder["resources"]
        copies = [resource | {"name": f"{resource['name']}-{number}"} for number in range(1, resources)]
        holder["resources"] = [resource, *copies]
    if status["health"] == _HEALTHY:
        for resource in status["resources"]:
            resource["health"] = _HEALTHY
    return named


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Send the headers and the body together. Otherwise, Nagle's algorithm delays each body by 40 ms.
    wbufsize = -1
    disable_nagle_algorithm = True

    def __init__(self, server: RecordedServer, *arguments: Any) -> None:
        self._recorded = server
        super().__init__(*arguments)

    def do_GET(self) -> None:
        messages = self._recorded.messages(self.path)
        if messages is not None:
            self._stream(messages)
            return
        compress = "gzip" in self.headers.get("Accept-Encoding", "")
        status, body = self._recorded.answer(self.path, compress=compress)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if compress and status == HTTPStatus.OK:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        # The job can end at any time.
        with suppress(OSError):
            self.wfile.write(body)

    def _stream(self, messages: Iterator[bytes]) -> None:
        """Send the messages as Argo CD does: with the status line only before the first message."""
        self.close_connection = True
        with suppress(OSError):
            for number, message in enumerate(messages):
                if not number:
                    self.send_response(HTTPStatus.OK)
                    self.send_header("Content-Type", "text/event-stream")
                    self.send_header("Connection", "close")
                    self.end_headers()
                self.wfile.write(message)
                self.wfile.flush()

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


@contextmanager
def serving(applications: int, resources: int = 1, *, streams: bool = False) -> Iterator[RecordedServer]:
    """Run a server with this number of applications during the ``with`` block."""
    server = RecordedServer(applications, resources, streams=streams)
    handler = cast("type[BaseHTTPRequestHandler]", partial(_Handler, server))
    with running(ThreadingHTTPServer(("127.0.0.1", 0), handler)) as server.port:
        yield server
