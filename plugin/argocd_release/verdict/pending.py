"""Find the reasons for a pending release that the sync status and the health alone do not show.

An address or a volume can be missing, and a hydration, an Argo Rollout or an owner can be unfinished. An application
can also stay OutOfSync although Argo CD has synced its revision. Each reason for that has its own hint, because a wrong
hint can do harm. If two applications manage the same resource, selfHeal makes each of them overwrite the changes of the
other for ever (argo-cd#8134, #8811, #5105). All functions are pure.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from argocd_release.core.text import first_names, one_line
from argocd_release.messages import Message, causes, chosen_resources, scheduling, verdict
from argocd_release.model.application import Application, HealthStatus, Resource, SyncStatus
from argocd_release.model.exclusion import Exclusion
from argocd_release.model.git import GitUrl, Hydration, HydrationPhase
from argocd_release.model.observation import Owner, OwnerState, Rollout
from argocd_release.model.problem import SYNC_ERROR, CauseCode, HasRef, Problem, Subject
from argocd_release.verdict.expectation import Expectation


@dataclass(frozen=True, kw_only=True)
class PendingReason:
    """A reason why a resource is Progressing. ``message`` describes the reason, and contains a hint."""

    code: CauseCode
    message: Message


_INGRESS: Final = PendingReason(code=CauseCode.NO_ADDRESS, message=verdict.NO_ADDRESS)
_SERVICE: Final = PendingReason(code=CauseCode.NO_ADDRESS, message=verdict.NO_LOAD_BALANCER)
_CLAIM: Final = PendingReason(code=CauseCode.NO_VOLUME, message=verdict.NO_VOLUME)
#: The API group and the kind of a PersistentVolumeClaim.
CLAIM: Final = ("", "PersistentVolumeClaim")
_LACKS: Final[Mapping[tuple[str, str], PendingReason]] = MappingProxyType(
    {("networking.k8s.io", "Ingress"): _INGRESS, ("extensions", "Ingress"): _INGRESS, ("", "Service"): _SERVICE}
    | {CLAIM: _CLAIM}
)


def pending_reason(group: str, kind: str, health: str | None) -> PendingReason | None:
    """Return the reason why a resource of this kind is Progressing, or None if the kind alone does not show it."""
    return _LACKS.get((group, kind)) if health == "Progressing" else None


def pending_hint(reason: PendingReason, message: str) -> str:
    """Return the hint for a pending resource.

    Args:
        reason: the reason that follows from the kind of the resource.
        message: the message of the last event, which can make the hint more specific; "" if there is none.
    """
    if "no storage class is set" in message:
        return verdict.NAME_STORAGE_CLASS
    is_unknown = "storageclass" in message and "not found" in message
    return verdict.CORRECT_STORAGE_CLASS if is_unknown else reason.message.hint


# The phrases with which the scheduler names a rule that rules out nodes (kubernetes v1.31.0 pkg/scheduler/framework/
# plugins), and the kinds of these rules.
_NODE_RULES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "node affinity/selector": "labels",
        "scheduler-enforced": "labels",
        "taint": "taints",
        "pod affinity": "pods",
        "anti-affinity": "pods",
        "topology spread": "spread",
        "volume node": "volume",
        "volume zone": "volume",
        "free ports": "port",
        "were unschedulable": "cordoned",
    }
)


def unschedulable_hint(message: str) -> str:
    """Return the hint for a pod for which the scheduler finds no node. ``message`` is the scheduler's message."""
    kinds = {kind for phrase, kind in _NODE_RULES.items() if phrase in message}
    if not kinds or "Insufficient" in message or "Too many pods" in message:
        return causes.HINTS[CauseCode.UNSCHEDULABLE.word]
    return scheduling.NO_NODE_FITS[kinds.pop() if len(kinds) == 1 else "several"]


#: The number of characters of a revision that a message shows.
SHORT: Final = 12


def unhydrated(application: Application) -> Problem | None:
    """Return a problem if the hydration failed or has not ended, or None if the manifests are hydrated.

    An application without a source hydrator needs no hydration.
    """
    hydration = application.hydration
    if hydration is None:
        return None
    if failed := hydration_failure(application):
        return failed
    missing = _missing(application, hydration)
    return Problem(message=missing, code=CauseCode.NOT_HYDRATED) if missing else None


def hydration_failure(application: Application) -> Problem | None:
    """Return a problem if the hydration failed, or None if it did not fail, or if a retry was requested."""
    hydration = application.hydration
    if hydration is None or not hydration.failed:
        return None
    reason = one_line(hydration.message, limit=1000).removeprefix("Failed to hydrate: ")
    message = verdict.HYDRATION_FAILED.fill(reason=reason)
    if hydration.failed_revision:
        message = verdict.HYDRATION_OF_FAILED.fill(revision=hydration.failed_revision[:SHORT], reason=reason)
    return Problem(message=message, code=CauseCode.HYDRATION_FAILED)


def _missing(application: Application, hydration: Hydration) -> str:
    if hydration.phase is HydrationPhase.HYDRATING:
        return verdict.HYDRATING
    if hydration.requested:
        return verdict.DRY_COMMIT_UNREAD
    if hydration.phase is HydrationPhase.NONE:
        return verdict.HYDRATION_NOT_BEGUN
    if hydration.is_seen(application.revision, application.reconciled_at):
        return ""
    return verdict.HYDRATED_UNCOMPARED.fill(revision=hydration.hydrated_revision[:SHORT])


def argo_rollout_of(application: Application, item: HasRef) -> Rollout | None:
    """Return the state of the Argo Rollout that ``item`` identifies, or None if its state is unknown."""
    return application.workloads.rollouts.get(item.ref) if application.workloads else None


def rollout_finding(item: HasRef, rollout: Rollout) -> Problem | None:
    """Return the problem that the Argo Rollout reports, or None if it only reports its health."""
    if not rollout.state:
        return None
    message = verdict.ROLLOUT.fill(rollout=item, state=rollout.state)
    return Problem(message=message, code=rollout_code(rollout), subject=Subject.of(item))


def rollout_code(rollout: Rollout) -> CauseCode:
    """Return the cause code of an Argo Rollout that does not progress: aborted, paused or unhealthy."""
    if rollout.aborted:
        return CauseCode.ROLLOUT_ABORTED
    return CauseCode.ROLLOUT_PAUSED if rollout.pause else CauseCode.UNHEALTHY


#: The maximum number of excluded resources that a caveat names.
NAMED: Final = 3


def exclusion_caveat(exclusion: Exclusion) -> str:
    """Return a caveat if an excluded resource failed, or is not Synced or not Healthy, otherwise ""."""
    if exclusion.failures:
        return chosen_resources.EXCLUDED_FAILED.fill(failures="; ".join(exclusion.failures))
    bad = [f"{item} ({item.sync}, {item.health})".replace(", )", ")") for item in exclusion.resources if item.deviates]
    return chosen_resources.EXCLUDED_DEVIATE.fill(resources=one_line(first_names(bad, NAMED))) if bad else ""


_UNSEEN = {OwnerState.HIDDEN, OwnerState.UNPROVEN}


def owner_finding(application: Application, expectation: Expectation) -> Problem | None:
    """Return a problem if an owner must still change the spec or create child applications, otherwise None.

    The owners that create child applications are the ApplicationSets that the application itself manages.
    """
    makers = [owner for owner in application.owners if owner.makes_children]
    return spec_finding(application, expectation) or _pending(verdict.CHILDREN_PENDING, makers)


def spec_finding(application: Application, expectation: Expectation) -> Problem | None:
    """Return a problem if an owner can still change the application's spec, otherwise None."""
    return _pending(verdict.OWNER_PENDING, _relevant(application, expectation))


def _pending(message: Message, owners: list[Owner]) -> Problem | None:
    for owner in owners:
        if owner.state is OwnerState.PENDING:
            text = message.fill(owner=owner, detail=owner.detail)
            return Problem(message=text, code=CauseCode.OWNER_PENDING)
    return None


def owner_caveat(application: Application, expectation: Expectation) -> str:
    """Return a caveat for a delivered release if the job cannot prove that each owner is up to date, otherwise ""."""
    makers = [owner for owner in application.owners if owner.makes_children]
    unseen = [owner for owner in (*_relevant(application, expectation), *makers) if owner.state in _UNSEEN]
    if not unseen:
        return ""
    message = verdict.CHILDREN_CAVEAT if unseen[0].makes_children else verdict.OWNER_CAVEAT
    return message.fill(owner=unseen[0], detail=unseen[0].detail)


def _relevant(application: Application, expectation: Expectation) -> list[Owner]:
    # If an image is expected, ready pods with this image prove the release. The owners then need no proof.
    if expectation.image:
        return []
    owners = [owner for owner in application.owners if not owner.makes_children]
    return [owner for owner in owners if not expectation.revision or _shares(owner, application)]


def _shares(owner: Owner, application: Application) -> bool:
    """Return True if the owner reads a repository of the application, or if its repositories are unknown.

    The expected revision is a commit in a repository of the application. If an owner only reads other repositories, it
    cannot take the application's spec from that commit.
    """
    if not owner.repositories:
        return True
    own = [GitUrl.parse(source.repo_url) for source in application.sources if not source.chart]
    return any(_is_same(GitUrl.parse(url), mine) for url in owner.repositories for mine in own)


def _is_same(first: GitUrl, second: GitUrl) -> bool:
    return first.is_same(second) or first == second


# Argo CD's health message for an object that is being deleted (GetResourceHealth in gitops-engine pkg/health/health.go,
# in the version that argo-cd v2.13.2 pins). Argo CD 3.6 continues it: "; blocked by finalizers: example.com/hold".
PENDING_DELETION: Final = "Pending deletion"
# The words that separate the resource from the applications in the message of a SharedResourceWarning (argo-cd v2.13.2
# controller/state.go CompareAppState).
_SHARED: Final = " is part of applications "
# The message with which a sync reports a resource that it did not delete because of the sync option Prune=false
# (gitops-engine pkg/sync/sync_context.go pruneObject).
_NO_PRUNE: Final = "ignored (no prune)"


def unsynced_resources(application: Application) -> list[Resource]:
    """Return the resources that are not Synced. Hooks are left out, because they have no sync status."""
    return [item for item in application.resources if item.sync is not SyncStatus.SYNCED and not item.hook]


def drift(application: Application) -> Problem | None:
    """Return the problem that keeps the application OutOfSync after a sync, or None if no known problem does."""
    cause = next(_causes(application, unsynced_resources(application)), None)
    if cause is None:
        return None
    code, item, text = cause
    return Problem(
        message=verdict.WITH_STATUS.fill(status=application.sync, message=text),
        code=code,
        subject=Subject.of(item),
        hint=causes.HINTS[code.word],
    )


def holds_for_good(application: Application) -> bool:
    """Return True if the application stays OutOfSync after any further sync, even with selfHeal."""
    finding = drift(application)
    return finding is not None and finding.code is not CauseCode.SHARED_RESOURCE


def _causes(application: Application, pending: Sequence[Resource]) -> Iterator[tuple[CauseCode, Resource, str]]:
    if not pending:
        return
    for item in pending:
        if item.message.startswith(PENDING_DELETION):
            yield CauseCode.DELETION_PENDING, item, verdict.PENDING_DELETION.fill(resource=item)
    yield from _shared(application, pending)
    if all(item.requires_pruning for item in pending):
        kept = {item.ref for item in application.results if item.message == _NO_PRUNE}
        has_synced = application.attempted and _has_succeeded(application)
        for item in pending:
            if item.ref in kept or (application.prune and has_synced):
                yield (
                    CauseCode.PRUNE_FALSE,
                    item,
                    verdict.PRUNE_FALSE.fill(resource=item),
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
        other = next((name for name in owners if name.rpartition("/")[2] != application.name), verdict.ANOTHER)
        text = one_line(verdict.SHARED.fill(resource=item, application=other.rpartition("/")[2]))
        yield CauseCode.SHARED_RESOURCE, item, text


def _has_succeeded(application: Application) -> bool:
    return application.operation is not None and application.operation.succeeded


def is_settled(application: Application) -> bool:
    """Return True if Argo CD has synced the compared revision, and does not sync it again by itself."""
    return application.attempted and _has_succeeded(application) and not application.self_heal


def sync_obstacle(application: Application) -> Problem:
    """Return the problem that keeps Argo CD from syncing now. Its message is "" if the reason is not known."""
    if image := application.missing_image:
        message, hint = verdict.WHY_IMAGE_MISSING.fill(image=image), verdict.WHY_IMAGE_MISSING.hint
        return Problem(code=CauseCode.OTHER_IMAGE, message=message, hint=hint)
    if application.refusal:
        return Problem(code=CauseCode.SYNC_REFUSED, message=verdict.WHY_REFUSED.fill(reason=application.refusal))
    if window := application.sync_window:
        message = verdict.WHY_SYNC_WINDOW.fill(
            project=application.project, window=window.windows, outlook=window.outlook
        )
        return Problem(code=CauseCode.SYNC_WINDOW, message=message, hint=window.hint(application.full_name))
    if not application.automated:
        return _manual(application)
    gave_up = [item.message for item in application.conditions if item.type == SYNC_ERROR]
    if gave_up:
        return Problem(code=CauseCode.SYNC_GIVEN_UP, message=verdict.WHY_GIVEN_UP.fill(message=one_line(gave_up[0])))
    if is_settled(application):
        return _synced_already(application)
    hint = verdict.SEVERAL_SOURCES.fill_hint(application=application.full_name) if application.is_overlooked else ""
    return Problem(code=CauseCode.OUT_OF_SYNC, message="", hint=hint)


def _manual(application: Application) -> Problem:
    name = application.application_set
    if not name:
        return Problem(code=CauseCode.NO_SYNC_POLICY, message=verdict.WHY_MANUAL)
    # For progressive syncs, the ApplicationSet controller removes the automated sync policy, and requests the syncs
    # itself (argo-cd v2.13.2 docs/operator-manual/applicationset/Progressive-Syncs.md).
    text = verdict.WHY_APPLICATION_SET
    hint = text.fill_hint(name=name, application=application.full_name)
    return Problem(code=CauseCode.NO_SYNC_POLICY, message=text.fill(name=name), hint=hint)


def _synced_already(application: Application) -> Problem:
    dry_run = application.operation is not None and application.operation.dry_run
    message = verdict.WHY_DRY_RUN_ALREADY if dry_run else verdict.WHY_SYNCED_ALREADY
    hint = causes.HINTS[CauseCode.OUT_OF_SYNC.word]
    resource = next(iter(unsynced_resources(application)), None)
    if resource is not None and resource.health is HealthStatus.MISSING:
        message += verdict.RESOURCE_GONE.fill(resource=resource)
        hint = verdict.RESOURCE_GONE.fill_hint(application=application.full_name)
    return Problem(code=CauseCode.OUT_OF_SYNC, message=message, hint=hint)
