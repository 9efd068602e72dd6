"""Clean and shorten text and JSON from outside, and build names from text.

The shape of JSON is not trusted: a value of an unexpected type counts as empty.
"""

import json
import re
from collections.abc import Callable
from typing import Any, Final

from argocd_release.core.secret_data import message_shown

LINE_LIMIT: Final = 2000
# A regular expression for the mark that ``clean`` puts in the middle of a shortened text.
CUT: Final = r" … \(\d++ more characters\)"
# The number of characters kept at the end of a message, because the end gives the reason.
_END_LIMIT: Final = 300
# A text that exceeds its limit by up to this length stays, because the mark is as long as the removed text.
_SLACK: Final = 40
_ESCAPES: Final = re.compile(
    r"\x1b\[[0-?]*+[ -/]*+[@-~]"  # CSI: colours, cursor
    r"|\x1b\][^\x07\x1b]*+(?:\x07|\x1b\\)?"  # OSC: titles, links
    r"|\x1b[PX^_][^\x1b]*+(?:\x1b\\)?"  # DCS, SOS, PM, APC
    r"|\x1b[ -/]*+[0-~]"
    r"|\x9b[0-?]*+[ -/]*+[@-~]"
)
# C0 and C1 except tab and line feed, lone surrogates, characters that XML 1.0 forbids, and marks that reorder text.
_UNPRINTABLE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)
# GitLab interprets these anywhere in a line. The first marks the start or end of a section of the job log
# (lib/gitlab/regex.rb). The second, "[[ATTACHMENT|path]]", links an artifact from the output of a test
# (lib/gitlab/ci/parsers/test/junit.rb).
_SECTION: Final = re.compile(r"section_(start|end):")
_ATTACHMENT: Final = re.compile(r"\[(?=\[ATTACHMENT\|)")
_APPLIED_FILE: Final = re.compile(r'error when \w++ "/dev/shm/\d++": ')


def clean(text: str, *, limit: int = LINE_LIMIT) -> str:
    """Return the text without escape sequences and control characters, with at most about ``limit`` characters.

    Line feeds and tabs stay. A longer text loses its middle, and a mark there gives the number of removed characters.
    """
    if text.isascii() and text.isprintable() and len(text) <= limit and "section_" not in text and "[[" not in text:
        # This shortcut fits nearly all names and words. An application of hundreds of resources contains thousands.
        return text
    if len(text) > limit + _SLACK:
        end = min(limit // 3, _END_LIMIT)
        text = f"{text[: limit - end]} … ({len(text) - limit} more characters) {text[len(text) - end :]}"
    text = _UNPRINTABLE.sub("", _ESCAPES.sub("", text.replace("\r\n", "\n")))
    return _ATTACHMENT.sub("[ ", _SECTION.sub(r"section-\1:", text))


def one_line(text: str, *, limit: int = 500) -> str:
    """Return the clean text on one line."""
    return " ".join(clean(text, limit=limit).split())


def counted(number: int, noun: str) -> str:
    """Return the number with its noun: ``1 commit``, ``2 commits``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


# The mark before each line that another program printed, so that readers do not take it for a line of this tool.
QUOTED: Final = "  | "


def without_applied_file(text: str) -> str:
    """Return the text without the name of the temporary file from which Argo CD applies a resource."""
    return _APPLIED_FILE.sub("", text)


#: The maximum length of a namespace and of a label of a host name (RFC 1123; Kubernetes' DNS label).
LABEL_LIMIT: Final = 63
#: The placeholder for the tag in a name or an address.
TAG: Final = "{tag}"
_OTHERS: Final = re.compile(r"[^a-z0-9]")


def slug(text: str, *, limit: int = LABEL_LIMIT) -> str:
    """Return the text in small letters, digits and inner hyphens, cut to ``limit`` characters. The result can be empty.

    GitLab computes CI_COMMIT_REF_SLUG from a branch in exactly this way (gitlab lib/gitlab/utils.rb slugify), so both
    sides of a pipeline agree on it. A slug that is not empty is a DNS label.
    """
    return _OTHERS.sub("-", text.lower())[:limit].strip("-")


def tag_of(branch: str, pattern: str) -> str:
    """Return the part of the branch that the pattern matches, as a slug, or an empty string if nothing matches.

    If the pattern has groups, only its first group counts.
    """
    match = re.search(pattern, branch)
    if match is None:
        return ""
    return slug(match[1] or "" if match.re.groups else match[0])


def with_tag(template: str, tag: str) -> str:
    """Return the name with ``{tag}`` replaced. Shorten the tag so that the last part of the name is a valid label."""
    room = LABEL_LIMIT - len(template.rpartition("/")[2].replace(TAG, ""))
    return template.replace(TAG, slug(tag, limit=max(room, 0)))


def host_with_tag(template: str, tag: str) -> str:
    """Return the address with ``{tag}`` replaced. Shorten the tag so that its label of the host name is valid."""
    before, _, after = template.partition(TAG)
    label = len(re.split(r"[./@]", before)[-1]) + len(re.split(r"[.:/]", after, maxsplit=1)[0])
    return template.replace(TAG, slug(tag, limit=max(LABEL_LIMIT - label, 0)))


_NAME: Final = re.compile(r"<((?:ARGOCD|RELEASE)_[A-Z_]++)(?:=([\w.-]++))?>")


def with_names(text: str, name_of: Callable[[str, str], str]) -> str:
    """Return the text with each ``<NAME>`` replaced.

    Args:
        text: a message, or any other text that an output shows.
        name_of: returns the replacement for a name and a value; the value is empty if the message gives none.
    """
    return _NAME.sub(lambda match: name_of(match[1], match[2] or ""), text) if "<" in text else text


MESSAGE_LIMIT: Final = 4000


def parse_json(text: str | bytes) -> Any:
    """Return the parsed JSON document.

    Raises:
        ValueError: the text is not JSON, or is nested too deeply for Python.
    """
    try:
        # Some programs put a byte order mark in front.
        return json.loads(text.removeprefix("\ufeff") if isinstance(text, str) else text)
    except RecursionError as error:
        raise ValueError("the document is nested too deeply") from error


def as_object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def as_objects(value: object) -> list[dict[str, Any]]:
    """Return the objects in a list, without its other elements."""
    return [item for item in as_list(value) if isinstance(item, dict)]


def as_text(value: object) -> str:
    """Return clean text of at most about ``MESSAGE_LIMIT`` characters, with its line breaks."""
    return clean(value, limit=MESSAGE_LIMIT).strip() if isinstance(value, str) else ""


def as_message(value: object, *, kind: str = "") -> str:
    """Return the clean message without values of Secrets and dumps of objects.

    ``kind`` is the kind of the object that the message is about, or empty if it is unknown.
    """
    return as_text(message_shown(value, kind=kind)) if isinstance(value, str) else ""


def as_line(value: object) -> str:
    """Return clean text of at most about ``MESSAGE_LIMIT`` characters on one line."""
    return one_line(value, limit=MESSAGE_LIMIT) if isinstance(value, str) else ""
