"""Read applications over HTTP, or with the argocd command line if HTTP does not respond.

An argocd process takes a seventh of a second of CPU time and 100 MB of memory. An HTTP call takes a hundredth of both.
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
# The maximum number of argocd processes that compare at once. Comparisons can take minutes, so the processes of plain
# reads have a separate limit.
COMPARISONS_AT_ONCE: Final = 4
# The maximum number of comparisons over HTTP at once. If many of them hang, connections remain for lists and trees.
HTTP_COMPARISONS_AT_ONCE: Final = 64
# Time limit of a read over HTTP, after which the command line reads the application.
HTTP_SECONDS: Final = 2.0
# Time limit of a list over HTTP while no request over HTTP has succeeded yet.
FIRST_LIST_SECONDS: Final = 5.0
# If a read or a list over HTTP times out, the job uses only the command line for this many seconds.
SILENT_SECONDS: Final = 30.0
# Time limit of an argocd process that reads an application, because other reads wait for its end.
PROCESS_SECONDS: Final = 20.0


class HttpFirstCommands:
    """The Argo CD calls of a job. Reads and lists try HTTP first. Many threads can use the object at once.

    If HTTP fails, the command line takes over, because a proxy can block HTTP and let gRPC through. Only the command
    line finds out whether an application is missing or forbidden.
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

    def get(self, name: str, *, seconds: float, refresh: bool = False, echo: bool = False) -> Application:
        """Return the application's state. With ``refresh``, Argo CD compares it with git first.

        The first call with ``echo`` uses the command line, so that the log shows a command that the job really ran.

        Raises:
            ArgoCDError: a comparison over HTTP timed out, or the command line failed. Other failures of HTTP are not
                raised.
        """
        if echo and not self._command_is_printed:
            self._command_is_printed = True
            return self._argocd.get(name, seconds=seconds, refresh=refresh, echo=True)
        if refresh:
            return self._compare(name, seconds)
        application = self._read(name, min(seconds, HTTP_SECONDS))
        if application is not None:
            return application
        with self._processes:
            return self._argocd.get(name, seconds=min(seconds, PROCESS_SECONDS))

    def list(
        self, *, seconds: float, selector: str = "", project: str = "", echo: bool = False
    ) -> tuple[Application, ...]:
        """Return the applications that the token can see, filtered by the selector and the project if they are given.

        With ``echo``, the command line lists them, so that the log shows a command that the job really ran.

        Raises:
            ArgoCDError: the command line failed. Failures of HTTP are not raised.
        """
        if not echo:
            # A long list takes time. Only a server that has responded before gets that time.
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
        """Return the position of the application's comparison in the queue, from 1, or 0 if it does not wait."""
        queue = tuple(self._queue)
        return queue.index(name) + 1 if name in queue else 0

    def _compare(self, name: str, seconds: float) -> Application:
        if self._http_answers(name):
            try:
                with self._turn(name, self._http_comparisons):
                    return self._api.application(name, seconds=seconds, refresh=True)
            except ArgoCDError as error:
                # HTTP works, so Argo CD has not compared in time. Another request would start the comparison again.
                if error.kind is FailureKind.TIMED_OUT:
                    raise
        with self._turn(name, self._comparisons):
            return self._argocd.get(name, seconds=seconds, refresh=True)

    @contextmanager
    def _turn(self, name: str, at_once: threading.Semaphore) -> Iterator[None]:
        self._queue.append(name)
        with at_once:
            self._queue.remove(name)
            yield

    def _http_answers(self, name: str) -> bool:
        """Return True if Argo CD responds over HTTP. A plain read tests this, because a comparison can take minutes."""
        with self._probing:
            if not self._answers:
                self._read(name, HTTP_SECONDS)
            return self._answers

    def _read(self, name: str, seconds: float) -> Application | None:
        return self._over_http(lambda: self._api.application(name, seconds=seconds))

    def _over_http(self, request: Callable[[], Answer]) -> Answer | None:
        """Return the answer, or None if the command line must be used instead."""
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
