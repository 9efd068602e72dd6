"""The events of the job log, in the order in which a job emits them. The package ``joblog`` formats them."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar


@dataclass(frozen=True, kw_only=True)
class JobEvent:
    """The base class of events. A ``NAME`` must not change, because programs search the log for it."""

    NAME: ClassVar[str]

    @property
    def fields(self) -> Mapping[str, Any]:
        """Return the event's fields: each value by the name of its field."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True, kw_only=True)
class Shown(JobEvent):
    """An event with a ``text`` for people. Its other fields contain the same information for programs."""

    text: str


@dataclass(frozen=True, kw_only=True)
class ApplicationEvent(JobEvent):
    """An event about one application. If the job watches a group, ``name`` is the application's name, otherwise ""."""

    name: str = ""
    #: The width of the column with application names in the job log; 0 if the line does not begin with a name.
    width: int = 0

    @property
    def fields(self) -> Mapping[str, Any]:
        """Return the event's fields by name. Leave out ``width``, which only determines the layout of the line."""
        return {key: value for key, value in super().fields.items() if key != "width"}


@dataclass(frozen=True, kw_only=True)
class Start(JobEvent):
    """The job has started. ``timeout`` is in seconds."""

    NAME = "start"
    version: str
    application: str
    server: str
    timeout: int


@dataclass(frozen=True, kw_only=True)
class UnknownSetting(JobEvent):
    """A variable looks like a setting but is not one. ``meant`` is the most similar setting, or empty."""

    NAME = "unknown setting"
    name: str
    meant: str


@dataclass(frozen=True, kw_only=True)
class VariableNotRead(JobEvent):
    """The job ignores a variable, because the component's ``input`` has already set the same setting."""

    NAME = "variable not read"
    name: str
    input: str


@dataclass(frozen=True, kw_only=True)
class ClocksDiffer(JobEvent):
    """The clocks of GitLab and of the runner differ, so the job cannot determine when it started."""

    NAME = "clocks differ"
    why: str


@dataclass(frozen=True, kw_only=True)
class Expects(JobEvent):
    """The job describes its expectation, which can be a revision, an image, a chart version or nothing specific."""

    NAME = "expects"
    what: str


@dataclass(frozen=True, kw_only=True)
class TimeoutShortened(JobEvent):
    """GitLab's timeout of the ``job`` makes the release ``timeout`` shorter than requested (``asked``)."""

    NAME = "timeout shortened"
    timeout: int
    asked: int
    job: int


@dataclass(frozen=True, kw_only=True)
class VersionsApart(JobEvent):
    """The versions of argocd and of the server differ more than those of any tested pair."""

    NAME = "versions apart"
    why: str


@dataclass(frozen=True, kw_only=True)
class Warned(JobEvent):
    """A warning that does not affect the verdict. ``code`` names a check of the doctor or the type of a condition."""

    NAME = "warning"
    why: str
    code: str


@dataclass(frozen=True, kw_only=True)
class NotTerminated(JobEvent):
    """The job failed to terminate the sync of an earlier revision."""

    NAME = "not terminated"
    error: str


@dataclass(frozen=True, kw_only=True)
class ArgoCDCommand(JobEvent):
    """The job runs an argocd command, which users can also run themselves."""

    NAME = "command"
    command: str


@dataclass(frozen=True, kw_only=True)
class Called(JobEvent):
    """A call to Argo CD has ended after ``seconds``. ``end`` is the result of a request; empty for argocd."""

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
    """The job log omits this number of lines of ``argocd app wait``."""

    NAME = "output left out"
    lines: int


@dataclass(frozen=True, kw_only=True)
class Unchanged(JobEvent):
    """The number of resources that did not change. The job log contains no lines about these resources."""

    NAME = "unchanged"
    count: int


@dataclass(frozen=True, kw_only=True)
class ApplicationState(ApplicationEvent):
    """The state of an application has changed. ``reason`` says why it is not delivered yet."""

    NAME = "state"
    sync: str
    health: str
    revision: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class StateChanged(JobEvent):
    """A part of the application's state (``what``) has become ``value``, ``at`` seconds after tracking began."""

    NAME = "transition"
    what: str
    value: str
    at: float


@dataclass(frozen=True, kw_only=True)
class StillWaiting(JobEvent):
    """The release is not delivered yet, after ``waited`` of ``timeout`` seconds.

    Attributes:
        changed: False if the previous line gave the same reason. Counts, such as the number of restarts, can differ.
    """

    NAME = "still waiting"
    reason: str
    waited: int
    timeout: int
    changed: bool = True


@dataclass(frozen=True, kw_only=True)
class NoAnswer(ApplicationEvent):
    """A look at the application has failed for a new reason, which the job log does not contain yet."""

    NAME = "no answer"
    reason: str


@dataclass(frozen=True, kw_only=True)
class Judged(ApplicationEvent):
    """The job has a verdict on an application after ``waited`` seconds. ``reason`` is empty for a success."""

    NAME = "judged"
    outcome: str
    waited: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class Summary(JobEvent):
    """The number of applications in each state after ``waited`` of ``timeout`` seconds. ``whole`` is their total."""

    NAME = "summary"
    delivered: int
    whole: int
    pending: int
    failed: int
    waited: int
    timeout: int


@dataclass(frozen=True, kw_only=True)
class UnknownWords(JobEvent):
    """Argo CD reports statuses that this version of the job does not know. The job treats them as *Unknown*."""

    NAME = "unknown words"
    words: str


@dataclass(frozen=True, kw_only=True)
class PodsNotSeen(JobEvent):
    """The job cannot read the pods of an application."""

    NAME = "pods not seen"
    error: str


@dataclass(frozen=True, kw_only=True)
class HistoryNotConsulted(JobEvent):
    """The job cannot read the git history, and therefore cannot find out how revisions are related."""

    NAME = "history not consulted"
    why: str


@dataclass(frozen=True, kw_only=True)
class AskingTheSite(JobEvent):
    """The job starts to check whether the deployed site responds."""

    NAME = "asking the site"
    url: str


@dataclass(frozen=True, kw_only=True)
class LookingForTheCause(ApplicationEvent):
    """The job starts to diagnose why an application was not delivered."""

    NAME = "looking for the cause"
    outcome: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class AskingTheDoctor(JobEvent):
    """The job runs the doctor's checks to find out why Argo CD cannot be reached."""

    NAME = "asking the doctor"


@dataclass(frozen=True, kw_only=True)
class CauseNotLookedFor(JobEvent):
    """The diagnosis of a failed release has raised an error."""

    NAME = "cause not looked for"
    error: str


@dataclass(frozen=True, kw_only=True)
class NotShown(JobEvent):
    """An argocd command has failed, so the job log cannot show the output of the command."""

    NAME = "not shown"
    command: str
    error: str


@dataclass(frozen=True, kw_only=True)
class Told(JobEvent):
    """The job has sent a notification. ``text`` describes it."""

    NAME = "told"
    sink: str
    text: str


@dataclass(frozen=True, kw_only=True)
class NotTold(JobEvent):
    """The job could not send a notification. ``text`` gives the reason."""

    NAME = "not told"
    sink: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Result(Shown):
    """The result of the release. ``code`` is the cause code, and ``next`` is the hint."""

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
    """The release has succeeded, but with a caveat: ``text`` says what is not proven."""

    NAME = "not proven"
    text: str


@dataclass(frozen=True, kw_only=True)
class PhasesReached(Shown):
    """The seconds from the start of tracking until the application reached each phase; None if it did not reach it."""

    NAME = "phases"
    compared: float | None
    synced: float | None
    healthy: float | None
    judged: float | None


@dataclass(frozen=True, kw_only=True)
class ShownEvidence(Shown):
    """Evidence about a failure: events, the end of a container's log, or the output of argocd."""

    NAME = "evidence"
    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Next(Shown):
    """A hint that says what the user must do next, with the URL of the documentation about it."""

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
    """The stack trace of an unexpected error, which is a bug of argocd-release."""

    NAME = "text"
    text: str
