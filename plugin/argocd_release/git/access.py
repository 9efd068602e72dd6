"""Which git repositories this job may read, where, and as whom. Pure.

Credentials are made for one server each: the job's token for its own GitLab, RELEASE_GIT_TOKEN for the repository's.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

from argocd_release.model.git_url import GitUrl

_READABLE: Final = frozenset({"https", "http", "file", "git"})


@dataclass(frozen=True, kw_only=True)
class Access:
    """What this job may read, and as whom: ``clone`` may not be there, each address and ``git_token`` may be ``""``.

    ``repository_url`` holds the job's token. ``git_token`` is ``token`` or ``user:token``. ``ca_file``: trusted too.
    """

    clone: Path
    repository_url: str = field(default="", repr=False)
    project_url: str = ""
    git_token: str = field(default="", repr=False)
    ca_file: str = ""

    def is_own(self, repo_url: str) -> bool:
        """Whether this is the repository of the job's own project; ``""`` is taken for it."""
        asked = GitUrl.parse(repo_url)
        return not repo_url or any(asked.is_same(GitUrl.parse(own)) for own in (self.repository_url, self.project_url))

    def remote(self, repo_url: str) -> str:
        """Where to fetch the repository from, credentials included; ``""``: this job cannot."""
        asked, own = GitUrl.parse(repo_url), urlsplit(self.repository_url if self._is_beside(repo_url) else "")
        if self.is_own(repo_url):
            # No ssh: it may wait for a passphrase, and asks whoever reads over it for a key of its own.
            return self.repository_url if GitUrl.parse(self.repository_url).scheme in _READABLE else ""
        if asked.scheme in {"file", "git"}:
            return repo_url
        if own.netloc:
            # The job's token is sent to its own GitLab alone, as the runner itself sends it. Any other token needs TLS.
            given = _account(self.git_token) if own.scheme == "https" else ""
            account = given or own.netloc.rpartition("@")[0]
            return _joined(own.scheme, account, own.netloc.rpartition("@")[2], asked.path)
        if asked.scheme == "ssh":
            return _joined("https", _account(self.git_token), asked.host, asked.path) if self.git_token else ""
        if asked.scheme not in {"http", "https"}:
            return ""
        # A token never travels in the clear.
        account = _account(self.git_token) if asked.scheme == "https" else ""
        parted = urlsplit(repo_url)
        return f"{asked.scheme}://{account}{'@' if account else ''}{parted.netloc.rpartition('@')[2]}{parted.path}"

    def _is_beside(self, repo_url: str) -> bool:
        asked = GitUrl.parse(repo_url)
        known = [GitUrl.parse(own) for own in (self.repository_url, self.project_url)]
        return known[0].scheme in {"http", "https"} and any(asked.host and asked.is_beside(own) for own in known)


def _joined(scheme: str, account: str, server: str, path: str) -> str:
    return f"{scheme}://{account}{'@' if account else ''}{server}/{quote(path)}.git"


def _account(token: str) -> str:
    """User and password of a URL. GitLab and GitHub take any user beside a token, but a deploy token has one."""
    user, colon, password = token.partition(":")
    if not token:
        return ""
    return f"{quote(user, safe='')}:{quote(password, safe='')}" if colon else f"oauth2:{quote(token, safe='')}"
