"""The ports: what watching, judging and diagnosing need of the world, and no more."""

from collections.abc import Callable
from typing import Protocol

from argocd_release.model.application import Application, Source
from argocd_release.model.events import JobEvent
from argocd_release.model.observation import Owner
from argocd_release.model.resource_tree import Event, Node, PodTemplate, Tree, Workloads
from argocd_release.model.revision import RevisionRelation


class Stop(Protocol):
    """Says whether the job is to end; only ever asked."""

    def is_set(self) -> bool: ...


class Evidence(Protocol):
    """What is asked of Argo CD, read-only; each raises ``ArgoCDError``."""

    def tree(self, name: str) -> Tree: ...
    def events(self, name: str, node: Node) -> tuple[Event, ...]: ...
    def live(self, name: str, node: Node) -> object: ...
    def log(self, name: str, pod: Node, container: str, *, previous: bool, lines: int) -> tuple[str, ...]: ...
    def follow(self, name: str, pod: Node, container: str, *, lines: int, take: Callable[[str], object]) -> None: ...


class Clock(Protocol):
    """Seconds that only go forward, a sleep, and a pause that ``wake`` cuts short, even one called before it."""

    def now(self) -> float: ...
    def sleep(self, seconds: float) -> None: ...
    def pause(self, seconds: float) -> None: ...
    def wake(self) -> None: ...


class Emit(Protocol):
    """Takes an event, for the job log."""

    def __call__(self, event: JobEvent, /) -> object: ...


class Kinship(Protocol):
    """How a revision of a source stands to an expected one, by git's history; may block."""

    def __call__(self, revision: str, expected: str, source: Source, /) -> RevisionRelation: ...


class WaitFeed(Protocol):
    @property
    def ended(self) -> bool: ...
    def stop(self, *, grace: float = 0.0) -> None: ...


class Get(Protocol):
    """Reads one application; raises ``ArgoCDError``."""

    def __call__(self, name: str, /, *, seconds: float) -> Application: ...


class Commands(Protocol):
    """What is needed of the argocd CLI."""

    def get(self, name: str, *, seconds: float, refresh: bool = False, echo: bool = False) -> Application: ...
    def sync(self, name: str, *, seconds: float) -> None: ...
    def terminate(self, name: str, *, seconds: float) -> None: ...
    def wait(
        self, name: str, *, seconds: float, wait_for: tuple[str, ...], on_line: Callable[[str], None]
    ) -> WaitFeed: ...


class Lists(Protocol):
    """Every application that can be seen, or those that are chosen; raises ``ArgoCDError``."""

    def list(
        self, *, seconds: float, selector: str = "", project: str = "", echo: bool = False
    ) -> tuple[Application, ...]: ...


class ApplicationSets(Protocol):
    """Reads ApplicationSets; raises ``ArgoCDError``."""

    def git_repositories(self, name: str, /) -> tuple[str, ...]: ...


class OwnerLookup(Protocol):
    """Returns at once what is known of an application's owners."""

    def __call__(self, application: Application, /) -> tuple[Owner, ...]: ...


class ClusterView(Protocol):
    """What is needed of Argo CD's HTTP API. Each raises ``ArgoCDError``."""

    def workloads(self, name: str) -> Workloads: ...
    def pod_templates(self, name: str, nodes: tuple[Node, ...]) -> tuple[PodTemplate, ...]: ...
    def watch_application(self, name: str, on_change: Callable[[], object]) -> None: ...
    def watch_tree(self, name: str, on_change: Callable[[], object]) -> None: ...
    def sync_window(self, name: str) -> str: ...
