"""The reasons of verdicts, and the hints that belong to one reason only."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from argocd_release.messages import Message

# The decision.

CONFIRMING: Final = "confirming"
DELIVERED: Final = Message("{sync} and {health}")
NO_RESPONSE: Final = "Argo CD did not respond"
REFUSES: Final = "Argo CD refuses"
OUTPUT_UNREADABLE: Final = "argocd's output cannot be read"
LOOK_FAILED: Final = Message("{what}: {message}")
FAILED_WITHIN: Final = Message("{reason} (within {seconds} s)")
TIMED_OUT: Final = Message("not delivered within {seconds} s: {reason}", "fix what the release waits for")
TIMED_OUT_PASSING: Final = Message(
    TIMED_OUT.text, "fix what the release waits for, or raise <RELEASE_TIMEOUT> if it only needs more time"
)
SUPERSEDED: Final = Message("{expected} was synced, but {later} took its place and fails: {reason}")
OF_LATER_REVISION: Final = Message("{reason} (the failing revision is {later} than {expected}, and contains it)")
DELETED_WHILE_TRACKED: Final = "the application was deleted while it was tracked"
AND_MORE: Final = Message("{message} (and {count} more like it)")
NAMED_AND_MORE: Final = Message("{named} and {count} more")
WITH_STATUS: Final = Message("{status}: {message}")

# The comparison.

NOT_COMPARED: Final = Message(
    "Argo CD has not compared with git since this job began; its application controller may be down or busy"
)
NOT_COMPARED_AFTER_SYNC: Final = Message("Argo CD has not compared since the sync finished")
SKIPPED: Final = Message(
    "the application's annotation argocd.argoproj.io/skip-reconcile keeps Argo CD from comparing and syncing it",
    "remove the annotation; until then Argo CD does nothing for this application",
)
SPEC_CHANGED: Final = Message("the application's own spec has changed, and Argo CD has not compared with it yet")
EMPTY: Final = Message("the application manages no resources")
DELETING: Final = Message("the application is being deleted")
CANNOT_COMPARE: Final = Message("Argo CD cannot compare: {condition}")
DRY_SOURCE_UNPROVEN: Final = (
    "not proven: Argo CD does not show whether it has read the latest commit of the dry repository"
)

# The operation.

SYNC_STARTS: Final = Message("a sync is about to start")
DRY_RUN_RUNS: Final = Message("a dry run is running")
SYNC_RUNS: Final = Message("sync is running")
SYNC_RUNS_BECAUSE: Final = Message("sync is running: {message}")
SYNC_FAILED: Final = Message("sync {phase}: {cause}")
ATTEMPT_FAILED: Final = Message("sync attempt {number} failed, Argo CD will retry: {cause}")
LAST_SYNC: Final = Message(
    " (the last sync, of {revisions}; Argo CD has nothing new to sync, so sync again: argocd app sync, or "
    "<RELEASE_SYNC=true>)"
)
OTHER_PARAMETERS: Final = "other parameters"
ATTEMPTS: Final = Message(" ({attempts}, Argo CD still retries)")
ATTEMPTS_WAITING: Final = Message(" ({attempts}, Argo CD still retries, waiting for {event})")
SYNC_TERMINATED: Final = Message(
    "the sync was ended by hand (argocd app terminate-op)",
    "sync again: argocd app sync {application}, <RELEASE_SYNC=true>, or another commit",
)
OTHER_SYNC: Final = Message(
    "Argo CD is still busy with a sync of {revisions}, which is not the compared revision{waits}",
    "find out who started that sync. If it is not needed, end it (argocd app terminate-op {application}): Argo CD then "
    "syncs this revision",
)
OLD_SYNC: Final = Message(
    "Argo CD is still busy with the sync of {revisions}, a revision before this one{waits}",
    "end that sync (argocd app terminate-op {application}, or <RELEASE_TERMINATE_OLD_SYNC=true>): Argo CD then syncs "
    "this revision",
)
DRY_RUN_HIDES: Final = Message(
    "the last operation is a dry run, and hides whether the sync before it succeeded; sync again (argocd app sync, or "
    "<RELEASE_SYNC=true>)"
)
HEALS_AFTER_SYNC: Final = Message(
    "",
    "the failure can heal without a change in git, but Argo CD does not sync this revision again: {remedy}, then sync "
    "again (argocd app sync, or <RELEASE_SYNC=true>)",
)
HEALS_WHILE_RETRYING: Final = Message(
    "",
    "the manifests need no change: {remedy}; Argo CD retries by itself for a while, and <RELEASE_HEALING_GRACE> sets "
    "how long such a failure can last",
)
#: The events after which a failed sync can succeed, and the remedies if they do not occur, by ``Healing`` member.
AWAITED: Final[Mapping[str, Message]] = MappingProxyType(
    {
        "WEBHOOK": Message("the admission webhook to respond", "check that the webhook's own pods run"),
        "TERMINATING": Message(
            "the deletion to end", "find out which finalizer holds the object that is being deleted"
        ),
        "KIND": Message("its custom resource definition to be installed", "install it, or correct apiVersion and kind"),
        "NAMESPACE": Message("the namespace to be created", "create it, or use the sync option CreateNamespace=true"),
        "CONFLICT": Message(
            "another writer to leave the object alone", "find out which controller keeps changing the object"
        ),
        "NOT_READY": Message("the cluster to prepare the namespace", "check that its kube-controller-manager runs"),
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
WHY_SYNC_WINDOW: Final = Message("; a sync window of project {project} forbids it now: {window}")
WHY_MANUAL: Final = (
    "; it has no automated sync policy, so a user or a job must sync it (argocd app sync, or <RELEASE_SYNC=true>)"
)
WHY_APPLICATION_SET: Final = Message(
    "; it has no automated sync policy: if its ApplicationSet {name} syncs step by step, it waits for its step "
    "(kubectl describe applicationset); otherwise a user or a job must sync it (argocd app sync, or "
    "<RELEASE_SYNC=true>)"
)
WHY_GIVEN_UP: Final = Message("; Argo CD gave up: {message}")
WHY_SYNCED_ALREADY: Final = "; Argo CD has synced this revision already and does not sync it again"
WHY_DRY_RUN_ALREADY: Final = "; Argo CD has made a dry run of this revision already and does not sync it again"
PRUNE_OFF: Final = Message(
    "{status}: {resources} is no longer in git, and pruning is off: delete it, or sync with --prune",
    "if you do not need the resource, delete it or sync with --prune (automated.prune does so from now on); "
    "<RELEASE_STUCK_GRACE> sets how long such a state can last",
)
PENDING_DELETION: Final = Message("{resource} is being deleted, and a finalizer holds it")
PRUNE_FALSE: Final = Message("{resource} is no longer in git, and its annotation Prune=false keeps it")
SHARED: Final = Message("{resource} is also managed by application {application}")
ANOTHER: Final = "another"

# The health.

HEALTH_UNREADABLE: Final = Message("Argo CD cannot read the health of a resource: {message}")
