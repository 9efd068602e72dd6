"""GitLab's REST API, as far as a release is told to it: bounded attempts within one budget, errors in one line.

httpx, which is there already, and not python-gitlab: that is 5.2 MB with what it needs, and more than doubles the time
to import (8.6.0, measured; CONTRIBUTING.md).
"""

import json
import ssl
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

import httpx

from argocd_release.core.json_shape import as_object
from argocd_release.core.text import one_line
from argocd_release.timing.deadline import Deadline

CALL_SECONDS: Final = 3.0
#: The first attempt and two more, after 0.5 and 1 s, or what Retry-After says where the budget allows it.
ATTEMPTS: Final = 3
PAUSE_SECONDS: Final = 0.5
BODY_LIMIT: Final = 4 << 20
PAGE: Final = 100
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
        self._root = address.rstrip("/")
        self._project = f"{self._root}/projects/{quote(project, safe='')}"
        headers = {"PRIVATE-TOKEN": token} if token else {"JOB-TOKEN": job_token}
        self._client = httpx.Client(
            headers=headers,
            timeout=CALL_SECONDS,
            verify=trust(ca_file),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

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
        pause = PAUSE_SECONDS
        for attempt in range(1, ATTEMPTS + 1):
            again = method != "POST"
            try:
                status, text, asked_pause = self._once(method, path, query, body)
            except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
                status, text, asked_pause = 0, str(error) or type(error).__name__, 0.0
                again = again or isinstance(error, httpx.ConnectError)
            else:
                again = status in (_AGAIN if again else _NOT_DONE)
            if httpx.codes.is_success(status):
                return _parsed(text)
            pause = max(pause, asked_pause)
            if attempt == ATTEMPTS or not again or pause >= self._deadline.left:
                raise GitLabError(_said(status, text), status=status)
            time.sleep(pause)
            pause *= 2
        raise AssertionError("unreachable")

    def _once(
        self, method: str, path: str, query: Mapping[str, str] | None, body: Mapping[str, Any] | None
    ) -> tuple[int, str, float]:
        found = bytearray()
        limit = min(CALL_SECONDS, self._deadline.left)
        until = time.monotonic() + limit
        if limit <= 0:
            raise ValueError("no time left")
        url = path if "://" in path else self._project + path
        with self._client.stream(method, url, params=query, json=body, timeout=limit) as answer:
            for chunk in answer.iter_bytes():
                found += chunk
                if len(found) > BODY_LIMIT or time.monotonic() > until:
                    raise ValueError("the answer is too long, or takes too long")
            wait = answer.headers.get("Retry-After", "")
            return answer.status_code, found.decode("utf-8", "replace"), float(wait) if wait.isdecimal() else 0.0


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise GitLabError("the answer is no JSON") from error


def _said(status: int, text: str) -> str:
    if not status:
        return f"no answer: {text}"
    try:
        answer = as_object(json.loads(text))
    except ValueError:
        return f"HTTP status {status}"
    said = answer.get("message") or answer.get("error") or ""
    if isinstance(said, dict):
        said = "; ".join(
            f"{name}: {', '.join(map(str, why)) if isinstance(why, list) else why}" for name, why in said.items()
        )
    return f"{status}: {said}" if said else f"HTTP status {status}"


def trust(ca_file: str) -> ssl.SSLContext:
    """The machine's authorities, and that of the file if there is one."""
    context = ssl.create_default_context()
    if ca_file and Path(ca_file).is_file():
        context.load_verify_locations(ca_file)
    return context
