"""How a job comes by a token that Argo CD takes: its own identity as it is, or exchanged by Dex."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from argocd_release.argocd.api import verification
from argocd_release.argocd.connection import Connection
from argocd_release.core.json_shape import as_object
from argocd_release.core.text import one_line
from argocd_release.model.errors import SignInError
from argocd_release.model.outcome import Outcome

if TYPE_CHECKING:
    import httpx

SECONDS: Final = 10.0
# RFC 8693; the client is Dex's own for argocd, and has no secret (argo-cd v2.13.2 util/dex/config.go).
_FORM: Final = {
    "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
    "client_id": "argo-cd-cli",
    "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
    "requested_token_type": "urn:ietf:params:oauth:token-type:id_token",
    "scope": "openid profile groups federated:id",
}
_OK: Final = 200


@dataclass(frozen=True, kw_only=True)
class SignedIn:
    """``renew_after``: seconds after which another exchange is due; None if there is nothing to renew."""

    connection: Connection
    renew_after: float | None = None


def signed_in(connection: Connection, *, connector: str) -> SignedIn:
    """The connection with the token to use: as it is, or exchanged by Dex's connector; raises ``SignInError``."""
    if not connector:
        return SignedIn(connection=connection)
    token, lives = _exchange(connection, connector)
    return SignedIn(connection=replace(connection, auth_token=token), renew_after=lives * 0.8)


def _exchange(connection: Connection, connector: str) -> tuple[str, float]:
    answer = _post(connection, {**_FORM, "connector_id": connector, "subject_token": connection.auth_token})
    try:
        told = as_object(json.loads(answer.text))
    except (ValueError, RecursionError):
        told = {}
    token = told.get("access_token")
    if answer.status_code == _OK and isinstance(token, str) and token:
        lives = told.get("expires_in")
        return token, float(lives) if isinstance(lives, int | float) else 300.0
    raise _refused(answer.status_code, f"{told.get('error') or ''} {told.get('error_description') or ''}", connector)


def _post(connection: Connection, form: Mapping[str, str]) -> "httpx.Response":
    # Only who asks Dex needs it this early.
    import httpx  # noqa: PLC0415

    headers = {name: value for name, value in connection.headers.items() if name != "Authorization"}
    try:
        # No redirect is followed: the form holds the job's identity.
        with httpx.Client(
            base_url=connection.address, headers=headers, timeout=SECONDS, trust_env=False,
            verify=verification(connection),
        ) as client:  # fmt: skip
            return client.post("/api/dex/token", data=dict(form))
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        why = one_line(str(error) or type(error).__name__, limit=200)
        raise SignInError(f"Argo CD cannot be asked for a token: {why}", outcome=Outcome.UNREACHABLE) from error


def _refused(status: int, said: str, connector: str) -> SignInError:
    """Why there is no token, by what a real Dex 2.41.1 behind Argo CD's proxy answers."""
    words = one_line(said, limit=200)
    unreachable = Outcome.UNREACHABLE
    match status:
        case 401 if "invalid_client" in said:
            return SignInError("Dex does not know the client argo-cd-cli: is this Argo CD's own Dex?")
        case 401:
            return SignInError(
                "Dex refused the job's ID token; its log says why: the audience or the project is not allowed, the "
                "token has expired, its issuer is another, or the connector lacks userNameKey or scopes"
            )
        case 400 if "connector" in said.lower():
            return SignInError(f"Dex has no connector {one_line(connector, limit=60)}: check <RELEASE_DEX_CONNECTOR>")
        case 400 if "unsupported_grant_type" in said:
            return SignInError("Dex allows no token exchange: add its grant to oauth2.grantTypes, or leave that out")
        case 415:
            return SignInError("this Argo CD has no Dex: leave <RELEASE_DEX_CONNECTOR> out to use the ID token itself")
        case 303:
            return SignInError("Dex failed; its log says why", outcome=unreachable)
        case 502 | 503 | 504:
            return SignInError("Dex does not run, or Argo CD does not reach it", outcome=unreachable)
        case _:
            return SignInError(f"Dex gave no token: HTTP {status} {words}".rstrip())
