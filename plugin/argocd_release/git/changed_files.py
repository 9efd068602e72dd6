"""Find the files that a merge request changes.

The commits are read from the job's clone. If the clone is shallow and lacks a commit, the commit is fetched without
files.
"""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from functools import partial
from stat import S_ISLNK
from typing import Any, Final

from dulwich.client import get_transport_and_path
from dulwich.diff_tree import tree_changes
from dulwich.object_store import OverlayObjectStore
from dulwich.objects import Commit, ObjectID
from dulwich.repo import Repo

from argocd_release.core.text import one_line
from argocd_release.git.history import http_connections, wanted_refs
from argocd_release.messages import diff as texts
from argocd_release.model.git import Access, ChangedFiles

#: The limits of the search for references to paths outside a folder. The job reads at most this many files of the
#: folder, and this many bytes of each file.
SEARCHED_FILES: Final = 500
SEARCHED_BYTES: Final = 200_000
_OUTSIDE: Final = b"../"


def changed_files(access: Access, base: str, head: str, stack: ExitStack) -> ChangedFiles:
    """Return the files that differ between two commits. This can block, and never raises.

    Args:
        access: the job's clone, and the address to fetch from.
        base: the commit before the changes.
        head: the commit with the changes.
        stack: removes the fetched commits when it is closed.
    """
    stores: list[Any] = []
    with suppress(Exception):
        stores.append(stack.enter_context(Repo(str(access.clone))).object_store)
    try:
        missing = [name for name in (base, head) if not any(name.encode() in store for store in stores)]
        if missing:
            stores.append(_fetched(access, missing, stack).object_store)
        store = OverlayObjectStore(stores)
        before, after = (_tree(store, name) for name in (base, head))
        paths = {
            part.path.decode("utf-8", "replace")
            for change in tree_changes(store, before, after)
            for part in (change.old, change.new)
            if part is not None and part.path is not None
        }
    except Exception as error:  # noqa: BLE001 - dulwich raises any error if a clone is damaged or the server refuses
        reason = f"{type(error).__name__}: {error}"
        for secret in filter(None, (access.repository_url, access.git_token)):
            reason = reason.replace(secret, "…")
        return ChangedFiles(why=texts.FILES_UNKNOWN.fill(error=one_line(reason, limit=200)))
    return ChangedFiles(paths=frozenset(paths), refers_outside=partial(_refers_outside, store, after))


def _tree(store: Any, name: str) -> ObjectID:
    commit = store[name.encode()]
    if not isinstance(commit, Commit):
        raise TypeError(name)
    tree: ObjectID = commit.tree
    return tree


def _fetched(access: Access, names: list[str], stack: ExitStack) -> Repo:
    """Fetch the commits and their trees, without the contents of files."""
    url = access.remote("")
    if not url:
        raise LookupError(texts.NO_REPOSITORY)
    target = Repo.init_bare(
        stack.enter_context(tempfile.TemporaryDirectory(prefix="diff-", ignore_cleanup_errors=True))
    )
    stack.callback(target.close)
    client, path = get_transport_and_path(url, quiet=True, pool_manager=http_connections(url, access.git_ca_file))
    choose = partial(wanted_refs, [ObjectID(name.encode()) for name in names], by_name=True, branches=False)
    client.fetch(path.encode(), target, determine_wants=choose, depth=1, filter_spec=b"blob:none")
    return target


def _refers_outside(store: Any, tree: ObjectID, folder: str) -> bool:
    """Return True if a file of the folder contains ``../`` or is a link, or if the files cannot be searched."""
    try:
        for number, (mode, sha) in enumerate(_files(store, tree, folder)):
            if number >= SEARCHED_FILES or S_ISLNK(mode):
                return True
            if _OUTSIDE in store[sha].data[:SEARCHED_BYTES]:
                return True
    except Exception:  # noqa: BLE001 - a file that was not fetched, or a damaged clone
        return True
    return False


def _files(store: Any, tree: ObjectID, folder: str) -> Iterator[tuple[int, ObjectID]]:
    """Yield the file mode and the object id of each file below the folder."""
    for name in filter(None, folder.split("/")):
        try:
            mode, tree = store[tree][name.encode()]
        except KeyError:
            return
        if not mode & 0o040000:
            return
    waiting = [tree]
    while waiting:
        for entry in store[waiting.pop()].items():
            if entry.mode & 0o170000 == 0o040000:  # noqa: PLR2004 - a folder
                waiting.append(entry.sha)
            else:
                yield entry.mode, entry.sha
