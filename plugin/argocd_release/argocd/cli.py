"""Run the argocd CLI in an isolated environment, with a time limit for each call. No other module starts argocd.

The time limit is necessary because argocd sets no deadline for connecting or for ``get --refresh``, so it can hang
forever. argocd exits with code 20 for nearly all errors. So this module classifies errors by argocd's messages.
"""

import math
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import sh

from argocd_release.argocd.api_errors import BLOCKED
from argocd_release.argocd.application_json import is_abridged, parse_application
from argocd_release.argocd.application_list import parse_applications
from argocd_release.argocd.connection import Connection, Credentials
from argocd_release.argocd.wait_output import WaitProcess, failure_message
from argocd_release.core.connectivity import is_outage
from argocd_release.core.text import clean, one_line
from argocd_release.messages import argocd as texts
from argocd_release.model.application import Application
from argocd_release.model.errors import ArgoCDError, Cancelled, FailureKind, ProgramMissingError
from argocd_release.model.outcome import Outcome
from argocd_release.timing import Deadline, run_in_background

CALL_SECONDS: Final = 15.0
_FOLDER_LENGTH: Final = 44
_FOLDERS: Final = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - mkdtemp creates a private folder in it
_PROJECTS_ASKED: Final = 20
# Time limit in seconds of the calls that find out whether an application is missing or forbidden.
_PROBES_SECONDS: Final = 5.0
# Turn off Go's garbage collection, which takes a quarter of the time of an argocd call.
_SHORT_LIVED: Final = {"GOGC": "off", "GOMEMLIMIT": "128MiB"}
_ECHOED: Final = ("--logformat", "json")
# The program with which argocd shows differences. The option -U makes it print whole manifests.
DIFF_PROGRAM: Final = "diff"
_DIFF: Final = f"{DIFF_PROGRAM} -a -U 1000000"
# For each kind of failure, a pattern of argocd's error messages. The first pattern that matches decides. Source:
# argo-cd v2.13.2 util/grpc, server/server.go:1379-1391, cmd/argocd/commands/headless.go, apiclient.go.
_TROUBLES: Final = (
    *BLOCKED,
    (FailureKind.UNAUTHENTICATED, r"code = Unauthenticated|invalid session"),
    (FailureKind.MISSING, r"code = NotFound"),
    (FailureKind.DENIED, r"code = PermissionDenied"),
    (FailureKind.REFUSED, r"code = (?:InvalidArgument|FailedPrecondition|Unknown) desc = \S"),
)
# Messages about an HTTP error status, which always comes from a proxy. Argo CD itself responds with status 200 and
# reports errors as gRPC statuses (grpcproxy.go:80-94; grpc-go internal/transport/http_util.go).
_PROXY: Final = re.compile(r"failed with status code \d|unexpected HTTP status code received from server")
# Errors which mean that the server is not Argo CD, but for example a plaintext server, a login page or a portal.
_STRANGER: Final = re.compile(r"server gave HTTP response to HTTPS client|unexpected EOF|malformed HTTP")
_RPC: Final = re.compile(r"^rpc error: code = \w+ desc = ")


class ArgoCD:
    """A wrapper of the argocd CLI, which runs with an empty configuration and a private HOME and TMPDIR.

    Use it as a context manager.

    Args:
        environ: the environment variables of argocd. They contain the token, which is never passed as an argument.
        echo: a callback that receives each command that users should see in the job log.
        limit: the default time limit of a call in seconds.
        deadline: the time by which every call must end.
        on_call: a callback for each finished call. It receives the command, its duration in seconds, and an empty
            string. (``Api`` passes the result of a request there.)
        full_application: reads an application with all fields that the server sends. It is needed if argocd is older
            than the server, because argocd then omits the fields that it does not know.
        credentials: provides the connection of each call. If this is None, ``environ`` must contain the connection.

    Raises:
        ProgramMissingError: the program is not on the PATH.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        *,
        echo: Callable[[str], None],
        limit: float = CALL_SECONDS,
        deadline: Deadline = Deadline(),  # noqa: B008 - infinite
        on_call: Callable[[str, float, str], object] = lambda *_: None,
        full_application: Callable[[str], Application] | None = None,
        credentials: Credentials | None = None,
    ) -> None:
        # With --grpc-web, argocd listens on the socket $TMPDIR/argocd-*.sock (grpcproxy.go:104). The path of a socket
        # is limited to 108 bytes.
        self._home = _short_folder()
        own = {"HOME": self._home, "TMPDIR": self._home, "ARGOCD_CONFIG_DIR": self._home / "config"}
        # The variable ARGOCD_BINARY_NAME would make the program run as another component of Argo CD.
        kept = {name: value for name, value in environ.items() if name != "ARGOCD_BINARY_NAME"}
        self._environ = kept | {name: str(path) for name, path in own.items()} | {"KUBECTL_EXTERNAL_DIFF": _DIFF}
        self._echo = echo
        self._limit = limit
        self._deadline = deadline
        self._on_call = on_call
        self._full_application = full_application
        self._credentials = credentials
        self._running: set[WaitProcess] = set()
        self._calling: dict[int, Any] = {}
        self._told_apart: dict[str, tuple[FailureKind, str]] = {}
        self._cancelled: Outcome | None = None
        try:
            program = sh.Command("argocd", search_paths=environ.get("PATH", "").split(":"))
        except sh.CommandNotFound as error:
            self.close()
            raise ProgramMissingError("argocd") from error
        self._argocd = program.bake(
            _env=self._environ, _tty_out=False, _tty_in=False, _encoding="utf-8", _decode_errors="replace",
            _new_session=True, _truncate_exc=False,
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the running argocd processes, and remove the temporary folder."""
        for process in tuple(self._calling.values()):
            with suppress(ProcessLookupError):
                process.kill()
        for feed in tuple(self._running):
            feed.stop()
        shutil.rmtree(self._home, ignore_errors=True)

    def cancel(self, outcome: Outcome) -> None:
        """Make all running and later calls of argocd raise ``Cancelled`` with this outcome.

        This method only sets a flag, so it is safe to call in a signal handler.
        """
        self._cancelled = outcome

    def get(
        self,
        name: str,
        *,
        seconds: float = CALL_SECONDS,
        refresh: bool = False,
        hard: bool = False,
        echo: bool = False,
    ) -> Application:
        """Return the application's state. If ``refresh`` is True, make Argo CD compare it with git first.

        If ``hard`` is True as well, Argo CD renders the manifests again, without its cache. The time limit is
        ``seconds``. Without ``refresh``, the default time limit of this object applies if it is shorter.

        Raises:
            ArgoCDError: the call failed. Argo CD returns the same error for a missing and for a forbidden application.
                In that case, further calls find out which of the two it is.
        """
        options = ("--hard-refresh" if hard else "--refresh",) if refresh else ()
        arguments = ("app", "get", name, *options, "-o", "json")
        deadline = Deadline(seconds if options else min(seconds, self._limit))
        try:
            text = self._call(arguments, echo=echo, limit=deadline.left)
        except ArgoCDError as error:
            if error.kind is FailureKind.DENIED and "denied:" not in error.message:
                raise self._missing_or_denied(name, error, deadline.at_most(_PROBES_SECONDS)) from error
            raise
        self._told_apart.pop(name, None)
        try:
            application = parse_application(text)
        except ValueError as error:
            message = texts.ARGOCD_PRINTED_NO_APPLICATION.fill(error=one_line(str(error)))
            raise self._error(arguments, FailureKind.MALFORMED, 0, message) from error
        if is_abridged(application) and self._full_application is not None:
            with suppress(ArgoCDError):
                return self._full_application(name)
        return application

    def list(
        self, *, seconds: float, selector: str = "", project: str = "", echo: bool = False
    ) -> tuple[Application, ...]:
        """List the applications that the token can see, optionally only those of a label selector and a project.

        The list contains the same data as ``get`` (argo-cd v2.13.2 server/application/application.go List). Only the
        health of each resource is missing if the server does not store it in the application.

        Raises:
            ArgoCDError: the call failed.
        """
        chosen = (*(("--selector", selector) if selector else ()), *(("--project", project) if project else ()))
        arguments = ("app", "list", *chosen, "-o", "json")
        text = self._call(arguments, limit=min(seconds, self._limit), echo=echo)
        try:
            return parse_applications(text, self._check_cancelled)
        except ValueError as error:
            message = texts.ARGOCD_PRINTED_NO_LIST.fill(error=one_line(str(error)))
            raise self._error(arguments, FailureKind.MALFORMED, 0, message) from error

    def show(self, *arguments: str, seconds: float = CALL_SECONDS) -> str:
        """Run an argocd command, and return its human-readable output without control characters.

        The command does not appear in the job log unless the caller prints it.

        Raises:
            ArgoCDError: the call failed.
        """
        return clean(self._call(arguments, limit=min(seconds, self._limit)), limit=200_000)

    def all_output(self, *arguments: str, seconds: float = CALL_SECONDS) -> str:
        """Run an argocd command. Return its standard output, then its standard error, without control characters.

        Raises:
            ArgoCDError: the call failed.
        """
        return clean(self._call(arguments, limit=min(seconds, self._limit), everything=True), limit=10_000)

    def diff(self, name: str, revision: str, positions: Iterable[int], *, seconds: float, echo: bool = False) -> str:
        """Return the output of ``argocd app diff`` for a commit. Argo CD renders the commit, and changes nothing.

        ``positions`` are the positions of the sources to compare at this commit, starting at 1. If the application has
        only one source, argocd ignores the positions (argo-cd v2.13.2 cmd/argocd/commands/app.go
        NewApplicationDiffCommand).
        """
        of_sources = [word for at in positions for word in ("--revisions", revision, "--source-positions", str(at))]
        arguments = ("app", "diff", name, "--exit-code=false", "--revision", revision, *of_sources)
        return self._call(arguments, limit=seconds, echo=echo)

    def sync(self, name: str, *, seconds: float) -> None:
        """Start a sync without waiting for its end.

        Raises:
            ArgoCDError: the call failed.
        """
        self._call(("app", "sync", name, "--async"), echo=True, limit=min(seconds, self._limit))

    def terminate(self, name: str, *, seconds: float) -> None:
        """Terminate the running operation.

        Raises:
            ArgoCDError: the call failed.
        """
        self._call(("app", "terminate-op", name), echo=True, limit=min(seconds, self._limit))

    def wait(
        self, name: str, *, seconds: float, wait_for: Iterable[str], on_line: Callable[[str], None]
    ) -> WaitProcess:
        """Start ``argocd app wait``, and return without waiting for its end.

        Args:
            name: the application.
            seconds: the timeout of the command.
            wait_for: the conditions to wait for, as option names without dashes, such as ``health``.
            on_line: a callback that receives each line of the output, and an empty line when the process has ended. It
                runs in another thread.
        """
        timeout = str(max(1, math.ceil(seconds)))
        arguments = ("app", "wait", name, "--timeout", timeout, *(f"--{condition}" for condition in wait_for))
        self._echo(_echoed(arguments))
        connection = self._credentials.current() if self._credentials is not None else None
        argocd = self._argocd.bake(_env=self._environ | (connection.environ if connection else {}))
        feed = WaitProcess(argocd, (*arguments, *_ECHOED), on_line=on_line, on_end=self._running.discard)
        self._running.add(feed)
        return feed

    def _missing_or_denied(self, name: str, error: ArgoCDError, deadline: Deadline) -> ArgoCDError:
        if name not in self._told_apart:
            try:
                self._told_apart[name] = self._tell_apart(name, deadline)
            except ArgoCDError as probe:
                if probe.kind is not FailureKind.TIMED_OUT:
                    return probe
                # There was no time to find out whether the application exists, so report a refusal.
                return self._error(("app", "get", name), FailureKind.DENIED, error.exit_code, _denied(name))
        kind, message = self._told_apart[name]
        return self._error(("app", "get", name), kind, error.exit_code, message)

    def _tell_apart(self, name: str, deadline: Deadline) -> tuple[FailureKind, str]:
        # Argo CD returns the same error for a missing application as for a forbidden one: `PermissionDenied desc =
        # permission denied` (server/application/application.go:180-212). So find out whether the token is allowed to
        # read an application of this name in at least one project. If it is allowed to, the application is missing.
        try:
            projects = self._call(("proj", "list", "-o", "name"), limit=deadline.left).split()[:_PROJECTS_ASKED]
            for project in projects or ["default"]:
                arguments = ("account", "can-i", "get", "applications", f"{project}/{name}")
                if self._call(arguments, limit=deadline.left).strip() == "yes":
                    return FailureKind.MISSING, texts.APPLICATION_MISSING.fill(application=name)
        except ArgoCDError as probe:
            if probe.kind not in {FailureKind.DENIED, FailureKind.REFUSED, FailureKind.OTHER}:
                raise
        return FailureKind.DENIED, _denied(name)

    def _call(
        self, arguments: Sequence[str], *, echo: bool = False, limit: float | None = None, everything: bool = False
    ) -> str:
        """Run argocd and return its output. If Argo CD refuses the token, renew the token and retry once."""
        until = Deadline(self._limit if limit is None else limit)
        connection = self._credentials.current() if self._credentials is not None else None
        try:
            return self._run(arguments, connection, echo=echo, limit=until.left, everything=everything)
        except ArgoCDError as error:
            if self._credentials is None or connection is None or error.kind is not FailureKind.UNAUTHENTICATED:
                raise
            newer = self._credentials.newer_than(connection)
            if newer is None:
                raise
        return self._run(arguments, newer, echo=False, limit=until.left, everything=everything)

    def _run(
        self, arguments: Sequence[str], connection: Connection | None, *, echo: bool, limit: float, everything: bool
    ) -> str:
        limit = self._deadline.at_most(limit).left
        if echo:
            self._echo(_echoed(arguments))
        self._check_cancelled()
        if limit <= 0:
            raise self._error(arguments, FailureKind.TIMED_OUT, None, texts.NO_TIME_FOR_CALL)
        environ, started = _SHORT_LIVED | self._environ | (connection.environ if connection else {}), time.monotonic()
        # Do not use the timeout of sh: with it, sh notices the end of the process up to 0.1 s late (sh 2.4.0,
        # background_thread).
        process = self._argocd(*arguments, *_ECHOED, _env=environ, _bg=True, _bg_exc=False)
        self._calling[id(process)] = process
        try:
            if not (ended := run_in_background(process.wait)).wait_for(seconds=limit, check=self._check_cancelled):
                message = texts.NO_RESPONSE.fill(seconds=f"{max(limit, 1):.0f}")
                raise self._error(arguments, FailureKind.TIMED_OUT, None, message)
            ended.result()
            return str(process) + (process.stderr.decode("utf-8", "replace") if everything else "")
        except sh.SignalException as error:
            self._check_cancelled()
            raise self._error(arguments, FailureKind.KILLED, error.exit_code, texts.ARGOCD_KILLED) from error
        except sh.ErrorReturnCode as error:
            outputs = (stream.decode("utf-8", "replace") for stream in (error.stderr, error.stdout))
            message = next(filter(None, map(failure_message, outputs)), texts.ARGOCD_SILENT)
            raise self._error(arguments, *_understood(message, error.exit_code)) from error
        finally:
            self._calling.pop(id(process), None)
            self._on_call(_echoed((*arguments, *_ECHOED)), time.monotonic() - started, "")
            with suppress(ProcessLookupError):
                if process.is_alive():
                    process.kill()

    def _check_cancelled(self) -> None:
        if self._cancelled is not None:
            raise Cancelled(self._cancelled)

    def _error(self, arguments: Sequence[str], kind: FailureKind, exit_code: int | None, message: str) -> ArgoCDError:
        return ArgoCDError(kind=kind, command=_echoed(arguments), exit_code=exit_code, message=message)


def _understood(message: str, exit_code: int) -> tuple[FailureKind, int, str]:
    """Classify argocd's error. Return the kind of failure, the exit code, and the message without its gRPC prefix."""
    plain = _RPC.sub("", message)
    if _PROXY.search(message):
        return FailureKind.UNREACHABLE, exit_code, texts.FROM_PROXY.fill(message=plain)
    if _STRANGER.search(message):
        return FailureKind.UNREACHABLE, exit_code, plain
    kind = next((kind for kind, texts in _TROUBLES if re.search(texts, message)), FailureKind.OTHER)
    if kind in {FailureKind.REFUSED, FailureKind.OTHER} and is_outage(message):
        kind = FailureKind.UNREACHABLE
    return kind, exit_code, plain


def _denied(name: str) -> str:
    return texts.APPLICATION_DENIED.fill(application=name)


def _echoed(arguments: Sequence[str]) -> str:
    return " ".join(("argocd", *arguments))


def _short_folder() -> Path:
    """Create a private temporary folder, with a short path if possible.

    Raises:
        OSError: no folder can be created.
    """
    wanted = tempfile.gettempdir()
    short = [folder for folder in (wanted, *_FOLDERS) if len(folder) <= _FOLDER_LENGTH]
    for folder in short:
        with suppress(OSError):
            return Path(tempfile.mkdtemp(prefix="argocd-", dir=folder))
    # No folder with a short path is usable. With a long path, only --grpc-web fails, which needs a socket.
    return Path(tempfile.mkdtemp(prefix="argocd-", dir=wanted))
