"""Find out which applications a merge request can change, and why it cannot change the others. All is pure."""

import json
import posixpath
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final

from argocd_release.core.text import as_list, as_object, as_text, one_line
from argocd_release.messages import diff as texts
from argocd_release.model.application import Application
from argocd_release.model.git import ChangedFiles, Source

_HEADS: Final = "refs/heads/"


@dataclass(frozen=True, kw_only=True)
class Scope:
    """The facts about a merge request that decide which applications the job compares.

    Attributes:
        is_own: returns True if an address is that of the merge request's repository.
        target_branch: the branch into which the merge request will be merged; empty outside of merge requests.
        default_branch: the default branch of the repository, which a source with the target revision HEAD tracks.
        files: the files that the merge request changes.
        all_paths: True to also compare applications that read none of the changed files.
    """

    is_own: Callable[[str], bool]
    target_branch: str = ""
    default_branch: str = ""
    files: ChangedFiles = field(default_factory=ChangedFiles)
    all_paths: bool = False

    def positions(self, application: Application) -> tuple[int, ...]:
        """Return the positions, from 1, of the sources that track the target branch in its own repository."""
        return tuple(
            number
            for number, source in enumerate(application.sources, 1)
            if self._is_here(source) and self._follows(source.target_revision)
        )

    def reason_to_skip(self, application: Application) -> str:
        """Return the reason why the merge request cannot change the application, or an empty string."""
        own = [source for source in application.sources if self._is_here(source)]
        if not own:
            return texts.OTHER_REPOSITORY.fill()
        if not self.positions(application):
            tracked = ", ".join(dict.fromkeys(source.target_revision or "HEAD" for source in own))
            return texts.OTHER_BRANCH.fill(tracked=one_line(tracked, limit=100), branch=self.target_branch)
        if application.hydration is not None:
            return texts.HYDRATED.fill()
        if application.deleting:
            return texts.DELETING.fill()
        if self.all_paths or self.files.paths is None or self._is_touched(application):
            return ""
        return texts.NOT_TOUCHED.fill(paths=", ".join(sorted(self._paths(application)))[:200])

    def _is_here(self, source: Source) -> bool:
        """Return True if the source is in the repository of the merge request."""
        return bool(source.repo_url) and not source.chart and self.is_own(source.repo_url)

    def _follows(self, target: str) -> bool:
        if not self.target_branch:
            return True
        branch = target.removeprefix(_HEADS) or "HEAD"
        return branch == self.target_branch or (branch == "HEAD" and self.default_branch in {"", self.target_branch})

    def _is_touched(self, application: Application) -> bool:
        changed = self.files.paths or frozenset()
        if application.manifest_paths:
            patterns = list(manifest_paths(application))
            return any(_matches(pattern, file) for pattern in patterns for file in changed)
        paths = self._paths(application)
        if any(_matches(path, file) for path in paths for file in changed):
            return True
        if not changed:
            return False
        # Without the annotation, Argo CD does not say which files matter. If its files refer to other folders, as a
        # Kustomize overlay does, any changed file can affect the application.
        return has_plugin(application) or any(self.files.refers_outside(path) for path in self._folders(application))

    def _folders(self, application: Application) -> list[str]:
        chosen = self.positions(application)
        return [
            _clean(source.path)
            for number, source in enumerate(application.sources, 1)
            if number in chosen and source.path
        ]

    def _paths(self, application: Application) -> set[str]:
        """Return the folders and files in this repository that the application reads."""
        own = set(filter(None, self._refs(application)))
        paths = set(self._folders(application))
        for number, parameters in enumerate(_parameters(application), 1):
            base = as_text(parameters.get("path"))
            for file in _value_files(parameters):
                ref, slash, rest = file.partition("/")
                if file.startswith("$"):
                    paths |= {_clean(rest)} if slash and ref.removeprefix("$") in own else set()
                elif "://" not in file and number in self.positions(application):
                    paths.add(_clean(file[1:] if file.startswith("/") else posixpath.join(base, file)))
        return paths

    def _refs(self, application: Application) -> Iterator[str]:
        for number in self.positions(application):
            yield application.sources[number - 1].ref


def manifest_paths(application: Application) -> Iterator[str]:
    """Yield the paths in the annotation ``manifest-generate-paths``, relative to the repository.

    Source: argo-cd v2.13.2 util/app/path/path.go GetAppRefreshPaths.
    """
    for item in filter(None, application.manifest_paths.split(";")):
        if item.startswith("/"):
            yield _clean(item)
        else:
            yield from (_clean(posixpath.join(source.path, item)) for source in application.sources)


def has_plugin(application: Application) -> bool:
    """Return True if a plugin renders one of the sources. A plugin can read any file in the repository."""
    return any("plugin" in parameters for parameters in _parameters(application))


def _parameters(application: Application) -> Iterator[dict[str, Any]]:
    for text in application.parameters:
        yield as_object(json.loads(text))


def _value_files(parameters: dict[str, Any]) -> Iterator[str]:
    helm = as_object(parameters.get("helm"))
    yield from filter(None, map(as_text, as_list(helm.get("valueFiles"))))
    yield from filter(None, (as_text(as_object(item).get("path")) for item in as_list(helm.get("fileParameters"))))


def _clean(path: str) -> str:
    return posixpath.normpath(f"/{path}").strip("/")


def _matches(pattern: str, file: str) -> bool:
    """Return True if the file equals ``pattern``, is below it, or matches it as Go's ``filepath.Match`` does."""
    if not pattern or file == pattern or file.startswith(f"{pattern}/"):
        return True
    # A wildcard of Go does not match a slash, but one of fnmatch does. So match each part of the path separately.
    patterns, parts = pattern.split("/"), file.split("/")
    return len(patterns) == len(parts) and all(
        fnmatchcase(part, piece) for part, piece in zip(parts, patterns, strict=True)
    )
