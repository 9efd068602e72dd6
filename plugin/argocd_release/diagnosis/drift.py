"""Find out from a resource's live manifest why it stays OutOfSync. Pure."""

from collections.abc import Iterator
from typing import Any, Final

from argocd_release.core.text import one_line
from argocd_release.core.untrusted_json import as_list, as_object, as_objects, as_text
from argocd_release.messages import diagnosis as texts
from argocd_release.messages import hints
from argocd_release.model.application import Application, Resource, SyncStatus
from argocd_release.model.problem import CauseCode, Problem, Subject
from argocd_release.verdict.pending import PENDING_DELETION

#: Argo CD's own field managers, client-side and server-side (argo-cd v2.13.2 common/common.go).
_ARGO_CD: Final = frozenset({"argocd-controller", "argocd-application-controller", "gitops-engine"})
#: Field managers of programs that a person uses.
_PEOPLE: Final = ("kubectl", "k9s", "lens", "node-fetch", "mozilla", "dashboard", "headlamp")


def suspect(application: Application) -> Resource | None:
    """Return the first OutOfSync resource that exists, or None. One that waits for its deletion comes first."""
    pending = (item for item in application.resources if item.sync is SyncStatus.OUT_OF_SYNC and not item.hook)
    existing = [item for item in pending if item.health != "Missing"]
    held = [item for item in existing if item.message == PENDING_DELETION]
    return next(iter((*held, *existing)), None)


def cause_of(application: Application, item: Resource, manifest: object) -> Problem | None:
    """Return the reason why the resource is OutOfSync, or None if its live manifest does not show it."""
    metadata = as_object(as_object(manifest).get("metadata"))
    subject = Subject.of(item)
    if metadata.get("deletionTimestamp"):
        names = one_line(", ".join(as_text(name) for name in as_list(metadata.get("finalizers"))), limit=300)
        code = CauseCode.DELETION_PENDING
        message = texts.FINALIZER.fill(resource=item, finalizers=names)
        return Problem(code=code, message=message, subject=subject, hint=hints.CAUSES[code.word]) if names else None
    operation = application.operation
    if operation is None or not application.attempted or item.requires_pruning:
        return None
    manager = _last_manager(metadata, since=operation.started_at)
    if not manager:
        return None
    if manager.lower().startswith(_PEOPLE):
        message = texts.CHANGED_BY_HAND.fill(resource=item, manager=manager)
        hint = texts.CHANGED_BY_HAND.fill_hint(application=application.full_name)
        return Problem(code=CauseCode.OUT_OF_SYNC, message=message, subject=subject, hint=hint)
    code, message = CauseCode.OVERWRITTEN, texts.OVERWRITTEN.fill(resource=item, manager=manager)
    return Problem(code=code, message=message, subject=subject, hint=hints.CAUSES[code.word])


def _last_manager(metadata: dict[str, Any], *, since: str) -> str:
    """Return the last field manager except Argo CD that changed the object since a time, or an empty string."""
    changes = sorted(_changes(metadata), key=lambda change: change[0])
    # Times are in whole seconds, so a change in the second of the sync counts. A change of replicas through the scale
    # subresource has no time (seen with Kubernetes 1.31).
    others = [manager for time, manager in changes if manager not in _ARGO_CD and (not time or time >= since)]
    return one_line(others[-1], limit=100) if others else ""


def _changes(metadata: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for entry in as_objects(metadata.get("managedFields")):
        fields = as_object(entry.get("fieldsV1"))
        # The status and the bookkeeping annotations that a controller writes are no drift.
        if entry.get("subresource") == "status" or not fields.keys() & {"f:spec", "f:data", "f:stringData", "f:rules"}:
            continue
        yield as_text(entry.get("time")), as_text(entry.get("manager"))
