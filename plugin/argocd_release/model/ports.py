"""The ports: interfaces through which the packages ``watch``, ``verdict`` and ``diagnosis`` use Argo CD and git."""

from collections.abc import Callable
from typing import Final, Protocol

from argocd_release.model.application import Application, Resource
from argocd_release.model.events import JobEvent
from argocd_release.model.exclusion import Exclusion
from argocd_release.model.git import RevisionRelation, Source
from argocd_release.model.observation import ApplicationSet, LogPosition, Owner, SyncWindow
from argocd_release.model.resource_tree import Event, Node, PodTemplate, Tree, Workloads

#: A pause between two polls is up to this share shorter or longer. Otherwise, all jobs that lose their connection when
#: Argo CD restarts would poll at the same moments from then on.
SPREAD: Final = 0.2


class StopFlag(Protocol):
    """A flag that is set when the job must end."""

    def is_set(self) -> bool: ...


class Evidence(Protocol):
    """A reader of the details that explain a failure. Each method raises ``ArgoCDError`` if its request fails."""

    def tree(self, name: str) -> Tree: ...
    def events(self, name: str, node: Node) -> tuple[Event, ...]: ...
    def live(self, name: str, node: Node) -> object: ...
    def states(self, name: str, item: Resource) -> tuple[object, object]: ...
    def log(self, name: str, pod: Node, container: str, *, previous: bool, lines: int) -> tuple[str, ...]: ...
    def follow(
        self,
        name: str,
        pod: Node,
        container: str,
        *,
        lines: int,
        take: Callable[[str], object],
        position: LogPosition,
    ) -> None: ...


class Clock(Protocol):
    """A monotonic clock in seconds.

    The method ``wake`` ends the current ``pause`` or, if there is none, the next one. It does not end a ``sleep``.
    The method ``spread`` varies a pause at random, by up to ``share`` of it, so that many jobs do not send requests at
    the same moment.
    """

    def now(self) -> float: ...
    def sleep(self, seconds: float) -> None: ...
    def pause(self, seconds: float) -> None: ...
    def wake(self) -> None: ...
    def spread(self, seconds: float, share: float = SPREAD) -> float: ...


class Emit(Protocol):
    """A function that writes an event to the job log."""

    def __call__(self, event: JobEvent, /) -> object: ...


class RevisionRelationLookup(Protocol):
    """A function that finds out how a source's revision is related to the expected one in git. It can block."""

    def __call__(self, revision: str, expected: str, source: Source, /) -> RevisionRelation: ...


class WaitFeed(Protocol):
    """A running ``argocd app wait``. The method ``stop`` gives it ``grace`` seconds to end, and then terminates it."""

    @property
    def ended(self) -> bool: ...
    def stop(self, *, grace: float = 0.0) -> None: ...


class Get(Protocol):
    """A function that reads one application. It raises ``ArgoCDError`` if the request fails."""

    def __call__(self, name: str, /, *, seconds: float) -> Application: ...


class Commands(Protocol):
    """The argocd commands that the tracker needs. Each method raises ``ArgoCDError`` if its command fails."""

    def get(
        self, name: str, *, seconds: float, refresh: bool = False, hard: bool = False, echo: bool = False
    ) -> Application: ...
    def sync(self, name: str, *, seconds: float) -> None: ...
    def terminate(self, name: str, *, seconds: float) -> None: ...
    def wait(
        self, name: str, *, seconds: float, wait_for: tuple[str, ...], on_line: Callable[[str], None]
    ) -> WaitFeed: ...


class Lists(Protocol):
    """A reader of lists of applications. It raises ``ArgoCDError`` if the request fails.

    A list contains all applications that the token can see, or only those of a label selector and a project.
    """

    def list(
        self, *, seconds: float, selector: str = "", project: str = "", echo: bool = False
    ) -> tuple[Application, ...]: ...


class ApplicationSets(Protocol):
    """A reader of ApplicationSets. It raises ``ArgoCDError`` if the request fails."""

    def application_set(self, name: str, /) -> ApplicationSet: ...


class OwnerLookup(Protocol):
    """A function that returns the known owners of an application. It does not wait until requests have ended."""

    def __call__(self, application: Application, /) -> tuple[Owner, ...]: ...


class ClusterView(Protocol):
    """A reader of pods and manifests. Each method raises ``ArgoCDError`` if its request fails."""

    def workloads(self, name: str, exclusion: Exclusion | None = None) -> Workloads: ...
    def pod_templates(self, name: str, nodes: tuple[Node, ...]) -> tuple[PodTemplate, ...]: ...
    def watch_application(self, name: str, on_change: Callable[[], object]) -> None: ...
    def watch_tree(self, name: str, on_change: Callable[[], object]) -> None: ...
    def sync_window(self, name: str, project: str) -> SyncWindow | None: ...
    def manifests(self, name: str, *, seconds: float) -> tuple[str, ...]: ...
