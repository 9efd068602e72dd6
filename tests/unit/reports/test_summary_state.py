"""The block about the state of a failed release: facts only where they are known."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from argocd_release.messages import causes
from argocd_release.messages import reports as texts
from argocd_release.model.outcome import Outcome, Verdict
from argocd_release.model.problem import CauseCode
from argocd_release.model.resource_tree import Node, Tree
from argocd_release.model.result import ApplicationResult, Diagnosis
from argocd_release.model.serving_pods import PodGroup, ServingPods, not_begun
from argocd_release.reports.summary import state
from tests.unit.states import NEW, OLD, application

ENDED_AT = datetime(2026, 1, 1, 0, 5, tzinfo=UTC)
BEFORE, AFTER = "2026-01-01T00:00:00Z", "2026-01-01T00:00:30Z"
OLD_POD = PodGroup(count=1, ready=1, images=("web:1",), oldest=BEFORE, youngest=BEFORE)
NEW_POD = PodGroup(count=1, ready=1, images=("web:2",), oldest=AFTER, youngest=AFTER)
STARTING = PodGroup(count=1)
#: Argo CD's history: a deployment of another revision before this one.
HISTORY = [{"revision": OLD, "id": 1, "deployedAt": BEFORE}]
SYNC_FAILED: dict[str, Any] = {"sync": "OutOfSync", "phase": "Failed", "history": HISTORY}


def ended(
    serving: ServingPods | None = None,
    *,
    outcome: Outcome = Outcome.DEGRADED,
    code: CauseCode | None = None,
    **parts: Any,
) -> ApplicationResult:
    return ApplicationResult(
        verdict=Verdict(outcome=outcome, reason="because", code=code), name="web", url="", image_tag="", seconds=1,
        ended_at=ENDED_AT, application=application(**parts), diagnosis=Diagnosis(serving=serving), expects="image 2",
    )  # fmt: skip


def hook(kind: str, phase: str, **fields: str) -> dict[str, str]:
    return {"kind": "Job", "name": "migrate", "namespace": "web", "hookType": kind, "hookPhase": phase} | fields


def applied(name: str, status: str = "Synced") -> dict[str, str]:
    return {
        "kind": "Deployment",
        "group": "apps",
        "name": name,
        "namespace": "web",
        "status": status,
        "message": "configured",
    }


NEW_RUNS = "web:2, since 2026-01-01 00:00:30 UTC (4m ago, 1 of 1 pod ready)"
#: A sync that has changed the Deployment of an application that was released before.
UPDATED: dict[str, Any] = {"history": HISTORY, "results": [applied("web")]}


@pytest.mark.parametrize(
    ("serving", "parts", "runs_now", "old_version"),
    [
        (None, {}, texts.PODS_UNKNOWN, texts.UNKNOWN),
        (ServingPods(), {}, texts.NO_PODS, texts.NO_OLD_VERSION),
        (ServingPods(), {"history": HISTORY}, texts.NO_PODS, ""),
        (ServingPods(current=STARTING, earlier=OLD_POD), {}, "web:1, since 2026-01-01 00:00:00 UTC (5m ago, 1 of 1 pod ready)", texts.OLD_SERVES),
        (ServingPods(current=NEW_POD, earlier=OLD_POD), {}, "web:1, since 2026-01-01 00:00:00 UTC (5m ago, 1 of 1 pod ready); web:2, since 2026-01-01 00:00:30 UTC (4m ago, 1 of 1 pod ready)", texts.OLD_SERVES_TOO),
        (ServingPods(current=STARTING), {"history": HISTORY}, texts.NO_POD_READY, texts.OLD_GONE),
        (ServingPods(current=STARTING), {}, texts.NO_POD_READY, texts.NO_OLD_VERSION),
        (ServingPods(current=NEW_POD), UPDATED, NEW_RUNS, texts.REPLACED.fill(ready=1, pods="1 pod")),
        (ServingPods(current=NEW_POD), {"results": [applied("web")]}, NEW_RUNS, texts.NO_OLD_VERSION),
        # A sync that did not change the pods leaves those of the version before it.
        (ServingPods(current=OLD_POD), {}, "web:1, since 2026-01-01 00:00:00 UTC (5m ago, 1 of 1 pod ready)", texts.NOT_CHANGED),
        # Pods that are younger than the sync, for example because a node was drained.
        (ServingPods(current=NEW_POD), {"history": HISTORY}, NEW_RUNS, texts.NOT_CHANGED),
        (ServingPods(current=NEW_POD), UPDATED | {"results": [applied("web") | {"message": "deployment.apps/web unchanged"}]}, NEW_RUNS, texts.NOT_CHANGED),
        (ServingPods(current=NEW_POD), UPDATED | {"results": [applied("gear") | {"kind": "ConfigMap", "group": ""}]}, NEW_RUNS, texts.NOT_CHANGED),
        # The operator of a custom resource can have replaced the pods.
        (ServingPods(current=NEW_POD), UPDATED | {"results": [applied("gear") | {"kind": "Widget", "group": "example.com"}]}, NEW_RUNS, texts.UNKNOWN),
        # A sync of this revision was not necessary.
        (ServingPods(current=NEW_POD), UPDATED | {"operated": OLD}, NEW_RUNS, texts.NOT_CHANGED),
        # If a revision was synced several times, only the first sync shows whether the revision changed the pods.
        (ServingPods(current=OLD_POD), {"history": [*HISTORY, {"revision": NEW, "id": 2, "deployedAt": BEFORE}]}, "web:1, since 2026-01-01 00:00:00 UTC (5m ago, 1 of 1 pod ready)", texts.UNKNOWN),
        (ServingPods(current=OLD_POD), SYNC_FAILED, "web:1, since 2026-01-01 00:00:00 UTC (5m ago, 1 of 1 pod ready)", texts.OLD_SERVES),
        (ServingPods(current=replace(OLD_POD, more_images=2)), SYNC_FAILED, "web:1 and 2 more, since 2026-01-01 00:00:00 UTC (5m ago, 1 of 1 pod ready)", texts.OLD_SERVES),
        (ServingPods(current=replace(OLD_POD, oldest="", youngest="")), SYNC_FAILED, "web:1 (1 of 1 pod ready)", texts.OLD_SERVES),
    ],
)  # fmt: skip
def test_what_runs_now_and_if_the_old_version_serves(
    serving: ServingPods | None, parts: dict[str, Any], runs_now: str, old_version: str
) -> None:
    lines = state(ended(serving, **parts))
    assert lines[texts.RUNS_NOW] == runs_now
    assert lines[texts.OLD_VERSION] == old_version
    assert lines[texts.EXPECTED] == "image 2"


SHORT = f"revision {NEW[:8]}"
ONE_OF_TWO = [
    {"group": "apps", "kind": "Deployment", "namespace": "web", "name": name, "status": status, "health": {"status": "Healthy"}}
    for name, status in (("web", "Synced"), ("api", "OutOfSync"))
]  # fmt: skip


@pytest.mark.parametrize(
    ("parts", "compared"),
    [
        ({"health": "Progressing"}, texts.COMPARED.fill(revision=SHORT, applied=texts.APPLIED, health="Progressing (Deployment/web)")),
        (SYNC_FAILED, texts.COMPARED.fill(revision=SHORT, applied=texts.NOT_APPLIED, health="Healthy")),
        (SYNC_FAILED | {"results": [applied("web"), applied("api", "SyncFailed")], "resources": ONE_OF_TWO}, texts.COMPARED.fill(revision=SHORT, applied=texts.PARTLY_APPLIED.fill(applied=1, resources="2 resources"), health="Healthy")),
        ({"sync": "OutOfSync", "results": [applied("web")]}, texts.COMPARED.fill(revision=SHORT, applied=texts.DRIFTED, health="Healthy")),
        ({"sync": "Unknown"}, texts.NOT_COMPARED.fill(health="Healthy")),
        ({"code": CauseCode.OTHER_REVISION}, texts.COMPARED.fill(revision=texts.OTHER_REVISION.fill(revision=NEW[:8]), applied=texts.APPLIED, health="Healthy")),
    ],
)  # fmt: skip
def test_what_argo_cd_has(parts: dict[str, Any], compared: str) -> None:
    assert state(ended(**parts))[texts.ARGO_CD_HAS] == compared


@pytest.mark.parametrize(
    ("parts", "hooks"),
    [
        ({}, texts.NO_HOOKS),
        ({"operated": OLD, "sync": "OutOfSync"}, texts.NO_HOOKS_NO_SYNC),
        ({"phase": None}, texts.NO_HOOKS_NO_SYNC),
        ({"results": [hook("PreSync", "Failed")]}, "PreSync Job/migrate failed"),
        ({"results": [hook("PreSync", "Succeeded"), hook("PostSync", "Running", name="smoke")]}, "PreSync Job/migrate succeeded, PostSync Job/smoke has not ended"),
        ({"results": [hook("PreSync", "Failed", status="SyncFailed")]}, "PreSync Job/migrate was not created"),
        ({"results": [hook("PreSync", "Succeeded", name=f"h{number}") for number in range(5)]}, "PreSync Job/h0 succeeded, PreSync Job/h1 succeeded, PreSync Job/h2 succeeded and 2 more"),
    ],
)  # fmt: skip
def test_if_hooks_ran(parts: dict[str, Any], hooks: str) -> None:
    assert state(ended(**parts))[texts.HOOKS] == hooks


def test_a_job_that_has_seen_no_application_says_so() -> None:
    lines = state(replace(ended(outcome=Outcome.UNREACHABLE), application=None))
    assert lines == {texts.EXPECTED: "image 2", texts.STATUS: texts.NEVER_SHOWN}


def test_if_the_status_is_unknown_the_state_is_the_last_one_seen() -> None:
    lines = state(ended(outcome=Outcome.UNREACHABLE))
    assert texts.LAST_SEEN in lines
    assert texts.ARGO_CD_HAS not in lines


@pytest.mark.parametrize("outcome", [Outcome.DELIVERED, Outcome.SETTINGS, Outcome.NO_PREVIEW])
def test_other_outcomes_have_no_state(outcome: Outcome) -> None:
    assert state(ended(outcome=outcome)) == {}


def node(name: str, owner: str, **fields: Any) -> Node:
    defaults: dict[str, Any] = {"group": "", "kind": "Pod", "health": "Healthy", "images": ("web:1",)}
    return Node(
        uid=name, owner=owner, version="v1", namespace="web", name=name, message="", created_at=BEFORE,
        **defaults | {"info": {"Status Reason": "Running"}} | fields,
    )  # fmt: skip


def test_the_pods_of_the_old_and_of_the_new_revision_are_counted_apart() -> None:
    deployment = node("web", "", kind="Deployment", info={})
    old = node("web-old", "web", kind="ReplicaSet", info={"Revision": "Rev:1"})
    new = node("web-new", "web", kind="ReplicaSet", info={"Revision": "Rev:2"})
    job = node("migrate", "", kind="Job", info={})
    pods = (
        node("a", "web-old"), node("b", "web-old", health="Degraded"),
        node("c", "web-new", images=("web:2", "proxy:1"), health="Progressing", info={"Status Reason": "CrashLoopBackOff"}),
        node("d", "migrate"),
    )  # fmt: skip
    serving = ServingPods.of(Tree(nodes=(deployment, old, new, job, *pods)))
    assert serving.earlier == PodGroup(count=2, ready=1, images=("web:1",), oldest=BEFORE, youngest=BEFORE)
    assert serving.current == PodGroup(count=1)


def test_the_text_about_many_images_is_short() -> None:
    group = PodGroup.of([node("a", "web", images=tuple(f"web:{number}" for number in range(50)))])
    assert (len(group.images), group.more_images) == (3, 47)


def test_if_the_expected_version_never_came_no_pod_is_called_new() -> None:
    """«1 of 1 pod of the new version» stood beside «no pod runs the image»."""
    serving = ServingPods(current=NEW_POD)
    for code in (CauseCode.OTHER_REVISION, CauseCode.OTHER_IMAGE, CauseCode.OTHER_CHART_VERSION):
        assert state(ended(serving, code=code))[texts.OLD_VERSION] == texts.NOT_EXPECTED_RUNS
    assert state(ended(serving, code=CauseCode.NOT_COMPARED))[texts.OLD_VERSION] == texts.UNKNOWN


def test_the_hint_of_a_result_names_its_application_in_each_command() -> None:
    hint = causes.SYMPTOM_HINTS["ATTEMPTS_FAILED"]
    result = ended()
    result = replace(result, verdict=replace(result.verdict, hint=hint))
    assert result.cause is not None
    assert "argocd app terminate-op argocd/web)" in result.cause.hint
    assert "{" not in result.cause.hint


def test_a_hook_whose_pod_has_not_started_has_not_begun() -> None:
    """Readers took «has not ended» to mean that the migration was running."""
    job = node("migrate", "", kind="Job", group="batch", info={})
    waits = node("migrate-a", "migrate", health="Progressing", info={"Status Reason": "Pending"})
    ran = node("migrate-b", "migrate", health="Degraded", info={"Status Reason": "Error"})
    result = ended(sync="OutOfSync", phase="Running", results=[hook("PreSync", "Running", group="batch")])

    def line(*pods: Node) -> str:
        diagnosis = Diagnosis(not_begun=not_begun(Tree(nodes=(job, *pods))))
        return state(replace(result, diagnosis=diagnosis))[texts.HOOKS]

    assert line(waits) == f"PreSync Job/migrate {texts.HOOK_WAITS}"
    for pods in [(), (waits, ran), (ran,), (replace(waits, info={"Status Reason": "Init:0/1"}),)]:
        assert line(*pods) == f"PreSync Job/migrate {texts.HOOK_RUNS}"
    of_two = {"Status Reason": "ImagePullBackOff", "Containers": "1/2"}
    assert line(replace(waits, info=of_two)) == f"PreSync Job/migrate {texts.HOOK_RUNS}"
    assert line(replace(waits, info=of_two | {"Containers": "0/1"})) == f"PreSync Job/migrate {texts.HOOK_WAITS}"
