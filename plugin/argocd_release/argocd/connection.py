"""The connection to Argo CD: its address, its options, and a token that is renewed before it expires.

This module parses options in the same way as the argocd CLI parses ``ARGOCD_OPTS`` (argo-cd v2.13.2
util/config/env.go:23-60).
"""

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
from argocd_release.transport.network import host_of, tls_context

# Options whose values are never secret, so the job is allowed to print them.
_OPEN: Final = frozenset({
    "--config", "--server-crt", "--client-crt", "--client-crt-key", "--grpc-web-root-path", "--logformat",
    "--loglevel", "--port-forward-namespace", "--http-retry-max", "--kube-context", "--redis-name",
    "--controller-name", "--server-name", "--repo-server-name", "--redis-haproxy-name", "--redis-compress",
    "--argocd-context",
})  # fmt: skip
# Options of argocd that take a value. All other options are flags, whose only possible values are true and false
# (argo-cd v2.13.2 cmd/argocd/commands/root.go:66-82).
_VALUED: Final = _OPEN | {"--header"}
_OWN: Final = {"--auth-token": "ARGOCD_AUTH_TOKEN", "--server": "ARGOCD_SERVER"}
_NO_SERVER: Final = settings.BYPASSES_SERVER.fill()
#: Options that would make argocd bypass the server of this job, each with the reason to reject it.
_UNUSABLE: Final[Mapping[str, str]] = MappingProxyType({
    "--core": settings.READS_CLUSTER.fill(),
    "--port-forward": _NO_SERVER,
    "--port-forward-namespace": _NO_SERVER,
})  # fmt: skip


def parse_options(opts: str) -> dict[str, str]:
    """Parse the options like argocd. Return the value of each option by its name. A flag without a value is ``"true"``.

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
    """Split the options into words like a shell, or at whitespace if a quote is unbalanced."""
    try:
        return shlex.split(opts)
    except ValueError:
        return opts.split()


def option_secrets(opts: str) -> Iterator[str]:
    """Yield each part of the connection options that can be a secret.

    Only option names and the values of harmless options are never secret. If the quotes around a header are missing,
    its value consists of several words. So each word that does not follow an option name is treated as a secret.
    """
    before = ""
    for word in option_words(opts):
        option, separator, value = word.partition("=")
        if not word.startswith("--"):
            # The short option -H and its value can be one word: -HName:value.
            option, value = before, word.removeprefix("-H")
        if option not in _OPEN:
            yield from _secret_parts(value)
        before = option if word.startswith("--") and not separator else ""


def option_problems(opts: str) -> Iterator[tuple[ProblemMessage, dict[str, str]]]:
    """Yield a message for each mistake in the options, with the values of its fields. They contain no secret."""
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
        # argocd exits with code 1 if a word is neither an option nor the value of an option (argo-cd v2.13.2
        # util/config/env.go:44).
        is_one = len(stray) == 1
        yield (
            settings.OPTION_STRAY,
            {"words": f"{'word' if is_one else 'words'} {', '.join(stray)}", "verb": "is" if is_one else "are"},
        )


def _secret_parts(value: str) -> Iterator[str]:
    """Yield the secret strings in the value of an option, in each form in which they could be printed.

    These are the value itself, its parts between commas, and the values of headers, each with and without quotes.
    """
    for part in (value, *value.split(",")):
        bare = part.strip("\"'")
        name, colon, rest = bare.partition(":")
        yield from (part, bare)
        if colon and name.replace("-", "").isalnum():
            yield rest.strip()


#: The fraction of a token's lifetime after which the token is renewed.
_DUE: Final = 0.8


@dataclass(frozen=True, kw_only=True)
class Connection:
    """The address of Argo CD, the token, and the options of the connection."""

    #: The host of the Argo CD server, optionally with a port.
    server: str
    auth_token: str = field(repr=False)
    #: Options of the argocd CLI, as in ``ARGOCD_OPTS``.
    opts: str = field(default="", repr=False)
    #: The path of a PEM file with an additional certificate authority to trust, or an empty string.
    ca_file: str = ""
    #: The URL of the HTTP proxy through which the job reaches Argo CD, or an empty string. It can contain a password.
    proxy: str = field(default="", repr=False)

    @cached_property
    def options(self) -> Mapping[str, str]:
        """Return the value of each option in ``opts`` by its name. A flag without a value has the value ``"true"``."""
        return parse_options(self.opts)

    @property
    def environ(self) -> dict[str, str]:
        """Return the environment variables with which the argocd CLI connects: server, token and options."""
        # If an option occurs twice, argocd uses its last value. So ``ca_file`` takes precedence over --server-crt in
        # ``opts``.
        trusted = f"--server-crt {shlex.quote(self.ca_file)}" if self.ca_file else ""
        opts = f"{self.opts} {trusted}".strip()
        return {"ARGOCD_SERVER": self.server, "ARGOCD_AUTH_TOKEN": self.auth_token, "ARGOCD_OPTS": opts}

    @property
    def address(self) -> str:
        """Return the URL of Argo CD without a trailing slash. It contains the path of ``--grpc-web-root-path``."""
        scheme = "http" if self.options.get("--plaintext") == "true" else "https"
        root = self.options.get("--grpc-web-root-path", "").strip("/")
        return f"{scheme}://{self.server}/{root}".rstrip("/")

    @property
    def proxy_name(self) -> str:
        """Return the host and port of the proxy, without the user name and the password."""
        return host_of(self.proxy)

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers of an authenticated request: the token, and the headers that the options set."""
        return {"Authorization": f"Bearer {self.auth_token}", **self.plain_headers}

    @property
    def plain_headers(self) -> dict[str, str]:
        """Return the HTTP headers that the option ``--header`` sets. The token is not one of them."""
        headers: dict[str, str] = {}
        for header in filter(None, self.options.get("--header", "").split(",")):
            name, _, value = header.partition(":")
            headers[name.strip()] = value.strip()
        return headers

    def tls(self) -> ssl.SSLContext:
        """Create a TLS context according to the options.

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
    """The result of a sign-in: a connection with a token that Argo CD accepts."""

    connection: Connection
    #: The lifetime of the token in seconds, or None if the token is never renewed.
    lifetime: float | None = None


class Credentials:
    """A thread-safe provider of connections that keeps the token valid.

    The token is renewed in the background before it expires. Meanwhile, requests use the old token. Only a request that
    Argo CD refuses waits for the renewal.

    Args:
        connection: the connection with the first token.
        lifetime: the lifetime of that token in seconds, or None to never renew it.
        renew: signs in again and returns a connection with a new token, or raises ``SignInError``.
        on_failure: a callback that receives the error message if a renewal failed.
        check: a callback that is called repeatedly while the main thread waits for a renewal. It raises an exception
            to cancel the wait.
        now: returns the time of a monotonic clock in seconds.
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
        """Return the connection with the newest token. If the token must be renewed, start that in the background."""
        with self._lock:
            if self._now() >= self._due_at:
                self._begin()
            return self._connection

    def newer_than(self, refused: Connection) -> Connection | None:
        """Return a connection with a newer token than the refused one, or None if there is no newer token.

        If necessary, renew the token first. This takes at most ``SIGN_IN`` seconds.
        """
        with self._lock:
            if self._connection is not refused:
                return self._connection
            # If Argo CD refuses a token that is not due for renewal, the account was probably disabled. Argo CD would
            # then refuse each new token too, so do not renew it for every request.
            pause = RENEWAL_PAUSE if self._now() < self._due_at else 0.0
            renewal = self._begin(pause=pause)
        if renewal is None:
            return None
        is_main = threading.current_thread() is threading.main_thread()
        renewal.wait_for(seconds=SIGN_IN, check=self._check if is_main else lambda: None)
        with self._lock:
            return self._connection if self._connection is not refused else None

    def _begin(self, *, pause: float = 0.0) -> "Background[None] | None":
        """Start to renew the token in the background. Return the new renewal, or the one that is already running.

        Return None if the token is never renewed, or if the pause after an earlier renewal has not elapsed.

        Args:
            pause: the minimum time in seconds before the next renewal can start.
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
            # The renewal failed, so keep the old token. It can still be valid. If it is not, Argo CD refuses it.
            with self._lock:
                self._not_before = self._now() + RENEWAL_PAUSE
            self._on_failure(str(error))
            return
        with self._lock:
            self._connection = signed.connection
            self._due_at = self._now() + (signed.lifetime or 0.0) * _DUE


_BEGIN: Final = "-----BEGIN"


def authority_file(given: str, stack: ExitStack) -> str:
    """Return the path of a PEM file with the certificate authority, and create the file if necessary.

    Args:
        given: a PEM certificate or a path. The function writes a certificate to a temporary file. It returns a path or
            an empty string unchanged.
        stack: removes the temporary file when it closes.
    """
    if _BEGIN not in given:
        return given
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="argocd-ca-")))
    path = folder / "authority.pem"
    # The line breaks in a CI/CD variable can be Windows line breaks, or the two characters "\n". Convert both.
    path.write_text(given.replace("\\n", "\n").replace("\r\n", "\n").strip() + "\n", encoding="utf-8")
    return str(path)
