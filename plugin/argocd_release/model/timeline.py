"""The release timeline: the duration of each part of a release, and the state before the release."""

from dataclasses import dataclass, field
from enum import StrEnum


class SpanKind(StrEnum):
    """The kind of a span in the release timeline: a sync attempt, a hook, a resource's rollout, or a problem."""

    SYNC = "sync"
    HOOK = "hook"
    ROLLOUT = "rollout"
    TROUBLE = "trouble"


@dataclass(frozen=True, kw_only=True)
class Span:
    """One part of a release that has a duration. Times are in seconds since tracking began."""

    kind: SpanKind
    #: The object that the span describes, such as ``Deployment/web``.
    subject: str
    began: float
    #: The time of the span's end; None if the span had not ended when the release ended.
    ended: float | None = None
    #: The object's state at the end of the span as Argo CD reports it, such as ``Healthy``; empty for a problem.
    end: str = ""
    #: Argo CD's message about the object, or the reason for the problem, on one line; can be empty.
    text: str = ""
    namespace: str = ""
    #: The sync wave of a resource; 0 if Argo CD does not report it.
    wave: int = 0

    @property
    def seconds(self) -> float:
        """Return the duration of the span in seconds, or 0 if the span has not ended."""
        return (self.began if self.ended is None else self.ended) - self.began


@dataclass(frozen=True, kw_only=True)
class Phases:
    """The times at which the application reached each phase, in seconds since tracking began.

    A time is None if the application did not reach the phase, or left the phase again before the verdict.
    """

    compared: float | None = None
    synced: float | None = None
    healthy: float | None = None
    judged: float | None = None


@dataclass(frozen=True, kw_only=True)
class PreviousState:
    """The application's state before the release, as the first look has shown it. A field is empty if unknown."""

    revisions: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    #: True if this release is the first one: Argo CD has not synced an earlier revision of the application.
    first: bool = False


@dataclass(frozen=True, kw_only=True)
class ReleaseTimeline:
    """The timeline of one application's release. The ``spans`` are ordered by the time at which they began."""

    phases: Phases = field(default_factory=Phases)
    spans: tuple[Span, ...] = ()
    before: PreviousState = field(default_factory=PreviousState)

    @property
    def slowest(self) -> Span | None:
        """Return the span of the resource whose rollout took longest, or None if no rollout was observed."""
        done = [
            span for span in self.spans if span.kind is SpanKind.ROLLOUT and span.ended is not None and span.seconds
        ]
        return max(done, key=lambda span: span.seconds, default=None)


@dataclass(frozen=True, kw_only=True)
class Transition:
    """A change of an application's state: the part ``what`` became ``value``, ``at`` seconds after tracking began."""

    what: str
    value: str
    at: float
