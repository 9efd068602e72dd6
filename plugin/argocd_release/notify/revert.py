"""Open a merge request in GitLab that reverts one commit, at most once for each commit.

The branch has the same name as in GitLab's web interface (app/models/commit.rb revert_branch_name), so that a merge
request that a person has opened there is found, too. Sources of the rules: gitlab 18.11 lib/api/commits.rb,
app/services/commits/change_service.rb, lib/api/branches.rb; gitaly internal/gitaly/service/operations/revert.go, which
reverts a merge commit to its first parent.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from argocd_release.core.text import SHORT_SHA, as_list, as_object, as_objects, one_line
from argocd_release.messages import revert as texts
from argocd_release.notify.gitlab import by_state, is_plain
from argocd_release.notify.gitlab_client import GitLab, GitLabError
from argocd_release.timing import Deadline

#: The job begins to change the project only if at least this many seconds are left.
LEAST_SECONDS: Final = 1.5
#: The maximum length of a merge request's title in characters.
TITLE_LIMIT: Final = 255
#: GitLab's ``error_code`` if the branch does not contain the changes of the commit any more.
_EMPTY: Final = "empty"
#: The lines by which the message of a commit says that it reverts another commit, or that it reverts a revert. They
#: come from git, from GitLab, or from GitLab's merge commit for the branch of a revert.
_REVERTS: Final = re.compile(r"^(?:This reverts |Revert \"|Reapply \"|Merge branch 'revert-)", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class RevertedCommit:
    """The commit that the merge request reverts.

    Attributes:
        sha: the complete SHA.
        title: the first line of its message.
        parent: the SHA of its first parent.
        target: the branch into which the revert is to be merged.
    """

    sha: str
    title: str
    parent: str
    target: str

    @property
    def branch(self) -> str:
        """Return the name of the branch with the revert."""
        return branch_of(self.sha)


def branch_of(sha: str) -> str:
    """Return the name of the branch that reverts a commit."""
    return f"revert-{sha[:SHORT_SHA]}"


def is_revert(message: str) -> bool:
    """Return True if the message is that of a commit that reverts another one."""
    return _REVERTS.search(message) is not None


def open_revert(
    gitlab: GitLab, sha: str, tracked: str, *, describe: Callable[[RevertedCommit], str], deadline: Deadline
) -> str:
    """Open the merge request, unless there is a reason against it. Return a message that says what happened.

    Args:
        gitlab: the client of the project.
        sha: the complete SHA of the commit.
        tracked: the branch that Argo CD tracks; an empty string stands for the project's default branch.
        describe: returns the description of the merge request.
        deadline: the moment at which all requests end.

    Raises:
        GitLabError: GitLab refused, or did not respond.
    """
    if existing := _existing(gitlab, sha):
        return existing
    commit = as_object(gitlab.get(f"/repository/commits/{sha}"))
    message, parents = str(commit.get("message") or ""), [str(parent) for parent in as_list(commit.get("parent_ids"))]
    if is_revert(message):
        return texts.OF_REVERT.fill(commit=sha[:SHORT_SHA])
    target = tracked or gitlab.default_branch()
    if reason := _reason_against(gitlab, sha, target, parents):
        return reason
    title = one_line(str(commit.get("title") or message), limit=2 * TITLE_LIMIT)
    reverted = RevertedCommit(sha=sha, title=title, parent=parents[0], target=target)
    if deadline.left < LEAST_SECONDS:
        raise GitLabError(texts.TOO_SLOW)
    return _open(gitlab, reverted, describe(reverted))


def _existing(gitlab: GitLab, sha: str) -> str:
    """Return a message about the merge request that reverts the commit, or an empty string if there is none."""
    requests = as_objects(gitlab.get("/merge_requests", source_branch=branch_of(sha), state="all"))
    # A branch of a fork can have the same name. It is not the branch of this job.
    own = [request for request in requests if request.get("source_project_id") == request.get("target_project_id")]
    if not own:
        return ""
    first = by_state(own)[0]
    state = one_line(str(first.get("state")), limit=20)
    return texts.EXISTS.fill(request=_named(first), state=state, commit=sha[:SHORT_SHA])


def _reason_against(gitlab: GitLab, sha: str, target: str, parents: list[str]) -> str:
    """Return the reason why the commit must not be reverted in the target branch, or an empty string."""
    short = sha[:SHORT_SHA]
    if not parents:
        return texts.FIRST_COMMIT.fill(commit=short)
    branch_name = one_line(target, limit=100)
    try:
        branch = as_object(gitlab.get(f"/repository/branches/{quote(target, safe='')}"))
    except GitLabError as error:
        if error.status == HTTPStatus.NOT_FOUND:
            return texts.NO_BRANCH.fill(branch=branch_name)
        raise
    head = as_object(branch.get("commit"))
    if head.get("id") != sha:
        reverted = sha in str(head.get("message") or "") and is_revert(str(head.get("message")))
        entry = texts.DONE if reverted else texts.NOT_HEAD
        return entry.fill(commit=short, branch=branch_name, head=one_line(str(head.get("id")), limit=100)[:SHORT_SHA])
    if len(parents) > 1 and not _is_merge_of(gitlab, sha, target):
        return texts.MERGE.fill(commit=short)
    return ""


def _is_merge_of(gitlab: GitLab, sha: str, target: str) -> bool:
    """Return True if GitLab has made this merge commit for a merge request into the branch.

    GitLab's API reverts a merge commit to its first parent. If GitLab has made the merge commit, the first parent is
    the earlier commit of the target branch. In other merge commits, the first parent can be any commit.
    """
    requests = as_objects(gitlab.get(f"/repository/commits/{sha}/merge_requests"))
    return any((request.get("merge_commit_sha"), request.get("target_branch")) == (sha, target) for request in requests)


def _open(gitlab: GitLab, commit: RevertedCommit, description: str) -> str:
    """Create the branch, the revert and the merge request.

    If GitLab refuses the revert or the merge request, delete the branch, unless another job or person uses it.
    """
    # The possible heads of the branch while only this job has changed it.
    own_heads = {commit.sha}
    try:
        gitlab.post("/repository/branches", {"branch": commit.branch, "ref": commit.sha})
    except GitLabError as error:
        if error.status != HTTPStatus.BAD_REQUEST:
            raise
        if not (head := _branch_head(gitlab, commit.branch)):
            refused = texts.BRANCH_REFUSED.fill(branch=commit.branch, error=one_line(str(error), limit=120))
            raise GitLabError(refused) from error
        # Another job for the same commit, or an earlier run that was interrupted, has created the branch.
        own_heads.clear()
        if existing := _existing(gitlab, commit.sha):
            return existing
        if not _is_expected(head, commit):
            raise GitLabError(texts.BRANCH_TAKEN.fill(branch=commit.branch)) from error
    try:
        head_id = _revert(gitlab, commit)
        if own_heads:
            own_heads.add(head_id)
        body = {"source_branch": commit.branch, "target_branch": commit.target, "remove_source_branch": True}
        body |= {"title": f'Revert "{commit.title}"'[:TITLE_LIMIT], "description": description}
        request = as_object(gitlab.post("/merge_requests", body))
    except GitLabError as error:
        # After any other error, GitLab has possibly opened the merge request. So keep the branch, which the next run of
        # the job finds.
        if error.is_refusal and (existing := _clean_up(gitlab, commit, own_heads)):
            return existing
        raise
    return texts.OPENED.fill(request=_named(request), commit=commit.sha[:SHORT_SHA], branch=commit.target)


def _clean_up(gitlab: GitLab, commit: RevertedCommit, own_heads: set[str]) -> str:
    """Delete the branch if only this job has changed it, unless a merge request already reverts the commit.

    Return a message about this merge request, or an empty string.
    """
    with suppress(GitLabError):
        if existing := _existing(gitlab, commit.sha):
            return existing
        if own_heads and _branch_head(gitlab, commit.branch).get("id") in own_heads:
            gitlab.delete(f"/repository/branches/{commit.branch}")
    return ""


def _revert(gitlab: GitLab, commit: RevertedCommit) -> str:
    """Revert the commit in its branch, unless another job has already done so.

    Return the SHA of the revert, or an empty string if it is the revert of another job.
    """
    try:
        answer = gitlab.post(f"/repository/commits/{commit.sha}/revert", {"branch": commit.branch})
    except GitLabError as error:
        if error.code == _EMPTY and _is_reverted(_branch_head(gitlab, commit.branch), commit):
            return ""
        if error.code:
            refused = texts.CONFLICT.fill(commit=commit.sha[:SHORT_SHA], code=error.code)
            raise GitLabError(refused, status=error.status) from error
        raise
    return str(as_object(answer).get("id") or "")


def _branch_head(gitlab: GitLab, branch: str) -> dict[str, Any]:
    try:
        return as_object(as_object(gitlab.get(f"/repository/branches/{branch}")).get("commit"))
    except GitLabError as error:
        if error.status == HTTPStatus.NOT_FOUND:
            return {}
        raise


def _is_expected(head: dict[str, Any], commit: RevertedCommit) -> bool:
    """Return True if the branch ends with the commit, or with a revert directly after it."""
    return head.get("id") == commit.sha or _is_reverted(head, commit)


def _is_reverted(head: dict[str, Any], commit: RevertedCommit) -> bool:
    """Return True if the head of the branch is a revert directly after the commit."""
    return as_list(head.get("parent_ids")) == [commit.sha] and is_revert(str(head.get("message") or ""))


def _named(request: dict[str, Any]) -> str:
    """Return the number and the address of a merge request."""
    iid, address = one_line(str(request.get("iid")), limit=20), str(request.get("web_url") or "")
    return f"!{iid} ({address})" if is_plain(address) and len(address) <= TITLE_LIMIT // 2 else f"!{iid}"
