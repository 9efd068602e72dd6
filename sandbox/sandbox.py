"""The interface of the sandbox for tests, the demo and the command line."""

import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self, TextIO

from sandbox import account, api_metrics, build, launch, logs, objects, releases, rollouts
from sandbox.application import Application, Source
from sandbox.charts import ChartRepository
from sandbox.cluster import Cluster
from sandbox.control import SandboxAbsentError, SandboxError, ask
from sandbox.git import Repository
from sandbox.install import remove
from sandbox.layout import Layout
from sandbox.releases import Release

ROOT: Final = launch.ROOT
CI_ACCOUNT: Final = "ci-readonly"
DOWN_SECONDS: Final = 20.0


@dataclass(frozen=True, kw_only=True)
class ComponentHandle:
    """A handle to start, stop and pause one component of a running sandbox.

    Each method raises ``SandboxError`` if that fails.
    """

    name: str
    folder: Path

    @property
    def pid(self) -> int:
        return int(ask(self.folder, "status")[self.name]["pid"])

    def stop(self) -> None:
        """Kill the component, and wait until it has ended. This does not count as a crash."""
        ask(self.folder, "stop", self.name)

    def start(self) -> None:
        """Start the component on the same port as before, and wait until it is ready."""
        ask(self.folder, "start", self.name)

    def restart(self) -> None:
        """Stop the component and start it again."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Freeze the component. The kernel still accepts connections to it, but the component does not respond."""
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


class Sandbox(Cluster):
    """A running sandbox: a cluster whose components can be controlled, and in which tests create applications."""

    @classmethod
    @contextmanager
    def start(
        cls,
        *,
        argocd: str = "",
        client: str = "",
        components: Iterable[str] = (),
        extras: bool = True,
        out: TextIO = sys.stderr,
    ) -> Iterator[Self]:
        """Start a sandbox that runs until the end of the ``with`` block or of this process.

        Args:
            argocd: the version of Argo CD; by default that of ``releases``.
            client: the version of the argocd CLI; by default that of ``releases``.
            components: optional components to start: ``applicationset-controller``, ``notifications``,
                ``argo-rollouts``, and ``commit-server`` if the version has one.
            extras: True to build Helm, Kustomize and kubectl too.
            out: the stream for messages about the progress.

        Raises:
            UnknownReleaseError: the sandbox cannot run this version.
            BuildError: a program could not be built.
            SandboxError: the start failed, or a component has crashed before the end of the block.
        """
        of_server, of_client = releases.server(argocd), releases.client(client)
        build.build(of_server, of_client, extras=extras, out=out)
        with ExitStack() as stack:
            folder = launch.new_folder()
            # Usually the supervisor removes the folder, but not if it was killed.
            stack.callback(remove, folder)
            sandbox = cls._launch(folder, of_server, of_client, out, stack)
            stack.enter_context(sandbox.using(*components))
            try:
                yield sandbox
            except BaseException as error:
                with suppress(SandboxError):
                    for why in sandbox.deaths():
                        error.add_note(f"sandbox: {why}")
                raise
            sandbox.check()

    @classmethod
    def up(cls, name: str, *, argocd: str = "", client: str = "", out: TextIO = sys.stderr) -> Self:
        """Return the sandbox with this name, and start it if it is not running. It runs until ``down`` is called.

        The arguments and errors are those of ``start``.

        Raises:
            SandboxError: the sandbox is already running with another version.
        """
        of_server, of_client = releases.server(argocd), releases.client(client)
        build.build(of_server, of_client, out=out)
        folder = launch.named_folder(name)
        with launch.claimed(name, lambda text: print(f"sandbox: {text}", file=out, flush=True)):
            try:
                sandbox = cls.attach(folder)
                sandbox.check()
            except SandboxAbsentError:
                with ExitStack() as stack:
                    sandbox = cls._launch(folder, of_server, of_client, out, stack, stays=True)
                    stack.pop_all()
            else:
                up = sandbox.layout.release.version
                if argocd and argocd != up:
                    raise SandboxError(f"{name} is up with Argo CD {up}: take it down first, or give another --name")
                print(f"sandbox: {name} is up already", file=out)
        return sandbox

    @classmethod
    def attach(cls, folder: Path) -> Self:
        """Return the running sandbox in ``folder``.

        Raises:
            SandboxAbsentError: there is no sandbox, or it is not ready yet.
        """
        known = launch.read_known(folder)
        if "ci_token" not in known:
            raise SandboxAbsentError(f"the sandbox in {folder} is not ready yet")
        return cls(Layout.from_json(known), token=known["ci_token"])

    def part(self, name: str) -> ComponentHandle:
        """Return a handle for the component with this name, which is a key of ``status()`` or an optional component."""
        return ComponentHandle(name=name, folder=self.folder)

    @contextmanager
    def using(self, *names: str) -> Iterator[None]:
        """Run optional components during the ``with`` block. Components that are already running are not stopped."""
        with ExitStack() as stack:
            for name in names:
                if self.status().get(name, {}).get("state") == "running":
                    continue
                if name == rollouts.NAME:
                    rollouts.prepare(self.layout)
                part = self.part(name)
                part.start()
                stack.callback(part.stop)
            yield

    def down(self) -> None:
        """Stop the sandbox, and wait until its processes have ended and its folder is removed.

        Raises:
            SandboxError: the sandbox could not be stopped in time.
        """
        ask(self.folder, "down")
        deadline = time.monotonic() + DOWN_SECONDS
        while self.folder.exists():
            if time.monotonic() > deadline:
                raise SandboxError(f"{self.folder} is still there after {DOWN_SECONDS:.0f} s")
            time.sleep(0.02)

    def token(self, name: str, policy: tuple[str, ...]) -> str:
        """Create an account with policy lines such as ``applications, get, */*, allow``, and return a token of it."""
        return account.create(self, name, policy)

    def revoke(self, name: str) -> None:
        """Revoke all tokens of the account."""
        account.revoke(self, name)

    def repository(self, name: str) -> Repository:
        """Create an empty git repository."""
        return Repository.create(self.folder / "repositories" / f"{name}.git")

    def chart_repository(self, name: str) -> ChartRepository:
        """Create an empty repository of Helm charts."""
        return ChartRepository(self.layout, self.folder / "charts" / name)

    def application(self, name: str, source: Repository | Source | Sequence[Source], /, **options: Any) -> Application:
        """Create an application from the repository, by default in a separate namespace; see ``Application.create``."""
        return Application.create(self, name, source, **options)

    def project(self, name: str, **spec: Any) -> str:
        """Create or change a project that only has the restrictions in ``spec``. Return its name."""
        self.apply(objects.project(name, spec))
        return name

    def pod_log(self, namespace: str, lines: Iterable[str | bytes], **options: Any) -> None:
        """Set the log of all containers in the namespace.

        Args:
            namespace: the namespace.
            lines: the lines of the log.
            options: the other arguments of ``logs.write``, such as ``previous``, ``pod`` and ``container``.
        """
        self.apply(logs.write(self.layout, namespace, lines, **options))

    def event(self, namespace: str, name: str, message: str, *, kind: str = "Pod", **fields: Any) -> None:
        """Create an event of an object. It is a Warning with reason ``Test`` unless ``fields`` override that."""
        about = json.loads(self.kubectl("get", kind, name, "-n", namespace, "-o", "json"))
        self.apply(objects.event(about, message, fields))

    def requests(self) -> Counter[str]:
        """Return how often each method of Argo CD's API was called; see ``api_metrics.count``."""
        return api_metrics.count(self.layout)

    @classmethod
    def _launch(
        cls, folder: Path, server: Release, client: Release, out: TextIO, stack: ExitStack, *, stays: bool = False
    ) -> Self:
        started = time.monotonic()
        process = launch.launch(folder, server, client, out)
        stack.callback(launch.end, process)
        known = launch.read_known(folder)
        sandbox = cls(Layout.from_json(known), token="")
        sandbox._set_up()
        launch.write_known(folder, known | {"ci_token": sandbox.ci_token})
        if stays:
            launch.let_go(process)
        print(
            f"sandbox: {CI_ACCOUNT} can log in at {sandbox.server} after {time.monotonic() - started:.1f} s", file=out
        )
        return sandbox

    def _set_up(self) -> None:
        account.trust(self)
        account.login(self)
        self.ci_token = account.create_ci_account(self, CI_ACCOUNT)
