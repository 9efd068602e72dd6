"""Records what a real Argo CD says of a situation: ``.venv/bin/python -m tests.recorded.record [NAME…]``.

Plays situations on a sandbox of its own and writes ``tests/recorded/NAME.json``: the application, its resource tree,
and of each node that may be at fault its events, manifest and log. Without a name all are recorded anew.
"""

import json
import ssl
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import httpx

from argocd_release.core.json_shape import as_objects
from sandbox import manifests
from sandbox.sandbox import Sandbox
from scenarios import SCENARIOS
from scenarios.stage import IMAGE, Play, Stage, config, namespace, status, web

FOLDER: Final = Path(__file__).parent
AT_ONCE: Final = 4
# Most situations are there a few seconds after the last commit; a CrashLoopBackOff has had its second restart then.
SECONDS: Final = 12.0
# What makes pods, pods, and what lacks something: nodes that are asked about.
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
    """The hook of the sync before failed, and is still there; the next one has none."""
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
    "claim-of-unknown-class", "claim-without-class", "config-error", "crash-loop", "forbidden-daemon",
    "forbidden-pods", "hook-deadline", "image-pull", "ingress", "init-crash", "job-fails", "last-night",
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
    (FOLDER / f"{name}.json").write_text(text.replace("rec-" + name, name) + "\n", "utf-8")
    print(f"{name}: {len(text) // 1000} kB", flush=True)


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
    """Without what nobody reads here."""
    noise = {"managedFields", "history", "resourceVersion", "tolerations", "annotations", "generation", "hosts"}
    if isinstance(document, dict):
        return {key: _plain(value) for key, value in document.items() if key not in noise}
    return [_plain(item) for item in document] if isinstance(document, list) else document


def main(names: list[str]) -> None:
    with Sandbox.start() as sandbox, ThreadPoolExecutor(AT_ONCE) as pool:
        for done in [pool.submit(record, name, sandbox) for name in names or SITUATIONS]:
            done.result()


if __name__ == "__main__":
    main(sys.argv[1:])
