"""Text from outside is hostile: made harmless here before anyone prints or stores it."""

import re
from typing import Final

LINE_LIMIT: Final = 2000

_ESCAPES: Final = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?"  # OSC: titles, links
    r"|\x1b[PX^_][^\x1b]*(?:\x1b\\)?"  # DCS, SOS, PM, APC
    r"|\x1b[ -/]*[0-~]"
    r"|\x9b[0-?]*[ -/]*[@-~]"
)
# C0 and C1 but tab and line feed, lone surrogates, what XML 1.0 forbids, and marks that reorder what is read.
_UNPRINTABLE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)
# GitLab reads these as the bounds of a section of the job log, wherever they stand.
_SECTION: Final = re.compile(r"section_(start|end):")


def clean(text: str, *, limit: int = LINE_LIMIT) -> str:
    """Text without escape sequences and control characters, of at most about ``limit`` characters.

    Line feeds and tabs stay. What is cut off is counted.
    """
    if len(text) > limit:
        text = f"{text[:limit]} … ({len(text) - limit} more characters)"
    text = _ESCAPES.sub("", text.replace("\r\n", "\n"))
    return _SECTION.sub(r"section-\1:", _UNPRINTABLE.sub("", text))


def one_line(text: str, *, limit: int = 500) -> str:
    """Clean text on one line."""
    return " ".join(clean(text, limit=limit).split())
