"""Compare a text with the entry of the catalogue that it comes from, whatever the entry's wording is."""

import re
from string import Formatter

from argocd_release.messages import Message


def fields_of(text: str, entry: Message | str) -> dict[str, str] | None:
    """Return the fields with which the entry becomes the text, or None if it is the text of another entry."""
    template = entry.text if isinstance(entry, Message) else entry
    found = re.fullmatch(_pattern(template), text, re.DOTALL)
    return found.groupdict() if found else None


def is_from(text: str, entry: Message | str) -> bool:
    """Return True if the entry becomes the text with some fields."""
    return fields_of(text, entry) is not None


def pattern_of(entry: Message | str) -> str:
    """Return a regular expression that finds the entry's text, for ``match`` of ``pytest.raises``."""
    return _pattern(entry.text if isinstance(entry, Message) else entry)


def _pattern(template: str) -> str:
    parts: list[str] = []
    names: set[str] = set()
    for literal, name, _, _ in Formatter().parse(template):
        parts.append(re.escape(literal))
        if name is not None:
            parts.append(f"(?P={name})" if name in names else f"(?P<{name}>.+?)")
            names.add(name)
    return "".join(parts)
