"""The exceptions of this package, and the kinds of failures of calls to Argo CD."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, Self

from argocd_release.core.text import counted, one_line
from argocd_release.messages import ProblemMessage, field_names, settings
from argocd_release.model.outcome import Outcome
from argocd_release.model.problem import CauseCode


class FailureKind(Enum):
    """The reason why a call of the argocd CLI or of Argo CD's HTTP API failed."""

    UNREACHABLE = "unreachable"
    PROXY = "proxy"
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


# The kinds of failures after which a retry of the same call would fail, too. They include MALFORMED, because it means
# that the server at this address is not Argo CD.
_REFUSALS: Final = frozenset(
    {FailureKind.DENIED, FailureKind.UNAUTHENTICATED, FailureKind.MISSING, FailureKind.MALFORMED}
)


class ReleaseError(Exception):
    """The base class of errors that end the job. ``outcome`` determines the exit code. The message is for users."""

    outcome = Outcome.UNEXPECTED


@dataclass(frozen=True, kw_only=True)
class SetupProblem:
    """A problem of the job's setup: a setting, the network to Argo CD, the token or the application.

    Attributes:
        code: The stable identifier of the problem.
        message: A description on one line. ``<NAME>`` stands for a setting.
        fix: What the user must do to solve the problem.
        subject: The variable of the setting that causes the problem; "" if no single setting causes it.
        outcome: The outcome with which a release with this problem would end; None if it could still succeed.
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
        """Create a problem from an entry of the message catalogue.

        Args:
            entry: The entry, whose text and hint can contain fields.
            outcome: The outcome of a release with this problem; None for a warning.
            subject: The variable of the setting that causes the problem.
            fields: The values of the fields in the text and the hint.

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
        """Create the problem of a missing or wrong setting, which ends the release with ``Outcome.SETTINGS``.

        Args:
            entry: The entry. If its text has a field ``setting``, the function inserts the name of the setting there.
            name: The variable of the setting.
            fields: The values of all other fields.
        """
        named = field_names(entry.text) | field_names(entry.hint)
        own = {"setting": f"<{name}>"} if "setting" in named else {}
        return cls.of(entry, Outcome.SETTINGS, subject=name, **own, **fields)


class SettingsError(ReleaseError):
    """The error that at least one setting is wrong. Its message lists all problems, each with its fix."""

    outcome = Outcome.SETTINGS

    def __init__(self, problems: Sequence[SetupProblem]) -> None:
        self.problems = tuple(problems)
        verb = "is" if len(problems) == 1 else "are"
        lines = [settings.WRONG.fill(settings=counted(len(problems), "setting"), verb=verb)]
        lines += [settings.PROBLEM.fill(message=problem.message, fix=problem.fix) for problem in problems]
        super().__init__("\n".join(lines))


class ProgramMissingError(ReleaseError):
    """The error that the argocd CLI, with which the job reads Argo CD, is not on the PATH."""

    outcome = Outcome.SETTINGS
    hint = settings.PROGRAM_MISSING.hint

    def __init__(self, program: str) -> None:
        super().__init__(settings.PROGRAM_MISSING.fill(program=program))


class NoPreviewError(ReleaseError):
    """The error that the branch has no preview tag, so that the job has no preview to wait for."""

    outcome = Outcome.NO_PREVIEW

    def __init__(self, branch: str, pattern: str) -> None:
        self.branch = branch
        no_tag = settings.NO_TAG.fill(branch=branch, pattern=pattern) if branch else settings.NO_BRANCH.fill()
        super().__init__(no_tag)


class SignInError(ReleaseError):
    """The exchange of the job's ID token for a token of Dex has failed.

    The ``outcome`` is ``Outcome.DENIED`` if Dex refused the exchange, and ``Outcome.UNREACHABLE`` if the server did not
    respond. The ``code`` is the cause code, or None if the outcome says enough.
    """

    def __init__(self, message: str, *, outcome: Outcome = Outcome.DENIED, code: CauseCode | None = None) -> None:
        super().__init__(message)
        self.outcome = outcome
        self.code = code


#: The maximum length of the message of a ``NotificationError`` in characters.
NOTIFICATION_ERROR_LIMIT: Final = 300


class NotificationError(Exception):
    """A notification could not be sent. The message is one line. It never changes the verdict."""

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message, limit=NOTIFICATION_ERROR_LIMIT))


class ArgoCDError(ReleaseError):
    """A failed call of the argocd CLI or of Argo CD's HTTP API.

    Attributes:
        kind: the reason of the failure.
        command: the argocd command or the HTTP request, for example ``GET /api/v1/applications``.
        exit_code: the exit code of argocd, or None if there is none.
        message: the error message on one line.
        is_refused: True if a retry would fail too, because Argo CD refuses the call or does not offer it. All other
            failures can be temporary.
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
    """The exception after the job has received SIGTERM or SIGINT.

    It does not inherit from ``Exception``, so that ``except Exception`` does not catch it.
    """

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        super().__init__(outcome.meaning)
