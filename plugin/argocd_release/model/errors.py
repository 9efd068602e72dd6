"""Every exception of this package, and the kinds of failure of a call."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, Self

from argocd_release.core.text import counted
from argocd_release.messages import ProblemMessage, field_names, settings
from argocd_release.model.outcome import Outcome


class FailureKind(Enum):
    """The reason why a call of the argocd CLI or of Argo CD's HTTP API failed."""

    UNREACHABLE = "unreachable"
    DENIED = "denied"
    UNAUTHENTICATED = "unauthenticated"
    MISSING = "missing"
    OPERATION_IN_PROGRESS = "busy"
    SYNC_WINDOW = "blocked"
    REFUSED = "refused"
    TIMED_OUT = "hung"
    KILLED = "killed"
    MALFORMED = "garbage"
    OTHER = "other"


# After these failures, the same call fails again. MALFORMED is one of them, because another server than Argo CD has
# responded at this address.
_REFUSALS: Final = frozenset(
    {FailureKind.DENIED, FailureKind.UNAUTHENTICATED, FailureKind.MISSING, FailureKind.MALFORMED}
)


class ReleaseError(Exception):
    """The base of every error that ends a run with an outcome of its own. Its message is for people."""

    outcome = Outcome.UNEXPECTED


@dataclass(frozen=True, kw_only=True)
class SetupProblem:
    """A problem of the job's setup: a setting, the network to Argo CD, the token or the application.

    Attributes:
        code: The stable name of the problem.
        message: The problem in one line. ``<NAME>`` stands for a setting.
        fix: The steps that solve it.
        subject: The variable of the setting that the problem is about; "" if it is not about one setting.
        outcome: The outcome that a release would end with; None if the release could still succeed.

    """

    code: str
    message: str
    fix: str = ""
    subject: str = ""
    outcome: Outcome | None = None

    @classmethod
    def of(
        cls, entry: ProblemMessage, outcome: Outcome | None = None, /, *, subject: str = "", **fields: object
    ) -> Self:
        """Return the problem that an entry of the catalogue describes.

        Args:
            entry: The entry. Its text and its hint take the fields that they name.
            outcome: The outcome of a release with this problem; None for a warning.
            subject: The variable of the setting that the problem is about.
            fields: The values of all fields.

        """
        in_text, in_hint = field_names(entry.text), field_names(entry.hint)
        return cls(
            code=entry.code,
            message=entry.fill(
                **{name: value for name, value in fields.items() if name in in_text or name not in in_hint}
            ),
            fix=entry.fill_hint(**{name: value for name, value in fields.items() if name in in_hint}),
            subject=subject,
            outcome=outcome,
        )

    @classmethod
    def of_setting(cls, entry: ProblemMessage, name: str, /, **fields: object) -> Self:
        """Return the problem of a setting that is missing or wrong.

        Args:
            entry: The entry. Its field ``setting`` becomes the name under which the reader set the setting.
            name: The variable of the setting.
            fields: The values of all other fields.

        """
        named = field_names(entry.text) | field_names(entry.hint)
        own = {"setting": f"<{name}>"} if "setting" in named else {}
        return cls.of(entry, Outcome.SETTINGS, subject=name, **own, **fields)


class SettingsError(ReleaseError):
    """One or more settings are wrong. The message lists every problem with its fix."""

    outcome = Outcome.SETTINGS

    def __init__(self, problems: Sequence[SetupProblem]) -> None:
        self.problems = tuple(problems)
        verb = "is" if len(problems) == 1 else "are"
        lines = [settings.WRONG.fill(settings=counted(len(problems), "setting"), verb=verb)]
        lines += [settings.PROBLEM.fill(message=problem.message, fix=problem.fix) for problem in problems]
        super().__init__("\n".join(lines))


class ProgramMissingError(ReleaseError):
    """The argocd CLI, with which the job reads Argo CD, is not on the PATH."""

    outcome = Outcome.SETTINGS
    hint = settings.PROGRAM_MISSING.hint

    def __init__(self, program: str) -> None:
        super().__init__(settings.PROGRAM_MISSING.fill(program=program))


class NoPreviewError(ReleaseError):
    """The branch has no tag, so there is no preview to wait for."""

    outcome = Outcome.NO_PREVIEW

    def __init__(self, branch: str, pattern: str) -> None:
        self.branch = branch
        no_tag = settings.NO_TAG.fill(branch=branch, pattern=pattern) if branch else settings.NO_BRANCH.fill()
        super().__init__(no_tag)


class SignInError(ReleaseError):
    """The exchange of the job's ID token failed. ``outcome`` tells a refusal from a server that did not respond."""

    def __init__(self, message: str, *, outcome: Outcome = Outcome.DENIED) -> None:
        super().__init__(message)
        self.outcome = outcome


class ArgoCDError(ReleaseError):
    """A call to Argo CD that failed.

    Attributes:
        kind: the reason.
        command: the command or the request.
        exit_code: the exit code of the process, or None without one.
        message: the error in one line.
        is_refused: True if the same call will fail again, because Argo CD refuses it or does not offer it. Any other
            failure can be temporary.
    """

    def __init__(
        self,
        *,
        kind: FailureKind,
        command: str,
        exit_code: int | None,
        message: str,
        is_refused: bool = False,
    ) -> None:
        self.is_refused = is_refused or kind in _REFUSALS
        self.kind = kind
        self.command = command
        self.exit_code = exit_code
        self.message = message
        super().__init__(f"{command}: {message}")


class Cancelled(BaseException):
    """SIGTERM or SIGINT arrived."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        super().__init__(outcome.meaning)
