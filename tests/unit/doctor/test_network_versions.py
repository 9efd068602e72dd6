"""Test the warning about versions of argocd and Argo CD that differ more than any tested pair."""

import json
from pathlib import Path

import pytest

from argocd_release.argocd.tested_versions import TESTED
from argocd_release.doctor import network
from argocd_release.messages import argocd


def test_what_is_tested_is_what_the_docs_say() -> None:
    measured = json.loads((Path(__file__).parents[3] / "docs" / "compatibility.json").read_text("utf-8"))
    assert [(each["server"], each["cli"]) for each in measured] == list(TESTED)


@pytest.mark.parametrize(
    ("server", "client", "said"),
    [
        ("v2.13.2+dc43124", "v2.13.2+dc43124", False),
        ("3.6.1", "2.13.2", False),
        ("v3.6.9", "v2.13.0", False),
        ("v3.2.0", "v2.14.1", False),
        ("v3.7.0", "v2.13.2", True),
        ("v2.12.0", "v2.13.2", True),
        ("v2.13.2", "v3.6.1", True),
        ("v4.0.0", "v4.0.1", False),
        ("v4.0.0", "v3.6.1", True),
        ("", "v2.13.2", False),
        ("nonsense", "v2.13.2", False),
        ("v3.10.0", "v2.13.2", True),
    ],
)
def test_further_apart_than_tested(monkeypatch: pytest.MonkeyPatch, server: str, client: str, *, said: bool) -> None:
    monkeypatch.setattr(network, "TESTED", (("2.13.2", "2.13.2"), ("3.6.1", "2.13.2")))
    assert bool(network.version_warning(server, client)) is said


@pytest.mark.parametrize(
    ("text", "server", "client"),
    [
        ("argocd: v2.13.2+dc43124\nargocd-server: v3.6.1+0abcdef\n", "v3.6.1+0abcdef", "v2.13.2+dc43124"),
        ("argocd: v2.13.2\n", "", "v2.13.2"),
        ("nonsense", "", ""),
    ],
)
def test_what_argocd_says_of_both(text: str, server: str, client: str) -> None:
    assert network.read_versions(text) == (server, client)


def test_it_says_what_was_tested_and_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "TESTED", (("3.6.1", "2.13.2"),))
    text = network.version_warning("v3.9.0+abc", "v2.13.2+dc43124")
    tested = argocd.TESTED_PAIR.fill(client="2.13.2", server="3.6.1")
    assert text == argocd.NOT_TESTED.fill(client="2.13.2", server="3.9.0", tested=tested)


def test_a_server_that_says_too_much_is_cut_short() -> None:
    text = network.version_warning(f"v9.9.0\x1b[2J\nRELEASE SUCCESSFUL {'x' * 100_000}", "v2.13.2")
    assert len(text) < 400
    assert "\n" not in text
    assert "\x1b" not in text
