"""The texts about causes and outcomes: their meanings, the descriptions of root causes, and hints for the user."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from argocd_release.messages import Message

# The first words of the job log's result.
HEADLINE_SUCCESSFUL: Final = "RELEASE SUCCESSFUL"
HEADLINE_FAILED: Final = "RELEASE FAILED"
HEADLINE_STATUS_UNKNOWN: Final = "RELEASE STATUS UNKNOWN"
HEADLINE_CANCELLED: Final = "RELEASE TRACKING CANCELLED"
HEADLINE_DIFFERENT: Final = "DIFFERENCES FOUND"
#: The meanings of the outcomes, by their words in reports.
OUTCOMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "delivered": "the application runs in the cluster, Synced and Healthy",
        "unexpected": "argocd-release itself went wrong",
        "settings": "a setting is missing or wrong",
        "sync-failed": "Argo CD could not apply the revision",
        "degraded": "Argo CD applied the revision, but it does not run",
        "timed-out": "the release was not delivered within the timeout",
        "not-delivered": "the release stays incomplete until a person acts",
        "missing": "the application does not exist, or was deleted",
        "no-preview": "the branch's name does not contain the part that names the preview, such as PROJ-123",
        "different": "a diff found differences for which the job is set to fail",
        "unreachable": "Argo CD did not respond, or does not reach something that it needs to compare the application",
        "denied": "the token is invalid, or Argo CD refuses to show the application",
        "interrupted": "SIGINT stopped the job",
        "cancelled": "SIGTERM stopped the job, for example because it was cancelled",
    }
)
#: The meanings of the causes, by their words in reports.
MEANINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "settings": "a setting is missing or wrong",
        "no-preview": "the job is for a preview, but the branch's name does not contain the part that names the "
        "preview, such as PROJ-123",
        "cancelled": "a user, a newer pipeline or GitLab's timeout cancelled the job",
        "unexpected": "argocd-release itself went wrong",
        "unreachable": "Argo CD did not respond",
        "proxy": "the HTTP proxy does not let the job reach Argo CD",
        "denied": "the token is invalid, or it is not allowed to see the application",
        "refused": "Argo CD responds, but refuses to show the application",
        "unreadable": "the output of the argocd command does not describe an application",
        "cannot-compare": "Argo CD cannot compare, because it does not reach its repo-server, git, a chart "
        "repository or the cluster",
        "not-compared": "Argo CD has not compared the application with git since the job began, or since the sync "
        "finished",
        "application-missing": "the application does not exist",
        "application-deleted": "the application was deleted, or is being deleted",
        "path-missing": "the application's source path is not in git",
        "manifest-unreadable": "a manifest is not valid YAML or JSON",
        "comparison-error": "Argo CD cannot render the manifests, or cannot compare them with the cluster",
        "spec-invalid": "the application's own definition is wrong, for example its project, sources or destination",
        "nothing-managed": "the application manages no resources",
        "manifest-rejected": "Kubernetes rejects a manifest",
        "cluster-not-ready": "an object that the sync needs, such as a namespace or a CRD, is missing in the cluster "
        "or is still being deleted",
        "hook-failed": "a hook of the sync failed, or does not end",
        "sync-failed": "the sync failed",
        "sync-given-up": "Argo CD has given up: it will not try to sync this revision again",
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
        "not-kept": "a resource still differs from git after each sync, and no user or other controller has changed it",
        "sync-terminated": "a user ended the sync by hand",
        "reconcile-skipped": "an annotation of the application keeps Argo CD from comparing and syncing it",
        "not-hydrated": "Argo CD has not hydrated the dry commit yet, or has not compared with the hydrated commit",
        "hydration-failed": "Argo CD could not hydrate the dry commit",
        "owner-pending": "the parent application or the ApplicationSet has not brought the application's spec up "
        "to date yet",
        "out-of-sync": "the state of the cluster differs from git",
        "other-revision": "Argo CD compares the cluster with a revision other than the expected one",
        "other-image": "no pod is known to run the expected image",
        "other-chart-version": "the chart's version is not the expected one",
        "no-such-source": "no source of the application matches the expected one",
        "unstable": "the release was ready, but it did not stay ready for the required time",
        "no-such-resource": "no resource of the application matches a pattern that chooses resources",
        "superseded": "a later revision took the place of the expected one, and fails",
        "image-pull": "the cluster cannot pull an image",
        "container-config": "Kubernetes cannot create or start a container as its manifest defines it",
        "crash-loop": "a container keeps exiting, and is restarted each time",
        "oom-killed": "a container needed more memory than its limit",
        "container-failed": "the program in a container ended with an error",
        "probe-failed": "a container fails its probe",
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


_CHECK_ACCOUNT: Final = (
    "check <ARGOCD_AUTH_TOKEN> (is it expired, revoked, or a protected variable on an unprotected branch?), and check "
    "that its account has the rights `applications, get` and `projects, get`"
)
#: The hints of symptoms, by their names. If the problem or its cause code has a hint, that takes precedence. In each
#: hint of this module, ``ApplicationResult.cause`` replaces ``{application}`` by the name of the application.
SYMPTOM_HINTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "DENIED": "check the name in <ARGOCD_APP_NAME>, because Argo CD also denies access to an application that does "
        f"not exist. If the name is right, {_CHECK_ACCOUNT}",
        "DENIED_MIDWAY": _CHECK_ACCOUNT,
        "REFUSED": "fix the error that Argo CD returns instead of the application. For example, the project does "
        "not exist, or does not allow the application's sources, destination or namespace",
        "UNREADABLE": "check which argocd is on the PATH: it must be the CLI itself, or a wrapper that does not "
        "change the CLI's output",
        "MISSING_AT_START": "check <ARGOCD_APP_NAME>, and that <ARGOCD_SERVER> is the right Argo CD. If another "
        "application creates this one, set <RELEASE_APPEAR_TIMEOUT> to wait for it",
        "DELETED": "find out which user or controller deleted the application: Argo CD's audit log names the user. If "
        "the deletion was a mistake, create the application again when it is gone, then retry this GitLab job",
        "UNREACHABLE_AT_START": "check <ARGOCD_SERVER>, the network between this runner and Argo CD, and <ARGOCD_OPTS> "
        "(--grpc-web behind an HTTP proxy or ingress, --plaintext, --server-crt), then retry this GitLab job",
        "UNREACHABLE": "check that argocd-server and the network to it work, then retry this GitLab job",
        "CANNOT_COMPARE": "check that Argo CD's repo-server runs, and that Argo CD reaches git and the cluster, "
        "then retry this GitLab job",
        "CANNOT_HYDRATE": "check that Argo CD's commit-server and repo-server run and reach git, then retry this "
        "GitLab job, which makes Argo CD hydrate again",
        "HYDRATION_FAILED": "fix the error above. If it is in git, push a corrected commit. If it is in Argo CD itself "
        "(write access to the repository, the project's allowed sources), retry this GitLab job after the fix",
        "OPERATION_FAILED": "correct in git what the message names, and push. If the reason is outside git, fix it "
        "there, and sync again (argocd app sync {application}, or <RELEASE_SYNC=true>), because Argo CD does not "
        "repeat a failed sync by itself. Then retry this GitLab job",
        "ATTEMPTS_FAILED": "correct in git what the message names, and push. Argo CD first makes its remaining "
        "attempts with the failing commit. If you do not want to wait for them, end the running sync after the push "
        "(argocd app terminate-op {application}). If the reason is outside git, fix it there. If Argo CD has made its "
        "last attempt before your fix, sync again (argocd app sync {application}, or <RELEASE_SYNC=true>). Then retry "
        "this GitLab job",
        "HOOK_FAILED": "find the error in the program of the hook. Argo CD runs the hook again by itself, so check at "
        "once what this run has already changed. If the error is in git, push a corrected commit: Argo CD syncs it "
        "after its last attempt with the failing one. If it is outside git, fix it there. If Argo CD has made its "
        "last attempt before your fix, sync again (argocd app sync {application}, or <RELEASE_SYNC=true>). Then retry "
        "this GitLab job",
        "CONDITION": "correct the error in git, and push: until then, Argo CD applies nothing. If the reason is "
        "outside git, fix it there, and then just retry this GitLab job",
        "SYNC_REFUSED": "fix what Argo CD names as the reason, then retry this GitLab job",
        "OUT_OF_REACH": "check the branch that Argo CD tracks. If a later commit reverts or replaces the expected "
        "one, a retry does not help: revert that commit, or release the later one",
        "STUCK": "take the step named above: Argo CD does not change this state by itself",
        "PODS": "find the reason in the log and the events of the pod. If it is in git, push a corrected commit; "
        "otherwise retry this GitLab job after the fix, because Kubernetes keeps trying to start the pod",
        "DEGRADED": "find the reason in the message, the events and the logs of the Degraded resource. If it is in "
        "git, push a corrected commit; otherwise retry this GitLab job after the fix",
        "HEALTH_UNREADABLE": "find out why Argo CD's health check cannot read the resource. Its operator must run "
        "and write a status, or the health check (resource.customizations.health) must accept a missing field",
        "EMPTY": "correct the application's source path, or the files in it: Argo CD skips files without "
        "apiVersion, kind and metadata",
    }
)
#: The hints by cause code. If a cause has no hint, the job shows the hint of the symptom instead.
HINTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "proxy": "check <RELEASE_PROXY>, and that the proxy allows the address in <ARGOCD_SERVER>; then retry this "
        "GitLab job",
        "path-missing": "create the path in git, or correct the application's source path in Argo CD",
        "spec-invalid": "correct the application's project, sources or destination as the message says",
        "sync-failed": "fix the error above. If it is in git, push a corrected commit; otherwise sync again "
        "(argocd app sync {application}, or <RELEASE_SYNC=true>), and retry this GitLab job",
        "sync-given-up": "fix the error above. If it is in git, push a corrected commit; otherwise sync again (argocd "
        "app sync {application}, or <RELEASE_SYNC=true>), because Argo CD does not try this revision again by itself, "
        "and retry this GitLab job",
        "hook-failed": "find the error in the program of the hook. Check what this run has already changed, because "
        "the next sync runs the hook again. If the error is in git, push a corrected commit; otherwise sync again "
        "after the fix (argocd app sync {application}, or <RELEASE_SYNC=true>), and retry this GitLab job",
        "image-pull": "if the name of the image is right, push the image or let the cluster pull it "
        "(imagePullSecrets). Kubernetes tries again by itself, so then just retry this GitLab job. Otherwise correct "
        "the name in git, and push",
        "container-config": "create what the message names (Secret, ConfigMap, key, mount), then just retry this "
        "GitLab job, because Kubernetes tries again by itself; or correct its name in git, and push",
        "oom-killed": "raise the memory limit in git, or let the program use less memory, and push",
        "volume-not-mounted": "create what the message names (Secret, ConfigMap, claim), then just retry this GitLab "
        "job, because Kubernetes tries again by itself; or correct the volume in git, and push",
        "probe-failed": "find out why the program fails its probe. If it needs something outside git, such as a "
        "database, fix that and retry this GitLab job; otherwise correct the program or its probe (path, port, delay, "
        "timeout), and push",
        "unschedulable": "make room in the cluster, then just retry this GitLab job: Kubernetes starts the pod by "
        "itself as soon as there is room. Or change in git what the pod asks for (requests, node selector, "
        "tolerations, volumes), and push",
        "rollout-blocked": "delete the broken pod: Kubernetes replaces the pods of a StatefulSet in order and waits "
        "for this one. Then retry this GitLab job",
        "job-deadline": "find out what the Job waits for, or raise its activeDeadlineSeconds in git. A Job that has "
        "failed does not start again: delete it. Then push, or sync again and retry this GitLab job",
        "job-failed": "fix the error in the Job's log. A Job that has failed does not start again: delete it. Then "
        "push the correction or, if the error is outside git, sync again and retry this GitLab job",
        "quota": "compare the quota in the message with what this commit requests. Raise the quota or free a part of "
        "it: Kubernetes then creates the pods by itself, so then just retry this GitLab job. Or request less in git, "
        "and push",
        "webhook-failed": "check that the pods of the webhook run. As soon as the webhook responds, Kubernetes creates "
        "the missing pods of the release by itself, so then just retry this GitLab job",
        "admission-denied": "change the object in git so that it obeys the rule that the message names, and push",
        "service-account-missing": "create the service account: Kubernetes then creates the pods by itself, so then "
        "just retry this GitLab job. Or correct its name in git, and push",
        "no-pods": "fix the problem that the message names. Kubernetes then creates the pods by itself, so then just "
        "retry this GitLab job",
        "deletion-pending": "find out what the finalizer waits for, and let its controller finish; remove a "
        "finalizer by hand only if its controller is gone for good. Then retry this GitLab job",
        "prune-false": "if you do not need the resource, delete it by hand; if it must stay, give it the annotation "
        "argocd.argoproj.io/compare-options: IgnoreExtraneous, so that it no longer counts as OutOfSync",
        "shared-resource": "let only one application manage the resource: rename it in one of them, or remove it from "
        "one of them. Before you do so, turn off pruning in that application, because pruning deletes the resource in "
        "the cluster for both applications",
        "not-kept": "find the field that differs (argocd app diff {application}). If the API server drops, rounds or "
        "defaults it, write it in git as the cluster has it, or add it to ignoreDifferences. If its value differs "
        "in each render, such as a random password of a Helm chart, give it a fixed value",
        "overwritten": "leave the field to that controller: remove it from git, or add it to ignoreDifferences "
        "in the application's spec",
        "out-of-sync": "find out who has changed the resource (argocd app diff {application}, kubectl get "
        "--show-managed-fields). If it was a person, sync again (argocd app sync {application}), which undoes the "
        "change, and retry this GitLab job; if it is a controller, add the field to ignoreDifferences",
        "other-image": "check that the commit that Argo CD has synced names this image. If not, look at the job "
        "that writes the image into git: its branch, its path, and whether it runs before this job",
        "other-chart-version": "check that the application's targetRevision allows this version, and that the chart "
        "was published before this job",
        "no-such-source": "set <RELEASE_SOURCE> to one of the sources that the message names",
        "no-such-resource": "correct <RELEASE_RESOURCES>: a pattern is GROUP:KIND:NAME, such as apps:Deployment:web",
    }
)
#: The next step after the user has removed the reason for which the API server rejected an object in a sync.
THEN_SYNC_AGAIN: Final = (
    "then wait for Argo CD's next attempt or, if it has made its last attempt, sync again (argocd app sync "
    "{application}, or <RELEASE_SYNC=true>), and then retry this GitLab job"
)
#: The hints for an object that the API server rejects during a sync, by cause code. Argo CD must sync again, because
#: Kubernetes does not create such an object by itself.
REJECTION_HINTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "quota": "compare the quota in the message with what this commit requests. Raise the quota or free a part of "
        f"it, {THEN_SYNC_AGAIN}; or request less in git, and push",
        "service-account-missing": f"create the service account, {THEN_SYNC_AGAIN}; or correct its name in git, and "
        "push",
        "webhook-failed": f"check that the pods of the webhook run, {THEN_SYNC_AGAIN}",
    }
)
#: The next step after the user has removed the reason for which Kubernetes could not create the pods.
THEN_RETRY_PODS: Final = "then just retry this GitLab job, because Kubernetes creates the pods by itself"
QUOTA_ZERO: Final = Message(
    "",
    'raise the limit of the quota "{quota}", or ask its owner to do so: it allows {limited}, but this release needs '
    "{requested}; {then}. Deleting other objects or changing the requests in git does not help",
)
QUOTA_SMALL: Final = Message(
    "",
    'raise the limit of the quota "{quota}", or ask its owner to do so: it allows {limited}, but one object of this '
    "release requests {requested}; {then}. Or request less in git, and push. Deleting other objects does not help",
)
#: The hints at the timeout, by cause code: only here can more time be the solution.
TIMEOUT_HINTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "unhealthy": "find out what the resource waits for: its events and the log of its pods. If it only needs "
        "more time, raise <RELEASE_TIMEOUT>",
        "not-compared": "check that Argo CD's application controller runs. If it is only busy, raise <RELEASE_TIMEOUT>",
        "not-hydrated": "check that Argo CD's source hydrator is on, and that its commit-server runs. If it only "
        "needs more time, raise <RELEASE_TIMEOUT>",
        "owner-pending": "sync the parent application, or find out why it is not synced, and fix that. If Argo CD is "
        "only busy, raise <RELEASE_TIMEOUT>",
        "other-image": "check that the commit that Argo CD has synced names this image. If pods with this image are "
        "only slow to start, raise <RELEASE_TIMEOUT>",
        "other-revision": "check that the commit is on the branch that Argo CD tracks, and that Argo CD can read its "
        "repository. If the commit only arrives late, raise <RELEASE_TIMEOUT>",
        "other-chart-version": "check that the application's targetRevision allows this version. If the chart is "
        "only published late, raise <RELEASE_TIMEOUT>",
        "sync-running": "find out what the sync waits for: a hook, or a resource that does not become healthy. If "
        "it only needs more time, raise <RELEASE_TIMEOUT>",
        "sync-window": "retry this GitLab job when the sync window allows a sync, or let an administrator sync",
        "no-sync-policy": "sync the application (argocd app sync {application}, or <RELEASE_SYNC=true>) or give it an "
        "automated sync policy, and retry this GitLab job",
        "out-of-sync": "find out in Argo CD why it has not synced yet. If it is only busy, raise <RELEASE_TIMEOUT>",
        "no-address": "find out which controller assigns the address, and check that it runs. If it only needs more "
        "time, raise <RELEASE_TIMEOUT>",
        "no-volume": "check that the storage class exists, and that its provisioner runs. If it only needs more "
        "time, raise <RELEASE_TIMEOUT>",
        "rollout-paused": "let the job wait until the Argo Rollout continues by itself: raise <RELEASE_TIMEOUT> to "
        "the duration of all its steps",
    }
)
#: The hints of outages, by their kinds. ``{target}`` is one of ``OUTAGE_TARGETS``.
OUTAGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "UNREACHABLE": "check that Argo CD reaches {target}, then retry this GitLab job",
        "OVERLOADED": "retry this GitLab job later. Argo CD cannot read {target}, because a server limits the number "
        "of requests, or because a component of Argo CD has too little memory. If this happens often, give Argo CD "
        "credentials for that server, or give the component that the message names more memory",
        "CREDENTIAL": "renew Argo CD's credential for the cluster (the cluster's Secret, or argocd cluster add), "
        "then retry this GitLab job",
        "CERTIFICATE": "renew the certificate of {target}, or add its CA certificate to Argo CD, then retry this "
        "GitLab job",
        "WEBHOOK": "check that the pods of the webhook run, because Argo CD cannot read the cluster without the "
        "webhook; then retry this GitLab job",
        "DISK_FULL": "free space on the full disk of Argo CD or of the cluster, then retry this GitLab job",
    }
)
#: The targets that Argo CD does not reach, by the name of the ``Speaker`` that wrote the error.
OUTAGE_TARGETS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ARGO_CD": "its own components and git",
        "RENDERER": "a remote file from which the manifests are rendered",
        "GIT": "git",
        "REGISTRY": "the chart repository",
        "CLUSTER": "the cluster",
    }
)
CACHED_ERROR: Final = (
    "remove the cause, then ask for a hard refresh (argocd app get {application} --hard-refresh) or push a new commit. "
    "Otherwise, Argo CD returns the cached error for up to an hour"
)
SUPERSEDED: Final = "fix the later commit that is named above: it contains the expected one, which was synced before"


# The objects of a release.
STATE: Final = Message("{subject}: {state}")
WITH_QUOTE: Final = Message('{message} — "{quote}"')
WITH_REASON: Final = Message("{message} — {reason}")
CONTAINER: Final = Message("container {name}")
INIT_CONTAINER: Final = Message("init container {name}")
NO_PODS: Final = "no pod can be created"
NOT_READY: Final = "Running, but not ready"
WITH_LOG_LINE: Final = Message('{message}; the program\'s log says "{line}"')
OOM_KILLED: Final = Message("{status} (OOMKilled)")
EXIT_CODE: Final = Message("exit code {exit_code}")
UNSCHEDULABLE: Final = "Pending, the scheduler finds no node for it"
HEALTH_UNREADABLE: Final = "Argo CD cannot read its health"
PREVIOUS_REVISION: Final = Message("{message} (of the previous revision)")
FIX_PROGRAM_BY_LOG: Final = (
    "fix the error in the program's log. If it is in git, push a corrected commit. If it is outside git, such as a "
    "missing secret or a database that does not run, fix it there, and then just retry this GitLab job: Kubernetes "
    "starts the container again by itself"
)
PROBE_BY_LOG: Final = (
    "read the program's log before you change the probe. If the log names an error, such as a database that does not "
    "respond, fix that error. If it is in git, push a corrected commit; if it is outside git, fix it there, and then "
    "just retry this GitLab job, because Kubernetes repeats the probe by itself. If the log shows that the program "
    "works, correct its probe in git (path, port, delay, timeout), and push"
)
FIX_PROGRAM_WITHOUT_LOG: Final = (
    "find out why the program ends without a log: check its command, arguments, settings and secrets. If the reason is "
    "in git, push a corrected commit; otherwise just retry this GitLab job after the fix, because Kubernetes starts "
    "the container again by itself"
)
MANIFEST_UNREADABLE: Final = Message(
    "{type}: {message}", 'correct "{file}" in git, which is not valid YAML or JSON, and push'
)
CONDITION: Final = Message("{type}: {message}")

# The evidence that could not be collected.
INCOMPLETE: Final = Message("the pods, events and logs shown here are incomplete: {reason}")
CUT_SHORT: Final = Message("the search was stopped before its end, after at most {seconds} s")
NOT_SHOWN: Final = Message("cannot show {what}: {reason}")
NOT_ALLOWED: Final = Message("{note}. To allow this, add this rule to Argo CD's policy: {rule}")
PODS_AND_EVENTS: Final = "the pods and events"
EVENTS: Final = Message("the events of {subject}")
OBJECT_STATE: Final = Message("the state of {subject}")
LOGS: Final = "the logs of pods"
MANIFESTS: Final = "the live manifests of resources"
NO_WARNINGS: Final = Message("Kubernetes has no event of type Warning about {pod}")
NO_LOG_NOT_STARTED: Final = Message("{pod} has no log: its container {container} has not started")
NO_LOG_NOT_SCHEDULED: Final = Message("{pod} has no log: none of its containers has started")
NO_LOG_UNKNOWN: Final = Message("{pod}: no log, because the state of its containers is unknown")
NO_LOG_GONE: Final = Message("{pod} has no log: Argo CD deleted the pod before this job could read its log")
NO_LOG_EMPTY: Final = Message("{pod} has no log: its container {container} has printed nothing")
