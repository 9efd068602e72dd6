"""Provide the texts of the page in two languages: in English from the catalogue, in Russian from ``ru.json``.

``bin/generate`` writes ``ru.json`` from ``bin/reference.yml``. The page contains both languages, and a style rule hides
the one that the reader has not chosen.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from importlib import import_module, resources
from typing import Any, Final

from argocd_release.messages import Message
from argocd_release.messages.causes import MEANINGS
from argocd_release.messages.reports import PAGE
from argocd_release.model.outcome import Outcome

#: The fields of a catalogue entry. ``{name}`` stands for a value, and ``<SETTING>`` for the name under which the reader
#: can set that setting.
_FIELD: Final = re.compile(r"\{(\w+)\}|<([A-Z_]+)(?:=\w+)?>")
#: A number of pods in a text of the catalogue.
_PODS: Final = re.compile(r"(\d{1,9}) pods?")
# The words with which a message introduces the name of an input of the component.
_INPUT: Final = "the input "


@dataclass(frozen=True)
class Text:
    """A text of the page in English and Russian. Without a Russian text, the page always shows the English one."""

    en: str
    ru: str = ""

    def of(self, language: str) -> str:
        """Return the text in the language, ``en`` or ``ru``."""
        return self.ru if language == "ru" and self.ru else self.en

    def fill(self, **fields: object) -> "Text":
        """Return the text with these values filled into both languages."""
        return Text(self.en.format_map(fields), self.ru.format_map(fields))

    def fill_each(self, **fields: "Text") -> "Text":
        """Return the text filled with values that are translated, too."""
        english = {name: field.en for name, field in fields.items()}
        return Text(
            self.en.format_map(english),
            self.ru.format_map({name: field.ru or field.en for name, field in fields.items()}),
        )

    def __html__(self) -> str:
        """Return both languages as HTML. The template engine calls this method, and does not escape its result."""
        from markupsafe import escape  # noqa: PLC0415 - the page is not needed before the end of the job

        if not self.ru or self.ru == self.en:
            return str(escape(self.en))
        return f"<i lang=en>{escape(self.en)}</i><i lang=ru>{escape(self.ru)}</i>"


@cache
def russian() -> Mapping[str, Any]:
    """Return the Russian texts, by the names that their English originals have in the catalogue."""
    loaded: Mapping[str, Any] = json.loads(resources.files(__package__).joinpath("ru.json").read_text("utf-8"))
    return loaded


@cache
def words() -> Mapping[str, Text]:
    """Return the page's own texts, such as titles and labels, by their names in the catalogue."""
    return {name: Text(text, russian()["page"][name]) for name, text in PAGE.items()}


def headline(outcome: Outcome) -> Text:
    """Return the headline of an outcome, such as ``Release failed``."""
    return Text(outcome.headline.capitalize(), russian()["headlines"][outcome.headline])


def meaning(outcome: Outcome) -> Text:
    """Return the sentence that explains an outcome."""
    return Text(outcome.meaning, russian()["outcomes"][outcome.word])


def meaning_of_cause(code: str) -> Text:
    """Return the sentence that explains a cause code."""
    return Text(MEANINGS[code], russian()["causes"][code])


def translated(text: str) -> Text:
    """Return a message, which is a filled entry of the catalogue, in both languages.

    If the message has no translation, the result is in English only.
    """
    return Text(text, _in_russian(text) or "")


def translated_clauses(text: str) -> Text:
    """Return a text of several clauses with semicolons between them, each translated."""
    clauses = [translated(clause) for clause in text.split("; ")]
    return Text(text, "; ".join(clause.of("ru") for clause in clauses))


def _in_russian(text: str) -> str | None:
    for english, translation in _templates():
        values = _values(english, text)
        if values is not None:
            # Replace ``{name}`` and ``<SETTING>`` in one pass, because a value can itself look like a field.
            return _FIELD.sub(partial(_replacement, values), translation)
    return None


def _replacement(values: Mapping[str, str], field: re.Match[str]) -> str:
    return values[field[1] or field[2]]


@cache
def _templates() -> tuple[tuple[str, str], ...]:
    return tuple((entry(name), translation) for name, translation in russian()["texts"].items())


def entry(name: str) -> str:
    """Return the English text of a catalogue entry.

    Args:
        name: the name of the entry, such as ``reports.PROVEN`` or ``causes.HINTS.quota``.

    Raises:
        AttributeError: the module or the entry does not exist.
        KeyError: the entry has no text of this key.
    """
    module, attribute, *key = name.split(".", 2)
    value = getattr(import_module(f"argocd_release.messages.{module}"), attribute)
    if key:
        value = value.hint if isinstance(value, Message) else value[key[0]]
    return value.text if isinstance(value, Message) else str(value)


def _values(template: str, text: str) -> dict[str, str] | None:
    """Return the values of the template's fields in the text, or None if the text does not match the template."""
    literals, names = _parsed(template)
    if not text.startswith(literals[0]) or not text.endswith(literals[-1]):
        return None
    if not names:
        return {} if text == literals[0] else None
    rest, values = text[len(literals[0]) :], {}
    for name, literal in zip(names[:-1], literals[1:-1], strict=True):
        value, found, rest = rest.partition(literal)
        if not found:
            return None
        values[name] = _value(value)
    if len(rest) < len(literals[-1]):
        return None
    return values | {names[-1]: _value(rest.removesuffix(literals[-1]))}


def _value(text: str) -> str:
    """Return the value of a field in Russian. It can be an input, a number of pods, or another text."""
    if text.startswith(_INPUT):
        return f"{russian()['page']['input']} {text.removeprefix(_INPUT)}"
    if pods := _PODS.fullmatch(text):
        return pods[1]
    return _in_russian(text) or text


@cache
def _parsed(template: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the literal parts of a template, and the names of the fields between them."""
    literals, names, start = list[str](), list[str](), 0
    for field in _fields(template):
        literals.append(template[start : field.start()])
        names.append(field[1] or field[2])
        start = field.end()
    return (*literals, template[start:]), tuple(names)


def _fields(template: str) -> Iterator[re.Match[str]]:
    return _FIELD.finditer(template)
