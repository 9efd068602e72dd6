"""How each application of a job is tracked: what is expected of it, how long what is wrong may last, who is asked."""

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Protocol

from argocd_release.model.application import Source
from argocd_release.model.ports import ClusterView, Kinship
from argocd_release.model.revision import RevisionRelation
from argocd_release.model.verdict import Verdict
from argocd_release.release import criteria
from argocd_release.release.signals import Stop
from argocd_release.settings.expected import Expected
from argocd_release.settings.load import Settings
from argocd_release.timing.deadline import JobDeadline, Phase
from argocd_release.verdict.expectation import Expectation
from argocd_release.watch.tracker import Tracker


class Judged(Protocol):
    """An application of the job. ``verdict`` None: that of the job; ``seconds`` 0: as the job."""

    @property
    def name(self) -> str: ...
    @property
    def tracker(self) -> Tracker: ...
    @property
    def verdict(self) -> Verdict | None: ...
    @property
    def seconds(self) -> float: ...


class Watch(Protocol):
    """What a job waits for. ``several``: whether that is a set, which may well have one member."""

    several: bool

    @property
    def members(self) -> Sequence[Judged]: ...
    def wait(self) -> Verdict: ...


@dataclass(frozen=True, kw_only=True)
class Tracking:
    """Makes the trackers of a job. ``kinship``: None where no revision is expected."""

    known: Settings
    expected: Expected
    timeout: float
    kinship: Kinship | None
    check: Callable[[], object]

    def expectation(self, name: str) -> Expectation:
        """What is expected of the application."""
        return criteria.expectation(self.known, self.expected.of(name))

    def tracker(self, name: str, *, beneath: ClusterView, **parts: Any) -> Tracker:
        """A tracker of the application; ``parts``: what ``Tracker`` wants beside what all have in common."""
        known, wanted = self.known, self.expectation(name)
        return Tracker(
            name,
            timeout=self.timeout,
            patience=criteria.graces(known),
            expectation=wanted,
            beneath=beneath if known.pods_matter or wanted.image else None,
            kinship=self.kinship,
            sync=known.sync,
            check=self.check,
            **parts,
        )


def tracking(
    known: Settings, expected: Expected, *, timeout: float, deadline: JobDeadline, stop: Stop, stack: ExitStack
) -> Tracking:
    """How the job's applications are tracked; ``stack`` closes what that takes."""
    kinship = None
    if known.revision or expected.asks_revisions:
        kinship = _kinship(known, deadline, stop, stack)
    return Tracking(known=known, expected=expected, timeout=timeout, kinship=kinship, check=stop.check)


def _kinship(known: Settings, deadline: JobDeadline, stop: Stop, stack: ExitStack) -> Kinship:
    # A library that most runs do without, and the slowest to load.
    from argocd_release.git.history import Histories  # noqa: PLC0415

    histories = stack.enter_context(Histories(known.git_access, stop=stop, limit=deadline.phase(Phase.VERDICT)))
    one_by_one = threading.Lock()

    def kinship(revision: str, wanted: str, source: Source, /) -> RevisionRelation:
        with one_by_one:
            return histories.kinship(revision, wanted, source)

    return kinship
