"""The reasons why a release was not delivered, as data: the code, the object, the message, and the fix.

No code reads a message to find out what it is about.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, unique
from types import MappingProxyType
from typing import Final, Protocol

Key = tuple[str, str, str, str]


@unique
class CauseCode(Enum):
    """A kind of cause: its word in reports, and its meaning. A word never changes its meaning."""

    # The job and its settings.
    SETTINGS = ("settings", "a setting is missing or wrong")
    NO_PREVIEW = ("no-preview", "the branch has no tag that a preview is named by")
    CANCELLED = ("cancelled", "the job was cancelled")
    UNEXPECTED = ("unexpected", "argocd-release itself went wrong")
    # Argo CD, from the point of view of the job.
    UNREACHABLE = ("unreachable", "Argo CD gave no answer")
    DENIED = ("denied", "the token is invalid, or may not see the application")
    REFUSED = ("refused", "Argo CD answers, but not with the application")
    UNREADABLE = ("unreadable", "what argocd printed is no application")
    CANNOT_COMPARE = (
        "cannot-compare",
        "Argo CD does not reach its repo-server, git, a chart repository or the cluster",
    )
    NOT_COMPARED = ("not-compared", "Argo CD has not compared with git since the job began, or since the sync")
    APPLICATION_MISSING = ("application-missing", "there is no such application")
    APPLICATION_DELETED = ("application-deleted", "the application was deleted, or is being deleted")
    # The content of git.
    PATH_MISSING = ("path-missing", "the application's path is not in git")
    MANIFEST_UNREADABLE = ("manifest-unreadable", "a manifest is not valid YAML or JSON")
    COMPARISON_ERROR = ("comparison-error", "Argo CD can't make the manifests, or can't compare them")
    SPEC_INVALID = ("spec-invalid", "the application's own definition is not allowed")
    NOTHING_MANAGED = ("nothing-managed", "the application manages no resources")
    # The sync.
    MANIFEST_REJECTED = ("manifest-rejected", "Kubernetes rejects a manifest")
    CLUSTER_NOT_READY = (
        "cluster-not-ready",
        "the cluster lacks what the sync needs, such as a namespace or a CRD, or still deletes it",
    )
    HOOK_FAILED = ("hook-failed", "a hook of the sync failed, or does not end")
    SYNC_FAILED = ("sync-failed", "the sync failed as a whole")
    SYNC_GIVEN_UP = ("sync-given-up", "Argo CD does not try to sync this revision again")
    SYNC_REFUSED = ("sync-refused", "Argo CD refuses to sync")
    SYNC_RUNNING = ("sync-running", "a sync has not ended")
    SYNC_BUSY = ("sync-busy", "the sync of an older revision has not ended")
    SYNC_WINDOW = ("sync-window", "a sync window forbids the sync now")
    NO_SYNC_POLICY = ("no-sync-policy", "nobody has synced, and Argo CD does not by itself")
    PRUNE_OFF = ("prune-off", "a resource is no longer in git, and pruning is off")
    PRUNE_FALSE = ("prune-false", "a resource is no longer in git, and its annotation Prune=false keeps it")
    DELETION_PENDING = ("deletion-pending", "a resource is being deleted, and a finalizer holds it")
    SHARED_RESOURCE = ("shared-resource", "another application manages the same resource")
    OVERWRITTEN = ("overwritten", "another controller changes what Argo CD has applied")
    SYNC_TERMINATED = ("sync-terminated", "the sync was ended by hand")
    RECONCILE_SKIPPED = ("reconcile-skipped", "an annotation keeps Argo CD from looking at the application")
    NOT_HYDRATED = ("not-hydrated", "the dry commit is not hydrated yet, or what was made of it not compared with")
    HYDRATION_FAILED = ("hydration-failed", "Argo CD could not hydrate the dry commit")
    OWNER_PENDING = ("owner-pending", "the object that holds the application's spec is not up to date yet")
    OUT_OF_SYNC = ("out-of-sync", "the cluster is not as git has it")
    # The expectation.
    OTHER_REVISION = ("other-revision", "Argo CD compares with another revision than the expected one")
    OTHER_IMAGE = ("other-image", "no pod is known to run the expected image")
    OTHER_CHART_VERSION = ("other-chart-version", "the chart has another version than the expected one")
    NO_SUCH_SOURCE = ("no-such-source", "the application has no such source")
    SUPERSEDED = ("superseded", "a later revision took the place of the expected one, and fails")
    # Pods and their owners.
    IMAGE_PULL = ("image-pull", "the cluster can't pull an image")
    CONTAINER_CONFIG = ("container-config", "a container can't be made or started as its manifest has it")
    CRASH_LOOP = ("crash-loop", "a program ends by itself, again and again")
    OOM_KILLED = ("oom-killed", "a program needed more memory than its limit")
    CONTAINER_FAILED = ("container-failed", "a program ended with an error")
    PROBE_FAILED = ("probe-failed", "a program does not answer its probe")
    VOLUME_NOT_MOUNTED = ("volume-not-mounted", "a volume can't be attached or mounted")
    UNSCHEDULABLE = ("unschedulable", "no node takes a pod")
    NOT_READY = ("not-ready", "a pod is not ready, and does not say why")
    ROLLOUT_BLOCKED = ("rollout-blocked", "a StatefulSet waits for a broken pod of the revision before")
    ROLLOUT_PAUSED = ("rollout-paused", "a Rollout is paused, mostly until somebody promotes it")
    ROLLOUT_ABORTED = ("rollout-aborted", "a Rollout was aborted, by an analysis or by hand")
    QUOTA = ("quota", "a quota leaves no room")
    ADMISSION_DENIED = ("admission-denied", "an admission policy or webhook forbids it")
    WEBHOOK_FAILED = ("webhook-failed", "an admission webhook does not answer")
    SERVICE_ACCOUNT_MISSING = ("service-account-missing", "the service account does not exist")
    NO_PODS = ("no-pods", "no pod can be created")
    JOB_DEADLINE = ("job-deadline", "a Job took longer than its deadline")
    JOB_FAILED = ("job-failed", "a Job failed")
    # Other resources.
    NO_ADDRESS = ("no-address", "an Ingress or a load balancer has no address")
    NO_VOLUME = ("no-volume", "a claim has no volume")
    HEALTH_UNREADABLE = ("health-unreadable", "Argo CD cannot read the health of a resource")
    UNHEALTHY = ("unhealthy", "a resource is not healthy; its message says why")
    SITE_SILENT = ("site-silent", "the deployed address does not answer as it should")

    def __init__(self, word: str, meaning: str) -> None:
        self.word: Final = word
        self.meaning: Final = meaning


# The reasons, written by the kubelet, for which a container waits and does not start without a change (kubernetes
# v1.31.0 pkg/kubelet/images/types.go, pkg/kubelet/kuberuntime/kuberuntime_container.go, pkg/kubelet/kubelet_pods.go).
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
# The messages of an API server that rejects an object. The first match counts.
_REFUSALS: Final = (
    (CauseCode.QUOTA, ("exceeded quota",)),
    (CauseCode.WEBHOOK_FAILED, ("failed calling webhook",)),
    (CauseCode.ADMISSION_DENIED, ("admission webhook", "ValidatingAdmissionPolicy", "violates PodSecurity")),
    (CauseCode.SERVICE_ACCOUNT_MISSING, ("service account", "serviceaccount")),
)


def refusal(said: str) -> CauseCode | None:
    """Return the reason why the API server rejected an object, or None if its message is not known."""
    return next((code for code, words in _REFUSALS if any(word in said for word in words)), None)


class Keyed(Protocol):
    @property
    def key(self) -> Key: ...


@dataclass(frozen=True, kw_only=True)
class Subject:
    """The object of a cause, and the applied resource that it comes from, each by group, kind, namespace and name."""

    key: Key
    root: Key
    #: The container of a pod, if it matters, such as ``init container migrate``.
    container: str = ""

    @classmethod
    def of(cls, item: Keyed) -> "Subject":
        """Return the subject for a resource that Argo CD applied itself."""
        return cls(key=item.key, root=item.key)

    def __str__(self) -> str:
        path = " → ".join(f"{kind}/{name}" for _, kind, _, name in dict.fromkeys((self.root, self.key)))
        return f"{path}, {self.container}" if self.container else path


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The result of a look at an application, in one line. ``code`` is None if nothing is wrong."""

    text: str
    #: The sync or health status that the text is about and does not name; empty if there is none.
    status: str = ""
    code: CauseCode | None = None
    subject: Subject | None = None
    #: The fix, if it depends on the text; otherwise that of the symptom applies.
    hint: str = ""

    @property
    def whole(self) -> str:
        """Return the text after its status: ``Degraded: Deployment/web …``."""
        return ": ".join(filter(None, (self.status, self.text)))


@dataclass(frozen=True, kw_only=True)
class Cause:
    """The reason why a release was not delivered."""

    code: CauseCode
    #: One line that names the subject.
    message: str
    #: The object, or None for the application itself or no object.
    subject: Subject | None = None
    #: The fix; empty if it is not known.
    hint: str = ""
    #: The page in Argo CD that shows the subject; empty if it is not known.
    link: str = ""

    def is_about(self, subject: Subject | None) -> bool:
        """Return True if it is about the same object."""
        own = self.subject
        return own == subject or (own is not None and subject is not None and own.key == subject.key)

    def __str__(self) -> str:
        return self.message
