"""An Argo Rollout: its progress, the reason why it waits, and the action that it needs.

Shape: argo-rollouts v1.10.2 pkg/apis/rollouts/v1alpha1/types.go; phase and message: utils/rollout/rolloututil.go
CalculateRolloutPhase.
"""

from dataclasses import dataclass
from typing import Final

KIND: Final = ("argoproj.io", "Rollout")
# The reason of a pause that `spec.paused` of the manifest sets.
BY_HAND: Final = "by hand"
_ENDED: Final = frozenset({"Failed", "Error", "Inconclusive"})


@dataclass(frozen=True, kw_only=True)
class AnalysisRun:
    """An analysis run that the Argo Rollout waits for, or that stopped it. ``status`` is Argo Rollouts' own word."""

    name: str
    status: str
    message: str = ""

    def __str__(self) -> str:
        return f"AnalysisRun/{self.name}: {self.status}{f' — {self.message}' if self.message else ''}"


@dataclass(frozen=True, kw_only=True)
class Rollout:
    """The state of an Argo Rollout."""

    name: str
    namespace: str
    phase: str
    message: str = ""
    blue_green: bool = False
    #: The current step, from 1 to ``steps``; 0 if there are none, or all are done.
    step: int = 0
    steps: int = 0
    #: The share of traffic of the new pods in percent.
    weight: int | None = None
    #: The reason of a pause in Argo Rollouts' words, or ``by hand``; empty if it is not paused.
    pause: str = ""
    #: True if the pause ends by itself.
    resumes: bool = False
    aborted: bool = False
    analysis: tuple[AnalysisRun, ...] = ()

    @property
    def where(self) -> str:
        """Return the progress, such as ``at step 2 of 4, weight 25 %``, or an empty string if it is not known."""
        if self.blue_green or not self.steps or self.aborted:
            return ""
        weight = "" if self.weight is None else f", weight {self.weight} %"
        return f"at step {self.step} of {self.steps}{weight}" if self.step else f"after step {self.steps}{weight}"

    @property
    def state(self) -> str:
        """Return what it does or waits for, in one line."""
        where, runs = self.where, "; ".join(map(str, self._telling))
        if self.aborted:
            return "; ".join(filter(None, ("aborted", self.message, runs)))
        if self.pause:
            what = "paused before promotion" if self.blue_green else "paused"
            return "; ".join(filter(None, (f"{what} {where}".strip() + self._until, runs)))
        return "; ".join(filter(None, (where, self.message, runs)))

    @property
    def todo(self) -> str:
        """Return the action that it needs to continue, or an empty string if it continues by itself."""
        if self.aborted:
            return (
                f"fix it and push again, or try the same once more: kubectl argo rollouts retry rollout {self._target}"
            )
        if not self.pause or self.resumes:
            return ""
        return f"somebody must promote it (kubectl argo rollouts promote {self._target}) or abort it"

    @property
    def _until(self) -> str:
        if self.resumes:
            return ", and goes on by itself"
        return (
            " by hand" if self.pause == BY_HAND else " because an analysis was inconclusive" if self._undecided else ""
        )

    @property
    def _undecided(self) -> bool:
        return self.pause.startswith("Inconclusive")

    @property
    def _telling(self) -> tuple[AnalysisRun, ...]:
        ended = tuple(run for run in self.analysis if run.status in _ENDED)
        return ended or tuple(run for run in self.analysis if run.status in {"Running", "Pending"} and not self.pause)

    @property
    def _target(self) -> str:
        return f"{self.name} -n {self.namespace}"
