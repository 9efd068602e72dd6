"""The possible outcomes of a release, and the verdict. Only this module declares the exit codes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum, unique
from types import MappingProxyType
from typing import Final

from argocd_release.core.text import counted
from argocd_release.messages import causes
from argocd_release.model.problem import CauseCode, Problem, Subject


class Headline(StrEnum):
    """The headline of a result: the first words of the line in the job log that reports the result."""

    SUCCESSFUL = causes.HEADLINE_SUCCESSFUL
    FAILED = causes.HEADLINE_FAILED
    STATUS_UNKNOWN = causes.HEADLINE_STATUS_UNKNOWN
    CANCELLED = causes.HEADLINE_CANCELLED
    DIFFERENT = causes.HEADLINE_DIFFERENT


@unique
class Outcome(Enum):
    """The possible outcomes of a release, each with its name in reports, exit code, severity and headline.

    The outcome of a group is the most severe outcome of its applications. A failure is more severe than an unknown
    status, which is more severe than a success. The message catalogue describes each outcome (``messages/causes.py``).

    The exit codes 1 and 2 keep their usual meaning, and 126 to 165 are left to shells and signals
    (https://docs.gitlab.com/ci/yaml/#allow_failureexit_codes).
    """

    DELIVERED = ("delivered", 0, 0, Headline.SUCCESSFUL)
    UNEXPECTED = ("unexpected", 1, 7, Headline.STATUS_UNKNOWN)
    SETTINGS = ("settings", 2, 6, Headline.STATUS_UNKNOWN)
    SYNC_FAILED = ("sync-failed", 10, 12, Headline.FAILED)
    DEGRADED = ("degraded", 11, 13, Headline.FAILED)
    TIMED_OUT = ("timed-out", 12, 9, Headline.FAILED)
    NOT_DELIVERED = ("not-delivered", 13, 10, Headline.FAILED)
    MISSING = ("missing", 14, 11, Headline.FAILED)
    NO_PREVIEW = ("no-preview", 15, 8, Headline.STATUS_UNKNOWN)
    DIFFERENT = ("different", 16, 1, Headline.DIFFERENT)
    UNREACHABLE = ("unreachable", 30, 4, Headline.STATUS_UNKNOWN)
    DENIED = ("denied", 31, 5, Headline.STATUS_UNKNOWN)
    INTERRUPTED = ("interrupted", 130, 2, Headline.CANCELLED)
    CANCELLED = ("cancelled", 143, 3, Headline.CANCELLED)

    def __init__(self, word: str, exit_code: int, severity: int, headline: Headline) -> None:
        self.word: Final = word
        self.exit_code: Final = exit_code
        self.severity: Final = severity
        self.headline: Final = headline
        self.meaning: Final = causes.OUTCOMES[word]

    @property
    def is_failure(self) -> bool:
        """Return True if the release has failed, and False if it has succeeded or its status is unknown."""
        return self.headline is Headline.FAILED


def aggregate(outcomes: Iterable[Outcome]) -> Outcome:
    """Return the most severe outcome, or ``UNEXPECTED`` if there are none."""
    return max(outcomes, key=lambda outcome: outcome.severity, default=Outcome.UNEXPECTED)


def tally(outcomes: Sequence[Outcome]) -> str:
    """Describe how often each outcome occurs, the most severe first, such as ``1 degraded, 4 delivered``."""
    by_severity = sorted(set(outcomes), key=lambda outcome: -outcome.severity)
    return ", ".join(f"{outcomes.count(outcome)} {outcome.word}" for outcome in by_severity)


# The general cause code for each outcome. It is used if no more specific cause is known.
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


# The outcomes for which the job looks for a root cause in the cluster. After them, Argo CD can still be read.
_DIAGNOSED: Final = frozenset({Outcome.SYNC_FAILED, Outcome.DEGRADED, Outcome.TIMED_OUT})
# For the outcome ``NOT_DELIVERED``, the job looks for a root cause only if the verdict has one of these cause codes.
_DRIFT: Final = frozenset({CauseCode.OUT_OF_SYNC, CauseCode.DELETION_PENDING, CauseCode.UNSTABLE})


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The decision about an application or a release.

    If ``outcome`` is None, the decision is pending, and ``reason`` says what is missing for a decision.
    """

    outcome: Outcome | None
    reason: str
    hint: str = ""
    # A description of the later revision that was deployed and contains the expected one; empty if there is none.
    delivered_by: str = ""
    # The cause code. ``subject`` is the object that has the problem. Both are None if they are unknown.
    code: CauseCode | None = None
    subject: Subject | None = None
    # True if the reason only quotes the message of ``subject``. If a root cause about the same object is known, the
    # reason then adds nothing to it.
    quotes: bool = False
    # The caveat of a success, which says what is not proven; empty if there is none.
    caveat: str = ""
    # The reason why the job did not wait until its timeout; empty if the job did, or if ``reason`` already says it.
    ended_early: str = ""

    @classmethod
    def on(cls, problem: Problem, outcome: Outcome | None, *, hint: str = "") -> "Verdict":
        """Create the verdict for a problem.

        Args:
            problem: The problem.
            outcome: The outcome; None if the application is still pending.
            hint: The hint to use if neither the problem nor its cause code has one.

        """
        # While the application is pending, the cause is not final, and the hint of its code could be wrong.
        of_code = causes.HINTS.get(problem.code.word, "") if outcome else ""
        return cls(
            outcome=outcome, reason=problem.message, hint=problem.hint or of_code or hint, code=problem.code,
            subject=problem.subject,
        )  # fmt: skip

    @property
    def asks_cluster(self) -> bool:
        """Return True if the job must look for the root cause in the cluster."""
        if self.code is CauseCode.SYNC_WINDOW:
            return False
        return self.outcome in _DIAGNOSED or (self.outcome is Outcome.NOT_DELIVERED and self.code in _DRIFT)

    @property
    def cause(self) -> Problem:
        """Return the reason, hint and subject of the verdict as a ``Problem``."""
        code = self.code or _CODES.get(self.outcome, CauseCode.UNEXPECTED)
        return Problem(code=code, message=self.reason, subject=self.subject, hint=self.hint)


def overall(outcomes: Sequence[Outcome]) -> Verdict:
    """Return the verdict on a group: the most severe outcome, and a reason with the number of each outcome."""
    return Verdict(outcome=aggregate(outcomes), reason=f"{counted(len(outcomes), 'application')}: {tally(outcomes)}")
