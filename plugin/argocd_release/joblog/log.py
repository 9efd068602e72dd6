"""The job log: structlog events with constant names, shown as lines that people read, or as JSON for machines."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, Final, TextIO, cast

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

from argocd_release.core.redaction import Redact, everywhere
from argocd_release.core.text import QUOTED
from argocd_release.joblog.style import Style

# How each event reads. An event that is not here is shown with its fields, so none is lost.
LINES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "expects": "expects: {what}",
        "state of one": "{name} | {sync} to {revision}, {health}: {reason}",
        "no answer of one": "{name} | {reason}; trying again",
        "transition of one": "debug: {name} | {what} {value} after {at:.1f} s",
        "judged": "{name} | {outcome} after {waited} s{reason}",
        "summary": "-> {delivered}/{whole} delivered · {pending} pending · {failed} failed; {waited} of {timeout} s",
        "looking for the cause of one": "-> {name}: {outcome}; asking for pods, events and logs",
        "start": "argocd-release {version}: application {application}, Argo CD at {server}, at most {timeout} s",
        "timeout shortened": "note: {timeout} s instead of {asked} s, because GitLab ends the job after {job} s",
        "clocks differ": "note: when this job began is not known, for GitLab's clock and this machine's differ: {why}",
        "command": "$ {command}",
        "output": "{line}",
        "output left out": f"{QUOTED}… {{lines}} more lines of argocd app wait left out",
        "state": "-> {sync} to {revision}, {health}: {reason}",
        "no answer": "-> {reason}; trying again",
        "pods not seen": "note: pods are not looked at, so a crash loop is seen late: {error}",
        "history not consulted": "note: {why}",
        "still waiting": "-> still waiting after {waited} of {timeout} s: {reason}",
        "unknown setting": "warning: {name} is no setting{meant}",
        "variable not read": "{name} is not read here: the component takes its input `{input}`",
        "looking for the cause": "-> {outcome}; asking for pods, events and logs",
        "reports written": "reports: {paths}",
        "report not written": "warning: the {kind} could not be written to {path}: {error}",
        "not shown": "note: {command} gave no answer: {error}",
        "cut short": "note: {reason}",
        "cause not looked for": "note: looking for the cause went wrong: {error}",
        "called": "debug: {call} took {seconds:.3f} s{end}",
        "asking the site": "-> delivered; asking {url}",
        "told": "{sink}: {text}",
        "not told": "warning: the {sink} was not written: {text}",
        "transition": "debug: {what} {value} after {at:.1f} s",
        "not proven": "{text}",
        "text": "{text}",
    }
)
# These carry the same twice, as text for people and as fields for machines.
_RENDERED: Final = frozenset({"result", "evidence", "next"})
# What these show others have said.
_FOREIGN: Final = frozenset({"output", "evidence"})
# Words of ours, which no secret changes.
_CONSTANT: Final = frozenset({"event", "level", "timestamp", "section"})


def configure(
    stream: TextIO, *, redact: Redact, style: Style, json_lines: bool, debug: bool, now: Callable[[], float]
) -> FilteringBoundLogger:
    """The log on ``stream``; whatever is printed has passed ``redact``. ``now``: seconds since 1970."""
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


@contextmanager
def section(log: FilteringBoundLogger, name: str, title: str, *, collapsed: bool = False) -> Iterator[None]:
    """What is logged inside stands under the title, and can be folded in GitLab; closed on every path."""
    log.info("section", section=name, title=title, collapsed=collapsed)
    try:
        yield
    finally:
        log.info("section end", section=name)


def _safe(key: str, value: Any, redact: Redact) -> Any:
    return value if key in _CONSTANT else everywhere(value, redact)


def _as_text(style: Style, now: Callable[[], float]) -> structlog.typing.Processor:
    def render(_: WrappedLogger, __: str, event: EventDict) -> str:
        for key in ("level", "timestamp", "exc_info"):
            event.pop(key, None)
        match name := str(event.pop("event")):
            case "section":
                return style.begin(event["section"], event["title"], at=int(now()), collapsed=event["collapsed"])
            case "section end":
                if not (marker := style.end(event["section"], at=int(now()))):
                    raise structlog.DropEvent
                return marker
            case _ if name in _RENDERED:
                shown = str(event["text"])
            case _:
                template = LINES.get(name)
                shown = template.format(**event) if template else " ".join([name, *(f"{k}={event[k]}" for k in event)])
        return style.paint(shown, ours=name not in _FOREIGN)

    return render


def _as_json(_: WrappedLogger, __: str, event: EventDict) -> str:
    name = event["event"]
    if name in {"section", "section end"}:
        raise structlog.DropEvent
    if name in _RENDERED:
        event.pop("text", None)
    first = {key: event.pop(key) for key in ("timestamp", "level", "event")}
    # A line separator of Unicode is escaped: not every reader of lines takes line feeds alone.
    return json.dumps({**first, **event}, default=str, ensure_ascii=True)


class _Unbreakable:
    """A stream that nobody reads any more must not keep the reports from being written."""

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
