"""The connection to Argo CD: its options, and a token that is renewed if it expires before the release ends."""

import shlex
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from types import MappingProxyType
from typing import Final

from argocd_release.messages import ProblemMessage, settings
from argocd_release.model.errors import SignInError
from argocd_release.timing import RENEWAL_PAUSE, SIGN_IN, Background, run_in_background
from argocd_release.transport.network import tls_context

# Options whose value is never a secret and can be shown: paths, names and words of argocd.
_OPEN: Final = frozenset({
    "--config", "--server-crt", "--client-crt", "--client-crt-key", "--grpc-web-root-path", "--logformat",
    "--loglevel", "--port-forward-namespace", "--http-retry-max", "--kube-context", "--redis-name",
    "--controller-name", "--server-name", "--repo-server-name", "--redis-haproxy-name", "--redis-compress",
    "--argocd-context",
})  # fmt: skip
# Options of argocd that take a value. The others are flags: only the bare name, =true and =false make sense (argo-cd
# v2.13.2 cmd/argocd/commands/root.go:66-82).
_VALUED: Final = _OPEN | {"--header"}
_OWN: Final = {"--auth-token": "ARGOCD_AUTH_TOKEN", "--server": "ARGOCD_SERVER"}
_NO_SERVER: Final = settings.BYPASSES_SERVER.fill()
#: The options with which argocd would bypass the server that this job uses, and the reason to reject each option.
_UNUSABLE: Final[Mapping[str, str]] = MappingProxyType({
    "--core": settings.READS_CLUSTER.fill(),
    "--port-forward": _NO_SERVER,
    "--port-forward-namespace": _NO_SERVER,
})  # fmt: skip


def parse_options(opts: str) -> dict[str, str]:
    """Return the options by name, as argocd reads them. A flag without a value is ``"true"``.

    Source: argo-cd v2.13.2 util/config/env.go:23-60.
    """
    options: dict[str, str] = {}
    split = option_words(opts)
    for position, word in enumerate(split):
        if word.startswith("--"):
            option, separator, value = word.partition("=")
            following = split[position + 1] if position + 1 < len(split) else ""
            options[option] = (
                value if separator else following if not following.startswith("--") and following else "true"
            )
    return options


def option_words(opts: str) -> list[str]:
    """Split like a shell. If a quote is unbalanced, split on whitespace instead."""
    try:
        return shlex.split(opts)
    except ValueError:
        return opts.split()


def option_secrets(opts: str) -> Iterator[str]:
    """Yield every part of the options that can be a secret: all but option names and the values of harmless options.

    If the quotes around a header are missing, its value consists of several words. So every word that follows no
    option counts as a secret.
    """
    before = ""
    for word in option_words(opts):
        option, separator, value = word.partition("=")
        if not word.startswith("--"):
            # The value of a short option can follow it directly: -HName:value.
            option, value = before, word.removeprefix("-H")
        if option not in _OPEN:
            yield from _secret_parts(value)
        before = option if word.startswith("--") and not separator else ""


def option_problems(opts: str) -> Iterator[tuple[ProblemMessage, dict[str, str]]]:
    """Yield the message of each mistake with its fields, without any word that can be a secret."""
    try:
        split = shlex.split(opts)
    except ValueError:
        yield settings.OPTION_QUOTE, {}
        return
    takes_value, stray = False, list[str]()
    for position, word in enumerate(split, start=1):
        option = word.partition("=")[0]
        if option in _OWN:
            yield settings.OPTION_OWN, {"option": option, "instead": f"<{_OWN[option]}>"}
            takes_value = True
        elif option in _UNUSABLE and word != f"{option}=false":
            yield settings.OPTION_UNUSABLE, {"option": option, "reason": _UNUSABLE[option]}
            takes_value = option in _VALUED and "=" not in word
        elif word.startswith("--"):
            takes_value = "=" not in word and option in _VALUED
        elif takes_value:
            takes_value = False
        else:
            stray.append(str(position))
    if stray:
        # argocd exits with code 1 if there are such words (argo-cd v2.13.2 util/config/env.go:44).
        is_one = len(stray) == 1
        yield (
            settings.OPTION_STRAY,
            {"words": f"{'word' if is_one else 'words'} {', '.join(stray)}", "verb": "is" if is_one else "are"},
        )


def _secret_parts(value: str) -> Iterator[str]:
    """Yield the value, its parts between commas, and the values of headers in it, with and without their quotes."""
    for part in (value, *value.split(",")):
        bare = part.strip("\"'")
        name, colon, rest = bare.partition(":")
        yield from (part, bare)
        if colon and name.replace("-", "").isalnum():
            yield rest.strip()


#: A token is renewed after this share of its lifetime.
_DUE: Final = 0.8


@dataclass(frozen=True, kw_only=True)
class Connection:
    """The address of Argo CD and the token for it."""

    #: The host, with or without a port.
    server: str
    auth_token: str = field(repr=False)
    #: Options of the argocd CLI, as in ``ARGOCD_OPTS``.
    opts: str = field(default="", repr=False)
    #: Path of a PEM file with a certificate authority to trust besides the system's, or an empty string.
    ca_file: str = ""

    @cached_property
    def options(self) -> Mapping[str, str]:
        """Return the options by name. A flag without a value is ``"true"``."""
        return parse_options(self.opts)

    @property
    def environ(self) -> dict[str, str]:
        """Return the environment variables with which the argocd CLI connects: server, token and options."""
        # If an option is given twice, argocd uses the last one. So ``ca_file`` replaces a --server-crt in ``opts``.
        trusted = f"--server-crt {shlex.quote(self.ca_file)}" if self.ca_file else ""
        opts = f"{self.opts} {trusted}".strip()
        return {"ARGOCD_SERVER": self.server, "ARGOCD_AUTH_TOKEN": self.auth_token, "ARGOCD_OPTS": opts}

    @property
    def address(self) -> str:
        """Return the URL of Argo CD, with the root path of the options and without a trailing slash."""
        scheme = "http" if self.options.get("--plaintext") == "true" else "https"
        root = self.options.get("--grpc-web-root-path", "").strip("/")
        return f"{scheme}://{self.server}/{root}".rstrip("/")

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers of every request: the token, and the headers that the options set."""
        return {"Authorization": f"Bearer {self.auth_token}", **self.plain_headers}

    @property
    def plain_headers(self) -> dict[str, str]:
        """Return the headers that the options set (``--header``), without the token."""
        headers: dict[str, str] = {}
        for header in filter(None, self.options.get("--header", "").split(",")):
            name, _, value = header.partition(":")
            headers[name.strip()] = value.strip()
        return headers

    def tls(self) -> ssl.SSLContext:
        """Return the TLS context that the options describe.

        Raises:
            OSError: a file that the options name cannot be read.
        """
        given = self.options
        return tls_context(
            authorities=filter(None, (given.get("--server-crt", ""), self.ca_file)),
            certificate=given.get("--client-crt", ""),
            key=given.get("--client-crt-key", ""),
            verify=given.get("--insecure") != "true",
        )


@dataclass(frozen=True, kw_only=True)
class SignedIn:
    """A connection with a token that Argo CD accepts."""

    connection: Connection
    #: The lifetime of the token in seconds, or None if the token is never renewed.
    lifetime: float | None = None


class Credentials:
    """A provider of the connection for each request. It renews the token. Many threads can use it at once.

    The token is renewed in the background before it expires. Requests use the old token meanwhile. If Argo CD refuses
    a token, the request waits for the renewal.

    Args:
        connection: the connection with the first token.
        lifetime: the lifetime of that token in seconds, or None if it is never renewed.
        renew: returns a connection with another token, or raises ``SignInError``.
        on_failure: receives the reason why a renewal failed.
        check: is called while the main thread waits for a renewal, and raises to end the waiting.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        lifetime: float | None = None,
        renew: Callable[[], SignedIn] | None = None,
        on_failure: Callable[[str], object] = lambda _: None,
        check: Callable[[], object] = lambda: None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection = connection
        self._renew = renew if lifetime is not None else None
        self._on_failure = on_failure
        self._check = check
        self._now = now
        self._lock = threading.Lock()
        self._renewal: Background[None] | None = None
        self._not_before = float("-inf")
        self._due_at = now() + (lifetime or 0.0) * _DUE

    def current(self) -> Connection:
        """Return the connection with the newest token, without waiting. If a renewal is due, start it."""
        with self._lock:
            if self._now() >= self._due_at:
                self._begin()
            return self._connection

    def newer_than(self, refused: Connection) -> Connection | None:
        """Return a connection with a newer token than the refused one, or None if there is none."""
        with self._lock:
            if self._connection is not refused:
                return self._connection
            # If Argo CD refuses a token that is not due for renewal, its account was perhaps disabled. A new token
            # would be refused too, so pause before the next renewal.
            pause = RENEWAL_PAUSE if self._now() < self._due_at else 0.0
            renewal = self._begin(pause=pause)
        if renewal is None:
            return None
        is_main = threading.current_thread() is threading.main_thread()
        renewal.wait_for(seconds=SIGN_IN, check=self._check if is_main else lambda: None)
        with self._lock:
            return self._connection if self._connection is not refused else None

    def _begin(self, *, pause: float = 0.0) -> "Background[None] | None":
        """Return the running renewal or a new one, or None if there is nothing to renew or it is too early.

        Args:
            pause: seconds until the next renewal can begin.
        """
        if self._renewal is not None and not self._renewal.done():
            return self._renewal
        if self._renew is None or self._now() < self._not_before:
            return None
        self._not_before = self._now() + pause
        self._renewal = run_in_background(partial(self._renew_once, self._renew))
        return self._renewal

    def _renew_once(self, renew: Callable[[], SignedIn]) -> None:
        try:
            signed = renew()
        except SignInError as error:
            # Keep the old token, because it can still be valid. If it is not, Argo CD refuses it.
            with self._lock:
                self._not_before = self._now() + RENEWAL_PAUSE
            self._on_failure(str(error))
            return
        with self._lock:
            self._connection = signed.connection
            self._due_at = self._now() + (signed.lifetime or 0.0) * _DUE


_BEGIN: Final = "-----BEGIN"


def authority_file(given: str, stack: ExitStack) -> str:
    """Return the path of a PEM file with the certificate authority, or an empty string.

    Args:
        given: a certificate in PEM, a path, or an empty string. A certificate is written to a temporary file. A path
            or an empty string is returned unchanged.
        stack: removes the temporary file when it is closed.
    """
    if _BEGIN not in given:
        return given
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="argocd-ca-")))
    path = folder / "authority.pem"
    # A CI/CD variable can contain the two characters "\n" for each line break, or Windows line breaks.
    path.write_text(given.replace("\\n", "\n").replace("\r\n", "\n").strip() + "\n", encoding="utf-8")
    return str(path)
