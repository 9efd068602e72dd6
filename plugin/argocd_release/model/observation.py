"""States that are not part of the Application object: the owners of its spec, Argo Rollouts, and failed looks.

The fields of an Argo Rollout are those of argo-rollouts v1.10.2 pkg/apis/rollouts/v1alpha1/types.go. Argo Rollouts
computes its phase and message in CalculateRolloutPhase (utils/rollout/rolloututil.go).
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from argocd_release.messages import causes
from argocd_release.messages import verdict as texts
from argocd_release.model.errors import FailureKind

APPLICATION: Final = "Application"
APPLICATION_SET: Final = "ApplicationSet"


class OwnerState(Enum):
    """The state of an owner, which tells whether the application's spec is proven to be up to date."""

    #: Argo CD has compared the owner since the job began, and has applied the application's current spec.
    CURRENT = auto()
    #: Argo CD is comparing the owner, or has not applied the application's spec yet.
    PENDING = auto()
    #: The token cannot see the owner.
    HIDDEN = auto()
    #: The token can see the owner, but nothing proves that the owner has read the latest commit.
    UNPROVEN = auto()


@dataclass(frozen=True, kw_only=True)
class OwnerRef:
    """A reference to an owner in the metadata of an Application or ApplicationSet.

    Attributes:
        kind: ``Application`` or ``ApplicationSet``.
        name: the name. It contains the namespace, unless it is an application in Argo CD's own namespace.
        certain: False if the name comes from a label, which can have another meaning.
    """

    kind: str
    name: str
    certain: bool = True


@dataclass(frozen=True, kw_only=True)
class ApplicationSet:
    """An ApplicationSet, which generates applications.

    Attributes:
        repositories: the repositories that its git generators read.
        owner_refs: the owners of its own spec.
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
        name: the full name.
        state: whether the owner proves that the application's spec is up to date.
        detail: the reason why the state is not ``CURRENT``.
        repositories: the git repositories from which the owner takes the spec; empty if they are unknown.
        makes_children: True for an ApplicationSet that does not own the application. The application manages it, and it
            generates the child applications.
    """

    kind: str
    name: str
    state: OwnerState
    detail: str = ""
    repositories: tuple[str, ...] = ()
    makes_children: bool = False

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


# The kinds of failures that are a response of Argo CD itself, not of a proxy or the network.
ANSWERS: Final = frozenset({FailureKind.MISSING, FailureKind.DENIED, FailureKind.UNAUTHENTICATED, FailureKind.REFUSED})


@dataclass(frozen=True, kw_only=True)
class Failure:
    """The failure of a look at an application."""

    kind: FailureKind
    message: str

    @classmethod
    def late(cls, message: str) -> "Failure":
        """Create the failure of a look for which Argo CD did not respond in time."""
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
# Our name for a pause that the field `spec.paused` of the manifest causes.
BY_HAND: Final = "by hand"
_ENDED: Final = frozenset({"Failed", "Error", "Inconclusive"})


@dataclass(frozen=True, kw_only=True)
class AnalysisRun:
    """An analysis run for which the Argo Rollout waits, or that has stopped it.

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
    #: The current step, from 1 to ``steps``; 0 if there are no steps, or all are completed.
    step: int = 0
    steps: int = 0
    #: The share of the traffic for the new pods in percent; None if it is unknown.
    weight: int | None = None
    #: Argo Rollouts' reason of the pause, or ``by hand``; empty if it is not paused.
    pause: str = ""
    #: True if the pause ends by itself.
    resumes: bool = False
    aborted: bool = False
    analysis: tuple[AnalysisRun, ...] = ()

    @property
    def where(self) -> str:
        """Return the progress, such as ``at step 2 of 4, weight 25 %``, or an empty string if it is unknown."""
        if self.blue_green or not self.steps or self.aborted:
            return ""
        if self.step:
            where = texts.AT_STEP.fill(step=self.step, steps=self.steps)
        else:
            where = texts.AFTER_STEPS.fill(steps=self.steps)
        return where if self.weight is None else texts.WITH_WEIGHT.fill(where=where, weight=self.weight)

    @property
    def state(self) -> str:
        """Describe the progress, or why the Argo Rollout is paused or was aborted, on one line; can be empty."""
        where, runs = self.where, "; ".join(map(str, self._telling))
        if self.aborted:
            return "; ".join(filter(None, (texts.ABORTED.text, self.message, runs)))
        if self.pause:
            what = texts.PAUSED_BEFORE_PROMOTION if self.blue_green else texts.PAUSED.text
            return "; ".join(filter(None, (self._paused(f"{what} {where}".strip()), runs)))
        return "; ".join(filter(None, (where, self.message, runs)))

    @property
    def todo(self) -> str:
        """Return what a user must do to continue the rollout, or an empty string if it continues by itself."""
        if self.aborted:
            return texts.ABORTED.fill_hint(rollout=self._target)
        if not self.pause or self.resumes:
            return ""
        return texts.PAUSED.fill_hint(rollout=self._target)

    def _paused(self, state: str) -> str:
        """Add the reason of the pause to the description, or that the pause ends by itself."""
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
