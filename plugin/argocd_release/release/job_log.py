"""The job log of one run: what it hides, how it looks, and what of the events is shown."""

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Final, TextIO, TypeVar

from argocd_release.argocd.wait_output import Changes
from argocd_release.core.redaction import everywhere, masked, redaction
from argocd_release.joblog import log
from argocd_release.joblog.style import style
from argocd_release.settings import load

# A machine wants these; people see the transitions in the states.
_QUIET: Final = frozenset({"transition", "transition of one", "called"})
T = TypeVar("T")


class JobLog:
    """Takes events by name, with their fields; each text that leaves the job passes it."""

    def __init__(self, environ: Mapping[str, str], stream: TextIO) -> None:
        self._redact = redaction([*load.secrets(environ), *masked(environ, shown=load.open_values(environ))])
        self._json = load.wants(environ, "RELEASE_LOG_FORMAT", "json")
        self._changes = Changes(time.monotonic)
        self._log = log.configure(
            stream,
            redact=self._redact,
            style=style(environ, terminal=stream.isatty()),
            json_lines=self._json,
            debug=load.wants(environ, "RELEASE_LOG_LEVEL", "debug"),
            now=time.time,
        )

    def info(self, event: str, /, **fields: Any) -> None:
        self._log.info(event, **fields)

    def redacted(self, value: T) -> T:
        """The value as others may see it."""
        return everywhere(value, self._redact)

    def section(self, name: str, title: str, *, collapsed: bool = False) -> AbstractContextManager[None]:
        """What is logged inside stands under the title."""
        return log.section(self._log, name, title, collapsed=collapsed)

    def emit(self, event: str, /, **fields: Any) -> None:
        """Take an event of the tracking; of what ``argocd app wait`` prints only what changes is shown."""
        if event == "output":
            fields["line"] = self._changes.new(fields["line"])
            self.count_left_out()
            if not fields["line"]:
                return
        (self._log.debug if event in _QUIET and not self._json else self._log.info)(event, **fields)

    def called(self, call: str, seconds: float, end: str) -> None:
        """Take a call of Argo CD down."""
        self._log.debug("called", call=call, seconds=seconds, end=end)

    def count_left_out(self, *, at_once: bool = False) -> None:
        """Say how many lines were not shown, if it is time for that."""
        if lines := self._changes.left_out(at_once=at_once):
            self._log.info("output left out", lines=lines)
