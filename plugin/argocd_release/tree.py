"""The resource tree: what lies beneath an application, and what of it runs now. A ReplicaSet before is history.

Shape: argo-cd v2.13.2 pkg/apis/application/v1alpha1/types.go ApplicationTree; the rows under ``info`` are those of
controller/cache/info.go: «Status Reason», «Containers», «Restart Count», and «Revision» of a ReplicaSet.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from argocd_release.shape import as_list, as_object, as_objects
from argocd_release.text import clean, one_line

_CANNOT_START: Final = (
    "CrashLoopBackOff",
    "ImagePullBackOff",
    "ErrImagePull",
    "ErrImageNeverPull",
    "InvalidImageName",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
)
_CRASHES: Final = ("CrashLoopBackOff", "RunContainerError")
_MAKES_PODS: Final = frozenset({"ReplicaSet", "StatefulSet", "DaemonSet", "Job"})
MESSAGE_LIMIT: Final = 4000


@dataclass(frozen=True, kw_only=True)
class Node:
    """One object in the cluster; ``owner`` is the uid of what made it, ``""`` for what Argo CD applied itself."""

    uid: str
    owner: str
    group: str
    version: str
    kind: str
    namespace: str
    name: str
    health: str
    message: str
    created_at: str
    images: tuple[str, ...]
    info: Mapping[str, str] = field(default_factory=dict)

    @property
    def reason(self) -> str:
        """What kubectl shows as a pod's status, such as ``Running`` or ``Init:CrashLoopBackOff``."""
        return self.info.get("Status Reason", "")

    @property
    def containers(self) -> str:
        """Of a pod: how many of its containers are ready, such as ``1/2``."""
        return self.info.get("Containers", "")

    @property
    def restarts(self) -> int:
        return _number(self.info.get("Restart Count", ""))

    @property
    def key(self) -> "Key":
        return (self.group, self.kind, self.namespace, self.name)

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, kw_only=True)
class Event:
    """A Kubernetes event; ``last_at`` is RFC 3339 or ``""``."""

    type: str
    reason: str
    message: str
    count: int
    last_at: str


Key = tuple[str, str, str, str]


@dataclass(frozen=True, kw_only=True)
class Failing:
    """Something that cannot start: its uid, and what is wrong with it in one line.

    ``root``: group, kind, namespace and name of what Argo CD applied and it comes from. ``of_job``: a pod of a Job.
    """

    uid: str
    text: str
    root: Key = ("", "", "", "")
    of_job: bool = False


@dataclass(frozen=True, kw_only=True)
class Workloads:
    """Of what runs now: what cannot start, and the images of the pods; of ``pods``, ``ready`` are."""

    failing: tuple[Failing, ...] = ()
    images: tuple[str, ...] = ()
    pods: int = 0
    ready: int = 0


@dataclass(frozen=True, kw_only=True)
class Tree:
    """The nodes of one application."""

    nodes: tuple[Node, ...]

    @cached_property
    def _by_uid(self) -> dict[str, Node]:
        return {node.uid: node for node in self.nodes if node.uid}

    def owner(self, node: Node) -> Node | None:
        """What made the node."""
        return self._by_uid.get(node.owner)

    def root(self, node: Node) -> Node:
        """What Argo CD applied and the node comes from: of a Deployment's pod the Deployment."""
        seen = {node.uid}
        while (above := self.owner(node)) is not None and above.uid not in seen:
            node = above
            seen.add(node.uid)
        return node

    @cached_property
    def _newest(self) -> dict[str, int]:
        newest: dict[str, int] = {}
        for node in self.nodes:
            if node.kind == "ReplicaSet":
                newest[node.owner] = max(newest.get(node.owner, 0), _revision(node))
        return newest

    def is_current(self, node: Node) -> bool:
        """Whether the node is no ReplicaSet of a revision before, nor a pod of one."""
        replica_set = node if node.kind == "ReplicaSet" else self.owner(node)
        if replica_set is None or replica_set.kind != "ReplicaSet":
            return True
        return _revision(replica_set) >= self._newest.get(replica_set.owner, 0)

    @cached_property
    def pods(self) -> tuple[Node, ...]:
        """The pods of what runs now, those of Jobs too."""
        return tuple(node for node in self.nodes if node.kind == "Pod" and self.is_current(node))

    @property
    def failing(self) -> tuple[Node, ...]:
        """Pods that cannot start, and ReplicaSets that can make none. Pods of Jobs are the operation's business."""
        return (
            *(pod for pod in self.pods if _cannot_start(pod) and not self._is_of_a_job(pod)),
            # A quota or an admission webhook; Argo CD has it from the ReplicaSet's condition ReplicaFailure.
            *(node for node in self.barren if node.kind == "ReplicaSet" and node.health == "Degraded"),
        )

    @property
    def never_begun(self) -> tuple[Node, ...]:
        """Pods of Jobs that are no CronJob's, and that nothing but a change starts: Kubernetes tries them for ever.

        One that crashes is the Job's own business, which counts and gives up.
        """
        return tuple(
            pod
            for pod in self.pods
            if self._is_of_a_job(pod) and self.root(pod).kind == "Job"
            if _cannot_start(pod) and not pod.reason.endswith(_CRASHES)
        )

    @property
    def barren(self) -> tuple[Node, ...]:
        """What should make pods now, and has none."""
        fertile = {pod.owner for pod in self.pods}
        return tuple(
            node
            for node in self.nodes
            if node.kind in _MAKES_PODS and node.uid not in fertile and self.is_current(node)
            if node.health not in {"", "Healthy"}
        )

    @property
    def served(self) -> tuple[Node, ...]:
        """The pods that are to become ready and stay so: not those of Jobs."""
        return tuple(pod for pod in self.pods if not self._is_of_a_job(pod))

    def _is_of_a_job(self, pod: Node) -> bool:
        owner = self.owner(pod)
        return owner is not None and owner.kind == "Job"

    def as_failing(self, node: Node, message: str = "") -> Failing:
        """The node as something that cannot start."""
        root = self.root(node).key
        return Failing(uid=node.uid, text=self.described(node, message), root=root, of_job=self._is_of_a_job(node))

    def described(self, node: Node, message: str = "") -> str:
        """What is wrong with the node: ``Deployment/web → Pod/web-x: CrashLoopBackOff, 4 restarts — …``."""
        root, said = self.root(node), message or node.message
        path = str(node) if root is node else f"{root} → {node}"
        again = f", {node.restarts} restart{'' if node.restarts == 1 else 's'}" if node.restarts else ""
        what = node.reason or ("no pod can be created" if node.kind in _MAKES_PODS else node.health)
        return one_line(f"{path}: {what}{again}{f' — {said}' if said else ''}")


def parse(document: object) -> Tree:
    """The tree in the answer of ``GET …/resource-tree``."""
    return Tree(nodes=tuple(_node(item) for item in as_objects(as_object(document).get("nodes"))))


def parse_events(document: object) -> tuple[Event, ...]:
    """The events in the answer of ``GET …/events``, the latest last."""
    found = [_event(item) for item in as_objects(as_object(document).get("items"))]
    return tuple(sorted(found, key=lambda event: event.last_at))


def _node(item: dict[str, Any]) -> Node:
    parents, health = as_objects(item.get("parentRefs")), as_object(item.get("health"))
    return Node(
        uid=_text(item.get("uid")),
        owner=_text(parents[0].get("uid")) if parents else "",
        group=_text(item.get("group")),
        version=_text(item.get("version")),
        kind=_text(item.get("kind")),
        namespace=_text(item.get("namespace")),
        name=_text(item.get("name")),
        health=_text(health.get("status")),
        message=_text(health.get("message")),
        created_at=_text(item.get("createdAt")),
        images=tuple(_text(image) for image in as_list(item.get("images"))),
        info={_text(row.get("name")): _text(row.get("value")) for row in as_objects(item.get("info"))},
    )


def _event(item: dict[str, Any]) -> Event:
    count = item.get("count")
    last_at = (
        item.get("lastTimestamp") or item.get("eventTime") or as_object(item.get("metadata")).get("creationTimestamp")
    )
    return Event(
        type=_text(item.get("type")),
        reason=_text(item.get("reason")),
        message=clean(str(item.get("message") or ""), limit=MESSAGE_LIMIT).strip(),
        count=count if isinstance(count, int) else 1,
        last_at=_text(last_at),
    )


def _cannot_start(pod: Node) -> bool:
    return pod.reason.removeprefix("Init:").startswith(_CANNOT_START)


def _revision(replica_set: Node) -> int:
    return _number(replica_set.info.get("Revision", "").removeprefix("Rev:"))


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < len("1000000000") else 0


def _text(value: object) -> str:
    return one_line(value, limit=MESSAGE_LIMIT) if isinstance(value, str) else ""
