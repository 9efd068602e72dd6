"""Test hydrated applications, as argo-cd 3.6.1 reports them.

See pkg/apis/application/v1alpha1/types.go and controller/hydrator.
"""

import json
from typing import Any

import pytest

from argocd_release.argocd.application_json import parse_application
from argocd_release.messages import verdict as texts
from argocd_release.model.application import Application
from argocd_release.model.errors import FailureKind
from argocd_release.model.git import Hydration, HydrationPhase
from argocd_release.model.observation import Failure
from argocd_release.model.outcome import Outcome
from argocd_release.release import sinks
from argocd_release.verdict.expectation import Expectation
from argocd_release.verdict.judge import judge
from argocd_release.verdict.pending import hydration_failure, unhydrated
from argocd_release.verdict.symptom_history import SymptomHistory
from tests.unit import states

DRY, OLDER_DRY = "d" * 40, "c" * 40
HYDRATED = states.NEW
REPOSITORY = "https://git.example.com/team/web.git"


def document(
    *, phase: str | None = "Hydrated", message: str = "", requested: bool = False, **status: Any
) -> dict[str, Any]:
    found = states.document()
    found["spec"].pop("source", None)
    dry = {"repoURL": REPOSITORY, "path": "chart", "targetRevision": "main"}
    found["spec"]["sourceHydrator"] = {"drySource": dry, "syncSource": {"targetBranch": "env/dev", "path": "web"}}
    if requested:
        found["metadata"]["annotations"] = {"argocd.argoproj.io/hydrate": "normal"}
    operation = {"phase": phase, "message": message, "drySHA": DRY, "finishedAt": "2026-01-01T00:00:03Z"}
    last = {"drySHA": DRY, "hydratedSHA": HYDRATED}
    hydrator = {"lastSuccessfulOperation": last, "lastComparedDryRevision": DRY} | status
    if phase:
        hydrator["currentOperation"] = operation
    found["status"]["sourceHydrator"] = hydrator
    return found


def application(**given: Any) -> Application:
    return parse_application(json.dumps(document(**given)))


def verdict(
    *looks: Application | Failure, expectation: Expectation = Expectation(), seconds: float = 1
) -> Outcome | None:
    history = SymptomHistory(expectation=expectation)
    for number, seen in enumerate(looks):
        history = history.observe(seen, now=number * seconds, compared=number == 0)
    return judge(looks[-1], history).outcome


def said(found: Application) -> str:
    missing = unhydrated(found)
    return missing.message if missing else ""


def test_what_a_pipeline_knows_is_the_dry_commit() -> None:
    found = application()
    assert (found.revisions, found.commits) == ((HYDRATED,), (DRY,))
    assert [str(source) for source in found.sources] == [f"{REPOSITORY} chart"]
    assert sinks.revision_of(found, "team/web") == DRY


def test_an_application_without_it_is_as_before() -> None:
    found = parse_application(json.dumps(states.document()))
    assert (found.hydration, found.commits, unhydrated(found)) == (None, found.revisions, None)


@pytest.mark.parametrize(
    ("revision", "outcome"),
    [(DRY, Outcome.DELIVERED), (DRY[:8], Outcome.DELIVERED), (OLDER_DRY, None), (HYDRATED, None)],
)
def test_what_is_expected_is_compared_with_the_dry_commit(revision: str, outcome: Outcome | None) -> None:
    assert verdict(application(), application(), expectation=Expectation(revision=revision)) is outcome


def test_a_commit_that_changes_nothing_is_delivered_without_another_hydration() -> None:
    later = application(lastComparedDryRevision=OLDER_DRY)
    assert later.commits == (OLDER_DRY,)
    assert verdict(later, later, expectation=Expectation(revision=OLDER_DRY)) is Outcome.DELIVERED


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (application(phase=None), texts.HYDRATION_NOT_BEGUN),
        (application(phase="Nonsense"), texts.HYDRATION_NOT_BEGUN),
        (application(requested=True), texts.DRY_COMMIT_UNREAD),
        (application(phase="Failed", requested=True), texts.DRY_COMMIT_UNREAD),
        (application(phase="Hydrating"), texts.HYDRATING),
        (
            application(phase="Hydrating", requested=True),
            texts.HYDRATING,
        ),
        (
            application(phase="Failed", message="Failed to hydrate: no\nway"),
            texts.HYDRATION_OF_FAILED.fill(revision=12 * "d", reason="no way"),
        ),
        (application(), ""),
    ],
)
def test_until_it_is_hydrated_nothing_is_delivered(found: Application, says: str) -> None:
    assert said(found) == says
    assert (verdict(found, found) is Outcome.DELIVERED) == (not says)


def test_what_is_hydrated_must_be_compared_with() -> None:
    fresh: dict[str, Any] = {"lastSuccessfulOperation": {"drySHA": DRY, "hydratedSHA": "e" * 40}}
    late = document(**fresh)
    late["status"]["sourceHydrator"]["currentOperation"]["finishedAt"] = "2026-01-01T00:00:06Z"
    assert said(parse_application(json.dumps(late))) == texts.HYDRATED_UNCOMPARED.fill(revision="eeeeeeeeeeee")
    # Argo CD has compared after the hydration, because another commit was pushed to the same branch.
    assert unhydrated(application(**fresh)) is None


def test_a_hydration_that_fails_is_a_failed_sync_after_its_grace() -> None:
    failed = application(phase="Failed", message="Failed to hydrate: failed to get manifests")
    assert verdict(failed, failed, seconds=9) is None
    assert verdict(failed, failed, seconds=11) is Outcome.SYNC_FAILED


def test_a_commit_server_that_is_away_is_no_failure_of_the_release() -> None:
    away = application(
        phase="Failed",
        message="Failed to hydrate: failed to commit hydrated manifests: rpc error: code = Unavailable desc = connection refused",
    )
    assert verdict(away, away, seconds=30) is None
    assert verdict(away, away, seconds=61) is Outcome.UNREACHABLE


def test_a_failure_of_before_says_nothing_of_what_is_asked_now() -> None:
    assert hydration_failure(application(phase="Failed", message="no", requested=True)) is None


def test_where_somebody_brings_it_to_the_branch_its_dry_commit_is_not_known() -> None:
    staged = document()
    staged["spec"]["sourceHydrator"]["hydrateTo"] = {"targetBranch": "env/dev-next"}
    found = parse_application(json.dumps(staged))
    assert (found.commits, unhydrated(found)) == ((), None)
    assert verdict(found, found) is Outcome.DELIVERED
    assert verdict(found, found, expectation=Expectation(revision=DRY)) is None


def test_nothing_known_is_nothing_seen() -> None:
    assert Hydration(phase=HydrationPhase.HYDRATED).commit == ""
    assert verdict(Failure(kind=FailureKind.TIMED_OUT, message="")) is None
