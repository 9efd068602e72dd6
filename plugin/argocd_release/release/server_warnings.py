"""What there is to say against the server and the token, beside the release."""

from concurrent.futures import Future
from typing import Final

from argocd_release.argocd.connection import Connection
from argocd_release.doctor import warnings
from argocd_release.doctor.finding import Problem
from argocd_release.model.application import Application
from argocd_release.model.events import Warned
from argocd_release.release.job_log import JobLog
from argocd_release.timing.inquiry import answered, ask

# Asked since the first look, it is mostly there; nobody waits longer for a warning.
_TOLD_SECONDS: Final = 0.5


class ServerWarnings:
    """What there is to say against the server and the token's rights: asked while the release is waited for.

    ``connection``: None where Argo CD's API is not to be asked.
    """

    def __init__(self, connection: Connection | None, log: JobLog) -> None:
        self._connection = connection
        self._log = log
        self._asked: Future[list[Problem]] | None = None

    def see(self, application: Application | None) -> None:
        """Ask, once Argo CD has shown the application; never waits."""
        connection = self._connection
        if connection is not None and self._asked is None and application is not None:
            name, project = application.name, application.project
            self._asked = ask(lambda: warnings.of_server(connection, name, project))

    def tell(self) -> None:
        """Say what is known by now."""
        if self._asked is None or not answered(self._asked, seconds=_TOLD_SECONDS, check=lambda: None):
            return
        if self._asked.exception() is None:
            for problem in self._asked.result():
                self._log.tell(Warned(why=problem.message, code=problem.code))
