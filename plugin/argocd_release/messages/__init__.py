"""The message catalogue with all texts for people. This file has the classes; each area has a module of its own."""

from dataclasses import dataclass
from string import Formatter


@dataclass(frozen=True)
class Message:
    """A text for people, with named fields in braces, and the hint that goes with it.

    The other packages choose an entry of the catalogue and fill in its fields. They contain no texts of their own.
    """

    text: str
    #: The steps for the reader, with fields of their own; "" if there is nothing to do.
    hint: str = ""

    def fill(self, **fields: object) -> str:
        """Return the text with its fields filled in.

        Raises:
            TypeError: The names of the fields are not exactly those of the text.
        """
        return _filled(self.text, fields)

    def fill_hint(self, **fields: object) -> str:
        """Return the hint with its fields filled in.

        Raises:
            TypeError: The names of the fields are not exactly those of the hint.
        """
        return _filled(self.hint, fields)


@dataclass(frozen=True)
class ProblemMessage(Message):
    """The text of a problem that the settings check or the doctor reports; the hint says how to fix it."""

    #: The stable name of the problem in the doctor's JSON. It never changes its meaning.
    code: str = "setting"


def field_names(template: str) -> set[str]:
    """Return the names of the fields in a text."""
    return {name for _, name, _, _ in Formatter().parse(template) if name is not None}


def _filled(template: str, fields: dict[str, object]) -> str:
    expected = field_names(template)
    if fields.keys() != expected:
        raise TypeError(f"{template!r} has the fields {sorted(expected)}, not {sorted(fields)}")
    return template.format_map(fields)
