"""Sign in to Argo CD with the job's ID token, read a token's claims, and recognise tokens damaged by pasting.

The job uses the claims only to explain errors. Argo CD verifies the token's signature, so the job does not.
"""

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlencode

from argocd_release.argocd.connection import Connection, SignedIn
from argocd_release.core.text import as_object, counted, one_line, parse_json, parse_object
from argocd_release.messages import argocd as texts
from argocd_release.messages import settings
from argocd_release.model.errors import SignInError
from argocd_release.model.outcome import Outcome
from argocd_release.model.problem import CauseCode
from argocd_release.timing import SIGN_IN, SIGN_IN_PAUSE, Deadline, pause
from argocd_release.transport.client import Client, HttpError, Request, Response

# The issuer of Argo CD's own tokens, and the lengths of complete signatures in base64url. Argo CD signs its own tokens
# with HS256 (argo-cd v2.13.2 util/session/sessionmanager.go:158-183), whose signature has 32 bytes. An RSA signature is
# as long as its key, which has at least 2048 bits, so a shorter signature must be incomplete.
OWN_ISSUER: Final = "argocd"
_SIGNATURES: Final = {"HS256": 43, "ES256": 86}
_RSA_SIGNATURE: Final = 342
_PARTS: Final = 3
_QUOTES: Final = "\"'`"
_VARIABLE: Final = re.compile(r"\$\{?\w+\}?")
# Prefixes of GitLab's own tokens (https://docs.gitlab.com/security/tokens/#token-prefixes).
_GITLAB: Final = re.compile(r"(?:gl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|oas|soat|ffct)|GR1348941)[-_]?")


@dataclass(frozen=True, kw_only=True)
class Claims:
    """The claims of a JSON Web Token.

    Times are in seconds since 1970. A claim that the token lacks is an empty string or None.
    """

    issuer: str = ""
    subject: str = ""
    audience: tuple[str, ...] = ()
    expires_at: float | None = None

    @property
    def is_own(self) -> bool:
        """Return True if Argo CD itself has issued the token, for a local account or a project role."""
        return self.issuer == OWN_ISSUER

    @property
    def whose(self) -> str:
        """Return the token's account or project role in Argo CD, or its subject if another issuer has issued it."""
        return self.subject.partition(":")[0] if self.is_own and not self.subject.startswith("proj:") else self.subject


def read_claims(token: str) -> Claims | None:
    """Decode the claims of the token. Return None if it is not a JSON Web Token."""
    parts = token.split(".")
    claims = _decoded(parts[1]) if len(parts) == _PARTS else None
    if claims is None:
        return None
    audience = claims.get("aud")
    return Claims(
        issuer=str(claims.get("iss") or ""),
        subject=str(claims.get("sub") or ""),
        audience=tuple(map(str, audience)) if isinstance(audience, list) else (str(audience),) if audience else (),
        expires_at=_time(claims.get("exp")),
    )


def token_defect(text: str) -> str:
    """Describe why the text cannot be a complete token, without quoting it. Return "" if it looks complete."""
    stripped = text.strip()
    if stripped[:1] in _QUOTES and stripped[:1]:
        return settings.TOKEN_QUOTED.fill()
    if _VARIABLE.fullmatch(stripped):
        return settings.TOKEN_NOT_EXPANDED.fill()
    if stripped.lower().startswith("bearer "):
        return settings.TOKEN_BEARER.fill()
    if stripped.startswith("/"):
        return settings.TOKEN_PATH.fill()
    if _GITLAB.match(stripped):
        return settings.TOKEN_OF_GITLAB.fill()
    if len(stripped.split()) > 1:
        return settings.TOKEN_WHITE_SPACE.fill()
    return _damage(stripped)


def _damage(token: str) -> str:
    parts = token.split(".")
    if not token.startswith("eyJ"):
        return settings.TOKEN_NO_JWT.fill()
    if len(parts) < _PARTS:
        return settings.TOKEN_PARTS_MISSING.fill(parts=len(parts))
    header, claims = _decoded(parts[0]), _decoded(parts[1])
    if len(parts) > _PARTS or header is None or claims is None:
        return settings.TOKEN_DAMAGED.fill()
    algorithm, length = str(header.get("alg")), len(parts[2])
    is_rsa = algorithm.startswith(("RS", "PS"))
    expected = max(length, _RSA_SIGNATURE) if is_rsa else _SIGNATURES.get(algorithm, length)
    if len(parts[2]) != expected:
        missing = expected - len(parts[2])
        if missing < 0:
            return settings.TOKEN_TOO_LONG.fill()
        verb = "is" if missing == 1 else "are"
        return settings.TOKEN_CUT_OFF.fill(characters=f"{counted(missing, 'character')} {verb}")
    return ""


def _decoded(part: str) -> dict[str, Any] | None:
    try:
        document = parse_json(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except ValueError:
        return None
    return as_object(document) or None


def _time(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


BODY_LIMIT: Final = 1 << 20
#: The number of refused sign-in attempts after which the job gives up.
REFUSALS: Final = 2
_LIFETIME: Final = 300.0
# The form fields of a token exchange (RFC 8693). The job uses the client argo-cd-cli, which Argo CD registers in Dex
# for its own CLI. This client has no secret (argo-cd v2.13.2 util/dex/config.go).
_FORM: Final = {
    "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
    "client_id": "argo-cd-cli",
    "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
    "requested_token_type": "urn:ietf:params:oauth:token-type:id_token",
    "scope": "openid profile groups federated:id",
}
_OK: Final = 200


def signed_in(
    connection: Connection,
    *,
    connector: str,
    deadline: Deadline = Deadline(),  # noqa: B008 - infinite
    check: Callable[[], object] = lambda: None,
) -> SignedIn:
    """Exchange the job's ID token for a token that Dex issues, if a connector is given.

    Args:
        connection: the connection with the job's ID token.
        connector: the id of the connector in Dex. If it is empty, the connection is returned unchanged.
        deadline: the time by which the exchange must end.
        check: a callback that is called repeatedly while the main thread waits. It raises an exception to cancel the
            exchange.

    Raises:
        SignInError: Dex refused the exchange, or cannot be reached.
    """
    if not connector:
        return SignedIn(connection=connection)
    form = {**_FORM, "connector_id": connector, "subject_token": connection.auth_token}
    with Client(tls=connection.tls, deadline=deadline, check=check, proxy=connection.proxy) as client:
        answer = _post(client, connection, form)
    document = parse_object(answer.text)
    token, lifetime = document.get("access_token"), document.get("expires_in")
    if answer.status == _OK and isinstance(token, str) and token:
        seconds = float(lifetime) if isinstance(lifetime, int | float) else _LIFETIME
        return SignedIn(connection=replace(connection, auth_token=token), lifetime=seconds)
    raise _refused(answer.status, f"{document.get('error') or ''} {document.get('error_description') or ''}", connector)


def sign_in_with_retry(sign_in: Callable[[], SignedIn], deadline: Deadline, check: Callable[[], object]) -> SignedIn:
    """Sign in with Dex. Retry until the deadline if Argo CD cannot be reached, and once after a refusal.

    A single refusal can be temporary, because a proxy or Dex can refuse requests while it restarts.

    Raises:
        SignInError: Dex refused twice, or could not be reached in time.
    """
    refusals = 0
    while True:
        try:
            return sign_in()
        except SignInError as error:
            refusals += error.outcome is not Outcome.UNREACHABLE
            if refusals >= REFUSALS or deadline.left <= 0:
                raise
        pause(SIGN_IN_PAUSE, check)


def _post(client: Client, connection: Connection, form: Mapping[str, str]) -> Response:
    # ``send`` does not follow redirects. This is important here, because the form contains the job's ID token.
    request = Request(
        method="POST",
        url=f"{connection.address}/api/dex/token",
        headers={**connection.plain_headers, "Content-Type": "application/x-www-form-urlencoded"},
        body=urlencode(form).encode(),
        body_limit=BODY_LIMIT,
    )
    try:
        return client.send(request, seconds=SIGN_IN)
    except HttpError as error:
        why = one_line(str(error), limit=200)
        code = CauseCode.PROXY if error.proxy_status is not None else None
        message = texts.TOKEN_NOT_REQUESTED.fill(error=why)
        raise SignInError(message, outcome=Outcome.UNREACHABLE, code=code) from error


def _refused(status: int, reason: str, connector: str) -> SignInError:
    """Return the error for a sign-in response without a token. The cases were seen with Dex 2.41.1 behind Argo CD."""
    words = one_line(reason, limit=200)
    unreachable = Outcome.UNREACHABLE
    match status:
        case 401 if "invalid_client" in reason:
            return SignInError(texts.DEX_CLIENT_UNKNOWN)
        case 401:
            return SignInError(texts.DEX_REFUSED)
        case 400 if "connector" in reason.lower():
            return SignInError(texts.DEX_CONNECTOR_MISSING.fill(connector=one_line(connector, limit=60)))
        case 400 if "unsupported_grant_type" in reason:
            return SignInError(texts.DEX_EXCHANGE_FORBIDDEN)
        case 415:
            return SignInError(texts.DEX_MISSING)
        case 303:
            return SignInError(texts.DEX_FAILED, outcome=unreachable)
        case 502 | 503 | 504:
            return SignInError(texts.DEX_UNREACHABLE, outcome=unreachable)
        case _:
            return SignInError(texts.DEX_GAVE_NO_TOKEN.fill(status=status, text=words).rstrip())
