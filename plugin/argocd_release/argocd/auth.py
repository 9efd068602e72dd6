"""Obtain a token that Argo CD accepts: the job's ID token itself, or a token that Dex issues in exchange for it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final
from urllib.parse import urlencode

from argocd_release.argocd.connection import Connection, SignedIn
from argocd_release.core.text import as_object, one_line, parse_json
from argocd_release.messages import argocd as texts
from argocd_release.model.errors import SignInError
from argocd_release.model.outcome import Outcome
from argocd_release.timing import SIGN_IN, SIGN_IN_PAUSE, Deadline, pause
from argocd_release.transport.client import Client, HttpError, Request, Response

BODY_LIMIT: Final = 1 << 20
#: The number of refusals after which the job ends.
REFUSALS: Final = 2
_LIFETIME: Final = 300.0
# The form of a token exchange (RFC 8693). Argo CD registers the client argo-cd-cli in Dex for its own CLI, without a
# secret (argo-cd v2.13.2 util/dex/config.go).
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
    """Return the connection with the token to use. If there is a connector, exchange the ID token for a token of Dex.

    Args:
        connection: contains the job's ID token.
        connector: the id of the connector in Dex. If it is empty, the connection is returned unchanged.
        deadline: the moment at which the exchange ends.
        check: is called while the main thread waits, and raises to end the exchange.

    Raises:
        SignInError: Dex refused, or cannot be reached.
    """
    if not connector:
        return SignedIn(connection=connection)
    form = {**_FORM, "connector_id": connector, "subject_token": connection.auth_token}
    with Client(tls=connection.tls, deadline=deadline, check=check) as client:
        answer = _post(client, connection, form)
    try:
        document = as_object(parse_json(answer.text))
    except ValueError:
        document = {}
    token, lifetime = document.get("access_token"), document.get("expires_in")
    if answer.status == _OK and isinstance(token, str) and token:
        seconds = float(lifetime) if isinstance(lifetime, int | float) else _LIFETIME
        return SignedIn(connection=replace(connection, auth_token=token), lifetime=seconds)
    raise _refused(answer.status, f"{document.get('error') or ''} {document.get('error_description') or ''}", connector)


def sign_in_with_retry(sign_in: Callable[[], SignedIn], deadline: Deadline, check: Callable[[], object]) -> SignedIn:
    """Sign in. If Argo CD cannot be reached, retry until the deadline. If it refuses, retry once.

    A single refusal is not final, because a proxy or Dex can refuse a request while it restarts.

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
    # Do not follow redirects (``send`` does not), because the form contains the job's ID token.
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
        raise SignInError(texts.TOKEN_NOT_REQUESTED.fill(error=why), outcome=Outcome.UNREACHABLE) from error


def _refused(status: int, reason: str, connector: str) -> SignInError:
    """Return the error for a refused exchange. The cases were seen with Dex 2.41.1 behind Argo CD's proxy."""
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
