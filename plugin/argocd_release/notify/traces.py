"""Send the timeline of a release as one trace, by OTLP over HTTP in JSON.

The format is the JSON of the OpenTelemetry protocol 1 (opentelemetry-proto v1.11.0 docs/specification.md).
The names of the attributes are those of OpenTelemetry's semantic conventions for CI/CD, VCS and deployments.
"""

import json
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, Final
from urllib.parse import unquote

from argocd_release.core.text import as_object, counted, one_line, parse_object
from argocd_release.messages import traces as texts
from argocd_release.model.application import Application
from argocd_release.model.errors import NotificationError
from argocd_release.model.outcome import Outcome
from argocd_release.model.result import ApplicationResult, ReleaseResult
from argocd_release.model.timeline import Span, SpanKind
from argocd_release.notify.gitlab_client import authorities
from argocd_release.timing import TRACE_CALL, Deadline
from argocd_release.transport.client import Client, HttpError, Request
from argocd_release.transport.network import tls_context

_SUCCESS: Final = range(200, 300)
#: The maximum length of a text in the trace in characters.
_TEXT_LIMIT: Final = 1000
#: The maximum size of the collector's response in bytes.
_BODY_LIMIT: Final = 64 << 10
# W3C Trace Context, version 00. A later version can have more parts at its end.
_TRACEPARENT: Final = re.compile(
    r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?"
)
_SAMPLED: Final = 1
_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_HEADER_VALUE: Final = re.compile(r"[\t\x20-\x7e]{1,8000}")
# Values of the enumerations of opentelemetry-proto (trace/v1/trace.proto).
_INTERNAL: Final = 1
_OK, _ERROR = 1, 2
_FAILED: Final = frozenset({"Failed", "Error", "Degraded", "Missing"})
#: The value of ``cicd.pipeline.task.run.result`` for each outcome. For all other outcomes, it is ``error``.
_RESULTS: Final = {
    Outcome.DELIVERED: "success",
    Outcome.SYNC_FAILED: "failure",
    Outcome.DEGRADED: "failure",
    Outcome.NOT_DELIVERED: "failure",
    Outcome.MISSING: "failure",
    Outcome.TIMED_OUT: "timeout",
    Outcome.CANCELLED: "cancellation",
    Outcome.INTERRUPTED: "cancellation",
}
Attributes = Mapping[str, str | int | bool]


@dataclass(frozen=True, kw_only=True)
class Parent:
    """The span of the pipeline that becomes the parent of the release's span, from TRACEPARENT."""

    trace_id: str
    span_id: str
    sampled: bool


@dataclass(frozen=True, kw_only=True)
class Exporter:
    """The notification sink that sends the trace of a release to a collector.

    Attributes:
        address: the URL that receives the spans.
        headers: the headers of the request, such as ``api-key=secret``. They are secret.
        service_name: the name of the service that the trace belongs to.
        traceparent: the span of the pipeline in the format of W3C Trace Context, or an empty string.
        pipeline: attributes of the pipeline.
        ca_file: path of a PEM file with a certificate authority to trust, or an empty string.
    """

    address: str
    headers: str = field(default="", repr=False)
    service_name: str
    traceparent: str = ""
    pipeline: Attributes = field(default_factory=dict)
    ca_file: str = ""

    #: The name of the sink in the log.
    name: str = field(default="trace", init=False)

    def wants(self, result: ReleaseResult) -> bool:
        """Return True: each release has a trace, even a cancelled one."""
        del result
        return True

    def on_application(self, application: Application) -> None:
        """Ignore the state: the trace is sent at the end."""

    def end(self, result: ReleaseResult, deadline: Deadline) -> str:
        """Send the trace, and return a message with its id.

        Raises:
            NotificationError: the collector refused the trace, or did not respond.
        """
        parent = parent_of(self.traceparent)
        if parent is not None and not parent.sampled:
            return texts.TRACE_NOT_SAMPLED
        trace = ReleaseTrace(result, parent)
        body = json.dumps(trace.document(self.service_name, self.pipeline)).encode("utf-8", "replace")
        request = Request(
            url=self.address,
            method="POST",
            headers={**headers_of(self.headers), "Content-Type": "application/json"},
            body=body,
            body_limit=_BODY_LIMIT,
            truncate=True,
        )
        tls = partial(tls_context, authorities=authorities(self.ca_file))
        try:
            with Client(tls=tls, deadline=deadline, proxies=True) as client:
                answer = client.send(request, seconds=TRACE_CALL)
        except HttpError as error:
            raise NotificationError(str(error)) from error
        document = parse_object(answer.text)
        if answer.status not in _SUCCESS:
            raise NotificationError(
                texts.TRACE_REFUSED.fill(status=answer.status, message=_excerpt(document.get("message")))
            )
        partial_success = as_object(document.get("partialSuccess"))
        if rejected := _number(partial_success.get("rejectedSpans")):
            raise NotificationError(
                texts.TRACE_REJECTED.fill(
                    spans=counted(rejected, "span"), message=_excerpt(partial_success.get("errorMessage"))
                )
            )
        return texts.TRACE_SENT.fill(spans=counted(len(trace.spans), "span"), trace_id=trace.trace_id)


def parent_of(traceparent: str) -> Parent | None:
    """Return the span that TRACEPARENT names, or None if the value is empty or invalid."""
    match = _TRACEPARENT.fullmatch(traceparent)
    if match is None or (match[1] == "00" and match[5]):
        return None
    return Parent(trace_id=match[2], span_id=match[3], sampled=bool(int(match[4], 16) & _SAMPLED))


def headers_of(text: str) -> dict[str, str]:
    """Return the headers in the text, such as ``api-key=secret,tenant=a``. Values can be percent-encoded.

    Raises:
        NotificationError: the text is invalid. The error does not quote it, because headers are secret.
    """
    headers: dict[str, str] = {}
    for part in filter(str.strip, text.split(",")):
        name, _, value = part.partition("=")
        name, value = name.strip(), unquote(value).strip()
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            raise NotificationError(texts.TRACE_HEADERS)
        headers[name] = value
    return headers


class ReleaseTrace:
    """The spans of one release. Their times are those of the runner's clock.

    Args:
        result: the result of the release, without secrets.
        parent: the span of the pipeline, or None to begin a new trace.
    """

    def __init__(self, result: ReleaseResult, parent: Parent | None) -> None:
        self.trace_id = parent.trace_id if parent else secrets.token_hex(16)
        self.spans: list[dict[str, Any]] = []
        self._result = result
        began = result.ended_at - timedelta(seconds=result.seconds)
        self._began_at = int(began.timestamp() * 1_000_000) * 1_000
        names = ", ".join(application.name for application in result.applications[:3])
        root = self._add(
            texts.TRACE_RELEASE.fill(applications=names or result.meant),
            parent.span_id if parent else "",
            0.0,
            result.seconds,
            attributes={**_outcome(result), "argocd_release.applications": len(result.applications)},
            status=_status(result),
        )
        for application in result.applications:
            self._add_application(application, root)

    def document(self, service_name: str, pipeline: Attributes) -> dict[str, Any]:
        """Return the trace as an ``ExportTraceServiceRequest`` in JSON."""
        resource = {"service.name": service_name, "service.version": self._result.version, **pipeline}
        scope = {"name": "argocd-release", "version": self._result.version}
        spans = {"scope": scope, "spans": self.spans}
        return {"resourceSpans": [{"resource": {"attributes": _attributes(resource)}, "scopeSpans": [spans]}]}

    def _add_application(self, result: ApplicationResult, root: str) -> None:
        application = result.application
        parent = self._add(
            texts.TRACE_APPLICATION.fill(application=result.name),
            root,
            0.0,
            result.seconds,
            attributes={
                **_outcome(result),
                "argocd.application.name": result.name,
                "argocd.application.url": result.url,
                "argocd.sync.status": application.sync.value if application else "",
                "argocd.health.status": application.health.value if application else "",
                "argocd.revision": application.revision if application else "",
            },
            status=_status(result),
        )
        for name, began, ended, is_over in _phases(result):
            phase: Attributes = {"argocd.span.kind": "phase", "argocd.span.unfinished": not is_over}
            self._add(name, parent, began, ended, attributes=phase)
        self._add_spans(result, parent)

    def _add_spans(self, result: ApplicationResult, parent: str) -> None:
        """Add the spans of the timeline: hooks below their sync, and resources below their sync wave."""
        spans = result.rollout.spans
        syncs = [(span, self._add_span(span, result, parent)) for span in spans if span.kind is SpanKind.SYNC]
        waves = self._add_waves([span for span in spans if span.kind is SpanKind.ROLLOUT], result, parent)
        for span in spans:
            if span.kind is SpanKind.HOOK:
                around = (at for sync, at in syncs if sync.began <= span.began <= _end(sync, result))
                self._add_span(span, result, next(around, parent))
            elif span.kind is not SpanKind.SYNC:
                self._add_span(span, result, waves.get(span.wave, parent) if span.kind is SpanKind.ROLLOUT else parent)

    def _add_waves(self, rollouts: Sequence[Span], result: ApplicationResult, parent: str) -> dict[int, str]:
        """Add a span for each sync wave if there are several. Return their ids."""
        numbers = sorted({span.wave for span in rollouts})
        waves: dict[int, str] = {}
        for number in numbers if len(numbers) > 1 else ():
            own = [span for span in rollouts if span.wave == number]
            began, ended = min(span.began for span in own), max(_end(span, result) for span in own)
            name = texts.TRACE_WAVE.fill(number=number)
            wave: Attributes = {"argocd.span.kind": "wave", "argocd.sync.wave": number}
            waves[number] = self._add(name, parent, began, ended, attributes=wave)
        return waves

    def _add_span(self, span: Span, result: ApplicationResult, parent: str) -> str:
        failed = span.kind is SpanKind.TROUBLE or span.end in _FAILED
        attributes: Attributes = {
            "argocd.span.kind": span.kind.value,
            "argocd.span.unfinished": span.ended is None,
            "argocd.state": span.end,
            "argocd.message": span.text,
            "argocd.sync.wave": span.wave,
            "k8s.namespace.name": span.namespace,
        }
        status = {"code": _ERROR, "message": one_line(span.text or span.end, limit=_TEXT_LIMIT)} if failed else {}
        name = span.subject if span.kind is not SpanKind.TROUBLE else texts.TRACE_PROBLEM.fill(problem=span.subject)
        return self._add(name, parent, span.began, _end(span, result), attributes=attributes, status=status)

    def _add(
        self,
        name: str,
        parent: str,
        began: float,
        ended: float,
        *,
        attributes: Attributes,
        status: Mapping[str, Any] | None = None,
    ) -> str:
        """Add a span, and return its id. The times are in seconds since the job began."""
        span_id = secrets.token_hex(8)
        span = {
            "traceId": self.trace_id,
            "spanId": span_id,
            "name": one_line(name, limit=200),
            "kind": _INTERNAL,
            "startTimeUnixNano": self._time(began),
            "endTimeUnixNano": self._time(max(ended, began)),
            "attributes": _attributes(attributes),
        }
        self.spans.append(span | ({"parentSpanId": parent} if parent else {}) | ({"status": status} if status else {}))
        return span_id

    def _time(self, seconds: float) -> str:
        return str(self._began_at + int(seconds * 1_000_000) * 1_000)


def _end(span: Span, result: ApplicationResult) -> float:
    return max(result.seconds, span.began) if span.ended is None else span.ended


def _phases(result: ApplicationResult) -> Iterator[tuple[str, float, float, bool]]:
    """Yield the name, the beginning and the end of each phase, and True if the application completed the phase."""
    phases = result.rollout.phases
    steps = (
        (texts.TRACE_COMPARISON, phases.compared),
        (texts.TRACE_SYNC, phases.synced),
        (texts.TRACE_HEALTH, phases.healthy),
        (texts.TRACE_CONFIRMATION, phases.judged),
    )
    began = 0.0
    for name, reached in steps:
        ended = result.seconds if reached is None else max(reached, began)
        yield name, began, max(ended, began), reached is not None
        if reached is None:
            return
        began = ended


def _outcome(result: ReleaseResult | ApplicationResult) -> dict[str, str | int | bool]:
    outcome, cause = result.outcome, result.cause
    delivered = outcome is Outcome.DELIVERED
    return {
        "cicd.pipeline.task.type": "deploy",
        "cicd.pipeline.task.run.result": _RESULTS.get(outcome, "error"),
        "deployment.status": "succeeded" if delivered else "failed" if outcome.is_failure else "",
        "error.type": "" if delivered else cause.code.word if cause else outcome.word,
        "argocd_release.outcome": outcome.word,
        "process.exit.code": outcome.exit_code,
    }


def _status(result: ReleaseResult | ApplicationResult) -> dict[str, Any]:
    if result.outcome is Outcome.DELIVERED:
        return {"code": _OK}
    return {"code": _ERROR, "message": one_line(str(result.cause or result.verdict.reason), limit=_TEXT_LIMIT)}


def _attributes(values: Attributes) -> list[dict[str, Any]]:
    """Return the attributes in OTLP's format, with cleaned texts, and without empty ones."""
    cleaned = {
        key: one_line(value, limit=_TEXT_LIMIT) if isinstance(value, str) else value for key, value in values.items()
    }
    return [{"key": key, "value": _value(value)} for key, value in cleaned.items() if value != ""]


def _value(value: str | int | bool) -> dict[str, Any]:  # noqa: FBT001 - the value of an attribute
    if isinstance(value, bool):
        return {"boolValue": value}
    return {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}


def _excerpt(message: object) -> str:
    text = one_line(message, limit=200) if isinstance(message, str) else ""
    return f": {text}" if text else ""


def _number(value: object) -> int:
    """Parse a 64-bit integer, which OTLP's JSON contains as a string. Return 0 if it is malformed."""
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0  # noqa: PLR2004 - digits
