"""The checks of the doctor, their results, and the page that explains each."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Final, Self

from argocd_release.model.errors import SetupProblem
from argocd_release.model.outcome import Outcome
from argocd_release.timing.background import answered, ask
from argocd_release.timing.deadline import Deadline


class State(Enum):
    """``word`` stands in the JSON, ``mark`` in the log."""

    OK = ("ok", "✓")
    WARNING = ("warning", "!")
    FAILED = ("failed", "✗")
    SKIPPED = ("skipped", "-")

    def __init__(self, word: str, mark: str) -> None:
        self.word: Final = word
        self.mark: Final = mark


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """``check`` is the name of the check, ``code`` that of the mistake, or ``""``."""

    check: str
    state: State
    message: str
    code: str = ""
    fix: str = ""
    outcome: Outcome | None = None


LATE: Final = SetupProblem(
    code="no-time",
    message="not checked: the time for all checks was over before it ended",
    fix="look at the checks above it for what does not respond, and run the doctor again",
    outcome=Outcome.UNREACHABLE,
)
# What a check gives: what it saw when all is well, or what is wrong.
Seen = str | SetupProblem | Sequence[SetupProblem]


@dataclass(frozen=True, kw_only=True)
class Check:
    """``needs``: checks without which this one can say nothing."""

    name: str
    run: Callable[[], Seen]
    needs: tuple[str, ...] = ()


@dataclass(kw_only=True)
class Checklist:
    """Runs checks and keeps their findings. A check that fails does not end those that do not need it.

    Attributes:
        check: is called while a check runs, and raises to end them all.
        deadline: ends the check that runs; those after it are not run.
        cancelled: the outcome of a signal that ended the checks, or None.
    """

    results: list[CheckResult] = field(default_factory=list)
    check: Callable[[], object] = lambda: None
    deadline: Deadline = field(default_factory=Deadline)
    cancelled: Outcome | None = None
    _broken: set[str] = field(default_factory=set)

    @classmethod
    def lasting(cls, seconds: float, *, check: Callable[[], object]) -> Self:
        """Return a ledger whose checks must end within the seconds."""
        return cls(check=check, deadline=Deadline(seconds))

    def run(self, checks: Iterable[Check]) -> None:
        """Run each check whose needs are met."""
        for one in checks:
            self.check()
            missing = [need for need in one.needs if need in self._broken]
            if missing:
                self._broken.add(one.name)
                self._add(one.name, State.SKIPPED, f"not checked: it needs {missing[0]}")
                continue
            # Whatever a check does, it can neither hold up a signal nor outlast the deadline.
            answer = ask(one.run)
            if not answered(answer, seconds=self.deadline.left, check=self.check):
                self._note(one.name, LATE)
            elif error := answer.exception():
                self._add(one.name, State.WARNING, f"this check itself went wrong: {type(error).__name__}: {error}")
            else:
                self._note(one.name, answer.result())

    def allows(self, name: str) -> bool:
        """Whether nothing was found that forbids what needs this check."""
        return name not in self._broken

    @property
    def worst(self) -> Outcome | None:
        """Return the outcome that a release would have; None if it could be tracked."""
        return self.cancelled or next((found.outcome for found in self.results if found.outcome is not None), None)

    def _note(self, name: str, seen: Seen) -> None:
        if isinstance(seen, str):
            self._add(name, State.OK, seen)
            return
        for problem in [seen] if isinstance(seen, SetupProblem) else seen:
            state = State.WARNING if problem.outcome is None else State.FAILED
            if problem.outcome is not None:
                self._broken.add(name)
            self.results.append(
                CheckResult(
                    check=name,
                    state=state,
                    message=problem.message,
                    code=problem.code,
                    fix=problem.fix,
                    outcome=problem.outcome,
                )
            )

    def _add(self, name: str, state: State, message: str) -> None:
        self.results.append(CheckResult(check=name, state=state, message=message))


#: Page and anchor by the name of the check; the pages are those of ``docs/en``.
PAGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "settings": "reference/settings/",
        "Argo CD": "reference/settings/",
        "proxies": "guides/network/",
        "name": "troubleshooting/#exit-code-30",
        "port": "troubleshooting/#exit-code-30",
        "TLS": "guides/network/",
        "http": "guides/network/",
        "argocd": "guides/argocd-account/#the-command-argocd",
        "version": "reference/compatibility/#argo-cd",
        "sign-in": "guides/keyless/#when-it-is-refused",
        "token": "guides/argocd-account/#the-token",
        "account": "troubleshooting/#exit-code-31",
        "application": "troubleshooting/#exit-code-14",
        "rights": "guides/argocd-account/#its-rights",
        "owner": "guides/argocd-account/#its-rights",
        "source": "guides/what-to-expect/",
        "proof": "guides/what-to-expect/",
        "sync": "troubleshooting/#it-has-no-automated-sync-policy",
        "time": "reference/settings/",
        "history": "guides/what-to-expect/",
        "reports": "reference/component/#reports",
    }
)


def link(check: str, docs_url: str) -> str:
    """Return the address of the page about the check, or "" if the documentation's address is unknown."""
    page = PAGES.get(check, "")
    return f"{docs_url.rstrip('/')}/{page}" if docs_url and page else ""
