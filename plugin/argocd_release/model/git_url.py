"""A git repository's address, in whichever of git's forms it is written (git-fetch(1), «GIT URLS»). Pure."""

import re
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import quote, unquote, urlsplit

#: The whole name of a commit.
SHA: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
#: An address that can be linked to, and is nothing else.
WEB: Final = re.compile(r"https?://[^\s\"'<>\\]+")
_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, kw_only=True)
class GitUrl:
    """Parts of an address; ``""`` or None what it lacks. ``path`` has no slash at its ends and no ``.git``."""

    scheme: str
    host: str
    port: int | None
    path: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """The parts; what is no address has no host and no scheme. Never raises."""
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
        """Whether both are on one server, be it over ssh or https."""
        return self.host == other.host and (self.scheme != other.scheme or self.port == other.port)

    def is_same(self, other: "GitUrl") -> bool:
        """Whether both address one repository."""
        return bool(self.scheme) and self.is_beside(other) and self.path.lower() == other.path.lower()

    def __str__(self) -> str:
        """The address for people: without credentials."""
        return f"{self.host}/{self.path}" if self.host else f"/{self.path}"


def _host_and_path(text: str) -> tuple[str, str]:
    """Of ``[user@]host:path``, as scp writes it; of anything else no host."""
    account, colon, path = text.partition(":")
    user, _, host = account.rpartition("@")
    told = host and path and not path.startswith("//") and len(text.split()) == 1
    return (
        (host, path)
        if colon and told and not any(mark in account for mark in "/[]") and "@" not in user
        else ("", text)
    )


def web_address(repo_url: str, project_url: str) -> str:
    """Where GitLab shows the repository, if it is one of the server that ``project_url`` names; else ``""``."""
    repository, project = GitUrl.parse(repo_url), GitUrl.parse(project_url)
    if not project.host or not repository.path or not repository.is_beside(project):
        return ""
    if repository.is_same(project):
        return project_url.rstrip("/")
    server = urlsplit(project_url)
    return f"{server.scheme}://{server.netloc}/{quote(repository.path)}"


def _path(path: str) -> str:
    return unquote(path).strip("/").removesuffix(".git").rstrip("/")
