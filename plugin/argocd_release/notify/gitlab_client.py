"""GitLab's REST API, as far as a release is told to it: bounded attempts within one budget, errors in one line.

The client of the package is used, and not python-gitlab, which is 5.2 MB with its libraries and more than doubles the
time to import (8.6.0, measured; CONTRIBUTING.md).
"""

import json
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import quote

from argocd_release.core.text import one_line
from argocd_release.core.untrusted_json import as_object, parse_json
from argocd_release.timing.deadline import Deadline
from argocd_release.timing.limits import GITLAB_CALL, GITLAB_PAUSE
from argocd_release.transport.client import Client, HttpError, Request
from argocd_release.transport.sockets import tls_context

#: The first attempt and two more. Retry-After makes the pause between them longer if the deadline allows it.
ATTEMPTS: Final = 3
BODY_LIMIT: Final = 4 << 20
PAGE: Final = 100
_SUCCESS: Final = range(200, 300)
#: Nothing was done, so it may be asked once more; and what changes nothing may be anyway.
_NOT_DONE: Final = frozenset({429, 503})
_AGAIN: Final = _NOT_DONE | {500, 502, 504}


class GitLabError(Exception):
    """GitLab did not do what it was asked; ``status`` is 0 if it gave no answer. One line, for people."""

    def __init__(self, message: str, *, status: int = 0) -> None:
        self.status = status
        super().__init__(one_line(message, limit=300))


class GitLab:
    """The API at ``address`` (CI_API_V4_URL) for one project; use as a context manager.

    ``token``: of a project, a group or a person; ``job_token``: used where there is none.
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
        """What GitLab answers; raises ``GitLabError``."""
        return self._call("GET", path, query=query)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """As ``get``, but never repeated where it may have been done: nothing is made twice."""
        return self._call("POST", path, body=body)

    def put(self, path: str, body: Mapping[str, Any]) -> Any:
        return self._call("PUT", path, body=body)

    def user_id(self) -> Any:
        """Return the id of the user that the token belongs to; raises ``GitLabError``."""
        return as_object(self.get(f"{self._root}/user")).get("id")

    def default_branch(self) -> str:
        """Return the name of the project's default branch; raises ``GitLabError``."""
        return str(as_object(self.get("")).get("default_branch") or "")

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
                return _parsed(text)
            pause = max(pause, asked_pause)
            if attempt == ATTEMPTS or not again or pause >= self._deadline.left:
                raise GitLabError(_said(status, text), status=status)
            time.sleep(pause)
            pause *= 2
        raise AssertionError("unreachable")

    def _once(
        self, method: str, path: str, query: Mapping[str, str], body: Mapping[str, Any] | None
    ) -> tuple[int, str, float]:
        """Return the status, the body, and the seconds that GitLab asks to wait; raises ``HttpError``."""
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
        raise GitLabError("the answer is no JSON") from error


def _said(status: int, text: str) -> str:
    if not status:
        return f"no answer: {text}"
    try:
        answer = as_object(parse_json(text))
    except ValueError:
        return f"HTTP status {status}"
    said = answer.get("message") or answer.get("error") or ""
    if isinstance(said, dict):
        said = "; ".join(
            f"{name}: {', '.join(map(str, why)) if isinstance(why, list) else why}" for name, why in said.items()
        )
    return f"{status}: {said}" if said else f"HTTP status {status}"


def authorities(ca_file: str) -> tuple[str, ...]:
    """Return the authority's file if it is there; GitLab names one that the job's image does not always have."""
    return (ca_file,) if ca_file and Path(ca_file).is_file() else ()
