"""Argo CD's vocabulary: the words for an Application's state, closed and typed.

Fields: argo-cd v2.13.2 pkg/apis/application/v1alpha1/types.go. A word we do not know is a case, not a crash.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

from argocd_release.tree import Workloads


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
    def failed(self) -> bool:
        return self.status == "SyncFailed" or self.hook_phase in {"Failed", "Error"}

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, kw_only=True)
class Operation:
    """The last sync, or the running one. ``retries`` counts attempts that failed and were begun again."""

    phase: OperationPhase
    message: str
    revisions: tuple[str, ...]
    started_at: str
    finished_at: str
    retries: int
    results: tuple[ResourceResult, ...]

    @property
    def running(self) -> bool:
        """Whether it goes on. Between a failed attempt and the next, ``finishedAt`` is set and the phase Running."""
        return not self.finished_at or self.phase in {OperationPhase.RUNNING, OperationPhase.TERMINATING}

    @property
    def unsuccessful(self) -> bool:
        """Whether it has ended, and failed."""
        return not self.running and self.phase in {OperationPhase.FAILED, OperationPhase.ERROR}


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


class Relation(StrEnum):
    """How the revision that Argo CD compares with stands to the one that is expected."""

    SAME = "same"
    DESCENDANT = "descendant"
    OLDER = "older"
    DIVERGED = "diverged"
    # A descendant, but what was expected is undone in it.
    REVERTED = "reverted"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Kinship:
    """What git's history says of two revisions; ``commits`` lie between a descendant and what it descends from."""

    relation: Relation
    commits: int = 0
    # Why the history could not be consulted; `final`: it will not be, however long one waits.
    note: str = ""
    final: bool = False
    # The revision that reverts what was expected; "" where only the files tell.
    by: str = ""


@dataclass(frozen=True, kw_only=True)
class Condition:
    type: str
    message: str


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
    # Not of the Application object, and only where it was looked at: its resource tree, git's history by revision, the
    # sync window that blocks, and why Argo CD refused to sync.
    workloads: Workloads | None = None
    kinships: Mapping[str, Kinship] = field(default_factory=dict)
    sync_window: str = ""
    refusal: str = ""

    @property
    def revision(self) -> str:
        """The revision compared last; of several sources all, separated by commas."""
        return ",".join(self.revisions)

    @property
    def failing(self) -> tuple[str, ...]:
        """What lies beneath the application and cannot start, in one line each."""
        return self.workloads.failing if self.workloads else ()

    @property
    def operating(self) -> bool:
        """Whether a sync is asked for or running."""
        return self.requested or (self.operation is not None and self.operation.running)
