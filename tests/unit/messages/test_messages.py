"""Test the message catalogue: each entry can be filled in, and each use of an entry names its fields."""

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import argocd_release.messages
from argocd_release.messages import Message, ProblemMessage, field_names
from tests.support.wording import MODULES

PACKAGE = Path(argocd_release.messages.__file__).parents[1]


def test_a_message_is_filled_in() -> None:
    message = Message("{subject} cannot start: {reason}", "fix {subject}")
    assert message.fill(subject="pod web", reason="no {image}") == "pod web cannot start: no {image}"
    assert message.fill_hint(subject="pod web") == "fix pod web"


@pytest.mark.parametrize("fields", [{}, {"subject": "a"}, {"subject": "a", "reason": "b", "other": "c"}])
def test_missing_and_unknown_fields_are_errors(fields: dict[str, str]) -> None:
    with pytest.raises(TypeError, match="reason"):
        Message("{subject}: {reason}").fill(**fields)


def test_fields_are_plain_names() -> None:
    """A field must not read an attribute or an item of its value, or format it."""
    for name, message in entries():
        for field in field_names(message.text) | field_names(message.hint):
            assert field.isidentifier(), name


def test_each_use_of_a_message_gives_exactly_its_fields() -> None:
    checked = 0
    for file in sorted(PACKAGE.rglob("*.py")):
        for call, message in uses(ast.parse(file.read_text("utf-8"))):
            assert isinstance(call.func, ast.Attribute)
            template = message.hint if call.func.attr == "fill_hint" else message.text
            given = {keyword.arg for keyword in call.keywords}
            assert given == field_names(template), f"{file}:{call.lineno}"
            checked += 1
    assert checked > 200


def test_each_problem_of_a_message_gives_exactly_its_fields() -> None:
    """A problem fills in the text and the hint, and ``of_setting`` adds the name of the setting."""
    for file in sorted(PACKAGE.rglob("*.py")):
        for call, message in problem_calls(ast.parse(file.read_text("utf-8"))):
            given = {keyword.arg for keyword in call.keywords} - {"subject"}
            # A mapping with more fields cannot be checked here. It is checked when the problem is created.
            if None not in given:
                missing = (field_names(message.text) | field_names(message.hint)) - given
                assert missing <= {"setting"}, f"{file}:{call.lineno}"
                assert given <= field_names(message.text) | field_names(message.hint), f"{file}:{call.lineno}"


def entries() -> Iterator[tuple[str, Message]]:
    """Yield each message of the catalogue, after its name."""
    for module in MODULES:
        for name, value in vars(importlib.import_module(f"argocd_release.messages.{module}")).items():
            if isinstance(value, Message):
                yield f"{module}.{name}", value


def uses(tree: ast.Module) -> Iterator[tuple[ast.Call, Message]]:
    """Yield each call of ``fill`` and ``fill_hint`` on an entry of the catalogue, with that entry."""
    names = imported(tree)
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr="fill" | "fill_hint", value=value)):
                if isinstance(entry := entry_of(value, names), Message):
                    yield node, entry
            case _:
                pass


def problem_calls(tree: ast.Module) -> Iterator[tuple[ast.Call, Message]]:
    """Yield each call whose first argument is an entry for a problem, with that entry."""
    names = imported(tree)
    for node in ast.walk(tree):
        match node:
            case ast.Call(args=[first, *_]) if isinstance(entry := entry_of(first, names), ProblemMessage):
                yield node, entry
            case _:
                pass


def imported(tree: ast.Module) -> dict[str, object]:
    """Return the modules and entries of the catalogue that a file imports, by the names that it gives them."""
    names: dict[str, object] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("argocd_release.messages"):
            module = importlib.import_module(node.module or "")
            names |= {alias.asname or alias.name: _member(module, alias.name) for alias in node.names}
    return names


def _member(module: ModuleType, name: str) -> object:
    return getattr(module, name, None) or importlib.import_module(f"{module.__name__}.{name}")


def entry_of(node: ast.expr, names: dict[str, object]) -> object:
    """Return the entry of the catalogue to which the expression refers, or None."""
    match node:
        case ast.Name(id=name):
            return names.get(name)
        case ast.Attribute(value=ast.Name(id=module), attr=constant):
            return getattr(names.get(module), constant, None)
        case _:
            return None
