"""Test that a success waits for the owners of the application's spec, and that a revert succeeds."""

import json
from dataclasses import replace

import pytest

from argocd_release.argocd.application_json import parse_application
from argocd_release.messages import verdict as texts
from argocd_release.messages.verdict import SPEC_CHANGED
from argocd_release.model.application import Application
from argocd_release.model.git import Hydration, HydrationPhase
from argocd_release.model.observation import Owner, OwnerRef, OwnerState
from argocd_release.model.outcome import Outcome, Verdict
from argocd_release.model.problem import CauseCode
from argocd_release.verdict.expectation import Expectation
from argocd_release.verdict.judge import judge
from argocd_release.verdict.symptom_history import SymptomHistory
from tests.support.wording import fields_of
from tests.unit.states import NEW, OLD, application

HERE = "https://git.example.com/shop/deploy.git"


def verdict(state: Application, expectation: Expectation = Expectation()) -> Verdict:
    history = SymptomHistory(expectation=expectation)
    for now in (0, 1):
        history = history.observe(state, now=now, compared=True)
    return judge(state, history)


def owned(state: OwnerState, *, repository: str = "", kind: str = "Application", **parts: object) -> Application:
    repositories = (repository,) if repository else ()
    owner = Owner(kind=kind, name="shop", state=state, detail=texts.OWNER_HIDDEN, repositories=repositories)
    return replace(application(**parts), owners=(owner,))


def test_a_pending_owner_keeps_the_release_from_being_delivered() -> None:
    found = verdict(owned(OwnerState.PENDING))
    assert found.outcome is None
    assert found.code is CauseCode.OWNER_PENDING
    assert fields_of(found.reason, texts.OWNER_PENDING) == {"owner": "Application/shop", "detail": texts.OWNER_HIDDEN}


def test_a_hidden_owner_is_a_caveat() -> None:
    found = verdict(owned(OwnerState.HIDDEN))
    assert found.outcome is Outcome.DELIVERED
    assert fields_of(found.caveat, texts.OWNER_CAVEAT) == {"owner": "Application/shop", "detail": texts.OWNER_HIDDEN}


def test_a_current_owner_leaves_no_caveat() -> None:
    found = verdict(owned(OwnerState.CURRENT))
    assert (found.outcome, found.caveat) == (Outcome.DELIVERED, "")


def test_an_owner_of_another_repository_does_not_matter_to_an_expected_revision() -> None:
    state = owned(OwnerState.PENDING, repository="https://git.example.com/platform/apps.git")
    assert verdict(state, Expectation(revision=NEW)).outcome is Outcome.DELIVERED


def test_a_spec_that_changed_since_the_comparison_is_waited_for() -> None:
    found = verdict(replace(application(), spec_compared=False))
    assert found.outcome is None
    assert found.reason == SPEC_CHANGED.text


METADATA = {"name": "web", "namespace": "argocd"}
TRACKED = "argoproj.io/Application:argocd/web"


@pytest.mark.parametrize(
    ("metadata", "names"),
    [
        ({"annotations": {"argocd.argoproj.io/tracking-id": f"parent:{TRACKED}"}}, ["parent"]),
        ({"annotations": {"argocd.argoproj.io/tracking-id": f"team_parent:{TRACKED}"}}, ["team/parent"]),
        ({"annotations": {"argocd.argoproj.io/tracking-id": "parent:apps/Deployment:web/web"}}, []),
        ({"labels": {"app.kubernetes.io/instance": "parent"}}, ["parent"]),
        ({"labels": {"argocd.argoproj.io/instance": "parent"}}, ["parent"]),
        ({"ownerReferences": [{"kind": "ApplicationSet", "name": "set"}]}, ["argocd/set"]),
        ({}, []),
    ],
)
def test_owners_are_found_by_every_tracking_method(metadata: dict[str, object], names: list[str]) -> None:
    document = {"metadata": METADATA | metadata, "spec": {}, "status": {}}
    refs: tuple[OwnerRef, ...] = parse_application(json.dumps(document)).owner_refs
    assert [ref.name for ref in refs] == names


@pytest.mark.parametrize(("now", "compared"), [("1", True), ("2", False)])
def test_the_spec_is_held_against_the_one_that_was_compared(now: str, *, compared: bool) -> None:
    def source(tag: str, **more: object) -> dict[str, object]:
        return {"repoURL": HERE, "helm": {"parameters": [{"name": "tag", "value": tag}]}, **more}

    before = {"source": source("1", directory={"jsonnet": {}})}
    document = {"metadata": METADATA, "spec": {"source": source(now)}, "status": {"sync": {"comparedTo": before}}}
    assert parse_application(json.dumps(document)).spec_compared is compared


@pytest.mark.parametrize(
    ("spec", "compared_to"),
    [
        # If there are several sources, Argo CD also writes an empty one (seen on 2.13.2 and 3.6.1).
        ({"sources": [{"repoURL": HERE}]}, {"source": {"repoURL": ""}, "sources": [{"repoURL": HERE}]}),
        # Go omits values that are false or empty, but a person can write them.
        (
            {"source": {"repoURL": HERE, "directory": {"recurse": False}, "helm": {"skipCrds": False, "values": ""}}},
            {"source": {"repoURL": HERE}},
        ),
    ],
)
def test_what_argo_cd_writes_in_another_way_is_no_other_spec(
    spec: dict[str, object], compared_to: dict[str, object]
) -> None:
    document = {"metadata": METADATA, "spec": spec, "status": {"sync": {"comparedTo": compared_to}}}
    assert parse_application(json.dumps(document)).spec_compared


@pytest.mark.parametrize(
    ("result", "outcome"),
    [
        ({"status": "SyncFailed"}, Outcome.DELIVERED),
        ({"status": "Synced", "hookPhase": "Failed", "hookType": "PostSync"}, Outcome.SYNC_FAILED),
    ],
)
def test_a_revert_succeeds_unless_a_hook_failed(result: dict[str, str], outcome: Outcome) -> None:
    failed = {"kind": "Deployment", "name": "web", "message": "invalid", **result}
    document = {
        "metadata": METADATA,
        "spec": {"source": {"repoURL": HERE}},
        "status": {
            "sync": {"status": "Synced", "revision": NEW},
            "health": {"status": "Healthy"},
            "reconciledAt": "2026-01-01T00:01:00Z",
            "resources": [{"kind": "ConfigMap", "name": "c", "status": "Synced"}],
            "operationState": {
                "phase": "Failed",
                "finishedAt": "2026-01-01T00:00:00Z",
                "syncResult": {"revision": OLD, "resources": [failed]},
            },
        },
    }
    assert verdict(parse_application(json.dumps(document))).outcome is outcome


@pytest.mark.parametrize(("is_elsewhere", "revision", "has_caveat"), [(True, "", True), (False, "", False)])
def test_a_dry_repository_of_its_own_proves_nothing(*, is_elsewhere: bool, revision: str, has_caveat: bool) -> None:
    hydration = Hydration(
        phase=HydrationPhase.HYDRATED, dry_revision=OLD, hydrated_revision=NEW, is_elsewhere=is_elsewhere
    )
    found = verdict(replace(application(), hydration=hydration), Expectation(revision=revision))
    assert found.outcome is Outcome.DELIVERED
    assert bool(found.caveat) is has_caveat
