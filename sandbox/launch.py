"""Start the supervisor of a sandbox, and manage the folder, the lock and the ports of the sandbox."""

import fcntl
import json
import math
import os
import random
import re
import secrets
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final, TextIO

from sandbox import build
from sandbox.control import STAY, SandboxAbsentError, SandboxError
from sandbox.install import prepare, remove
from sandbox.layout import PORTS, Layout
from sandbox.releases import Release

ROOT: Final = Path(__file__).parent.parent
TRIES: Final = 3
ADMIN_TOKEN_BYTES: Final = 24
END_SECONDS: Final = 20.0
# The path of a sandbox's folder must be short. The argocd CLI creates a socket with a long name in its folder `tmp`,
# and the path of a socket is limited to 107 characters.
LONGEST_BASE: Final = 24
LOWEST_PORT: Final = 10_000

Process = subprocess.Popen[str]


def launch(folder: Path, server: Release, client: Release, out: TextIO) -> Process:
    """Start a sandbox in a new folder. It ends with this process unless ``let_go`` is called.

    Raises:
        SandboxError: the sandbox could not be started.
    """
    for tried in range(1, TRIES + 1):
        remove(folder)
        folder.mkdir(mode=0o700)
        try:
            return _try(folder, server, client, out)
        except SandboxError as error:
            remove(folder)
            # Another process can use a port before the component that it was chosen for. Try other ports.
            if "address already in use" not in str(error).lower() or tried == TRIES:
                raise
    raise AssertionError("unreachable")


def end(process: Process) -> None:
    """Stop the sandbox of this supervisor, and wait until all of its processes have ended."""
    process.terminate()
    try:
        process.wait(timeout=END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    _close(process)


def let_go(process: Process) -> None:
    """Keep the sandbox running when this process ends."""
    if process.stdin is None:
        raise SandboxError("the supervisor has no pipes")
    print(STAY.decode(), end="", file=process.stdin, flush=True)
    _close(process)
    # The supervisor is meant to outlive this process, so Popen must not warn about it.
    process.returncode = 0


def new_folder() -> Path:
    """Create a folder for a sandbox without a name."""
    return Path(tempfile.mkdtemp(prefix="s", dir=_base_folder()))


def named_folder(name: str) -> Path:
    """Return the folder of the sandbox with this name.

    Raises:
        SandboxError: the name is invalid.
    """
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?", name):
        raise SandboxError(f"{name!r} is no name for a sandbox: up to 20 of a-z, 0-9 and - are")
    return _base_folder() / f"named-{name}"


@contextmanager
def claimed(name: str, told: Callable[[str], None]) -> Iterator[None]:
    """Prevent other processes from starting or stopping the sandbox during the ``with`` block.

    Args:
        name: the name of the sandbox.
        told: receives messages while this process waits for another one.
    """
    path, started, told_at = _lock_of(name), time.monotonic(), -math.inf
    while True:
        with _claim(path) as mine:
            if mine:
                yield
                return
        now = time.monotonic()
        if now - told_at > build.PROGRESS_SECONDS:
            told_at = now
            told(f"{name} is being started or ended by somebody else, waiting {now - started:.0f} s")
        time.sleep(0.1)


def is_claimed(name: str) -> bool:
    """Return True if a process is starting or stopping the sandbox."""
    with _claim(_lock_of(name)) as mine:
        return not mine


def read_known(folder: Path) -> dict[str, Any]:
    """Read the layout that ``write_known`` has stored in the sandbox's folder.

    Raises:
        SandboxAbsentError: the folder contains no sandbox.
    """
    try:
        known: dict[str, Any] = json.loads((folder / "layout.json").read_text("utf-8"))
    except OSError as error:
        raise SandboxAbsentError(f"there is no sandbox in {folder}") from error
    return known


def write_known(folder: Path, known: dict[str, Any]) -> None:
    """Store the layout in the sandbox's folder, for processes that attach to the sandbox later."""
    partial = folder / "layout.json.partial"
    partial.touch(mode=0o600)
    partial.write_text(json.dumps(known), encoding="utf-8")
    partial.replace(folder / "layout.json")


def builds_in_use() -> set[Path]:
    """Return the folders with the programs of all sandboxes of this user."""
    return {Path(path).parent for known in _all_known() for path in known["programs"].values()}


def free_ports() -> dict[str, int]:
    """Return a free port for each name in ``PORTS``, which no other sandbox of this user uses.

    The ports are below the range that the kernel uses for outgoing connections. A sandbox opens hundreds of outgoing
    connections, and one of them could otherwise get the port of a component that starts later or was stopped by a test.
    """
    try:
        lowest_outgoing = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except (OSError, ValueError):
        lowest_outgoing = 0
    taken = {port for known in _all_known() for port in known["ports"].values()}
    if lowest_outgoing >= 2 * LOWEST_PORT:
        candidates = sorted(set(range(LOWEST_PORT, lowest_outgoing)) - taken)
        random.shuffle(candidates)  # nothing secret
    else:
        candidates = [0] * len(PORTS)
    with ExitStack() as stack:
        held: list[int] = []
        for port in candidates:
            sock = stack.enter_context(socket.socket())
            try:
                # Bind to all addresses, because one component listens on all of them.
                sock.bind(("", port))
            except OSError:
                continue
            held.append(int(sock.getsockname()[1]))
            if len(held) == len(PORTS):
                return dict(zip(PORTS, held, strict=True))
    raise SandboxError(f"fewer than {len(PORTS)} ports of this machine are free")


def _all_known() -> list[dict[str, Any]]:
    """Return the stored data of each sandbox of this user."""
    found = []
    for file in _base_folder().glob("*/layout.json"):
        with suppress(OSError, ValueError):
            found.append(json.loads(file.read_text("utf-8")))
    return found


def _base_folder() -> Path:
    temporary = tempfile.gettempdir()
    base = Path(temporary if len(temporary) <= LONGEST_BASE else "/tmp") / f"argocd-release-{os.getuid()}"  # noqa: S108
    base.mkdir(mode=0o700, exist_ok=True)
    found = base.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise SandboxError(f"{base} is not a folder of mine that is closed to others")
    return base


def _lock_of(name: str) -> Path:
    return named_folder(name).with_suffix(".lock")


@contextmanager
def _claim(path: Path) -> Iterator[bool]:
    """Try to hold the lock during the ``with`` block, and yield True if that succeeded. Remove the file at the end."""
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Check that the previous owner of the lock has not removed the file after this process opened it.
            mine = _is_at(path, lock)
        except BlockingIOError:
            mine = False
        try:
            yield mine
        finally:
            if mine:
                path.unlink(missing_ok=True)


def _is_at(path: Path, file: TextIO) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _try(folder: Path, server: Release, client: Release, out: TextIO) -> Process:
    token = secrets.token_urlsafe(ADMIN_TOKEN_BYTES)
    programs = build.programs(server, client)
    with (_base_folder() / "ports.lock").open("w") as lock:
        # Start one sandbox after the other, so that each knows the ports of the others.
        fcntl.flock(lock, fcntl.LOCK_EX)
        layout = Layout(folder=folder, programs=programs, ports=free_ports(), admin_token=token, release=server)
        write_known(folder, layout.to_json())
    prepare(layout)
    with (folder / "logs" / "supervisor.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "sandbox.supervisor"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            cwd=ROOT,
            text=True,
            start_new_session=True,
        )
    try:
        _await_ready(process, layout, out)
    except BaseException:
        end(process)
        raise
    return process


def _await_ready(process: Process, layout: Layout, out: TextIO) -> None:
    if process.stdin is None or process.stdout is None:
        raise SandboxError("the supervisor has no pipes")
    log = layout.folder / "logs" / "supervisor.log"
    try:
        print(json.dumps(layout.to_json()), file=process.stdin, flush=True)
    except BrokenPipeError as error:
        raise SandboxError(f"the supervisor ended:\n{log.read_text('utf-8', 'replace')}") from error
    for line in process.stdout:
        heard = json.loads(line)
        if "error" in heard:
            raise SandboxError(heard["error"])
        if "ready" in heard:
            return
        print(f"sandbox: {heard['say']}", file=out, flush=True)
    raise SandboxError(f"the supervisor ended:\n{log.read_text('utf-8', 'replace') if log.exists() else ''}")


def _close(process: Process) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
