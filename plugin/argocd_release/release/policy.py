"""Turn the settings into the policy of a job: its applications, their expectations and the grace periods."""

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final, Self

from argocd_release.core.text import counted, first_names
from argocd_release.messages import job_log
from argocd_release.messages import verdict as texts
from argocd_release.model.application import Application, SyncStatus
from argocd_release.model.git import Access
from argocd_release.model.observation import APPLICATION, APPLICATION_SET
from argocd_release.model.ports import ClusterView, Get, OwnerLookup, RevisionRelationLookup
from argocd_release.release.job_log import JobContext
from argocd_release.settings.expectations_file import Expected
from argocd_release.settings.load import (
    ExpectationSettings,
    PolicySettings,
    Settings,
    TargetSettings,
    expected_of,
    read_names,
)
from argocd_release.timing import Phase
from argocd_release.verdict.expectation import Expectation, WaitCondition
from argocd_release.watch.tracker import Tracker

#: The maximum number of patterns of resources that a message or the job log names.
NAMED_PATTERNS: Final = 5


@dataclass(frozen=True, kw_only=True)
class Policy:
    """The rules by which a job tracks and judges its applications."""

    settings: PolicySettings
    expected: Expected
    timeout: float
    #: The clock time in seconds at which the job started. The timeout counts from this moment.
    started: float
    check: Callable[[], object]
    #: Looks up the relation of revisions in the git history; None if no revision is expected.
    revision_relation: RevisionRelationLookup | None = None
    #: Requests a hard refresh from Argo CD; None if the settings turn hard refreshes off.
    hard_refresh: Get | None = None
    #: Looks up the owners of applications; None if the settings turn the lookup off.
    owners: OwnerLookup | None = None
    #: Returns an application with only the resources that count for the verdict; None if all count.
    choose: Callable[[Application], Application] | None = None

    @property
    def stops_early(self) -> bool:
        """Return True if the failure of one application ends the wait for all others."""
        return self.settings.on_failure == "stop"

    def expectation(self, name: str) -> Expectation:
        """Return the expectation of the application with this name."""
        return expectation(self.settings, self.expected.of(name))

    def tracker(self, name: str, *, cluster: ClusterView, **parts: Any) -> Tracker:
        """Return the tracker of an application.

        Args:
            name: the name of the application.
            cluster: shows the pods of an application.
            parts: the arguments of ``Tracker`` that this policy does not provide.
        """
        settings, own = self.settings, self.expectation(name)
        return Tracker(
            name,
            timeout=self.timeout,
            graces=settings,
            expectation=own,
            cluster=cluster if settings.pods_matter or own.image else None,
            revision_relation=self.revision_relation,
            sync=settings.sync,
            terminate=settings.terminate_old_sync,
            check=self.check,
            hard_refresh=self.hard_refresh,
            hard_first=settings.refresh == "hard",
            owners=self.owners,
            choose=self.choose,
            **parts,
        )


def policy_of(
    settings: Settings, context: JobContext, *, timeout: float, stack: ExitStack, hard_refresh: Get
) -> Policy:
    """Return the policy that the settings describe.

    Args:
        settings: the settings of the job.
        context: the job log, the stop request and the deadline.
        timeout: the timeout of the release in seconds.
        stack: closes the git histories at the end.
        hard_refresh: requests a hard refresh from Argo CD.
    """
    expected, relation = expected_of(settings.expectations), None
    if settings.revision or expected.asks_revisions:
        relation = _revision_relation(settings, context, stack)
    return Policy(
        settings=settings,
        expected=expected,
        timeout=timeout,
        started=context.deadline.started,
        check=context.stop.check,
        revision_relation=relation,
        hard_refresh=hard_refresh if settings.hard_refresh else None,
        choose=_choice(settings) if settings.resources else None,
    )


def _choice(settings: Settings) -> Callable[[Application], Application]:
    # Most jobs judge an application by all of its resources, and do not need this module.
    from argocd_release.verdict.chosen_resources import ChosenResources  # noqa: PLC0415

    is_single = bool(targets_of(settings).one)
    return ChosenResources.of(read_names(settings.resources), each_must_match=is_single).view


def expectation(settings: ExpectationSettings | None, own: Mapping[str, Any] = MappingProxyType({})) -> Expectation:
    """Return the expectation that the settings describe. Without settings, the expectation accepts every state.

    Args:
        settings: the expectation of all applications; None if the settings could not be loaded.
        own: the values, by field, that replace the settings for one application.
    """
    if settings is None:
        return Expectation()
    # Copy the settings only if needed: most applications of a large group have no values of their own.
    settings = replace(settings, **own) if own else settings
    return Expectation(
        wait_for=frozenset(map(WaitCondition, settings.wait_for.replace(",", " ").split())),
        revision=settings.revision,
        exact=settings.revision_match == "exact",
        source=settings.source,
        image=settings.image,
        chart_version=settings.chart_version,
        allow_empty=settings.allow_empty,
        children=settings.children,
    )


def expectation_words(settings: PolicySettings, path: str) -> str:
    """Return the text for the job log that describes what the job expects; "" if it expects nothing specific.

    Args:
        settings: what the job expects of each application, unless the file of expectations overrides it.
        path: the path of the file of expectations, or an empty string.
    """
    of_all = expectation(settings).words
    if settings.resources:
        patterns = first_names(read_names(settings.resources), NAMED_PATTERNS)
        of_all = job_log.EXPECTED_OF_RESOURCES.fill(expectation=of_all or job_log.NOTHING.fill(), patterns=patterns)
    if not path:
        return of_all
    others = of_all or job_log.NOTHING.fill()
    return job_log.EXPECTED_BY_APPLICATION.fill(file=path, others=others)


def target_words(settings: TargetSettings) -> str:
    """Describe the requested applications for people."""
    return str(targets_of(settings))


def _revision_relation(access: Access, context: JobContext, stack: ExitStack) -> RevisionRelationLookup:
    # Importing this module loads dulwich, which takes 38 ms. All modules of a job together take 340 ms (the least of 15
    # runs of `python -X importtime`). Most jobs do not need the history.
    from argocd_release.git.history import GitHistories  # noqa: PLC0415

    histories = stack.enter_context(
        GitHistories(access, stop=context.stop, limit=context.deadline.phase(Phase.VERDICT))
    )
    relation: RevisionRelationLookup = histories.revision_relation
    return relation


# The maximum number of applications that are read one by one. A read costs the job 1.4 ms of CPU time and a few
# kilobytes. A list costs 0.15 ms and as many kilobytes per application on the server. So ten reads are cheaper if the
# server has 100 applications or more.
FEW_NAMES: Final = 10


@dataclass(frozen=True, kw_only=True)
class ExpectedCount:
    """The required number of applications: exactly ``number``, or at least that many."""

    number: int
    at_least: bool

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the count that the text describes: ``12`` is exactly 12, ``12+`` is at least 12, "" is at least 1."""
        return cls(number=int(text.rstrip("+") or 1), at_least=text.endswith("+") or not text)

    def __str__(self) -> str:
        applications = counted(self.number, "application")
        return texts.AT_LEAST.fill(applications=applications) if self.at_least else applications

    def few(self, count: int) -> bool:
        """Return True if ``count`` applications are too few."""
        return count < self.number

    def many(self, count: int) -> bool:
        """Return True if ``count`` applications are too many."""
        return count > self.number and not self.at_least


@dataclass(frozen=True, kw_only=True)
class Targets:
    """The applications that a job waits for.

    Attributes:
        names: the names in the settings.
        selector: the label selector, or an empty string.
        project: the Argo CD project, or an empty string.
        children: True if the job also waits for the child applications.
        has_expectations: True if the settings name a file of expectations.
        count: the required number of applications.
        job: the number of this job, from 1, if several jobs share the applications.
        jobs: the number of these jobs.
    """

    names: tuple[str, ...]
    selector: str = ""
    project: str = ""
    children: bool = False
    has_expectations: bool = False
    count: ExpectedCount = ExpectedCount(number=1, at_least=True)
    job: int = 1
    jobs: int = 1

    @property
    def one(self) -> str:
        """Return the application's name if the job waits for exactly one application, otherwise an empty string."""
        several = self.selects or self.children or self.has_expectations or self.jobs > 1 or len(self.names) != 1
        return "" if several or self.count.number != 1 else self.names[0]

    @property
    def read_one_by_one(self) -> bool:
        """Return True if the job reads each application separately. Otherwise, each poll requests one list.

        If two names can mean the same application, the job needs a list, which shows Argo CD's own namespace.
        """
        plain = {name.rpartition("/")[2] for name in self.names}
        few = 0 < len(self.names) == len(plain) <= FEW_NAMES
        return few and not (self.selects or self.children)

    @property
    def selects(self) -> bool:
        """Return True if the job chooses applications by a selector or a project, so that Argo CD must list them."""
        return bool(self.selector or self.project)

    def __str__(self) -> str:
        parts = [", ".join(self.names)] if self.names else []
        if self.selects:
            selector = texts.SELECTOR.fill(selector=self.selector) if self.selector else ""
            project = texts.PROJECT.fill(project=self.project) if self.project else ""
            parts.append(" in ".join(filter(None, (selector, project))))
        text = " and ".join(parts)
        if self.children:
            text = texts.WITH_CHILDREN.fill(targets=text)
        return texts.SHARE.fill(targets=text, job=self.job, jobs=self.jobs) if self.jobs > 1 else text

    def mine(self, name: str) -> bool:
        """Return True if this job tracks the application. A hash of the name assigns each application to one job."""
        return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) % self.jobs == self.job - 1


def resolve(
    targets: Targets, selected: Iterable[str], visible: Mapping[str, Application], namespace: str
) -> dict[str, str]:
    """Map the full name of each requested application to the name of its parent, or to an empty string.

    Args:
        targets: the requested applications.
        selected: the full names of the applications that the selector matches.
        visible: every application that the token can see, by full name.
        namespace: Argo CD's own namespace, which completes a name without a namespace; empty while it is not known.
    """
    full = {name: name if "/" in name or not namespace else f"{namespace}/{name}" for name in targets.names}
    # While Argo CD's own namespace is unknown, a name without a namespace can mean any selected application of that
    # name. Remove these applications from the selection, so that the job tracks none of them twice.
    alone = {name for name in full.values() if "/" not in name}
    chosen = sorted(name for name in selected if name.partition("/")[2] not in alone)
    made = _made_by_sets(visible) if targets.children else {}
    meant: dict[str, None] = {}
    managers: dict[str, list[str]] = {}
    left = [*full.values(), *chosen][::-1]
    while left:
        name = left.pop()
        if name in meant:
            continue
        meant[name] = None
        if targets.children and (parent := visible.get(name)) is not None:
            for child in _children(parent, visible, made):
                managers.setdefault(child, []).append(name)
                left.append(child)
    met = {name: position for position, name in enumerate(meant)}
    parents_of: dict[str, str] = {}
    for name in meant:
        # If two applications manage each other, the one that was found first counts as the parent.
        above = (parent for parent in managers.get(name, ()) if parent != name)
        parents_of[name] = next(
            (parent for parent in above if met[parent] < met[name] or name not in _all(parent, managers)), ""
        )
    called = {name: name.removeprefix(f"{namespace}/") if namespace else name for name in meant}
    return {called[name]: called.get(above, "") for name, above in parents_of.items()}


def top(name: str, parents_of: Mapping[str, str]) -> str:
    """Return the topmost parent of the application, or the application itself if it has no parent.

    Args:
        name: the name of the application.
        parents_of: the parent of each application, by name; "" for an application without a parent.
    """
    while above := parents_of.get(name, ""):
        name = above
    return name


def _all(name: str, managers: Mapping[str, Sequence[str]]) -> Collection[str]:
    """Return all ancestors of the application: its parents, their parents, and so on."""
    parents: dict[str, None] = {}
    left = [name]
    while left:
        for parent in managers.get(left.pop(), ()):
            if parent not in parents:
                parents[parent] = None
                left.append(parent)
    return parents


def _children(
    parent: Application, applications: Mapping[str, Application], made: Mapping[str, Sequence[str]]
) -> list[str]:
    """Return the full names of the applications that the parent manages or that its ApplicationSets have created.

    Args:
        parent: the parent application.
        applications: every application that the token can see, by full name.
        made: the applications that each ApplicationSet has created, by the full name of the ApplicationSet.
    """
    children: list[str] = []
    for resource in parent.resources:
        if resource.group != "argoproj.io" or resource.requires_pruning:
            continue
        name = f"{resource.namespace or parent.namespace}/{resource.name}"
        if resource.kind == APPLICATION_SET:
            children += made.get(name, ())
        # If the token cannot see a child, the child counts as created only if the parent shows it as Synced. If it is
        # not Synced, it is possible that Argo CD has not created it yet.
        elif resource.kind == APPLICATION and (name in applications or resource.sync is SyncStatus.SYNCED):
            children.append(name)
    return sorted(children, reverse=True)


def _made_by_sets(applications: Mapping[str, Application]) -> dict[str, list[str]]:
    """Map the full name of each ApplicationSet to the names of the applications that it has created."""
    made: dict[str, list[str]] = {}
    for name, application in applications.items():
        for ref in application.owner_refs:
            if ref.kind == APPLICATION_SET:
                made.setdefault(ref.name, []).append(name)
    return made


def targets_of(settings: TargetSettings) -> Targets:
    """Return the applications that the settings request."""
    return Targets(
        names=settings.names,
        selector=settings.selector,
        project=settings.project,
        children=settings.children,
        has_expectations=bool(settings.expectations),
        count=ExpectedCount.parse(settings.expected_count),
        job=settings.node_index if settings.split else 1,
        jobs=settings.node_total if settings.split else 1,
    )
