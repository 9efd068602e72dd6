"""Which of two revisions came first: asked of the job's own clone, and of its remote for what the clone lacks.

The clone is only read. What is fetched goes to a folder of its own: commits alone, no files, where the server can
filter (GitLab can: https://docs.gitlab.com/topics/git/clone/#filter-by-tree).
"""

import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from dulwich.client import get_transport_and_path
from dulwich.errors import NotGitRepository
from dulwich.graph import can_fast_forward
from dulwich.objects import Commit, ObjectID
from dulwich.refs import Ref
from dulwich.repo import BaseRepo, Repo

from argocd_release.application import Kinship, Relation
from argocd_release.text import one_line

FETCH_SECONDS: Final = 15.0
FETCHED_COMMITS: Final = 1000


class Ancestry:
    """The history of one repository; use as a context manager. ``clone`` may not be there, ``url`` may be ``""``."""

    def __init__(self, clone: Path, url: str) -> None:
        self._stack = ExitStack()
        self._url = url
        self._note = "the clone lacks a revision, and CI_REPOSITORY_URL is not set"
        self._fetched: BaseRepo | None = None
        self._known: dict[tuple[str, str], Kinship] = {}
        self._clone: BaseRepo | None = None
        try:
            self._clone = self._stack.enter_context(Repo(str(clone)))
        except (NotGitRepository, OSError, ValueError):
            self._note = "this job has no clone, and CI_REPOSITORY_URL is not set"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def kinship(self, revision: str, expected: str) -> Kinship:
        """How ``revision``, 40 hex digits, stands to ``expected``, 7 to 40. Never raises; may take 30 s, once."""
        pair = (revision.lower(), expected.lower())
        if pair not in self._known:
            self._known[pair] = self._find(*pair)
        return self._known[pair]

    def _find(self, revision: str, expected: str) -> Kinship:
        found = _kinship(self._clone, revision, expected) or _kinship(self._fetched, revision, expected)
        if found is None and self._url:
            self._fetch(revision, expected)
            found = _kinship(self._fetched, revision, expected)
        note = f"git's history could not be consulted, so revisions are compared exactly: {self._note}"
        return found or Kinship(relation=Relation.UNKNOWN, note=note)

    def _fetch(self, *revisions: str) -> None:
        whole = [ObjectID(revision.encode()) for revision in revisions if len(revision) == len("0" * 40)]
        # The revisions themselves; and from a server that hands out no more than its branches, those.
        for wanted in (whole, None):
            try:
                target = Repo.init_bare(self._stack.enter_context(_folder()))
                self._stack.callback(target.close)
                _within(FETCH_SECONDS, partial(_fetch, self._url, target, wanted))
            except Exception as error:  # noqa: BLE001 - whatever dulwich and the network raise, the answer is «unknown»
                # The URL holds the job's token, and what is raised may hold the URL.
                said = str(error).replace(self._url, "CI_REPOSITORY_URL")
                self._note = one_line(f"{type(error).__name__}: {said}", limit=400)
            else:
                self._fetched = target
                self._note = f"the last {FETCHED_COMMITS} commits of this repository's branches do not hold both"
                return


def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="history-", ignore_cleanup_errors=True)


def _fetch(url: str, target: Repo, wanted: Sequence[ObjectID] | None) -> None:
    client, path = get_transport_and_path(url, quiet=True)

    def choose(refs: Mapping[Ref, ObjectID | None], depth: int | None = None) -> list[ObjectID]:
        del depth
        heads = [sha for name, sha in refs.items() if sha and name.startswith(b"refs/heads/")]
        return list(wanted or dict.fromkeys(heads))

    client.fetch(path.encode(), target, determine_wants=choose, depth=FETCHED_COMMITS, filter_spec=b"tree:0")


def _within(seconds: float, action: Callable[[], None]) -> None:
    """Do it in a thread that nobody waits for any longer: dulwich knows no time limit on every transport."""
    raised: list[Exception] = []

    def run() -> None:
        try:
            action()
        except Exception as error:  # noqa: BLE001 - raised again below
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise TimeoutError(f"the repository gave no answer within {seconds:.0f} s")
    if raised:
        raise raised[0]


def _kinship(repository: BaseRepo | None, revision: str, expected: str) -> Kinship | None:
    """What this repository knows of the two; None: not enough."""
    if repository is None:
        return None
    try:
        later, wanted = _commit(repository, revision), _commit(repository, expected)
        if later is None or wanted is None:
            return None
        if later == wanted:
            return Kinship(relation=Relation.SAME)
        for relation, above, below in ((Relation.DESCENDANT, later, wanted), (Relation.OLDER, wanted, later)):
            if can_fast_forward(repository, below, above):
                commits = sum(1 for _ in repository.get_walker(include=[above], exclude=[below]))
                return Kinship(relation=relation, commits=commits)
    except (KeyError, ValueError, OSError):
        # Commits beyond the edge of a shallow clone, or a clone that is damaged.
        return None
    # Beyond the edge of a shallow clone one may still descend from the other.
    return None if repository.get_shallow() else Kinship(relation=Relation.DIVERGED)


def _commit(repository: BaseRepo, revision: str) -> ObjectID | None:
    found = set(repository.object_store.iter_prefix(revision.encode()))
    commits = [sha for sha in found if isinstance(repository[sha], Commit)]
    return ObjectID(commits[0]) if len(commits) == 1 else None
