"""Manifests for tests and the demo, as YAML text (JSON is YAML)."""

import json
from typing import Any, Final

FATES: Final = ("ready", "slow", "never-ready", "crash", "image-pull")
ENDS: Final = ("complete", "fail")


def deployment(
    name: str,
    image: str,
    *,
    fate: str = "ready",
    replicas: int = 1,
    ready_after: str = "",
    deadline: int = 600,
    **labels: str,
) -> str:
    """A Deployment whose pods meet the fate, one of ``FATES``: slow ones are ready after 8 seconds.

    ``ready_after`` is a Go duration such as ``3s`` for another time; ``deadline`` is the progressDeadlineSeconds.
    """
    _check(fate, FATES)
    selector = {"app": name}
    spec: dict[str, Any] = {
        "replicas": replicas,
        "progressDeadlineSeconds": deadline,
        "selector": {"matchLabels": selector},
        "template": {
            "metadata": {"labels": selector | {"fate": fate} | labels, "annotations": _slow(ready_after)},
            "spec": {"containers": [{"name": name, "image": image}], "terminationGracePeriodSeconds": 0},
        },
    }
    return _yaml({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec})


def config_map(name: str, **data: str) -> str:
    return _yaml({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})


def hook(name: str, phase: str, *, fate: str = "complete", ends_after: str = "") -> str:
    """A Job that is a hook: ``phase`` is PreSync, Sync, PostSync or SyncFail; ``fate`` is one of ``ENDS``."""
    _check(fate, ENDS)
    hooks = {"argocd.argoproj.io/hook": phase, "argocd.argoproj.io/hook-delete-policy": "BeforeHookCreation"}
    container = {"name": name, "image": "registry.example.com/hook:1"}
    spec = {
        "backoffLimit": 0,
        "template": {
            "metadata": {"labels": {"fate": fate}, "annotations": _slow(ends_after)},
            "spec": {"restartPolicy": "Never", "containers": [container]},
        },
    }
    metadata = {"name": name, "annotations": hooks}
    return _yaml({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec})


def _check(fate: str, fates: tuple[str, ...]) -> None:
    # A pod whose label says nothing to any stage becomes ready.
    if fate not in fates:
        raise ValueError(f"{fate!r} is none of {', '.join(fates)}")


def _slow(after: str) -> dict[str, str]:
    return {"sandbox/ready-after": after} if after else {}


def _yaml(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2) + "\n"
