"""How Argo CD is reached: the one thing from which both the CLI and the API client are made."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from argocd_release.argocd import options


@dataclass(frozen=True, kw_only=True)
class Connection:
    """``server``: host with port or without; ``opts``: options of the argocd CLI, as in ``ARGOCD_OPTS``.

    ``ca_file``: a PEM file with an authority to trust beside the system's; ``""``: none.
    """

    server: str
    auth_token: str = field(repr=False)
    opts: str = field(default="", repr=False)
    ca_file: str = ""

    @cached_property
    def options(self) -> Mapping[str, str]:
        """The options by name; a flag without a value is ``"true"``."""
        return options.parse(self.opts)

    @property
    def environ(self) -> dict[str, str]:
        """The variables that the argocd CLI reads itself, without the white space around what was set."""
        # Of an option that is there twice argocd takes the last.
        trusted = f"--server-crt {shlex.quote(self.ca_file)}" if self.ca_file else ""
        opts = f"{self.opts} {trusted}".strip()
        return {"ARGOCD_SERVER": self.server, "ARGOCD_AUTH_TOKEN": self.auth_token, "ARGOCD_OPTS": opts}

    @property
    def address(self) -> str:
        """Argo CD's own address, as a URL without a slash at the end."""
        scheme = "http" if self.options.get("--plaintext") == "true" else "https"
        root = self.options.get("--grpc-web-root-path", "").strip("/")
        return f"{scheme}://{self.server}/{root}".rstrip("/")

    @property
    def headers(self) -> dict[str, str]:
        """What every request carries: the token, and the headers among the options."""
        headers = {"Authorization": f"Bearer {self.auth_token}"}
        for header in filter(None, self.options.get("--header", "").split(",")):
            name, _, value = header.partition(":")
            headers[name.strip()] = value.strip()
        return headers
