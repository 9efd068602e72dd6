"""A receiver of traces that parses each request strictly, with the classes of opentelemetry-proto."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

IDS = ("traceId", "spanId", "parentSpanId")


@dataclass
class Receiver:
    """The requests that a collector has received, and its next response.

    Attributes:
        requests: the parsed requests.
        headers: the headers of each request.
        paths: the path of each request.
        errors: the reasons why requests could not be parsed.
        status: the HTTP status of the response.
        body: the body of the response.
        delay: an event for which each response waits.
    """

    port: int = 0
    requests: list[ExportTraceServiceRequest] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    status: int = 200
    body: str = "{}"
    delay: threading.Event = field(default_factory=threading.Event)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def spans(self) -> list[Any]:
        (request,) = self.requests
        (resource,) = request.resource_spans
        (scope,) = resource.scope_spans
        return list(scope.spans)

    @property
    def resource(self) -> dict[str, str]:
        (request,) = self.requests
        (resource,) = request.resource_spans
        return {item.key: item.value.string_value for item in resource.resource.attributes}


def parsed(body: bytes) -> ExportTraceServiceRequest:
    """Parse a request. Unknown fields, wrong types and invalid ids raise an exception.

    The ids are hexadecimal in OTLP's JSON, but base64 in the usual JSON of protobuf.
    """
    document = json.loads(body)
    for resource in document["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                assert len(span["traceId"]) == 32
                assert len(span["spanId"]) == 16
                for name in IDS:
                    if name in span:
                        span[name] = base64.b64encode(bytes.fromhex(span[name])).decode()
    request = ExportTraceServiceRequest()
    json_format.ParseDict(document, request, ignore_unknown_fields=False)
    return request


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Run a receiver on this machine."""
    state = Receiver()
    state.delay.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            state.paths.append(self.path)
            state.headers.append(dict(self.headers.items()))
            try:
                state.requests.append(parsed(body))
            except (ValueError, KeyError, AssertionError, json_format.ParseError) as error:
                state.errors.append(repr(error))
            state.delay.wait(20)
            answer = state.body.encode()
            self.send_response(state.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield state
        finally:
            state.delay.set()
            server.shutdown()
