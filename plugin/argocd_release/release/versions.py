"""Says, beside the tracking, when the job's argocd and the Argo CD that it asks are further apart than was tested."""

from collections.abc import Callable
from contextlib import suppress
from typing import Final

from argocd_release.argocd import versions
from argocd_release.argocd.cli import ArgoCD
from argocd_release.model.errors import ArgoCDError, Cancelled
from argocd_release.model.events import JobEvent, State, VersionsApart
from argocd_release.timing.inquiry import ask
from argocd_release.verdict.judge import CONFIRMING

SECONDS: Final = 10.0


class Versions:
    """Asks once, in a thread of its own, which nobody waits for."""

    def __init__(self, argocd: ArgoCD, tell: Callable[[JobEvent], object]) -> None:
        self._argocd = argocd
        self._tell = tell
        self._asked = False

    def see(self, event: JobEvent) -> None:
        """Take an event of the tracking: of a release that is there already nobody needs to know more."""
        if self._asked or not isinstance(event, State) or event.reason == CONFIRMING:
            return
        self._asked = True
        ask(self._compare)

    def _compare(self) -> None:
        with suppress(ArgoCDError, Cancelled):
            said = versions.apart(*versions.read(self._argocd.show("version", "--short", seconds=SECONDS)))
            if said:
                self._tell(VersionsApart(why=said))
