"""Create states of an application for tests: whole documents, as Argo CD prints them, with the given parts."""

import json
from typing import Any

from argocd_release.argocd.application_json import parse_application
from argocd_release.model.application import Application
from argocd_release.model.problem import CauseCode, Problem, ResourceRef, Subject
from argocd_release.model.resource_tree import Failing

NEW = "3f2c1ab0c0ffee00c0ffee00c0ffee00c0ffee00"
OLD = "0ld0000000000000000000000000000000000000"


def failing(
    pod: str, *, root: ResourceRef = ResourceRef("apps", "Deployment", "web", "web"), of_job: bool = False
) -> Failing:
    """Return a pod in a crash loop."""
    subject = Subject(ref=ResourceRef("", "Pod", "web", pod), root=root)
    problem = Problem(message=f"Pod/{pod}: CrashLoopBackOff", code=CauseCode.CRASH_LOOP, subject=subject)
    return Failing(uid=pod, problem=problem, of_job=of_job)


def document(
    *,
    sync: str | None = "Synced",
    revision: str = NEW,
    health: str | None = "Healthy",
    phase: str | None = "Succeeded",
    operated: str = NEW,
    **status: Any,
) -> dict[str, Any]:
    """Return an application as ``argocd app get -o json`` prints it. If an argument is None, its part is left out."""
    finished = {} if phase == "Running" and "retries" not in status else {"finishedAt": "2026-01-01T00:00:05Z"}
    operation = {
        "phase": phase,
        "message": "successfully synced (all tasks run)",
        "startedAt": "2026-01-01T00:00:04Z",
        "syncResult": {"revision": operated, "resources": status.pop("results", [])},
    } | finished
    if "retries" in status:
        operation["retryCount"] = status.pop("retries")
    web: dict[str, Any] = {
        "group": "apps",
        "kind": "Deployment",
        "namespace": "web",
        "name": "web",
        "status": sync or "Unknown",
    }
    if health:
        web["health"] = {"status": health, "message": "" if health == "Healthy" else "0 of 1 updated replicas"}
    whole: dict[str, Any] = {
        "reconciledAt": "2026-01-01T00:00:06Z",
        "resources": [web],
        "summary": {"images": ["registry.example.com/web:1"]},
    }
    if sync:
        whole["sync"] = {"status": sync, "revision": revision}
    if health:
        whole["health"] = {"status": health}
    if phase:
        whole["operationState"] = operation
    top = {key: status.pop(key) for key in ("operation",) if key in status}
    return {
        "metadata": {"name": "web", "namespace": "argocd", "uid": "u-1"},
        "spec": {"project": "default", "syncPolicy": {"automated": {}}},
        "status": whole | status,
    } | top


def application(**parts: Any) -> Application:
    return parse_application(json.dumps(document(**parts)))
