"""The release timeline: the spans of a release, and the state before it."""

from dataclasses import dataclass, field
from enum import StrEnum


class SpanKind(StrEnum):
    """The kind of a span: an attempt to sync, a hook, a resource that rolls out, or a problem that can still heal."""

    SYNC = "sync"
    HOOK = "hook"
    ROLLOUT = "rollout"
    TROUBLE = "trouble"


@dataclass(frozen=True, kw_only=True)
class Span:
    """A span of a release. Times are seconds since tracking began."""

    kind: SpanKind
    #: The object, such as ``Deployment/web``.
    subject: str
    began: float
    #: The end, or None if the span lasted to the end of the release.
    ended: float | None = None
    #: The last state in Argo CD's words; empty for a problem.
    end: str = ""
    #: The reason or the message of Argo CD in one line; can be empty.
    text: str = ""
    namespace: str = ""
    #: The sync wave of a resource, if Argo CD reports it.
    wave: int = 0

    @property
    def seconds(self) -> float:
        """Return the duration, as far as it is known."""
        return (self.began if self.ended is None else self.ended) - self.began


@dataclass(frozen=True, kw_only=True)
class Phases:
    """The times at which the application was compared, synced and healthy for good, and at which the verdict was made.

    They are seconds since tracking began, or None if that did not happen.
    """

    compared: float | None = None
    synced: float | None = None
    healthy: float | None = None
    judged: float | None = None


@dataclass(frozen=True, kw_only=True)
class PreviousState:
    """The state before the release, which the first look observed. Unknown fields are empty."""

    revisions: tuple[str, ...] = ()
    images: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ReleaseTimeline:
    """The timeline of one application's release. ``spans`` are in the order in which they began."""

    phases: Phases = field(default_factory=Phases)
    spans: tuple[Span, ...] = ()
    before: PreviousState = field(default_factory=PreviousState)

    @property
    def slowest(self) -> Span | None:
        """Return the span of the resource that took longest to roll out, or None if there is none."""
        done = [
            span for span in self.spans if span.kind is SpanKind.ROLLOUT and span.ended is not None and span.seconds
        ]
        return max(done, key=lambda span: span.seconds, default=None)


@dataclass(frozen=True, kw_only=True)
class Transition:
    """A change of the revision, operation, sync status or health. ``at`` is in seconds since the run began."""

    what: str
    value: str
    at: float
