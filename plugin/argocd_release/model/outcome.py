"""The outcomes of a release with their exit codes. Each is declared only here."""

from collections.abc import Iterable, Sequence
from enum import Enum, StrEnum, unique
from typing import Final

from argocd_release.messages import causes


class Headline(StrEnum):
    """The first words of the job log's result: how far the job came."""

    SUCCESSFUL = causes.HEADLINE_SUCCESSFUL
    FAILED = causes.HEADLINE_FAILED
    STATUS_UNKNOWN = causes.HEADLINE_STATUS_UNKNOWN
    CANCELLED = causes.HEADLINE_CANCELLED


@unique
class Outcome(Enum):
    """An outcome of a release: its word in reports, exit code, severity, headline of the job log, and meaning.

    The outcome of a group is the most severe one of its applications. A failure is more severe than an unknown status,
    and that is more severe than success.

    The meanings are in the message catalogue (``messages/causes.py``).

    1 and 2 keep their usual meaning; 126 to 165 belong to shells and signals
    (https://docs.gitlab.com/ci/yaml/#allow_failureexit_codes).
    """

    DELIVERED = ("delivered", 0, 0, Headline.SUCCESSFUL)
    UNEXPECTED = ("unexpected", 1, 6, Headline.STATUS_UNKNOWN)
    SETTINGS = ("settings", 2, 5, Headline.STATUS_UNKNOWN)
    SYNC_FAILED = ("sync-failed", 10, 11, Headline.FAILED)
    DEGRADED = ("degraded", 11, 12, Headline.FAILED)
    TIMED_OUT = ("timed-out", 12, 8, Headline.FAILED)
    NOT_DELIVERED = ("not-delivered", 13, 9, Headline.FAILED)
    MISSING = ("missing", 14, 10, Headline.FAILED)
    NO_PREVIEW = ("no-preview", 15, 7, Headline.STATUS_UNKNOWN)
    UNREACHABLE = ("unreachable", 30, 3, Headline.STATUS_UNKNOWN)
    DENIED = ("denied", 31, 4, Headline.STATUS_UNKNOWN)
    INTERRUPTED = ("interrupted", 130, 1, Headline.CANCELLED)
    CANCELLED = ("cancelled", 143, 2, Headline.CANCELLED)

    def __init__(self, word: str, exit_code: int, severity: int, headline: Headline) -> None:
        self.word: Final = word
        self.exit_code: Final = exit_code
        self.severity: Final = severity
        self.headline: Final = headline
        self.meaning: Final = causes.OUTCOMES[word]

    @property
    def is_failure(self) -> bool:
        """Return True if the release failed; False if it succeeded or its status is unknown."""
        return self.headline is Headline.FAILED


def aggregate(outcomes: Iterable[Outcome]) -> Outcome:
    """Return the most severe outcome, or ``UNEXPECTED`` if there are none."""
    return max(outcomes, key=lambda outcome: outcome.severity, default=Outcome.UNEXPECTED)


def tally(outcomes: Sequence[Outcome]) -> str:
    """Return the number of each outcome, the most severe first."""
    by_severity = sorted(set(outcomes), key=lambda outcome: -outcome.severity)
    return ", ".join(f"{outcomes.count(outcome)} {outcome.word}" for outcome in by_severity)
