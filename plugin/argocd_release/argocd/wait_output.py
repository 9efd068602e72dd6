"""Run ``argocd app wait`` to show progress in the job log, and filter its output."""

import re
import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Self
from urllib.parse import unquote

from argocd_release.core.redaction import redaction
from argocd_release.core.secret_data import message_shown
from argocd_release.core.text import QUOTED, clean, one_line, parse_object, without_applied_file
from argocd_release.core.yaml_secrets import starts_data

# The maximum number of lines that `argocd app wait` adds to the job log. By default, GitLab drops the job log after the
# first 4 MiB (gitlab-runner: output_limit). The limit ensures that the verdict at the end is not dropped.
LINES: Final = 500
# The maximum number of progress rows of `argocd app wait` in the job log. A list of all changes follows at the end of
# the log.
PROGRESS_LINES: Final = 60
LINE_LIMIT: Final = 1000
COUNT_SECONDS: Final = 10.0
# The maximum number of lines of one message to print. They are redacted together.
CONTINUED_LINES: Final = 50
_ROW: Final = re.compile(r"\d{4}-\d\d-\d\dT\S+\s+(.*)")
_WORD: Final = re.compile(r"\S++")
_without_credentials: Final = redaction(())
_HEADER: Final = re.compile(r"TIMESTAMP\s+GROUP\s+KIND\s.*")
_FINAL: Final = re.compile(r"Name:\s+\S+|This is the state of the app after .*|The command timed out waiting .*")
# The characters that gRPC percent-encodes in an error message. Other encodings, such as %2F, belong to a URL in the
# message, so they are kept.
_ENCODED: Final = re.compile(r"(?:%(?:[01][0-9A-F]|25|7F|[89A-F][0-9A-F]))+")
_CANCELLED: Final = re.compile(r"context canceled|context deadline exceeded|timed out \(\d++s\) waiting")
# The known values of the status, phase and health columns. argocd omits empty columns, so the position of a word does
# not tell its column. But these words can only be values, because they begin with a capital letter, which Kubernetes
# does not allow in names.
_STATUSES: Final = frozenset({"Synced", "OutOfSync", "Unknown", "Pruned", "PruneSkipped", "SyncFailed"})
_PHASES: Final = frozenset({"Running", "Terminating", "Succeeded", "Failed", "Error"})
_HEALTHS: Final = frozenset({"Healthy", "Progressing", "Degraded", "Suspended", "Missing", "Unknown", "Synced"})
_BAD: Final = frozenset({"SyncFailed", "Failed", "Error", "Degraded"})


@dataclass(frozen=True, kw_only=True)
class ResourceRow:
    """One row of the table that ``argocd app wait`` prints: the state of a resource or hook."""

    #: The resource's group, kind, namespace and name, separated by spaces. argocd omits empty values.
    key: str
    status: str
    health: str
    message: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a table row without its timestamp. If no word is a known status, the first word is the status."""
        words = text.split()
        at = next((place for place, word in enumerate(words) if word in _STATUSES | _PHASES), 0)
        rest = words[at + 1 :]
        # argocd prints Synced in the health column of a hook (argo-cd v2.13.2 cmd/argocd/commands/app.go
        # getResourceStates).
        health = rest.pop(0) if rest and rest[0] in _HEALTHS else ""
        return cls(key=" ".join(words[:at]), status=words[at] if words else "", health=health, message=" ".join(rest))

    @property
    def well(self) -> bool:
        """Return True if the resource is synced and healthy, or if the hook has succeeded."""
        return self.status in {"Synced", "Succeeded"} and self.health in {"", "Healthy", "Synced"}

    @property
    def touched(self) -> bool:
        """Return True if the row's message shows that the last sync has changed the resource."""
        return bool(self.message) and not self.message.endswith(" unchanged")

    @property
    def bad(self) -> bool:
        return bool(_BAD & {self.status, self.health})


class WaitOutputFilter:
    """A filter for the output of ``argocd app wait`` that drops rows without a change.

    When the filter has returned ``LINES`` lines, it drops all further lines and only counts them.

    Args:
        now: returns the time of a monotonic clock in seconds.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._ended = False
        self._header = ""
        self._printed_rows: set[str] = set()
        self._resources_with_rows: set[str] = set()
        # The lines of the last row's message that have arrived so far. The kind is "Secret" if that row is about a
        # Secret.
        self._message: list[str] = []
        self._kind = ""
        # True if the further lines of the message are left out.
        self._is_cut = False
        self._resources: set[str] = set()
        # The keys of the resources of which a row was printed, and the keys of those whose last row reported a problem.
        self._printed_resources: set[str] = set()
        self._troubled: set[str] = set()
        self._printed_lines = 0
        self._progress = 0
        self._left_out = 0
        self._counted_at = 0.0

    def new(self, line: str) -> tuple[str, ...]:
        """Process one line of argocd's output, and return the lines to print.

        The result is empty if the line shows no change. The first row is returned together with the table header.
        """
        line = clean(line, limit=LINE_LIMIT)
        match = _ROW.fullmatch(line)
        if match is None:
            text = self._other(line)
            return self._limited(text, progress=False) if text else ()
        # A line inside an earlier message can look like the beginning of argocd's final summary. But no row of the
        # table follows the real final summary, so this row proves that the output continues.
        self._ended = False
        row = ResourceRow.parse(without_applied_file(match[1]))
        self._is_cut = False
        self._message, self._kind = [row.message], "Secret" if "Secret" in row.key.split() else ""
        message = message_shown(row.message, kind=self._kind)
        # If redaction has changed the message, replace only the message in the line, so that the columns keep their
        # spacing.
        line = without_applied_file(line)
        if message != row.message:
            words = [word.start() for word in _WORD.finditer(line)]
            line, row = f"{line[: words[-len(row.message.split())]]}{message}", replace(row, message=message)
        return self._limited(line, progress=not row.bad) if self._is_news(row) else ()

    @property
    def unchanged(self) -> int:
        """Return the number of resources that argocd has listed, but for which the filter has returned no row."""
        return len(self._resources - self._printed_resources)

    def left_out(self, *, at_once: bool = False) -> int:
        """Return how many lines were dropped since the last report, and reset the count.

        Return 0 if the last report was less than ``COUNT_SECONDS`` ago, unless ``at_once`` is True.
        """
        if not self._left_out or (not at_once and self._now() - self._counted_at < COUNT_SECONDS):
            return 0
        count, self._left_out, self._counted_at = self._left_out, 0, self._now()
        return count

    def _is_news(self, row: ResourceRow) -> bool:
        # Drop the row if it differs from an earlier row only in its timestamp.
        content = f"{row.key} {row.status} {row.health} {row.message}"
        if content in self._printed_rows:
            return False
        self._printed_rows.add(content)
        first = row.key not in self._resources_with_rows
        self._resources_with_rows.add(row.key)
        if row.status in _STATUSES:
            self._resources.add(row.key)
        # The first row of a healthy resource describes the sync before this release, so drop it.
        if row.well and (first or not row.touched) and row.key not in self._troubled:
            return False
        # While Argo CD creates a resource, the resource is Synced and Missing for a moment. Drop that row, because a
        # row with a message follows.
        if (row.status, row.health, row.message) == ("Synced", "Missing", ""):
            return False
        (self._troubled.discard if row.well else self._troubled.add)(row.key)
        self._printed_resources.add(row.key)
        return True

    def _limited(self, line: str, *, progress: bool) -> tuple[str, ...]:
        if self._printed_lines >= LINES or (progress and self._progress >= PROGRESS_LINES):
            self._leave_out()
            return ()
        self._printed_lines += 1
        self._progress += progress
        header, self._header = self._header, ""
        return (header, line) if header else (line,)

    def _leave_out(self) -> None:
        self._counted_at = self._counted_at or self._now()
        self._left_out += 1

    def _other(self, line: str) -> str:
        if not line.strip() or (line.startswith("argocd: ") and _CANCELLED.search(line)):
            return ""
        if _FINAL.fullmatch(line):
            self._ended = True
        if self._ended:
            return ""
        if not self._resources_with_rows and not self._header and _HEADER.fullmatch(line):
            self._header = line
            return ""
        continuation = self._continued(line)
        return f"{QUOTED}{continuation}" if continuation else ""

    def _continued(self, line: str) -> str:
        """Return the redacted form of a line that continues the message of the last row.

        A Secret can span several lines, so each new line causes the whole message to be redacted again. If this would
        change lines that were already printed, return an empty string. Lines from the first possible value of a Secret
        on are left out, because the line that says that it is a Secret can follow them.
        """
        if line.startswith("argocd: "):
            return message_shown(line, kind=self._kind)
        self._is_cut = self._is_cut or starts_data(line) or len(self._message) >= CONTINUED_LINES
        if self._is_cut:
            self._leave_out()
            return ""
        before = self._shown()
        self._message.append(without_applied_file(line))
        after = self._shown()
        return after.removeprefix(before).strip("\n") if after.startswith(before) else ""

    def _shown(self) -> str:
        """Return the message without the values of Secrets and without credentials, which can span several lines."""
        return _without_credentials(message_shown("\n".join(self._message), kind=self._kind))


class WaitProcess:
    """A running ``argocd app wait``. It shows progress in the job log, and makes the job look again when it ends.

    Its exit code does not affect the verdict.

    Args:
        program: the argocd program as a command of sh.
        arguments: its arguments.
        on_line: receives each line of the output, and an empty line at the end.
        on_end: receives this object when the process has ended.
    """

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
            on_line(log_line(line))

        self._process = program(*arguments, _bg=True, _bg_exc=False, _out=show, _err=show, _done=done)

    @property
    def ended(self) -> bool:
        return self._ended.is_set()

    def stop(self, *, grace: float = 0.0) -> None:
        """Give the process ``grace`` seconds to end. Then terminate it, which takes at most 2 s."""
        for seconds, number in ((grace, None), (1.0, signal.SIGTERM), (1.0, signal.SIGKILL)):
            if number is not None and not self.ended:
                try:
                    self._process.signal(number)
                except ProcessLookupError:
                    return
            if self._ended.wait(seconds):
                return


def failure_message(stderr: str) -> str:
    """Return argocd's error message on one line, or an empty string if argocd has printed none.

    The error is in the last log entry of level fatal or error, or else in the last line. With ``--logformat json``,
    argocd logs JSON, but its libraries and its command line parser still print plain lines.
    """
    lines = [line for line in stderr.splitlines() if line.strip()]
    fatal = [
        str(entry["msg"]) for line in lines if (entry := _log_entry(line)) and entry.get("level") in {"fatal", "error"}
    ]
    return one_line(message_shown(fatal[-1] if fatal else log_line(lines[-1]) if lines else ""), limit=1000)


def _log_entry(line: str) -> dict[str, Any]:
    """Return a log entry of argocd, or {} if the line is none.

    With ``--grpc-web``, argocd does not decode the error messages of the server, in which gRPC percent-encodes control
    characters, ``%`` and all bytes beyond ASCII (grpc-go v1.66.2 internal/transport/http_util.go encodeGrpcMessage).
    The redaction would not recognize an encoded line feed, so decode the message here.
    """
    entry = parse_object(line)
    if "msg" not in entry:
        return {}
    return entry | {"msg": _ENCODED.sub(lambda encoded: unquote(encoded[0], errors="replace"), str(entry["msg"]))}


def log_line(line: str) -> str:
    """Return a line of argocd's output for the job log. A log entry in JSON becomes one line with its message."""
    entry = _log_entry(line)
    # Redact before the line feeds are removed, because they show where the data of a Secret begins and ends.
    return one_line(f"argocd: {message_shown(entry['msg'])}", limit=1000) if entry else clean(line).rstrip()
