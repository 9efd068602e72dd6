"""Who starts a sandbox, who ends it, and that nothing of it is left."""

import io
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox import build, launch
from sandbox.control import SandboxAbsentError, SandboxError
from sandbox.layout import ADDRESS
from sandbox.probes import listens
from sandbox.sandbox import Sandbox
from tests.sandbox.processes import alive, open_to_others, parent
from tests.support.waiting import eventually

PROGRAM = """
import time
from sandbox.sandbox import Sandbox
with Sandbox.start() as sandbox:
    print(sandbox.folder, *[state["pid"] for state in sandbox.status().values()], flush=True)
    print(*sandbox.layout.ports.values(), flush=True)
    time.sleep(600)
"""
COMPONENTS = 9


@dataclass(frozen=True, kw_only=True)
class Caller:
    """A program that has started a sandbox and does nothing more."""

    process: subprocess.Popen[str]
    folder: Path
    pids: list[int]
    ports: set[int]

    @property
    def supervisor(self) -> int:
        return parent(self.pids[0])


@contextmanager
def started_at_once(count: int) -> Iterator[list[Caller]]:
    with ExitStack() as stack:
        command = [sys.executable, "-c", PROGRAM]
        processes = [
            stack.enter_context(
                subprocess.Popen(command, cwd=launch.ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            )
            for _ in range(count)
        ]
        for process in processes:
            stack.callback(process.kill)
        yield [_caller(process) for process in processes]


def _caller(process: subprocess.Popen[str]) -> Caller:
    assert process.stdout is not None
    folder, *pids = process.stdout.readline().split()
    ports = {int(port) for port in process.stdout.readline().split()}
    return Caller(process=process, folder=Path(folder), pids=[int(pid) for pid in pids], ports=ports)


def test_three_started_at_once_leave_nothing_however_they_end() -> None:
    """One's caller is killed, one's is interrupted, one's supervisor is killed."""
    with started_at_once(3) as callers:
        killed, interrupted, orphaned = callers
        assert len(set.union(*(caller.ports for caller in callers))) == sum(len(caller.ports) for caller in callers)
        assert all(len(caller.pids) == COMPONENTS and all(map(alive, caller.pids)) for caller in callers)
        supervisors = [caller.supervisor for caller in callers]
        killed.process.kill()
        interrupted.process.send_signal(signal.SIGINT)
        os.kill(orphaned.supervisor, signal.SIGKILL)
        pids = [pid for caller in callers for pid in caller.pids] + supervisors
        eventually(lambda: not any(map(alive, pids)))
        assert not any(listens(port) for caller in callers for port in caller.ports)
        eventually(lambda: not any(caller.folder.exists() for caller in (killed, interrupted)))
        # Its caller still sleeps: it takes the folder away when it ends.
        orphaned.process.send_signal(signal.SIGINT)
        eventually(lambda: not orphaned.folder.exists())


def test_a_component_that_dies_is_named_to_whoever_asks_and_at_the_end(sandbox: Sandbox) -> None:
    with (  # noqa: PT012 - the end of the block is what raises
        pytest.raises(SandboxError, match="valkey was killed by SIGKILL"),
        Sandbox.start() as other,
    ):
        folder = other.folder
        assert not set(other.layout.ports.values()) & set(sandbox.layout.ports.values())
        assert {
            port for state in other.status().values() for port in open_to_others(state["pid"])
        } == {other.layout.ports["controller-metrics"]}  # fmt: skip
        os.kill(other.part("valkey").pid, signal.SIGKILL)
        eventually(lambda: other.status()["valkey"]["state"] == "died")
        why = other.status()["valkey"]["why"]
        assert why.startswith("valkey was killed by SIGKILL; its last log lines:\n")
        assert "Ready to accept connections" in why
        with pytest.raises(SandboxError, match=r"(?s)kubectl get nonsense ended .*\nvalkey was killed by SIGKILL"):
            other.kubectl("get", "nonsense")
        with pytest.raises(SandboxError, match="valkey was killed by SIGKILL"):
            other.part("repo-server").restart()
    assert not folder.exists()
    sandbox.check()


def test_a_component_that_dies_at_the_start_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    programs = build.programs()
    monkeypatch.setattr(build, "programs", lambda *_: programs | {"etcd": Path("/bin/false")})
    with pytest.raises(SandboxError, match=r"^etcd ended with exit code 1; its last log lines"), Sandbox.start():
        pass


@pytest.mark.parametrize("name", ["valkey", "etcd"])
def test_a_port_that_is_taken_is_chosen_anew(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    class Started(Exception):  # noqa: N818 - it ends the test where the sandbox would go on
        pass

    free = launch.free_ports
    chosen: list[dict[str, int]] = []
    with socket.socket() as taken:
        taken.bind((ADDRESS, 0))
        taken.listen()

        def ports() -> dict[str, int]:
            if chosen:
                raise Started
            chosen.append(free() | {name: int(taken.getsockname()[1])})
            return chosen[0]

        monkeypatch.setattr(launch, "free_ports", ports)
        with pytest.raises(Started), Sandbox.start(out=io.StringIO()):
            pass


def dev(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "sandbox", *arguments, "--name", f"test-{os.getpid()}"]
    return subprocess.Popen(command, cwd=launch.ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Return the exit code, standard output and standard error."""
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def test_up_status_and_down(tmp_path: Path) -> None:
    assert ended(dev("status")) == (1, f"sandbox: test-{os.getpid()} is down\n", "")
    first = dev("up")
    try:
        folder = launch.named_folder(f"test-{os.getpid()}")
        eventually((folder / "layout.json").exists)
        assert ended(dev("status"))[:2] == (1, f"sandbox: test-{os.getpid()} is being started or ended\n")
        code, printed, told = ended(dev("up"))
        assert (code, printed) == (0, ended(first)[1])
        assert "by somebody else, waiting" in told
        assert "is up already" in told
        assert "export ARGOCD_SERVER=localhost:" in printed
        code, table, _ = ended(dev("status"))
        assert (code, table.count(" running ")) == (0, COMPONENTS)
        pids = [int(line.split()[-1]) for line in table.splitlines()]
        (tmp_path / "environment").write_text(printed)
        asked = subprocess.run(
            ["sh", "-c", ". ./environment && argocd proj list -o name && kubectl get appprojects -n argocd -o name"],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert asked.stdout == "default\nappproject.argoproj.io/default\n", asked.stderr
    finally:
        assert ended(dev("down"))[0] == 0
    assert not any(map(alive, pids))
    assert not folder.exists()
    assert ended(dev("status"))[0] == 1


def test_a_caller_that_says_nothing_does_no_harm(sandbox: Sandbox) -> None:
    # The session's sandbox, in which other tests can have started optional components.
    before = set(sandbox.status())
    for said in (b"", b"\n", b"[]\n", b"no json\n"):
        with socket.socket(socket.AF_UNIX) as caller:
            caller.connect(str(sandbox.folder / "supervisor.sock"))
            caller.sendall(said)
    assert set(sandbox.status()) == before


@pytest.mark.parametrize("name", ["", "../x", "a/b", "Name", "-a", "a" * 21])
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(SandboxError, match="is no name for a sandbox"):
        launch.named_folder(name)


def test_there_is_no_sandbox(tmp_path: Path) -> None:
    with pytest.raises(SandboxAbsentError, match="there is no sandbox in"):
        Sandbox.attach(tmp_path)
