"""Test which part of a large release the reports list, and the numbers that they give for the rest."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from argocd_release.model.outcome import Outcome, Verdict, overall
from argocd_release.model.problem import ResourceRef
from argocd_release.model.resource_tree import Node
from argocd_release.model.result import ApplicationResult, Diagnosis, ReleaseResult
from argocd_release.model.timeline import PreviousState, ReleaseTimeline, Span, SpanKind
from argocd_release.reports import evidence, gitlab_reports, json_report, junit
from argocd_release.reports.page import render as page
from argocd_release.reports.size_limits import EXCLUDED, LISTED, LISTED_TEXT, OTHER, _shares, limited
from argocd_release.verdict.chosen_resources import ChosenResources
from tests.support.gitlab_rules import check_dotenv, check_junit
from tests.unit.states import application

THERE = {"group": "apps", "kind": "Deployment", "namespace": "web"}
ENDED_AT = datetime(2026, 1, 1, tzinfo=UTC)


def one(
    outcome: Outcome = Outcome.DEGRADED, reason: str = "because", name: str = "web", **parts: Any
) -> ApplicationResult:
    return ApplicationResult(
        verdict=Verdict(outcome=outcome, reason=reason),
        name=name,
        url="",
        image_tag="abc1234",
        seconds=1.5,
        ended_at=ENDED_AT,
        application=application(**parts) if parts else None,
    )


def release(*applications: ApplicationResult) -> ReleaseResult:
    verdict = applications[0].verdict if len(applications) == 1 else overall([each.outcome for each in applications])
    several = len(applications) > 1
    return ReleaseResult(verdict=verdict, applications=applications, seconds=1.5, ended_at=ENDED_AT, several=several)


def resource(number: int, *, degraded: bool = False, message: str = "") -> dict[str, Any]:
    health = {"status": "Degraded" if degraded else "Healthy", "message": message}
    return {**THERE, "name": f"part-{number}", "status": "Synced", "health": health}


def changed(number: int, *, hook: str = "", message: str = "deployment.apps/x configured") -> dict[str, Any]:
    return {**THERE, "name": f"part-{number}", "status": "Synced", "message": message, "hookType": hook}


def large(name: str, count: int, *, degraded: int = 0, outcome: Outcome = Outcome.DEGRADED) -> ApplicationResult:
    """Return an application of which the sync changed all resources, and the last ``degraded`` ones are Degraded."""
    resources = [resource(number, degraded=number >= count - degraded) for number in range(count)]
    results = [changed(number) for number in range(count)]
    return one(outcome, name=name, resources=resources, results=results)


def total(result: ReleaseResult, of: str) -> int:
    return sum(len(getattr(each.application, of)) for each in result.applications)


def test_a_small_release_is_shown_as_it_is() -> None:
    small = release(large("web", 40, degraded=3), large("api", 10), one(name="unknown"))
    assert json_report.document(limited(small)) == json_report.document(small)
    assert junit.render(limited(small)) == junit.render(small)


def test_a_large_release_lists_what_deviates_first_and_counts_the_rest() -> None:
    shown = limited(release(*(large(f"app-{number:02}", 400, degraded=7) for number in range(20))))
    assert total(shown, "resources") == total(shown, "results") == LISTED
    report = json_report.document(shown)
    Draft202012Validator(json_report.SCHEMA).validate(report)
    for each in report["applications"]:
        listed = each["state"]["resources"]
        assert len(listed) == LISTED // 20
        assert Counter(item["health"] for item in listed[:7]) == {"Degraded": 7}
        assert each["counts"] | {"spans": 0} == {
            "resources": 400, "deviating": 7, "sync": {"Synced": 400}, "health": {"Degraded": 7, "Healthy": 393},
            "conditions": 0, "images": 1, "spans": 0, "pods": 0,
        }  # fmt: skip
        assert each["changes"]["count"] == 400
        assert each["changes"]["actions"] == {"configured": 400}
        assert each["changes"]["unchanged"] == 0
    assert 'argocd_release_resources{application="app-00"} 400' in gitlab_reports.render_metrics(shown)
    assert 'argocd_release_resources_changed{application="app-00"} 400' in gitlab_reports.render_metrics(shown)
    assert f"Resources:   8000, of which the reports list {LISTED}" in evidence.render(shown)
    assert f"Resources:   400, of which the reports list {LISTED // 20}" in junit.render(shown)


def test_an_application_that_needs_less_leaves_its_room_to_the_others() -> None:
    shown = limited(release(large("small", 10), large("large", LISTED * 3)))
    assert [len(each.application.resources) for each in shown.applications if each.application] == [10, LISTED - 10]


def test_every_report_tells_how_much_deviates_that_it_does_not_list() -> None:
    count = LISTED + 500
    shown = limited(release(large("web", count, degraded=count)))
    text = evidence.story(shown.applications[0])
    assert (
        f"Resources:   {count}, of which the reports list {LISTED}; not Synced and Healthy: 500 of the others" in text
    )
    assert f"… and {count - 14} more lines left out" in text
    assert check_junit(junit.render(shown))["other resources"] == "skipped"
    assert f"and {count - 20} more" in page(json_report.document(shown))


def test_a_delivered_release_counts_its_changes() -> None:
    count = LISTED + 500
    shown = limited(release(large("web", count, outcome=Outcome.DELIVERED)))
    text = "\n".join(map(str, evidence.blocks(shown.applications[0])))
    assert f"and {count - 30} more: {count - 30} configured" in text
    assert f"{count} configured" in page(json_report.document(shown))
    assert check_junit(junit.render(shown))["other resources"] == "passed"


def test_a_hook_and_a_failed_resource_are_listed_before_others() -> None:
    results = [
        *(changed(number) for number in range(LISTED)),
        changed(LISTED, hook="PostSync"),
        changed(LISTED + 1) | {"status": "SyncFailed", "message": "it is immutable"},
    ]
    shown = limited(release(one(resources=[], results=results))).applications[0]
    assert shown.application is not None
    assert [item.name for item in shown.application.results[:2]] == [f"part-{LISTED}", f"part-{LISTED + 1}"]
    assert sum(shown.change_counts.values()) == LISTED + 2


def test_long_messages_share_a_limit_too() -> None:
    resources = [resource(number, degraded=True, message=f"{number} {'x' * 3900}") for number in range(300)]
    shown = limited(release(one(resources=resources), large("api", 10))).applications
    assert shown[0].application is not None
    assert shown[1].application is not None
    listed = shown[0].application.resources
    assert 90 < len(listed) < 300
    assert sum(len(item.message) for item in listed) <= LISTED_TEXT
    assert len(shown[1].application.resources) == 10
    assert shown[0].resource_counts.total() == 300


def test_reasons_of_many_applications_are_cut() -> None:
    shown = limited(release(*(one(name=f"app-{n}", reason="x" * 4000, health="Degraded") for n in range(500))))
    assert max(len(each.verdict.reason) for each in shown.applications) < 1000
    assert len(limited(release(one(reason="x" * 4000))).applications[0].verdict.reason) == 4000


def test_images_of_the_commit_and_changed_images_stay_listed() -> None:
    images = [f"registry.example.com/part-{number}:1" for number in range(LISTED + 100)]
    built = "registry.example.com/web:abc1234"
    new = replace(
        one(Outcome.DELIVERED, health="Healthy", summary={"images": [*images, "registry.example.com/new:2", built]}),
        rollout=ReleaseTimeline(before=PreviousState(images=tuple(images))),
    )
    shown = limited(release(new)).applications[0]
    assert shown.image_is_there
    assert shown.application is not None
    assert {built, "registry.example.com/new:2"} <= set(shown.application.images)
    assert len({*shown.application.images, *shown.rollout.before.images}) == LISTED
    values = check_dotenv(gitlab_reports.render_dotenv(limited(release(new))))
    assert values["ARGOCD_RELEASE_IMAGE_COUNT"] == str(LISTED + 102)


def test_spans_and_pods_are_bounded_and_counted() -> None:
    spans = [
        Span(kind=SpanKind.ROLLOUT, subject=f"Deployment/{number}", began=1.0, ended=2.0) for number in range(LISTED)
    ]
    sync = Span(kind=SpanKind.SYNC, subject="sync", began=3.0, ended=4.0)
    ref = ResourceRef("", "Pod", "web", "web-x")
    pod = Node(
        uid="u", owner="", group=ref.group, version="v1", kind=ref.kind, namespace=ref.namespace, name=ref.name,
        health="Healthy", message="", created_at="", images=(),
    )  # fmt: skip
    broken = replace(pod, health="Degraded")
    many = replace(
        one(health="Degraded"),
        rollout=ReleaseTimeline(spans=(*spans, sync)),
        diagnosis=Diagnosis(pods=(*[pod] * (LISTED + 3), broken)),
    )
    shown = limited(release(many)).applications[0]
    assert sync in shown.rollout.spans
    assert broken in shown.diagnosis.pods
    counts = json_report.document(release(shown))["applications"][0]["counts"]
    assert (counts["spans"], counts["pods"]) == (LISTED + 1, LISTED + 4)
    assert "and 4 more pods not listed" in evidence.story(shown)


def test_limiting_twice_changes_nothing() -> None:
    """The reports are written several times, each time from the result that was reported before."""
    first = limited(release(*(large(f"app-{number}", 900, degraded=5) for number in range(5))))
    assert limited(first) == first


def test_no_text_from_outside_becomes_a_key_of_the_numbers() -> None:
    results = [changed(number) | {"status": f"secret-{number}", "message": ""} for number in range(LISTED + 9)]
    shown = limited(release(one(resources=[], results=results))).applications[0]
    assert {change.word for change in shown.unlisted.changes} == {OTHER}
    assert sum(shown.change_counts.values()) == LISTED + 9


@given(st.lists(st.integers(0, 5000), max_size=60), st.integers(0, 3000))
def test_the_room_is_shared_fairly(needs: list[int], room: int) -> None:
    shares = _shares(needs, room)
    assert all(share <= need for share, need in zip(shares, needs, strict=True))
    assert sum(shares) == min(sum(needs), room)
    # If an application gets less than it needs, each other application gets at most one item more.
    short = [share for share, need in zip(shares, needs, strict=True) if share < need]
    assert not short or max(shares) <= min(short) + 1


@pytest.mark.parametrize("count", [0, 1])
def test_a_release_without_applications_has_limits_too(count: int) -> None:
    assert len(limited(replace(release(one()), applications=(one(),) * count)).applications) == count


@pytest.mark.parametrize("outcome", [Outcome.DELIVERED, Outcome.DEGRADED])
def test_every_report_names_the_excluded_resources_and_the_worst_of_many_first(outcome: Outcome) -> None:
    degraded = {"kind": "CronJob", "group": "batch", "namespace": "web", "name": "nightly", "status": "OutOfSync"}
    whole = application(
        sync="OutOfSync", resources=[*(resource(number) for number in range(300)), degraded], health="Healthy"
    )
    seen = ChosenResources.of(["*:*:*1", "!*:CronJob:*"]).view(whole)
    given = limited(release(replace(one(outcome), application=seen)))
    report = json_report.document(given)
    Draft202012Validator(json_report.SCHEMA).validate(report)
    excluded = report["applications"][0]["excluded"]
    assert (excluded["count"], len(excluded["resources"]), excluded["sync"]) == (271, EXCLUDED, "OutOfSync")
    assert excluded["resources"][0]["name"] == "nightly"
    facts = evidence.facts(given.applications[0])
    assert "CronJob/nightly" in facts
    assert "266 more" in facts
    assert "CronJob/nightly" in page(report)
    everything = json_report.document(release(one(outcome)))
    assert "excluded" not in everything["applications"][0]
