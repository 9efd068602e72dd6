"""Test many applications on one clock: the order of their steps, and the end of the wait."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from argocd_release.messages.verdict import FAILED_WITHIN, LOOK_FAILED, NO_RESPONSE, READ_LATER
from argocd_release.model.application import Application, HealthStatus
from argocd_release.model.errors import ArgoCDError, FailureKind
from argocd_release.model.events import JobEvent, NoAnswer, Summary
from argocd_release.model.outcome import Outcome, Verdict
from argocd_release.model.ports import WaitFeed
from argocd_release.verdict.symptoms import GracePeriods
from argocd_release.watch import poll_loop, tracker
from argocd_release.watch.pace import POLL_SECONDS
from argocd_release.watch.poll_loop import OVERTIME_SECONDS, SUMMARY_SECONDS, GroupPoller, PollResult
from argocd_release.watch.snapshot import ApplicationSnapshot, SnapshotCommands
from argocd_release.watch.tracker import Tracker
from argocd_release.watch.worker_pool import STEPS_AT_ONCE
from tests.support.wording import is_from
from tests.unit.clock import Clock
from tests.unit.states import application

AWAY = ArgoCDError(kind=FailureKind.UNREACHABLE, command="argocd app list", exit_code=20, message="refused")
FORBIDDEN = ArgoCDError(kind=FailureKind.UNAUTHENTICATED, command="argocd app list", exit_code=20, message="no")
DELIVERED = application()
PROGRESSING = replace(application(), health=HealthStatus.PROGRESSING)


class World:
    """An Argo CD with an answer for each poll: states by name, or an error. The last answer is repeated."""

    def __init__(self, *polls: dict[str, Application] | ArgoCDError | None, hang: Sequence[str] = ()) -> None:
        self.polls = iter(polls)
        self.last: dict[str, Application] | ArgoCDError = {}
        self.hang, self.held, self.released = hang, threading.Event(), False
        self.named: dict[str, Application] = {}
        self.asked = 0
        self.under: dict[str, str] = {}
        self.stable_for = 0.0
        self.following: GroupPoller
        self.clock = Clock()
        self.events: list[JobEvent] = []
        self.looks: list[tuple[str, float]] = []

    def poll(self) -> PollResult | None:
        answer = next(self.polls, self.last)
        if answer is None:
            return None
        is_same = answer is self.last
        self.asked, self.last, asked_at = self.asked + 1, answer, self.clock.now()
        self.clock.at += 0.01
        if isinstance(answer, ArgoCDError):
            self.listing = ApplicationSnapshot(requested_at=asked_at, error=answer)
            return PollResult(requested_at=asked_at, error=answer)
        if not is_same:
            # Create the copies only for a new answer. Two hundred copies per poll took most of the CPU time of a test.
            self.named = {f"argocd/{name}": replace(state, name=name, uid=name) for name, state in answer.items()}
        named = self.named
        self.listing = ApplicationSnapshot(requested_at=asked_at, applications=named)
        names = {name: self.under.get(name, "") for name in answer}
        return PollResult(
            requested_at=asked_at, names=names, count=len(answer), states=lambda name: named.get(f"argocd/{name}")
        )

    # The commands that a tracker calls.
    def get(
        self, name: str, *, seconds: float, refresh: bool = False, hard: bool = False, echo: bool = False
    ) -> Application:
        del seconds, hard, echo
        if refresh and name.rpartition("/")[2] in self.hang:
            self.released = self.held.wait(20)
        self.looks.append((name, self.clock.now()))
        found = self.listing.applications.get(name)
        if found is None:
            raise ArgoCDError(kind=FailureKind.MISSING, command="get", exit_code=20, message="there is none")
        return found

    def terminate(self, name: str, *, seconds: float) -> None: ...

    def sync(self, name: str, *, seconds: float) -> None: ...

    def wait(self, name: str, *, seconds: float, wait_for: tuple[str, ...], on_line: Callable[[str], None]) -> WaitFeed:
        raise NotImplementedError

    def judged(self, *_: object) -> None:
        self.held.set()

    def track(self, name: str, _: object) -> Tracker:
        commands = SnapshotCommands(commands=self, snapshot=lambda: self.listing, now=self.clock.now)
        return Tracker(
            f"argocd/{name}", commands=commands, clock=self.clock, timeout=60, emit=lambda _: None,
            started=100.0, follow=False, graces=GracePeriods(stable_for=self.stable_for),
        )  # fmt: skip

    def poller(
        self, *, count: int = 1, appear: float = 0, stop_early: bool = False, graces: GracePeriods = GracePeriods()
    ) -> GroupPoller:
        return GroupPoller(
            poll=self.poll, track=self.track, clock=self.clock, started=100.0, timeout=60, graces=graces, appear=appear,
            emit=self.events.append, judged=self.judged, stop_early=stop_early,
            complete=lambda number: number >= count,
        )  # fmt: skip


def outcomes(poller: GroupPoller) -> dict[str, Outcome | None]:
    return {name: member.verdict.outcome if member.verdict else None for name, member in poller.applications.items()}


def test_each_is_delivered_by_two_lists_the_second_asked_for_after_the_first_look() -> None:
    world = World({"a": DELIVERED, "b": DELIVERED})
    poller = world.poller()
    assert poller.run() is None
    assert outcomes(poller) == {"a": Outcome.DELIVERED, "b": Outcome.DELIVERED}
    assert world.asked == 2


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_each_level_of_child_applications_does_not_wait_again_to_stay_ready(depth: int) -> None:
    names = ["root", "mid", "leaf"][:depth]
    world = World(dict.fromkeys(names, DELIVERED))
    world.under = {"mid": "root", "leaf": "mid"}
    world.stable_for = 25
    poller = world.poller(count=depth)
    poller.run()
    assert outcomes(poller) == dict.fromkeys(names, Outcome.DELIVERED)
    seconds = [application.seconds for application in poller.applications.values()]
    assert 25 <= min(seconds) <= max(seconds) <= 25 + 5 * depth


def test_lists_that_take_long_come_less_often_and_a_cancelled_job_ends_during_the_pause() -> None:
    world = World({"a": PROGRESSING})
    asked: list[float] = []
    cancelled_at = 138.0

    def slow_poll() -> PollResult | None:
        asked.append(world.clock.at)
        world.clock.at += 4.0
        return world.poll()

    def check() -> None:
        if world.clock.at >= cancelled_at:
            raise TimeoutError

    poller = GroupPoller(
        poll=slow_poll, track=world.track, clock=world.clock, started=100.0, timeout=60, graces=GracePeriods(),
        appear=0, emit=world.events.append, judged=world.judged, stop_early=False, complete=lambda _: True, check=check,
    )  # fmt: skip
    with pytest.raises(TimeoutError):
        poller.run()
    assert asked == pytest.approx([100, 108, 116, 124, 132], abs=0.5)
    # The pause after the fifth list would end at 140.
    assert world.clock.at < cancelled_at + 1


@pytest.mark.parametrize("count", [2, 10, 100])
def test_looks_without_news_cause_no_lists_of_their_own(count: int) -> None:
    world = World({f"app-{number}": PROGRESSING for number in range(count)})
    poller = world.poller(count=count)
    poller.run()
    assert set(outcomes(poller).values()) == {Outcome.TIMED_OUT}
    # The first looks, and those at the deadline, need lists of their own.
    assert world.asked <= 60 / POLL_SECONDS + 4


def test_those_that_are_judged_are_looked_at_no_more() -> None:
    world = World(*[{"a": DELIVERED, "b": PROGRESSING}] * 3, {"a": PROGRESSING, "b": DELIVERED})
    poller = world.poller()
    poller.run()
    assert outcomes(poller) == {"a": Outcome.DELIVERED, "b": Outcome.DELIVERED}


def test_what_appears_is_taken_in_until_there_are_enough() -> None:
    world = World({}, {"a": DELIVERED}, {"a": DELIVERED}, {"a": DELIVERED}, {"a": DELIVERED, "b": DELIVERED})
    poller = world.poller(count=2, appear=30)
    assert poller.run() is None
    assert outcomes(poller) == {"a": Outcome.DELIVERED, "b": Outcome.DELIVERED}


def test_where_too_few_appear_it_ends_with_their_time() -> None:
    world = World({"a": DELIVERED})
    poller = world.poller(count=2, appear=10)
    poller.run()
    assert 10 <= poller.elapsed < 10 + 2 * POLL_SECONDS


def test_where_nothing_is_it_ends_at_once() -> None:
    poller = World({}).poller()
    assert poller.run() is None
    assert poller.elapsed < 1


def test_one_that_fails_may_end_the_wait_for_the_others() -> None:
    gone = [{"a": PROGRESSING, "b": PROGRESSING}] * 3
    world = World(*gone, {"a": PROGRESSING, "b": replace(PROGRESSING, deleting=True)})
    poller = world.poller(stop_early=True)
    poller.run()
    assert outcomes(poller) == {"a": None, "b": Outcome.MISSING}
    poller.give_up(Verdict(outcome=Outcome.CANCELLED, reason="b failed"))
    assert outcomes(poller)["a"] is Outcome.CANCELLED


@pytest.mark.parametrize(
    ("error", "outcome", "least", "most"),
    [(AWAY, Outcome.UNREACHABLE, 15, 20), (FORBIDDEN, Outcome.DENIED, 0.3, 3)],
)
def test_a_list_that_fails_from_the_start_is_said(
    error: ArgoCDError, outcome: Outcome, least: float, most: float
) -> None:
    poller = World(error).poller()
    verdict = poller.run()
    assert verdict is not None
    assert error.message in verdict.reason
    assert verdict.outcome is outcome
    assert least <= poller.elapsed <= most


def test_a_list_that_is_refused_once_is_confirmed() -> None:
    """A single 401 is no verdict, as for one application (H22)."""
    poller = World(FORBIDDEN, {"a": DELIVERED}).poller()
    assert poller.run() is None
    assert outcomes(poller) == {"a": Outcome.DELIVERED}


def test_without_a_grace_for_the_connection_only_the_timeout_ends_the_wait_for_a_list() -> None:
    """A grace period of 0 turns the early end off (H22)."""
    poller = World(AWAY).poller(graces=GracePeriods(connect_grace=0))
    verdict = poller.run()
    assert verdict is not None
    assert verdict.outcome is Outcome.UNREACHABLE
    assert 60 <= poller.elapsed <= 61


def test_a_server_that_cannot_be_reached_is_named_at_once() -> None:
    """The log must not stay silent until the grace period has elapsed (D6)."""
    world = World(AWAY)
    world.poller().run()
    assert [event.reason for event in world.events if isinstance(event, NoAnswer)] == [
        LOOK_FAILED.fill(what=NO_RESPONSE, message=AWAY.message)
    ]


class Frozen(World):
    """An Argo CD that answers only lists."""

    def get(
        self, name: str, *, seconds: float, refresh: bool = False, hard: bool = False, echo: bool = False
    ) -> Application:
        self.held.wait(10)
        return super().get(name, seconds=seconds, refresh=refresh, hard=hard, echo=echo)

    def judged(self, *_: object) -> None: ...


def test_an_application_that_was_never_observed_says_how_many_were_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the application controller was never asked, it is not the cause (H30)."""
    monkeypatch.setattr(poll_loop, "ROUND_SECONDS", 0.001)
    monkeypatch.setattr(tracker, "CROWD_SECONDS", 10)
    world = Frozen(dict.fromkeys(map(str, range(STEPS_AT_ONCE + 3)), PROGRESSING))
    poller = world.poller()
    poller.run()
    reasons = [each.verdict.reason for each in poller.applications.values() if each.verdict]
    wanted = {FAILED_WITHIN.fill(reason=READ_LATER.fill(before=before), seconds=60) for before in (8, 9, 10)}
    assert {reason for reason in reasons if is_from(reason, f"{READ_LATER.text}{{rest}}")} == wanted


def test_an_outage_is_overcome() -> None:
    world = World({"a": PROGRESSING}, *[AWAY] * 10, {"a": DELIVERED})
    poller = world.poller()
    assert poller.run() is None
    assert outcomes(poller) == {"a": Outcome.DELIVERED}


def test_an_outage_that_lasts_is_each_ones_verdict() -> None:
    poller = World({"a": PROGRESSING}, AWAY).poller()
    poller.run()
    assert outcomes(poller) == {"a": Outcome.UNREACHABLE}


def test_what_is_pending_times_out_all_at_once() -> None:
    world = World(dict.fromkeys("abcdefghijkl", PROGRESSING))
    poller = world.poller()
    poller.run()
    assert set(outcomes(poller).values()) == {Outcome.TIMED_OUT}
    assert poller.elapsed <= 60 + OVERTIME_SECONDS
    summaries = [event for event in world.events if isinstance(event, Summary)]
    assert len(summaries) == 60 // SUMMARY_SECONDS - 1
    assert summaries[0].pending == 12


def test_one_whose_comparison_hangs_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poll_loop, "ROUND_SECONDS", poll_loop.ROUND_SECONDS / 10)
    world = World({"hangs": DELIVERED, "a": DELIVERED}, hang=["hangs"])
    poller = world.poller()
    poller.run()
    assert world.released, "the others were judged only when it had an answer"
    assert outcomes(poller) == {"hangs": Outcome.DELIVERED, "a": Outcome.DELIVERED}


@pytest.mark.parametrize("others", [50, 110, 170, 200])
def test_what_fails_among_many_is_known_when_its_grace_ends(others: int) -> None:
    fails = replace(PROGRESSING, health=HealthStatus.DEGRADED)
    world = World(dict.fromkeys(map(str, range(others)), PROGRESSING) | {"fails": fails})
    alone = World({"fails": fails})
    for each in (world, alone):
        each.following = each.poller()
        each.following.run()
    judged, sooner = (each.following.applications["fails"] for each in (world, alone))
    assert judged.verdict is not None
    assert judged.verdict.outcome is Outcome.DEGRADED
    assert judged.seconds <= sooner.seconds + POLL_SECONDS


class Late(World):
    """An Argo CD whose comparison ends after the second list was requested, and before that list arrives."""

    def poll(self) -> PollResult | None:
        seen = super().poll()
        if self.asked == 2:
            self.held.set()
            until = time.monotonic() + 10
            while self.following.applications["a"].stepping:
                assert time.monotonic() < until
                time.sleep(0.01)
        return seen


def test_a_comparison_is_confirmed_by_no_list_that_was_asked_for_before_it_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(poll_loop, "ROUND_SECONDS", poll_loop.ROUND_SECONDS / 10)
    world = Late({"a": PROGRESSING}, {"a": DELIVERED}, hang=["a"])
    poller = world.following = world.poller()
    poller.run()
    assert outcomes(poller) == {"a": Outcome.DELIVERED}
    assert world.asked == 3


def test_a_child_is_delivered_only_by_what_was_compared_after_its_parent_was() -> None:
    waits = {"root": PROGRESSING, "child": DELIVERED}
    world = World(*[waits] * 8, {"root": DELIVERED, "child": DELIVERED})
    world.under = {"child": "root"}
    poller = world.poller()
    poller.run()
    assert outcomes(poller) == {"root": Outcome.DELIVERED, "child": Outcome.DELIVERED}
    after = poller.applications["root"].seconds + 100
    assert [at for name, at in world.looks if name == "argocd/child" and at >= after], "it was not compared again"
    assert poller.applications["child"].seconds > poller.applications["root"].seconds


def test_a_child_that_is_gone_with_the_release_is_no_loss() -> None:
    world = World(
        *[{"root": PROGRESSING, "child": PROGRESSING}] * 3, *[{"root": PROGRESSING}] * 30, {"root": DELIVERED}
    )
    world.under = {"child": "root"}
    poller = world.poller()
    poller.run()
    assert outcomes(poller) == {"root": Outcome.DELIVERED}


def test_what_manages_an_application_may_show_later() -> None:
    world = World(*[{"root": PROGRESSING, "child": DELIVERED}] * 8, {"root": DELIVERED, "child": DELIVERED})
    poller = world.poller()
    polls = iter(range(100))
    ask = world.poll

    def poll() -> PollResult | None:
        world.under = {"child": "root"} if next(polls) == 5 else world.under
        return ask()

    poller._poll = poll
    poller.run()
    assert poller.applications["child"].seconds > poller.applications["root"].seconds


def test_a_child_of_one_that_fails_keeps_what_was_seen_of_it() -> None:
    world = World(
        *[{"root": PROGRESSING, "child": DELIVERED}] * 8,
        {"root": replace(PROGRESSING, deleting=True), "child": DELIVERED},
    )
    world.under = {"child": "root"}
    poller = world.poller()
    poller.run()
    assert outcomes(poller) == {"root": Outcome.MISSING, "child": Outcome.DELIVERED}


def test_a_poll_that_only_asked_who_is_meant_ends_nothing() -> None:
    poller = World(None, {"a": DELIVERED}).poller()
    poller.run()
    assert outcomes(poller) == {"a": Outcome.DELIVERED}
