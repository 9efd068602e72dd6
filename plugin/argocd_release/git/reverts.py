"""Whether a commit that is contained in another was undone on the way there.

Two signs: a commit's message says that it reverts it, or the application's files are again those of before it.
Messages are written by anyone: only their first kilobytes are read, by patterns that cannot backtrack.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final

from dulwich.object_store import tree_lookup_path
from dulwich.objects import Commit, ObjectID
from dulwich.repo import BaseRepo

MESSAGE_BYTES: Final = 10_000


_SHORT: Final = 7


# As git revert writes it, and GitLab of a merge request (app/models/commit.rb, revert_description).
_REVERTS: Final = re.compile(
    rb"^This reverts (?:commit ([0-9a-f]{7,64})|merge request [^\s!]{0,300}(![0-9]{1,10}))", re.MULTILINE
)


# As GitLab ends the message of a merge commit (lib/gitlab/merge_requests/message_generator.rb).
_MERGED: Final = re.compile(rb"^See merge request [^\s!]{0,300}(![0-9]{1,10})", re.MULTILINE)


class Reverts:
    """Takes the commits after ``wanted``, newest first; ``by`` is the one that reverts it, ``""`` if none does.

    ``precedes`` says whether ``wanted`` is contained in a commit: reverting a merge undoes what it brought in.
    """

    def __init__(self, wanted: Commit, precedes: Callable[[ObjectID], bool]) -> None:
        self._wanted = wanted
        self._precedes = precedes
        self._reverted: dict[bytes, list[tuple[bytes, str]]] = {}
        self._picked_again = False
        self.by = ""

    def see(self, commit: Commit) -> None:
        if self.by or self._picked_again:
            return
        if by := self._reverter(commit):
            # What was reverted itself reverts nothing any more.
            brought = len(commit.parents) > 1 and not self._precedes(commit.parents[0])
            self.by = by if brought else ""
            return
        if _origin(commit) == _origin(self._wanted) and not self._reverter(self._wanted):
            self._picked_again = True
            return
        for name in _named(commit):
            self._reverted.setdefault(name[:_SHORT], []).append((name, commit.id.decode()))

    def end(self) -> str:
        """After the last commit: the revision that reverts ``wanted``, or ``""``."""
        if not self.by and not self._picked_again:
            self.by = self._reverter(self._wanted)
        return self.by

    def _reverter(self, commit: Commit) -> str:
        if not self._reverted:
            return ""
        merged = _MERGED.findall(commit.message[:MESSAGE_BYTES])
        names = [commit.id, *merged[-1:]]
        for own in names:
            for name, by in self._reverted.get(own[:_SHORT], ()):
                if own == name or (not name.startswith(b"!") and own.startswith(name)):
                    return by
        return ""


def undone(repository: BaseRepo, later: ObjectID, wanted: ObjectID, path: str) -> bool | None:
    """Whether the files under ``path`` are, at ``later``, again those of before ``wanted``; None: cannot be told."""
    commit = _commit(repository, wanted)
    if commit is None or not commit.parents:
        return None
    before, then, now = (_tree(repository, revision, path) for revision in (commit.parents[0], wanted, later))
    if before is None or then is None or now is None or before == then:
        return None
    return True if now == before else False if now == then else None


def parts(path: str) -> list[str]:
    """The folders of an application's path, which is relative to the repository's root."""
    return [part for part in path.split("/") if part not in {"", "."}]


def _tree(repository: BaseRepo, revision: ObjectID, path: str) -> ObjectID | None:
    commit = _commit(repository, revision)
    if commit is None:
        return None
    folders = parts(path)
    if not folders:
        return ObjectID(commit.tree)
    try:
        _, found = tree_lookup_path(repository.__getitem__, commit.tree, "/".join(folders).encode())
    except Exception:  # noqa: BLE001 - a tree that was not fetched, a damaged one, a file: all say nothing
        return None
    return ObjectID(found)


def _commit(repository: BaseRepo, revision: ObjectID) -> Commit | None:
    try:
        found = repository[revision]
    except KeyError:
        return None
    return found if isinstance(found, Commit) else None


def _named(commit: Commit) -> Iterator[bytes]:
    for found in _REVERTS.finditer(commit.message[:MESSAGE_BYTES]):
        yield found[1] or found[2]


def _origin(commit: Commit) -> tuple[bytes, int, bytes]:
    """What a cherry-pick keeps of a commit."""
    return commit.author, commit.author_time, commit.message
