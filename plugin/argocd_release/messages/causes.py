"""The meaning of each kind of cause and of each outcome."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

# The first words of the job log's result.
HEADLINE_SUCCESSFUL: Final = "RELEASE SUCCESSFUL"
HEADLINE_FAILED: Final = "RELEASE FAILED"
HEADLINE_STATUS_UNKNOWN: Final = "RELEASE STATUS UNKNOWN"
HEADLINE_CANCELLED: Final = "RELEASE TRACKING CANCELLED"
#: The meanings of the outcomes, by their words in reports.
OUTCOMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "delivered": "the application runs in the cluster, Synced and Healthy",
        "unexpected": "argocd-release itself went wrong",
        "settings": "a setting is missing or wrong",
        "sync-failed": "Argo CD could not apply the revision",
        "degraded": "Argo CD applied the revision, but it does not run",
        "timed-out": "the release was not delivered within the timeout",
        "not-delivered": "the expected version can no longer be delivered",
        "missing": "the application does not exist, or was deleted",
        "no-preview": "the name of the branch contains no tag for a preview",
        "unreachable": "Argo CD did not respond, or does not reach what it needs to compare",
        "denied": "the token is invalid, or Argo CD refuses to show the application",
        "interrupted": "SIGINT stopped the job",
        "cancelled": "SIGTERM stopped the job, for example because it was cancelled",
    }
)
#: The meanings of the causes, by their words in reports.
MEANINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "settings": "a setting is missing or wrong",
        "no-preview": "the name of the branch contains no tag for a preview",
        "cancelled": "a user, a newer pipeline or GitLab's timeout cancelled the job",
        "unexpected": "argocd-release itself went wrong",
        "unreachable": "Argo CD did not respond",
        "denied": "the token is invalid, or it is not allowed to see the application",
        "refused": "Argo CD responds, but refuses to show the application",
        "unreadable": "argocd printed something other than an application",
        "cannot-compare": "Argo CD does not reach its repo-server, git, a chart repository or the cluster, so it "
        "cannot compare",
        "not-compared": "Argo CD has not compared with git since the job began, or since the sync finished",
        "application-missing": "the application does not exist",
        "application-deleted": "the application was deleted, or is being deleted",
        "path-missing": "the application's source path is not in git",
        "manifest-unreadable": "a manifest is not valid YAML or JSON",
        "comparison-error": "Argo CD cannot render the manifests, or cannot compare them with the cluster",
        "spec-invalid": "the application's own definition is not allowed",
        "nothing-managed": "the application manages no resources",
        "manifest-rejected": "Kubernetes rejects a manifest",
        "cluster-not-ready": "the cluster lacks an object that the sync needs, such as a namespace or a CRD, or "
        "the object is still being deleted",
        "hook-failed": "a hook of the sync failed, or does not end",
        "sync-failed": "the sync failed",
        "sync-given-up": "Argo CD has given up: it does not try to sync this revision again",
        "sync-refused": "Argo CD refuses to sync the application",
        "sync-running": "the sync of this revision has not ended",
        "sync-busy": "the sync of an older revision has not ended, and Argo CD runs one sync at a time",
        "sync-window": "a sync window forbids the sync now",
        "no-sync-policy": "the application has no automated sync policy, and no user or job has started a sync",
        "prune-off": "a resource is no longer in git, and pruning is off",
        "prune-false": "a resource is no longer in git, and its annotation Prune=false keeps it",
        "deletion-pending": "a resource is being deleted, and a finalizer holds it",
        "shared-resource": "another application manages the same resource",
        "overwritten": "another controller changes a resource after each sync",
        "sync-terminated": "a user ended the sync by hand",
        "reconcile-skipped": "an annotation of the application keeps Argo CD from comparing and syncing it",
        "not-hydrated": "Argo CD has not hydrated the dry commit yet, or has not compared with the hydrated commit",
        "hydration-failed": "Argo CD could not hydrate the dry commit",
        "owner-pending": "the parent application or the ApplicationSet has not brought the application's spec up "
        "to date yet",
        "out-of-sync": "the state of the cluster differs from git",
        "other-revision": "Argo CD compares with a revision other than the expected one",
        "other-image": "no pod is known to run the expected image",
        "other-chart-version": "the chart's version is not the expected one",
        "no-such-source": "the application has no source like the expected one",
        "superseded": "a later revision took the place of the expected one, and fails",
        "image-pull": "the cluster cannot pull an image",
        "container-config": "Kubernetes cannot create or start a container as its manifest defines it",
        "crash-loop": "a container starts and ends again and again",
        "oom-killed": "a container needed more memory than its limit",
        "container-failed": "the program in a container ended with an error",
        "probe-failed": "a container does not answer its probe",
        "volume-not-mounted": "Kubernetes cannot attach or mount a volume",
        "unschedulable": "the scheduler finds no node for a pod",
        "not-ready": "a pod is not ready, and reports no reason",
        "rollout-blocked": "a StatefulSet waits for a broken pod of the previous revision",
        "rollout-paused": "an Argo Rollout is paused, usually until a user promotes it",
        "rollout-aborted": "an analysis or a user aborted an Argo Rollout",
        "quota": "the quota of the namespace is used up",
        "admission-denied": "an admission policy or an admission webhook forbids an object",
        "webhook-failed": "an admission webhook does not respond",
        "service-account-missing": "the service account of a pod does not exist",
        "no-pods": "Kubernetes cannot create a pod",
        "job-deadline": "a Job took longer than its deadline",
        "job-failed": "a Job failed",
        "no-address": "an Ingress or a load balancer has no address yet",
        "no-volume": "a PersistentVolumeClaim has no volume yet",
        "health-unreadable": "Argo CD cannot read the health of a resource",
        "unhealthy": "a resource is not healthy, and its message gives the reason",
        "site-silent": "the deployed site does not respond as expected",
    }
)
