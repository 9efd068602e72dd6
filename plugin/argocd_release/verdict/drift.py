"""Why an application stays OutOfSync although Argo CD has synced its revision. Pure.

Each cause needs another answer, and some answers make another cause worse: selfHeal against a second owner of a
resource is a fight without end (argo-cd#8134, #8811, #5105).
"""

from collections.abc import Iterator, Sequence
from typing import Final

from argocd_release.core.text import one_line
from argocd_release.messages import hints
from argocd_release.messages import verdict as texts
from argocd_release.model.application import Application, OperationPhase, Resource, SyncStatus
from argocd_release.model.problem import CauseCode, Problem, Subject

# gitops-engine pkg/health/health.go GetResourceHealth, as argo-cd v2.13.2 pins it.
PENDING_DELETION: Final = "Pending deletion"
# argo-cd v2.13.2 controller/state.go CompareAppState.
_SHARED: Final = " is part of applications "
# gitops-engine pkg/sync/sync_context.go pruneObject.
_NO_PRUNE: Final = "ignored (no prune)"


def drift(application: Application) -> Problem | None:
    """Return why the application is OutOfSync, if its own state says it; None if it does not."""
    pending = [item for item in application.resources if item.sync is not SyncStatus.SYNCED and not item.hook]
    found = next(_causes(application, pending), None)
    if found is None:
        return None
    code, item, text = found
    return Problem(
        message=texts.WITH_STATUS.fill(status=application.sync, message=text),
        code=code,
        subject=Subject.of(item),
        hint=hints.CAUSES[code.word],
    )


def holds_for_good(application: Application) -> bool:
    """Return True if no sync can end this state, with selfHeal or without."""
    finding = drift(application)
    return finding is not None and finding.code is not CauseCode.SHARED_RESOURCE


def _causes(application: Application, pending: Sequence[Resource]) -> Iterator[tuple[CauseCode, Resource, str]]:
    if not pending:
        return
    for item in pending:
        if item.message == PENDING_DELETION:
            yield CauseCode.DELETION_PENDING, item, texts.PENDING_DELETION.fill(resource=item)
    yield from _shared(application, pending)
    if all(item.requires_pruning for item in pending):
        kept = {item.ref for item in application.results if item.message == _NO_PRUNE}
        has_synced = application.attempted and _has_succeeded(application)
        for item in pending:
            if item.ref in kept or (application.prune and has_synced):
                yield (
                    CauseCode.PRUNE_FALSE,
                    item,
                    texts.PRUNE_FALSE.fill(resource=item),
                )


def _shared(application: Application, pending: Sequence[Resource]) -> Iterator[tuple[CauseCode, Resource, str]]:
    names = {str(item): item for item in pending}
    for condition in application.conditions:
        if condition.type != "SharedResourceWarning":
            continue
        resource, _, applications = condition.message.partition(_SHARED)
        item = names.get(resource)
        if item is None:
            continue
        owners = [one_line(name, limit=200) for name in applications.split(" and ")]
        other = next((name for name in owners if name.rpartition("/")[2] != application.name), texts.ANOTHER)
        text = one_line(texts.SHARED.fill(resource=item, application=other.rpartition("/")[2]))
        yield CauseCode.SHARED_RESOURCE, item, text


def _has_succeeded(application: Application) -> bool:
    return application.operation is not None and application.operation.phase is OperationPhase.SUCCEEDED
