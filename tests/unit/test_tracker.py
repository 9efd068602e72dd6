from collections.abc import Callable, Iterable
from typing import Any

from argocd_release.application import Application
from argocd_release.errors import ArgoCDError, Outcome, Trouble
from argocd_release.tracker import POLL_SECONDS, Tracker
from argocd_release.tree import Workloads
from tests.unit.states import application

DELIVERED = application()
PROGRESSING = application(health="Progressing")


def error(trouble: Trouble, message: str = "connection refused") -> ArgoCDError:
    return ArgoCDError(trouble=trouble, command="argocd app get web", exit_code=20, message=message)


class FakeClock:
    def __init__(self) -> None:
        self.seconds = 1000.0
        self.woken = False

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    def pause(self, seconds: float) -> None:
        if not self.woken:
            self.seconds += seconds
        self.woken = False

    def wake(self) -> None:
        self.woken = True


class FakeFeed:
    ended = False

    def __init__(self) -> None:
        self.stopped = 0

    def stop(self, *, grace: float = 0.0) -> None:
        del grace
        self.stopped += 1


class FakeCommands:
    """Answers with the given states and errors in turn; the last one is repeated."""

    def __init__(self, answers: Iterable[Application | ArgoCDError], clock: FakeClock, cost: float = 0.1) -> None:
        self.answers = list(answers)
        self.clock = clock
        self.cost = cost
        self.refreshes: list[bool] = []
        self.feeds: list[FakeFeed] = []
        self.on_line: Callable[[str], None] = lambda _: None

    def get(self, name: str, *, seconds: float, refresh: bool = False, echo: bool = False) -> Application:
        del name, echo
        self.refreshes.append(refresh)
        self.clock.seconds += min(self.cost, seconds)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, ArgoCDError):
            raise answer
        return answer

    def wait(self, name: str, *, seconds: float, on_line: Callable[[str], None]) -> FakeFeed:
        del name, seconds
        self.on_line = on_line
        self.feeds.append(FakeFeed())
        return self.feeds[-1]


class Run:
    def __init__(
        self,
        *answers: Application | ArgoCDError,
        timeout: float = 300,
        cost: float = 0.1,
        workloads: Callable[[str], Workloads] = lambda _: Workloads(),
    ) -> None:
        self.clock = FakeClock()
        self.commands = FakeCommands(answers, self.clock, cost)
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.tracker = Tracker(
            "web",
            commands=self.commands,
            clock=self.clock,
            timeout=timeout,
            emit=self._emit,
            workloads=workloads,
        )
        self.verdict = self.tracker.track()
        self.seconds = self.clock.now() - 1000

    def _emit(self, event: str, /, *args: Any, **fields: Any) -> None:
        del args
        self.events.append((event, fields))


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
    run = Run(error(Trouble.UNREACHABLE), error(Trouble.HUNG), DELIVERED, PROGRESSING, DELIVERED)
    assert run.verdict.outcome is Outcome.DELIVERED
    # The third look is the plain one after the refresh that hung: Synced and Healthy, but of when?
    assert run.commands.refreshes == [True, True, False, True, False, False]


def test_without_a_comparison_the_end_is_no_delivery() -> None:
    hung = [answer for _ in range(20) for answer in (error(Trouble.HUNG), DELIVERED)]
    run = Run(*hung, timeout=30, cost=5)
    assert run.verdict.outcome is Outcome.TIMED_OUT
    assert "has not compared with git since this job began" in run.verdict.reason


def test_timed_out_after_the_timeout_with_what_is_missing() -> None:
    run = Run(PROGRESSING, timeout=600)
    assert run.verdict.outcome is Outcome.TIMED_OUT
    assert run.verdict.reason.startswith("not delivered within 600 s: Progressing: Deployment/web")
    assert 600 <= run.seconds < 601
    assert run.tracker.application is PROGRESSING


def test_one_feed_is_started_and_stopped() -> None:
    run = Run(PROGRESSING, PROGRESSING, DELIVERED)
    assert [feed.stopped > 0 for feed in run.commands.feeds] == [True]


def test_no_feed_before_there_is_an_application() -> None:
    assert Run(error(Trouble.MISSING)).commands.feeds == []


def test_a_state_is_told_once_and_silence_is_never_longer_than_15_seconds() -> None:
    run = Run(PROGRESSING, timeout=60)
    assert [event for event, _ in run.events if event != "transition"] == ["state", *["still waiting"] * 4]
    told = [fields["waited"] for event, fields in run.events if event == "still waiting"]
    assert max(later - earlier for earlier, later in zip([0, *told], [*told, 60], strict=True)) <= 15


def test_polls_are_spaced() -> None:
    run = Run(PROGRESSING, timeout=60)
    assert len(run.commands.refreshes) <= 60 / POLL_SECONDS


def test_unreachable_at_the_deadline_is_not_called_timed_out() -> None:
    run = Run(PROGRESSING, error(Trouble.UNREACHABLE), timeout=20)
    assert run.verdict.outcome is Outcome.UNREACHABLE


def test_unreachable_for_a_while_is_survived() -> None:
    down = [error(Trouble.UNREACHABLE)] * 20
    run = Run(PROGRESSING, *down, PROGRESSING, DELIVERED)
    assert run.verdict.outcome is Outcome.DELIVERED
    assert [event for event, _ in run.events].count("no answer") == 1


def test_calls_that_hang_end_as_unreachable() -> None:
    run = Run(error(Trouble.HUNG, "no answer within 15 s"), cost=15)
    assert run.verdict.outcome is Outcome.UNREACHABLE
    assert run.seconds <= 40


def test_pods_that_cannot_start_end_the_wait_after_their_grace() -> None:
    run = Run(
        PROGRESSING,
        workloads=lambda _: Workloads(failing=("Pod/web-a: CrashLoopBackOff", "Pod/web-b: CrashLoopBackOff")),
    )
    assert run.verdict.outcome is Outcome.DEGRADED
    assert run.verdict.reason == "Pod/web-a: CrashLoopBackOff (and 1 more pods)"
    assert 15 <= run.seconds <= 20


def test_pods_that_recover_within_their_grace_do_not() -> None:
    looks = iter([Workloads(failing=("Pod/web-a: CrashLoopBackOff",))] * 4 + [Workloads()] * 100)
    run = Run(*[PROGRESSING] * 20, DELIVERED, workloads=lambda _: next(looks))
    assert run.verdict.outcome is Outcome.DELIVERED


def test_where_pods_cannot_be_seen_it_is_said_once_and_changes_nothing() -> None:
    def broken(_: str) -> Workloads:
        raise error(Trouble.OTHER, "403 Forbidden")

    run = Run(*[PROGRESSING] * 5, DELIVERED, workloads=broken)
    assert run.verdict.outcome is Outcome.DELIVERED
    assert [fields for event, fields in run.events if event == "pods not seen"] == [{"error": "403 Forbidden"}]


def test_pods_of_a_healthy_application_are_not_asked_for() -> None:
    def never(_: str) -> Workloads:
        raise AssertionError

    assert Run(DELIVERED, workloads=never).verdict.outcome is Outcome.DELIVERED
