"""Argo CD's vocabulary: the words for an Application's state, closed and typed.

Fields: argo-cd v2.13.2 pkg/apis/application/v1alpha1/types.go. A word we do not know is a case, not a crash.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Self

from argocd_release.model.cause import Key
from argocd_release.model.condition import ERRORS, SYNC_ERROR, Condition
from argocd_release.model.observation import Owner, OwnerRef
from argocd_release.model.resource_tree import Workloads
from argocd_release.model.revision import Hydration, RevisionRelation, all_same_revisions, same_revision

#: Argo CD could not make the manifests, or could not compare them.
_ACTIONS: Final = frozenset({"created", "configured", "unchanged", "replaced", "serverside-applied", "pruned"})


class Word(StrEnum):
    """A closed vocabulary; any other word becomes its ``UNKNOWN``."""

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


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One managed resource; ``health`` is None for kinds that have none, such as ConfigMap."""

    group: str
    kind: str
    namespace: str
    name: str
    sync: SyncStatus
    health: HealthStatus | None
    message: str = ""
    hook: bool = False
    requires_pruning: bool = False
    # Its sync wave, which hooks have too; 0 where none is given.
    wave: int = 0

    @property
    def key(self) -> Key:
        return (self.group, self.kind, self.namespace, self.name)

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, kw_only=True)
class ResourceResult:
    """What an operation did to one resource: Synced, SyncFailed, …, or a hook's phase."""

    kind: str
    name: str
    status: str
    hook_phase: str
    message: str
    # PreSync, Sync, PostSync, …; empty for what is no hook.
    hook_type: str = ""
    group: str = ""
    namespace: str = ""

    @property
    def key(self) -> Key:
        return (self.group, self.kind, self.namespace, self.name)

    @property
    def failed(self) -> bool:
        return self.status == "SyncFailed" or self.hook_phase in {"Failed", "Error"}

    @property
    def hook_ran(self) -> bool:
        """Return True if it is a hook that was applied, so that its failure is that of its program."""
        return bool(self.hook_type) and self.status != "SyncFailed"

    @property
    def action(self) -> str:
        """What became of it in a word, such as ``created``, ``unchanged`` or ``pruned``; of a hook or failure ``""``.

        kubectl says ``deployment.apps/web configured`` (kubernetes v1.31.0 staging/src/k8s.io/kubectl
        pkg/cmd/apply/apply.go). While a later wave waits, the message is that of the health: it was ``applied``.
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
        """Whether the operation has brought it to the cluster; of a hook: whether it runs."""
        return self.hook_phase == "Running" if self.hook_type else self.status == "Synced"

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, kw_only=True)
class Operation:
    """The last sync, or the running one. ``retries`` counts attempts that failed and were begun again.

    ``revisions`` are those it found, ``asked`` those it was asked for: a commit, and the annotated tag on it.
    ``parameters``: of each source everything but its target revision; none where Argo CD does not say.
    """

    phase: OperationPhase
    message: str
    revisions: tuple[str, ...]
    started_at: str
    finished_at: str
    retries: int
    results: tuple[ResourceResult, ...]
    asked: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    dry_run: bool = False
    # Of some resources only, as self-heal and a sync by hand may be.
    partial: bool = False

    @property
    def running(self) -> bool:
        """Whether it goes on. Between a failed attempt and the next, ``finishedAt`` is set and the phase Running."""
        return not self.finished_at or self.phase in {OperationPhase.RUNNING, OperationPhase.TERMINATING}

    @property
    def terminated(self) -> bool:
        """Return True if somebody ended it (gitops-engine pkg/sync/sync_context.go Terminate)."""
        return self.unsuccessful and self.message.startswith("Operation terminated")

    @property
    def attempt(self) -> int:
        """Return the number of the attempt, from 1, that goes on or was the last to end.

        ``retryCount`` is raised when an attempt has failed, not when the next one begins
        (argo-cd v2.13.2 controller/appcontroller.go processRequestedAppOperation).
        """
        waits = bool(self.finished_at) and self.phase is OperationPhase.RUNNING
        return self.retries if waits and self.retries else self.retries + 1

    @property
    def unsuccessful(self) -> bool:
        """Whether it has ended, and failed. A dry run says nothing of the cluster."""
        failed = self.phase in {OperationPhase.FAILED, OperationPhase.ERROR}
        return failed and not self.running and not self.dry_run

    def is_of(self, revisions: tuple[str, ...]) -> bool:
        """Whether it syncs these revisions. Of one that names none nobody can say that it does not."""
        known = [names for names in (self.revisions, self.asked) if names]
        return not known or any(all_same_revisions(names, revisions) for names in known)


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """The last sync that succeeded, of everything; ``parameters`` as those of an operation."""

    revisions: tuple[str, ...]
    parameters: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where the manifests come from; ``chart`` of a Helm repository, else ``path`` in git. ``""``: not given."""

    repo_url: str
    path: str = ""
    chart: str = ""
    ref: str = ""
    target_revision: str = ""

    def __str__(self) -> str:
        return " ".join(filter(None, (self.repo_url, self.chart or self.path)))


@dataclass(frozen=True, kw_only=True)
class Application:
    """The state of an application at one moment. Times are RFC 3339 in whole seconds, or ``""``."""

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
    # Of each source everything but its target revision, to be compared with those of operations.
    parameters: tuple[str, ...] = ()
    deployed: Deployment | None = None
    # Argo CD's own namespace: an application there is called by its name alone. "" before the first comparison.
    controller_namespace: str = ""
    # The one before that.
    previously: Deployment | None = None
    #: An annotation keeps Argo CD from comparing and syncing it (argocd.argoproj.io/skip-reconcile).
    skips_reconcile: bool = False
    # The objects that hold this application's spec, by the names that the application gives.
    owner_refs: tuple[OwnerRef, ...] = ()
    # False if the spec has changed since Argo CD compared.
    spec_compared: bool = True
    # The ApplicationSet that makes it; "": none does.
    application_set: str = ""
    # Where the manifests are hydrated. Its source is then the dry one, its revisions are hydrated ones.
    hydration: Hydration | None = None
    # Not of the Application object, and only where it was looked at: its resource tree, git's history by revision, the
    # sync window that blocks, and why Argo CD refused to sync.
    workloads: Workloads | None = None
    # True if the resource tree is refused, so that no look will show the pods; a late one is only not known yet.
    pods_hidden: bool = True
    owners: tuple[Owner, ...] = ()
    kinships: Mapping[str, RevisionRelation] = field(default_factory=dict)
    sync_window: str = ""
    refusal: str = ""

    @property
    def full_name(self) -> str:
        """As Argo CD is asked for it, wherever it lies: ``namespace/name``."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    @property
    def revision(self) -> str:
        """The revision compared last; of several sources all, separated by commas."""
        return ",".join(self.revisions)

    @property
    def abridged(self) -> bool:
        """Whether an argocd older than the server may have left out what matters now: it prints what it knows itself.

        Before 2.14 it knows no source hydrator, and before 3.1 no automated policy that is turned off.
        """
        sourceless = not any(source.repo_url for source in self.sources)
        return sourceless or (self.automated and self.sync is not SyncStatus.SYNCED)

    @property
    def commits(self) -> tuple[str, ...]:
        """The revisions as a pipeline knows them: where they are hydrated the dry one, if that is known."""
        if self.hydration is None:
            return self.revisions
        return (self.hydration.commit,) if self.hydration.commit else ()

    def names(self, position: int) -> frozenset[str]:
        """What the commit of a source, by its position from 0, is called: of an annotated tag also its commit."""
        return self._synced_names(position) if self.hydration is None else frozenset(self.commits[position:][:1])

    def _synced_names(self, position: int) -> frozenset[str]:
        names = [self.revisions]
        if self.operation is not None and self.operation.is_of(self.revisions):
            names += [self.operation.revisions, self.operation.asked]
        return frozenset(each[position] for each in names if position < len(each))

    @property
    def unreadable_health(self) -> str:
        """Return the error if Argo CD could not read the health of a resource, otherwise an empty text.

        Argo CD then leaves that resource out of the application's health, which can be Healthy without it
        (argo-cd v2.13.2 controller/health.go, controller/state.go:857).
        """
        return next((item.message for item in self.conditions if item.about_health), "")

    @property
    def errors(self) -> tuple[Condition, ...]:
        """The conditions that say why this revision is not applied."""
        # Where a sync runs or has run all the same, that is what counts, not that auto-sync gave this revision up.
        gave_up = self.sync is SyncStatus.OUT_OF_SYNC and not self.operating
        return tuple(
            item
            for item in self.conditions
            if item.type in ERRORS and not item.about_health and (item.type != SYNC_ERROR or gave_up)
        )

    @property
    def operation_counts(self) -> bool:
        """Whether the last operation has a say: of what is compared now, in parameters too, and no dry run."""
        return self.operation is not None and self.attempted and not self.operation.dry_run

    @property
    def results(self) -> tuple[ResourceResult, ...]:
        """Return the results of the last operation, if that counts."""
        return self.operation.results if self.operation is not None and self.operation_counts else ()

    @property
    def attempted(self) -> bool:
        """Whether the last operation is of the revisions compared last, and of the parameters that apply now.

        As Argo CD takes it, that does not sync these again: a dry run too
        (argo-cd v2.13.2 controller/appcontroller.go alreadyAttemptedSync).
        """
        operation = self.operation
        if operation is None or not operation.is_of(self.revisions):
            return False
        return self.has(operation.parameters)

    @property
    def applied(self) -> bool:
        """Whether a sync of the revisions compared last, with the parameters that apply now, has succeeded in full."""
        operation, deployed = self.operation, self.deployed
        if operation is not None and self.attempted and not (operation.dry_run or operation.partial):
            return operation.phase is OperationPhase.SUCCEEDED
        if deployed is None or len(deployed.revisions) != len(self.revisions):
            return False
        names = [self._synced_names(position) for position in range(len(self.revisions))]
        same = all(
            any(same_revision(name, known) for name in each)
            for each, known in zip(names, deployed.revisions, strict=True)
        )
        return same and self.has(deployed.parameters)

    def has(self, parameters: tuple[str, ...]) -> bool:
        """Whether these parameters apply now; of unknown ones nobody can say that they do not."""
        return () in {parameters, self.parameters} or parameters == self.parameters

    @property
    def runs_deployed(self) -> bool:
        """Return True if the cluster has the state of the last successful sync, and no sync began since."""
        return self.sync is SyncStatus.SYNCED and self.last_sync_stands

    @property
    def last_sync_stands(self) -> bool:
        """Return True if the last operation is the last successful sync, whatever Argo CD compares with since."""
        operation, deployed = self.operation, self.deployed
        if operation is None or deployed is None:
            return False
        succeeded = operation.phase is OperationPhase.SUCCEEDED and not operation.dry_run
        return succeeded and operation.is_of(deployed.revisions)

    @property
    def outdated(self) -> bool:
        """Whether sync and health are those of before the last operation (argo-cd v2.13.2 app.go:2506-2521)."""
        operation = self.operation
        return operation is not None and not operation.dry_run and operation.finished_at > self.reconciled_at

    @property
    def awaits_sync(self) -> bool:
        """Whether Argo CD is to sync by itself what it compared with, as far as anybody can tell, and has not begun."""
        attempted = self.operation is not None and self.operation.is_of(self.revisions)
        due = self.automated and self.sync is SyncStatus.OUT_OF_SYNC and not self.sync_window
        return due and not self.operating and not attempted

    @property
    def operating(self) -> bool:
        """Return True if a sync is requested or running."""
        return self.requested or (self.operation is not None and self.operation.running)
