"""List the reporters, which render a result as text. Write the report files, and remove those of an earlier job."""

import os
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from argocd_release.model.events import ReportNotWritten
from argocd_release.model.result import ReleaseResult
from argocd_release.reports import gitlab_reports, json_report, junit
from argocd_release.reports.page import render as page


@dataclass(frozen=True, kw_only=True)
class Reporter:
    """A report that the job writes to a file.

    Attributes:
        title: the name of the report for people.
        render: returns the text of the file.
        late: True if the report is written only once, at the end of the job, because it takes longer than the others.
    """

    title: str
    render: Callable[[ReleaseResult], str]
    late: bool = False


# The reporters, by the field of the settings that contains the path of the file.
REPORTERS: Final[Mapping[str, Reporter]] = MappingProxyType(
    {
        "junit_path": Reporter(title="JUnit report", render=junit.render),
        "dotenv_path": Reporter(title="dotenv report", render=gitlab_reports.render_dotenv),
        "annotations_path": Reporter(title="annotations report", render=gitlab_reports.render_annotations),
        "json_path": Reporter(title="JSON report", render=json_report.render),
        "metrics_path": Reporter(title="metrics report", render=gitlab_reports.render_metrics),
        "page_path": Reporter(title="page", render=lambda result: page(json_report.document(result)), late=True),
    }
)


# The time limit in seconds for writing into a device or a pipe. A pipe without a reader accepts nothing.
PIPE_SECONDS: Final = 2.0


# The maximum number of characters of a file's name that its temporary file has in its own name. The file system limits
# a name to 255 bytes.
_TEMPORARY_NAME: Final = 50
#: The path of a written file, or the event that says why it was not written.
Written = str | ReportNotWritten


def forget(paths: Iterable[str]) -> None:
    """Remove the files of an earlier job. Otherwise, GitLab would upload them if this job ended without its own."""
    for path in paths:
        with suppress(OSError, RuntimeError):
            remove_file(Path(path))


def written(title: str, path: str, render: Callable[[], str], *, seconds: float = PIPE_SECONDS) -> Written:
    """Render a file, write it and return its path. Return any error as an event, so that the job can continue.

    Args:
        title: the name of the file for people.
        path: the path of the file.
        render: returns the text of the file.
        seconds: the time limit for writing into a device or a pipe.
    """
    try:
        write_file(Path(path), render(), seconds=seconds)
    except Exception as error:  # noqa: BLE001 - the others must be written all the same
        why = error.strerror if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
        return ReportNotWritten(kind=title, path=path, error=str(why))
    return path


def write_file(path: Path, text: str, *, seconds: float = PIPE_SECONDS) -> None:
    """Write the file so that a reader finds either the old file or the complete new one.

    If the path is a link, write its target. If it is a device or a pipe, write into it for at most ``seconds``.
    Replacing it would disconnect its reader.

    Raises:
        OSError: the file cannot be written.
    """
    path = path.resolve()
    if path.exists() and not path.is_file():
        _write_into(path, text.encode("utf-8"), until=time.monotonic() + min(seconds, PIPE_SECONDS))
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:_TEMPORARY_NAME]}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
        # Let all users read the file, because another user can own the process that uploads it.
        Path(partial).chmod(0o644)
        Path(partial).replace(path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise


def remove_file(path: Path) -> None:
    """Remove the report of an earlier job if it is a regular file.

    Raises:
        OSError: the file cannot be removed.
    """
    path = path.resolve()
    if path.is_file():
        path.unlink()


def _write_into(path: Path, left: bytes, *, until: float) -> None:
    # Without O_NONBLOCK, a pipe without a reader would block the job forever.
    handle = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
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
