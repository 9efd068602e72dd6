"""What is still missing of a hydration: until the hydrated commit is compared with, nothing is known of it. Pure."""

from typing import Final

from argocd_release.core.text import one_line
from argocd_release.model.application import Application
from argocd_release.model.hydration import Hydration, HydrationPhase

SHORT: Final = 12
NOT_BEGUN: Final = (
    "Argo CD has hydrated nothing yet; its source hydrator may be off (controller.hydrator.enabled), or busy"
)


def unhydrated(application: Application) -> str:
    """What is missing, in one line; ``""`` if nothing, or if nothing is hydrated."""
    hydration = application.hydration
    if hydration is None:
        return ""
    if failed := hydration_failure(application):
        return failed
    if hydration.requested and hydration.phase is not HydrationPhase.HYDRATING:
        return "Argo CD has not looked at the dry commit yet"
    match hydration.phase:
        case HydrationPhase.NONE:
            return NOT_BEGUN
        case HydrationPhase.HYDRATED:
            return _unseen(application, hydration)
        case _:
            return "Argo CD is hydrating: it renders the dry commit, and pushes the result"


def hydration_failure(application: Application) -> str:
    """That the hydration of the dry commit failed, and why; ``""`` if it did not, or is about to be tried again."""
    hydration = application.hydration
    if hydration is None or hydration.requested or hydration.phase is not HydrationPhase.FAILED:
        return ""
    of = f" of {hydration.failed_revision[:SHORT]}" if hydration.failed_revision else ""
    said = one_line(hydration.message, limit=1000).removeprefix("Failed to hydrate: ")
    return f"hydration{of} failed: {said}"


def _unseen(application: Application, hydration: Hydration) -> str:
    if hydration.is_seen(application.revision, application.reconciled_at):
        return ""
    return f"Argo CD has not compared with the hydrated commit {hydration.hydrated_revision[:SHORT]} yet"
