"""Issuers of tokens for a job: a fake of GitLab that issues ID tokens, and a fake of Dex, both over HTTP.

Dex cannot be built from a package registry. The fake responds like Dex 2.41.1. It runs behind the proxy of Argo CD's
real API server, and the real Argo CD verifies its signatures.
"""

import base64
import json
import threading
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

DISCOVERY: Final = "/.well-known/openid-configuration"
# The claims about a job that GitLab puts into ID tokens (lib/gitlab/ci/jwt.rb, jwt_v2.rb).
PROJECT: Final = "platform/shop"
JOB: Final[Mapping[str, str]] = {
    "namespace_id": "7",
    "namespace_path": "platform",
    "project_id": "42",
    "project_path": PROJECT,
    "user_id": "3",
    "user_login": "jane",
    "user_email": "jane@example.com",
    "pipeline_id": "501",
    "pipeline_source": "push",
    "job_id": "9001",
    "ref": "main",
    "ref_type": "branch",
    "ref_path": "refs/heads/main",
    "ref_protected": "true",
    "runner_environment": "self-hosted",
    "project_visibility": "private",
}
_TOKEN_EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"
_ID_TOKEN: Final = "urn:ietf:params:oauth:token-type:id_token"
_ACCESS_TOKEN: Final = "urn:ietf:params:oauth:token-type:access_token"
_SECONDS: Final = 5.0
Answer = tuple[int, Any]


class Signer:
    """An issuer of JSON Web Tokens, with its own RSA key."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self._kid = uuid.uuid4().hex
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @property
    def keys(self) -> dict[str, Any]:
        """Return the public key as a JSON Web Key Set."""
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key()))
        return {"keys": [public | {"kid": self._kid, "use": "sig", "alg": "RS256"}]}

    def discovery(self, keys: str, token: str) -> dict[str, Any]:
        """Return the discovery document of OpenID Connect. ``keys`` and ``token`` are the paths of its endpoints."""
        return {
            "issuer": self.issuer,
            "jwks_uri": self.issuer + keys,
            "authorization_endpoint": self.issuer + "/auth",
            "token_endpoint": self.issuer + token,
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "claims_supported": ["sub", "aud", "iss", "exp", "iat"],
        }

    def sign(self, claims: Mapping[str, Any], *, lives: float = 3600.0, age: float = 0.0) -> str:
        """Return a JWT with these claims, issued ``age`` seconds ago and valid for ``lives`` seconds.

        The claims can override the issuer ``iss`` and the times.
        """
        born = int(time.time() - age)
        times = {"iat": born, "nbf": born - 5, "exp": int(born + lives), "jti": uuid.uuid4().hex}
        whole = {"iss": self.issuer, **times, **claims}
        return jwt.encode(whole, self._key, algorithm="RS256", headers={"kid": self._kid})

    def verified(self, token: str) -> dict[str, Any]:
        """Verify a token of this issuer, and return its claims.

        Raises:
            jwt.PyJWTError: the token is invalid.
        """
        options: Any = {"verify_aud": False}
        found: dict[str, Any] = jwt.decode(
            token, self._key.public_key(), algorithms=["RS256"], issuer=self.issuer, options=options
        )
        return found


class GitLab(Signer):
    """The issuer of GitLab's ID tokens. ``url`` is its address, which is also the claim ``iss``."""

    @property
    def url(self) -> str:
        return self.issuer

    def id_token(
        self,
        audience: str | list[str],
        claims: Mapping[str, str] | None = None,
        /,
        *,
        lives: float = 3600.0,
        age: float = 0.0,
    ) -> str:
        """Return an ID token, as the keyword ``id_tokens:`` provides it. ``claims`` override those of ``JOB``."""
        claims = claims or {}
        job = {**JOB, **claims}
        sub = f"project_path:{job['project_path']}:ref_type:{job['ref_type']}:ref:{job['ref']}"
        return self.sign({**job, "sub": sub, "aud": audience, **claims}, lives=lives, age=age)

    def answer(self, path: str) -> Answer:
        """Return the answer to a GET."""
        match path:
            case "/.well-known/openid-configuration":
                return HTTPStatus.OK, self.discovery("/oauth/discovery/keys", "/oauth/token")
            case "/oauth/discovery/keys":
                return HTTPStatus.OK, self.keys
            case _:
                return HTTPStatus.NOT_FOUND, {}


@contextmanager
def gitlab() -> Iterator[GitLab]:
    """Run the issuer of GitLab's ID tokens until the context ends."""
    with _serving(lambda server: partial(_Handler, server), 0) as server:
        issuer = GitLab(f"http://127.0.0.1:{server.server_port}")
        server.get = issuer.answer
        yield issuer


@dataclass(kw_only=True)
class Dex:
    """A fake of Dex with one connector that trusts a GitLab, as the guide configures it.

    Attributes:
        url: the address of Argo CD followed by ``/api/dex``.
        gitlab: the trusted issuer of ID tokens.
        audience: the audience that ID tokens must have.
        connector: the id of the connector.
        lives: the lifetime of an issued token in seconds.
        broken: if this is not 0, the fake responds to every exchange with this status.
        exchanged: the ids (``jti``) of the tokens that were exchanged.
    """

    url: str
    gitlab: GitLab
    audience: str
    connector: str = "gitlab-ci"
    lives: float = 1800.0
    broken: int = 0
    exchanged: list[str] = field(default_factory=list)
    signer: Signer = field(init=False)

    def __post_init__(self) -> None:
        self.signer = Signer(self.url)

    def answer(self, path: str) -> Answer:
        """Return the answer to a GET."""
        match path.removeprefix(urlsplit(self.url).path):
            case "/.well-known/openid-configuration":
                return HTTPStatus.OK, self.signer.discovery("/keys", "/token")
            case "/keys":
                return HTTPStatus.OK, self.signer.keys
            case _:
                return HTTPStatus.NOT_FOUND, {}

    def post(self, path: str, form: Mapping[str, str]) -> Answer:
        """Exchange a token (RFC 8693), or refuse the request with the errors of Dex 2.41.1."""
        if self.broken:
            return self.broken, {"error": "server_error"}
        if not path.endswith("/token") or form.get("grant_type") != _TOKEN_EXCHANGE:
            return HTTPStatus.BAD_REQUEST, {"error": "unsupported_grant_type"}
        if form.get("client_id") not in {"argo-cd-cli", "argo-cd-pkce"} or "client_secret" in form:
            return _refused(HTTPStatus.UNAUTHORIZED, "invalid_client", "Invalid client credentials.")
        if not form.get("subject_token"):
            return _refused(HTTPStatus.BAD_REQUEST, "invalid_request", "Missing subject_token")
        if form.get("subject_token_type") not in {_ID_TOKEN, _ACCESS_TOKEN}:
            return _refused(HTTPStatus.BAD_REQUEST, "request_not_supported", "Invalid subject_token_type.")
        if form.get("requested_token_type") not in {_ID_TOKEN, _ACCESS_TOKEN}:
            return _refused(HTTPStatus.BAD_REQUEST, "request_not_supported", "Invalid requested_token_type.")
        if form.get("connector_id") != self.connector:
            return _refused(HTTPStatus.BAD_REQUEST, "invalid_request", "Requested connector does not exist.")
        return self._exchange(form)

    def _exchange(self, form: Mapping[str, str]) -> Answer:
        denied = (HTTPStatus.UNAUTHORIZED, {"error": "access_denied"})
        try:
            claims = self.gitlab.verified(form["subject_token"])
        except jwt.PyJWTError:
            return denied
        audience = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
        # Dex itself does not check the audience. Its setting allowedGroups does, because groups contain the audience.
        if self.audience not in audience or form["subject_token_type"] != _ID_TOKEN:
            return denied
        self.exchanged.append(claims["jti"])
        scopes = form.get("scope", "").split()
        told: dict[str, Any] = {"sub": _encoded_sub(claims["sub"], self.connector), "aud": form["client_id"]}
        if "profile" in scopes:
            told["name"] = claims["sub"]
        if "groups" in scopes:
            project, ref = claims["project_path"], f"{claims['ref_type']}:{claims['ref']}"
            told["groups"] = [
                *audience,
                f"gitlab:{project}:{claims['ref_protected']}",
                f"gitlab-ref:{project}:{ref}:{claims['ref_protected']}",
            ]
        if "federated:id" in scopes:
            told["federated_claims"] = {"connector_id": self.connector, "user_id": claims["sub"]}
        return HTTPStatus.OK, {
            "access_token": self.signer.sign(told, lives=self.lives),
            "issued_token_type": form["requested_token_type"],
            "token_type": "bearer",
            "expires_in": int(self.lives) - 1,
        }


@contextmanager
def serving_dex(dex: Dex, port: int) -> Iterator[Dex]:
    """Run the fake at the port at which Argo CD's API server expects Dex."""
    with _serving(lambda server: partial(_Handler, server), port) as server:
        server.get, server.post = dex.answer, dex.post
        yield dex


def exchange(server: str, dex: Dex, token: str, /, *, opener: urllib.request.OpenerDirector, **form: str) -> str:
    """Exchange the job's ID token through Argo CD's API server, and return the token of Dex.

    Raises:
        urllib.error.HTTPError: Dex refused the exchange.
    """
    asked = {
        "grant_type": _TOKEN_EXCHANGE,
        "client_id": "argo-cd-cli",
        "connector_id": dex.connector,
        "subject_token_type": _ID_TOKEN,
        "requested_token_type": _ID_TOKEN,
        "subject_token": token,
        "scope": "openid profile groups federated:id",
    } | form
    body = urllib.parse.urlencode(asked).encode()
    with opener.open(f"https://{server}/api/dex/token", body, timeout=_SECONDS) as answer:
        found: str = json.loads(answer.read())["access_token"]
        return found


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    get: Callable[[str], Answer]
    post: Callable[[str, Mapping[str, str]], Answer]


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, server: _Server, *arguments: Any) -> None:
        self.known = server
        super().__init__(*arguments)

    def do_GET(self) -> None:
        self._send(*self.known.get(self.path))

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        self._send(*self.known.post(self.path, {name: values[0] for name, values in parse_qs(sent).items()}))

    def _send(self, status: int, answer: Any) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def _serving(handler: Callable[[_Server], Any], port: int) -> Iterator[_Server]:
    with _Server(("127.0.0.1", port), BaseHTTPRequestHandler) as server:
        server.RequestHandlerClass = handler(server)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()


def _refused(status: int, error: str, description: str) -> Answer:
    return status, {"error": error, "error_description": description}


def _encoded_sub(user: str, connector: str) -> str:
    """Return the subject of Dex's tokens: a protobuf message in base64url (dex internal/types.pb.go IDTokenSubject)."""
    parts = [bytes([tag, len(text)]) + text for tag, text in ((0x0A, user.encode()), (0x12, connector.encode()))]
    return base64.urlsafe_b64encode(b"".join(parts)).decode().rstrip("=")
