"""Show the logs of hooks in the job log while the hooks run, and keep them for the reports.

The recorder of hooks (``hook_evidence``) already follows these logs, so showing them costs Argo CD no request.

A Secret or a key in a log can span several lines. Its lines can only be redacted together. So the lines of a log are
collected until the program is silent for a moment, and until no secret can continue in the next line. The redaction
also receives the lines before them, because a Secret can begin there.
"""

import re
import threading
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from argocd_release.core.log_documents import LogDocuments
from argocd_release.core.redaction import lines_shown
from argocd_release.core.text import CUT
from argocd_release.core.yaml_secrets import REDACTED, SECRET_KIND, is_below
from argocd_release.model.errors import ArgoCDError
from argocd_release.model.events import JobEvent
from argocd_release.model.hook_events import HookLogLines, HookLogsRefused
from argocd_release.model.ports import Emit
from argocd_release.model.result import HookLog
from argocd_release.timing import run_in_background

#: The maximum number of lines of each log that the reports contain, and the maximum total length of these lines in
#: characters.
KEPT_LINES: Final = 1000
KEPT_TEXT: Final = 64_000
#: The maximum number of lines of each log that the job log shows, and the maximum total length of these lines in
#: characters.
SHOWN_LINES: Final = 200
SHOWN_TEXT: Final = 32_000
#: The maximum number of logs of a job. The limit for the text of all logs is ``_AS_MANY`` times that of one log.
LOGS: Final = 20
_AS_MANY: Final = 4
#: The job log shows new lines as soon as the program has printed nothing for this many seconds. If the program prints
#: all the time, the job log shows the lines after ``_LATEST_SECONDS``.
_SILENCE_SECONDS: Final = 0.4
_LATEST_SECONDS: Final = 1.5
# If a secret in a log seems to have no end, its lines are held back up to these limits.
_HELD_SECONDS: Final = 10.0
_HELD_LINES: Final = 300
#: The number of lines before the new lines, or before the start of a secret, that the redaction also receives.
_CONTEXT_LINES: Final = 50
_TICK_SECONDS: Final = 0.2
# A line to append before the redaction. The redaction changes it only if a secret in the lines before it has not
# ended.
_PROBE: Final = f"{' ' * 300}…"
# If a text contains this line, the redaction also recognizes ``data:`` after a prefix, such as a timestamp.
_KIND_LINE: Final = "kind: Secret"


@dataclass(kw_only=True)
class _Log:
    """The log of one run of a container.

    Attributes:
        hook: returns the hook, such as ``PreSync hook Job/migrate``, or "" while the pod is not known to belong to one.
        new: the lines that are not redacted yet. ``first_at`` and ``last_at`` are the times of their arrival.
        context: the unredacted lines before the new ones. If a secret in them has not ended, its start is one of them.
        is_open: True if a secret in the context has not ended.
        documents: the Kubernetes documents that have not ended in the last lines.
        prefix: the part of the line before the start of a secret whose end the redaction cannot find, otherwise None.
            The secret ends before the next line that does not begin with this prefix and an indent.
        kept: the last redacted lines, for the reports. ``size`` is their length.
        count: the number of all redacted lines. ``shown`` is the number of those that the job log shows, and
            ``shown_size`` their length.
        reported: the number of omitted lines that the job log has reported.
        error: Argo CD's error if it refused to show the log, otherwise None.
    """

    application: str
    hook: Callable[[], str]
    pod: str
    container: str
    new: list[str] = field(default_factory=list)
    first_at: float = 0.0
    last_at: float = 0.0
    context: list[str] = field(default_factory=list)
    is_open: bool = False
    documents: LogDocuments = field(default_factory=LogDocuments)
    prefix: str | None = None
    kept: deque[str] = field(default_factory=deque)
    size: int = 0
    count: int = 0
    shown: int = 0
    shown_size: int = 0
    reported: int = 0
    error: ArgoCDError | None = None

    @property
    def is_cut(self) -> bool:
        """Return True if the job log has omitted lines of this log."""
        return self.shown < self.count

    def take(self, line: str, now: float) -> None:
        if not self.new:
            self.first_at = now
        self.new.append(line)
        self.documents.take(line)
        self.last_at = now

    def redact(self, now: float, *, at_once: bool) -> tuple[str, ...]:
        """Redact the new lines and keep them. Return them, or nothing if they must wait for further lines."""
        if not self.new or not (at_once or self._is_due(now)):
            return ()
        if self.is_cut:
            self.skip()
        self._find_end()
        has_waited = self.is_open or now - self.first_at >= _HELD_SECONDS or len(self.new) >= _HELD_LINES
        if self.documents.may_be_secret:
            # The next lines can show that the document is a Secret.
            if not (at_once or has_waited):
                return ()
            # The log has to be shown now, so redact the document like a Secret.
            self.context.insert(0, _KIND_LINE)
        lines, is_open = _redacted(self.context, self.new)
        if is_open and not (at_once or has_waited):
            return ()
        self._remember(is_open=is_open)
        self.count += len(lines)
        for line in lines:
            self.kept.append(line)
            self.size += len(line)
        while self.kept and (len(self.kept) > KEPT_LINES or self.size > KEPT_TEXT):
            self.size -= len(self.kept.popleft())
        return tuple(lines)

    def skip(self) -> None:
        """Drop the oldest new lines. Keep those for the reports, and ``_HELD_LINES`` before them for the redaction."""
        skipped = max(len(self.new) - KEPT_LINES - _HELD_LINES, 0)
        self.count += skipped
        del self.new[:skipped]

    def _remember(self, *, is_open: bool) -> None:
        """Move the new lines to the context, and reduce the context to the lines that the next redaction needs."""
        lines = [*self.context, *self.new]
        self.new.clear()
        self.is_open = is_open
        if is_open and self.prefix is None:
            self.context, self.prefix = _opened(lines)
        elif not is_open:
            # Each further field of a document must be redacted like the fields before it.
            has_secret = self.documents.has_secret or self.documents.may_be_secret
            last = [line for line in lines[-_CONTEXT_LINES:] if line != _KIND_LINE]
            self.context = [_KIND_LINE, *last] if has_secret else last

    def _find_end(self) -> None:
        """If ``prefix`` is set, drop the new lines before the one that ends the secret, or all if none ends it."""
        prefix = self.prefix
        if prefix is None:
            return
        end = next((number for number, line in enumerate(self.new) if not is_below(line, prefix)), None)
        if end is None:
            self.new.clear()
            return
        del self.new[:end]
        self.context, self.is_open, self.prefix = _secret_kind(self.context), False, None

    def _is_due(self, now: float) -> bool:
        is_silent = now - self.last_at >= _SILENCE_SECONDS
        return is_silent or now - self.first_at >= _LATEST_SECONDS or len(self.new) >= _HELD_LINES


def _redacted(context: Sequence[str], new: Sequence[str]) -> tuple[list[str], bool]:
    """Redact the new lines of a log. Return them, and True if a secret in them or in the context has not ended."""
    # If the new lines contain the kind of a Secret, the redaction also hides more of the context. Put ``_KIND_LINE``
    # before the context, so that the context has as many redacted lines alone as with the new lines.
    start = [*_secret_kind([*context, *new]), *context]
    count = len(lines_shown(start))
    is_open = lines_shown([*start, *new, _PROBE])[-1] != _PROBE
    return list(lines_shown([*start, *new])[count:]), is_open


def _opened(lines: Sequence[str]) -> tuple[list[str], str | None]:
    """Return the lines that the redaction needs to find the end of the secret that begins in these lines.

    If the redaction cannot find the end, return the part of the line before the secret too.
    """
    kind = _secret_kind(lines)
    *shown, opening = lines_shown([*kind, *lines])
    # Find the line from which the last redacted line comes. It contains the start of the secret.
    start = bisect_left(range(len(lines)), len(shown) + 1, key=lambda end: len(lines_shown([*kind, *lines[: end + 1]])))
    first = [*kind, *lines[max(start - _CONTEXT_LINES, 0) : start + 1]]
    # An unindented line ends a YAML block, whatever the block contains. Other secrets need all their lines.
    if lines_shown([*kind, *lines, "end"])[-1] == "end":
        return (first if lines_shown([*first, _PROBE])[-1] != _PROBE else [*kind, *lines]), None
    name = opening.rpartition(REDACTED)[0].rstrip()
    has_end = name.endswith(("-----", "{", "[")) and not re.search(CUT, lines[start])
    if has_end and len(lines) - start <= KEPT_LINES:
        return [*first, *lines[start + 1 :]], None
    prefix = name[: name.rstrip(" {[").rfind(" ") + 1]
    # Inside braces, the document begins before the secret, and perhaps in an earlier line with a smaller indent.
    is_in_braces = not {"{", "}", ","}.isdisjoint(prefix)
    return first, prefix.partition("{")[0].partition("  ")[0] if is_in_braces else prefix


def _secret_kind(lines: Sequence[str]) -> list[str]:
    return [_KIND_LINE] if SECRET_KIND.search("\n".join(lines)) else []


class HookLogs:
    """The logs of all hooks of a job. Any thread can add lines.

    Args:
        emit: receives the events for the job log.
        several: True if the job watches a group, so that each event names its application.
    """

    #: The maximum number of earlier lines to request when the recorder begins to follow a log.
    LINES: Final = KEPT_LINES

    def __init__(self, emit: Emit, *, several: bool) -> None:
        self._emit = emit
        self._several = several
        self._logs: dict[tuple[str, str, int], _Log] = {}
        self._size = 0
        self._refused = False
        self._closed = False
        self._has_lines = threading.Event()
        # The first lock protects the lines, the second one the order of the events.
        self._lock, self._showing = threading.Lock(), threading.Lock()
        self._started = False

    def open(
        self, key: tuple[str, str, int], *, application: str, hook: Callable[[], str], pod: str
    ) -> Callable[[str], object]:
        """Return a function that receives the lines of a log.

        The function ignores the lines if the log was opened before, or if the job has already opened ``LOGS`` logs.

        Args:
            key: the pod's uid, the container's name, and the number of its restarts.
            application: the name of the application.
            hook: returns the hook, or "" while the pod is not known to belong to a hook.
            pod: the name of the pod.
        """
        with self._lock:
            if key in self._logs or len(self._logs) >= LOGS:
                return lambda _: None
            log = self._logs[key] = _Log(application=application, hook=hook, pod=pod, container=key[1])
            if not self._started:
                self._started = True
                run_in_background(self._work)

        def take(line: str) -> None:
            with self._lock:
                if self._closed and len(log.new) >= KEPT_LINES:
                    return
                log.take(line, time.monotonic())
            self._has_lines.set()

        return take

    def forget(self, key: tuple[str, str, int]) -> None:
        """Forget a log without lines, so that it can be opened again."""
        with self._lock:
            if (log := self._logs.get(key)) is not None and not (log.new or log.count):
                del self._logs[key]

    def refused(self, key: tuple[str, str, int], error: ArgoCDError) -> None:
        """Say once in the job log that Argo CD refuses to show the log of a hook."""
        with self._lock:
            if (log := self._logs.get(key)) is not None:
                log.error = error
        self._has_lines.set()

    def close(self) -> None:
        """Show all lines that have arrived, and the number of lines that the job log does not show."""
        self._closed = True
        self._has_lines.set()
        self._show(at_once=True)

    def of(self, application: str) -> tuple[HookLog, ...]:
        """Return the logs of the application's hooks for the reports, in the order in which they were opened.

        Call ``close`` first. Otherwise, the result lacks the lines that are not redacted yet.
        """
        left = _AS_MANY * KEPT_TEXT
        logs: list[HookLog] = []
        with self._lock:
            for log in reversed(self._logs.values()):
                if self._closed:
                    log.skip()
                    log.redact(time.monotonic(), at_once=True)
                left -= log.size
                if log.application == application and log.kept and (hook := log.hook()) and left >= 0:
                    logs.append(
                        HookLog(
                            hook=hook,
                            pod=log.pod,
                            container=log.container,
                            lines=tuple(log.kept),
                            left_out=log.count - len(log.kept),
                        )
                    )
        return tuple(reversed(logs))

    def _work(self) -> None:
        """Show the lines of all logs until the job has ended."""
        while not self._closed:
            self._has_lines.wait()
            time.sleep(_TICK_SECONDS)
            self._has_lines.clear()
            if self._show(at_once=False):
                self._has_lines.set()

    def _show(self, *, at_once: bool) -> bool:
        """Show the lines that are due. Return True if further lines are not due yet."""
        with self._showing:
            if self._closed and not at_once:
                return False
            events: list[JobEvent] = []
            with self._lock:
                for log in self._logs.values():
                    if hook := log.hook():
                        events += self._refusal(log)
                        events += self._events(log, hook, at_once=at_once)
                    elif len(log.new) > KEPT_LINES:
                        log.redact(time.monotonic(), at_once=True)
                waits = any(log.new or log.error for log in self._logs.values())
            for event in events:
                self._emit(event)
        return waits

    def _refusal(self, log: _Log) -> list[JobEvent]:
        error, log.error = log.error, None
        if error is None or self._refused:
            return []
        self._refused = True
        return [HookLogsRefused(error=error.message)]

    def _events(self, log: _Log, hook: str, *, at_once: bool) -> list[HookLogLines]:
        """Return the event with the new lines of a log that fit into the job log, or nothing."""
        was_cut = log.is_cut
        lines: list[str] = []
        for line in log.redact(time.monotonic(), at_once=at_once):
            too_long = log.shown_size + len(line) > SHOWN_TEXT or self._size + len(line) > _AS_MANY * SHOWN_TEXT
            if was_cut or log.shown >= SHOWN_LINES or too_long:
                break
            lines.append(line)
            log.shown += 1
            log.shown_size += len(line)
            self._size += len(line)
        # Report omitted lines when the log becomes too long, and their final number at the end.
        left_out = log.count - log.shown if at_once or not was_cut else 0
        if left_out == log.reported:
            left_out = 0
        if not lines and not left_out:
            return []
        log.reported = left_out or log.reported
        return [
            HookLogLines(
                application=log.application if self._several else "",
                hook=hook,
                pod=log.pod,
                container=log.container,
                lines=tuple(lines),
                left_out=left_out,
            )
        ]
