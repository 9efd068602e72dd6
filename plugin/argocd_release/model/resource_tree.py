"""The resource tree: what lies beneath an application, and what of it runs now. What a revision before made is history.

Shape: argo-cd v2.13.2 pkg/apis/application/v1alpha1/types.go ApplicationTree; the rows under ``info`` are those of
controller/cache/info.go: «Status Reason», «Containers», «Restart Count», and «Revision» of a ReplicaSet. The labels
are those under ``networkingInfo``, which only pods have.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from argocd_release.core.text import counted, one_line
from argocd_release.model.argo_rollout import Rollout
from argocd_release.model.cause import WAITING_REASONS, CauseCode, Finding, Key, Subject, refusal

_CANNOT_START: Final = tuple(WAITING_REASONS)
_CRASHES: Final = ("CrashLoopBackOff", "RunContainerError")
_WORKLOADS: Final = frozenset({"CronJob", "DaemonSet", "Deployment", "Job", "ReplicaSet", "Rollout", "StatefulSet"})
_MAKES_PODS: Final = frozenset({"ReplicaSet", "StatefulSet", "DaemonSet", "Job"})
# Of a pod of a StatefulSet the name of its ControllerRevision, of a DaemonSet's the last part of it
# (kubernetes v1.31.0 staging/src/k8s.io/api/apps/v1/types.go ControllerRevisionHashLabelKey).
_REVISION_LABEL: Final = "controller-revision-hash"
_SECONDS: Final = len("2026-01-01T00:00:00")


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
    labels: Mapping[str, str] = field(default_factory=dict)
    #: The host names of a route or a Service, the Services that a route leads to, and the labels a Service selects.
    hosts: frozenset[str] = frozenset()
    targets: tuple[Key, ...] = ()
    selector: Mapping[str, str] = field(default_factory=dict)

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
    def serves(self) -> bool:
        """Of a pod: whether it runs, and all of it is ready. One that has ended, or is about to, does not."""
        return self.health == "Healthy" and self.reason == "Running"

    @property
    def key(self) -> Key:
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


@dataclass(frozen=True, kw_only=True)
class Failing:
    """Something that cannot start: its uid, and what is wrong with it. ``of_job``: a pod of a Job."""

    uid: str
    finding: Finding
    of_job: bool = False

    @property
    def root(self) -> Key | None:
        """What Argo CD applied and it comes from."""
        return self.finding.subject.root if self.finding.subject else None


@dataclass(frozen=True, kw_only=True)
class PodTemplate:
    """The pods that a resource makes when they are due, as its live manifest says."""

    resource: str
    images: tuple[str, ...]
    #: When it makes them, such as ``at its next start``; "" if it should have them now.
    due: str = ""
    #: True if it replaces a pod only after somebody has deleted it.
    on_delete: bool = False


@dataclass(frozen=True, kw_only=True)
class Workloads:
    """Of what runs now: what cannot start, the images of the pods that serve, and of those that may yet.

    Of ``pods``, ``ready`` are. ``rollouts``: those of Argo Rollouts that are not Healthy, as far as they are known.
    """

    failing: tuple[Failing, ...] = ()
    images: tuple[str, ...] = ()
    starting: tuple[str, ...] = ()
    pods: int = 0
    ready: int = 0
    #: What has no pod of the current revision, and the images of pods of the revision before that serve.
    idle: tuple[Node, ...] = ()
    earlier: tuple[str, ...] = ()
    #: The pod templates of what is idle, as far as they were asked for.
    templates: tuple[PodTemplate, ...] = ()
    #: True if only pods of Jobs run.
    only_jobs: bool = False
    rollouts: Mapping[Key, Rollout] = field(default_factory=dict)


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
    def _newest(self) -> dict[tuple[str, str], Node]:
        """By owner and kind: the ReplicaSet or ControllerRevision of the revision that is rolled out or has been."""
        newest: dict[tuple[str, str], Node] = {}
        for node in self.nodes:
            if node.kind in {"ReplicaSet", "ControllerRevision"}:
                key = (node.owner, node.kind)
                newest[key] = max(newest.get(key, node), node, key=lambda each: (_revision(each), each.created_at))
        return newest

    def is_current(self, node: Node) -> bool:
        """Whether the node is no ReplicaSet of a revision before, nor a pod of one or a ControllerRevision before."""
        owner = self.owner(node)
        if node.kind == "ReplicaSet" or owner is None:
            return node.kind != "ReplicaSet" or _revision(node) >= _revision(self._newest[node.owner, node.kind])
        if owner.kind == "ReplicaSet":
            return self.is_current(owner)
        newest, label = self._newest.get((owner.uid, "ControllerRevision")), node.labels.get(_REVISION_LABEL, "")
        return newest is None or label in {"", newest.name} or newest.name == f"{owner.name}-{label}"

    @cached_property
    def pods(self) -> tuple[Node, ...]:
        """The pods of what runs now, those of Jobs too."""
        return tuple(node for node in self.nodes if node.kind == "Pod" and self.is_current(node))

    @property
    def failing(self) -> tuple[Node, ...]:
        """Pods that cannot start, and ReplicaSets that can make none. Pods of Jobs are the operation's business."""
        return (
            *(pod for pod in self.served if _cannot_start(pod)),
            # A quota or an admission webhook; Argo CD has it from the ReplicaSet's condition ReplicaFailure.
            *(node for node in self.owners_without_pods if node.kind == "ReplicaSet" and node.health == "Degraded"),
        )

    @property
    def never_begun(self) -> tuple[Node, ...]:
        """Pods of Jobs that are no CronJob's, and that nothing but a change starts: Kubernetes tries them for ever.

        One that crashes is the Job's own business, which counts and gives up.
        """
        return tuple(
            pod
            for pod in self.pods
            if self.is_of_a_job(pod) and self.root(pod).kind == "Job"
            if _cannot_start(pod) and not pod.reason.endswith(_CRASHES)
        )

    @property
    def owners_without_pods(self) -> tuple[Node, ...]:
        """What should make pods now, and has none."""
        owners_with_pods = {pod.owner for pod in self.pods}
        return tuple(
            node
            for node in self.nodes
            if node.kind in _MAKES_PODS and node.uid not in owners_with_pods and self.is_current(node)
            if node.health not in {"", "Healthy"}
        )

    @property
    def blocking(self) -> tuple[Node, ...]:
        """Pods of a revision before that cannot start, and for which a StatefulSet waits before it replaces any."""
        return tuple(
            node
            for node in self.nodes
            if node.kind == "Pod" and not self.is_current(node) and _cannot_start(node)
            if (owner := self.owner(node)) is not None and owner.kind == "StatefulSet"
        )

    def refusals(self, node: Node, events: tuple[Event, ...]) -> tuple[Event, ...]:
        """Those of its events that say why it can make no pod of this revision, the latest last."""
        newest = self._newest.get((node.uid, "ControllerRevision"), node)
        return tuple(
            event
            for event in events
            if event.reason == "FailedCreate"
            if not event.last_at or event.last_at[:_SECONDS] >= newest.created_at[:_SECONDS]
        )

    @property
    def served(self) -> tuple[Node, ...]:
        """The pods that are to become ready and stay so: not those of Jobs."""
        return tuple(pod for pod in self.pods if not self.is_of_a_job(pod) and not self.is_replaced(pod))

    def is_replaced(self, pod: Node) -> bool:
        """Return True for a pod that has ended, such as one that was evicted, if its owner has a younger pod.

        Each attempt of a Job has a pod of its own, and what an earlier one says still counts.
        """
        ended = pod.health == "Degraded" and not _cannot_start(pod)
        return ended and not self.is_of_a_job(pod) and pod.created_at < self._youngest.get(pod.owner, "")

    @cached_property
    def _youngest(self) -> dict[str, str]:
        """Return the time at which the youngest pod of each owner was created, by the owner's uid."""
        youngest: dict[str, str] = {}
        for node in self.nodes:
            if node.kind == "Pod" and node.owner:
                youngest[node.owner] = max(youngest.get(node.owner, ""), node.created_at)
        return youngest

    def serving(self, host: str) -> frozenset[str]:
        """Return the uids of what serves a host: routes and Services that name it, their Services, and their pods."""
        routes = [node for node in self.nodes if host in node.hosts]
        keys = {target for node in routes for target in node.targets}
        behind = [node for node in self.nodes if node.key in keys or node in routes]
        selectors = [(node.namespace, node.selector.items()) for node in behind if node.selector]
        pods = [
            node
            for node in self.nodes
            if node.kind == "Pod"
            if any(node.namespace == space and wanted <= node.labels.items() for space, wanted in selectors)
        ]
        return frozenset(node.uid for node in (*behind, *pods))

    @property
    def images(self) -> tuple[str, ...]:
        """The images that serve: of pods that are ready; where there are only pods of Jobs, of the newest Job's."""
        serving = [pod for pod in self.served if pod.serves]
        if not self.served:
            jobs = [node for node in self.nodes if node.kind == "Job"]
            newest = max(jobs, key=lambda job: job.created_at, default=None)
            serving = [pod for pod in self.pods if newest and pod.owner == newest.uid and pod.health == "Healthy"]
        return tuple(dict.fromkeys(image for pod in serving for image in pod.images))

    @property
    def idle(self) -> tuple[Node, ...]:
        """Return the applied resources that make pods and have none now; a CronJob starts its Jobs anew each time."""
        busy = {self.root(pod).uid for pod in self.pods}
        return tuple(
            node
            for node in self.nodes
            if node.kind in _WORKLOADS and not node.owner and (node.kind == "CronJob" or node.uid not in busy)
        )

    @property
    def earlier(self) -> tuple[str, ...]:
        """Return the images of pods of the revision before that serve."""
        old = [node for node in self.nodes if node.kind == "Pod" and node.serves and not self.is_current(node)]
        return tuple(dict.fromkeys(image for pod in old for image in pod.images))

    @property
    def starting(self) -> tuple[str, ...]:
        """The images of pods that do not serve yet."""
        return tuple(dict.fromkeys(image for pod in self.served if _may_serve(pod) for image in pod.images))

    def is_of_a_job(self, pod: Node) -> bool:
        """Whether a Job made the pod, be it a hook, of a CronJob, or of its own."""
        owner = self.owner(pod)
        return owner is not None and owner.kind == "Job"

    def as_failing(self, node: Node, message: str = "", *, refused: bool = False) -> Failing:
        """The node as something that cannot start; ``refused``: see ``described``."""
        text, subject = self.described(node, message, refused=refused), self.subject(node)
        known = WAITING_REASONS.get(node.reason.removeprefix("Init:"))
        code = known or refusal(message or node.message) or CauseCode.NO_PODS
        finding = Finding(text=text, code=code, subject=subject)
        return Failing(uid=node.uid, finding=finding, of_job=self.is_of_a_job(node))

    def subject(self, node: Node, container: str = "") -> Subject:
        """The node as what a cause is about."""
        return Subject(key=node.key, root=self.root(node).key, container=container)

    def described(self, node: Node, message: str = "", *, refused: bool = False) -> str:
        """What is wrong with the node: ``Deployment/web → Pod/web-x: CrashLoopBackOff, 4 restarts — …``.

        ``refused``: it can make no pods. Of a ReplicaSet without one that is known: its only condition says so.
        """
        said = message or node.message
        # The kubelet names a pod by its uid too: "pod=web-x_default(0b5bc78a-…)".
        said = (
            said.replace(f"_{node.namespace}({node.uid})", "")
            .removeprefix("(combined from similar events): ")
            .removeprefix("Error creating: ")
        )
        again = f", {counted(node.restarts, 'restart')}" if node.restarts else ""
        what = node.reason or ("Failed" if node.kind == "Job" and node.health == "Degraded" else node.health)
        if refused or node.kind == "ReplicaSet":
            what = "no pod can be created"
        return one_line(f"{self.subject(node)}: {what}{again}{f' — {said}' if said else ''}")


def _cannot_start(pod: Node) -> bool:
    return pod.reason.removeprefix("Init:").startswith(_CANNOT_START)


def _may_serve(pod: Node) -> bool:
    return not pod.serves and pod.reason not in {"Completed", "Error", "Terminating", "Evicted"}


def _revision(node: Node) -> int:
    return _number(node.info.get("Revision", "").removeprefix("Rev:"))


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < len("1000000000") else 0
