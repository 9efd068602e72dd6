"""The resource tree: which pods of what runs *now* cannot start. Pods of a ReplicaSet before are history.

Shape: argo-cd v2.13.2 pkg/apis/application/v1alpha1/types.go ApplicationTree; the rows under ``info`` are those of
controller/cache/info.go: «Status Reason», «Containers», «Restart Count», and «Revision» of a ReplicaSet.
"""

from typing import Any, Final

from argocd_release.shape import as_object, as_objects
from argocd_release.text import one_line

_CANNOT_START: Final = (
    "CrashLoopBackOff",
    "ImagePullBackOff",
    "ErrImagePull",
    "InvalidImageName",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
)
_JOBS: Final = "Job"


def failing_pods(tree: object) -> tuple[str, ...]:
    """Pods that cannot start, each with owner, reason and restarts: ``Deployment/web, Pod/web-x: CrashLoopBackOff``."""
    nodes = as_objects(as_object(tree).get("nodes"))
    by_uid = {str(node.get("uid")): node for node in nodes}
    newest: dict[str, int] = {}
    for node in nodes:
        if node.get("kind") == "ReplicaSet":
            owner = _owner_uid(node)
            newest[owner] = max(newest.get(owner, 0), _revision(node))
    found = []
    for pod in nodes:
        parent = by_uid.get(_owner_uid(pod))
        reason = _info(pod).get("Status Reason", "")
        if pod.get("kind") != "Pod" or parent is None or parent.get("kind") == _JOBS:
            continue
        if parent.get("kind") == "ReplicaSet" and _revision(parent) < newest[_owner_uid(parent)]:
            continue
        if reason.removeprefix("Init:").startswith(_CANNOT_START):
            found.append(_described(pod, by_uid.get(_owner_uid(parent)) or parent, reason))
    return tuple(found)


def _described(pod: dict[str, Any], owner: dict[str, Any], reason: str) -> str:
    restarts = _info(pod).get("Restart Count", "0")
    again = f", {restarts} restart{'' if restarts == '1' else 's'}" if restarts != "0" else ""
    message = as_object(pod.get("health")).get("message", "")
    said = f" — {message}" if message else ""
    return one_line(f"{owner.get('kind')}/{owner.get('name')}, Pod/{pod.get('name')}: {reason}{again}{said}")


def _info(node: dict[str, Any]) -> dict[str, str]:
    return {str(row.get("name")): one_line(str(row.get("value"))) for row in as_objects(node.get("info"))}


def _revision(replica_set: dict[str, Any]) -> int:
    number = _info(replica_set).get("Revision", "").removeprefix("Rev:")
    return int(number) if number.isascii() and number.isdigit() else 0


def _owner_uid(node: dict[str, Any]) -> str:
    parents = as_objects(node.get("parentRefs"))
    return str(parents[0].get("uid")) if parents else ""
