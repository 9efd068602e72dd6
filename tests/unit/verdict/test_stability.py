"""Test that a proven release must stay ready (RELEASE_STABLE_FOR), and what it means that it did not."""

from dataclasses import replace
from typing import Any

import pytest

from argocd_release.messages import verdict as texts
from argocd_release.model.application import Application, HealthStatus
from argocd_release.model.errors import FailureKind
from argocd_release.model.observation import Failure
from argocd_release.model.outcome import Outcome
from argocd_release.model.problem import CauseCode
from argocd_release.model.resource_tree import Node, Workloads
from argocd_release.verdict.expectation import Expectation, WaitCondition
from argocd_release.verdict.judge import judge, timed_out
from argocd_release.verdict.symptom_history import SymptomHistory
from argocd_release.verdict.symptoms import UNSTABLE_SECONDS, GracePeriods, Symptom
from tests.support.wording import is_from
from tests.unit.states import OLD, application, failing

STABLE_FOR = 30
STARTED = 100.0


def pod(uid: str, *, restarts: int = 0) -> Node:
    return Node(
        uid=uid, owner="", group="", version="v1", kind="Pod", namespace="web", name=uid, health="Healthy", message="",
        created_at="", images=(), info={"Restart Count": str(restarts)},
    )  # fmt: skip


def state(
    *pods: Node, unready: tuple[Node, ...] = (), failing_pods: Any = (), warning: str = "", **parts: Any
) -> Application:
    """Return an application of which ``pods`` are ready, and ``unready`` are not."""
    workloads = Workloads(
        serving=pods,
        ready=len(pods),
        unready=unready,
        pods=len(pods) + len(unready),
        failing=failing_pods,
        warning=warning,
    )
    return replace(application(**parts), workloads=workloads)


READY = state(pod("a"), pod("b"))


class Release:
    """A release that is looked at, at these seconds after the start of the job."""

    def __init__(self, stable_for: float = STABLE_FOR, **expectation: Any) -> None:
        graces = GracePeriods(stable_for=stable_for)
        self.history = SymptomHistory(graces=graces, expectation=Expectation(**expectation), started=STARTED)
        self.last: Application | Failure = READY

    def look(self, at: float, seen: Application | Failure) -> "Release":
        self.last = seen
        self.history = self.history.observe(seen, now=STARTED + at, compared=True)
        return self

    @property
    def outcome(self) -> Outcome | None:
        return judge(self.last, self.history).outcome

    @property
    def reason(self) -> str:
        return judge(self.last, self.history).reason


def proven(**parts: Any) -> Release:
    """Return a release that is ready since the 4th second."""
    return Release(**parts).look(4, READY).look(4.3, READY)


def test_without_the_setting_two_looks_are_enough() -> None:
    release = Release(0).look(4, READY).look(4.3, READY)
    assert release.outcome is Outcome.DELIVERED
    assert release.history.stability is None


def test_a_release_is_delivered_only_after_it_has_stayed_ready() -> None:
    release = proven()
    assert release.outcome is None
    assert release.reason == texts.MUST_STAY.fill(ready="4", until="34")
    assert release.history.due_in == pytest.approx(STABLE_FOR - 0.3)
    assert release.look(33.9, READY).outcome is None
    assert release.look(34, READY).outcome is Outcome.DELIVERED


def test_the_second_look_comes_at_once() -> None:
    release = Release().look(4, READY)
    assert release.history.due_in == 0
    assert release.reason == texts.CONFIRMING


def test_what_happens_before_the_proof_is_no_failure() -> None:
    worse = state(unready=(pod("a"),), health="Progressing")
    release = Release().look(4, READY).look(4.3, worse).look(8, worse).look(12, READY)
    assert release.outcome is None
    assert release.look(12.3, READY).look(42, READY).outcome is Outcome.DELIVERED


@pytest.mark.parametrize(
    ("seen", "text"),
    [
        (state(pod("a", restarts=1), pod("b")), "Pod/a has restarted (1 restart)"),
        (
            state(pod("b"), unready=(pod("a"),), health="Progressing", failing_pods=(failing("web-a"),)),
            "CrashLoopBackOff",
        ),
        (
            state(pod("b"), unready=(pod("a"),), health="Progressing", warning="Readiness probe failed"),
            "Readiness probe failed",
        ),
        (state(pod("b"), unready=(pod("a"),), health="Progressing"), "Deployment/web"),
        (state(pod("a"), pod("b"), health="Degraded"), "Deployment/web"),
        (state(pod("a"), pod("b"), health="Missing"), "Deployment/web"),
        # All pods are ready, so that something else than a new pod is Progressing.
        (state(pod("a"), pod("b"), health="Progressing"), "Deployment/web"),
    ],
    ids=["restart", "crash-loop", "probe", "unready", "degraded", "missing", "other-resource"],
)
def test_a_failure_after_the_proof_ends_the_release(seen: Application, text: str) -> None:
    release = proven().look(20, seen)
    assert release.outcome is None, "one look proves nothing"
    assert is_from(release.reason, texts.NOT_STABLE)
    assert release.look(20 + UNSTABLE_SECONDS, seen).outcome is Outcome.DEGRADED
    assert release.reason.startswith(texts.NOT_STABLE.fill(ready="4", left="20", message=""))
    assert text in release.reason
    assert judge(release.last, release.history).code is CauseCode.UNSTABLE


@pytest.mark.parametrize("terminating", [True, False])
def test_a_pod_that_was_deleted_is_no_failure_if_its_successor_becomes_ready(*, terminating: bool) -> None:
    """An administrator drains a node, or an autoscaler removes it. The pod itself has not failed."""
    gone = (replace(pod("a"), info={"Status Reason": "Terminating"}),) if terminating else ()
    replaced = state(pod("b"), unready=(*gone, pod("c")), health="Progressing")
    release = proven().look(20, replaced).look(33, replaced).look(40, replaced)
    assert release.outcome is None
    after = state(pod("b"), pod("c"))
    assert release.look(41, after).look(41.3, after).outcome is Outcome.DELIVERED
    # The successor is one of the pods that must stay ready from then on.
    lost = state(pod("b"), unready=(pod("c"),), health="Progressing")
    release = proven().look(20, replaced).look(22, after).look(25, lost).look(28, lost)
    assert release.outcome is Outcome.DEGRADED


def test_a_restart_is_a_failure_even_if_the_pod_was_ready_at_each_look() -> None:
    again = state(pod("a", restarts=3), pod("b"))
    assert proven().look(33, again).look(36, again).outcome is Outcome.DEGRADED


@pytest.mark.parametrize("at", [20, 32])
def test_a_crashed_pod_is_a_failure_even_if_the_application_is_still_healthy(at: float) -> None:
    """An owner can have no health check, and Argo CD can update the health later than the tree."""
    crashed = state(pod("b"), unready=(pod("a"),), failing_pods=(failing("a"),))
    release = proven().look(at, crashed).look(at + UNSTABLE_SECONDS, crashed).look(36, crashed)
    assert release.outcome is Outcome.DEGRADED
    assert "CrashLoopBackOff" in release.reason


def test_a_restarted_pod_is_a_failure_even_if_it_is_not_ready_yet() -> None:
    again = replace(READY, workloads=Workloads(serving=(pod("b"),), unready=(pod("a", restarts=1),), ready=1, pods=2))
    release = proven().look(32, again).look(34, again).look(36, again)
    assert release.outcome is Outcome.DEGRADED
    assert "Pod/a has restarted (1 restart)" in release.reason


def test_a_crashing_pod_that_has_never_been_ready_is_left_to_its_own_grace_period() -> None:
    crashed = state(pod("a"), pod("b"), unready=(pod("c"),), failing_pods=(failing("c"),))
    assert Symptom.UNSTABLE not in proven().look(20, crashed).history.records


def test_an_older_restart_is_none() -> None:
    seen = state(pod("a", restarts=3))
    assert Release().look(4, seen).look(4.3, seen).look(34, seen).outcome is Outcome.DELIVERED


def test_drift_after_the_proof_ends_the_release() -> None:
    drifted = state(pod("a"), pod("b"), sync="OutOfSync")
    release = proven().look(20, drifted).look(23, drifted)
    assert release.outcome is Outcome.NOT_DELIVERED
    accepted = proven(wait_for=frozenset({WaitCondition.HEALTH})).look(20, drifted).look(23, drifted)
    assert accepted.outcome is None
    assert Symptom.UNSTABLE_SYNC not in accepted.history.records


def test_a_moment_of_another_state_is_no_failure() -> None:
    """Argo CD does not update health and pods at exactly the same time."""
    release = proven().look(20, state(pod("a"), pod("b"), health="Progressing")).look(20.5, READY).look(34, READY)
    assert release.outcome is Outcome.DELIVERED


def test_new_pods_that_start_are_no_failure_but_must_be_ready_at_the_end() -> None:
    grows = state(pod("a"), pod("b"), unready=(pod("c"),), health="Progressing")
    release = proven().look(20, grows).look(35, grows)
    assert release.outcome is None
    more = state(pod("a"), pod("b"), pod("c", restarts=2))
    assert release.look(36, more).look(36.3, more).outcome is Outcome.DELIVERED


def test_a_pod_that_is_gone_is_no_failure_while_the_application_is_healthy() -> None:
    fewer = state(pod("a"))
    assert proven().look(20, fewer).look(33, fewer).look(34, fewer).outcome is Outcome.DELIVERED


def test_an_autoscaler_can_remove_pods_and_add_others_later() -> None:
    fewer, grows = state(pod("a")), state(pod("a"), unready=(pod("c"),), health="Progressing")
    more = state(pod("a"), pod("c"))
    release = proven().look(12, fewer).look(20, grows).look(23, grows)
    assert release.outcome is None
    assert release.look(25, more).look(34, more).outcome is Outcome.DELIVERED


def test_a_pod_that_is_not_ready_is_not_taken_for_a_removed_one() -> None:
    """Argo CD can still show the application as Healthy when the tree already shows the pod as not ready."""
    unready = state(pod("b"), unready=(pod("a"),))
    left = replace(unready, health=HealthStatus.PROGRESSING)
    assert proven().look(20, unready).look(23, left).look(26, left).outcome is Outcome.DEGRADED


def test_a_new_pod_that_is_ready_but_not_available_yet_is_no_failure() -> None:
    """With minReadySeconds, a Deployment is Progressing for some time after all its pods are ready."""
    more = state(pod("a"), pod("b"), pod("c"), health="Progressing")
    release = proven().look(20, more).look(23, more)
    assert release.outcome is None
    ready = replace(more, health=HealthStatus.HEALTHY)
    assert release.look(26, ready).look(34, ready).outcome is Outcome.DELIVERED


def remembered(*failing_pods: Any) -> Application:
    """Return the state of a look that could not read the pods, with the failing pods of an earlier look."""
    parts = replace(application(health="Progressing"), workloads=Workloads(failing=failing_pods))
    return replace(parts, pods_remembered=True)


def test_a_look_with_only_the_pods_of_an_earlier_look_is_no_failure() -> None:
    assert proven().look(20, remembered()).look(23, remembered()).outcome is None


def test_a_crash_remains_a_failure_if_the_next_look_cannot_read_the_pods() -> None:
    crashed = state(pod("b"), unready=(pod("a"),), failing_pods=(failing("a"),))
    release = proven().look(20, crashed).look(23, remembered(failing("a")))
    assert release.outcome is Outcome.DEGRADED


@pytest.mark.parametrize(
    "seen", [replace(READY, workloads=None), replace(READY, workloads=Workloads(), pods_remembered=True)]
)
def test_a_success_without_a_look_at_the_pods_has_a_caveat(seen: Application) -> None:
    release = Release().look(4, seen).look(4.3, seen).look(34, seen)
    verdict = judge(release.last, release.history)
    assert (verdict.outcome, verdict.caveat) == (Outcome.DELIVERED, texts.RESTARTS_UNSEEN)


@pytest.mark.parametrize("seen", [READY, state()], ids=["pods", "no-pods"])
def test_a_success_with_a_look_at_the_pods_has_no_caveat(seen: Application) -> None:
    release = Release().look(4, seen).look(4.3, seen).look(34, replace(seen, workloads=None))
    verdict = judge(release.last, release.history)
    assert (verdict.outcome, verdict.caveat) == (Outcome.DELIVERED, "")


def test_new_source_parameters_must_be_proven_again() -> None:
    before, after = replace(READY, parameters=('{"v":1}',)), replace(READY, parameters=('{"v":2}',))
    syncing = replace(state(pod("a"), pod("b"), sync="OutOfSync", phase="Running"), parameters=after.parameters)
    release = Release().look(4, before).look(4.3, before).look(20, syncing).look(23, syncing)
    assert release.outcome is None
    assert release.look(25, after).look(25.3, after).look(34, after).outcome is None
    assert release.look(55, after).outcome is Outcome.DELIVERED


def test_new_source_parameters_start_the_time_again_even_if_no_look_shows_their_sync() -> None:
    before, after = replace(READY, parameters=('{"v":1}',)), replace(READY, parameters=('{"v":2}',))
    release = Release().look(4, before).look(4.3, before).look(20, after).look(20.3, after)
    assert release.look(34, after).outcome is None
    assert release.look(50, after).outcome is Outcome.DELIVERED


def test_a_new_revision_must_be_proven_again() -> None:
    later = state(pod("c"), revision=OLD, operated=OLD)
    changing = state(pod("a"), pod("b"), unready=(pod("c"),), revision=OLD, operated=OLD, health="Progressing")
    release = proven().look(20, changing).look(23, changing)
    assert release.outcome is None
    release.look(25, later).look(25.3, later).look(34, later)
    assert release.outcome is None
    assert release.look(55, later).outcome is Outcome.DELIVERED


def test_a_look_that_failed_proves_nothing_and_does_not_start_the_time_again() -> None:
    lost = Failure(kind=FailureKind.TIMED_OUT, message="no response")
    release = proven().look(20, lost).look(30, lost)
    assert release.outcome is None
    assert release.look(33, READY).outcome is None
    assert release.look(34, READY).outcome is Outcome.DELIVERED


@pytest.mark.parametrize(
    "unknown", [state(pod("a"), pod("b"), health="Unknown"), state(pod("a"), pod("b"), sync="Unknown")]
)
def test_the_time_in_which_argo_cd_cannot_tell_the_state_does_not_count(unknown: Application) -> None:
    release = proven().look(10, READY)
    for at in range(11, 31):
        release.look(at, unknown)
    assert release.look(34, READY).look(34.3, READY).outcome is None
    assert release.reason == texts.MUST_STAY.fill(ready="4", until="54")
    assert release.look(53.9, READY).outcome is None
    assert release.look(54, READY).outcome is Outcome.DELIVERED


@pytest.mark.parametrize(
    "seen", [replace(READY, workloads=None), replace(application(health="Progressing"), workloads=None)]
)
def test_a_look_without_pods_is_no_failure(seen: Application) -> None:
    assert proven().look(20, seen).look(23, seen).outcome is None


def test_the_timeout_names_the_time_that_the_release_must_stay_ready() -> None:
    release = proven()
    verdict = timed_out(release.last, judge(release.last, release.history), release.history, seconds=20)
    assert verdict.outcome is Outcome.TIMED_OUT
    assert texts.MUST_STAY.fill(ready="4", until="34") in verdict.reason
    assert verdict.hint == texts.MUST_STAY.hint
