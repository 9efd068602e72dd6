"""Record the timeline of a release: the changes of the application's state, and the spans of its parts."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from argocd_release.core.text import one_line
from argocd_release.messages import verdict as texts
from argocd_release.model.application import Application, HealthStatus, Operation, Resource, SyncStatus
from argocd_release.model.timeline import Phases, PreviousState, ReleaseTimeline, Span, SpanKind, Transition


class Timeline:
    """A recorder of the changes of one application's state. The first state counts as a change too."""

    def __init__(self) -> None:
        self.transitions: list[Transition] = []
        self._last: dict[str, str] = {}
        self._recorder = SpanRecorder()

    @property
    def rollout(self) -> ReleaseTimeline:
        """Return the spans and the times of the phases that the timeline contains so far."""
        return self._recorder.rollout

    def record_problems(self, problems: Mapping[str, str], at: float) -> None:
        """Record the problems that a look shows, and whose grace periods are running.

        Args:
            problems: the message of each problem by its name.
            at: the time in seconds since tracking began.
        """
        self._recorder.record_problems(problems, at)

    def look(self, application: Application, at: float, *, compared: bool) -> tuple[Transition, ...]:
        """Record a look, and return the changes since the previous look.

        Args:
            application: the observed state.
            at: the time in seconds since tracking began.
            compared: True if Argo CD has compared since the job began.
        """
        self._recorder.look(application, at, compared=compared)
        operation = application.operation
        state = {
            "revision": application.revision,
            "operation": "Requested" if application.requested else operation.phase.value if operation else "",
            "sync": application.sync.value,
            "health": application.health.value,
        }
        changed = tuple(
            Transition(what=what, value=value, at=round(at, 3))
            for what, value in state.items()
            if self._last.get(what, "") != value
        )
        self._last = state
        self.transitions += changed
        return changed


# The maximum number of spans that the timeline keeps. An application with thousands of workloads has more.
SPANS: Final = 300
TEXT_LIMIT: Final = 300
_ROLLING: Final = frozenset({HealthStatus.PROGRESSING, HealthStatus.DEGRADED, HealthStatus.SUSPENDED})
_WELL: Final = frozenset({HealthStatus.HEALTHY.value, "Succeeded"})
_Key = tuple[str, ...]


class SpanRecorder:
    """A recorder that derives spans from successive looks at an application. ``rollout`` returns the timeline."""

    def __init__(self) -> None:
        self._spans: dict[_Key, list[Span]] = {}
        self._compared: float | None = None
        self._synced: float | None = None
        self._healthy: float | None = None
        self._judged: float | None = None
        self._before = PreviousState()
        self._before_is_known = False
        self._last: tuple[float, Application] | None = None

    def look(self, application: Application, at: float, *, compared: bool) -> None:
        """Record a look at the application. The arguments are those of ``Timeline.look``."""
        at = round(at, 3)
        if compared and self._compared is None:
            self._compared = at
        if not self._before_is_known:
            self._before = _before(application)
            # After a failed comparison, Argo CD shows no compared revision to look up in the history.
            # It syncs nothing before the next comparison, so a later look still shows the state before the release.
            self._before_is_known = bool(application.revisions)
        last_at, last = self._last or (0.0, None)
        self._operation(application, last, at, last_at)
        self._resources(application, last, at, last_at)
        synced = application.sync is SyncStatus.SYNCED and not application.operating and self._compared is not None
        self._synced = (at if self._synced is None else self._synced) if synced else None
        healthy = synced and application.health is HealthStatus.HEALTHY
        self._healthy = (at if self._healthy is None else self._healthy) if healthy else None
        self._last = (at, application)

    def record_problems(self, problems: Mapping[str, str], at: float) -> None:
        """Record the problems of a look. The arguments are those of ``Timeline.record_problems``."""
        at = self._judged = round(at, 3)
        for key, spans in self._spans.items():
            if key[0] == SpanKind.TROUBLE and key[1] not in problems and spans[-1].ended is None:
                spans[-1] = replace(spans[-1], ended=at)
        for name, message in problems.items():
            span = Span(kind=SpanKind.TROUBLE, subject=name, began=at, text=one_line(message, limit=TEXT_LIMIT))
            self._take((SpanKind.TROUBLE, name), span, at, ended=False)

    @property
    def rollout(self) -> ReleaseTimeline:
        # If there are too many spans, keep those that have not ended, and then the longest ones.
        spans = [span for recorded in self._spans.values() for span in recorded]
        spans = sorted(spans, key=lambda span: (span.ended is not None, -span.seconds))[:SPANS]
        return ReleaseTimeline(
            phases=Phases(compared=self._compared, synced=self._synced, healthy=self._healthy, judged=self._judged),
            spans=tuple(sorted(spans, key=lambda span: (span.began, span.subject))),
            before=self._before,
        )

    def _operation(self, application: Application, last: Application | None, at: float, last_at: float) -> None:
        operation = application.operation
        if operation is None or operation.dry_run:
            return
        self._close_others(operation.started_at, at)
        attempt = operation.retries + 1
        key = (SpanKind.SYNC, operation.started_at, str(attempt))
        # An operation that ended before the first look does not belong to this release.
        if not operation.running and last is None:
            return
        previous = last.operation if last else None
        if key not in self._spans and previous is not None and previous == operation:
            return
        subject = texts.SYNC if operation.is_of(application.revisions) else texts.SYNC_OF_EARLIER_REVISION
        if attempt > 1:
            subject = texts.ATTEMPT.fill(sync=subject, number=attempt)
        span = Span(
            kind=SpanKind.SYNC,
            subject=subject,
            began=at if operation.running else last_at,
            end=operation.phase.value,
            text="" if not operation.unsuccessful else one_line(operation.message, limit=TEXT_LIMIT),
        )
        for other, spans in self._spans.items():
            # Argo CD only starts another attempt after the previous one has failed, so close the span of the previous
            # attempt.
            if other[:2] == key[:2] and other != key and spans[-1].ended is None:
                spans[-1] = replace(spans[-1], ended=at, end="Failed")
        self._take(key, span, at, ended=not operation.running)
        self._hooks(operation, at, last_at, first=last is None)

    def _close_others(self, started_at: str, at: float) -> None:
        """Close the open spans of earlier operations, because Argo CD runs only one operation at a time.

        No look has seen how they ended, so their end states are unknown.
        """
        for key, spans in self._spans.items():
            if key[0] in {SpanKind.SYNC, SpanKind.HOOK} and key[1] != started_at and spans[-1].ended is None:
                spans[-1] = replace(spans[-1], ended=at, end="")

    def _hooks(self, operation: Operation, at: float, last_at: float, *, first: bool) -> None:
        for item in operation.results:
            over = item.hook_phase not in {"Running", "Terminating"}
            # A hook that ended before the first look does not belong to this release.
            if not item.hook_type or not item.hook_phase or (over and first):
                continue
            running = not over
            span = Span(
                kind=SpanKind.HOOK,
                subject=f"{item.hook_type} {item}",
                began=at if running else last_at,
                end=item.hook_phase,
                text=one_line(item.message, limit=TEXT_LIMIT) if item.failed else "",
                namespace=item.namespace,
            )
            self._take((SpanKind.HOOK, operation.started_at, item.hook_type, *item.ref), span, at, ended=not running)

    def _resources(self, application: Application, last: Application | None, at: float, last_at: float) -> None:
        before = {item.ref: item for item in last.resources} if last else {}
        for item in application.resources:
            if item.health is None or item.hook:
                continue
            key = (SpanKind.ROLLOUT, *item.ref)
            rolls = item.health in _ROLLING
            opened = key in self._spans and self._spans[key][-1].ended is None
            if not rolls and not opened and not _became(before.get(item.ref), item):
                continue
            span = Span(
                kind=SpanKind.ROLLOUT,
                subject=str(item),
                began=at if rolls else last_at,
                end=item.health.value,
                text=one_line(item.message, limit=TEXT_LIMIT) if rolls else "",
                namespace=item.namespace,
                wave=item.wave,
            )
            self._take(key, span, at, ended=not rolls)

    def _take(self, key: _Key, span: Span, at: float, *, ended: bool) -> None:
        """Open a span, or update the open span of this key. If ``ended`` is True, close it."""
        spans = self._spans.setdefault(key, [])
        end = at if ended else None
        if spans and spans[-1].ended is None:
            # If a resource has become healthy, remove the text about why it was not healthy.
            text = "" if span.end in _WELL else span.text or spans[-1].text
            spans[-1] = replace(span, began=spans[-1].began, ended=end, text=text)
        elif not (spans and ended and spans[-1].end == span.end):
            spans.append(replace(span, ended=end))


def _became(before: Resource | None, now: Resource) -> bool:
    """Return True if a resource that was OutOfSync or Missing at the previous look is Synced and Healthy now."""
    if before is None or now.health is not HealthStatus.HEALTHY or now.sync is not SyncStatus.SYNCED:
        return False
    return before.sync is SyncStatus.OUT_OF_SYNC or before.health is HealthStatus.MISSING


def _before(application: Application) -> PreviousState:
    """Derive the state before the release from the first look.

    If the compared revision is already deployed, its sync belongs to the release. Then return the revisions of the sync
    before that.
    """
    deployed = application.deployed
    if application.is_new and (deployed is None or deployed.revisions == application.revisions):
        # The application was never synced before this release, so the current images belong to this release.
        return PreviousState(first=True)
    if deployed is None:
        return PreviousState(images=application.images)
    if application.previously is not None and deployed.revisions == application.revisions:
        return PreviousState(revisions=application.previously.revisions, images=application.images)
    return PreviousState(revisions=deployed.revisions, images=application.images)
