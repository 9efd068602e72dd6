"""Hide the values of Secrets and private keys in the lines of a document. All functions are pure.

Hide them before the lines are cut into hunks. The redaction of a text recognizes a secret by a line such as the kind,
the field or the beginning of the key. A hunk does not always contain this line.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from argocd_release.core.secret_data import contains_secret
from argocd_release.core.yaml_secrets import REDACTED

#: A line of a document: "+" if only the new document has it, "-" if only the live one has it, otherwise " ".
Line = tuple[str, str]
_KEY_BEGINS: Final = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE[ ]KEY(?: BLOCK)?-----(?!.*-----END )")
_KEY_ENDS: Final = re.compile(r"-----END [A-Z0-9 ]{0,40}-----")
# The field ``data`` or ``stringData`` of a mapping in YAML or JSON.
_SECRET_FIELD: Final = re.compile(r"^( *+(?:- ++)*+)([\"']?)(?:data|stringData)\2:")
# The indicator of a YAML block scalar (``|`` or ``>``), whose text begins in the next line.
_BLOCK: Final = re.compile(r"(?:^|[:-] )[|>][0-9+-]{0,2}$")
_ITEM: Final = re.compile(r"^ *+(?:- ++)*+")
_NAME: Final = r"""(?:"[^"]{0,300}+"|'[^']{0,300}+'|[^\s"'{\[][^:]{0,300}+)"""
# The key of a field whose value begins in the same line.
_KEY: Final = re.compile(rf"^{_NAME}: ++(?=\S)")
# The key of a field whose value begins in the next line.
_PARENT: Final = re.compile(rf"^{_NAME}:$")


def without_secrets(lines: Sequence[Line], *, embeds_secret: bool) -> list[Line]:
    """Hide private keys and, if the document embeds a Secret, the fields and texts that can contain its values.

    A line that both documents have is hidden if it is secret in one of them.
    """
    live, new = _Document(embeds_secret=embeds_secret), _Document(embeds_secret=embeds_secret)
    hidden: list[Line] = []
    for sign, text in lines:
        shown = [document.shown(text) for document, other in ((live, "+"), (new, "-")) if sign != other]
        hidden.append((sign, next((line for line in shown if line != text), text)))
    return hidden


def has_embedded_secret(lines: Sequence[Line], *documents: Mapping[str, Any]) -> bool:
    """Return True if the documents contain a Secret, for example in a text that YAML has wrapped.

    Args:
        lines: the lines of the documents.
        documents: the parsed documents. A document that is not valid YAML is an empty mapping.
    """
    return contains_secret("\n".join(text for _, text in lines)) or contains_secret("\n".join(_texts(documents)))


def _texts(documents: Sequence[Mapping[str, Any]]) -> list[str]:
    texts: list[str] = []
    values: list[Any] = list(documents)
    seen: set[int] = set()
    while values:
        value = values.pop()
        if isinstance(value, str):
            texts.append(value)
        elif isinstance(value, Mapping | list) and id(value) not in seen:
            # Visit each part once, because a document with YAML aliases can contain the same part very often.
            seen.add(id(value))
            values += value.values() if isinstance(value, Mapping) else value
    return texts


class _Document:
    """A reader of one of the two documents, which hides secrets. It receives the lines from the first to the last.

    If the document embeds a Secret, the reader hides everything below a field ``data`` or ``stringData``. It also hides
    all lines of a block scalar that begins like JSON. If YAML has wrapped a text, the reader hides the lines after the
    first one, and the first one too if the text is in quotes.
    """

    def __init__(self, *, embeds_secret: bool) -> None:
        self._embeds_secret = embeds_secret
        # The indent of the first line of the private key; -1 outside of a key.
        self._key = -1
        # The column of the field whose further lines are hidden; -1 if there is none.
        self._hidden = -1
        # The column of the field whose text begins in the next line; -1 if there is none.
        self._block = -1

    def shown(self, text: str) -> str:
        """Return the next line of the document, or a mark with the same indent if the line is secret."""
        content = text.lstrip(" ")
        indent = len(text) - len(content)
        if not content:
            return text
        hidden = text[:indent] + REDACTED
        if self._continues_key(content, indent):
            return hidden
        if self._embeds_secret:
            is_item = content.startswith("- ")
            if self._hidden >= 0 and (indent > self._hidden or (is_item and indent == self._hidden)):
                return hidden
            if 0 <= self._block < indent and content[0] in "{[":
                self._hidden = self._block
                return hidden
            return self._field(text, content)
        return text

    def _continues_key(self, content: str, indent: int) -> bool:
        if self._key >= 0 and indent >= self._key:
            self._key = -1 if _KEY_ENDS.search(content) else self._key
            return True
        self._key = indent if _KEY_BEGINS.search(content) else -1
        return False

    def _field(self, text: str, content: str) -> str:
        """Return the line of a field, without a secret value. Remember which of the next lines must be hidden."""
        self._hidden = self._block = -1
        if secret := _SECRET_FIELD.match(text):
            self._hidden = secret.end(1)
            rest = text[secret.end() :].strip()
            return f"{secret[0]} {REDACTED}" if rest else text
        item = _ITEM.match(text)
        start = item.end() if item else 0
        key = _KEY.match(text[start:])
        # All further lines of the value are indented more than this column. The next field is not.
        is_parent = _PARENT.match(text[start:]) is not None
        column = start if key or is_parent else max(text.rfind("- ", 0, start), 0)
        value_at = start + (key.end() if key else 0)
        value = text[value_at:]
        if _BLOCK.search(content):
            self._block = column
        elif not is_parent:
            # The value begins in this line, and YAML can have wrapped it. So hide its further lines.
            self._hidden = column
            if value[:1] in {'"', "'"} and ("\\n" in value or not value.endswith(value[0], 1)):
                return f"{text[:value_at]}{REDACTED}"
        return text
