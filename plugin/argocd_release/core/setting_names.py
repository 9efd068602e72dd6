"""Names of settings in messages.

A message writes ``<RELEASE_TIMEOUT>``, or ``<RELEASE_SYNC=true>`` if it names a value too. The outputs replace it by
the name that the reader can set: an input of the component, or a variable. The code that judges need not know which.
"""

import re
from collections.abc import Callable
from typing import Final

_NAME: Final = re.compile(r"<((?:ARGOCD|RELEASE)_[A-Z_]++)(?:=([\w.-]++))?>")


def with_names(text: str, name_of: Callable[[str, str], str]) -> str:
    """Return the text with each ``<NAME>`` replaced.

    Args:
        text: a message, or anything else that an output shows.
        name_of: returns what to write for a name and a value; the value is empty if the message gives none.

    """
    return _NAME.sub(lambda match: name_of(match[1], match[2] or ""), text) if "<" in text else text
