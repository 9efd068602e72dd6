"""Test the progress of an Argo Rollout and the reasons why it waits, as Argo Rollouts v1.10.2 reports them."""

from typing import Any

import pytest

from argocd_release.argocd.rollout_json import parse_rollout
from argocd_release.messages import verdict as texts
from argocd_release.model.observation import AnalysisRun, Rollout

STEPS = [{"setWeight": 20}, {"pause": {}}, {"setWeight": 60}, {"pause": {"duration": "1h"}}, {"analysis": {}}]
RUN = {"name": "web-6c9-2-4", "status": "Failed", "message": 'Metric "errors" assessed Failed'}
PROMOTE = texts.PAUSED.fill_hint(rollout="web -n shop")
RETRY = texts.ABORTED.fill_hint(rollout="web -n shop")


def at_step(step: int, weight: int) -> str:
    """Return the state of a canary that is paused at this step with this weight, in words."""
    where = texts.AT_STEP.fill(step=step, steps=len(STEPS))
    return f"{texts.PAUSED.text} {texts.WITH_WEIGHT.fill(where=where, weight=weight)}"


def rollout(strategy: dict[str, Any] | None = None, *, paused: bool = False, **status: Any) -> Rollout:
    spec = {"strategy": {"canary": {"steps": STEPS}} if strategy is None else strategy} | (
        {"paused": True} if paused else {}
    )
    return parse_rollout({"metadata": {"name": "web", "namespace": "shop"}, "spec": spec, "status": status})


def pause(reason: str) -> list[dict[str, str]]:
    return [{"reason": reason, "startTime": "2026-01-01T00:00:00Z"}]


@pytest.mark.parametrize(
    ("found", "state", "todo"),
    [
        (rollout(currentStepIndex=1, pauseConditions=pause("CanaryPauseStep")), at_step(2, 20), PROMOTE),
        (rollout(currentStepIndex=3, pauseConditions=pause("CanaryPauseStep")), texts.RESUMES.fill(state=at_step(4, 60)), ""),
        (rollout(paused=True, currentStepIndex=0), texts.PAUSED_BY_HAND.fill(state=at_step(1, 20)), PROMOTE),
        (
            rollout(currentStepIndex=4, pauseConditions=pause("InconclusiveAnalysisRun"), canary={"currentStepAnalysisRunStatus": RUN | {"status": "Inconclusive", "message": ""}}),
            f"{texts.PAUSED_BY_ANALYSIS.fill(state=at_step(5, 60))}; AnalysisRun/web-6c9-2-4: Inconclusive",
            PROMOTE,
        ),
        (rollout({"blueGreen": {}}, pauseConditions=pause("BlueGreenPause")), texts.PAUSED_BEFORE_PROMOTION, PROMOTE),
        (rollout({"blueGreen": {"autoPromotionSeconds": 30}}, pauseConditions=pause("BlueGreenPause")), texts.RESUMES.fill(state=texts.PAUSED_BEFORE_PROMOTION), ""),
        (
            rollout({"blueGreen": {}}, message="waiting for analysis to complete", blueGreen={"postPromotionAnalysisRunStatus": RUN | {"status": "Running", "message": ""}}),
            "waiting for analysis to complete; AnalysisRun/web-6c9-2-4: Running",
            "",
        ),
        (
            rollout(abort=True, currentStepIndex=0, message="RolloutAborted: Rollout aborted update to revision 2", canary={"currentStepAnalysisRunStatus": RUN}),
            'aborted; RolloutAborted: Rollout aborted update to revision 2; AnalysisRun/web-6c9-2-4: Failed — Metric "errors" assessed Failed',
            RETRY,
        ),
        (rollout(currentStepIndex=2, message="more replicas need to be updated"), "at step 3 of 5, weight 60 %; more replicas need to be updated", ""),
        (rollout(currentStepIndex=2, canary={"weights": {"canary": {"weight": 33}}}), "at step 3 of 5, weight 33 %", ""),
        (rollout(currentStepIndex=5, message="old replicas are pending termination"), "after step 5, weight 100 %; old replicas are pending termination", ""),
        (rollout(message='ProgressDeadlineExceeded: ReplicaSet "web-6c9" has timed out progressing.'), 'ProgressDeadlineExceeded: ReplicaSet "web-6c9" has timed out progressing.', ""),
        (rollout({"canary": {}}, currentStepIndex=0), "", ""),
    ],
)  # fmt: skip
def test_what_it_does_and_who_must_do_what(found: Rollout, state: str, todo: str) -> None:
    assert (found.state, found.todo) == (state, todo)


@pytest.mark.parametrize(
    "manifest",
    [
        None,
        [],
        "x",
        {},
        {"spec": 1, "status": []},
        {
            "spec": {"strategy": {"canary": {"steps": [1, None]}}},
            "status": {"currentStepIndex": True, "pauseConditions": [1], "canary": {"weights": {"canary": 3}}},
        },
    ],
)
def test_whatever_it_is_given_it_reads(manifest: object) -> None:
    found = parse_rollout(manifest)
    assert (found.state, found.todo, found.analysis) == ("", "", ())


@pytest.mark.parametrize(
    ("status", "named"),
    [
        ({"abort": True, "currentPodHash": "6c9"}, ("web-6c9-2-4",)),
        ({"abort": True, "currentPodHash": "77d"}, ()),
        ({"abort": True}, ()),
        ({"currentPodHash": "6c9"}, ()),
        ({"abort": True, "currentPodHash": "6c9", "canary": {"currentStepAnalysisRunStatus": RUN | {"name": "web-6c9-2-5"}}}, ("web-6c9-2-5",)),
    ],
)  # fmt: skip
def test_a_run_that_ended_a_canary_is_found_beneath_it(status: dict[str, Any], named: tuple[str, ...]) -> None:
    failed = [AnalysisRun(name=name, status="Failed") for name in ("web-5b1-1-4", "web-6c9-2-2", "web-6c9-2-4")]
    found = parse_rollout({"metadata": {"name": "web"}, "spec": {}, "status": status}, failed)
    assert tuple(run.name for run in found.analysis) == named
