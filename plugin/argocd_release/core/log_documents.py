"""Find the Kubernetes documents that have not ended in the last lines of a log.

A document can turn out to be a Secret only after its values. ``kubectl`` prints the fields in alphabetical order, so
``data`` comes before ``kind``. The lines can have prefixes, such as timestamps.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from argocd_release.core.yaml_secrets import is_indented, rest_after, starts_data

#: The fields of a Secret. A line with another field at the same indent ends the document.
_FIELD: Final = re.compile(
    r"(?<!\w)[\"']?+(apiVersion|data|immutable|kind|metadata|stringData|type)[\"']?+[ \t]*+:(?=\s|$)"
)
_KIND: Final = re.compile(r"(?<!\w)[\"']?+kind[\"']?+[ \t]*+:\s++(?:!\S{0,60}+\s++)?+[\"']?+(\w++)")
_ITEM: Final = re.compile(r"(?:- ++)++$")
_SECRET: Final = frozenset({"Secret", "SecretList"})
#: The maximum number of documents inside each other.
_DEPTH: Final = 20


@dataclass(kw_only=True)
class _Document:
    """A document that has not ended.

    Attributes:
        prefix: the part of each line before the fields of the document.
        braces: the number of open braces if the document is in braces, otherwise 0.
        has_data: True if the document has a field ``data`` or ``stringData``.
        kind: the kind of the document, or "" while no line has shown it.
        fields: the names of its fields that the lines have shown. A second field of the same name begins a document.
    """

    prefix: str
    braces: int = 0
    has_data: bool = False
    kind: str = ""
    fields: set[str] = field(default_factory=set)

    def take(self, line: str) -> bool:
        """Take the next line. Return False if the document has ended before the line."""
        if self.braces:
            self.braces += line.count("{") - line.count("}")
        elif not self.contains_field(line):
            return is_indented(line, self.prefix)
        self.read(line)
        return not self.prefix.rstrip().endswith("{") or self.braces > 0

    def contains_field(self, line: str) -> bool:
        """Return True if the line is a field of this document itself."""
        return self.braces > 0 or _FIELD.match(rest_after(line, self.prefix) or "") is not None

    def read(self, text: str) -> None:
        """Read the data and the kind of the document from a line."""
        name = _FIELD.search(text)
        if name is not None and not self.braces:
            if name[1] in self.fields:
                self.fields, self.has_data, self.kind = set(), False, ""
            self.fields.add(name[1])
        self.has_data = self.has_data or starts_data(text)
        if not self.kind and (kind := _KIND.search(text)) is not None:
            self.kind = kind[1]


class LogDocuments:
    """The documents that have not ended in the last lines of a log, the outermost first."""

    def __init__(self) -> None:
        self._open: list[_Document] = []

    def take(self, line: str) -> None:
        """Take the next line of the log."""
        self._open = [document for document in self._open if document.take(line)]
        first = _FIELD.search(line)
        if first is None or len(self._open) >= _DEPTH:
            return
        prefix = line[: first.start()]
        braces = line.count("{") - line.count("}") if "{" in prefix else 0
        prefix = _ITEM.sub(lambda item: " " * len(item[0]), prefix)
        has_ended = "{" in prefix and braces <= 0
        if has_ended or any(document.contains_field(line) for document in self._open):
            return
        document = _Document(prefix=prefix, braces=braces)
        document.read(line)
        self._open.append(document)

    @property
    def may_be_secret(self) -> bool:
        """Return True if a document has data, and no line has shown its kind yet."""
        return any(document.has_data and not document.kind for document in self._open)

    @property
    def has_secret(self) -> bool:
        """Return True if a document is a Secret."""
        return any(document.kind in _SECRET for document in self._open)
