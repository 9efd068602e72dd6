"""A real HTTP proxy (proxy.py), and commands that have no other way out than this proxy."""

import functools
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from proxy.http.exception import HttpRequestRejected
from proxy.http.parser import HttpParser
from proxy.http.proxy import HttpProxyBasePlugin

from tests.support.entrances import free_port
from tests.support.waiting import eventually

PROGRAM: Final = Path(__file__).with_name("isolated.py")
USER: Final = "ci"
#: The password as it is, and as it must be written in a URL.
PASSWORD: Final = "s3cr3t@proxy"
ENCODED_PASSWORD: Final = "s3cr3t%40proxy"
PORT: Final = 3128


class Forbidding(HttpProxyBasePlugin):
    """A plugin of the proxy that responds to each request with 403."""

    def before_upstream_connection(self, request: HttpParser) -> HttpParser | None:
        """Reject the request."""
        del request
        raise HttpRequestRejected(status_code=403, reason=b"Forbidden", body=b"<h1>Access denied</h1>")


@functools.cache
def can_isolate() -> bool:
    """Return True if this machine allows network namespaces."""
    command = ["unshare", "--user", "--map-root-user", "--net", "true"]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


@dataclass(frozen=True, kw_only=True)
class HttpProxy:
    """A running proxy.

    Attributes:
        socket: the Unix socket on which the proxy listens.
        port: the port to which ``isolated`` forwards the socket.
        log: the log file of the proxy.
    """

    socket: Path
    port: int
    log: Path

    @property
    def url(self) -> str:
        """Return the URL with the user name and the password."""
        return f"http://{USER}:{ENCODED_PASSWORD}@127.0.0.1:{self.port}"

    @property
    def connections(self) -> list[str]:
        """Return the lines of the proxy's log about requests."""
        return [line for line in self.log.read_text("utf-8").splitlines() if "CONNECT" in line or " GET " in line]

    def isolated(self, command: Sequence[str]) -> list[str]:
        """Return a command line that runs the command so that it can reach other hosts only through the proxy.

        If this machine allows no network namespaces, the command can reach other hosts directly too.
        """
        namespace = (
            [shutil.which("unshare") or "unshare", "--user", "--map-root-user", "--net"] if can_isolate() else []
        )
        return [*namespace, sys.executable, str(PROGRAM), str(self.port), str(self.socket), *command]


@contextmanager
def http_proxy(folder: Path) -> Iterator[HttpProxy]:
    """Run a proxy that requires a user name and a password, and that listens on a Unix socket."""
    found = HttpProxy(
        socket=folder / "proxy.sock", port=PORT if can_isolate() else free_port(), log=folder / "proxy.log"
    )
    with _proxy(folder, "--unix-socket-path", str(found.socket)):
        eventually(found.socket.exists)
        yield found


@contextmanager
def tcp_proxy(folder: Path, *options: str) -> Iterator[int]:
    """Run a proxy that requires a user name and a password, and yield its port.

    Args:
        folder: the folder of its log.
        options: further options of proxy.py.
    """
    port = free_port()
    with _proxy(folder, "--port", str(port), *options):
        eventually(lambda: _accepts(port))
        yield port


def _accepts(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1):
            return True
    except OSError:
        return False


@contextmanager
def _proxy(folder: Path, *options: str) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(
        [
            sys.executable, "-m", "proxy", "--basic-auth", f"{USER}:{PASSWORD}", "--num-workers", "1",
            "--num-acceptors", "1", "--log-file", str(folder / "proxy.log"), *options,
        ],
        cwd=Path(__file__).parents[2], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield
    finally:
        process.terminate()
        process.wait()
