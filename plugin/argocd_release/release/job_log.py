"""The job log of one run: what it hides, how it looks, and what of the events is shown."""

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from functools import partial
from typing import TextIO, TypeVar

from argocd_release.argocd.wait_output import WaitOutputFilter
from argocd_release.core.redaction import Redact, everywhere, masked, redaction
from argocd_release.core.text import with_names
from argocd_release.joblog import log
from argocd_release.joblog.style import style
from argocd_release.model import events
from argocd_release.model.events import Called, JobEvent, Output, OutputLeftOut, StateChanged
from argocd_release.settings import component_job, environment, interpret, load, secrets

T = TypeVar("T")


class JobLog:
    """Takes events; each text that leaves the job passes it."""

    def __init__(self, environ: Mapping[str, str], stream: TextIO) -> None:
        redact = redaction([*secrets.secrets(environ), *masked(environ, shown=secrets.open_values(environ))])
        name_of = partial(environment.name_in_text, environ)
        self._redact: Redact = lambda text: with_names(redact(text), name_of)
        self._json = load.wants(environ, "RELEASE_LOG_FORMAT", "json")
        self._changes = WaitOutputFilter(time.monotonic)
        self._log = log.configure(
            stream,
            redact=self._redact,
            style=style(environ, terminal=stream.isatty()),
            json_lines=self._json,
            debug=load.wants(environ, "RELEASE_LOG_LEVEL", "debug"),
            now=time.time,
        )

    def redacted(self, value: T) -> T:
        """The value as others may see it."""
        return everywhere(value, self._redact)

    def section(self, name: str, title: str, *, collapsed: bool = False) -> AbstractContextManager[None]:
        """What is logged inside stands under the title."""
        return log.section(self._log, name, title, collapsed=collapsed)

    def warn(self, environ: Mapping[str, str]) -> None:
        """Name what was set in vain."""
        for name, meant in environment.unknown(environ):
            self.tell(events.UnknownSetting(name=name, meant=meant))
        for name, instead in environment.unread(environ):
            self.tell(events.VariableNotRead(name=name, input=instead))
        for code, why, fix in interpret.warnings(environ):
            self.tell(events.Warned(why=f"{why}; write {fix}", code=code))
        for why, fix in component_job.warnings(environ):
            self.tell(events.Warned(why=f"{why}; {fix}", code="extends-replaced"))

    def introduce(
        self, known: load.Settings, *, version: str, what: str, timeout: int, clocks: str, expects: str
    ) -> None:
        """Say what is waited for, and for how many seconds at most."""
        self.tell(events.Start(version=version, application=what, server=known.server, timeout=timeout))
        if clocks:
            self.tell(events.ClocksDiffer(why=clocks))
        self.tell(events.Expects(what=expects or "nothing; green says that git's head runs"))
        if timeout < known.timeout:
            self.tell(events.TimeoutShortened(timeout=timeout, asked=known.timeout, job=known.job_timeout))

    def command(self, line: str) -> None:
        """Take a call of argocd down that people may repeat."""
        self.tell(events.Command(command=line))

    def tell(self, event: JobEvent, /) -> None:
        """Take an event; of what ``argocd app wait`` prints only what changes is shown."""
        if isinstance(event, Output):
            for line in self._changes.new(event.line):
                log.tell(self._log, Output(line=line))
            self.count_left_out()
            return
        # A machine wants the changes; people see them in the states.
        quiet = isinstance(event, Called) or (isinstance(event, StateChanged) and not self._json)
        log.tell(self._log, event, debug=quiet)

    def called(self, call: str, seconds: float, end: str) -> None:
        """Take a call of Argo CD down."""
        self.tell(Called(call=call, seconds=seconds, end=end))

    def count_left_out(self, *, at_once: bool = False) -> None:
        """Say how many lines were not shown, if it is time for that."""
        if lines := self._changes.left_out(at_once=at_once):
            self.tell(OutputLeftOut(lines=lines))

    def count_unchanged(self) -> None:
        """Say of how many resources nothing was told, at the end of the tracking."""
        self.count_left_out(at_once=True)
        if count := self._changes.unchanged:
            self.tell(events.Unchanged(count=count))
