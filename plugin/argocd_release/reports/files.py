"""The reporters: each renders a result to text; the files are written whole or not at all."""

import os
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from argocd_release.model.result import Result
from argocd_release.reports import annotations, dotenv, json_report, junit


@dataclass(frozen=True, kw_only=True)
class Reporter:
    """A report that becomes a file: what people call it, and its text."""

    title: str
    render: Callable[[Result], str]


PIPE_SECONDS: Final = 2.0


# Keyed by the setting's field that says where the file goes.
REPORTERS: Final[Mapping[str, Reporter]] = MappingProxyType(
    {
        "junit_path": Reporter(title="JUnit report", render=junit.render),
        "dotenv_path": Reporter(title="dotenv report", render=dotenv.render),
        "annotations_path": Reporter(title="annotations report", render=annotations.render),
        "json_path": Reporter(title="JSON report", render=json_report.render),
    }
)


def write(path: Path, text: str) -> None:
    """Write the file so that a reader finds the old one or the whole new one; raises ``OSError``.

    A device or a pipe is written to, never replaced; a link stays, and what it leads to is written.
    """
    path = path.resolve()
    if path.exists() and not path.is_file():
        _write_into(path, text.encode("utf-8"))
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
        # Whoever uploads the reports may be another user than this process.
        Path(partial).chmod(0o644)
        Path(partial).replace(path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise


def remove(path: Path) -> None:
    """Remove the report of an earlier job; what is no regular file stays. Raises ``OSError``."""
    path = path.resolve()
    if path.is_file():
        path.unlink()


def _write_into(path: Path, left: bytes) -> None:
    # A pipe that nobody reads would keep the job for ever.
    handle = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    until = time.monotonic() + PIPE_SECONDS
    try:
        while left:
            try:
                left = left[os.write(handle, left) :]
            except BlockingIOError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)
    finally:
        os.close(handle)
