"""The API client over real HTTP: what it asks of an Argo CD, as recorded, and what it makes of the answers."""

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme

from argocd_release.argocd import api
from argocd_release.argocd.api import Api
from argocd_release.argocd.connection import Connection
from argocd_release.messages import argocd as texts
from argocd_release.model.errors import ArgoCDError, FailureKind
from argocd_release.model.observation import SyncWindow
from argocd_release.model.resource_tree import Node
from sandbox.local_server import running
from tests.contract.record import API, API_APPLICATION, FOLDER
from tests.support.recording import VERSIONS
from tests.support.wording import is_from

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

HOST = "127.0.0.1"


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int = 200
    body: bytes = b"{}"
    type: str = "application/json"
    #: Seconds before each half of the body.
    drip: float = 0


@dataclass(kw_only=True)
class Server:
    """Answers a request, path and query to the letter, as it was told to; what it was not told is 599."""

    answers: dict[str, Answer] = field(default_factory=dict)
    otherwise: Answer = field(default_factory=lambda: Answer(status=599))
    #: The path and the headers of each request.
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    port: int = 0

    def client(self, opts: str = "--plaintext") -> Api:
        return Api(Connection(server=f"{HOST}:{self.port}", auth_token="token", opts=opts))


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, server: Server, *arguments: Any) -> None:
        self.told = server
        super().__init__(*arguments)

    def do_GET(self) -> None:
        self.told.asked.append((self.path, dict(self.headers.items())))
        answer = self.told.answers.get(self.path, self.told.otherwise)
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        half = len(answer.body) // 2
        for part in (answer.body[:half], answer.body[half:]):
            time.sleep(answer.drip)
            self.wfile.write(part)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        del format, args


@contextmanager
def serving(server: Server, tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    http = ThreadingHTTPServer((HOST, 0), partial(_Handler, server))
    http.handle_error = lambda *_: None  # type: ignore[method-assign] # of clients that went away
    if tls is not None:
        http.socket = tls.wrap_socket(http.socket, server_side=True)
    with running(http) as server.port:
        yield server


def recorded(version: str, situation: str) -> Server:
    exchanges = json.loads((FOLDER / version / f"{API}.json").read_text("utf-8"))[situation]
    answers = {
        each["request"]: Answer(status=each["status"], body=each["body"].encode(), type=each["type"])
        for each in exchanges
    }
    return Server(answers=answers)


def pod_of(asked: Api) -> Node:
    (pod,) = [node for node in asked.tree(API_APPLICATION).nodes if node.kind == "Pod"]
    return pod


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def argocd(version: str) -> Iterator[Api]:
    """Asks an Argo CD that lets it read everything."""
    with serving(recorded(version, "allowed")) as server, server.client() as asked:
        yield asked


def test_the_tree(argocd: Api) -> None:
    tree = argocd.tree(API_APPLICATION)
    assert {"Deployment", "ReplicaSet", "Pod"} <= {node.kind for node in tree.nodes}
    (failing,) = tree.failing
    assert "CrashLoopBackOff" in tree.described(failing)
    assert str(tree.root(failing)) == "Deployment/web"


def test_the_workloads(argocd: Api) -> None:
    workloads = argocd.workloads(API_APPLICATION)
    assert workloads.ready == 0
    (failing,) = workloads.failing
    assert "CrashLoopBackOff" in str(failing)


def test_the_events(argocd: Api) -> None:
    events = argocd.events(API_APPLICATION, pod_of(argocd))
    assert "BackOff" in {event.reason for event in events}
    assert list(events) == sorted(events, key=lambda event: event.last_at)


def test_the_live_manifest(argocd: Api) -> None:
    live = argocd.live(API_APPLICATION, pod_of(argocd))
    assert live["kind"] == "Pod"
    assert live["status"]["containerStatuses"][0]["restartCount"] >= 1


@pytest.mark.parametrize("previous", [False, True])
def test_the_log(argocd: Api, previous: bool) -> None:  # noqa: FBT001
    lines = argocd.log(API_APPLICATION, pod_of(argocd), "web", previous=previous, lines=30)
    assert lines[-1].startswith("cannot connect to database at db:5432")


def test_changes_of_the_tree_are_reported_as_they_arrive() -> None:
    path = f"/api/v1/stream/applications/{API_APPLICATION}/resource-tree"
    tree = b'data: {"result":{"nodes":[{"kind":"Pod","resourceVersion":"%d","health":"%s"}]}}\n\n'
    answer = Answer(body=tree % (1, b"good") + tree % (2, b"good"), type="text/event-stream", drip=0.3)
    changed = replace(answer, body=tree % (1, b"good") + tree % (2, b"poor"))
    arrived: list[float] = []
    with serving(Server(answers={path: answer})) as server, server.client() as argocd:
        argocd.watch_tree(API_APPLICATION, lambda: arrived.append(time.monotonic()))
        assert len(arrived) == 1, "another version of the same tree is no change"
        server.answers[path] = changed
        arrived.clear()
        argocd.watch_tree(API_APPLICATION, lambda: arrived.append(time.monotonic()))
        (_, headers) = server.asked[0]
    assert headers["Accept"] == "text/event-stream", "any other answer is compressed, and held back"
    assert arrived[-1] - arrived[0] >= 0.2


def test_a_tree_that_must_not_be_watched_reports_no_change() -> None:
    with serving(Server(otherwise=Answer(status=403))) as server, server.client() as argocd:
        argocd.watch_tree(API_APPLICATION, lambda: pytest.fail("a refusal is no change"))


def test_the_sync_window(argocd: Api) -> None:
    """The recording has no answer about the project, so the time zones of the windows are unknown."""
    window = argocd.sync_window(API_APPLICATION, API_APPLICATION)
    assert window == SyncWindow(windows='deny "* * * * *" for 1h', allows_users=True)


@dataclass(frozen=True, kw_only=True)
class Refusal:
    kind: FailureKind
    says: str
    ask: Callable[[Api, Node], object]


REFUSALS = {
    "token refused": Refusal(kind=FailureKind.UNAUTHENTICATED, says="session", ask=lambda asked, _: asked.tree(API_APPLICATION)),
    "no rights": Refusal(kind=FailureKind.DENIED, says="permission denied", ask=lambda asked, _: asked.tree(API_APPLICATION)),
    "no application": Refusal(kind=FailureKind.DENIED, says="permission denied", ask=lambda asked, _: asked.tree("nobody")),
    "no node": Refusal(
        kind=FailureKind.REFUSED, says="not found as part of application", ask=lambda asked, pod: asked.live(API_APPLICATION, replace(pod, name="gone")),
    ),
}  # fmt: skip


@pytest.mark.parametrize("situation", REFUSALS)
def test_a_refusal_keeps_its_kind_and_what_argo_cd_said(version: str, situation: str) -> None:
    refusal = REFUSALS[situation]
    with serving(recorded(version, "allowed")) as server, server.client() as asked:
        pod = pod_of(asked)
    with serving(recorded(version, situation)) as server, server.client() as asked:
        error = failure(lambda: refusal.ask(asked, pod))
    assert error.kind is refusal.kind
    assert refusal.says in error.message


@pytest.mark.parametrize(
    ("situation", "gone", "container"), [("no container", False, "nobody"), ("no pod", True, "web")]
)
def test_a_log_that_is_not_there_is_empty(version: str, situation: str, gone: bool, container: str) -> None:  # noqa: FBT001
    """Argo CD answers 200 to both: with a line that has no time and says why, or with nothing."""
    with serving(recorded(version, "allowed")) as server, server.client() as asked:
        pod = pod_of(asked)
    asked_for = replace(pod, name="gone") if gone else pod
    with serving(recorded(version, situation)) as server, server.client() as asked:
        assert asked.log(API_APPLICATION, asked_for, container, previous=False, lines=30) == ()


def failure(ask: Callable[[], object]) -> ArgoCDError:
    with pytest.raises(ArgoCDError) as caught:
        ask()
    return caught.value


@pytest.mark.parametrize(
    ("answer", "kind", "says"),
    [
        (Answer(body=b"<!doctype html><html>Sign in</html>", type="text/html"), FailureKind.MALFORMED, texts.NO_JSON.fill(error="")),
        (Answer(body=b"\xff\xfe"), FailureKind.MALFORMED, texts.NO_JSON.fill(error="")),
        (Answer(body=b""), FailureKind.MALFORMED, texts.NO_JSON.fill(error="")),
        (Answer(status=404, body=b'{"code": 5, "message": "applications \\"web\\" not found"}'), FailureKind.MISSING, '"web" not found'),
        (Answer(status=401, body=b'{"code": 16, "message": "invalid session"}'), FailureKind.UNAUTHENTICATED, "invalid session"),
        (Answer(status=403, body=b'{"error": {"grpc_code": 7, "message": "permission denied"}}'), FailureKind.DENIED, "permission denied"),
        # Envoy without a route, Kong, an AWS gateway, and Kubernetes.
        (Answer(status=404, body=b""), FailureKind.UNREACHABLE, texts.FROM_PROXY.fill(message="HTTP status 404")),
        (Answer(status=403, body=b""), FailureKind.UNREACHABLE, texts.FROM_PROXY.fill(message="HTTP status 403")),
        (Answer(status=401, body=b" "), FailureKind.UNREACHABLE, texts.FROM_PROXY.fill(message="HTTP status 401")),
        (Answer(status=404, body=b'{"message":"no Route matched with those values"}'), FailureKind.UNREACHABLE, texts.FROM_PROXY.fill(message="HTTP status 404")),
        (Answer(status=403, body=b'{"message":"Forbidden"}'), FailureKind.UNREACHABLE, texts.FROM_PROXY.fill(message="HTTP status 403")),
        (Answer(status=403, body=b'{"kind":"Status","code":403}'), FailureKind.UNREACHABLE, texts.FROM_PROXY.fill(message="HTTP status 403")),
        (Answer(status=401, body=b'{"code": [16]}'), FailureKind.UNREACHABLE, texts.FROM_PROXY.fill(message="HTTP status 401")),
        (Answer(status=500, body=b'{"error": "boom", "message": "boom"}'), FailureKind.OTHER, "boom"),
        (Answer(status=502, body=b"<html>Bad Gateway</html>", type="text/html"), FailureKind.OTHER, "HTTP status 502"),
        (Answer(status=302, body=b""), FailureKind.OTHER, "HTTP status 302"),
        (Answer(status=500, body=b'{"message": "\x1b[31m' + b"x" * 5000 + b'"}'), FailureKind.OTHER, "HTTP status 500"),
    ],
)  # fmt: skip
def test_what_proxies_and_broken_servers_say(answer: Answer, kind: FailureKind, says: str) -> None:
    with serving(Server(otherwise=answer)) as server, server.client() as asked:
        error = failure(lambda: asked.tree("web"))
    assert error.kind is kind
    assert says in error.message
    assert len(error.message) <= 400
    assert error.command.startswith("GET ")


def test_nothing_listens() -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
    with Api(Connection(server=f"{HOST}:{port}", auth_token="token", opts="--plaintext")) as asked:
        assert failure(lambda: asked.tree("web")).kind is FailureKind.OTHER


def test_a_server_that_drips_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "API_CALL", 0.2)
    with serving(Server(otherwise=Answer(drip=0.15))) as server, server.client() as asked:
        assert is_from(failure(lambda: asked.tree("web")).message, texts.RESPONSE_INCOMPLETE)


def test_argo_cd_has_more_time_for_manifests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Argo CD sometimes renders the manifests before it responds."""
    monkeypatch.setattr(api, "API_CALL", 0.2)
    with (
        serving(Server(otherwise=Answer(body=b'{"manifests": ["{}"]}', drip=0.15))) as server,
        server.client() as asked,
    ):
        assert asked.manifests("web", seconds=20) == ("{}",)


def test_an_answer_without_an_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "BODY_LIMIT", 1000)
    with serving(Server(otherwise=Answer(body=b" " * 2000))) as server, server.client() as asked:
        assert is_from(failure(lambda: asked.tree("web")).message, texts.RESPONSE_TOO_LARGE)


def test_each_call_is_told_with_its_status_and_carries_what_the_options_say() -> None:
    calls: list[tuple[str, str]] = []
    opts = "--plaintext --grpc-web-root-path /argo --header 'X-Team: shop'"
    with serving(Server(otherwise=Answer(body=b'{"nodes": []}'))) as server:
        connection = Connection(server=f"{HOST}:{server.port}", auth_token="token", opts=opts)
        with Api(connection, on_call=lambda call, _, result: calls.append((call, result))) as asked:
            assert asked.tree("team/web").nodes == ()
    assert calls == [("GET /api/v1/applications/web/resource-tree", ", 200")]
    ((path, headers),) = server.asked
    assert path == "/argo/api/v1/applications/web/resource-tree?appNamespace=team"
    assert (headers["Authorization"], headers["X-Team"]) == ("Bearer token", "shop")


def test_an_application_of_another_namespace_is_asked_for_there() -> None:
    answers = {"/api/v1/applications/web/resource-tree?appNamespace=team": Answer(body=b'{"nodes": []}')}
    with serving(Server(answers=answers)) as server, server.client() as asked:
        assert asked.tree("team/web").nodes == ()


class Authority:
    """An authority that no client trusts by default, with the files that it issued."""

    def __init__(self, folder: Path) -> None:
        self._authority = trustme.CA()
        self.server = self._authority.issue_cert(HOST)
        self.certificate = folder / "ca.pem"
        self._authority.cert_pem.write_to_path(self.certificate)
        job = self._authority.issue_cert("job@example.com")
        self.client, self.client_key = folder / "client.pem", folder / "client.key"
        job.cert_chain_pems[0].write_to_path(self.client)
        job.private_key_pem.write_to_path(self.client_key)

    def context(self, *, asks_for_a_certificate: bool = False) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.server.configure_cert(context)
        if asks_for_a_certificate:
            self._authority.configure_trust(context)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.mark.parametrize(
    ("opts", "asks", "kind"),
    [
        ("", False, "CERTIFICATE_VERIFY_FAILED"),
        ("--insecure", False, ""),
        ("--insecure=false", False, "CERTIFICATE_VERIFY_FAILED"),
        ("--server-crt {ca}", False, ""),
        ("--server-crt {folder}/nothing", False, "No such file"),
        ("--server-crt {ca}", True, "."),
        ("--server-crt {ca} --client-crt {client} --client-crt-key {key}", True, ""),
        ("--server-crt {ca} --client-crt {client}", True, "."),
    ],
)
def test_tls_as_the_options_say(authority: Authority, opts: str, asks: bool, kind: str) -> None:  # noqa: FBT001
    files = {"ca": authority.certificate, "client": authority.client, "key": authority.client_key}
    opts = opts.format(folder=authority.certificate.parent, **files)
    with (
        serving(
            Server(otherwise=Answer(body=b'{"nodes": []}')), authority.context(asks_for_a_certificate=asks)
        ) as server,
        server.client(opts) as asked,
    ):
        if kind:
            error = failure(lambda: asked.tree("web"))
            assert error.kind is FailureKind.OTHER
            assert kind == "." or kind in error.message
        else:
            assert asked.tree("web").nodes == ()


@pytest.mark.parametrize(
    ("status", "refused"),
    [
        (401, True),
        (403, True),
        (404, True),
        (405, True),
        (501, True),
        (408, False),
        (429, False),
        (500, False),
        (503, False),
    ],
)
def test_only_a_refusal_says_that_the_tree_is_not_there(status: int, *, refused: bool) -> None:
    with serving(Server(otherwise=Answer(status=status))) as server, server.client() as asked:
        assert failure(lambda: asked.workloads("web")).is_refused is refused


def test_a_closed_port_refuses_and_a_lost_connection_does_not() -> None:
    with socket.socket() as closed:
        closed.bind((HOST, 0))
        with Server(port=closed.getsockname()[1]).client() as asked:
            assert failure(lambda: asked.workloads("web")).is_refused
    with socket.create_server((HOST, 0)) as listening:
        threading.Thread(target=lambda: listening.accept()[0].close(), daemon=True).start()  # noqa: PLW0108 - accept blocks
        with Server(port=listening.getsockname()[1]).client() as asked:
            assert not failure(lambda: asked.workloads("web")).is_refused


def test_a_refusal_of_one_object_does_not_hide_the_tree() -> None:
    node = {
        "group": "apps",
        "kind": "DaemonSet",
        "namespace": "web",
        "name": "agent",
        "uid": "u-1",
        "version": "v1",
        "health": {"status": "Progressing"},
    }
    tree = Answer(body=json.dumps({"nodes": [node]}).encode())
    path = "/api/v1/applications/web/resource-tree"
    with serving(Server(answers={path: tree}, otherwise=Answer(status=403))) as server, server.client() as asked:
        assert not failure(lambda: asked.workloads("web")).is_refused
