"""Test the command line: the explanations of codes, the grouped help, and the suggestion of a similar command."""

import io
import re

import pytest

from argocd_release.cli import explain
from argocd_release.cli.main import main
from argocd_release.cli.wait import SET_BY_GITLAB, WIDTH, parse_arguments
from argocd_release.model.outcome import Outcome
from argocd_release.model.problem import CauseCode
from argocd_release.release.signals import Signals
from argocd_release.settings.environment import PROPERTIES, SCHEMA


def help_url(name: str, **environ: str) -> tuple[int, str]:
    stream = io.StringIO()
    with Signals() as signals:
        code = explain.execute([name], environ, stream, signals)
    return code, stream.getvalue()


@pytest.mark.parametrize("name", PROPERTIES)
def test_every_setting_is_explained_by_its_variable_and_by_its_input(name: str) -> None:
    declared = PROPERTIES[name]
    code, text = help_url(name)
    assert code == 0
    assert text.startswith(f"{name}\n  {declared['description']}")
    if "x-input" in declared:
        assert text in help_url(declared["x-input"])[1]


@pytest.mark.parametrize("outcome", Outcome)
def test_every_exit_code_is_explained_by_number_and_word(outcome: Outcome) -> None:
    for name in (str(outcome.exit_code), outcome.word):
        assert outcome.meaning in help_url(name)[1]


@pytest.mark.parametrize("cause", CauseCode)
def test_every_cause_is_explained_and_linked(cause: CauseCode) -> None:
    text = help_url(cause.word, RELEASE_DOCS_URL="https://docs.example.com/")[1]
    assert cause.meaning in text
    assert f"see: https://docs.example.com/troubleshooting/#{cause.word}\n" in text


@pytest.mark.parametrize("cause", CauseCode)
def test_every_cause_that_has_one_general_step_names_it(cause: CauseCode) -> None:
    text = help_url(cause.word)[1]
    assert "<" not in text
    # The step of these causes depends on the situation, and only the job knows it.
    depends = {
        "settings", "no-preview", "cancelled", "unexpected", "cluster-not-ready", "sync-busy", "prune-off",
        "sync-terminated", "reconcile-skipped", "superseded", "not-ready", "rollout-aborted", "site-silent", "unstable",
    }  # fmt: skip
    assert ("\n  next: " in text) == (cause.word not in depends), text


@pytest.mark.parametrize(
    ("name", "meant"),
    [("RELEASE_TIMOUT", "RELEASE_TIMEOUT"), ("timeot", "timeout"), ("image-pul", "image-pull"), ("release_sync", "")],
)
def test_a_misspelt_name_gets_the_nearest(name: str, meant: str) -> None:
    code, text = help_url(name)
    assert (code, f"did you mean {meant}?" in text) == ((2, True) if meant else (0, False))


@pytest.mark.parametrize("name", ["\x1b[31mx", "x" * 10_000, "'; id"])
def test_a_hostile_name_is_shown_harmlessly(name: str) -> None:
    code, text = help_url(name)
    assert code == 2
    assert len(text) < 300
    assert "\x1b" not in text


@pytest.mark.parametrize(("word", "meant"), [("wiat", "wait"), ("docter", "doctor"), ("xyz", "")])
def test_a_word_that_is_no_command_gets_the_nearest(word: str, meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([word])
    assert ended.value.code == 2
    text = capsys.readouterr().err
    assert f"there is no command '{word}'" in text
    assert (f"did you mean {meant}?" if meant else "the commands are wait, diff, doctor") in text


def test_help_is_grouped_with_the_required_settings_first_and_fits_on_one_screen(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        parse_arguments(["--help"])
    text = capsys.readouterr().out
    titles = [group["title"] for group in SCHEMA["x-groups"].values()]
    places = [text.index(f"\n{title}:") for title in titles]
    assert places == sorted(places)
    named = [name for name, declared in PROPERTIES.items() if declared["x-group"] != SET_BY_GITLAB]
    assert all(len(re.findall(rf"(?<![\w]){name}(?![\w])", text)) == 1 for name in named if name != "RELEASE_TIMEOUT")
    assert {declared["x-group"] for declared in PROPERTIES.values()} == set(SCHEMA["x-groups"])
    assert text.index("ARGOCD_SERVER ") < text.index("\nconnection to Argo CD:")
    lines = text.splitlines()
    assert len(lines) <= 50
    assert max(map(len, lines)) <= WIDTH + 3
