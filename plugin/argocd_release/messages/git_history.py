"""The texts about the git history, from which the job learns how revisions are related."""

from typing import Final

from argocd_release.messages import Message

HISTORY_BEING_READ: Final = "the git history is still being read"
HISTORY_FAILED: Final = Message("cannot read the git history: {error}")
HISTORY_UNREAD: Final = Message("cannot read the git history, so only exactly the expected revision counts: {reason}")
OTHER_HISTORY_UNREAD: Final = Message(
    "cannot read the git history of {repository}, which is not this project's repository: {reason}; set "
    "<RELEASE_GIT_TOKEN> to a token that is allowed to read it, or let the job expect the image (<RELEASE_IMAGE>)"
)
COMMIT_ELSEWHERE: Final = Message(
    "{repository} contains no commit {commit}: if that commit is in another repository, let the job expect the image "
    "(<RELEASE_IMAGE>) instead, or the commit that the pipeline wrote to {repository}"
)
REPOSITORY_SILENT: Final = Message("no response within {seconds} s")
JOB_ENDED: Final = "the job has ended"
NO_REPOSITORY_ADDRESS: Final = "this job cannot read the address of the repository"
REVISION_NOT_IN_CLONE: Final = "the clone lacks a revision"
NO_CLONE: Final = "this job has no clone"
CLONE_UNREADABLE: Final = Message("the job's clone cannot be read ({error})")
VARIABLE_MISSING: Final = Message("{reason}, and {variable} is not set")
NOT_IN_LAST_COMMITS: Final = Message(
    "the last {count} commits of the repository's branches do not contain both revisions"
)
LOGIN_REQUIRED: Final = "it requires a login (HTTP 401)"
NO_REPOSITORY: Final = "there is no such repository, or this job is not allowed to read it (HTTP 404)"
