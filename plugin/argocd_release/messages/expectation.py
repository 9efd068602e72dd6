"""The texts about the expectation of a release, and about the resources and owners that it waits for."""

from typing import Final

from argocd_release.messages import Message

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
REVERTED: Final = Message("{reason}: {commit} reverts it")
FILES_REVERTED: Final = Message("{reason}: a later commit restored the earlier state of the files")
OLDER: Final = Message("{reason}, which is {commits} newer and has not arrived yet")
DIVERGED: Final = Message("{reason}: the two have diverged, and neither contains the other")
WITH_NOTES: Final = Message("{reason} ({notes})")
LATER: Final = Message("{revision}, {commits} later")
DELIVERED_BY: Final = Message("{revision} was delivered via {later}")
NO_CHART: Final = "the application has no source that is a Helm chart"
OTHER_CHART_VERSION: Final = Message("the chart's version is {versions}, not {expected}")
VERSION_UNKNOWN: Final = "not known yet"

# The image.
PODS_UNSEEN: Final = "Argo CD has not shown the pods yet"
OTHER_IMAGE: Final = Message("no pod runs the image {image}; running: {running}{explanation}")
OTHER_IMAGE_EXISTS: Final = Message("no pod runs the image {image}; pods exist with: {images}")
IMAGE_UNPROVEN: Final = Message("pods of {images} exist, but only Argo CD's HTTP API shows which of them run")
IMAGE_CAVEAT: Final = Message("not proven: pods of {image} exist, but only Argo CD's HTTP API shows which pods serve")
AND_MORE: Final = Message("{images} and {count} more")
NONE: Final = "none"
WILL_RUN: Final = Message("{resource} will run {images} {due}")
EXPLANATION: Final = Message("; {text}")
ON_DELETE: Final = Message(
    "; running in the previous revision: {images}; {resource} replaces a pod only after you delete it (update "
    "strategy OnDelete)"
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
    "{resource} has no address of a load balancer yet",
    "check that a controller in the cluster assigns addresses (a cloud's controller, MetalLB) and has some left; or "
    "make the Service a ClusterIP behind an Ingress",
)
NO_VOLUME: Final = Message(
    "{resource} has no volume yet",
    "check that its storage class exists and that its provisioner runs (kubectl describe pvc)",
)
NAME_STORAGE_CLASS: Final = (
    "set spec.storageClassName, or make one of the cluster's storage classes the default; push again"
)
CORRECT_STORAGE_CLASS: Final = "correct spec.storageClassName, or create that storage class (kubectl get storageclass)"
NO_CONSUMER: Final = (
    "put the claim and the pod that uses it into the same sync wave, and push again: the storage class provides a "
    "volume only for a pod, and no pod uses the claim yet"
)

# The source hydrator.
HYDRATING: Final = "Argo CD is hydrating: it renders the dry commit, and pushes the result"
DRY_COMMIT_UNREAD: Final = "Argo CD has not read the dry commit yet"
HYDRATION_NOT_BEGUN: Final = (
    "Argo CD has hydrated nothing yet; its source hydrator can be off (controller.hydrator.enabled), or busy"
)
HYDRATED_UNCOMPARED: Final = Message("Argo CD has not compared with the hydrated commit {revision} yet")
HYDRATION_FAILED: Final = Message("hydration failed: {reason}")
HYDRATION_OF_FAILED: Final = Message("hydration of {revision} failed: {reason}")

# Argo Rollouts.
ROLLOUT: Final = Message("{rollout}: {state}")
AT_STEP: Final = Message("at step {step} of {steps}")
AFTER_STEPS: Final = Message("after step {steps}")
WITH_WEIGHT: Final = Message("{where}, weight {weight} %")
ABORTED: Final = Message(
    "aborted",
    "fix the cause and push again, or try the same revision again: kubectl argo rollouts retry rollout {rollout}",
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
CHILDREN_PENDING: Final = Message("children of this application come from {owner}: {detail}")
CHILDREN_CAVEAT: Final = Message(
    "proven only for the application's own source, because children of this application come from {owner}, and {detail}"
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
