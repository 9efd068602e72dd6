"""The outcomes with their exit codes: each stands here once."""

from collections.abc import Iterable
from enum import Enum, StrEnum, unique
from typing import Final


class Headline(StrEnum):
    """What the job log says first of an outcome: how far the job came."""

    SUCCESSFUL = "RELEASE SUCCESSFUL"
    FAILED = "RELEASE FAILED"
    NOT_JUDGED = "RELEASE NOT JUDGED"
    CANCELLED = "RELEASE TRACKING CANCELLED"


@unique
class Outcome(Enum):
    """How a release can end: the word in reports, exit code, severity, headline of the job log, meaning.

    ``severity``: of several applications the most severe outcome is the job's. What was judged and found wanting is
    above what could not be judged, and that above what was delivered.

    1 and 2 keep their usual meaning; 126 to 165 are the shell's and the signals'
    (https://docs.gitlab.com/ci/yaml/#allow_failureexit_codes).
    """

    DELIVERED = ("delivered", 0, 0, Headline.SUCCESSFUL, "runs in the cluster, Synced and Healthy")
    UNEXPECTED = ("unexpected", 1, 6, Headline.NOT_JUDGED, "argocd-release itself went wrong")
    SETTINGS = ("settings", 2, 5, Headline.NOT_JUDGED, "a setting is missing or wrong")
    SYNC_FAILED = ("sync-failed", 10, 11, Headline.FAILED, "Argo CD could not apply the revision")
    DEGRADED = ("degraded", 11, 12, Headline.FAILED, "applied, but Degraded")
    TIMED_OUT = ("timed-out", 12, 8, Headline.FAILED, "not delivered within RELEASE_TIMEOUT")
    NOT_DELIVERED = ("not-delivered", 13, 9, Headline.FAILED, "what was expected can no longer be delivered")
    MISSING = ("missing", 14, 10, Headline.FAILED, "the application does not exist, or was deleted")
    NO_PREVIEW = ("no-preview", 15, 7, Headline.NOT_JUDGED, "the branch has no tag that a preview is named by")
    UNREACHABLE = ("unreachable", 30, 3, Headline.NOT_JUDGED, "Argo CD, or what it needs to compare, gave no answer")
    DENIED = ("denied", 31, 4, Headline.NOT_JUDGED, "the token is invalid, or Argo CD refuses to show the application")
    INTERRUPTED = ("interrupted", 130, 1, Headline.CANCELLED, "stopped by SIGINT")
    CANCELLED = ("cancelled", 143, 2, Headline.CANCELLED, "stopped by SIGTERM, as when a job is cancelled")

    def __init__(self, word: str, exit_code: int, severity: int, headline: Headline, meaning: str) -> None:
        self.word: Final = word
        self.exit_code: Final = exit_code
        self.severity: Final = severity
        self.headline: Final = headline
        self.meaning: Final = meaning

    @property
    def is_failure(self) -> bool:
        """Whether the release was judged and found wanting, as opposed to not judged."""
        return self.headline is Headline.FAILED


def aggregate(outcomes: Iterable[Outcome]) -> Outcome:
    """The outcome of a release of several applications: the most severe of theirs. Of none nothing can be said."""
    return max(outcomes, key=lambda outcome: outcome.severity, default=Outcome.UNEXPECTED)
