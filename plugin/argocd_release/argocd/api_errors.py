"""Classify the failed requests to Argo CD's HTTP API."""

import re
from http import HTTPStatus
from typing import Any, Final

from argocd_release.core.connectivity import is_outage
from argocd_release.core.text import as_message, as_object, one_line, parse_json, parse_object
from argocd_release.messages import argocd as texts
from argocd_release.model.errors import ArgoCDError, FailureKind
from argocd_release.transport.client import HttpError, Response

#: The kinds of refused syncs, each with a pattern of Argo CD's message.
BLOCKED: Final = (
    (FailureKind.OPERATION_IN_PROGRESS, r"another operation is already in progress"),
    (FailureKind.SYNC_WINDOW, r"blocked by sync window"),
)
#: The kinds of refused requests, by the HTTP status of Argo CD.
KINDS: Final = {401: FailureKind.UNAUTHENTICATED, 403: FailureKind.DENIED, 404: FailureKind.MISSING}
# The gRPC codes Unauthenticated, PermissionDenied and NotFound. Argo CD v2.13.2 and v3.6.1 write them into the body of
# each refusal (grpc-gateway v1.16.0 runtime/errors.go DefaultHTTPError, and runtime/handler.go for streams).
_CODES: Final = {401: 16, 403: 7, 404: 5}
# The gRPC codes Unknown, InvalidArgument and FailedPrecondition, which Argo CD writes into the body of a response.
_REFUSED_CODES: Final = frozenset({2, 3, 9})


def api_error(command: str, kind: FailureKind, message: str, *, is_refused: bool = False) -> ArgoCDError:
    """Return the error of a request. ``command`` is its method and path."""
    text = one_line(as_message(message), limit=300)
    return ArgoCDError(kind=kind, command=command, exit_code=None, message=text, is_refused=is_refused)


def parsed(text: str, what: str) -> Any:
    """Parse the JSON of a response. ``what`` names the request in the error.

    Raises:
        ArgoCDError: the text is not JSON.
    """
    try:
        return parse_json(text)
    except ValueError as error:
        raise api_error(what, FailureKind.MALFORMED, texts.NO_JSON.fill(error=error)) from error


def error_of_answer(command: str, answer: Response) -> ArgoCDError:
    """Return the error of a request to which the server has responded with an error status."""
    document = parse_object(answer.text)
    # Streaming endpoints put the message and the code into an object ``error``.
    streamed = as_object(document.get("error"))
    message = str(streamed.get("message") or document.get("message") or "")
    code = streamed.get("grpc_code") or document.get("code")
    is_refused = _is_refusal(answer.status)
    if code != _CODES.get(answer.status, code):
        # Argo CD writes the code into each refusal, so an ingress, a gateway or a proxy has sent this response.
        text = texts.FROM_PROXY.fill(message=texts.HTTP_STATUS.fill(status=answer.status))
        return api_error(command, FailureKind.UNREACHABLE, text, is_refused=is_refused)
    kind = KINDS.get(answer.status) or _kind_of_message(message, code)
    return api_error(command, kind, message or texts.HTTP_STATUS.fill(status=answer.status), is_refused=is_refused)


def error_of_request(command: str, error: HttpError) -> ArgoCDError:
    """Return the error of a request that received no complete response."""
    if error.proxy_status is not None:
        return api_error(command, FailureKind.PROXY, str(error))
    kind = FailureKind.TIMED_OUT if error.timed_out else FailureKind.OTHER
    # If the connection failed at once, the port is closed: the server does not offer the HTTP API. A retry would
    # fail, too.
    closed = not error.sent and not error.timed_out
    return api_error(command, kind, str(error), is_refused=closed)


def _kind_of_message(message: str, code: object) -> FailureKind:
    for kind, pattern in BLOCKED:
        if re.search(pattern, message):
            return kind
    if message and code in _REFUSED_CODES and not is_outage(message):
        return FailureKind.REFUSED
    return FailureKind.OTHER


def _is_refusal(status: int) -> bool:
    """Return True if the HTTP status shows that a retry of the same request would fail, too."""
    return status == HTTPStatus.NOT_IMPLEMENTED or (
        status // 100 == 4 and status not in {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}  # noqa: PLR2004
    )
