"""The release timeline: how long each part of a release took, and the state before the release."""

from dataclasses import dataclass, field
from enum import StrEnum


class SpanKind(StrEnum):
    """The kind of a span: a sync attempt, a hook, the rollout of a resource, or a problem."""

    SYNC = "sync"
    HOOK = "hook"
    ROLLOUT = "rollout"
    TROUBLE = "trouble"


@dataclass(frozen=True, kw_only=True)
class Span:
    """One part of a release that has a duration. Times are in seconds since tracking began."""

    kind: SpanKind
    #: The object, such as ``Deployment/web``.
    subject: str
    began: float
    #: The end, or None if the span had not ended when the release ended.
    ended: float | None = None
    #: The last state as Argo CD reports it, such as ``Healthy``; empty for a problem.
    end: str = ""
    #: Argo CD's message or the reason of a problem on one line; can be empty.
    text: str = ""
    namespace: str = ""
    #: The sync wave of a resource, if Argo CD reports it.
    wave: int = 0

    @property
    def seconds(self) -> float:
        """Return the duration, or 0 if the span has not ended."""
        return (self.began if self.ended is None else self.ended) - self.began


@dataclass(frozen=True, kw_only=True)
class Phases:
    """The times at which the application reached each phase, in seconds since tracking began.

    A time is None if the phase was not reached, or if the application left it again before the verdict.
    """

    compared: float | None = None
    synced: float | None = None
    healthy: float | None = None
    judged: float | None = None


@dataclass(frozen=True, kw_only=True)
class PreviousState:
    """The state before the release, as the first look saw it. A field is empty if it is unknown."""

    revisions: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    #: True if Argo CD had not synced any other revision of the application before.
    first: bool = False


@dataclass(frozen=True, kw_only=True)
class ReleaseTimeline:
    """The timeline of one application's release. ``spans`` are in the order in which they began."""

    phases: Phases = field(default_factory=Phases)
    spans: tuple[Span, ...] = ()
    before: PreviousState = field(default_factory=PreviousState)

    @property
    def slowest(self) -> Span | None:
        """Return the span of the resource whose rollout took longest, or None if no resource was rolled out."""
        done = [
            span for span in self.spans if span.kind is SpanKind.ROLLOUT and span.ended is not None and span.seconds
        ]
        return max(done, key=lambda span: span.seconds, default=None)


@dataclass(frozen=True, kw_only=True)
class Transition:
    """A change of one part of the state (``what``) to ``value``, ``at`` seconds after tracking began."""

    what: str
    value: str
    at: float
