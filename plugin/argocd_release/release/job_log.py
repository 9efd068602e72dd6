"""The job log of one run, which redacts secrets and selects events, and the context that holds it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TextIO, TypeVar

from argocd_release import joblog
from argocd_release.argocd.wait_output import WaitOutputFilter
from argocd_release.core.redaction import Redact, everywhere, masked, redaction
from argocd_release.core.text import with_names
from argocd_release.joblog import style
from argocd_release.messages import job_log
from argocd_release.model import events
from argocd_release.model.events import Called, JobEvent, Output, OutputLeftOut, StateChanged
from argocd_release.release.signals import StopRequest
from argocd_release.settings import environment, interpret, load
from argocd_release.settings.environment import JobEnvironment
from argocd_release.timing import JobDeadline

T = TypeVar("T")


class JobLog:
    """The job log of one run. It receives every event, and redacts every text that leaves the job."""

    def __init__(self, environ: JobEnvironment, stream: TextIO) -> None:
        redact = redaction(
            [*environment.secret_values(environ), *masked(environ, readable=environment.open_values(environ))]
        )
        self._redact: Redact = lambda text: with_names(redact(text), environ.name_in_text)
        self._json = load.wants(environ, "RELEASE_LOG_FORMAT", "json")
        self._changes = WaitOutputFilter(time.monotonic)
        # The name of the open section for output of ``argocd app wait``, or "" if none is open; and the number of such
        # sections so far.
        self._feed, self._feeds = "", 0
        self._log = joblog.configure(
            stream,
            redact=self._redact,
            style=style(environ, terminal=stream.isatty()),
            json_lines=self._json,
            debug=load.wants(environ, "RELEASE_LOG_LEVEL", "debug"),
            now=time.time,
        )

    def redacted(self, value: T) -> T:
        """Return the value without secrets. Settings in its texts get the names under which the reader can set them."""
        return everywhere(value, self._redact)

    @contextmanager
    def section(self, name: str, title: str, *, collapsed: bool = False) -> Iterator[None]:
        """Put the events that are logged inside the context into a section.

        Args:
            name: the name of the section, ``[a-z0-9_-]+``.
            title: the heading that people read.
            collapsed: True if GitLab shows only the heading at first.
        """
        with joblog.section(self._log, name, title, collapsed=collapsed):
            try:
                yield
            finally:
                self._end_feed()

    def emit_warnings(self, environ: JobEnvironment) -> None:
        """Warn about variables that the job does not read, and about settings that it corrects."""
        for name, meant in environ.unknown_variables():
            self.emit(events.UnknownSetting(name=name, meant=meant))
        for name, instead in environ.ignored_variables():
            self.emit(events.VariableNotRead(name=name, input=instead))
        for problem in (*interpret.warnings(environ), *environment.identity_warnings(environ)):
            message = job_log.WARNING.fill(message=problem.message, fix=problem.fix)
            self.emit(events.Warned(why=message, code=problem.code))

    def introduce(
        self,
        server: str,
        job_time: load.TimeSettings,
        *,
        version: str,
        what: str,
        timeout: int,
        clocks: str,
        expects: str,
    ) -> None:
        """Log the header of the job: the applications, the expectation and the timeout.

        Args:
            server: the address of Argo CD.
            job_time: the timeouts in the settings.
            version: the version of argocd-release.
            what: the requested applications as a text.
            timeout: the timeout of the release in seconds, which is shorter than in the settings if the job has less
                time.
            clocks: a warning about the clocks of GitLab and the runner; "" if they agree.
            expects: the expectation as a text; "" if nothing specific is expected.
        """
        self.emit(events.Start(version=version, application=what, server=server, timeout=timeout))
        if clocks:
            self.emit(events.ClocksDiffer(why=clocks))
        self.emit(events.Expects(what=expects or job_log.NOTHING_EXPECTED.fill()))
        if timeout < job_time.timeout:
            self.emit(events.TimeoutShortened(timeout=timeout, asked=job_time.timeout, job=job_time.job_timeout))

    def command(self, line: str) -> None:
        """Log an argocd command that the job has run, so that people can repeat it."""
        self.emit(events.ArgoCDCommand(command=line))

    def emit(self, event: JobEvent, /) -> None:
        """Log the event. If it is output of ``argocd app wait``, log only the lines that contain news."""
        if isinstance(event, Output):
            for line in self._changes.new(event.line):
                self._begin_feed()
                joblog.emit(self._log, Output(line=line))
            self.count_left_out()
            return
        # Log a change of the state only in JSON, because the lines for people always show the whole state.
        quiet = isinstance(event, Called) or (isinstance(event, StateChanged) and not self._json)
        if not (quiet or isinstance(event, OutputLeftOut)):
            self._end_feed()
        joblog.emit(self._log, event, debug=quiet)

    def _begin_feed(self) -> None:
        """Begin a collapsed section for the output of ``argocd app wait``, unless one is open."""
        if not self._feed:
            self._feeds += 1
            self._feed = f"feed-{self._feeds}"
            joblog.begin_section(self._log, self._feed, job_log.FEED, collapsed=True, only_in_gitlab=True)

    def _end_feed(self) -> None:
        if self._feed:
            joblog.end_section(self._log, self._feed)
            self._feed = ""

    def called(self, call: str, seconds: float, end: str) -> None:
        """Log a call to Argo CD at the level debug: the call, its duration in seconds, and its result."""
        self.emit(Called(call=call, seconds=seconds, end=end))

    def count_left_out(self, *, at_once: bool = False) -> None:
        """Log the number of omitted lines of ``argocd app wait``, if that is due or ``at_once`` is True."""
        if lines := self._changes.left_out(at_once=at_once):
            self.emit(OutputLeftOut(lines=lines))

    def count_unchanged(self) -> None:
        """Log the number of resources that did not change, at the end of the tracking."""
        self.count_left_out(at_once=True)
        if count := self._changes.unchanged:
            self.emit(events.Unchanged(count=count))


@dataclass(frozen=True, kw_only=True)
class JobContext:
    """The environment, the log, the stop request and the deadline of a job. All of its stages share them."""

    environ: JobEnvironment
    log: JobLog
    #: The request to end the job early.
    stop: StopRequest
    deadline: JobDeadline
