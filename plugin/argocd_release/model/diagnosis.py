"""What was found out about a release that was not delivered: the cause, and what it is read from."""

from dataclasses import dataclass

from argocd_release.model.cause import Cause
from argocd_release.model.resource_tree import Event, Node


@dataclass(frozen=True, kw_only=True)
class ObjectEvent:
    """A Kubernetes event of one object, such as ``Pod/web-x``."""

    subject: str
    event: Event


@dataclass(frozen=True, kw_only=True)
class PodLog:
    """The last lines of a container's log; ``previous``: of the run before its last restart."""

    pod: str
    container: str
    previous: bool
    lines: tuple[str, ...]

    @property
    def says_something(self) -> bool:
        return any(line.strip() for line in self.lines)


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """``cause``: None where nothing better is known than the verdict.

    ``status``: the application's as ``argocd app get`` shows it. ``pods``: of what runs now, the worst first.
    ``notes``: what could not be seen, and why.
    """

    cause: Cause | None = None
    status: str = ""
    pods: tuple[Node, ...] = ()
    occurrences: tuple[ObjectEvent, ...] = ()
    logs: tuple[PodLog, ...] = ()
    notes: tuple[str, ...] = ()
