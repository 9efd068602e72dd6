"""The sandbox as a test, the demo and the command line see it."""

import base64
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self, TextIO

from sandbox import account, build, cluster, launch, logs, objects, requests
from sandbox.application import Application, Source
from sandbox.charts import ChartRepository
from sandbox.cluster import CommandError
from sandbox.git import Repository
from sandbox.link import SandboxAbsentError, SandboxError, ask
from sandbox.parts import World

ROOT: Final = launch.ROOT
CI_ACCOUNT: Final = "ci-readonly"
DOWN_SECONDS: Final = 20.0
STATUS_SECONDS: Final = 5.0


@dataclass(frozen=True, kw_only=True)
class PartHandle:
    """One part of a running sandbox, to be stopped, paused and started again. Each raises ``SandboxError``."""

    name: str
    folder: Path

    @property
    def pid(self) -> int:
        return int(ask(self.folder, "status")[self.name]["pid"])

    def stop(self) -> None:
        """Kill it; returns when it is gone. That is no crash: nobody reports it."""
        ask(self.folder, "stop", self.name)

    def start(self) -> None:
        """Start it again, on the same port; returns when it is ready."""
        ask(self.folder, "start", self.name)

    def restart(self) -> None:
        """Stop it and start it again."""
        self.stop()
        self.start()

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
        """A sandbox that lives as long as the ``with`` block, or this process if that ends first.

        Raises ``BuildError``, and ``SandboxError``: at the start, and at the end if a part died meanwhile.
        """
        build.build(out)
        with ExitStack() as stack:
            folder = launch.new_folder()
            # The supervisor does it, unless it was killed itself.
            stack.callback(cluster.remove, folder)
            sandbox = cls._launch(folder, out, stack)
            try:
                yield sandbox
            except BaseException as error:
                with suppress(SandboxError):
                    for why in sandbox.deaths():
                        error.add_note(f"sandbox: {why}")
                raise
            sandbox.check()

    @classmethod
    def up(cls, name: str, *, out: TextIO = sys.stderr) -> Self:
        """The sandbox of that name, which stays until ``down``; started if it is not up. Raises as ``start``."""
        build.build(out)
        folder = launch.named_folder(name)
        with launch.claimed(name, lambda text: print(f"sandbox: {text}", file=out, flush=True)):
            try:
                sandbox = cls.attach(folder)
                sandbox.check()
            except SandboxAbsentError:
                with ExitStack() as stack:
                    sandbox = cls._launch(folder, out, stack, stays=True)
                    stack.pop_all()
            else:
                print(f"sandbox: {name} is up already", file=out)
        return sandbox

    @classmethod
    def attach(cls, folder: Path) -> Self:
        """The sandbox in ``folder``; raises ``SandboxAbsentError`` if there is none, or none that is ready."""
        known = launch.read_known(folder)
        if "ci_token" not in known:
            raise SandboxAbsentError(f"the sandbox in {folder} is not ready yet")
        return cls(World.from_json(known), token=known["ci_token"])

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
        """The part of that name; all names are the keys of ``status()``."""
        return PartHandle(name=name, folder=self.folder)

    def status(self) -> dict[str, dict[str, Any]]:
        """Of each part its pid, its state (running, stopped, died), and why it died."""
        states: dict[str, dict[str, Any]] = ask(self.folder, "status", seconds=STATUS_SECONDS)
        return states

    def deaths(self) -> list[str]:
        """Of each part that died unasked: its name, how, and its last log lines. Raises ``SandboxError``."""
        return [state["why"] for state in self.status().values() if state["state"] == "died"]

    def check(self) -> None:
        """Raise ``SandboxError`` if a part died, or the supervisor with all of them."""
        if deaths := self.deaths():
            raise SandboxError("\n".join(deaths))

    def down(self) -> None:
        """End it; returns when no process and no folder of it is left. Raises ``SandboxError``."""
        ask(self.folder, "down")
        deadline = time.monotonic() + DOWN_SECONDS
        while self.folder.exists():
            if time.monotonic() > deadline:
                raise SandboxError(f"{self.folder} is still there after {DOWN_SECONDS:.0f} s")
            time.sleep(0.02)

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        """What kubectl prints; raises ``CommandError``, or ``SandboxError`` if a part has died."""
        with self._naming_the_dead():
            return cluster.kubectl(self.world, *arguments, stdin=stdin)

    def apply(self, *objects: dict[str, Any]) -> None:
        """Apply the objects; raises as ``kubectl``."""
        with self._naming_the_dead():
            cluster.apply(self.world, *objects)

    def argocd(self, *arguments: str, token: str | None = None) -> str:
        """What argocd prints, as admin or with the token; raises as ``kubectl``."""
        environ = self.environment(token=account.admin_token(self.folder) if token is None else token)
        environ |= {"HOME": str(self.folder / "home"), "TMPDIR": str(self.folder / "tmp")}
        with self._naming_the_dead():
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

    def chart_repository(self, name: str) -> ChartRepository:
        """A new, empty repository of Helm charts."""
        return ChartRepository(self.world, self.folder / "charts" / name)

    def application(self, name: str, source: Repository | Source | Sequence[Source], /, **options: Any) -> Application:
        """A new application on the repository, in a namespace of its own; see ``Application.create``."""
        return Application.create(self, name, source, **options)

    def project(self, name: str, **spec: Any) -> str:
        """A new project, or a changed one, that forbids nothing but what ``spec`` says; gives its name."""
        self.apply(objects.project(name, spec))
        return name

    def pod_log(self, namespace: str, lines: Iterable[str | bytes], **options: Any) -> None:
        """What the containers of the namespace have printed from now on; see ``logs.write`` for the options.

        ``previous`` are the lines before the last restart, by default the same; ``pod`` and ``container`` narrow it.
        """
        self.apply(logs.write(self.world, namespace, lines, **options))

    def event(self, namespace: str, name: str, message: str, *, kind: str = "Pod", **fields: Any) -> None:
        """An event on the object ``name``, a Warning with reason ``Test`` unless ``fields`` say otherwise."""
        about = json.loads(self.kubectl("get", kind, name, "-n", namespace, "-o", "json"))
        self.apply(objects.event(about, message, fields))

    def requests(self) -> Counter[str]:
        """How often each method of Argo CD's API has been called since its start; see ``requests.count``."""
        return requests.count(self.world)

    @classmethod
    def _launch(cls, folder: Path, out: TextIO, stack: ExitStack, *, stays: bool = False) -> Self:
        started = time.monotonic()
        process = launch.launch(folder, out)
        stack.callback(launch.end, process)
        known = launch.read_known(folder)
        sandbox = cls(World.from_json(known), token="")
        sandbox._set_up()
        launch.write_known(folder, known | {"ci_token": sandbox.ci_token})
        if stays:
            launch.let_go(process)
        print(
            f"sandbox: {CI_ACCOUNT} can log in at {sandbox.server} after {time.monotonic() - started:.1f} s", file=out
        )
        return sandbox

    def _set_up(self) -> None:
        secret = json.loads(self.kubectl("get", "secret", "argocd-secret", "-n", "argocd", "-o", "json"))
        self.certificate.write_bytes(base64.b64decode(secret["data"]["tls.crt"]))
        account.login(self)
        self.ci_token = account.create_ci_account(self, CI_ACCOUNT)

    @contextmanager
    def _naming_the_dead(self) -> Iterator[None]:
        try:
            yield
        except CommandError as error:
            # Without its supervisor a sandbox is gone altogether, which `deaths` says.
            if deaths := self.deaths():
                raise SandboxError("\n".join([str(error), *deaths])) from error
            raise
