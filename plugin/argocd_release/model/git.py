"""Git: the address of a repository, the job's access to it, revisions and their relation, and hydration. Pure.

An address can have any of git's forms (git-fetch(1), «GIT URLS»). Each credential is for one server: the job's token
for its own GitLab, RELEASE_GIT_TOKEN for the repository's server.
"""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final, Self
from urllib.parse import quote, unquote, urlsplit

#: A complete commit id.
SHA: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
#: An address that is safe to use as a link.
WEB: Final = re.compile(r"https?://[^\s\"'<>\\]+")
_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, kw_only=True)
class GitUrl:
    """The parts of an address. A missing part is empty or None. ``path`` has no slash at its ends and no ``.git``."""

    scheme: str
    host: str
    port: int | None
    path: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the parts. If the text is not an address, they have no host and no scheme; no exception is raised."""
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
        """Return True if both are on the same server, over ssh or https."""
        return self.host == other.host and (self.scheme != other.scheme or self.port == other.port)

    def is_same(self, other: "GitUrl") -> bool:
        """Return True if both are addresses of the same repository."""
        return bool(self.scheme) and self.is_beside(other) and self.path.lower() == other.path.lower()

    def __str__(self) -> str:
        """Return the address for people, without credentials."""
        return f"{self.host}/{self.path}" if self.host else f"/{self.path}"


def _host_and_path(text: str) -> tuple[str, str]:
    """Return host and path of ``[user@]host:path``, the form of scp. The host of any other text is empty."""
    account, colon, path = text.partition(":")
    user, _, host = account.rpartition("@")
    is_scp = host and path and not path.startswith("//") and len(text.split()) == 1
    return (
        (host, path)
        if colon and is_scp and not any(mark in account for mark in "/[]") and "@" not in user
        else ("", text)
    )


def web_address(repo_url: str, project_url: str) -> str:
    """Return the address of the repository's page in GitLab, or an empty string.

    It is known only if the repository is on the server of ``project_url``.
    """
    repository, project = GitUrl.parse(repo_url), GitUrl.parse(project_url)
    if not project.host or not repository.path or not repository.is_beside(project):
        return ""
    if repository.is_same(project):
        return project_url.rstrip("/")
    server = urlsplit(project_url)
    return f"{server.scheme}://{server.netloc}/{quote(repository.path)}"


def _path(path: str) -> str:
    return unquote(path).strip("/").removesuffix(".git").rstrip("/")


_READABLE: Final = frozenset({"https", "http", "file", "git"})


@dataclass(frozen=True, kw_only=True)
class Access:
    """The repositories and credentials of this job. Each text can be empty."""

    #: The job's own clone, which can be missing.
    clone: Path
    #: The address of the job's repository, with the job's token.
    repository_url: str = field(default="", repr=False)
    project_url: str = ""
    #: The token for the repository's server, as ``token`` or ``user:token``.
    git_token: str = field(default="", repr=False)
    #: Path of a PEM file with a certificate authority to trust besides the system's.
    ca_file: str = ""

    def is_own(self, repo_url: str) -> bool:
        """Return True if the URL is that of the repository of the job's project. An empty URL counts as this one."""
        url = GitUrl.parse(repo_url)
        return not repo_url or any(url.is_same(GitUrl.parse(own)) for own in (self.repository_url, self.project_url))

    def remote(self, repo_url: str) -> str:
        """Return the URL to fetch the repository from, with credentials; empty if this job cannot fetch it."""
        url, own = GitUrl.parse(repo_url), urlsplit(self.repository_url if self._is_beside(repo_url) else "")
        if self.is_own(repo_url):
            # ssh is not used: it can wait for a passphrase, and needs a key of its own.
            return self.repository_url if GitUrl.parse(self.repository_url).scheme in _READABLE else ""
        if url.scheme in {"file", "git"}:
            return repo_url
        if own.netloc:
            # Like the runner, send the job's token only to the job's own GitLab. Send any other token only over TLS.
            given = _account(self.git_token) if own.scheme == "https" else ""
            account = given or own.netloc.rpartition("@")[0]
            return _joined(own.scheme, account, own.netloc.rpartition("@")[2], url.path)
        if url.scheme == "ssh":
            return _joined("https", _account(self.git_token), url.host, url.path) if self.git_token else ""
        if url.scheme not in {"http", "https"}:
            return ""
        # A token is never sent without TLS.
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
    """Return user and password for a URL.

    GitLab and GitHub accept any user next to a token, but a deploy token has a user of its own.
    """
    user, colon, password = token.partition(":")
    if not token:
        return ""
    return f"{quote(user, safe='')}:{quote(password, safe='')}" if colon else f"oauth2:{quote(token, safe='')}"


# The texts that Argo CD treats as a commit and does not resolve (argo-cd v2.13.2 util/git/git.go
# truncatedCommitSHARegex).
_ABBREVIATED: Final = re.compile(r"[0-9a-f]{7,64}")


def same_revision(first: str, second: str) -> bool:
    """Return True if both are equal, or if one is a commit and the other is an abbreviation of it."""
    short, long = sorted((first.lower(), second.lower()), key=len)
    return first == second or (_ABBREVIATED.fullmatch(short) is not None and long.startswith(short))


def all_same_revisions(these: tuple[str, ...], those: tuple[str, ...]) -> bool:
    """Return True if the revisions of several sources are the same, one by one."""
    return len(these) == len(those) and all(map(same_revision, these, those))


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """A successful sync of all resources. ``parameters`` are its sources without their target revisions."""

    revisions: tuple[str, ...]
    parameters: tuple[str, ...]


class Relation(StrEnum):
    """The relation of the revision that Argo CD compares with to the expected revision."""

    SAME = "same"
    DESCENDANT = "descendant"
    OLDER = "older"
    DIVERGED = "diverged"
    # It is a descendant, but the change of the expected revision was reverted in it.
    REVERTED = "reverted"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class RevisionRelation:
    """The relation of two revisions by the git history. ``commits`` is the number of commits between them."""

    relation: Relation
    commits: int = 0
    # The reason why the history could not be consulted. If ``final`` is True, waiting does not help.
    note: str = ""
    final: bool = False
    # True while the history is being consulted.
    pending: bool = False
    # The revision that reverts the expected one; empty if only the files show it.
    by: str = ""


class HydrationPhase(StrEnum):
    NONE = ""
    HYDRATING = "Hydrating"
    FAILED = "Failed"
    HYDRATED = "Hydrated"

    @classmethod
    def read(cls, value: object) -> Self:
        """Return the phase of that name. An unknown phase counts as none."""
        return cls(value) if isinstance(value, str) and value in set(cls) else cls("")


@dataclass(frozen=True, kw_only=True)
class Hydration:
    """The progress of a hydration. Unknown revisions and times are empty. Times are RFC 3339."""

    phase: HydrationPhase
    message: str = ""
    #: The dry and the hydrated revision of the last hydration that succeeded.
    dry_revision: str = ""
    hydrated_revision: str = ""
    #: The dry revision that Argo CD looked at last, even if nothing changed.
    compared_revision: str = ""
    #: The dry revision of a hydration that failed.
    failed_revision: str = ""
    finished_at: str = ""
    #: True if a hydration was requested, and Argo CD has not begun it.
    requested: bool = False
    #: The staging branch, which another tool merges into the synced branch; empty if there is none.
    staged_on: str = ""
    #: True if the hydrated manifests are in another repository than the dry ones.
    is_elsewhere: bool = False

    @property
    def commit(self) -> str:
        """Return the dry commit whose manifests are on the hydrated branch, or an empty string if it is not known.

        Argo CD can process a commit without another hydration if the commit changes no manifests.
        """
        if self.staged_on:
            return ""
        unchanged = self.phase is HydrationPhase.HYDRATED and self.compared_revision
        return unchanged or self.dry_revision

    @property
    def failed(self) -> bool:
        """Return True if it has failed, and no retry was requested."""
        return self.phase is HydrationPhase.FAILED and not self.requested

    def is_seen(self, revision: str, reconciled_at: str) -> bool:
        """Return True if the comparison with ``revision`` at ``reconciled_at`` contains the hydrated commit."""
        same = bool(self.hydrated_revision) and same_revision(revision, self.hydrated_revision)
        # Another application can hydrate to the same branch, so a comparison after the hydration counts, too.
        return same or bool(self.staged_on) or reconciled_at > self.finished_at
