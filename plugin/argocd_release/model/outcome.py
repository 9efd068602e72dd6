"""The outcomes of a release with their exit codes. Each is declared only here."""

from collections.abc import Iterable, Sequence
from enum import Enum, StrEnum, unique
from typing import Final


class Headline(StrEnum):
    """The first words of the job log's result: how far the job came."""

    SUCCESSFUL = "RELEASE SUCCESSFUL"
    FAILED = "RELEASE FAILED"
    STATUS_UNKNOWN = "RELEASE STATUS UNKNOWN"
    CANCELLED = "RELEASE TRACKING CANCELLED"


@unique
class Outcome(Enum):
    """An outcome of a release: its word in reports, exit code, severity, headline of the job log, and meaning.

    The outcome of a group is the most severe one of its applications. A failure is more severe than an unknown status,
    and that is more severe than success.

    The meaning is in English and in Russian (for the site), so that no outcome lacks one of them.

    1 and 2 keep their usual meaning; 126 to 165 belong to shells and signals
    (https://docs.gitlab.com/ci/yaml/#allow_failureexit_codes).
    """

    DELIVERED = (
        "delivered", 0, 0, Headline.SUCCESSFUL,
        ("runs in the cluster, Synced and Healthy", "работает в кластере, Synced и Healthy"),
    )  # fmt: skip
    UNEXPECTED = (
        "unexpected", 1, 6, Headline.STATUS_UNKNOWN,
        ("argocd-release itself went wrong", "ошибка в самом argocd-release"),
    )  # fmt: skip
    SETTINGS = (
        "settings", 2, 5, Headline.STATUS_UNKNOWN,
        ("a setting is missing or wrong", "настройка не задана или задана неверно"),
    )  # fmt: skip
    SYNC_FAILED = (
        "sync-failed", 10, 11, Headline.FAILED,
        ("Argo CD could not apply the revision", "Argo CD не смог применить ревизию"),
    )  # fmt: skip
    DEGRADED = (
        "degraded", 11, 12, Headline.FAILED,
        ("applied, but not running", "применено, но не работает"),
    )  # fmt: skip
    TIMED_OUT = (
        "timed-out", 12, 8, Headline.FAILED,
        ("not delivered within the timeout", "не доставлено за отведённое время"),
    )  # fmt: skip
    NOT_DELIVERED = (
        "not-delivered", 13, 9, Headline.FAILED,
        ("what was expected can no longer be delivered", "ожидаемая версия уже не появится"),
    )  # fmt: skip
    MISSING = (
        "missing", 14, 10, Headline.FAILED,
        ("the application does not exist, or was deleted", "приложения нет, или его удалили"),
    )  # fmt: skip
    NO_PREVIEW = (
        "no-preview", 15, 7, Headline.STATUS_UNKNOWN,
        ("the branch has no tag that a preview is named by", "в ветке нет тега, по которому названо превью"),
    )  # fmt: skip
    UNREACHABLE = (
        "unreachable", 30, 3, Headline.STATUS_UNKNOWN,
        ("Argo CD, or what it needs to compare, gave no answer",
         "не ответил Argo CD или то, что ему нужно для сравнения"),
    )  # fmt: skip
    DENIED = (
        "denied", 31, 4, Headline.STATUS_UNKNOWN,
        ("the token is invalid, or Argo CD refuses to show the application",
         "токен недействителен, или Argo CD отказывается показать приложение"),
    )  # fmt: skip
    INTERRUPTED = (
        "interrupted", 130, 1, Headline.CANCELLED,
        ("stopped by SIGINT", "остановлено сигналом SIGINT"),
    )  # fmt: skip
    CANCELLED = (
        "cancelled", 143, 2, Headline.CANCELLED,
        ("stopped by SIGTERM, as when a job is cancelled", "остановлено сигналом SIGTERM, как при отмене джоба"),
    )  # fmt: skip

    def __init__(self, word: str, exit_code: int, severity: int, headline: Headline, meaning: tuple[str, str]) -> None:
        self.word: Final = word
        self.exit_code: Final = exit_code
        self.severity: Final = severity
        self.headline: Final = headline
        self.meaning: Final = meaning[0]
        self.meaning_ru: Final = meaning[1]

    @property
    def is_failure(self) -> bool:
        """Return True if the release failed; False if it succeeded or its status is unknown."""
        return self.headline is Headline.FAILED


def aggregate(outcomes: Iterable[Outcome]) -> Outcome:
    """Return the most severe outcome, or ``UNEXPECTED`` if there are none."""
    return max(outcomes, key=lambda outcome: outcome.severity, default=Outcome.UNEXPECTED)


def tally(outcomes: Sequence[Outcome]) -> str:
    """Return the number of each outcome, the most severe first."""
    by_severity = sorted(set(outcomes), key=lambda each: -each.severity)
    return ", ".join(f"{outcomes.count(each)} {each.word}" for each in by_severity)
