"""What one application of many is told from the list that all share."""

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from argocd_release.model.application import Application
from argocd_release.model.errors import ArgoCDError, FailureKind
from argocd_release.model.ports import WaitFeed
from argocd_release.watch.shared import Listing, SharedCommands
from tests.unit.states import application

WEB = replace(application(), name="web", namespace="argocd")
OLD = replace(WEB, health_message="old")
DENIED = ArgoCDError(trouble=FailureKind.DENIED, command="argocd app get web", exit_code=20, message="no")


class Commands:
    def __init__(self, answer: Application | ArgoCDError) -> None:
        self.answer = answer

    def get(self, name: str, *, seconds: float, refresh: bool = False, echo: bool = False) -> Application:
        del name, seconds, refresh, echo
        if isinstance(self.answer, ArgoCDError):
            raise self.answer
        return self.answer

    def sync(self, name: str, *, seconds: float) -> None: ...

    def wait(self, name: str, *, seconds: float, wait_for: tuple[str, ...], on_line: Callable[[str], None]) -> WaitFeed:
        raise NotImplementedError


def shared(listing: Listing, answer: Application | ArgoCDError = WEB) -> SharedCommands:
    """The comparison ends at 10 s."""
    at_once = threading.Semaphore(1)
    return SharedCommands(commands=Commands(answer), listing=lambda: listing, at_once=at_once, now=lambda: 10.0)


def listed(asked_at: float, *applications: Application) -> Listing:
    return Listing(asked_at=asked_at, applications={each.full_name: each for each in applications})


def test_a_list_that_was_asked_for_before_the_comparison_ended_is_older_than_it() -> None:
    commands = shared(listed(9.0, OLD))
    assert commands.get("web", seconds=1) is OLD
    commands.get("web", seconds=1, refresh=True)
    assert commands.get("web", seconds=1) is WEB


def test_a_list_that_was_asked_for_later_counts() -> None:
    commands = shared(listed(11.0, OLD))
    commands.get("web", seconds=1, refresh=True)
    assert commands.get("web", seconds=1) is OLD


def test_one_that_vanished_is_missing() -> None:
    commands = shared(listed(11.0))
    commands.get("web", seconds=1, refresh=True)
    with pytest.raises(ArgoCDError) as caught:
        commands.get("web", seconds=1)
    assert caught.value.trouble is FailureKind.MISSING


def test_whether_it_is_missing_or_forbidden_the_comparison_knows() -> None:
    commands = shared(listed(9.0), DENIED)
    with pytest.raises(ArgoCDError):
        commands.get("web", seconds=1, refresh=True)
    with pytest.raises(ArgoCDError) as caught:
        commands.get("web", seconds=1)
    assert caught.value is DENIED


def test_before_it_has_answered_nothing_is_said() -> None:
    with pytest.raises(ArgoCDError) as caught:
        shared(listed(9.0)).get("web", seconds=0.01)
    assert caught.value.trouble is FailureKind.HUNG


def test_a_name_alone_is_the_one_of_argocds_own_namespace() -> None:
    other = replace(OLD, namespace="a-team")
    commands = shared(listed(11.0, other, WEB))
    commands.get("web", seconds=1, refresh=True)
    assert commands.get("web", seconds=1) is WEB


def test_why_there_is_no_list_is_why_nothing_is_known() -> None:
    with pytest.raises(ArgoCDError) as caught:
        shared(Listing(error=DENIED)).get("web", seconds=1)
    assert caught.value is DENIED
