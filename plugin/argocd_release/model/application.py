"""The state of an Argo CD Application, with the fields of argo-cd v2.13.2 pkg/apis/application/v1alpha1/types.go."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from argocd_release.core.text import Word
from argocd_release.model.exclusion import Exclusion
from argocd_release.model.git import Deployment, Hydration, RevisionRelation, Source, all_same_revisions, same_revision
from argocd_release.model.observation import APPLICATION_SET, Owner, OwnerRef, SyncWindow
from argocd_release.model.problem import ERROR_CONDITIONS, SYNC_ERROR, Condition, ResourceRef
from argocd_release.model.resource_tree import Workloads
from argocd_release.model.retry import Retry

#: The words with which Argo CD's message about an applied resource can end.
_ACTIONS: Final = frozenset({"created", "configured", "unchanged", "replaced", "serverside-applied", "pruned"})


class SyncStatus(Word):
    """The sync status of an application or a resource."""

    SYNCED = "Synced"
    OUT_OF_SYNC = "OutOfSync"
    UNKNOWN = "Unknown"


class HealthStatus(Word):
    """The health of an application or a resource."""

    HEALTHY = "Healthy"
    PROGRESSING = "Progressing"
    DEGRADED = "Degraded"
    SUSPENDED = "Suspended"
    MISSING = "Missing"
    UNKNOWN = "Unknown"


class OperationPhase(Word):
    """The phase of an operation. The phase of an operation that has ended is Succeeded, Failed or Error."""

    RUNNING = "Running"
    TERMINATING = "Terminating"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    ERROR = "Error"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Resource:
    """The state of one managed resource. ``health`` is None for kinds that have no health, such as ConfigMap."""

    group: str
    kind: str
    namespace: str
    name: str
    sync: SyncStatus
    health: HealthStatus | None
    message: str = ""
    hook: bool = False
    requires_pruning: bool = False
    #: False if Argo CD reports no sync status, because it skips or ignores the resource.
    compared: bool = True
    # The sync wave of the resource or hook; 0 by default.
    wave: int = 0

    @property
    def ref(self) -> ResourceRef:
        """Return the group, kind, namespace and name of the resource."""
        return ResourceRef(self.group, self.kind, self.namespace, self.name)

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, kw_only=True, slots=True)
class ResourceResult:
    """The result of an operation for one resource or hook. ``hook_phase`` is the phase of a hook."""

    kind: str
    name: str
    status: str
    hook_phase: str
    message: str
    # The type of a hook, such as PreSync; empty if the resource is not a hook.
    hook_type: str = ""
    group: str = ""
    namespace: str = ""

    @property
    def ref(self) -> ResourceRef:
        """Return the group, kind, namespace and name of the resource or hook."""
        return ResourceRef(self.group, self.kind, self.namespace, self.name)

    @property
    def failed(self) -> bool:
        return self.status == "SyncFailed" or self.hook_phase in {"Failed", "Error"}

    @property
    def hook_ran(self) -> bool:
        """Return True if Argo CD could apply the hook. If the hook has failed, its own program is the reason."""
        return bool(self.hook_type) and self.status != "SyncFailed"

    @property
    def action(self) -> str:
        """Return what the operation did, such as ``created`` or ``unchanged``; empty for a hook or a failure.

        The message ends with the action, as in ``deployment.apps/web configured`` (kubernetes v1.31.0
        staging/src/k8s.io/kubectl pkg/cmd/apply/apply.go). While a later sync wave waits for this resource, the message
        is about its health instead. The action is then ``applied``.
        """
        if self.hook_type or self.failed:
            return ""
        last = self.message.rpartition(" ")[2]
        return last if last in _ACTIONS else self.status.lower() if self.status != "Synced" else "applied"

    @property
    def changed(self) -> bool:
        """Return False if the operation left the resource unchanged. Return True for all hooks and failures."""
        return self.action != "unchanged"

    @property
    def applied(self) -> bool:
        """Return True if the operation has applied the resource. For a hook, return True if it is running."""
        return self.hook_phase == "Running" if self.hook_type else self.status == "Synced"

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, kw_only=True)
class Operation:
    """The operation of an application: the running sync or, if no sync is running, the last one."""

    phase: OperationPhase
    message: str
    #: The commit of each source, as Argo CD has resolved it.
    revisions: tuple[str, ...]
    started_at: str
    finished_at: str
    #: Argo CD's ``retryCount``: the number of failed attempts of this operation that Argo CD has retried or will retry.
    retries: int
    results: tuple[ResourceResult, ...]
    #: The requested revision of each source: the SHA of a commit or of an annotated tag.
    requested: tuple[str, ...] = ()
    #: The parameters of each source as JSON, without the target revision; empty if Argo CD does not report the sources.
    parameters: tuple[str, ...] = ()
    dry_run: bool = False
    # True if the operation syncs only some resources, such as a self-heal or a manual sync of selected resources.
    partial: bool = False
    # True if the application's automated sync policy has started the operation.
    automated: bool = False
    retry: Retry = field(default_factory=Retry)
    #: The messages of failed resources that do not count, because RELEASE_RESOURCES excludes them.
    excluded_failures: tuple[str, ...] = ()
    #: True if the operation, or its last attempt, has ended, and only excluded resources failed in it.
    excused: bool = False

    @property
    def running(self) -> bool:
        """Return True if the operation is running, or if Argo CD will retry it (``finishedAt`` is then already set)."""
        runs = not self.finished_at or self.phase in {OperationPhase.RUNNING, OperationPhase.TERMINATING}
        return runs and not self.excused

    @property
    def succeeded(self) -> bool:
        """Return True if the operation has succeeded, or if only excluded resources failed in it."""
        return self.phase is OperationPhase.SUCCEEDED or self.excused

    @property
    def terminated(self) -> bool:
        """Return True if the operation was terminated on request (gitops-engine pkg/sync/sync_context.go Terminate)."""
        return self.unsuccessful and self.message.startswith("Operation terminated")

    @property
    def attempt(self) -> int:
        """Return the number of the current or last attempt, starting at 1.

        Argo CD increments ``retryCount`` when an attempt fails, not when the next one begins (argo-cd v2.13.2
        controller/appcontroller.go processRequestedAppOperation).
        """
        return self.retries if self.retried and self.retries else self.retries + 1

    @property
    def retried(self) -> bool:
        """Return True if an attempt has ended, and Argo CD waits to start the next one."""
        return bool(self.finished_at) and self.phase is OperationPhase.RUNNING

    @property
    def unsuccessful(self) -> bool:
        """Return True if the operation has failed and will not be retried. Return False for a dry run."""
        failed = self.phase in {OperationPhase.FAILED, OperationPhase.ERROR}
        return failed and not (self.running or self.dry_run or self.excused)

    def is_of(self, revisions: tuple[str, ...]) -> bool:
        """Return True if the operation is for these revisions, or if Argo CD does not report its revisions."""
        candidates = [names for names in (self.revisions, self.requested) if names]
        return not candidates or any(all_same_revisions(names, revisions) for names in candidates)


@dataclass(frozen=True, kw_only=True)
class Application:
    """The state of an application at one moment. All times are texts in RFC 3339 with whole seconds, or empty."""

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
    # The parameters of each source as JSON, without the target revision, to compare them with those of an operation.
    parameters: tuple[str, ...] = ()
    deployed: Deployment | None = None
    # Argo CD's own namespace, whose applications need no namespace in their names; empty until the first comparison.
    controller_namespace: str = ""
    # The last successful sync before ``deployed``. ``is_new`` is True if there was at most one successful sync so far.
    previously: Deployment | None = None
    is_new: bool = False
    #: True if the annotation argocd.argoproj.io/skip-reconcile prevents Argo CD from comparing and syncing it.
    skips_reconcile: bool = False
    # The owners of this application's spec, as its metadata names them.
    owner_refs: tuple[OwnerRef, ...] = ()
    # False if the application's spec has changed since Argo CD's last comparison.
    spec_compared: bool = True
    # The name of the ApplicationSet that generates this application, or an empty string.
    application_set: str = ""
    # None without a source hydrator. Otherwise, ``sources`` contains the dry source, and ``revisions`` contains the
    # hydrated commit.
    hydration: Hydration | None = None
    # The fields below come from other requests of a look. A field is empty if the look did not send its request.
    workloads: Workloads | None = None
    # If remembered, ``workloads`` only has the failing objects of an earlier look. If hidden, no look can show pods.
    pods_remembered: bool = False
    pods_hidden: bool = True
    owners: tuple[Owner, ...] = ()
    revision_relations: Mapping[str, RevisionRelation] = field(default_factory=dict)
    # The sync windows that block the sync now; None if none does.
    sync_window: SyncWindow | None = None
    # The error message if Argo CD has refused the sync that the job requested.
    refusal: str = ""
    # The expected image if the job does not request the sync because the manifests lack its tag, otherwise "".
    missing_image: str = ""
    # True if the git history proves that the running operation syncs an earlier revision.
    operation_is_old: bool = False
    # None if all resources count. Otherwise, the fields above describe only those that RELEASE_RESOURCES chooses.
    exclusion: Exclusion | None = None
    #: The value of the annotation argocd.argoproj.io/manifest-generate-paths.
    manifest_paths: str = ""

    @property
    def full_name(self) -> str:
        """Return ``namespace/name``, which is unique even if the applications are in several namespaces."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    @property
    def set_names(self) -> tuple[str, ...]:
        """Return the full names of the ApplicationSets that this application manages, including excluded ones."""
        refs = [item.ref for item in self.resources if not item.requires_pruning]
        refs += [item.ref for item in (self.exclusion.resources if self.exclusion else ()) if not item.requires_pruning]
        sets = (ref for ref in refs if (ref.group, ref.kind) == ("argoproj.io", APPLICATION_SET))
        return tuple(f"{ref.namespace or self.namespace}/{ref.name}" for ref in sets)

    @property
    def revision(self) -> str:
        """Return the compared revision. If the application has several sources, commas separate their revisions."""
        return ",".join(self.revisions)

    @property
    def commits(self) -> tuple[str, ...]:
        """Return the commits to compare with an expectation: the compared ones or, with a hydrator, the dry one."""
        if self.hydration is None:
            return self.revisions
        return (self.hydration.commit,) if self.hydration.commit else ()

    def names(self, position: int) -> frozenset[str]:
        """Return the SHA of a source's compared commit, and those of its annotated tags. ``position`` starts at 0."""
        return self._synced_names(position) if self.hydration is None else frozenset(self.commits[position:][:1])

    def _synced_names(self, position: int) -> frozenset[str]:
        names = [self.revisions]
        if self.operation is not None and self.operation.is_of(self.revisions):
            names += [self.operation.revisions, self.operation.requested]
        return frozenset(revisions[position] for revisions in names if position < len(revisions))

    @property
    def unreadable_health(self) -> str:
        """Return Argo CD's error about a resource whose health it could not read, or an empty string.

        Argo CD ignores this resource, so the application can be Healthy nevertheless (argo-cd v2.13.2
        controller/health.go, controller/state.go:857).
        """
        return next((item.message for item in self.conditions if item.about_health), "")

    @property
    def errors(self) -> tuple[Condition, ...]:
        """Return the error conditions that explain why the compared revision is not applied."""
        # A SyncError means that the automated sync policy no longer tries to sync this revision. If the application is
        # Synced or another sync is running, the SyncError is outdated.
        gave_up = self.sync is SyncStatus.OUT_OF_SYNC and not self.operating
        errors = (item for item in self.conditions if item.type in ERROR_CONDITIONS and not item.about_health)
        return tuple(item for item in errors if item.type != SYNC_ERROR or gave_up)

    @property
    def operation_counts(self) -> bool:
        """Return True if the last operation was a real sync of the compared revision and parameters, not a dry run."""
        return self.operation is not None and self.attempted and not self.operation.dry_run

    @property
    def results(self) -> tuple[ResourceResult, ...]:
        """Return the results of the last operation; none if ``operation_counts`` is False."""
        return self.operation.results if self.operation is not None and self.operation_counts else ()

    @property
    def attempted(self) -> bool:
        """Return True if the last operation was for the compared revisions and the current parameters.

        Argo CD then does not start another automated sync, even if the operation was a dry run (argo-cd v2.13.2
        controller/appcontroller.go alreadyAttemptedSync).
        """
        operation = self.operation
        return operation is not None and operation.is_of(self.revisions) and self.has(operation.parameters)

    @property
    def applied(self) -> bool:
        """Return True if a full sync to the compared revisions, with the current parameters, has succeeded."""
        operation, deployed = self.operation, self.deployed
        if operation is not None and self.attempted and not (operation.dry_run or operation.partial):
            return operation.succeeded
        if deployed is None or len(deployed.revisions) != len(self.revisions):
            return False
        names = [self._synced_names(position) for position in range(len(self.revisions))]
        same = all(
            any(same_revision(name, revision) for name in revision_names)
            for revision_names, revision in zip(names, deployed.revisions, strict=True)
        )
        return same and self.has(deployed.parameters)

    def has(self, parameters: tuple[str, ...]) -> bool:
        """Return True if the parameters equal those of the current spec, or if one of the two is unknown."""
        return () in {parameters, self.parameters} or parameters == self.parameters

    @property
    def runs_deployed(self) -> bool:
        """Return True if the application is Synced, and its last operation was the last successful sync."""
        return self.sync is SyncStatus.SYNCED and self.last_sync_stands

    @property
    def last_sync_stands(self) -> bool:
        """Return True if the last operation was the last successful sync, whichever revision it has synced."""
        operation, deployed = self.operation, self.deployed
        if operation is None or deployed is None:
            return False
        return operation.succeeded and not operation.dry_run and operation.is_of(deployed.revisions)

    @property
    def outdated(self) -> bool:
        """Return True if the last comparison was before the end of the last operation (argo-cd v2.13.2 app.go:2506)."""
        operation = self.operation
        return operation is not None and not operation.dry_run and operation.finished_at > self.reconciled_at

    @property
    def awaits_sync(self) -> bool:
        """Return True if the automated sync policy will probably start a sync of the compared revision soon."""
        attempted = self.operation is not None and self.operation.is_of(self.revisions)
        due = self.automated and self.sync is SyncStatus.OUT_OF_SYNC and not self.sync_window
        return due and not self.operating and not attempted

    @property
    def is_overlooked(self) -> bool:
        """Return True if Argo CD possibly never syncs the compared revision by itself, because of several sources.

        Before v3.2, autoSync then skips revisions that a comparison during another sync has found (argo-cd v2.13.2).
        """
        due = self.automated and self.sync is SyncStatus.OUT_OF_SYNC and not (self.operating or self.attempted)
        return due and not self.self_heal and len(self.sources) > 1

    @property
    def skips_auto_sync(self) -> bool:
        """Return True if autoSync skips the compared revision for good (argo-cd v3.6.1 controller/appcontroller.go)."""
        succeeded = self.operation is not None and self.operation.succeeded
        return self.attempted and not (succeeded and self.self_heal)

    @property
    def operating(self) -> bool:
        """Return True if a sync is running or was requested."""
        return self.requested or (self.operation is not None and self.operation.running)
