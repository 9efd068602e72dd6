"""The settings as the wait needs them: what is expected of each application, and the grace periods."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from argocd_release.git.access import Access
from argocd_release.messages import job_log
from argocd_release.model.ports import ClusterView, Get, OwnerLookup, RevisionRelationLookup
from argocd_release.release.job_log import JobContext
from argocd_release.release.targets import targets_of
from argocd_release.settings.expectations_file import Expected
from argocd_release.settings.load import ExpectationSettings, PolicySettings, Settings, TargetSettings, expected_of
from argocd_release.timing.deadline import Phase
from argocd_release.verdict.expectation import Expectation, WaitCondition
from argocd_release.verdict.symptoms import GracePeriods
from argocd_release.watch.tracker import Tracker


@dataclass(frozen=True, kw_only=True)
class Policy:
    """How the applications of a job are tracked and judged."""

    settings: PolicySettings
    expected: Expected
    timeout: float
    #: When the job started, on the clock; the timeout is counted from it.
    started: float
    check: Callable[[], object]
    #: Compares revisions by the git history; None if no revision is expected.
    revision_relation: RevisionRelationLookup | None = None
    #: Asks Argo CD for a hard refresh; None if the settings turn that off.
    hard_refresh: Get | None = None
    #: Looks up the owners of applications; None if the settings turn that off.
    owners: OwnerLookup | None = None

    @property
    def graces(self) -> GracePeriods:
        settings = self.settings
        return GracePeriods(
            fail_fast=settings.fail_fast,
            failed_attempts=settings.failed_attempts,
            condition=settings.condition_grace,
            degraded=settings.degraded_grace,
            pods=settings.pod_grace,
            deleted=settings.deleted_grace,
            unreachable=settings.unreachable_grace,
            connect=settings.connect_grace,
            appear=settings.appear_timeout,
            expected=settings.expectation_grace,
            stuck=settings.stuck_grace,
            healing=settings.healing_grace,
        )

    @property
    def stops_early(self) -> bool:
        """True if the first failure ends the wait for all."""
        return self.settings.on_failure == "stop"

    def expectation(self, name: str) -> Expectation:
        """Return what is expected of the application."""
        return expectation(self.settings, self.expected.of(name))

    def tracker(self, name: str, *, cluster: ClusterView, **parts: Any) -> Tracker:
        """Return a tracker; ``parts`` are the arguments of ``Tracker`` that differ by application."""
        settings, own = self.settings, self.expectation(name)
        return Tracker(
            name,
            timeout=self.timeout,
            patience=self.graces,
            expectation=own,
            cluster=cluster if settings.pods_matter or own.image else None,
            revision_relation=self.revision_relation,
            sync=settings.sync,
            terminate=settings.terminate_old_sync,
            check=self.check,
            hard_refresh=self.hard_refresh,
            owners=self.owners,
            **parts,
        )


def policy_of(
    settings: Settings, context: JobContext, *, timeout: float, stack: ExitStack, hard_refresh: Get
) -> Policy:
    """Return the policy that the settings ask for; ``stack`` closes what it opens."""
    expected, relation = expected_of(settings.expectations), None
    if settings.revision or expected.asks_revisions:
        relation = _revision_relation(settings.git_access, context, stack)
    return Policy(
        settings=settings,
        expected=expected,
        timeout=timeout,
        started=context.deadline.started,
        check=context.stop.check,
        revision_relation=relation,
        hard_refresh=hard_refresh if settings.hard_refresh else None,
    )


def expectation(settings: ExpectationSettings | None, own: Mapping[str, Any] = MappingProxyType({})) -> Expectation:
    """Return what must be delivered, nothing if the settings are wrong; ``own`` replaces settings by field."""
    if settings is None:
        return Expectation()
    settings = replace(settings, **own)
    return Expectation(
        wait_for=frozenset(map(WaitCondition, settings.wait_for.replace(",", " ").split())),
        revision=settings.revision,
        exact=settings.revision_match == "exact",
        source=settings.source,
        image=settings.image,
        chart_version=settings.chart_version,
        allow_empty=settings.allow_empty,
    )


def expectation_words(settings: ExpectationSettings, path: str) -> str:
    """Return what must be delivered, in words; "" if nothing specific is expected."""
    of_all = expectation(settings).words
    if not path:
        return of_all
    others = of_all or job_log.NOTHING.fill()
    return job_log.EXPECTED_BY_APPLICATION.fill(file=path, others=others)


def target_words(settings: TargetSettings) -> str:
    """Return which applications the job waits for, in words."""
    return str(targets_of(settings))


def _revision_relation(access: Access, context: JobContext, stack: ExitStack) -> RevisionRelationLookup:
    # It loads dulwich, the slowest of all libraries. Most jobs compare no revisions.
    from argocd_release.git.history import GitHistories  # noqa: PLC0415

    histories = stack.enter_context(
        GitHistories(access, stop=context.stop, limit=context.deadline.phase(Phase.VERDICT))
    )
    relation: RevisionRelationLookup = histories.revision_relation
    return relation
