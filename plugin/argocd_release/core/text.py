"""Text from outside, made safe and short, and the names of settings in messages."""

import re
from collections.abc import Callable
from typing import Final

LINE_LIMIT: Final = 2000
# The mark in a text that was shortened, as a pattern.
CUT: Final = r" … \(\d++ more characters\)"
# The end of a message gives the reason, so that much of it stays.
_END_LIMIT: Final = 300
# A text that exceeds its limit by less is not shortened: the mark would be as long as what it replaces.
_SLACK: Final = 40
_ESCAPES: Final = re.compile(
    r"\x1b\[[0-?]*+[ -/]*+[@-~]"  # CSI: colours, cursor
    r"|\x1b\][^\x07\x1b]*+(?:\x07|\x1b\\)?"  # OSC: titles, links
    r"|\x1b[PX^_][^\x1b]*+(?:\x1b\\)?"  # DCS, SOS, PM, APC
    r"|\x1b[ -/]*+[0-~]"
    r"|\x9b[0-?]*+[ -/]*+[@-~]"
)
# C0 and C1 but tab and line feed, lone surrogates, what XML 1.0 forbids, and marks that reorder what is read.
_UNPRINTABLE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)
# GitLab reads these wherever they stand: the bounds of a section of the job log (lib/gitlab/regex.rb), and a link to an
# artifact in what a test printed, "[[ATTACHMENT|path]]" (lib/gitlab/ci/parsers/test/junit.rb).
_SECTION: Final = re.compile(r"section_(start|end):")
_ATTACHMENT: Final = re.compile(r"\[(?=\[ATTACHMENT\|)")
_APPLIED_FILE: Final = re.compile(r'error when \w++ "/dev/shm/\d++": ')


def clean(text: str, *, limit: int = LINE_LIMIT) -> str:
    """Return the text without escape sequences and control characters, with at most about ``limit`` characters.

    Line feeds and tabs stay. A longer text loses its middle, and the mark there gives the number of characters.
    """
    if len(text) > limit + _SLACK:
        end = min(limit // 3, _END_LIMIT)
        text = f"{text[: limit - end]} … ({len(text) - limit} more characters) {text[len(text) - end :]}"
    text = _UNPRINTABLE.sub("", _ESCAPES.sub("", text.replace("\r\n", "\n")))
    return _ATTACHMENT.sub("[ ", _SECTION.sub(r"section-\1:", text))


def one_line(text: str, *, limit: int = 500) -> str:
    """Return the clean text on one line."""
    return " ".join(clean(text, limit=limit).split())


def counted(number: int, noun: str) -> str:
    """``1 commit``, ``2 commits``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


# What a program printed is shown as it is, after this mark, and never taken for our own words.
QUOTED: Final = "  | "


def without_applied_file(text: str) -> str:
    """The text without the temporary file from which Argo CD applies a resource: another one at each attempt."""
    return _APPLIED_FILE.sub("", text)


#: The longest name of a namespace, and of a part of a host name (RFC 1123; Kubernetes' DNS label).
LABEL_LIMIT: Final = 63
#: Where the tag goes in a name or an address.
TAG: Final = "{tag}"
_OTHERS: Final = re.compile(r"[^a-z0-9]")


def slug(text: str, *, limit: int = LABEL_LIMIT) -> str:
    """The text in small letters, digits and hyphens, none at an end, cut to ``limit`` characters; may be ``""``.

    To the letter what GitLab makes of a branch for CI_COMMIT_REF_SLUG (gitlab lib/gitlab/utils.rb slugify), so both
    sides of a pipeline agree on it. It is a DNS label.
    """
    return _OTHERS.sub("-", text.lower())[:limit].strip("-")


def tag_of(branch: str, pattern: str) -> str:
    """The first group of the pattern where the branch matches it, or all of the match, as a slug; ``""`` if none."""
    found = re.search(pattern, branch)
    if found is None:
        return ""
    return slug(found[1] or "" if found.re.groups else found[0])


def with_tag(template: str, tag: str) -> str:
    """The template with the tag in its place, which is cut as far as the name's own length asks for."""
    room = LABEL_LIMIT - len(template.rpartition("/")[2].replace(TAG, ""))
    return template.replace(TAG, slug(tag, limit=max(room, 0)))


def host_with_tag(template: str, tag: str) -> str:
    """An address with the tag in its place: the part of the host name that it stands in is 63 characters at most."""
    before, _, after = template.partition(TAG)
    label = len(re.split(r"[./@]", before)[-1]) + len(re.split(r"[.:/]", after, maxsplit=1)[0])
    return template.replace(TAG, slug(tag, limit=max(LABEL_LIMIT - label, 0)))


_NAME: Final = re.compile(r"<((?:ARGOCD|RELEASE)_[A-Z_]++)(?:=([\w.-]++))?>")


def with_names(text: str, name_of: Callable[[str, str], str]) -> str:
    """Return the text with each ``<NAME>`` replaced.

    Args:
        text: a message, or anything else that an output shows.
        name_of: returns what to write for a name and a value; the value is empty if the message gives none.

    """
    return _NAME.sub(lambda match: name_of(match[1], match[2] or ""), text) if "<" in text else text
