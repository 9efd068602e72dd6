"""Test that the checker of our English finds texts that break a rule, and no others."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def prose() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("prose", ROOT / "bin" / "prose.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["prose"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["prose"]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("Whether the symptom has lasted.", "opening"),
        ("A first sentence. Of the application its name.", "opening"),
        ("The token may read it.", "permission"),
        ("Nobody has asked for it.", "actor"),
        ("Argo CD is asked anew.", "glossary"),
        (" ".join(["word"] * 31) + ".", "length"),
    ],
)
def test_a_sentence_against_the_rules_is_found(prose: ModuleType, text: str, rule: str) -> None:
    found = list(prose.check(prose.Text(path="a.md", line=1, kind="paragraph", text=text)))
    assert [finding.rule for finding in found] == [rule]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("Джоб станет зелёным.", "colour"),
        ("Если он красный, журнал называет причину.", "colour"),
        ("Его никто не запускает.", "actor"),
        ("Приговор получает каждое приложение.", "glossary"),
        ("Argo CD запускает sync снова.", "glossary"),
        ("Первое предложение. Упавший hook завершает джоб.", "glossary"),
        (" ".join(["слово"] * 31) + ".", "length"),
    ],
)
@pytest.mark.parametrize("path", ["docs/ru/guides/a.md", "docs/generated/a.ru.md"])
def test_a_russian_sentence_against_the_rules_is_found(prose: ModuleType, path: str, text: str, rule: str) -> None:
    found = list(prose.check(prose.Text(path=path, line=1, kind="paragraph", text=text)))
    assert [finding.rule for finding in found] == [rule]


@pytest.mark.parametrize(
    "text",
    [
        "Джоб завершается успешно, если синхронизация удалась.",
        "Незавершённый PostSync hook — тоже операция. У приложения нет автоматической sync policy.",
        "Команда `argocd app sync` и admission webhook названы как есть.",
    ],
)
def test_a_russian_sentence_that_keeps_the_rules_is_not_found(prose: ModuleType, text: str) -> None:
    assert list(prose.check(prose.Text(path="docs/ru/a.md", line=1, kind="paragraph", text=text))) == []


@pytest.mark.parametrize(
    "text",
    [
        "Return True if the symptom has lasted for its grace period.",
        "What does the job need?",
        "The setting `may` is code, and [a link](nobody.md) is not.",
        "```\nnobody may do it anew\n```",
        " ".join(["word"] * 29) + ".",
    ],
)
def test_a_sentence_that_keeps_the_rules_is_not_found(prose: ModuleType, text: str) -> None:
    assert list(prose.check(prose.Text(path="a.md", line=1, kind="paragraph", text=text))) == []


def test_a_module_gives_its_docstrings_and_comments(
    prose: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.py").write_text(
        '"""A module."""\n\n\ndef f():\n    """Do it."""\n    # First line\n    # and second.\n'
    )
    monkeypatch.setattr(prose, "ROOT", tmp_path)
    assert [(text.kind, text.text) for text in prose.of_python("a.py")] == [
        ("docstring", "A module."),
        ("docstring", "Do it."),
        ("comment", "First line and second."),
    ]


def test_a_folder_with_more_findings_than_allowed_fails(
    prose: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(prose, "RATCHET", tmp_path / "prose.json")
    text = prose.Text(path="docs/a.md", line=1, kind="paragraph", text="Nobody did it. Somebody did.")
    findings = list(prose.check(text))
    assert prose.hold(findings[:1], accept=True) == 0
    assert prose.hold(findings[:1], accept=False) == 0
    assert prose.hold(findings, accept=False) == 1
    # ``--accept`` never raises the allowed number.
    assert prose.hold(findings, accept=True) == 0
    assert prose.hold(findings, accept=False) == 1
    assert "docs: 2 findings, 1 allowed" in capsys.readouterr().out
