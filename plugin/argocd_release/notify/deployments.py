"""Keep the deployment record on GitLab's environments page for the revision that Argo CD runs.

There is one record per revision: running, then success, failed or canceled. If an earlier attempt of the job left a
record running, the job ends that record and creates no second one. Only a CI job itself can change the record that
GitLab created for that CI job (GitLab answers 403 to any other change).
"""

import re
from dataclasses import dataclass
from typing import Any, Final

from argocd_release.core.text import as_object, as_objects
from argocd_release.messages import notify as texts
from argocd_release.notify.gitlab_client import GitLab

RUNNING: Final = "running"
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, kw_only=True)
class DeploymentTarget:
    """The environment of a record, and its branch or tag. An empty ``ref`` is the project's default branch."""

    environment: str
    ref: str
    tag: bool = False


def is_commit(revision: str) -> bool:
    """Return True if the revision is a full commit SHA, which a record needs. A chart version is not."""
    return _COMMIT.fullmatch(revision) is not None


def begin(gitlab: GitLab, place: DeploymentTarget, revision: str) -> None:
    """Create a running record of the revision if there is none.

    Raises:
        GitLabError: GitLab refused, or did not respond.
    """
    if not any(_is_open(record, revision) for record in _records(gitlab, place)):
        _create(gitlab, place, revision, RUNNING)


def end(gitlab: GitLab, place: DeploymentTarget, revision: str, status: str) -> str:
    """Set the status of the revision's record, and cancel other running records. Return a message about the change.

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
    """Return the records of the environment, the latest first."""
    return as_objects(gitlab.get("/deployments", environment=place.environment, order_by="id", sort="desc"))


def _is_open(record: dict[str, Any], revision: str = "") -> bool:
    """Return True if the record is running, belongs to no CI job, and has the revision, if one is given."""
    return record.get("status") == RUNNING and not record.get("deployable") and revision in {"", record.get("sha")}


def _create(gitlab: GitLab, place: DeploymentTarget, revision: str, status: str) -> dict[str, Any]:
    ref = place.ref or gitlab.default_branch()
    body = {"environment": place.environment, "sha": revision, "ref": ref, "tag": place.tag, "status": status}
    return as_object(gitlab.post("/deployments", body))


def _update(gitlab: GitLab, record: dict[str, Any], status: str) -> None:
    gitlab.put(f"/deployments/{record.get('id')}", {"status": status})
