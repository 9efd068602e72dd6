"""Count the pods of an application that serve, and find the resources whose pods have not begun."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from argocd_release.model.problem import ResourceRef
from argocd_release.model.resource_tree import Node, Tree, images_of

#: The states of a pod in which no container has ever run (kubectl's words, which Argo CD uses in its resource tree).
_NOT_BEGUN: Final = frozenset({
    "Pending", "ContainerCreating", "ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName",
    "CreateContainerConfigError", "CreateContainerError",
})  # fmt: skip
#: The maximum number of images that the description of a group of pods lists.
SHOWN_IMAGES: Final = 3


@dataclass(frozen=True, kw_only=True)
class PodGroup:
    """The pods of the current or of earlier revisions, without pods of Jobs. Images and times are of ready pods."""

    count: int = 0
    ready: int = 0
    #: The first ``SHOWN_IMAGES`` images. ``more_images`` is the number of the other images.
    images: tuple[str, ...] = ()
    more_images: int = 0
    #: The creation times of the oldest and the youngest ready pod, in RFC 3339; empty if no pod is ready.
    oldest: str = ""
    youngest: str = ""

    @classmethod
    def of(cls, pods: Iterable[Node]) -> "PodGroup":
        every = list(pods)
        ready = [pod for pod in every if pod.serves]
        images = images_of(ready)
        times = sorted(pod.created_at for pod in ready if pod.created_at)
        return cls(
            count=len(every),
            ready=len(ready),
            images=images[:SHOWN_IMAGES],
            more_images=len(images[SHOWN_IMAGES:]),
            oldest=times[0] if times else "",
            youngest=times[-1] if times else "",
        )


@dataclass(frozen=True, kw_only=True)
class ServingPods:
    """The pods of an application in two groups: pods of the current revision, and pods of earlier revisions."""

    current: PodGroup = field(default_factory=PodGroup)
    earlier: PodGroup = field(default_factory=PodGroup)

    @classmethod
    def of(cls, tree: Tree) -> "ServingPods":
        old = (node for node in tree.nodes if node.kind == "Pod" and not tree.is_current(node))
        return cls(
            current=PodGroup.of(tree.serving_pods),
            earlier=PodGroup.of(pod for pod in old if not tree.is_of_a_job(pod)),
        )


def not_begun(tree: Tree) -> tuple[ResourceRef, ...]:
    """Return the applied resources that have pods, if no container of these pods has started.

    If a pod has several containers, the tree can show the state of only one of them. So such a pod only counts if its
    state is Pending, which describes the whole pod.
    """
    pods: dict[ResourceRef, list[Node]] = {}
    for node in tree.nodes:
        if node.kind == "Pod":
            pods.setdefault(tree.root(node).ref, []).append(node)
    return tuple(ref for ref, of_root in pods.items() if all(map(_has_not_begun, of_root)))


def _has_not_begun(pod: Node) -> bool:
    is_single = pod.containers in {"", "0/1"}
    return pod.reason in _NOT_BEGUN and not pod.restarts and (is_single or pod.reason == "Pending")
