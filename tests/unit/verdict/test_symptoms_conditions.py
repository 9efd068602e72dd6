"""Test error conditions: a defect in the revision, an outage, or a health that cannot be read."""

from typing import Any

import pytest

from argocd_release.messages import causes
from argocd_release.messages.verdict import HEALTH_UNREADABLE
from argocd_release.model.outcome import Outcome, Verdict
from argocd_release.model.problem import CauseCode
from argocd_release.verdict.judge import judge
from argocd_release.verdict.symptom_history import SymptomHistory
from argocd_release.verdict.symptoms import GracePeriods, Symptom, ended_early
from tests.support.wording import is_from
from tests.unit.states import application

GRACES = GracePeriods(condition_grace=10, unreachable_grace=60)
LAYERS = "Failed to load target state: failed to generate manifest for source 1 of 1: rpc error: code = Unknown desc = "


def after(seconds: float, **parts: Any) -> Verdict:
    """Return the verdict on a state that has lasted for these seconds, and that was compared at each look."""
    state, history = application(**parts), SymptomHistory(graces=GRACES)
    for now in (0.0, seconds / 2, seconds):
        history = history.observe(state, now=now, compared=True)
    return judge(state, history)


def condition(message: str, kind: str = "ComparisonError") -> dict[str, Any]:
    return {"sync": "Unknown", "conditions": [{"type": kind, "message": message}]}


def test_a_template_that_speaks_of_networks_is_an_answer() -> None:
    said = "`helm template .` failed exit status 1: Error: execution error at (c/a.yaml:1:3): tls: connection refused"
    found = after(11, **condition(LAYERS + said))
    assert found.outcome is Outcome.SYNC_FAILED
    assert found.code is CauseCode.COMPARISON_ERROR


@pytest.mark.parametrize(
    ("message", "hint"),
    [
        (f"{LAYERS}`git fetch` failed timeout after 1m30s", causes.OUTAGES["UNREACHABLE"].format(target="git")),
        ("Failed to load live state: the server has asked for the client to provide credentials", causes.OUTAGES["CREDENTIAL"]),
        (f"{LAYERS}`helm pull oci://x` failed exit status 1: Error: toomanyrequests: wait", causes.OUTAGES["OVERLOADED"].format(target="the chart repository")),
        (f"{LAYERS}error creating temp dir: mkdir /tmp/a: no space left on device", causes.OUTAGES["DISK_FULL"]),
        ("Failed to load live state: conversion webhook for a/v1, Kind=A failed: Post: x", causes.OUTAGES["WEBHOOK"]),
        (
            'Failed to load live state: Get "https://10.0.0.1": tls: failed to verify certificate: x509: expired',
            causes.OUTAGES["CERTIFICATE"].format(target="the cluster"),
        ),
    ],
)  # fmt: skip
def test_an_outage_says_nothing_of_the_revision_and_its_hint_fits(message: str, hint: str) -> None:
    assert after(11, **condition(message)).outcome is None
    found = after(61, **condition(message))
    assert (found.outcome, found.code) == (Outcome.UNREACHABLE, CauseCode.CANNOT_COMPARE)
    assert found.hint == hint


UNREADABLE = 'error setting app health: failed to get resource health for "Widget" with name "a" in namespace "web": x'


def test_a_health_that_cannot_be_read_is_not_healthy_yet() -> None:
    """Argo CD ignores a resource whose health it cannot read, so the application can be Healthy nevertheless."""
    parts = {"sync": "Synced", "conditions": [{"type": "ComparisonError", "message": UNREADABLE}]}
    found = after(14, **parts)
    assert found.outcome is None
    assert is_from(found.reason, HEALTH_UNREADABLE)
    found = after(16, **parts)
    assert (found.outcome, found.code) == (Outcome.DEGRADED, CauseCode.HEALTH_UNREADABLE)
    assert UNREADABLE in found.reason


def test_a_health_script_that_speaks_of_networks_is_no_outage() -> None:
    said = f"{UNREADABLE}: dial tcp 10.0.0.1:1: connection refused"
    found = after(16, sync="Synced", conditions=[{"type": "ComparisonError", "message": said}])
    assert found.outcome is Outcome.DEGRADED


def test_each_early_end_has_a_reason() -> None:
    """The message of the other symptoms is the whole reason, because no wait can change a refusal."""
    clear = {Symptom.DELIVERED, Symptom.DENIED, Symptom.DENIED_MIDWAY, Symptom.MISSING_AT_START, Symptom.UNREADABLE}
    rules = GracePeriods().rules
    assert {symptom for symptom, rule in rules.items() if not ended_early(symptom, rule)} == clear
