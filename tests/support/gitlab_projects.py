"""A fake of GitLab for bin/install: projects, their settings, and git over HTTP.

It enforces the rules of GitLab's lib/api/*.rb about rights, existing names and required attributes. Like GitLab, it
responds to unknown requests with 404.
"""

import base64
import json
import os
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx

TOKEN = "glpat-of-an-owner"
Reply = tuple[int, Any]


@dataclass(kw_only=True)
class Instance:
    """A running fake of GitLab.

    ``registry`` is the address ``HOST:PORT`` of a container registry, or empty. ``changes`` contains all requests that
    have changed something.
    """

    folder: Path
    registry: str = ""
    version: str = "17.0.0-ee"
    groups: dict[str, int] = field(default_factory=lambda: {"platform": 7, "team-a": 8})
    projects: dict[str, dict[str, Any]] = field(default_factory=dict)
    variables: dict[str, dict[str, str]] = field(default_factory=dict)
    allowed: list[int] = field(default_factory=list)
    protected: list[str] = field(default_factory=list)
    catalog: list[str] = field(default_factory=list)
    badges: list[dict[str, str]] = field(default_factory=list)
    #: The addresses of the project's sites on GitLab Pages.
    pages: list[str] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    address: str = ""

    def answer(self, method: str, path: str, body: dict[str, Any]) -> Reply:
        if method != "GET" and not (path == "/api/graphql" and body["query"].startswith("query")):
            self.changes.append(f"{method} {path}")
        if path == "/api/v4/version":
            return 200, {"version": self.version}
        if path == "/api/graphql":
            return self._graphql(body)
        if path == "/api/v4/projects" and method == "POST":
            return self._create(body)
        if found := re.fullmatch(r"/api/v4/groups/([^/]+)(/.*)?", path):
            return self._group(method, unquote(found[1]), found[2] or "", body)
        if found := re.fullmatch(r"/api/v4/projects/([^/]+)(/.*)?", path):
            return self._project(method, unquote(found[1]), found[2] or "", body)
        return 404, {"message": "404 Not Found"}

    def _graphql(self, body: dict[str, Any]) -> Reply:
        path = body["variables"]["path"]
        if body["query"].startswith("query"):
            known = {"isCatalogResource": path in self.catalog} if path in self.projects else None
            return 200, {"data": {"project": known}}
        if path not in self.projects:
            return 200, {"errors": [{"message": "The resource that you are attempting to access does not exist"}]}
        self.catalog.append(path)
        return 200, {"data": {"catalogResourcesCreate": {"errors": []}}}

    def _create(self, body: dict[str, Any]) -> Reply:
        """Create a project like lib/api/projects.rb, if the namespace exists and the path is not taken."""
        (group,) = [path for path, number in self.groups.items() if number == body.get("namespace_id")] or [""]
        if not group or not body.get("path"):
            return 400, {"message": {"namespace": ["is not valid"]}}
        path = f"{group}/{body['path']}"
        if path in self.projects:
            return 400, {"message": {"path": ["has already been taken"]}}
        subprocess.run(["git", "init", "--quiet", "--bare", str(self.folder / f"{path}.git")], check=True)
        made = {"id": 100 + len(self.projects), "path_with_namespace": path, "description": body.get("description")}
        made["topics"] = body.get("topics", [])
        if self.registry:
            made["container_registry_image_prefix"] = f"{self.registry}/{path}"
        self.projects[path] = made | {"visibility": body["visibility"]}
        return 201, self.projects[path]

    def _group(self, method: str, path: str, rest: str, body: dict[str, Any]) -> Reply:
        if path not in self.groups:
            return 404, {"message": "404 Group Not Found"}
        if not rest:
            return 200, {"id": self.groups[path], "full_path": path}
        own = self.variables.setdefault(path, {})
        key = rest.removeprefix("/variables").removeprefix("/")
        if method == "POST":
            if body["key"] in own:
                return 400, {"message": {"key": ["(" + body["key"] + ") has already been taken"]}}
            own[body["key"]] = body["value"]
            return 201, body
        if key not in own:
            return 404, {"message": "404 GroupVariable Not Found"}
        if method == "PUT":
            own[key] = body["value"]
        return 200, {"key": key, "value": own[key]}

    def _project(self, method: str, path: str, rest: str, body: dict[str, Any]) -> Reply:
        if path not in self.projects:
            return 404, {"message": "404 Project Not Found"}
        known = self.projects[path]
        if not rest:
            if method == "PUT":
                known.update(body)
            return 200, known
        parts: dict[str, Callable[[], Reply]] = {
            "/job_token_scope/groups_allowlist": lambda: self._allow(method, body),
            "/protected_tags": lambda: self._protect(method, body),
            "/badges": lambda: self._badges(method, body),
            "/pages": lambda: (200, {"url": "https://pages.example.com/", "deployments": self.pages}),
            "/registry/repositories": lambda: (200, [{"id": 1, "path": path}] if self.tags(path) else []),
        }
        if rest in parts:
            return parts[rest]()
        if found := re.fullmatch(r"/registry/repositories/1/tags/(.+)", rest):
            return (200, {"name": found[1]}) if found[1] in self.tags(path) else (404, {"message": "404 Tag Not Found"})
        return 404, {"error": "404 Not Found"}

    def _allow(self, method: str, body: dict[str, Any]) -> Reply:
        if method == "GET":
            return 200, [{"id": number} for number in self.allowed]
        if body["target_group_id"] in self.allowed:
            return 400, {"message": "400 Bad request - Target group is already in the job token scope"}
        self.allowed.append(body["target_group_id"])
        return 201, {"source_project_id": 100, "target_group_id": body["target_group_id"]}

    def _protect(self, method: str, body: dict[str, Any]) -> Reply:
        if method == "GET":
            return 200, [{"name": name} for name in self.protected]
        if body["name"] in self.protected:
            return 409, {"message": f"Protected tag '{body['name']}' already exists"}
        self.protected.append(body["name"])
        return 201, body

    def _badges(self, method: str, body: dict[str, Any]) -> Reply:
        """List or add badges like lib/api/badges.rb. GitLab allows two badges of the same name."""
        if method == "GET":
            return 200, self.badges
        if not all(body.get(key, "").startswith("http") for key in ("link_url", "image_url")):
            return 400, {"message": {"link_url": ["is blocked"]}}
        self.badges.append(body)
        return 201, body

    def tags(self, path: str) -> list[str]:
        """Return the tags of the image in the registry."""
        if not self.registry:
            return []
        answer = httpx.get(f"http://{self.registry}/v2/{path}/tags/list", timeout=10)
        return list(answer.json()["tags"] or []) if answer.is_success else []


@contextmanager
def playing(instance: Instance) -> Iterator[Instance]:
    """Run the fake until the context ends."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, instance)) as http:
        instance.address = f"http://127.0.0.1:{http.server_port}"
        threading.Thread(target=http.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield instance
        finally:
            http.shutdown()


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, instance: Instance, *arguments: Any) -> None:
        self.instance = instance
        super().__init__(*arguments)

    def do_GET(self) -> None:
        sent = self._sent()
        if ".git/" in self.path:
            self._git(sent)
        elif self.headers.get("PRIVATE-TOKEN") != TOKEN:
            self._reply(401, {"message": "401 Unauthorized"})
        else:
            self._reply(*self.instance.answer(self.command, self.path, json.loads(sent or b"{}")))

    do_POST = do_PUT = do_GET  # noqa: N815 - http.server's names

    def _sent(self) -> bytes:
        """Read the body of the request. git sends large bodies in chunks."""
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _git(self, sent: bytes) -> None:
        """Handle git over HTTP. The password must be the token, with any user name."""
        encoded = self.headers.get("Authorization", "").removeprefix("Basic ")
        if base64.b64decode(encoded).decode().partition(":")[2] != TOKEN:
            self._send(401, {"WWW-Authenticate": 'Basic realm="GitLab"'}, b"")
            return
        path, _, query = self.path.partition("?")
        if self.command == "POST" and path.endswith("git-receive-pack"):
            self.instance.changes.append("git push")
        environ = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.instance.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_COUNT": "2",
            "GIT_CONFIG_KEY_0": "http.receivepack",
            "GIT_CONFIG_VALUE_0": "true",
            "GIT_CONFIG_KEY_1": "safe.directory",
            "GIT_CONFIG_VALUE_1": "*",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type") or "",
            "CONTENT_LENGTH": str(len(sent)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding") or "",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol") or "",
        }
        done = subprocess.run(["git", "http-backend"], env=environ, input=sent, capture_output=True, check=True)
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().splitlines())
        self._send(int(fields.pop("Status", "200").split()[0]), fields, body)

    def _reply(self, status: int, body: Any) -> None:
        self._send(status, {"Content-Type": "application/json"}, json.dumps(body).encode())

    def _send(self, status: int, fields: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in (fields | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass
