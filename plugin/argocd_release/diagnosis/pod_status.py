"""Find the container that keeps a pod from being ready, the log line that says why, and the pods that serve a host.

The names of the fields are those of Kubernetes core/v1 PodStatus.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from argocd_release.core.text import as_message, as_object, as_objects, as_text, one_line
from argocd_release.model.resource_tree import Tree


def last_meaningful(lines: tuple[str, ...]) -> str:
    """Return the log line that probably says why the program ended, or an empty string if there is none.

    This is the last line that reports an error. If no line does, it is the last line outside a stack trace.
    """
    return last_complaint(lines) or one_line(next(_from_the_end(lines), ""), limit=300)


def last_complaint(lines: tuple[str, ...]) -> str:
    """Return the last log line that reports an error, or an empty string if no line does."""
    complaints = (line for line in _from_the_end(lines) if any(word in line.lower() for word in _COMPLAINTS))
    return one_line(next(complaints, ""), limit=300)


def _from_the_end(lines: tuple[str, ...]) -> Iterator[str]:
    """Yield the lines outside a stack trace, the last one first."""
    return (line for line in reversed(lines) if line.strip() and not _is_frame(line))


# Words that show that a log line reports an error.
_COMPLAINTS: Final = (
    "error", "exception", "fatal", "panic", "cannot", "can't", "could not", "failed", "failure", "refused", "denied",
    "not found", "no such", "invalid", "missing", "required", "timed out", "timeout", "unable", "killed", "undefined",
)  # fmt: skip
# The beginnings of the lines of a stack trace, and of the lines that a language runtime prints after it.
_FRAMES: Final = (
    "at ",
    "...",
    "Node.js v",
    "exit status",
    "goroutine ",
    "created by ",
    'File "',
    "npm ",
    "}",
    "note: run with",
)


def _is_frame(line: str) -> bool:
    return line.strip().startswith(_FRAMES) or ".go:" in line


#: The reasons for which a container waits while its pod starts normally.
_STARTING: Final = frozenset({"", "PodInitializing", "ContainerCreating"})
#: The reason that the function ``ended`` sets for a container whose end was not observed.
UNSEEN_END: Final = "Failed"


@dataclass(frozen=True, kw_only=True)
class Container:
    """The state of one container in a pod, and the reason why its previous run ended."""

    name: str
    init: bool
    ready: bool
    running: bool
    restarts: int
    #: The reason why the container waits or has ended, such as ``ImagePullBackOff``; "" if it runs.
    reason: str
    #: The reason why the container's previous run ended, such as ``OOMKilled``.
    before: str
    #: The exit code of the container's last completed run; None if no run has ended yet.
    exit_code: int | None
    #: The kubelet's message if the container waits, otherwise an empty string.
    message: str
    #: The message that the program wrote to its termination log; can be empty.
    last_words: str

    @property
    def has_run(self) -> bool:
        """Return True if the container has started at least once, so that it can have a log."""
        return self.running or self.exit_code is not None

    @property
    def in_trouble(self) -> bool:
        """Return True if the container has failed or cannot start, and therefore does not run."""
        ended_badly = not self.running and self.exit_code not in {None, 0}
        return ended_badly or (not self.running and self.reason not in {*_STARTING, "Completed"})

    @property
    def ended_badly(self) -> bool:
        """Return True if the program of the container has ended with an error."""
        return self.in_trouble and (self.exit_code is not None or self.reason == UNSEEN_END)

    @property
    def rank(self) -> int:
        """Return how likely the container is the root cause: 0 is the likeliest, and higher numbers are less likely."""
        if self.in_trouble:
            return 0
        if self.running and not self.ready and not self.init:
            return 1
        return 2 if not self.ready and self.reason in _STARTING else 3


@dataclass(frozen=True, kw_only=True)
class PodStatus:
    """The status of a pod.

    Attributes:
        containers: the init containers, followed by the other containers, each in the order of the manifest.
        unschedulable: the scheduler's message if no node can take the pod, otherwise an empty string.
    """

    containers: tuple[Container, ...]
    unschedulable: str

    @property
    def culprit(self) -> Container | None:
        """Return the container that most probably prevents the pod from being ready. Prefer a failed container."""
        # If several containers have the same rank, ``min`` returns the first. The list begins with the init containers,
        # because the other containers wait for them.
        return min(self.containers, key=lambda container: container.rank, default=None)


def ended(status: PodStatus) -> PodStatus:
    """Return the status of a pod that is known to have failed, although it was read before its end.

    If no container shows a failure, the function marks the running containers as failed.
    """
    if any(container.in_trouble for container in status.containers):
        return status
    containers = tuple(
        replace(container, running=False, reason=UNSEEN_END) if container.running and not container.init else container
        for container in status.containers
    )
    return replace(status, containers=containers)


def restarted(status: PodStatus) -> PodStatus:
    """Return the pod's status with each restarted container in the state in which its previous run ended."""
    containers = tuple(
        replace(container, running=False, ready=False, reason=container.before) if container.restarts else container
        for container in status.containers
    )
    return replace(status, containers=containers)


def parse_pod_status(manifest: object) -> PodStatus:
    """Return the status of a pod, parsed from its live manifest."""
    status = as_object(as_object(manifest).get("status"))
    refused = [
        as_message(item.get("message"))
        for item in as_objects(status.get("conditions"))
        if item.get("type") == "PodScheduled" and item.get("status") == "False"
    ]
    return PodStatus(containers=tuple(_containers(status)), unschedulable=refused[0] if refused else "")


def claim_names(manifest: object) -> set[str]:
    """Return the names of the volume claims that a Pod's manifest mounts."""
    volumes = as_objects(as_object(as_object(manifest).get("spec")).get("volumes"))
    return {as_text(as_object(volume.get("persistentVolumeClaim")).get("claimName")) for volume in volumes} - {""}


def _containers(status: dict[str, Any]) -> Iterator[Container]:
    for key in ("initContainerStatuses", "containerStatuses"):
        for item in as_objects(status.get(key)):
            yield _container(item, init=key.startswith("init"))


def _container(item: dict[str, Any], *, init: bool) -> Container:
    state, last = as_object(item.get("state")), as_object(item.get("lastState"))
    waiting, ended = as_object(state.get("waiting")), as_object(state.get("terminated"))
    before = as_object(last.get("terminated"))
    exits = [run["exitCode"] for run in (ended, before) if isinstance(run.get("exitCode"), int)]
    restarts = item.get("restartCount")
    return Container(
        name=as_text(item.get("name")),
        init=init,
        ready=item.get("ready") is True,
        running="running" in state,
        restarts=restarts if isinstance(restarts, int) else 0,
        reason=as_text(waiting.get("reason")) or as_text(ended.get("reason")),
        before=as_text(before.get("reason")),
        exit_code=exits[0] if exits else None,
        message=as_message(waiting.get("message")),
        last_words=as_text(ended.get("message")) or as_text(before.get("message")),
    )


def serving_host(tree: Tree, host: str) -> frozenset[str]:
    """Return the uids of the objects that serve a host name.

    These objects are the routes and Services with this host name, the Services behind the routes, and the pods of
    all these Services.
    """
    routes = [node for node in tree.nodes if host in node.hosts]
    keys = {target for node in routes for target in node.targets}
    behind = [node for node in tree.nodes if node.ref in keys or node in routes]
    selectors = [(node.namespace, node.selector.items()) for node in behind if node.selector]
    pods = [
        node
        for node in tree.nodes
        if node.kind == "Pod"
        if any(node.namespace == space and wanted <= node.labels.items() for space, wanted in selectors)
    ]
    return frozenset(node.uid for node in (*behind, *pods))
