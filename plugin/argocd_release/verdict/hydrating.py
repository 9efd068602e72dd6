"""What is still missing of a hydration: until the hydrated commit is compared with, nothing is known of it. Pure."""

from typing import Final

from argocd_release.core.text import one_line
from argocd_release.model.application import Application
from argocd_release.model.cause import CauseCode, Finding
from argocd_release.model.hydration import Hydration, HydrationPhase

SHORT: Final = 12
NOT_BEGUN: Final = (
    "Argo CD has hydrated nothing yet; its source hydrator may be off (controller.hydrator.enabled), or busy"
)


def unhydrated(application: Application) -> Finding | None:
    """What is missing; None if nothing, or if nothing is hydrated."""
    hydration = application.hydration
    if hydration is None:
        return None
    if failed := hydration_failure(application):
        return failed
    missing = _missing(application, hydration)
    return Finding(text=missing, code=CauseCode.NOT_HYDRATED) if missing else None


def hydration_failure(application: Application) -> Finding | None:
    """That the hydration of the dry commit failed, and why; None if it did not, or is about to be tried again."""
    hydration = application.hydration
    if hydration is None or not hydration.failed:
        return None
    of = f" of {hydration.failed_revision[:SHORT]}" if hydration.failed_revision else ""
    said = one_line(hydration.message, limit=1000).removeprefix("Failed to hydrate: ")
    return Finding(text=f"hydration{of} failed: {said}", code=CauseCode.HYDRATION_FAILED)


def _missing(application: Application, hydration: Hydration) -> str:
    if hydration.phase is HydrationPhase.HYDRATING:
        return "Argo CD is hydrating: it renders the dry commit, and pushes the result"
    if hydration.requested:
        return "Argo CD has not looked at the dry commit yet"
    if hydration.phase is HydrationPhase.NONE:
        return NOT_BEGUN
    if hydration.is_seen(application.revision, application.reconciled_at):
        return ""
    return f"Argo CD has not compared with the hydrated commit {hydration.hydrated_revision[:SHORT]} yet"
