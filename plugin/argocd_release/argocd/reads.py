"""Applications, read over HTTP where that answers and by the command line where it does not.

A process costs a seventh of a second of a core and 100 MB, an HTTP call a hundredth of either: of many applications
nobody could compare each by a process of its own.
"""

import threading
from collections.abc import Callable
from typing import Final, TypeVar

from argocd_release.argocd.api import Api
from argocd_release.model.application import Application
from argocd_release.model.errors import ArgoCDError, FailureKind
from argocd_release.model.ports import Commands, Lists, WaitFeed

Answer = TypeVar("Answer")
PROCESSES_AT_ONCE: Final = 2
# Where HTTP gives no answer, the command line may not wait without end for what else is to be asked.
PROCESS_SECONDS: Final = 20.0


class Reads:
    """The commands of one application of many, and their list; may be called from several threads at once."""

    def __init__(self, argocd: Commands, lists: Lists, api: Api) -> None:
        self._argocd = argocd
        self._lists = lists
        self._api = api
        self._processes = threading.Semaphore(PROCESSES_AT_ONCE)

    def get(self, name: str, *, seconds: float, refresh: bool = False, echo: bool = False) -> Application:
        """The application's state; raises ``ArgoCDError``, the command line's where HTTP refuses.

        Only the command line tells a missing application from a forbidden one, and knows what a proxy said.
        """
        del echo
        found = _over_http(lambda: self._api.application(name, seconds=seconds, refresh=refresh))
        if found is not None:
            return found
        with self._processes:
            return self._argocd.get(name, seconds=min(seconds, PROCESS_SECONDS), refresh=refresh)

    def list(
        self, *, seconds: float, selector: str = "", project: str = "", echo: bool = False
    ) -> tuple[Application, ...]:
        """Every application that the token may see, or those that are chosen; raises as ``get`` does.

        One to ``echo`` is the command line's: what the log shows was run.
        """
        if not echo:
            found = _over_http(lambda: self._api.applications(seconds=seconds, selector=selector, project=project))
            if found is not None:
                return found
        return self._lists.list(seconds=seconds, selector=selector, project=project, echo=echo)

    def sync(self, name: str, *, seconds: float) -> None:
        with self._processes:
            self._argocd.sync(name, seconds=seconds)

    def wait(self, name: str, *, seconds: float, wait_for: tuple[str, ...], on_line: Callable[[str], None]) -> WaitFeed:
        """That of one application; many are not followed."""
        return self._argocd.wait(name, seconds=seconds, wait_for=wait_for, on_line=on_line)


def _over_http(ask: Callable[[], Answer]) -> Answer | None:
    """The answer; None where the command line may have one. Raises where that would wait in vain too."""
    try:
        return ask()
    except ArgoCDError as error:
        if error.trouble is FailureKind.HUNG:
            raise
    return None
