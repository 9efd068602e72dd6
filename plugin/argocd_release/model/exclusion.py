"""The resources of an application that ``RELEASE_RESOURCES`` excludes from the verdict."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from argocd_release.model.problem import ResourceRef
from argocd_release.model.resource_tree import Node, Tree


class ExcludedResource(NamedTuple):
    """A resource that does not count for the verdict.

    ``health`` is empty if its kind has no health. ``sync`` is empty if Argo CD does not compare the resource.
    """

    ref: ResourceRef
    sync: str
    health: str
    requires_pruning: bool = False

    @property
    def deviates(self) -> bool:
        """Return True if the resource is not Synced or not Healthy."""
        return self.sync not in {"", "Synced"} or self.health not in {"", "Healthy"}

    @property
    def awaits_apply(self) -> bool:
        """Return True if the resource is in git, and Argo CD has not synced it."""
        return self.sync not in {"", "Synced"} and not self.requires_pruning

    def __str__(self) -> str:
        return str(self.ref)


@dataclass(frozen=True, kw_only=True)
class Exclusion:
    """The resources that RELEASE_RESOURCES excludes, and the state of the application with them.

    Attributes:
        resources: the resources that do not count. The reports contain only some of them.
        count: the number of all resources that do not count.
        chosen: the resources in git that count, without hooks.
        sync: the sync status of the whole application.
        health: the health of the whole application.
        unmatched: the patterns without ``!`` that match no resource of this application.
        is_complete: False if the chosen resources cannot prove the release: there are none, or a pattern that must
            match has no match.
        failures: the messages of the excluded resources that failed in the last operation, and that did not keep any
            chosen resource from being synced.
    """

    resources: tuple[ExcludedResource, ...]
    count: int
    chosen: frozenset[ResourceRef]
    sync: str
    health: str
    unmatched: tuple[str, ...] = ()
    is_complete: bool = True
    failures: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ChosenTree(Tree):
    """A resource tree in which only the pods of the chosen resources prove an image.

    The tree also contains the pods of hooks. A hook is a step of the sync, so its pods only show why it cannot start.
    """

    chosen: frozenset[ResourceRef]

    @cached_property
    def ready_pods(self) -> tuple[Node, ...]:
        """Return the ready pods of the chosen resources."""
        return Tree(nodes=tuple(node for node in self.nodes if self.root(node).ref in self.chosen)).ready_pods


def without(tree: Tree, exclusion: Exclusion | None) -> Tree:
    """Return the tree without the excluded resources and everything that belongs to them, such as their pods."""
    if exclusion is None or not exclusion.resources:
        return tree
    refs = {item.ref for item in exclusion.resources}
    nodes = tuple(node for node in tree.nodes if tree.root(node).ref not in refs)
    return ChosenTree(nodes=nodes, chosen=exclusion.chosen)
