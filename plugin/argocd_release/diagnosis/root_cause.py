"""The root cause: which object keeps a release from being delivered, and what it says of itself. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from argocd_release.core.text import one_line
from argocd_release.diagnosis.log_lines import last_meaningful
from argocd_release.diagnosis.pod_status import Container, PodStatus
from argocd_release.model.application import Application, OperationPhase, ResourceResult, SyncStatus
from argocd_release.model.diagnosis import PodLog
from argocd_release.model.resource_tree import Event, Node, Tree
from argocd_release.verdict.lack import CLAIM, Lack, lack
from argocd_release.verdict.lack import hint as lack_hint

_UNHEALTHY: Final = frozenset({"Degraded", "Progressing", "Missing", "Unknown"})


_PULL: Final = frozenset({"ImagePullBackOff", "ErrImagePull", "ErrImageNeverPull", "InvalidImageName"})


_CONFIG: Final = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})


# Exit code of a process that was killed with SIGKILL.
_KILLED: Final = 137


# What Argo CD's own layers put before what the repo-server says.
_LAYERS: Final = re.compile(
    r"Failed to load target state: |failed to generate manifest for source \d+ of \d+: |rpc error: code = \w+ desc = "
    r"|Manifest generation error \(cached\): "
)


_UNREADABLE: Final = re.compile(r'Failed to unmarshal "([^"]+)"')


# Events that say only that somebody is at it.
_NOISE: Final = frozenset({"Sync", "EnsuringLoadBalancer", "ExternalProvisioning", "Provisioning"})


_BLOCKING_HINT: Final = (
    "Kubernetes replaces the pods of a StatefulSet in order and waits for this one, which is broken: delete it, and "
    "the rollout goes on"
)


_DEADLINE_HINT: Final = (
    "it was ended after its activeDeadlineSeconds: see what it waits for, or give it longer; push again"
)


@dataclass(frozen=True, kw_only=True)
class RootCause:
    """A cause in one line, and what to do about it (``""``: nothing better than the verdict's)."""

    cause: str
    hint: str = ""


@dataclass(frozen=True, kw_only=True)
class Clues:
    """What was fetched of one suspect; ``status`` None and ``log`` None: could not be, or does not apply."""

    status: PodStatus | None = None
    events: tuple[Event, ...] = ()
    log: PodLog | None = None


def from_application(application: Application) -> RootCause | None:
    """The cause that the Application itself names: an error condition. What failed in its operation decides before."""
    if any(item.failed for item in application.results):
        return None
    for condition in application.errors:
        said = one_line(_LAYERS.sub("", condition.message), limit=1000)
        unreadable = _UNREADABLE.search(said)
        hint = f"{unreadable[1]} is no valid YAML or JSON; check it, fix it, push again" if unreadable else ""
        if "app path does not exist" in said:
            hint = "create the path in git, or correct the application's source path in Argo CD"
        return RootCause(cause=f"{condition.type}: {said}", hint=hint)
    return None


def suspects(application: Application, tree: Tree) -> tuple[Node, ...]:
    """Nodes that may be the cause, the likeliest first; none where nothing of this revision can be at fault yet."""
    if any(item.failed and not item.hook_type for item in application.results):
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

    def rank(node: Node) -> tuple[bool, ...]:
        return id(node) not in failing, node.reason == "Pending", node.health != "Degraded"

    def within(node: Node) -> tuple[bool, bool, int]:
        health = tree.root(node).health
        return health not in _UNHEALTHY, health != "Degraded", -node.restarts

    # What makes pods is at fault only where it has none; whatever else is unhealthy, where no pod is, but for a claim:
    # pods that wait for it are Pending.
    others = list(_others(tree))
    claims = [node for node in others if (node.group, node.kind) == CLAIM]
    found = sorted([*pods, *barren, *claims], key=lambda node: (*rank(node), *within(node)))
    rest = [node for node in others if node not in found]
    return tuple(node for node in (*found, *tree.blocking, *rest) if _counts(application, tree, node))


def describe(tree: Tree, node: Node, clues: Clues, application: Application) -> RootCause | None:
    """What is wrong with the suspect, in one line; None if nothing is."""
    warnings = [event for event in clues.events if event.type == "Warning"]
    hook = next((item for item in application.results if item.hook_type and _is_of(tree, node, item)), None)
    finding = _pod(tree, node, clues, warnings) if node.kind == "Pod" else _other(tree, node, clues, warnings)
    if hook is None or finding is None:
        return finding
    fix = finding.hint if node.kind != "Pod" and finding.hint else "fix the hook and push again"
    when = (
        "nothing was applied; the cluster keeps what it had"
        if hook.hook_type == "PreSync"
        else "its revision is applied"
    )
    return RootCause(cause=f"{hook.hook_type} hook {finding.cause}", hint=f"{fix}; {when}")


def _pod(tree: Tree, pod: Node, clues: Clues, warnings: list[Event]) -> RootCause:
    container = clues.status.culprit if clues.status else None
    several = clues.status is not None and len(clues.status.containers) > 1
    path = str(pod) if (root := tree.root(pod)) is pod else f"{root} → {pod}"
    if container is not None and (several or container.init):
        path += f", {'init ' if container.init else ''}container {container.name}"
    if clues.status is not None and clues.status.unschedulable:
        said = f'{path}: Pending, no node takes it — "{one_line(clues.status.unschedulable)}"'
        return RootCause(cause=said, hint="make room in the cluster, or ask for less: requests, node selector, volumes")
    status = (container.reason if container else "") or pod.reason.removeprefix("Init:") or pod.health
    parts = [status if status != "Running" else "Running, but not ready"]
    if container is not None and container.before == "OOMKilled" and status != "OOMKilled":
        parts[0] += " (OOMKilled)"
    if container is not None and container.in_trouble and container.exit_code is not None:
        parts.append(f"exit code {container.exit_code}")
    if restarts := container.restarts if container else pod.restarts:
        parts.append(f"{restarts} restart{'' if restarts == 1 else 's'}")
    quote = _quote(pod, container, clues, warnings)
    cause = f"{path}: {', '.join(parts)}" + (f' — "{quote}"' if quote else "")
    if not tree.is_current(pod):
        # https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#forced-rollback
        return RootCause(cause=f"{cause} (of the revision before)", hint=_BLOCKING_HINT)
    return RootCause(cause=cause, hint=_pod_hint(status, container, clues, quote))


def _other(tree: Tree, node: Node, clues: Clues, warnings: list[Event]) -> RootCause | None:
    if missing := lack(node.group, node.kind, node.health):
        return _lacking(tree, node, missing, clues)
    refused = tree.refusals(node, tuple(warnings))
    if node in tree.barren and not refused and node.health != "Degraded":
        return None
    said = node.message if node.health == "Degraded" and node.message else _message([*(refused or warnings)][-1:])
    said = said or node.message
    hint = _DEADLINE_HINT if node.kind == "Job" and "longer than specified deadline" in said else _creation_hint(said)
    return RootCause(cause=tree.described(node, said, refused=bool(refused)), hint=hint)


def _lacking(tree: Tree, node: Node, missing: Lack, clues: Clues) -> RootCause | None:
    told = [event for event in clues.events if event.reason not in _NOISE][-1:]
    if tree.pods and any(event.reason == "WaitForFirstConsumer" for event in told):
        # It waits for a pod that uses it, so the pod is at fault.
        return None
    said, root = _message(told), tree.root(node)
    path = str(node) if root is node else f"{root} → {node}"
    return RootCause(cause=f"{path} {missing.what}" + (f' — "{said}"' if said else ""), hint=lack_hint(missing, said))


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
        where = "its log above" if clues.log and clues.log.says_something else "its log"
        return f"the program ends by itself: fix what {where} says (settings, secrets, what it connects to); push again"
    if "MountVolume" in quote or "Unable to attach or mount" in quote:
        return "create what the message names (Secret, ConfigMap, claim), or correct the volume; push again"
    if "probe" in quote.lower():
        return "make the program answer its probe, or correct the probe (path, port, delay, timeout); push again"
    return ""


def _creation_hint(said: str) -> str:
    if "exceeded quota" in said:
        return "raise the namespace's quota, free some of it, or ask for less; Argo CD goes on by itself then"
    if "failed calling webhook" in said:
        return "see that the webhook's own pods run; what it forbids or not is not known until it answers"
    if any(words in said for words in ("admission webhook", "ValidatingAdmissionPolicy", "violates PodSecurity")):
        return "make the pod obey the rule that the message names; push again"
    if "service account" in said or "serviceaccount" in said:
        return "create the service account, or correct its name in the manifest; push again"
    return ""


def _hooks(application: Application) -> set[tuple[str, str]]:
    """Kind and name of the hooks that failed, or else of those that run."""
    hooks = [item for item in application.results if item.hook_type]
    chosen = [item for item in hooks if item.failed]
    if not chosen and application.operating:
        chosen = [item for item in hooks if item.hook_phase == OperationPhase.RUNNING]
    return {(item.kind, item.name) for item in chosen}


def _is_of(tree: Tree, node: Node, item: ResourceResult) -> bool:
    root = tree.root(node)
    return (root.kind, root.name) == (item.kind, item.name)


def _counts(application: Application, tree: Tree, node: Node) -> bool:
    """Whether it bears on the application's health: no Job of last night's CronJob, nor a hook of the sync before."""
    if node.kind != "Job" and not tree.is_of_a_job(node):
        return True
    root = tree.root(node)
    return any(
        (item.group, item.kind, item.namespace, item.name) == (root.group, root.kind, root.namespace, root.name)
        and not item.hook
        and item.health in _UNHEALTHY
        for item in application.resources
    )


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
