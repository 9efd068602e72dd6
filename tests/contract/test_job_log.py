"""The job log of each recorded situation, in both forms, by the rules for every log."""

import io
import json
import re
from dataclasses import replace
from datetime import datetime

import pytest

from argocd_release.argocd.application_json import parse_application
from argocd_release.argocd.tree_json import PodWarnings
from argocd_release.diagnosis.collect import steps
from argocd_release.model.events import ApplicationState, Output
from argocd_release.model.outcome import Verdict
from argocd_release.model.result import ApplicationResult, ReleaseResult
from argocd_release.release.explain import show
from argocd_release.release.job_log import JobLog
from argocd_release.settings.environment import JobEnvironment
from argocd_release.verdict.blockers import blocker
from argocd_release.verdict.expectation import Expectation
from argocd_release.verdict.judge import timed_out
from argocd_release.verdict.symptom_history import SymptomHistory
from tests.contract.record import API, FOLDER
from tests.support.job_log_rules import check_log, unfolded
from tests.support.recording import VERSIONS, Recording

SITUATIONS = [
    (version, file.stem) for version in VERSIONS for file in sorted((FOLDER / version).iterdir()) if file.stem != API
]
_MARKER = re.compile(r"\x1b\[0Ksection_(start|end):\d+:([a-z0-9-]+)(\[collapsed=true\])?\r\x1b\[0K(.*)")


def timeout_result(version: str, name: str) -> ReleaseResult | None:
    """Return the result of a job whose timeout ends in this situation; None if the release is delivered in it."""
    document = json.loads((FOLDER / version / f"{name}.json").read_text("utf-8"))
    application = parse_application(json.dumps(document["application"]))
    problem = blocker(application, Expectation(), compared=True)
    if problem is None:
        return None
    verdict = timed_out(application, Verdict.on(problem, None), SymptomHistory(), seconds=300)
    (*_, diagnosis) = steps("web", application, Recording(document))
    ended_at = datetime.fromisoformat("2026-11-30T00:00:00+00:00")
    result = ApplicationResult(
        verdict=verdict, name="web", url="https://argocd.example.com/applications/web", image_tag="abc1234", seconds=300,
        ended_at=ended_at, application=application, diagnosis=replace(diagnosis, status="Name: argocd/web"),
    )  # fmt: skip
    return ReleaseResult(verdict=verdict, applications=(result,), seconds=300, ended_at=ended_at)


def shown(result: ReleaseResult, **environ: str) -> str:
    """Return the log of a job with the usual events before the result."""
    stream = io.StringIO()
    log = JobLog(JobEnvironment(environ | {"NO_COLOR": "1"}), stream)
    rows = [f"2026-11-29T13:06:1{second}+00:00  apps  Deployment  web  web  OutOfSync  Missing" for second in range(3)]
    with log.section("tracking", "Waiting for web"):
        log.command("argocd app get web --refresh -o json")
        log.emit(ApplicationState(sync="OutOfSync", health="Missing", revision="abc1234", reason="sync is running"))
        log.command("argocd app wait web --timeout 300 --health --sync --operation")
        log.emit(Output(line="TIMESTAMP  GROUP  KIND  NAMESPACE  NAME  STATUS  HEALTH  HOOK  MESSAGE"))
        log.emit(Output(line=rows[0]))
        log.emit(ApplicationState(sync="Synced", health="Progressing", revision="abc1234", reason="it starts"))
        log.emit(Output(line=rows[1].replace("OutOfSync  Missing", "Synced  Progressing")))
        log.emit(ApplicationState(sync="Synced", health="Degraded", revision="abc1234", reason="it ends"))
        log.emit(Output(line=rows[2].replace("Missing", "Degraded")))
        log.count_unchanged()
    show(log, result, ("argocd-release.xml",))
    return stream.getvalue()


def visible(log: str) -> list[str]:
    """Return the lines of a log that GitLab shows before the reader unfolds a section."""
    lines: list[str] = []
    folded = ""
    for line in log.split("\n")[:-1]:
        if not (marker := _MARKER.fullmatch(line)):
            if not folded:
                lines.append(line)
        elif marker[1] == "start":
            if not folded:
                lines.append(marker[4])
            folded = folded or (marker[2] if marker[3] else "")
        elif folded == marker[2]:
            folded = ""
    return lines


@pytest.mark.parametrize(("version", "name"), SITUATIONS)
def test_the_log_obeys_the_rules(version: str, name: str) -> None:
    result = timeout_result(version, name)
    if result is None:
        assert name in DELIVERED
        return
    log = shown(result)
    assert not check_log(log), log
    # The measure of a plain log is that of the same log in GitLab.
    in_gitlab = visible(shown(result, GITLAB_CI="true"))
    assert len(unfolded(log)) == len(in_gitlab), "\n".join(in_gitlab)
    assert in_gitlab[-2].startswith("cause: ")
    assert in_gitlab[-1].startswith("next: ")


#: Recorded situations in which nothing keeps the release from being delivered.
DELIVERED = {"stateful-rollback"}


@pytest.mark.parametrize(("version", "name"), SITUATIONS)
def test_a_pod_that_is_the_cause_has_its_last_words_or_the_reason_why_not(version: str, name: str) -> None:
    result = timeout_result(version, name)
    cause = result.applications[0].cause if result else None
    if cause is None or cause.subject is None or cause.subject.ref.kind != "Pod":
        return
    block = shown(result).partition("\ncause: ")[2].partition("\nnext: ")[0]  # type: ignore[arg-type]
    assert "\n  | " in block or "no log" in block, block


def test_the_lines_of_argocd_app_wait_are_in_two_folded_sections_and_none_is_lost() -> None:
    result = next(filter(None, (timeout_result(*situation) for situation in SITUATIONS)))
    log = shown(result, GITLAB_CI="true")
    rows = [line for line in log.splitlines() if line.startswith("2026-11-29T13:06:1")]
    assert len(rows) == 3
    assert rows == sorted(rows)
    assert log.count("[collapsed=true]\r\x1b[0KChanges of resources") == 1
    assert log.count("[collapsed=true]\r\x1b[0KLater changes of resources") == 1
    assert not any(row in line for row in rows for line in visible(log))
    assert [line for line in shown(result).splitlines() if line.startswith("2026-11-29T13:06:1")] == rows


@pytest.mark.parametrize(
    ("name", "words"),
    [("unschedulable", "nodes are available"), ("too-slow", "probe failed"), ("pre-sync-hook", "")],
)
def test_the_warning_about_a_pod_that_waits_is_known_before_the_verdict(name: str, words: str) -> None:
    recording = Recording(json.loads((FOLDER / VERSIONS[0] / f"{name}.json").read_text("utf-8")))
    warning = PodWarnings().of(recording.tree("web"), lambda node: recording.events("web", node))
    assert words in warning
    assert warning.startswith("Deployment/web → Pod/web-" if words else "")
    assert bool(warning) is bool(words)
