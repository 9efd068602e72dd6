"""The texts about the tracked applications, the spans of the timeline, and the git history."""

from typing import Final

from argocd_release.messages import Message

# The applications of a job.
COUNT: Final = Message(
    "expected {expected}, found {found} matching {targets}",
    "check the selector, and that the token is allowed to see the applications. <RELEASE_APPEAR_TIMEOUT> sets how long "
    "the job waits for new ones",
)
COUNT_WITH_OUTCOMES: Final = Message("{reason}; outcomes of those found: {outcomes}")
AT_LEAST: Final = Message("at least {applications}")
NO_SHARE: Final = Message("none of the {count} applications belongs to job {job} of {jobs}")
STOPPED: Final = Message("release status unknown: <RELEASE_ON_FAILURE> is stop, and {application} was not delivered")
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

# The git history.
HISTORY_BEING_READ: Final = "the git history is still being read"
HISTORY_FAILED: Final = Message("cannot read the git history: {error}")
HISTORY_UNREAD: Final = Message("cannot read the git history, so revisions are compared exactly: {reason}")
OTHER_HISTORY_UNREAD: Final = Message(
    "cannot read the git history of {repository}, which is not this project's repository: {reason}; set "
    "<RELEASE_GIT_TOKEN> to a token that is allowed to read it, or expect the image (<RELEASE_IMAGE>) instead"
)
COMMIT_ELSEWHERE: Final = Message(
    "{repository} contains no commit {commit}: if the commit is of another repository, expect the image "
    "(<RELEASE_IMAGE>) instead, or the commit that the pipeline wrote to {repository}"
)
NO_RESPONSE: Final = Message("no response within {seconds} s")
JOB_ENDED: Final = "the job has ended"
NO_ADDRESS: Final = "this job cannot read the address of the repository"
REVISION_NOT_IN_CLONE: Final = "the clone lacks a revision"
NO_CLONE: Final = "this job has no clone"
CLONE_UNREADABLE: Final = Message("the job's clone cannot be read ({error})")
VARIABLE_MISSING: Final = Message("{reason}, and {variable} is not set")
NOT_IN_LAST_COMMITS: Final = Message("the last {count} commits of its branches do not contain both revisions")
LOGIN_REQUIRED: Final = "it requires a login (HTTP 401)"
NO_REPOSITORY: Final = "there is no such repository, or this job is not allowed to read it (HTTP 404)"
