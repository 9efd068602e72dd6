"""Every exception of this package, and the kinds of failure of a call."""

from enum import Enum

from argocd_release.core.text import counted
from argocd_release.model.outcome import Outcome


class FailureKind(Enum):
    """Why a call of the argocd CLI gave no answer."""

    UNREACHABLE = "unreachable"
    DENIED = "denied"
    UNAUTHENTICATED = "unauthenticated"
    MISSING = "missing"
    BUSY = "busy"
    BLOCKED = "blocked"
    REFUSED = "refused"
    HUNG = "hung"
    KILLED = "killed"
    GARBAGE = "garbage"
    OTHER = "other"


class ReleaseError(Exception):
    """Base of everything that ends a run with an outcome of its own; ``str()`` is for people."""

    outcome = Outcome.UNEXPECTED


class SettingsError(ReleaseError):
    """All that is wrong with the settings, one line each."""

    outcome = Outcome.SETTINGS

    def __init__(self, problems: tuple[str, ...], names: tuple[str, ...] = ()) -> None:
        """``names``: of the settings that the problems are with, in their order."""
        self.problems = problems
        self.names = names
        verb = "is" if len(problems) == 1 else "are"
        super().__init__(
            "\n".join([f"{counted(len(problems), 'setting')} {verb} wrong:", *(f"  {problem}" for problem in problems)])
        )


class ProgramMissingError(ReleaseError):
    """The argocd CLI, by which the job reads Argo CD, is not on the PATH."""

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
    """The job's identity was not exchanged for a token; ``outcome`` says whether it was refused, or nobody answered."""

    def __init__(self, message: str, *, outcome: Outcome = Outcome.DENIED) -> None:
        super().__init__(message)
        self.outcome = outcome


class ArgoCDError(ReleaseError):
    """A call of the argocd CLI that failed: what was called, its exit code (None: none), its own words."""

    def __init__(self, *, trouble: FailureKind, command: str, exit_code: int | None, message: str) -> None:
        self.trouble = trouble
        self.command = command
        self.exit_code = exit_code
        self.message = message
        super().__init__(f"{command}: {message}")


class Cancelled(BaseException):
    """SIGTERM or SIGINT arrived."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        super().__init__(outcome.meaning)
