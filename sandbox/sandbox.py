"""The sandbox, for tests, the demo and the command line."""

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
    """One component of a running sandbox, which can be started, stopped and paused.

    Each method raises ``SandboxError``.
    """

    name: str
    folder: Path

    @property
    def pid(self) -> int:
        return int(ask(self.folder, "status")[self.name]["pid"])

    def stop(self) -> None:
        """Kill the component, and wait until it is gone. It does not count as a crash."""
        ask(self.folder, "stop", self.name)

    def start(self) -> None:
        """Start the component, always on the same port, and wait until it is ready."""
        ask(self.folder, "start", self.name)

    def restart(self) -> None:
        """Stop the component and start it again."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Freeze the component: the kernel accepts connections, and no one answers them."""
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
    """A running sandbox: its cluster, its components, and the repositories and applications of a test."""

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
        """Start a sandbox that ends with the ``with`` block, or with this process.

        Args:
            argocd: the version of Argo CD; by default that of ``releases``.
            client: the version of the command line; by default that of ``releases``.
            components: components to start in addition: ``applicationset-controller``, ``notifications``,
                ``argo-rollouts``, and ``commit-server`` if the version has one.
            extras: True to build Helm, Kustomize and kubectl too.
            out: the stream for the progress.

        Raises:
            UnknownReleaseError: there is no such version.
            BuildError: a program cannot be built.
            SandboxError: the start failed, or, at the end, a component died meanwhile.
        """
        of_server, of_client = releases.server(argocd), releases.client(client)
        build.build(of_server, of_client, extras=extras, out=out)
        with ExitStack() as stack:
            folder = launch.new_folder()
            # The supervisor removes it, unless it was killed itself.
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
        """Return the sandbox of that name, and start it if it is not up.

        It stays until ``down``. Raises like ``start``.

        Also raises ``SandboxError`` if it is up with another version than the named one.
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
        """Return the sandbox in ``folder``; raise ``SandboxAbsentError`` if there is none, or it is not ready."""
        known = launch.read_known(folder)
        if "ci_token" not in known:
            raise SandboxAbsentError(f"the sandbox in {folder} is not ready yet")
        return cls(Layout.from_json(known), token=known["ci_token"])

    def part(self, name: str) -> ComponentHandle:
        """Return the component of that name: a key of ``status()``, or a component that starts only on request."""
        return ComponentHandle(name=name, folder=self.folder)

    @contextmanager
    def using(self, *names: str) -> Iterator[None]:
        """Run optional components while the block runs. Those that ran before stay."""
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
        """End the sandbox, and wait until no process and no folder of it is left; raise ``SandboxError``."""
        ask(self.folder, "down")
        deadline = time.monotonic() + DOWN_SECONDS
        while self.folder.exists():
            if time.monotonic() > deadline:
                raise SandboxError(f"{self.folder} is still there after {DOWN_SECONDS:.0f} s")
            time.sleep(0.02)

    def token(self, name: str, policy: tuple[str, ...]) -> str:
        """Create an account with these policy lines, such as ``applications, get, */*, allow``; return its token."""
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
        """Create an application on the repository, in a namespace of its own; see ``Application.create``."""
        return Application.create(self, name, source, **options)

    def project(self, name: str, **spec: Any) -> str:
        """Create or change a project that forbids only what ``spec`` says; return its name."""
        self.apply(objects.project(name, spec))
        return name

    def pod_log(self, namespace: str, lines: Iterable[str | bytes], **options: Any) -> None:
        """Set the log of the namespace's containers; see ``logs.write`` for the options.

        ``previous`` are the lines before the last restart, by default the same; ``pod`` and ``container`` narrow it.
        """
        self.apply(logs.write(self.layout, namespace, lines, **options))

    def event(self, namespace: str, name: str, message: str, *, kind: str = "Pod", **fields: Any) -> None:
        """Create an event on the object ``name``: a Warning with reason ``Test`` unless ``fields`` say otherwise."""
        about = json.loads(self.kubectl("get", kind, name, "-n", namespace, "-o", "json"))
        self.apply(objects.event(about, message, fields))

    def requests(self) -> Counter[str]:
        """Return how often each method of Argo CD's API was called since its start; see ``api_metrics.count``."""
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
