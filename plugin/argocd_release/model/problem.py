"""The problems that prevent a delivery. Each has a cause code, the affected object, a message and a hint.

The code makes decisions by the cause code and the object. The message is only for people.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, unique
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol

from argocd_release.core.text import one_line, without_layers
from argocd_release.messages.causes import MEANINGS


class ResourceRef(NamedTuple):
    """The identity of a Kubernetes object in an application's destination cluster."""

    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


class HasRef(Protocol):
    """An interface of all classes that describe a Kubernetes object, such as a resource or its result."""

    @property
    def ref(self) -> ResourceRef:
        """Return the group, kind, namespace and name of the object."""
        ...


@unique
class CauseCode(Enum):
    """The causes of failures. Programs read these codes in reports, so a code must never get another meaning.

    The message catalogue describes each cause (``messages/causes.py``).
    """

    # Causes of failures in the job and its settings.
    SETTINGS = "settings"
    NO_PREVIEW = "no-preview"
    CANCELLED = "cancelled"
    UNEXPECTED = "unexpected"
    # Causes of failures in Argo CD or in the job's access to Argo CD.
    UNREACHABLE = "unreachable"
    PROXY = "proxy"
    DENIED = "denied"
    REFUSED = "refused"
    UNREADABLE = "unreadable"
    CANNOT_COMPARE = "cannot-compare"
    NOT_COMPARED = "not-compared"
    APPLICATION_MISSING = "application-missing"
    APPLICATION_DELETED = "application-deleted"
    # Causes of failures in the files in git.
    PATH_MISSING = "path-missing"
    MANIFEST_UNREADABLE = "manifest-unreadable"
    COMPARISON_ERROR = "comparison-error"
    SPEC_INVALID = "spec-invalid"
    NOTHING_MANAGED = "nothing-managed"
    # Causes of failures in Argo CD's sync.
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
    NOT_KEPT = "not-kept"
    SYNC_TERMINATED = "sync-terminated"
    RECONCILE_SKIPPED = "reconcile-skipped"
    NOT_HYDRATED = "not-hydrated"
    HYDRATION_FAILED = "hydration-failed"
    OWNER_PENDING = "owner-pending"
    OUT_OF_SYNC = "out-of-sync"
    # Expectations that are not met.
    OTHER_REVISION = "other-revision"
    OTHER_IMAGE = "other-image"
    OTHER_CHART_VERSION = "other-chart-version"
    NO_SUCH_SOURCE = "no-such-source"
    NO_SUCH_RESOURCE = "no-such-resource"
    SUPERSEDED = "superseded"
    # Causes of failures in pods and workloads.
    UNSTABLE = "unstable"
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
    # Causes of failures in other resources than pods and workloads.
    NO_ADDRESS = "no-address"
    NO_VOLUME = "no-volume"
    HEALTH_UNREADABLE = "health-unreadable"
    UNHEALTHY = "unhealthy"
    SITE_SILENT = "site-silent"

    @property
    def word(self) -> str:
        """Return the word for this cause code in reports."""
        return self.value

    @property
    def meaning(self) -> str:
        """Return a description of the cause on one line."""
        return MEANINGS[self.value]


#: The causes of a failed sync that can disappear without a change in git, so that Argo CD's next attempt can succeed.
HEALING: Final = frozenset({CauseCode.WEBHOOK_FAILED, CauseCode.CANNOT_COMPARE, CauseCode.CLUSTER_NOT_READY})
# The reasons that the kubelet gives for containers that wait because they cannot start (kubernetes v1.31.0
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
# Phrases of the API server's messages when it refuses to create an object, each with a cause code. The first phrase
# that matches decides.
_REFUSALS: Final = (
    (CauseCode.QUOTA, ("exceeded quota",)),
    (CauseCode.WEBHOOK_FAILED, ("failed calling webhook",)),
    (CauseCode.ADMISSION_DENIED, ("admission webhook", "ValidatingAdmissionPolicy", "violates PodSecurity")),
    (CauseCode.SERVICE_ACCOUNT_MISSING, ("service account", "serviceaccount")),
)


def refusal(message: str) -> CauseCode | None:
    """Return the cause code for the message with which the API server refuses an object, or None if it is unknown."""
    return next((code for code, words in _REFUSALS if any(word in message for word in words)), None)


@dataclass(frozen=True, kw_only=True)
class Subject:
    """The object that has a problem.

    Attributes:
        ref: The object itself, such as a pod.
        root: The resource that Argo CD has applied and to which the object belongs, such as a Deployment.
        container: The container of the pod that has the problem, such as ``init container migrate``, or "".
    """

    ref: ResourceRef
    root: ResourceRef
    container: str = ""

    @classmethod
    def of(cls, item: HasRef) -> "Subject":
        """Create the subject for a problem of a resource that Argo CD itself has applied."""
        return cls(ref=item.ref, root=item.ref)

    def __str__(self) -> str:
        path = " → ".join(map(str, dict.fromkeys((self.root, self.ref))))
        return f"{path}, {self.container}" if self.container else path


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A problem that prevents a delivery.

    Attributes:
        code: The cause code.
        message: A description on one line, which names the subject.
        subject: The object that has the problem; None for the whole application or the job.
        hint: What the user must do; "" if the problem alone does not determine that.
        link: The URL of the subject in Argo CD's web interface; "" if it is unknown.
    """

    code: CauseCode
    message: str
    subject: Subject | None = None
    hint: str = ""
    link: str = ""

    def is_about(self, subject: Subject | None) -> bool:
        """Return True if the problem is about this object or about one of its containers."""
        own = self.subject
        return own == subject or (own is not None and subject is not None and own.ref == subject.ref)

    def __str__(self) -> str:
        return self.message


COMPARISON_ERROR: Final = "ComparisonError"
#: The type of the condition with which Argo CD reports that the automated sync policy no longer tries to sync a
#: revision.
SYNC_ERROR: Final = "SyncError"
# The types of conditions that explain why Argo CD does not apply a revision, each with its cause code.
ERROR_CONDITIONS: Final[Mapping[str, CauseCode]] = MappingProxyType(
    {
        COMPARISON_ERROR: CauseCode.COMPARISON_ERROR,
        "InvalidSpecError": CauseCode.SPEC_INVALID,
        "UnknownError": CauseCode.COMPARISON_ERROR,
        SYNC_ERROR: CauseCode.SYNC_GIVEN_UP,
    }
)
#: The beginning of the message if the sync option FailOnSharedResource fails a sync (argo-cd v2.13.2
#: controller/sync.go). A SyncError repeats the message.
SHARED_RESOURCE: Final = "Shared resource found: "
# Phrases of the repo-server's errors that show that a file in git causes the error (argo-cd v2.13.2 util/app/path,
# reposerver/repository).
_IN_GIT: Final = (
    ("app path does not exist", CauseCode.PATH_MISSING),
    ("Failed to unmarshal", CauseCode.MANIFEST_UNREADABLE),
    (SHARED_RESOURCE, CauseCode.SHARED_RESOURCE),
)
# The prefix of the error message if Argo CD could not determine the health of a resource (argo-cd v2.13.2
# controller/state.go:859).
_HEALTH: Final = "error setting app health: "


@dataclass(frozen=True, kw_only=True)
class Condition:
    """A condition in the status of an Application, such as ComparisonError."""

    type: str
    message: str

    @property
    def summary(self) -> str:
        """Return the message on one line, without the prefixes of Argo CD that do not say what is wrong."""
        return one_line(without_layers(self.message), limit=1000)

    @property
    def about_health(self) -> bool:
        """Return True if Argo CD could not read a resource's health, for example because its health script failed."""
        return self.type == "ComparisonError" and self.message.startswith(_HEALTH)

    @property
    def code(self) -> CauseCode | None:
        """Return the cause code, or None if the condition does not explain why a revision is not applied."""
        code_in_git = next((code for words, code in _IN_GIT if words in self.message), None)
        return (code_in_git or ERROR_CONDITIONS[self.type]) if self.type in ERROR_CONDITIONS else None
