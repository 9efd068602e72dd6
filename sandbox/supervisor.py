"""The process that starts, watches and stops all components of one sandbox.

No process outlives its owner. The supervisor ends when its standard input is closed, which happens even if its caller
crashes, unless the caller has written ``stay``. The kernel kills the components when the supervisor ends. Callers send
requests to a socket in the sandbox's folder (see ``control``).
"""

import ctypes
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final

from sandbox.components import Component, components
from sandbox.control import SOCKET, STAY, Request, SandboxError
from sandbox.install import install, remove
from sandbox.layout import Layout

READY_SECONDS: Final = 60.0
SILENCE_SECONDS: Final = 5.0
LOG_LINES: Final = 12
_PR_SET_PDEATHSIG: Final = 1


class Ended(Exception):  # noqa: N818 - no error: the end that was asked for
    """The caller has ended, or has requested the end of the sandbox."""


class Supervisor:
    """The owner of the components.

    It must run in the main thread, because the kernel kills a component when the thread that has started it ends.
    """

    def __init__(self, layout: Layout, *, say: Callable[[str], None]) -> None:
        self._layout = layout
        self._components = {each.name: each for each in components(layout)}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._lifeline: int | None = sys.stdin.fileno()
        # The components that a test has stopped, which therefore have not crashed.
        self._stopped: set[str] = set()
        self._say = say
        self._started = self._said = time.monotonic()

    def start(self) -> None:
        """Start the components wave by wave.

        Raises:
            SandboxError: a component has crashed.
        """
        for wave in sorted({each.wave for each in self._components.values() if each.wave is not None}):
            starting = [each for each in self._components.values() if each.wave == wave]
            for component in starting:
                self._spawn(component)
            if wave == 1:
                install(self._layout, between=lambda: self._look("waiting for the cluster"))
            for component in starting:
                self._await(component)
            self._tell(f"{', '.join(component.name for component in starting)} ready")

    def serve(self) -> None:
        """Handle requests.

        Raises:
            Ended: the caller has ended, or has requested the end.
        """
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(self._layout.folder / SOCKET))
            server.listen()
            self._say = lambda _: None
            while True:
                watched = [server.fileno(), *([] if self._lifeline is None else [self._lifeline])]
                readable, _, _ = select.select(watched, [], [])
                if server.fileno() in readable:
                    connection, _ = server.accept()
                    with connection:
                        self._answer(Request(connection))
                self._check_caller()

    def stop_all(self) -> None:
        """Kill all components and their child processes."""
        for process in reversed(self._processes.values()):
            _kill(process)
        for process in self._processes.values():
            process.wait()

    def _answer(self, request: Request) -> None:
        if (asked := request.read()) is None:
            return
        verb, name = asked
        try:
            request.reply(answer=self._do(verb, name))
        except SandboxError as error:
            request.reply(error=f"{verb} {name}: {error}")
        if verb == "down":
            raise Ended

    def _do(self, verb: str, name: str) -> Any:
        if verb == "down":
            return None
        if verb == "status":
            return {name: self._state(name) for name in self._components if name in self._processes}
        if name not in self._components:
            raise SandboxError(f"no component has that name; there are {', '.join(self._components)}")
        process = self._processes.get(name)
        running = process is not None and process.poll() is None
        if running == (verb == "start"):
            raise SandboxError("it is running" if running else "it is not running")
        if process is None or verb == "start":
            self._spawn(self._components[name])
            self._stopped.discard(name)
            self._await(self._components[name])
            return None
        match verb:
            case "stop":
                self._stopped.add(name)
                _kill(process)
                process.wait()
            case "pause":
                process.send_signal(signal.SIGSTOP)
                # Wait until the signal was delivered. WEXITED is needed in case the component ends instead.
                os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
            case "resume":
                process.send_signal(signal.SIGCONT)
            case _:
                raise SandboxError("the supervisor has no such request")
        return None

    def _state(self, name: str) -> dict[str, Any]:
        process = self._processes[name]
        code = process.poll()
        state = "running" if code is None else "stopped" if name in self._stopped else "died"
        return {"pid": process.pid, "state": state, "why": self._exit_report(name) if state == "died" else ""}

    def _spawn(self, component: Component) -> None:
        environ = self._layout.environ(os.environ.get("PATH", "")) | {"KUBECONFIG": str(self._layout.kubeconfig)}
        log = (self._layout.folder / "logs" / f"{component.name}.log").open("ab")
        with log:
            self._processes[component.name] = subprocess.Popen(
                component.command,
                env=environ | component.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._layout.folder,
                start_new_session=True,
                preexec_fn=partial(_die_with, os.getpid()),  # noqa: PLW1509 - this process has one thread
            )

    def _await(self, component: Component) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while True:
            self._look(f"waiting for {component.name}")
            if component.ready():
                return
            if time.monotonic() > deadline:
                raise SandboxError(
                    f"{component.name} is not ready after {READY_SECONDS:.0f} s:\n{self._last_lines(component.name)}"
                )
            time.sleep(0.05)

    def _look(self, doing: str) -> None:
        """Check the caller and the components, and report the progress. Call this repeatedly during each wait."""
        self._check_caller()
        for name, process in self._processes.items():
            if process.poll() is not None and name not in self._stopped:
                raise SandboxError(self._exit_report(name))
        if time.monotonic() - self._said > SILENCE_SECONDS:
            self._tell(doing)

    def _tell(self, what: str) -> None:
        self._said = time.monotonic()
        self._say(f"{what} after {self._said - self._started:.1f} s")

    def _exit_report(self, name: str) -> str:
        code = self._processes[name].returncode
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        return f"{name} {how}; its last log lines:\n{self._last_lines(name)}"

    def _last_lines(self, name: str) -> str:
        text = (self._layout.folder / "logs" / f"{name}.log").read_text("utf-8", "replace")
        return "\n".join(f"  {line[:400]}" for line in text.splitlines()[-LOG_LINES:])

    def _check_caller(self) -> None:
        if self._lifeline is None or not select.select([self._lifeline], [], [], 0)[0]:
            return
        if os.read(self._lifeline, len(STAY)) != STAY:
            raise Ended
        self._lifeline = None


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a component and its child processes, such as the repo-server's git. They are in one process group."""
    # Do not kill the group if the component has already been waited for, because its id can belong to another process.
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _die_with(supervisor: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        # The supervisor can have ended before the kernel was told to kill this process with it.
        if os.getppid() != supervisor:
            os._exit(1)


def _on_signal(number: int, _: object) -> None:
    raise Ended(signal.Signals(number).name)


def main() -> int:
    """Run a sandbox. Read the layout from standard input, and write messages as JSON lines to standard output."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _on_signal)
    # Do not use sys.stdin, because its buffer could consume later input.
    with os.fdopen(os.dup(sys.stdin.fileno()), "rb", buffering=0) as lines:
        layout = Layout.from_json(json.loads(lines.readline()))

    def emit(**message: str) -> None:
        print(json.dumps(message), flush=True)

    supervisor = Supervisor(layout, say=lambda text: emit(say=text))
    try:
        supervisor.start()
        emit(ready="")
        supervisor.serve()
    except Ended:
        pass
    except Exception as error:  # noqa: BLE001 - whatever it is, the caller must hear of it
        known = isinstance(error, SandboxError)
        # After the start, no process reads standard output any more, so also write the error to the log.
        print("".join(traceback.format_exception(error)), file=sys.stderr, flush=True)
        with suppress(OSError):
            emit(error=str(error) if known else "".join(traceback.format_exception(error)))
        return 1
    finally:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        supervisor.stop_all()
        remove(layout.folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
