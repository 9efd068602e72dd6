"""Hide the values of Secrets in YAML, also in the lines of a log with prefixes such as timestamps.

Some patterns also match the dicts of Python and Ruby and the objects of Node.js, which look like YAML in braces.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

REDACTED: Final = "[redacted]"
# The key of a field of YAML that holds the values of a Secret.
_DATA_KEY: Final = r"[\"']?+(?:data|stringData)[\"']?+[ \t]*+:"
# The rest of the line if the values follow in the next lines: nothing, an anchor, a tag or a comment.
_NO_VALUE: Final = r"[ \t]*+(?:[&!][^\s{\[]{0,60}+[ \t]*+)*+(?:#.*+)?$"
_YAML_DATA: Final = re.compile(rf"^([ \t]*+)(?:- )?{_DATA_KEY}{_NO_VALUE}", re.MULTILINE)
_PREFIXED_DATA: Final = re.compile(rf"^(.*?)(?<!\w){_DATA_KEY}{_NO_VALUE}")
_KIND: Final = r"[\"']?+kind[\"']?+\s*+(?::|=>)\s*+(?:!\S{0,60}+\s++)?+[\"']?+Secret(?:List)?\b"
#: The field by which a manifest says that it is a Secret. Only a Secret has the field ``stringData``.
SECRET_KIND: Final = re.compile(rf"(?<!\w)(?:{_KIND}|[\"']?+stringData[\"']?+[ \t]*+(?::|=>))")
_KIND_LINE: Final = re.compile(rf"^(.*?)(?<!\w){_KIND}")
# A field with a value in the same line. The value can continue in the next lines. A Secret's value is never one word.
_FLAT_DATA: Final = re.compile(
    r"(?<!\w)[\"']?+(?:data|stringData)[\"']?+[ \t]*+(?::|=>)"
    r"(?=[ \t]*+(?!\{?+\[redacted\]|\{\}|[&!]\S{0,60}+[ \t]*+$)(?:[{\[\"'|>&!*]|[\w.-]++:\s))",
    re.MULTILINE,
)
# A brace, a text in quotes, or a quote whose text has no clear end. A quote inside a word begins no text.
_FLOW_MARK: Final = re.compile(r"[{}]|(?<=[\s,:{\[(])(?:'(?:[^'\\]++|'')*+'|\"(?:[^\"\\]++|\\.)*+\"|['\"])", re.DOTALL)
# A number, date or time. The prefixes of two lines of a log can differ in it, even in its length.
_NUMBER: Final = re.compile(r"\d[\d.,:]*+")
#: The maximum length of a prefix in which numbers are ignored.
_PREFIX_LIMIT: Final = 200
_JSON_DATA: Final = re.compile(r'"(?:data|stringData)"\s*+:\s*+\{')


def without_yaml(text: str) -> str:
    """Hide the fields ``data`` and ``stringData`` of YAML. If the text is about no Secret, the lines have no prefix."""
    about_secret = SECRET_KIND.search(text) is not None
    if not about_secret and _YAML_DATA.search(text) is None:
        return text
    lines = text.split("\n")
    text = "\n".join(_yaml_lines(_without_cut_start(lines) if about_secret else lines, prefixed=about_secret))
    return _without_flat(text) if about_secret else text


def _without_flat(text: str) -> str:
    """Hide the values that begin in the line of their field. If their end is unclear, hide all text after them."""
    parts: list[str] = []
    position = 0
    while (field := _FLAT_DATA.search(text, position)) is not None:
        parts.append(f"{text[position : field.end()]} {REDACTED}")
        end = _end_of_flow(text, field.end())
        if end is None:
            return "".join(parts)
        position = end
    return "".join((*parts, text[position:]))


def _end_of_flow(text: str, position: int) -> int | None:
    """Return the end of a mapping in braces after the position, or None if it cannot be determined."""
    level = 0
    for mark in _FLOW_MARK.finditer(text, position):
        if not level and text[position : mark.start()].strip():
            return None
        if mark[0] in "'\"":
            return None
        if mark[0] in "{}":
            level += 1 if mark[0] == "{" else -1
        if level <= 0:
            return mark.end() if mark[0] == "}" else None
    return None


def _without_cut_start(lines: Sequence[str]) -> Sequence[str]:
    """Hide the first lines if they belong to a field of a Secret that begins before the text.

    The end of a log can begin within a Secret. Its first lines are then indented more than its kind.
    """
    kinds = ((number, match) for number, line in enumerate(lines) if (match := _KIND_LINE.match(line)))
    if (first := next(kinds, None)) is None:
        return lines
    prefix = first[1][1]
    end = next(number for number, line in enumerate(lines) if number == first[0] or not is_indented(line, prefix))
    return [f"{prefix}{REDACTED}", *lines[end:]] if "".join(lines[:end]).strip() else lines


def is_indented(line: str, prefix: str) -> bool:
    """Return True if the line begins with the prefix and is indented more, or is blank.

    Args:
        line: the line.
        prefix: the part of an earlier line before a field of YAML. It is empty, or an indent, or a prefix of a log such
            as a timestamp, or both. The numbers in it can differ.
    """
    if not line[: len(prefix) + 1].strip():
        return True
    rest = rest_after(line, prefix)
    return rest is not None and (not rest or rest[0].isspace())


def rest_after(line: str, prefix: str) -> str | None:
    """Return the part of the line after the prefix, whose numbers can differ. Return None if the prefix is another."""
    if line.startswith(prefix):
        return line[len(prefix) :]
    if len(prefix) > _PREFIX_LIMIT:
        return None
    # The prefix of a blank line can lack the spaces at its end.
    start, rest = _NUMBER.sub("0", prefix), _NUMBER.sub("0", line[: 2 * _PREFIX_LIMIT])
    if rest.startswith(start):
        return rest[len(start) :]
    return "" if rest.rstrip() == start.rstrip() else None


def is_below(line: str, prefix: str) -> bool:
    """Return True if the line can belong to the field after the prefix, even if its own prefix differs in words."""
    return is_indented(line, prefix) or (bool(prefix) and line[len(prefix) : len(prefix) + 1] == " ")


def starts_data(line: str) -> bool:
    """Return True if the values of a Secret could begin in the line, unless they are JSON.

    The values in JSON are always hidden, so the kind of the document makes no difference.
    """
    if _PREFIXED_DATA.match(line) is not None:
        return True
    return _FLAT_DATA.search(line) is not None and _JSON_DATA.search(line) is None


def _yaml_lines(lines: Sequence[str], *, prefixed: bool) -> Iterator[str]:
    """Yield the lines of a text. A mark replaces the indented lines below ``data:`` or ``stringData:``.

    Args:
        lines: the lines of the whole text.
        prefixed: True if each line can begin with a prefix, such as the timestamp of a log.
    """
    header, prefix = "", ""
    for line in lines:
        if header and is_below(line, prefix):
            if not header.endswith(REDACTED):
                header += f" {REDACTED}"
            continue
        if header:
            yield header
        match = (_PREFIXED_DATA if prefixed else _YAML_DATA).match(line)
        header, prefix = (line, match[1]) if match else ("", "")
        if not match:
            yield line
    if header:
        yield header
