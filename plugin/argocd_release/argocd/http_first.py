"""Read applications over HTTP, or with the argocd command line if HTTP does not respond.

A process takes a seventh of a second of CPU time and 100 MB, an HTTP call a hundredth of either.
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
# Comparisons can take minutes, so plain reads do not share their limit.
COMPARISONS_AT_ONCE: Final = 4
# Comparisons that hang leave connections for lists and trees.
HTTP_COMPARISONS_AT_ONCE: Final = 64
# Limit of a read over HTTP before the command line is asked instead, and of a list while HTTP has not answered yet.
HTTP_SECONDS: Final = 2.0
FIRST_LIST_SECONDS: Final = 5.0
# After a read over HTTP did not end in time, only the command line is used for this long.
SILENT_SECONDS: Final = 30.0
# Limit of a process that reads, so that it does not delay all others without end.
PROCESS_SECONDS: Final = 20.0


class HttpFirstCommands:
    """Commands and lists for all applications of a job. Many threads can use it at once.

    The command line takes over whenever HTTP fails, because a proxy can block HTTP and let gRPC through. Only the
    command line tells a missing application from a forbidden one.
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
        self._shown = False
        self._probing = threading.Lock()
        self._answers = False
        self._silent_until = float("-inf")

    def get(self, name: str, *, seconds: float, refresh: bool = False, echo: bool = False) -> Application:
        """Return the application's state. With ``refresh``, Argo CD compares it with git first.

        The first call with ``echo`` uses the command line, so that the log shows a command that was run.

        Raises:
            ArgoCDError: both ways failed. The error is that of the command line, or of an HTTP comparison that did not
                end in time.
        """
        if echo and not self._shown:
            self._shown = True
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
        """Return the applications that the token can see, or those of the selector and project; raise like ``get``.

        With ``echo`` the command line lists them, so that the log shows a command that was run.
        """
        if not echo:
            # A long list takes time, which is given only to a server that has responded before.
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
        """Let Argo CD end the operation that runs; raise ``ArgoCDError``."""
        with self._processes:
            self._argocd.terminate(name, seconds=seconds)

    def wait(self, name: str, *, seconds: float, wait_for: tuple[str, ...], on_line: Callable[[str], None]) -> WaitFeed:
        return self._argocd.wait(name, seconds=seconds, wait_for=wait_for, on_line=on_line)

    def queued_before(self, name: str) -> int:
        """Return how many comparisons wait ahead of this application's, or 0 if it has started."""
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
        """Return True if HTTP responds. A plain read tests it before a comparison, which can take minutes."""
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
