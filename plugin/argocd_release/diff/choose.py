"""Read the requested applications from Argo CD, and find the changed files of the merge request with git."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Final

from argocd_release.argocd.cli import DIFF_PROGRAM
from argocd_release.messages import diff as texts
from argocd_release.model.application import Application
from argocd_release.model.errors import ArgoCDError, SettingsError, SetupProblem
from argocd_release.model.git import ChangedFiles
from argocd_release.release.argocd_session import Readers, connected, group_readers
from argocd_release.release.group import GroupCommands
from argocd_release.release.job_log import JobContext
from argocd_release.release.policy import resolve, targets_of
from argocd_release.settings.environment import JobEnvironment
from argocd_release.settings.load import ConnectionSettings, DiffSettings, GitSettings, TargetSettings
from argocd_release.watch.clock import MonotonicClock

#: The time limit in seconds of each argocd call that lists applications or reads one application.
LIST_SECONDS: Final = 15.0
#: The value that stands for the changed files if git did not find them in time.
UNKNOWN_FILES: Final = ChangedFiles(why=texts.FILES_LATE)


def is_fork(environ: JobEnvironment) -> bool:
    """Return True if the merge request comes from a fork, whose pipelines have no Argo CD token."""
    source, target = (environ.text(f"CI_MERGE_REQUEST_{end}") for end in ("SOURCE_PROJECT_ID", "PROJECT_ID"))
    return bool(source and target) and source != target


def readers_of(
    settings: ConnectionSettings, context: JobContext, *, timeout: float, stack: ExitStack
) -> tuple[Readers, GroupCommands]:
    """Sign in to Argo CD, and return its readers and the argocd commands. ``stack`` closes the readers at the end.

    Raises:
        SettingsError: the ``diff`` program, which argocd needs to compare documents, is not on the PATH.
    """
    if shutil.which(DIFF_PROGRAM, path=context.environ.get("PATH")) is None:
        raise SettingsError([SetupProblem(code="setting", message=texts.NO_DIFF_PROGRAM.fill(program=DIFF_PROGRAM))])
    readers = connected(settings, context, timeout=timeout, pods_matter=False, stack=stack)
    commands, _ = group_readers("ignore", readers, MonotonicClock(), children=False)
    return readers, commands


def target_words(settings: TargetSettings) -> str:
    """Describe the requested applications for the job log."""
    return str(targets_of(settings))


def too_few(settings: TargetSettings, count: int) -> str:
    """Return a message if ``count`` is not the expected number of applications, otherwise an empty string."""
    targets = targets_of(settings)
    if targets.count.few(count) or targets.count.many(count):
        return texts.TOO_FEW.fill(expected=targets.count, found=count, targets=targets)
    return ""


def files_of(git: GitSettings, settings: DiffSettings, revision: str, stack: ExitStack) -> ChangedFiles:
    """Return the files that the merge request changes. The call can block, but raises no exception."""
    # In a merged results pipeline, the commit also contains the target branch, so compare it with that branch's HEAD.
    base = settings.target_branch_sha or settings.diff_base
    if not base or settings.diff_scope == "all":
        return ChangedFiles(why=texts.NO_BASE.fill())
    # Import this here, so that dulwich, which takes long to load, is loaded in the background.
    from argocd_release.git.changed_files import changed_files  # noqa: PLC0415

    return changed_files(git, base, revision, stack)


def chosen(settings: TargetSettings, commands: GroupCommands) -> tuple[dict[str, Application], dict[str, ArgoCDError]]:
    """Return the requested applications by name, and the error for each name that cannot be read.

    Raises:
        ArgoCDError: argocd cannot list the applications.
    """
    targets = targets_of(settings)
    applications: dict[str, Application] = {}
    errors: dict[str, ArgoCDError] = {}
    names: Mapping[str, str] = dict.fromkeys(targets.names, "")
    if not targets.read_one_by_one:
        visible = {each.full_name: each for each in commands.list(seconds=LIST_SECONDS)}
        home = next((each.controller_namespace for each in visible.values() if each.controller_namespace), "")
        selected = _selected(settings, commands) if targets.selects else ()
        names = resolve(targets, selected, visible, home)
        applications = {
            name: visible[full]
            for name in names
            if (full := name if "/" in name or not home else f"{home}/{name}") in visible
        }
    for name in names:
        if name not in applications:
            try:
                applications[name] = commands.get(name, seconds=LIST_SECONDS)
            except ArgoCDError as error:
                errors[name] = error
    return applications, errors


def _selected(settings: TargetSettings, commands: GroupCommands) -> Iterator[str]:
    for each in commands.list(seconds=LIST_SECONDS, selector=settings.selector, project=settings.project):
        yield each.full_name
