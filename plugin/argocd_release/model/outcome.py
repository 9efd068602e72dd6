"""The outcomes with their exit codes: each stands here once."""

from enum import Enum, unique
from typing import Final


@unique
class Outcome(Enum):
    """How a release can end: the word in reports, the exit code, the headline of the job log, the meaning.

    1 and 2 keep their usual meaning; 126 to 165 are the shell's and the signals'
    (https://docs.gitlab.com/ci/yaml/#allow_failureexit_codes).
    """

    DELIVERED = ("delivered", 0, "RELEASE SUCCESSFUL", "runs in the cluster, Synced and Healthy")
    UNEXPECTED = ("unexpected", 1, "RELEASE NOT JUDGED", "argocd-release itself went wrong")
    SETTINGS = ("settings", 2, "RELEASE NOT JUDGED", "a setting is missing or wrong")
    SYNC_FAILED = ("sync-failed", 10, "RELEASE FAILED", "Argo CD could not apply the revision")
    DEGRADED = ("degraded", 11, "RELEASE FAILED", "applied, but Degraded")
    TIMED_OUT = ("timed-out", 12, "RELEASE FAILED", "not delivered within RELEASE_TIMEOUT")
    NOT_DELIVERED = ("not-delivered", 13, "RELEASE FAILED", "what was expected can no longer be delivered")
    MISSING = ("missing", 14, "RELEASE FAILED", "the application does not exist, or was deleted")
    UNREACHABLE = ("unreachable", 30, "RELEASE NOT JUDGED", "Argo CD, or what it needs to compare, gave no answer")
    DENIED = ("denied", 31, "RELEASE NOT JUDGED", "the token is invalid, or Argo CD refuses to show the application")
    INTERRUPTED = ("interrupted", 130, "RELEASE TRACKING CANCELLED", "stopped by SIGINT")
    CANCELLED = ("cancelled", 143, "RELEASE TRACKING CANCELLED", "stopped by SIGTERM, as when a job is cancelled")

    def __init__(self, word: str, exit_code: int, headline: str, meaning: str) -> None:
        self.word: Final = word
        self.exit_code: Final = exit_code
        self.headline: Final = headline
        self.meaning: Final = meaning

    @property
    def is_failure(self) -> bool:
        """Whether the release was judged and found wanting, as opposed to not judged."""
        return self.headline == "RELEASE FAILED"
