"""The lines of ``argocd app wait`` that say something new: one for each change of a resource, and none twice.

At its end it prints the whole application, which is shown after the verdict anyway (argo-cd v2.13.2 app.go:2410-2447).
Messages of resources can have several lines and say anything, so only a row is taken for argocd's own words.
"""

import re
from collections.abc import Callable
from typing import Final

from argocd_release.core.text import QUOTED, clean

# GitLab keeps 4 MiB of a job log by default, and the verdict stands at its end (gitlab-runner: output_limit).
LINES: Final = 500


LINE_LIMIT: Final = 1000


COUNT_SECONDS: Final = 10.0


_ROW: Final = re.compile(r"\d{4}-\d\d-\d\dT\S+\s+(.*)")


_HEADER: Final = re.compile(r"TIMESTAMP\s+GROUP\s+KIND\s.*")


_FINAL: Final = re.compile(r"Name:\s+\S+|This is the state of the app after .*|The command timed out waiting .*")


_SPACES: Final = re.compile(r"\s+")


# Argo CD applies a resource from a temporary file, whose name says nothing and is another one at each attempt.
_APPLIED_FILE: Final = re.compile(r'error when \w++ "/dev/shm/\d++": ')


_CANCELLED: Final = re.compile(r"context canceled|context deadline exceeded|timed out \(\d++s\) waiting")


class Changes:
    """Takes the lines in turn, and gives those to show; after ``LINES`` of them only how many there were.

    ``now``: seconds on any clock that never goes back.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._ended = False
        self._seen: set[str] = set()
        self._shown = 0
        self._left_out = 0
        self._counted_at = 0.0

    def new(self, line: str) -> str:
        """The line to show, or ``""``."""
        line = self._said(clean(line, limit=LINE_LIMIT))
        if not line:
            return ""
        if self._shown < LINES:
            self._shown += 1
            return line
        self._counted_at = self._counted_at or self._now()
        self._left_out += 1
        return ""

    def left_out(self, *, at_once: bool = False) -> int:
        """How many lines were left out since this was last asked; 0 if that is less than ``COUNT_SECONDS`` ago."""
        if not self._left_out or (not at_once and self._now() - self._counted_at < COUNT_SECONDS):
            return 0
        count, self._left_out, self._counted_at = self._left_out, 0, self._now()
        return count

    def _said(self, line: str) -> str:
        row = _ROW.fullmatch(line)
        if row is None:
            return self._other(line)
        # A message can hold a line like the first of the end; but after the end there is no row.
        self._ended = False
        line = _APPLIED_FILE.sub("", line)
        # The same row at another time is no change. The message repeats what the row before it said of the same status.
        key = _SPACES.sub(" ", _APPLIED_FILE.sub("", row[1])).strip()
        if key in self._seen:
            return ""
        self._seen.add(key)
        return line

    def _other(self, line: str) -> str:
        if not line.strip() or (line.startswith("argocd: ") and _CANCELLED.search(line)):
            return ""
        if _FINAL.fullmatch(line):
            self._ended = True
        if self._ended:
            return ""
        if not self._shown and _HEADER.fullmatch(line):
            return line
        return f"{QUOTED}{_APPLIED_FILE.sub('', line)}"
