"""The user's cache of built programs.

Each folder in the cache is a build. Its name consists of the module and a hash, and its modification time is the time
of its last use.
"""

import fcntl
import os
import shutil
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

LOCK: Final = ".lock"
KEPT: Final = 2
# Keep builds that were used within this time, because another work tree or a running sandbox can need them.
FRESH_SECONDS: Final = 86_400.0


@dataclass(frozen=True, kw_only=True)
class Build:
    """A build in the cache. ``used`` is the time of its last use, as returned by ``time.time()``."""

    path: Path
    module: str
    megabytes: float
    used: float

    @classmethod
    def at(cls, path: Path) -> "Build":
        size = sum(file.lstat().st_size for file in path.rglob("*"))
        module = path.name.rpartition("-")[0]
        return cls(path=path, module=module, megabytes=size / 1e6, used=path.stat().st_mtime)

    def __str__(self) -> str:
        day = time.strftime("%Y-%m-%d", time.localtime(self.used))
        return f"{self.path.name}, {self.megabytes:.0f} MB, last used {day}"


def folder() -> Path:
    """Return the folder of the cache, according to the XDG base directory specification."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "argocd-release" / "sandbox"


def use(paths: Iterable[Path]) -> None:
    """Record that the builds are used now."""
    for path in paths:
        os.utime(path)


def builds() -> list[Build]:
    """Return all builds, the most recently used first."""
    base = folder()
    found = [Build.at(entry) for entry in base.iterdir() if entry.is_dir()] if base.exists() else []
    return sorted(found, key=lambda build: build.used, reverse=True)


def prune(*, keep: set[Path]) -> list[Build]:
    """Remove old builds of modules that have newer ones, and return the removed builds.

    Builds at ``keep``, and builds that were used within ``FRESH_SECONDS``, are not removed.
    """
    by_module: dict[str, list[Build]] = defaultdict(list)
    for build in builds():
        by_module[build.module].append(build)
    old = [build for each in by_module.values() for build in each[KEPT:]]
    return _remove(build for build in old if build.path not in keep and time.time() - build.used > FRESH_SECONDS)


def remove(*, keep: set[Path]) -> list[Build]:
    """Remove all builds except those at ``keep``, and return the removed builds."""
    return _remove(build for build in builds() if build.path not in keep)


def _remove(old: Iterable[Build]) -> list[Build]:
    return [build for build in old if _remove_one(build.path)]


def _remove_one(path: Path) -> bool:
    """Remove the build, unless a process is building it. Return True if it was removed."""
    with (path / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        shutil.rmtree(path)
    return True
