"""Test the looks at an application, and which of them follow a comparison with git."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from argocd_release.model.application import Application
from argocd_release.model.ports import WaitFeed
from argocd_release.verdict.expectation import Expectation
from argocd_release.watch import observer
from argocd_release.watch.observer import Observer
from tests.unit.states import application

COMPARED = replace(application(), uid="the first")


class Slow:
    """Commands with a comparison that ends when a test lets it end. A plain look shows the state at that moment."""

    def __init__(self, now: Application) -> None:
        self.now = now
        self.let = threading.Event()

    def get(
        self, name: str, *, seconds: float, refresh: bool = False, hard: bool = False, echo: bool = False
    ) -> Application:
        del name, seconds, hard, echo
        if not refresh:
            return self.now
        assert self.let.wait(10)
        return COMPARED

    def terminate(self, name: str, *, seconds: float) -> None: ...

    def sync(self, name: str, *, seconds: float) -> None: ...

    def wait(self, name: str, *, seconds: float, wait_for: tuple[str, ...], on_line: Callable[[str], None]) -> WaitFeed:
        raise NotImplementedError


@pytest.mark.parametrize(("uid", "compared"), [("the first", True), ("made since", False)])
def test_a_comparison_says_nothing_of_an_application_that_was_made_since(
    monkeypatch: pytest.MonkeyPatch, uid: str, *, compared: bool
) -> None:
    # A look waits this long for its comparison.
    monkeypatch.setattr(observer, "LEAST_SECONDS", 0.2)
    commands = Slow(replace(COMPARED, uid=uid))
    looks = Observer(
        "web", commands=commands, now=time.monotonic, emit=lambda _: None, expectation=Expectation(), cluster=None,
        revision_relation=None, check=lambda: None, wake=lambda: None,
    )  # fmt: skip
    seen, told = looks.look(seconds=0.2, compare=True, echo=False)
    assert (seen, told) == (commands.now, False)
    commands.let.set()
    until = time.monotonic() + 10
    while looks.comparing:
        assert time.monotonic() < until
        seen, told = looks.look(seconds=0.2, compare=False, echo=False)
    assert (seen, told) == (commands.now, compared)
