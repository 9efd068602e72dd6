"""Signing in by the job's own identity: what Dex answers, what is asked again, and what a session does with it."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from argocd_release.argocd import auth, authority
from argocd_release.argocd.application_json import parse_application
from argocd_release.argocd.auth import SignedIn
from argocd_release.argocd.connection import Connection
from argocd_release.model.application import Application
from argocd_release.model.errors import ArgoCDError, FailureKind, SettingsError, SignInError
from argocd_release.model.outcome import Outcome
from argocd_release.release import session
from argocd_release.release.session import REST_SECONDS, Session, asked, patient
from argocd_release.settings import load, token_files
from tests.unit.states import document

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])
DELIVERED = parse_application(json.dumps(document()))
OTHER = Connection(server="argocd.example.com", auth_token="newer")


class Dex:
    """Answers each exchange with the status and the body; keeps the forms."""

    def __init__(self) -> None:
        self.status, self.body = 200, ""
        self.forms: list[Mapping[str, list[str]]] = []
        dex = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                sent = self.rfile.read(int(self.headers["Content-Length"])).decode()
                dex.forms.append(parse_qs(sent) | {"Authorization": [self.headers.get("Authorization", "")]})
                self.send_response(dex.status)
                self.send_header("Location", "http://127.0.0.1:9/login")
                self.send_header("Content-Length", str(len(dex.body)))
                self.end_headers()
                self.wfile.write(dex.body.encode())

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
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


@pytest.mark.parametrize(("lives", "renew"), [(100, 80.0), (None, 240.0), ("soon", 240.0)])
def test_an_exchange(dex: Dex, lives: object, renew: float) -> None:
    dex.body = json.dumps({"access_token": "dex-token", "expires_in": lives})

    signed = auth.signed_in(dex.connection, connector="gitlab-ci")

    assert signed.connection.auth_token == "dex-token"
    assert signed.renew_after == renew
    (form,) = dex.forms
    assert form["subject_token"] == ["the-job"]
    assert form["connector_id"] == ["gitlab-ci"]
    assert form["Authorization"] == [""], "the identity is sent once, in the form"


# As a real Dex 2.41.1 behind Argo CD's proxy was seen to answer.
REFUSED: list[tuple[int, Any, Outcome, str]] = [
    (401, {"error": "access_denied"}, Outcome.DENIED, "Dex refused the job's ID token"),
    (401, {"error": "invalid_client"}, Outcome.DENIED, "does not know the client argo-cd-cli"),
    (400, {"error": "invalid_request", "error_description": "Requested connector does not exist."}, Outcome.DENIED, "no connector gitlab-ci"),
    (400, {"error": "unsupported_grant_type"}, Outcome.DENIED, "allows no token exchange"),
    (400, {"error": "request_not_supported"}, Outcome.DENIED, "HTTP 400 request_not_supported"),
    (415, "Invalid content type", Outcome.DENIED, "has no Dex"),
    (303, "", Outcome.UNREACHABLE, "Dex failed"),
    (502, "", Outcome.UNREACHABLE, "Dex does not run"),
    (503, "", Outcome.UNREACHABLE, "Dex does not run"),
    (200, "<html>", Outcome.DENIED, "HTTP 200"),
    (200, {"access_token": 1}, Outcome.DENIED, "HTTP 200"),
]  # fmt: skip


@pytest.mark.parametrize("refused", REFUSED, ids=[f"{row[0]} {row[3]}" for row in REFUSED])
def test_why_there_is_no_token(dex: Dex, refused: tuple[int, Any, Outcome, str]) -> None:
    dex.status, body, outcome, said = refused
    dex.body = body if isinstance(body, str) else json.dumps(body)

    with pytest.raises(SignInError, match=said) as caught:
        auth.signed_in(dex.connection, connector="gitlab-ci")

    assert caught.value.outcome is outcome
    assert len(dex.forms) == 1, "no redirect is followed"
    assert "the-job" not in str(caught.value)


def test_nobody_to_ask() -> None:
    nobody = Connection(server="127.0.0.1:9", auth_token="the-job", opts="--plaintext")
    with pytest.raises(SignInError, match="cannot be asked for a token") as caught:
        auth.signed_in(nobody, connector="gitlab-ci")
    assert caught.value.outcome is Outcome.UNREACHABLE


def failing(*errors: SignInError) -> Callable[[], SignedIn]:
    left = list(errors)

    def sign_in() -> SignedIn:
        if left:
            raise left.pop(0)
        return SignedIn(connection=OTHER, renew_after=80.0)

    return sign_in


UNREACHABLE = SignInError("nobody", outcome=Outcome.UNREACHABLE)


def test_who_does_not_answer_is_asked_again_within_the_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_AGAIN_SECONDS", 0.01)
    assert patient(failing(UNREACHABLE, UNREACHABLE), 30, lambda: None).connection == OTHER
    with pytest.raises(SignInError, match="nobody"):
        patient(failing(UNREACHABLE), 0, lambda: None)
    with pytest.raises(SignInError, match="refused"):
        patient(failing(SignInError("refused")), 30, lambda: None)


def test_an_exchange_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "SECONDS", 0.05)
    never = threading.Event()
    with pytest.raises(SignInError, match="no token in time"):
        asked(lambda: never.wait(30), lambda: None)
    never.set()


def error(trouble: FailureKind) -> ArgoCDError:
    return ArgoCDError(trouble=trouble, command="argocd app get web", exit_code=20, message="x")


class FakeClock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    def pause(self, seconds: float) -> None:
        self.seconds += seconds

    def wake(self) -> None:
        pass


class FakeFeed:
    ended = False

    def stop(self, *, grace: float = 0.0) -> None:
        del grace


class FakeCommands:
    """Answers with the given states and errors in turn; the last one is repeated."""

    def __init__(self, answers: tuple[Application | ArgoCDError, ...]) -> None:
        self.answers = list(answers)

    def hard_refresh(self, name: str, /, *, seconds: float) -> Application:
        return self.get(name, seconds=seconds, refresh=True)

    def get(self, name: str, *, seconds: float, refresh: bool = False, echo: bool = False) -> Application:
        del name, seconds, refresh, echo
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, ArgoCDError):
            raise answer
        return answer

    def list(
        self, *, seconds: float, selector: str = "", project: str = "", echo: bool = False
    ) -> tuple[Application, ...]:
        del selector, project
        return (self.get("", seconds=seconds, echo=echo),)

    def sync(self, name: str, *, seconds: float) -> None:
        pass

    def wait(self, name: str, *, seconds: float, wait_for: tuple[str, ...], on_line: Callable[[str], None]) -> FakeFeed:
        del name, seconds, wait_for, on_line
        return FakeFeed()


class Reader:
    def __init__(self) -> None:
        self.tokens: list[str] = []

    def use(self, connection: Connection) -> None:
        self.tokens.append(connection.auth_token)


def a_session(
    *answers: Application | ArgoCDError, sign_in: Callable[[], SignedIn]
) -> tuple[Session, FakeClock, Reader, list[str]]:
    clock, reader, events = FakeClock(), Reader(), list[str]()
    commands = FakeCommands(answers)
    made = Session(
        commands,
        sign_in=sign_in,
        renew_after=80.0,
        readers=(reader,),
        clock=clock,
        emit=lambda event: events.append(event.NAME),
    )
    return made, clock, reader, events


def test_a_token_is_renewed_before_it_ends() -> None:
    made, clock, reader, _ = a_session(DELIVERED, sign_in=failing())
    made.get("web", seconds=5)
    assert reader.tokens == []
    clock.seconds += 81
    made.list(seconds=5)
    made.get("web", seconds=5)
    assert reader.tokens == ["newer"]


def test_a_token_that_is_refused_is_renewed_once() -> None:
    refused = error(FailureKind.UNAUTHENTICATED)
    made, _, reader, _ = a_session(refused, DELIVERED, sign_in=failing())
    assert made.get("web", seconds=5) is DELIVERED
    assert reader.tokens == ["newer"]
    made, _, reader, _ = a_session(refused, sign_in=failing())
    with pytest.raises(ArgoCDError):
        made.get("web", seconds=5)
    assert reader.tokens == ["newer"]


def test_other_failures_renew_nothing() -> None:
    made, _, reader, _ = a_session(error(FailureKind.UNREACHABLE), sign_in=failing())
    with pytest.raises(ArgoCDError):
        made.get("web", seconds=5)
    made.sync("web", seconds=5)
    made.wait("web", seconds=5, wait_for=("sync",), on_line=lambda _: None).stop()
    assert reader.tokens == []


def test_where_it_cannot_be_renewed_the_old_one_serves_on() -> None:
    made, clock, reader, events = a_session(DELIVERED, sign_in=failing(SignInError("no"), SignInError("no")))
    clock.seconds += 81
    assert made.get("web", seconds=5) is DELIVERED
    assert made.get("web", seconds=5) is DELIVERED
    assert events == ["not signed in anew"], "it is not asked with each look"
    clock.seconds += REST_SECONDS
    made.get("web", seconds=5)
    assert events == ["not signed in anew"] * 2
    assert reader.tokens == []


def test_an_authority_is_text_or_a_path() -> None:
    with ExitStack() as stack:
        assert authority.file("/etc/ca.pem", stack) == "/etc/ca.pem"
        assert authority.file("", stack) == ""
        made = Path(authority.file("-----BEGIN CERTIFICATE-----\\nabc\r\n-----END CERTIFICATE-----", stack))
        assert made.read_text() == "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n"
    assert not made.exists()


def test_tokens_in_files(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("from-a-file\n")
    environ = {"ARGOCD_AUTH_TOKEN": str(file), "RELEASE_ID_TOKEN": "plain", "OTHER": str(file)}
    assert token_files.with_files_read(environ) == environ | {"ARGOCD_AUTH_TOKEN": "from-a-file"}
    assert token_files.with_files_read({"ARGOCD_AUTH_TOKEN": "/nowhere"}) == {"ARGOCD_AUTH_TOKEN": "/nowhere"}


@pytest.mark.parametrize(
    ("variable", "named"),
    [("RELEASE_DEX_CONNECTOR", "RELEASE_DEX_CONNECTOR"), ("INPUT_RELEASE_DEX_CONNECTOR", "input dex_connector")],
)
def test_a_connector_without_an_identity_is_said(variable: str, named: str) -> None:
    environ = {"ARGOCD_SERVER": "x", "ARGOCD_APP_NAME": "web", variable: "gitlab-ci"}
    with pytest.raises(
        SettingsError, match=f"{named} is set, but there is no <RELEASE_ID_TOKEN> to exchange"
    ) as caught:
        load.load(environ)
    assert len(caught.value.problems) == 1, "that a stored token is missing would lead astray"


def test_the_identity_wins_over_a_stored_token() -> None:
    known = load.load({
        "ARGOCD_SERVER": "x", "ARGOCD_APP_NAME": "web", "ARGOCD_AUTH_TOKEN": "a broken one", "RELEASE_ID_TOKEN": "job"
    })  # fmt: skip
    assert known.connection.auth_token == "job"
