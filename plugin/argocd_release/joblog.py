"""Write the events of a run to the job log, as text for people or as JSON for programs.

In GitLab, the text has collapsible sections with the markers of lib/gitlab/regex.rb. Its colours are the eight basic
colours of lib/gitlab/ci/ansi2json. In JSON, the names of events and fields never change.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TextIO, cast

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

from argocd_release.core.redaction import Redact, everywhere
from argocd_release.core.text import QUOTED, counted, without_ids
from argocd_release.messages import job_log
from argocd_release.model.events import (
    ApplicationEvent,
    ApplicationState,
    JobEvent,
    Output,
    OutputLeftOut,
    Shown,
    ShownEvidence,
    StillWaiting,
    UnknownSetting,
)
from argocd_release.model.hook_events import HookLogLines
from argocd_release.model.outcome import Headline
from argocd_release.model.problem import WAITING_REASONS

_CLEAR_LINE: Final = "\x1b[0K"
_RESET: Final = "\x1b[0m"
_BOLD, _RED, _GREEN, _YELLOW, _CYAN = "1", "31", "32", "33", "36"
# The colours of lines that this job colours as a whole. The first pattern that matches a line decides.
_LINES: Final = (
    (re.compile(Headline.SUCCESSFUL), f"{_BOLD};{_GREEN}"),
    (re.compile(rf"{Headline.FAILED}|cause: .*"), f"{_BOLD};{_RED}"),
    (
        re.compile(rf"{Headline.STATUS_UNKNOWN}|{Headline.CANCELLED}|{Headline.DIFFERENT}|next: .*|help: .*"),
        f"{_BOLD};{_YELLOW}",
    ),
    (re.compile(r"(?:warning|note): .*"), _YELLOW),
    (re.compile(r"\$ .*"), f"{_BOLD};{_CYAN}"),
    # The lines of the doctor's checklist.
    (re.compile(r"✗ .*|Not ready: .*"), f"{_BOLD};{_RED}"),
    (re.compile(r"! .*"), _YELLOW),
    (re.compile(r"✓ .*|Ready to track releases.*"), _GREEN),
)
# A line is a table header, printed in bold, if it contains only these characters and two spaces in a row.
_HEADER: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ "
_CANNOT_START: Final = "|".join((*WAITING_REASONS, "Error"))
# The colours of the words by which Argo CD and Kubernetes report a status.
_WORDS: Final = (
    (r"Healthy|Synced|Succeeded", _GREEN),
    (r"Progressing|OutOfSync|Suspended|Pending|ContainerCreating", _YELLOW),
    (rf"Degraded|Missing|Failed|SyncFailed|OOMKilled|(?:Init:)?(?:{_CANNOT_START})", _RED),
)
_STATUS: Final = tuple((re.compile(rf"(?<![\w/.:-])(?:{words})(?![\w/.-])"), colour) for words, colour in _WORDS)


@dataclass(frozen=True, kw_only=True)
class Style:
    """The format of the log.

    Attributes:
        sections: True if the log has markers of sections for GitLab.
        colours: True if the log has ANSI colours.
    """

    sections: bool = False
    colours: bool = False

    def begin(self, name: str, title: str, *, at: int, collapsed: bool = False) -> str:
        """Return the line that begins a section.

        Args:
            name: the name of the section, ``[a-z0-9_-]+``.
            title: the heading that people read.
            at: the current time in seconds since 1970.
            collapsed: True if GitLab shows only the heading at first.
        """
        heading = self._coloured(title, _BOLD)
        if not self.sections:
            return f"\n{heading}"
        option = "[collapsed=true]" if collapsed else ""
        return f"{_CLEAR_LINE}section_start:{at}:{name}{option}\r{_CLEAR_LINE}{heading}"

    def end(self, name: str, *, at: int) -> str:
        """Return the line that ends a section, or ``""`` if the log has no markers of sections."""
        return f"{_CLEAR_LINE}section_end:{at}:{name}\r{_CLEAR_LINE}" if self.sections else ""

    def paint(self, text: str, *, ours: bool = True) -> str:
        """Return the text with colours, or unchanged if the log has no colours.

        Some lines of this job, such as the verdict, are coloured as a whole. In all other lines, only the statuses are
        coloured. Quoted lines have no colours.

        Args:
            text: one or more lines.
            ours: False if another program printed the lines. They must not look like a verdict of this job.
        """
        return "\n".join(self._painted(line, ours=ours) for line in text.split("\n")) if self.colours else text

    def _painted(self, line: str, *, ours: bool) -> str:
        if line.startswith(QUOTED):
            return line
        if "  " in line.strip() and not line.strip(_HEADER):
            return self._coloured(line, _BOLD)
        for pattern, colour in _LINES if ours else ():
            if pattern.fullmatch(line):
                return self._coloured(line, colour)
        for words, colour in _STATUS:
            line = words.sub(lambda match, colour=colour: self._coloured(match[0], colour), line)  # type: ignore[misc]
        return line

    def _coloured(self, text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}{_RESET}" if self.colours and text else text


def style(environ: Mapping[str, str], *, terminal: bool) -> Style:
    """Return the style for the job: sections only in GitLab, colours in GitLab and in a terminal.

    NO_COLOR (no-color.org) and FORCE_COLOR take precedence.

    Args:
        environ: the environment of the job.
        terminal: True if the output goes to a terminal.
    """
    job = environ.get("GITLAB_CI", "") == "true"
    forced = environ.get("FORCE_COLOR", "") not in {"", "0", "false"}
    wanted = forced or job or (terminal and environ.get("TERM", "") != "dumb")
    return Style(sections=job, colours=wanted and not environ.get("NO_COLOR", ""))


# Events that quote another program. Their lines must not look like lines of this job.
_FOREIGN: Final = (Output, ShownEvidence, HookLogLines)
# The fields that are not redacted, because their values are constants. If a secret equals such a constant by chance,
# redacting it would break the log.
_CONSTANT: Final = frozenset({"event", "level", "timestamp", "section"})


def configure(
    stream: TextIO, *, redact: Redact, style: Style, json_lines: bool, debug: bool, now: Callable[[], float]
) -> FilteringBoundLogger:
    """Return the logger that writes to the stream.

    Args:
        stream: the output of the job.
        redact: removes secrets from each text before it is written.
        style: the sections and colours; not used for JSON.
        json_lines: True to write each event as one line of JSON.
        debug: True to write events of the level debug, too.
        now: returns the current time in seconds since 1970.
    """
    last = _as_json if json_lines else _as_text(style, now)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            lambda _, __, event: {key: _safe(key, value, redact) for key, value in event.items()},
            last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger("debug" if debug else "info"),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", _Unbreakable(stream))),
        cache_logger_on_first_use=False,
    )
    logger: FilteringBoundLogger = structlog.get_logger()
    return logger


def emit(log: FilteringBoundLogger, event: JobEvent, *, debug: bool = False) -> None:
    """Log the event. If ``debug`` is True, the event appears only if the log level is debug."""
    (log.debug if debug else log.info)(event.NAME, job_event=event)


@contextmanager
def section(log: FilteringBoundLogger, name: str, title: str, *, collapsed: bool = False) -> Iterator[None]:
    """Put the events that are logged inside the context into a section, which GitLab can collapse.

    Args:
        log: the logger.
        name: the name of the section, ``[a-z0-9_-]+``.
        title: the heading that people read.
        collapsed: True if GitLab shows only the heading at first.
    """
    begin_section(log, name, title, collapsed=collapsed)
    try:
        yield
    finally:
        end_section(log, name)


def begin_section(log: FilteringBoundLogger, name: str, title: str, *, collapsed: bool = False) -> None:
    """Begin a section. ``section`` explains the arguments."""
    log.info("section", section=name, title=title, collapsed=collapsed)


def end_section(log: FilteringBoundLogger, name: str) -> None:
    """End the open section of this name."""
    log.info("section end", section=name)


def line(event: JobEvent) -> str:
    """Return the event as text for people. The text can have several lines."""
    if isinstance(event, UnknownSetting) and not event.meant:
        return job_log.UNKNOWN_SETTING.fill(name=event.name)
    fields = dict(event.fields)
    if isinstance(event, ApplicationState):
        fields["target"] = _target(event)
    if isinstance(event, OutputLeftOut):
        fields["lines"] = counted(event.lines, "more line")
    if isinstance(event, HookLogLines):
        fields["text"] = "\n".join(_hook_log(event))
    if isinstance(event, StillWaiting):
        fields["news"] = job_log.STILL.fill(reason=event.reason) if event.changed else ""
    text = job_log.LINES[event.NAME].format_map(fields).removesuffix(": ")
    if isinstance(event, ApplicationEvent) and event.width:
        return f"{event.name.ljust(event.width)} | {text.removeprefix('-> ')}"
    return text


def _hook_log(event: HookLogLines) -> Iterator[str]:
    """Yield the log lines of a hook, each with a prefix, so that none of them looks like a line of this job."""
    if event.has_title:
        is_pod = event.hook.endswith(f" Pod/{event.pod}")
        message, names = (job_log.HOOK_LOG_OF_POD, {}) if is_pod else (job_log.HOOK_LOG, {"pod": event.pod})
        source = message.fill(hook=event.hook, container=event.container, **names)
        yield job_log.HOOK_LOG_OF.fill(application=event.application, source=source) if event.application else source
    yield from (f"{QUOTED}{line}".rstrip() for line in event.lines)
    if event.left_out:
        yield QUOTED + job_log.HOOK_LOG_LEFT_OUT.fill(lines=counted(event.left_out, "more line"))


def _target(event: ApplicationState) -> str:
    """Return the words about the revision that follow the sync status, or ``""`` if Argo CD has not compared yet."""
    if not event.revision:
        return ""
    message = job_log.SYNCED_TO if event.sync == "Synced" else job_log.TARGET
    return message.fill(revision=event.revision)


def _safe(key: str, value: Any, redact: Redact) -> Any:
    return value if key in _CONSTANT else everywhere(value, redact)


def _as_text(style: Style, now: Callable[[], float]) -> structlog.typing.Processor:
    def render(_: WrappedLogger, __: str, event: EventDict) -> str:
        if event["event"] == "section":
            return style.begin(event["section"], event["title"], at=int(now()), collapsed=event["collapsed"])
        if event["event"] == "section end":
            if not (marker := style.end(event["section"], at=int(now()))):
                raise structlog.DropEvent
            return marker
        job_event: JobEvent = event["job_event"]
        return style.paint(without_ids(line(job_event)), ours=not isinstance(job_event, _FOREIGN))

    return render


def _as_json(_: WrappedLogger, __: str, event: EventDict) -> str:
    name = event["event"]
    if name in {"section", "section end"}:
        raise structlog.DropEvent
    job_event: JobEvent = event["job_event"]
    first = {key: event[key] for key in ("timestamp", "level", "event")}
    # Leave out the text of a ``Shown`` event, because the event's other fields contain the same information as data.
    fields = {
        key: value for key, value in job_event.fields.items() if key != "text" or not isinstance(job_event, Shown)
    }
    # Escape Unicode's line separators, because some log readers treat them as the end of a line.
    return json.dumps({**first, **fields}, default=str, ensure_ascii=True)


class _Unbreakable:
    """A stream that ignores write errors. If the log is closed, the job must still write its reports."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except (OSError, ValueError):
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except (OSError, ValueError):
            return
