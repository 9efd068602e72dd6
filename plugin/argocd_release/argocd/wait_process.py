"""What argocd prints: as it runs, line by line, and as it fails."""

import signal
import threading
from collections.abc import Callable, Sequence
from typing import Any

from argocd_release.core.json_shape import parse_json
from argocd_release.core.secret_data import message_shown
from argocd_release.core.text import clean, one_line


class WaitProcess:
    """A running ``argocd app wait``. Its exit code is nobody's verdict: it only shows, and wakes."""

    def __init__(
        self,
        program: Any,
        arguments: Sequence[str],
        *,
        on_line: Callable[[str], None],
        on_end: Callable[["WaitProcess"], None],
    ) -> None:
        self._ended = threading.Event()

        def done(*_: object) -> None:
            self._ended.set()
            on_end(self)
            on_line("")

        def show(line: str) -> None:
            on_line(_plain(line))

        self._process = program(*arguments, _bg=True, _bg_exc=False, _out=show, _err=show, _done=done)

    @property
    def ended(self) -> bool:
        return self._ended.is_set()

    def stop(self, *, grace: float = 0.0) -> None:
        """Let it end by itself for ``grace`` seconds, then end it; returns within that and 2 s."""
        for seconds, number in ((grace, None), (1.0, signal.SIGTERM), (1.0, signal.SIGKILL)):
            if number is not None and not self.ended:
                try:
                    self._process.signal(number)
                except ProcessLookupError:
                    return
            if self._ended.wait(seconds):
                return


def failure_message(stderr: str) -> str:
    """What argocd says of its failure, on one line: its fatal message, or else its last line, or ``""``.

    With ``--logformat json`` its own log lines are JSON; those of its libraries and cobra's are not.
    """
    lines = [line for line in stderr.splitlines() if line.strip()]
    fatal = [entry["msg"] for line in lines if (entry := _log_entry(line)) and entry.get("level") in {"fatal", "error"}]
    return one_line(message_shown(str(fatal[-1]) if fatal else _plain(lines[-1]) if lines else ""), limit=1000)


def _log_entry(line: str) -> dict[str, Any]:
    try:
        entry = parse_json(line)
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) and "msg" in entry else {}


def _plain(line: str) -> str:
    entry = _log_entry(line)
    return one_line(f"argocd: {entry['msg']}", limit=1000) if entry else clean(line).rstrip()
