"""Test the doctor's checks with a server on this machine, whose answers the test decides."""

import io
import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from argocd_release.argocd import auth, probe
from argocd_release.argocd.api import Api
from argocd_release.argocd.application_json import parse_application
from argocd_release.argocd.connection import Connection
from argocd_release.argocd.probe import Answer, Handshake, Prober
from argocd_release.cli import doctor as command
from argocd_release.doctor import account, checks, hints, network, pipeline
from argocd_release.doctor.checklist import examine
from argocd_release.doctor.checks import Check, Checklist, CheckState, Seen
from argocd_release.doctor.hints import advice
from argocd_release.joblog import Style
from argocd_release.messages import argocd as network_messages
from argocd_release.messages import doctor as messages
from argocd_release.model.application import Application
from argocd_release.model.errors import Cancelled, SetupProblem
from argocd_release.model.outcome import Outcome, Verdict
from argocd_release.release.signals import Signals
from argocd_release.settings import load
from argocd_release.settings.environment import JobEnvironment
from tests.support.tokens import made

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

ROOT = Path(__file__).parents[3]
Page = tuple[int, str] | tuple[int, str, dict[str, str]]
#: Argo CD's response to a token without the necessary right.
FORBIDDEN = (403, json.dumps({"code": 7, "message": "permission denied"}))
VERSION = json.dumps({"Version": "v3.1.2+abc"})
TOKEN = made({"iss": "argocd", "sub": "ci:apiKey", "exp": 4102444800})
SETTINGS = {"ARGOCD_SERVER": "argocd.example.com", "ARGOCD_AUTH_TOKEN": TOKEN, "ARGOCD_APP_NAME": "shop"}
APPLICATION: dict[str, Any] = {
    "metadata": {"name": "shop"},
    "spec": {
        "project": "team",
        "source": {"repoURL": "https://gitlab.example.com/team/shop.git", "targetRevision": "main"},
        "syncPolicy": {"automated": {}},
    },
    "status": {"summary": {"images": ["registry.example.com/shop:1"]}},
}


class Pages:
    """A server. ``pages`` maps each path to its page, or is a page for all paths."""

    def __init__(self) -> None:
        self.pages: Mapping[str, Page] | Page = {}
        self.asked: list[str] = []
        pages = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = unquote(urlsplit(self.path).path)
                pages.asked.append(path)
                # Argo CD responds like this to a request for a missing application, too.
                missing = FORBIDDEN if path.startswith("/api/v1/applications/") else (404, "")
                page = pages.pages if isinstance(pages.pages, tuple) else pages.pages.get(path, missing)
                status, body, headers = (*page, {})[:3]
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body.encode())))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self.address = f"127.0.0.1:{self._server.server_port}"

    def connection(self, opts: str = "--plaintext --grpc-web", token: str = TOKEN) -> Connection:
        return Connection(server=self.address, auth_token=token, opts=opts)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def pages() -> Iterator[Pages]:
    found = Pages()
    yield found
    found.close()


@pytest.fixture
def prober(pages: Pages) -> Iterator[Prober]:
    with Prober(pages.connection()) as found:
        yield found


@pytest.fixture
def api(pages: Pages) -> Iterator[Api]:
    with Api(pages.connection()) as found:
        yield found


def parsed(application: dict[str, Any]) -> Application:
    return parse_application(json.dumps(application))


def codes(seen: Seen) -> list[str]:
    return [] if isinstance(seen, str) else [one.code for one in ([seen] if isinstance(seen, SetupProblem) else seen)]


def known(**environ: str) -> load.Settings:
    return load.load(JobEnvironment(SETTINGS | environ))


PAGES: dict[str, tuple[Mapping[str, Page] | Page, str]] = {
    "Argo CD": ({"/api/version": (200, VERSION)}, ""),
    "under a path": ({"/argocd/api/version": (200, VERSION)}, "path"),
    "nothing there": ((404, "<title>404 Not Found</title>"), "not-found"),
    "a refusal": ((403, "<title>403</title>", {"Server": "nginx"}), "forbidden"),
    "no Argo CD behind": ((502, ""), "gateway"),
    "GitLab": ((200, "<title>Sign in · GitLab</title>"), "gitlab"),
    "GitLab's redirect": ((302, "", {"Location": "https://git.example.com/users/sign_in"}), "gitlab"),
    "Cloudflare Access": ((403, "<title>Cloudflare Access</title>"), "login-page"),
    "a redirect to Cloudflare Access": ((302, "", {"Location": "https://x.cloudflareaccess.com/cdn-cgi/access"}), "login-page"),
    "somebody's login": ((302, "", {"Location": "https://sso.example.com/login"}), "login-page"),
    "a redirect to nowhere": ((302, "", {"Location": "https://[x/"}), "login-page"),
    "TLS is wanted": ((307, "", {"Location": "https://argocd.example.com/api/version"}), "redirects-to-tls"),
    "Kubernetes": ((401, json.dumps({"kind": "Status"})), "kubernetes"),
    "a portal": ((200, "<title>Welcome</title>"), "not-argocd"),
    "JSON that is none of Argo CD's": ((200, "[]"), "not-argocd"),
    "JSON without an end": ((200, "[" * 100_000), "not-argocd"),
}  # fmt: skip


@pytest.mark.parametrize("name", PAGES)
def test_what_answers(pages: Pages, prober: Prober, name: str) -> None:
    pages.pages, code = PAGES[name]
    assert codes(network.answers(pages.connection(), prober)) == ([code] if code else [])


def test_a_path_that_is_one_too_many(pages: Pages) -> None:
    pages.pages = {"/api/version": (200, VERSION)}
    connection = pages.connection("--plaintext --grpc-web-root-path /argo")
    with Prober(connection) as prober:
        assert codes(network.answers(connection, prober)) == ["path"]


@pytest.mark.parametrize(
    ("error", "code"),
    [("CERTIFICATE_REQUIRED", "client-certificate"), ("peer closed connection", "http-silent")],
)
def test_no_answer_over_http(pages: Pages, error: str, code: str) -> None:
    class Silent:
        def get(self, *_: object, **__: object) -> Answer:
            return Answer(error=error)

    assert codes(network.answers(pages.connection(), Silent())) == [code]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("v2.13.8", ["server-leaks-credentials"]),
        ("v2.13.9", ["server-unmaintained"]),
        ("v2.14.15", ["server-leaks-credentials"]),
        ("v2.14.16", ["server-unmaintained"]),
        ("v2.11.0", ["server-leaks-credentials"]),
        ("v2.1.0", ["server-unmaintained"]),
        ("v3.0.13", ["server-leaks-credentials"]),
        ("v3.0.14", []),
        ("v3.1.1+abc", ["server-leaks-credentials"]),
        ("v3.1.2", []),
        ("v3.2.0", []),
        ("latest", []),
    ],
)
def test_what_is_known_against_a_version(version: str, expected: list[str]) -> None:
    assert codes(network.supported(version)) == expected


@pytest.mark.parametrize(
    ("tried", "code"),
    [
        (Handshake(error="self-signed certificate", verify_code=18), "certificate-unknown"),
        (Handshake(error="unable to get local issuer", verify_code=20), "certificate-unknown"),
        (Handshake(error="certificate has expired", verify_code=10), "certificate-expired"),
        (Handshake(error="not yet valid", verify_code=9), "certificate-early"),
        (Handshake(error="Hostname mismatch", verify_code=62, names=("x",)), "certificate-name"),
        (Handshake(error="timeout"), "tls-silent"),
        (Handshake(error="WRONG_VERSION_NUMBER"), "tls-missing"),
        (Handshake(error="no such file", lacks_file=True), "options-file"),
        (Handshake(error="Connection reset by peer"), "connection-reset"),
        (Handshake(error="UNEXPECTED_EOF_WHILE_READING"), "connection-reset"),
        (Handshake(error="NO_SHARED_CIPHER"), "tls-failed"),
        (Handshake(ends="then"), ""),
    ],
)
def test_tls(monkeypatch: pytest.MonkeyPatch, tried: Handshake, code: str) -> None:
    monkeypatch.setattr(probe, "handshake", lambda *_, **__: tried)
    connection = Connection(server="argocd.example.com", auth_token="t")
    assert codes(network.encrypts(connection)) == ([code] if code else [])


def test_plaintext_and_what_nobody_checks(monkeypatch: pytest.MonkeyPatch, pages: Pages) -> None:
    assert codes(network.encrypts(pages.connection())) == []
    monkeypatch.setattr(probe, "handshake", lambda *_, **__: Handshake())
    assert codes(network.encrypts(pages.connection())) == ["tls-unwanted"]
    assert codes(network.encrypts(pages.connection("--insecure"))) == ["insecure"]


@pytest.mark.parametrize(("why", "code"), [("timeout", "port-silent"), ("refused", "port-closed"), ("", "")])  # fmt: skip
def test_the_port(monkeypatch: pytest.MonkeyPatch, pages: Pages, why: str, code: str) -> None:
    monkeypatch.setattr(probe, "connects", lambda *_: why)
    assert codes(network.connects(pages.connection())) == ([code] if code else [])


def test_a_port_whose_connections_are_reset_is_open(monkeypatch: pytest.MonkeyPatch, pages: Pages) -> None:
    """A reset can arrive while the connection is made. The doctor then reports it at the TLS handshake."""

    def reset(*_: object, **__: object) -> None:
        raise ConnectionResetError(104, "Connection reset by peer")

    monkeypatch.setattr("socket.create_connection", reset)
    connection = Connection(server=pages.address, auth_token="t")
    assert codes(network.connects(connection)) == []
    assert codes(network.encrypts(connection)) == ["connection-reset"]


def test_the_layers_below_are_looked_at(pages: Pages) -> None:
    host, port = probe.endpoint(pages.connection())
    assert probe.connects(host, port) == ""
    assert probe.addresses(host, port) == (("127.0.0.1",), "")
    assert codes(network.resolves(pages.connection())) == []
    assert probe.handshake(pages.connection()).error
    connection = Connection(server=pages.address, auth_token="t", opts="--server-crt /nowhere/ca.pem")
    assert probe.handshake(connection).lacks_file


REFUSALS = {
    "invalid session: Token is expired": "token-expired",
    "invalid session: account ci does not have token with id x": "token-revoked",
    "invalid session: account ci is disabled": "account-disabled",
    "invalid session: account 'ci' does not exist": "account-missing",
    "invalid session: account ci does not have 'apiKey' capability": "account-capability",
    "invalid session: token signature is invalid: signature is invalid": "token-foreign",
    "invalid session: project team has no role: role 'ci' not found": "role-missing",
    "invalid session: SSO is not configured": "sso-missing",
    "invalid session: token contains an invalid number of segments": "token-damaged",
    "no session information": "token-refused",
}


@pytest.mark.parametrize("said", REFUSALS)
def test_why_a_token_is_refused(pages: Pages, prober: Prober, said: str) -> None:
    pages.pages = (401, json.dumps({"message": said}))
    assert codes(account.signed_in(prober, pages.connection())) == [REFUSALS[said]]


@pytest.mark.parametrize(
    ("oidc", "code"),
    [
        ({"issuer": "https://elsewhere.example.com"}, "issuer"),
        ({"issuer": "https://gitlab.example.com", "clientID": "https://other"}, "audience"),
        ({"issuer": "https://gitlab.example.com", "clientID": "https://argocd"}, "token-unverified"),
        ({}, "token-unverified"),
    ],
)
def test_why_an_identity_is_refused(pages: Pages, oidc: dict[str, str], code: str) -> None:
    token = made({"iss": "https://gitlab.example.com", "aud": "https://argocd", "sub": "project_path:x"})
    refused = (401, json.dumps({"message": "invalid session: failed to verify the token"}))
    pages.pages = {
        "/api/v1/account/can-i/applications/get/*/*": refused,
        "/api/v1/settings": (200, json.dumps({"oidcConfig": oidc})),
    }
    with Prober(pages.connection()) as prober:
        assert codes(account.signed_in(prober, pages.connection(token=token))) == [code]


def test_who_cannot_be_asked(pages: Pages, prober: Prober) -> None:
    pages.pages = (500, "{}")
    assert codes(account.signed_in(prober, pages.connection())) == ["account-unknown"]


def listed(*names: str) -> Page:
    return 200, json.dumps({"items": [{"metadata": {"name": name}} for name in names]})


@pytest.mark.parametrize(
    ("page", "code", "fix"),
    [
        (listed("shop"), "application-missing", messages.APPLICATION_MISSPELT.fill_hint(near="shop")),
        (listed("a", "b", "c", "d", "e", "f"), "application-missing", messages.APPLICATION_MISSING.fill_hint()),
        (listed(), "rights-none", messages.RIGHTS_NONE.fill_hint()),
    ],
)
def test_an_application_that_is_not_there(pages: Pages, prober: Prober, page: Page, code: str, fix: str) -> None:
    pages.pages = {"/api/v1/applications": page}
    with Api(pages.connection()) as api:
        problem = account.application(api, prober, "shpo")
    assert isinstance(problem, SetupProblem)
    assert (problem.code, problem.fix) == (code, fix)


def test_what_a_token_may(pages: Pages, prober: Prober) -> None:
    pages.pages = (200, json.dumps({"value": "no"}))
    assert codes(account.rights(prober, "shop", "team", sync=True)) == ["rights-project", "rights-sync", "rights-logs"]
    ends = account.rights(prober, "shop", "team", sync=False, terminate=True)
    assert codes(ends) == ["rights-project", "rights-terminate", "rights-logs"]
    both = account.rights(prober, "shop", "team", sync=True, terminate=True)
    assert codes(both) == ["rights-project", "rights-sync", "rights-logs"]
    pages.pages = (200, json.dumps({"value": "yes"}))
    assert codes(account.rights(prober, "shop", "team", sync=True)) == ["rights-wide"]
    pages.pages = (404, "")
    assert codes(account.rights(prober, "shop", "team", sync=False)) == []


def spec(**changes: Any) -> dict[str, Any]:
    return APPLICATION | {"spec": APPLICATION["spec"] | changes}


SOURCE = APPLICATION["spec"]["source"]
OWN = {"CI_PROJECT_URL": "https://gitlab.example.com/team/shop"}


@pytest.mark.parametrize(
    ("application", "environ", "code"),
    [
        (APPLICATION, {}, ""),
        (APPLICATION, OWN | {"CI_COMMIT_BRANCH": "main"}, ""),
        (APPLICATION, OWN | {"CI_COMMIT_BRANCH": "feature"}, "branch"),
        (spec(source=SOURCE | {"targetRevision": "HEAD"}), OWN | {"CI_COMMIT_BRANCH": "feature"}, ""),
        (spec(sources=[SOURCE, {"repoURL": "https://x/y"}]), OWN | {"CI_COMMIT_BRANCH": "main"}, ""),
        (APPLICATION, {"CI_PROJECT_URL": "https://gitlab.example.com/team/other"}, ""),
        (
            APPLICATION,
            {"CI_PROJECT_URL": "https://gitlab.example.com/team/other", "RELEASE_REVISION": "a" * 40},
            "revision-elsewhere",
        ),
        ({"metadata": {"name": "shop"}}, OWN, ""),
    ],
)
def test_the_source(application: dict[str, Any], environ: dict[str, str], code: str) -> None:
    assert codes(
        pipeline.source(parsed(application), JobEnvironment(environ), known(**environ), known(**environ).project_url)
    ) == ([code] if code else [])


@pytest.mark.parametrize(
    ("environ", "code"),
    [
        ({}, "nothing-expected"),
        ({"RELEASE_REVISION": "a" * 40}, ""),
        ({"RELEASE_IMAGE": "1"}, ""),
        ({"RELEASE_IMAGE": "registry.example.com/shop:2"}, ""),
        ({"RELEASE_IMAGE": "registry.example.com/other:2"}, "image"),
    ],
)
def test_the_proof(environ: dict[str, str], code: str) -> None:
    assert codes(pipeline.proof(parsed(APPLICATION), known(**environ))) == ([code] if code else [])


def test_who_syncs(pages: Pages, api: Api) -> None:
    assert codes(pipeline.syncing(parsed(APPLICATION), api, known())) == []
    off = parsed(spec(syncPolicy={"automated": {"enabled": False}}))
    assert codes(pipeline.syncing(off, api, known())) == ["sync-manual"]
    window = {"activeWindows": [{"kind": "deny", "schedule": "* * * * *", "duration": "1h"}, {"kind": "allow"}]}
    pages.pages = (200, json.dumps(window))
    ill = spec(syncPolicy={}) | {
        "status": {"conditions": [{"type": "ComparisonError", "message": "no"}, {"type": "X"}]}
    }
    assert codes(pipeline.syncing(parsed(ill), api, known())) == ["sync-manual", "condition", "sync-window"]
    by_hand = parsed(spec(syncPolicy={}))
    assert codes(pipeline.syncing(by_hand, api, known(RELEASE_SYNC="true"))) == ["sync-window"]
    pages.pages = (200, "no JSON")
    assert codes(pipeline.syncing(parsed(APPLICATION), api, known(ARGOCD_APP_NAME="team/shop"))) == []


def test_time_and_reports_and_history(pages: Pages, tmp_path: Path) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    job = {"CI_JOB_TIMEOUT": "300", "CI_JOB_STARTED_AT": "2026-01-01T00:00:00Z"}
    assert codes(pipeline.time(known(), now)) == []
    assert codes(pipeline.time(known(RELEASE_TIMEOUT="600", **job), now)) == ["job-timeout"]
    assert codes(pipeline.reports(JobEnvironment({"RELEASE_JSON_PATH": str(tmp_path / "new" / "x.json")}))) == []
    assert codes(pipeline.reports(JobEnvironment({"RELEASE_JSON_PATH": "/dev/null/x.json"}))) == ["report-path"]
    revision = {"RELEASE_REVISION": "a" * 40}
    assert codes(pipeline.history(known())) == []
    assert codes(pipeline.history(known(**revision, CI_REPOSITORY_URL="git@x:y"))) == ["history-missing"]
    url = {"CI_REPOSITORY_URL": f"http://ci:secret-token@{pages.address}/shop.git"}
    assert codes(pipeline.history(known(**revision, **url))) == ["history-unreachable"]
    no_url = "https://ci:password@[gitlab.example.com/x"
    assert codes(pipeline.history(known(**revision, CI_REPOSITORY_URL=no_url))) == ["history-missing"]
    pages.pages = (200, "")
    assert codes(pipeline.history(known(**revision, **url))) == []


@pytest.mark.parametrize(
    ("change", "expected", "repaired"),
    [
        ({}, [], "argocd.example.com"),
        ({"ARGOCD_SERVER": "https://argocd.example.com/"}, ["server-scheme"], "argocd.example.com"),
        ({"ARGOCD_SERVER": "argocd.example.com/argocd"}, ["server-path"], "argocd.example.com"),
        ({"ARGOCD_SERVER": '"argocd.example.com"'}, ["server-quoted"], "argocd.example.com"),
        ({"INPUT_ARGOCD_SERVER": "https://argocd.example.com"}, ["server-scheme"], "argocd.example.com"),
        ({"ARGOCD_SERVER": "$HOST"}, ["server-not-expanded"], ""),
        ({"ARGOCD_SERVER": ""}, ["setting-missing"], ""),
        ({"ARGOCD_SERVER": "https://[x"}, ["server-scheme"], "https://[x"),
        ({"ARGOCD_AUTH_TOKEN": ""}, ["setting-missing"], "argocd.example.com"),
        ({"ARGOCD_AUTH_TOKEN": "", "RELEASE_ID_TOKEN": TOKEN}, [], "argocd.example.com"),
        ({"ARGOCD_AUTH_TOKEN": "", "CI_COMMIT_REF_PROTECTED": "false"}, ["protected-variable"], "argocd.example.com"),
        ({"ARGOCD_APP_NAME": "", "CI_COMMIT_REF_PROTECTED": "false"}, ["setting-missing"], "argocd.example.com"),
        ({"ARGOCD_AUTH_TOKEN": "", "RELEASE_DEX_CONNECTOR": "x"}, ["identity-missing"], "argocd.example.com"),
        ({"RELEASE_TIMEOUT": "10m"}, ["setting-read-as"], "argocd.example.com"),
        ({"RELEASE_TIMEOUT": "soon"}, ["setting"], "argocd.example.com"),
        ({"RELEASE_ARGOCD_CA": "/nope/ca.pem"}, ["authority-file"], "argocd.example.com"),
        ({"ARGOCD_OPTS": "--client-crt /nope/c.pem"}, ["options-file"], "argocd.example.com"),
    ],
)
def test_the_settings(change: dict[str, str], expected: list[str], repaired: str) -> None:
    environ = SETTINGS | change
    assert codes(pipeline.settings_problems(JobEnvironment(environ))) == expected
    assert all(problem.fix for problem in pipeline.settings_problems(JobEnvironment(environ)))
    fixed = pipeline.repaired(JobEnvironment(environ))
    assert fixed["ARGOCD_SERVER"] == repaired
    if "server-path" in expected:
        assert fixed["ARGOCD_OPTS"] == "--grpc-web-root-path /argocd"


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"exp": 4102444800}, ""),
        ({}, "token-endless"),
        ({"exp": 1000.0 - 3 * 86400}, "token-expired"),
        ({"exp": 1200.0}, "token-ends-early"),
        ({"exp": 1e300}, ""),
    ],
)
def test_the_token(claims: dict[str, float], code: str) -> None:
    token = made({"iss": "argocd", "sub": "ci:apiKey"} | claims)
    read = auth.read_claims(token)
    assert codes(pipeline.token_problems(token, read, timeout=300, now=1000.0)) == ([code] if code else [])
    assert codes(pipeline.token_problems("x", None, timeout=300, now=1000.0)) == ["token-damaged"]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.5, "0 s"), (59, "59 s"), (61, "1 min"), (7200, "2 h"), (86400, "1 day"), (1e6, "11 days")]
)
def test_times_as_people_say_them(seconds: float, text: str) -> None:
    assert pipeline.span(seconds) == text


@pytest.mark.parametrize(
    ("variable", "opts", "ignored"),
    [
        ("HTTPS_PROXY", "--grpc-web", True),
        ("HTTP_PROXY", "--grpc-web", True),
        ("HTTP_PROXY", "--plaintext --grpc-web", False),
        ("ALL_PROXY", "", False),
        ("ALL_PROXY", "--grpc-web-root-path /x", True),
        ("https_proxy", "", True),
        ("NO_PROXY", "", False),
    ],
)
def test_proxies(variable: str, opts: str, ignored: bool) -> None:  # noqa: FBT001
    connection = Connection(server="x", auth_token="t", opts=opts)
    found = pipeline.proxies(JobEnvironment({variable: "http://proxy:3128"}), connection)
    assert codes(found) == (["proxy-ignored"] if ignored else [])


def test_the_proxy_in_the_settings_replaces_the_proxy_variables() -> None:
    connection = Connection(server="x", auth_token="t", opts="--grpc-web", proxy="http://ci:secret@proxy:3128")
    found = pipeline.proxies(JobEnvironment({"HTTPS_PROXY": "http://proxy:3128"}), connection)
    assert found == messages.PROXY_SET.fill(proxy="proxy:3128")


def test_a_release_is_warned_of_what_endangers_it(pages: Pages) -> None:
    endless = made({"iss": "argocd", "sub": "ci:apiKey"})
    connection = pages.connection("--insecure --grpc-web", endless)
    found = hints.of_settings(connection, JobEnvironment({"HTTPS_PROXY": "http://x"}), timeout=60, now=0)
    assert [problem.code for problem in found] == ["proxy-ignored", "insecure"]
    brief = pages.connection(token=made({"iss": "argocd", "sub": "ci:apiKey", "exp": 30}))
    assert [problem.code for problem in hints.of_settings(brief, JobEnvironment({}), timeout=60, now=0)] == [
        "token-ends-early"
    ]
    assert hints.of_settings(pages.connection(token="x"), JobEnvironment({}), timeout=60, now=0) == []
    pages.pages = {
        "/api/version": (200, json.dumps({"Version": "v2.13.2"})),
        "/api/v1/account/can-i/applications/delete/team/shop": (200, json.dumps({"value": "yes"})),
    }
    told = hints.of_server(pages.connection(), "shop", "team")
    assert [problem.code for problem in told] == ["rights-wide"]
    pages.pages = (502, "")
    assert hints.of_server(pages.connection(), "shop", "team") == []


def test_one_check_that_goes_wrong_takes_no_other_with_it() -> None:
    def broken() -> str:
        raise RuntimeError("of our own")

    ledger = Checklist()
    refused = SetupProblem(code="x", message="x", outcome=Outcome.DENIED)
    ledger.run(
        [
            Check(name="a", run=broken),
            Check(name="b", run=lambda: refused),
            Check(name="c", run=lambda: "fine", needs=("b",)),
            Check(name="d", run=lambda: "fine", needs=("c",)),
            Check(name="e", run=lambda: "fine", needs=("a",)),
        ]
    )
    states = [found.state for found in ledger.results]
    assert states == [CheckState.WARNING, CheckState.FAILED, CheckState.SKIPPED, CheckState.SKIPPED, CheckState.OK]
    assert ledger.worst is Outcome.DENIED


def argo_cd() -> Mapping[str, Page]:
    """Return the pages of an Argo CD that gives the token all rights that a release of ``shop`` needs."""
    can = "/api/v1/account/can-i"
    yes, no = (200, json.dumps({"value": "yes"})), (200, json.dumps({"value": "no"}))
    return {
        "/api/version": (200, VERSION),
        f"{can}/applications/get/*/*": no,
        f"{can}/projects/get/team": yes,
        f"{can}/logs/get/team/shop": yes,
        f"{can}/applications/delete/team/shop": no,
        f"{can}/projects/update/team": no,
        "/api/v1/session/userinfo": (200, json.dumps({"username": "ci"})),
        "/api/v1/applications/shop": (200, json.dumps(APPLICATION)),
    }


@pytest.fixture
def job(pages: Pages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Checklist]:
    """Return a function that runs the doctor in a job with these variables and with this script as argocd."""
    monkeypatch.chdir(tmp_path)

    def examined(script: str = "exit 0", **environ: str) -> Checklist:
        program = tmp_path / "argocd"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        usual = {"ARGOCD_SERVER": pages.address, "ARGOCD_OPTS": "--plaintext --grpc-web", "RELEASE_IMAGE": "1"}
        whole = {"PATH": f"{tmp_path}:/usr/bin:/bin", **SETTINGS, **usual, **environ}
        return examine(JobEnvironment(whole), ca_file="", sign_in=lambda connection, _: connection)

    return examined


def states(ledger: Checklist) -> dict[str, str]:
    return {found.check: found.code or found.state.word for found in ledger.results}


def test_a_whole_chain_that_is_well(pages: Pages, job: Callable[..., Checklist]) -> None:
    pages.pages = argo_cd()
    ledger = job()
    assert set(states(ledger).values()) == {"ok"}, ledger.results
    assert ledger.worst is None


def test_a_chain_that_breaks_goes_on_with_what_needs_it_not(pages: Pages, job: Callable[..., Checklist]) -> None:
    pages.pages = (502, "")
    found = states(job())
    assert found["http"] == "gateway"
    assert found["account"] == found["application"] == "skipped"
    assert found["reports"] == "ok"
    assert states(job(ARGOCD_SERVER=""))["Argo CD"] == "skipped"
    assert states(job(ARGOCD_APP_NAME=""))["token"] == "skipped"


@pytest.mark.parametrize(
    ("script", "opts", "code"),
    [
        ("echo 'Use flag --grpc-web in grpc calls' >&2", "--plaintext", "grpc-blocked"),
        ("exit 1", "--plaintext", "argocd-fails"),
        ("exit 0", "--plaintext", "ok"),
    ],
)
def test_argocd_itself(pages: Pages, job: Callable[..., Checklist], script: str, opts: str, code: str) -> None:
    pages.pages = argo_cd()
    assert states(job(script, ARGOCD_OPTS=opts))["argocd"] == code


def test_a_job_without_argocd(pages: Pages, job: Callable[..., Checklist]) -> None:
    pages.pages = argo_cd()
    assert states(job(PATH="/nowhere"))["argocd"] == "argocd-missing"


@pytest.mark.parametrize(
    ("outcome", "page", "said"),
    [
        (Outcome.UNREACHABLE, (502, ""), network_messages.GATEWAY.fill_hint()),
        (Outcome.DENIED, (200, VERSION), messages.HINT_OF_VERDICT.fill(hint="look again")),
    ],
)
def test_a_failed_release_takes_its_hint_from_the_doctor(pages: Pages, outcome: Outcome, page: Page, said: str) -> None:
    pages.pages = page
    verdict = Verdict(outcome=outcome, reason="no", hint="look again")
    assert said in advice(verdict, JobEnvironment({}), pages.connection(), 300, check=lambda: None, seconds=10)
    assert advice(verdict, JobEnvironment({}), pages.connection(), 300, check=lambda: None, seconds=0).startswith(
        "look again"
    )


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_the_command(pages: Pages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    monkeypatch.chdir(tmp_path)
    pages.pages = (502, "")
    out = io.StringIO()
    environ = SETTINGS | {
        "ARGOCD_SERVER": pages.address,
        "ARGOCD_OPTS": "--plaintext --grpc-web",
        "RELEASE_DOCS_URL": "https://docs.example.com/",
    }
    with Signals() as signals:
        exit_code = command.execute(arguments, environ, out, signals)
    assert exit_code == 30
    assert TOKEN not in out.getvalue()
    if arguments:
        told = json.loads(out.getvalue())
        assert (told["trackable"], told["exit_code"]) == (False, 30)
        assert "gateway" in {check["code"] for check in told["checks"]}
    else:
        assert f"✗ http         {network_messages.GATEWAY.fill(status=502)}" in out.getvalue()
        lines = out.getvalue().splitlines()
        assert "see: https://docs.example.com/guides/network/" in out.getvalue()
        ending = messages.ENDING.fill(exit_code=30, meaning=Outcome.UNREACHABLE.meaning)
        assert lines[-2] == messages.WOULD_END.fill(ending=ending)
        assert lines[-1] == messages.NOT_READY.fill(counts="1 error")
        assert sum("not checked" in line for line in lines) == 1


@pytest.mark.parametrize("colours", [True, False])
def test_the_last_line_and_the_colours(pages: Pages, job: Callable[..., Checklist], *, colours: bool) -> None:
    pages.pages = argo_cd()
    text = checks.render_text(job(RELEASE_IMAGE=""))
    assert text.splitlines()[-1] == messages.READY_WITH_WARNINGS.fill(warnings="1 warning")
    assert checks.render_text(job()).splitlines()[-1] == messages.READY.fill()
    painted = Style(colours=colours).paint(text)
    assert ("\x1b[33m! proof" in painted) is colours
    assert ("\x1b[32mReady to track" in painted) is colours


def test_every_check_has_a_page_that_exists(pages: Pages, job: Callable[..., Checklist]) -> None:
    pages.pages = argo_cd()
    assert {found.check for found in job().results} <= set(checks.PAGES)
    for address in set(checks.PAGES.values()):
        page, _, anchor = address.partition("/#")
        text = (ROOT / "docs" / "en" / f"{page.rstrip('/')}.md").read_text("utf-8")
        headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
        anchors = {re.sub(r".*\{#(.*)\}$|[^\w -]", r"\1", heading).lower().replace(" ", "-") for heading in headings}
        assert not anchor or anchor in anchors, address


def shop(name: str, **parts: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "argocd", **parts}
    return APPLICATION | {"metadata": metadata, "status": APPLICATION["status"] | {"controllerNamespace": "argocd"}}


def group(*applications: dict[str, Any]) -> dict[str, Page]:
    """Return the pages of an Argo CD that lists these applications, and shows each of them."""
    can, yes = "/api/v1/account/can-i", (200, json.dumps({"value": "yes"}))
    listed = {"metadata": {}, "items": list(applications)}
    found = {**argo_cd(), "/api/v1/applications": (200, json.dumps(listed))}
    for one in applications:
        name = one["metadata"]["name"]
        found[f"/api/v1/applications/{name}"] = (200, json.dumps(one))
        found |= {f"{can}/logs/get/team/{name}": yes, f"{can}/applications/delete/team/{name}": (200, "{}")}
    return found


def said(ledger: Checklist, check: str) -> list[str]:
    return [found.message for found in ledger.results if found.check == check]


@pytest.mark.parametrize("choice", [{"RELEASE_SELECTOR": "team=web"}, {"RELEASE_PROJECT": "team"}])
def test_a_selector_or_a_project_alone_is_a_group(
    pages: Pages, job: Callable[..., Checklist], choice: dict[str, str]
) -> None:
    pages.pages = group(*(shop(f"shop-{number}") for number in range(3)))
    ledger = job(ARGOCD_APP_NAME="", **choice)
    assert set(states(ledger).values()) == {"ok"}, ledger.results
    assert said(ledger, "application") == [
        messages.APPLICATIONS_EXIST.fill(applications="3 applications", names="shop-0, shop-1, shop-2")
    ]
    pages.pages = group()
    assert states(job(ARGOCD_APP_NAME="", **choice))["application"] == "no-application-matches"
    pages.pages = {**group(), "/api/v1/applications": FORBIDDEN}
    assert states(job(ARGOCD_APP_NAME="", **choice))["application"] == "applications-unlisted"


def test_a_large_group_is_checked_in_part_and_the_doctor_says_how_much(
    pages: Pages, job: Callable[..., Checklist]
) -> None:
    pages.pages = group(*(shop(f"shop-{number:02}") for number in range(25)))
    ledger = job(ARGOCD_APP_NAME="", RELEASE_SELECTOR="a=b")
    names = ", ".join(f"shop-{number:02}" for number in range(10))
    assert said(ledger, "application") == [messages.APPLICATIONS_IN_PART.fill(count=25, checked=10, names=names)]
    assert sum(path.endswith("/shop-24") for path in pages.asked) == 0


def test_each_of_several_names_is_checked(pages: Pages, job: Callable[..., Checklist]) -> None:
    manual = shop("api")
    manual["spec"] = {**manual["spec"], "syncPolicy": {}}
    pages.pages = group(shop("web"), manual)
    ledger = job(ARGOCD_APP_NAME="web,api")
    assert states(ledger)["sync"] == "sync-manual"
    assert said(ledger, "sync") == [messages.OF_APPLICATIONS.fill(names="api", message=messages.SYNC_MANUAL.fill())]
    ledger = job(ARGOCD_APP_NAME="web api wbe")
    assert states(ledger)["application"] == "application-missing"
    assert said(ledger, "application") == [messages.APPLICATION_MISSPELT.fill(name="wbe")]


def test_expectations_of_a_file_are_those_of_the_release(
    pages: Pages, job: Callable[..., Checklist], tmp_path: Path
) -> None:
    pages.pages = group(shop("web"), shop("api"))
    file = tmp_path / "expectations.yml"
    file.write_text('web: {image: "shop:1"}\napi: {revision: "abcdef12"}\n', "utf-8")
    environ = {"ARGOCD_APP_NAME": "web,api", "RELEASE_IMAGE": "", "RELEASE_EXPECTATIONS": str(file)}
    assert states(job(**environ))["proof"] == "ok"
    file.write_text('web: {image: "shop:1"}\n', "utf-8")
    ledger = job(**environ)
    assert states(ledger)["proof"] == "nothing-expected"
    message = messages.NOTHING_EXPECTED.fill()
    assert said(ledger, "proof") == [messages.OF_APPLICATIONS.fill(names="api", message=message)]


@pytest.mark.parametrize(
    ("names", "patterns", "state"),
    [
        ("web", "apps:Deployment:web", "ok"),
        ("web", "apps:Deployment:web,:Service:web", "resources"),
        ("web,api", "apps:Deployment:web,apps:Deployment:api", "ok"),
        ("web,api", "apps:Deployment:web", "resources"),
        ("web", "!apps:Deployment:*", "resources"),
        ("web", "Deployment/web", ""),
    ],
)
def test_patterns_that_choose_no_resource_are_named_before_the_release(
    pages: Pages, job: Callable[..., Checklist], names: str, patterns: str, state: str
) -> None:
    applications = [shop("web"), shop("api")]
    for application in applications:
        name = application["metadata"]["name"]
        resource = {"group": "apps", "kind": "Deployment", "namespace": "web", "name": name, "status": "Synced"}
        application["status"] = {**application["status"], "resources": [resource]}
    pages.pages = group(*applications)
    ledger = job(ARGOCD_APP_NAME=names, RELEASE_RESOURCES=patterns)
    if not state:
        assert states(ledger)["settings"] == "setting"
        return
    assert states(ledger)["proof"] == state
    assert ledger.worst is None


def test_a_preview_without_a_tag_is_named(pages: Pages, job: Callable[..., Checklist]) -> None:
    pages.pages = argo_cd()
    ledger = job(ARGOCD_APP_NAME="web-{tag}", CI_COMMIT_REF_NAME="main", CI_COMMIT_SHA="a" * 40)
    assert states(ledger)["settings"] == "no-preview"
    assert ledger.worst is Outcome.NO_PREVIEW
    assert states(ledger)["http"] == "ok"


@pytest.mark.parametrize("page", [(502, ""), (500, "{}"), (200, "no JSON")])
def test_an_application_that_is_not_answered_with_is_not_missing(
    pages: Pages, job: Callable[..., Checklist], page: Page
) -> None:
    pages.pages = {**group(shop("shop")), "/api/v1/applications/shop": page}
    ledger = job()
    assert states(ledger)["application"] == "application-unanswered"
    assert ledger.worst is Outcome.UNREACHABLE
    assert messages.APPLICATION_MISSPELT.code not in {found.code for found in ledger.results}


@pytest.mark.parametrize(
    ("metadata", "shown", "state", "message"),
    [
        ({}, False, "ok", messages.NO_OWNER.fill()),
        (
            {"ownerReferences": [{"kind": "ApplicationSet", "name": "shops"}]},
            True,
            "ok",
            messages.OWNER_VISIBLE.fill(owner="ApplicationSet/argocd/shops"),
        ),
        (
            {"ownerReferences": [{"kind": "ApplicationSet", "name": "shops"}]},
            False,
            "owner-hidden",
            messages.OWNER_HIDDEN.fill(owner="ApplicationSet/argocd/shops"),
        ),
        (
            {"annotations": {"argocd.argoproj.io/tracking-id": "root:argoproj.io/Application:argocd/shop"}},
            True,
            "ok",
            messages.OWNER_VISIBLE.fill(owner="Application/root"),
        ),
        ({"labels": {"app.kubernetes.io/instance": "root"}}, False, "owner-hidden", messages.OWNER_HIDDEN.fill(owner="Application/root")),
        ({"labels": {"app.kubernetes.io/instance": "shop"}}, False, "ok", messages.NO_OWNER.fill()),
        (
            {"annotations": {"argocd.argoproj.io/tracking-id": "root:apps/Deployment:argocd/shop"}},
            False,
            "ok",
            messages.NO_OWNER.fill(),
        ),
    ],
)  # fmt: skip
def test_the_owner_of_an_application(
    pages: Pages, job: Callable[..., Checklist], metadata: dict[str, Any], message: str, *, shown: bool, state: str
) -> None:
    owning_set = (200, json.dumps({"metadata": {"name": "shops"}, "spec": GIT_GENERATOR})) if shown else FORBIDDEN
    parent = (200, json.dumps(shop("root"))) if shown else FORBIDDEN
    pages.pages = {
        **group(shop("shop", **metadata)),
        "/api/v1/applicationsets/shops": owning_set,
        "/api/v1/applications/root": parent,
    }
    ledger = job()
    assert states(ledger)["owner"] == state
    assert said(ledger, "owner") == [message]


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512", "PS256"])
@pytest.mark.parametrize(("length", "flawed"), [(341, True), (342, False), (512, False), (683, False)])
def test_an_rsa_signature_can_only_be_too_short(algorithm: str, length: int, *, flawed: bool) -> None:
    token = made({"iss": "https://gitlab.example.com"}, algorithm=algorithm, signature="s" * length)
    assert bool(auth.token_defect(token)) is flawed


@pytest.mark.parametrize(
    ("page", "address"),
    [
        ((200, '{"url": "https://argocd.example.com"}'), "https://argocd.example.com"),
        ((200, '{"url": "http://argocd.example.com/argo/"}'), "http://argocd.example.com/argo"),
        ((200, '{"url": ""}'), ""),
        ((200, "{}"), ""),
        ((200, '{"url": "javascript:alert(1)"}'), ""),
        ((200, '{"url": "https://user:secret@argocd.example.com"}'), ""),
        ((200, '{"url": "https://a b"}'), ""),
        ((200, '{"url": ["https://x"]}'), ""),
        ((200, json.dumps({"url": "https://" + "a" * 300})), ""),
        ((200, "<html>"), ""),
        ((500, "no"), ""),
        ((200, "[" * 100_000), ""),
    ],
)
def test_the_public_address_of_argo_cd(pages: Pages, page: Page, address: str) -> None:
    pages.pages = {"/api/v1/settings": page}
    assert network.public_address(pages.connection()) == address


def test_checks_that_a_signal_or_the_deadline_ends_are_no_success(pages: Pages) -> None:
    hung = Check(name="name", run=lambda: str(threading.Event().wait(20)))

    def stopped() -> None:
        if time.monotonic() > started + 0.2:
            raise Cancelled(Outcome.CANCELLED)

    started = time.monotonic()
    with pytest.raises(Cancelled):
        Checklist(check=stopped).run([hung])
    assert time.monotonic() - started < 1
    ledger = Checklist.lasting(0.2, check=lambda: None)
    ledger.run([hung, Check(name="port", run=lambda: "fine", needs=("name",))])
    assert time.monotonic() - started < 2
    assert [(found.check, found.state) for found in ledger.results] == [
        ("name", CheckState.FAILED),
        ("port", CheckState.SKIPPED),
    ]
    assert ledger.worst is Outcome.UNREACHABLE
    started = 0.0
    ended = examine(
        JobEnvironment({"ARGOCD_SERVER": pages.address}),
        ca_file="",
        sign_in=lambda connection, _: connection,
        check=stopped,
    )
    assert ended.worst is Outcome.CANCELLED
    ending = messages.ENDING.fill(exit_code=143, meaning=Outcome.CANCELLED.meaning)
    assert messages.INCOMPLETE.fill(ending=ending) in checks.render_text(ended)


def test_a_file_of_the_options_is_reported_once() -> None:
    """The TLS check cannot read the file either, and would report the problem again."""
    problem = SetupProblem(code="options-file", message="x", outcome=Outcome.SETTINGS)
    ledger = Checklist()
    ledger.run(
        [
            Check(name="settings", run=lambda: problem),
            Check(name="TLS", run=lambda: problem, repeats=("options-file",)),
            Check(name="http", run=lambda: "fine", needs=("TLS",)),
        ]
    )
    assert [result.state for result in ledger.results] == [CheckState.FAILED, CheckState.SKIPPED, CheckState.SKIPPED]


GIT_GENERATOR = {"generators": [{"git": {"repoURL": "https://git.example.com/apps.git"}}]}


@pytest.mark.parametrize(
    ("policy", "page", "state"),
    [
        ("caveat", (200, json.dumps({"metadata": {"name": "shops"}, "spec": GIT_GENERATOR})), "ok"),
        ("strict", (200, json.dumps({"metadata": {"name": "shops"}, "spec": GIT_GENERATOR})), "owner-unproven"),
        ("strict", (200, json.dumps({"metadata": {"name": "shops"}, "spec": {"generators": [{"list": {}}]}})), "ok"),
        ("strict", FORBIDDEN, "owner-hidden"),
        ("ignore", FORBIDDEN, "ok"),
    ],
)
def test_an_owner_that_proves_nothing_stops_a_strict_release(
    pages: Pages, job: Callable[..., Checklist], policy: str, page: Page, state: str
) -> None:
    owners = {"ownerReferences": [{"kind": "ApplicationSet", "name": "shops"}]}
    pages.pages = {**group(shop("shop", **owners)), "/api/v1/applicationsets/shops": page}
    ledger = job(RELEASE_OWNER=policy)
    assert states(ledger)["owner"] == state
    assert (ledger.worst is Outcome.TIMED_OUT) is (policy == "strict" and state != "ok")


@pytest.mark.parametrize(("children", "state"), [("true", "owner-hidden"), ("false", "ok")])
def test_the_application_sets_of_a_parent_must_be_seen(
    pages: Pages, job: Callable[..., Checklist], children: str, state: str
) -> None:
    parent = shop("shop")
    resource = {"group": "argoproj.io", "kind": "ApplicationSet", "namespace": "argocd", "name": "shops"}
    parent["status"] = {**parent["status"], "resources": [resource]}
    pages.pages = {**group(parent), "/api/v1/applicationsets/shops": FORBIDDEN}
    assert states(job(RELEASE_CHILDREN=children))["owner"] == state
