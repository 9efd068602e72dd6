"""Test that messages name a setting as the reader can set it: by the input of the component, or by the variable."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import argocd_release
from argocd_release.core.text import with_names
from argocd_release.settings.environment import PROPERTIES, JobEnvironment
from argocd_release.verdict.symptoms import HINTS

PACKAGE = Path(argocd_release.__file__).parent
IN_COMPONENT = {"INPUT_COMPONENT": "true"}
_NAME = re.compile(r"(?<!<)\b(?:RELEASE|ARGOCD)_[A-Z_]+\b")
_INPUT = re.compile(r"\binputs? `?([a-z_]+)")
INPUTS = {declared["x-input"] for declared in PROPERTIES.values() if "x-input" in declared}


def texts(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the string constants of a module, except docstrings, after their lines."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.lineno, node.value


def literal_names(source: str) -> list[tuple[int, str]]:
    """Return the settings that a message names literally, after their lines.

    A constant that is only a name is a key of the environment and no message.
    """
    return [
        (line, name)
        for line, text in texts(ast.parse(source))
        for name in (*_NAME.findall(text), *_INPUT.findall(text))
        if name in PROPERTIES.keys() | INPUTS and text != name
    ]


def test_no_message_names_a_setting_by_a_literal() -> None:
    found = {
        f"{file.relative_to(PACKAGE)}:{line}": name
        for file in sorted(PACKAGE.rglob("*.py"))
        for line, name in literal_names(file.read_text("utf-8"))
    }
    assert found == {}, "write <NAME> instead: the outputs replace it (core/text.py)"


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ('hint = "raise RELEASE_TIMEOUT"', ["RELEASE_TIMEOUT"]),
        ('hint = f"{why}: check ARGOCD_SERVER"', ["ARGOCD_SERVER"]),
        ('hint = "raise <RELEASE_TIMEOUT>, or <RELEASE_SYNC=true>"', []),
        ('hint = "set the input image or revision, or the input timeout"', ["timeout"]),
        ('key = environ["RELEASE_TIMEOUT"]', []),
        ('def f():\n    """Read RELEASE_TIMEOUT."""', []),
    ],
)
def test_the_scan_finds_literals_and_nothing_else(source: str, names: list[str]) -> None:
    assert [name for _, name in literal_names(source)] == names


@pytest.mark.parametrize(
    ("environ", "shown"),
    [
        ({}, "raise RELEASE_TIMEOUT, or RELEASE_SYNC=true; see RELEASE_GIT_TOKEN"),
        (IN_COMPONENT, "raise the input timeout, or the input `sync: true`; see RELEASE_GIT_TOKEN"),
        # The input is left at 0, so the variable of the group sets the timeout.
        (
            IN_COMPONENT | {"INPUT_RELEASE_TIMEOUT": "0", "RELEASE_TIMEOUT": "600"},
            "raise RELEASE_TIMEOUT, or the input `sync: true`; see RELEASE_GIT_TOKEN",
        ),
        # The component does not read this variable.
        (
            IN_COMPONENT | {"RELEASE_SYNC": "true"},
            "raise the input timeout, or the input `sync: true`; see RELEASE_GIT_TOKEN",
        ),
    ],
)
def test_a_message_names_what_the_reader_can_set(environ: dict[str, str], shown: str) -> None:
    text = "raise <RELEASE_TIMEOUT>, or <RELEASE_SYNC=true>; see <RELEASE_GIT_TOKEN>"
    assert with_names(text, JobEnvironment(environ).name_in_text) == shown


@pytest.mark.parametrize("text", ["<RELEASE_NOTES>", "<RELEASE_TIMEOUT", "<b>RELEASE</b>", "<ARGOCD_X=" + "y" * 9999])
def test_what_is_no_setting_stays(text: str) -> None:
    assert with_names(text, JobEnvironment(IN_COMPONENT).name_in_text) == text


def test_in_the_component_no_hint_names_a_variable_that_has_an_input() -> None:
    has_input = {name for name, declared in PROPERTIES.items() if "x-input" in declared}
    for hint in HINTS.values():
        shown = with_names(hint, JobEnvironment(IN_COMPONENT).name_in_text)
        assert not has_input & set(_NAME.findall(shown)), shown


@pytest.mark.parametrize("name", [name for name, declared in PROPERTIES.items() if "x-input" in declared])
def test_every_input_is_named_by_its_title_in_the_component_only(name: str) -> None:
    assert JobEnvironment(IN_COMPONENT).typed_name(name) == f"input {PROPERTIES[name]['x-input']}"
    assert JobEnvironment({}).typed_name(name) == name
