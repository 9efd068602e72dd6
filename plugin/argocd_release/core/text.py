"""Text from outside is hostile: made harmless here before anyone prints or stores it."""

import re
from typing import Final

LINE_LIMIT: Final = 2000
# How a text ends that was cut off, as a pattern.
CUT: Final = r" … \(\d++ more characters\)"
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
    """Text without escape sequences and control characters, of at most about ``limit`` characters.

    Line feeds and tabs stay. What is cut off is counted.
    """
    if len(text) > limit:
        text = f"{text[:limit]} … ({len(text) - limit} more characters)"
    text = _UNPRINTABLE.sub("", _ESCAPES.sub("", text.replace("\r\n", "\n")))
    return _ATTACHMENT.sub("[ ", _SECTION.sub(r"section-\1:", text))


def one_line(text: str, *, limit: int = 500) -> str:
    """Clean text on one line."""
    return " ".join(clean(text, limit=limit).split())


def counted(number: int, noun: str) -> str:
    """``1 commit``, ``2 commits``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


# What a program printed is shown as it is, after this mark, and never taken for our own words.
QUOTED: Final = "  | "


def without_applied_file(text: str) -> str:
    """The text without the temporary file from which Argo CD applies a resource: another one at each attempt."""
    return _APPLIED_FILE.sub("", text)
