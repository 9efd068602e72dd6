"""Record the answers of a real Argo CD in a situation: ``.venv/bin/python -m tests.contract.record [NAME…]``.

It plays situations on a sandbox of its own, and writes ``tests/contract/recorded/VERSION/NAME.json`` with the version
of the sandbox's Argo CD. A file has the application, its resource tree, and the events, manifest and log of each node
that can be at fault. ``api`` has the exact answers of the API to the client. Without a name, all situations are
recorded.
"""

import json
import ssl
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import httpx

from argocd_release.argocd import api
from argocd_release.argocd.connection import Connection
from argocd_release.core.text import as_objects
from argocd_release.model.errors import ArgoCDError
from argocd_release.model.resource_tree import Node
from argocd_release.timing import Deadline
from argocd_release.transport.client import Client, Request, Response
from sandbox import manifests
from sandbox.sandbox import Sandbox
from scenarios import SCENARIOS
from scenarios.dsl import IMAGE, Play, Stage, config, namespace, status, web

FOLDER: Final = Path(__file__).parent / "recorded"
API: Final = "api"
API_APPLICATION: Final = "rec-api"
AT_ONCE: Final = 4
# Most situations are there a few seconds after the last commit; a CrashLoopBackOff has had its second restart then.
SECONDS: Final = 12.0
# Nodes to read: owners of pods, pods, and objects that can lack something.
ASKED: Final = frozenset(
    {"Pod", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "Ingress", "Service", "PersistentVolumeClaim"}
)


def daemon_crash(stage: Stage) -> Iterator[None]:
    stage.deploy({"agent.yaml": manifests.daemon_set("agent", f"{IMAGE}:1", fate="crash")})
    yield


def stateful_crash(stage: Stage) -> Iterator[None]:
    stage.deploy({"db.yaml": manifests.stateful_set("db", f"{IMAGE}:1", fate="crash")})
    yield


def job_quota(stage: Stage) -> Iterator[None]:
    stage.allow_no_pods()
    stage.deploy({"job.yaml": manifests.job("import")})
    yield


def daemon_quota(stage: Stage) -> Iterator[None]:
    stage.allow_no_pods()
    stage.deploy({"agent.yaml": manifests.daemon_set("agent", f"{IMAGE}:1")})
    yield


def oom(stage: Stage) -> Iterator[None]:
    stage.deploy(web("1", fate="oom"))
    yield


def stateful_rollback(stage: Stage) -> Iterator[None]:
    """Back to the first revision: Kubernetes raises the number of the ControllerRevision that is there."""
    files = [{"db.yaml": manifests.stateful_set("db", f"{IMAGE}:{n}")} for n in (1, 2)]
    stage.deployed(files[0])
    stage.deploy_again(files[1])
    stage.deploy_again(files[0])
    yield


def pre_sync_hook(stage: Stage) -> Iterator[None]:
    """Without retries, each of which deletes the hook first."""
    hook = manifests.hook("migrate", "PreSync", fate="fail")
    stage.deploy(web("1"), {"hook.yaml": hook}, retry_limit=0)
    yield


def old_hook(stage: Stage) -> Iterator[None]:
    """Keep the failed hook of an earlier sync, while the next revision has no hook."""
    hook = manifests.hook("smoke", "PostSync", fate="fail")
    stage.deploy(web("1"), {"hook.yaml": hook}, retry_limit=0)
    stage.until(lambda state: status(state, "operationState", "phase") == "Failed")
    stage.commit(web("2", fate="never-ready"), {"hook.yaml": None})
    yield


def hook_hangs(stage: Stage) -> Iterator[None]:
    """In a sync by hand, after one that failed."""
    missing = f"{stage.name}-later"
    hook = manifests.hook("smoke", "PostSync", ends_after="90s")
    stage.deploy(config("web", namespace=missing), {"hook.yaml": hook}, retry_limit=0)
    stage.until(lambda state: "SyncError" in str(status(state, "conditions")))
    stage.sandbox.apply(namespace(missing))
    stage.sandbox.argocd("app", "sync", stage.name, "--async")
    stage.until(lambda state: status(state, "operationState", "phase") == "Running")
    yield


OWN: Final[tuple[Play, ...]] = (
    daemon_crash, stateful_crash, job_quota, daemon_quota, oom, stateful_rollback, pre_sync_hook, old_hook, hook_hangs,
)  # fmt: skip
PLAYED: Final = (
    "claim-of-unknown-class", "claim-without-class", "missing-configmap", "crash-loop", "forbidden-daemon",
    "forbidden-pods", "hook-deadline", "image-pull", "ingress", "init-crash", "job-fails", "old-cronjob-failure",
    "load-balancer", "missing-path", "not-mounted", "post-sync-hook", "quota", "stateful-blocked",
    "stateful-fix", "stateful-quota", "too-slow", "unschedulable",
)  # fmt: skip
SITUATIONS: Final[dict[str, Play]] = {play.__name__.replace("_", "-"): play for play in OWN} | {
    name: SCENARIOS[name].play for name in PLAYED
}


def record(name: str, sandbox: Sandbox) -> None:
    """Play the situation, and write down what Argo CD says then."""
    stage = Stage(sandbox=sandbox, name=f"rec-{name}")
    next(SITUATIONS[name](stage))
    stage.running.refresh()
    time.sleep(SECONDS)
    application = json.loads(sandbox.argocd("app", "get", stage.name, "--refresh", "-o", "json"))
    base = f"https://{sandbox.server}/api/v1/applications/{stage.name}"
    trusted = ssl.create_default_context(cafile=str(sandbox.certificate))
    headers = {"Authorization": f"Bearer {sandbox.ci_token}"}
    with httpx.Client(headers=headers, verify=trusted, trust_env=False, timeout=10) as client:

        def ask(what: str, **query: str) -> Any:
            return client.get(f"{base}/{what}", params=query).raise_for_status().json()

        tree = ask("resource-tree")
        answers = {node["uid"]: _answers(node, ask) for node in tree.get("nodes", []) if node["kind"] in ASKED}
        for node in tree.get("nodes", []):
            if node["kind"] == "Pod":
                answers[node["uid"]]["logs"] = _logs(client, base, node, answers[node["uid"]]["manifest"])
    known = {"application": _plain(application), "tree": _plain(tree), "nodes": answers}
    text = json.dumps(known, indent=1, sort_keys=True, ensure_ascii=False)
    text = text.replace(f"file://{sandbox.folder}/repositories", "https://git.example.com")
    _write(FOLDER / _version(sandbox) / f"{name}.json", text.replace("rec-" + name, name))


def record_api(sandbox: Sandbox) -> None:
    """Let the client ask a crash loop in a project with a sync window, and write down each answer as it came."""
    stage = Stage(sandbox=sandbox, name=API_APPLICATION)
    closed = {"kind": "deny", "schedule": "* * * * *", "duration": "1h", "applications": ["*"], "manualSync": True}
    sandbox.project(stage.name)
    stage.deploy(web("1", fate="crash"), project=stage.name)
    stage.running.refresh()
    sandbox.project(stage.name, syncWindows=[closed])
    time.sleep(SECONDS)
    admin = sandbox.admin_token
    pods: list[Node] = []

    def whole(asked: api.Api) -> None:
        tree = asked.tree(stage.name)
        pods.extend(node for node in tree.nodes if node.kind == "Pod")
        asked.events(stage.name, pods[0])
        asked.live(stage.name, pods[0])
        for previous in (False, True):
            asked.log(stage.name, pods[0], "web", previous=previous, lines=30)
        asked.sync_window(stage.name, stage.name)

    situations: dict[str, tuple[str, Callable[[api.Api], object]]] = {
        "allowed": (sandbox.ci_token, whole),
        "token refused": ("nonsense", lambda asked: asked.tree(stage.name)),
        "no rights": (sandbox.token("rec-nobody", ()), lambda asked: asked.tree(stage.name)),
        "no application": (admin, lambda asked: asked.tree("nobody")),
        "no node": (admin, lambda asked: asked.live(stage.name, replace(pods[0], name="gone"))),
        "no pod": (admin, lambda asked: asked.log(stage.name, replace(pods[0], name="gone"), "web", previous=False, lines=30)),
        "no container": (admin, lambda asked: asked.log(stage.name, pods[0], "nobody", previous=False, lines=30)),
    }  # fmt: skip
    recorded = {title: _exchanges(sandbox, token, ask) for title, (token, ask) in situations.items()}
    _write(
        FOLDER / _version(sandbox) / f"{API}.json", json.dumps(recorded, indent=1, sort_keys=True, ensure_ascii=False)
    )


def _exchanges(sandbox: Sandbox, token: str, ask: Callable[[api.Api], object]) -> list[dict[str, Any]]:
    """Return the requests that the client sent during the call, with their answers."""
    opts = f"--server-crt {sandbox.certificate}"
    connection = Connection(server=sandbox.server, auth_token=token, opts=opts)
    found: list[dict[str, Any]] = []

    class Recorder(Client):
        """Keeps what was asked and answered."""

        def send(self, request: Request, *, seconds: float) -> Response:
            answer = super().send(request, seconds=seconds)
            path = request.url.removeprefix(connection.address)
            found.append({
                "request": f"{path}{'?' if request.query else ''}{urlencode(request.query)}",
                "status": answer.status,
                "type": answer.headers.get("content-type", ""),
                "body": answer.text,
            })  # fmt: skip
            return answer

    with api.Api(connection) as asked:
        asked._client = Recorder(tls=connection.tls, deadline=Deadline())
        with suppress(ArgoCDError):
            ask(asked)
    return found


def _version(sandbox: Sandbox) -> str:
    """Return the version of the sandbox's Argo CD, such as ``2.13.2``."""
    trusted = ssl.create_default_context(cafile=str(sandbox.certificate))
    answer = httpx.get(f"https://{sandbox.server}/api/version", verify=trusted, trust_env=False)
    version: str = answer.raise_for_status().json()["Version"]
    return version.removeprefix("v").partition("+")[0]


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text + "\n", "utf-8")
    print(f"{file.relative_to(FOLDER)}: {len(text) // 1000} kB", flush=True)


def _answers(node: dict[str, Any], ask: Callable[..., Any]) -> dict[str, Any]:
    name, namespace = node["name"], node["namespace"]
    events = ask("events", resourceNamespace=namespace, resourceName=name, resourceUID=node["uid"])
    live = {"namespace": namespace, "resourceName": name, "kind": node["kind"], "group": node.get("group", "")}
    manifest = json.loads(ask("resource", **live, version=node["version"])["manifest"])
    keys = ("type", "reason", "message", "count", "lastTimestamp", "eventTime")
    items = [{key: item.get(key) for key in keys} for item in as_objects(events.get("items"))]
    return {"events": {"items": items}, "manifest": _plain({"spec": manifest["spec"], "status": manifest["status"]})}


def _logs(client: httpx.Client, base: str, pod: dict[str, Any], manifest: dict[str, Any]) -> dict[str, list[str]]:
    found = {}
    for container in manifest["spec"]["containers"] + manifest["spec"].get("initContainers", []):
        query = {"container": container["name"], "namespace": pod["namespace"], "tailLines": "30"}
        text = client.get(f"{base}/pods/{pod['name']}/logs", params=query).text
        entries = [json.loads(line).get("result", {}) for line in text.splitlines()]
        found[container["name"]] = [
            entry["content"] for entry in entries if entry.get("timeStamp") and not entry.get("last")
        ]
    return found


def _plain(document: Any) -> Any:
    """Return the document without fields that no test reads."""
    noise = {"managedFields", "history", "resourceVersion", "tolerations", "annotations", "generation", "hosts"}
    if isinstance(document, dict):
        return {key: _plain(value) for key, value in document.items() if key not in noise}
    return [_plain(item) for item in document] if isinstance(document, list) else document


def main(names: list[str]) -> None:
    with Sandbox.start() as sandbox, ThreadPoolExecutor(AT_ONCE) as pool:
        for done in [
            pool.submit(record_api, sandbox) if name == API else pool.submit(record, name, sandbox)
            for name in names or [*SITUATIONS, API]
        ]:
            done.result()


if __name__ == "__main__":
    main(sys.argv[1:])
