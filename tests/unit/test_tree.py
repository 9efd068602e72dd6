from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argocd_release.tree import failing_pods

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def node(kind: str, name: str, parent: str = "", **info: str) -> dict[str, Any]:
    rows = [{"name": key.replace("_", " "), "value": value} for key, value in info.items()]
    return {"kind": kind, "name": name, "uid": name, "info": rows, "parentRefs": [{"uid": parent}] if parent else []}


def tree(*pods: dict[str, Any], revision: str = "Rev:1") -> dict[str, Any]:
    return {"nodes": [node("Deployment", "web"), node("ReplicaSet", "web-1", "web", Revision=revision), *pods]}


CRASH = node("Pod", "web-1-a", "web-1", Status_Reason="CrashLoopBackOff", Containers="0/1", Restart_Count="4")


def test_a_crash_loop() -> None:
    assert failing_pods(tree(CRASH)) == ("Deployment/web, Pod/web-1-a: CrashLoopBackOff, 4 restarts",)


@pytest.mark.parametrize("reason", ["Running", "Pending", "ContainerCreating", "Completed", "Error", "Terminating", ""])
def test_pods_that_may_still_start(reason: str) -> None:
    assert failing_pods(tree(CRASH | {"info": [{"name": "Status Reason", "value": reason}]})) == ()


@pytest.mark.parametrize("reason", ["Init:CrashLoopBackOff", "ErrImagePull", "CreateContainerConfigError"])
def test_pods_that_cannot_start(reason: str) -> None:
    assert len(failing_pods(tree(CRASH | {"info": [{"name": "Status Reason", "value": reason}]}))) == 1


def test_pods_of_a_replica_set_before_are_history() -> None:
    newer = node("ReplicaSet", "web-2", "web", Revision="Rev:10")
    assert failing_pods(tree(CRASH, newer, revision="Rev:9")) == ()


def test_pods_of_another_deployment_are_their_own() -> None:
    other = [node("Deployment", "api"), node("ReplicaSet", "api-7", "api", Revision="Rev:7")]
    assert len(failing_pods(tree(CRASH, *other))) == 1


def test_pods_of_jobs_are_the_operations_business() -> None:
    nodes = [node("Job", "migrate"), node("Pod", "migrate-a", "migrate", Status_Reason="CrashLoopBackOff")]
    assert failing_pods({"nodes": nodes}) == ()


@given(JSON)
def test_whatever_comes_it_does_not_crash(anything: Any) -> None:
    assert failing_pods(anything) == () or isinstance(anything, dict)
