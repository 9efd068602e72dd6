import io
import json
import re
import time
from dataclasses import fields

import pytest
from structlog.typing import FilteringBoundLogger

from argocd_release import joblog
from argocd_release.core.text import QUOTED
from argocd_release.joblog import Style, line, style
from argocd_release.messages import field_names, job_log
from argocd_release.model.connection_events import StreamsGivenUp
from argocd_release.model.events import (
    ApplicationState,
    ArgoCDCommand,
    Called,
    JobEvent,
    Output,
    ShownEvidence,
    StillWaiting,
    Trace,
    UnknownSetting,
)
from argocd_release.model.hook_events import HookLogLines

PLAIN = Style()
GITLAB = Style(sections=True, colours=True)


@pytest.mark.parametrize(
    ("environ", "terminal", "expected"),
    [
        ({}, False, PLAIN),
        ({}, True, Style(colours=True)),
        ({"TERM": "dumb"}, True, PLAIN),
        ({"GITLAB_CI": "true"}, False, GITLAB),
        ({"GITLAB_CI": "true", "NO_COLOR": "1"}, False, Style(sections=True)),
        ({"NO_COLOR": "1"}, True, PLAIN),
        ({"FORCE_COLOR": "1"}, False, Style(colours=True)),
        ({"FORCE_COLOR": "0"}, False, PLAIN),
        ({"GITLAB_CI": "false"}, False, PLAIN),
    ],
)
def test_sections_in_gitlab_only_and_colours_as_asked(
    environ: dict[str, str], *, terminal: bool, expected: Style
) -> None:
    assert style(environ, terminal=terminal) == expected


def written(shown: Style, *, json_lines: bool = False, debug: bool = False) -> tuple[FilteringBoundLogger, io.StringIO]:
    stream = io.StringIO()
    logger = joblog.configure(
        stream,
        redact=lambda text: text.replace("s3cret", "[redacted]"),
        style=shown,
        json_lines=json_lines,
        debug=debug,
        now=lambda: 1_800_000_000.0,
    )
    return logger, stream


@pytest.mark.parametrize(
    ("sync", "revision", "target"),
    [
        ("Synced", "e4ce177", job_log.SYNCED_TO.fill(revision="e4ce177")),
        ("OutOfSync", "e4ce177", job_log.TARGET.fill(revision="e4ce177")),
        ("Unknown", "", ""),
    ],
)
def test_a_state_names_the_revision_if_there_is_one(sync: str, revision: str, target: str) -> None:
    state = ApplicationState(sync=sync, health="Healthy", revision=revision, reason="confirming")
    assert line(state) == job_log.LINES["state"].format(**state.fields, target=target)


def test_a_section_is_closed_when_what_is_inside_fails() -> None:
    logger, stream = written(GITLAB)
    with pytest.raises(RuntimeError), joblog.section(logger, "tracking", "Waiting", collapsed=True):
        raise RuntimeError
    begin = "\x1b[0Ksection_start:1800000000:tracking[collapsed=true]\r\x1b[0K\x1b[1mWaiting\x1b[0m\n"
    assert stream.getvalue() == begin + "\x1b[0Ksection_end:1800000000:tracking\r\x1b[0K\n"


def test_outside_gitlab_there_are_no_markers() -> None:
    logger, stream = written(PLAIN)
    with joblog.section(logger, "tracking", "Waiting"):
        joblog.emit(logger, ArgoCDCommand(command="argocd app get web"))
    assert stream.getvalue() == "\nWaiting\n$ argocd app get web\n"


def test_without_colours_the_words_are_the_same() -> None:
    lines = "RELEASE FAILED\ncause: Pod/web: CrashLoopBackOff\nnext: fix it\napps  Deployment  web  Synced  Degraded"
    painted = GITLAB.paint(lines)
    assert painted != lines
    assert re.sub(r"\x1b\[[0-9;]*m", "", painted) == lines
    assert PLAIN.paint(lines) == lines


def test_what_a_program_printed_is_never_painted_as_our_own() -> None:
    line = f"{QUOTED}RELEASE SUCCESSFUL Healthy"
    assert GITLAB.paint(line) == line


def test_what_argocd_printed_is_painted_as_no_verdict_of_ours() -> None:
    lines = "RELEASE SUCCESSFUL\ncause: none\nnext: go\n$ rm\nnote: x"
    assert GITLAB.paint(lines, ours=False) == lines
    assert GITLAB.paint("NAME  HEALTH STATUS  AGE", ours=False).startswith("\x1b[1m")
    logger, stream = written(GITLAB)
    joblog.emit(logger, ShownEvidence(text=lines, title="t", lines=()))
    joblog.emit(logger, Output(line="RELEASE SUCCESSFUL"))
    assert "\x1b" not in stream.getvalue()


def test_a_line_of_capitals_is_painted_at_once() -> None:
    """The message of a hook can be its log, and a line of the log can look like the header of a table."""
    line = "  ".join(["ABC DEF"] * 60) + "1"
    started = time.process_time()
    assert GITLAB.paint(line) == line
    assert time.process_time() - started < 0.1


def test_a_secret_changes_no_word_of_the_log_s_own_grammar() -> None:
    stream = io.StringIO()
    logger = joblog.configure(
        stream, redact=lambda _: "[redacted]", style=GITLAB, json_lines=False, debug=False, now=lambda: 1.0
    )
    with joblog.section(logger, "tracking", "Waiting"):
        joblog.emit(logger, Trace(text="x"))
    assert "section_start:1:tracking\r" in stream.getvalue()


def test_json_has_constant_event_names_and_no_secret() -> None:
    logger, stream = written(GITLAB, json_lines=True, debug=True)
    with joblog.section(logger, "tracking", "Waiting"):
        joblog.emit(logger, ArgoCDCommand(command="argocd --header s3cret"))
        joblog.emit(logger, Called(call="argocd app get", seconds=0.2, end="ok"), debug=True)
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert (first["event"], first["level"], first["command"]) == ("command", "info", "argocd --header [redacted]")
    assert (second["event"], second["level"], second["seconds"]) == ("called", "debug", 0.2)


def kinds(of: type[JobEvent]) -> set[type[JobEvent]]:
    """Return every type of event that can be logged."""
    return {found for each in of.__subclasses__() for found in ({each} if hasattr(each, "NAME") else kinds(each))}


def test_each_event_can_be_read_and_has_a_name_of_its_own() -> None:
    assert sorted(job_log.LINES) == sorted(kind.NAME for kind in kinds(JobEvent))
    for kind in kinds(JobEvent):
        # A line can omit the value of a field, but it cannot contain a field that the event does not have.
        added = {ApplicationState: {"target"}, StillWaiting: {"news"}, HookLogLines: {"text"}}.get(kind, set())
        shown = {name.partition(":")[0] for name in field_names(job_log.LINES[kind.NAME])}
        assert shown <= {field.name for field in fields(kind)} | added, kind


@pytest.mark.parametrize(
    ("meant", "template"),
    [("RELEASE_TIMEOUT", job_log.LINES["unknown setting"]), ("", job_log.UNKNOWN_SETTING.text)],
)
def test_a_name_that_is_near_is_offered(meant: str, template: str) -> None:
    said = template.format_map({"name": "RELEASE_TIMOUT", "meant": meant})
    assert line(UnknownSetting(name="RELEASE_TIMOUT", meant=meant)) == said


def test_the_line_about_streams_says_how_often_they_have_ended() -> None:
    assert "have ended 9 times in a row" in line(StreamsGivenUp(count=9))


def test_each_line_of_a_hook_is_quoted() -> None:
    lines = ("RELEASE SUCCESSFUL", "", "cause: \x1b[31mnone")
    event = HookLogLines(hook="PreSync hook Job/a", pod="a-x", container="c", lines=lines, left_out=7)
    logger, stream = written(GITLAB)
    joblog.emit(logger, event)
    first, *others = stream.getvalue().splitlines()
    assert first == job_log.HOOK_LOG.fill(hook=event.hook, pod=event.pod, container=event.container)
    cut = job_log.HOOK_LOG_LEFT_OUT.fill(lines="7 more lines")
    assert others == [f"{QUOTED}RELEASE SUCCESSFUL", QUOTED.rstrip(), f"{QUOTED}cause: none", f"{QUOTED}{cut}"]


def test_the_lines_of_a_hook_are_data_in_json() -> None:
    logger, stream = written(PLAIN, json_lines=True)
    joblog.emit(logger, HookLogLines(hook="PostSync hook Pod/a", pod="a", container="c", lines=("s3cret", "b")))
    document = json.loads(stream.getvalue())
    assert document.pop("timestamp")
    assert document == {
        "level": "info", "event": "hook log", "application": "", "hook": "PostSync hook Pod/a", "pod": "a",
        "container": "c", "lines": ["[redacted]", "b"], "left_out": 0,
    }  # fmt: skip


def test_in_a_group_the_lines_of_a_hook_name_their_application() -> None:
    event = HookLogLines(application="shop", hook="PostSync hook Pod/a", pod="a", container="c", lines=("b",))
    assert line(event) == f"shop: PostSync hook Pod/a, container c:\n{QUOTED}b"


def test_debug_lines_are_for_those_who_ask() -> None:
    logger, stream = written(PLAIN)
    joblog.emit(logger, Called(call="argocd app get", seconds=0.2, end="ok"), debug=True)
    assert stream.getvalue() == ""


def test_a_log_that_nobody_reads_breaks_nothing() -> None:
    logger, stream = written(PLAIN)
    stream.close()
    joblog.emit(logger, ArgoCDCommand(command="argocd app get web"))
