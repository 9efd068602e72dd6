"""Send requests to GitLab's REST API, retry failed requests, and report each error in one line.

The job does not use python-gitlab, because it takes 5.2 MB with its libraries, and more than doubles the time of the
imports (8.6.0, measured; CONTRIBUTING.md).
"""

import json
import time
from collections.abc import Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import quote

from argocd_release.core.text import as_object, one_line, parse_json, parse_object
from argocd_release.messages import reports as texts
from argocd_release.model.errors import NOTIFICATION_ERROR_LIMIT, NotificationError
from argocd_release.timing import GITLAB_CALL, GITLAB_PAUSE, Deadline
from argocd_release.transport.client import Client, HttpError, Request
from argocd_release.transport.network import tls_context

#: The maximum number of attempts for a request. GitLab's Retry-After header sets the minimum pause before the next one.
ATTEMPTS: Final = 3
#: The maximum size of a response in bytes.
BODY_LIMIT: Final = 4 << 20
#: The number of items that the job requests on each page of a list.
PAGE: Final = 100
_SUCCESS: Final = range(200, 300)
_NO_CONTENT: Final = 204
#: If GitLab responds with one of these statuses, it has not executed the request. So any request can be repeated.
_NOT_DONE: Final = frozenset({429, 503})
#: After one of these statuses, the job repeats GET and PUT requests, because a second one has no further effect.
_AGAIN: Final = _NOT_DONE | {500, 502, 504}


class GitLabError(NotificationError):
    """GitLab refused a request or did not respond. The message is one line.

    Attributes:
        status: the HTTP status; 0 if there was no response.
        code: GitLab's ``error_code``, which only some responses contain; otherwise an empty string.
    """

    def __init__(self, message: str, *, status: int = 0, code: str = "") -> None:
        self.status = status
        self.code = code
        super().__init__(message)

    @property
    def is_refusal(self) -> bool:
        """Return True if GitLab has refused the request, and therefore has not executed it."""
        return 400 <= self.status < 500  # noqa: PLR2004 - the statuses of client errors


#: The next step after a response with this HTTP status.
_HINTS: Final = {401: texts.NEXT_TOKEN, 403: texts.NEXT_RIGHTS, 404: texts.NEXT_PROJECT}


def with_next_step(error: GitLabError, *, project: str, setting: str) -> GitLabError:
    """Return the error with the next step in its message, or the error itself if no step is known.

    Args:
        error: the error.
        project: the id or the path of the project.
        setting: the setting that names the project, such as ``<RELEASE_COMMIT_STATUS>``.
    """
    hint = _HINTS.get(error.status)
    if hint is None:
        return error
    step = hint.fill(project=one_line(project, limit=100), setting=setting)
    message = one_line(str(error), limit=max(NOTIFICATION_ERROR_LIMIT - len(step) - len(texts.WITH_NEXT.text), 0))
    return GitLabError(texts.WITH_NEXT.fill(error=message, step=step), status=error.status, code=error.code)


class GitLab:
    """A client of GitLab's API for one project. Use it as a context manager.

    Args:
        address: the root of the API (CI_API_V4_URL).
        project: the id or the path of the project.
        token: an access token of a project, a group or a user, or an empty string.
        job_token: the token of the job, which is used if ``token`` is empty.
        deadline: the moment at which all requests end at the latest.
        ca_file: path of a PEM file with a certificate authority to trust, or an empty string.
    """

    def __init__(
        self, address: str, project: str, *, token: str, job_token: str, deadline: Deadline, ca_file: str = ""
    ) -> None:
        self._deadline = deadline
        self._headers = {"PRIVATE-TOKEN": token} if token else {"JOB-TOKEN": job_token}
        self._root = address.rstrip("/")
        self._project = f"{self._root}/projects/{quote(project, safe='')}"
        self._client = Client(
            tls=partial(tls_context, authorities=authorities(ca_file)), deadline=deadline, proxies=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self._client.__exit__(*details)

    def get(self, path: str, **query: str) -> Any:
        """Send a GET request, and return the parsed JSON of the response.

        Raises:
            GitLabError: GitLab refused, or did not respond.
        """
        return self._call("GET", path, query=query)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Send a POST request, and return the parsed JSON of the response.

        The request is not repeated if GitLab could already have executed it.

        Raises:
            GitLabError: GitLab refused, or did not respond.
        """
        return self._call("POST", path, body=body)

    def put(self, path: str, body: Mapping[str, Any]) -> Any:
        """Send a PUT request, and return the parsed JSON of the response.

        Raises:
            GitLabError: GitLab refused, or did not respond.
        """
        return self._call("PUT", path, body=body)

    def delete(self, path: str) -> None:
        """Send a DELETE request.

        Raises:
            GitLabError: GitLab refused, or did not respond.
        """
        self._call("DELETE", path)

    def user_id(self) -> Any:
        """Return the id of the user to whom the token belongs.

        Raises:
            GitLabError: GitLab refused, or did not respond.
        """
        return as_object(self.get(f"{self._root}/user")).get("id")

    def token_details(self) -> Any:
        """Return the details of the token, such as its scopes, or None if this GitLab does not show them.

        Raises:
            GitLabError: GitLab did not respond.
        """
        try:
            return self.get(f"{self._root}/personal_access_tokens/self")
        except GitLabError as error:
            if error.status:
                return None
            raise

    def path(self) -> str:
        """Return the path of the project, such as ``group/name``.

        Raises:
            GitLabError: GitLab refused, or did not respond.
        """
        return str(self._details.get("path_with_namespace") or "")

    def default_branch(self) -> str:
        """Return the name of the project's default branch.

        Raises:
            GitLabError: GitLab refused, or did not respond.
        """
        return str(self._details.get("default_branch") or "")

    @cached_property
    def _details(self) -> dict[str, Any]:
        return as_object(self.get(""))

    def _call(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: Mapping[str, Any] | None = None
    ) -> Any:
        pause = GITLAB_PAUSE
        for attempt in range(1, ATTEMPTS + 1):
            again = method != "POST"
            try:
                status, text, asked_pause = self._once(method, path, query or {}, body)
            except HttpError as error:
                status, text, asked_pause = 0, str(error), 0.0
                again = again or not error.sent
            else:
                again = status in (_AGAIN if again else _NOT_DONE)
            if status in _SUCCESS:
                return None if status == _NO_CONTENT else _parsed(text)
            pause = max(pause, asked_pause)
            if attempt == ATTEMPTS or not again or pause >= self._deadline.left:
                raise GitLabError(_error_text(status, text), status=status, code=_error_code(text))
            time.sleep(pause)
            pause *= 2
        raise AssertionError("unreachable")

    def _once(
        self, method: str, path: str, query: Mapping[str, str], body: Mapping[str, Any] | None
    ) -> tuple[int, str, float]:
        """Send the request once. Return the status, the body, and the pause in seconds that GitLab demands.

        Raises:
            HttpError: GitLab did not send a complete response.
        """
        content = {} if body is None else {"Content-Type": "application/json"}
        request = Request(
            method=method,
            url=path if "://" in path else self._project + path,
            query=query,
            headers=self._headers | content,
            body=b"" if body is None else json.dumps(body).encode(),
            body_limit=BODY_LIMIT,
        )
        answer = self._client.send(request, seconds=GITLAB_CALL)
        wait = answer.headers.get("retry-after", "")
        return answer.status, answer.text, float(wait) if wait.isdecimal() else 0.0


def _parsed(text: str) -> Any:
    try:
        return parse_json(text)
    except ValueError as error:
        raise GitLabError(texts.NO_JSON) from error


def _error_text(status: int, text: str) -> str:
    if not status:
        return texts.GITLAB_SILENT.fill(error=text)
    answer = parse_object(text)
    message = answer.get("message") or answer.get("error") or ""
    if isinstance(message, list):
        message = "; ".join(map(str, message))
    if isinstance(message, dict):
        message = "; ".join(
            texts.GITLAB_FIELD.fill(name=name, text=", ".join(map(str, why)) if isinstance(why, list) else why)
            for name, why in message.items()
        )
    return (
        texts.GITLAB_STATUS_WITH_TEXT.fill(status=status, text=message)
        if message
        else texts.GITLAB_STATUS.fill(status=status)
    )


def _error_code(text: str) -> str:
    return one_line(str(parse_object(text).get("error_code") or ""), limit=50)


def authorities(ca_file: str) -> tuple[str, ...]:
    """Return the path of the certificate authority file as a tuple, or an empty tuple if the file does not exist.

    GitLab's variable can name a file that does not exist in the job's image.
    """
    return (ca_file,) if ca_file and Path(ca_file).is_file() else ()
