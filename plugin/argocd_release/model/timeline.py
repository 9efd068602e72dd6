"""The release timeline: the spans of a release, and the state before it."""

from dataclasses import dataclass, field
from enum import StrEnum


class SpanKind(StrEnum):
    """What a span is of: an attempt to sync, a hook, a resource that rolls out, or a trouble that may yet heal."""

    SYNC = "sync"
    HOOK = "hook"
    ROLLOUT = "rollout"
    TROUBLE = "trouble"


@dataclass(frozen=True, kw_only=True)
class Span:
    """Something that took its time. ``began``, ``ended``: seconds since tracking began; None: it went on to the end.

    ``subject``: such as ``Deployment/web``. ``end``: how it stood last, in Argo CD's words; of a trouble ``""``.
    ``text``: one line on it; may be ``""``. ``wave``: the sync wave of a resource, where Argo CD says it.
    """

    kind: SpanKind
    subject: str
    began: float
    ended: float | None = None
    end: str = ""
    text: str = ""
    namespace: str = ""
    wave: int = 0

    @property
    def seconds(self) -> float:
        """How long it took, as far as that is known."""
        return (self.began if self.ended is None else self.ended) - self.began


@dataclass(frozen=True, kw_only=True)
class Phases:
    """When the application was compared, synced and healthy for good: seconds since tracking began; None: never.

    ``judged``: when it was looked at last, which is when there was a verdict.
    """

    compared: float | None = None
    synced: float | None = None
    healthy: float | None = None
    judged: float | None = None


@dataclass(frozen=True, kw_only=True)
class PreviousState:
    """What ran before the release, as the first look found it; empty where that is not known."""

    revisions: tuple[str, ...] = ()
    images: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ReleaseTimeline:
    """The course of one application's release. ``spans``: in the order in which they began."""

    phases: Phases = field(default_factory=Phases)
    spans: tuple[Span, ...] = ()
    before: PreviousState = field(default_factory=PreviousState)

    @property
    def slowest(self) -> Span | None:
        """The workload that took longest to roll out, of those that did."""
        done = [
            span for span in self.spans if span.kind is SpanKind.ROLLOUT and span.ended is not None and span.seconds
        ]
        return max(done, key=lambda span: span.seconds, default=None)


@dataclass(frozen=True, kw_only=True)
class Transition:
    """``what``: revision, operation, sync or health; ``at``: seconds since the run began."""

    what: str
    value: str
    at: float
