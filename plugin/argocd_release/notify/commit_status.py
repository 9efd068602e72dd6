"""Set the status of a commit in GitLab, as an external job of the commit's pipeline.

The rules of GitLab's API are those of gitlab 19.0 app/services/ci/create_commit_status_service.rb. GitLab updates a
status of the same name, user and pipeline if it is pending or running. GitLab never changes a status that has ended. It
adds a second one with the same name, and only shows the later one.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from argocd_release.core.text import as_object, one_line
from argocd_release.notify.gitlab import is_plain
from argocd_release.notify.gitlab_client import GitLab, GitLabError

PENDING: Final = "pending"
#: The maximum length of a name, a description and an address (gitlab 19.0 app/models/generic_commit_status.rb).
FIELD_LIMIT: Final = 255
#: The prefix of all names, because GitLab refuses a status with the name of a CI job in the same pipeline.
PREFIX: Final = "argocd/"
#: The beginning of GitLab's message about a status that already has the requested state, or a later one.
_NO_TRANSITION: Final = "Cannot transition status"


@dataclass(frozen=True, kw_only=True)
class CommitStatus:
    """A status of a commit.

    Attributes:
        name: the name by which GitLab finds the status again.
        state: pending, success, failed or canceled.
        description: one line for people; it is shortened to the length that GitLab accepts.
        addresses: the addresses that the status could link to, the best one first. GitLab refuses long ones.
        pipeline: the id of the pipeline with an earlier state of this status; None if it is unknown.
    """

    name: str
    state: str
    description: str
    addresses: tuple[str, ...] = ()
    pipeline: Any = None


def status_name(application: str, environment: str) -> str:
    """Return the name of the status for an application. ``environment`` is "" if the job has none."""
    return _bounded(f"{PREFIX}{application}" + ("" if environment in {"", application} else f" ({environment})"))


def set_status(gitlab: GitLab, revision: str, status: CommitStatus) -> Any:
    """Set the status of the commit. Return the id of the pipeline that shows it, or None if GitLab does not name it.

    If the status is already pending or running and must become pending, do nothing.

    Args:
        gitlab: the client of the project to which the commit belongs.
        revision: the complete SHA of the commit.
        status: the status.

    Raises:
        GitLabError: GitLab refused, or did not respond.
    """
    body = {
        "state": status.state,
        "name": status.name,
        "description": _bounded(status.description),
    }
    if address := next((text for text in status.addresses if is_plain(text) and len(text) <= FIELD_LIMIT), ""):
        body["target_url"] = address
    try:
        return _post(gitlab, revision, body, status.pipeline)
    except GitLabError as error:
        if status.state == PENDING and error.status == HTTPStatus.BAD_REQUEST and _NO_TRANSITION in str(error):
            return None
        raise


def _bounded(text: str) -> str:
    """Return the text as one line, shortened to the length that GitLab accepts."""
    line = one_line(text, limit=4 * FIELD_LIMIT)
    return line if len(line) <= FIELD_LIMIT else f"{line[: FIELD_LIMIT - 1]}…"


def _post(gitlab: GitLab, revision: str, body: dict[str, str], pipeline: Any) -> Any:
    """Send the request. If the pipeline does not exist any more, let GitLab choose one."""
    path = f"/statuses/{revision}"
    if pipeline is None:
        return as_object(gitlab.post(path, body)).get("pipeline_id")
    try:
        return as_object(gitlab.post(path, body | {"pipeline_id": pipeline})).get("pipeline_id")
    except GitLabError as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
    return as_object(gitlab.post(path, body)).get("pipeline_id")
