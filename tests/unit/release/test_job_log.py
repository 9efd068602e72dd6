"""Test the sections of the job log: those of hooks never contain, or are inside, another section."""

import io
import re

from argocd_release.model.events import ArgoCDCommand, Output, Warned
from argocd_release.model.hook_events import HookLogLines
from argocd_release.release.job_log import JobLog
from argocd_release.settings.environment import JobEnvironment

SECTION = re.compile(r"section_(start|end):\d+:([a-z0-9-]+)")
FEED = ArgoCDCommand(command="argocd app wait web")


def lines(*texts: str, pod: str = "a-x", secret: str = "") -> HookLogLines:
    return HookLogLines(hook="PreSync hook Job/a", pod=pod, container="a", lines=(*texts, secret) if secret else texts)


def opened() -> tuple[JobLog, io.StringIO]:
    stream = io.StringIO()
    return JobLog(
        JobEnvironment({"GITLAB_CI": "true", "NO_COLOR": "1", "DB_PASSWORD": "hunter2-hunter2"}), stream
    ), stream


def sections(stream: io.StringIO) -> list[tuple[str, str]]:
    return [(kind, name) for kind, name in SECTION.findall(stream.getvalue())]


def test_the_section_of_hooks_ends_before_each_other_line() -> None:
    log, stream = opened()
    with log.section("tracking", "Waiting"):
        log.emit(FEED)
        log.emit(lines("one"))
        log.emit(lines("two"))
        log.emit(Output(line="a line of argocd app wait"))
        log.emit(lines("three"))
        log.emit(Warned(why="something", code="x"))
        log.emit(lines("four"))
    assert sections(stream) == [
        ("start", "tracking"),
        ("start", "feed"), ("end", "feed"),
        ("start", "hook-logs-1"), ("end", "hook-logs-1"),
        ("start", "hook-logs-2"), ("end", "hook-logs-2"),
        ("start", "feed-rest"), ("end", "feed-rest"),
        ("end", "tracking"),
    ]  # fmt: skip


def test_the_container_is_named_when_it_changes() -> None:
    log, stream = opened()
    log.emit(lines("one"))
    log.emit(lines("two"))
    log.emit(lines("three", pod="a-y"))
    titles = [line for line in stream.getvalue().splitlines() if line.startswith("PreSync hook")]
    assert titles == [
        "PreSync hook Job/a, Pod/a-x, container a:",
        "PreSync hook Job/a, Pod/a-y, container a:",
    ]


def test_a_secret_variable_is_redacted_in_the_log_of_a_hook() -> None:
    log, stream = opened()
    log.emit(lines("password:", secret="it is hunter2-hunter2"))
    assert "hunter2" not in stream.getvalue()
    assert "  | it is [redacted]" in stream.getvalue()
