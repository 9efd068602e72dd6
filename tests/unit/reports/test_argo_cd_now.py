"""Test the line that says what Argo CD does after a failed release, so that the reader sees if it helps to wait."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from argocd_release.argocd.application_json import parse_application
from argocd_release.messages import reports as texts
from argocd_release.model.observation import SyncWindow
from argocd_release.model.outcome import Outcome, Verdict
from argocd_release.model.problem import CauseCode, Problem, ResourceRef, Subject
from argocd_release.model.result import ApplicationResult, Diagnosis
from argocd_release.reports.argo_cd_now import argo_cd_now
from argocd_release.reports.summary import state
from tests.unit.states import NEW, OLD, document

POD = Subject(ref=ResourceRef("", "Pod", "web", "web-x"), root=ResourceRef("apps", "Deployment", "web", "web"))
ERROR = [{"type": "ComparisonError", "message": "cannot render"}]
FAILED = {"kind": "Deployment", "name": "web", "status": "SyncFailed", "message": "is invalid"}
FAILED_HOOK = {"kind": "Job", "name": "migrate", "status": "Synced", "hookType": "PreSync", "hookPhase": "Failed"}


def ended(
    *,
    outcome: Outcome = Outcome.SYNC_FAILED,
    code: CauseCode | None = None,
    cause: Problem | None = None,
    limit: int | None = 5,
    refresh: bool = False,
    policy: dict[str, Any] | None = None,
    annotations: dict[str, str] | None = None,
    deleted: bool = False,
    **parts: Any,
) -> ApplicationResult:
    whole = document(**parts)
    whole["spec"]["syncPolicy"] = {"automated": {}} if policy is None else policy
    whole["metadata"]["annotations"] = annotations or {}
    if deleted:
        whole["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    if "operationState" in whole["status"] and limit is not None:
        whole["status"]["operationState"]["operation"] = {"retry": {"limit": limit, "refresh": refresh}}
    return ApplicationResult(
        verdict=Verdict(outcome=outcome, reason="because", code=code), name="web", url="", image_tag="", seconds=1,
        ended_at=datetime(2026, 1, 1, 0, 5, tzinfo=UTC), application=parse_application(json.dumps(whole)),
        diagnosis=Diagnosis(cause=cause),
    )  # fmt: skip


RETRIES: dict[str, Any] = {"sync": "OutOfSync", "phase": "Running", "retries": 2}
STUCK: dict[str, Any] = {"sync": "OutOfSync", "phase": "Succeeded"}


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({**RETRIES, "results": [FAILED]}, "retries the sync by itself: attempt 3 of 6 begins at 00:00:25 UTC, and fails in the same way until the cause is removed"),
        ({**RETRIES, "results": [FAILED], "refresh": True}, "retries the sync by itself: attempt 3 of 6 begins at 00:00:25 UTC, and takes the latest commit of the branch"),
        ({**RETRIES, "results": [FAILED], "limit": -1}, "retries the sync by itself: attempt 3 (without a limit) begins at 00:00:25 UTC, and fails in the same way until the cause is removed"),
        ({**RETRIES, "results": [FAILED], "code": CauseCode.WEBHOOK_FAILED}, "retries the sync by itself: attempt 3 of 6 begins at 00:00:25 UTC, and can succeed without a change in git"),
        ({**RETRIES, "results": [FAILED_HOOK]}, "retries the sync by itself: attempt 3 of 6 begins at 00:00:25 UTC, and runs the hook again"),
        ({"sync": "OutOfSync", "phase": "Running"}, "is syncing this revision: attempt 1 of 6, since 00:00:04 UTC"),
        ({"sync": "OutOfSync", "phase": "Running", "operated": OLD}, f"is still syncing {OLD[:8]} (attempt 1 of 6), and syncs this revision only after that"),
        ({"sync": "OutOfSync", "phase": "Terminating"}, texts.NOW_ENDS_SYNC),
        ({"sync": "OutOfSync", "phase": "Failed", "retries": 5, "results": [FAILED]}, "has given up: all 6 attempts failed, and it does not sync this revision again by itself"),
        ({"sync": "OutOfSync", "phase": "Failed", "results": [FAILED]}, "has given up: the only attempt failed, and it does not sync this revision again by itself"),
        ({"sync": "Unknown", "conditions": ERROR}, texts.NOW_COMPARES_AGAIN),
        ({"sync": "OutOfSync", "phase": "Failed", "policy": {}}, texts.NOW_WAITS_FOR_USER),
        ({"sync": "OutOfSync", "operated": OLD}, texts.NOW_SYNCS_SOON),
        (STUCK, texts.NOW_SYNCED_ALREADY),
        ({**STUCK, "policy": {"automated": {"selfHeal": True}}}, texts.NOW_HEALS),
        ({"health": "Degraded"}, texts.NOW_WATCHES),
        ({"health": "Progressing", "cause": Problem(code=CauseCode.CRASH_LOOP, message="x", subject=POD)}, texts.NOW_KUBERNETES_RETRIES),
        ({}, texts.NOW_SYNCED),
        ({"phase": "Failed", "results": [FAILED_HOOK]}, "has given up: the only attempt failed, and it does not sync this revision again by itself"),
        ({"deleted": True}, texts.NOW_DELETES),
        ({**STUCK, "annotations": {"argocd.argoproj.io/skip-reconcile": "true"}}, texts.NOW_SKIPS),
        ({"outcome": Outcome.DELIVERED}, ""),
        ({"outcome": Outcome.UNREACHABLE}, ""),
    ],
)  # fmt: skip
def test_what_argo_cd_does(parts: dict[str, Any], expected: str) -> None:
    assert argo_cd_now(ended(**parts)) == expected


OPENS = SyncWindow(windows="x", opens="2026-01-01 20:00 UTC")


@pytest.mark.parametrize(
    ("parts", "window", "expected"),
    [
        # Argo CD does not sync an attempted revision again after the window (argo-cd v3.6.1 appcontroller.go autoSync).
        ({"sync": "OutOfSync", "phase": "Failed", "results": [FAILED]}, OPENS, texts.NOW_GAVE_UP.fill(attempts=texts.NOW_THE_ATTEMPT)),
        (STUCK, OPENS, texts.NOW_SYNCED_ALREADY),
        ({**STUCK, "policy": {"automated": {"selfHeal": True}}}, OPENS, texts.NOW_SYNCS_AT.fill(time=OPENS.opens)),
        ({"sync": "OutOfSync", "operated": OLD}, OPENS, texts.NOW_SYNCS_AT.fill(time=OPENS.opens)),
        ({"sync": "OutOfSync", "operated": OLD}, SyncWindow(windows="x"), texts.NOW_WAITS_FOR_WINDOW),
        ({"sync": "OutOfSync", "operated": OLD}, SyncWindow(windows="x", stays_closed=True), "does nothing: the sync window allows no sync within the next 32 days"),
    ],
)  # fmt: skip
def test_a_sync_window_only_delays_a_sync_that_follows(
    parts: dict[str, Any], window: SyncWindow, expected: str
) -> None:
    result = ended(**parts)
    assert result.application is not None
    assert argo_cd_now(replace(result, application=replace(result.application, sync_window=window))) == expected


def test_a_terminated_sync_is_not_repeated() -> None:
    result = ended(**STUCK | {"phase": "Failed"})
    assert result.application is not None
    assert result.application.operation is not None
    operation = replace(result.application.operation, message="Operation terminated")
    result = replace(result, application=replace(result.application, operation=operation))
    assert argo_cd_now(result) == texts.NOW_TERMINATED


def test_the_state_says_why_the_job_did_not_wait() -> None:
    result = ended(sync="OutOfSync", phase="Failed", revision=NEW)
    early = replace(result, timeout=300, verdict=replace(result.verdict, ended_early=texts.ENDED_BECAUSE_OF["PODS"]))
    assert state(early)[texts.ENDED_EARLY].startswith("the timeout is 300 s, but ")
    assert not state(result)[texts.ENDED_EARLY]
    assert not state(replace(early, timeout=0))[texts.ENDED_EARLY]
