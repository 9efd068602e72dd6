"""Test one application of many, which is read from the list that all of them share."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from argocd_release.model.application import Application, HealthStatus
from argocd_release.model.errors import ArgoCDError, FailureKind
from argocd_release.model.ports import WaitFeed
from argocd_release.watch.snapshot import ABSENT_SECONDS, ApplicationSnapshot, SnapshotCommands
from tests.unit.states import application

WEB = replace(application(), name="web", namespace="argocd", controller_namespace="argocd")
OLD = replace(WEB, health_message="old")
DENIED = ArgoCDError(kind=FailureKind.DENIED, command="argocd app get web", exit_code=20, message="no")


class Commands:
    """Commands that return this answer, and record the requests."""

    def __init__(self, answer: Application | ArgoCDError) -> None:
        self.answer = answer
        self.asked: list[bool] = []
        self.hard: list[bool] = []

    def get(
        self, name: str, *, seconds: float, refresh: bool = False, hard: bool = False, echo: bool = False
    ) -> Application:
        del name, seconds, echo
        self.asked.append(refresh)
        self.hard.append(hard)
        if isinstance(self.answer, ArgoCDError):
            raise self.answer
        return self.answer

    def terminate(self, name: str, *, seconds: float) -> None: ...

    def sync(self, name: str, *, seconds: float) -> None: ...

    def wait(self, name: str, *, seconds: float, wait_for: tuple[str, ...], on_line: Callable[[str], None]) -> WaitFeed:
        raise NotImplementedError


class Shared:
    """The commands of ``web`` with a clock at 10 s, and with a list that a test can change."""

    def __init__(self, listing: ApplicationSnapshot, answer: Application | ArgoCDError = WEB) -> None:
        self.listing, self.now, self.commands = listing, 10.0, Commands(answer)
        self.shared = SnapshotCommands(commands=self.commands, snapshot=lambda: self.listing, now=lambda: self.now)

    def get(self, name: str = "web", *, refresh: bool = False) -> Application:
        return self.shared.get(name, seconds=1, refresh=refresh)


def listed(asked_at: float, *applications: Application) -> ApplicationSnapshot:
    return ApplicationSnapshot(requested_at=asked_at, applications={each.full_name: each for each in applications})


def test_a_list_that_was_asked_for_before_the_comparison_ended_is_older_than_it() -> None:
    web = Shared(listed(9.0, OLD))
    assert web.get() is OLD
    web.get(refresh=True)
    assert web.get() is WEB


def test_a_list_that_was_asked_for_later_counts() -> None:
    web = Shared(listed(11.0, OLD))
    web.get(refresh=True)
    assert web.get() is OLD


def test_a_list_of_a_server_that_is_behind_does_not() -> None:
    web = Shared(listed(11.0, replace(OLD, reconciled_at="2025-12-31T23:59:59Z")))
    web.get(refresh=True)
    assert web.get() is WEB


def test_one_that_was_made_anew_is_another() -> None:
    anew = replace(OLD, uid="u-2", reconciled_at="2025-12-31T23:59:59Z")
    web = Shared(listed(11.0, anew))
    web.get(refresh=True)
    assert web.get() is anew


def test_one_that_left_the_list_is_asked_for_itself() -> None:
    """Its label was changed, or it was deleted or hidden. The list does not show which of these happened."""
    web = Shared(listed(9.0, WEB))
    web.get(refresh=True)
    web.listing = listed(11.0, replace(WEB, name="api"))
    assert web.get() is WEB
    web.commands.answer = DENIED
    with pytest.raises(ArgoCDError) as caught:
        web.get()
    assert caught.value is DENIED


def test_why_it_is_not_in_the_list_is_not_asked_at_each_look() -> None:
    web = Shared(listed(9.0), DENIED)
    for _ in range(3):
        with pytest.raises(ArgoCDError):
            web.get(refresh=True)
    assert web.commands.asked == [True]
    web.now += ABSENT_SECONDS
    with pytest.raises(ArgoCDError):
        web.get()
    assert web.commands.asked == [True, False]


def test_a_name_alone_is_the_one_of_argocds_own_namespace() -> None:
    other = replace(OLD, namespace="a-team")
    assert Shared(listed(11.0, other, WEB)).get() is WEB
    assert Shared(listed(11.0, other, WEB)).get("a-team/web") is other


def test_one_of_another_namespace_is_not_taken_for_it() -> None:
    web = Shared(listed(11.0, replace(OLD, namespace="a-team")), DENIED)
    with pytest.raises(ArgoCDError) as caught:
        web.get()
    assert caught.value is DENIED


def test_while_that_namespace_is_not_known_it_is_asked_for_itself() -> None:
    fresh = replace(OLD, namespace="a-team", controller_namespace="")
    assert Shared(listed(11.0, fresh)).get() is WEB


@pytest.mark.parametrize("refresh", [False, True])
def test_without_a_list_nothing_else_is_asked(*, refresh: bool) -> None:
    web = Shared(ApplicationSnapshot(error=DENIED))
    with pytest.raises(ArgoCDError) as caught:
        web.get(refresh=refresh)
    assert caught.value is DENIED
    assert web.commands.asked == []


def test_a_hard_refresh_is_passed_on() -> None:
    web = Shared(listed(9.0, OLD))
    web.shared.get("web", seconds=1, refresh=True, hard=True)
    web.get(refresh=True)
    assert web.commands.hard == [True, False]


@pytest.mark.parametrize(
    ("health", "of_resource", "requests"),
    [("Progressing", None, 1), ("Progressing", HealthStatus.PROGRESSING, 0), ("Healthy", None, 0)],
)
def test_a_list_without_the_health_of_resources_is_not_enough_if_that_health_matters(
    health: str, of_resource: HealthStatus | None, requests: int
) -> None:
    """A list of Argo CD 3 has no health of resources."""
    resource = replace(WEB.resources[0], health=of_resource)
    web = Shared(listed(9.0, replace(WEB, health=HealthStatus(health), resources=(resource,))))
    assert web.get() is not WEB
    web.shared = SnapshotCommands(
        commands=web.commands, snapshot=lambda: web.listing, now=lambda: web.now, health_of_resources=True
    )
    assert (web.get() is WEB) is bool(requests)
    assert len(web.commands.asked) == requests
