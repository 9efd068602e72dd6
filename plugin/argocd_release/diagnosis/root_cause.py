"""Find the root cause: the object that prevents the delivery of a release, and the message about it.

All functions are pure.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from argocd_release.core.text import as_object, counted, one_line
from argocd_release.diagnosis.pod_status import Container, PodStatus, last_complaint, last_meaningful
from argocd_release.messages import Message, causes, hooks, verdict
from argocd_release.model.application import Application, OperationPhase, ResourceResult, SyncStatus
from argocd_release.model.problem import SYNC_ERROR, WAITING_REASONS, CauseCode, Problem, Subject, refusal
from argocd_release.model.resource_tree import Event, Node, Tree
from argocd_release.model.result import PodLog
from argocd_release.model.serving_pods import not_begun
from argocd_release.verdict import pending
from argocd_release.verdict.pending import CLAIM, PendingReason, pending_hint, pending_reason, unschedulable_hint
from argocd_release.verdict.quota import quota_hint

_UNHEALTHY: Final = frozenset({"Degraded", "Progressing", "Missing", "Unknown"})
# The exit code of a container whose process was killed with SIGKILL.
_KILLED: Final = 137
#: The maximum number of running hooks whose manifests are read, to find a hook that is being deleted.
DELETED_HOOKS: Final = 3
# The beginning of the repo-server's message about a file that is not valid YAML or JSON.
_UNREADABLE: Final = re.compile(r'Failed to unmarshal "([^"]+)"')
# The event reasons which only say that a controller is working on the object. They explain no failure.
_NOISE: Final = frozenset({"Sync", "EnsuringLoadBalancer", "ExternalProvisioning", "Provisioning"})
# The cause codes that only say that an object has failed. If the object belongs to a hook, HOOK_FAILED is used instead.
_GENERAL: Final = frozenset({
    CauseCode.CONTAINER_FAILED, CauseCode.CRASH_LOOP, CauseCode.NOT_READY, CauseCode.JOB_FAILED, CauseCode.UNHEALTHY,
})  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Clues:
    """The data about a suspect, which is an object that can be the root cause.

    Attributes:
        status: the status of the pod; None if the suspect is not a pod, or if the status could not be read.
        events: the events of the object.
        log: the log of the pod's failed container; None if the suspect is not a pod, or if the log could not be read.
        used: True if the suspect is a volume claim, and a pod that is not ready mounts it.
    """

    status: PodStatus | None = None
    events: tuple[Event, ...] = ()
    log: PodLog | None = None
    used: bool = False


def from_application(application: Application) -> Problem | None:
    """Return the problem that an error condition of the application reports, or None if there is no such condition.

    If a resource has failed in the last operation, return None, because that failure is more specific.
    """
    if any(item.failed for item in application.results):
        return None
    ended = application.operation is not None and application.operation.terminated
    for condition in application.errors:
        if ended and condition.type == SYNC_ERROR:
            # The verdict already says that the sync was terminated on request, so skip this error.
            continue
        message = condition.summary
        code = condition.code or CauseCode.COMPARISON_ERROR
        unreadable = _UNREADABLE.search(message)
        message = causes.CONDITION.fill(type=condition.type, message=message)
        hint = causes.MANIFEST_UNREADABLE.fill_hint(file=unreadable[1]) if unreadable else causes.HINTS.get(code.word)
        return Problem(code=code, message=message, hint=hint or "")
    return None


def suspects(application: Application, tree: Tree) -> tuple[Node, ...]:
    """Return the nodes that can be the root cause, likeliest first; () if none is of the current revision yet."""
    if any(item.failed and not item.hook_type for item in application.results):
        return ()
    if hooks := _hooks(application):
        jobs = [node for node in tree.nodes if (node.kind, node.name) in hooks]
        pods = [pod for job in jobs for pod in tree.pods if tree.root(pod) is job]
        # A Job creates a new pod for each attempt. Put the newest pod first.
        return (*sorted(pods, key=lambda pod: pod.created_at, reverse=True), *jobs)
    # If the application is not Synced, its pods belong to an earlier revision, unless a sync of the current revision is
    # running.
    if application.sync is not SyncStatus.SYNCED and not (application.operating and application.operation_counts):
        return ()
    pods = [pod for pod in tree.pods if pod.health in _UNHEALTHY and not tree.is_replaced(pod)]
    owners_without_pods = [
        node for node in tree.owners_without_pods if node.kind != "ReplicaSet" or node.health == "Degraded"
    ]
    failing = set(map(id, tree.failing))

    def rank(node: Node) -> tuple[bool, ...]:
        """Return a sort key: first nodes that cannot start, then nodes that are not Pending, then Degraded nodes."""
        return id(node) not in failing, node.reason == "Pending", node.health != "Degraded"

    def within(node: Node) -> tuple[bool, bool, int]:
        """Return a sort key. Nodes of an unhealthy applied resource come first, then nodes with the most restarts."""
        health = tree.root(node).health
        return health not in _UNHEALTHY, health != "Degraded", -node.restarts

    # A workload is a suspect only if it has no pods. Volume claims are ranked together with the pods, because pods that
    # wait for a claim are Pending. All other unhealthy nodes come last.
    others = list(_others(tree))
    claims = [node for node in others if (node.group, node.kind) == CLAIM]
    nodes = sorted([*pods, *owners_without_pods, *claims], key=lambda node: (*rank(node), *within(node)))
    rest = [node for node in others if node not in nodes]
    aborted = list(_aborted(application, tree))
    others = [node for node in (*nodes, *tree.blocking, *rest) if node not in aborted]
    return tuple(node for node in (*aborted, *others) if _counts(application, tree, node))


def _aborted(application: Application, tree: Tree) -> Iterator[Node]:
    """Yield the aborted Argo Rollouts.

    An aborted Argo Rollout is itself the root cause, and not one of its pods: its new pods are removed, and the pods of
    an analysis only measure.
    """
    for node in tree.nodes:
        rollout = pending.argo_rollout_of(application, node)
        if rollout is not None and rollout.aborted:
            yield node


def describe(tree: Tree, node: Node, clues: Clues, application: Application) -> Problem | None:
    """Return the problem of a suspect, or None if the data about the suspect shows no problem.

    Args:
        tree: the resource tree that contains the suspect.
        node: the suspect.
        clues: the data that was read about it.
        application: the observed application.
    """
    warnings = [event for event in clues.events if event.type == "Warning"]
    hook = next((item for item in application.results if item.hook_type and _is_of(tree, node, item)), None)
    rollout = pending.argo_rollout_of(application, node)
    if rollout is not None and (stands := pending.rollout_finding(node, rollout)) is not None:
        return Problem(
            code=pending.rollout_code(rollout), message=stands.message, subject=stands.subject, hint=rollout.todo
        )
    if node.health == "Unknown" and f'with name "{node.name}"' in application.unreadable_health:
        return _unreadable(tree, node)
    finding = _pod(tree, node, clues, warnings) if node.kind == "Pod" else _other(tree, node, clues, warnings)
    if hook is None or finding is None:
        return finding
    code = CauseCode.HOOK_FAILED if finding.code in _GENERAL else finding.code
    message = hooks.HOOK.fill(hook_type=hook.hook_type, message=finding.message)
    return replace(
        finding,
        code=code,
        message=message,
        hint=_hook_hint(tree, node, finding, hook, clues=clues, application=application),
    )


def _hook_hint(
    tree: Tree, node: Node, finding: Problem, hook: ResourceResult, *, clues: Clues, application: Application
) -> str:
    """Return the hint for a hook that has failed, or for a running hook that is not ready yet."""
    if finding.code is CauseCode.NOT_READY and application.operating and not hook.failed:
        if node.kind == "Pod" and hook.ref in not_begun(tree):
            return hooks.HOOK_NOT_BEGUN.fill_hint(
                pod=node.name, namespace=node.namespace, application=application.full_name
            )
        return hooks.HOOK_WAITS.fill_hint(application=application.full_name)
    # Do not use the hint of a general cause for a hook, because it assumes a program that must never end. Do not use
    # the hint about the deadline of a Job either, because Argo CD creates a hook again by itself.
    if finding.hint and finding.code not in {*_GENERAL, CauseCode.JOB_DEADLINE}:
        return finding.hint
    if node.kind != "Pod" and finding.hint and finding.code is CauseCode.UNHEALTHY:
        return finding.hint
    fix = hooks.FIX_HOOK_BY_LOG if clues.log and clues.log.says_something else hooks.FIX_HOOK
    if finding.code is CauseCode.JOB_DEADLINE:
        fix = hooks.FIX_HOOK_DEADLINE
    if application.operating:
        return hooks.RETRIED.fill_hint(fix=fix, application=application.full_name)
    consequence = hooks.REVISION_APPLIED if hook.hook_type == "PostSync" else hooks.RUNS_AGAIN
    return consequence.fill_hint(fix=fix, application=application.full_name)


def _unreadable(tree: Tree, node: Node) -> Problem:
    subject = tree.subject(node)
    message = causes.STATE.fill(subject=subject, state=causes.HEALTH_UNREADABLE)
    message = _with_quote(message, one_line(node.message, limit=300))
    return Problem(code=CauseCode.HEALTH_UNREADABLE, message=message, subject=subject)


def _with_quote(message: str, quote: str) -> str:
    return causes.WITH_QUOTE.fill(message=message, quote=quote) if quote else message


def _pod(tree: Tree, pod: Node, clues: Clues, warnings: list[Event]) -> Problem:
    container = clues.status.culprit if clues.status else None
    several = clues.status is not None and len(clues.status.containers) > 1
    named = ""
    if container is not None and (several or container.init):
        named = (causes.INIT_CONTAINER if container.init else causes.CONTAINER).fill(name=container.name)
    subject = tree.subject(pod, named)
    if clues.status is not None and clues.status.unschedulable:
        message = causes.STATE.fill(subject=subject, state=causes.UNSCHEDULABLE)
        # The sentence about preemption only repeats the numbers of the one before it.
        reason = one_line(clues.status.unschedulable).partition(" preemption: ")[0]
        message, hint = _with_quote(message, reason), unschedulable_hint(reason)
        return Problem(code=CauseCode.UNSCHEDULABLE, message=message, subject=subject, hint=hint)
    status = (container.reason if container else "") or pod.reason.removeprefix("Init:") or pod.health
    parts = [status if status != "Running" else causes.NOT_READY]
    if container is not None and container.before == "OOMKilled" and status != "OOMKilled":
        parts[0] = causes.OOM_KILLED.fill(status=parts[0])
    if container is not None and container.in_trouble and container.exit_code is not None:
        parts.append(causes.EXIT_CODE.fill(exit_code=container.exit_code))
    if restarts := container.restarts if container else pod.restarts:
        parts.append(counted(restarts, "restart"))
    quote = _quote(pod, container, clues, warnings)
    message = _with_quote(causes.STATE.fill(subject=subject, state=", ".join(parts)), quote)
    if not tree.is_current(pod):
        # This pod blocks the update: a StatefulSet replaces no pod until this pod is ready
        # (https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#forced-rollback).
        code, message = CauseCode.ROLLOUT_BLOCKED, causes.PREVIOUS_REVISION.fill(message=message)
        return Problem(code=code, message=message, subject=subject, hint=causes.HINTS[code.word])
    code = _pod_code(status, container, quote)
    hint = causes.HINTS.get(code.word) or _program_hint(container, clues)
    if code is CauseCode.PROBE_FAILED and clues.log is not None and clues.log.says_something:
        hint = causes.PROBE_BY_LOG
        if complaint := last_complaint(clues.log.lines):
            message = causes.WITH_LOG_LINE.fill(message=message, line=complaint)
    return Problem(code=code, message=message, subject=subject, hint=hint)


def _other(tree: Tree, node: Node, clues: Clues, warnings: list[Event]) -> Problem | None:
    if node.kind == "Job" and node.health == "Suspended":
        subject = tree.subject(node)
        message, hint = hooks.HOOK_SUSPENDED.fill(subject=subject), hooks.HOOK_SUSPENDED.hint
        return Problem(code=CauseCode.UNHEALTHY, message=message, subject=subject, hint=hint)
    if missing := pending_reason(node.group, node.kind, node.health):
        return _lacking(tree, node, missing, clues)
    refused = tree.refusals(node, tuple(warnings))
    if node in tree.owners_without_pods and not refused and node.health != "Degraded":
        return None
    reason = node.message if node.health == "Degraded" and node.message else _message([*(refused or warnings)][-1:])
    reason = reason or node.message
    code = _code(node, reason, refused=bool(refused))
    message, hint = tree.described(node, reason, refused=bool(refused)), causes.HINTS.get(code.word, "")
    if code is CauseCode.QUOTA:
        hint = quota_hint(reason, general=hint, then=causes.THEN_RETRY_PODS)
    return Problem(code=code, message=message, subject=tree.subject(node), hint=hint)


def _code(node: Node, reason: str, *, refused: bool) -> CauseCode:
    if node.kind == "Job" and "longer than specified deadline" in reason:
        return CauseCode.JOB_DEADLINE
    if code := refusal(reason):
        return code
    if refused or (node.kind == "ReplicaSet" and node.health == "Degraded"):
        return CauseCode.NO_PODS
    return CauseCode.JOB_FAILED if node.kind == "Job" and node.health == "Degraded" else CauseCode.UNHEALTHY


def _lacking(tree: Tree, node: Node, missing: PendingReason, clues: Clues) -> Problem | None:
    events = [event for event in clues.events if event.reason not in _NOISE][-1:]
    waits = any(event.reason == "WaitForFirstConsumer" for event in events)
    if waits and clues.used:
        # The claim waits until a pod that mounts it is scheduled. A pod that is not ready mounts the claim, so that pod
        # is the root cause.
        return None
    reason, subject = _message(events), tree.subject(node)
    message = _with_quote(missing.message.fill(resource=subject), reason)
    hint = verdict.NO_CONSUMER if waits else pending_hint(missing, reason)
    return Problem(code=missing.code, message=message, subject=subject, hint=hint)


def _quote(pod: Node, container: Container | None, clues: Clues, warnings: list[Event]) -> str:
    """Return the message that best explains the pod's failure: from an event, from the log or from the kubelet."""
    reason = container.reason if container else pod.reason.removeprefix("Init:")
    kind = WAITING_REASONS.get(reason)
    if kind is CauseCode.IMAGE_PULL:
        # The message "Back-off pulling image" only says that the kubelet tries again later. "Failed to pull" gives the
        # reason.
        pulls = [event for event in warnings if event.message.startswith("Failed to pull")]
        return _message(pulls[-1:]) or (container.message if container else pod.message)
    probes = [event for event in warnings if event.reason in {"Unhealthy", "ProbeWarning"}]
    if container is not None and container.running and probes:
        return _message(probes[-1:])
    if kind is CauseCode.CONTAINER_CONFIG and container is not None and container.message:
        return one_line(container.message, limit=300)
    line = last_meaningful(clues.log.lines) if clues.log and container and container.in_trouble else ""
    words = container.last_words if container else ""
    fallback = container.message if container else pod.message
    return line or one_line(words, limit=300) or _message(warnings[-1:]) or one_line(fallback, limit=300)


def _pod_code(status: str, container: Container | None, quote: str) -> CauseCode:
    waiting = WAITING_REASONS.get(status)
    if waiting in {CauseCode.IMAGE_PULL, CauseCode.CONTAINER_CONFIG}:
        return waiting
    if container is not None and container.exit_code == _KILLED and "OOMKilled" in {container.reason, container.before}:
        return CauseCode.OOM_KILLED
    if container is not None and container.ended_badly:
        return waiting or CauseCode.CONTAINER_FAILED
    if "MountVolume" in quote or "Unable to attach or mount" in quote:
        return CauseCode.VOLUME_NOT_MOUNTED
    return CauseCode.PROBE_FAILED if "probe" in quote.lower() else waiting or CauseCode.NOT_READY


def _program_hint(container: Container | None, clues: Clues) -> str:
    """If the container's program has ended with an error, return a hint to fix the program, otherwise ""."""
    if container is None or not container.ended_badly:
        return ""
    has_log = clues.log is not None and clues.log.says_something
    return causes.FIX_PROGRAM_BY_LOG if has_log else causes.FIX_PROGRAM_WITHOUT_LOG


def lost_hook(application: Application, tree: Tree, live: Callable[[Node], object]) -> Problem | None:
    """Return the problem if a sync waits for a hook that is gone, or that Kubernetes is deleting, otherwise None.

    Since Argo CD 3, a finalizer keeps a deleted hook until the sync has ended. Kubernetes no longer counts the pods of
    a Job that it is deleting, so the Job never completes. Only the live manifest shows that, so it is read if every
    hook is still in the tree.

    Args:
        application: the application in its last observed state.
        tree: the resource tree of the application.
        live: a function that reads the live manifest of a node.

    Raises:
        ArgoCDError: Argo CD cannot return a manifest.
    """
    if not application.operating or any(item.failed for item in application.results):
        return None
    nodes = {(node.kind, node.namespace, node.name): node for node in tree.nodes}
    waiting = [item for item in application.results if item.hook_type and item.applied]
    present: list[tuple[ResourceResult, Node]] = []
    for item in waiting:
        node = nodes.get((item.kind, item.namespace, item.name))
        if node is None:
            return _hook_problem(application, item, hooks.HOOK_GONE)
        present.append((item, node))
    for item, node in present[:DELETED_HOOKS]:
        if as_object(as_object(live(node)).get("metadata")).get("deletionTimestamp"):
            return _hook_problem(application, item, hooks.HOOK_DELETED)
    return None


def _hook_problem(application: Application, item: ResourceResult, text: Message) -> Problem:
    message = text.fill(hook_type=item.hook_type, hook=item)
    hint = text.fill_hint(application=application.full_name)
    return Problem(code=CauseCode.HOOK_FAILED, message=message, subject=Subject.of(item), hint=hint)


def _hooks(application: Application) -> set[tuple[str, str]]:
    """Return the kind and name of each failed hook or, if none has failed, of each running hook."""
    hooks = [item for item in application.results if item.hook_type]
    chosen = [item for item in hooks if item.failed]
    if not chosen and application.operating:
        chosen = [item for item in hooks if item.hook_phase == OperationPhase.RUNNING]
    return {(item.kind, item.name) for item in chosen}


def _is_of(tree: Tree, node: Node, item: ResourceResult) -> bool:
    root = tree.root(node)
    return (root.kind, root.name) == (item.kind, item.name)


def _counts(application: Application, tree: Tree, node: Node) -> bool:
    """Return False for a Job, or a pod of a Job, that cannot be the root cause, otherwise True.

    Jobs of CronJobs and hooks of earlier syncs cannot be the root cause, because they do not affect the application's
    health.
    """
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
    """Yield the unhealthy nodes, except pods, that have no unhealthy children. The Degraded nodes come first.

    An owner with an unhealthy child is left out, because it is only unhealthy because of the child.
    """
    parents = {node.owner for node in tree.nodes if node.health in _UNHEALTHY}
    nodes = [
        node
        for node in tree.nodes
        if node.health in _UNHEALTHY and node.uid not in parents and node.kind != "Pod" and tree.is_current(node)
    ]
    yield from sorted(nodes, key=lambda node: node.health != "Degraded")


def _message(events: list[Event]) -> str:
    return one_line(events[0].message, limit=300) if events else ""
