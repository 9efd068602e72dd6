"""The error conditions of an application: an outage, or an answer about the revision. Pure."""

from collections.abc import Iterator

from argocd_release.core.connectivity import is_outage, outage
from argocd_release.core.text import one_line
from argocd_release.messages import verdict
from argocd_release.model.application import Application
from argocd_release.model.condition import SYNC_ERROR
from argocd_release.model.problem import CauseCode, Problem
from argocd_release.verdict.symptoms import Symptom, condition_hint


def condition_symptoms(application: Application, *, foreign: bool) -> Iterator[tuple[Symptom, Problem]]:
    """Yield the symptoms that the error conditions show.

    A SyncError of a revision other than the expected one (``foreign``) is none.
    """
    for condition in application.errors:
        said = f"{condition.type}: {one_line(condition.message, limit=1000)}"
        cut_off = outage(condition.message) if condition.type != SYNC_ERROR else None
        hint = condition_hint(condition, cut_off)
        if cut_off:
            # An outage says nothing about the revision.
            text = verdict.CANNOT_COMPARE.fill(condition=said)
            yield Symptom.CANNOT_COMPARE, Problem(message=text, code=CauseCode.CANNOT_COMPARE, hint=hint)
        elif condition.type != SYNC_ERROR or not foreign:
            yield Symptom.CONDITION, Problem(message=said, code=condition.code or CauseCode.COMPARISON_ERROR, hint=hint)


def hydration_symptoms(missing: Problem, message: str) -> Iterator[tuple[Symptom, Problem]]:
    """Yield the symptom of a failed hydration, by the message of Argo CD's source hydrator."""
    if missing.code is CauseCode.HYDRATION_FAILED:
        yield (Symptom.CANNOT_HYDRATE if is_outage(message) else Symptom.HYDRATION_FAILED), missing
