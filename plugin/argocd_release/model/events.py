"""The events of a run: a type for each, with the name and the fields of its JSON line.

The code that observes something creates an event. The job log decides how to display it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar


@dataclass(frozen=True, kw_only=True)
class JobEvent:
    """An event for the job log. ``NAME`` never changes, because programs look for it."""

    NAME: ClassVar[str]

    @property
    def fields(self) -> Mapping[str, Any]:
        """Return the fields by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True, kw_only=True)
class Shown(JobEvent):
    """An event with a ``text`` for people. Programs read the other fields."""

    text: str


@dataclass(frozen=True, kw_only=True)
class ApplicationEvent(JobEvent):
    """An event about one application. ``name`` says which one if the job has a group of them."""

    name: str = ""
    #: The column width of the names in the job log; 0 if the line does not begin with a name.
    width: int = 0

    @property
    def fields(self) -> Mapping[str, Any]:
        """Return the fields by name, without those that only lay out the line."""
        return {key: value for key, value in super().fields.items() if key != "width"}


# Events at the start.


@dataclass(frozen=True, kw_only=True)
class Start(JobEvent):
    """The job starts. ``timeout`` is in seconds."""

    NAME = "start"
    version: str
    application: str
    server: str
    timeout: int


@dataclass(frozen=True, kw_only=True)
class UnknownSetting(JobEvent):
    """The job found a variable whose name is not a setting. ``meant`` is the nearest setting, or empty."""

    NAME = "unknown setting"
    name: str
    meant: str


@dataclass(frozen=True, kw_only=True)
class VariableNotRead(JobEvent):
    """A variable is ignored, because the component's ``input`` sets the same thing."""

    NAME = "variable not read"
    name: str
    input: str


@dataclass(frozen=True, kw_only=True)
class ClocksDiffer(JobEvent):
    """The clocks of GitLab and of the runner differ, so that the job cannot tell when it started."""

    NAME = "clocks differ"
    why: str


@dataclass(frozen=True, kw_only=True)
class Expects(JobEvent):
    """The expectation of the release, in words."""

    NAME = "expects"
    what: str


@dataclass(frozen=True, kw_only=True)
class TimeoutShortened(JobEvent):
    """The timeout was shortened.

    All fields are in seconds. ``timeout`` is the shortened timeout, ``asked`` is the requested one, and ``job`` is
    GitLab's timeout of the job.
    """

    NAME = "timeout shortened"
    timeout: int
    asked: int
    job: int


@dataclass(frozen=True, kw_only=True)
class VersionsApart(JobEvent):
    """The versions of argocd and of the server are further apart than any tested pair."""

    NAME = "versions apart"
    why: str


@dataclass(frozen=True, kw_only=True)
class Warned(JobEvent):
    """A warning, which does not change the verdict. ``code`` is the name of a check or the type of a condition."""

    NAME = "warning"
    why: str
    code: str


@dataclass(frozen=True, kw_only=True)
class SignedInBy(JobEvent):
    """The job's ID token was exchanged for one that Argo CD accepts, through this ``connector`` of Dex."""

    NAME = "signed in"
    connector: str


# Events while tracking.


@dataclass(frozen=True, kw_only=True)
class NotSignedInAnew(JobEvent):
    """The token could not be renewed."""

    NAME = "not signed in anew"
    error: str


@dataclass(frozen=True, kw_only=True)
class NotTerminated(JobEvent):
    """The operation of an earlier revision could not be ended."""

    NAME = "not terminated"
    error: str


@dataclass(frozen=True, kw_only=True)
class ArgoCDCommand(JobEvent):
    """A call of argocd that users can repeat."""

    NAME = "command"
    command: str


@dataclass(frozen=True, kw_only=True)
class Called(JobEvent):
    """A call to Argo CD has ended. ``end`` is its result, or empty if it succeeded."""

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
    """The number of lines of ``argocd app wait`` that the log leaves out."""

    NAME = "output left out"
    lines: int


@dataclass(frozen=True, kw_only=True)
class Unchanged(JobEvent):
    """The number of resources that the log has no line about."""

    NAME = "unchanged"
    count: int


@dataclass(frozen=True, kw_only=True)
class ApplicationState(ApplicationEvent):
    """The state of an application, and the reason why it is not delivered yet."""

    NAME = "state"
    sync: str
    health: str
    revision: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class StateChanged(JobEvent):
    """A part of the state changed, ``at`` seconds after tracking began."""

    NAME = "transition"
    what: str
    value: str
    at: float


@dataclass(frozen=True, kw_only=True)
class StillWaiting(JobEvent):
    """The release is not delivered after ``waited`` of ``timeout`` seconds."""

    NAME = "still waiting"
    reason: str
    waited: int
    timeout: int


@dataclass(frozen=True, kw_only=True)
class NoAnswer(ApplicationEvent):
    """A look has failed for a reason that the log has not shown yet."""

    NAME = "no answer"
    reason: str


@dataclass(frozen=True, kw_only=True)
class Judged(ApplicationEvent):
    """The verdict on an application after ``waited`` seconds. ``reason`` is empty if it was delivered."""

    NAME = "judged"
    outcome: str
    waited: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class Summary(JobEvent):
    """The number of applications by state, after ``waited`` of ``timeout`` seconds."""

    NAME = "summary"
    delivered: int
    whole: int
    pending: int
    failed: int
    waited: int
    timeout: int


@dataclass(frozen=True, kw_only=True)
class UnknownWords(JobEvent):
    """Argo CD uses words that this version does not know and treats as *Unknown*."""

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


# Events at the end.


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
    """The job runs the doctor's checks to find out why Argo CD cannot be reached."""

    NAME = "asking the doctor"


@dataclass(frozen=True, kw_only=True)
class CauseNotLookedFor(JobEvent):
    """The diagnosis of a failed release has itself failed."""

    NAME = "cause not looked for"
    error: str


@dataclass(frozen=True, kw_only=True)
class NotShown(JobEvent):
    """A command of argocd, whose output the log would show, has failed."""

    NAME = "not shown"
    command: str
    error: str


@dataclass(frozen=True, kw_only=True)
class Told(JobEvent):
    """A notification was sent. ``text`` says what was done."""

    NAME = "told"
    sink: str
    text: str


@dataclass(frozen=True, kw_only=True)
class NotTold(JobEvent):
    """A notification was not sent. ``text`` gives the reason."""

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
    """The part that a success does not prove."""

    NAME = "not proven"
    text: str


@dataclass(frozen=True, kw_only=True)
class PhasesReached(Shown):
    """The phases of an application in seconds since tracking began; None if a phase was not reached."""

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
    """The hint for the reader, with the address of the documentation about it."""

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
    """The stack trace of an error in argocd-release itself."""

    NAME = "text"
    text: str
