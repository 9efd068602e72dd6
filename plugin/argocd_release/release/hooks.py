"""Keep what the hooks of each application of a job leave behind; load the diagnosis once an operation runs."""

from typing import TYPE_CHECKING

from argocd_release.model.application import Application
from argocd_release.model.ports import Evidence

if TYPE_CHECKING:
    from argocd_release.diagnosis.hook_evidence import HookRecorder


class Hooks:
    """The recorders of a job, by the name of the application."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._recorders: dict[str, HookRecorder] = {}

    def keep(self, name: str, application: Application) -> None:
        """Take a look at the application; never waits."""
        if name not in self._recorders:
            if application.operation is None or not application.operation.running:
                return
            # The diagnosis is loaded when there is something to look into: the first look is sooner without it.
            from argocd_release.diagnosis.hook_evidence import HookRecorder  # noqa: PLC0415

            self._recorders[name] = HookRecorder(name, self._evidence)
        self._recorders[name].look(application)

    def of(self, name: str) -> "HookRecorder | None":
        """Return the recorder of the application, or None if no operation ran."""
        return self._recorders.get(name)
