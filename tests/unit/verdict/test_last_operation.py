"""Test which failures of the last operation still matter, and what is said about an operation that waits."""

from dataclasses import replace
from typing import Any

import pytest

from argocd_release.messages import causes
from argocd_release.messages import verdict as texts
from argocd_release.model.application import Application
from argocd_release.model.git import Deployment
from argocd_release.model.outcome import Outcome, Verdict
from argocd_release.model.problem import CauseCode, Condition
from argocd_release.model.resource_tree import Node, Workloads
from argocd_release.verdict.judge import judge
from argocd_release.verdict.symptom_history import SymptomHistory
from tests.unit.states import NEW, OLD, application, failing

REJECTED = [{"kind": "ConfigMap", "name": "web", "status": "SyncFailed", "message": "is invalid"}]
HOOK = [{"kind": "Job", "name": "migrate", "hookType": "PreSync", "hookPhase": "Failed", "message": "Terminated"}]
NOT_FOUND = "ComparisonError: Failed to load target state: unable to resolve 'typo' to a commit SHA"


def look_at(state: Application, *seconds: float) -> Verdict:
    """Return the verdict after looks at these seconds, each of which includes a comparison."""
    history = SymptomHistory()
    for now in (0, *seconds):
        history = history.observe(state, now=now, compared=True)
    return judge(state, history)


def failed(message: str, *, results: list[dict[str, Any]] | None = None, **operation: Any) -> Application:
    """Return an application that is Synced and Healthy, and whose last operation has failed with the message."""
    state = application(phase="Failed", operated=operation.pop("operated", OLD), results=results or [])
    assert state.operation is not None
    deployed = Deployment(revisions=(operation.pop("deployed", NEW),), parameters=())
    return replace(state, operation=replace(state.operation, message=message, **operation), deployed=deployed)


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        # A user has requested a sync of a branch that does not exist.
        (failed(NOT_FOUND, revisions=(), requested=("typo",)), Outcome.DELIVERED),
        # The same, but nothing proves that the sync of the compared revision succeeded before it.
        (failed(NOT_FOUND, revisions=(), requested=("typo",), deployed=OLD), Outcome.SYNC_FAILED),
        # Argo CD could not render an earlier commit, and the compared commit reverts it.
        (failed("rpc error: code = Unavailable", automated=True, deployed=OLD), Outcome.DELIVERED),
        (failed("Operation terminated", automated=True, deployed=OLD), Outcome.DELIVERED),
        (failed("Operation terminated", automated=True, deployed=OLD, results=HOOK), Outcome.SYNC_FAILED),
        # A user has synced one resource of the compared revision, which was synced as a whole before.
        (failed("is invalid", operated=NEW, partial=True, results=REJECTED), Outcome.DELIVERED),
        (failed("is invalid", operated=NEW, partial=True, results=REJECTED, deployed=OLD), Outcome.SYNC_FAILED),
        (failed("is invalid", operated=NEW, results=REJECTED), Outcome.SYNC_FAILED),
    ],
)
def test_a_failure_counts_unless_a_synced_application_proves_that_it_is_over(
    state: Application, outcome: Outcome
) -> None:
    assert look_at(state, 1).outcome is outcome


@pytest.mark.parametrize(
    ("operation", "deployed", "caveat"),
    [
        ({"partial": True}, OLD, texts.FULL_SYNC_UNPROVEN),
        ({"partial": True}, NEW, ""),
        ({"partial": True, "automated": True}, OLD, ""),
        ({}, OLD, ""),
    ],
)
def test_a_sync_of_some_resources_proves_no_hook(operation: dict[str, Any], deployed: str, caveat: str) -> None:
    state = application()
    assert state.operation is not None
    history = Deployment(revisions=(deployed,), parameters=())
    state = replace(state, operation=replace(state.operation, **operation), deployed=history)
    verdict = look_at(state, 1)
    assert (verdict.outcome, verdict.caveat) == (Outcome.DELIVERED, caveat)


def test_a_shared_resource_that_fails_the_sync_is_the_cause() -> None:
    """The sync option FailOnSharedResource fails the sync before it has a result."""
    state = application(sync="OutOfSync", phase="Failed")
    assert state.operation is not None
    message = "Shared resource found: ConfigMap/web is part of applications argocd/web and argocd/other"
    state = replace(state, operation=replace(state.operation, message=message))
    verdict = look_at(state, 1)
    assert (verdict.outcome, verdict.code) == (Outcome.SYNC_FAILED, CauseCode.SHARED_RESOURCE)
    assert "argocd/other" in verdict.reason
    assert verdict.hint == causes.HINTS["shared-resource"]


def test_a_sync_error_about_a_shared_resource_has_the_same_cause() -> None:
    """Argo CD 3 repeats the message of the sync in a condition."""
    message = (
        "Failed last sync attempt to [3f2c1ab]: Shared resource found: ConfigMap/web is part of applications a and b"
    )
    condition = Condition(type="SyncError", message=message)
    assert condition.code is CauseCode.SHARED_RESOURCE


def waiting(message: str, **parts: Any) -> Application:
    state = application(sync="OutOfSync", phase="Running", **parts)
    assert state.operation is not None
    return replace(state, operation=replace(state.operation, message=message))


def test_a_sync_that_a_sync_window_blocks_is_not_a_sync_that_hangs() -> None:
    for operated in (NEW, OLD):
        state = waiting("Sync operation blocked by sync window", operated=operated)
        verdict = look_at(state, 100, 200)
        assert (verdict.outcome, verdict.code, verdict.reason) == (
            None, CauseCode.SYNC_WINDOW, texts.SYNC_BLOCKED.text,
        )  # fmt: skip
        assert verdict.hint == texts.SYNC_BLOCKED.hint
        timeout = replace(verdict, outcome=Outcome.TIMED_OUT)
        assert not timeout.asks_cluster, "the pods of the hook that has ended are not the cause"


MIGRATES = [{"kind": "Job", "name": "migrate", "hookType": "PreSync", "hookPhase": "Running"}]
STARTING = Node(
    uid="p", owner="r", group="", version="v1", kind="Pod", namespace="web", name="web-1", health="Progressing",
    message="", created_at="", images=(),
)  # fmt: skip


@pytest.mark.parametrize(
    ("results", "workloads", "outcome"),
    [
        (MIGRATES, Workloads(), None),
        ([], Workloads(unready=(STARTING,)), None),
        (MIGRATES, Workloads(failing=(failing("migrate-1", of_job=True),)), Outcome.NOT_DELIVERED),
        ([], Workloads(unready=(STARTING,), failing=(failing("web-1"),)), Outcome.NOT_DELIVERED),
        ([], Workloads(), Outcome.NOT_DELIVERED),
        (MIGRATES, None, Outcome.NOT_DELIVERED),
    ],
)
def test_an_earlier_sync_hangs_unless_its_hook_runs_or_its_pods_start(
    results: list[dict[str, Any]], workloads: Workloads | None, outcome: Outcome | None
) -> None:
    state = replace(waiting("waiting for completion of hook", operated=OLD, results=results), workloads=workloads)
    verdict = look_at(state, 30, 61)
    assert (verdict.outcome, verdict.code) == (outcome, CauseCode.SYNC_BUSY)


def test_a_sync_that_waits_for_a_confirmation_says_how_to_confirm() -> None:
    state = waiting("waiting for pruning confirmation of /ConfigMap/old")
    verdict = look_at(state, 100)
    assert (verdict.outcome, verdict.code) == (None, CauseCode.SYNC_RUNNING)
    assert verdict.hint == texts.PRUNE_UNCONFIRMED.fill_hint(application="argocd/web")
    state = waiting("waiting for deletion of hook batch/Job/migrate")
    assert look_at(state, 100).hint == causes.HINTS["deletion-pending"]
