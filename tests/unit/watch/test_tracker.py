import itertools
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any, TypeVar

import pytest

from argocd_release.argocd.tree_json import parse_tree
from argocd_release.messages import git_history, verdict
from argocd_release.messages.argocd import ARGOCD_PRINTED_NO_APPLICATION
from argocd_release.messages.verdict import OTHER_IMAGE
from argocd_release.model.application import Application, HealthStatus
from argocd_release.model.errors import ArgoCDError, Cancelled, FailureKind
from argocd_release.model.events import (
    ApplicationState,
    HistoryNotConsulted,
    JobEvent,
    NoAnswer,
    PodsNotSeen,
    StateChanged,
    StillWaiting,
    UnknownWords,
)
from argocd_release.model.exclusion import Exclusion
from argocd_release.model.git import Relation, RevisionRelation, Source
from argocd_release.model.observation import SyncWindow
from argocd_release.model.outcome import Outcome, Verdict
from argocd_release.model.problem import CauseCode
from argocd_release.model.resource_tree import Node, PodTemplate, Workloads
from argocd_release.release.signals import StopRequest
from argocd_release.verdict.chosen_resources import ChosenResources
from argocd_release.verdict.expectation import Expectation
from argocd_release.verdict.symptoms import GracePeriods
from argocd_release.watch import observer
from argocd_release.watch import tracker as tracker_module
from argocd_release.watch.clock import MonotonicClock
from argocd_release.watch.comparisons import COMPARE_AGAIN_SECONDS, RENDER_AGAIN_AFTER_OUTAGE_SECONDS
from argocd_release.watch.observer import REFRESH_SECONDS
from argocd_release.watch.sync_requests import TERMINATIONS
from argocd_release.watch.tracker import POLL_SECONDS, QUIET_SECONDS, Tracker
from tests.support.wording import fields_of, is_from
from tests.unit.states import NEW, OLD, application, failing

T = TypeVar("T", bound=JobEvent)

DELIVERED = application()
PROGRESSING = application(health="Progressing")


def error(kind: FailureKind, message: str = "connection refused") -> ArgoCDError:
    return ArgoCDError(kind=kind, command="argocd app get web", exit_code=20, message=message)


def run(tracker: Tracker, clock: "FakeClock") -> Verdict:
    """Run the steps of the tracker until there is a verdict, as the poll loop does for one application."""
    try:
        while (step := tracker.step()).verdict is None:
            clock.sleep(max(step.not_before - clock.now(), 0.0))
            clock.pause(max(step.look_again_at - clock.now(), 0.0))
        return step.verdict
    finally:
        tracker.close()


class FakeClock:
    def __init__(self) -> None:
        self.seconds = 1000.0
        self.woken = False
        #: The actions and their times, the earliest first.
        self.schedule: list[tuple[float, Callable[[], object]]] = []

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    def pause(self, seconds: float) -> None:
        until = self.seconds + seconds
        while not self.woken and self.schedule and self.schedule[0][0] <= until:
            at, happens = self.schedule.pop(0)
            self.seconds = max(self.seconds, at)
            happens()
        if not self.woken:
            self.seconds = until
        self.woken = False

    def wake(self) -> None:
        self.woken = True

    def spread(self, seconds: float, share: float = 0.0) -> float:
        del share
        return seconds


class FakeFeed:
    ended = False

    def __init__(self) -> None:
        self.stopped = 0

    def stop(self, *, grace: float = 0.0) -> None:
        del grace
        self.stopped += 1


class FakeCommands:
    """Commands that return the given states and errors in turn, and then repeat the last one."""

    def __init__(self, answers: Iterable[Application | ArgoCDError], clock: FakeClock, cost: float = 0.1) -> None:
        self.answers = list(answers)
        self.clock = clock
        self.cost = cost
        self.refreshes: list[bool] = []
        #: True for each comparison that was a hard refresh.
        self.hard: list[bool] = []
        self.syncs = 0
        self.terminated = 0
        self.refusals: list[ArgoCDError] = []
        self.feeds: list[FakeFeed] = []
        self.on_line: Callable[[str], None] = lambda _: None

    def get(
        self, name: str, *, seconds: float, refresh: bool = False, hard: bool = False, echo: bool = False
    ) -> Application:
        del name, echo
        self.refreshes.append(refresh)
        if refresh:
            self.hard.append(hard)
        # A look waits no longer than this for a comparison, which continues in the background.
        self.clock.seconds += min(self.cost, seconds, REFRESH_SECONDS if refresh else seconds)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, ArgoCDError):
            raise answer
        return answer

    def terminate(self, name: str, *, seconds: float) -> None:
        del name, seconds
        self.terminated += 1

    def sync(self, name: str, *, seconds: float) -> None:
        del name, seconds
        self.syncs += 1
        if self.refusals:
            raise self.refusals.pop(0)

    def wait(self, name: str, *, seconds: float, wait_for: tuple[str, ...], on_line: Callable[[str], None]) -> FakeFeed:
        del name, seconds, wait_for
        self.on_line = on_line
        self.feeds.append(FakeFeed())
        return self.feeds[-1]


class FakeBeneath:
    """The cluster view of an application.

    The resource tree changes at ``tree_changes``, in seconds since the start; None if it never does.
    """

    def __init__(
        self,
        workloads: Callable[[str], Workloads],
        windows: Iterable[ArgoCDError],
        clock: FakeClock,
        tree_changes: Iterable[float] | None,
    ) -> None:
        self.pods_of = workloads
        self.excluded: list[Exclusion | None] = []
        # The images of each pod's containers, by the pod's UID.
        self.containers: dict[str, tuple[str, ...]] = {}
        self.templates_read = 0
        # The manifests in git as JSON, or the error of the request for them.
        self.rendered: tuple[str, ...] | ArgoCDError = ()
        self.manifests_read = 0
        self.windows = list(windows)
        self.streams = tree_changes is not None
        self.followed, self.answered, self.over = threading.Event(), threading.Event(), threading.Event()
        self.on_change: Callable[[], object] = lambda: None
        # The stream of the application responds before the second look.
        clock.schedule = [(1000, self.answered.wait), *((1000 + at, self.change) for at in tree_changes or ())]
        if not self.streams:
            self.answered.set()

    def workloads(self, name: str, exclusion: Exclusion | None = None) -> Workloads:
        self.excluded.append(exclusion)
        return self.pods_of(name)

    def pod_templates(self, name: str, nodes: tuple[Node, ...]) -> tuple[PodTemplate, ...]:
        del name
        self.templates_read += 1
        return tuple(PodTemplate(resource=str(node), images=self.containers[node.uid]) for node in nodes)

    def watch_application(self, name: str, on_change: Callable[[], object]) -> None:
        del name
        if self.streams:
            on_change()
            self.answered.set()
        self.over.wait(30)

    def watch_tree(self, name: str, on_change: Callable[[], object]) -> None:
        del name
        self.on_change = on_change
        self.followed.set()
        self.over.wait(30)

    def change(self) -> None:
        assert self.followed.wait(10)
        self.on_change()

    def manifests(self, name: str, *, seconds: float) -> tuple[str, ...]:
        del name, seconds
        self.manifests_read += 1
        if isinstance(self.rendered, ArgoCDError):
            raise self.rendered
        return self.rendered

    def sync_window(self, name: str, project: str) -> SyncWindow:
        if self.windows:
            raise self.windows.pop(0)
        del project
        return SyncWindow(windows=f"deny * * * * * for {name}")


class Run:
    def __init__(
        self,
        *answers: Application | ArgoCDError,
        timeout: float = 300,
        cost: float = 0.1,
        workloads: Callable[[str], Workloads] = lambda _: Workloads(),
        refusals: Iterable[ArgoCDError] = (),
        windows: Iterable[ArgoCDError] = (),
        tree_changes: Iterable[float] | None = None,
        clock: FakeClock | None = None,
        containers: dict[str, tuple[str, ...]] | None = None,
        rendered: tuple[str, ...] | ArgoCDError = (),
        **options: Any,
    ) -> None:
        self.clock = clock or FakeClock()
        self.commands = FakeCommands(answers, self.clock, cost)
        self.commands.refusals = list(refusals)
        self.told: list[JobEvent] = []
        cluster = self.cluster = FakeBeneath(workloads, windows, self.clock, tree_changes)
        cluster.containers, cluster.rendered = containers or {}, rendered
        self.tracker = Tracker(
            "web",
            commands=self.commands,
            clock=self.clock,
            timeout=timeout,
            emit=self.told.append,
            cluster=cluster,
            **options,
        )
        self.verdict = run(self.tracker, self.clock)
        cluster.over.set()
        self.seconds = self.clock.now() - 1000

    def of(self, kind: type[T]) -> list[T]:
        """Return the events of this type."""
        return [event for event in self.told if isinstance(event, kind)]


def test_delivered_at_once() -> None:
    run = Run(DELIVERED)
    assert run.verdict.outcome is Outcome.DELIVERED
    assert run.seconds < 1
    assert run.commands.refreshes == [True, False]


def test_a_momentary_delivery_is_none() -> None:
    run = Run(DELIVERED, PROGRESSING, PROGRESSING, DELIVERED)
    assert run.verdict.outcome is Outcome.DELIVERED
    assert len(run.commands.refreshes) == 5


def test_the_refresh_is_repeated_until_argocd_has_compared() -> None:
    run = Run(error(FailureKind.UNREACHABLE), error(FailureKind.TIMED_OUT), DELIVERED, PROGRESSING, DELIVERED)
    assert run.verdict.outcome is Outcome.DELIVERED
    # The third look follows a refresh that hung. It shows Synced and Healthy, but not from which comparison.
    assert run.commands.refreshes == [True, True, False, True, False, False]


def test_without_a_comparison_the_end_is_no_delivery() -> None:
    hung = [answer for _ in range(20) for answer in (error(FailureKind.TIMED_OUT), DELIVERED)]
    run = Run(*hung, timeout=30, cost=5)
    assert run.verdict.outcome is Outcome.TIMED_OUT
    assert run.verdict.code is CauseCode.NOT_COMPARED


def test_timed_out_after_the_timeout_with_what_is_missing() -> None:
    run = Run(PROGRESSING, timeout=600)
    assert run.verdict.outcome is Outcome.TIMED_OUT
    assert run.verdict.reason.startswith("not delivered within 600 s: Progressing: Deployment/web")
    assert 600 <= run.seconds < 601
    assert run.tracker.application == replace(PROGRESSING, workloads=Workloads())


def test_one_feed_is_started_and_stopped() -> None:
    run = Run(PROGRESSING, PROGRESSING, DELIVERED)
    assert [feed.stopped > 0 for feed in run.commands.feeds] == [True]


def test_no_feed_before_there_is_an_application() -> None:
    assert Run(error(FailureKind.MISSING)).commands.feeds == []


def test_a_state_is_shown_once_and_signs_of_life_become_rare() -> None:
    run = Run(PROGRESSING, timeout=600)
    waited = [event.waited for event in run.of(StillWaiting)]
    assert len(run.of(ApplicationState)) == 1
    assert not any(event.changed for event in run.of(StillWaiting))
    assert waited[0] <= 15
    assert len(waited) == 6
    assert all(later <= 2 * earlier + QUIET_SECONDS + 1 for earlier, later in pairwise(waited))


def test_a_state_that_comes_back_waits_for_the_next_sign_of_life() -> None:
    """A program that crashes and starts again makes the reason alternate."""
    states = [PROGRESSING, replace(PROGRESSING, health=HealthStatus.SUSPENDED)]
    run = Run(*states * 60, timeout=120)
    assert len(run.of(ApplicationState)) == 2
    assert len(run.of(StillWaiting)) <= 5


def test_a_number_alone_is_shown_with_the_next_sign_of_life() -> None:
    def state(ready: int) -> Application:
        message = f"Waiting for rollout to finish: {ready} out of 9 new replicas have been updated..."
        resource = replace(PROGRESSING.resources[0], message=message)
        return replace(PROGRESSING, resources=(resource,))

    run = Run(*map(state, range(9)), timeout=60)
    assert len(run.of(ApplicationState)) == 1
    shown = [event.reason for event in run.of(StillWaiting) if event.changed]
    assert shown
    assert len(shown) <= 3


def test_the_line_names_the_warning_about_a_pod_that_is_known() -> None:
    warning = "Deployment/web → Pod/web-a: Pending — 0/1 nodes are available: 1 Insufficient cpu."
    run = Run(PROGRESSING, timeout=30, workloads=lambda _: Workloads(warning=warning))
    assert [event.reason for event in run.of(ApplicationState)] == [warning]


def test_restarts_alone_are_no_news() -> None:
    """A crash loop in its grace period prints its restarts with the next sign of life, and not on a line each."""
    clock = FakeClock()

    def workloads(_: str) -> Workloads:
        restarts = int(clock.now())
        crash = failing("web-a")
        text = (
            f"Pod/web-a: CrashLoopBackOff, {restarts} restarts — back-off {restarts}s restarting failed container=web"
        )
        return Workloads(failing=(replace(crash, problem=replace(crash.problem, message=text)),))

    run = Run(PROGRESSING, timeout=120, workloads=workloads, clock=clock)
    assert run.verdict.outcome is Outcome.DEGRADED
    assert sum("CrashLoopBackOff" in event.reason for event in run.of(ApplicationState)) == 1
    assert sum("CrashLoopBackOff" in event.reason for event in run.of(StillWaiting)) <= 2


def test_polls_are_spaced() -> None:
    run = Run(PROGRESSING, timeout=60)
    assert len(run.commands.refreshes) <= 60 / POLL_SECONDS


def test_while_all_changes_are_reported_looks_are_rare_and_the_log_is_not_silent() -> None:
    run = Run(PROGRESSING, timeout=60, tree_changes=[1])
    assert len(run.commands.refreshes) <= 4
    waited = [event.waited for event in run.of(StillWaiting)]
    assert waited[0] <= 15
    assert len(waited) >= 2
    assert run.verdict.outcome is Outcome.TIMED_OUT


def test_changes_of_the_tree_that_never_arrive_are_not_relied_on() -> None:
    """A proxy can hold a stream back until its end."""
    assert len(Run(PROGRESSING, timeout=60).commands.refreshes) >= 60 / QUIET_SECONDS


def test_a_change_of_the_tree_is_looked_at_at_once() -> None:
    crashes_at = 22.0

    clock = FakeClock()

    def workloads(_: str) -> Workloads:
        return Workloads(failing=(failing("web-a"),)) if clock.now() >= 1000 + crashes_at else Workloads()

    run = Run(PROGRESSING, timeout=120, workloads=workloads, tree_changes=[1, crashes_at], clock=clock)
    assert run.verdict.outcome is Outcome.DEGRADED
    assert crashes_at + 15 <= run.seconds <= crashes_at + 16


@pytest.mark.parametrize(("cost", "fewest", "most"), [(0.1, 60, 140), (1.0, 8, 13)])
def test_while_looks_take_long_reported_changes_cause_fewer_of_them(cost: float, fewest: int, most: int) -> None:
    """An overloaded Argo CD must not become slower because it reports many changes."""
    run = Run(PROGRESSING, timeout=40, cost=cost, tree_changes=[1 + number / 10 for number in range(350)])
    assert fewest <= len(run.commands.refreshes) <= most


def test_a_sync_that_runs_is_looked_at_as_often_as_ever() -> None:
    """A repeated attempt with the same messages changes neither the application nor its tree."""
    run = Run(application(sync="OutOfSync", phase="Running"), timeout=60, tree_changes=[1])
    assert len(run.commands.refreshes) >= 60 / QUIET_SECONDS


def test_unreachable_at_the_deadline_is_not_called_timed_out() -> None:
    run = Run(PROGRESSING, error(FailureKind.UNREACHABLE), timeout=20)
    assert run.verdict.outcome is Outcome.UNREACHABLE


def test_unreachable_for_a_while_is_survived() -> None:
    down = [error(FailureKind.UNREACHABLE)] * 20
    run = Run(PROGRESSING, *down, PROGRESSING, DELIVERED)
    assert run.verdict.outcome is Outcome.DELIVERED
    assert len(run.of(NoAnswer)) == 1


def test_calls_that_hang_end_as_unreachable() -> None:
    run = Run(error(FailureKind.TIMED_OUT, "no answer within 15 s"), cost=15)
    assert run.verdict.outcome is Outcome.UNREACHABLE
    assert run.seconds <= 40


@pytest.mark.parametrize("connect", [1, 3, 15, 60])
def test_connections_that_hang_at_the_start_end_with_the_grace(connect: float) -> None:
    hung = error(FailureKind.TIMED_OUT, "no answer")
    run = Run(hung, cost=15, graces=GracePeriods(connect_grace=connect))
    assert run.verdict.outcome is Outcome.UNREACHABLE
    # A comparison takes ten seconds of this clock, even if no look waits for it that long.
    assert connect <= run.seconds <= max(connect, 10) + 5


def test_a_server_that_was_reached_once_is_given_its_time() -> None:
    run = Run(PROGRESSING, error(FailureKind.TIMED_OUT, "no answer"), graces=GracePeriods(connect_grace=1))
    assert run.verdict.outcome is Outcome.UNREACHABLE
    assert run.seconds >= 60


def test_pods_that_cannot_start_end_the_wait_after_their_grace() -> None:
    run = Run(
        PROGRESSING,
        workloads=lambda _: Workloads(failing=(failing("web-a"), failing("web-b"))),
    )
    assert run.verdict.outcome is Outcome.DEGRADED
    assert run.verdict.reason == "Pod/web-a: CrashLoopBackOff (and 1 more like it)"
    assert 15 <= run.seconds <= 20


@pytest.mark.parametrize("lost", [2, 3])
def test_a_look_without_the_pods_does_not_begin_their_grace_anew(lost: int) -> None:
    """A busy Argo CD returns the resource tree only to every second look."""
    looks = itertools.count()

    def workloads(_: str) -> Workloads:
        if next(looks) % lost == 1:
            raise error(FailureKind.TIMED_OUT)
        return Workloads(failing=(failing("web-a"),))

    run = Run(PROGRESSING, workloads=workloads, timeout=60)
    assert run.verdict.outcome is Outcome.DEGRADED
    assert 15 <= run.seconds <= 20


def test_pods_that_nobody_has_seen_for_long_fail_no_release() -> None:
    looks = itertools.count()

    def workloads(_: str) -> Workloads:
        if next(looks):
            raise error(FailureKind.TIMED_OUT)
        return Workloads(failing=(failing("web-a"),))

    assert Run(PROGRESSING, workloads=workloads, timeout=60).verdict.outcome is Outcome.TIMED_OUT


def test_pods_that_recover_within_their_grace_do_not() -> None:
    looks = iter([Workloads(failing=(failing("web-a"),))] * 4 + [Workloads()] * 100)
    run = Run(*[PROGRESSING] * 20, DELIVERED, workloads=lambda _: next(looks))
    assert run.verdict.outcome is Outcome.DELIVERED


@pytest.mark.parametrize(
    ("kind", "outcome"), [(FailureKind.TIMED_OUT, Outcome.TIMED_OUT), (FailureKind.DENIED, Outcome.DELIVERED)]
)
def test_an_expected_image_waits_for_a_late_tree_and_falls_back_for_a_refused_one(
    kind: FailureKind, outcome: Outcome
) -> None:
    def tree(_: str) -> Workloads:
        raise error(kind, "no tree")

    run = Run(DELIVERED, expectation=Expectation(image="web:1"), workloads=tree, timeout=30)
    assert run.verdict.outcome is outcome
    assert ("not proven" in run.verdict.caveat) is (outcome is Outcome.DELIVERED)


def test_where_pods_cannot_be_seen_it_is_said_once_and_changes_nothing() -> None:
    def broken(_: str) -> Workloads:
        raise error(FailureKind.OTHER, "403 Forbidden")

    run = Run(*[PROGRESSING] * 5, DELIVERED, workloads=broken)
    assert run.verdict.outcome is Outcome.DELIVERED
    assert run.of(PodsNotSeen) == [PodsNotSeen(error="403 Forbidden")]


def test_pods_of_a_healthy_application_are_not_asked_for() -> None:
    def never(_: str) -> Workloads:
        raise AssertionError

    assert Run(DELIVERED, workloads=never).verdict.outcome is Outcome.DELIVERED


OUT_OF_SYNC = application(sync="OutOfSync", operated=OLD)
SYNCING = application(sync="OutOfSync", phase="Running")


def test_a_sync_is_started_where_it_is_asked_for_and_needed() -> None:
    assert Run(OUT_OF_SYNC, SYNCING, DELIVERED).commands.syncs == 0
    assert Run(DELIVERED, sync=True).commands.syncs == 0
    run = Run(OUT_OF_SYNC, SYNCING, DELIVERED, sync=True)
    assert (run.commands.syncs, run.verdict.outcome) == (1, Outcome.DELIVERED)


def test_a_sync_is_requested_again_if_the_source_parameters_have_changed() -> None:
    """A parent application or an ApplicationSet can change the parameters after the sync of the revision."""
    before, after = (replace(OUT_OF_SYNC, automated=False, parameters=(text,)) for text in ('{"v":1}', '{"v":2}'))
    assert Run(before, before, after, sync=True, timeout=20).commands.syncs == 2


WEB_2, WEB_3 = ('{"image": "registry.example.com/web:2"}',), ('{"image": "registry.example.com/web:3"}',)
RUNS_2 = Workloads(images=("registry.example.com/web:2",))


def test_a_sync_that_would_not_bring_the_expected_image_is_not_started() -> None:
    """Argo CD would apply whatever is in git, and the job would fail only afterwards."""
    run = Run(OUT_OF_SYNC, sync=True, expectation=Expectation(image="web:2"), rendered=WEB_3, timeout=60)
    assert (run.commands.syncs, run.verdict.outcome) == (0, Outcome.TIMED_OUT)
    assert "do not name the expected image web:2" in run.verdict.reason
    assert run.cluster.manifests_read == 1, "the same revision has the same manifests"


def test_manifests_that_argo_cd_cannot_render_are_requested_twice() -> None:
    """After three failed renders, Argo CD repeats a cached error for an hour. HEAD can be newer than this revision."""
    run = Run(
        OUT_OF_SYNC, sync=True, expectation=Expectation(image="web:2"), timeout=60,
        rendered=error(FailureKind.OTHER, "Manifest generation error"), graces=GracePeriods(fail_fast=False),
    )  # fmt: skip
    assert (run.commands.syncs, run.cluster.manifests_read) == (0, 2)
    assert "Manifest generation error" in run.verdict.reason


def test_a_sync_that_brings_the_expected_image_is_started() -> None:
    expected = partial(Run, sync=True, expectation=Expectation(image="web:2"), workloads=lambda _: RUNS_2)
    run = expected(OUT_OF_SYNC, SYNCING, DELIVERED, rendered=WEB_2)
    assert (run.commands.syncs, run.verdict.outcome) == (1, Outcome.DELIVERED)
    hidden = error(FailureKind.DENIED, "permission denied: applications, get, default/web")
    run = expected(OUT_OF_SYNC, SYNCING, DELIVERED, rendered=hidden)
    assert (run.commands.syncs, run.verdict.outcome) == (1, Outcome.DELIVERED)


def test_a_foreign_operation_is_waited_for() -> None:
    foreign = application(sync="OutOfSync", phase="Running", operated=OLD)
    run = Run(foreign, foreign, OUT_OF_SYNC, SYNCING, DELIVERED, sync=True)
    assert (run.commands.syncs, run.verdict.outcome) == (1, Outcome.DELIVERED)


def test_a_foreign_operation_that_begins_in_between_is_waited_for() -> None:
    busy = error(FailureKind.OPERATION_IN_PROGRESS, "another operation is already in progress")
    run = Run(OUT_OF_SYNC, SYNCING, SYNCING, DELIVERED, sync=True, refusals=[busy])
    assert (run.commands.syncs, run.verdict.outcome) == (1, Outcome.DELIVERED)


def test_a_failed_sync_is_tried_again_once_and_its_failure_is_the_verdict() -> None:
    failed = application(phase="Failed")
    run = Run(failed, application(phase="Running"), failed, sync=True)
    assert (run.commands.syncs, run.verdict.outcome) == (1, Outcome.SYNC_FAILED)


def test_a_sync_that_is_not_allowed_is_denied() -> None:
    refusals = [error(FailureKind.DENIED, "permission denied: applications, sync, default/web")] * 2
    run = Run(OUT_OF_SYNC, sync=True, refusals=refusals)
    assert run.verdict.outcome is Outcome.DENIED
    assert run.verdict.reason == "permission denied: applications, sync, default/web"


def test_a_sync_that_is_refused_fails_after_the_grace_of_conditions() -> None:
    refused = error(FailureKind.OTHER, "Cannot sync to abc: auto-sync currently set to main")
    run = Run(OUT_OF_SYNC, sync=True, refusals=[refused] * 100)
    assert run.verdict.outcome is Outcome.SYNC_FAILED
    assert run.verdict.reason == verdict.REFUSED.fill(reason="Cannot sync to abc: auto-sync currently set to main")
    assert 10 <= run.seconds <= 15


def test_a_sync_window_is_waited_for_and_named() -> None:
    blocked = error(FailureKind.SYNC_WINDOW, "cannot sync: blocked by sync window")
    run = Run(OUT_OF_SYNC, timeout=30, sync=True, refusals=[blocked] * 100)
    assert run.verdict.outcome is Outcome.TIMED_OUT
    assert (
        verdict.WHY_SYNC_WINDOW.fill(project="default", window="cannot sync: blocked by sync window", outlook="")
        in run.verdict.reason
    )


def test_a_sync_window_that_keeps_argo_cd_from_syncing_is_named_in_the_first_seconds() -> None:
    run = Run(OUT_OF_SYNC, timeout=30)
    reason = verdict.WHY_SYNC_WINDOW.fill(project="default", window="deny * * * * * for web", outlook="")
    assert reason in run.of(ApplicationState)[0].reason


@pytest.mark.parametrize("phase", ["Failed", "Succeeded"])
def test_a_sync_window_is_no_reason_if_argo_cd_does_not_sync_the_revision_again(phase: str) -> None:
    """Argo CD skips an attempted revision also after the window has opened, so waiting for the window cannot help."""
    run = Run(application(sync="OutOfSync", phase=phase), timeout=200)
    assert run.verdict.outcome in {Outcome.SYNC_FAILED, Outcome.NOT_DELIVERED}
    assert "sync window" not in run.verdict.reason
    healed = replace(application(sync="OutOfSync"), self_heal=True)
    assert verdict.WHY_SYNC_WINDOW.fill(project="default", window="deny * * * * * for web", outlook="") in (
        Run(healed, timeout=20).verdict.reason
    )


def test_a_sync_window_that_was_not_told_is_asked_for_at_the_next_look() -> None:
    run = Run(OUT_OF_SYNC, timeout=12, windows=[error(FailureKind.TIMED_OUT)])
    assert verdict.WHY_SYNC_WINDOW.fill(project="default", window="", outlook="") in run.verdict.reason


def test_a_sync_window_that_the_token_may_not_see_is_not_asked_for_at_every_look() -> None:
    run = Run(OUT_OF_SYNC, timeout=12, windows=[error(FailureKind.DENIED)])
    assert "sync window" not in run.verdict.reason


def test_what_is_expected_is_looked_for_in_git_again_and_again() -> None:
    run = Run(DELIVERED, timeout=20, expectation=Expectation(revision="deadbeef"))
    assert run.verdict.outcome is Outcome.TIMED_OUT
    assert 3 <= run.commands.refreshes.count(True) <= 5


def test_a_later_revision_that_contains_the_expected_one_delivers_it() -> None:
    asked: list[tuple[str, str, Source]] = []

    def revision_relation(revision: str, expected: str, source: Source) -> RevisionRelation:
        asked.append((revision, expected, source))
        return RevisionRelation(relation=Relation.DESCENDANT, commits=2)

    run = Run(DELIVERED, expectation=Expectation(revision="deadbeef"), revision_relation=revision_relation)
    assert run.verdict.outcome is Outcome.DELIVERED
    assert run.verdict.delivered_by == "deadbee was delivered via 3f2c1ab, 2 commits later"
    assert set(asked) == {(NEW, "deadbeef", Source(repo_url=""))}


def test_words_that_are_not_known_are_named_once() -> None:
    run = Run(application(health="Frozen"), application(health="Frozen"), application(health="Thawed"), DELIVERED)
    assert run.of(UnknownWords) == [UnknownWords(words="health status Frozen")]


def test_what_is_seen_stands_once_in_the_line_that_tells_it() -> None:
    run = Run(application(health="Degraded"), DELIVERED)
    assert run.of(ApplicationState)[0].reason == "Deployment/web 0 of 1 updated replicas"


def test_where_git_cannot_say_it_that_is_told_once() -> None:
    unknown = RevisionRelation(relation=Relation.UNKNOWN, note="no clone")
    run = Run(DELIVERED, timeout=20, expectation=Expectation(revision="deadbeef"), revision_relation=lambda *_: unknown)
    assert run.of(HistoryNotConsulted) == [HistoryNotConsulted(why="no clone")]


def test_the_images_that_run_are_asked_for_where_one_is_expected() -> None:
    looks = iter([Workloads(images=("web:1",))] * 3 + [Workloads(images=("web:2",))] * 10)
    run = Run(DELIVERED, expectation=Expectation(image="web:2"), workloads=lambda _: next(looks))
    assert run.verdict.outcome is Outcome.DELIVERED
    reason = OTHER_IMAGE.fill(image="web:2", running="web:1", explanation="")
    assert reason in run.of(ApplicationState)[0].reason


def test_each_transition_has_its_time() -> None:
    run = Run(PROGRESSING, PROGRESSING, DELIVERED)
    health = [(change.value, change.at) for change in run.of(StateChanged) if change.what == "health"]
    assert [value for value, _ in health] == ["Progressing", "Healthy"]
    assert 0 < health[0][1] < health[1][1] <= run.seconds
    assert [change.value for change in run.of(StateChanged) if change.what == "sync"] == ["Synced"]
    assert [change.value for change in run.tracker.timeline.transitions if change.what == "health"] == [
        "Progressing",
        "Healthy",
    ]


def broken(message: str, **parts: Any) -> Application:
    return application(sync="Unknown", conditions=[{"type": "ComparisonError", "message": message}], **parts)


ABSENT = broken("rpc error: code = Unknown desc = app path does not exist")
AWAY = broken('rpc error: code = Unavailable desc = "transport: dial tcp 127.0.0.1:8081: connect: connection refused"')


def test_an_error_of_one_comparison_is_no_verdict_before_another_has_confirmed_it() -> None:
    run = Run(ABSENT, ABSENT, ABSENT, DELIVERED)
    assert run.verdict.outcome is Outcome.DELIVERED


def test_while_an_error_of_comparison_is_seen_it_is_compared_again_and_then_it_is_the_verdict() -> None:
    run = Run(ABSENT)
    assert run.verdict.outcome is Outcome.SYNC_FAILED
    assert 10 <= run.seconds <= 10 + COMPARE_AGAIN_SECONDS + 1
    assert run.commands.refreshes.count(True) == 2, "each comparison is a failed render, and a third does damage"
    assert run.commands.refreshes[-1], "the last look was one that compared"


DEPENDENCY = (
    "failed to generate manifest for source 1 of 1: rpc error: code = Unknown desc = failed to build helm dependencies: "
    '`helm dependency build` failed exit status 1: Get "http://charts": dial tcp 10.0.0.1:80: connect: connection refused'
)
CACHED = f"rpc error: code = Unknown desc = Manifest generation error (cached): {DEPENDENCY}"


def test_what_rendering_needs_and_is_away_costs_two_failed_renders_at_most() -> None:
    run = Run(broken(DEPENDENCY), timeout=300)
    assert run.verdict.outcome is Outcome.UNREACHABLE
    assert 60 <= run.seconds <= 66
    assert run.commands.refreshes.count(True) == 2


def test_what_rendering_needs_is_away_for_25_s_and_is_delivered() -> None:
    run = Run(*[broken(DEPENDENCY)] * 7, DELIVERED, timeout=300)
    assert run.verdict.outcome is Outcome.DELIVERED
    assert run.seconds <= RENDER_AGAIN_AFTER_OUTAGE_SECONDS + 5


@pytest.mark.parametrize("graces", [GracePeriods(fail_fast=False), GracePeriods(condition_grace=0)])
def test_a_job_that_waits_its_whole_time_causes_two_failed_renders_too(graces: GracePeriods) -> None:
    run = Run(ABSENT, timeout=200, graces=graces)
    assert run.verdict.outcome is Outcome.TIMED_OUT
    assert run.commands.refreshes.count(True) == 2


def test_an_error_from_the_cache_leads_to_one_hard_refresh() -> None:
    hard: list[str] = []

    def hard_refresh(name: str, *, seconds: float) -> Application:
        del seconds
        hard.append(name)
        return DELIVERED

    run = Run(broken(CACHED), DELIVERED, hard_refresh=hard_refresh)
    assert run.verdict.outcome is Outcome.DELIVERED
    assert len(hard) == 1
    assert run.seconds <= 5


def test_a_hard_refresh_that_fails_is_not_repeated() -> None:
    hard: list[str] = []

    def hard_refresh(name: str, *, seconds: float) -> Application:
        del seconds
        hard.append(name)
        return broken(DEPENDENCY)

    run = Run(broken(CACHED), hard_refresh=hard_refresh)
    assert run.verdict.outcome is Outcome.UNREACHABLE
    assert len(hard) == 1
    assert "ask for a hard refresh" in run.verdict.hint


def test_with_the_refresh_hard_only_the_first_comparison_that_ends_is_hard() -> None:
    unreachable = ArgoCDError(kind=FailureKind.UNREACHABLE, command="get", exit_code=20, message="no route to host")
    older = [application(revision=OLD, operated=OLD)] * 12
    run = Run(unreachable, unreachable, *older, DELIVERED, hard_first=True, expectation=Expectation(revision=NEW[:8]))
    assert run.verdict.outcome is Outcome.DELIVERED
    assert len(run.commands.hard) > 3
    at = run.commands.hard.index(False)
    assert run.commands.hard == [True] * at + [False] * (len(run.commands.hard) - at)
    assert at == 3


def test_no_comparison_is_hard_by_default() -> None:
    assert not any(Run(DELIVERED).commands.hard)


def test_without_a_hard_refresh_the_hint_says_that_only_that_helps() -> None:
    run = Run(broken(CACHED))
    assert run.verdict.outcome is Outcome.UNREACHABLE
    assert "ask for a hard refresh" in run.verdict.hint
    assert "--hard-refresh" in run.verdict.hint


def test_while_rendering_fails_the_log_names_the_condition() -> None:
    run = Run(broken(DEPENDENCY), timeout=20)
    assert any("ComparisonError" in each.reason for each in run.of(ApplicationState))


def test_while_rendering_fails_no_sync_is_begun() -> None:
    run = Run(broken(DEPENDENCY), sync=True, timeout=20)
    assert run.commands.syncs == 0


def test_what_argo_cd_cannot_reach_is_unreachable_and_waited_for() -> None:
    run = Run(AWAY, timeout=300)
    assert run.verdict.outcome is Outcome.UNREACHABLE
    condition = "ComparisonError: rpc error: code = Unavailable"
    assert run.verdict.reason.startswith(verdict.CANNOT_COMPARE.fill(condition=condition))
    assert 60 <= run.seconds <= 60 + COMPARE_AGAIN_SECONDS + 1
    assert Run(*[AWAY] * 25, DELIVERED).verdict.outcome is Outcome.DELIVERED


def test_what_argo_cd_cannot_reach_at_the_deadline_is_unreachable_too() -> None:
    run = Run(AWAY, timeout=20)
    assert run.verdict.outcome is Outcome.UNREACHABLE
    assert is_from(run.verdict.reason, verdict.FAILED_WITHIN)


def test_denied_at_the_deadline_is_denied() -> None:
    run = Run(PROGRESSING, error(FailureKind.DENIED, "permission denied: applications, get"), timeout=1)
    assert run.verdict.outcome is Outcome.DENIED
    assert "ARGOCD_AUTH_TOKEN" in run.verdict.hint


def test_a_token_that_was_good_a_moment_ago_may_be_good_again() -> None:
    blip = [error(FailureKind.UNAUTHENTICATED, "invalid session")] * 3
    assert Run(PROGRESSING, *blip, DELIVERED).verdict.outcome is Outcome.DELIVERED
    run = Run(PROGRESSING, error(FailureKind.UNAUTHENTICATED, "invalid session"))
    assert run.verdict.outcome is Outcome.DENIED
    assert run.seconds <= 15
    assert Run(error(FailureKind.UNAUTHENTICATED, "invalid session")).seconds <= 3


def test_an_answer_that_is_a_refusal_is_no_outage() -> None:
    run = Run(error(FailureKind.REFUSED, 'app is not allowed in project "x", or the project does not exist'))
    assert run.verdict.outcome is Outcome.DENIED
    assert run.verdict.code is CauseCode.REFUSED
    assert 10 <= run.seconds <= 15


def test_output_that_cannot_be_read_is_named_so() -> None:
    run = Run(error(FailureKind.MALFORMED, ARGOCD_PRINTED_NO_APPLICATION.fill(error="nothing")))
    assert run.verdict.outcome is Outcome.UNREACHABLE
    assert run.verdict.code is CauseCode.UNREADABLE
    assert run.of(NoAnswer)[0].reason.startswith(verdict.OUTPUT_UNREADABLE)


class SlowComparison(FakeCommands):
    """Commands with a comparison that ends when a test lets it end. Plain looks are answered meanwhile."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__([DELIVERED], clock)
        self.let = threading.Event()

    def get(
        self, name: str, *, seconds: float, refresh: bool = False, hard: bool = False, echo: bool = False
    ) -> Application:
        if not refresh and len(self.refreshes) == 5:
            self.let.set()
            time.sleep(0.2)
        answer = super().get(name, seconds=seconds, refresh=refresh, hard=hard, echo=echo)
        if refresh:
            self.let.wait(30)
        return answer


def test_a_comparison_that_takes_longer_than_a_look_is_let_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracker_module, "REFRESH_SECONDS", 0.1)
    clock = FakeClock()
    commands = SlowComparison(clock)
    tracker = Tracker("web", commands=commands, clock=clock, timeout=60, emit=lambda *_, **__: None)
    verdict = run(tracker, clock)
    assert verdict.outcome is Outcome.DELIVERED
    assert commands.refreshes.count(True) == 1, "it is not begun anew"
    assert commands.refreshes.count(False) > 4


def test_the_end_of_the_run_ends_a_look_whatever_hangs() -> None:
    never, stop = threading.Event(), StopRequest()

    def hangs(_: str) -> Workloads:
        never.wait(30)
        return Workloads()

    threading.Timer(0.3, stop.set, (Outcome.CANCELLED,)).start()
    started = time.monotonic()
    with pytest.raises(Cancelled):
        Run(PROGRESSING, workloads=hangs, check=stop.check)
    assert time.monotonic() - started < 1
    never.set()


def test_what_hangs_beneath_an_application_holds_no_look_up_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    # Use a fifth of the real limit.
    monkeypatch.setattr(observer, "CLUSTER_SECONDS", observer.CLUSTER_SECONDS / 5)
    never = threading.Event()

    def hangs(_: str) -> Workloads:
        never.wait(30)
        return Workloads()

    started = time.monotonic()
    run = Run(PROGRESSING, timeout=2, workloads=hangs)
    assert run.verdict.outcome is Outcome.TIMED_OUT
    assert time.monotonic() - started < 3
    assert len(run.of(PodsNotSeen)) == 1
    never.set()


def test_a_history_that_does_not_answer_holds_nothing_up_and_is_picked_up_later() -> None:
    let, started = threading.Event(), time.monotonic()

    def slow(*_: object) -> RevisionRelation:
        let.wait(30)
        return RevisionRelation(relation=Relation.DESCENDANT, commits=1)

    run = Run(DELIVERED, timeout=20, expectation=Expectation(revision="deadbeef"), revision_relation=slow)
    assert run.verdict.outcome is Outcome.TIMED_OUT
    assert git_history.HISTORY_BEING_READ in run.verdict.reason
    assert time.monotonic() - started < 3
    assert run.of(HistoryNotConsulted) == []
    let.set()


def test_a_signals_handler_may_wake_the_clock_at_any_moment() -> None:
    """If ``wake`` took a lock, this test would hang after some dozens of pauses."""
    clock = MonotonicClock()
    before = signal.signal(signal.SIGUSR1, lambda *_: clock.wake())
    try:
        over = threading.Event()

        def fire() -> None:
            while not over.wait(0.0001):
                os.kill(os.getpid(), signal.SIGUSR1)

        thread = threading.Thread(target=fire)
        thread.start()
        for _ in range(3000):
            clock.pause(0.001)
        over.set()
        thread.join()
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_a_wake_before_a_pause_cuts_it_short_and_many_are_one() -> None:
    clock = MonotonicClock()
    for _ in range(100_000):
        clock.wake()
    started = time.monotonic()
    clock.pause(5)
    assert time.monotonic() - started < 1
    clock.pause(0.2)
    assert time.monotonic() - started >= 0.2


@pytest.mark.parametrize(("looks", "comparisons"), [(2, 1), (4, 2), (20, 10)])
def test_only_if_argocd_does_not_compare_after_a_sync_it_is_made_to(looks: int, comparisons: int) -> None:
    """The job looks every 4 s. Argo CD compares by itself at the end of a sync, so 10 s pass before the request."""
    outdated = application(reconciledAt="2026-01-01T00:00:04Z")
    run = Run(*[outdated] * looks, DELIVERED)
    assert run.verdict.outcome is Outcome.DELIVERED
    assert run.commands.refreshes.count(True) == comparisons


def test_an_application_that_only_progresses_is_compared_once() -> None:
    assert not any(Run(PROGRESSING, timeout=20).commands.refreshes[1:])


def test_where_argocd_is_to_sync_by_itself_and_does_not_it_is_made_to_compare_again() -> None:
    """If Argo CD 3.6 could not render a revision at first, it treats the revision as one that changes nothing."""
    waits, tried = OUT_OF_SYNC, application(sync="OutOfSync")
    no_window = [error(FailureKind.DENIED)] * 100
    assert Run(*[waits] * 6, DELIVERED, windows=no_window).verdict.outcome is Outcome.DELIVERED
    assert Run(waits, windows=no_window, timeout=25).commands.refreshes.count(True) == 3
    # A comparison does not help if a sync window blocks the sync, or if the sync is not automated or was already tried.
    assert Run(waits, timeout=25).commands.refreshes.count(True) == 1
    for other in (replace(waits, automated=False), tried):
        assert Run(other, windows=no_window, timeout=25).commands.refreshes.count(True) == 1


def test_pods_are_looked_at_while_a_sync_runs() -> None:
    """A wave or a hook can be unable to start, whatever health the application has."""
    results = [{"group": "apps", "kind": "Deployment", "namespace": "web", "name": "web", "status": "Synced"}]
    running = application(sync="OutOfSync", health="Missing", phase="Running", results=results)
    run = Run(running, workloads=lambda _: Workloads(failing=(failing("web-a"),)))
    assert run.verdict.outcome is Outcome.DEGRADED


def test_a_last_look_that_had_too_little_time_does_not_hide_what_was_known() -> None:
    hung = error(FailureKind.TIMED_OUT, "no answer within 1 s")
    run = Run(*[PROGRESSING] * 3, hung, timeout=11)
    assert run.verdict.outcome is Outcome.TIMED_OUT
    assert "Progressing" in run.verdict.reason
    assert Run(hung, timeout=11).verdict.outcome is Outcome.UNREACHABLE
    assert Run(PROGRESSING, hung, timeout=40).verdict.outcome is Outcome.UNREACHABLE


def until_the_deadline(*last: Application) -> Run:
    """Return a run of 18 s. From the look at the deadline on, the application has the states ``last``."""
    looks = len(Run(PROGRESSING, timeout=18).commands.refreshes)
    return Run(*[PROGRESSING] * (looks - 1), *last, timeout=18)


def test_what_is_delivered_at_the_deadline_is_confirmed_by_one_more_look() -> None:
    """H31."""
    run = until_the_deadline(DELIVERED)
    assert run.verdict.outcome is Outcome.DELIVERED
    assert 18 <= run.seconds <= 19


def test_what_is_not_confirmed_after_the_deadline_is_not_delivered() -> None:
    run = until_the_deadline(DELIVERED, PROGRESSING)
    assert run.verdict.outcome is Outcome.TIMED_OUT
    assert "Progressing" in run.verdict.reason
    assert run.seconds <= 19


def test_an_application_whose_comparison_was_not_requested_blames_no_controller() -> None:
    """H30."""
    hung = [answer for _ in range(20) for answer in (error(FailureKind.TIMED_OUT), DELIVERED)]
    run = Run(*hung, timeout=30, cost=5, queued_before=lambda: 4)
    assert run.verdict.outcome is Outcome.TIMED_OUT
    assert run.verdict.reason == verdict.TIMED_OUT.fill(seconds=30, reason=verdict.READ_LATER.fill(before=4))


@pytest.mark.parametrize("is_refused", [True, False])
def test_a_failed_read_of_the_pods_proves_no_image_unless_argo_cd_refuses_it(*, is_refused: bool) -> None:
    """The summary also lists the images of finished Jobs. It counts only if Argo CD refuses to show the pods."""

    def fails(_: str) -> Workloads:
        raise ArgoCDError(kind=FailureKind.OTHER, command="GET", exit_code=None, message="503", is_refused=is_refused)

    listed = replace(DELIVERED, images=("registry.example.com/web:1",))
    run = Run(listed, expectation=Expectation(image="registry.example.com/web:1"), workloads=fails, timeout=30)
    assert run.verdict.outcome is (Outcome.DELIVERED if is_refused else Outcome.TIMED_OUT)


def hanging_sync(*, automated: bool) -> Application:
    """Return a Synced application whose sync of another revision hangs."""
    state = replace(
        application(phase="Running", operated=OLD), sources=(Source(repo_url="https://git.example.com/web"),)
    )
    assert state.operation is not None
    return replace(state, operation=replace(state.operation, automated=automated))


@pytest.mark.parametrize(
    ("automated", "relation", "ended"),
    [
        (True, Relation.UNKNOWN, 1),
        *((False, relation, int(relation is Relation.OLDER)) for relation in Relation),
    ],
)
def test_only_a_sync_that_is_known_to_be_of_an_earlier_revision_is_terminated(
    *, automated: bool, relation: Relation, ended: int
) -> None:
    run = Run(
        hanging_sync(automated=automated),
        timeout=120,
        terminate=True,
        expectation=Expectation(revision=NEW[:8]),
        revision_relation=lambda *_: RevisionRelation(relation=relation),
    )
    assert run.commands.terminated == ended
    reason = fields_of(run.verdict.reason, verdict.TIMED_OUT) or {"reason": run.verdict.reason}
    assert is_from(f"{reason['reason']} ", f"{verdict.OLD_SYNC.text}{{rest}}") is bool(ended)


@pytest.mark.parametrize(("message", "ended"), [("is invalid", 1), ('failed calling webhook "x"', 0)])
def test_a_sync_of_an_earlier_revision_that_retries_in_vain_is_terminated(message: str, ended: int) -> None:
    state = hanging_sync(automated=True)
    assert state.operation is not None
    retried = replace(
        state.operation, retries=2, finished_at="2026-01-01T00:00:05Z", message=f'ConfigMap "bad" {message}'
    )
    assert Run(replace(state, operation=retried), timeout=120, terminate=True).commands.terminated == ended


def test_a_request_to_terminate_that_argo_cd_loses_is_repeated_and_not_for_ever() -> None:
    # Nothing that the fake Argo CD reports changes after a request.
    assert Run(hanging_sync(automated=True), timeout=1000, terminate=True).commands.terminated == TERMINATIONS


def test_a_sync_of_an_earlier_revision_is_terminated_even_if_the_job_waits_until_the_timeout() -> None:
    graces = GracePeriods(fail_fast=False)
    assert Run(hanging_sync(automated=True), timeout=100, terminate=True, graces=graces).commands.terminated == 1


def test_without_git_no_sync_that_somebody_requested_is_terminated() -> None:
    assert Run(hanging_sync(automated=False), timeout=120, terminate=True).commands.terminated == 0
    assert Run(hanging_sync(automated=True), timeout=120, terminate=True).commands.terminated == 1


@pytest.mark.parametrize(("of_container", "outcome"), [("web:2", Outcome.DELIVERED), ("web:1", Outcome.TIMED_OUT)])
def test_the_image_of_an_init_container_proves_nothing(of_container: str, outcome: Outcome) -> None:
    (pod,) = parse_tree({
        "nodes": [{"kind": "Pod", "name": "web-1", "uid": "1", "images": ["web:1", "web:2"], "health": {"status": "Healthy"}}]
    }).nodes  # fmt: skip
    run = Run(
        DELIVERED,
        timeout=20,
        workloads=lambda _: Workloads(images=pod.images, serving=(pod,), pods=1, ready=1),
        expectation=Expectation(image="2"),
        containers={"1": (of_container,)},
    )
    assert run.verdict.outcome is outcome
    assert run.cluster.templates_read == 1


def test_pods_that_were_seen_are_late_and_not_absent_after_a_closed_port() -> None:
    answers = iter([Workloads(images=("registry.example.com/web:0",))])

    def closes(_: str) -> Workloads:
        for workloads in answers:
            return workloads
        raise ArgoCDError(kind=FailureKind.OTHER, command="GET", exit_code=None, message="refused", is_refused=True)

    listed = replace(DELIVERED, images=("registry.example.com/web:1",))
    run = Run(listed, expectation=Expectation(image="registry.example.com/web:1"), workloads=closes, timeout=30)
    assert run.verdict.outcome is Outcome.TIMED_OUT


def two(*, worker: str = "OutOfSync", **parts: Any) -> Application:
    """Return an application with a healthy Deployment ``web``, and with a Deployment ``worker``."""
    items = [("web", "Synced", "Healthy"), ("worker", worker, "Progressing")]
    return application(
        sync=worker,
        health="Progressing",
        resources=[
            {"group": "apps", "kind": "Deployment", "namespace": "web", "name": name, "status": status}
            | {"health": {"status": health}}
            for name, status, health in items
        ],
        **parts,
    )


def without_worker() -> Callable[[Application], Application]:
    return ChosenResources.of(["!*:*:worker"]).view


def test_an_excluded_resource_does_not_delay_a_release_and_its_pods_are_not_read() -> None:
    run = Run(two(), choose=without_worker())
    assert run.verdict.outcome is Outcome.DELIVERED
    assert run.seconds < 1
    assert not run.cluster.excluded, "nothing about the pods matters"
    assert Run(two(), timeout=20).verdict.outcome is Outcome.TIMED_OUT


def test_the_pods_of_excluded_resources_are_left_out() -> None:
    run = Run(two(), choose=without_worker(), expectation=Expectation(image="web:1"), timeout=5)
    assert {str(item) for exclusion in run.cluster.excluded if exclusion for item in exclusion.resources} == {
        "Deployment/worker"
    }


def test_after_a_failed_attempt_of_excluded_resources_argocd_is_made_to_compare() -> None:
    failed = [{"group": "apps", "kind": "Deployment", "namespace": "web", "name": "worker", "status": "SyncFailed"}]
    attempt: dict[str, Any] = {"phase": "Running", "retries": 1, "results": failed, "operation": {"sync": {}}}
    before, after = two(**attempt, reconciledAt="2026-01-01T00:00:04Z"), two(**attempt)
    run = Run(*[before] * 6, after, choose=without_worker())
    assert run.verdict.outcome is Outcome.DELIVERED
    assert run.commands.refreshes.count(True) >= 2
    assert Run(after, timeout=20).verdict.outcome is not Outcome.DELIVERED


def test_a_sync_that_the_job_requests_is_of_the_whole_application() -> None:
    """An excluded resource that is OutOfSync is to be deployed too, although it does not count."""
    manual = replace(two(phase=None), automated=False)
    assert Run(manual, choose=without_worker(), sync=True, timeout=5).commands.syncs == 1
    assert Run(replace(two(phase=None, worker="Synced")), choose=without_worker(), sync=True).commands.syncs == 0


def test_the_job_requests_no_sync_while_argocd_retries_one_that_fails_for_excluded_resources() -> None:
    failed = [{"group": "apps", "kind": "Deployment", "namespace": "web", "name": "worker", "status": "SyncFailed"}]
    retried = two(phase="Running", retries=1, results=failed, operation={"sync": {}})
    run = Run(retried, choose=without_worker(), sync=True)
    assert run.verdict.outcome is Outcome.DELIVERED
    assert run.commands.syncs == 0


def ready(restarts: int = 0) -> Workloads:
    pod = Node(
        uid="a", owner="", group="", version="v1", kind="Pod", namespace="web", name="web-a", health="Healthy",
        message="", created_at="", images=(), info={"Restart Count": str(restarts)},
    )  # fmt: skip
    return Workloads(serving=(pod,), pods=1, ready=1)


STABLE = GracePeriods(stable_for=60)


@pytest.mark.parametrize("streams", [None, []], ids=["polls", "streams"])
def test_a_release_that_must_stay_ready_is_looked_at_seldom_and_the_log_is_not_silent(
    streams: list[float] | None,
) -> None:
    run = Run(DELIVERED, graces=STABLE, workloads=lambda _: ready(), tree_changes=streams)
    assert run.verdict.outcome is Outcome.DELIVERED
    assert 60 <= run.seconds <= 61
    assert len(run.commands.refreshes) <= (60 / QUIET_SECONDS + 4 if streams is None else 5)
    waits = [event.waited for event in run.of(StillWaiting)]
    assert all(0 < later - earlier <= 10 + QUIET_SECONDS for earlier, later in pairwise([0, *waits, 60]))
    (state,) = [event for event in run.of(ApplicationState) if event.reason != verdict.CONFIRMING]
    assert is_from(state.reason, verdict.MUST_STAY)


@pytest.mark.parametrize("seconds", [15, 30, 90])
@pytest.mark.parametrize("streams", [None, []], ids=["polls", "streams"])
def test_a_release_is_delivered_as_soon_as_it_has_stayed_ready(streams: list[float] | None, seconds: int) -> None:
    graces = GracePeriods(stable_for=seconds)
    run = Run(DELIVERED, graces=graces, workloads=lambda _: ready(), tree_changes=streams)
    assert run.verdict.outcome is Outcome.DELIVERED
    assert seconds <= run.seconds <= seconds + 1


def test_a_release_whose_pods_cannot_be_read_has_a_caveat() -> None:
    def refuse(_: str) -> Workloads:
        raise error(FailureKind.DENIED, "permission denied")

    run = Run(DELIVERED, graces=STABLE, workloads=refuse)
    assert (run.verdict.outcome, run.verdict.caveat) == (Outcome.DELIVERED, verdict.RESTARTS_UNSEEN)


def test_while_an_application_grows_a_look_that_cannot_read_the_pods_is_no_failure() -> None:
    clock = FakeClock()

    def workloads(_: str) -> Workloads:
        if 1010 <= clock.now() < 1040:
            raise error(FailureKind.TIMED_OUT, "no response")
        return ready()

    looks = [PROGRESSING if 5 <= number < 9 else DELIVERED for number in range(30)]
    run = Run(*looks, graces=STABLE, workloads=workloads, clock=clock)
    assert run.verdict.outcome is Outcome.DELIVERED


class Successors:
    """Two trackers of one application. The second replaces the first, as after the verdict on a parent application."""

    def __init__(
        self, *answers: Application, workloads: Callable[[str], Workloads] = lambda _: Workloads(), **options: Any
    ) -> None:
        self.clock = FakeClock()
        self.commands = FakeCommands(answers, self.clock)
        self.earlier, self.later = (
            Tracker(
                "web", commands=self.commands, clock=self.clock, timeout=300, emit=lambda _: None,
                cluster=FakeBeneath(workloads, (), self.clock, None), started=1000, **options,
            )
            for _ in range(2)
        )  # fmt: skip

    def replace_at(self, seconds: float) -> Tracker:
        """Run the first tracker for this time. Return the second one, which has replaced it."""
        while self.clock.now() < 1000 + seconds:
            self.clock.sleep(max(self.earlier.step().look_again_at - self.clock.now(), 0))
        self.later.replace_tracker(self.earlier)
        return self.later


@pytest.mark.parametrize("restarts", [0, 1])
def test_a_tracker_continues_the_time_of_the_one_that_it_replaces_and_sees_each_restart(restarts: int) -> None:
    pods = [ready()]
    trackers = Successors(DELIVERED, workloads=lambda _: pods[-1], graces=STABLE)
    later = trackers.replace_at(30)
    pods.append(ready(restarts))
    verdict = run(later, trackers.clock)
    assert verdict.outcome is (Outcome.DEGRADED if restarts else Outcome.DELIVERED)
    assert trackers.clock.now() < 1062


def test_a_tracker_repeats_no_sync_of_the_one_that_it_replaces() -> None:
    trackers = Successors(replace(OUT_OF_SYNC, automated=False), sync=True)
    later = trackers.replace_at(5)
    assert trackers.commands.syncs == 1
    trackers.clock.seconds = 1290
    run(later, trackers.clock)
    assert trackers.commands.syncs == 1


def test_a_tracker_repeats_no_hard_refresh_of_the_one_that_it_replaces() -> None:
    trackers = Successors(DELIVERED, hard_first=True, graces=STABLE)
    assert run(trackers.replace_at(5), trackers.clock).outcome is Outcome.DELIVERED
    assert trackers.commands.hard == [True, False]


@pytest.mark.parametrize(("graces", "at", "renders"), [(GracePeriods(), 3, 1), (GracePeriods(fail_fast=False), 65, 2)])
def test_a_tracker_counts_the_failed_renders_of_the_one_that_it_replaces(
    graces: GracePeriods, at: float, renders: int
) -> None:
    """After three failed renders, Argo CD repeats a cached error for an hour."""
    trackers = Successors(ABSENT, graces=graces)
    later = trackers.replace_at(at)
    assert trackers.commands.refreshes.count(True) == renders
    assert run(later, trackers.clock).code is CauseCode.PATH_MISSING
    assert trackers.commands.refreshes.count(True) == 2


def test_a_reported_restart_ends_a_release_that_must_stay_ready() -> None:
    clock = FakeClock()
    run = Run(
        DELIVERED, graces=STABLE, workloads=lambda _: ready(int(clock.now() >= 1020)), tree_changes=[20], clock=clock
    )  # fmt: skip
    assert run.verdict.outcome is Outcome.DEGRADED
    assert is_from(run.verdict.reason, verdict.NOT_STABLE)
    assert run.verdict.subject is not None
    assert str(run.verdict.subject) == "Pod/web-a"
    assert run.seconds < 25


def test_without_the_setting_no_pods_are_read_for_a_healthy_application() -> None:
    assert not Run(DELIVERED).cluster.excluded
