"""The deployment record of GitLab's environments page, for the revision that Argo CD runs.

One record a revision: running, then success, failed or canceled. What an earlier attempt of the job left running is
ended, not doubled. A record of a CI job is that job's (GitLab answers 403 to whoever would change it).
"""

import re
from dataclasses import dataclass
from typing import Any, Final

from argocd_release.core.untrusted_json import as_object, as_objects
from argocd_release.notify.gitlab_client import GitLab

RUNNING: Final = "running"
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, kw_only=True)
class DeploymentTarget:
    """The environment of a record, and its branch or tag; an empty ``ref`` is the project's default branch."""

    environment: str
    ref: str
    tag: bool = False


def is_commit(revision: str) -> bool:
    """Whether GitLab can know it; the version of a chart is none."""
    return _COMMIT.fullmatch(revision) is not None


def begin(gitlab: GitLab, place: DeploymentTarget, revision: str) -> None:
    """There is a record of the revision that runs; raises ``GitLabError``."""
    if not any(_is_open(each, revision) for each in _records(gitlab, place)):
        _create(gitlab, place, revision, RUNNING)


def end(gitlab: GitLab, place: DeploymentTarget, revision: str, status: str) -> str:
    """The revision's record has this status, and none of another one is left running; gives what was done.

    Raises ``GitLabError``.
    """
    records = _records(gitlab, place)
    mine = [each for each in records if _is_open(each, revision)]
    for other in (each for each in records if _is_open(each) and each not in mine):
        _update(gitlab, other, "canceled")
    if mine:
        for twin in mine[1:]:
            _update(gitlab, twin, "canceled")
        _update(gitlab, mine[0], status)
        return f"record {mine[0].get('id')} of {place.environment} is {status}"
    if records and (records[0].get("sha"), records[0].get("status")) == (revision, status):
        return f"record {records[0].get('id')} of {place.environment} says {status} already"
    if status == "canceled":
        return "nothing was begun"
    made = _create(gitlab, place, revision, status)
    return f"record {made.get('id')} of {place.environment} is {status}"


def _records(gitlab: GitLab, place: DeploymentTarget) -> list[dict[str, Any]]:
    """Those of the environment, the latest first."""
    return as_objects(gitlab.get("/deployments", environment=place.environment, order_by="id", sort="desc"))


def _is_open(record: dict[str, Any], revision: str = "") -> bool:
    """Whether it is running, ours to change, and of the revision if one is named."""
    return record.get("status") == RUNNING and not record.get("deployable") and revision in {"", record.get("sha")}


def _create(gitlab: GitLab, place: DeploymentTarget, revision: str, status: str) -> dict[str, Any]:
    ref = place.ref or gitlab.default_branch()
    body = {"environment": place.environment, "sha": revision, "ref": ref, "tag": place.tag, "status": status}
    return as_object(gitlab.post("/deployments", body))


def _update(gitlab: GitLab, record: dict[str, Any], status: str) -> None:
    gitlab.put(f"/deployments/{record.get('id')}", {"status": status})
