"""The trace of a release on the sandbox, sent to a receiver that parses it strictly."""

import json
from collections.abc import Callable

import pytest
from jsonschema import Draft202012Validator

from argocd_release.reports.json_report import SCHEMA
from sandbox import manifests
from sandbox.application import delivered
from sandbox.sandbox import Sandbox
from scenarios.dsl import web
from tests.support.job import Release, StartRelease
from tests.support.otlp_receiver import receiver

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_a_release_with_a_hook_is_one_trace(sandbox: Sandbox, name: str, start_release: StartRelease) -> None:
    repository = sandbox.repository(name)
    revision = repository.commit(web("1"))
    sandbox.application(name, repository).wait_for(delivered(revision), 60)
    repository.commit(dict(web("2")) | {"hook.yaml": manifests.hook("migrate", "PreSync", ends_after="2s")})
    with receiver() as collector:
        running = start_release(
            name, OTEL_EXPORTER_OTLP_ENDPOINT=f"{collector.address}/", TRACEPARENT=PARENT,
            OTEL_EXPORTER_OTLP_HEADERS="api-key=hunter2-hunter2", CI_PIPELINE_URL="https://gitlab.example.com/p/-/pipelines/7",
        )  # fmt: skip
        release = running.end()

    assert release.exit_code == 0, release.log
    assert collector.errors == []
    assert collector.paths == ["/v1/traces"]
    assert collector.headers[0]["api-key"] == "hunter2-hunter2"
    names = [span.name for span in collector.spans]
    assert {f"release {name}", f"application {name}", "wait for comparison", "wait for Synced"} <= set(names)
    assert "PreSync Job/migrate" in names, names
    assert "Deployment/web" in names, names
    assert {span.trace_id.hex() for span in collector.spans} == {"0af7651916cd43dd8448eb211c80319c"}
    assert collector.resource["cicd.pipeline.run.id"] == "7"
    for span in collector.spans:
        assert span.end_time_unix_nano >= span.start_time_unix_nano
        assert release.ended - 120 < span.start_time_unix_nano / 1e9 < release.ended
    assert release.log.count(f"trace: sent {len(names)} spans, trace id 0af7651916cd43dd8448eb211c80319c") == 1, (
        release.log
    )
    for file in running.folder.iterdir():
        assert "hunter2" not in file.read_text("utf-8"), file
    assert "hunter2" not in release.log
    report = json.loads((running.folder / "argocd-release.json").read_text("utf-8"))
    assert not list(Draft202012Validator(SCHEMA).iter_errors(report))


@pytest.mark.parametrize("status", [503, 0])
def test_a_collector_that_fails_changes_no_verdict(
    sandbox: Sandbox, name: str, release: Callable[..., Release], status: int
) -> None:
    repository = sandbox.repository(name)
    repository.commit(web("1"))
    sandbox.application(name, repository)
    with receiver() as collector:
        collector.status = status
        if not status:
            collector.delay.clear()
        ended = release(name, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=f"{collector.address}/spans")
    assert collector.paths == ["/spans"]
    assert ended.exit_code == 0, ended.log
    assert ended.log.count("warning: could not update the trace: ") == 1, ended.log
