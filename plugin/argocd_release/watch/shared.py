"""One list of applications a poll, from which every tracker takes its own."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from argocd_release.model.application import Application
from argocd_release.model.errors import ArgoCDError
from argocd_release.model.ports import ClusterView, Commands, WaitFeed
from argocd_release.model.resource_tree import Workloads

# Each is a request that the server answers with work of its own.
TREES_AT_ONCE: Final = 4
# Why an application is not in the list does not change by the second, and takes processes to find out.
ABSENT_SECONDS: Final = 5.0


@dataclass(frozen=True, kw_only=True)
class Listing:
    """What one poll gave, by full name; ``asked_at``: when the list was asked for. ``error``: why there is none."""

    asked_at: float = 0.0
    applications: Mapping[str, Application] = field(default_factory=dict)
    error: ArgoCDError | None = None

    @cached_property
    def namespace(self) -> str:
        """Argo CD's own, in which a name without a namespace is meant; ``""`` while nothing has told it."""
        told = (each.controller_namespace for each in self.applications.values())
        return next(filter(None, told), "")

    def find(self, name: str) -> Application | None:
        """The application of that name; None too where it is not known which of several is meant by it."""
        return self.applications.get(name if "/" in name else f"{self.namespace}/{name}")


class SharedCommands:
    """The commands of one application of many: what it is now stands in the last list; comparing is a call of its own.

    No answer is older than the one before it: a list that was asked for before the comparison ended is not used, nor
    one in which the application is as it was before (of several API servers one may be behind the others).
    """

    def __init__(
        self, *, commands: Commands, listing: Callable[[], Listing], now: Callable[[], float] = time.monotonic
    ) -> None:
        self._commands = commands
        self._listing = listing
        self._now = now
        self._compared: tuple[float, Application] | None = None
        self._absent: tuple[float, ArgoCDError] | None = None

    def get(self, name: str, *, seconds: float, refresh: bool = False, echo: bool = False) -> Application:
        """The application; raises ``ArgoCDError``."""
        del echo
        listing = self._listing()
        if listing.error is not None:
            # Whoever gives no list compares nothing either, and each question would wait in vain.
            raise listing.error
        found = listing.find(name)
        if refresh or found is None:
            return self._ask(name, seconds=seconds, refresh=refresh, listed=found is not None)
        if self._compared is not None:
            at, answer = self._compared
            behind = found.uid == answer.uid and found.reconciled_at < answer.reconciled_at
            if behind or listing.asked_at < at:
                return answer
        return found

    def sync(self, name: str, *, seconds: float) -> None:
        self._commands.sync(name, seconds=seconds)

    def wait(self, name: str, *, seconds: float, wait_for: tuple[str, ...], on_line: Callable[[str], None]) -> WaitFeed:
        """That of one application; many are not followed."""
        return self._commands.wait(name, seconds=seconds, wait_for=wait_for, on_line=on_line)

    def _ask(self, name: str, *, seconds: float, refresh: bool, listed: bool) -> Application:
        if self._absent is not None and not listed and self._now() - self._absent[0] < ABSENT_SECONDS:
            raise self._absent[1]
        try:
            found = self._commands.get(name, seconds=seconds, refresh=refresh)
        except ArgoCDError as error:
            self._absent = (self._now(), error)
            raise
        if refresh:
            self._compared = (self._now(), found)
        return found


class SharedView:
    """The cluster view of many applications, asked for a few at a time."""

    def __init__(self, view: ClusterView) -> None:
        self._view = view
        self._at_once = threading.Semaphore(TREES_AT_ONCE)

    def workloads(self, name: str) -> Workloads:
        with self._at_once:
            return self._view.workloads(name)

    def sync_window(self, name: str) -> str:
        with self._at_once:
            return self._view.sync_window(name)
