"""States that the Application object does not contain: owners, Argo Rollouts, positions in logs and failed looks.

The fields of an Argo Rollout are those of argo-rollouts v1.10.2 pkg/apis/rollouts/v1alpha1/types.go. Argo Rollouts
computes its phase and message in CalculateRolloutPhase (utils/rollout/rolloututil.go).
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from argocd_release.core.schedule import DAYS
from argocd_release.messages import causes
from argocd_release.messages import verdict as texts
from argocd_release.model.errors import FailureKind
from argocd_release.model.problem import CauseCode

APPLICATION: Final = "Application"
APPLICATION_SET: Final = "ApplicationSet"


class OwnerState(Enum):
    """The state of the owner of an application's spec. It tells whether the spec is proven to be up to date."""

    #: Argo CD has compared the owner after the start of the job, and has applied the application's current spec.
    CURRENT = auto()
    #: Argo CD is comparing the owner, or has not applied the application's spec yet.
    PENDING = auto()
    #: The token cannot see the owner.
    HIDDEN = auto()
    #: The token can see the owner, but nothing proves that the owner already has the latest commit.
    UNPROVEN = auto()


@dataclass(frozen=True, kw_only=True)
class OwnerRef:
    """A reference to an owner in the metadata of an Application or ApplicationSet.

    Attributes:
        kind: ``Application`` or ``ApplicationSet``.
        name: the name of the owner. It contains the namespace, unless the owner is an application in Argo CD's
            namespace.
        certain: False if the name comes from a label, because the label can also have another meaning.
    """

    kind: str
    name: str
    certain: bool = True


@dataclass(frozen=True, kw_only=True)
class ApplicationSet:
    """An ApplicationSet, which generates applications.

    Attributes:
        repositories: the repositories that its git generators read.
        owner_refs: the owners of the ApplicationSet's spec.
        is_up_to_date: True if the condition ``ResourcesUpToDate`` says that all applications were generated. After a
            change of the spec, the condition is outdated until the controller has processed the change.
    """

    repositories: tuple[str, ...]
    owner_refs: tuple[OwnerRef, ...] = ()
    is_up_to_date: bool = True


@dataclass(frozen=True, kw_only=True)
class Owner:
    """The owner of an application's spec: its parent application or its ApplicationSet.

    Attributes:
        kind: ``Application`` or ``ApplicationSet``.
        name: the name of the owner with its namespace.
        state: whether the owner proves that the application's spec is up to date.
        detail: the reason why the state is not ``CURRENT``.
        repositories: the git repositories from which the owner takes the spec; empty if they are unknown.
        makes_children: True for an ApplicationSet that the application manages, and that generates its child
            applications. This ApplicationSet does not own the application's spec.
    """

    kind: str
    name: str
    state: OwnerState
    detail: str = ""
    repositories: tuple[str, ...] = ()
    makes_children: bool = False

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, kw_only=True)
class SyncWindow:
    """The sync windows that block an application's automated sync now.

    Attributes:
        windows: a description of the windows.
        allows_users: True if the windows let a user or a job sync the application now.
        opens: the first time at which an automated sync is possible; "" if it is unknown.
        stays_closed: True if no automated sync is possible within the next ``schedule.DAYS`` days.
    """

    windows: str
    allows_users: bool = False
    opens: str = ""
    stays_closed: bool = False

    @property
    def outlook(self) -> str:
        """Return when an automated sync is possible; "" if that is unknown."""
        if self.stays_closed:
            return texts.WINDOW_STAYS_CLOSED.fill(days=DAYS)
        return texts.WINDOW_OPENS.fill(time=self.opens) if self.opens else ""

    def hint(self, application: str) -> str:
        """Return the hint for a release that waits for the windows, with the full name of the application."""
        steps = [texts.SYNC_NOW.fill(application=application)] if self.allows_users else []
        if self.stays_closed:
            steps.append(texts.ASK_FOR_CHANGE)
        elif self.opens:
            steps += [texts.RETRY_AT.fill(time=self.opens), texts.ASK_FOR_EARLIER]
        else:
            steps.append(texts.ASK_OWNER_WHEN)
        return "; or ".join(steps)


# The kinds of failures that prove a response of Argo CD itself, and not of a proxy or the network.
ANSWERS: Final = frozenset({FailureKind.MISSING, FailureKind.DENIED, FailureKind.UNAUTHENTICATED, FailureKind.REFUSED})


@dataclass(frozen=True, kw_only=True)
class Failure:
    """The failure of a look at an application: its kind and a message."""

    kind: FailureKind
    message: str

    @property
    def code(self) -> CauseCode | None:
        """Return the cause code of this kind of failure; None if the code depends on the earlier looks."""
        return CauseCode.PROXY if self.kind is FailureKind.PROXY else None

    @classmethod
    def late(cls, message: str) -> "Failure":
        """Create the failure of a look that ended because Argo CD did not respond in time."""
        return cls(kind=FailureKind.TIMED_OUT, message=message)

    @property
    def timed_out(self) -> bool:
        """Return True if Argo CD did not respond in time."""
        return self.kind is FailureKind.TIMED_OUT

    @property
    def refused(self) -> bool:
        """Return True if Argo CD has responded with a refusal."""
        return self.kind in ANSWERS


ROLLOUT_KIND: Final = ("argoproj.io", "Rollout")
# This tool's reason for a pause that a user has requested with the field `spec.paused` of the manifest.
BY_HAND: Final = "by hand"
_ENDED: Final = frozenset({"Failed", "Error", "Inconclusive"})


@dataclass(frozen=True, kw_only=True)
class AnalysisRun:
    """An analysis run for which an Argo Rollout waits, or which has stopped the Argo Rollout.

    ``status`` is the phase as Argo Rollouts reports it, such as ``Running``.
    """

    name: str
    status: str
    message: str = ""

    def __str__(self) -> str:
        text = texts.ANALYSIS.fill(name=self.name, status=self.status)
        return causes.WITH_REASON.fill(message=text, reason=self.message) if self.message else text


@dataclass(frozen=True, kw_only=True)
class Rollout:
    """The state of an Argo Rollout."""

    name: str
    namespace: str
    phase: str
    message: str = ""
    blue_green: bool = False
    #: The number of the current step, from 1 to ``steps``; 0 if there are no steps, or if all are completed.
    step: int = 0
    steps: int = 0
    #: The percentage of the traffic that the new pods receive; None if it is unknown.
    weight: int | None = None
    #: The reason for the pause as Argo Rollouts gives it, or ``by hand``; empty if the Argo Rollout is not paused.
    pause: str = ""
    #: True if the pause ends without a user's action.
    resumes: bool = False
    aborted: bool = False
    analysis: tuple[AnalysisRun, ...] = ()

    @property
    def where(self) -> str:
        """Describe the progress of the Argo Rollout, such as ``at step 2 of 4, weight 25 %``; "" if it is unknown."""
        if self.blue_green or not self.steps or self.aborted:
            return ""
        if self.step:
            where = texts.AT_STEP.fill(step=self.step, steps=self.steps)
        else:
            where = texts.AFTER_STEPS.fill(steps=self.steps)
        return where if self.weight is None else texts.WITH_WEIGHT.fill(where=where, weight=self.weight)

    @property
    def state(self) -> str:
        """Describe the Argo Rollout on one line: its progress, or why it is paused or was aborted. Can be empty."""
        where, runs = self.where, "; ".join(map(str, self._telling))
        if self.aborted:
            return "; ".join(filter(None, (texts.ABORTED.text, self.message, runs)))
        if self.pause:
            what = texts.PAUSED_BEFORE_PROMOTION if self.blue_green else texts.PAUSED.text
            return "; ".join(filter(None, (self._paused(f"{what} {where}".strip()), runs)))
        return "; ".join(filter(None, (where, self.message, runs)))

    @property
    def todo(self) -> str:
        """Return a hint that says how a user can continue the Argo Rollout, or "" if it continues by itself."""
        if self.aborted:
            return texts.ABORTED.fill_hint(rollout=self._target)
        if not self.pause or self.resumes:
            return ""
        return texts.PAUSED.fill_hint(rollout=self._target)

    def _paused(self, state: str) -> str:
        """Add to the description why the Argo Rollout is paused, or that the pause ends by itself."""
        if self.resumes:
            return texts.RESUMES.fill(state=state)
        if self.pause == BY_HAND:
            return texts.PAUSED_BY_HAND.fill(state=state)
        return texts.PAUSED_BY_ANALYSIS.fill(state=state) if self._undecided else state

    @property
    def _undecided(self) -> bool:
        return self.pause.startswith("Inconclusive")

    @property
    def _telling(self) -> tuple[AnalysisRun, ...]:
        ended = tuple(run for run in self.analysis if run.status in _ENDED)
        return ended or tuple(run for run in self.analysis if run.status in {"Running", "Pending"} and not self.pause)

    @property
    def _target(self) -> str:
        return texts.ROLLOUT_TARGET.fill(name=self.name, namespace=self.namespace)


#: The number of lines of a log to read before those to show. The first ones to show can be the data of a Secret, which
#: begins in an earlier line.
LOG_CONTEXT: Final = 200


class LogPosition:
    """The position in a container's log up to which the log was read.

    It consists of the time of the last line, and of the number of lines with that time.
    """

    def __init__(self) -> None:
        self._time, self._count = "", 0
        self._begin_time, self._repeated = "", 0

    def begin(self) -> None:
        """Begin to read the log again. The first lines can be lines that were read before."""
        self._begin_time, self._repeated = self._time, self._count

    def is_new(self, time: str) -> bool:
        """Return True if a line was not read before, and store its time.

        Args:
            time: the time of the line in RFC 3339 without its time zone, so that an earlier time is a smaller text.
        """
        if time < self._begin_time:
            return False
        if time == self._begin_time and self._repeated:
            self._repeated -= 1
            return False
        self._count = self._count + 1 if time == self._time else 1
        self._time = time
        return True
