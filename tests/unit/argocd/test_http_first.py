"""Test whether an application or a list is read over HTTP or, if HTTP fails, with the argocd command."""

import threading
from typing import cast

import pytest

from argocd_release.argocd.api import Api
from argocd_release.argocd.http_first import HTTP_SECONDS, SILENT_SECONDS, HttpFirstCommands
from argocd_release.model.application import Application
from argocd_release.model.errors import ArgoCDError, FailureKind
from argocd_release.model.ports import Commands
from tests.unit.states import application

HTTP, CLI = application(), application()
NO_ANSWER = (FailureKind.OTHER, FailureKind.MALFORMED, FailureKind.TIMED_OUT)


class Argo:
    """An Argo CD that can be read over HTTP and with the argocd command.

    HTTP fails as ``read`` says for plain reads, and as ``compare`` says for comparisons.
    """

    def __init__(self, read: FailureKind | None = None, *, compare: FailureKind | None = None) -> None:
        self.failures = {False: read, True: compare}
        self.calls: list[tuple[str, bool, float]] = []
        self.now = 0.0
        self.refreshes: list[str] = []
        self.held = threading.Event()
        self.held.set()
        self.commands = HttpFirstCommands(cast("Commands", self), self, cast("Api", self), now=lambda: self.now)

    # The reads over HTTP.
    def application(self, name: str, *, seconds: float, refresh: str = "") -> Application:
        del name
        self._http(seconds, refresh=bool(refresh))
        self.refreshes.append(refresh)
        return HTTP

    def applications(self, *, seconds: float, selector: str, project: str) -> tuple[Application, ...]:
        del selector, project
        self._http(seconds)
        return (HTTP,)

    def _http(self, seconds: float, *, refresh: bool = False) -> None:
        self.calls.append(("http", refresh, seconds))
        failure = self.failures[refresh]
        if failure is not None:
            raise ArgoCDError(kind=failure, command="GET", exit_code=None, message="no")

    # The reads with the argocd command.
    def get(
        self, name: str, *, seconds: float, refresh: bool = False, hard: bool = False, echo: bool = False
    ) -> Application:
        del name, echo
        self.calls.append(("cli", refresh, seconds))
        self.refreshes.append("hard" if hard else "")
        assert self.held.wait(20)
        return CLI

    def list(
        self, *, seconds: float, selector: str = "", project: str = "", echo: bool = False
    ) -> tuple[Application, ...]:
        del selector, project, echo
        self.calls.append(("cli", False, seconds))
        return (CLI,)


def test_the_command_that_the_log_shows_is_run() -> None:
    argo = Argo()
    assert argo.commands.get("web", seconds=9, refresh=True, echo=True) is CLI
    assert argo.commands.list(seconds=9, echo=True) == (CLI,)


def test_only_the_first_shown_command_of_a_group_starts_a_process() -> None:
    argo = Argo()
    argo.commands.get("web", seconds=9, refresh=True, echo=True)
    assert argo.commands.get("api", seconds=9, refresh=True, echo=True) is HTTP


def test_a_hard_refresh_is_requested_over_http_and_with_the_argocd_command() -> None:
    argo = Argo()
    assert argo.commands.get("web", seconds=9, refresh=True, hard=True, echo=True) is CLI
    assert argo.commands.get("api", seconds=9, refresh=True, hard=True) is HTTP
    argo.failures[True] = FailureKind.OTHER
    assert argo.commands.get("db", seconds=9, refresh=True, hard=True) is CLI
    assert [refresh for refresh in argo.refreshes if refresh] == ["hard"] * 3


def test_all_other_reads_start_no_process() -> None:
    argo = Argo()
    assert argo.commands.get("web", seconds=9) is HTTP
    assert argo.commands.get("web", seconds=9, refresh=True) is HTTP
    assert argo.commands.list(seconds=9) == (HTTP,)


@pytest.mark.parametrize("failure", [FailureKind.DENIED, *NO_ANSWER])
def test_if_http_fails_the_command_line_takes_over(failure: FailureKind) -> None:
    """A proxy can block HTTP and let gRPC through (H19)."""
    argo = Argo(failure)
    assert argo.commands.get("web", seconds=9) is CLI
    assert argo.commands.list(seconds=9) == (CLI,)
    assert argo.commands.get("web", seconds=300, refresh=True) is CLI or failure is FailureKind.DENIED


def test_http_that_hangs_delays_one_read_of_many() -> None:
    argo = Argo(FailureKind.TIMED_OUT)
    for _ in range(3):
        argo.commands.get("web", seconds=300)
    assert [call for call in argo.calls if call[0] == "http"] == [("http", False, HTTP_SECONDS)]
    argo.now += SILENT_SECONDS
    argo.failures[False] = None
    assert argo.commands.get("web", seconds=9) is HTTP


def test_a_comparison_over_http_that_does_not_end_is_not_requested_again_by_a_process() -> None:
    argo = Argo(compare=FailureKind.TIMED_OUT)
    with pytest.raises(ArgoCDError):
        argo.commands.get("web", seconds=300, refresh=True)
    assert [call[:2] for call in argo.calls] == [("http", False), ("http", True)]


@pytest.mark.parametrize("failure", NO_ANSWER)
def test_a_comparison_by_a_process_keeps_its_limit(failure: FailureKind) -> None:
    """With a shorter limit, a long comparison was started again and again (H20)."""
    argo = Argo(failure)
    argo.commands.get("web", seconds=300, refresh=True)
    assert argo.calls[-1] == ("cli", True, 300)


def test_a_comparison_that_waits_for_others_says_for_how_many() -> None:
    argo = Argo(FailureKind.OTHER)
    argo.held.clear()
    names = [f"app-{number}" for number in range(7)]
    threads = [
        threading.Thread(target=argo.commands.get, args=(name,), kwargs={"seconds": 9, "refresh": True})
        for name in names
    ]
    for thread in threads:
        thread.start()
    waiting: list[int] = []
    for _ in range(1000):
        waiting = sorted(filter(None, map(argo.commands.queued_before, names)))
        if waiting == [1, 2, 3]:
            break
        argo.held.wait(0.01)
    assert waiting == [1, 2, 3]
    argo.held.set()
    for thread in threads:
        thread.join()
    assert not any(map(argo.commands.queued_before, names))
