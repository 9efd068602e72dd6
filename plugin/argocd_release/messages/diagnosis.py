"""The texts of root causes: the state of an object, the reason that it reports, and the fix."""

from typing import Final

from argocd_release.messages import Message

# The objects of a release.
STATE: Final = Message("{subject}: {state}")
WITH_QUOTE: Final = Message('{message} — "{quote}"')
WITH_REASON: Final = Message("{message} — {reason}")
CONTAINER: Final = Message("container {name}")
INIT_CONTAINER: Final = Message("init container {name}")
NO_PODS: Final = "no pod can be created"
NOT_READY: Final = "Running, but not ready"
OOM_KILLED: Final = Message("{status} (OOMKilled)")
EXIT_CODE: Final = Message("exit code {exit_code}")
UNSCHEDULABLE: Final = "Pending, the scheduler finds no node for it"
HEALTH_UNREADABLE: Final = "Argo CD cannot read its health"
PREVIOUS_REVISION: Final = Message("{message} (of the previous revision)")
FIX_PROGRAM_BY_LOG_ABOVE: Final = (
    "fix the error in the program's log above, for example in its settings, secrets or connections; push again"
)
FIX_PROGRAM_BY_LOG: Final = (
    "fix the error in the program's log, for example in its settings, secrets or connections; push again"
)
MANIFEST_UNREADABLE: Final = Message("{type}: {message}", "correct {file}, which is not valid YAML or JSON; push again")
CONDITION: Final = Message("{type}: {message}")

# Hooks.
HOOK: Final = Message("{hook_type} hook {message}")
FIX_HOOK: Final = "fix the hook and push again"
FIX_HOOK_BY_LOG: Final = "fix the error in the hook's log and push again"
NOTHING_APPLIED: Final = Message("", "{fix}; Argo CD has applied nothing, so the cluster keeps its previous state")
REVISION_APPLIED: Final = Message("", "{fix}; Argo CD has applied the revision itself")
HOOK_SUSPENDED: Final = Message(
    "{subject}: suspended (spec.suspend), so it starts no pod", "remove spec.suspend from the Job; push again"
)
HOOK_GONE: Final = Message(
    "{hook_type} hook {hook}: the sync waits for it, but it is gone from the cluster",
    "find out what deleted the hook before Argo CD saw it end: its ttlSecondsAfterFinished, or a user. Remove the TTL "
    "and let argocd.argoproj.io/hook-delete-policy delete the hook; then end the sync (argocd app terminate-op "
    "{application}) and sync again",
)
HOOK_DELETED: Final = Message(
    "{hook_type} hook {hook}: the sync waits for it, but it is being deleted, and Kubernetes starts no new pod for it",
    "find out what deleted the hook while it ran: a user, or its ttlSecondsAfterFinished. Then end the sync "
    "(argocd app terminate-op {application}) and sync again",
)

# Resources that stay OutOfSync.
FINALIZER: Final = Message("{resource} is being deleted, and waits for its finalizers: {finalizers}")
CHANGED_BY_HAND: Final = Message(
    "{resource} was changed by hand after the sync ({manager})",
    "put the change into git, or sync again (argocd app sync {application} or <RELEASE_SYNC=true>); to undo such "
    "changes automatically, turn on selfHeal in the application's sync policy",
)
OVERWRITTEN: Final = Message("{manager} changes {resource} after each sync")

# The evidence that could not be collected.
INCOMPLETE: Final = Message("pods, events and logs are incomplete: {reason}")
CUT_SHORT: Final = Message("the search ended early, after at most {seconds} s")
NOT_SHOWN: Final = Message("cannot show {what}: {reason}")
NOT_ALLOWED: Final = Message("{note}. To allow it, add to Argo CD's policy: {rule}")
PODS_AND_EVENTS: Final = "the pods and events"
EVENTS: Final = Message("the events of {subject}")
OBJECT_STATE: Final = Message("the state of {subject}")
LOGS: Final = "the logs of pods"
NO_LOG_NOT_STARTED: Final = Message("{pod} has no log: its container {container} has not started")
NO_LOG_EMPTY: Final = Message("{pod} has no log: its container {container} has printed nothing")
