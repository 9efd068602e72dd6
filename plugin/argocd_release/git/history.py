"""Find out how two revisions are related, from the job's clone and from the repository that Argo CD reads.

Fetched commits are stored in a temporary folder, so that the clone does not change. If the server supports filters,
only commits are fetched, without files (GitLab does: https://docs.gitlab.com/topics/git/clone/#filter-by-tree).
"""

import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import unquote, urlsplit

from dulwich.client import HTTPUnauthorized, default_urllib3_manager, get_transport_and_path
from dulwich.errors import NotGitRepository
from dulwich.objects import Commit, ObjectID
from dulwich.refs import Ref
from dulwich.repo import BaseRepo, Repo

from argocd_release.core.text import one_line
from argocd_release.git.relation import by_files, depths, find_commit, relation_in, undone
from argocd_release.messages import git_history as texts
from argocd_release.model.git import Access, GitUrl, Relation, RevisionRelation, Source
from argocd_release.model.ports import StopFlag
from argocd_release.timing import Deadline
from argocd_release.transport.network import tls_context

# The maximum time of one lookup in seconds. A fetch that takes longer continues in the background, and later lookups
# use its result.
ANSWER_SECONDS: Final = 15.0
# The time in seconds after which a fetch fails if the server sends nothing.
SILENCE_SECONDS: Final = 15.0
POLL_SECONDS: Final = 0.05
FETCHED_COMMITS: Final = 1000
# The pause in seconds after a fetch that did not bring the missing commits. It doubles after each such fetch, up to
# LAST_RETRY_SECONDS.
RETRY_SECONDS: Final = 5.0
LAST_RETRY_SECONDS: Final = 60.0
_WHOLE: Final = len("0" * 40)
_NO_SOURCE: Final = Source(repo_url="")


class GitHistories:
    """A thread-safe lookup of revision relations in all repositories of a release. Use it as a context manager.

    Lookups in the same repository run one after the other.

    Args:
        access: the URLs and credentials of the repositories that the job can read.
        stop: a flag that ends all waits when it is set.
        limit: the time by which all lookups must end.
        now: returns the time of a monotonic clock in seconds.
    """

    def __init__(
        self,
        access: Access,
        *,
        stop: StopFlag,
        limit: Deadline = Deadline(),  # noqa: B008 - without an end
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._access = access
        self._stop = stop
        self._limit = limit
        self._now = now
        self._own = GitHistory(
            "CI_REPOSITORY_URL", access.remote(""), access.git_ca_file, now=now, clone=Path(access.clone)
        )
        self._others: dict[str, GitHistory] = {}
        self._answers: dict[tuple[str, str, Source], RevisionRelation] = {}
        self._asking: dict[str, _Asking] = {}
        self._lock = threading.Lock()
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._closed = True
        for ancestry in (self._own, *self._others.values()):
            ancestry.close()

    def revision_relation(self, revision: str, expected: str, source: Source = _NO_SOURCE) -> RevisionRelation:
        """Find out how ``revision`` is related to ``expected``, within ``ANSWER_SECONDS``.

        This method raises no exceptions. It caches a known relation. If the relation is unknown, the next call looks it
        up again.

        Args:
            revision: the compared revision, as 7 to 40 hexadecimal digits.
            expected: the expected revision, as 7 to 40 hexadecimal digits.
            source: the source from which Argo CD has read ``revision``.
        """
        question = (revision.lower(), expected.lower(), source)
        deadline = self._now() + self._limit.at_most(ANSWER_SECONDS).left
        while True:
            with self._lock:
                if question in self._answers:
                    return self._answers[question]
                asking = self._asking.get(source.repo_url)
                if asking is None:
                    asking = self._asking[source.repo_url] = _Asking(question, partial(self._find, *question))
            if not self._wait(asking, deadline):
                note = self._note(source, texts.REPOSITORY_SILENT.fill(seconds=f"{ANSWER_SECONDS:.0f}"))
                final = not self._access.is_own(source.repo_url)
                return RevisionRelation(relation=Relation.UNKNOWN, note=note, final=final)
            with self._lock:
                if self._asking.get(source.repo_url) is asking:
                    del self._asking[source.repo_url]
                if asking.answer.relation is not Relation.UNKNOWN:
                    self._answers[asking.question] = asking.answer
            if asking.question == question:
                return asking.answer

    def _wait(self, asking: "_Asking", deadline: float) -> bool:
        # Poll the flag `stop`, because a signal handler can set the flag, but cannot wake a waiting thread.
        while not asking.ended.wait(POLL_SECONDS):
            if self._stop.is_set() or self._now() >= deadline:
                return False
        return True

    def _find(self, revision: str, expected: str, source: Source) -> RevisionRelation:
        if self._access.is_own(source.repo_url):
            relation = self._own.ask(revision, expected, source.path)
            return relation or RevisionRelation(relation=Relation.UNKNOWN, note=self._note(source, self._own.why))
        if relation := self._own.read(revision, expected, source.path):
            return relation
        other = self._other(source)
        if relation := other.ask(revision, expected, source.path):
            return relation
        # The source's repository can be a mirror of the job's project, with a URL that only Argo CD can reach. So also
        # try the job's own repository.
        if not other.fetched and (relation := self._own.ask(revision, expected, source.path)):
            return relation
        if not other.fetched:
            return RevisionRelation(relation=Relation.UNKNOWN, note=self._note(source, other.why), final=True)
        if other.holds(revision) and not other.holds(expected):
            return RevisionRelation(relation=Relation.UNKNOWN, note=_stranger(source, expected), final=True)
        return RevisionRelation(relation=Relation.UNKNOWN, note=self._note(source, other.why))

    def _other(self, source: Source) -> "GitHistory":
        name, url = str(GitUrl.parse(source.repo_url)), self._access.remote(source.repo_url)
        with self._lock:
            if self._closed:
                raise InterruptedError(texts.JOB_ENDED)
            if source.repo_url not in self._others:
                self._others[source.repo_url] = GitHistory(name, url, self._access.git_ca_file, now=self._now)
            return self._others[source.repo_url]

    def _note(self, source: Source, why: str) -> str:
        if self._access.is_own(source.repo_url):
            return texts.HISTORY_UNREAD.fill(reason=why)
        return texts.OTHER_HISTORY_UNREAD.fill(repository=_name(source), reason=why)


class GitHistory:
    """The git history of one repository, from a clone, from fetched commits, or from both.

    Args:
        name: the name of the repository in messages.
        url: the URL to fetch from, or an empty string if the job cannot fetch the repository.
        ca_file: the path of a PEM file with an additional certificate authority to trust, or an empty string.
        now: returns the time of a monotonic clock in seconds.
        clone: the folder of the job's clone of this repository, if there is one.
    """

    def __init__(
        self, name: str, url: str, ca_file: str, *, now: Callable[[], float], clone: Path | None = None
    ) -> None:
        self._stack = ExitStack()
        self._closed = False
        # Use a lock, because lookups for other repositories read the history of the job's repository at the same time.
        self._lock = threading.Lock()
        self._name = name
        self._url = url
        self._ca_file = ca_file
        self._now = now
        self._fetched: BaseRepo | None = None
        self._clone: BaseRepo | None = None
        self._again_at = now()
        self._rest = RETRY_SECONDS
        self.why = texts.NO_REPOSITORY_ADDRESS
        if clone is not None:
            self._open(clone)

    @property
    def fetched(self) -> bool:
        return self._fetched is not None

    def close(self) -> None:
        """Remove the fetched commits. A running fetch is not interrupted, but its result is discarded."""
        self._closed = True
        with suppress(Exception):
            self._stack.close()

    def holds(self, revision: str) -> bool:
        """Return True if the fetched commits contain the revision."""
        return self._fetched is not None and find_commit(self._fetched, revision) is not None

    def read(self, revision: str, expected: str, path: str) -> RevisionRelation | None:
        """Find out the relation of two revisions without using the network. Return None if the relation is unknown.

        Args:
            revision: the compared revision.
            expected: the expected revision.
            path: the folder of the application's manifests in the repository.
        """
        with self._lock:
            return self._read(revision, expected, path)

    def _read(self, revision: str, expected: str, path: str) -> RevisionRelation | None:
        return relation_in(self._clone, revision, expected, path) or relation_in(
            self._fetched, revision, expected, path
        )

    def ask(self, revision: str, expected: str, path: str) -> RevisionRelation | None:
        """Find out the relation of two revisions. Fetch missing commits first, unless a pause applies.

        If the relation is unknown, return None and set ``why`` to the reason. The arguments are those of ``read``.
        """
        with self._lock:
            return self._ask(revision, expected, path)

    def _ask(self, revision: str, expected: str, path: str) -> RevisionRelation | None:
        relation = self._read(revision, expected, path)
        if relation is None and self._url and self._now() >= self._again_at:
            self._fetch(revision, expected)
            relation = self._read(revision, expected, path)
            if relation is None:
                self._again_at, self._rest = self._now() + self._rest, min(self._rest * 2, LAST_RETRY_SECONDS)
        if relation is None or relation.relation not in {Relation.DESCENDANT, Relation.REVERTED}:
            return relation
        return by_files(relation, again=self._is_undone(revision, expected, path))

    def _open(self, clone: Path) -> None:
        self.why = self._without_url(texts.REVISION_NOT_IN_CLONE)
        try:
            self._clone = self._stack.enter_context(Repo(str(clone)))
        except NotGitRepository:
            self.why = self._without_url(texts.NO_CLONE)
        except Exception as error:  # noqa: BLE001 - dulwich raises any error if a clone is damaged or too new
            self.why = self._without_url(texts.CLONE_UNREADABLE.fill(error=self._safe(error)))

    def _without_url(self, reason: str) -> str:
        """Return the reason. If the job has no URL to fetch from, add which variable must contain it."""
        return reason if self._url else texts.VARIABLE_MISSING.fill(reason=reason, variable=self._name)

    def _fetch(self, revision: str, expected: str) -> None:
        whole = [ObjectID(name.encode()) for name in (revision, expected) if len(name) == _WHOLE]
        short = len(whole) < len((revision, expected))
        # Request the commits by their SHA. If the server does not allow that, request the branches and tags instead.
        for by_name, branches in ((True, short), (False, True)):
            try:
                choose = partial(wanted_refs, whole, by_name=by_name, branches=branches)
                self._fetched = self._download(choose, depth=FETCHED_COMMITS, keep=b"tree:0")
            except Exception as error:  # noqa: BLE001 - after any error, the relation is unknown
                self.why = self._safe(error)
            else:
                self.why = texts.NOT_IN_LAST_COMMITS.fill(count=FETCHED_COMMITS)
                return

    def _is_undone(self, revision: str, expected: str, path: str) -> bool | None:
        """Return True if the files show that ``expected`` was reverted, False if it was not, and None if it is unknown.

        If the clone and the fetched commits lack the necessary trees, fetch them.
        """
        for repository in filter(None, (self._clone, self._fetched)):
            later, wanted = find_commit(repository, revision), find_commit(repository, expected)
            if later is None or wanted is None:
                continue
            again = undone(repository, later.id, wanted.id, path)
            if again is not None or not self._url or not wanted.parents:
                return again
            for depth in depths(path):
                again = self._undone_by_trees(later.id, wanted, path, depth=depth)
                if again is not None:
                    return again
            return None
        return None

    def _undone_by_trees(self, later: ObjectID, wanted: Commit, path: str, *, depth: int) -> bool | None:
        """Fetch the trees down to ``depth`` levels, and compare the files in them.

        Return True if the files show that ``wanted`` was reverted, False if they show that it was not, otherwise None.
        """
        with suppress(Exception):
            choose = partial(wanted_refs, [later, wanted.id, wanted.parents[0]], by_name=True, branches=False)
            trees = self._download(choose, depth=1, keep=f"tree:{depth}".encode())
            return undone(trees, later, wanted.id, path)
        return None

    def _download(self, choose: Callable[..., list[ObjectID]], *, depth: int, keep: bytes) -> Repo:
        folder = tempfile.TemporaryDirectory(prefix="history-", ignore_cleanup_errors=True)
        self._stack.enter_context(folder)
        if self._closed:
            # Another thread has called ``close`` before this folder was registered, so ``close`` has not removed the
            # folder.
            folder.cleanup()
            raise InterruptedError(texts.JOB_ENDED)
        target = Repo.init_bare(folder.name)
        self._stack.callback(target.close)
        client, path = get_transport_and_path(
            self._url, quiet=True, pool_manager=http_connections(self._url, self._ca_file)
        )
        client.fetch(path.encode(), target, determine_wants=choose, depth=depth, filter_spec=keep)
        return target

    def _safe(self, error: Exception) -> str:
        """Return the error as one line of text, without the credentials in the URL."""
        reason = str(error)
        if isinstance(error, HTTPUnauthorized):
            reason = texts.LOGIN_REQUIRED
        elif isinstance(error, NotGitRepository):
            reason = reason or texts.NO_REPOSITORY
        account = urlsplit(self._url).netloc.rpartition("@")[0]
        for secret in (self._url, account, unquote(account), unquote(account).partition(":")[2]):
            reason = reason.replace(secret, self._name) if secret else reason
        return one_line(f"{type(error).__name__}: {reason}", limit=400)


class _Asking:
    """A lookup of a revision relation in a daemon thread. If the git server hangs, the job is not blocked."""

    def __init__(self, question: tuple[str, str, Source], find: Callable[[], RevisionRelation]) -> None:
        self.question = question
        self.answer = RevisionRelation(relation=Relation.UNKNOWN)
        self.ended = threading.Event()
        self._find = find
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            self.answer = self._find()
        except Exception as error:  # noqa: BLE001 - an error in a lookup must not end the job
            note = texts.HISTORY_FAILED.fill(error=type(error).__name__)
            self.answer = RevisionRelation(relation=Relation.UNKNOWN, note=note)
        finally:
            self.ended.set()


def wanted_refs(
    whole: Sequence[ObjectID],
    refs: Mapping[Ref, ObjectID | None],
    depth: int | None = None,
    *,
    by_name: bool,
    branches: bool,
) -> list[ObjectID]:
    del depth
    heads = [sha for name, sha in refs.items() if sha and name.startswith(b"refs/heads/")] if branches else []
    tags = [sha for name, sha in refs.items() if sha in whole and name.startswith(b"refs/tags/")]
    return list(dict.fromkeys([*(whole if by_name else tags), *heads]))


def http_connections(url: str, ca_file: str) -> Any:
    connections = default_urllib3_manager(None, base_url=url, timeout=SILENCE_SECONDS)
    if ca_file and url.startswith("https:"):
        connections.connection_pool_kw["ssl_context"] = tls_context(authorities=(ca_file,))
    return connections


def _stranger(source: Source, expected: str) -> str:
    return texts.COMMIT_ELSEWHERE.fill(repository=_name(source), commit=expected[:12])


def _name(source: Source) -> str:
    return one_line(str(GitUrl.parse(source.repo_url)), limit=200)
