"""Redact and select the events of one run for its job log, and define the context that all stages share."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final, TextIO, TypeVar

from structlog.typing import FilteringBoundLogger

from argocd_release import joblog
from argocd_release.argocd.wait_output import WaitOutputFilter
from argocd_release.core.redaction import Redact, everywhere, masked, redaction
from argocd_release.core.text import with_names
from argocd_release.joblog import style
from argocd_release.messages import job_log
from argocd_release.model import events
from argocd_release.model.events import (
    ArgoCDCommand,
    Called,
    JobEvent,
    Output,
    OutputLeftOut,
    PhasesReached,
    StateChanged,
    Unchanged,
)
from argocd_release.model.hook_events import HookLogLines
from argocd_release.release.signals import StopRequest
from argocd_release.settings import environment, interpret, load
from argocd_release.settings.environment import JobEnvironment
from argocd_release.timing import JobDeadline

T = TypeVar("T")


# The name of the section for the output of ``argocd app wait``, and the words by which its command is recognised.
_FEED: Final = "feed"
_FEED_COMMAND: Final = " app wait "
# The beginning of the names of the sections for the logs of hooks.
_HOOKS: Final = "hook-logs"


class _FeedState(Enum):
    """The state of the section for the output of ``argocd app wait``."""

    #: The command has printed nothing yet.
    UNUSED = auto()
    #: The section is open.
    OPEN = auto()
    #: The section has ended, because another event followed.
    PAUSED = auto()


class _Feed:
    """The output of ``argocd app wait`` in the log, which GitLab shows folded.

    The lines before the first other event are logged at once, in a section. In GitLab, all later lines follow at the
    end, in a second section. Otherwise, the log would consist mostly of headers of sections.
    """

    def __init__(self, log: FilteringBoundLogger, *, sections: bool) -> None:
        self._log = log
        self._sections = sections
        self._state = _FeedState.UNUSED
        self._held: list[JobEvent] = []

    @property
    def is_paused(self) -> bool:
        """Return True if the section has ended, so that further lines follow only at the end of the log."""
        return self._sections and self._state is _FeedState.PAUSED

    def add(self, event: JobEvent) -> None:
        """Log the line, or keep it for the end if the section has ended."""
        if self.is_paused:
            self._held.append(event)
            return
        if self._sections and self._state is _FeedState.UNUSED:
            joblog.begin_section(self._log, _FEED, job_log.FEED, collapsed=True)
        self._state = _FeedState.OPEN
        joblog.emit(self._log, event)

    def pause(self) -> None:
        """End the section, if it is open, because another event follows."""
        if self._sections and self._state is _FeedState.OPEN:
            joblog.end_section(self._log, _FEED)
            self._state = _FeedState.PAUSED

    def end(self) -> None:
        """Log the lines that were kept, in a section of their own."""
        self.pause()
        if self._held:
            with joblog.section(self._log, f"{_FEED}-rest", job_log.FEED_REST, collapsed=True):
                for event in self._held:
                    joblog.emit(self._log, event)
            self._held.clear()


class _HookSections:
    """The logs of hooks in the job log. GitLab shows them folded.

    A section ends before any other line, so that the lines of this job are visible. GitLab identifies a section by its
    name, so each section has a number.
    """

    def __init__(self, log: FilteringBoundLogger, *, sections: bool) -> None:
        self._log = log
        self._sections = sections
        self._name = ""
        self._count = 0
        self._source: object = None

    def add(self, event: HookLogLines) -> None:
        """Log the lines. Name their container unless the lines directly above have the same one."""
        if self._sections and not self._name:
            self._count += 1
            self._name = f"{_HOOKS}-{self._count}"
            joblog.begin_section(self._log, self._name, job_log.HOOK_LOGS, collapsed=True)
        joblog.emit(self._log, replace(event, has_title=event.source != self._source))
        self._source = event.source

    def end(self) -> None:
        """End the section, if it is open, because another event follows."""
        self._source = None
        if self._name:
            joblog.end_section(self._log, self._name)
            self._name = ""


class JobLog:
    """The job log of one run. It receives every event, and redacts every text that leaves the job."""

    def __init__(self, environ: JobEnvironment, stream: TextIO) -> None:
        redact = redaction(
            [*environment.secret_values(environ), *masked(environ, readable=environment.open_values(environ))]
        )
        self._redact: Redact = lambda text: with_names(redact(text), environ.name_in_text)
        self._json = load.wants(environ, "RELEASE_LOG_FORMAT", "json")
        self._changes = WaitOutputFilter(time.monotonic)
        shown = style(environ, terminal=stream.isatty())
        self._log = joblog.configure(
            stream,
            redact=self._redact,
            style=shown,
            json_lines=self._json,
            debug=load.wants(environ, "RELEASE_LOG_LEVEL", "debug"),
            now=time.time,
        )
        self._feed = _Feed(self._log, sections=shown.sections and not self._json)
        self._hooks = _HookSections(self._log, sections=shown.sections and not self._json)
        # Another thread emits the logs of hooks. Their section must not begin inside another section.
        self._lock = threading.RLock()

    def redacted(self, value: T) -> T:
        """Return the value without secrets, and with each ``<SETTING>`` replaced by the name that users can set."""
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
                with self._lock:
                    self._hooks.end()
                    self._feed.end()

    def emit_warnings(self, environ: JobEnvironment) -> None:
        """Warn about variables that the job ignores, and about settings whose values it corrects."""
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
            what: a description of the requested applications.
            timeout: the timeout of the release in seconds. It is shorter than the setting if the job has less time
                left.
            clocks: a warning about the clocks of GitLab and the runner; "" if they agree.
            expects: a description of the expectation; "" if nothing specific is expected.
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
        """Log the event. Any thread can call this method."""
        with self._lock:
            if isinstance(event, HookLogLines):
                self._feed.pause()
                self._hooks.add(event)
            elif isinstance(event, Output):
                for line in self._changes.new(event.line):
                    self._add_to_feed(Output(line=line))
                self.count_left_out()
            elif _is_of_feed(event):
                self._add_to_feed(event)
            else:
                self._emit_other(event)

    def _emit_other(self, event: JobEvent) -> None:
        # Log a change of the state only in JSON, because the lines for people always show the whole state.
        quiet = isinstance(event, Called) or (isinstance(event, StateChanged | PhasesReached) and not self._json)
        if not quiet:
            self._feed.pause()
            self._hooks.end()
        joblog.emit(self._log, event, debug=quiet)

    def _add_to_feed(self, event: JobEvent) -> None:
        if not self._feed.is_paused:
            self._hooks.end()
        self._feed.add(event)

    def called(self, call: str, seconds: float, end: str) -> None:
        """Log a call to Argo CD at the level debug: the call, its duration in seconds, and its result."""
        self.emit(Called(call=call, seconds=seconds, end=end))

    def count_left_out(self, *, at_once: bool = False) -> None:
        """Log the number of omitted lines of ``argocd app wait``, if that is due or ``at_once`` is True."""
        if lines := self._changes.left_out(at_once=at_once):
            self.emit(OutputLeftOut(lines=lines))

    def count_unchanged(self) -> None:
        """Log how many resources did not change. Call this when the tracking ends."""
        self.count_left_out(at_once=True)
        if count := self._changes.unchanged:
            self.emit(Unchanged(count=count))


def _is_of_feed(event: JobEvent) -> bool:
    """Return True if the event belongs to the section for the output of ``argocd app wait``."""
    is_command = isinstance(event, ArgoCDCommand) and _FEED_COMMAND in event.command
    return is_command or isinstance(event, OutputLeftOut | Unchanged)


@dataclass(frozen=True, kw_only=True)
class JobContext:
    """The environment, the log, the stop request and the deadline of a job. All of its stages share them."""

    environ: JobEnvironment
    log: JobLog
    #: The request to end the job early.
    stop: StopRequest
    deadline: JobDeadline
