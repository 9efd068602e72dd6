"""The texts of the diff: what a merge request would change in the cluster."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from argocd_release.messages import Message

# Dangerous changes.
SUBJECT: Final = Message("{kind}/{name}")
PRUNED: Final = Message("{subject} would be deleted: it is no longer in git, and Argo CD prunes it")
PRUNED_WITH: Final = Message("{subject} would be deleted: it is no longer in git, and Argo CD prunes it. {loss}")
PRUNED_BY_HAND: Final = Message("{subject} is no longer in git: a sync with pruning would delete it")
#: The consequence of deleting an object, by the kind of the object.
LOSSES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "PersistentVolumeClaim": "Its data is lost, unless the reclaim policy of its volume is Retain",
        "PersistentVolume": "Its data is lost, unless its reclaim policy is Retain",
        "Namespace": "Kubernetes then deletes all objects in it",
        "CustomResourceDefinition": "Kubernetes then deletes all objects of its kind",
        "StatefulSet": "Kubernetes then deletes its pods",
    }
)
NOT_PRUNED: Final = Message(
    "{subject} is no longer in git: pruning is off, so it stays in the cluster, and the application stays OutOfSync"
)
IMMUTABLE: Final = Message("{subject}: Kubernetes does not allow a change of {fields}, so the sync would fail")
TO_ZERO: Final = Message("{subject} would be scaled from {before} to 0 replicas, so no pod of it would run")

# Secrets.
SECRET_KEY: Final = Message("data.{key}: [the key; values are not shown]")
SECRET_TYPE: Final = Message("type: {type}")
SECRETS: Final = Message(
    "{secrets}: Argo CD hides the values. If only values of a Secret change, the Secret counts as unchanged here: look "
    "for that in the changes of the merge request"
)
SECRETS_UNREAD: Final = Message("Secrets were not compared: {error}")
ALREADY_DIFFERENT: Final = Message(
    "the cluster already differs from the tracked branch, so some differences can have other causes"
)
NEW_APPLICATION: Final = Message(
    "the application {name} is new: Argo CD can render its resources only after it is created"
)

# The reasons for which an application is skipped.
OTHER_REPOSITORY: Final = Message("none of its sources is in this repository")
OTHER_BRANCH: Final = Message("it tracks {tracked}, but the merge request targets {branch}")
HYDRATED: Final = Message("its manifests are hydrated, and Argo CD renders them only from the hydrated branch")
DELETING: Final = Message("it is being deleted")
NOT_TOUCHED: Final = Message("the merge request touches none of its paths ({paths})")

# The files of the merge request.
NO_REPOSITORY: Final = "CI_REPOSITORY_URL is not set"
FILES_UNKNOWN: Final = Message("the changed files are not known ({error})")
NO_BASE: Final = Message("this is not a merge request pipeline")
COMPARES_ALL: Final = Message("note: {reason}, so every application of this repository is compared")

# The job log.
FORK: Final = Message(
    "The merge request comes from a fork, whose pipelines must not get Argo CD's token. Nothing was compared."
)
START: Final = Message("argocd-release {version} diff: {targets} on {server}, commit {revision} against the live state")
COMPARING: Final = Message("applications to compare: {count}")
NONE_LEFT: Final = Message("No application is affected.")
COLUMNS: Final = ("APPLICATION", "ADDED", "CHANGED", "REMOVED", "UNCHANGED")
ROW_FAILED: Final = Message("error: {message}")
ROW_SKIPPED: Final = Message("skipped: {reason}")
SECTION: Final = Message("{application}: {changes}")
DANGER: Final = Message("warning: {application}: {danger}")
NOTE: Final = Message("note: {application}: {note}")
MORE_LINES: Final = Message("… {lines} more: see {file}")
NEXT: Final = Message("next: {hint}")
NOTE_DONE: Final = Message("merge request: {text}")
NOTE_FAILED: Final = Message("warning: could not update the comment in the merge request: {text}")
NO_TOKEN_FOR_NOTE: Final = Message(
    "note: no comment in the merge request: <RELEASE_GITLAB_TOKEN> is not set, and the job token is not allowed to "
    "comment"
)

# The result.
SUMMARY: Final = Message("{applications} compared; resources: {added} added, {changed} changed, {removed} removed")
NO_CHANGES: Final = Message("{applications} compared: the merge request changes nothing in the cluster")
DANGEROUS: Final = Message("{text}; dangerous changes: {count}")
FAILED: Final = Message("{application} could not be compared: {message}")
GATE_DIFFERENCE: Final = Message(
    "the cluster would change: {names}",
    "check the differences above; <RELEASE_DIFF_FAIL_ON> decides which differences end the job with an error",
)
GATE_DANGEROUS: Final = Message(
    "{changes}",
    "check the warnings above; <RELEASE_DIFF_FAIL_ON> decides which differences end the job with an error",
)
TOO_FEW: Final = Message(
    "expected {expected} for {targets}, but found {found}",
    "check <ARGOCD_APP_NAME>, <RELEASE_SELECTOR> and <RELEASE_PROJECT>",
)
FIX_RENDERING: Final = Message(
    "fix the error in {application}, and push again. If you merge it as it is, Argo CD cannot sync that application "
    "any more. This job has changed nothing in the cluster"
)
NO_COMMIT: Final = Message(
    "make sure that Argo CD can fetch the commit from the application's repository: it must be pushed there, and the "
    "repository must be the one of this merge request"
)
NO_DIFF_PROGRAM: Final = Message("{program} is not on the PATH, and argocd needs it to show a difference")

# The comment in the merge request, and the page.
TITLE: Final = "Argo CD diff"
HEAD_CHANGES: Final = Message("This merge request would change {applications}")
HEAD_DANGEROUS: Final = Message("{headline}, with {changes}")
HEAD_CHANGES_AND_ERRORS: Final = Message("{headline}. Argo CD cannot compare {failed}")
HEAD_NOTHING: Final = "This merge request changes nothing in the cluster"
HEAD_NONE: Final = "This merge request affects no application"
HEAD_FAILED: Final = "Argo CD cannot render this merge request"
HEAD_NOT_COMPARED: Final = "The merge request was not compared"
COMMIT: Final = Message(
    "Argo CD has compared the cluster with commit {revision}. Fields that only the cluster sets do not count as "
    "differences. The API server checks the manifests only during a sync, so a sync can still fail."
)
TABLE: Final = "| application | added | changed | removed | unchanged | sync |\n|---|---|---|---|---|---|"
TABLE_ROW: Final = Message("| {application} | {added} | {changed} | {removed} | {unchanged} | {sync} |")
TABLE_FAILED: Final = Message("| {application} | – | – | – | – | could not be compared |")
#: The sync policy of an application.
MANUAL: Final = "manual"
AUTOMATED: Final = "automatic, removed resources stay"
AUTOMATED_WITH_PRUNING: Final = "automatic, removed resources are deleted"
HEAD_DANGERS: Final = "**⚠️ Dangerous changes: make sure that each of them is intended before you merge**"
HEAD_ERRORS: Final = "**❌ Not compared**"
HEAD_NOTES: Final = "**Remarks**"
APPLIED_ANYWAY: Final = "This error does not keep Argo CD from syncing the other applications after a merge"
HEAD_SKIPPED: Final = Message("{applications} skipped")
ITEM: Final = Message("- {application}: {text}")
MORE: Final = Message("- and {count} more")
CUT: Final = Message("… {lines} more in the full diff")
LINK_FULL: Final = "All differences as a file"
LINK_JOB: Final = "Job"
COMMENT_NEXT: Final = Message("Next: {hint}")
COMMENT_UNNEEDED: Final = "no comment, because no application is affected"
NO_RESPONSE: Final = "GitLab did not respond in time"

# Errors.
NO_REVISION: Final = "the commit to compare is not known: CI_COMMIT_SHA is not set"
NO_REVISION_FIX: Final = "set <RELEASE_REVISION> to the commit"
FILES_LATE: Final = "the changed files were not found in time"
MISSING_HINT: Final = (
    "check <ARGOCD_APP_NAME>. If the merge request itself creates the application, compare its parent application, "
    "which shows it as added"
)
RETRY: Final = (
    "nothing is known about the merge request: retry the job, or run `argocd-release doctor`, which looks for the cause"
)
CANCELLED: Final = Message("{meaning}; the comparison is incomplete", "retry the job")
