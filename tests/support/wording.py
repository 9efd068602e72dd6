"""Check which entry of the message catalogue a text comes from, so that tests do not depend on the wording."""

import pkgutil
import re
from string import Formatter
from typing import Final

import argocd_release.messages
from argocd_release.messages import Message

#: The names of the catalogue's modules.
MODULES: Final = [
    module.name for module in pkgutil.iter_modules(argocd_release.messages.__path__) if module.name != "message"
]


def fields_of(text: str, entry: Message | str) -> dict[str, str] | None:
    """Return the values of the entry's fields in the text, or None if the text does not come from this entry."""
    template = entry.text if isinstance(entry, Message) else entry
    found = re.fullmatch(_pattern(template), text, re.DOTALL)
    return found.groupdict() if found else None


def is_from(text: str, entry: Message | str) -> bool:
    """Return True if the text comes from this entry, with any values of its fields."""
    return fields_of(text, entry) is not None


def pattern_of(entry: Message | str) -> str:
    """Return a regular expression that matches the entry's text, for the argument ``match`` of ``pytest.raises``."""
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
