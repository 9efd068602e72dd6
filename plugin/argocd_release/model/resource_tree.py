"""The resource tree of an application: its Kubernetes objects, and which of them belong to the current revision.

The fields are those of ``ApplicationTree`` in argo-cd v2.13.2 pkg/apis/application/v1alpha1/types.go. The keys of
``info`` are set in controller/cache/info.go: "Status Reason", "Containers" and "Restart Count" of a pod, and "Revision"
of a ReplicaSet. Only pods have ``labels``, which come from ``networkingInfo``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from argocd_release.core.text import counted, one_line
from argocd_release.messages import causes as texts
from argocd_release.model.observation import Rollout
from argocd_release.model.problem import WAITING_REASONS, CauseCode, Problem, ResourceRef, Subject, refusal

_CANNOT_START: Final = tuple(WAITING_REASONS)
_CRASHES: Final = ("CrashLoopBackOff", "RunContainerError")
#: Kubernetes combines similar events into one, and begins the message of the combined event with these words.
COMBINED: Final = "(combined from similar events): "
WORKLOADS: Final = frozenset({"CronJob", "DaemonSet", "Deployment", "Job", "ReplicaSet", "Rollout", "StatefulSet"})
_MAKES_PODS: Final = frozenset({"ReplicaSet", "StatefulSet", "DaemonSet", "Job"})
# The label with which a pod refers to its ControllerRevision. For a pod of a StatefulSet, the value is the whole name
# of the ControllerRevision. For a pod of a DaemonSet, it is the last part of that name (kubernetes v1.31.0
# staging/src/k8s.io/api/apps/v1/types.go ControllerRevisionHashLabelKey).
_REVISION_LABEL: Final = "controller-revision-hash"
_SECONDS: Final = len("2026-01-01T00:00:00")


@dataclass(frozen=True, kw_only=True)
class Node:
    """One object of a resource tree. ``owner`` is the uid of its owner, or empty if Argo CD has applied the object."""

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
    labels: Mapping[str, str] = field(default_factory=dict)
    #: The host names under which the object can be reached, if it is a Service, an Ingress or another kind of route.
    hosts: frozenset[str] = frozenset()
    #: The Services to which an Ingress or another kind of route sends requests.
    targets: tuple[ResourceRef, ...] = ()
    #: The labels by which a Service selects its pods.
    selector: Mapping[str, str] = field(default_factory=dict)

    @property
    def reason(self) -> str:
        """Return the status that kubectl shows for a pod, such as ``Running`` or ``Init:CrashLoopBackOff``."""
        return self.info.get("Status Reason", "")

    @property
    def containers(self) -> str:
        """Return how many of a pod's containers are ready, such as ``1/2``; "" for objects of other kinds."""
        return self.info.get("Containers", "")

    @property
    def restarts(self) -> int:
        return _number(self.info.get("Restart Count", ""))

    @property
    def serves(self) -> bool:
        """Return True for a pod that is running and ready, and is not terminating."""
        return self.health == "Healthy" and self.reason == "Running"

    @property
    def has_completed(self) -> bool:
        """Return True for a Job that has completed."""
        return (self.kind, self.health) == ("Job", "Healthy")

    @property
    def ref(self) -> ResourceRef:
        """Return the group, kind, namespace and name of the object."""
        return ResourceRef(self.group, self.kind, self.namespace, self.name)

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, kw_only=True)
class Event:
    """A Kubernetes event. ``last_at`` is the time of its last occurrence in RFC 3339, or empty."""

    type: str
    reason: str
    message: str
    count: int
    last_at: str


@dataclass(frozen=True, kw_only=True)
class Failing:
    """A pod that cannot start, or an object that cannot create pods. ``of_job`` is True for a pod of a Job."""

    uid: str
    problem: Problem
    of_job: bool = False

    @property
    def root(self) -> ResourceRef | None:
        """Return the resource to which the object belongs and that Argo CD has applied, such as a Deployment."""
        return self.problem.subject.root if self.problem.subject else None


@dataclass(frozen=True, kw_only=True)
class PodTemplate:
    """The pod template of a workload, from its live manifest."""

    resource: str
    images: tuple[str, ...]
    #: A text that says when the workload will create pods, such as ``at its next start``; empty if it must have pods
    #: now.
    due: str = ""
    #: True for a Job that has completed.
    completed: bool = False
    #: True if the workload updates a pod only after a user has deleted the pod (update strategy OnDelete).
    on_delete: bool = False
    #: True for a StatefulSet whose partition keeps the previous revision in some or all pods.
    partitioned: bool = False


@dataclass(frozen=True, kw_only=True)
class Workloads:
    """A summary of the pods and workloads of an application.

    Pods of Jobs are included only in ``failing`` and ``retried``, and in ``images`` if there are no other pods. Pods of
    earlier revisions are included only in ``earlier``.
    """

    #: The pods that cannot start, and the owners that cannot create pods.
    failing: tuple[Failing, ...] = ()
    #: The failed pods whose Job has not failed. Kubernetes usually replaces such a pod.
    retried: tuple[Failing, ...] = ()
    #: The images of the pods that are running and ready.
    images: tuple[str, ...] = ()
    #: The pods that are ready, and those that must be. The images of a node include those of init containers.
    serving: tuple[Node, ...] = ()
    unready: tuple[Node, ...] = ()
    #: The images of the pods that can still become ready.
    starting: tuple[str, ...] = ()
    #: The last warning about a pod that is not ready, with the name of the pod; empty if there is none.
    warning: str = ""
    #: The number of pods that must be ready. ``ready`` is the number of those that are ready.
    pods: int = 0
    ready: int = 0
    #: The workloads that have no pod of the current revision, and all CronJobs and completed Jobs.
    idle: tuple[Node, ...] = ()
    #: The images of running and ready pods of earlier revisions.
    earlier: tuple[str, ...] = ()
    #: Those images that belong to a StatefulSet or a DaemonSet. If it is Healthy, its update strategy keeps the pods.
    kept: tuple[str, ...] = ()
    #: The pod templates of the workloads in ``idle``. It contains only the workloads whose manifests were read.
    templates: tuple[PodTemplate, ...] = ()
    #: True if the application has no pods of the current revision except pods of Jobs.
    only_jobs: bool = False
    #: The states of the Argo Rollouts that are not Healthy. It contains only those whose manifests were read.
    rollouts: Mapping[ResourceRef, Rollout] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Tree:
    """The resource tree of one application."""

    nodes: tuple[Node, ...]

    @cached_property
    def _by_uid(self) -> dict[str, Node]:
        return {node.uid: node for node in self.nodes if node.uid}

    def owner(self, node: Node) -> Node | None:
        """Return the owner of the node, or None if the tree does not contain the owner."""
        return self._by_uid.get(node.owner)

    def root(self, node: Node) -> Node:
        """Follow the node's owners up to the resource that Argo CD applied: from a pod up to its Deployment."""
        uids = {node.uid}
        while (above := self.owner(node)) is not None and above.uid not in uids:
            node = above
            uids.add(node.uid)
        return node

    @cached_property
    def _newest(self) -> dict[tuple[str, str], Node]:
        """Return the newest ReplicaSet or ControllerRevision of each owner, by owner uid and object kind."""
        newest: dict[tuple[str, str], Node] = {}
        for node in self.nodes:
            if node.kind in {"ReplicaSet", "ControllerRevision"}:
                key = (node.owner, node.kind)
                newest[key] = max(
                    newest.get(key, node), node, key=lambda candidate: (_revision(candidate), candidate.created_at)
                )
        return newest

    def is_current(self, node: Node) -> bool:
        """Return False if the node is a ReplicaSet or pod of an earlier revision, and True for all other nodes."""
        owner = self.owner(node)
        if node.kind == "ReplicaSet" or owner is None:
            return node.kind != "ReplicaSet" or _revision(node) >= _revision(self._newest[node.owner, node.kind])
        if owner.kind == "ReplicaSet":
            return self.is_current(owner)
        newest, label = self._newest.get((owner.uid, "ControllerRevision")), node.labels.get(_REVISION_LABEL, "")
        return newest is None or label in {"", newest.name} or newest.name == f"{owner.name}-{label}"

    @cached_property
    def pods(self) -> tuple[Node, ...]:
        """Return the pods of the current revision, including those of Jobs."""
        return tuple(node for node in self.nodes if node.kind == "Pod" and self.is_current(node))

    @property
    def failing(self) -> tuple[Node, ...]:
        """Return the pods that cannot start, and the ReplicaSets that cannot create pods.

        Pods of Jobs are left out, because Argo CD reports failures of Jobs in the state of the operation.
        """
        return (
            *(pod for pod in self.serving_pods if _cannot_start(pod)),
            # A Degraded ReplicaSet cannot create pods, for example because of a quota or an admission webhook. Argo CD
            # learns this from the condition ReplicaFailure of the ReplicaSet.
            *(node for node in self.owners_without_pods if node.kind == "ReplicaSet" and node.health == "Degraded"),
        )

    @cached_property
    def never_begun(self) -> tuple[Node, ...]:
        """Return the pods of Jobs that will never start, for example because their image does not exist.

        Kubernetes retries such pods forever. Crashing pods are left out, because their Job gives up after some crashes.
        Pods of CronJobs are left out, too.
        """
        return tuple(
            pod
            for pod in self.pods
            if self.is_of_a_job(pod) and self.root(pod).kind == "Job"
            if _cannot_start(pod) and not pod.reason.endswith(_CRASHES)
        )

    @property
    def owners_without_pods(self) -> tuple[Node, ...]:
        """Return the unhealthy workloads of the current revision that have no pods."""
        owners_with_pods = {pod.owner for pod in self.pods}
        return tuple(
            node
            for node in self.nodes
            if node.kind in _MAKES_PODS and node.uid not in owners_with_pods and self.is_current(node)
            if node.health not in {"", "Healthy"}
        )

    @property
    def blocking(self) -> tuple[Node, ...]:
        """Return the pods of earlier revisions that cannot start, and so block the update of their StatefulSet."""
        return tuple(
            node
            for node in self.nodes
            if node.kind == "Pod" and not self.is_current(node) and _cannot_start(node)
            if (owner := self.owner(node)) is not None and owner.kind == "StatefulSet"
        )

    def refusals(self, node: Node, events: tuple[Event, ...]) -> tuple[Event, ...]:
        """Return the events that explain why the workload cannot create pods of its current revision.

        Args:
            node: the workload.
            events: all events of the workload, oldest first.
        """
        newest = self._newest.get((node.uid, "ControllerRevision"), node)
        return tuple(
            event
            for event in events
            if event.reason == "FailedCreate"
            if not event.last_at or event.last_at[:_SECONDS] >= newest.created_at[:_SECONDS]
        )

    @cached_property
    def serving_pods(self) -> tuple[Node, ...]:
        """Return the pods of the current revision that must be ready: all except pods of Jobs and replaced pods."""
        return tuple(pod for pod in self.pods if not self.is_of_a_job(pod) and not self.is_replaced(pod))

    def is_replaced(self, pod: Node) -> bool:
        """Return True if the pod has ended, for example by eviction, and its owner has created a newer pod.

        The result is always False for pods of Jobs: each attempt of a Job has its own pod, and all attempts matter.
        """
        ended = pod.health == "Degraded" and not _cannot_start(pod)
        return ended and not self.is_of_a_job(pod) and pod.created_at < self._youngest.get(pod.owner, "")

    @cached_property
    def _youngest(self) -> dict[str, str]:
        """Map the uid of each owner to the creation time of the owner's newest pod."""
        youngest: dict[str, str] = {}
        for node in self.nodes:
            if node.kind == "Pod" and node.owner:
                youngest[node.owner] = max(youngest.get(node.owner, ""), node.created_at)
        return youngest

    @cached_property
    def ready_pods(self) -> tuple[Node, ...]:
        """Return the pods that are ready. If all pods belong to Jobs, return the Healthy pods of the newest Job."""
        if self.serving_pods:
            return tuple(pod for pod in self.serving_pods if pod.serves)
        newest = max((node for node in self.nodes if node.kind == "Job"), key=lambda job: job.created_at, default=None)
        return tuple(pod for pod in self.pods if newest and pod.owner == newest.uid and pod.health == "Healthy")

    @property
    def images(self) -> tuple[str, ...]:
        """Return the images of the ready pods."""
        return images_of(self.ready_pods)

    @property
    def idle(self) -> tuple[Node, ...]:
        """Return the applied workloads without pods of the current revision, and all CronJobs and completed Jobs."""
        busy = {self.root(pod).uid for pod in self.pods}
        applied = [node for node in self.nodes if node.kind in WORKLOADS and not node.owner]
        # The pods of a CronJob can run an older image.
        return tuple(node for node in applied if node.uid not in busy or node.kind == "CronJob" or node.has_completed)

    @property
    def earlier(self) -> tuple[str, ...]:
        """Return the images of the ready pods of earlier revisions."""
        return images_of(self._earlier_pods)

    @property
    def kept(self) -> tuple[str, ...]:
        """Return the images of the ready pods of earlier revisions that belong to a StatefulSet or a DaemonSet."""
        kinds = {"StatefulSet", "DaemonSet"}
        return images_of(pod for pod in self._earlier_pods if (owner := self.owner(pod)) and owner.kind in kinds)

    @property
    def _earlier_pods(self) -> list[Node]:
        return [node for node in self.nodes if node.kind == "Pod" and node.serves and not self.is_current(node)]

    @property
    def starting(self) -> tuple[str, ...]:
        """Return the images of the pods that can still become ready."""
        return images_of(filter(_may_serve, self.serving_pods))

    def is_of_a_job(self, pod: Node) -> bool:
        """Return True if a Job owns the pod. The Job can also be a hook, or belong to a CronJob."""
        owner = self.owner(pod)
        return owner is not None and owner.kind == "Job"

    def as_failing(self, node: Node, message: str = "", *, refused: bool = False) -> Failing:
        """Describe a node that cannot start or create pods. The arguments are the same as those of ``described``."""
        text, subject = self.described(node, message, refused=refused), self.subject(node)
        code = WAITING_REASONS.get(node.reason.removeprefix("Init:"))
        code = code or refusal(message or node.message) or CauseCode.NO_PODS
        problem = Problem(message=text, code=code, subject=subject)
        return Failing(uid=node.uid, problem=problem, of_job=self.is_of_a_job(node))

    def subject(self, node: Node, container: str = "") -> Subject:
        """Return the node as the subject of a problem, together with the applied resource to which the node belongs."""
        return Subject(ref=node.ref, root=self.root(node).ref, container=container)

    def described(self, node: Node, message: str = "", *, refused: bool = False) -> str:
        """Describe the problem of a node, for example ``Deployment/web → Pod/web-x: CrashLoopBackOff, 4 restarts — …``.

        Args:
            node: the object.
            message: the reason; the message of the node by default.
            refused: True if the node cannot create pods. For a Degraded ReplicaSet, this is always assumed, because
                only its condition ReplicaFailure makes it Degraded (gitops-engine pkg/health/health_replicaset.go).
        """
        reason = message or node.message
        # In messages, the kubelet appends the namespace and uid to a pod's name: "pod=web-x_default(0b5bc78a-…)".
        reason = (
            reason.replace(f"_{node.namespace}({node.uid})", "").removeprefix(COMBINED).removeprefix("Error creating: ")
        )
        again = f", {counted(node.restarts, 'restart')}" if node.restarts else ""
        what = node.reason or ("Failed" if node.kind == "Job" and node.health == "Degraded" else node.health)
        if refused or (node.kind == "ReplicaSet" and node.health == "Degraded"):
            what = texts.NO_PODS
        text = texts.STATE.fill(subject=self.subject(node), state=f"{what}{again}")
        return one_line(texts.WITH_REASON.fill(message=text, reason=reason) if reason else text)


def _cannot_start(pod: Node) -> bool:
    return pod.reason.removeprefix("Init:").startswith(_CANNOT_START)


def images_of(pods: Iterable[Node]) -> tuple[str, ...]:
    """Return the images of the pods without duplicates."""
    return tuple(dict.fromkeys(image for pod in pods for image in pod.images))


def _may_serve(pod: Node) -> bool:
    return not pod.serves and pod.reason not in {"Completed", "Error", "Terminating", "Evicted"}


def _revision(node: Node) -> int:
    return _number(node.info.get("Revision", "").removeprefix("Rev:"))


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < len("1000000000") else 0
