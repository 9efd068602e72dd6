"""The files of a run's reports: removed at its start, written at its end."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from argocd_release.model.events import ReportNotWritten
from argocd_release.model.result import ReleaseResult
from argocd_release.reports import files
from argocd_release.settings import load
from argocd_release.timing.deadline import Deadline

#: The path of a report, or why it is not there.
Written = str | ReportNotWritten


def forget_earlier(environ: Mapping[str, str]) -> None:
    """A job that dies before it knows anything must not upload what another one said."""
    for path in load.report_paths(environ).values():
        with suppress(OSError, RuntimeError):
            files.remove(Path(path))


def artifact(environ: Mapping[str, str], report: str) -> str:
    """The report as GitLab names an artifact, by its path in the project; ``""`` if it lies elsewhere."""
    path = Path(load.report_paths(environ)[report]).resolve()
    project = Path(load.valid(environ, "CI_PROJECT_DIR")).resolve()
    name = path.relative_to(project).as_posix() if path.is_relative_to(project) else ""
    return "" if "]]" in name else name


def write(
    environ: Mapping[str, str], result: ReleaseResult, deadline: Deadline, *, late: bool = False
) -> Iterator[Written]:
    """Write the reports, or those that are written ``late``. One that can't be written changes no verdict."""
    # What renders them is needed at the end, and would make every run begin later.
    from argocd_release.reports.registry import REPORTERS  # noqa: PLC0415

    for name, path in load.report_paths(environ).items():
        reporter = REPORTERS[name]
        if reporter.late is not late:
            continue
        try:
            files.write(Path(path), reporter.render(result), seconds=deadline.left)
        except Exception as error:  # noqa: BLE001 - the others must be written all the same
            why = error.strerror if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
            yield ReportNotWritten(kind=reporter.title, path=path, error=str(why))
        else:
            yield path
