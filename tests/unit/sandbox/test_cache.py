"""Test that old builds are removed, and builds in use are kept."""

import fcntl
import os
import time
from pathlib import Path

import pytest

from sandbox import cache

DAY = 86_400.0


@pytest.fixture(autouse=True)
def base(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return cache.folder()


def build(name: str, *, days: float, size: int = 1_000_000) -> Path:
    """Create a build that was last used this many days ago."""
    path = cache.folder() / name
    path.mkdir(parents=True)
    (path / "program").write_bytes(bytes(size))
    (path / cache.LOCK).touch()
    os.utime(path, times=(time.time() - days * DAY,) * 2)
    return path


def left() -> set[str]:
    return {each.path.name for each in cache.builds()}


def test_two_builds_of_each_module_are_kept() -> None:
    for days in (2, 3, 4, 5):
        build(f"argocd-2.13.2-{days}", days=days)
        build(f"kwok-{days}", days=days)
    removed = {each.path.name for each in cache.prune(keep=set())}
    assert removed == {"argocd-2.13.2-4", "argocd-2.13.2-5", "kwok-4", "kwok-5"}
    assert left() == {"argocd-2.13.2-2", "argocd-2.13.2-3", "kwok-2", "kwok-3"}


def test_what_was_used_today_or_is_to_be_kept_is_not_pruned() -> None:
    for name in "abc":
        build(f"kwok-{name}", days=0.5)
    own = build("kwok-own", days=9)
    build("kwok-old", days=9)
    assert [each.path.name for each in cache.prune(keep={own})] == ["kwok-old"]


def test_a_build_that_is_used_again_is_young_again() -> None:
    cache.use([build("kwok-a", days=9)])
    build("kwok-b", days=8)
    assert [each.path.name for each in cache.builds()] == ["kwok-a", "kwok-b"]


def test_removed_builds_are_told_with_their_size() -> None:
    own = build("kwok-own", days=1)
    build("argocd-2.13.2-old", days=1, size=5_000_000)
    (removed,) = cache.remove(keep={own})
    day = time.strftime("%Y-%m-%d", time.localtime(time.time() - DAY))
    assert str(removed) == f"argocd-2.13.2-old, 5 MB, last used {day}"
    assert left() == {"kwok-own"}


def test_what_is_being_built_is_left_alone() -> None:
    path = build("kwok-a", days=9)
    with (path / cache.LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert cache.remove(keep=set()) == []
    assert left() == {"kwok-a"}


def test_there_is_no_cache() -> None:
    assert cache.builds() == []
