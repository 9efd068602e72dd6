"""An application of the sandbox's Argo CD, as a test handles it."""

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
    """Each state the application went through while watched, and its deletion, with the ``time.time()`` of each."""

    seen: list[tuple[float, State]] = field(default_factory=list)
    deleted: float | None = None

    def add(self, event: dict[str, Any]) -> None:
        """Take a watch event of Kubernetes down; a deletion is no further state."""
        if event["type"] == "DELETED":
            self.deleted = time.time()
        else:
            self.seen.append((time.time(), event["object"]))

    def has(self, predicate: Callable[[State], bool]) -> bool:
        """Return True if the application has been in a state for which the predicate holds."""
        return any(predicate(state) for _, state in list(self.seen))

    def first(self, predicate: Callable[[State], bool]) -> float:
        """When the first state came for which the predicate holds; raises ``LookupError``."""
        for at, state in self.seen:
            if predicate(state):
                return at
        raise LookupError("the application was never in that state")


@dataclass(frozen=True, kw_only=True)
class Application:
    """An Application object, its namespace of Kubernetes being named as itself unless told otherwise."""

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
        """Create the application and its namespace; raises ``CommandError``.

        ``source`` is a repository, of which ``path`` is used, a source of the Application's own form, or several.
        ``argocd_namespace`` is where the Application itself is, ``argocd`` or one that begins with ``team-``.
        ``spec`` is merged into the Application's own, key by key at every depth; None takes a key away.
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
        """What the command line calls it: ``team-a/web`` outside Argo CD's own namespace."""
        return self.name if self.argocd_namespace == ARGOCD else f"{self.argocd_namespace}/{self.name}"

    def get(self) -> State:
        """The object as the cluster has it; raises ``CommandError``."""
        path = f"/apis/argoproj.io/v1alpha1/namespaces/{self.argocd_namespace}/applications/{self.name}"
        return self.cluster.get(path)

    def delete(self) -> None:
        """Delete the Application object; what it manages stays."""
        self.cluster.kubectl("delete", "application", self.name, "-n", self.argocd_namespace, "--wait=true")

    def refresh(self) -> None:
        """Make Argo CD compare with git now; returns when it has."""
        self.cluster.argocd("app", "get", self.full_name, "--refresh")

    def wait_for(self, predicate: Callable[[State], bool], seconds: float = 30.0) -> State:
        """The first state for which the predicate holds; raises ``TimeoutError`` with the last one."""
        deadline = time.monotonic() + seconds
        while not predicate(state := self.get()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.name} after {seconds:.0f} s: {json.dumps(state.get('status', {}))[:2000]}")
            time.sleep(0.2)
        return state

    @contextmanager
    def changes(self) -> Iterator[Changes]:
        """Record every state while the block runs, from the present one on; raises ``SandboxError``."""
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
    """Whether a state is Synced to the revision and Healthy, with no operation running or failed."""

    def holds(state: State) -> bool:
        status = state.get("status", {})
        sync, health = status.get("sync", {}), status.get("health", {})
        # Not by finishedAt, which a sync that is being retried has too.
        done = not state.get("operation") and status.get("operationState", {}).get("phase", "Succeeded") == "Succeeded"
        at = sync.get("revision") == revision and sync.get("status") == "Synced"
        return at and health.get("status") == "Healthy" and done

    return holds
