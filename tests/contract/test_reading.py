"""Polls cost little on a server with 2,000 applications, which a stand-in plays by recorded answers over real HTTP."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Never, cast

import pytest

from argocd_release.argocd.api import Api
from argocd_release.argocd.connection import Connection
from argocd_release.argocd.http_first import HttpFirstCommands
from argocd_release.model.errors import ArgoCDError, FailureKind
from argocd_release.model.outcome import Outcome
from argocd_release.model.ports import Commands, Lists
from argocd_release.release.group import GroupWait
from argocd_release.release.policy import FEW_NAMES, Policy, targets_of
from argocd_release.settings import load
from argocd_release.settings.environment import JobEnvironment
from argocd_release.settings.expectations_file import Expected
from argocd_release.watch.clock import MonotonicClock
from tests.support.replay import CASES

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

APPLICATIONS = 2000
SECONDS = 2
MOST_BYTES_PER_POLL = 100_000
(ANSWER,) = (CASES / "timed-out" / "argocd").glob("app-get-*---refresh--o-json---logformat-json/1.out")
APPLICATION = json.loads(ANSWER.read_text("utf-8"))


def application(name: str) -> dict[str, Any]:
    made: dict[str, Any] = APPLICATION | {"metadata": APPLICATION["metadata"] | {"name": name, "uid": name}}
    return made


class Server:
    """Counts the requests, and the bytes of its answers, by what was requested."""

    def __init__(self) -> None:
        items = [application(f"web-{number}") for number in range(APPLICATIONS)]
        # As Argo CD writes it: without white space.
        self.list = json.dumps({"metadata": {}, "items": items}, separators=(",", ":")).encode()
        self.requests: Counter[str] = Counter()
        self.bytes = 0
        self.port = 0

    def answer(self, path: str) -> bytes:
        resource, _, query = path.removeprefix("/api/v1/applications").partition("?")
        name, _, part = resource.removeprefix("/").partition("/")
        kind = part or ("list" if not name else "comparison" if "refresh" in query else "read")
        body = {"list": self.list, "resource-tree": json.dumps({"nodes": []}).encode()}.get(kind)
        body = json.dumps(application(name)).encode() if body is None else body
        self.requests[kind] += 1
        self.bytes += len(body)
        return body

    @property
    def connection(self) -> Connection:
        return Connection(server=f"127.0.0.1:{self.port}", auth_token="token", opts="--plaintext")


class Handler(BaseHTTPRequestHandler):
    def __init__(self, server: Server, *arguments: Any) -> None:
        self.stand_in = server
        super().__init__(*arguments)

    def do_GET(self) -> None:
        body = self.stand_in.answer(self.path)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class NoCommandLine:
    """A command line that reaches nothing: all is read over HTTP."""

    def _fail(self, *_: object, **__: object) -> Never:
        raise ArgoCDError(kind=FailureKind.UNREACHABLE, command="argocd", exit_code=20, message="no gRPC")

    get = list = sync = wait = _fail


@contextmanager
def serving() -> Iterator[Server]:
    server = Server()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, server)) as http:
        http.daemon_threads = True
        server.port = http.server_port
        threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield server
        finally:
            http.shutdown()


def waited(server: Server, names: int) -> None:
    """Wait for so many applications until the timeout."""
    given = {"ARGOCD_APP_NAME": " ".join(f"web-{number}" for number in range(names)), "ARGOCD_AUTH_TOKEN": "t" * 20}
    settings = load.load(JobEnvironment(given | {"ARGOCD_SERVER": "argocd.example.com"}))
    policy = Policy(
        settings=settings, expected=Expected(rules={}), timeout=SECONDS, started=time.monotonic(), check=lambda: None
    )
    argocd = NoCommandLine()
    with Api(server.connection) as api:
        commands = HttpFirstCommands(cast("Commands", argocd), cast("Lists", argocd), api)
        group = GroupWait(
            targets_of(settings), policy, commands=commands, cluster=api, clock=MonotonicClock(), emit=lambda _: None
        )
        assert group.wait().outcome is Outcome.TIMED_OUT
    assert len(group.members) == names


def test_three_names_cost_three_applications_per_poll_and_not_two_thousand() -> None:
    with serving() as server:
        waited(server, 3)
    polls = server.requests["read"] / 3
    assert polls >= 1
    assert "list" not in server.requests
    assert server.bytes / polls <= MOST_BYTES_PER_POLL


def test_many_names_cost_one_list_per_poll_and_no_other_reads() -> None:
    with serving() as server:
        waited(server, FEW_NAMES + 1)
    assert server.requests["list"] >= 1
    # Before the first comparison, one read finds out whether HTTP answers.
    assert server.requests["read"] <= 1
