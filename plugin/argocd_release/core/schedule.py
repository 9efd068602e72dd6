"""Read durations as Go programs write them."""

import re
from typing import Final

_UNITS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_PARTS: Final = re.compile(r"(?:[0-9]{1,9}(?:\.[0-9]{1,9})?(?:h|ms|m|s))+")
_PART: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(h|ms|m|s)")


def go_seconds(text: str) -> float | None:
    """Return the seconds of a duration such as ``1h30m``, or None if the text is no such duration.

    A number without a unit means seconds, as in Argo CD (argo-cd v2.13.2 types.go parseStringToDuration).
    """
    if text.isascii() and text.isdigit() and len(text) <= 9:  # noqa: PLR2004 - longer numbers make no sense
        return float(text)
    if not _PARTS.fullmatch(text):
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
