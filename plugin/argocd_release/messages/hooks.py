"""The texts about hooks of a sync that fail, wait or are gone."""

from typing import Final

from argocd_release.messages import Message

HOOK: Final = Message("{hook_type} hook {message}")
FIX_HOOK: Final = "fix the program of the hook"
FIX_HOOK_BY_LOG: Final = "fix the error in the hook's log"
FIX_HOOK_DEADLINE: Final = "find out what the hook waits for, or raise its activeDeadlineSeconds"
HOOK_WAITS: Final = Message(
    "",
    "find out what the hook waits for, in its log and its events. If it only needs more time, raise <RELEASE_TIMEOUT>; "
    "to stop it, end the sync (argocd app terminate-op {application}), which kills the hook",
)
HOOK_NOT_BEGUN: Final = Message(
    "",
    "find out why the pod does not start (kubectl describe pod {pod} -n {namespace}). None of its containers has "
    "started, so this run of the hook has changed nothing yet. If the reason is outside git, fix it there: as soon as "
    "the pod starts, Argo CD continues by itself; then retry this GitLab job. If it is in git, push a corrected "
    "commit. If the pod still has not started then, end the sync (argocd app terminate-op {application}), because Argo "
    "CD does not sync the new commit before this sync has ended",
)
RUNS_AGAIN: Final = Message(
    "",
    "{fix}. The next sync runs the hook again, so check what this run has already changed. If the error is in git, "
    "push a corrected commit; otherwise sync again after the fix (argocd app sync {application}, or "
    "<RELEASE_SYNC=true>), and retry this GitLab job",
)
RETRIED: Final = Message(
    "",
    "{fix}. Argo CD runs the hook again by itself, so check at once what this run has already changed. If the error is "
    "in git, push a corrected commit: Argo CD syncs it after its last attempt with the failing one, or as soon as you "
    "end the sync (argocd app terminate-op {application}), which kills a running hook. If the error is outside git, "
    "fix it there. If Argo CD has made its last attempt before your fix, sync again (argocd app sync {application}, or "
    "<RELEASE_SYNC=true>). Then retry this GitLab job",
)
REVISION_APPLIED: Final = Message(
    "",
    "{fix}. If the error is in git, push a corrected commit; otherwise sync again after the fix (argocd app sync "
    "{application}, or <RELEASE_SYNC=true>), and retry this GitLab job. Argo CD has already applied the rest of the "
    "revision",
)
HOOK_SUSPENDED: Final = Message(
    "{subject}: suspended (spec.suspend), so it starts no pod",
    "remove spec.suspend from the Job in git, and push. Then end the sync that waits for the Job (argocd app "
    "terminate-op {application}), because Argo CD does not sync the new commit before this sync has ended",
)
HOOK_GONE: Final = Message(
    "{hook_type} hook {hook}: the sync waits for it, but it is gone from the cluster",
    "find out what deleted the hook before Argo CD saw it end: its ttlSecondsAfterFinished, or a user. Remove the TTL "
    "and let argocd.argoproj.io/hook-delete-policy delete the hook. Check what the hook has already changed, because "
    "the next sync runs it again. Then end the sync (argocd app terminate-op {application}), sync again, and retry "
    "this GitLab job",
)
HOOK_DELETED: Final = Message(
    "{hook_type} hook {hook}: the sync waits for it, but it is being deleted, and Kubernetes starts no new pod for it",
    "find out what deleted the hook while it ran: a user, or its ttlSecondsAfterFinished. Check what the hook has "
    "already changed, because the next sync runs it again. Then end the sync (argocd app terminate-op "
    "{application}), sync again, and retry this GitLab job",
)
