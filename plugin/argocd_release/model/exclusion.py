"""The resources of an application that ``RELEASE_RESOURCES`` excludes from the verdict."""

from dataclasses import dataclass
from typing import NamedTuple

from argocd_release.model.problem import ResourceRef
from argocd_release.model.resource_tree import Tree


class ExcludedResource(NamedTuple):
    """A resource that does not count for the verdict. ``health`` is empty if its kind has no health."""

    ref: ResourceRef
    sync: str
    health: str

    @property
    def deviates(self) -> bool:
        """Return True if the resource is not Synced or not Healthy."""
        return self.sync != "Synced" or self.health not in {"", "Healthy"}

    def __str__(self) -> str:
        return str(self.ref)


@dataclass(frozen=True, kw_only=True)
class Exclusion:
    """The difference between a whole application and the part of it by which the job judges the release.

    Attributes:
        resources: the resources that do not count. The reports contain only some of them, but ``count`` is of all.
        chosen: the number of resources that count.
        sync: the sync status of the whole application.
        health: the health of the whole application.
        unmatched: the patterns that choose resources, but match none of this application.
        is_complete: False if the chosen resources cannot prove the release: there are none, or a pattern that must
            match has no match.
        failures: the messages of the excluded resources that failed in the last operation, and that did not keep any
            chosen resource from being synced.
    """

    resources: tuple[ExcludedResource, ...]
    count: int
    chosen: int
    sync: str
    health: str
    unmatched: tuple[str, ...] = ()
    is_complete: bool = True
    failures: tuple[str, ...] = ()


def without(tree: Tree, exclusion: Exclusion | None) -> Tree:
    """Return the tree without the excluded resources and everything that belongs to them, such as their pods."""
    if exclusion is None or not exclusion.resources:
        return tree
    refs = {item.ref for item in exclusion.resources}
    return Tree(nodes=tuple(node for node in tree.nodes if tree.root(node).ref not in refs))
