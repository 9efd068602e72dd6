"""Which applications a job waits for: names, a selector, a project, their children; and how many there must be."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

from argocd_release.core.text import counted
from argocd_release.messages import watch as texts
from argocd_release.model.application import Application, SyncStatus
from argocd_release.model.observation import APPLICATION, APPLICATION_SET
from argocd_release.settings.load import TargetSettings

# So many applications are read one by one. A read costs this job 1.4 ms of CPU time and a few kilobytes. A list costs
# 0.15 ms and the same kilobytes for every application of the server: ten reads are cheaper from 100 applications on.
FEW_NAMES: Final = 10


@dataclass(frozen=True, kw_only=True)
class ExpectedCount:
    """How many applications there must be: exactly ``number``, or at least that many."""

    number: int
    at_least: bool

    @classmethod
    def parse(cls, text: str) -> Self:
        """``12`` is exact, ``12+`` a minimum, and nothing is one at least."""
        return cls(number=int(text.rstrip("+") or 1), at_least=text.endswith("+") or not text)

    def __str__(self) -> str:
        applications = counted(self.number, "application")
        return texts.AT_LEAST.fill(applications=applications) if self.at_least else applications

    def few(self, count: int) -> bool:
        """Return True if more applications are needed."""
        return count < self.number

    def many(self, count: int) -> bool:
        """Return True if there are too many applications."""
        return count > self.number and not self.at_least


@dataclass(frozen=True, kw_only=True)
class Targets:
    """The requested applications. ``selector`` and ``project`` can be empty. ``job`` of ``jobs`` counts from 1."""

    names: tuple[str, ...]
    selector: str = ""
    project: str = ""
    children: bool = False
    #: True if each application has an expectation of its own.
    apart: bool = False
    count: ExpectedCount = ExpectedCount(number=1, at_least=True)
    job: int = 1
    jobs: int = 1

    @property
    def one(self) -> str:
        """The name, where it is one application and can never be more; else ``""``."""
        several = self.selects or self.children or self.apart or self.jobs > 1 or len(self.names) != 1
        return "" if several or self.count.number != 1 else self.names[0]

    @property
    def read_one_by_one(self) -> bool:
        """Return True if each application is read by itself. Otherwise each poll requests one list of all.

        Names that can mean the same application need the list, which shows Argo CD's own namespace.
        """
        plain = {name.rpartition("/")[2] for name in self.names}
        few = 0 < len(self.names) == len(plain) <= FEW_NAMES
        return few and not (self.selects or self.children)

    @property
    def selects(self) -> bool:
        """Return True if Argo CD must list the applications."""
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
        """Return True if this job tracks the application. Exactly one of all jobs does, whatever the others track."""
        return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) % self.jobs == self.job - 1


def resolve(
    targets: Targets, selected: Iterable[str], known: Mapping[str, Application], namespace: str
) -> dict[str, str]:
    """Return the full name of each requested application, with the name of its parent or an empty string.

    Args:
        targets: the requested applications.
        selected: the full names that the selector returned.
        known: every application that the token can see, by full name.
        namespace: Argo CD's own namespace, where a name alone is enough; empty while it is not known.
    """
    full = {name: name if "/" in name or not namespace else f"{namespace}/{name}" for name in targets.names}
    # Which of the selected a name alone means shows later.
    alone = {name for name in full.values() if "/" not in name}
    chosen = sorted(each for each in selected if each.partition("/")[2] not in alone)
    made = _made_by_sets(known) if targets.children else {}
    meant: dict[str, None] = {}
    managers: dict[str, list[str]] = {}
    left = [*full.values(), *chosen][::-1]
    while left:
        name = left.pop()
        if name in meant:
            continue
        meant[name] = None
        if targets.children and (parent := known.get(name)) is not None:
            for child in _children(parent, known, made):
                managers.setdefault(child, []).append(name)
                left.append(child)
    met = {name: position for position, name in enumerate(meant)}
    under: dict[str, str] = {}
    for name in meant:
        # If applications manage each other, the one that was found first is the parent.
        above = (each for each in managers.get(name, ()) if each != name)
        under[name] = next((each for each in above if met[each] < met[name] or name not in _all(each, managers)), "")
    called = {name: name.removeprefix(f"{namespace}/") if namespace else name for name in meant}
    return {called[name]: called.get(above, "") for name, above in under.items()}


def top(name: str, under: Mapping[str, str]) -> str:
    """Return the application at the root of this one's parents, or itself."""
    while above := under.get(name, ""):
        name = above
    return name


def _all(name: str, managers: Mapping[str, Sequence[str]]) -> Collection[str]:
    """Return the parents of the application, their parents, and so on."""
    found: dict[str, None] = {}
    left = [name]
    while left:
        for each in managers.get(left.pop(), ()):
            if each not in found:
                found[each] = None
                left.append(each)
    return found


def _children(
    parent: Application, applications: Mapping[str, Application], made: Mapping[str, Sequence[str]]
) -> list[str]:
    """Return the applications that the parent manages, and those that its ApplicationSets have made.

    Args:
        parent: the application.
        applications: every application that the token can see, by full name.
        made: the applications of each ApplicationSet, by its full name.
    """
    children: list[str] = []
    for resource in parent.resources:
        if resource.group != "argoproj.io" or resource.requires_pruning:
            continue
        name = f"{resource.namespace or parent.namespace}/{resource.name}"
        if resource.kind == APPLICATION_SET:
            children += made.get(name, ())
        # One that is neither seen nor Synced is still to be created; one that is Synced is there, and not to be seen.
        elif resource.kind == APPLICATION and (name in applications or resource.sync is SyncStatus.SYNCED):
            children.append(name)
    return sorted(children, reverse=True)


def _made_by_sets(applications: Mapping[str, Application]) -> dict[str, list[str]]:
    """Return the applications of each ApplicationSet, by the set's full name."""
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
        apart=bool(settings.expectations),
        count=ExpectedCount.parse(settings.expected_count),
        job=settings.node_index if settings.split else 1,
        jobs=settings.node_total if settings.split else 1,
    )
