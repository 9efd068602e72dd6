"""The job log: structlog events with constant names, shown as lines that people read."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, TextIO

import structlog
from structlog.typing import EventDict, WrappedLogger

# How each event reads. An event that is not here is shown with its fields, so none is lost.
LINES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "start": "argocd-release {version}: application {application}, Argo CD at {server}, at most {timeout} s",
        "timeout shortened": "note: {timeout} s instead of {asked} s, because GitLab ends the job after {job} s",
        "command": "$ {command}",
        "output": "{line}",
        "state": "-> {sync} to {revision}, {health}: {reason}",
        "no answer": "-> {reason}; trying again",
        "pods not seen": "note: pods are not looked at, so a crash loop is seen late: {error}",
        "history not consulted": "note: {why}",
        "still waiting": "-> still waiting after {waited} of {timeout} s: {reason}",
        "unknown setting": "warning: {name} is no setting{meant}",
        "report written": "{kind}: {path}",
        "report not written": "warning: {kind} could not be written to {path}: {error}",
        "not shown": "({command} gave no answer: {error})",
        "cut short": "({reason})",
        "text": "{text}",
    }
)


def configure(stream: TextIO, *, redact: Callable[[str], str]) -> structlog.typing.FilteringBoundLogger:
    """The log on ``stream``; whatever is printed has passed ``redact``."""

    def render(_: WrappedLogger, __: str, event: EventDict) -> str:
        name = str(event.pop("event"))
        event.pop("exc_info", None)
        template = LINES.get(name)
        shown = template.format(**event) if template else " ".join([name, *(f"{k}={v}" for k, v in event.items())])
        return redact(shown)

    structlog.configure(
        processors=[render],
        wrapper_class=structlog.make_filtering_bound_logger("info"),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger()
    return logger
