"""Find out how two commits of a repository are related, and whether one was reverted, without using the network.

A revert can be recognised in two ways: by the message of a later commit, or because the files that the commit changed
have their earlier content again. If the message and the files disagree, the files decide. Commit messages are untrusted
text, so only their first kilobytes are searched, with patterns that cannot backtrack.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Final

from dulwich.diff_tree import TreeChange, tree_changes
from dulwich.graph import can_fast_forward
from dulwich.object_store import tree_lookup_path
from dulwich.objects import Blob, Commit, ObjectID, Tag, Tree
from dulwich.repo import BaseRepo

from argocd_release.model.git import Relation, RevisionRelation

# The maximum number of annotated tags to follow if one tag points to another.
TAGS: Final = 10


def relation_in(repository: BaseRepo | None, revision: str, expected: str, path: str) -> RevisionRelation | None:
    """Find out how ``revision`` is related to ``expected`` in this repository. Return None if commits are missing.

    Args:
        repository: the repository, or None if there is none.
        revision: the compared revision, as hexadecimal digits.
        expected: the expected revision, as hexadecimal digits.
        path: the folder of the application's manifests in the repository.
    """
    if repository is None:
        return None
    later, wanted = find_commit(repository, revision), find_commit(repository, expected)
    if later is None or wanted is None:
        return None
    if later.id == wanted.id:
        return RevisionRelation(relation=Relation.SAME)
    try:
        if can_fast_forward(repository, wanted.id, later.id):
            return _descendant(repository, later, wanted, path)
        if can_fast_forward(repository, later.id, wanted.id):
            commits = sum(1 for _ in repository.get_walker(include=[wanted.id], exclude=[later.id]))
            return RevisionRelation(relation=Relation.OLDER, commits=commits)
        # The clone is shallow and lacks commits. One revision can still descend from the other through the missing
        # commits.
        return None if repository.get_shallow() else RevisionRelation(relation=Relation.DIVERGED)
    except Exception:  # noqa: BLE001 - a shallow clone lacks commits, and a damaged clone raises any error
        return None


def _descendant(repository: BaseRepo, later: Commit, wanted: Commit, path: str) -> RevisionRelation:
    reverts = Reverts(wanted, precedes=lambda revision: can_fast_forward(repository, wanted.id, revision))
    commits = 0
    for entry in repository.get_walker(include=[later.id], exclude=[wanted.id]):
        commits += 1
        reverts.on_commit(entry.commit)
    by = reverts.end()
    by_messages = RevisionRelation(relation=Relation.REVERTED if by else Relation.DESCENDANT, commits=commits, by=by)
    return by_files(by_messages, again=undone(repository, later.id, wanted.id, path))


def by_files(relation: RevisionRelation, *, again: bool | None) -> RevisionRelation:
    """Correct the relation that commit messages suggest, if the files show something else.

    Args:
        relation: the relation according to the commit messages: a descendant or a revert.
        again: True if the changed files have their earlier content again, False if not, and None if this is unknown.
    """
    if again is None:
        return relation
    return (
        replace(relation, relation=Relation.REVERTED)
        if again
        else replace(relation, relation=Relation.DESCENDANT, by="")
    )


def find_commit(repository: BaseRepo, revision: str) -> Commit | None:
    """Find the commit whose SHA, or whose annotated tag's SHA, starts with ``revision``.

    Return None if there is no such commit, or more than one.
    """
    try:
        starts = set(repository.object_store.iter_prefix(revision.encode()))
        commits = {commit.id: commit for commit in map(partial(_peeled, repository), starts) if commit is not None}
    except Exception:  # noqa: BLE001 - dulwich raises any error if a repository is damaged
        return None
    return commits.popitem()[1] if len(commits) == 1 else None


def _peeled(repository: BaseRepo, sha: ObjectID) -> Commit | None:
    for _ in range(TAGS):
        obj = repository[sha]
        if not isinstance(obj, Tag):
            return obj if isinstance(obj, Commit) else None
        sha = ObjectID(obj.object[1])
    return None


MESSAGE_BYTES: Final = 10_000
_SHORT: Final = 7
# The line in a commit message that git revert writes, or GitLab when a user reverts a merge request
# (app/models/commit.rb revert_description).
_REVERTS: Final = re.compile(
    rb"^This reverts (?:commit ([0-9a-f]{7,64})|merge request ([^\s!]{0,300}![0-9]{1,10}))", re.MULTILINE
)
# The last line in the messages of GitLab's merge commits (lib/gitlab/merge_requests/message_generator.rb).
_MERGED: Final = re.compile(rb"^See merge request ([^\s!]{0,300}![0-9]{1,10})", re.MULTILINE)
# The last line of the commit message that git cherry-pick -x and GitLab's cherry-pick write.
_PICKED: Final = re.compile(rb"^\(cherry picked from commit ([0-9a-f]{7,64})\)", re.MULTILINE)
# If a commit changes more files than this, they are not compared.
FILES: Final = 500
# The number of folder levels below the application's path to fetch, so that their files can be compared.
FILE_LEVELS: Final = 3
FILE_BYTES: Final = 1_000_000


class Reverts:
    """A search in the messages of later commits for the commit that reverts ``wanted``.

    Call ``on_commit`` for each later commit, newest first, and then ``end``.

    Args:
        wanted: the commit that was perhaps reverted.
        precedes: returns True if ``wanted`` is an ancestor of the given commit. This is needed because the revert of a
            merge also reverts the merged commits.
    """

    def __init__(self, wanted: Commit, precedes: Callable[[ObjectID], bool]) -> None:
        self._wanted = wanted
        self._precedes = precedes
        self._reverted: dict[bytes, list[tuple[bytes, str]]] = {}
        self._picked_again = False
        self.by = ""

    def on_commit(self, commit: Commit) -> None:
        """Process one of the later commits."""
        if self.by or self._picked_again:
            return
        if by := self._reverter(commit):
            # A later commit has reverted this commit. So if this commit is itself a revert, ignore it. If this commit
            # is the merge that merged ``wanted``, the later commit has also reverted ``wanted``.
            brought = len(commit.parents) > 1 and not self._precedes(commit.parents[0])
            self.by = by if brought else ""
            return
        if _is_again(commit, self._wanted) and not self._reverter(self._wanted):
            self._picked_again = True
            return
        for name in _named(commit):
            self._reverted.setdefault(_key(name), []).append((name, commit.id.decode()))

    def end(self) -> str:
        """Return the SHA of the commit that reverts ``wanted``, or an empty string if none does."""
        if not self.by and not self._picked_again:
            self.by = self._reverter(self._wanted)
        return self.by

    def _reverter(self, commit: Commit) -> str:
        if not self._reverted:
            return ""
        merged = _MERGED.findall(commit.message[:MESSAGE_BYTES])
        names = [commit.id, *merged[-1:]]
        for own in names:
            for name, by in self._reverted.get(_key(own), ()):
                if _is_same(own, name):
                    return by
        return ""


def undone(repository: BaseRepo, later: ObjectID, wanted: ObjectID, path: str) -> bool | None:
    """Return True if the files that ``wanted`` changed have their earlier content again in ``later``.

    Only files below ``path`` are compared. Return False if no file was reverted. Return None if only some were, or if
    the files cannot be compared.
    """
    commit = _commit(repository, wanted)
    if commit is None or not commit.parents:
        return None
    before, then, now = (_tree(repository, revision, path) for revision in (commit.parents[0], wanted, later))
    if before is None or then is None or now is None or before == then:
        return None
    if now in {before, then}:
        return now == before
    try:
        answers = {_is_undone(repository, change, now) for change in _changes(repository, before, then)}
    except Exception:  # noqa: BLE001 - trees are damaged or were not fetched
        return None
    return answers.pop() if len(answers) == 1 else None


def _changes(repository: BaseRepo, before: ObjectID, then: ObjectID) -> list[TreeChange]:
    changes = list(islice(tree_changes(repository.object_store, before, then), FILES + 1))
    return changes if len(changes) <= FILES else []


def _is_undone(repository: BaseRepo, change: TreeChange, now: ObjectID) -> bool | None:
    """Return True if the file has its earlier content again, False if it still has the change, otherwise None."""
    old, new = (entry.sha if entry is not None else None for entry in (change.old, change.new))
    entry = change.new or change.old
    current = _entry(repository, now, entry.path) if entry is not None and entry.path else None
    if current in {old, new}:
        return current == old
    return _lines_undone(*(_lines(repository, sha) for sha in (old, new, current)))


def _lines_undone(old: Counter[bytes] | None, new: Counter[bytes] | None, now: Counter[bytes] | None) -> bool | None:
    """Return True if the change of a file was undone, False if it is still there, and None if neither is certain.

    The change was undone if the file contains all removed lines again, and none of the added lines. The change is still
    there if the file contains all added lines.

    Args:
        old: the lines before the change, with the number of their occurrences, or None if they are unknown.
        new: the lines after the change.
        now: the lines of the compared revision.
    """
    if old is None or new is None or now is None:
        return None
    added, removed = new - old, old - new
    if added and added <= now:
        return False
    # If the file contains neither the added nor the removed lines, a later commit has changed the same lines again.
    return True if removed and removed <= now and not added & now else None


def _lines(repository: BaseRepo, sha: ObjectID | None) -> Counter[bytes] | None:
    """Count how often each line occurs in a file. Return None if the file was not fetched or is too large.

    If ``sha`` is None, the file does not exist, and the result is empty.
    """
    if sha is None:
        return Counter()
    try:
        blob = repository[sha]
    except KeyError:
        return None
    if not isinstance(blob, Blob) or blob.raw_length() > FILE_BYTES:
        return None
    return Counter(line.strip() for line in blob.data.splitlines() if line.strip())


def _entry(repository: BaseRepo, tree: ObjectID, path: bytes) -> ObjectID | None:
    """Return the id of the git object at the path, or None if the tree does not contain the path.

    Raises:
        KeyError: a folder of the path was not fetched.
    """
    sha = tree
    for name in path.split(b"/"):
        folder = repository[sha]
        if not isinstance(folder, Tree) or name not in folder:
            return None
        sha = ObjectID(folder[name][1])
    return sha


def depths(path: str) -> tuple[int, ...]:
    """Return how many levels of trees to fetch in each attempt to compare files.

    The first attempt fetches the trees down to the parent of the application's folder. This is enough if the whole
    folder was reverted. The second attempt also fetches the trees inside the folder.
    """
    levels = len(parts(path))
    return (levels, levels + FILE_LEVELS) if levels else (FILE_LEVELS,)


def parts(path: str) -> list[str]:
    """Split the path of an application's manifests, relative to the repository's root, into folder names."""
    return [part for part in path.split("/") if part not in {"", "."}]


def _tree(repository: BaseRepo, revision: ObjectID, path: str) -> ObjectID | None:
    commit = _commit(repository, revision)
    if commit is None:
        return None
    folders = parts(path)
    if not folders:
        return ObjectID(commit.tree)
    try:
        _, tree = tree_lookup_path(repository.__getitem__, commit.tree, "/".join(folders).encode())
    except Exception:  # noqa: BLE001 - the tree was not fetched or is damaged, or the path is a file
        return None
    return ObjectID(tree)


def _commit(repository: BaseRepo, revision: ObjectID) -> Commit | None:
    try:
        commit = repository[revision]
    except KeyError:
        return None
    return commit if isinstance(commit, Commit) else None


def _named(commit: Commit) -> Iterator[bytes]:
    for match in _REVERTS.finditer(commit.message[:MESSAGE_BYTES]):
        yield match[1] or match[2]


def _is_again(commit: Commit, wanted: Commit) -> bool:
    """Return True if the commit is a cherry-pick of ``wanted``, according to its metadata or its message."""
    if _origin(commit) == _origin(wanted):
        return True
    names = [wanted.id, *_picked(wanted)]
    return any(name.startswith(picked) for picked in _picked(commit) for name in names)


def _picked(commit: Commit) -> list[bytes]:
    return _PICKED.findall(commit.message[:MESSAGE_BYTES])


def _key(name: bytes) -> bytes:
    """Return the key of a commit or merge request, which is the same for all ways to name it.

    This is the abbreviated SHA of a commit, or ``!number`` of a merge request.
    """
    _, mark, number = name.rpartition(b"!")
    return mark + number if mark else name[:_SHORT]


def _is_same(own: bytes, name: bytes) -> bool:
    """Return True if the message of a revert refers to this commit or merge request.

    Args:
        own: the SHA of the commit, or ``project!number`` of the merge request.
        name: the SHA or merge request in the message. A merge request without a project belongs to this project.
    """
    if b"!" not in name:
        return own.startswith(name)
    project, own_project = name.rpartition(b"!")[0], own.rpartition(b"!")[0]
    return not project or not own_project or project == own_project


def _origin(commit: Commit) -> tuple[bytes, int, bytes]:
    """Return the author, date and message, which a cherry-pick copies from the original commit."""
    return commit.author, commit.author_time, commit.message
