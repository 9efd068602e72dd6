"""The sandbox as a test, the demo and the command line see it."""

import base64
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self, TextIO

from sandbox import account, build, cluster
from sandbox.application import Application
from sandbox.git import Repository
from sandbox.parts import ADDRESS, PORTS, World
from sandbox.supervisor import SandboxError, ask

ROOT: Final = Path(__file__).parent.parent
TRIES: Final = 3
CI_ACCOUNT: Final = "ci-readonly"


@dataclass(frozen=True, kw_only=True)
class PartHandle:
    """One part of a running sandbox, to be stopped, paused and started again. Each raises ``SandboxError``."""

    name: str
    folder: Path

    @property
    def pid(self) -> int:
        return int(ask(self.folder, "status")[self.name]["pid"])

    def stop(self) -> None:
        """Kill it; returns when it is gone."""
        ask(self.folder, "stop", self.name)

    def start(self) -> None:
        """Start it again, on the same port; returns when it is ready."""
        ask(self.folder, "start", self.name)

    def pause(self) -> None:
        """Freeze it: connections are accepted by the kernel, and never answered."""
        ask(self.folder, "pause", self.name)

    def resume(self) -> None:
        ask(self.folder, "resume", self.name)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        self.stop()
        try:
            yield
        finally:
            self.start()

    @contextmanager
    def paused(self) -> Iterator[None]:
        self.pause()
        try:
            yield
        finally:
            self.resume()


class Sandbox:
    """A running sandbox. ``server`` is Argo CD's address, ``environment()`` what a CI job would be given."""

    def __init__(self, world: World, *, token: str) -> None:
        self.world = world
        self.folder = world.folder
        self.server = f"localhost:{world.ports['argocd-server']}"
        self.ci_token = token
        self.certificate = self.folder / "argocd.crt"

    @classmethod
    @contextmanager
    def start(cls, *, out: TextIO = sys.stderr) -> Iterator[Self]:
        """A sandbox that lives as long as the ``with`` block, or this process if that ends first."""
        build.build(out)
        with ExitStack() as stack:
            folder, process = _launch(out, bound=True)
            stack.callback(_end, process)
            yield cls.attach(folder)

    @classmethod
    def up(cls, name: str, *, out: TextIO = sys.stderr) -> Self:
        """A sandbox that stays until ``down``; raises ``SandboxError`` if it is up."""
        build.build(out)
        folder, _ = _launch(out, bound=False, folder=named_folder(name))
        return cls.attach(folder)

    @classmethod
    def attach(cls, folder: Path) -> Self:
        """The running sandbox in ``folder``; raises ``SandboxError`` if there is none."""
        try:
            known = json.loads((folder / "world.json").read_text())
        except OSError as error:
            raise SandboxError(f"there is no sandbox in {folder}") from error
        world = World(folder=folder, programs=build.programs(), ports=known["ports"], admin_token=known["admin_token"])
        sandbox = cls(world, token=known.get("ci_token", ""))
        if not sandbox.ci_token:
            sandbox._set_up(known)
        return sandbox

    def environment(self, *, token: str | None = None) -> dict[str, str]:
        """What the guide tells a pipeline to set, and a PATH with this sandbox's argocd and kubectl."""
        return {
            "ARGOCD_SERVER": self.server,
            "ARGOCD_AUTH_TOKEN": self.ci_token if token is None else token,
            "ARGOCD_OPTS": f"--grpc-web --server-crt {self.certificate}",
            "KUBECONFIG": str(self.world.kubeconfig),
            "PATH": f"{self.world.programs['argocd'].parent}:{os.environ.get('PATH', '')}",
        }

    def part(self, name: str) -> PartHandle:
        return PartHandle(name=name, folder=self.folder)

    def status(self) -> dict[str, dict[str, Any]]:
        """Of each part its pid, its state (running, stopped, died), and why it died."""
        states: dict[str, dict[str, Any]] = ask(self.folder, "status")
        return states

    def down(self) -> None:
        ask(self.folder, "down")

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        """What kubectl prints; raises ``CommandError``."""
        return cluster.kubectl(self.world, *arguments, stdin=stdin)

    def apply(self, *objects: dict[str, Any]) -> None:
        cluster.apply(self.world, *objects)

    def argocd(self, *arguments: str, token: str | None = None) -> str:
        """What argocd prints, as admin or with the token; raises ``CommandError``."""
        environ = self.environment(token=token or account.admin_token(self.folder))
        environ |= {"HOME": str(self.folder / "home"), "TMPDIR": str(self.folder / "tmp")}
        return cluster.run([str(self.world.programs["argocd"]), *arguments], environ=environ)

    def token(self, name: str, policy: tuple[str, ...]) -> str:
        """A token of a new account with these policy lines, such as ``applications, get, */*, allow``."""
        return account.create(self, name, policy)

    def revoke(self, name: str) -> None:
        """Take all tokens of the account back."""
        account.revoke(self, name)

    def repository(self, name: str) -> Repository:
        """A new, empty git repository."""
        return Repository.create(self.folder / "repositories" / f"{name}.git")

    def application(self, name: str, repository: Repository, **options: Any) -> Application:
        """A new application on the repository, in a namespace of its own; see ``Application.create``."""
        return Application.create(self, name, repository, **options)

    def _set_up(self, known: dict[str, Any]) -> None:
        secret = json.loads(self.kubectl("get", "secret", "argocd-secret", "-n", "argocd", "-o", "json"))
        self.certificate.write_bytes(base64.b64decode(secret["data"]["tls.crt"]))
        account.login(self)
        self.ci_token = account.create_ci_account(self, CI_ACCOUNT)
        (self.folder / "world.json").write_text(json.dumps(known | {"ci_token": self.ci_token}))


def named_folder(name: str) -> Path:
    """The folder of the sandbox with that name. Short, for the sockets in it."""
    return _base_folder() / f"named-{name}"


def _base_folder() -> Path:
    base = Path(tempfile.gettempdir()) / f"argocd-release-{os.getuid()}"
    base.mkdir(mode=0o700, exist_ok=True)
    if base.stat().st_uid != os.getuid():
        raise SandboxError(f"{base} belongs to somebody else")
    return base


def _launch(out: TextIO, *, bound: bool, folder: Path | None = None) -> tuple[Path, subprocess.Popen[str]]:
    for tried in range(1, TRIES + 1):
        place = folder or Path(tempfile.mkdtemp(prefix="s", dir=_base_folder()))
        if folder is not None:
            cluster.remove(folder)
            folder.mkdir(mode=0o700)
        try:
            return place, _try(place, out, bound=bound)
        except SandboxError as error:
            cluster.remove(place)
            # Between choosing a port and listening on it somebody else may take it.
            if "address already in use" not in str(error) or tried == TRIES:
                raise
    raise AssertionError("unreachable")


def _try(folder: Path, out: TextIO, *, bound: bool) -> subprocess.Popen[str]:
    token, ports = secrets.token_urlsafe(24), _free_ports()
    world = World(folder=folder, programs=build.programs(), ports=ports, admin_token=token)
    cluster.prepare(world)
    known = {"folder": str(folder), "ports": ports, "admin_token": token}
    (folder / "world.json").touch(mode=0o600)
    (folder / "world.json").write_text(json.dumps(known))
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
        _await_ready(process, json.dumps(known | {"bound": bound}), folder, out)
    except BaseException:
        _end(process)
        raise
    return process


def _await_ready(process: subprocess.Popen[str], told: str, folder: Path, out: TextIO) -> None:
    if process.stdin is None or process.stdout is None:
        raise SandboxError("the supervisor has no pipes")
    print(told, file=process.stdin, flush=True)
    for line in process.stdout:
        heard = json.loads(line)
        if "error" in heard:
            raise SandboxError(heard["error"])
        if "ready" in heard:
            return
        print(f"sandbox: {heard['say']}", file=out, flush=True)
    log = folder / "logs" / "supervisor.log"
    raise SandboxError(f"the supervisor ended:\n{log.read_text() if log.exists() else ''}")


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    process.wait(timeout=20)
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


def _free_ports() -> dict[str, int]:
    with ExitStack() as stack:
        held = [stack.enter_context(socket.socket()) for _ in PORTS]
        for sock in held:
            sock.bind((ADDRESS, 0))
        return {name: int(sock.getsockname()[1]) for name, sock in zip(PORTS, held, strict=True)}
