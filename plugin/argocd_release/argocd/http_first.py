"""Read applications over HTTP, or with the argocd CLI if the HTTP API does not respond.

The job prefers HTTP, because an argocd process takes a seventh of a second of CPU time and 100 MB of memory. An HTTP
request takes a hundredth of that.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from argocd_release.argocd.api import Api
from argocd_release.model.application import Application
from argocd_release.model.errors import ArgoCDError, FailureKind
from argocd_release.model.observation import ANSWERS
from argocd_release.model.ports import Commands, Lists, WaitFeed

Answer = TypeVar("Answer")
PROCESSES_AT_ONCE: Final = 2
# The maximum number of argocd processes that wait for a comparison by Argo CD at the same time. PROCESSES_AT_ONCE
# limits plain reads separately, because comparisons can take minutes.
COMPARISONS_AT_ONCE: Final = 4
# The maximum number of HTTP requests that wait for a comparison by Argo CD at the same time. The limit keeps
# connections free for lists and trees, even if many comparisons hang.
HTTP_COMPARISONS_AT_ONCE: Final = 64
# The time limit of a read over HTTP in seconds. If it is exceeded, the CLI reads the application instead.
HTTP_SECONDS: Final = 2.0
# The time limit in seconds of a list over HTTP, as long as no HTTP request has succeeded yet.
FIRST_LIST_SECONDS: Final = 5.0
# After an HTTP request has timed out, the job uses only the CLI for this many seconds.
SILENT_SECONDS: Final = 30.0
# The time limit in seconds of an argocd process that reads an application. It is short, because other reads wait until
# the process has ended.
PROCESS_SECONDS: Final = 20.0


class HttpFirstCommands:
    """A thread-safe reader of applications that tries the HTTP API first, and then the argocd CLI.

    The CLI can succeed where HTTP fails, because a proxy can block HTTP and let gRPC through. The CLI can also find out
    whether an application is missing or forbidden. The HTTP API returns the same error for both.

    Args:
        argocd: the argocd CLI, which also runs all other commands.
        lists: lists applications with the CLI.
        api: Argo CD's HTTP API.
        now: returns the time of a monotonic clock in seconds.
    """

    def __init__(self, argocd: Commands, lists: Lists, api: Api, *, now: Callable[[], float] = time.monotonic) -> None:
        self._argocd = argocd
        self._lists = lists
        self._api = api
        self._now = now
        self._processes = threading.Semaphore(PROCESSES_AT_ONCE)
        self._comparisons = threading.Semaphore(COMPARISONS_AT_ONCE)
        self._http_comparisons = threading.Semaphore(HTTP_COMPARISONS_AT_ONCE)
        self._queue: list[str] = []
        self._command_is_printed = False
        self._probing = threading.Lock()
        self._answers = False
        self._silent_until = float("-inf")

    def get(
        self, name: str, *, seconds: float, refresh: bool = False, hard: bool = False, echo: bool = False
    ) -> Application:
        """Return the application's state. If ``refresh`` is True, make Argo CD compare it with git first.

        If ``hard`` is True as well, Argo CD renders the manifests again, without its cache. The first call
        with ``echo`` uses the CLI, so that the job log shows a command that the job really ran.

        Raises:
            ArgoCDError: the CLI failed, or a comparison over HTTP timed out. After any other failure of HTTP, the CLI
                is used.
        """
        if echo and not self._command_is_printed:
            self._command_is_printed = True
            return self._argocd.get(name, seconds=seconds, refresh=refresh, hard=hard, echo=True)
        if refresh:
            return self._compare(name, seconds, hard=hard)
        application = self._read(name, min(seconds, HTTP_SECONDS))
        if application is not None:
            return application
        with self._processes:
            return self._argocd.get(name, seconds=min(seconds, PROCESS_SECONDS))

    def list(
        self, *, seconds: float, selector: str = "", project: str = "", echo: bool = False
    ) -> tuple[Application, ...]:
        """List the applications that the token can see, optionally only those of a label selector and a project.

        Calls with ``echo`` use the CLI, so that the job log shows a command that the job really ran.

        Raises:
            ArgoCDError: the CLI failed. After a failure of HTTP, the CLI is used.
        """
        if not echo:
            # A long list takes time. Use the full time limit only if the server has responded over HTTP before.
            limit = seconds if self._answers else min(seconds, FIRST_LIST_SECONDS)
            applications = self._over_http(
                lambda: self._api.applications(seconds=limit, selector=selector, project=project)
            )
            if applications is not None:
                return applications
        return self._lists.list(seconds=seconds, selector=selector, project=project, echo=echo)

    def sync(self, name: str, *, seconds: float) -> None:
        with self._processes:
            self._argocd.sync(name, seconds=seconds)

    def terminate(self, name: str, *, seconds: float) -> None:
        """Terminate the running operation.

        Raises:
            ArgoCDError: the call failed.
        """
        with self._processes:
            self._argocd.terminate(name, seconds=seconds)

    def wait(self, name: str, *, seconds: float, wait_for: tuple[str, ...], on_line: Callable[[str], None]) -> WaitFeed:
        return self._argocd.wait(name, seconds=seconds, wait_for=wait_for, on_line=on_line)

    def queued_before(self, name: str) -> int:
        """Return the application's position among those that wait to be compared, from 1; 0 if it does not wait."""
        queue = tuple(self._queue)
        return queue.index(name) + 1 if name in queue else 0

    def _compare(self, name: str, seconds: float, *, hard: bool) -> Application:
        if self._http_answers(name):
            try:
                with self._turn(name, self._http_comparisons):
                    return self._api.application(name, seconds=seconds, refresh="hard" if hard else "normal")
            except ArgoCDError as error:
                # HTTP works, so the comparison itself took too long. The CLI would only start the same comparison
                # again.
                if error.kind is FailureKind.TIMED_OUT:
                    raise
        with self._turn(name, self._comparisons):
            return self._argocd.get(name, seconds=seconds, refresh=True, hard=hard)

    @contextmanager
    def _turn(self, name: str, at_once: threading.Semaphore) -> Iterator[None]:
        self._queue.append(name)
        with at_once:
            self._queue.remove(name)
            yield

    def _http_answers(self, name: str) -> bool:
        """Return True if Argo CD responds over HTTP.

        Until Argo CD has responded once, test the HTTP API with a plain read, because a comparison can take minutes.
        """
        with self._probing:
            if not self._answers:
                self._read(name, HTTP_SECONDS)
            return self._answers

    def _read(self, name: str, seconds: float) -> Application | None:
        return self._over_http(lambda: self._api.application(name, seconds=seconds))

    def _over_http(self, request: Callable[[], Answer]) -> Answer | None:
        """Send the request over HTTP. Return None if it fails and the caller must use the CLI instead."""
        if self._now() < self._silent_until:
            return None
        try:
            answer = request()
        except ArgoCDError as error:
            self._answers = error.kind in ANSWERS
            if error.kind is FailureKind.TIMED_OUT:
                self._silent_until = self._now() + SILENT_SECONDS
            return None
        self._answers = True
        return answer
