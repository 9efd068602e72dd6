"""An application of the sandbox's Argo CD, as a test handles it."""

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sandbox.git import BRANCH, Repository

if TYPE_CHECKING:
    from sandbox.sandbox import Sandbox

State = dict[str, Any]
IN_CLUSTER: Final = "https://kubernetes.default.svc"


@dataclass(kw_only=True)
class Changes:
    """Each state the application went through while watched, with the time it was seen (``time.time()``)."""

    seen: list[tuple[float, State]] = field(default_factory=list)

    def first(self, predicate: Callable[[State], bool]) -> float:
        """When the first state came for which the predicate holds; raises ``LookupError``."""
        for at, state in self.seen:
            if predicate(state):
                return at
        raise LookupError("the application was never in that state")


@dataclass(frozen=True, kw_only=True)
class Application:
    """An Application object, its namespace of Kubernetes being named as itself unless told otherwise."""

    sandbox: "Sandbox"
    name: str
    namespace: str

    @classmethod
    def create(
        cls,
        sandbox: "Sandbox",
        name: str,
        repository: Repository,
        *,
        path: str = ".",
        namespace: str = "",
        automated: bool = True,
        retry_limit: int | None = None,
        **spec: Any,
    ) -> "Application":
        """Create the application and its namespace; ``spec`` is merged over the Application's own."""
        namespace = namespace or name
        policy: dict[str, Any] = {"automated": {"prune": True}} if automated else {}
        if retry_limit is not None:
            policy["retry"] = {"limit": retry_limit}
        source = {"repoURL": repository.url, "path": path, "targetRevision": BRANCH}
        destination = {"server": IN_CLUSTER, "namespace": namespace}
        whole = {"project": "default", "source": source, "destination": destination, "syncPolicy": policy} | spec
        sandbox.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}},
            {
                "apiVersion": "argoproj.io/v1alpha1",
                "kind": "Application",
                "metadata": {"name": name, "namespace": "argocd"},
                "spec": whole,
            },
        )
        return cls(sandbox=sandbox, name=name, namespace=namespace)

    def get(self) -> State:
        """The object as the cluster has it; raises ``CommandError``."""
        state: State = json.loads(self.sandbox.kubectl("get", "application", self.name, "-n", "argocd", "-o", "json"))
        return state

    def delete(self) -> None:
        """Delete the Application object; what it manages stays."""
        self.sandbox.kubectl("delete", "application", self.name, "-n", "argocd", "--wait=true")

    def refresh(self) -> None:
        """Make Argo CD compare with git now; returns when it has."""
        self.sandbox.argocd("app", "get", self.name, "--refresh")

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
        """Record every state while the block runs."""
        changes = Changes()
        world = self.sandbox.world
        command = [str(world.programs["kubectl"]), "get", "application", self.name, "-n", "argocd", "-w", "-o", "json"]
        environ = self.sandbox.environment() | {"HOME": str(world.folder / "home")}
        with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as process:

            def read() -> None:
                decoder, pending = json.JSONDecoder(), ""
                for line in process.stdout or ():
                    pending += line
                    if line.rstrip() == "}":
                        changes.seen.append((time.time(), decoder.decode(pending)))
                        pending = ""

            reader = threading.Thread(target=read, daemon=True)
            reader.start()
            try:
                yield changes
            finally:
                process.terminate()
                reader.join()


def delivered(revision: str) -> Callable[[State], bool]:
    """Whether a state is Synced to the revision and Healthy, with no operation left."""

    def holds(state: State) -> bool:
        status = state.get("status", {})
        sync, health = status.get("sync", {}), status.get("health", {})
        running = state.get("operation") or not status.get("operationState", {}).get("finishedAt", True)
        at = sync.get("revision") == revision and sync.get("status") == "Synced"
        return at and health.get("status") == "Healthy" and not running

    return holds
