"""A problem that keeps a release from being delivered: its kind, its object, its message and its hint.

The program decides by the kind and the object. The message is only for people.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, unique
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol

from argocd_release.messages.causes import MEANINGS


class ResourceRef(NamedTuple):
    """The identity of a Kubernetes object in an application."""

    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


class HasRef(Protocol):
    """An object that has the identity of a Kubernetes object."""

    @property
    def ref(self) -> ResourceRef:
        """Return the identity."""
        ...


@unique
class CauseCode(Enum):
    """Every kind of cause, by its word in reports. A word never changes its meaning.

    The meanings are in the message catalogue (``messages/causes.py``).
    """

    # The job and its settings.
    SETTINGS = "settings"
    NO_PREVIEW = "no-preview"
    CANCELLED = "cancelled"
    UNEXPECTED = "unexpected"
    # Argo CD, as the job sees it.
    UNREACHABLE = "unreachable"
    DENIED = "denied"
    REFUSED = "refused"
    UNREADABLE = "unreadable"
    CANNOT_COMPARE = "cannot-compare"
    NOT_COMPARED = "not-compared"
    APPLICATION_MISSING = "application-missing"
    APPLICATION_DELETED = "application-deleted"
    # The files in git.
    PATH_MISSING = "path-missing"
    MANIFEST_UNREADABLE = "manifest-unreadable"
    COMPARISON_ERROR = "comparison-error"
    SPEC_INVALID = "spec-invalid"
    NOTHING_MANAGED = "nothing-managed"
    # The sync.
    MANIFEST_REJECTED = "manifest-rejected"
    CLUSTER_NOT_READY = "cluster-not-ready"
    HOOK_FAILED = "hook-failed"
    SYNC_FAILED = "sync-failed"
    SYNC_GIVEN_UP = "sync-given-up"
    SYNC_REFUSED = "sync-refused"
    SYNC_RUNNING = "sync-running"
    SYNC_BUSY = "sync-busy"
    SYNC_WINDOW = "sync-window"
    NO_SYNC_POLICY = "no-sync-policy"
    PRUNE_OFF = "prune-off"
    PRUNE_FALSE = "prune-false"
    DELETION_PENDING = "deletion-pending"
    SHARED_RESOURCE = "shared-resource"
    OVERWRITTEN = "overwritten"
    SYNC_TERMINATED = "sync-terminated"
    RECONCILE_SKIPPED = "reconcile-skipped"
    NOT_HYDRATED = "not-hydrated"
    HYDRATION_FAILED = "hydration-failed"
    OWNER_PENDING = "owner-pending"
    OUT_OF_SYNC = "out-of-sync"
    # The expectation.
    OTHER_REVISION = "other-revision"
    OTHER_IMAGE = "other-image"
    OTHER_CHART_VERSION = "other-chart-version"
    NO_SUCH_SOURCE = "no-such-source"
    SUPERSEDED = "superseded"
    # Pods and workloads.
    IMAGE_PULL = "image-pull"
    CONTAINER_CONFIG = "container-config"
    CRASH_LOOP = "crash-loop"
    OOM_KILLED = "oom-killed"
    CONTAINER_FAILED = "container-failed"
    PROBE_FAILED = "probe-failed"
    VOLUME_NOT_MOUNTED = "volume-not-mounted"
    UNSCHEDULABLE = "unschedulable"
    NOT_READY = "not-ready"
    ROLLOUT_BLOCKED = "rollout-blocked"
    ROLLOUT_PAUSED = "rollout-paused"
    ROLLOUT_ABORTED = "rollout-aborted"
    QUOTA = "quota"
    ADMISSION_DENIED = "admission-denied"
    WEBHOOK_FAILED = "webhook-failed"
    SERVICE_ACCOUNT_MISSING = "service-account-missing"
    NO_PODS = "no-pods"
    JOB_DEADLINE = "job-deadline"
    JOB_FAILED = "job-failed"
    # Other resources.
    NO_ADDRESS = "no-address"
    NO_VOLUME = "no-volume"
    HEALTH_UNREADABLE = "health-unreadable"
    UNHEALTHY = "unhealthy"
    SITE_SILENT = "site-silent"

    @property
    def word(self) -> str:
        """Return the word in reports."""
        return self.value

    @property
    def meaning(self) -> str:
        """Return the meaning in one line."""
        return MEANINGS[self.value]


# The kubelet's reasons for a container that will not start without a change (kubernetes v1.31.0
# pkg/kubelet/images/types.go, pkg/kubelet/kuberuntime/kuberuntime_container.go, pkg/kubelet/kubelet_pods.go).
WAITING_REASONS: Final[Mapping[str, CauseCode]] = MappingProxyType(
    {
        "CrashLoopBackOff": CauseCode.CRASH_LOOP,
        "ImagePullBackOff": CauseCode.IMAGE_PULL,
        "ErrImagePull": CauseCode.IMAGE_PULL,
        "ErrImageNeverPull": CauseCode.IMAGE_PULL,
        "InvalidImageName": CauseCode.IMAGE_PULL,
        "CreateContainerConfigError": CauseCode.CONTAINER_CONFIG,
        "CreateContainerError": CauseCode.CONTAINER_CONFIG,
        "RunContainerError": CauseCode.CONTAINER_CONFIG,
    }
)
# Phrases in the API server's messages about objects that it refuses. The first match counts.
_REFUSALS: Final = (
    (CauseCode.QUOTA, ("exceeded quota",)),
    (CauseCode.WEBHOOK_FAILED, ("failed calling webhook",)),
    (CauseCode.ADMISSION_DENIED, ("admission webhook", "ValidatingAdmissionPolicy", "violates PodSecurity")),
    (CauseCode.SERVICE_ACCOUNT_MISSING, ("service account", "serviceaccount")),
)


def refusal(message: str) -> CauseCode | None:
    """Return the reason for which the API server refused an object; None if its message is not known."""
    return next((code for code, words in _REFUSALS if any(word in message for word in words)), None)


@dataclass(frozen=True, kw_only=True)
class Subject:
    """The object that a problem is about.

    Attributes:
        ref: The object itself, such as a pod.
        root: The resource that Argo CD applied and that made the object, such as a Deployment.
        container: The container of a pod, such as ``init container migrate``; "" if it does not matter.

    """

    ref: ResourceRef
    root: ResourceRef
    container: str = ""

    @classmethod
    def of(cls, item: HasRef) -> "Subject":
        """Return the subject for a resource that Argo CD applied itself."""
        return cls(ref=item.ref, root=item.ref)

    def __str__(self) -> str:
        path = " → ".join(map(str, dict.fromkeys((self.root, self.ref))))
        return f"{path}, {self.container}" if self.container else path


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A problem of a release.

    Attributes:
        code: The kind of problem.
        message: The problem in one line, which names the subject.
        subject: The object that the problem is about; None for the application itself, or for no object.
        hint: The steps that solve it; "" if the problem alone does not determine them.
        link: The page in Argo CD that shows the subject; "" if it is not known.

    """

    code: CauseCode
    message: str
    subject: Subject | None = None
    hint: str = ""
    link: str = ""

    def is_about(self, subject: Subject | None) -> bool:
        """Return True if the problem is about the same object."""
        own = self.subject
        return own == subject or (own is not None and subject is not None and own.ref == subject.ref)

    def __str__(self) -> str:
        return self.message


COMPARISON_ERROR: Final = "ComparisonError"
#: The type of the condition by which Argo CD reports that auto-sync has given the revision up.
SYNC_ERROR: Final = "SyncError"
# The types of conditions that give the reason why a revision is not applied.
ERROR_CONDITIONS: Final[Mapping[str, CauseCode]] = MappingProxyType(
    {
        COMPARISON_ERROR: CauseCode.COMPARISON_ERROR,
        "InvalidSpecError": CauseCode.SPEC_INVALID,
        "UnknownError": CauseCode.COMPARISON_ERROR,
        SYNC_ERROR: CauseCode.SYNC_GIVEN_UP,
    }
)
# The repo-server's messages about the files in git (argo-cd v2.13.2 util/app/path, reposerver/repository).
_IN_GIT: Final = (
    ("app path does not exist", CauseCode.PATH_MISSING),
    ("Failed to unmarshal", CauseCode.MANIFEST_UNREADABLE),
)
# The start of the message if the health of a resource could not be read (argo-cd v2.13.2 controller/state.go:859).
_HEALTH: Final = "error setting app health: "


@dataclass(frozen=True, kw_only=True)
class Condition:
    """A condition of an Application."""

    type: str
    message: str

    @property
    def about_health(self) -> bool:
        """Return True if Argo CD could not read the health of a resource, for example because a script failed."""
        return self.type == "ComparisonError" and self.message.startswith(_HEALTH)

    @property
    def code(self) -> CauseCode | None:
        """Return the cause code, or None if the condition is not a reason why a revision is not applied."""
        code_in_git = next((code for words, code in _IN_GIT if words in self.message), None)
        return (code_in_git or ERROR_CONDITIONS[self.type]) if self.type in ERROR_CONDITIONS else None
