"""Test the sign-in with the job's own identity: Dex's answers, the retries, and the renewal of the token."""

import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import hypothesis
import pytest

from argocd_release.argocd import auth, connection
from argocd_release.argocd.api import Api
from argocd_release.argocd.auth import sign_in_with_retry
from argocd_release.argocd.connection import Connection, Credentials, SignedIn
from argocd_release.messages import Message
from argocd_release.messages import argocd as texts
from argocd_release.model.errors import Cancelled, SettingsError, SignInError
from argocd_release.model.outcome import Outcome
from argocd_release.settings import environment, load
from argocd_release.settings.environment import JobEnvironment
from argocd_release.timing import RENEWAL_PAUSE, Deadline, run_in_background
from tests.support.raw_server import RawServer
from tests.support.waiting import eventually
from tests.support.wording import is_from, pattern_of

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])
OTHER = Connection(server="argocd.example.com", auth_token="newer")


class Dex:
    """A Dex that answers each exchange with ``status`` and ``body``, and stores the forms that it received."""

    def __init__(self) -> None:
        self.status, self.body, self.delay = 200, "", 0.0
        self.forms: list[Mapping[str, list[str]]] = []
        dex = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                sent = self.rfile.read(int(self.headers["Content-Length"])).decode()
                dex.forms.append(parse_qs(sent) | {"Authorization": [self.headers.get("Authorization", "")]})
                time.sleep(dex.delay)
                self.send_response(dex.status)
                self.send_header("Location", "http://127.0.0.1:9/login")
                self.send_header("Content-Length", str(len(dex.body)))
                self.end_headers()
                self.wfile.write(dex.body.encode())

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign] # clients that went away
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        server = f"127.0.0.1:{self._server.server_port}"
        self.connection = Connection(server=server, auth_token="the-job", opts="--plaintext --header 'X-Way: in'")

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def dex() -> Iterator[Dex]:
    found = Dex()
    yield found
    found.close()


def test_the_token_itself_where_there_is_no_connector() -> None:
    assert auth.signed_in(OTHER, connector="") == SignedIn(connection=OTHER)


@pytest.mark.parametrize(("lives", "lifetime"), [(100, 100.0), (None, 300.0), ("soon", 300.0)])
def test_an_exchange(dex: Dex, lives: object, lifetime: float) -> None:
    dex.body = json.dumps({"access_token": "dex-token", "expires_in": lives})

    signed = auth.signed_in(dex.connection, connector="gitlab-ci")

    assert signed.connection.auth_token == "dex-token"
    assert signed.lifetime == lifetime
    (form,) = dex.forms
    assert form["subject_token"] == ["the-job"]
    assert form["connector_id"] == ["gitlab-ci"]
    assert form["Authorization"] == [""], "the identity is sent once, in the form"


# Answers of a real Dex 2.41.1 behind Argo CD's proxy.
REFUSED: list[tuple[int, Any, Outcome, Message | str]] = [
    (401, {"error": "access_denied"}, Outcome.DENIED, texts.DEX_REFUSED),
    (401, {"error": "invalid_client"}, Outcome.DENIED, texts.DEX_CLIENT_UNKNOWN),
    (400, {"error": "invalid_request", "error_description": "Requested connector does not exist."}, Outcome.DENIED, texts.DEX_CONNECTOR_MISSING),
    (400, {"error": "unsupported_grant_type"}, Outcome.DENIED, texts.DEX_EXCHANGE_FORBIDDEN),
    (400, {"error": "request_not_supported"}, Outcome.DENIED, texts.DEX_GAVE_NO_TOKEN),
    (415, "Invalid content type", Outcome.DENIED, texts.DEX_MISSING),
    (303, "", Outcome.UNREACHABLE, texts.DEX_FAILED),
    (502, "", Outcome.UNREACHABLE, texts.DEX_UNREACHABLE),
    (503, "", Outcome.UNREACHABLE, texts.DEX_UNREACHABLE),
    (200, "<html>", Outcome.DENIED, texts.DEX_GAVE_NO_TOKEN.text.removesuffix(" {text}")),
    (200, {"access_token": 1}, Outcome.DENIED, texts.DEX_GAVE_NO_TOKEN.text.removesuffix(" {text}")),
]  # fmt: skip


@pytest.mark.parametrize("refused", REFUSED, ids=[f"{row[0]} {row[1]}" for row in REFUSED])
def test_why_there_is_no_token(dex: Dex, refused: tuple[int, Any, Outcome, Message | str]) -> None:
    dex.status, body, outcome, entry = refused
    dex.body = body if isinstance(body, str) else json.dumps(body)

    with pytest.raises(SignInError, match=r".") as caught:
        auth.signed_in(dex.connection, connector="gitlab-ci")

    assert is_from(str(caught.value), entry)
    assert caught.value.outcome is outcome
    assert len(dex.forms) == 1, "no redirect is followed"
    assert "the-job" not in str(caught.value)


def test_nobody_to_ask() -> None:
    nobody = Connection(server="127.0.0.1:9", auth_token="the-job", opts="--plaintext")
    with pytest.raises(SignInError, match=pattern_of(texts.TOKEN_NOT_REQUESTED)) as caught:
        auth.signed_in(nobody, connector="gitlab-ci")
    assert caught.value.outcome is Outcome.UNREACHABLE


def failing(*errors: SignInError) -> Callable[[], SignedIn]:
    left = list(errors)

    def sign_in() -> SignedIn:
        if left:
            raise left.pop(0)
        return SignedIn(connection=OTHER, lifetime=100.0)

    return sign_in


UNREACHABLE = SignInError("nobody", outcome=Outcome.UNREACHABLE)


def test_an_argocd_that_cannot_be_reached_is_asked_again_within_the_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "SIGN_IN_PAUSE", 0.01)
    assert sign_in_with_retry(failing(UNREACHABLE, UNREACHABLE), Deadline(30), lambda: None).connection == OTHER
    with pytest.raises(SignInError, match="nobody"):
        sign_in_with_retry(failing(UNREACHABLE), Deadline(0), lambda: None)


def test_one_refusal_is_retried_and_a_second_is_final(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy or a restarting Dex can refuse once (H23)."""
    monkeypatch.setattr(auth, "SIGN_IN_PAUSE", 0.01)
    refused = SignInError("refused")
    assert sign_in_with_retry(failing(refused, UNREACHABLE), Deadline(30), lambda: None).connection == OTHER
    with pytest.raises(SignInError, match="refused"):
        sign_in_with_retry(failing(refused, UNREACHABLE, refused), Deadline(30), lambda: None)


def test_the_exchange_ends_at_the_deadline_and_with_a_signal(dex: Dex) -> None:
    dex.delay = 5.0
    started = time.monotonic()
    with pytest.raises(SignInError, match=pattern_of(texts.RESPONSE_INCOMPLETE)) as caught:
        auth.signed_in(dex.connection, connector="gitlab-ci", deadline=Deadline(0.3))
    assert caught.value.outcome is Outcome.UNREACHABLE

    def check() -> None:
        if time.monotonic() > started + 0.6:
            raise Cancelled(Outcome.CANCELLED)

    with pytest.raises(Cancelled):
        auth.signed_in(dex.connection, connector="gitlab-ci", check=check)
    assert time.monotonic() - started < 2


class Renewals:
    """A renewal that returns the tokens ``1``, ``2``, and so on, after it has raised each of the errors once.

    ``seconds`` is the time on its clock.
    """

    def __init__(self, *errors: SignInError, delay: float = 0.0) -> None:
        self.errors, self.delay, self.count, self.seconds = list(errors), delay, 0, 1000.0
        self.said: list[str] = []
        first = Connection(server="argocd.example.com", auth_token="0")
        self.credentials = Credentials(
            first, lifetime=100.0, renew=self, on_failure=self.said.append, now=lambda: self.seconds
        )

    def __call__(self) -> SignedIn:
        time.sleep(self.delay)
        if self.errors:
            raise self.errors.pop(0)
        self.count += 1
        return SignedIn(connection=replace(OTHER, auth_token=str(self.count)), lifetime=100.0)

    def token(self, expected: str) -> None:
        """Wait until the current token is the expected one."""
        eventually(lambda: self.credentials.current().auth_token == expected, 5)


def test_a_token_is_renewed_before_it_expires_and_nobody_waits_for_it() -> None:
    renewals = Renewals(delay=0.2)
    renewals.seconds += 79
    assert renewals.credentials.current().auth_token == "0"
    assert renewals.count == 0
    renewals.seconds += 2
    started = time.monotonic()
    assert renewals.credentials.current().auth_token == "0", "the old token serves until there is another"
    assert time.monotonic() - started < 0.1
    renewals.token("1")
    assert renewals.count == 1


def test_a_token_that_is_refused_is_renewed_once() -> None:
    renewals = Renewals()
    first = renewals.credentials.current()
    newer = renewals.credentials.newer_than(first)
    assert newer is not None
    assert newer.auth_token == "1"
    assert renewals.credentials.newer_than(first) is newer, "another request that used the first token"
    assert renewals.credentials.newer_than(newer) is None, "what is refused at once is not renewed without end"
    assert renewals.count == 1


def test_requests_that_are_refused_together_share_a_renewal() -> None:
    renewals = Renewals(delay=0.2)
    first = renewals.credentials.current()
    answers = [run_in_background(lambda: renewals.credentials.newer_than(first)) for _ in range(20)]
    newer = [answer.result(5) for answer in answers]
    assert {connection.auth_token for connection in newer if connection is not None} == {"1"}
    assert None not in newer
    assert renewals.count == 1


def test_a_token_that_cannot_be_renewed_serves_on_and_is_not_asked_for_with_each_request() -> None:
    renewals = Renewals(SignInError("no"), SignInError("no"))
    renewals.seconds += 81
    for _ in range(3):
        assert renewals.credentials.current().auth_token == "0"
        eventually(lambda: renewals.said == ["no"], 5)
    renewals.seconds += RENEWAL_PAUSE
    renewals.credentials.current()
    eventually(lambda: renewals.said == ["no", "no"], 5)
    renewals.seconds += RENEWAL_PAUSE
    renewals.token("1")


def test_a_stored_token_is_never_renewed() -> None:
    credentials = Credentials(OTHER)
    assert credentials.current() is OTHER
    assert credentials.newer_than(OTHER) is None


REQUESTS = 60


class Renewing:
    """An Argo CD that answers when all requests have arrived and the token was renewed in between.

    It accepts the last two tokens.
    """

    def __init__(self) -> None:
        self.newest, self.answered = 0, 0
        self.rounds = threading.Barrier(REQUESTS, action=self._await_renewal)
        self.seconds = 0.0
        self._server = RawServer(self._serve, backlog=200)
        self.connection = Connection(server=f"127.0.0.1:{self._server.port}", auth_token="token-0", opts="--plaintext")
        self.credentials = Credentials(self.connection, lifetime=100.0, renew=self.renew, now=lambda: self.seconds)

    def renew(self) -> SignedIn:
        self.newest += 1
        return SignedIn(connection=replace(self.connection, auth_token=f"token-{self.newest}"), lifetime=100.0)

    def close(self) -> None:
        self.rounds.abort()
        self._server.close()

    def _await_renewal(self) -> None:
        """Let the token become due while all requests wait for their answers, and wait until it is renewed."""
        self.seconds += 81.0
        expected = self.newest + 1
        eventually(lambda: self.credentials.current().auth_token == f"token-{expected}", 20)

    def _serve(self, connection: socket.socket) -> None:
        with suppress(threading.BrokenBarrierError):
            request = b""
            while part := connection.recv(65536):
                request += part
                if not request.endswith(b"\r\n\r\n"):
                    continue
                token = re.search(rb"Authorization: Bearer token-(\d+)\r\n", request)
                assert token is not None, request
                status = b"200 OK" if int(token[1]) >= self.newest - 1 else b"401 Unauthorized"
                request = b""
                self.rounds.wait(30)
                connection.sendall(b'HTTP/1.1 %b\r\nContent-Length: 13\r\n\r\n{"nodes": []}' % status)


def test_renewals_with_sixty_requests_under_way_disturb_none_of_them() -> None:
    # Renew the token a hundred times in the whole suite, and fewer times in the quick one.
    profile = hypothesis.settings.default
    assert profile is not None
    renewals = min(profile.max_examples, 100)
    server = Renewing()
    errors: list[BaseException] = []
    answers: list[int] = []

    def work() -> None:
        try:
            for _ in range(renewals):
                assert api.tree("web").nodes == ()
                answers.append(1)
        except BaseException as error:  # noqa: BLE001 - whatever it is, the test says it
            errors.append(error)
            server.rounds.abort()

    with Api(server.credentials, deadline=Deadline(120)) as api:
        workers = [threading.Thread(target=work, daemon=True) for _ in range(REQUESTS)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(120)
    server.close()
    assert errors == []
    assert server.newest == renewals
    assert len(answers) == REQUESTS * renewals


def test_an_authority_is_text_or_a_path() -> None:
    with ExitStack() as stack:
        assert connection.authority_file("/etc/ca.pem", stack) == "/etc/ca.pem"
        assert connection.authority_file("", stack) == ""
        made = Path(connection.authority_file("-----BEGIN CERTIFICATE-----\\nabc\r\n-----END CERTIFICATE-----", stack))
        assert made.read_text() == "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n"
    assert not made.exists()


def test_tokens_in_files(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("from-a-file\n")
    environ = {"ARGOCD_AUTH_TOKEN": str(file), "RELEASE_ID_TOKEN": "plain", "OTHER": str(file)}
    assert environment.with_files_read(environ) == environ | {"ARGOCD_AUTH_TOKEN": "from-a-file"}
    assert environment.with_files_read({"ARGOCD_AUTH_TOKEN": "/nowhere"}) == {"ARGOCD_AUTH_TOKEN": "/nowhere"}


@pytest.mark.parametrize("variable", ["RELEASE_DEX_CONNECTOR", "INPUT_RELEASE_DEX_CONNECTOR"])
def test_a_connector_without_an_identity_is_said(variable: str) -> None:
    environ = {"ARGOCD_SERVER": "x", "ARGOCD_APP_NAME": "web", variable: "gitlab-ci"}
    with pytest.raises(SettingsError) as caught:
        load.load(JobEnvironment(environ))
    (problem,) = caught.value.problems
    assert (problem.subject, problem.code) == ("RELEASE_DEX_CONNECTOR", "identity-missing")


def test_the_identity_wins_over_a_stored_token() -> None:
    known = load.load(JobEnvironment({
        "ARGOCD_SERVER": "x", "ARGOCD_APP_NAME": "web", "ARGOCD_AUTH_TOKEN": "a broken one", "RELEASE_ID_TOKEN": "job"
    }))  # fmt: skip
    assert known.connection.auth_token == "job"
