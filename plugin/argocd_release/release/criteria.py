"""What the settings say of a delivery: what is expected, and how long what is wrong is waited for."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from argocd_release.release.targets import targets_of
from argocd_release.settings.load import Settings
from argocd_release.verdict.expectation import Condition, Expectation
from argocd_release.verdict.graces import GracePeriods


def graces(known: Settings) -> GracePeriods:
    return GracePeriods(
        fail_fast=known.fail_fast,
        failed_attempts=known.failed_attempts,
        condition=known.condition_grace,
        degraded=known.degraded_grace,
        pods=known.pod_grace,
        deleted=known.deleted_grace,
        unreachable=known.unreachable_grace,
        connect=known.connect_grace,
        appear=known.appear_timeout,
        expected=known.expectation_grace,
        stuck=known.stuck_grace,
    )


def expectation(known: Settings | None, own: Mapping[str, Any] = MappingProxyType({})) -> Expectation:
    """What was to be delivered; nothing where the settings are wrong. ``own``: what one application has instead."""
    if known is None:
        return Expectation()
    known = replace(known, **own)
    return Expectation(
        wait_for=frozenset(map(Condition, known.wait_for.replace(",", " ").split())),
        revision=known.revision,
        exact=known.revision_match == "exact",
        source=known.source,
        image=known.image,
        chart_version=known.chart_version,
        allow_empty=known.allow_empty,
    )


def words(known: Settings) -> str:
    """What was to be delivered, in words; ``""``: nothing."""
    of_all = expectation(known).words
    if not known.expectations:
        return of_all
    return f"by application what {known.expectations} says; of all others {of_all or 'nothing'}"


def targets(known: Settings) -> str:
    """What is waited for, in words."""
    return str(targets_of(known))
