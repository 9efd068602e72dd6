"""An application in the sandbox's Argo CD, which tests create, change and observe."""

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from sandbox import logs
from sandbox.cluster import Cluster
from sandbox.control import SandboxError
from sandbox.git import Repository

State = dict[str, Any]
Source = Mapping[str, Any]
ARGOCD: Final = "argocd"
WATCH_SECONDS: Final = 10.0
IN_CLUSTER: Final = "https://kubernetes.default.svc"


@dataclass(kw_only=True)
class Changes:
    """The observed states of an application and its deletion, each with a time as returned by ``time.time()``."""

    seen: list[tuple[float, State]] = field(default_factory=list)
    deleted: float | None = None

    def add(self, event: dict[str, Any]) -> None:
        """Record a watch event of Kubernetes."""
        if event["type"] == "DELETED":
            self.deleted = time.time()
        else:
            self.seen.append((time.time(), event["object"]))

    def has(self, predicate: Callable[[State], bool]) -> bool:
        """Return True if the application has been in a state that satisfies the predicate."""
        return any(predicate(state) for _, state in list(self.seen))

    def first(self, predicate: Callable[[State], bool]) -> float:
        """Return the time of the first state that satisfies the predicate.

        Raises:
            LookupError: there is no such state.
        """
        for at, state in self.seen:
            if predicate(state):
                return at
        raise LookupError("the application was never in that state")


@dataclass(frozen=True, kw_only=True)
class Application:
    """An Application object. By default, it deploys to a Kubernetes namespace of the same name."""

    cluster: Cluster
    name: str
    namespace: str
    argocd_namespace: str = ARGOCD

    @classmethod
    def create(
        cls,
        cluster: Cluster,
        name: str,
        source: Repository | Source | Sequence[Source],
        /,
        *,
        path: str = ".",
        namespace: str = "",
        argocd_namespace: str = ARGOCD,
        project: str = "default",
        automated: bool = True,
        prune: bool = True,
        self_heal: bool = False,
        retry_limit: int | None = None,
        labels: Mapping[str, str] | None = None,
        **spec: Any,
    ) -> "Application":
        """Create the application and its namespace.

        Args:
            cluster: the cluster.
            name: the name of the application.
            source: a repository, or one or more sources in the form of an Application's spec.
            path: the folder in the repository, if ``source`` is a repository.
            namespace: the namespace of the resources; by default the name of the application.
            argocd_namespace: the namespace of the Application itself: ``argocd``, or one that begins with ``team-``.
            project: the project of the application.
            automated: True to sync automatically.
            prune: True to prune automatically.
            self_heal: True to self-heal.
            retry_limit: the limit of retries, or None for Argo CD's default.
            labels: the labels of the Application.
            spec: additional fields, which are merged into the Application's spec at every depth. None removes a key.

        Raises:
            CommandError: the application could not be created.
        """
        namespace = namespace or name
        policy: dict[str, Any] = {"automated": {"prune": prune, "selfHeal": self_heal}} if automated else {}
        if retry_limit is not None:
            policy["retry"] = {"limit": retry_limit}
        if isinstance(source, Repository):
            source = source.source(path)
        sources = {"source": source} if isinstance(source, Mapping) else {"sources": list(source)}
        destination = {"server": IN_CLUSTER, "namespace": namespace}
        own = {"project": project, "destination": destination, "syncPolicy": policy} | sources
        namespaces = sorted({namespace, argocd_namespace})
        cluster.apply(
            *({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": each}} for each in namespaces),
            logs.told(cluster.layout, namespace),
            {
                "apiVersion": "argoproj.io/v1alpha1",
                "kind": "Application",
                "metadata": {"name": name, "namespace": argocd_namespace, "labels": dict(labels or {})},
                "spec": _merged(own, spec),
            },
        )
        return cls(cluster=cluster, name=name, namespace=namespace, argocd_namespace=argocd_namespace)

    @property
    def full_name(self) -> str:
        """Return the name for the argocd CLI, such as ``web``, or ``team-a/web`` outside Argo CD's own namespace."""
        return self.name if self.argocd_namespace == ARGOCD else f"{self.argocd_namespace}/{self.name}"

    def get(self) -> State:
        """Read the Application object.

        Raises:
            CommandError: the object could not be read.
        """
        path = f"/apis/argoproj.io/v1alpha1/namespaces/{self.argocd_namespace}/applications/{self.name}"
        return self.cluster.get(path)

    def delete(self) -> None:
        """Delete the Application object, but not its resources."""
        self.cluster.kubectl("delete", "application", self.name, "-n", self.argocd_namespace, "--wait=true")

    def refresh(self) -> None:
        """Make Argo CD compare with git, and wait until it has done so."""
        self.cluster.argocd("app", "get", self.full_name, "--refresh")

    def wait_for(self, predicate: Callable[[State], bool], seconds: float = 30.0) -> State:
        """Wait for a state that satisfies the predicate, and return it.

        Raises:
            TimeoutError: there was no such state in time. The message contains the last state.
        """
        deadline = time.monotonic() + seconds
        while not predicate(state := self.get()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.name} after {seconds:.0f} s: {json.dumps(state.get('status', {}))[:2000]}")
            time.sleep(0.2)
        return state

    @contextmanager
    def changes(self) -> Iterator[Changes]:
        """Record all states during the ``with`` block, beginning with the current one.

        Raises:
            SandboxError: the states could not be watched.
        """
        layout, changes, first = self.cluster.layout, Changes(), threading.Event()
        command = [str(layout.programs["kubectl"]), "get", "application", self.name, "-n", self.argocd_namespace]
        command += ["--watch", "--output-watch-events", "-o", "json"]
        environ = self.cluster.environment() | {"HOME": str(layout.folder / "home")}
        with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watch:

            def read() -> None:
                for line in watch.stdout or ():
                    changes.add(json.loads(line))
                    first.set()
                first.set()

            reader = threading.Thread(target=read, daemon=True)
            reader.start()
            try:
                if not first.wait(WATCH_SECONDS) or not changes.seen:
                    watch.terminate()
                    raise SandboxError(f"{self.name} can't be watched: {watch.stderr.read() if watch.stderr else ''}")
                yield changes
            finally:
                watch.terminate()
                reader.join()


def _merged(own: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    both = {key: _merged(own[key], value) for key, value in over.items() if _are_objects(own.get(key), value)}
    return {key: value for key, value in (own | over | both).items() if value is not None}


def _are_objects(*values: Any) -> bool:
    return all(isinstance(value, dict) for value in values)


def delivered(revision: str) -> Callable[[State], bool]:
    """Return a predicate: the state is Synced to the revision and Healthy, and no operation runs or has failed."""

    def holds(state: State) -> bool:
        status = state.get("status", {})
        sync, health = status.get("sync", {}), status.get("health", {})
        # finishedAt does not tell, because a sync that is being retried has it too.
        done = not state.get("operation") and status.get("operationState", {}).get("phase", "Succeeded") == "Succeeded"
        at = sync.get("revision") == revision and sync.get("status") == "Synced"
        return at and health.get("status") == "Healthy" and done

    return holds
