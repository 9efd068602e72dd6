"""Answer as a recorded Argo CD did; ``tests/contract/record.py`` makes the recordings."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Final

from argocd_release.argocd.tree_json import parse_events, parse_tree
from argocd_release.core.text import as_object
from argocd_release.model.application import Resource
from argocd_release.model.observation import LogPosition
from argocd_release.model.resource_tree import Event, Node, Tree
from tests.contract.record import FOLDER

#: The recorded versions of Argo CD, each with a folder of its own.
VERSIONS: Final = sorted(folder.name for folder in FOLDER.iterdir())


class Answers(ABC):
    """The answers that are the same in all fakes of Argo CD for the diagnosis."""

    @abstractmethod
    def log(self, name: str, pod: Node, container: str, *, previous: bool, lines: int) -> tuple[str, ...]:
        """Return the last lines of a container's log."""

    def states(self, name: str, item: Resource) -> tuple[object, object]:
        del name, item
        return None, None

    def follow(
        self,
        name: str,
        pod: Node,
        container: str,
        *,
        lines: int,
        take: Callable[[str], object],
        position: LogPosition,
    ) -> None:
        del position
        for line in self.log(name, pod, container, previous=False, lines=lines):
            take(line)


class Recording(Answers):
    """Answers as Argo CD's API did."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document

    def _of(self, node: Node) -> dict[str, Any]:
        return as_object(self._document["nodes"].get(node.uid))

    def tree(self, name: str) -> Tree:
        del name
        return parse_tree(self._document["tree"])

    def events(self, name: str, node: Node) -> tuple[Event, ...]:
        del name
        return parse_events(self._of(node).get("events"))

    def live(self, name: str, node: Node) -> object:
        del name
        return self._of(node).get("manifest")

    def log(self, name: str, pod: Node, container: str, *, previous: bool, lines: int) -> tuple[str, ...]:
        del name, previous
        return tuple(self._of(pod).get("logs", {}).get(container, []))[-lines:]
