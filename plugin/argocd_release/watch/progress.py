"""Log the progress of a pending release: each new reason at once, and after it a line at growing intervals."""

import re
from collections.abc import Callable, Iterable
from typing import Final

from argocd_release.model.application import Application
from argocd_release.model.events import ApplicationState, NoAnswer, Output, StateChanged, StillWaiting
from argocd_release.model.observation import Failure
from argocd_release.model.outcome import Verdict
from argocd_release.model.ports import Emit
from argocd_release.model.problem import CauseCode
from argocd_release.model.timeline import Transition

# If nothing changes, the log repeats the reason after this many seconds, and then at each doubling of the wait.
STILL_WAITING_SECONDS: Final = 10.0
# The log shows this many different reasons immediately. It shows further reasons only when a repetition is due.
LINES_AT_ONCE: Final = 20
_COUNTS: Final = re.compile(r", \d++ restarts?|back-off \d++m?\d*+s")
_NUMBERS: Final = re.compile(r"(?:-[0-9a-f]{6,10})?-[bcdfghjklmnpqrstvwxz2456789]{5}\b|\d++")


# The sync statuses of a resource that can differ from git. If the last sync was of an earlier revision, its message
# then describes an old state of the resource.
_NOT_SYNCED: Final = re.compile(r"\s(?:OutOfSync|Unknown)(?:\s|$)")


def without_old_message(line: str, application: Application | None) -> str:
    """Remove the message about an earlier release from a row of ``argocd app wait``.

    The command shows the results of the last sync, even if that sync was of an earlier revision. Without this, a
    release that has applied nothing shows rows such as ``deployment.apps/web created``.
    """
    operation = application.operation if application else None
    if application is None or operation is None or application.operation_counts or application.operating:
        return line
    if not _NOT_SYNCED.search(line):
        return line
    texts = (item.message for item in operation.results if item.action and item.message)
    return next((line.removesuffix(text).rstrip() for text in texts if line.endswith(f" {text}")), line)


class Progress:
    """The part of the job log about the progress of one application.

    Args:
        emit: receives the events for the job log.
        now: returns the time of a monotonic clock in seconds.
        started: the clock time at which the job began.
        timeout: seconds from ``started`` to the deadline.
    """

    def __init__(self, *, emit: Emit, now: Callable[[], float], started: float, timeout: float) -> None:
        self._emit = emit
        self._now = now
        self._started = started
        self._timeout = timeout
        #: True to repeat the reason every ``STILL_WAITING_SECONDS``, and not at growing intervals.
        self.steady = False
        self._shown: tuple[str, float] = ("", started)
        #: The reasons that the log has shown, without their numbers.
        self._shown_reasons: set[str] = set()

    def emit_pending(self, observation: Application | Failure, verdict: Verdict) -> None:
        """Log the reason of the pending verdict if it is new, or if a repetition is due."""
        now, (last_reason, at) = self._now(), self._shown
        reason = _known_reason(observation, verdict)
        # Do not log a reason immediately if it differs from a logged reason only in numbers or in names of pods.
        key = _NUMBERS.sub("#", _without_counts(reason))
        # Argo CD compares by itself at the end of a sync, so the lack of this comparison is seldom worth a line.
        is_outdated = isinstance(observation, Application) and observation.outdated
        is_brief = is_outdated and verdict.code is CauseCode.NOT_COMPARED
        is_new = not is_brief and key not in self._shown_reasons and len(self._shown_reasons) < LINES_AT_ONCE
        pause = STILL_WAITING_SECONDS if self.steady else max(STILL_WAITING_SECONDS, at - self._started)
        if not is_new and now - at < pause:
            return
        self._shown = (reason, now)
        self._shown_reasons.add(key)
        if not is_new:
            changed = _without_counts(reason) != _without_counts(last_reason)
            waited = round(now - self._started)
            self._emit(StillWaiting(reason=reason, waited=waited, timeout=round(self._timeout), changed=changed))
        elif isinstance(observation, Failure):
            self._emit(NoAnswer(reason=reason))
        else:
            revision = ",".join(revision[:7] for revision in observation.revisions)
            # The log line already contains sync status and health, so remove both from the beginning of the reason.
            reason = reason.removeprefix(f"{observation.sync}: ").removeprefix(f"{observation.health}: ")
            self._emit(
                ApplicationState(sync=observation.sync, health=observation.health, revision=revision, reason=reason)
            )

    def emit_changes(self, changes: Iterable[Transition]) -> None:
        """Log the changes of the application since the previous look."""
        for change in changes:
            self._emit(StateChanged(what=change.what, value=change.value, at=change.at))

    def emit_output(self, line: str, application: Application | None) -> None:
        """Log a line of ``argocd app wait``. Remove its message if the message is about an earlier release."""
        self._emit(Output(line=without_old_message(line, application)))


def _known_reason(observation: Application | Failure, verdict: Verdict) -> str:
    """Return the most specific reason: a pod's problem or warning or, without both, the verdict's reason."""
    workloads = observation.workloads if isinstance(observation, Application) else None
    if workloads is None or verdict.code not in {CauseCode.UNHEALTHY, CauseCode.OTHER_IMAGE}:
        return verdict.reason
    failing = next((failing.problem.message for failing in workloads.failing if not failing.of_job), "")
    return failing or workloads.warning or verdict.reason


def _without_counts(reason: str) -> str:
    """Remove the number of restarts and the back-off time, which change while the problem stays the same."""
    return _COUNTS.sub("", reason)
