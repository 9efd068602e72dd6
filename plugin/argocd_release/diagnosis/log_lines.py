"""Which line of a log says best why a program ended."""

from typing import Final

from argocd_release.core.text import one_line


def last_meaningful(lines: tuple[str, ...]) -> str:
    """The line of a log that says best why the program ended; ``""`` if none does."""
    told = [line for line in lines if line.strip() and not _is_frame(line)]
    complaints = [line for line in told if any(word in line.lower() for word in _COMPLAINTS)]
    return one_line((complaints or told or [""])[-1], limit=300)


_COMPLAINTS: Final = (
    "error", "exception", "fatal", "panic", "cannot", "can't", "could not", "failed", "failure", "refused", "denied",
    "not found", "no such", "invalid", "missing", "required", "timed out", "timeout", "unable", "killed", "undefined",
)  # fmt: skip


# Lines of a stack trace, and what a runtime prints after one.
_FRAMES: Final = (
    "at ",
    "...",
    "Node.js v",
    "exit status",
    "goroutine ",
    "created by ",
    'File "',
    "npm ",
    "}",
    "note: run with",
)


def _is_frame(line: str) -> bool:
    return line.strip().startswith(_FRAMES) or ".go:" in line
