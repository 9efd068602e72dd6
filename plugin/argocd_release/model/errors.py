"""Every exception of this package, and the kinds of failure of a call."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Self

from argocd_release.core.text import counted
from argocd_release.model.outcome import Outcome


class FailureKind(Enum):
    """The reason for which a call of the argocd CLI failed."""

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


class ReleaseError(Exception):
    """The base of every error that ends a run with an outcome of its own. Its message is for people."""

    outcome = Outcome.UNEXPECTED


def assignment(title: str, value: object) -> str:
    """Return the line that sets a setting: ``server: host`` for ``input server``, ``NAME=host`` for a variable."""
    name = title.removeprefix("input ")
    return f"{name}: {value}" if name != title else f"{name}={value}"


@dataclass(frozen=True, kw_only=True)
class SettingProblem:
    """A setting that is missing or wrong.

    Attributes:
        name: The variable of the setting.
        message: The mistake as a predicate of the setting, such as "is not set".
        value: The value to set instead, if that is known.
        fix: The step to take, or the step besides setting the value: empty only if the value says it all.
        code: A stable word for the mistake.
        title: The name under which the reader set it, such as "input timeout".
    """

    name: str
    message: str
    fix: str
    value: str | None = None
    code: str = "setting"
    title: str = ""

    def titled(self, title: str) -> Self:
        """Return the problem under the name that the reader knows, with a fix that can be copied."""
        title = self.title or title
        fix = self.fix if self.value is None else f"{assignment(title, self.value)}{self.fix}"
        return replace(self, title=title, value=None, fix=fix)

    @property
    def text(self) -> str:
        """Return the problem in one sentence."""
        return f"{self.title or self.name} {self.message}"


class SettingsError(ReleaseError):
    """One or more settings are wrong. The message lists every problem with its fix."""

    outcome = Outcome.SETTINGS

    def __init__(self, problems: Sequence[SettingProblem]) -> None:
        self.problems = tuple(problems)
        verb = "is" if len(problems) == 1 else "are"
        lines = [f"{counted(len(problems), 'setting')} {verb} wrong:"]
        for problem in problems:
            lines += [f"  error: {problem.text}", f"    fix: {problem.fix}"]
        super().__init__("\n".join(lines))


class ProgramMissingError(ReleaseError):
    """The argocd CLI, with which the job reads Argo CD, is not on the PATH."""

    outcome = Outcome.SETTINGS
    hint = "run the job in the image of argocd-release, which has argocd, or install argocd"

    def __init__(self, program: str) -> None:
        super().__init__(f"{program} is missing: no folder of the PATH has a program of that name")


class NoPreviewError(ReleaseError):
    """The branch has no tag, so there is no preview to wait for."""

    outcome = Outcome.NO_PREVIEW

    def __init__(self, branch: str, pattern: str) -> None:
        self.branch = branch
        named = f"the branch {branch!r} has no tag" if branch else "no branch is known, so there is no tag"
        super().__init__(f"{named}: <RELEASE_PREVIEW_PATTERN> {pattern} finds none in it")


class SignInError(ReleaseError):
    """The exchange of the job's ID token failed. ``outcome`` tells a refusal from a server that did not respond."""

    def __init__(self, message: str, *, outcome: Outcome = Outcome.DENIED) -> None:
        super().__init__(message)
        self.outcome = outcome


class ArgoCDError(ReleaseError):
    """A call to Argo CD that failed: its command, its exit code if there is one, and its message."""

    def __init__(self, *, kind: FailureKind, command: str, exit_code: int | None, message: str) -> None:
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
