"""Test the trace of a release: its spans, and its request, which a receiver parses strictly."""

import ssl
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from argocd_release.model.errors import NotificationError
from argocd_release.model.outcome import Outcome, Verdict
from argocd_release.model.result import ApplicationResult, ReleaseResult
from argocd_release.model.timeline import Phases, ReleaseTimeline, Span, SpanKind
from argocd_release.notify.traces import Exporter, Parent, headers_of, parent_of
from argocd_release.settings.environment import JobEnvironment, secret_values
from argocd_release.timing import TRACE_CALL, Deadline
from argocd_release.transport.client import Client, HttpError, Request
from tests.support.otlp_receiver import Receiver, receiver
from tests.unit.states import application

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])
ENDED_AT = datetime(2026, 1, 1, 12, 0, 30, tzinfo=UTC)
BEGAN_AT = int(datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC).timestamp()) * 10**9
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TIMELINE = ReleaseTimeline(
    phases=Phases(compared=1.0, synced=20.0, healthy=25.0, judged=25.5),
    spans=(
        Span(kind=SpanKind.SYNC, subject="sync", began=1.5, ended=19.0, end="Succeeded"),
        Span(kind=SpanKind.HOOK, subject="PreSync Job/migrate", began=2.0, ended=9.0, end="Succeeded", namespace="web"),
        Span(kind=SpanKind.ROLLOUT, subject="Deployment/db", began=10.0, ended=15.0, end="Healthy", wave=-1),
        Span(kind=SpanKind.ROLLOUT, subject="Deployment/web", began=16.0, ended=25.0, end="Healthy", wave=3),
        Span(kind=SpanKind.TROUBLE, subject="pods", began=17.0, ended=18.0, text="ImagePullBackOff"),
    ),
)


def released(outcome: Outcome = Outcome.DELIVERED, **parts: Any) -> ReleaseResult:
    verdict = Verdict(outcome=outcome, reason="because")
    one = ApplicationResult(
        verdict=verdict, name="web", url="https://argocd.example.com/applications/web", image_tag="", seconds=30.0,
        ended_at=ENDED_AT, application=application(), rollout=TIMELINE,
    )  # fmt: skip
    return ReleaseResult(
        verdict=verdict, applications=(replace(one, **parts),), seconds=30.0, ended_at=ENDED_AT, version="1.2.3"
    )


@pytest.fixture
def collector() -> Iterator[Receiver]:
    with receiver() as state:
        yield state


def sent(collector: Receiver, result: ReleaseResult, **parts: Any) -> str:
    exporter = Exporter(address=f"{collector.address}/v1/traces", service_name="releases", **parts)
    return exporter.end(result, Deadline(4.0))


def attributes(span: Any) -> dict[str, Any]:
    return {item.key: getattr(item.value, item.value.WhichOneof("value")) for item in span.attributes}


def test_the_spans_of_a_release_have_its_times_and_its_shape(collector: Receiver) -> None:
    text = sent(collector, released(), pipeline={"cicd.pipeline.run.id": "42", "vcs.ref.head.name": ""})

    assert collector.errors == []
    spans = {span.name: span for span in collector.spans}
    assert len(spans) == len(collector.spans)
    names = {span.span_id: span.name for span in collector.spans}
    shape = {
        span.name: (
            names.get(span.parent_span_id, ""),
            (span.start_time_unix_nano - BEGAN_AT) / 1e9,
            (span.end_time_unix_nano - BEGAN_AT) / 1e9,
        )
        for span in collector.spans
    }
    assert shape == {
        "release web": ("", 0.0, 30.0),
        "application web": ("release web", 0.0, 30.0),
        "wait for comparison": ("application web", 0.0, 1.0),
        "wait for Synced": ("application web", 1.0, 20.0),
        "wait for Healthy": ("application web", 20.0, 25.0),
        "confirm": ("application web", 25.0, 25.5),
        "sync": ("application web", 1.5, 19.0),
        "PreSync Job/migrate": ("sync", 2.0, 9.0),
        "sync wave -1": ("application web", 10.0, 15.0),
        "sync wave 3": ("application web", 16.0, 25.0),
        "Deployment/db": ("sync wave -1", 10.0, 15.0),
        "Deployment/web": ("sync wave 3", 16.0, 25.0),
        "problem pods": ("application web", 17.0, 18.0),
    }
    (trace_id,) = {span.trace_id.hex() for span in collector.spans}
    assert trace_id in text
    assert spans["release web"].status.code == 1
    assert spans["problem pods"].status.code == 2
    assert spans["problem pods"].status.message == "ImagePullBackOff"
    root = attributes(spans["release web"])
    assert root["cicd.pipeline.task.run.result"] == "success"
    assert root["deployment.status"] == "succeeded"
    assert "error.type" not in root
    assert collector.resource == {
        "service.name": "releases", "service.version": "1.2.3", "cicd.pipeline.run.id": "42",
    }  # fmt: skip


@pytest.mark.parametrize("outcome", list(Outcome))
def test_each_outcome_has_a_result_and_a_status(collector: Receiver, outcome: Outcome) -> None:
    sent(collector, released(outcome))
    assert collector.errors == []
    root = next(span for span in collector.spans if not span.parent_span_id)
    values = attributes(root)
    assert values["process.exit.code"] == outcome.exit_code
    delivered = outcome is Outcome.DELIVERED
    assert (root.status.code == 1) is delivered
    assert ("error.type" in values) is not delivered
    assert values["cicd.pipeline.task.run.result"] in {"success", "failure", "timeout", "cancellation", "error"}


def test_what_has_not_ended_ends_with_the_release(collector: Receiver) -> None:
    timeline = ReleaseTimeline(
        phases=Phases(compared=1.0),
        spans=(Span(kind=SpanKind.ROLLOUT, subject="Deployment/web", began=16.0, end="Progressing"),),
    )
    sent(collector, released(Outcome.TIMED_OUT, rollout=timeline))
    spans = {span.name: span for span in collector.spans}
    assert set(spans) == {
        "release web", "application web", "wait for comparison", "wait for Synced", "Deployment/web",
    }  # fmt: skip
    for name in ("wait for Synced", "Deployment/web"):
        assert spans[name].end_time_unix_nano == BEGAN_AT + 30 * 10**9
        assert attributes(spans[name])["argocd.span.unfinished"] is True


def test_the_trace_of_the_pipeline_goes_on(collector: Receiver) -> None:
    assert "0af7651916cd43dd8448eb211c80319c" in sent(collector, released(), traceparent=TRACEPARENT)
    assert {span.trace_id.hex() for span in collector.spans} == {"0af7651916cd43dd8448eb211c80319c"}
    root = next(span for span in collector.spans if span.name == "release web")
    assert root.parent_span_id.hex() == "b7ad6b7169203331"


def test_a_trace_that_is_not_recorded_is_not_sent(collector: Receiver) -> None:
    assert "TRACEPARENT" in sent(collector, released(), traceparent=f"{TRACEPARENT[:-2]}00")
    assert collector.requests == []


@pytest.mark.parametrize(
    ("text", "parent"),
    [
        (TRACEPARENT, Parent(trace_id=TRACEPARENT[3:35], span_id=TRACEPARENT[36:52], sampled=True)),
        (f"01{TRACEPARENT[2:]}-more", Parent(trace_id=TRACEPARENT[3:35], span_id=TRACEPARENT[36:52], sampled=True)),
        (f"{TRACEPARENT}-more", None),
        (f"ff{TRACEPARENT[2:]}", None),
        (TRACEPARENT.upper(), None),
        (f"00-{'0' * 32}-b7ad6b7169203331-01", None),
        (f"00-{'1' * 32}-{'0' * 16}-01", None),
        ("", None),
        ("garbage", None),
    ],
)
def test_only_a_valid_parent_counts(text: str, parent: Parent | None) -> None:
    assert parent_of(text) == parent


def test_headers_are_sent_and_decoded(collector: Receiver) -> None:
    sent(collector, released(), headers="authorization=Bearer%20hunter2, x-tenant = a=b ,")
    (headers,) = collector.headers
    assert headers["authorization"] == "Bearer hunter2"
    assert headers["x-tenant"] == "a=b"
    assert headers["Content-Type"] == "application/json"
    assert collector.paths == ["/v1/traces"]


@pytest.mark.parametrize("text", ["hunter2", "a=", "a=b%0d%0ac: d", "a b=hunter2", "=hunter2", "a=hunter2\u00e9"])
def test_invalid_headers_are_refused_and_not_shown(text: str) -> None:
    with pytest.raises(NotificationError) as raised:
        headers_of(text)
    assert "hunter2" not in str(raised.value)
    assert "OTEL_EXPORTER_OTLP_HEADERS" in str(raised.value)


@pytest.mark.parametrize("text", ["a=%20hunter2%09", "a=hunter2%20", "a= %09hunter2"])
def test_a_header_has_no_space_around_its_value(collector: Receiver, text: str) -> None:
    assert headers_of(text) == {"a": "hunter2"}
    assert "hunter2" in secret_values(JobEnvironment({"OTEL_EXPORTER_OTLP_HEADERS": text}))
    assert sent(collector, released(), headers=text).startswith("sent")


@pytest.mark.parametrize("text", ["a=%20", "a=%09%20"])
def test_a_header_of_spaces_is_refused(text: str) -> None:
    with pytest.raises(NotificationError):
        headers_of(text)


def test_the_error_about_an_illegal_header_does_not_contain_its_value(collector: Receiver) -> None:
    request = Request(url=collector.address, headers={"a": " hun'ter\"2"}, body_limit=100)
    with Client(tls=ssl.create_default_context, deadline=Deadline(3.0)) as client, pytest.raises(HttpError) as raised:
        client.send(request, seconds=2.0)
    assert "ter" not in str(raised.value)


def test_texts_from_outside_are_clean(collector: Receiver) -> None:
    """A branch name can contain bytes that are not UTF-8. Python then reads them as lone surrogates."""
    name = b"caf\xe9\x1b[31m\n1".decode("utf-8", "surrogateescape")
    spans = (Span(kind=SpanKind.TROUBLE, subject=name, began=1.0, ended=2.0, text=name),)
    sent(collector, released(rollout=ReleaseTimeline(spans=spans)), pipeline={"vcs.ref.head.name": name})
    assert collector.errors == []
    assert collector.resource["vcs.ref.head.name"] == "caf 1"
    assert [span.status.message for span in collector.spans if span.name == "problem caf 1"] == ["caf 1"]


def test_a_refusal_is_said_with_its_reason(collector: Receiver) -> None:
    collector.status, collector.body = 401, '{"code": 16, "message": "no\\u001b[31m such key"}'
    with pytest.raises(NotificationError, match="HTTP 401: no such key"):
        sent(collector, released())


def test_spans_that_are_rejected_are_counted(collector: Receiver) -> None:
    collector.body = '{"partialSuccess": {"rejectedSpans": "3", "errorMessage": "too old"}}'
    with pytest.raises(NotificationError, match="rejected 3 spans: too old"):
        sent(collector, released())


@pytest.mark.parametrize("body", ["", "no JSON", "[]", '{"partialSuccess": null}', '{"partialSuccess": {}}'])
def test_any_response_with_success_counts(collector: Receiver, body: str) -> None:
    collector.body = body
    assert sent(collector, released()).startswith("sent 13 spans")


def test_a_silent_collector_costs_no_more_than_its_limit(collector: Receiver) -> None:
    collector.delay.clear()
    started = time.monotonic()
    with pytest.raises(NotificationError):
        sent(collector, released())
    assert time.monotonic() - started < TRACE_CALL + 1.0


@pytest.mark.parametrize("address", ["collector:4317", "ftp://collector", "http://127.0.0.1:1/v1/traces"])
def test_a_wrong_address_is_an_error_of_one_line(address: str) -> None:
    with pytest.raises(NotificationError) as raised:
        Exporter(address=address, service_name="x").end(released(), Deadline(4.0))
    assert "\n" not in str(raised.value)
