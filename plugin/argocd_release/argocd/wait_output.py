"""Run `argocd app wait` as the live feed of the log, and filter what it prints."""

import re
import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Self

from argocd_release.core.secret_data import message_shown, without_secret_data
from argocd_release.core.text import QUOTED, clean, one_line, without_applied_file
from argocd_release.core.untrusted_json import parse_json

# GitLab keeps 4 MiB of a job log by default, and the verdict stands at its end (gitlab-runner: output_limit).
LINES: Final = 500
# Of rows that tell of progress: nobody reads more, and the end of the log says what the release changed.
PROGRESS_LINES: Final = 60
LINE_LIMIT: Final = 1000
COUNT_SECONDS: Final = 10.0
# A message of more lines is searched line by line.
CONTINUED_LINES: Final = 50
_ROW: Final = re.compile(r"\d{4}-\d\d-\d\dT\S+\s+(.*)")
_WORD: Final = re.compile(r"\S++")
_HEADER: Final = re.compile(r"TIMESTAMP\s+GROUP\s+KIND\s.*")
_FINAL: Final = re.compile(r"Name:\s+\S+|This is the state of the app after .*|The command timed out waiting .*")
_CANCELLED: Final = re.compile(r"context canceled|context deadline exceeded|timed out \(\d++s\) waiting")
# Columns that are empty are not there; but no name in Kubernetes is a word with a capital letter.
_STATUSES: Final = frozenset({"Synced", "OutOfSync", "Unknown", "Pruned", "PruneSkipped", "SyncFailed"})
_PHASES: Final = frozenset({"Running", "Terminating", "Succeeded", "Failed", "Error"})
_HEALTHS: Final = frozenset({"Healthy", "Progressing", "Degraded", "Suspended", "Missing", "Unknown", "Synced"})
_BAD: Final = frozenset({"SyncFailed", "Failed", "Error", "Degraded"})


@dataclass(frozen=True, kw_only=True)
class Row:
    """What a row says of a resource, by ``key``: its group, kind, namespace and name as far as there are any."""

    key: str
    status: str
    health: str
    message: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """The row without its time; of one that has no word for a status everything is the message."""
        words = text.split()
        at = next((place for place, word in enumerate(words) if word in _STATUSES | _PHASES), 0)
        rest = words[at + 1 :]
        # In this column a hook has the word Synced (argo-cd v2.13.2 cmd/argocd/commands/app.go getResourceStates).
        health = rest.pop(0) if rest and rest[0] in _HEALTHS else ""
        return cls(key=" ".join(words[:at]), status=words[at] if words else "", health=health, message=" ".join(rest))

    @property
    def well(self) -> bool:
        """Whether it is as git has it and well; of a hook: whether it has ended so."""
        return self.status in {"Synced", "Succeeded"} and self.health in {"", "Healthy", "Synced"}

    @property
    def touched(self) -> bool:
        """Whether the last sync is known to have changed it."""
        return bool(self.message) and not self.message.endswith(" unchanged")

    @property
    def bad(self) -> bool:
        return bool(_BAD & {self.status, self.health})


class WaitOutputFilter:
    """Takes the lines in turn, and gives those to show; after so many of them only how many there were.

    ``now``: seconds on any clock that never goes back.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._ended = False
        self._header = ""
        self._seen: set[str] = set()
        self._known: set[str] = set()
        # The message that the last lines are part of, and the kind of its resource.
        self._message: list[str] = []
        self._kind = ""
        self._resources: set[str] = set()
        # Those of which something was told, and those that were not well when it was.
        self._told: set[str] = set()
        self._troubled: set[str] = set()
        self._shown = 0
        self._progress = 0
        self._left_out = 0
        self._counted_at = 0.0

    def new(self, line: str) -> tuple[str, ...]:
        """The lines to show: of one that says nothing new none, of the first row the header too."""
        line = clean(line, limit=LINE_LIMIT)
        found = _ROW.fullmatch(line)
        if found is None:
            said = self._other(line)
            return self._limited(said, progress=False) if said else ()
        # A message can hold a line like the first of the end; but after the end there is no row.
        self._ended = False
        row = Row.parse(without_applied_file(found[1]))
        self._message, self._kind = [row.message], "Secret" if "Secret" in row.key.split() else ""
        shown = message_shown(row.message, kind=self._kind)
        # The columns stay where they are; only a message that was changed is written anew.
        line = without_applied_file(line)
        if shown != row.message:
            words = [word.start() for word in _WORD.finditer(line)]
            line, row = f"{line[: words[-len(row.message.split())]]}{shown}", replace(row, message=shown)
        return self._limited(line, progress=not row.bad) if self._is_news(row) else ()

    @property
    def unchanged(self) -> int:
        """Of how many resources nothing was to be told."""
        return len(self._resources - self._told)

    def left_out(self, *, at_once: bool = False) -> int:
        """How many lines were left out since this was last asked; 0 if that is less than ``COUNT_SECONDS`` ago."""
        if not self._left_out or (not at_once and self._now() - self._counted_at < COUNT_SECONDS):
            return 0
        count, self._left_out, self._counted_at = self._left_out, 0, self._now()
        return count

    def _is_news(self, row: Row) -> bool:
        # The same row at another time is no change. The message repeats what the row before it said of the same status.
        said = f"{row.key} {row.status} {row.health} {row.message}"
        if said in self._seen:
            return False
        self._seen.add(said)
        first = row.key not in self._known
        self._known.add(row.key)
        if row.status in _STATUSES:
            self._resources.add(row.key)
        # What the first row says of a resource that is well, the sync before did.
        if row.well and (first or not row.touched) and row.key not in self._troubled:
            return False
        (self._troubled.discard if row.well else self._troubled.add)(row.key)
        self._told.add(row.key)
        return True

    def _limited(self, line: str, *, progress: bool) -> tuple[str, ...]:
        if self._shown >= LINES or (progress and self._progress >= PROGRESS_LINES):
            self._counted_at = self._counted_at or self._now()
            self._left_out += 1
            return ()
        self._shown += 1
        self._progress += progress
        header, self._header = self._header, ""
        return (header, line) if header else (line,)

    def _other(self, line: str) -> str:
        if not line.strip() or (line.startswith("argocd: ") and _CANCELLED.search(line)):
            return ""
        if _FINAL.fullmatch(line):
            self._ended = True
        if self._ended:
            return ""
        if not self._known and not self._header and _HEADER.fullmatch(line):
            self._header = line
            return ""
        shown = self._continued(line)
        return f"{QUOTED}{shown}" if shown else ""

    def _continued(self, line: str) -> str:
        """Return what the line adds to the message above it: nothing if the message can be shown only without it."""
        if len(self._message) >= CONTINUED_LINES:
            return "" if self._kind else without_applied_file(without_secret_data(line))
        if line.startswith("argocd: "):
            return message_shown(line, kind=self._kind)
        before = message_shown("\n".join(self._message), kind=self._kind)
        self._message.append(without_applied_file(line))
        after = message_shown("\n".join(self._message), kind=self._kind)
        return after.removeprefix(before).strip("\n") if after.startswith(before) else ""


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
