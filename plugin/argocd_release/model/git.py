"""Git data: repository URLs, the job's credentials for them, revisions and their relations, and hydration.

URLs can have all forms that git accepts (git-fetch(1), "GIT URLS"). Each credential is only sent to one server: the
job's token to the GitLab of the job, and RELEASE_GIT_TOKEN to the server of the repository that Argo CD reads.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final, Self
from urllib.parse import quote, unquote, urlsplit

#: A pattern of full commit SHAs: SHA-1 or SHA-256.
SHA: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
#: A pattern of URLs that are safe to use as a link.
WEB: Final = re.compile(r"https?://[^\s\"'<>\\]+")
_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, kw_only=True)
class GitUrl:
    """The parts of a repository's URL. A missing part is empty or None.

    ``path`` has neither a slash at its ends nor the suffix ``.git``.
    """

    scheme: str
    host: str
    port: int | None
    path: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Split a URL into its parts. If the text is not a URL, the result has neither a scheme nor a host."""
        if "://" not in text:
            host, path = _host_and_path(text)
            return cls(scheme="ssh" if host else "", host=host.lower(), port=None, path=_path(path))
        try:
            parts = urlsplit(text)
            scheme, host, port = parts.scheme.lower(), (parts.hostname or "").lower(), parts.port
        except ValueError:
            return cls(scheme="", host="", port=None, path=text.rpartition("@")[2])
        return cls(scheme=scheme, host=host, port=port or _PORTS.get(scheme), path=_path(parts.path))

    def is_beside(self, other: "GitUrl") -> bool:
        """Return True if both repositories are on the same server, even if one URL uses ssh and the other https."""
        return self.host == other.host and (self.scheme != other.scheme or self.port == other.port)

    def is_same(self, other: "GitUrl") -> bool:
        """Return True if both URLs belong to the same repository."""
        return bool(self.scheme) and self.is_beside(other) and self.path.lower() == other.path.lower()

    def is_of_project(self, path: str) -> bool:
        """Return True if the URL belongs to the GitLab project with this path, on any server."""
        return f"/{self.path}".lower().endswith(f"/{path}".lower())

    def __str__(self) -> str:
        """Return the URL for display, without its scheme and credentials."""
        return f"{self.host}/{self.path}" if self.host else f"/{self.path}"


def _host_and_path(text: str) -> tuple[str, str]:
    """Split a URL in scp syntax, ``[user@]host:path``, into host and path. For other texts, the host is empty."""
    account, colon, path = text.partition(":")
    user, _, host = account.rpartition("@")
    is_scp = host and path and not path.startswith("//") and len(text.split()) == 1
    return (
        (host, path)
        if colon and is_scp and not any(mark in account for mark in "/[]") and "@" not in user
        else ("", text)
    )


def web_address(repo_url: str, project_url: str) -> str:
    """Return the URL of the repository's page in GitLab, or "" if the repository is on another server.

    Args:
        repo_url: the URL from which Argo CD reads the repository.
        project_url: the URL of the CI job's project in GitLab.
    """
    repository, project = GitUrl.parse(repo_url), GitUrl.parse(project_url)
    if not project.host or not repository.path or not repository.is_beside(project):
        return ""
    if repository.is_same(project):
        return project_url.rstrip("/")
    server = urlsplit(project_url)
    return f"{server.scheme}://{server.netloc}/{quote(repository.path)}"


def commit_address(repo_url: str, revision: str, project_url: str) -> str:
    """Return the URL of a commit's page in GitLab, or an empty string if the URL is not known.

    Args:
        repo_url: the URL from which Argo CD reads the repository.
        revision: the complete commit id.
        project_url: the URL of the CI job's project in GitLab.
    """
    address = web_address(repo_url, project_url)
    return f"{address}/-/commit/{revision}" if WEB.fullmatch(address) and SHA.fullmatch(revision) else ""


def _path(path: str) -> str:
    return unquote(path).strip("/").removesuffix(".git").rstrip("/")


_READABLE: Final = frozenset({"https", "http", "file", "git"})


@dataclass(frozen=True, kw_only=True)
class ChangedFiles:
    """The files that a merge request changes.

    Attributes:
        paths: the paths of the changed files in the repository, or None if they are not known.
        why: the reason why the paths are not known.
        refers_outside: returns True if a file of the folder can refer to a file outside the folder.
    """

    paths: frozenset[str] | None = None
    why: str = ""
    refers_outside: Callable[[str], bool] = lambda _: True


@dataclass(frozen=True, kw_only=True)
class Access:
    """The repositories and credentials of this job. If the job lacks one of them, its text is empty."""

    #: The folder of the job's clone, which does not have to exist.
    clone: str | Path
    #: The URL of the job's repository, with the job's token.
    repository_url: str = field(default="", repr=False)
    project_url: str = ""
    #: The token for the git server from which Argo CD reads the application, as ``token`` or ``user:token``.
    git_token: str = field(default="", repr=False)
    #: The path of a PEM file with an additional certificate authority to trust.
    git_ca_file: str = ""

    def is_own(self, repo_url: str) -> bool:
        """Return True if the URL is empty, or if it is the URL of the job's own repository."""
        url = GitUrl.parse(repo_url)
        return not repo_url or any(url.is_same(GitUrl.parse(own)) for own in (self.repository_url, self.project_url))

    def remote(self, repo_url: str) -> str:
        """Return the URL from which to fetch the repository, with credentials, or "" if the job cannot fetch it."""
        url, own = GitUrl.parse(repo_url), urlsplit(self.repository_url if self._is_beside(repo_url) else "")
        if self.is_own(repo_url):
            # Do not fetch over ssh, because ssh needs a key, and can wait for a passphrase.
            return self.repository_url if GitUrl.parse(self.repository_url).scheme in _READABLE else ""
        if url.scheme in {"file", "git"}:
            return repo_url
        if own.netloc:
            # Send the job's token only to the job's own GitLab, as the runner does. Send all other tokens only over
            # TLS.
            given = _account(self.git_token) if own.scheme == "https" else ""
            account = given or own.netloc.rpartition("@")[0]
            return _joined(own.scheme, account, own.netloc.rpartition("@")[2], url.path)
        if url.scheme == "ssh":
            return _joined("https", _account(self.git_token), url.host, url.path) if self.git_token else ""
        if url.scheme not in {"http", "https"}:
            return ""
        # Never send a token without TLS.
        account = _account(self.git_token) if url.scheme == "https" else ""
        parted = urlsplit(repo_url)
        return f"{url.scheme}://{account}{'@' if account else ''}{parted.netloc.rpartition('@')[2]}{parted.path}"

    def _is_beside(self, repo_url: str) -> bool:
        url = GitUrl.parse(repo_url)
        own_urls = [GitUrl.parse(own) for own in (self.repository_url, self.project_url)]
        return own_urls[0].scheme in {"http", "https"} and any(url.host and url.is_beside(own) for own in own_urls)


def _joined(scheme: str, account: str, server: str, path: str) -> str:
    return f"{scheme}://{account}{'@' if account else ''}{server}/{quote(path)}.git"


def _account(token: str) -> str:
    """Return ``user:password`` for a URL.

    If the token has no user name, use ``oauth2``, because GitLab and GitHub accept all user names with a token. Only a
    deploy token requires its own user name.
    """
    user, colon, password = token.partition(":")
    if not token:
        return ""
    return f"{quote(user, safe='')}:{quote(password, safe='')}" if colon else f"oauth2:{quote(token, safe='')}"


# A pattern of revisions that Argo CD accepts as a commit without resolving them (argo-cd v2.13.2 util/git/git.go
# truncatedCommitSHARegex).
_ABBREVIATED: Final = re.compile(r"[0-9a-f]{7,64}")


def same_revision(first: str, second: str) -> bool:
    """Return True if the revisions are equal, or if one is an abbreviated SHA of the other."""
    short, long = sorted((first.lower(), second.lower()), key=len)
    return first == second or (_ABBREVIATED.fullmatch(short) is not None and long.startswith(short))


def all_same_revisions(these: tuple[str, ...], those: tuple[str, ...]) -> bool:
    """Return True if both lists contain the same revisions in the same order. Abbreviated SHAs are allowed."""
    return len(these) == len(those) and all(map(same_revision, these, those))


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """A successful sync of all resources.

    Attributes:
        revisions: the synced revision of each source.
        parameters: the parameters of each source as JSON.
        ended_at: the end of the sync in RFC 3339, or an empty string.
    """

    revisions: tuple[str, ...]
    parameters: tuple[str, ...]
    ended_at: str = field(default="", compare=False)


class Relation(StrEnum):
    """The relation of the compared revision to the expected revision, for example ``OLDER``."""

    SAME = "same"
    DESCENDANT = "descendant"
    OLDER = "older"
    DIVERGED = "diverged"
    # The compared revision is a descendant in which the changes of the expected revision were reverted.
    REVERTED = "reverted"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class RevisionRelation:
    """The relation of two revisions in the git history. ``commits`` is the number of commits from one to the other."""

    relation: Relation
    commits: int = 0
    # The reason why the git history could not be read. ``final`` is True if a retry would fail, too.
    note: str = ""
    final: bool = False
    # True while the git history is being read.
    pending: bool = False
    # The commit that reverts the expected revision; empty if only the files show the revert.
    by: str = ""


class HydrationPhase(StrEnum):
    """The phase of the current or last hydration."""

    NONE = ""
    HYDRATING = "Hydrating"
    FAILED = "Failed"
    HYDRATED = "Hydrated"

    @classmethod
    def read(cls, value: object) -> Self:
        """Return the member for Argo CD's name of a phase, or ``NONE`` if the name is unknown."""
        return cls(value) if isinstance(value, str) and value in set(cls) else cls("")


@dataclass(frozen=True, kw_only=True)
class Hydration:
    """The state of Argo CD's source hydrator for an application.

    The hydrator renders the manifests of a dry revision and commits them to a hydrated branch. Times are RFC 3339. A
    revision or time is empty if it is unknown.
    """

    phase: HydrationPhase
    message: str = ""
    #: The dry revision of the last successful hydration, and the hydrated revision that it has created.
    dry_revision: str = ""
    hydrated_revision: str = ""
    #: The dry revision that the hydrator has compared last, even if this revision changes no manifests.
    compared_revision: str = ""
    #: The dry revision that could not be hydrated.
    failed_revision: str = ""
    finished_at: str = ""
    #: True if a hydration was requested and has not begun.
    requested: bool = False
    #: The staging branch, which another tool merges into the branch that Argo CD syncs; empty if there is none.
    staged_on: str = ""
    #: True if the hydrated manifests and the dry sources are in different repositories.
    is_elsewhere: bool = False

    @property
    def commit(self) -> str:
        """Return the dry commit whose manifests are on the hydrated branch, or an empty string if it is unknown.

        This can be a later commit than the last hydrated one. If a dry commit changes no manifests, the hydrator only
        records that it has compared the commit. The manifests on the branch then belong to this commit, too.
        """
        if self.staged_on:
            return ""
        unchanged = self.phase is HydrationPhase.HYDRATED and self.compared_revision
        return unchanged or self.dry_revision

    @property
    def failed(self) -> bool:
        """Return True if the last hydration has failed, and no new hydration was requested."""
        return self.phase is HydrationPhase.FAILED and not self.requested

    def is_seen(self, revision: str, reconciled_at: str) -> bool:
        """Return True if Argo CD's last comparison includes the last hydration.

        Args:
            revision: the compared revision.
            reconciled_at: the time of the comparison, in RFC 3339.
        """
        same = bool(self.hydrated_revision) and same_revision(revision, self.hydrated_revision)
        # The compared revision can be newer than the hydrated one, because another application can hydrate to the same
        # branch. So also accept a comparison that was made after the hydration.
        return same or bool(self.staged_on) or reconciled_at > self.finished_at


@dataclass(frozen=True, kw_only=True)
class Source:
    """A source of manifests: a ``chart`` in a Helm repository, or a ``path`` in a git repository or an OCI image."""

    repo_url: str
    path: str = ""
    chart: str = ""
    ref: str = ""
    target_revision: str = ""

    @property
    def is_oci(self) -> bool:
        """Return True for an image with manifests or a chart in an OCI registry (argo-cd v3.1 IsOCI in types.go)."""
        return self.repo_url.startswith("oci://")

    def __str__(self) -> str:
        return " ".join(filter(None, (self.repo_url, self.chart or self.path)))
