"""Parse the address of a git repository, in any of git's forms (git-fetch(1), «GIT URLS»). Pure."""

import re
from dataclasses import dataclass
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
