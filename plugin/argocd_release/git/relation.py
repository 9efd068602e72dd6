"""Find the relation of two commits in one repository, without a request to a server."""

from dataclasses import replace
from functools import partial
from typing import Final

from dulwich.graph import can_fast_forward
from dulwich.objects import Commit, ObjectID, Tag
from dulwich.repo import BaseRepo

from argocd_release.git.reverts import Reverts, undone
from argocd_release.model.revision import Relation, RevisionRelation

# The longest chain of annotated tags that is followed.
TAGS: Final = 10


def relation_in(repository: BaseRepo | None, revision: str, expected: str, path: str) -> RevisionRelation | None:
    """Return the relation by this repository alone, or None if it lacks a commit."""
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
        # Beyond the edge of a shallow clone, one revision can still descend from the other.
        return None if repository.get_shallow() else RevisionRelation(relation=Relation.DIVERGED)
    except Exception:  # noqa: BLE001 - commits beyond the edge of a shallow clone; of a damaged one all kinds of errors
        return None


def _descendant(repository: BaseRepo, later: Commit, wanted: Commit, path: str) -> RevisionRelation:
    reverts = Reverts(wanted, precedes=lambda revision: can_fast_forward(repository, wanted.id, revision))
    commits = 0
    for entry in repository.get_walker(include=[later.id], exclude=[wanted.id]):
        commits += 1
        reverts.see(entry.commit)
    by = reverts.end()
    found = RevisionRelation(relation=Relation.REVERTED if by else Relation.DESCENDANT, commits=commits, by=by)
    return by_files(found, again=undone(repository, later.id, wanted.id, path))


def by_files(found: RevisionRelation, *, again: bool | None) -> RevisionRelation:
    """Correct the relation by the files, which count for more than commit messages."""
    if again is None:
        return found
    return replace(found, relation=Relation.REVERTED) if again else replace(found, relation=Relation.DESCENDANT, by="")


def find_commit(repository: BaseRepo, revision: str) -> Commit | None:
    """Return the only commit whose id starts with the hex digits, directly or through an annotated tag."""
    try:
        starts = set(repository.object_store.iter_prefix(revision.encode()))
        found = {commit.id: commit for commit in map(partial(_peeled, repository), starts) if commit is not None}
    except Exception:  # noqa: BLE001 - of a damaged repository dulwich raises all kinds of errors
        return None
    return found.popitem()[1] if len(found) == 1 else None


def _peeled(repository: BaseRepo, sha: ObjectID) -> Commit | None:
    for _ in range(TAGS):
        found = repository[sha]
        if not isinstance(found, Tag):
            return found if isinstance(found, Commit) else None
        sha = ObjectID(found.object[1])
    return None
