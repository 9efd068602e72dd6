"""Check the versions, the server and the token in the background, and warn. The checks never delay the wait."""

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from argocd_release.argocd.connection import Connection
from argocd_release.diagnosis.hook_evidence import HookRecorder
from argocd_release.doctor import hints, network
from argocd_release.model.application import Application
from argocd_release.model.errors import ArgoCDError, Cancelled, SetupProblem
from argocd_release.model.events import ApplicationState, JobEvent, VersionsApart, Warned
from argocd_release.model.ports import Emit, Evidence
from argocd_release.release.argocd_session import ArgoCDCommands
from argocd_release.release.signals import StopRequest
from argocd_release.timing import Background, run_in_background
from argocd_release.verdict.judge import CONFIRMING

if TYPE_CHECKING:
    from argocd_release.diagnosis.hook_logs import HookLogs


class Hooks:
    """The hook recorders of a job, one for each application.

    Args:
        evidence: reads the pods, events and logs of hooks.
        logs: shows the logs of hooks; None if the settings turn that off.
    """

    def __init__(self, evidence: Evidence, logs: "HookLogs | None" = None) -> None:
        self._evidence = evidence
        self.logs = logs
        self._recorders: dict[str, HookRecorder] = {}

    def keep(self, name: str, application: Application) -> None:
        """Pass an observed state of the application to its hook recorder. This call does not wait for Argo CD."""
        if name not in self._recorders:
            if application.operation is None or not application.operation.running:
                return
            self._recorders[name] = HookRecorder(name, self._evidence, self.logs)
        self._recorders[name].look(application)

    def of(self, name: str) -> "HookRecorder | None":
        """Return the application's hook recorder, or None if the job has seen no running operation of it."""
        return self._recorders.get(name)


def hook_logs(emit: Emit, *, several: bool) -> "HookLogs":
    """Return the object that shows the logs of hooks. The arguments are those of ``HookLogs``."""
    # Import the module only if it is needed, because few jobs show the logs of hooks.
    from argocd_release.diagnosis.hook_logs import HookLogs  # noqa: PLC0415

    return HookLogs(emit, several=several)


# The time limit of ``argocd version`` in seconds.
VERSIONS_SECONDS: Final = 10.0
# The longest time, in seconds, for which the job waits at its end for a background check. Most have ended by then.
_WARNINGS_SECONDS: Final = 0.5


class BackgroundChecks:
    """The background checks of a job, each of which runs once.

    One compares the versions of argocd and the server, one checks the rights of the token, and one reads Argo CD's
    public address.

    Attributes:
        hooks: the hook recorders of the job.

    Args:
        argocd: the argocd command.
        connection: the connection to Argo CD's HTTP API; None if the job does not use that API.
        emit: receives the warnings and all other events of the job.
        evidence: reads the pods, events and logs of hooks.
        stop: the stop request, which ends every wait for an answer.
        hook_logs: shows the logs of hooks; None if the settings turn that off.
    """

    def __init__(
        self,
        argocd: ArgoCDCommands,
        connection: Connection | None,
        emit: Emit,
        evidence: Evidence,
        stop: StopRequest,
        *,
        hook_logs: "HookLogs | None" = None,
    ) -> None:
        self._stop = stop
        self.hooks = Hooks(evidence, hook_logs)
        self._argocd = argocd
        self._connection = connection
        self._emit = emit
        self._versions_requested = False
        self._warnings: Background[list[SetupProblem]] | None = None
        self._address: Background[str] | None = None

    def emit(self, event: JobEvent, /) -> None:
        """Emit the event. The first state of an application that is not delivered starts the version check."""
        self._emit(event)
        if not self._versions_requested and isinstance(event, ApplicationState) and event.reason != CONFIRMING:
            self._versions_requested = True
            run_in_background(self._compare_versions)

    def on_application(self, application: Application | None) -> None:
        """Start to check the token's rights, and to read Argo CD's public address, for the first application."""
        connection = self._connection
        if connection is not None and self._warnings is None and application is not None:
            name, project = application.name, application.project
            self._warnings = run_in_background(lambda: hints.of_server(connection, name, project))
            self._address = run_in_background(lambda: network.public_address(connection))

    def public_address(self) -> str:
        """Return the address of Argo CD's web interface for people, or ``""`` if it is not known yet."""
        if self._address is None or not self._has_answered(self._address):
            return ""
        return "" if self._address.exception() is not None else self._address.result()

    def _has_answered(self, answer: Background[Any]) -> bool:
        """Return True if the background check has ended. Unless the job must end, wait a short time for that."""
        if answer.done() or self._stop.is_set():
            return answer.done()
        with suppress(Cancelled):
            answer.wait_for(seconds=_WARNINGS_SECONDS, check=self._stop.check)
        return answer.done()

    def emit_warnings(self) -> None:
        """Emit the warnings about the token's rights, if the background check has ended."""
        if self._warnings is None or not self._has_answered(self._warnings):
            return
        if self._warnings.exception() is None:
            for problem in self._warnings.result():
                self._emit(Warned(why=problem.message, code=problem.code))

    def _compare_versions(self) -> None:
        with suppress(ArgoCDError, Cancelled):
            text = self._argocd.show("version", "--short", seconds=VERSIONS_SECONDS)
            if message := network.version_warning(*network.read_versions(text)):
                self._emit(VersionsApart(why=message))
