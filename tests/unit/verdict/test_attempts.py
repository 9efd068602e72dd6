"""Test the failed attempts of a sync: which of them count, and which can heal without a change in git."""

from dataclasses import replace
from typing import Any

import pytest

from argocd_release.messages import causes
from argocd_release.messages import verdict as texts
from argocd_release.model.outcome import Outcome, Verdict
from argocd_release.model.problem import CauseCode
from argocd_release.verdict.attempts import Healing, healing
from argocd_release.verdict.judge import judge
from argocd_release.verdict.symptom_history import SymptomHistory
from argocd_release.verdict.symptoms import GracePeriods
from tests.unit.states import application

WEBHOOK = (
    'Internal error occurred: failed calling webhook "validate.example.com": failed to call webhook: Post '
    '"https://webhook.example.svc:443/validate?timeout=10s": dial tcp 10.0.0.1:443: connect: connection refused'
)
INVALID = 'Deployment.apps "web" is invalid: spec.replicas: Invalid value: -2: must be greater than or equal to 0'


def failed(message: str, **more: Any) -> dict[str, Any]:
    return {"group": "apps", "kind": "Deployment", "namespace": "web", "name": "web", "status": "SyncFailed", "message": message} | more  # fmt: skip


@pytest.mark.parametrize(
    ("message", "awaited"),
    [
        # Messages of kubernetes v1.31.0 in gitops-engine; argo-cd v2.13.2 util/argo/argo.go; cert-manager#4453.
        (WEBHOOK, Healing.WEBHOOK),
        ('failed calling webhook "webhook.cert-manager.io": context deadline exceeded', Healing.WEBHOOK),
        ('Internal error occurred: failed calling webhook "a.b.c": failed to call webhook: Post "https://a": x509: certificate signed by unknown authority', Healing.WEBHOOK),
        ('configmaps "a" is forbidden: unable to create new content in namespace web because it is being terminated', Healing.TERMINATING),
        ('object is being deleted: configmaps "a" already exists', Healing.TERMINATING),
        ('The Kubernetes API could not find example.com/Widget for requested resource web/a. Make sure the "Widget" CRD is installed on the destination cluster.', Healing.KIND),
        ('The Kubernetes API could not find version "v1" of example.com/Widget for requested resource web/a. Version "v1beta1" of example.com/Widget is installed on the destination cluster.', Healing.KIND),
        ('resource mapping not found for name: "a" namespace: "web" from "/dev/shm/1": no matches for kind "Widget" in version "example.com/v1"\nensure CRDs are installed first', Healing.KIND),
        ("the server could not find the requested resource", Healing.KIND),
        ('namespaces "other" not found', Healing.NAMESPACE),
        ('Operation cannot be fulfilled on deployments.apps "web": the object has been modified; please apply your changes to the latest version and try again', Healing.CONFLICT),
        ('pods "a" is forbidden: status unknown for quota: all, resources: pods', Healing.NOT_READY),
        ('pods "a" is forbidden: error looking up service account web/default: serviceaccount "default" not found', Healing.NOT_READY),
        ("etcdserver: leader changed", Healing.OUTAGE),
        ("etcdserver: request timed out", Healing.OUTAGE),
        ("the server is currently unable to handle the request", Healing.OUTAGE),
        ("Timeout: request did not complete within requested timeout - context deadline exceeded", Healing.OUTAGE),
        ('Get "https://10.0.0.1:6443/api?timeout=32s": dial tcp 10.0.0.1:6443: connect: connection refused', Healing.OUTAGE),
        ("Failed to write manifest: write /dev/shm/1: no space left on device", Healing.OUTAGE),
        # The API server or a webhook has rejected the object, so the rest of the message does not matter.
        (INVALID, None),
        ('Deployment.apps "web" is invalid: a: Invalid value: "failed calling webhook \\"x\\": connection refused": no', None),
        ('admission webhook "a.b.c" denied the request: failed calling webhook "x": etcdserver: leader changed', None),
        ("ValidatingAdmissionPolicy 'a' with binding 'b' denied request: namespace web is being terminated", None),
        ('pods "a" is forbidden: exceeded quota: all, requested: pods=1, used: pods=0, limited: pods=0', None),
        ('pods "a" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false', None),
        ('pods "a" is forbidden: error looking up service account web/deployer: serviceaccount "deployer" not found', None),
        ('deployments.apps "timeout" is forbidden: User "system:serviceaccount:argocd:a" cannot patch resource "deployments" in API group "apps" in the namespace "web"', None),
        ("resource apps:Deployment is not permitted in project timeout", None),
        ("Job has reached the specified backoff limit", None),
        ("", None),
    ],
)  # fmt: skip
def test_what_a_failure_waits_for(message: str, awaited: Healing | None) -> None:
    assert healing(message) is awaited


class Looks:
    """Successive looks at one application."""

    def __init__(self, **graces: Any) -> None:
        self.history = SymptomHistory(graces=GracePeriods(**graces))

    def __call__(self, now: float, *, running: bool = False, **parts: Any) -> Verdict:
        state = application(**{"sync": "OutOfSync", "health": "Missing", "phase": "Running"} | parts)
        if running and state.operation is not None:
            state = replace(state, operation=replace(state.operation, finished_at=""))
        self.history = self.history.observe(state, now=now, compared=True)
        return judge(state, self.history)


def test_attempts_that_wait_for_something_do_not_count() -> None:
    look = Looks()
    for now, retries in ((0, 1), (6, 2), (20, 3), (45, 4)):
        assert look(now, retries=retries, results=[failed(WEBHOOK)]).outcome is None
        # The next attempt is running. Argo CD keeps the results of the previous one.
        assert look(now + 4, retries=retries, results=[failed(WEBHOOK)], running=True).outcome is None
    found = look(60, retries=4, results=[failed(WEBHOOK)])
    assert (found.outcome, found.code) == (Outcome.SYNC_FAILED, CauseCode.WEBHOOK_FAILED)
    assert texts.AWAITED["WEBHOOK"].text in found.reason
    assert found.hint == texts.HEALS_WHILE_RETRYING.fill_hint(
        remedy=texts.AWAITED["WEBHOOK"].hint, application="argocd/web"
    )


def test_what_cannot_heal_counts_as_before() -> None:
    look = Looks()
    assert look(0, retries=1, results=[failed(INVALID)]).outcome is None
    found = look(5, retries=2, results=[failed(INVALID)])
    assert (found.outcome, found.code) == (Outcome.SYNC_FAILED, CauseCode.MANIFEST_REJECTED)
    assert found.hint == causes.SYMPTOM_HINTS["ATTEMPTS_FAILED"]


def test_a_new_commit_need_not_wait_for_the_last_attempt_if_each_attempt_takes_the_latest() -> None:
    look = Looks()
    state = application(sync="OutOfSync", health="Missing", phase="Running", retries=2, results=[failed(INVALID)])
    assert state.operation is not None
    operation = replace(state.operation, retry=replace(state.operation.retry, refreshes=True))
    look.history = look.history.observe(replace(state, operation=operation), now=0, compared=True)
    hint = judge(state, look.history).hint
    assert hint == texts.ATTEMPTS.hint
    assert "only after" not in hint


def test_one_failure_that_cannot_heal_is_enough() -> None:
    look = Looks()
    both = [failed(WEBHOOK), failed(INVALID, name="other")]
    look(0, retries=1, results=both)
    assert look(5, retries=2, results=both).outcome is Outcome.SYNC_FAILED


def test_only_attempts_that_count_are_counted() -> None:
    """The webhook responds again only after two attempts. These two do not show if the manifests are valid."""
    look = Looks()
    look(0, retries=2, results=[failed(WEBHOOK)])
    assert look(6, retries=3, results=[failed(INVALID)]).outcome is None
    assert look(16, retries=4, results=[failed(INVALID)]).outcome is Outcome.SYNC_FAILED


def test_an_attempt_that_gets_further_begins_the_grace_anew() -> None:
    """A hook can run for a long time after the awaited event."""
    look = Looks()
    look(0, retries=1, results=[failed(WEBHOOK)])
    assert look(30, retries=1, results=[failed("created", status="Synced")], running=True).outcome is None
    assert look(100, retries=1, results=[failed("created", status="Synced")], running=True).outcome is None
    assert look(110, retries=2, results=[failed(WEBHOOK)]).outcome is None


def test_another_operation_begins_anew() -> None:
    look = Looks()
    look(0, retries=1, results=[failed(INVALID)])
    look(5, phase="Succeeded", sync="Synced", health="Healthy")
    assert look(10, retries=1, results=[failed(INVALID)]).outcome is None


def test_a_hook_that_ran_waits_for_nothing_whatever_its_program_said() -> None:
    look = Looks()
    hook = failed(WEBHOOK, kind="Job", status="Synced", hookPhase="Failed", hookType="PreSync")
    look(0, retries=1, results=[hook])
    assert look(10, retries=2, results=[hook]).outcome is Outcome.SYNC_FAILED


def test_an_operation_that_could_not_compare_waits_too() -> None:
    look = Looks()
    said = "ComparisonError: Failed to load target state: rpc error: code = Unavailable desc = connection error"
    for now, retries in ((0, 1), (10, 2), (30, 3)):
        state = application(sync="OutOfSync", phase="Running", retries=retries)
        operation = replace(state.operation, message=said) if state.operation else None
        look.history = look.history.observe(replace(state, operation=operation), now=now, compared=True)
        assert judge(state, look.history).outcome is None


def test_a_sync_that_has_ended_says_that_argo_cd_does_not_repeat_it() -> None:
    look = Looks()
    look(0, phase="Failed", results=[failed(WEBHOOK)])
    found = look(1, phase="Failed", results=[failed(WEBHOOK)])
    assert (found.outcome, found.code) == (Outcome.SYNC_FAILED, CauseCode.WEBHOOK_FAILED)
    assert found.hint == texts.HEALS_AFTER_SYNC.fill_hint(
        remedy=texts.AWAITED["WEBHOOK"].hint, application="argocd/web"
    )


def test_a_webhook_that_has_failed_needs_another_sync() -> None:
    """Kubernetes does not create the object by itself, because the sync has not created its owner."""
    look = Looks()
    both = [failed(WEBHOOK), failed(INVALID, name="other")]
    look(0, phase="Failed", results=both)
    found = look(1, phase="Failed", results=both)
    assert found.code is CauseCode.WEBHOOK_FAILED
    assert "sync again" in found.hint
    assert "Kubernetes" not in found.hint


def test_zero_turns_the_grace_off() -> None:
    look = Looks(healing_grace=0)
    look(0, retries=1, results=[failed(WEBHOOK)])
    assert look(500, retries=5, results=[failed(WEBHOOK)]).outcome is None
