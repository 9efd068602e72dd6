"""Check the applications that a job would wait for. The settings select them by name, label or project."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from argocd_release.argocd.api import Api
from argocd_release.argocd.probe import Prober
from argocd_release.core.text import counted, first_names, one_line
from argocd_release.doctor import account
from argocd_release.doctor.checks import Seen
from argocd_release.messages import doctor
from argocd_release.model.application import Application
from argocd_release.model.errors import ArgoCDError, FailureKind, SetupProblem
from argocd_release.model.observation import APPLICATION_SET, OwnerRef
from argocd_release.model.outcome import Outcome
from argocd_release.settings import expectations_file
from argocd_release.settings.environment import PROPERTIES
from argocd_release.settings.load import ExpectationSettings, PolicySettings, TargetSettings
from argocd_release.verdict.expectation import resource_gap

#: The maximum number of applications that the doctor checks, because each of them needs several requests.
CHECKED: Final = 10
_LIST_SECONDS: Final = 5.0
#: The maximum number of applications that a message names if several of them have the same problem.
_NAMED: Final = 3


@dataclass(frozen=True, kw_only=True)
class Group:
    """The applications that the settings choose, and the problems that occurred while they were read.

    Attributes:
        applications: the applications that the doctor checks.
        problems: one problem for each named application that Argo CD does not return, and one problem if the request
            for a list fails or returns no application.
        count: the number of all chosen applications, of which the doctor checks at most ``CHECKED``.
    """

    applications: tuple[Application, ...] = ()
    problems: tuple[SetupProblem, ...] = ()
    count: int = 0

    @property
    def seen(self) -> Seen:
        """Return the result of the check ``application``: a text with the applications' names, or the problems."""
        if self.problems:
            return self.problems
        if self.count == 1:
            name, project = name_of(self.applications[0]), _project(self.applications[0])
            return doctor.APPLICATION_EXISTS.fill(name=name, project=project)
        names = ", ".join(name_of(application) for application in self.applications)
        if self.count > len(self.applications):
            return doctor.APPLICATIONS_IN_PART.fill(count=self.count, checked=len(self.applications), names=names)
        return doctor.APPLICATIONS_EXIST.fill(applications=counted(self.count, "application"), names=names)

    def each(self, look: Callable[[Application], Seen]) -> Seen:
        """Run a check on each application, and merge the results.

        If several applications have the same problem, the function reports it once, with the names of the applications.

        Args:
            look: a check that takes one application.
        """
        results = [(name_of(application), look(application)) for application in self.applications]
        if self.count == 1 and results:
            return results[0][1]
        merged: dict[SetupProblem, list[str]] = {}
        for name, answer in results:
            for problem in () if isinstance(answer, str) else (answer,) if isinstance(answer, SetupProblem) else answer:
                merged.setdefault(problem, []).append(name)
        if merged:
            return [
                replace(
                    problem,
                    message=doctor.OF_APPLICATIONS.fill(names=first_names(names, _NAMED), message=problem.message),
                )
                for problem, names in merged.items()
            ]
        texts = list(dict.fromkeys(answer for _, answer in results if isinstance(answer, str)))
        return one_line("; ".join(texts), limit=400)


def find(api: Api, prober: Prober, settings: TargetSettings) -> Group:
    """Read the applications that the settings select, in the same way as a release does."""
    applications: list[Application] = []
    problems: list[SetupProblem] = []
    for name in settings.names[:CHECKED]:
        answer = account.application(api, prober, name)
        (problems if isinstance(answer, SetupProblem) else applications).append(answer)  # type: ignore[arg-type]
    count = len(settings.names)
    if settings.selector or settings.project:
        try:
            chosen = api.applications(seconds=_LIST_SECONDS, selector=settings.selector, project=settings.project)
        except ArgoCDError as error:
            problems.append(_unlisted(settings, error))
            chosen = ()
        names = {application.full_name for application in applications}
        chosen = tuple(application for application in chosen if application.full_name not in names)
        if not chosen and not problems and not settings.names:
            problems.append(_no_match(settings))
        count += len(chosen)
        applications += chosen[: CHECKED - len(applications)]
    return Group(applications=tuple(applications), problems=tuple(problems), count=count)


def expectation_of(settings: ExpectationSettings, path: str, application: Application) -> ExpectationSettings:
    """Return the expectation for the application. The file with expectations takes precedence over the settings.

    Args:
        settings: the expectation that applies to all applications.
        path: the path of the file with expectations, or an empty string.
        application: the application.
    """
    rules, _ = expectations_file.read(path, PROPERTIES)
    own: dict[str, Any] = dict(rules.of(name_of(application)))
    return replace(settings, **own)


def resources(application: Application, patterns: tuple[str, ...], *, alone: bool) -> SetupProblem | None:
    """Return a problem if the patterns of RELEASE_RESOURCES choose no resource of the application, otherwise None.

    Args:
        application: the application.
        patterns: the patterns; none if all resources count.
        alone: True if the job waits only for this application, so that each pattern must match.
    """
    if not patterns:
        return None
    # Most jobs have no such patterns, and do not need this module.
    from argocd_release.verdict.chosen_resources import ChosenResources  # noqa: PLC0415

    gap = resource_gap(ChosenResources.of(patterns, each_must_match=alone).view(application))
    if gap is None:
        return None
    # This is only a warning, because the next commit can add the resource.
    return SetupProblem.of(doctor.RESOURCES, subject="RELEASE_RESOURCES", reason=gap.message)


def rights(prober: Prober, application: Application, policy: PolicySettings) -> Seen:
    """Check the rights of the token on the application, including those that the settings require."""
    name, project = name_of(application), _project(application)
    return account.rights(prober, name, project, sync=policy.sync, terminate=policy.terminate_old_sync)


def owner(api: Api, application: Application, policy: str, *, children: bool) -> Seen:
    """Check that the token can read the application's owners and the ApplicationSets that it manages.

    Args:
        api: Argo CD's HTTP API.
        application: the application.
        policy: the value of RELEASE_OWNER.
        children: True if the job waits for the children of the application.
    """
    names = {application.name, application.full_name}
    refs = [ref for ref in application.owner_refs if ref.name not in names] if policy != "ignore" else []
    answers = [_owner(api, ref, application, policy) for ref in refs]
    if children:
        answers += [answer for name in application.set_names for answer in _maker(api, name, application)]
    problems = tuple(answer for answer in answers if isinstance(answer, SetupProblem))
    return problems or "; ".join(str(answer) for answer in answers) or doctor.NO_OWNER.fill()


def _owner(api: Api, ref: OwnerRef, application: Application, policy: str) -> str | SetupProblem:
    owner = f"{ref.kind}/{ref.name}"
    is_set = ref.kind == APPLICATION_SET
    try:
        proves = not api.application_set(ref.name).repositories if is_set else bool(api.application(ref.name))
    except ArgoCDError as error:
        if error.kind not in {FailureKind.DENIED, FailureKind.MISSING}:
            return doctor.OWNER_UNANSWERED.fill(owner=owner, error=one_line(error.message, limit=150))
        strict = policy == "strict"
        entry, outcome = (doctor.OWNER_HIDDEN_STRICT, Outcome.TIMED_OUT) if strict else (doctor.OWNER_HIDDEN, None)
        return SetupProblem.of(entry, outcome, owner=owner, right=_right(ref, application))
    if not proves and policy == "strict":
        return SetupProblem.of(doctor.OWNER_UNPROVEN_STRICT, Outcome.TIMED_OUT, owner=owner)
    return doctor.OWNER_VISIBLE.fill(owner=owner)


def _right(ref: OwnerRef, application: Application) -> str:
    if ref.kind == APPLICATION_SET:
        return f"applicationsets, get, {_project(application)}/{ref.name.rpartition('/')[2]}"
    return f"applications, get, PROJECT/{ref.name}"


def _maker(api: Api, name: str, application: Application) -> Iterator[str | SetupProblem]:
    try:
        api.application_set(name)
    except ArgoCDError as error:
        if error.is_refused:
            right = f"applicationsets, get, {_project(application)}/{name.rpartition('/')[2]}"
            yield SetupProblem.of(doctor.MAKER_HIDDEN, owner=f"ApplicationSet/{name}", right=right)


def name_of(application: Application) -> str:
    """Return the name of the application, or ``namespace/name`` if it is not in Argo CD's own namespace."""
    own = application.controller_namespace or application.namespace
    name = application.name if application.namespace == own else application.full_name
    return one_line(name, limit=200)


def _project(application: Application) -> str:
    return one_line(application.project or "default", limit=100)


def _unlisted(settings: TargetSettings, error: ArgoCDError) -> SetupProblem:
    is_denied = error.kind in {FailureKind.DENIED, FailureKind.UNAUTHENTICATED}
    entry = doctor.UNLISTED_DENIED if is_denied else doctor.UNLISTED
    outcome = Outcome.DENIED if is_denied else Outcome.UNREACHABLE
    return SetupProblem.of(entry, outcome, choice=_choice(settings), error=one_line(error.message, limit=200))


def _no_match(settings: TargetSettings) -> SetupProblem:
    return SetupProblem.of(doctor.NO_MATCH, Outcome.MISSING, choice=_choice(settings))


def _choice(settings: TargetSettings) -> str:
    chosen = (("selector", settings.selector), ("project", settings.project))
    return " and ".join(f"{word} {one_line(text, limit=150)}" for word, text in chosen if text)
