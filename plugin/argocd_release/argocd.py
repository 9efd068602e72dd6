"""The one seam to the argocd CLI: what is called, with which environment, for how long at most.

argocd can hang for ever (no deadline on dialling, nor on ``get --refresh``), so every call has a limit of its own.
Its exit code says next to nothing (20 for nearly all), so what went wrong is read from its log lines.
"""

import math
import re
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import sh

from argocd_release.application import Application
from argocd_release.document import parse
from argocd_release.errors import ArgoCDError, Cancelled, Outcome, Trouble
from argocd_release.feed import Feed, said
from argocd_release.text import clean, one_line

CALL_SECONDS: Final = 15.0
_FOLDER_LENGTH: Final = 44
_FOLDERS: Final = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - a folder with a name of our own is made in it
_PROJECTS_ASKED: Final = 20
# A call lives for a sixth of a second, and a quarter of its work is collecting garbage that ends with it anyway.
_SHORT_LIVED: Final = {"GOGC": "off", "GOMEMLIMIT": "128MiB"}
_ECHOED: Final = ("--logformat", "json")

# The texts of argo-cd v2.13.2: util/grpc, server/server.go:1379-1391, cmd/argocd/commands/headless.go, apiclient.go.
_TROUBLES: Final = (
    (Trouble.BUSY, r"another operation is already in progress"),
    (Trouble.BLOCKED, r"blocked by sync window"),
    (Trouble.UNAUTHENTICATED, r"code = Unauthenticated|invalid session"),
    (Trouble.MISSING, r"code = NotFound"),
    (Trouble.DENIED, r"code = PermissionDenied|failed with status code 403"),
    (
        Trouble.UNREACHABLE,
        (
            r"Failed to establish connection|code = Unavailable|dial (tcp|unix)|failed with status code (404|5\d\d|429)"
            r"|no such host|connection re(fused|set)|EOF|i/o timeout|x509:|tls:|code = DeadlineExceeded|code = Canceled"
        ),
    ),
)


_RPC: Final = re.compile(r"^rpc error: code = \w+ desc = ")


class ArgoCD:
    """The argocd CLI with an empty configuration, a HOME and a short TMPDIR of its own; use as a context manager.

    ``echo`` is told each command a person should see; ``environ`` carries the token, which never is an argument.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        *,
        echo: Callable[[str], None],
        command: str = "argocd",
        limit: float = CALL_SECONDS,
        on_call: Callable[[str, float, str], object] = lambda *_: None,
    ) -> None:
        # grpc-web listens on $TMPDIR/argocd-*.sock, and a socket's path has at most 108 bytes (grpcproxy.go:104).
        self._home = _short_folder()
        own = {"HOME": self._home, "TMPDIR": self._home, "ARGOCD_CONFIG_DIR": self._home / "config"}
        # The name would turn the binary into another part of Argo CD.
        kept = {name: value for name, value in environ.items() if name != "ARGOCD_BINARY_NAME"}
        self._environ = kept | {name: str(path) for name, path in own.items()}
        self._echo = echo
        self._limit = limit
        self._on_call = on_call
        self._running: set[Feed] = set()
        self._calling: Any = None
        self._cancelled: Outcome | None = None
        try:
            program = sh.Command(command, search_paths=environ.get("PATH", "").split(":"))
        except sh.CommandNotFound as error:
            self.close()
            raise ArgoCDError(
                trouble=Trouble.OTHER, command=command, exit_code=None, message="argocd is not on the PATH"
            ) from error
        self._argocd = program.bake(
            _env=self._environ, _tty_out=False, _tty_in=False, _encoding="utf-8", _decode_errors="replace",
            _new_session=True, _truncate_exc=False, _timeout_signal=signal.SIGKILL,
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End what still runs and remove the folder."""
        for feed in tuple(self._running):
            feed.stop()
        shutil.rmtree(self._home, ignore_errors=True)

    def cancel(self, outcome: Outcome) -> None:
        """End the call that runs; it and every later one raises ``Cancelled``. For signal handlers: never blocks."""
        self._cancelled = outcome
        if self._calling is not None:
            with suppress(ProcessLookupError):
                self._calling.kill()

    def get(
        self, name: str, *, seconds: float = CALL_SECONDS, refresh: bool = False, echo: bool = False
    ) -> Application:
        """The application's state. With ``refresh``, one that Argo CD has compared with git just now.

        The call ends after ``seconds``, or after the limit of every call, whichever is less.

        Raises ``ArgoCDError``; missing and forbidden, which Argo CD answers alike, are told apart.
        """
        arguments = ("app", "get", name, *(("--refresh",) if refresh else ()), "-o", "json")
        try:
            text = self._call(arguments, echo=echo, limit=min(seconds, self._limit))
        except ArgoCDError as error:
            if error.trouble is Trouble.DENIED and "denied:" not in error.message:
                raise self._missing_or_denied(name, error) from error
            raise
        try:
            return parse(text)
        except ValueError as error:
            message = f"argocd printed no application: {one_line(str(error))}"
            raise self._error(arguments, Trouble.GARBAGE, 0, message) from error

    def show(self, *arguments: str, seconds: float = CALL_SECONDS) -> str:
        """What the command prints for people, harmless; raises ``ArgoCDError``. Whoever shows it shows the command."""
        return clean(self._call(arguments, limit=min(seconds, self._limit)), limit=200_000)

    def sync(self, name: str, *, seconds: float) -> None:
        """Ask Argo CD to sync; returns when it has begun. Raises ``ArgoCDError``."""
        self._call(("app", "sync", name, "--async"), echo=True, limit=min(seconds, self._limit))

    def wait(self, name: str, *, seconds: float, wait_for: Iterable[str], on_line: Callable[[str], None]) -> Feed:
        """Start ``argocd app wait``; each line it prints goes to ``on_line``, from another thread."""
        timeout = str(max(1, math.ceil(seconds)))
        arguments = ("app", "wait", name, "--timeout", timeout, *(f"--{condition}" for condition in wait_for))
        self._echo(_echoed(arguments))
        feed = Feed(self._argocd, (*arguments, *_ECHOED), on_line=on_line, on_end=self._running.discard)
        self._running.add(feed)
        return feed

    def _missing_or_denied(self, name: str, error: ArgoCDError) -> ArgoCDError:
        # Both are `PermissionDenied desc = permission denied` (server/application/application.go:180-212). A token that
        # may read the name in some project would have been shown an application that exists there.
        try:
            projects = self._call(("proj", "list", "-o", "name")).split()[:_PROJECTS_ASKED]
            for project in projects or ["default"]:
                if self._call(("account", "can-i", "get", "applications", f"{project}/{name}")).strip() == "yes":
                    message = f"there is no application {name} that this token may see"
                    return self._error(("app", "get", name), Trouble.MISSING, error.exit_code, message)
        except ArgoCDError as probe:
            if probe.trouble not in {Trouble.DENIED, Trouble.OTHER}:
                return probe
        message = f"permission denied: applications, get, */{name} (or there is no such application)"
        return self._error(("app", "get", name), Trouble.DENIED, error.exit_code, message)

    def _call(self, arguments: Sequence[str], *, echo: bool = False, limit: float | None = None) -> str:
        limit = self._limit if limit is None else limit
        if echo:
            self._echo(_echoed(arguments))
        self._check_cancelled()
        environ, started = _SHORT_LIVED | self._environ, time.monotonic()
        process = self._argocd(*arguments, *_ECHOED, _env=environ, _timeout=limit, _bg=True, _bg_exc=False)
        self._calling = process
        try:
            # A signal may have come while it was being started.
            self._check_cancelled()
            process.wait()
            return str(process)
        except sh.TimeoutException as error:
            message = f"no answer within {limit:.0f} s"
            raise self._error(arguments, Trouble.HUNG, None, message) from error
        except sh.SignalException as error:
            self._check_cancelled()
            raise self._error(arguments, Trouble.KILLED, error.exit_code, "argocd was killed") from error
        except sh.ErrorReturnCode as error:
            outputs = (stream.decode("utf-8", "replace") for stream in (error.stderr, error.stdout))
            message = next(filter(None, map(said, outputs)), "argocd failed and said nothing")
            trouble = next((kind for kind, texts in _TROUBLES if re.search(texts, message)), Trouble.OTHER)
            raise self._error(arguments, trouble, error.exit_code, _RPC.sub("", message)) from error
        finally:
            self._calling = None
            self._on_call(_echoed((*arguments, *_ECHOED)), time.monotonic() - started, "")
            if process.is_alive():
                process.kill()

    def _check_cancelled(self) -> None:
        if self._cancelled is not None:
            raise Cancelled(self._cancelled)

    def _error(self, arguments: Sequence[str], trouble: Trouble, exit_code: int | None, message: str) -> ArgoCDError:
        return ArgoCDError(trouble=trouble, command=_echoed(arguments), exit_code=exit_code, message=message)


def _echoed(arguments: Sequence[str]) -> str:
    return " ".join(("argocd", *arguments))


def _short_folder() -> Path:
    """A folder of our own with a short path, where that can be had; raises ``OSError``."""
    wanted = tempfile.gettempdir()
    short = [folder for folder in (wanted, *_FOLDERS) if len(folder) <= _FOLDER_LENGTH]
    for folder in short:
        with suppress(OSError):
            return Path(tempfile.mkdtemp(prefix="argocd-", dir=folder))
    # Without grpc-web there is no socket, and any will do.
    return Path(tempfile.mkdtemp(prefix="argocd-", dir=wanted))
