"""A page has a size: what others' text may take of it is counted as it is written, escaped and in bytes."""

from typing import Final

from argocd_release.core.text import clean

_MARK: Final = " …"
# As many bytes as an escaped character takes at most, `&#34;`; of the others UTF-8's four.
_ESCAPED: Final = {"&": 5, "<": 4, ">": 4, '"': 5, "'": 5}


class Room:
    """``left``: in bytes; what asks for more than that gets nothing but a mark."""

    def __init__(self, left: int) -> None:
        self.left = left

    def take(self, text: str, limit: int, *, markup: int = 0) -> str:
        """The text, of at most ``limit`` characters, as far as there is room. ``markup``: bytes around it."""
        self.left -= markup
        text = clean(text, limit=limit)
        kept = len(text)
        for position, character in enumerate(text):
            size = _ESCAPED.get(character) or len(character.encode("utf-8", "replace"))
            if self.left < size:
                kept = position
                break
            self.left -= size
        return text if kept == len(text) else text[:kept] + _MARK
