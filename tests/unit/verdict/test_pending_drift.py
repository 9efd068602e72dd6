"""Test an application that is OutOfSync after a successful sync: each cause has its own message and hint."""

from dataclasses import replace
from typing import Any

import pytest

from argocd_release.diagnosis.collect import drift_cause, drifted_resource
from argocd_release.messages import causes
from argocd_release.messages.drift import CHANGED_BY_HAND
from argocd_release.messages.verdict import OTHER_SYNC, PRUNE_OFF, SYNC_TERMINATED, WITH_STATUS
from argocd_release.messages.verdict import SHARED as SHARED_TEXT
from argocd_release.model.application import Application
from argocd_release.model.outcome import Outcome, Verdict
from argocd_release.model.problem import CauseCode
from argocd_release.verdict.judge import judge
from argocd_release.verdict.symptom_history import SymptomHistory
from argocd_release.verdict.symptoms import GracePeriods
from tests.unit.states import OLD, application

OLD_MAP = {"kind": "ConfigMap", "namespace": "web", "name": "old", "status": "OutOfSync", "requiresPruning": True}
SHARED = {"type": "SharedResourceWarning", "message": "Deployment/web is part of applications argocd/web and shop"}


def after(seconds: float, *states: Application) -> Verdict:
    """Return the verdict on the last of the looks, which are evenly spread over these seconds."""
    history = SymptomHistory(graces=GracePeriods(stuck_grace=60))
    for index, state in enumerate(states):
        history = history.observe(state, now=seconds * index / max(len(states) - 1, 1), compared=True)
    return judge(states[-1], history)


def out_of_sync(*resources: dict[str, Any], **parts: Any) -> Application:
    extra = {"resources": list(resources)} if resources else {}
    return application(sync="OutOfSync", **extra, **parts)


@pytest.mark.parametrize(
    ("state", "code", "hint"),
    [
        (
            out_of_sync(OLD_MAP, results=[{"kind": "ConfigMap", "namespace": "web", "name": "old", "status": "PruneSkipped", "message": "ignored (no prune)"}]),
            CauseCode.PRUNE_FALSE,
            causes.HINTS["prune-false"],
        ),
        (out_of_sync(OLD_MAP | {"health": {"status": "Progressing", "message": "Pending deletion"}}), CauseCode.DELETION_PENDING, causes.HINTS["deletion-pending"]),
        (out_of_sync(OLD_MAP | {"health": {"status": "Progressing", "message": "Pending deletion; blocked by finalizers: example.com/hold"}}), CauseCode.DELETION_PENDING, causes.HINTS["deletion-pending"]),
        (out_of_sync(conditions=[SHARED]), CauseCode.SHARED_RESOURCE, causes.HINTS["shared-resource"]),
        (out_of_sync(OLD_MAP), CauseCode.PRUNE_OFF, PRUNE_OFF.hint),
        (out_of_sync(), CauseCode.OUT_OF_SYNC, causes.HINTS["out-of-sync"]),
    ],
)  # fmt: skip
def test_each_cause_has_its_own_hint(state: Application, code: CauseCode, hint: str) -> None:
    verdict = after(61, state, state)
    assert verdict.outcome is Outcome.NOT_DELIVERED
    assert verdict.code is code
    assert verdict.hint == hint
    assert "selfHeal" not in verdict.hint, "selfHeal would fight the other controller"


def test_the_other_application_is_named() -> None:
    state = out_of_sync(conditions=[SHARED])
    shared = SHARED_TEXT.fill(resource="Deployment/web", application="shop")
    assert after(61, state, state).reason == WITH_STATUS.fill(status="OutOfSync", message=shared)


BY_HAND = CHANGED_BY_HAND.fill_hint(application="argocd/web")


def fields(manager: str, time: str, **more: Any) -> dict[str, Any]:
    return {"manager": manager, "time": time, "fieldsV1": {"f:spec": {}}} | more


@pytest.mark.parametrize(
    ("managed", "code", "hint"),
    [
        ([fields("autoscaler", "2026-01-01T00:00:09Z")], CauseCode.OVERWRITTEN, causes.HINTS["overwritten"]),
        ([fields("kubectl-edit", "2026-01-01T00:00:09Z")], CauseCode.OUT_OF_SYNC, BY_HAND),
        ([fields("kubectl", "", subresource="scale")], CauseCode.OUT_OF_SYNC, BY_HAND),
        ([fields("kube-controller-manager", "2026-01-01T00:00:09Z", subresource="status")], None, ""),
        ([fields("argocd-controller", "2026-01-01T00:00:09Z")], None, ""),
        ([fields("helm", "2025-01-01T00:00:00Z"), fields("argocd-controller", "2026-01-01T00:00:04Z")], None, ""),
    ],
)
def test_the_manager_decides_the_hint(managed: list[dict[str, Any]], code: CauseCode | None, hint: str) -> None:
    state = out_of_sync()
    item = drifted_resource(state)
    assert item is not None
    cause = drift_cause(state, item, {"metadata": {"managedFields": managed}})
    assert (cause.code if cause else None) is code
    assert (cause.hint if cause else "") == hint


@pytest.mark.parametrize(
    ("result", "phase", "code"),
    [
        ({"status": "Synced"}, "Succeeded", CauseCode.NOT_KEPT),
        ({"status": "SyncFailed"}, "Failed", None),
        ({"status": "Synced", "name": "another"}, "Succeeded", None),
    ],
)
def test_a_difference_that_a_sync_does_not_remove(result: dict[str, Any], phase: str, code: CauseCode | None) -> None:
    deployment = {"group": "apps", "kind": "Deployment", "namespace": "web", "name": "web"} | result
    state = out_of_sync(phase=phase, results=[deployment])
    item = drifted_resource(state)
    assert item is not None
    cause = drift_cause(
        state, item, {"metadata": {"managedFields": [fields("argocd-controller", "2026-01-01T00:00:04Z")]}}
    )
    assert (cause.code if cause else None) is code


def test_a_comparison_before_the_end_of_the_sync_does_not_show_that_nothing_was_kept() -> None:
    deployment = {"group": "apps", "kind": "Deployment", "namespace": "web", "name": "web", "status": "Synced"}
    early = replace(out_of_sync(phase="Succeeded", results=[deployment]), reconciled_at="2020-01-01T00:00:00Z")
    item = drifted_resource(early)
    assert item is not None
    assert drift_cause(early, item, {"metadata": {"managedFields": []}}) is None


def test_a_dry_run_applies_nothing_that_could_be_kept() -> None:
    deployment = {"group": "apps", "kind": "Deployment", "namespace": "web", "name": "web", "status": "Synced"}
    state = out_of_sync(phase="Succeeded", results=[deployment])
    assert state.operation is not None
    dry = replace(state, operation=replace(state.operation, dry_run=True))
    item = drifted_resource(dry)
    assert item is not None
    assert drift_cause(dry, item, {"metadata": {"managedFields": []}}) is None


BUSY = {"sync": "OutOfSync", "phase": "Running", "operated": OLD}


def step(status: str) -> Application:
    return application(**BUSY, results=[{"kind": "Deployment", "name": "web", "status": status, "hookPhase": ""}])


def test_a_sync_of_an_earlier_revision_that_hangs_ends_the_release() -> None:
    verdict = after(61, step("Synced"), step("Synced"))
    assert verdict.outcome is Outcome.NOT_DELIVERED
    assert verdict.code is CauseCode.SYNC_BUSY
    assert verdict.hint == OTHER_SYNC.fill_hint(application="argocd/web")


def test_one_that_makes_progress_does_not() -> None:
    assert after(61, step(""), step("Synced")).outcome is None


def test_one_that_waits_for_its_next_attempt_does_not() -> None:
    waits = application(**BUSY, retries=1)
    assert after(61, waits, waits).outcome is None


def test_a_sync_that_a_person_ended_is_said_to_be() -> None:
    ended = application(sync="OutOfSync", phase="Failed", results=[])
    ended = application(sync="OutOfSync", phase="Failed", operationState=_ended(ended))
    verdict = after(1, ended, ended)
    assert verdict.code is CauseCode.SYNC_TERMINATED
    assert verdict.hint == SYNC_TERMINATED.fill_hint(application="argocd/web")


def _ended(state: Application) -> dict[str, Any]:
    assert state.operation is not None
    return {
        "phase": "Failed",
        "message": "Operation terminated",
        "startedAt": state.operation.started_at,
        "finishedAt": "2026-01-01T00:00:05Z",
        "syncResult": {"revision": state.revision},
    }
