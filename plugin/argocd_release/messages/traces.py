"""The texts about the trace of a release: the results of the request, and the names of its spans."""

from typing import Final

from argocd_release.messages import Message

TRACE_SENT: Final = Message("sent {spans}, trace id {trace_id}")
TRACE_NOT_SAMPLED: Final = "not sent, because TRACEPARENT says that the pipeline's trace is not recorded"
TRACE_REFUSED: Final = Message("the collector responded with HTTP {status}{message}")
TRACE_REJECTED: Final = Message("the collector rejected {spans}{message}")
TRACE_HEADERS: Final = "the headers in OTEL_EXPORTER_OTLP_HEADERS are invalid; write name=value, separated by commas"
TRACE_RELEASE: Final = Message("release {applications}")
TRACE_APPLICATION: Final = Message("application {application}")
TRACE_COMPARISON: Final = "wait for comparison"
TRACE_SYNC: Final = "wait for Synced"
TRACE_HEALTH: Final = "wait for Healthy"
TRACE_CONFIRMATION: Final = "confirm"
TRACE_WAVE: Final = Message("sync wave {number}")
TRACE_PROBLEM: Final = Message("problem {problem}")
