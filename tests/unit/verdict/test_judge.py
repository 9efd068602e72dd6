from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argocd_release.messages import Message, reports
from argocd_release.messages import verdict as texts
from argocd_release.messages.verdict import DIVERGED, NO_ADDRESS, NO_LOAD_BALANCER, NO_VOLUME, OTHER_REVISION
from argocd_release.model.application import Application, HealthStatus, OperationPhase, SyncStatus
from argocd_release.model.errors import FailureKind
from argocd_release.model.git import Deployment, Relation, RevisionRelation, Source
from argocd_release.model.observation import Failure, SyncWindow
from argocd_release.model.outcome import Outcome, Verdict
from argocd_release.model.problem import CauseCode, ResourceRef, Subject
from argocd_release.model.resource_tree import Failing, Workloads
from argocd_release.verdict.blockers import DELETING, unhealthy
from argocd_release.verdict.expectation import Expectation, WaitCondition
from argocd_release.verdict.judge import judge
from argocd_release.verdict.symptom_history import SymptomHistory
from argocd_release.verdict.symptoms import GracePeriods, Symptom
from tests.support.wording import fields_of, is_from
from tests.unit.states import NEW, OLD, application, failing

Seen = Application | Failure
WINDOW = SyncWindow(windows="deny * * * * * for 1h")
GONE = Failure(kind=FailureKind.MISSING, message="no such application")
DOWN = Failure(kind=FailureKind.UNREACHABLE, message="connection refused")
FAILED = {"results": [{"kind": "Deployment", "name": "web", "status": "SyncFailed", "message": "is invalid"}]}


def look(
    *looks: tuple[float, Seen],
    graces: GracePeriods = GracePeriods(),
    expectation: Expectation = Expectation(),
) -> Verdict:
    """Return the verdict after looks at these seconds. Each application counts as compared with git."""
    history, verdict = SymptomHistory(graces=graces, expectation=expectation), None
    for now, seen in looks:
        history = history.observe(seen, now=now, compared=isinstance(seen, Application))
        verdict = judge(seen, history)
    assert verdict is not None
    return verdict


def twice(**parts: Any) -> Verdict:
    state = application(**parts)
    return look((0, state), (0.5, state))


def only(*conditions: WaitCondition) -> Expectation:
    return Expectation(wait_for=frozenset(conditions))


def test_delivered_takes_two_looks() -> None:
    assert look((0, application())).outcome is None
    assert twice().outcome is Outcome.DELIVERED


def test_without_a_comparison_nothing_is_delivered() -> None:
    history = SymptomHistory()
    for now in (0, 1, 2):
        history = history.observe(application(), now=now, compared=False)
        verdict = judge(application(), history)
        assert verdict.outcome is None
        assert (verdict.code, verdict.reason) == (CauseCode.NOT_COMPARED, texts.NOT_COMPARED.text)


@pytest.mark.parametrize(
    ("parts", "code", "reason"),
    [
        ({"sync": "OutOfSync", "operated": OLD}, CauseCode.OUT_OF_SYNC, "OutOfSync: Deployment/web"),
        ({"sync": "OutOfSync"}, CauseCode.OUT_OF_SYNC, f"OutOfSync: Deployment/web{texts.WHY_SYNCED_ALREADY}"),
        ({"sync": None, "health": None, "phase": None}, CauseCode.OUT_OF_SYNC, "Unknown: Deployment/web"),
        ({"health": "Progressing"}, CauseCode.UNHEALTHY, "Progressing: Deployment/web 0 of 1 updated replicas"),
        ({"health": "Missing"}, CauseCode.UNHEALTHY, "Missing: Deployment/web 0 of 1 updated replicas"),
        ({"health": "Suspended"}, CauseCode.UNHEALTHY, "Suspended: Deployment/web 0 of 1 updated replicas"),
        ({"health": "Frozen"}, CauseCode.UNHEALTHY, "Unknown: Deployment/web 0 of 1 updated replicas"),
        ({"phase": "Running"}, CauseCode.SYNC_RUNNING, texts.SYNC_RUNS_BECAUSE),
        ({"phase": "Terminating"}, CauseCode.SYNC_RUNNING, texts.SYNC_RUNS_BECAUSE),
        ({"operation": {"sync": {}}}, CauseCode.SYNC_RUNNING, texts.SYNC_STARTS),
        ({"phase": "Running", "operated": OLD}, CauseCode.SYNC_BUSY, texts.OTHER_SYNC),
        ({"reconciledAt": "2026-01-01T00:00:04Z"}, CauseCode.NOT_COMPARED, texts.NOT_COMPARED_AFTER_SYNC),
        ({"resources": []}, CauseCode.NOTHING_MANAGED, texts.EMPTY),
    ],
)  # fmt: skip
def test_what_is_missing_is_named(parts: dict[str, Any], code: CauseCode, reason: Message | str) -> None:
    verdict = twice(**parts)
    assert (verdict.outcome, verdict.code) == (None, code)
    assert is_from(verdict.reason, reason)


def test_no_operation_at_all_can_be_delivered() -> None:
    assert twice(phase=None).outcome is Outcome.DELIVERED


def test_a_failed_operation_takes_one_more_look() -> None:
    state = application(sync="OutOfSync", phase="Failed", **FAILED)
    assert look((0, state)).outcome is None
    verdict = look((0, state), (1, state))
    assert verdict == Verdict(
        outcome=Outcome.SYNC_FAILED, reason=verdict.reason, hint=verdict.hint,
        code=CauseCode.MANIFEST_REJECTED, subject=Subject.of(state.results[0]),
        ended_early=reports.ENDED_BECAUSE_OF["OPERATION_FAILED"],
    )  # fmt: skip


def test_a_failed_operation_although_synced_and_healthy() -> None:
    """A PostSync hook can fail after the application became Healthy."""
    assert twice(phase="Failed").outcome is Outcome.SYNC_FAILED


def test_the_failure_of_another_revision_is_history_only_while_a_newer_sync_is_to_come() -> None:
    """A Synced application gets no newer sync.

    If the failure did not count, a commit to any other folder would hide it.
    """
    synced = twice(phase="Failed", operated=OLD)
    assert synced.outcome is Outcome.SYNC_FAILED
    assert synced.reason.endswith(texts.LAST_SYNC.fill(revisions=OLD[:7]))
    assert twice(phase="Failed", operated=OLD, sync="OutOfSync").outcome is None
    assert twice(phase="Failed", operated=OLD, operation={"sync": {}}).outcome is None


def last(state: Application, **operation: Any) -> Application:
    """Return the state with these changes to its last operation."""
    assert state.operation is not None
    return replace(state, operation=replace(state.operation, **operation))


def again(state: Application, **how: Any) -> Verdict:
    return look((0, state), (1, state), **how)


TAG, COMMIT = "7a9" + 37 * "0", "c0ffee" + 34 * "0"


@pytest.mark.parametrize(
    ("compared", "asked", "found"),
    [
        # The revision is an annotated tag. The manifests were rendered again, or came from the cache.
        ((TAG,), (TAG,), (COMMIT,)),
        ((TAG,), (TAG,), (TAG,)),
        # The revision is an abbreviated commit.
        ((COMMIT[:8],), (COMMIT[:8],), (COMMIT,)),
        ((COMMIT[:8],), (), (COMMIT,)),
        ((TAG, "1.2.3"), (TAG, "1.2.3"), (COMMIT, "1.2.3")),
        # The operation names no revision, so it cannot be said to be of another one.
        ((COMMIT,), (), ()),
    ],
)
@pytest.mark.parametrize("sync", ["Synced", "OutOfSync"])
def test_a_failed_operation_of_this_revision_by_another_name(
    compared: tuple[str, ...], asked: tuple[str, ...], found: tuple[str, ...], sync: str
) -> None:
    state = last(replace(application(sync=sync, phase="Failed"), revisions=compared), requested=asked, revisions=found)
    verdict = again(state)
    assert verdict.outcome is Outcome.SYNC_FAILED
    assert not is_from(verdict.reason, f"{{reason}}{texts.LAST_SYNC.text}")


@pytest.mark.parametrize("found", [("1.2.30",), (COMMIT, "1.2.3"), ("1.2",), ("c0ffee",)])
def test_what_only_looks_alike_is_another_revision(found: tuple[str, ...]) -> None:
    for compared in (("1.2.3",), (COMMIT,)):
        state = last(replace(application(sync="OutOfSync", phase="Failed"), revisions=compared), revisions=found)
        assert again(state).outcome is None


def test_attempts_of_an_annotated_tag_count() -> None:
    running = application(sync="OutOfSync", phase="Running", retries=2, **FAILED)
    state = last(replace(running, revisions=(TAG,)), requested=(TAG,), revisions=(COMMIT,))
    assert again(state).outcome is Outcome.SYNC_FAILED


def test_a_failure_with_other_parameters() -> None:
    state = last(replace(application(sync="OutOfSync", phase="Failed"), parameters=("new",)), parameters=("old",))
    assert again(state).outcome is None
    synced = again(replace(state, sync=SyncStatus.SYNCED))
    assert synced.outcome is Outcome.SYNC_FAILED
    assert synced.reason.endswith(texts.LAST_SYNC.fill(revisions=texts.OTHER_PARAMETERS))


SOURCES = (Source(repo_url="https://git.example.com/web"), Source(repo_url="https://git.example.com/values"))
NEVER = Deployment(revisions=(OLD,), parameters=())
SINCE = Deployment(revisions=(NEW,), parameters=())


@pytest.mark.parametrize("phase", ["Succeeded", "Failed", "Error"])
def test_a_dry_run_says_nothing(phase: str) -> None:
    state = last(application(phase=phase, reconciledAt="2026-01-01T00:00:04Z"), dry_run=True)
    assert again(state).outcome is Outcome.DELIVERED
    assert again(replace(state, deployed=SINCE)).outcome is Outcome.DELIVERED
    hidden = again(replace(state, deployed=NEVER))
    assert hidden.outcome is None
    assert is_from(hidden.reason, texts.DRY_RUN_HIDES)


def test_a_dry_run_that_runs_is_waited_for() -> None:
    state = last(application(phase="Running"), dry_run=True)
    assert again(state) == Verdict(outcome=None, reason=texts.DRY_RUN_RUNS.text, code=CauseCode.SYNC_RUNNING)


def test_what_is_being_deleted_is_not_delivered() -> None:
    state = replace(application(), deleting=True)
    assert again(state) == Verdict.on(DELETING, None)
    assert look((0, state), (10, state)).outcome is Outcome.MISSING


WITHOUT_SYNC = (WaitCondition.HEALTH, WaitCondition.OPERATION)
PRUNE = {"resources": [{"kind": "ConfigMap", "name": "old", "status": "OutOfSync", "requiresPruning": True}]}


@pytest.mark.parametrize(
    ("state", "delivered"),
    [
        (application(sync="OutOfSync"), True),
        (replace(application(sync="OutOfSync", phase=None), deployed=SINCE), True),
        # The revision was synced, and then a single resource was synced, or a dry run was made.
        (replace(last(application(sync="OutOfSync"), partial=True), deployed=SINCE), True),
        (replace(last(application(sync="OutOfSync"), dry_run=True), deployed=SINCE), True),
        (last(application(sync="OutOfSync"), partial=True), False),
        (last(application(sync="OutOfSync"), dry_run=True), False),
        (replace(application(sync="OutOfSync"), parameters=("new",), deployed=Deployment(revisions=(NEW,), parameters=("old",))), True),
        (replace(last(application(sync="OutOfSync"), parameters=("old",)), parameters=("new",), deployed=Deployment(revisions=(NEW,), parameters=("old",))), False),
        (application(sync="OutOfSync", operated=OLD), False),
        (replace(application(sync="OutOfSync", operated=OLD, phase="Failed"), deployed=SINCE), False),
        # Argo CD has nothing left to sync.
        (application(operated=OLD), True),
        (application(sync="OutOfSync", operated=OLD, **PRUNE), True),
    ],
)  # fmt: skip
def test_where_out_of_sync_is_good_enough_the_revision_must_have_been_synced(
    state: Application,
    delivered: bool,  # noqa: FBT001
) -> None:
    verdict = again(state, expectation=only(*WITHOUT_SYNC))
    assert (verdict.outcome is Outcome.DELIVERED) == delivered, verdict
    wanted = replace(only(WaitCondition.HEALTH), revision=NEW)
    if not (state.operation and state.operation.unsuccessful):
        assert (again(state, expectation=wanted).outcome is Outcome.DELIVERED) == delivered


def test_a_later_revision_that_fails_is_named_and_not_taken_for_the_expected_one() -> None:
    later = replace(
        application(sync="OutOfSync", phase="Failed", **FAILED),
        revision_relations={NEW: RevisionRelation(relation=Relation.DESCENDANT, commits=1)},
    )
    wanted = Expectation(revision="deadbeef")
    verdict = again(later, expectation=wanted)
    assert (verdict.outcome, verdict.delivered_by) == (Outcome.SYNC_FAILED, "")
    fields = fields_of(verdict.reason, texts.OF_LATER_REVISION)
    assert fields is not None
    assert (fields["later"][:7], fields["expected"]) == (NEW[:7], "deadbee")
    after = replace(later, deployed=Deployment(revisions=("deadbeef" + 32 * "0",), parameters=()))
    verdict = again(after, expectation=wanted)
    assert (verdict.outcome, verdict.delivered_by) == (Outcome.NOT_DELIVERED, "")
    assert verdict.code is CauseCode.SUPERSEDED
    fields = fields_of(verdict.reason, texts.SUPERSEDED)
    assert fields is not None
    assert (fields["later"][:7], fields["expected"]) == (NEW[:7], "deadbee")
    unwell = replace(after, health=HealthStatus.DEGRADED)
    assert again(unwell, expectation=wanted).outcome is Outcome.SYNC_FAILED


@pytest.mark.parametrize("relation", [Relation.OLDER, Relation.DIVERGED])
@pytest.mark.parametrize(
    "parts",
    [
        {"sync": "OutOfSync", "phase": "Failed"},
        {"phase": "Failed"},
        {"health": "Degraded"},
        {"resources": []},
        {"sync": "OutOfSync"},
        {"sync": "OutOfSync", "phase": None, "conditions": [{"type": "SyncError", "message": "x"}]},
    ],
)
def test_what_ails_a_revision_before_the_expected_one_is_no_news(relation: Relation, parts: dict[str, Any]) -> None:
    state = replace(application(**parts), revision_relations={NEW: RevisionRelation(relation=relation)})
    wanted = Expectation(revision="deadbeef")
    assert look((0, state), (29, state), expectation=wanted).outcome is None
    assert look((0, state), (30, state), expectation=wanted).outcome is Outcome.NOT_DELIVERED
    # A revision whose relation is unknown can be the expected one, so it counts as that.
    unknown = replace(state, revision_relations={NEW: RevisionRelation(relation=Relation.UNKNOWN)})
    assert look((0, unknown), (60, unknown), expectation=wanted).outcome is not None


@pytest.mark.parametrize(
    ("state", "stuck"),
    [
        (application(sync="OutOfSync"), True),
        (last(application(sync="OutOfSync"), dry_run=True), True),
        (application(sync="OutOfSync", operated=OLD, **PRUNE), True),
        (replace(application(sync="OutOfSync"), self_heal=True), False),
        (replace(application(sync="OutOfSync", operated=OLD, **PRUNE), prune=True), False),
        (replace(application(sync="OutOfSync"), automated=False), False),
        (replace(application(sync="OutOfSync"), sync_window=WINDOW), False),
        (replace(application(sync="OutOfSync"), parameters=("new",), operation=None), False),
        (application(sync="OutOfSync", operated=OLD), False),
        # Before version 3.2, Argo CD does not always sync an application with several sources by itself.
        (replace(application(sync="OutOfSync", operated=OLD), sources=SOURCES, revisions=(NEW, NEW)), True),
        (replace(application(sync="OutOfSync", operated=OLD), sources=SOURCES, self_heal=True), False),
        (replace(application(sync="OutOfSync", operated=OLD), sources=SOURCES, automated=False), False),
        (application(sync="OutOfSync", phase="Running"), False),
        (application(sync="Unknown"), False),
    ],
)
def test_what_needs_a_hand_is_not_delivered_after_its_grace(
    state: Application,
    stuck: bool,  # noqa: FBT001
) -> None:
    assert look((0, state), (59, state)).outcome is None
    verdict = look((0, state), (60, state))
    assert verdict.outcome is (Outcome.NOT_DELIVERED if stuck else None)
    assert look((0, state), (999, state), graces=GracePeriods(stuck_grace=0)).outcome is None
    # A later commit can bring the expected image, and end the state.
    assert look((0, state), (999, state), expectation=Expectation(image="web:2")).outcome is None
    if stuck:
        wanted = Expectation(revision=NEW, image="web:2")
        assert look((0, state), (60, state), expectation=wanted).outcome is Outcome.NOT_DELIVERED
        # If the job does not wait for Synced, a dry run does not prove that the revision was applied.
        applied = not (len(state.sources) > 1 or (state.operation and state.operation.dry_run))
        verdict = look((0, state), (60, state), expectation=only(*WITHOUT_SYNC))
        assert verdict.outcome is (Outcome.DELIVERED if applied else Outcome.NOT_DELIVERED)


def test_an_application_of_a_progressive_sync_is_not_to_be_synced_by_hand_at_once() -> None:
    state = replace(application(sync="OutOfSync", operated=OLD), automated=False, application_set="shops")
    verdict = look((0, state), (100, state))
    assert (verdict.outcome, verdict.code) == (None, CauseCode.NO_SYNC_POLICY)
    assert verdict.hint == texts.WHY_APPLICATION_SET.fill_hint(name="shops", application="argocd/web")


def test_a_cron_job_whose_last_run_failed_stays_degraded_until_a_run_succeeds() -> None:
    job = {"group": "batch", "kind": "CronJob", "namespace": "web", "name": "nightly", "status": "Synced"}
    state = application(health="Degraded", resources=[job | {"health": {"status": "Degraded"}}])
    verdict = look((0, state), (15, state))
    assert verdict.outcome is Outcome.DEGRADED
    assert verdict.hint == texts.CRON_JOB_FAILED.fill_hint(name="nightly", namespace="web")


def test_a_resource_that_is_gone_was_not_changed() -> None:
    """The cluster shows no field manager of an object that does not exist."""
    job = {"group": "batch", "kind": "Job", "name": "batch", "status": "OutOfSync", "health": {"status": "Missing"}}
    verdict = look((0, state := application(sync="OutOfSync", resources=[job])), (60, state))
    assert (verdict.outcome, verdict.code) == (Outcome.NOT_DELIVERED, CauseCode.OUT_OF_SYNC)
    assert verdict.reason.endswith(texts.RESOURCE_GONE.fill(resource="Job/batch"))
    assert verdict.hint == texts.RESOURCE_GONE.fill_hint(application="argocd/web")


APPLIED = {"group": "apps", "kind": "Deployment", "namespace": "web", "name": "web", "status": "Synced"}
HOOK = {"group": "batch", "kind": "Job", "namespace": "web", "name": "migrate", "hookType": "PreSync", "hookPhase": "Running"}  # fmt: skip
JOB = ResourceRef("batch", "Job", "web", "migrate")


@pytest.mark.parametrize(
    ("parts", "pod", "counts"),
    [
        # The resources and hooks of the running sync count. The others belong to the earlier revision.
        ({"sync": "OutOfSync", "phase": "Running", "results": [APPLIED]}, failing("web-a"), True),
        ({"sync": "OutOfSync", "phase": "Running", "results": [HOOK]}, failing("web-a"), False),
        ({"sync": "OutOfSync", "phase": "Running", "results": [HOOK]}, failing("x", root=JOB, of_job=True), True),
        ({"sync": "Synced", "phase": "Running", "results": [HOOK]}, failing("x", root=JOB, of_job=True), True),
        ({"sync": "OutOfSync", "phase": "Running", "results": [APPLIED], "operated": OLD}, failing("web-a"), False),
        ({"sync": "OutOfSync", "phase": "Running", "results": [HOOK | {"hookPhase": "Succeeded"}]}, failing("x", root=JOB, of_job=True), False),
        # In a Synced application, all pods count except those of Jobs that this sync has not created.
        ({"results": []}, failing("web-a"), True),
        ({"results": []}, failing("x", root=JOB, of_job=True), False),
        ({"results": [APPLIED | {"group": "batch", "kind": "Job", "name": "migrate"}]}, failing("x", root=JOB, of_job=True), True),
        ({"sync": "OutOfSync", "results": [APPLIED]}, failing("web-a"), False),
    ],
)  # fmt: skip
def test_whose_pods_count(parts: dict[str, Any], pod: Failing, counts: bool) -> None:  # noqa: FBT001
    state = replace(application(health="Progressing", **parts), workloads=Workloads(failing=(pod,)))
    assert look((0, state), (15, state)).outcome is (Outcome.DEGRADED if counts else None)


def test_a_failure_that_heals_before_the_second_look() -> None:
    failed = application(phase="Failed", sync="OutOfSync")
    assert look((0, failed), (1, application()), (2, failed)).outcome is None


HOOK = {"kind": "Job", "name": "migrate", "hookType": "PreSync", "message": "backoff limit"}
HOOK_FAILED = HOOK | {"status": "Synced", "hookPhase": "Failed"}
HOOK_REJECTED = HOOK | {"status": "SyncFailed", "hookPhase": "Failed"}


@pytest.mark.parametrize(
    ("limit", "retries", "result", "outcome"),
    [
        (2, 1, HOOK_FAILED, Outcome.SYNC_FAILED),
        (2, 1, HOOK_REJECTED, None),
        (3, 1, HOOK_FAILED, None),
        (3, 2, HOOK_FAILED, Outcome.SYNC_FAILED),
        (1, 1, HOOK_FAILED, Outcome.SYNC_FAILED),
        (0, 4, HOOK_FAILED, None),
    ],
)
def test_a_hook_whose_program_failed_needs_one_attempt_less(
    limit: int, retries: int, result: dict[str, str], outcome: Outcome | None
) -> None:
    graces = GracePeriods(failed_attempts=limit)
    state = application(sync="OutOfSync", phase="Running", retries=retries, results=[result])
    assert look((0, state), (0.5, state), graces=graces).outcome is outcome


@pytest.mark.parametrize(("retries", "outcome"), [(1, None), (2, Outcome.SYNC_FAILED), (5, Outcome.SYNC_FAILED)])
def test_attempts_that_failed_while_argocd_retries(retries: int, outcome: Outcome | None) -> None:
    assert twice(sync="OutOfSync", phase="Running", retries=retries, **FAILED).outcome is outcome


@pytest.mark.parametrize(
    ("state", "seconds", "outcome"),
    [
        (application(sync="Unknown", conditions=[{"type": "ComparisonError", "message": "x"}]), 10, Outcome.SYNC_FAILED),
        (application(health="Degraded"), 15, Outcome.DEGRADED),
        (application(resources=[]), 10, Outcome.NOT_DELIVERED),
    ],
)  # fmt: skip
def test_graces(state: Application, seconds: float, outcome: Outcome) -> None:
    assert look((0, state), (seconds - 0.1, state)).outcome is None
    assert look((0, state), (seconds, state)).outcome is outcome
    assert look((0, state), (seconds - 1, application(health="Progressing")), (seconds, state)).outcome is None


def with_failing(*pods: str) -> Application:
    found = tuple(failing(pod) for pod in pods)
    return replace(application(health="Progressing"), workloads=Workloads(failing=found))


def test_each_pod_has_a_grace_of_its_own() -> None:
    """In a rolling update, each pod crashes once, for five seconds."""
    looks = [(float(5 * n), with_failing(pod)) for n, pod in enumerate("abcd")]
    assert look(*looks, (20, with_failing("d", "e")), (24, with_failing("e"))).outcome is None


def test_the_pod_that_fails_longest_is_named() -> None:
    verdict = look(
        (0, with_failing("a", "b")),
        (5, with_failing("b", "c")),
        (14, with_failing("c", "b")),
        (15, with_failing("c", "b")),
    )
    assert verdict.outcome is Outcome.DEGRADED
    assert fields_of(verdict.reason, texts.AND_MORE) == {"message": "Pod/b: CrashLoopBackOff", "count": "1"}
    assert look((0, with_failing("a")), (14, with_failing()), (15, with_failing("a"))).outcome is None, (
        "it healed in between"
    )


def resource(name: str, health: str, **fields: Any) -> dict[str, Any]:
    return {
        "group": "apps",
        "kind": "Deployment",
        "name": name,
        "status": "Synced",
        "health": {"status": health},
    } | fields


def and_more(*named: str, count: int) -> str:
    return f"{', '.join(named)} and {count} more"


@pytest.mark.parametrize(
    ("health", "named"),
    [
        ("Degraded", "Deployment/d, Job/j"),
        ("Progressing", and_more("Deployment/a", NO_LOAD_BALANCER.fill(resource="Service/s"), NO_ADDRESS.fill(resource="Ingress/i"), count=1)),
        ("Suspended", "Deployment/c"),
        # No resource has the health of the application, so the worst come first.
        ("Missing", and_more("Deployment/d", "Job/j", "Deployment/a", count=4)),
    ],
)  # fmt: skip
def test_what_makes_the_application_what_it_is_is_named(health: str, named: str) -> None:
    resources = [
        resource("c", "Suspended"),
        resource("a", "Progressing"),
        resource("s", "Progressing", group="", kind="Service"),
        resource("i", "Progressing", group="networking.k8s.io", kind="Ingress"),
        resource("k", "Progressing", group="serving.knative.dev", kind="Service"),
        resource("h", "Degraded", group="batch", kind="Job", hook=True),
        resource("d", "Degraded"),
        resource("j", "Degraded", group="batch", kind="Job"),
        resource("f", "Healthy"),
    ]
    assert unhealthy(application(health=health, resources=resources)) == named


def test_a_claim_says_what_it_lacks() -> None:
    claim = resource("data", "Progressing", group="", kind="PersistentVolumeClaim")
    assert (
        twice(health="Progressing", resources=[claim]).reason
        == f"Progressing: {NO_VOLUME.fill(resource='PersistentVolumeClaim/data')}"
    )


def test_a_new_revision_starts_the_grace_anew() -> None:
    old, new = application(health="Degraded", revision=OLD, operated=OLD), application(health="Degraded")
    assert look((0, old), (14, old), (15, new)).outcome is None
    assert look((0, old), (14, old), (15, new), (30, new)).outcome is Outcome.DEGRADED


def test_missing_at_start_and_deleted_later() -> None:
    assert look((0, GONE)).outcome is Outcome.MISSING
    running = application(health="Progressing")
    assert look((0, running), (1, GONE), (10.9, GONE)).outcome is None
    assert look((0, running), (1, GONE), (11, GONE)).outcome is Outcome.MISSING


def test_unreachable_is_more_patient_once_argocd_has_answered() -> None:
    assert look((0, DOWN), (14.9, DOWN)).outcome is None
    assert look((0, DOWN), (15, DOWN)).outcome is Outcome.UNREACHABLE
    running = application(health="Progressing")
    assert look((0, running), (1, DOWN), (60.9, DOWN)).outcome is None
    assert look((0, running), (1, DOWN), (61, DOWN)).outcome is Outcome.UNREACHABLE


@pytest.mark.parametrize("kind", [FailureKind.DENIED, FailureKind.UNAUTHENTICATED])
def test_denied_takes_two_looks(kind: FailureKind) -> None:
    denied = Failure(kind=kind, message="permission denied")
    assert look((0, denied)).outcome is None
    assert look((0, denied), (2, denied)).outcome is Outcome.DENIED


def test_every_symptom_has_a_rule() -> None:
    # A sync of an earlier revision that is only slow never decides the verdict.
    slow = {Symptom.SLOW_OLD_SYNC}
    assert set(Symptom) - set(GracePeriods(stable_for=1).rules) == slow
    assert set(Symptom) - set(GracePeriods().rules) == {Symptom.UNSTABLE, Symptom.UNSTABLE_SYNC} | slow


@pytest.mark.parametrize(
    ("graces", "state"),
    [
        (GracePeriods(degraded_grace=0), application(health="Degraded")),
        (
            GracePeriods(condition_grace=0),
            application(sync="Unknown", conditions=[{"type": "ComparisonError", "message": "x"}]),
        ),
        (GracePeriods(failed_attempts=0), application(sync="OutOfSync", phase="Running", retries=4)),
        (GracePeriods(fail_fast=False), application(phase="Failed", sync="OutOfSync")),
        (GracePeriods(fail_fast=False), application(health="Degraded")),
        (GracePeriods(unreachable_grace=0, connect_grace=0), DOWN),
        (GracePeriods(appear_timeout=1000), GONE),
    ],
)
def test_patience_can_be_as_long_as_the_timeout(graces: GracePeriods, state: Seen) -> None:
    assert look((0, state), (500, state), (900, state), graces=graces).outcome is None


def test_an_application_may_appear_late() -> None:
    state = application()
    graces = GracePeriods(appear_timeout=60)
    assert look((0, GONE), (30, state), (31, state), graces=graces).outcome is Outcome.DELIVERED
    assert look((0, GONE), (60, GONE), graces=graces).outcome is Outcome.MISSING


def test_an_expected_revision() -> None:
    state = application()
    for revision in (NEW, NEW[:8], NEW.upper()):
        assert look((0, state), (1, state), expectation=Expectation(revision=revision)).outcome is Outcome.DELIVERED
    other = look((0, state), (1, state), expectation=Expectation(revision="deadbeef"))
    reason = OTHER_REVISION.fill(compared=NEW[:12], expected="deadbeef")
    assert other == Verdict(outcome=None, reason=reason, code=CauseCode.OTHER_REVISION)


def test_what_auto_sync_gave_up_has_failed_after_the_grace_of_conditions() -> None:
    given_up = {"conditions": [{"type": "SyncError", "message": "auto-sync will wipe out all resources"}]}
    state = application(sync="OutOfSync", **given_up)
    assert look((0, state), (9, state)).outcome is None
    verdict = look((0, state), (10, state))
    assert verdict.outcome is Outcome.SYNC_FAILED
    assert verdict.reason == "SyncError: auto-sync will wipe out all resources"
    for elsewhere in (application(**given_up), application(sync="OutOfSync", phase="Running", **given_up)):
        assert look((0, elsewhere), (99, elsewhere)).outcome is not Outcome.SYNC_FAILED


def test_what_is_out_of_reach_is_not_delivered_after_its_grace() -> None:
    diverged = replace(application(), revision_relations={NEW: RevisionRelation(relation=Relation.DIVERGED)})
    expectation = Expectation(revision="deadbeef")
    assert look((0, diverged), (29, diverged), expectation=expectation).outcome is None
    verdict = look((0, diverged), (30, diverged), expectation=expectation)
    assert verdict.outcome is Outcome.NOT_DELIVERED
    assert is_from(verdict.reason, DIVERGED)
    patient = GracePeriods(expectation_grace=0)
    assert look((0, diverged), (999, diverged), expectation=expectation, graces=patient).outcome is None


def test_an_application_created_anew_must_be_compared_anew() -> None:
    history = SymptomHistory().observe(application(), now=0, compared=True)
    another = replace(application(), uid="u-2")
    history = history.observe(GONE, now=1).observe(another, now=2)
    assert not history.compared
    assert judge(another, history).outcome is None
    for now in (3, 4):
        history = history.observe(another, now=now, compared=True)
    assert judge(another, history).outcome is Outcome.DELIVERED


@pytest.mark.parametrize(
    ("parts", "expectation"),
    [
        ({"sync": "OutOfSync"}, only(WaitCondition.HEALTH, WaitCondition.OPERATION)),
        ({"sync": "OutOfSync", "operated": OLD}, only(WaitCondition.HEALTH)),
        ({"health": "Suspended"}, only(WaitCondition.SYNC, WaitCondition.SUSPENDED)),
        ({"health": "Degraded"}, only(WaitCondition.SYNC, WaitCondition.OPERATION)),
        ({"phase": "Failed"}, only(WaitCondition.SYNC, WaitCondition.HEALTH)),
        ({"phase": "Running"}, only(WaitCondition.SYNC, WaitCondition.HEALTH)),
        ({"resources": []}, Expectation(allow_empty=True)),
    ],
)
def test_what_is_not_waited_for_does_not_count(parts: dict[str, Any], expectation: Expectation) -> None:
    state = application(**parts)
    assert look((0, state), (999, state), expectation=expectation).outcome is Outcome.DELIVERED


@pytest.mark.parametrize(
    ("parts", "expectation"),
    [
        # If the job does not wait for Synced, a sync of the previous revision proves nothing about this one.
        ({"sync": "OutOfSync", "operated": OLD}, only(WaitCondition.HEALTH, WaitCondition.OPERATION)),
        ({"sync": "OutOfSync", "phase": "Failed"}, only(WaitCondition.HEALTH, WaitCondition.OPERATION)),
        ({"health": "Healthy"}, only(WaitCondition.SYNC, WaitCondition.SUSPENDED)),
        ({"health": "Suspended"}, Expectation()),
    ],
)
def test_what_is_waited_for_counts(parts: dict[str, Any], expectation: Expectation) -> None:
    state = application(**parts)
    assert look((0, state), (1, state), expectation=expectation).outcome is not Outcome.DELIVERED


@pytest.mark.parametrize(
    ("state", "code", "reason"),
    [
        (replace(application(sync="OutOfSync"), automated=False), CauseCode.NO_SYNC_POLICY, texts.WHY_MANUAL),
        (replace(application(sync="OutOfSync"), sync_window=WINDOW), CauseCode.SYNC_WINDOW, texts.WHY_SYNC_WINDOW.fill(project="default", window="deny * * * * * for 1h", outlook="")),
        (
            application(sync="OutOfSync", resources=[{"kind": "ConfigMap", "name": "old", "status": "OutOfSync", "requiresPruning": True}]),
            CauseCode.PRUNE_OFF,
            texts.PRUNE_OFF.fill(status="OutOfSync", resources="ConfigMap/old"),
        ),
    ],
)  # fmt: skip
def test_why_nothing_moves_is_named(state: Application, code: CauseCode, reason: str) -> None:
    verdict = look((0, state), (999, state), graces=GracePeriods(stuck_grace=0))
    assert (verdict.outcome, verdict.code) == (None, code)
    assert verdict.reason.endswith(reason)


STATES = st.builds(
    application,
    sync=st.sampled_from(["Synced", "OutOfSync", "Unknown", None]),
    health=st.sampled_from([*HealthStatus, None]),
    phase=st.sampled_from(["Running", "Failed", "Error", "Succeeded", "Terminating", None]),
    revision=st.sampled_from([NEW, OLD]),
    operated=st.sampled_from([NEW, OLD]),
    resources=st.sampled_from([[], [{"kind": "ConfigMap", "name": "web", "status": "Synced"}]]),
)
FAILURES = st.builds(Failure, kind=st.sampled_from(FailureKind), message=st.just("x"))


EXPECTATIONS = st.builds(
    Expectation,
    wait_for=st.sets(st.sampled_from(WaitCondition), min_size=1).map(frozenset),
    revision=st.sampled_from(["", NEW, "deadbeef"]),
    image=st.sampled_from(["", "web:1", "web:2"]),
    allow_empty=st.booleans(),
)


@given(st.lists(st.one_of(STATES, FAILURES), min_size=1, max_size=6), EXPECTATIONS)
def test_no_sequence_is_delivered_unless_the_last_two_looks_were(
    sequence: Sequence[Seen], expectation: Expectation
) -> None:
    verdict = look(*((float(index), seen) for index, seen in enumerate(sequence)), expectation=expectation)
    if verdict.outcome is not Outcome.DELIVERED:
        return
    assert len(sequence) >= 2
    assert sequence[-1].revisions == sequence[-2].revisions  # type: ignore[union-attr]
    for seen in sequence[-2:]:
        assert isinstance(seen, Application)
        if WaitCondition.SYNC in expectation.wait_for:
            assert seen.sync is SyncStatus.SYNCED
        if WaitCondition.OPERATION in expectation.wait_for:
            assert not seen.operating
            assert seen.operation is None or seen.operation.phase is OperationPhase.SUCCEEDED
        if {WaitCondition.HEALTH, WaitCondition.SUSPENDED} & expectation.wait_for:
            assert seen.health.lower() in {"healthy", "suspended"}
        if WaitCondition.SUSPENDED not in expectation.wait_for and WaitCondition.HEALTH in expectation.wait_for:
            assert seen.health is HealthStatus.HEALTHY
        assert seen.resources or expectation.allow_empty
        assert seen.revision.startswith(expectation.revision)
        assert expectation.image in {"", "web:1"}


def test_a_failure_waits_until_git_has_said_of_whom_it_is() -> None:
    failed = application(sync="OutOfSync", phase="Failed", revision=OLD, operated=OLD)
    expectation = Expectation(revision=NEW)

    def related(relation: Relation, *, pending: bool = False) -> Application:
        known = RevisionRelation(relation=relation, commits=1, pending=pending)
        return replace(failed, revision_relations={failed.revisions[0]: known})

    asked, older = related(Relation.UNKNOWN, pending=True), related(Relation.OLDER)
    assert look((0, asked), (1, asked), (60, asked), expectation=expectation).outcome is None
    assert look((0, asked), (1, older), (60, older), expectation=expectation).outcome is Outcome.NOT_DELIVERED
    unknown = related(Relation.UNKNOWN)
    assert look((0, asked), (1, unknown), (2, unknown), expectation=expectation).outcome is Outcome.SYNC_FAILED
