"""Show the release in GitLab: as a deployment record of the environment, and as a comment in the merge request.

There is one deployment record per revision. Its status is running, then success, failed or canceled. If an earlier run
of the job left its record with the status running, the job updates that record, and creates none. The job changes no
record that GitLab itself created for a CI job, because only that CI job is allowed to (otherwise GitLab answers 403).

The comment contains the outcome, the cause, the evidence and links. Later runs of the job replace its text. Text from
outside is shown as code, in which GitLab interprets no Markdown, HTML, mention or reference. GitLab runs a quick action
only at the start of a line, so each quoted line begins with a mark.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from argocd_release.core.text import QUOTED, as_object, as_objects, one_line, without_ids
from argocd_release.core.yaml_secrets import REDACTED
from argocd_release.messages import reports as texts
from argocd_release.model.application import Application
from argocd_release.model.git import GitUrl
from argocd_release.model.outcome import Outcome, tally
from argocd_release.model.result import ApplicationResult, ReleaseResult
from argocd_release.notify.gitlab_client import PAGE, GitLab, GitLabError
from argocd_release.reports import evidence, summary

RUNNING: Final = "running"
#: The final status of a deployment record or a commit by outcome. The other outcomes say nothing about the revision.
#: After these, the job only cancels deployment records that are still running and commit statuses that are pending.
END_STATES: Final = {
    Outcome.DELIVERED: "success",
    Outcome.SYNC_FAILED: "failed",
    Outcome.DEGRADED: "failed",
    Outcome.TIMED_OUT: "failed",
    Outcome.MISSING: "failed",
}
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, kw_only=True)
class DeploymentTarget:
    """The environment and the git ref that a deployment record names.

    Attributes:
        environment: the name of the environment.
        ref: the branch or the tag; an empty string stands for the project's default branch.
        tag: True if the ref is a tag.
    """

    environment: str
    ref: str
    tag: bool = False


def is_commit(revision: str) -> bool:
    """Return True if the revision is a full commit SHA, which a deployment record requires."""
    return _COMMIT.fullmatch(revision) is not None


def positions_of(application: Application, path: str) -> list[int]:
    """Return the positions of the sources in the project's repository, if Argo CD has compared them with a commit."""
    return [
        position
        for position, (source, revision) in enumerate(zip(application.sources, application.commits, strict=False))
        if GitUrl.parse(source.repo_url).is_of_project(path) and is_commit(revision)
    ]


def source_position(application: Application, path: str) -> int:
    """Return the position, from 0, of the first source in the project's repository; 0 if there is no such source."""
    urls = [GitUrl.parse(source.repo_url) for source in application.sources]
    return next((position for position, url in enumerate(urls) if url.is_of_project(path)), 0)


def begin_deployment(gitlab: GitLab, place: DeploymentTarget, revision: str) -> None:
    """Create a running deployment record for the revision, unless a running one exists.

    Raises:
        GitLabError: GitLab refused, or did not respond.
    """
    if not any(_is_open(record, revision) for record in _records(gitlab, place)):
        _create(gitlab, place, revision, RUNNING)


def end_deployment(gitlab: GitLab, place: DeploymentTarget, revision: str, status: str) -> str:
    """Set the final status of the revision's deployment record, and cancel all other running records.

    Args:
        gitlab: the client of the project to which the records belong.
        place: the environment, and the ref that is needed if the job must create the record.
        revision: the commit.
        status: the final status: success, failed or canceled.

    Returns:
        A message that tells people what happened to the record.

    Raises:
        GitLabError: GitLab refused, or did not respond.
    """
    records = _records(gitlab, place)
    mine = [record for record in records if _is_open(record, revision)]
    for other in (record for record in records if _is_open(record) and record not in mine):
        _update(gitlab, other, "canceled")
    if mine:
        for twin in mine[1:]:
            _update(gitlab, twin, "canceled")
        _update(gitlab, mine[0], status)
        return texts.RECORD.fill(id=mine[0].get("id"), environment=place.environment, status=status)
    if records and (records[0].get("sha"), records[0].get("status")) == (revision, status):
        return texts.RECORD_ALREADY.fill(id=records[0].get("id"), environment=place.environment, status=status)
    if status == "canceled":
        return texts.NO_RECORD
    made = _create(gitlab, place, revision, status)
    return texts.RECORD.fill(id=made.get("id"), environment=place.environment, status=status)


def _records(gitlab: GitLab, place: DeploymentTarget) -> list[dict[str, Any]]:
    """Return the deployment records of the environment, the latest first."""
    return as_objects(gitlab.get("/deployments", environment=place.environment, order_by="id", sort="desc"))


def _is_open(record: dict[str, Any], revision: str = "") -> bool:
    """Return True if the record is running, and the job is allowed to update it because no CI job has created it.

    Args:
        record: the record.
        revision: the commit that the record must name; "" accepts every commit.
    """
    return record.get("status") == RUNNING and not record.get("deployable") and revision in {"", record.get("sha")}


def _create(gitlab: GitLab, place: DeploymentTarget, revision: str, status: str) -> dict[str, Any]:
    ref = place.ref or gitlab.default_branch()
    body = {"environment": place.environment, "sha": revision, "ref": ref, "tag": place.tag, "status": status}
    return as_object(gitlab.post("/deployments", body))


def _update(gitlab: GitLab, record: dict[str, Any], status: str) -> None:
    gitlab.put(f"/deployments/{record.get('id')}", {"status": status})


#: The maximum length of the key by which the job finds its comment. A longer key is shortened, and ends with a hash.
MARKER_LIMIT: Final = 300
#: The maximum number of result pages on which the job searches for its earlier comment.
PAGES: Final = 5
#: The maximum length, in characters, of the evidence in a comment.
EVIDENCE_LIMIT: Final = 20_000
#: The maximum number of undelivered applications of a group that the comment names. The HTML page lists all of them.
NAMED: Final = 20
#: The maximum number of named applications for which the comment also shows the state.
WITH_STATE: Final = 5
_TICKS: Final = re.compile(r"`+")
_PLAIN: Final = re.compile(r"(?i)https?://[^\s<>`\\]++")
#: The rank of each state of a merge request. The job chooses the merge request with the lowest rank.
_ORDER: Final = {"opened": 0, "merged": 1}


@dataclass(frozen=True, kw_only=True)
class MergeRequest:
    """A merge request.

    Attributes:
        project: the id of the target project, even if the merge request comes from a fork.
        iid: the number of the merge request in that project.
    """

    project: str
    iid: str


def merge_request(gitlab: GitLab, revision: str) -> MergeRequest | None:
    """Return a merge request that contains the commit, preferably an open one, or None if there is none.

    Raises:
        GitLabError: GitLab refused, or did not respond.
    """
    try:
        requests = as_objects(gitlab.get(f"/repository/commits/{revision}/merge_requests"))
    except GitLabError as error:
        if error.status == HTTPStatus.NOT_FOUND:
            return None
        raise
    if not requests:
        return None
    first = by_state(requests)[0]
    return MergeRequest(project=str(first.get("project_id") or ""), iid=str(first.get("iid")))


def by_state(requests: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sort merge requests: open ones first, then merged ones, then all others."""
    return sorted(requests, key=lambda request: _ORDER.get(str(request.get("state")), len(_ORDER)))


def put_comment(gitlab: GitLab, iid: str, result: ReleaseResult) -> str:
    """Write the job's comment, or update an earlier one. Return a message that says which of the two happened.

    Args:
        gitlab: the client of the merge request's project.
        iid: the number of the merge request in that project.
        result: the result of the release, without secrets.

    Raises:
        GitLabError: GitLab refused, or did not respond.
    """
    return put_marked_comment(gitlab, iid, comment_marker(result), render_comment(result))


def put_marked_comment(gitlab: GitLab, iid: str, mark: str, body: str, *, create: bool = True) -> str:
    """Write the comment that begins with the mark, or replace an earlier one. Return a message that says which.

    With ``create`` False, only replace an earlier comment. If there is none, return an empty string.

    Raises:
        GitLabError: GitLab refused, or did not respond.
    """
    for number in _own_notes(gitlab, iid, mark):
        try:
            gitlab.put(f"/merge_requests/{iid}/notes/{number}", {"body": body})
        except GitLabError as error:
            if error.status not in {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}:
                raise
        else:
            return texts.COMMENT_REPLACED.fill(id=number, merge_request=iid)
    if not create:
        return ""
    gitlab.post(f"/merge_requests/{iid}/notes", {"body": body})
    return texts.COMMENT_WRITTEN.fill(merge_request=iid)


def comment_marker(result: ReleaseResult) -> str:
    """Return the hidden line by which later runs of the job find their comment on these applications."""
    key = quote(" ".join(filter(None, (result.job_name, named(result)))), safe="/,=")
    if len(key) > MARKER_LIMIT:
        key = f"{key[:MARKER_LIMIT]}~{hashlib.sha256(key.encode()).hexdigest()[:16]}"
    return f"<!-- argocd-release: {key} -->"


def render_comment(result: ReleaseResult) -> str:
    """Return the comment in GitLab Flavored Markdown."""
    outcome = result.outcome
    sign = "✅" if outcome is Outcome.DELIVERED else "❌" if outcome.is_failure else "⚪"
    parts = [f"{comment_marker(result)}\n\n**{sign} {code(named(result))}: {outcome.headline.capitalize()}**"]
    if cause := result.cause:
        parts.append(texts.COMMENT_CAUSE.fill(cause=code(without_ids(cause.message))))
        if words := evidence.last_words(result.only) if result.only else "":
            parts.append(fenced(words))
        if cause.hint:
            parts.append(texts.COMMENT_NEXT.fill(hint=code(cause.hint)))
    parts.append("\n".join(facts(result)))
    blocks = [
        f"{f'{application.name}: ' if result.several else ''}{block}"
        for position, application in enumerate(result.undelivered[:NAMED])
        for block in evidence.blocks(application, several=result.several and position < WITH_STATE)
    ]
    if blocks:
        parts.append(
            f"<details><summary>{texts.COMMENT_EVIDENCE}</summary>\n\n{fenced(chr(10).join(blocks))}\n\n</details>"
        )
    return "\n\n".join(parts) + "\n"


def facts(result: ReleaseResult) -> Iterable[str]:
    """Yield the lines of a list about the release: its state, its duration and its links."""
    if result.several:
        yield from _counted(result)
    else:
        for application in result.applications:
            yield from _state(application)
    yield texts.COMMENT_TIME.fill(seconds=f"{result.seconds:.0f}")
    yield from (f"- [{title}](<{address}>)" for title, address in _links(result))


def named(result: ReleaseResult) -> str:
    """Return the application's name. For a group, return its description, which is the same in each run."""
    return result.meant if result.several else ",".join(application.name for application in result.applications)


def _counted(result: ReleaseResult) -> Iterable[str]:
    """Yield a line that counts the applications by outcome, then one line for each of the worst failures."""
    yield texts.COMMENT_APPLICATIONS.fill(
        count=len(result.applications), outcomes=tally([application.outcome for application in result.applications])
    )
    for application in result.undelivered[:NAMED]:
        name, outcome = code(application.name), application.outcome.word
        if application.cause is None:
            yield texts.COMMENT_APPLICATION.fill(application=name, outcome=outcome)
        else:
            cause = code(application.cause.message)
            yield texts.COMMENT_APPLICATION_CAUSE.fill(application=name, outcome=outcome, cause=cause)
    if (more := len(result.undelivered) - NAMED) > 0:
        yield texts.COMMENT_MORE.fill(count=more)


def _state(result: ApplicationResult) -> Iterable[str]:
    """Yield the lines about the application's state. If it was not delivered, they are those of the job log."""
    for label, text in summary.state(result).items():
        if text:
            yield f"- {label} {code(text)}"
    application = result.application
    if application is not None and application.revision and result.outcome is Outcome.DELIVERED:
        yield texts.COMMENT_REVISION.fill(revision=code(without_ids(application.revision)))
        yield texts.COMMENT_STATE.fill(state=code(f"{application.sync.value}, {application.health.value}"))
        yield from (texts.COMMENT_IMAGE.fill(image=code(image)) for image in application.images[:3])


def _links(result: ReleaseResult) -> Iterable[tuple[str, str]]:
    application = result.only.url if result.only else ""
    help_url = result.undelivered[0].help_url if result.undelivered else ""
    page = page_address(result)
    places = (
        (texts.LINK_HELP, help_url),
        (texts.LINK_PAGE, page),
        (texts.LINK_ARGO_CD, application),
        (texts.LINK_SITE, result.site_url),
        (texts.LINK_JOB, result.job_url),
        (texts.LINK_COMMIT, result.links.get("commit", "")),
    )
    for title, address in places:
        if is_plain(address):
            yield title, address


def page_address(result: ReleaseResult) -> str:
    """Return the address of the report page in GitLab, or an empty string if the page is not in the job's artifacts."""
    return f"{result.job_url}/artifacts/file/{quote(result.page)}" if result.page and result.job_url else ""


def is_plain(address: str) -> bool:
    """Return True if the address leads to the web, and is safe inside the angle brackets of a Markdown link.

    An address from which a secret was removed leads nowhere.
    """
    return _PLAIN.fullmatch(address) is not None and REDACTED not in address


def code(text: str) -> str:
    """Return the text as inline code, on one line. GitLab interprets nothing inside it."""
    plain = one_line(text, limit=1000) or "-"
    ticks = "`" * (max((len(run) for run in _TICKS.findall(plain)), default=0) + 1)
    pad = " " if plain.startswith("`") or plain.endswith("`") else ""
    return f"{ticks}{pad}{plain}{pad}{ticks}"


def fenced(text: str) -> str:
    """Return the text as a code block. No backticks in the text can end the block early."""
    excerpt = (
        text
        if len(text) <= EVIDENCE_LIMIT
        else texts.SHORTENED.fill(text=text[:EVIDENCE_LIMIT], count=len(text) - EVIDENCE_LIMIT)
    )
    ticks = fence(excerpt)
    lines = "\n".join(f"{QUOTED}{line}".rstrip() for line in excerpt.split("\n"))
    return f"{ticks}text\n{lines}\n{ticks}"


def fence(text: str) -> str:
    """Return a fence of backticks that is longer than any run of backticks in the text."""
    return "`" * max(3, max((len(run) for run in _TICKS.findall(text)), default=0) + 1)


def _own_notes(gitlab: GitLab, iid: str, mark: str) -> list[Any]:
    """Return the ids of the comments that begin with the mark and that the token's user wrote, the latest first.

    Comments of other users are left out, because any user can copy the mark. If the token belongs to a maintainer, the
    job could otherwise overwrite the comment of another user.
    """
    user: Any = None
    for page in range(1, PAGES + 1):
        notes = as_objects(gitlab.get(f"/merge_requests/{iid}/notes", sort="desc", per_page=str(PAGE), page=str(page)))
        if marked := [note for note in notes if str(note.get("body") or "").startswith(mark)]:
            user = user or gitlab.user_id()
            if own := [note.get("id") for note in marked if as_object(note.get("author")).get("id") == user]:
                return own
        if len(notes) < PAGE:
            break
    return []
