"""Define the doctor's checks and their results, and render the checklist as text or as JSON."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Any, Final, Self

from argocd_release import __version__
from argocd_release.core.text import counted
from argocd_release.messages import doctor
from argocd_release.model.errors import SetupProblem
from argocd_release.model.outcome import Outcome
from argocd_release.timing import Deadline, run_in_background


class CheckState(Enum):
    """The state of a check, with the word for it in the JSON output and the mark for it in the text output."""

    OK = ("ok", "✓")
    WARNING = ("warning", "!")
    FAILED = ("failed", "✗")
    SKIPPED = ("skipped", "-")

    def __init__(self, word: str, mark: str) -> None:
        self.word: Final = word
        self.mark: Final = mark


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """The result of one check.

    Attributes:
        check: The name of the check.
        state: The state of the check.
        message: A description of the problem or, if there is none, of what is in order.
        code: The name of the problem; "" if there is none.
        fix: The steps that solve the problem.
        outcome: The outcome with which a release would end because of the problem; None if the release could succeed.
    """

    check: str
    state: CheckState
    message: str
    code: str = ""
    fix: str = ""
    outcome: Outcome | None = None


# The return value of a check: one problem, several problems, or a text that says what is in order.
Seen = str | SetupProblem | Sequence[SetupProblem]


@dataclass(frozen=True, kw_only=True)
class Check:
    """A check of the doctor.

    Attributes:
        name: The name in the checklist.
        run: Performs the check, and returns its problems or a text that says what is in order.
        needs: The names of earlier checks. If one of them has failed, this check is skipped.
        repeats: The codes of problems that this check would only report again. If an earlier check has reported one of
            these codes, this check is skipped.
    """

    name: str
    run: Callable[[], Seen]
    needs: tuple[str, ...] = ()
    repeats: tuple[str, ...] = ()


@dataclass(kw_only=True)
class Checklist:
    """A runner of the doctor's checks that stores their results. It skips a check if a needed check has failed.

    Attributes:
        results: The results in the order of the checks.
        check: A callback that is called while a check of the doctor runs. It raises an exception to end all checks.
        deadline: The moment at which all checks must have ended. A check that has not ended by then counts as failed.
        cancelled: The outcome of the signal that ended the checks; None if no signal arrived.
    """

    results: list[CheckResult] = field(default_factory=list)
    check: Callable[[], object] = lambda: None
    deadline: Deadline = field(default_factory=Deadline)
    cancelled: Outcome | None = None
    #: The names of the checks that have failed or were skipped.
    _broken: set[str] = field(default_factory=set)

    @classmethod
    def lasting(cls, seconds: float, *, check: Callable[[], object]) -> Self:
        """Create a checklist whose checks must all end within the next ``seconds``."""
        return cls(check=check, deadline=Deadline(seconds))

    def run(self, checks: Iterable[Check]) -> None:
        """Run the checks one after the other. Skip a check if another check that it needs has failed."""
        for next_check in checks:
            self.check()
            if reason := self._reason_to_skip(next_check):
                self._broken.add(next_check.name)
                self._add(next_check.name, CheckState.SKIPPED, reason)
                continue
            # Run the check in another thread. Otherwise, it could delay the reaction to a signal, or exceed the
            # deadline.
            answer = run_in_background(next_check.run)
            if not answer.wait_for(seconds=self.deadline.left, check=self.check):
                self._note(next_check.name, SetupProblem.of(doctor.NO_TIME, Outcome.UNREACHABLE))
            elif error := answer.exception():
                text = doctor.CHECK_FAILED.fill(error=f"{type(error).__name__}: {error}")
                self._add(next_check.name, CheckState.WARNING, text)
            else:
                self._note(next_check.name, answer.result())

    def allows(self, name: str) -> bool:
        """Return False if the check of this name has failed or was skipped, otherwise True."""
        return name not in self._broken

    @property
    def worst(self) -> Outcome | None:
        """Return the outcome with which a release would end because of a problem, or None if no problem is fatal."""
        return self.cancelled or next((result.outcome for result in self.results if result.outcome is not None), None)

    def _reason_to_skip(self, check: Check) -> str:
        for need in check.needs:
            if need in self._broken:
                return doctor.NEEDS.fill(check=need)
        for result in self.results:
            if result.code in check.repeats:
                return doctor.REPEATS.fill(code=result.code)
        return ""

    def _note(self, name: str, finding: Seen) -> None:
        if isinstance(finding, str):
            self._add(name, CheckState.OK, finding)
            return
        for problem in [finding] if isinstance(finding, SetupProblem) else finding:
            state = CheckState.WARNING if problem.outcome is None else CheckState.FAILED
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

    def _add(self, name: str, state: CheckState, message: str) -> None:
        self.results.append(CheckResult(check=name, state=state, message=message))


#: For the name of each check, the page and the anchor in ``docs/en`` that explain the check.
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
    """Return the URL of the documentation page about the check, or "" if the documentation's URL is unknown."""
    page = PAGES.get(check, "")
    return f"{docs_url.rstrip('/')}/{page}" if docs_url and page else ""


FORMAT: Final = 1
_WIDTH: Final = 12


def render_text(checklist: Checklist, docs_url: str = "") -> str:
    """Return one line per check. If the check has a problem, the fix and a link to the documentation follow.

    All skipped checks share one line. ``docs_url`` is the address of the documentation, or "" if it is unknown.
    """
    lines: list[str] = []
    for result in checklist.results:
        if result.state is CheckState.SKIPPED:
            continue
        lines.append(f"{result.state.mark} {result.check:{_WIDTH}} {result.message}")
        if result.fix:
            lines.append(f"  {'':{_WIDTH}} fix: {result.fix}")
        if result.code and (page := link(result.check, docs_url)):
            lines.append(f"  {'':{_WIDTH}} see: {page}")
    if skipped := [result.check for result in checklist.results if result.state is CheckState.SKIPPED]:
        text = doctor.NOT_CHECKED.fill(checks=", ".join(skipped))
        lines.append(f"{CheckState.SKIPPED.mark} {'not checked':{_WIDTH}} {text}")
    return "\n".join([*lines, "", *_conclusion(checklist)])


def render_json(checklist: Checklist, docs_url: str = "") -> dict[str, Any]:
    """Return the checklist in the form that ``doctor.schema.json`` describes."""
    worst = checklist.worst
    return {
        "format": FORMAT,
        "version": __version__,
        "trackable": worst is None,
        "exit_code": worst.exit_code if worst else 0,
        "checks": [_check(result, docs_url) for result in checklist.results],
    }


def _check(result: CheckResult, docs_url: str) -> dict[str, str]:
    return {
        "name": result.check,
        "state": result.state.word,
        "code": result.code,
        "message": result.message,
        "fix": result.fix,
        "link": link(result.check, docs_url) if result.code else "",
    }


def _conclusion(checklist: Checklist) -> list[str]:
    errors = counted(sum(result.state is CheckState.FAILED for result in checklist.results), "error")
    warning_count = sum(result.state is CheckState.WARNING for result in checklist.results)
    warnings = counted(warning_count, "warning")
    if checklist.worst is None:
        return [doctor.READY_WITH_WARNINGS.fill(warnings=warnings) if warning_count else doctor.READY.fill()]
    worst = checklist.worst
    ending = doctor.ENDING.fill(exit_code=worst.exit_code, meaning=worst.meaning)
    if checklist.cancelled is not None:
        return [doctor.INCOMPLETE.fill(ending=ending)]
    counts = f"{errors}, {warnings}" if warning_count else errors
    return [doctor.WOULD_END.fill(ending=ending), doctor.NOT_READY.fill(counts=counts)]
