"""Test the metrics report as a library reads it, and the line of the job log with the same times."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from argocd_release.messages import reports as texts
from argocd_release.model.outcome import Outcome, Verdict, overall
from argocd_release.model.resource_tree import Workloads
from argocd_release.model.result import ApplicationResult, ReleaseResult
from argocd_release.model.timeline import Phases, ReleaseTimeline, Span, SpanKind
from argocd_release.reports import gitlab_reports, summary
from argocd_release.reports.summary import proof
from tests.support.hostile import HOSTILE
from tests.support.wording import fields_of, is_from
from tests.unit.states import NEW, application

WEB = Span(kind=SpanKind.ROLLOUT, subject="Deployment/web", began=3.5, ended=41.7, end="Healthy")
SYNC = Span(kind=SpanKind.SYNC, subject="sync", began=1.0, ended=3.1, end="Succeeded")
ROLLOUT = ReleaseTimeline(phases=Phases(compared=0.8, synced=3.1, healthy=41.7, judged=42.0), spans=(SYNC, WEB))


def one(outcome: Outcome = Outcome.DELIVERED, name: str = "web", **parts: Any) -> ApplicationResult:
    given: dict[str, Any] = {"application": application(), "rollout": ROLLOUT} | parts
    return ApplicationResult(
        verdict=Verdict(outcome=outcome, reason="because"), name=name, url="", image_tag="abc1234", seconds=42.3,
        ended_at=datetime(2026, 1, 1, tzinfo=UTC), **given,
    )  # fmt: skip


def samples(*applications: ApplicationResult) -> dict[tuple[str, str], float]:
    """Return each sample by its metric and application, as a library reads them.

    Each metric must have a unit, if its name has one, and a help text.
    """
    result = ReleaseResult(
        verdict=overall([one.outcome for one in applications]),
        applications=applications,
        seconds=1,
        ended_at=datetime.now(UTC),
    )
    found = {}
    for family in text_string_to_metric_families(gitlab_reports.render_metrics(result)):  # type: ignore[no-untyped-call]
        assert family.type == "gauge"
        assert family.unit == ("seconds" if family.name.endswith("_seconds") else "")
        assert family.documentation
        for sample in family.samples:
            found[sample.name.removeprefix("argocd_release_"), sample.labels["application"]] = sample.value
    return found


def test_what_is_known_is_measured() -> None:
    assert samples(one()) == {
        ("duration_seconds", "web"): 42.3,
        ("compared_seconds", "web"): 0.8,
        ("synced_seconds", "web"): 3.1,
        ("healthy_seconds", "web"): 41.7,
        ("sync_attempts", "web"): 1,
        ("resources", "web"): 1,
        ("resources_changed", "web"): 0,
    }


def test_what_is_not_known_is_left_out() -> None:
    assert samples(one(Outcome.DENIED, application=None, rollout=ReleaseTimeline())) == {
        ("duration_seconds", "web"): 42.3
    }
    assert samples() == {}


def test_each_application_has_its_own() -> None:
    found = samples(one(name="web"), one(name="api"))
    assert {application for _, application in found} == {"web", "api"}


@pytest.mark.parametrize("text", [text for text in HOSTILE if isinstance(text, str)])
def test_no_name_breaks_the_report(text: str) -> None:
    assert samples(one(name=f'{text} "quoted" \\ and\n# EOF'))


def test_the_phases_are_one_line() -> None:
    for language in ("en", "ru"):
        page = Path(__file__).parents[3] / "docs" / language / "reference" / "page.md"
        assert f"`{summary.line(one())}`" in page.read_text("utf-8")
    assert summary.line(one()) == "compared 0.8 s · synced 3.1 s · healthy 41.7 s (Deployment/web 38.2 s)"
    quick = ReleaseTimeline(phases=Phases(compared=0.1, synced=0.1, healthy=0.1))
    assert summary.line(one(rollout=quick)) == "compared 0.1 s · synced 0.1 s · healthy 0.1 s"


def test_what_was_not_reached_is_said() -> None:
    synced = ReleaseTimeline(phases=Phases(compared=0.8, synced=3.1))
    ill = application(health="Progressing", sync="OutOfSync")
    line = summary.line(one(Outcome.DEGRADED, rollout=synced, application=ill))
    assert line == "compared 0.8 s · synced 3.1 s · Progressing at the end"
    compared = ReleaseTimeline(phases=Phases(compared=0.8))
    line = summary.line(one(Outcome.SYNC_FAILED, rollout=compared, application=ill))
    assert line == "compared 0.8 s · OutOfSync at the end"
    assert summary.line(one(Outcome.UNREACHABLE, rollout=ReleaseTimeline())) == ""


def test_if_argo_cd_could_not_compare_at_the_end_no_phase_says_that_it_did() -> None:
    """The log said «compared 0.3 s» and «cannot compare» (D5)."""
    unknown = application(sync="Unknown", conditions=[{"type": "ComparisonError", "message": "no git"}])
    compared = ReleaseTimeline(phases=Phases(compared=0.8))
    assert summary.line(one(Outcome.SYNC_FAILED, rollout=compared, application=unknown)) == ""


def test_what_green_proves() -> None:
    assert proof(one()) == texts.PROVEN_HEAD.fill(head=texts.HEAD_AT.fill(revision=NEW[:8]))
    expected = replace(one(), expects="image 8be41d7")
    assert proof(expected) == texts.PROVEN.fill(expected="image 8be41d7")
    image = "registry.example.com/web:abc1234"
    listed = application(summary={"images": [image]})
    serving = replace(listed, workloads=Workloads(images=(image,)))
    assert is_from(proof(one(application=serving)), texts.PROVEN_IMAGE)
    # Argo CD's list also contains the images of finished Jobs, so it does not prove that the image serves.
    for workloads in (None, Workloads(), Workloads(images=(image,), only_jobs=True)):
        only_listed = one(application=replace(listed, workloads=workloads))
        fields = fields_of(proof(only_listed), texts.PROVEN_HEAD_WITH_IMAGE)
        assert fields is not None
        assert fields["image_tag"] == "abc1234"
    assert is_from(proof(replace(one(), image_tag=NEW[:8])), texts.PROVEN_COMMIT)
    assert proof(one(Outcome.DEGRADED)) == texts.NOT_DELIVERED
    assert proof(one(Outcome.DENIED)) == texts.STATUS_UNKNOWN
