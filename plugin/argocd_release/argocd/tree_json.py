"""Parse the resource trees, events, logs and live manifests that Argo CD's API returns, and sanitize them."""

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Final
from urllib.parse import urlsplit

from argocd_release.argocd.api_errors import parsed
from argocd_release.argocd.rollout_json import unhealthy_rollouts
from argocd_release.core.redaction import lines_shown
from argocd_release.core.text import as_line, as_list, as_message, as_object, as_objects, clean, parse_object
from argocd_release.messages import verdict as texts
from argocd_release.model.errors import ArgoCDError
from argocd_release.model.observation import LogPosition
from argocd_release.model.problem import ResourceRef
from argocd_release.model.resource_tree import Event, Failing, Node, PodTemplate, Tree, Workloads

#: The maximum number of failing resources whose live manifests one look reads.
MANIFESTS: Final = 3
_IGNORE_HEALTH: Final = "argocd.argoproj.io/ignore-healthcheck"
LOG_LINE_LIMIT: Final = 500
LINE_BYTES: Final = 1 << 20
#: The time in seconds after which the events of an unchanged pod are read again if there was no warning.
WARNING_SECONDS: Final = 10.0


def parse_tree(document: object) -> Tree:
    """Parse the response of ``GET …/resource-tree``."""
    return Tree(nodes=tuple(_node(item) for item in as_objects(as_object(document).get("nodes"))))


def ignored_roots(tree: Tree, roots: Iterable[ResourceRef], manifest: Callable[[Node], object]) -> set[ResourceRef]:
    """Return the resources that an annotation excludes from the application's health.

    Argo CD 2.14 and later honours ``ignore-healthcheck`` in the live manifest (argo-cd v3.6.1 controller/health.go).

    Args:
        tree: the resource tree.
        roots: the resources to check. Only the first ``MANIFESTS`` of them are checked, because each check costs a
            request.
        manifest: reads the live manifest of a resource. If it raises ``ArgoCDError``, the resource is treated as not
            excluded.
    """
    by_key = {node.ref: node for node in tree.nodes if not node.owner}
    ignored: set[ResourceRef] = set()
    for root in list(dict.fromkeys(key for key in roots if key in by_key))[:MANIFESTS]:
        with suppress(ArgoCDError):
            metadata = as_object(as_object(manifest(by_key[root])).get("metadata"))
            if as_object(metadata.get("annotations")).get(_IGNORE_HEALTH) == "true":
                ignored.add(root)
    return ignored


def retried_pods(tree: Tree) -> tuple[Failing, ...]:
    """Return the failed pods whose Job has not failed. Kubernetes usually replaces such a pod."""
    return tuple(
        tree.as_failing(pod)
        for pod in tree.nodes
        if pod.kind == "Pod" and pod.health == "Degraded"
        if (owner := tree.owner(pod)) is not None and owner.kind == "Job" and owner.health != "Degraded"
        if pod not in tree.never_begun
    )


class PodWarnings:
    """A reader of the warning events of pods that are not ready. It asks Argo CD seldom.

    Args:
        now: a clock in seconds.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        # For each pod, by its UID: its state in the tree and the time at the last read, and the warning.
        self._read: dict[str, tuple[object, float, str]] = {}

    def of(self, tree: Tree, events: Callable[[Node], tuple[Event, ...]]) -> str:
        """Return the last warning event about the first pod that is not ready, with the pod's name, or "".

        Read the events again only if the state of the pod has changed. If there was no warning, also read them again
        after ``WARNING_SECONDS``.

        Args:
            tree: the resource tree.
            events: returns the events of a node, or raises ``ArgoCDError``.
        """
        waiting = (pod for pod in tree.serving_pods if pod.health == "Progressing")
        pod = min(waiting, key=lambda pod: pod.name, default=None)
        if pod is None:
            return ""
        state = (pod.reason, pod.containers, pod.restarts)
        known, read_at, warning = self._read.get(pod.uid, (None, 0.0, ""))
        if state == known and (warning or self._now() - read_at < WARNING_SECONDS):
            return warning
        try:
            messages = [event.message for event in events(pod) if event.type == "Warning"]
        except ArgoCDError:
            return ""
        warning = tree.described(pod, messages[-1]) if messages else ""
        self._read[pod.uid] = (state, self._now(), warning)
        return warning


def parse_pod_template(node: Node, manifest: object) -> PodTemplate:
    """Parse the pod template in the live manifest of a workload (Kubernetes apps/v1 and batch/v1), or a pod.

    The images of init containers are left out, because they do not run any more when the pod is ready. Those that
    restart always are sidecars, and keep running.

    If the workload has no pods for a good reason, such as zero replicas, the field ``due`` says when they will start.
    """
    document = as_object(manifest)
    spec, status = as_object(document.get("spec")), as_object(document.get("status"))
    update = as_object(spec.get("updateStrategy"))
    holder = as_object(as_object(spec.get("jobTemplate")).get("spec")) if node.kind == "CronJob" else spec
    pod = spec if node.kind == "Pod" else as_object(as_object(holder.get("template")).get("spec"))
    sidecars = [item for item in as_objects(pod.get("initContainers")) if item.get("restartPolicy") == "Always"]
    containers = [*sidecars, *as_objects(pod.get("containers"))]
    due = ""
    if node.kind == "CronJob":
        due = texts.DUE_WHEN_RESUMED if spec.get("suspend") is True else texts.DUE_AT_START
    elif node.kind == "Job":
        due = texts.DUE_SUSPENDED_JOB if spec.get("suspend") is True else ""
    elif node.kind == "DaemonSet":
        settled = status.get("observedGeneration") == as_object(document.get("metadata")).get("generation")
        due = texts.DUE_WITH_NODE if settled and status.get("desiredNumberScheduled") == 0 else ""
    elif spec.get("replicas") == 0:
        due = texts.DUE_WITH_REPLICAS
    images = tuple(filter(None, (as_line(item.get("image")) for item in containers)))
    return PodTemplate(
        resource=str(node),
        images=images,
        due=due,
        completed=node.has_completed and not due,
        on_delete=update.get("type") == "OnDelete",
        partitioned=bool(as_object(update.get("rollingUpdate")).get("partition")),
    )


def parse_events(document: object) -> tuple[Event, ...]:
    """Parse the response of ``GET …/events``, and sort the events from the oldest to the latest."""
    events = [_event(item) for item in as_objects(as_object(document).get("items"))]
    return tuple(sorted(events, key=lambda event: event.last_at))


def parse_log(text: str) -> tuple[str, ...]:
    """Parse the response of ``GET …/logs``, and redact the Secrets and keys that the container's program has logged."""
    lines = [_log_line(as_object(parse_object(line).get("result"))) for line in text.split("\n")]
    return lines_shown([line for line in lines if line is not None])


class LogReader:
    """A parser of ``GET …/logs?follow=true`` that passes each line to ``take`` as soon as it arrives.

    Control characters are removed from the lines, but Secrets are not, because a Secret can span several lines. Callers
    must pass all lines to ``lines_shown`` before they print any of them. Lines up to ``position`` are left out.
    """

    def __init__(self, take: Callable[[str], object], position: LogPosition) -> None:
        self._take, self._position = take, position
        position.begin()
        #: True if Argo CD has marked the end of the log (argo-cd v2.13.2 server/application/application.go).
        self.is_complete = False
        self._rest = b""

    def feed(self, part: bytes) -> None:
        """Parse the next part of the response body, and pass on its complete lines."""
        *whole, self._rest = (self._rest + part).split(b"\n")
        # Limit the memory for an incomplete line. A program that prints no line feed can print a line of any length.
        self._rest = self._rest[:LINE_BYTES]
        for text in whole:
            if len(text) >= LINE_BYTES:
                self._take(texts.LINE_TOO_LONG.fill(megabytes=LINE_BYTES >> 20))
                continue
            entry = as_object(parse_object(text.decode("utf-8", "replace")).get("result"))
            self.is_complete = self.is_complete or bool(entry.get("last"))
            time = str(entry.get("timeStampStr") or entry.get("timeStamp")).rstrip("Z")
            if (line := _log_line(entry)) is not None and self._position.is_new(time):
                self._take(line)


def _log_line(entry: dict[str, Any]) -> str | None:
    if entry.get("last") or not entry.get("timeStamp"):
        return None
    return clean(str(entry.get("content") or ""), limit=LOG_LINE_LIMIT).replace("\n", " ").expandtabs(4).rstrip()


def _node(item: dict[str, Any]) -> Node:
    parents, health = as_objects(item.get("parentRefs")), as_object(item.get("health"))
    network = as_object(item.get("networkingInfo"))
    labels, selector = as_object(network.get("labels")), as_object(network.get("targetLabels"))
    return Node(
        uid=as_line(item.get("uid")),
        owner=as_line(parents[0].get("uid")) if parents else "",
        group=as_line(item.get("group")),
        version=as_line(item.get("version")),
        kind=as_line(item.get("kind")),
        namespace=as_line(item.get("namespace")),
        name=as_line(item.get("name")),
        health=as_line(health.get("status")),
        message=as_line(as_message(health.get("message"), kind=as_line(item.get("kind")))),
        created_at=as_line(item.get("createdAt")),
        images=tuple(as_line(image) for image in as_list(item.get("images"))),
        info={as_line(row.get("name")): as_line(row.get("value")) for row in as_objects(item.get("info"))},
        labels={as_line(name): as_line(value) for name, value in labels.items()},
        hosts=frozenset(filter(None, map(_host, as_list(network.get("externalURLs"))))),
        targets=tuple(
            ResourceRef(
                group=as_line(ref.get("group")),
                kind=as_line(ref.get("kind")),
                namespace=as_line(ref.get("namespace")),
                name=as_line(ref.get("name")),
            )
            for ref in as_objects(network.get("targetRefs"))
        ),
        selector={as_line(name): as_line(value) for name, value in selector.items()},
    )


def _host(url: object) -> str:
    try:
        return urlsplit(as_line(url)).hostname or ""
    except ValueError:
        return ""


def _event(item: dict[str, Any]) -> Event:
    count = item.get("count")
    last_at = (
        item.get("lastTimestamp") or item.get("eventTime") or as_object(item.get("metadata")).get("creationTimestamp")
    )
    return Event(
        type=as_line(item.get("type")),
        reason=as_line(item.get("reason")),
        message=as_message(item.get("message"), kind=as_line(as_object(item.get("involvedObject")).get("kind"))),
        count=count if isinstance(count, int) else 1,
        last_at=as_line(last_at),
    )


def summary(
    tree: Tree, events: Callable[[Node], tuple[Event, ...]], live: Callable[[Node], object], warnings: PodWarnings
) -> Workloads:
    """Return a summary of the pods, images and failing resources in a resource tree.

    Args:
        tree: the resource tree.
        events: reads the events of a node.
        live: reads the live manifest of a node.
        warnings: reads the warning events of pods that are not ready.

    Raises:
        ArgoCDError: the events of a workload without pods could not be read.
    """
    failing = [tree.as_failing(node) for node in (*tree.failing, *tree.never_begun)]
    for node in tree.owners_without_pods:
        # The tree says why a ReplicaSet has no pods. For other owners of pods, only events do.
        if node.kind != "ReplicaSet":
            refused = tree.refusals(node, events(node))
            failing += [tree.as_failing(node, event.message, refused=True) for event in refused[-1:]]
    roots = [problem.root for problem in failing if problem.root]
    ignored = ignored_roots(tree, roots, live)
    return Workloads(
        failing=tuple(problem for problem in failing if problem.root not in ignored),
        retried=retried_pods(tree),
        images=tree.images,
        serving=tree.ready_pods,
        unready=tuple(pod for pod in tree.serving_pods if not pod.serves),
        starting=tree.starting,
        pods=len(tree.serving_pods),
        ready=sum(pod.health == "Healthy" for pod in tree.serving_pods),
        warning="" if failing else warnings.of(tree, events),
        idle=tree.idle,
        earlier=tree.earlier,
        kept=tree.kept,
        only_jobs=not tree.serving_pods,
        rollouts=unhealthy_rollouts(tree, live),
    )


def parse_states(answer: object) -> tuple[object, object]:
    """Return the live and the wanted state of the first managed resource in a response, as Argo CD compares them.

    Argo CD's web interface shows the difference between these two fields (argo-cd v2.13.2 types.go ResourceDiff).

    Raises:
        ArgoCDError: a state is not JSON.
    """
    items = as_objects(as_object(answer).get("items"))
    states = [items[0].get(name) if items else None for name in ("normalizedLiveState", "predictedLiveState")]
    live, wanted = (
        parsed(state, "GET managed-resources") if isinstance(state, str) and state else None for state in states
    )
    return live, wanted
