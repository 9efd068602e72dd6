"""The texts about the merge request that reverts the commit of a failed release."""

from typing import Final

from argocd_release.messages import Message

SINK: Final = "revert merge request"
OPENED: Final = Message("opened {request}, which reverts commit {commit} in {branch}; the job does not merge it")
EXISTS: Final = Message("{request} ({state}) already reverts commit {commit}, so the job opened none")
NO_SOURCE: Final = Message(
    "not opened, because no failed application deploys a commit of {project}; next: if the manifests are in another "
    "project, set <RELEASE_REVERT_PROJECT> to it"
)
WHICH_COMMIT: Final = (
    "not opened, because the job does not know its commit in that project; next: set <RELEASE_REVISION> to the commit "
    "that the pipeline has made there"
)
OTHER_COMMIT: Final = Message(
    "not opened, because the failed commit {failed} is not the commit of this release ({expected})"
)
ELSEWHERE: Final = Message("not opened, because a revert does not remove this cause ({cause})")
NOTHING_EARLIER: Final = Message(
    "not opened, because Argo CD has deployed no earlier commit of {application}, so a revert could only delete it"
)
DEPLOYED_BEFORE: Final = Message(
    "not opened, because Argo CD had already deployed commit {commit} before, so another change has caused the failure"
)
NO_CHANGE: Final = Message("not opened, because the sync of commit {commit} changed nothing in {application}")
OF_REVERT: Final = Message("not opened, because commit {commit} is itself a revert")
FIRST_COMMIT: Final = Message("not opened, because commit {commit} is the first one of the repository")
NO_BRANCH: Final = Message("not opened, because Argo CD tracks {branch}, which is no branch of the project")
DONE: Final = Message("not opened, because commit {head} in {branch} already reverts commit {commit}")
NOT_HEAD: Final = Message(
    "not opened, because the newest commit of {branch} is {head}; next: if that commit does not fix the release, "
    "revert {commit} with git"
)
MERGE: Final = Message(
    "not opened, because commit {commit} is a merge that GitLab has not made for a merge request, so the job cannot "
    "know its main parent; next: revert it with git revert -m"
)
TOO_SLOW: Final = "GitLab responds too slowly to open it in time; next: retry the job"
BRANCH_TAKEN: Final = Message(
    "the branch {branch} already exists, with commits that this job did not make; next: check them. If they are the "
    "revert, open a merge request from the branch; otherwise rename or delete it, and retry this GitLab job"
)
BRANCH_REFUSED: Final = Message(
    "{error}; next: allow the token's user to create the branch {branch}, or change the rule for its name"
)
CONFLICT: Final = Message(
    "GitLab cannot revert commit {commit} automatically ({code}); next: revert it with git, and solve the conflicts"
)
COMMAND: Final = Message(
    "git switch -c {branch} {commit} && git revert --no-edit {commit} && git push -o merge_request.create{option} "
    "origin {branch}"
)
NOT_ALLOWED: Final = Message(
    "<RELEASE_GITLAB_TOKEN> is not set; next: set it or, if the commit is the newest one and no revert, run {command}"
)
ABOUT: Final = Message("This reverts commit {commit} in {target}. Its release has failed: application {application}.")
BEFORE: Final = "Before you merge:\n"
HOOKS: Final = Message(
    "- **Hooks of this commit ran** in {application}: {hooks}. A revert does not undo what they changed, for example "
    "in a database. Check that the earlier version works with it."
)
MORE_COMMITS: Final = Message(
    "- Argo CD had deployed {earlier} before, and the parent of this commit is {parent}. So the release can contain "
    "more commits, which this merge request does not revert."
)
ONLY_PROPOSAL: Final = "- argocd-release has opened this merge request and never merges it."
