"""Test the release timeline that looks at an application produce."""

import json
from typing import Any

import pytest

from argocd_release.argocd.application_json import parse_application
from argocd_release.messages.verdict import SYNC_OF_EARLIER_REVISION
from argocd_release.model.application import Application
from argocd_release.model.timeline import Phases, PreviousState, SpanKind
from argocd_release.watch.timeline import SPANS, SpanRecorder
from tests.unit.states import NEW, OLD, application, document

HISTORY = [{"revision": "1" * 40}, {"revision": OLD}]


def deployment(name: str = "web", *, sync: str = "Synced", health: str = "Healthy", wave: int = 0) -> dict[str, Any]:
    named = {"group": "apps", "kind": "Deployment", "namespace": "web", "name": name}
    return named | {"status": sync, "health": {"status": health, "message": f"{name} is {health}"}, "syncWave": wave}


def looks(*seen: tuple[float, Application]) -> SpanRecorder:
    course = SpanRecorder()
    for at, state in seen:
        course.look(state, at, compared=True)
    return course


def test_a_rollout_from_its_sync_to_its_end() -> None:
    course = looks(
        (
            0.8,
            application(
                sync="OutOfSync", operated=OLD, revision=NEW, history=HISTORY, resources=[deployment(sync="OutOfSync")]
            ),
        ),
        (1.5, application(sync="OutOfSync", phase="Running", resources=[deployment(sync="OutOfSync")])),
        (3.1, application(health="Progressing", resources=[deployment(health="Progressing", wave=2)])),
        (20.0, application(health="Progressing", resources=[deployment(health="Progressing", wave=2)])),
        (41.7, application(resources=[deployment(wave=2)])),
        (42.1, application(resources=[deployment(wave=2)])),
    )
    rollout = course.rollout
    assert rollout.phases == Phases(compared=0.8, synced=3.1, healthy=41.7)
    sync, web = rollout.spans
    assert (sync.kind, sync.began, sync.ended, sync.end) == (SpanKind.SYNC, 1.5, 3.1, "Succeeded")
    assert (web.subject, web.began, web.ended, web.end, web.wave) == ("Deployment/web", 3.1, 41.7, "Healthy", 2)
    assert web.text == "", "what it waited for is over"
    assert rollout.slowest == web
    assert rollout.before.revisions == (OLD,)


def test_what_happens_between_two_looks_is_told_too() -> None:
    before = application(sync="OutOfSync", operated=OLD, resources=[deployment(sync="OutOfSync")])
    after = application(resources=[deployment()], results=[hook("Succeeded")])
    kinds = {span.kind: (span.began, span.ended) for span in looks((1.0, before), (4.0, after)).rollout.spans}
    assert kinds == {SpanKind.SYNC: (1.0, 4.0), SpanKind.HOOK: (1.0, 4.0), SpanKind.ROLLOUT: (1.0, 4.0)}


def hook(phase: str) -> dict[str, str]:
    return {
        "group": "batch",
        "kind": "Job",
        "namespace": "web",
        "name": "migrate",
        "hookType": "PreSync",
        "hookPhase": phase,
    }


def test_a_hook_that_fails_and_attempts_that_are_made_again() -> None:
    def attempt(number: int, phase: str) -> Application:
        return application(sync="OutOfSync", phase="Running", retries=number, results=[hook(phase)])

    spans = looks((1.0, attempt(0, "Running")), (2.0, attempt(0, "Failed")), (6.0, attempt(1, "Running"))).rollout.spans
    told = [(span.subject, span.began, span.ended, span.end) for span in spans]
    assert told == [
        ("PreSync Job/migrate", 1.0, 2.0, "Failed"),
        ("sync", 1.0, 6.0, "Failed"),
        ("PreSync Job/migrate", 6.0, None, "Running"),
        ("sync, attempt 2", 6.0, None, "Running"),
    ]


def test_the_sync_of_a_revision_before_ends_where_another_begins() -> None:
    earlier = application(sync="OutOfSync", phase="Running", operated=OLD, results=[hook("Running")])
    seen = document(sync="OutOfSync", phase="Running")
    seen["status"]["operationState"]["startedAt"] = "2026-01-01T00:09:00Z"
    told = [
        (span.subject, span.began, span.ended, span.end)
        for span in looks((1.0, earlier), (5.0, parse_application(json.dumps(seen)))).rollout.spans
    ]
    assert told == [
        ("PreSync Job/migrate", 1.0, 5.0, ""),
        (SYNC_OF_EARLIER_REVISION, 1.0, 5.0, ""),
        ("sync", 5.0, None, "Running"),
    ]


def test_what_was_over_before_the_first_look_is_history() -> None:
    assert looks((1.0, application()), (2.0, application())).rollout.spans == ()
    assert looks((1.0, application())).rollout.phases == Phases(compared=1.0, synced=1.0, healthy=1.0)


def test_a_state_that_is_lost_again_was_not_reached() -> None:
    course = looks((1.0, application()), (5.0, application(health="Degraded")))
    assert course.rollout.phases == Phases(compared=1.0, synced=1.0, healthy=None)


def test_a_trouble_that_heals_and_one_that_does_not() -> None:
    course = SpanRecorder()
    course.record_problems({"pods": "Pod/web: CrashLoopBackOff"}, 2.0)
    course.record_problems({"pods": "Pod/web: CrashLoopBackOff, 1 restart"}, 3.0)
    course.record_problems({}, 7.0)
    course.record_problems({"degraded": "Degraded: web"}, 8.0)
    pods, degraded = course.rollout.spans
    assert (pods.began, pods.ended, pods.text) == (2.0, 7.0, "Pod/web: CrashLoopBackOff, 1 restart")
    assert (degraded.kind, degraded.began, degraded.ended) == (SpanKind.TROUBLE, 8.0, None)


def test_of_thousands_of_workloads_those_are_kept_that_say_most() -> None:
    many = [deployment(f"web-{number}", health="Progressing") for number in range(SPANS * 2)]
    ended = [
        deployment(f"web-{number}", health="Progressing" if number == 7 else "Healthy") for number in range(SPANS * 2)
    ]
    rollout = looks((1.0, application(resources=many)), (9.0, application(resources=ended))).rollout
    assert len(rollout.spans) == SPANS
    assert "Deployment/web-7" in {span.subject for span in rollout.spans if span.ended is None}


def test_what_ran_before_where_argo_cd_was_faster_than_the_job() -> None:
    newest = [*HISTORY, {"revision": NEW}]
    assert looks((1.0, application(history=newest))).rollout.before.revisions == (OLD,)
    assert looks((1.0, application())).rollout.before.revisions == ()


@pytest.mark.parametrize(
    ("state", "first"),
    [
        ({"history": []}, True),
        ({"history": [{"id": 0, "revision": NEW}]}, True),
        ({"history": [{"id": 0, "revision": NEW}, {"id": 1, "revision": NEW}]}, True),
        ({"history": [{"id": 0, "revision": OLD}]}, False),
        ({"history": [{"id": 7, "revision": NEW}]}, False),
        ({"history": [{"revision": NEW}]}, False),
        ({"history": [{"id": 0, "revision": OLD}, {"id": 1, "revision": NEW}]}, False),
    ],
)
def test_a_first_release_has_no_earlier_state(state: dict[str, Any], first: bool) -> None:  # noqa: FBT001
    """Argo CD numbers the syncs from 0, and can keep the history short."""
    before = looks((1.0, application(**state))).rollout.before
    assert before.first is first
    if first:
        assert before == PreviousState(first=True)


def test_an_application_without_a_kept_history_is_not_new() -> None:
    stored = document(history=[])
    assert looks((1.0, parse_application(json.dumps(stored)))).rollout.before.first
    stored["spec"]["revisionHistoryLimit"] = 0
    assert not looks((1.0, parse_application(json.dumps(stored)))).rollout.before.first


def test_a_failed_comparison_at_the_first_look_hides_no_first_release() -> None:
    """After a failed comparison, Argo CD shows no compared revision, but the history stays."""
    history = [{"id": 0, "revision": NEW}]
    failed, compared = application(revision="", history=history), application(history=history)
    assert looks((1.0, failed)).rollout.before.revisions == (NEW,)
    assert looks((1.0, failed), (2.0, compared)).rollout.before == PreviousState(first=True)
