"""The state of an Argo CD Application.

The fields are those of argo-cd v2.13.2 pkg/apis/application/v1alpha1/types.go.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Self

from argocd_release.model.git import Deployment, Hydration, RevisionRelation, all_same_revisions, same_revision
from argocd_release.model.observation import APPLICATION_SET, Owner, OwnerRef
from argocd_release.model.problem import ERROR_CONDITIONS, SYNC_ERROR, Condition, ResourceRef
from argocd_release.model.resource_tree import Workloads

#: The words with which Argo CD reports a resource that was applied.
_ACTIONS: Final = frozenset({"created", "configured", "unchanged", "replaced", "serverside-applied", "pruned"})


class Word(StrEnum):
    """A closed vocabulary of Argo CD. A word that it does not contain becomes ``UNKNOWN``."""

    @classmethod
    def read(cls, value: object) -> Self:
        try:
            return cls(str(value))
        except ValueError:
            return cls("Unknown")


class SyncStatus(Word):
    SYNCED = "Synced"
    OUT_OF_SYNC = "OutOfSync"
    UNKNOWN = "Unknown"


class HealthStatus(Word):
    HEALTHY = "Healthy"
    PROGRESSING = "Progressing"
    DEGRADED = "Degraded"
    SUSPENDED = "Suspended"
    MISSING = "Missing"
    UNKNOWN = "Unknown"


class OperationPhase(Word):
    RUNNING = "Running"
    TERMINATING = "Terminating"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    ERROR = "Error"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Resource:
    """One managed resource. ``health`` is None for kinds that have no health, such as ConfigMap."""

    group: str
    kind: str
    namespace: str
    name: str
    sync: SyncStatus
    health: HealthStatus | None
    message: str = ""
    hook: bool = False
    requires_pruning: bool = False
    # The sync wave, which hooks have too; 0 if none is set.
    wave: int = 0

    @property
    def ref(self) -> ResourceRef:
        """Return the identity of the object."""
        return ResourceRef(self.group, self.kind, self.namespace, self.name)

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, kw_only=True, slots=True)
class ResourceResult:
    """The result of an operation for one resource: Synced, SyncFailed, …, or the phase of a hook."""

    kind: str
    name: str
    status: str
    hook_phase: str
    message: str
    # PreSync, Sync, PostSync, …; empty if the resource is not a hook.
    hook_type: str = ""
    group: str = ""
    namespace: str = ""

    @property
    def ref(self) -> ResourceRef:
        """Return the identity of the object."""
        return ResourceRef(self.group, self.kind, self.namespace, self.name)

    @property
    def failed(self) -> bool:
        return self.status == "SyncFailed" or self.hook_phase in {"Failed", "Error"}

    @property
    def hook_ran(self) -> bool:
        """Return True for a hook that was applied. If it has failed, its program has failed."""
        return bool(self.hook_type) and self.status != "SyncFailed"

    @property
    def action(self) -> str:
        """Return the action of the operation, such as ``created`` or ``unchanged``; empty for a hook or a failure.

        kubectl says ``deployment.apps/web configured`` (kubernetes v1.31.0 staging/src/k8s.io/kubectl
        pkg/cmd/apply/apply.go). While a later wave waits, the message is about the health, and the action is
        ``applied``.
        """
        if self.hook_type or self.failed:
            return ""
        last = self.message.rpartition(" ")[2]
        return last if last in _ACTIONS else self.status.lower() if self.status != "Synced" else "applied"

    @property
    def changed(self) -> bool:
        """Return True if the operation changed something in the cluster, ran a hook, or failed to."""
        return self.action != "unchanged"

    @property
    def applied(self) -> bool:
        """Return True if the operation has applied the resource, or, for a hook, if the hook runs."""
        return self.hook_phase == "Running" if self.hook_type else self.status == "Synced"

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, kw_only=True)
class Operation:
    """The running sync, or the last one."""

    phase: OperationPhase
    message: str
    #: The revisions that Argo CD resolved.
    revisions: tuple[str, ...]
    started_at: str
    finished_at: str
    #: Argo CD's ``retryCount``: the number of failed attempts that it has retried or will retry.
    retries: int
    results: tuple[ResourceResult, ...]
    #: The requested revision of each source: a commit, or an annotated tag on the commit.
    requested: tuple[str, ...] = ()
    #: Each source without its target revision; empty if Argo CD does not report it.
    parameters: tuple[str, ...] = ()
    dry_run: bool = False
    # True if it syncs only some resources, for example a self-heal, or a manual sync of selected resources.
    partial: bool = False
    # True if Argo CD began it by itself.
    automated: bool = False

    @property
    def running(self) -> bool:
        """Return True if it still runs. Between two attempts ``finishedAt`` is set, but the phase is Running."""
        return not self.finished_at or self.phase in {OperationPhase.RUNNING, OperationPhase.TERMINATING}

    @property
    def terminated(self) -> bool:
        """Return True if it was ended by a request (gitops-engine pkg/sync/sync_context.go Terminate)."""
        return self.unsuccessful and self.message.startswith("Operation terminated")

    @property
    def attempt(self) -> int:
        """Return the number, from 1, of the attempt that runs or was the last to end.

        Argo CD raises ``retryCount`` when an attempt has failed, not when the next one begins (argo-cd v2.13.2
        controller/appcontroller.go processRequestedAppOperation).
        """
        waits = bool(self.finished_at) and self.phase is OperationPhase.RUNNING
        return self.retries if waits and self.retries else self.retries + 1

    @property
    def unsuccessful(self) -> bool:
        """Return True if it has ended and failed. A dry run does not count, because it does not change the cluster."""
        failed = self.phase in {OperationPhase.FAILED, OperationPhase.ERROR}
        return failed and not self.running and not self.dry_run

    def is_of(self, revisions: tuple[str, ...]) -> bool:
        """Return True if it syncs these revisions, or if it names no revision."""
        candidates = [names for names in (self.revisions, self.requested) if names]
        return not candidates or any(all_same_revisions(names, revisions) for names in candidates)


@dataclass(frozen=True, kw_only=True)
class Source:
    """A source of manifests: a ``chart`` of a Helm repository, or a ``path`` in git. Unused fields are empty."""

    repo_url: str
    path: str = ""
    chart: str = ""
    ref: str = ""
    target_revision: str = ""

    def __str__(self) -> str:
        return " ".join(filter(None, (self.repo_url, self.chart or self.path)))


@dataclass(frozen=True, kw_only=True)
class Application:
    """The state of an application at one moment. Times are RFC 3339 in whole seconds, or empty."""

    name: str
    namespace: str
    uid: str
    project: str
    automated: bool
    prune: bool
    self_heal: bool
    sources: tuple[Source, ...]
    deleting: bool
    requested: bool
    sync: SyncStatus
    revisions: tuple[str, ...]
    health: HealthStatus
    health_message: str
    operation: Operation | None
    conditions: tuple[Condition, ...]
    resources: tuple[Resource, ...]
    images: tuple[str, ...]
    reconciled_at: str
    unknown_words: tuple[str, ...] = ()
    # Each source without its target revision, for comparison with the ``parameters`` of operations.
    parameters: tuple[str, ...] = ()
    deployed: Deployment | None = None
    # Argo CD's own namespace. An application in it is called by its name alone. Empty before the first comparison.
    controller_namespace: str = ""
    # The successful sync before the last one.
    previously: Deployment | None = None
    #: True if an annotation stops Argo CD from comparing and syncing it (argocd.argoproj.io/skip-reconcile).
    skips_reconcile: bool = False
    # The owners of this application's spec, by the names in its metadata.
    owner_refs: tuple[OwnerRef, ...] = ()
    # False if the spec has changed since Argo CD compared.
    spec_compared: bool = True
    # The ApplicationSet that generates it, or an empty string.
    application_set: str = ""
    # None if no source hydrator is used. Otherwise ``sources`` is the dry source, and ``revisions`` are hydrated ones.
    hydration: Hydration | None = None
    # The next fields are not part of the Application object. A field is empty if a look did not request its data.
    workloads: Workloads | None = None
    # True if the token cannot read the resource tree, so that no look shows the pods; False if the tree is only late.
    pods_hidden: bool = True
    owners: tuple[Owner, ...] = ()
    revision_relations: Mapping[str, RevisionRelation] = field(default_factory=dict)
    # The sync window that blocks the sync.
    sync_window: str = ""
    # The reason why Argo CD refused to sync.
    refusal: str = ""
    # True if the running operation certainly syncs an earlier revision.
    operation_is_old: bool = False

    @property
    def full_name(self) -> str:
        """Return the name that identifies it in every namespace: ``namespace/name``."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    @property
    def set_names(self) -> tuple[str, ...]:
        """Return the full names of the ApplicationSets that it manages."""
        sets = (item for item in self.resources if (item.group, item.kind) == ("argoproj.io", APPLICATION_SET))
        return tuple(f"{item.namespace or self.namespace}/{item.name}" for item in sets if not item.requires_pruning)

    @property
    def revision(self) -> str:
        """Return the revision compared last. The revisions of several sources are separated by commas."""
        return ",".join(self.revisions)

    @property
    def abridged(self) -> bool:
        """Return True if an argocd older than the server could have left out a field that matters now.

        argocd prints only the fields that it knows. Before 2.14 it knows no source hydrator, and before 3.1 no
        disabled automated policy.
        """
        sourceless = not any(source.repo_url for source in self.sources)
        return sourceless or (self.automated and self.sync is not SyncStatus.SYNCED)

    @property
    def commits(self) -> tuple[str, ...]:
        """Return the revisions that a pipeline can know. For a hydrated application, that is the dry commit."""
        if self.hydration is None:
            return self.revisions
        return (self.hydration.commit,) if self.hydration.commit else ()

    def names(self, position: int) -> frozenset[str]:
        """Return the names of the commit of one source: for an annotated tag, the tag and its commit.

        Args:
            position: the position of the source, from 0.
        """
        return self._synced_names(position) if self.hydration is None else frozenset(self.commits[position:][:1])

    def _synced_names(self, position: int) -> frozenset[str]:
        names = [self.revisions]
        if self.operation is not None and self.operation.is_of(self.revisions):
            names += [self.operation.revisions, self.operation.requested]
        return frozenset(revisions[position] for revisions in names if position < len(revisions))

    @property
    def unreadable_health(self) -> str:
        """Return the error if Argo CD could not read the health of a resource, otherwise an empty string.

        Argo CD then leaves that resource out of the application's health, which can be Healthy without it (argo-cd
        v2.13.2 controller/health.go, controller/state.go:857).
        """
        return next((item.message for item in self.conditions if item.about_health), "")

    @property
    def errors(self) -> tuple[Condition, ...]:
        """Return the conditions that give the reason why this revision is not applied."""
        # A SyncError says that auto-sync has given the revision up. It counts only while the application is OutOfSync
        # and no sync is running.
        gave_up = self.sync is SyncStatus.OUT_OF_SYNC and not self.operating
        return tuple(
            item
            for item in self.conditions
            if item.type in ERROR_CONDITIONS and not item.about_health and (item.type != SYNC_ERROR or gave_up)
        )

    @property
    def operation_counts(self) -> bool:
        """Return True if the last operation counts: it is for the compared state, and is not a dry run."""
        return self.operation is not None and self.attempted and not self.operation.dry_run

    @property
    def results(self) -> tuple[ResourceResult, ...]:
        """Return the results of the last operation if it counts, otherwise none."""
        return self.operation.results if self.operation is not None and self.operation_counts else ()

    @property
    def attempted(self) -> bool:
        """Return True if the last operation is for the revisions compared last, and for the current parameters.

        Argo CD then does not sync them again, even after a dry run (argo-cd v2.13.2 controller/appcontroller.go
        alreadyAttemptedSync).
        """
        operation = self.operation
        if operation is None or not operation.is_of(self.revisions):
            return False
        return self.has(operation.parameters)

    @property
    def applied(self) -> bool:
        """Return True if a full sync of the revisions compared last, with the current parameters, has succeeded."""
        operation, deployed = self.operation, self.deployed
        if operation is not None and self.attempted and not (operation.dry_run or operation.partial):
            return operation.phase is OperationPhase.SUCCEEDED
        if deployed is None or len(deployed.revisions) != len(self.revisions):
            return False
        names = [self._synced_names(position) for position in range(len(self.revisions))]
        same = all(
            any(same_revision(name, revision) for name in revision_names)
            for revision_names, revision in zip(names, deployed.revisions, strict=True)
        )
        return same and self.has(deployed.parameters)

    def has(self, parameters: tuple[str, ...]) -> bool:
        """Return True if these parameters are the current ones, or if either of the two is unknown."""
        return () in {parameters, self.parameters} or parameters == self.parameters

    @property
    def runs_deployed(self) -> bool:
        """Return True if the cluster has the state of the last successful sync, and no sync began since."""
        return self.sync is SyncStatus.SYNCED and self.last_sync_stands

    @property
    def last_sync_stands(self) -> bool:
        """Return True if the last operation is the last successful sync, even if another revision is compared now."""
        operation, deployed = self.operation, self.deployed
        if operation is None or deployed is None:
            return False
        succeeded = operation.phase is OperationPhase.SUCCEEDED and not operation.dry_run
        return succeeded and operation.is_of(deployed.revisions)

    @property
    def outdated(self) -> bool:
        """Return True if sync and health are older than the last operation (argo-cd v2.13.2 app.go:2506-2521)."""
        operation = self.operation
        return operation is not None and not operation.dry_run and operation.finished_at > self.reconciled_at

    @property
    def awaits_sync(self) -> bool:
        """Return True if Argo CD will probably sync the compared revision by itself, and has not begun."""
        attempted = self.operation is not None and self.operation.is_of(self.revisions)
        due = self.automated and self.sync is SyncStatus.OUT_OF_SYNC and not self.sync_window
        return due and not self.operating and not attempted

    @property
    def operating(self) -> bool:
        """Return True if a sync is requested or running."""
        return self.requested or (self.operation is not None and self.operation.running)
