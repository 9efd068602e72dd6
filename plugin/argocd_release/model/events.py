"""What a run tells while it goes on: a type for each, with the name and the fields of its JSON line.

Who has something to tell makes one; how it reads is the job log's business.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar


@dataclass(frozen=True, kw_only=True)
class JobEvent:
    """Something that the job log tells. ``NAME`` is constant: machines look for it."""

    NAME: ClassVar[str]

    @property
    def told(self) -> Mapping[str, Any]:
        """The fields by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True, kw_only=True)
class Shown(JobEvent):
    """Something with a ``text`` for people, which a machine reads in the other fields."""

    text: str


@dataclass(frozen=True, kw_only=True)
class ApplicationEvent(JobEvent):
    """Something about one application. ``name`` says which one if the job has a group of them."""

    name: str = ""
    #: Column width of the names in the job log; 0 if the line does not begin with a name.
    width: int = 0

    @property
    def told(self) -> Mapping[str, Any]:
        """The fields by name, without those that only lay out the line."""
        return {key: value for key, value in super().told.items() if key != "width"}


# The beginning.


@dataclass(frozen=True, kw_only=True)
class Start(JobEvent):
    """``timeout``: seconds."""

    NAME = "start"
    version: str
    application: str
    server: str
    timeout: int


@dataclass(frozen=True, kw_only=True)
class UnknownSetting(JobEvent):
    """``meant``: the nearest name that is one, ``""`` if none is near."""

    NAME = "unknown setting"
    name: str
    meant: str


@dataclass(frozen=True, kw_only=True)
class VariableNotRead(JobEvent):
    """``input``: the component's, which is read instead."""

    NAME = "variable not read"
    name: str
    input: str


@dataclass(frozen=True, kw_only=True)
class ClocksDiffer(JobEvent):
    NAME = "clocks differ"
    why: str


@dataclass(frozen=True, kw_only=True)
class Expects(JobEvent):
    NAME = "expects"
    what: str


@dataclass(frozen=True, kw_only=True)
class TimeoutShortened(JobEvent):
    """Seconds: what is left, what was asked for, and what GitLab leaves the job."""

    NAME = "timeout shortened"
    timeout: int
    asked: int
    job: int


@dataclass(frozen=True, kw_only=True)
class VersionsApart(JobEvent):
    """The job's argocd and the server are further apart than any two that were tested."""

    NAME = "versions apart"
    why: str


@dataclass(frozen=True, kw_only=True)
class Warned(JobEvent):
    """A warning that ends no release; ``code`` is the doctor's name of the check, or the type of a condition."""

    NAME = "warning"
    why: str
    code: str


@dataclass(frozen=True, kw_only=True)
class SignedInBy(JobEvent):
    """The job's identity was exchanged for a token, by this connector of Dex's."""

    NAME = "signed in"
    connector: str


# The tracking.


@dataclass(frozen=True, kw_only=True)
class NotSignedInAnew(JobEvent):
    NAME = "not signed in anew"
    error: str


@dataclass(frozen=True, kw_only=True)
class NotTerminated(JobEvent):
    """The operation of an earlier revision could not be ended."""

    NAME = "not terminated"
    error: str


@dataclass(frozen=True, kw_only=True)
class Command(JobEvent):
    """A call of argocd that people may repeat."""

    NAME = "command"
    command: str


@dataclass(frozen=True, kw_only=True)
class Called(JobEvent):
    """A call of Argo CD has ended; ``end``: how, ``""`` if well."""

    NAME = "called"
    call: str
    seconds: float
    end: str


@dataclass(frozen=True, kw_only=True)
class Output(JobEvent):
    """A line that ``argocd app wait`` printed."""

    NAME = "output"
    line: str


@dataclass(frozen=True, kw_only=True)
class OutputLeftOut(JobEvent):
    NAME = "output left out"
    lines: int


@dataclass(frozen=True, kw_only=True)
class Unchanged(JobEvent):
    """The number of resources that the log has no line about."""

    NAME = "unchanged"
    count: int


@dataclass(frozen=True, kw_only=True)
class State(ApplicationEvent):
    """The state of an application, and the reason why it is not delivered yet."""

    NAME = "state"
    sync: str
    health: str
    revision: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class StateChanged(JobEvent):
    """``at``: seconds since tracking began."""

    NAME = "transition"
    what: str
    value: str
    at: float


@dataclass(frozen=True, kw_only=True)
class StillWaiting(JobEvent):
    """``waited``: of ``timeout`` seconds."""

    NAME = "still waiting"
    reason: str
    waited: int
    timeout: int


@dataclass(frozen=True, kw_only=True)
class NoAnswer(ApplicationEvent):
    NAME = "no answer"
    reason: str


@dataclass(frozen=True, kw_only=True)
class Judged(ApplicationEvent):
    """The verdict on an application after ``waited`` seconds; ``reason`` is empty if it was delivered."""

    NAME = "judged"
    outcome: str
    waited: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class Summary(JobEvent):
    """How many applications there are, and how they stand after ``waited`` of ``timeout`` seconds."""

    NAME = "summary"
    delivered: int
    whole: int
    pending: int
    failed: int
    waited: int
    timeout: int


@dataclass(frozen=True, kw_only=True)
class UnknownWords(JobEvent):
    """Argo CD says what this version has no word for, and takes for *Unknown*."""

    NAME = "unknown words"
    words: str


@dataclass(frozen=True, kw_only=True)
class PodsNotSeen(JobEvent):
    NAME = "pods not seen"
    error: str


@dataclass(frozen=True, kw_only=True)
class HistoryNotConsulted(JobEvent):
    NAME = "history not consulted"
    why: str


# The end.


@dataclass(frozen=True, kw_only=True)
class AskingTheSite(JobEvent):
    NAME = "asking the site"
    url: str


@dataclass(frozen=True, kw_only=True)
class LookingForTheCause(ApplicationEvent):
    NAME = "looking for the cause"
    outcome: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class AskingTheDoctor(JobEvent):
    NAME = "asking the doctor"


@dataclass(frozen=True, kw_only=True)
class CauseNotLookedFor(JobEvent):
    NAME = "cause not looked for"
    error: str


@dataclass(frozen=True, kw_only=True)
class NotShown(JobEvent):
    NAME = "not shown"
    command: str
    error: str


@dataclass(frozen=True, kw_only=True)
class Told(JobEvent):
    """Somebody else was told of the release; ``text``: what was done."""

    NAME = "told"
    sink: str
    text: str


@dataclass(frozen=True, kw_only=True)
class NotTold(JobEvent):
    """``text``: why not."""

    NAME = "not told"
    sink: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Result(Shown):
    NAME = "result"
    outcome: str
    exit_code: int
    reason: str
    cause: str
    code: str
    next: str
    application: str
    seconds: float


@dataclass(frozen=True, kw_only=True)
class NotProven(JobEvent):
    NAME = "not proven"
    text: str


@dataclass(frozen=True, kw_only=True)
class PhasesReached(Shown):
    """When the application got where: seconds since tracking began; None: never."""

    NAME = "phases"
    compared: float | None
    synced: float | None
    healthy: float | None
    judged: float | None


@dataclass(frozen=True, kw_only=True)
class ShownEvidence(Shown):
    NAME = "evidence"
    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Next(Shown):
    NAME = "next"
    next: str
    help: str


@dataclass(frozen=True, kw_only=True)
class ReportsWritten(JobEvent):
    NAME = "reports written"
    paths: str


@dataclass(frozen=True, kw_only=True)
class ReportNotWritten(JobEvent):
    NAME = "report not written"
    kind: str
    path: str
    error: str


@dataclass(frozen=True, kw_only=True)
class Trace(JobEvent):
    """Where argocd-release itself went wrong."""

    NAME = "text"
    text: str
