"""The root cause: which object keeps a release from being delivered, and what it says of itself. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from argocd_release.application import Application, OperationPhase, ResourceResult, SyncStatus
from argocd_release.evidence import PodLog
from argocd_release.pod import Container, PodStatus, last_meaningful
from argocd_release.text import one_line
from argocd_release.tree import Event, Node, Tree
from argocd_release.waiting import is_current

_UNHEALTHY: Final = frozenset({"Degraded", "Progressing", "Missing", "Unknown"})
_PULL: Final = frozenset({"ImagePullBackOff", "ErrImagePull", "ErrImageNeverPull", "InvalidImageName"})
_CONFIG: Final = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})
# Exit code of a process that was killed with SIGKILL.
_KILLED: Final = 137
# What Argo CD's own layers put before what the repo-server says.
_LAYERS: Final = re.compile(
    r"Failed to load target state: |failed to generate manifest for source \d+ of \d+: |rpc error: code = \w+ desc = "
)
_UNREADABLE: Final = re.compile(r'Failed to unmarshal "([^"]+)"')


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A cause in one line, and what to do about it (``""``: nothing better than the verdict's)."""

    cause: str
    hint: str = ""


@dataclass(frozen=True, kw_only=True)
class Clues:
    """What was fetched of one suspect; ``status`` None and ``log`` None: could not be, or does not apply."""

    status: PodStatus | None = None
    events: tuple[Event, ...] = ()
    log: PodLog | None = None


def from_application(application: Application) -> Finding | None:
    """The cause that the Application itself names: an error condition. What failed in its operation decides before."""
    if any(item.failed for item in _results(application)):
        return None
    for condition in application.conditions:
        if condition.type.endswith("Error"):
            said = one_line(_LAYERS.sub("", condition.message), limit=1000)
            unreadable = _UNREADABLE.search(said)
            hint = f"{unreadable[1]} is no valid YAML or JSON; check it, fix it, push again" if unreadable else ""
            if "app path does not exist" in said:
                hint = "create the path in git, or correct the application's source path in Argo CD"
            return Finding(cause=f"{condition.type}: {said}", hint=hint)
    return None


def suspects(application: Application, tree: Tree) -> tuple[Node, ...]:
    """Nodes that may be the cause, the likeliest first; none where nothing of this revision can be at fault yet."""
    if any(item.failed and not item.hook_type for item in _results(application)):
        return ()
    if hooks := _hooks(application):
        jobs = [node for node in tree.nodes if (node.kind, node.name) in hooks]
        pods = [pod for job in jobs for pod in tree.pods if tree.root(pod) is job]
        # Each attempt of a Job has a pod of its own.
        return (*sorted(pods, key=lambda pod: pod.created_at, reverse=True), *jobs)
    if application.sync is not SyncStatus.SYNCED and not application.operating:
        return ()
    pods = [pod for pod in tree.pods if pod.health in _UNHEALTHY]
    barren = [node for node in tree.barren if node.kind != "ReplicaSet" or node.health == "Degraded"]
    failing = set(map(id, tree.failing))

    def rank(node: Node) -> tuple[bool, bool, bool, int]:
        degraded = tree.root(node).health == "Degraded"
        return id(node) not in failing, node.health != "Degraded", not degraded, -node.restarts

    # What makes pods is at fault only where it has none; whatever else is unhealthy, where no pod is.
    return (*sorted([*pods, *barren], key=rank), *_others(tree)) if pods or barren else tuple(_others(tree))


def describe(tree: Tree, node: Node, clues: Clues, application: Application) -> Finding | None:
    """What is wrong with the suspect, in one line; None if nothing is."""
    warnings = [event for event in clues.events if event.type == "Warning"]
    hook = next((item for item in _results(application) if item.hook_type and _is_of(tree, node, item)), None)
    if node.kind == "Pod":
        finding = _pod(tree, node, clues, warnings)
    else:
        refused = [event for event in warnings if event.reason == "FailedCreate"]
        if node in tree.barren and not refused and node.health != "Degraded":
            return None
        said = node.message if node.health == "Degraded" and node.message else _message((refused or warnings)[-1:])
        said = said or node.message
        finding = Finding(cause=tree.described(node, said.removeprefix("Error creating: ")), hint=_creation_hint(said))
    if hook is None:
        return finding
    when = (
        "nothing was applied; the cluster keeps what it had"
        if hook.hook_type == "PreSync"
        else "its revision is applied"
    )
    return Finding(cause=f"{hook.hook_type} hook {finding.cause}", hint=f"fix the hook and push again; {when}")


def _pod(tree: Tree, pod: Node, clues: Clues, warnings: list[Event]) -> Finding:
    container = clues.status.culprit if clues.status else None
    several = clues.status is not None and len(clues.status.containers) > 1
    path = str(pod) if (root := tree.root(pod)) is pod else f"{root} → {pod}"
    if container is not None and (several or container.init):
        path += f", {'init ' if container.init else ''}container {container.name}"
    if clues.status is not None and clues.status.unschedulable:
        said = f'{path}: Pending, no node takes it — "{one_line(clues.status.unschedulable)}"'
        return Finding(cause=said, hint="make room in the cluster, or ask for less: requests, node selector, volumes")
    status = (container.reason if container else "") or pod.reason.removeprefix("Init:") or pod.health
    parts = [status if status != "Running" else "Running, but not ready"]
    if container is not None and container.before == "OOMKilled" and status != "OOMKilled":
        parts[0] += " (OOMKilled)"
    if container is not None and container.in_trouble and container.exit_code is not None:
        parts.append(f"exit code {container.exit_code}")
    if restarts := container.restarts if container else pod.restarts:
        parts.append(f"{restarts} restart{'' if restarts == 1 else 's'}")
    quote = _quote(pod, container, clues, warnings)
    return Finding(
        cause=f"{path}: {', '.join(parts)}" + (f' — "{quote}"' if quote else ""),
        hint=_pod_hint(status, container, clues, quote),
    )


def _quote(pod: Node, container: Container | None, clues: Clues, warnings: list[Event]) -> str:
    """What says best why: an event for what never ran, its own log for what did."""
    reason = container.reason if container else pod.reason.removeprefix("Init:")
    if reason in _PULL:
        # «Back-off pulling image» only says that it was tried before.
        pulls = [event for event in warnings if event.message.startswith("Failed to pull")]
        return _message(pulls[-1:]) or (container.message if container else pod.message)
    probes = [event for event in warnings if event.reason in {"Unhealthy", "ProbeWarning"}]
    if container is not None and container.running and probes:
        return _message(probes[-1:])
    if reason in _CONFIG and container is not None and container.message:
        return one_line(container.message, limit=300)
    said = last_meaningful(clues.log.lines) if clues.log and container and container.in_trouble else ""
    words = container.last_words if container else ""
    fallback = container.message if container else pod.message
    return said or one_line(words, limit=300) or _message(warnings[-1:]) or one_line(fallback, limit=300)


def _pod_hint(status: str, container: Container | None, clues: Clues, quote: str) -> str:
    if status in _PULL:
        return (
            "check that exactly this image and tag was pushed, and that the cluster may pull it (imagePullSecrets); "
            "then push again"
        )
    if status in _CONFIG:
        return "create what the message names (Secret, ConfigMap, key, command, mount), or correct its name; push again"
    if container is not None and container.exit_code == _KILLED and "OOMKilled" in {container.reason, container.before}:
        return "it needed more memory than its limit: raise the limit or use less; push again"
    if container is not None and container.in_trouble and container.exit_code is not None:
        where = "its log above" if clues.log and clues.log.lines else "its log"
        return f"the program ends by itself: fix what {where} says (settings, secrets, what it connects to); push again"
    if "probe" in quote.lower():
        return "make the program answer its probe, or correct the probe (path, port, delay, timeout); push again"
    return ""


def _creation_hint(said: str) -> str:
    if "exceeded quota" in said:
        return "raise the namespace's quota, free some of it, or ask for less; Argo CD goes on by itself then"
    if "admission webhook" in said or "violates PodSecurity" in said:
        return "make the pod obey the rule that the message names; push again"
    if "service account" in said or "serviceaccount" in said:
        return "create the service account, or correct its name in the manifest; push again"
    return ""


def _hooks(application: Application) -> set[tuple[str, str]]:
    """Kind and name of the hooks that failed, or else of those that run."""
    hooks = [item for item in _results(application) if item.hook_type]
    chosen = [item for item in hooks if item.failed]
    if not chosen and application.operating:
        chosen = [item for item in hooks if item.hook_phase == OperationPhase.RUNNING]
    return {(item.kind, item.name) for item in chosen}


def _results(application: Application) -> tuple[ResourceResult, ...]:
    return application.operation.results if application.operation and is_current(application) else ()


def _is_of(tree: Tree, node: Node, item: ResourceResult) -> bool:
    root = tree.root(node)
    return (root.kind, root.name) == (item.kind, item.name)


def _others(tree: Tree) -> Iterator[Node]:
    """Unhealthy nodes beneath which nothing is: the deepest say most. What makes pods is not among them."""
    parents = {node.owner for node in tree.nodes if node.health in _UNHEALTHY}
    found = [
        node
        for node in tree.nodes
        if node.health in _UNHEALTHY and node.uid not in parents and node.kind != "Pod" and tree.is_current(node)
    ]
    yield from sorted(found, key=lambda node: node.health != "Degraded")


def _message(events: list[Event]) -> str:
    return one_line(events[0].message, limit=300) if events else ""
