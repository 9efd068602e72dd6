"""Record the pods, events and logs of hooks before Argo CD deletes them.

The pod and the log of a failed hook exist for seconds only. Argo CD deletes a hook as its delete policy says, at the
latest before the next attempt (argo-cd v2.13.2, gitops-engine pkg/sync/sync_context.go). So a recorder reads this data
in background threads while the hook runs, with as few requests as possible.
"""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import wait as wait_for_futures
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from argocd_release.core.redaction import lines_shown
from argocd_release.diagnosis.pod_status import UNSEEN_END, PodStatus, ended, parse_pod_status
from argocd_release.diagnosis.root_cause import Clues
from argocd_release.messages import hooks
from argocd_release.model.application import Application, Operation, OperationPhase, ResourceResult
from argocd_release.model.errors import ArgoCDError, FailureKind
from argocd_release.model.observation import LOG_CONTEXT, LogPosition
from argocd_release.model.ports import Evidence
from argocd_release.model.resource_tree import Event, Node, Tree
from argocd_release.model.result import PodLog
from argocd_release.timing import Background, run_in_background

if TYPE_CHECKING:
    from argocd_release.diagnosis.hook_logs import HookLogs

#: The number of lines to keep from the end of each container's log.
LOG_LINES: Final = 30
#: The maximum number of pods that a recording reads. It reads the newest pods first.
PODS: Final = 3
#: The maximum number of running containers whose logs a recording follows at the same time.
LOGS: Final = 4
#: The maximum number of logs that a recording reads in total. A hook with a ``backoffLimit`` has many pods.
ALL_LOGS: Final = 40
#: The maximum number of times that a recording reopens the stream of a log that has ended early, for example because
#: a proxy ends idle streams.
RENEWALS: Final = 30
#: The shortest pause between two reads of the resource tree, in seconds. The pause grows while nothing changes.
FIRST_SECONDS: Final = 0.5
#: The longest pause in seconds between two reads of the tree while a pod has no running container yet.
START_SECONDS: Final = 1.0
#: The longest pause in seconds between two reads of the tree if each pod has a running container.
MOST_SECONDS: Final = 4.0
#: The maximum number of attempts to read the tree after the hooks have failed. One successful read is enough.
LAST_READS: Final = 3
#: How long a recording waits for the rest of the logs after the last read of the tree, in seconds.
LOG_END_SECONDS: Final = 2.5
#: The factor by which the pause between two reads of the tree grows.
_SLOWER: Final = 1.5
#: The length of an RFC 3339 time without its fraction of a second and its time zone.
SECONDS: Final = len("2026-01-01T00:00:00")
#: The longest duration of a recording, in seconds.
WATCH_SECONDS: Final = 3600.0
# A part of the message of a Job that has passed its deadline (kubernetes v1.31.0 pkg/controller/job/job_controller.go).
_PAST_DEADLINE: Final = "active longer than specified deadline"
#: An attempt of an operation: the start time of the operation, and the number of the attempt.
_Attempt = tuple[str, int]
#: The key of a container's log: the pod's uid, the container's name, and the number of its restarts.
_LogKey = tuple[str, str, int]


@dataclass(frozen=True, kw_only=True)
class KeptPod:
    """A pod of a hook, with the data that a recorder has read about it.

    Attributes:
        tree: the last resource tree that contained the pod.
        pod: the node of the pod in that tree.
        clues: the state, the events and the log of the pod.
        log_error: Argo CD's error if it refused to show the pod's log, otherwise None.
    """

    tree: Tree
    pod: Node
    clues: Clues
    log_error: ArgoCDError | None = None


def has_failed(kept: KeptPod, application: Application) -> bool:
    """Return True if the pod itself has failed, so that the pod and not its Job is the root cause.

    When a Job passes its deadline, Kubernetes ends its pods. The Job is then the root cause, unless the pod could not
    even start.
    """
    status, root = kept.clues.status, kept.tree.root(kept.pod)
    troubles = [container.reason for container in status.containers if container.in_trouble] if status else []
    if (status is not None and status.unschedulable) or any(reason != UNSEEN_END for reason in troubles):
        return True
    messages = [item.message for item in application.results if (item.kind, item.name) == (root.kind, root.name)]
    if any(_PAST_DEADLINE in message for message in messages):
        return False
    return status is None or bool(troubles) or (kept.clues.log is not None and kept.clues.log.says_something)


class HookRecorder:
    """A recorder of the pods, events and logs of one application's hooks. It never delays a look at the application.

    Args:
        name: the name of the application.
        sources: reads the tree, events, manifests and logs from Argo CD.
        logs: shows the logs of hooks in the job log, and keeps them for the reports; None if the settings turn that
            off.
    """

    def __init__(self, name: str, sources: Evidence, logs: "HookLogs | None" = None) -> None:
        self._name = name
        self._sources = sources
        self._logs = logs
        self._recording: _Recording | None = None

    def look(self, application: Application) -> None:
        """Start or stop recording, depending on the observed state of the application.

        The recorder is active while an operation for the compared revision runs, or while the state shows a failed hook
        of that operation. Each attempt of the operation has a recording of its own.
        """
        operation = application.operation
        hooks = _of_interest(application)
        if operation is None or not (hooks or (operation.running and application.operation_counts)):
            self.stop()
            return
        attempt = (operation.started_at, operation.attempt)
        if self._recording is None or self._recording.attempt != attempt:
            self.stop()
            self._recording = _Recording(self._name, self._sources, attempt, self._logs)
            self._recording.start()
        self._recording.emit(hooks, {(item.kind, item.name): item.hook_type for item in _hooks(application)})

    def stop(self) -> None:
        """Stop the recording. The recorded data stays available."""
        if self._recording is not None:
            self._recording.stop()

    def kept(self, application: Application, *, seconds: float = 0.0) -> tuple[KeptPod, ...]:
        """Return the recorded pods of the application's failed hooks, the newest first.

        If the recording is still reading data, wait for it up to ``seconds``.
        """
        recording, operation = self._recording, application.operation
        if recording is None or operation is None or not recording.is_of(operation):
            return ()
        recording.wait(seconds)
        return recording.pods({(item.kind, item.name) for item in application.results if item.hook_ran and item.failed})


def _hooks(application: Application) -> list[ResourceResult]:
    return [item for item in application.results if item.hook_ran]


def _of_interest(application: Application) -> dict[tuple[str, str], bool]:
    """Return the kind and name of each hook that runs or has failed, mapped to True if it has failed."""
    return {
        (item.kind, item.name): item.failed
        for item in _hooks(application)
        if item.failed or (application.operating and item.hook_phase == OperationPhase.RUNNING)
    }


class _Recording:
    """A recording of the hooks in one attempt of an operation.

    One thread reads the resource tree. For each container log, another thread follows the log.
    """

    def __init__(self, name: str, sources: Evidence, attempt: _Attempt, hook_logs: "HookLogs | None") -> None:
        self.attempt = attempt
        self._name = name
        self._sources = sources
        self._hook_logs = hook_logs
        self._hooks: dict[tuple[str, str], bool] = {}
        #: The type of each hook, such as PreSync, by the kind and name of the hook.
        self._types: dict[tuple[str, str], str] = {}
        self._nodes: dict[str, tuple[Tree, Node]] = {}
        self._statuses: dict[str, PodStatus] = {}
        self._events: dict[str, tuple[Event, ...]] = {}
        self._logs: dict[_LogKey, deque[str]] = {}
        self._log_errors: dict[str, ArgoCDError] = {}
        self._follows: dict[_LogKey, Background[None]] = {}
        #: The function that takes the lines of a log, and the position up to which the log was read.
        self._takes: dict[_LogKey, tuple[Callable[[str], object], LogPosition]] = {}
        #: The logs whose streams have ended early, and how often this has happened to each log.
        self._cut: set[_LogKey] = set()
        self._cuts: Counter[_LogKey] = Counter()
        #: For each uid of a pod, the pod's state in the tree when the recording last read the pod completely.
        self._marks: dict[str, tuple[str, ...] | None] = {}
        self._news = threading.Event()
        self._stopped = False
        self._until = time.monotonic() + WATCH_SECONDS
        self._done: Future[None] = Future()

    def start(self) -> None:
        self._done = run_in_background(self._work)

    def is_of(self, operation: Operation) -> bool:
        """Return True if this is a recording of the operation, no matter of which attempt."""
        return self.attempt[0] == operation.started_at

    def emit(self, hooks: dict[tuple[str, str], bool], types: dict[tuple[str, str], str]) -> None:
        """Store the hooks that the last look has shown. If they have changed, read the tree at once.

        Args:
            hooks: the kind and name of each hook that runs or has failed, mapped to True if it has failed.
            types: the type of each hook, including those that have succeeded.
        """
        self._types |= types
        if hooks != self._hooks:
            self._hooks = {**self._hooks, **hooks}
            self._news.set()

    def stop(self) -> None:
        self._stopped = True
        self._news.set()

    def wait(self, seconds: float) -> None:
        """Wait until the recording has ended, but not longer than ``seconds``."""
        until = time.monotonic() + seconds
        while not self._done.done() and time.monotonic() < until:
            time.sleep(0.05)

    def pods(self, hooks: set[tuple[str, str]]) -> tuple[KeptPod, ...]:
        """Return the recorded pods of these hooks, the newest first. Each hook is a tuple of its kind and name."""
        pods_of_hooks = [(tree, pod) for tree, pod in list(self._nodes.values()) if _hook_of(tree, pod) in hooks]
        newest = sorted(pods_of_hooks, key=lambda pair: pair[1].created_at, reverse=True)
        return tuple(
            KeptPod(tree=tree, pod=pod, clues=self._clues(pod), log_error=self._log_errors.get(pod.uid))
            for tree, pod in newest
        )

    def _clues(self, pod: Node) -> Clues:
        status = self._statuses.get(pod.uid)
        # The hook has failed, so treat its pod as ended, even if the pod was still running when it was read.
        status = ended(status) if status else None
        culprit = status.culprit if status else None
        clues = Clues(status=status, events=self._events.get(pod.uid, ()))
        runs = [key for key in list(self._logs) if key[0] == pod.uid and (culprit is None or key[1] == culprit.name)]
        for uid, container, run in sorted(runs, key=lambda key: key[2], reverse=True):
            if lines := lines_shown(list(self._logs[uid, container, run]))[-LOG_LINES:]:
                return replace(clues, log=PodLog(pod=pod.name, container=container, previous=False, lines=lines))
        return clues

    def _work(self) -> None:
        pause, last_reads = FIRST_SECONDS, LAST_READS
        while not self._stopped and time.monotonic() < self._until:
            self._news.clear()
            over = bool(self._hooks) and all(self._hooks.values())
            changed = failed = False
            try:
                changed = self._read(over=over)
            except ArgoCDError as error:
                if error.kind in {FailureKind.DENIED, FailureKind.UNAUTHENTICATED}:
                    return
                failed = True
            if over:
                last_reads -= 1
                if not failed or not last_reads:
                    wait_for_futures(list(self._follows.values()), timeout=LOG_END_SECONDS)
                    return
            slowest = MOST_SECONDS if self._all_run() else START_SECONDS
            pause = FIRST_SECONDS if changed or over else min(pause * _SLOWER, slowest)
            self._news.wait(pause)

    def _all_run(self) -> bool:
        """Return True if each recorded pod has a running container.

        The recording then waits longer between two reads of the tree, because the end of a log wakes it. Otherwise, it
        must read the tree often: the tree shows the start of a container late or never. If a hook's program ends at
        once, Argo CD deletes the pod and its log within a second.
        """
        return bool(self._statuses) and all(
            any(container.running for container in status.containers) for status in self._statuses.values()
        )

    def _read(self, *, over: bool) -> bool:
        """Read each pod of a hook that has changed since it was last read. Return True if a pod has changed.

        Args:
            over: True if all hooks have failed, so that this is the last read.
        """
        tree = self._sources.tree(self._name)
        pods = [pod for pod in tree.nodes if pod.kind == "Pod" and self._may_be_of_a_hook(tree, pod)]
        newest = sorted(pods, key=lambda pod: pod.created_at, reverse=True)[:PODS]
        changed = [pod for pod in newest if pod.uid not in self._marks or self._marks[pod.uid] != _mark(pod)]
        for pod in changed:
            self._nodes[pod.uid] = (tree, pod)
            self._best_effort(lambda pod=pod: self._look_at(pod))  # type: ignore[misc]
        for pod in newest:
            if (over or pod.health == "Degraded") and pod.uid not in self._events:
                self._best_effort(lambda pod=pod: self._take_events(pod))  # type: ignore[misc]
        return bool(changed)

    def _may_be_of_a_hook(self, tree: Tree, pod: Node) -> bool:
        """Return True if the pod certainly or possibly belongs to a hook.

        Until a look has shown a hook, each Job that was created after the start of the operation is a possible hook.
        """
        root = tree.root(pod)
        started_at, _ = self.attempt
        is_new_job = root.kind == "Job" and not self._hooks and root.created_at[:SECONDS] >= started_at[:SECONDS]
        return is_new_job or (root.kind, root.name) in self._hooks

    def _look_at(self, pod: Node) -> None:
        status = parse_pod_status(self._sources.live(self._name, pod))
        self._statuses[pod.uid] = status
        if any(container.has_run for container in status.containers):
            self._marks[pod.uid] = _mark(pod)
        for container in status.containers:
            key = (pod.uid, container.name, container.restarts)
            is_new = key not in self._logs and len(self._logs) < ALL_LOGS
            if not container.has_run or not (is_new or key in self._cut) or self._is_busy():
                continue
            self._cut.discard(key)
            self._logs.setdefault(key, deque(maxlen=LOG_LINES + LOG_CONTEXT))
            self._follows[key] = run_in_background(partial(self._follow, pod, key))

    def _is_busy(self) -> bool:
        """Return True if the recording already follows the logs of ``LOGS`` running containers.

        A stream does not always end with its container, because a proxy can keep it open.
        """
        running = {
            (uid, container.name)
            for uid, status in self._statuses.items()
            for container in status.containers
            if container.running
        }
        return sum(not follow.done() and key[:2] in running for key, follow in self._follows.items()) >= LOGS

    def _take_events(self, pod: Node) -> None:
        self._events[pod.uid] = self._sources.events(self._name, pod)

    def _follow(self, pod: Node, key: _LogKey) -> None:
        """Read the log of a container until its program has ended."""
        lines, logs = self._logs[key], self._hook_logs
        count = LOG_LINES + LOG_CONTEXT if logs is None else logs.LINES
        if key not in self._takes:
            take: Callable[[str], object] = lines.append
            if logs is not None:
                show = logs.open(key, application=self._name, hook=partial(self._title, pod), pod=pod.name)
                take = partial(_take_twice, lines.append, show)
            self._takes[key] = take, LogPosition()
        take, position = self._takes[key]
        try:
            self._sources.follow(self._name, pod, key[1], lines=count, take=take, position=position)
        except ArgoCDError as error:
            # If Argo CD refuses to return the log, keep the error for a note in the diagnosis. After any other error, a
            # later read of the pod follows the log again.
            if error.is_refused:
                self._log_errors[pod.uid] = error
                if logs is not None:
                    logs.refused(key, error)
            elif not lines:
                del self._logs[key], self._takes[key]
                if logs is not None:
                    logs.forget(key)
            elif self._cuts[key] < RENEWALS:
                self._cuts[key] += 1
                self._cut.add(key)
        finally:
            # The program has probably ended. Read its pod again soon, because Argo CD shows the exit code only for a
            # moment.
            self._marks.pop(pod.uid, None)
            self._news.set()

    def _title(self, pod: Node) -> str:
        """Return the hook to which the pod belongs, or "" if no look has shown that hook yet."""
        tree, _ = self._nodes[pod.uid]
        root = tree.root(pod)
        hook_type = self._types.get((root.kind, root.name), "")
        return hooks.HOOK.fill(hook_type=hook_type, message=root) if hook_type else ""

    def _best_effort(self, read: Callable[[], None]) -> None:
        """Call ``read``, and ignore an ``ArgoCDError``, so that a failed read does not prevent the other reads."""
        try:
            read()
        except ArgoCDError:
            return


def _take_twice(first: Callable[[str], object], second: Callable[[str], object], line: str) -> None:
    first(line)
    second(line)


def _hook_of(tree: Tree, pod: Node) -> tuple[str, str]:
    root = tree.root(pod)
    return (root.kind, root.name)


def _mark(pod: Node | None) -> tuple[str, ...] | None:
    return (pod.reason, pod.containers, str(pod.restarts), pod.health) if pod else None
