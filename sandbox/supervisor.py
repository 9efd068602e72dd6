"""The process that owns all parts of one sandbox: it starts them, watches them, and takes them with it.

Nobody else may outlive whom: the supervisor ends when its caller's end of standard input closes (crash included), and
the parts are killed by the kernel when the supervisor dies. It answers requests on a socket in the sandbox's folder.
"""

import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any, Final

from sandbox import build, cluster
from sandbox.parts import Part, World, parts

SOCKET: Final = "supervisor.sock"
READY_SECONDS: Final = 60.0
STOP_SECONDS: Final = 5.0
LOG_LINES: Final = 12
_PR_SET_PDEATHSIG: Final = 1


class SandboxError(Exception):
    """Something of the sandbox went wrong; the message names the part and ends with its last log lines."""


class Ended(Exception):  # noqa: N818 - no error: the end that was asked for
    """The caller has gone, or asked for the end."""


class Supervisor:
    """Runs in the main thread only: the kernel kills a part when the *thread* that started it ends."""

    def __init__(self, world: World, *, lifeline: int | None) -> None:
        self._world = world
        self._parts = {part.name: part for part in parts(world)}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._lifeline = lifeline
        # A part that a test stopped is no crash.
        self._stopped: set[str] = set()

    def start(self, say: Callable[[str], None]) -> None:
        """Start the parts wave by wave; raises ``SandboxError`` as soon as one dies."""
        started = time.monotonic()
        for wave in sorted({part.wave for part in self._parts.values()}):
            names = [part.name for part in self._parts.values() if part.wave == wave]
            for name in names:
                self._spawn(self._parts[name])
            if wave == 1:
                cluster.install(self._world)
            for name in names:
                self._await(self._parts[name])
            say(f"{', '.join(names)} ready after {time.monotonic() - started:.1f} s")

    def serve(self) -> None:
        """Answer requests until the end is asked for, or the caller is gone."""
        with Listener(str(self._world.folder / SOCKET), family="AF_UNIX") as listener:
            # The listener has no public file descriptor to wait on beside the lifeline.
            server = listener._listener._socket  # type: ignore[attr-defined]  # noqa: SLF001
            while True:
                self._check_caller()
                watched = [server, *([self._lifeline] if self._lifeline is not None else [])]
                readable, _, _ = select.select(watched, [], [], 0.5)
                if server in readable:
                    with listener.accept() as connection:
                        self._answer(connection)

    def stop_all(self) -> None:
        """End all parts, the last started first; none is left."""
        for process in reversed(self._processes.values()):
            process.send_signal(signal.SIGCONT)
            process.kill()
        for process in self._processes.values():
            process.wait()

    def _answer(self, connection: Connection) -> None:
        verb, name = connection.recv()
        try:
            match verb:
                case "down":
                    connection.send(None)
                    raise Ended
                case "status":
                    connection.send({name: self._state(name) for name in self._parts})
                case "stop":
                    self._stopped.add(name)
                    process = self._processes[name]
                    process.send_signal(signal.SIGCONT)
                    process.kill()
                    process.wait()
                    connection.send(None)
                case "start":
                    self._spawn(self._parts[name])
                    self._stopped.discard(name)
                    self._await(self._parts[name])
                    connection.send(None)
                case "pause":
                    self._processes[name].send_signal(signal.SIGSTOP)
                    connection.send(None)
                case "resume":
                    self._processes[name].send_signal(signal.SIGCONT)
                    connection.send(None)
                case _:
                    connection.send({"error": f"the supervisor does not know {verb!r}"})
        except (SandboxError, KeyError, OSError) as error:
            connection.send({"error": f"{verb} {name}: {error}"})

    def _state(self, name: str) -> dict[str, Any]:
        process = self._processes[name]
        code = process.poll()
        state = "running" if code is None else "stopped" if name in self._stopped else "died"
        return {"pid": process.pid, "state": state, "why": self._epitaph(name) if state == "died" else ""}

    def _spawn(self, part: Part) -> None:
        environ = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(self._world.folder / "home"),
            "TMPDIR": str(self._world.folder / "tmp"),
            "KUBECONFIG": str(self._world.kubeconfig),
        }
        log = (self._world.folder / "logs" / f"{part.name}.log").open("ab")
        with log:
            self._processes[part.name] = subprocess.Popen(
                part.command,
                env=environ | part.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._world.folder,
                start_new_session=True,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - this process has one thread
            )

    def _await(self, part: Part) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while True:
            self._check_caller()
            for name, process in self._processes.items():
                if process.poll() is not None and name not in self._stopped:
                    raise SandboxError(self._epitaph(name))
            if part.ready():
                return
            if time.monotonic() > deadline:
                raise SandboxError(
                    f"{part.name} is not ready after {READY_SECONDS:.0f} s:\n{self._last_lines(part.name)}"
                )
            time.sleep(0.05)

    def _epitaph(self, name: str) -> str:
        code = self._processes[name].returncode
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        return f"{name} {how}; its last log lines:\n{self._last_lines(name)}"

    def _last_lines(self, name: str) -> str:
        text = (self._world.folder / "logs" / f"{name}.log").read_text("utf-8", "replace")
        return "\n".join(f"  {line[:400]}" for line in text.splitlines()[-LOG_LINES:])

    def _check_caller(self) -> None:
        if self._lifeline is None:
            return
        readable, _, _ = select.select([self._lifeline], [], [], 0)
        if readable and not os.read(self._lifeline, 1):
            raise Ended


def ask(folder: Path, verb: str, name: str = "") -> Any:
    """Ask the supervisor of the sandbox in ``folder``; raises ``SandboxError`` with its answer, or ``OSError``."""
    with Client(str(folder / SOCKET), family="AF_UNIX") as connection:
        connection.send((verb, name))
        if not connection.poll(READY_SECONDS + 5):
            raise SandboxError(f"the supervisor in {folder} does not answer to {verb!r}")
        answer = connection.recv()
    if isinstance(answer, dict) and "error" in answer:
        raise SandboxError(answer["error"])
    return answer


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _on_signal(number: int, _: object) -> None:
    raise Ended(signal.Signals(number).name)


def main() -> int:
    """Read the world from standard input's first line; tell how it goes on standard output, a JSON object a line."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _on_signal)
    told = json.loads(sys.stdin.readline())
    folder = Path(told["folder"])
    world = World(folder=folder, programs=build.programs(), ports=told["ports"], admin_token=told["admin_token"])
    supervisor = Supervisor(world, lifeline=sys.stdin.fileno() if told["bound"] else None)

    def tell(**message: str) -> None:
        print(json.dumps(message), flush=True)

    try:
        supervisor.start(lambda text: tell(say=text))
        tell(ready="")
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
        os.close(1)
        supervisor.serve()
    except Ended:
        pass
    except Exception as error:  # noqa: BLE001 - whatever it is, the caller must hear of it
        known = isinstance(error, (SandboxError, cluster.CommandError))
        tell(error=str(error) if known else "".join(traceback.format_exception(error)))
        return 1
    finally:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        supervisor.stop_all()
        cluster.remove(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
