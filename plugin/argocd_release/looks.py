"""A look at the application: its state as Argo CD has it, and beneath it whatever judging that state takes."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, Protocol

from argocd_release.application import Application, HealthStatus, Kinship, Relation, Source, SyncStatus
from argocd_release.errors import ArgoCDError, Trouble
from argocd_release.expectation import Expectation
from argocd_release.tree import Workloads
from argocd_release.verdict import Failure

# A refresh waits for the application controller without end; a frozen API server answers nothing at all.
REFRESH_SECONDS: Final = 10.0
UNCOMPARED_SECONDS: Final = 5.0
# A look just before the deadline still gets this long to answer.
LEAST_SECONDS: Final = 2.0
# Sync windows change by the minute; nobody is told anything new by asking more often.
WINDOW_SECONDS: Final = 20.0


class Emit(Protocol):
    """Takes an event by its constant name, as ``structlog``'s ``log.info`` does."""

    def __call__(self, event: str, /, *args: Any, **fields: Any) -> object: ...


class Feed(Protocol):
    @property
    def ended(self) -> bool: ...
    def stop(self, *, grace: float = 0.0) -> None: ...


class Commands(Protocol):
    """What is needed of the argocd CLI."""

    def get(self, name: str, *, seconds: float, refresh: bool = False, echo: bool = False) -> Application: ...
    def sync(self, name: str, *, seconds: float) -> None: ...
    def wait(self, name: str, *, seconds: float, wait_for: tuple[str, ...], on_line: Callable[[str], None]) -> Feed: ...


class Beneath(Protocol):
    """What is needed of Argo CD's HTTP API. Each raises ``ArgoCDError``."""

    def workloads(self, name: str) -> Workloads: ...
    def sync_window(self, name: str) -> str: ...


class Looks:
    """Looks at one application; ``application`` is the last state seen (None: none yet).

    ``beneath``: None where nobody may ask; ``kinship`` says how a revision stands to an expected one.
    """

    def __init__(
        self,
        name: str,
        *,
        commands: Commands,
        now: Callable[[], float],
        emit: Emit,
        expectation: Expectation,
        beneath: Beneath | None,
        kinship: Callable[[str, str, Source], Kinship] | None,
        sync: bool,
    ) -> None:
        self.application: Application | None = None
        self._name = name
        self._commands = commands
        self._now = now
        self._emit = emit
        self._expectation = expectation
        self._beneath = beneath
        self._kinship = kinship
        self._sync = sync
        self._asked: tuple[str, ...] | None = None
        self._told: set[str] = set()
        self._window: tuple[float, str] | None = None

    def look(self, *, seconds: float, compare: bool, echo: bool) -> tuple[Application | Failure, bool]:
        """What was seen, and whether Argo CD has compared with git for it."""
        compared = compare
        limit = min(seconds, REFRESH_SECONDS) if compare else seconds
        try:
            application = self._commands.get(self._name, seconds=limit, refresh=compare, echo=echo)
        except ArgoCDError as error:
            if not compare or error.trouble is not Trouble.HUNG:
                return _failure(error), False
            compared = False
            try:
                left = max(seconds - limit, LEAST_SECONDS)
                application = self._commands.get(self._name, seconds=min(left, UNCOMPARED_SECONDS))
            except ArgoCDError as second:
                return _failure(second), False
        self.application = self._with_kinships(self._with_window(self._with_workloads(application)))
        return self.application, compared

    def begin_sync(self, application: Application, *, seconds: float) -> Application | Failure:
        """The state after a sync was asked for, if one is wanted, needed and possible now.

        An operation that somebody else began is waited for, and never ended.
        """
        failed = application.operation is not None and application.operation.unsuccessful
        if not self._sync or application.operating or (application.sync is SyncStatus.SYNCED and not failed):
            return application
        # One sync of a revision is one attempt: should it fail, that is the verdict.
        if application.revisions == self._asked or self._expectation.revision_gap(application) is not None:
            return application
        try:
            self._commands.sync(self._name, seconds=seconds)
        except ArgoCDError as error:
            if error.trouble is Trouble.BUSY:
                return replace(application, requested=True)
            if error.trouble is Trouble.BLOCKED:
                return replace(application, sync_window=error.message)
            return replace(application, refusal=error.message) if error.trouble is Trouble.OTHER else _failure(error)
        self._asked = application.revisions
        return replace(application, requested=True)

    def _with_workloads(self, application: Application) -> Application:
        # While a pod crashes the application stays Progressing until the Deployment's own deadline, ten minutes.
        needed = self._expectation.image or application.health in {HealthStatus.PROGRESSING, HealthStatus.DEGRADED}
        if self._beneath is None or not needed:
            return application
        try:
            return replace(application, workloads=self._beneath.workloads(self._name))
        except ArgoCDError as error:
            self._tell("pods not seen", error=error.message)
            return application

    def _with_window(self, application: Application) -> Application:
        waits = application.automated and application.sync is SyncStatus.OUT_OF_SYNC and not application.operating
        if self._beneath is None or not waits:
            return application
        now = self._now()
        if self._window is None or now - self._window[0] >= WINDOW_SECONDS:
            try:
                self._window = (now, self._beneath.sync_window(self._name))
            except ArgoCDError:
                self._window = (now, "")
        return replace(application, sync_window=self._window[1])

    def _with_kinships(self, application: Application) -> Application:
        if self._kinship is None:
            return application
        expected = self._expectation.revision
        strangers = self._expectation.strangers(application)
        found = {revision: self._kinship(revision, expected, source) for revision, source in strangers.items()}
        for kinship in found.values():
            if kinship.relation is Relation.UNKNOWN:
                self._tell("history not consulted", why=kinship.note)
        return replace(application, kinships=found)

    def _tell(self, event: str, **fields: str) -> None:
        if event not in self._told:
            self._told.add(event)
            self._emit(event, **fields)


def _failure(error: ArgoCDError) -> Failure:
    return Failure(trouble=error.trouble, message=error.message)
