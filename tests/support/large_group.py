"""A fake of Argo CD's HTTP API for a group of many large applications, which is too large for a sandbox."""

import json
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self

from tests.unit.states import document

#: One of this many resources waits for its pods, and all others are healthy.
_WAITING: Final = 100
_SILENT_SECONDS: Final = 600.0


class LargeGroup:
    """A server with applications that never become healthy. Use it as a context manager.

    It never responds to requests for Argo CD's settings, which contain its public URL.

    Args:
        applications: the number of applications.
        resources: the number of resources of each application.
    """

    def __init__(self, applications: int, resources: int) -> None:
        self._resources = resources
        names = [f"app-{position:04}" for position in range(applications)]
        self._list = json.dumps({"metadata": {}, "items": list(map(self._application, names))}).encode()
        #: The number of lists that the job has read completely.
        self.lists = 0
        #: The names of the applications for which the job has requested a comparison.
        self.compared: set[str] = set()
        group = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                group._respond(self)

            def log_message(self, *_: object) -> None:
                """Log nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address: str = f"localhost:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _respond(self, handler: BaseHTTPRequestHandler) -> None:
        path = handler.path.partition("?")[0]
        if path.endswith("/settings"):
            time.sleep(_SILENT_SECONDS)
        status, body = self._answer(path)
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        try:
            handler.wfile.write(body)
        except OSError:
            # The job has ended.
            return
        self.lists += body is self._list

    def _answer(self, path: str) -> tuple[int, bytes]:
        if path == "/api/v1/applications":
            return 200, self._list
        if path.endswith("/resource-tree"):
            return 200, b'{"nodes": []}'
        head, _, name = path.rpartition("/")
        if head == "/api/v1/applications":
            self.compared.add(name)
            return 200, json.dumps(self._application(name)).encode()
        return (200, b'{"Version": "v3.1.2"}') if path.endswith("/version") else (404, b"{}")

    def _application(self, name: str) -> dict[str, Any]:
        resources = range(self._resources)
        made = document(
            health="Progressing",
            reconciledAt=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            resources=[_resource(name, position) for position in resources],
            results=[_result(name, position) for position in resources],
        )
        made["metadata"] |= {"name": name, "uid": f"u-{name}", "resourceVersion": "1"}
        return made


def _resource(application: str, position: int) -> dict[str, Any]:
    waits = position % _WAITING == 0
    health = {"status": "Progressing", "message": "0 of 1 updated replicas"} if waits else {"status": "Healthy"}
    return _named(application, position) | {"status": "Synced", "health": health}


def _result(application: str, position: int) -> dict[str, Any]:
    named = _named(application, position)
    message = f"deployment.apps/{named['name']} configured"
    return named | {"status": "Synced", "message": message, "hookPhase": "Running", "syncPhase": "Sync"}


def _named(application: str, position: int) -> dict[str, Any]:
    name = f"{application}-part-{position:04}"
    return {"group": "apps", "version": "v1", "kind": "Deployment", "namespace": application, "name": name}
