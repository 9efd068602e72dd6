"""A git repository that Argo CD reads by a ``file://`` URL."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from sandbox import commands

BRANCH: Final = "main"
_IDENTITY: Final = {"NAME": "sandbox", "EMAIL": "sandbox@example.com"}
_SETTINGS: Final = {
    # Otherwise, git would start two more programs after each commit to check whether to pack objects.
    "maintenance.auto": "false",
    # Make `git commit` print the full revision, so that no other command has to look it up.
    "core.abbrev": "no",
}


@dataclass(frozen=True, kw_only=True)
class Repository:
    """A git repository with a work tree. ``url`` is its URL for applications."""

    folder: Path

    @classmethod
    def create(cls, folder: Path) -> Self:
        folder.mkdir(parents=True)
        repository = cls(folder=folder)
        # Use no template, because its example hooks would be most of the files in a small repository.
        repository.git("init", "--quiet", "--template=", f"--initial-branch={BRANCH}")
        return repository

    @property
    def url(self) -> str:
        return f"file://{self.folder}"

    def source(self, path: str = ".", revision: str = BRANCH, **fields: Any) -> dict[str, Any]:
        """Return a source for an application, with additional fields such as ``helm``, ``kustomize`` or ``ref``."""
        return {"repoURL": self.url, "path": path, "targetRevision": revision} | fields

    def commit(self, files: Mapping[str, str | None], message: str = "change") -> str:
        """Commit files, and return the full SHA of the commit.

        Args:
            files: the content of each file by its path. None deletes the file.
            message: the commit message.

        Raises:
            CommandError: git has failed.
        """
        for path, text in files.items():
            file = self.folder / path
            if text is None:
                file.unlink()
            else:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
        self.git("add", "--all")
        return committed(self.git("commit", "--allow-empty", "--no-status", "--message", message))

    def git(self, *arguments: str) -> str:
        """Run git without the user's configuration, and return its output.

        Raises:
            CommandError: git has failed.
        """
        environ = {"PATH": os.environ.get("PATH", ""), "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        environ |= {"GIT_CONFIG_COUNT": str(len(_SETTINGS))}
        for number, (key, value) in enumerate(_SETTINGS.items()):
            environ |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
        for role in ("AUTHOR", "COMMITTER"):
            environ |= {f"GIT_{role}_{key}": value for key, value in _IDENTITY.items()}
        return commands.run(["git", *arguments], environ=environ, cwd=self.folder)


def committed(output: str) -> str:
    """Extract the revision from the output of ``git commit`` or ``git revert``, such as ``[main 0123…] change``."""
    return output.partition("]")[0].rpartition(" ")[2]
