"""One list of applications a poll, from which every tracker takes its own."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from argocd_release.model.application import Application
from argocd_release.model.errors import ArgoCDError, FailureKind
from argocd_release.model.ports import ClusterView, Commands, WaitFeed
from argocd_release.model.resource_tree import Workloads

# Each comparison is a process of 100 MB for as long as git takes.
REFRESHES_AT_ONCE: Final = 4


TREES_AT_ONCE: Final = 4


# Whether an application that the list does not have is missing or forbidden, the comparison knows.
ANSWER_SECONDS: Final = 2.0


@dataclass(frozen=True, kw_only=True)
class Listing:
    """What one poll gave; ``asked_at``: when the list was asked for. ``error``: why there is none."""

    asked_at: float = 0.0
    applications: Mapping[str, Application] = field(default_factory=dict)
    error: ArgoCDError | None = None

    def find(self, name: str) -> Application | None:
        """The application of that full name, or the first by name whose own it is."""
        if "/" in name or name in self.applications:
            return self.applications.get(name)
        alike = sorted(full for full in self.applications if full.endswith(f"/{name}"))
        return self.applications[alike[0]] if alike else None


class SharedCommands:
    """The commands of one application of many: what it is now stands in the last list; comparing is a call of its own.

    What a list that was asked for before the comparison ended says is older than what the comparison said.
    """

    def __init__(
        self,
        *,
        commands: Commands,
        listing: Callable[[], Listing],
        at_once: threading.Semaphore,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._commands = commands
        self._listing = listing
        self._at_once = at_once
        self._now = now
        self._answered = threading.Event()
        self._compared: tuple[float, Application | ArgoCDError] | None = None
        # A name without a namespace means one in Argo CD's own, which only the comparison knows.
        self._full_name = ""

    def get(self, name: str, *, seconds: float, refresh: bool = False, echo: bool = False) -> Application:
        """The application; raises ``ArgoCDError``."""
        if refresh:
            return self._compare(name, seconds=seconds, echo=echo)
        listing = self._listing()
        if listing.error is not None:
            raise listing.error
        found = listing.find(self._full_name or name)
        if found is None and self._compared is None:
            self._answered.wait(min(seconds, ANSWER_SECONDS))
        if self._compared is None:
            if found is None:
                raise _failure(name, FailureKind.HUNG, "no answer yet")
            return found
        at, answer = self._compared
        if isinstance(answer, Application):
            if at > listing.asked_at:
                return answer
        elif found is None:
            raise answer
        if found is None:
            raise _failure(name, FailureKind.MISSING, f"there is no application {name} that this token may see")
        return found

    def sync(self, name: str, *, seconds: float) -> None:
        self._commands.sync(name, seconds=seconds)

    def wait(self, name: str, *, seconds: float, wait_for: tuple[str, ...], on_line: Callable[[str], None]) -> WaitFeed:
        """That of one application; many are not followed."""
        return self._commands.wait(name, seconds=seconds, wait_for=wait_for, on_line=on_line)

    def _compare(self, name: str, *, seconds: float, echo: bool) -> Application:
        del echo
        with self._at_once:
            try:
                found = self._commands.get(name, seconds=seconds, refresh=True)
            except ArgoCDError as error:
                self._compared = (self._now(), error)
                raise
            else:
                self._full_name = found.full_name
                self._compared = (self._now(), found)
                return found
            finally:
                self._answered.set()


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


def _failure(name: str, trouble: FailureKind, message: str) -> ArgoCDError:
    return ArgoCDError(trouble=trouble, command=f"argocd app get {name}", exit_code=None, message=message)
