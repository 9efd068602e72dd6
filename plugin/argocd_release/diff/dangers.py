"""Warn of changes that lose data, that Kubernetes rejects, or that stop a workload. All functions are pure."""

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any, Final

from argocd_release.core.text import as_object
from argocd_release.messages import diff as texts
from argocd_release.model.application import Application
from argocd_release.model.problem import ResourceRef


class Action(StrEnum):
    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


# The only fields in the spec of a StatefulSet that Kubernetes allows to change (kubernetes v1.31.0
# pkg/apis/apps/validation/validation.go ValidateStatefulSetUpdate).
_MUTABLE: Final = frozenset(
    {
        "replicas", "ordinals", "template", "updateStrategy", "persistentVolumeClaimRetentionPolicy", "minReadySeconds",
        "revisionHistoryLimit",
    }
)  # fmt: skip
_SCALED: Final = frozenset({"Deployment", "StatefulSet", "ReplicaSet", "Rollout"})
_SELECTING: Final = frozenset({"Deployment", "DaemonSet", "ReplicaSet"})
_SYNC_OPTIONS: Final = "argocd.argoproj.io/sync-options"


def dangers(
    ref: ResourceRef, action: Action, live: Mapping[str, Any], new: Mapping[str, Any], application: Application
) -> Iterator[str]:
    """Yield a warning for each dangerous part of a change.

    Args:
        ref: the resource.
        action: the way in which the resource changes.
        live: the document in the cluster; empty if the resource is new.
        new: the document after the sync; empty if the resource is removed.
        application: the application, whose sync policy says whether Argo CD prunes.
    """
    subject = texts.SUBJECT.fill(kind=ref.kind, name=ref.name)
    if action is Action.REMOVED:
        yield from _removal(subject, ref, live, application)
    elif action is Action.CHANGED:
        before, after = as_object(live.get("spec")), as_object(new.get("spec"))
        if fields := immutable(ref, live, new):
            yield texts.IMMUTABLE.fill(subject=subject, fields=", ".join(fields))
        if ref.kind in _SCALED and after.get("replicas") == 0 and before.get("replicas", 1) != 0:
            yield texts.TO_ZERO.fill(subject=subject, before=before.get("replicas", 1))


def _removal(subject: str, ref: ResourceRef, live: Mapping[str, Any], application: Application) -> Iterator[str]:
    options = str(as_object(as_object(live.get("metadata")).get("annotations")).get(_SYNC_OPTIONS, ""))
    words = {option.strip() for option in options.split(",")}
    if "Prune=false" in words:
        return
    loss = texts.LOSSES.get(ref.kind, "")
    if not application.automated:
        yield texts.PRUNED_BY_HAND.fill(subject=subject)
    elif application.prune:
        yield (texts.PRUNED_WITH if loss else texts.PRUNED).fill(subject=subject, **({"loss": loss} if loss else {}))
    elif loss:
        # Without pruning, Argo CD keeps the resource, and the application stays OutOfSync.
        yield texts.NOT_PRUNED.fill(subject=subject)


def immutable(ref: ResourceRef, live: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return the fields that the merge request changes although Kubernetes forbids changes of them."""
    before, after = as_object(live.get("spec")), as_object(new.get("spec"))
    changed = sorted(key for key in {*before, *after} if before.get(key) != after.get(key))
    fixed: Iterable[str] = ()
    if ref.kind == "StatefulSet":
        fixed = (key for key in changed if key not in _MUTABLE)
    elif ref.kind in _SELECTING:
        fixed = (key for key in changed if key == "selector")
    elif ref.kind == "Job":
        fixed = (key for key in changed if key in {"selector", "template", "completions"})
    elif ref.kind == "PersistentVolumeClaim":
        fixed = (key for key in changed if key not in {"resources", "volumeAttributesClassName"})
    elif ref.kind in {"ConfigMap", "Secret"} and live.get("immutable") is True:
        return sorted(key for key in ("data", "binaryData", "immutable") if live.get(key) != new.get(key))
    return [f"spec.{key}" for key in fixed]
