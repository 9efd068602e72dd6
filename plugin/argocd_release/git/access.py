"""Decide which git repositories this job can read, at which address and with which credentials. Pure.

Each credential is for one server: the job's token for its own GitLab, RELEASE_GIT_TOKEN for the repository's server.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

from argocd_release.model.git_url import GitUrl

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
