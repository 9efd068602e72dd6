"""The verdict on a release."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from argocd_release.core.text import counted
from argocd_release.model.outcome import Outcome, aggregate, tally
from argocd_release.model.problem import CauseCode, Problem, Subject

# The cause code of an outcome, if nothing more specific is known.
_CODES: Final[Mapping[Outcome | None, CauseCode]] = MappingProxyType(
    {
        Outcome.SETTINGS: CauseCode.SETTINGS,
        Outcome.SYNC_FAILED: CauseCode.SYNC_FAILED,
        Outcome.DEGRADED: CauseCode.UNHEALTHY,
        Outcome.TIMED_OUT: CauseCode.UNHEALTHY,
        Outcome.NOT_DELIVERED: CauseCode.OTHER_REVISION,
        Outcome.MISSING: CauseCode.APPLICATION_MISSING,
        Outcome.NO_PREVIEW: CauseCode.NO_PREVIEW,
        Outcome.UNREACHABLE: CauseCode.UNREACHABLE,
        Outcome.DENIED: CauseCode.DENIED,
        Outcome.INTERRUPTED: CauseCode.CANCELLED,
        Outcome.CANCELLED: CauseCode.CANCELLED,
    }
)


# The causes of these outcomes can be in the cluster, and Argo CD still responds.
_DIAGNOSED: Final = frozenset({Outcome.SYNC_FAILED, Outcome.DEGRADED, Outcome.TIMED_OUT})
# The cause of another outcome can be in the cluster only if it is one of these.
_DRIFT: Final = frozenset({CauseCode.OUT_OF_SYNC, CauseCode.DELETION_PENDING})


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The decision about a release. If ``outcome`` is None, the release is pending, and ``reason`` says why."""

    outcome: Outcome | None
    reason: str
    hint: str = ""
    # The later revision that delivered the expected one, in words; empty if none did.
    delivered_by: str = ""
    # The cause code and the object of the reason, if they are known.
    code: CauseCode | None = None
    subject: Subject | None = None
    # True if the reason only quotes the object.
    quotes: bool = False
    # The part that a success leaves unproven; empty if there is none.
    caveat: str = ""

    @classmethod
    def on(cls, problem: Problem, outcome: Outcome | None, *, hint: str = "") -> "Verdict":
        """Return the verdict to which a problem leads.

        Args:
            problem: The problem.
            outcome: The outcome; None if the problem can still pass.
            hint: The hint of the verdict if the problem has none.

        """
        return cls(
            outcome=outcome, reason=problem.message, hint=problem.hint or hint, code=problem.code,
            subject=problem.subject,
        )  # fmt: skip

    @property
    def asks_cluster(self) -> bool:
        """Return True if the objects of the application can show the root cause."""
        return self.outcome in _DIAGNOSED or (self.outcome is Outcome.NOT_DELIVERED and self.code in _DRIFT)

    @property
    def cause(self) -> Problem:
        """Return the reason of a release that was not delivered as a problem."""
        code = self.code or _CODES.get(self.outcome, CauseCode.UNEXPECTED)
        return Problem(code=code, message=self.reason, subject=self.subject, hint=self.hint)


def overall(outcomes: Sequence[Outcome]) -> Verdict:
    """Return the verdict on several applications: the most severe outcome, and the number of each."""
    return Verdict(outcome=aggregate(outcomes), reason=f"{counted(len(outcomes), 'application')}: {tally(outcomes)}")
