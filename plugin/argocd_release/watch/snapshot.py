"""Share one list of applications per poll among all trackers of a group."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from argocd_release.model.application import Application, HealthStatus
from argocd_release.model.errors import ArgoCDError
from argocd_release.model.exclusion import Exclusion
from argocd_release.model.observation import SyncWindow
from argocd_release.model.ports import ClusterView, Commands, WaitFeed
from argocd_release.model.resource_tree import Node, PodTemplate, Workloads

# The maximum number of simultaneous requests for resource trees. Each tree costs Argo CD CPU time.
TREES_AT_ONCE: Final = 4
# If an application is not in the list, the job requests it separately. It reuses the error of that request for this
# many seconds, because each request starts an argocd process, and the error rarely changes.
ABSENT_SECONDS: Final = 5.0


@dataclass(frozen=True, kw_only=True)
class ApplicationSnapshot:
    """The applications of one list, or the reason why the list could not be read."""

    #: The clock time at which the list was requested.
    requested_at: float = 0.0
    #: The applications by their full names (``namespace/name``).
    applications: Mapping[str, Application] = field(default_factory=dict)
    error: ArgoCDError | None = None

    @cached_property
    def namespace(self) -> str:
        """Return Argo CD's own namespace, or "" if no application in the list names it.

        A name without a namespace means an application in this namespace.
        """
        namespaces = (application.controller_namespace for application in self.applications.values())
        return next(filter(None, namespaces), "")

    def find(self, name: str) -> Application | None:
        """Return the application of this name, or None if the list lacks it.

        If ``namespace`` is unknown, only a name with a namespace can be found.
        """
        return self.applications.get(name if "/" in name else f"{self.namespace}/{name}")


class SnapshotCommands:
    """The commands for one application of a group. Reads return the state in the last list.

    Only comparisons, and reads of an application that the list lacks, cause a request. The returned states never go
    back in time. If the list was requested before the last comparison ended, or contains an older comparison, a read
    returns the result of the last comparison. A list can be outdated because one of several API servers lags behind.

    Args:
        commands: the commands that send requests to Argo CD.
        snapshot: returns the last list.
        now: returns the time of a monotonic clock in seconds.
        health_of_resources: True if the health of each resource matters. If the list lacks it, as it does since Argo CD
            3, each read of an application that is not Healthy causes a request.
    """

    def __init__(
        self,
        *,
        commands: Commands,
        snapshot: Callable[[], ApplicationSnapshot],
        now: Callable[[], float] = time.monotonic,
        health_of_resources: bool = False,
    ) -> None:
        self._health_of_resources = health_of_resources
        self._commands = commands
        self._snapshot = snapshot
        self._now = now
        self._compared: tuple[float, Application] | None = None
        self._absent: tuple[float, ArgoCDError] | None = None

    def get(
        self, name: str, *, seconds: float, refresh: bool = False, hard: bool = False, echo: bool = False
    ) -> Application:
        """Return the application's state. If ``refresh`` is True, make Argo CD compare it with git first.

        If ``hard`` is True as well, Argo CD renders the manifests again, without its cache.

        Raises:
            ArgoCDError: the list or the application could not be read.
        """
        del echo
        snapshot = self._snapshot()
        if snapshot.error is not None:
            # If Argo CD does not return the list, it would not compare either, so do not send further requests.
            raise snapshot.error
        application = snapshot.find(name)
        if refresh or application is None:
            return self._request(name, seconds=seconds, refresh=refresh, hard=hard, listed=application is not None)
        if self._compared is not None:
            at, compared = self._compared
            behind = application.uid == compared.uid and application.reconciled_at < compared.reconciled_at
            if behind or snapshot.requested_at < at:
                return compared
        if self._health_of_resources and _lacks_health(application):
            return self._request(name, seconds=seconds, refresh=False, hard=False, listed=True)
        return application

    def sync(self, name: str, *, seconds: float) -> None:
        self._commands.sync(name, seconds=seconds)

    def terminate(self, name: str, *, seconds: float) -> None:
        """Terminate the running operation.

        Raises:
            ArgoCDError: the request failed.
        """
        self._commands.terminate(name, seconds=seconds)

    def wait(self, name: str, *, seconds: float, wait_for: tuple[str, ...], on_line: Callable[[str], None]) -> WaitFeed:
        return self._commands.wait(name, seconds=seconds, wait_for=wait_for, on_line=on_line)

    def _request(self, name: str, *, seconds: float, refresh: bool, hard: bool, listed: bool) -> Application:
        if self._absent is not None and not listed and self._now() - self._absent[0] < ABSENT_SECONDS:
            raise self._absent[1]
        try:
            application = self._commands.get(name, seconds=seconds, refresh=refresh, hard=hard)
        except ArgoCDError as error:
            self._absent = (self._now(), error)
            raise
        if refresh:
            self._compared = (self._now(), application)
        return application


def _lacks_health(application: Application) -> bool:
    """Return True if the application is not Healthy, and no resource of it has a health."""
    return application.health is not HealthStatus.HEALTHY and all(item.health is None for item in application.resources)


class SharedView:
    """A cluster view for all applications of a group, which limits the number of simultaneous requests."""

    def __init__(self, view: ClusterView) -> None:
        self._view = view
        self._at_once = threading.Semaphore(TREES_AT_ONCE)

    def workloads(self, name: str, exclusion: Exclusion | None = None) -> Workloads:
        with self._at_once:
            return self._view.workloads(name, exclusion)

    def pod_templates(self, name: str, nodes: tuple[Node, ...]) -> tuple[PodTemplate, ...]:
        with self._at_once:
            return self._view.pod_templates(name, nodes)

    def watch_application(self, name: str, on_change: Callable[[], object]) -> None:
        self._view.watch_application(name, on_change)

    def watch_tree(self, name: str, on_change: Callable[[], object]) -> None:
        self._view.watch_tree(name, on_change)

    def sync_window(self, name: str, project: str) -> SyncWindow | None:
        with self._at_once:
            return self._view.sync_window(name, project)

    def manifests(self, name: str, *, seconds: float) -> tuple[str, ...]:
        with self._at_once:
            return self._view.manifests(name, seconds=seconds)
