"""Test which resources count for a verdict, and the state of an application that has only these."""

from dataclasses import replace
from typing import Any

import pytest

from argocd_release.messages import chosen_resources
from argocd_release.model.application import Application, HealthStatus, OperationPhase, SyncStatus
from argocd_release.model.exclusion import without
from argocd_release.model.outcome import Outcome
from argocd_release.model.problem import CauseCode, Condition, ResourceRef
from argocd_release.model.resource_tree import Tree
from argocd_release.verdict.blockers import blocker, caveat
from argocd_release.verdict.chosen_resources import ChosenResources, ResourcePattern, meant_pattern
from argocd_release.verdict.expectation import Expectation, WaitCondition
from argocd_release.verdict.judge import judge
from argocd_release.verdict.symptom_history import SymptomHistory
from argocd_release.verdict.symptoms import Symptom
from tests.support.wording import is_from
from tests.unit.states import OLD, application

WEB = ResourceRef("apps", "Deployment", "prod", "web")
SERVICE = ResourceRef("", "Service", "prod", "web")


def resource(name: str, kind: str = "Deployment", *, sync: str = "Synced", health: str = "Healthy", **more: Any) -> Any:
    group = {"Deployment": "apps", "Job": "batch", "Application": "argoproj.io"}.get(kind, "")
    item = {"group": group, "kind": kind, "namespace": "prod", "name": name, "status": sync} | more
    return item | ({"health": {"status": health}} if health else {})


def state(*resources: Any, **parts: Any) -> Application:
    return application(resources=list(resources), **parts)


def choose(*patterns: str, each_must_match: bool = True) -> ChosenResources:
    return ChosenResources.of(patterns, each_must_match=each_must_match)


@pytest.mark.parametrize(
    ("pattern", "web", "service"),
    [
        ("apps:Deployment:web", True, False),
        (":Service:web", False, True),
        ("*:*:*", True, True),
        ("*:*:web", True, True),
        ("apps:Deployment:prod/web", True, False),
        ("apps:Deployment:*/web", True, False),
        ("apps:Deployment:/web", True, False),
        ("apps:Deployment:dev/web", False, False),
        ("apps:Deployment:w*", True, False),
        ("a*s:*ment:*eb", True, False),
        ("apps:deployment:web", False, False),
        (":Deployment:web", False, False),
    ],
)
def test_a_pattern_matches_like_argocd(pattern: str, *, web: bool, service: bool) -> None:
    parsed = ResourcePattern.parse(pattern)
    assert parsed is not None
    assert (parsed.matches(WEB), parsed.matches(SERVICE)) == (web, service)


@pytest.mark.parametrize(
    "pattern",
    ["", "web", "Deployment/web", "apps:Deployment", "apps:Deployment:", "apps::web", "a:b:c:d", "a:b:c/d/e", "!",
     "apps:Deployment:web[0]", "apps:Deployment:we?", "!!apps:Deployment:web", "apps:Deployment:prod/", "apps:Deployment:web\x1b[31m", "apps:Deployment:we\nb", f"apps:Deployment:{'a' * 300}"],
)  # fmt: skip
def test_a_malformed_pattern_is_none(pattern: str) -> None:
    assert ResourcePattern.parse(pattern) is None


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("Deployment/web", "*:Deployment:web"),
        ("deployment.apps/web", "apps:Deployment:web"),
        ("!StatefulSet.apps/db-*", "!apps:StatefulSet:db-*"),
        ("web", "apps:Deployment:web"),
    ],
)
def test_the_fix_of_a_malformed_pattern_is_well_formed(given: str, meant: str) -> None:
    assert meant_pattern(given) == meant
    assert ResourcePattern.parse(meant) is not None


@pytest.mark.parametrize(
    ("patterns", "chosen"),
    [
        (("*:*:web",), {WEB, SERVICE}),
        (("!:Service:*",), {WEB}),
        (("*:*:*", "!apps:*:*"), {SERVICE}),
        (("!*:*:*", "apps:Deployment:web"), set()),
        (("apps:Deployment:web", ":Service:web"), {WEB, SERVICE}),
    ],
)
def test_an_exclusion_wins_and_alone_it_chooses_the_rest(patterns: tuple[str, ...], chosen: set[ResourceRef]) -> None:
    assert {ref for ref in (WEB, SERVICE) if choose(*patterns).chooses(ref)} == chosen


def test_an_excluded_crash_loop_does_not_count() -> None:
    whole = state(resource("web"), resource("worker", health="Degraded"), health="Degraded")
    seen = choose("!apps:Deployment:worker").view(whole)
    assert (seen.health, seen.sync, [item.name for item in seen.resources]) == ("Healthy", "Synced", ["web"])
    assert blocker(seen, Expectation(), compared=True) is None
    assert seen.exclusion is not None
    assert (seen.exclusion.health, seen.exclusion.count, str(seen.exclusion.resources[0])) == (
        "Degraded",
        1,
        "Deployment/worker",
    )
    assert is_from(caveat(seen, Expectation()), chosen_resources.EXCLUDED_DEVIATE)


def test_a_chosen_crash_loop_counts() -> None:
    whole = state(resource("web"), resource("worker", health="Degraded"), health="Degraded")
    seen = choose("apps:Deployment:worker").view(whole)
    missing = blocker(seen, Expectation(), compared=True)
    assert missing is not None
    assert "Deployment/worker" in missing.message
    assert seen.health is HealthStatus.DEGRADED


def test_nothing_is_said_about_excluded_resources_that_are_well() -> None:
    seen = choose("apps:Deployment:web").view(state(resource("web"), resource("settings", "ConfigMap", health="")))
    assert not caveat(seen, Expectation())


@pytest.mark.parametrize(
    ("whole", "web", "worker", "expected"),
    [
        ("Synced", "Synced", "Synced", "Synced"),
        ("OutOfSync", "Synced", "OutOfSync", "Synced"),
        ("OutOfSync", "OutOfSync", "Synced", "OutOfSync"),
        # No resource is the reason, so the reason can concern the chosen ones.
        ("OutOfSync", "Synced", "Synced", "OutOfSync"),
        ("Unknown", "Synced", "Synced", "Unknown"),
        # Argo CD does not count an OutOfSync resource with the option IgnoreExtraneous.
        ("Synced", "OutOfSync", "Synced", "Synced"),
    ],
)
def test_the_sync_status_of_the_chosen_resources(whole: str, web: str, worker: str, expected: str) -> None:
    seen = choose("*:*:web").view(state(resource("web", sync=web), resource("worker", sync=worker), sync=whole))
    assert seen.sync == expected


@pytest.mark.parametrize(
    ("whole", "web", "worker", "expected"),
    [
        ("Healthy", "Healthy", "Healthy", "Healthy"),
        ("Progressing", "Healthy", "Progressing", "Healthy"),
        ("Degraded", "Progressing", "Degraded", "Progressing"),
        ("Degraded", "Suspended", "Degraded", "Suspended"),
        ("Unknown", "Degraded", "Unknown", "Degraded"),
        ("Degraded", "Degraded", "Healthy", "Degraded"),
        # A list of Argo CD 3 lacks the health of each resource.
        ("Degraded", "", "", "Degraded"),
        ("Progressing", "Healthy", "", "Progressing"),
        # Missing resources do not count since Argo CD 3.4, unless all are missing.
        ("Healthy", "Missing", "Healthy", "Missing"),
        ("Missing", "Missing", "Missing", "Missing"),
    ],
)
def test_the_health_of_the_chosen_resources(whole: str, web: str, worker: str, expected: str) -> None:
    seen = choose("*:*:web").view(state(resource("web", health=web), resource("worker", health=worker), health=whole))
    assert seen.health == expected


def test_a_missing_child_application_does_not_count() -> None:
    whole = state(
        resource("web"),
        resource("child", "Application", health="Missing"),
        resource("worker", health="Degraded"),
        health="Degraded",
    )
    assert choose("!*:*:worker").view(whole).health is HealthStatus.HEALTHY


@pytest.mark.parametrize(
    ("patterns", "unmatched", "resources"),
    [
        (("apps:Deployment:wbe",), "apps:Deployment:wbe", "Deployment/web, Service/web"),
        (("*:*:web", "batch:CronJob:*"), "batch:CronJob:*", "Deployment/web, Service/web"),
    ],
)
def test_a_pattern_without_a_match_proves_nothing(patterns: tuple[str, ...], unmatched: str, resources: str) -> None:
    seen = choose(*patterns).view(state(resource("web"), resource("web", "Service")))
    gap = Expectation().gap(seen)
    assert gap is not None
    assert (gap.code, gap.final) == (CauseCode.NO_SUCH_RESOURCE, True)
    assert gap.message == chosen_resources.NO_RESOURCE_MATCHES.fill(patterns=unmatched, resources=resources)
    history = SymptomHistory().observe(seen, now=0, compared=True)
    assert set(history.records) == {Symptom.OUT_OF_REACH}
    later = history.observe(seen, now=31, compared=True)
    assert judge(seen, later).outcome is Outcome.NOT_DELIVERED


def test_a_resource_that_was_deleted_from_git_matches_no_pattern() -> None:
    old = resource("web", sync="OutOfSync", requiresPruning=True)
    seen = choose("apps:Deployment:web").view(state(old, resource("web2")))
    gap = Expectation().gap(seen)
    assert gap is not None
    assert gap.message == chosen_resources.NO_RESOURCE_MATCHES.fill(
        patterns="apps:Deployment:web", resources="Deployment/web2"
    )
    assert Expectation().gap(choose("!*:*:web2").view(state(old, resource("web2")))) is not None
    assert Expectation(allow_empty=True).gap(choose("!*:*:web2").view(state(old))) is None


def test_an_application_whose_last_resources_were_deleted_from_git_is_empty() -> None:
    old = resource("web2", sync="OutOfSync", requiresPruning=True)
    view = choose("!*:*:web2").view(state(old, sync="OutOfSync"))
    missing = blocker(view, Expectation(), compared=True)
    assert missing is not None
    assert missing.code is CauseCode.NOTHING_MANAGED
    assert blocker(view, Expectation(allow_empty=True), compared=True) is None


@pytest.mark.parametrize(("more", "applied"), [({}, False), ({"requiresPruning": True}, True)])
def test_a_revision_that_only_prunes_is_one_of_the_whole_application(more: Any, *, applied: bool) -> None:
    wait_for = frozenset({WaitCondition.HEALTH, WaitCondition.OPERATION})
    whole = state(
        resource("web"),
        resource("old", "ConfigMap", sync="OutOfSync", health="", requiresPruning=True),
        resource("new", sync="OutOfSync", **more),
        sync="OutOfSync",
        operated=OLD,
    )
    seen = choose("!*:*:new").view(whole)
    assert (blocker(seen, Expectation(wait_for=wait_for), compared=True) is None) is applied


@pytest.mark.parametrize(("status", "sync"), [("Unknown", "OutOfSync"), ("", "Synced")])
def test_a_chosen_resource_that_the_project_does_not_permit_is_not_synced(status: str, sync: str) -> None:
    """Argo CD reports no status at all for a resource that it skips or ignores."""
    whole = state(resource("web", sync=status), resource("worker", sync="OutOfSync"), sync="OutOfSync")
    assert choose("*:*:web").view(whole).sync == sync


@pytest.mark.parametrize(("status", "deviates"), [("Unknown", True), ("", False)])
def test_an_excluded_resource_that_argocd_skips_is_well(status: str, *, deviates: bool) -> None:
    seen = choose("*:*:web").view(state(resource("web"), resource("dashboard", "ConfigMap", sync=status, health="")))
    assert bool(caveat(seen, Expectation())) is deviates


def test_a_release_also_waits_for_the_children_of_an_excluded_application_set() -> None:
    """The group contains these children, because they are read without the choice."""
    maker = resource("kids", "ApplicationSet", group="argoproj.io", health="")
    assert choose("apps:Deployment:*").view(state(resource("web"), maker)).set_names == ("prod/kids",)


def test_excluding_everything_proves_nothing() -> None:
    gap = Expectation(allow_empty=True).gap(choose("!*:*:*").view(state(resource("web"))))
    assert gap is not None
    assert gap.message == chosen_resources.ALL_EXCLUDED.fill(resources="Deployment/web")


def test_in_a_group_an_application_needs_a_match_and_not_each_pattern() -> None:
    choice = choose("apps:Deployment:web", "apps:Deployment:api", each_must_match=False)
    seen = choice.view(state(resource("web")))
    assert Expectation().gap(seen) is None
    assert seen.exclusion is not None
    assert seen.exclusion.unmatched == ("apps:Deployment:api",)
    assert Expectation().gap(choice.view(state(resource("db")))) is not None


def test_in_a_group_an_empty_application_needs_no_match() -> None:
    view = choose("apps:Deployment:web", each_must_match=False).view(state())
    assert blocker(view, Expectation(allow_empty=True), compared=True) is None
    missing = blocker(view, Expectation(), compared=True)
    assert missing is not None
    assert missing.code is CauseCode.NOTHING_MANAGED


def test_an_exclusion_without_a_match_is_fine() -> None:
    assert Expectation().gap(choose("!batch:CronJob:*").view(state(resource("web")))) is None


def failed(*results: tuple[str, str, str], message: str = "one or more objects failed to apply") -> Any:
    items = [
        {"group": "apps", "kind": kind, "namespace": "prod", "name": name, "status": "Synced", "message": "denied"}
        | ({"hookType": phase, "hookPhase": "Failed"} if phase else {"status": "SyncFailed"})
        for kind, name, phase in results
    ]
    return {"results": items, "message": message}


EXCLUDED_FAILED = failed(("Deployment", "worker", ""))["results"]


def test_a_sync_that_failed_only_for_excluded_resources_is_enough() -> None:
    whole = state(
        resource("web"), resource("worker", sync="OutOfSync"), sync="OutOfSync", phase="Failed", results=EXCLUDED_FAILED
    )
    assert blocker(whole, Expectation(), compared=True) is not None
    seen = choose("!*:*:worker").view(whole)
    assert blocker(seen, Expectation(), compared=True) is None
    assert seen.operation is not None
    # The reports show the phase that Argo CD reports.
    assert (seen.operation.phase, seen.operation.succeeded) == (OperationPhase.FAILED, True)
    assert is_from(caveat(seen, Expectation()), chosen_resources.EXCLUDED_FAILED)
    history = SymptomHistory().observe(seen, now=0, compared=True)
    assert set(history.records) == {Symptom.DELIVERED}


def test_an_attempt_that_failed_only_for_excluded_resources_is_enough_once_it_has_ended() -> None:
    parts = {"sync": "OutOfSync", "phase": "Running", "results": EXCLUDED_FAILED, "operation": {"sync": {}}}
    items = (resource("web"), resource("worker", sync="OutOfSync"))
    choice = choose("!*:*:worker")
    waits = choice.view(state(*items, **parts, retries=3))
    assert not waits.operating
    assert blocker(waits, Expectation(), compared=True) is None
    # Before a comparison has followed the attempt, nothing shows what it has left behind.
    early = choice.view(state(*items, **parts, retries=3, reconciledAt="2026-01-01T00:00:04Z"))
    assert early.operating
    history = SymptomHistory()
    for now in range(0, 100, 10):
        history = history.observe(early, now=now, compared=True)
        assert not history.records, "the failures of excluded resources end nothing"


def _excused(**parts: Any) -> Application:
    items = (resource("web"), resource("worker", sync="OutOfSync"))
    return state(*items, **{"sync": "OutOfSync", "phase": "Failed", "results": EXCLUDED_FAILED} | parts)


def test_a_failed_sync_of_excluded_resources_decides_nothing_before_the_next_comparison() -> None:
    choice, early = choose("!*:*:worker"), _excused(reconciledAt="2026-01-01T00:00:04Z")
    history = SymptomHistory()
    for now in range(0, 100, 10):
        history = history.observe(choice.view(early), now=now, compared=True)
        assert not history.records
    seen = choice.view(_excused())
    history = history.observe(seen, now=100, compared=True).observe(seen, now=101, compared=True)
    assert judge(seen, history).outcome is Outcome.DELIVERED


@pytest.mark.parametrize("retried", [False, True])
@pytest.mark.parametrize(
    "message", ["one or more objects failed to apply (dry run)", "one or more synchronization tasks are not valid"]
)
def test_a_sync_that_has_applied_nothing_counts_and_names_the_excluded_resource(message: str, *, retried: bool) -> None:
    """Argo CD then runs no hook either, so that Synced resources prove nothing."""
    parts: Any = {"phase": "Running", "retries": 3, "operation": {"sync": {}}} if retried else {}
    whole = _excused(**parts)
    assert whole.operation is not None
    again = " Retrying attempt #3 at 10:00AM." if retried else ""
    seen = choose("!*:*:worker").view(replace(whole, operation=replace(whole.operation, message=f"{message}.{again}")))
    assert not (seen.exclusion and seen.exclusion.failures)
    history = SymptomHistory().observe(seen, now=0, compared=True)
    verdict = judge(seen, history.observe(seen, now=31, compared=True))
    assert verdict.outcome is Outcome.SYNC_FAILED
    assert "Deployment/worker: denied" in verdict.reason


def test_a_failed_sync_of_another_revision_is_no_success_for_this_one() -> None:
    old = _excused(phase="Running", retries=2, operation={"sync": {}}, operated=OLD)
    seen = choose("!*:*:worker").view(old)
    assert seen.operation == old.operation
    assert seen.operating
    assert blocker(seen, Expectation(), compared=True) is not None


def test_a_sync_that_ended_with_an_error_counts() -> None:
    """Argo CD keeps the results of the resources, but the error is another one."""
    seen = choose("!*:*:worker").view(_excused(phase="Error"))
    history = SymptomHistory().observe(seen, now=0, compared=True)
    assert judge(seen, history.observe(seen, now=1, compared=True)).outcome is Outcome.SYNC_FAILED


def test_a_failure_counts_if_a_chosen_resource_is_not_synced() -> None:
    whole = state(
        resource("web", sync="OutOfSync"),
        resource("worker", sync="OutOfSync"),
        sync="OutOfSync",
        phase="Failed",
        results=EXCLUDED_FAILED,
    )
    seen = choose("!*:*:worker").view(whole)
    history = SymptomHistory().observe(seen, now=0, compared=True)
    verdict = judge(seen, history.observe(seen, now=1, compared=True))
    assert verdict.outcome is Outcome.SYNC_FAILED
    assert "Deployment/worker: denied" in verdict.reason


@pytest.mark.parametrize(
    ("patterns", "delivered"), [(("apps:Deployment:web",), False), (("!apps:Job:smoke",), True), (("*:*:web", "!*:Job:*"), True)]
)  # fmt: skip
def test_a_failed_hook_counts_unless_a_pattern_excludes_it(patterns: tuple[str, ...], *, delivered: bool) -> None:
    results = failed(("Job", "smoke", "PostSync"))["results"]
    seen = choose(*patterns).view(state(resource("web"), phase="Failed", results=results))
    assert (blocker(seen, Expectation(), compared=True) is None) is delivered


@pytest.mark.parametrize("message", ["Operation terminated", "one or more objects failed to apply"])
def test_a_terminated_sync_counts(message: str) -> None:
    seen = choose("!*:*:worker").view(state(resource("web"), phase="Failed", results=EXCLUDED_FAILED))
    assert seen.operation is not None
    ended = replace(seen.operation, message=message, excused=False, excluded_failures=(), results=())
    again = choose("!*:*:worker").view(replace(seen, operation=ended))
    assert again.operation == ended
    assert blocker(again, Expectation(), compared=True) is not None


@pytest.mark.parametrize(
    ("name", "more", "kept"), [("worker", "", 0), ("web", "", 1), ("worker", "see logs for 2 other errors; ", 1)]
)
def test_an_unreadable_health_of_an_excluded_resource_does_not_count(name: str, more: str, kept: int) -> None:
    error = f'failed to get resource health for "Deployment" with name "{name}" in namespace "prod": lua'
    condition = Condition(type="ComparisonError", message=f"error setting app health: {more}{error}")
    whole = replace(state(resource("web"), resource("worker")), conditions=(condition,))
    assert whole.unreadable_health
    assert len(choose("!*:*:worker").view(whole).conditions) == kept


def test_the_tree_of_an_exclusion_has_no_pods_of_it() -> None:
    seen = choose("!*:*:worker").view(state(resource("web"), resource("worker")))
    nodes = tuple(node("Deployment", name) for name in ("web", "worker"))
    pods = tuple(node("Pod", f"{name}-1", owner=name) for name in ("web", "worker"))
    hook = node("Job", "migrate")
    tree = Tree(nodes=(*nodes, *pods, hook))
    assert [item.name for item in without(tree, seen.exclusion).nodes] == ["web", "web-1", "migrate"]
    assert without(tree, None) is tree


@pytest.mark.parametrize(("chosen", "images"), [((":Service:web",), ()), (("batch:Job:migrate",), ("web:2",))])
def test_only_pods_of_chosen_resources_prove_an_image(chosen: tuple[str, ...], images: tuple[str, ...]) -> None:
    """A hook is no resource, so the pods of its Job prove nothing about the chosen ones."""
    job = () if chosen == (":Service:web",) else (resource("migrate", "Job"),)
    seen = choose(*chosen).view(state(resource("web", "Service", health=""), resource("worker"), *job))
    pod = replace(node("Pod", "migrate-1", owner="migrate"), images=("web:2",))
    tree = without(Tree(nodes=(node("Deployment", "worker"), node("Job", "migrate"), pod)), seen.exclusion)
    assert tree.images == images
    assert [item.name for item in tree.pods] == ["migrate-1"], "the job still reports a hook that cannot start"


def node(kind: str, name: str, *, owner: str = "") -> Any:
    from argocd_release.model.resource_tree import Node  # noqa: PLC0415

    group = {"Deployment": "apps", "Job": "batch"}.get(kind, "")
    return Node(
        uid=name, owner=owner, group=group, version="v1", kind=kind, namespace="prod", name=name, health="Healthy",
        message="", created_at="", images=(),
    )  # fmt: skip


def test_an_application_without_resources_stays_empty() -> None:
    seen = choose("!*:*:worker").view(state())
    assert Expectation(allow_empty=True).gap(seen) is None
    missing = blocker(seen, Expectation(), compared=True)
    assert missing is not None
    assert missing.code is CauseCode.NOTHING_MANAGED
    assert seen.sync is SyncStatus.SYNCED
