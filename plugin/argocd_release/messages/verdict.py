"""The reasons of verdicts, about the state, the expectation, groups and the history, and hints for one reason only."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from argocd_release.messages import Message

# The decision.

CONFIRMING: Final = "confirming"
MUST_STAY: Final = Message(
    "ready at {ready} s, and must stay ready until {until} s",
    "raise <RELEASE_TIMEOUT>, or lower <RELEASE_STABLE_FOR>",
)
NOT_STABLE: Final = Message(
    "ready at {ready} s, but not any more at {left} s: {message}",
    "find out why the release did not stay ready. If the reason is in git, push a corrected commit; otherwise retry "
    "this GitLab job after the fix. If the change was expected, such as a restart for new certificates, just retry",
)
RESTARTED: Final = Message("{pod} has restarted ({restarts})")
DELIVERED: Final = Message("{sync} and {health}")
NO_RESPONSE: Final = "Argo CD did not respond"
REFUSES: Final = "Argo CD refuses"
OUTPUT_UNREADABLE: Final = "argocd's output cannot be read"
LOOK_FAILED: Final = Message("{what}: {message}")
FAILED_WITHIN: Final = Message("{reason} (at the end of the timeout, after {seconds} s)")
TIMED_OUT: Final = Message(
    "not delivered within {seconds} s: {reason}",
    "fix the cause above. If it is in git, push a corrected commit; otherwise retry this GitLab job after the fix",
)
MORE_TIME: Final = "find out why Argo CD took so long. If it was only busy, raise <RELEASE_TIMEOUT>"
SUPERSEDED: Final = Message("{expected} was synced, but {later} took its place and fails: {reason}")
OF_LATER_REVISION: Final = Message("{reason} (the failing revision is {later} than {expected}, and contains it)")
DELETED_WHILE_TRACKED: Final = "the application was deleted while it was tracked"
AND_MORE: Final = Message("{message} (and {count} more like it)")
WITH_STATUS: Final = Message("{status}: {message}")

# The comparison.

NOT_COMPARED: Final = Message(
    "Argo CD has not compared the application with git since this job began; its application controller may be down "
    "or busy"
)
NOT_COMPARED_AFTER_SYNC: Final = Message("Argo CD has not compared the application with git since the sync finished")
SKIPPED: Final = Message(
    "the application's annotation argocd.argoproj.io/skip-reconcile keeps Argo CD from comparing and syncing it",
    "remove the annotation; until then Argo CD does nothing for this application",
)
SPEC_CHANGED: Final = Message(
    "the application's own spec has changed, and Argo CD has not compared the cluster with the new spec yet"
)
EMPTY: Final = Message("the application manages no resources")
DELETING: Final = Message("the application is being deleted")
CANNOT_COMPARE: Final = Message("Argo CD cannot compare: {condition}")
RESTARTS_UNSEEN: Final = "not proven: no container has restarted, because the job could not read the pods"
DRY_SOURCE_UNPROVEN: Final = (
    "not proven: Argo CD does not show whether it has read the latest commit of the dry repository"
)

# The operation.

SYNC_STARTS: Final = Message("a sync is about to start")
DRY_RUN_RUNS: Final = Message("a dry run is running")
SYNC_RUNS: Final = Message("sync is running")
SYNC_RUNS_BECAUSE: Final = Message("sync is running: {message}")
SYNC_BLOCKED: Final = Message(
    "a sync window has begun, so Argo CD does not continue the sync that is running",
    "retry this GitLab job when the sync window allows a sync: Argo CD then continues this sync by itself. To release "
    "earlier, ask the owner of the Argo CD project to change the window",
)
PRUNE_UNCONFIRMED: Final = Message(
    "sync is running: {message}",
    "check which resources this sync deletes. If that is right, confirm it (argocd app confirm-deletion {application}, "
    "or the button “Confirm Pruning” in Argo CD); otherwise restore the resource in git, and push",
)
SYNC_FAILED: Final = Message("sync {phase}: {cause}")
ATTEMPT_FAILED: Final = Message("sync attempt {number} failed, and Argo CD will retry: {cause}")
LAST_SYNC: Final = Message(
    " (this was the last sync, of {revisions}; Argo CD has nothing new to sync by itself, so sync again: argocd app "
    "sync, or <RELEASE_SYNC=true>)"
)
OTHER_PARAMETERS: Final = "other parameters"
ATTEMPTS: Final = Message(
    " ({attempts} so far; Argo CD still retries)",
    "correct in git what the message names, and push: the next attempt takes the latest commit of the branch. If the "
    "reason is outside git, fix it there, and then retry this GitLab job. If Argo CD has made its last attempt by "
    "then, first sync again (argocd app sync {application}, or <RELEASE_SYNC=true>)",
)
ATTEMPTS_WAITING: Final = Message(" ({attempts} so far; Argo CD still retries, and waits for {event})")
SYNC_TERMINATED: Final = Message(
    "the sync was ended by hand (argocd app terminate-op)",
    "find out who ended the sync, and why. Then sync again (argocd app sync {application}, or <RELEASE_SYNC=true>), "
    "and retry this GitLab job. A new commit is not necessary",
)
OTHER_SYNC: Final = Message(
    "Argo CD is still busy with a sync of {revisions}, which is not the compared revision{waits}",
    "find out who started that sync. If it is not needed, end it (argocd app terminate-op {application}), which also "
    "kills its hooks: Argo CD then syncs this revision",
)
OLD_SYNC: Final = Message(
    "Argo CD is still busy with the sync of {revisions}, which is earlier than this revision{waits}",
    "find out what that sync waits for. If it cannot finish, end it (argocd app terminate-op {application}), which "
    "also kills its hooks: Argo CD then syncs this revision. With <RELEASE_TERMINATE_OLD_SYNC=true>, each release ends "
    "such a sync by itself",
)
DRY_RUN_HIDES: Final = Message(
    "the last operation was a dry run, which hides whether the sync before it succeeded; sync again (argocd app sync, "
    "or <RELEASE_SYNC=true>)"
)
FULL_SYNC_UNPROVEN: Final = (
    "not proven: a user has synced only some resources, so Argo CD does not show whether the hooks of this revision "
    "succeeded"
)
HEALS_AFTER_SYNC: Final = Message(
    "",
    "{remedy}, sync again (argocd app sync {application}, or <RELEASE_SYNC=true>), because Argo CD does not sync this "
    "revision again by itself, and then retry this GitLab job",
)
HEALS_WHILE_RETRYING: Final = Message(
    "",
    "{remedy}; a new commit is not necessary, because Argo CD retries the sync by itself for a while. If Argo CD has "
    "made its last attempt before your fix, sync again (argocd app sync {application}, or <RELEASE_SYNC=true>). Then "
    "retry this GitLab job. <RELEASE_HEALING_GRACE> sets how long the job waits for a retry to succeed",
)
#: The events after which a failed sync can succeed, and the remedies if they do not occur, by ``Healing`` member.
AWAITED: Final[Mapping[str, Message]] = MappingProxyType(
    {
        "WEBHOOK": Message("the admission webhook to respond", "check that the pods of the webhook run"),
        "TERMINATING": Message(
            "the deletion to end", "find out which finalizer holds the object that is being deleted"
        ),
        "KIND": Message(
            "a missing custom resource definition to be installed",
            "install the custom resource definition, or correct apiVersion and kind",
        ),
        "NAMESPACE": Message(
            "the namespace to be created", "create the namespace, or use the sync option CreateNamespace=true"
        ),
        "CONFLICT": Message(
            "another controller or user to stop changing the object",
            "find out which controller keeps changing the object",
        ),
        "NOT_READY": Message(
            "the cluster to prepare the namespace", "check that the cluster's kube-controller-manager runs"
        ),
        "OUTAGE": Message(
            "the cluster's API server or git to respond", "check that they run, and that Argo CD reaches them"
        ),
    }
)

# The sync status.

NOT_SYNCED: Final = Message("{revision} has not been synced yet{why}")
THIS_REVISION: Final = "this revision"
NOTHING_COMPARED: Final = "nothing compared yet"
REFUSED: Final = Message("Argo CD refuses to sync: {reason}")
WHY_REFUSED: Final = Message("; Argo CD refuses to sync: {reason}")
WHY_IMAGE_MISSING: Final = Message(
    "; the manifests in git do not name the expected image {image}, so this job does not sync them",
    "look at the job that writes the image into git: its branch, its path, and whether it runs before this job",
)
WHY_SYNC_WINDOW: Final = Message('; the sync windows of project "{project}" do not allow it now: {window}{outlook}')
WINDOW_OPENS: Final = Message("; the next sync by Argo CD itself is possible at {time}")
WINDOW_STAYS_CLOSED: Final = Message("; no sync by Argo CD itself is possible within the next {days} days")
SYNC_NOW: Final = Message(
    "sync now (argocd app sync {application}, or <RELEASE_SYNC=true>), because the window allows syncs by users"
)
RETRY_AT: Final = Message(
    "wait until {time}, when Argo CD syncs by itself, and retry this GitLab job a few minutes later"
)
ASK_FOR_EARLIER: Final = "ask the owner of the Argo CD project to allow a sync earlier"
ASK_FOR_CHANGE: Final = "ask the owner of the Argo CD project to change the sync window, because waiting does not help"
ASK_OWNER_WHEN: Final = (
    "ask the owner of the Argo CD project when the sync window allows a sync, and retry this GitLab job then"
)
SEVERAL_SOURCES: Final = Message(
    "",
    "sync the application (argocd app sync {application}, or <RELEASE_SYNC=true>), and retry this GitLab job. Before "
    "version 3.2, Argo CD does not sync an application with several sources by itself if it has found the commit "
    "during another sync, or if only the parameters have changed, unless selfHeal is on",
)
WHY_MANUAL: Final = (
    "; it has no automated sync policy, so a user or a job must sync it (argocd app sync, or <RELEASE_SYNC=true>)"
)
WHY_APPLICATION_SET: Final = Message(
    '; it has no automated sync policy: if its ApplicationSet "{name}" syncs step by step, wait for the step of this '
    "application (kubectl describe applicationset); otherwise, a user or a job must sync it (argocd app sync, or "
    "<RELEASE_SYNC=true>)",
    "find out if the ApplicationSet syncs step by step (kubectl describe applicationset {name}). If it does, an "
    "application of an earlier step is probably not Healthy: fix that one, and then retry this GitLab job, because a "
    "sync by hand skips the order of the steps. If it does not, sync the application (argocd app sync {application}, "
    "or <RELEASE_SYNC=true>), or give its template an automated sync policy",
)
WHY_GIVEN_UP: Final = Message("; Argo CD gave up: {message}")
WHY_SYNCED_ALREADY: Final = "; Argo CD has synced this revision already and does not sync it again"
RESOURCE_GONE: Final = Message(
    "; {resource} is gone from the cluster",
    "find out who deletes the resource. If it is a Job with ttlSecondsAfterFinished, make it a hook (annotation "
    "argocd.argoproj.io/hook), because Kubernetes deletes it after its end. Otherwise sync again (argocd app sync "
    "{application}, or <RELEASE_SYNC=true>), which creates the resource, and retry this GitLab job",
)
WHY_DRY_RUN_ALREADY: Final = "; Argo CD has made a dry run of this revision already and does not sync it again"
PRUNE_OFF: Final = Message(
    "{status}: {resources} is no longer in git, and pruning is off, so delete it, or sync with --prune",
    "if you do not need the resource, delete it or sync with --prune; set automated.prune to let Argo CD prune by "
    "itself from now on",
)
PENDING_DELETION: Final = Message("{resource} is being deleted, and a finalizer holds it")
PRUNE_FALSE: Final = Message("{resource} is no longer in git, and its annotation Prune=false keeps it")
SHARED: Final = Message('{resource} is also managed by the application "{application}"')
ANOTHER: Final = "another"

# The health.

HEALTH_UNREADABLE: Final = Message("Argo CD cannot read the health of a resource: {message}")


CRON_JOB_FAILED: Final = Message(
    "",
    "find out why the last run of the CronJob failed. It stays Degraded until a run succeeds: fix the error, start a "
    "run (kubectl create job --from=cronjob/{name} {name}-again -n {namespace}), and then retry this GitLab job. If "
    "the CronJob does not belong to the release, exclude it with <RELEASE_RESOURCES>: !batch:CronJob:{name}",
)

# The expectation in words.
REVISION: Final = Message("revision {revision}, or one that contains it")
EXACT_REVISION: Final = Message("revision {revision}")
IMAGE: Final = Message("image {image}")
CHART_VERSION: Final = Message("chart version {version}")
SOURCE: Final = Message("source {source}")

# The revision.
NO_SUCH_SOURCE: Final = Message("the application has no source {source!r}; its sources are {sources}")
NUMBERED_SOURCE: Final = Message("{number}: {source}")
OTHER_REVISION: Final = Message("Argo CD compares with {compared}, not with {expected}")
NO_REVISION: Final = "no revision"
REVERTED: Final = Message("{reason}: {commit} reverts the expected revision")
FILES_REVERTED: Final = Message("{reason}: a later commit restored the earlier state of the files")
OLDER: Final = Message("{reason}, which is {commits} newer and has not arrived yet")
DIVERGED: Final = Message("{reason}: the two revisions have diverged, and neither contains the other")
WITH_NOTES: Final = Message("{reason} ({notes})")
LATER: Final = Message("{revision}, {commits} later")
DELIVERED_BY: Final = Message("{revision} was delivered via {later}")
NO_CHART: Final = "the application has no source that is a Helm chart"
OTHER_CHART_VERSION: Final = Message("the chart's version is {versions}, not {expected}")
VERSION_UNKNOWN: Final = "not known yet"

# The image.
PODS_UNSEEN: Final = "Argo CD has not shown the pods yet"
OTHER_IMAGE: Final = Message("no pod runs the image {image}; running: {running}{explanation}")
IMAGE_OF_CHILD: Final = Message(
    "no pod runs the image {image}: this application has no pods, only child applications such as {child}",
    "expect the image of the child application that runs it: name that application in <ARGOCD_APP_NAME> or, together "
    "with its image, in the file that <RELEASE_EXPECTATIONS> names",
)
OTHER_IMAGE_EXISTS: Final = Message("no pod runs the image {image}; pods exist with: {images}")
IMAGE_UNPROVEN: Final = Message(
    "pods with {images} exist, but this job cannot tell which of them run: only Argo CD's HTTP API shows it"
)
IMAGE_CAVEAT: Final = Message(
    "not proven: pods with {image} exist, but this job cannot tell whether they serve: only Argo CD's HTTP API shows it"
)
KEPT_PODS: Final = Message(
    "not all pods are updated: an update strategy (OnDelete or a partition) keeps ready pods of the previous revision, "
    "which run {images}"
)
NONE: Final = "none"
WILL_RUN: Final = Message("{resource} will run {images} {due}")
EXPLANATION: Final = Message("; {text}")
ON_DELETE: Final = Message(
    "; pods of the previous revision still run {images}: {resource} replaces a pod only after you delete it (update "
    "strategy OnDelete)",
    "delete the pods of {resource} one by one, and wait until each successor is ready; then retry this GitLab job",
)
PARTITION: Final = Message(
    "; pods of the previous revision still run {images}: the partition of {resource} keeps all pods from being updated",
    "lower spec.updateStrategy.rollingUpdate.partition of {resource} in git, and push. If the partition is right, let "
    "the job expect the revision instead of the image",
)
DUE_AT_START: Final = "at its next start"
DUE_WHEN_RESUMED: Final = "at its next start, but is suspended now"
DUE_SUSPENDED_JOB: Final = "when it is resumed (it is suspended now)"
DUE_WITH_NODE: Final = "once a node fits it"
DUE_WITH_REPLICAS: Final = "once it is scaled up from 0 replicas"

# Resources that are not ready yet.
NO_ADDRESS: Final = Message(
    "{resource} has no address yet",
    "check that a controller of its class runs and writes the address (spec.ingressClassName; kubectl get "
    "ingressclass). If no controller ever does, give Ingress a health check of your own in argocd-cm",
)
NO_LOAD_BALANCER: Final = Message(
    "{resource} has no load balancer address yet",
    "check that a controller in the cluster assigns addresses (a cloud's controller, MetalLB) and has free addresses "
    "left; or make the Service a ClusterIP behind an Ingress",
)
NO_VOLUME: Final = Message(
    "{resource} has no volume yet",
    "check that its storage class exists and that its provisioner runs (kubectl describe pvc)",
)
NAME_STORAGE_CLASS: Final = (
    "set spec.storageClassName in git, and push; or make one of the cluster's storage classes the default"
)
CORRECT_STORAGE_CLASS: Final = (
    "create that storage class (kubectl get storageclass lists the others); or correct spec.storageClassName in git, "
    "delete the claim, which has no volume yet, and push"
)
NO_CONSUMER: Final = (
    "put the claim and the pod that uses it into the same sync wave, and push: the storage class provides a "
    "volume only for a pod, and no pod uses the claim yet"
)

# The source hydrator.
HYDRATING: Final = "Argo CD is hydrating: it renders the dry commit, and pushes the result"
DRY_COMMIT_UNREAD: Final = "Argo CD has not read the dry commit yet"
HYDRATION_NOT_BEGUN: Final = (
    "Argo CD has hydrated nothing yet; its source hydrator can be off (controller.hydrator.enabled), or busy"
)
HYDRATED_UNCOMPARED: Final = Message("Argo CD has not compared the cluster with the hydrated commit {revision} yet")
HYDRATION_FAILED: Final = Message("hydration failed: {reason}")
HYDRATION_OF_FAILED: Final = Message("hydration of {revision} failed: {reason}")

# Argo Rollouts.
ROLLOUT: Final = Message("{rollout}: {state}")
AT_STEP: Final = Message("at step {step} of {steps}")
AFTER_STEPS: Final = Message("after step {steps}")
WITH_WEIGHT: Final = Message("{where}, weight {weight} %")
ABORTED: Final = Message(
    "aborted",
    "fix the cause. If it is in git, push a corrected commit; otherwise try the same revision again: kubectl argo "
    "rollouts retry rollout {rollout}",
)
PAUSED: Final = Message("paused", "promote it (kubectl argo rollouts promote {rollout}), or abort it")
PAUSED_BEFORE_PROMOTION: Final = "paused before promotion"
RESUMES: Final = Message("{state}, and continues by itself")
PAUSED_BY_HAND: Final = Message("{state} by hand")
PAUSED_BY_ANALYSIS: Final = Message("{state} because an analysis was inconclusive")
ANALYSIS: Final = Message("AnalysisRun/{name}: {status}")
ROLLOUT_TARGET: Final = Message("{name} -n {namespace}")

# The owners of an application's spec.
OWNER_PENDING: Final = Message("the application's spec comes from {owner}: {detail}")
OWNER_CAVEAT: Final = Message("proven only for the application's own source: its spec comes from {owner}, and {detail}")
CHILDREN_PENDING: Final = Message("child applications of this application come from {owner}: {detail}")
CHILDREN_CAVEAT: Final = Message(
    "proven only for the application's own source, because its child applications come from {owner}, and {detail}"
)
SET_NOT_APPLIED: Final = "Argo CD has not made its applications yet"
OWNER_HIDDEN: Final = "this token cannot see it"
LABELLED_OWNER_HIDDEN: Final = "this token cannot see it (a label names it)"
OWNER_STRICT: Final = Message("{detail}, and <RELEASE_OWNER> is strict")
OWNER_NOT_COMPARED: Final = "Argo CD has not compared it since this job began"
OWNER_NOT_SHOWN: Final = "Argo CD has not returned it yet"
OWNER_UNPROVEN: Final = "Argo CD does not show whether its git generator has read this commit"
OWNER_OF_SET_UNPROVEN: Final = Message(
    "Argo CD does not show whether it has applied the last change that {owner} made to the ApplicationSet"
)
OWNER_ERROR: Final = Message("Argo CD cannot compare it ({condition}: {message})")
OWNER_BEHIND: Final = Message("it is {sync}, and Argo CD has not applied this application's spec to the cluster yet")


# The applications of a job.
COUNT: Final = Message(
    "expected {expected} matching {targets}, but found {found}",
    "check the selector, and that the token is allowed to see the applications. <RELEASE_APPEAR_TIMEOUT> sets how long "
    "the job waits for new ones",
)
COUNT_WITH_OUTCOMES: Final = Message("{reason}; outcomes of those found: {outcomes}")
AT_LEAST: Final = Message("at least {applications}")
NO_SHARE: Final = Message("no application belongs to job {job} of {jobs}: found {applications}")
STOPPED: Final = Message(
    "release status unknown: <RELEASE_ON_FAILURE> is set to stop, and {application} was not delivered"
)
SELECTOR: Final = Message("selector {selector}")
PROJECT: Final = Message("project {project}")
WITH_CHILDREN: Final = Message("{targets}, with their children")
SHARE: Final = Message("{targets}, share {job} of {jobs}")
READ_LATER: Final = Message("not read yet: {before} other applications are read first")
FIRST_READ_LATE: Final = "Argo CD did not respond to the first request in time"

# The spans of the timeline.
SYNC: Final = "sync"
SYNC_OF_EARLIER_REVISION: Final = "sync of an earlier revision"
ATTEMPT: Final = Message("{sync}, attempt {number}")

# The text that replaces a line in the log of a container.
LINE_TOO_LONG: Final = Message("… (a line of more than {megabytes} MiB is left out)")
