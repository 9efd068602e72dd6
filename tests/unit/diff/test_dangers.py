"""Test the warnings about dangerous changes."""

from dataclasses import replace
from typing import Any

import pytest

from argocd_release.diff.dangers import Action, dangers
from argocd_release.model.problem import ResourceRef
from tests.unit.states import application


def warnings(kind: str, live: dict[str, Any], new: dict[str, Any] | None, **policy: Any) -> list[str]:
    action = Action.REMOVED if new is None else Action.CHANGED
    ours = replace(application(), **({"automated": True, "prune": True} | policy))
    return list(dangers(ResourceRef("", kind, "shop", "x"), action, live, new or {}, ours))


def spec(**fields: Any) -> dict[str, Any]:
    return {"spec": fields}


@pytest.mark.parametrize(
    ("kind", "live", "new", "part"),
    [
        ("Deployment", spec(replicas=2), spec(replicas=0), "from 2 to 0"),
        ("Deployment", spec(replicas=0), spec(replicas=0), ""),
        ("Deployment", spec(), spec(replicas=0), "from 1 to 0"),
        ("Deployment", spec(selector={"a": 1}), spec(selector={"a": 2}), "spec.selector"),
        ("StatefulSet", spec(serviceName="a"), spec(serviceName="b"), "spec.serviceName"),
        ("StatefulSet", spec(replicas=1, template={}), spec(replicas=2, template={"a": 1}), ""),
        ("Job", spec(template={"a": 1}), spec(template={"a": 2}), "spec.template"),
        ("PersistentVolumeClaim", spec(storageClassName="a"), spec(storageClassName="b"), "spec.storageClassName"),
        ("PersistentVolumeClaim", spec(resources={"a": 1}), spec(resources={"a": 2}), ""),
        (
            "ConfigMap",
            {"immutable": True, "data": {"a": "1"}},
            {"immutable": True, "data": {"a": "2"}},
            "change of data",
        ),
        ("Namespace", {}, None, "prunes it. Kubernetes then deletes all objects in it"),
        ("PersistentVolumeClaim", {}, None, "prunes it. Its data is lost, unless"),
        ("ConfigMap", {}, None, "would be deleted"),
    ],
)
def test_the_warning(kind: str, live: dict[str, Any], new: dict[str, Any] | None, part: str) -> None:
    found = warnings(kind, live, new)

    assert len(found) == bool(part), found
    assert all(part in text for text in found)


def test_a_resource_that_is_not_pruned() -> None:
    kept = {"metadata": {"annotations": {"argocd.argoproj.io/sync-options": "Prune=false"}}}

    assert warnings("Namespace", kept, None) == []
    assert warnings("ConfigMap", {}, None, prune=False) == []
    assert "pruning is off" in warnings("Namespace", {}, None, prune=False)[0]
    assert "a sync with pruning" in warnings("ConfigMap", {}, None, automated=False)[0]
