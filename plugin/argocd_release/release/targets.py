"""Which applications a job waits for: names, a selector, a project, their children; and how many there must be."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Self

from argocd_release.model.application import Application
from argocd_release.settings.load import Settings


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
        return f"{'at least ' if self.at_least else ''}{self.number}"

    def few(self, count: int) -> bool:
        """Whether more are needed."""
        return count < self.number

    def many(self, count: int) -> bool:
        """Whether there are more than there may be."""
        return count > self.number and not self.at_least


@dataclass(frozen=True, kw_only=True)
class Targets:
    """What was asked for. ``selector``, ``project``: ``""`` if not given; ``job`` of ``jobs``, from 1."""

    names: tuple[str, ...]
    selector: str = ""
    project: str = ""
    children: bool = False
    count: ExpectedCount = ExpectedCount(number=1, at_least=True)
    job: int = 1
    jobs: int = 1

    @property
    def one(self) -> str:
        """The name, where it is one application and can never be more; else ``""``."""
        several = self.selector or self.project or self.children or self.jobs > 1 or len(self.names) != 1
        return "" if several or self.count.number != 1 else self.names[0]

    @property
    def selects(self) -> bool:
        """Whether Argo CD is to be asked which applications there are."""
        return bool(self.selector or self.project)

    def __str__(self) -> str:
        parts = [", ".join(self.names)] if self.names else []
        if self.selects:
            chosen = {"selector": self.selector, "project": self.project}
            parts.append(" in ".join(f"{word} {text}" for word, text in chosen.items() if text))
        return " and ".join(parts) + (", with their children" if self.children else "")

    def mine(self, name: str) -> bool:
        """Whether the application falls to this job; of all jobs to exactly one, whichever others there are."""
        return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) % self.jobs == self.job - 1


def read_names(text: str) -> tuple[str, ...]:
    """Names that are separated by commas, spaces or lines, each once."""
    return tuple(dict.fromkeys(text.replace(",", " ").split()))


def resolve(targets: Targets, selected: Iterable[Application], known: Mapping[str, Application]) -> tuple[str, ...]:
    """The names of all that is meant, those that were given as they were given; each application once.

    ``selected``: what the selector gave; ``known``: every application that can be seen, by full name. Of children that
    cannot be seen only the name is known.
    """
    short: dict[str, str] = {}
    for full in sorted(known, reverse=True):
        short[known[full].name] = full
    seen: dict[str, str] = {}
    left = [*targets.names, *sorted(each.full_name for each in selected)][::-1]
    while left:
        name = left.pop()
        full = name if name in known else short.get(name, name)
        # Applications that manage each other end the search.
        if full in seen:
            continue
        seen[full] = name
        if targets.children and (parent := known.get(full)) is not None:
            left += sorted(_children(parent), reverse=True)
    return tuple(seen.values())


def _children(parent: Application) -> Iterator[str]:
    for each in parent.resources:
        if (each.group, each.kind) == ("argoproj.io", "Application"):
            yield f"{each.namespace or parent.namespace}/{each.name}"


def targets_of(known: Settings) -> Targets:
    """What the settings ask for."""
    return Targets(
        names=read_names(known.app_name),
        selector=known.selector,
        project=known.project,
        children=known.children,
        count=ExpectedCount.parse(known.expected_count),
        job=known.node_index if known.split else 1,
        jobs=known.node_total if known.split else 1,
    )
