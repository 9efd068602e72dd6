"""The lines of ``argocd app wait`` that say something new: one for each change of a resource, and none twice.

At its end it prints the whole application, which is shown after the verdict anyway (argo-cd v2.13.2 app.go:2410-2447).
"""

import re
from typing import Final

_ROW: Final = re.compile(r"\d{4}-\d\d-\d\dT\S+\s+(.*)")
_FINAL: Final = re.compile(r"Name:\s+\S+|This is the state of the app after .*|The command timed out waiting .*")
_SPACES: Final = re.compile(r"\s+")
# Argo CD applies a resource from a temporary file, whose name says nothing and is another one at each attempt.
_APPLIED_FILE: Final = re.compile(r'error when \w+ "/dev/shm/\d+": ')
_CANCELLED: Final = re.compile(r"argocd: .*(?:context canceled|context deadline exceeded|timed out \(\d+s\) waiting)")


class Changes:
    """Takes the lines in turn; the end of the feed is for good."""

    def __init__(self) -> None:
        self._ended = False
        self._seen: set[str] = set()

    def new(self, line: str) -> str:
        """The line to show, or ``""``."""
        if self._ended or not line.strip() or _CANCELLED.match(line):
            return ""
        if _FINAL.fullmatch(line):
            self._ended = True
            return ""
        line = _APPLIED_FILE.sub("", line)
        row = _ROW.fullmatch(line)
        if row is None:
            return line
        # The same row at another time is no change. The message repeats what the row before it said of the same status.
        key = _SPACES.sub(" ", row[1]).strip()
        if key in self._seen:
            return ""
        self._seen.add(key)
        return line
