"""The job log: the run's events, shown as lines that people read, or as JSON with constant names for machines."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TextIO, cast

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

from argocd_release.core.redaction import Redact, everywhere
from argocd_release.joblog.lines import line
from argocd_release.joblog.style import Style
from argocd_release.model.events import JobEvent, Output, Shown, ShownEvidence

# What these show others have said.
_FOREIGN: Final = (Output, ShownEvidence)
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


def tell(log: FilteringBoundLogger, event: JobEvent, *, debug: bool = False) -> None:
    """Log the event; ``debug``: for those who ask."""
    (log.debug if debug else log.info)(event.NAME, told=event)


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
        if event["event"] == "section":
            return style.begin(event["section"], event["title"], at=int(now()), collapsed=event["collapsed"])
        if event["event"] == "section end":
            if not (marker := style.end(event["section"], at=int(now()))):
                raise structlog.DropEvent
            return marker
        told: JobEvent = event["told"]
        return style.paint(line(told), ours=not isinstance(told, _FOREIGN))

    return render


def _as_json(_: WrappedLogger, __: str, event: EventDict) -> str:
    name = event["event"]
    if name in {"section", "section end"}:
        raise structlog.DropEvent
    told: JobEvent = event["told"]
    first = {key: event[key] for key in ("timestamp", "level", "event")}
    # What these show is in their other fields too.
    said = {key: value for key, value in told.told.items() if key != "text" or not isinstance(told, Shown)}
    # A line separator of Unicode is escaped: not every reader of lines takes line feeds alone.
    return json.dumps({**first, **said}, default=str, ensure_ascii=True)


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
