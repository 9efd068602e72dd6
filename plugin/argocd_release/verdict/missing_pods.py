"""Explain why no pod of an application runs the expected image. All functions are pure."""

from typing import Final

from argocd_release.core.text import one_line
from argocd_release.messages import Message
from argocd_release.messages import verdict as texts
from argocd_release.model.application import Application
from argocd_release.model.resource_tree import WORKLOADS, PodTemplate, Workloads

#: The maximum number of images or workloads that the message of a problem names.
NAMED: Final = 3


def has_only_operators(application: Application) -> bool:
    """Return True if only operators create the pods of the application, from custom resources that Argo CD has applied.

    Argo CD often has no health check for such a resource. The application is then Healthy before the operator has
    updated the pods.
    """
    kinds = {(item.group, item.kind) for item in application.resources}
    has_custom = any("." in group and not group.endswith(".k8s.io") for group, _ in kinds)
    return has_custom and not any(kind in WORKLOADS for _, kind in kinds)


def held_back(workloads: Workloads) -> tuple[PodTemplate, ...]:
    """Return the workloads without a pod of the current revision whose update strategy keeps the previous pods."""
    return tuple(item for item in workloads.templates if item.on_delete or item.partitioned)


def explanation(workloads: Workloads) -> str:
    """Explain why no pod of the current revision runs. Return "" if no reason is known."""
    earlier = one_line(", ".join(workloads.earlier[:NAMED])) or texts.NONE
    for item in held_back(workloads)[:1]:
        return _held_by(item).fill(images=earlier, resource=item.resource)
    waiting = [will_run(item) for item in workloads.templates if item.due]
    return "".join(texts.EXPLANATION.fill(text=one_line(text)) for text in waiting[:NAMED])


def hint(workloads: Workloads) -> str:
    """Return what to do if an update strategy keeps the previous pods, otherwise ""."""
    return next((_held_by(item).fill_hint(resource=item.resource) for item in held_back(workloads)), "")


def _held_by(item: PodTemplate) -> Message:
    return texts.ON_DELETE if item.on_delete else texts.PARTITION


def will_run(item: PodTemplate) -> str:
    """Say when a workload without pods will run its images."""
    return texts.WILL_RUN.fill(resource=item.resource, images=", ".join(item.images), due=item.due)
