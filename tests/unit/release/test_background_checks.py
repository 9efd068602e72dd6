"""Test when the versions of argocd and Argo CD are compared, and which warnings follow."""

import threading
import time
from typing import Any, cast

import pytest

from argocd_release.argocd.cli import ArgoCD
from argocd_release.argocd.connection import Connection
from argocd_release.doctor import hints, network
from argocd_release.model.errors import ArgoCDError, FailureKind
from argocd_release.model.events import ApplicationState, JobEvent, VersionsApart
from argocd_release.model.outcome import Outcome
from argocd_release.release.background_checks import BackgroundChecks
from argocd_release.release.signals import StopRequest
from argocd_release.verdict.judge import CONFIRMING
from tests.support.waiting import eventually
from tests.unit.states import application

APART = "argocd: v2.13.2+dc43124\nargocd-server: v9.0.0+0abcdef\n"


class Saying:
    """An argocd that prints this text, and counts its calls."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.asked = 0

    def show(self, *_: str, seconds: float) -> str:
        assert seconds > 0
        self.asked += 1
        if not self.text:
            raise ArgoCDError(kind=FailureKind.TIMED_OUT, command="argocd version", exit_code=None, message="")
        return self.text


def state(reason: str) -> ApplicationState:
    return ApplicationState(sync="OutOfSync", revision="3f2c1ab", health="Healthy", reason=reason)


def told(text: str, *events: ApplicationState) -> tuple[list[JobEvent], int]:
    """Return the events after these states, and the number of argocd's calls.

    argocd runs in a thread, so this waits for it.
    """
    argocd, found = Saying(text), list[JobEvent]()

    def emit(event: JobEvent) -> None:
        if not isinstance(event, ApplicationState):
            found.append(event)

    checks = BackgroundChecks(cast("ArgoCD", argocd), None, emit, cast("Any", None), StopRequest())
    for event in events:
        checks.emit(event)
    wanted, until = any(event.reason != CONFIRMING for event in events), time.monotonic() + 30
    while argocd.asked < wanted or (text == APART and len(found) < wanted):
        assert time.monotonic() < until
        time.sleep(0.01)
    return found, argocd.asked


def test_it_is_told_once_while_the_release_is_waited_for() -> None:
    found, asked = told(APART, state("sync is running"), state("still"))
    assert ([type(event) for event in found], asked) == ([VersionsApart], 1)


def test_of_a_release_that_is_there_nobody_asks() -> None:
    assert told(APART, state(CONFIRMING)) == ([], 0)


@pytest.mark.parametrize("text", ["", "nonsense", "argocd: v2.13.2\nargocd-server: v2.13.9\n"])
def test_who_does_not_answer_or_is_near_is_no_news(text: str) -> None:
    assert told(text, state("sync is running")) == ([], 1)


def test_a_job_that_is_to_end_waits_for_no_public_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reports of a group request the address once for each application."""
    release, stop = threading.Event(), StopRequest()
    monkeypatch.setattr(network, "public_address", lambda _: release.wait(30) and "https://argocd.example.com")
    monkeypatch.setattr(hints, "of_server", lambda *_: [])
    connection = Connection(server="argocd.example.com", auth_token="x.y.z")
    checks = BackgroundChecks(cast("ArgoCD", Saying(APART)), connection, lambda _: None, cast("Any", None), stop)
    assert checks.public_address() == "", "no application was observed yet"
    checks.on_application(application())
    stop.set(Outcome.CANCELLED)
    started = time.monotonic()
    assert [checks.public_address() for _ in range(1000)] == [""] * 1000
    assert time.monotonic() - started < 0.4
    release.set()
    eventually(lambda: checks.public_address() == "https://argocd.example.com", 10)
