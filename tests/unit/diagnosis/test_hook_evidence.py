# ruff: noqa: ARG002 - the arguments are those of the port
"""Test the recorder of hooks with an Argo CD whose tree, logs and answers the test decides."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from argocd_release.argocd.tree_json import parse_tree
from argocd_release.diagnosis import hook_evidence
from argocd_release.diagnosis.collect import steps
from argocd_release.diagnosis.hook_evidence import HookRecorder
from argocd_release.diagnosis.hook_logs import HookLogs
from argocd_release.messages.hooks import FIX_HOOK_BY_LOG, RETRIED
from argocd_release.model.application import Application
from argocd_release.model.errors import ArgoCDError, FailureKind
from argocd_release.model.events import JobEvent
from argocd_release.model.hook_events import HookLogLines
from argocd_release.model.observation import LogPosition
from argocd_release.model.problem import CauseCode
from argocd_release.model.resource_tree import Event, Node, Tree
from tests.support.recording import Answers
from tests.unit.states import application

HOOK = {"group": "batch", "kind": "Job", "namespace": "web", "name": "migrate", "hookType": "PreSync"}
WAIT_SECONDS = 5.0


def state(phase: str, *, message: str = "", **parts: Any) -> Application:
    results = [HOOK | {"status": "Synced", "hookPhase": phase, "message": message}]
    return application(sync="OutOfSync", phase="Running", results=results, **parts)


RUNNING = state("Running")
FAILED = state("Failed", message="Job has reached the specified backoff limit", retries=1)


class Cluster(Answers):
    """Argo CD's API with the pod of one hook. A test can delete the pod."""

    def __init__(self, *, denied: str = "") -> None:
        self.exists = True
        self.failed = False
        self.denied = denied
        #: The number of the next reads of the pod that fail. If ``waiting`` is True, its container waits.
        self.live_failures = 0
        self.waiting = False
        self.log_failures = 0
        #: The number of the next streams that end after their first line, although the container runs.
        self.cut_streams = 0
        self.asked: list[str] = []
        self.ended = threading.Event()

    def _call(self, what: str) -> None:
        self.asked.append(what)
        if what == self.denied or not self.exists:
            kind = FailureKind.DENIED if what == self.denied else FailureKind.MISSING
            raise ArgoCDError(kind=kind, command=what, exit_code=None, message="no")

    def tree(self, name: str) -> Tree:
        self.asked.append("tree")
        pod = {
            "kind": "Pod", "name": "migrate-x", "uid": "pod", "parentRefs": [{"uid": "job"}],
            "health": {"status": "Degraded" if self.failed else "Progressing"},
            "info": [{"name": "Status Reason", "value": "Error" if self.failed else "Running"}],
        }  # fmt: skip
        job = {"group": "batch", "kind": "Job", "name": "migrate", "namespace": "web", "uid": "job"}
        return parse_tree({"nodes": [job, pod] if self.exists else []})

    def events(self, name: str, node: Node) -> tuple[Event, ...]:
        self._call("events")
        return (Event(type="Warning", reason="BackOff", message="it failed", count=1, last_at=""),)

    def live(self, name: str, node: Node) -> object:
        self._call("live")
        if self.live_failures:
            self.live_failures -= 1
            raise ArgoCDError(kind=FailureKind.UNREACHABLE, command="live", exit_code=None, message="no answer")
        if self.waiting:
            return {"status": {"containerStatuses": [{"name": "migrate", "state": {"waiting": {}}, "restartCount": 0}]}}
        state = {"terminated": {"exitCode": 3, "reason": "Error"}} if self.failed else {"running": {}}
        return {"status": {"containerStatuses": [{"name": "migrate", "state": state, "restartCount": 0}]}}

    def log(self, name: str, pod: Node, container: str, *, previous: bool, lines: int) -> tuple[str, ...]:
        self._call("log")
        return ()

    def follow(
        self,
        name: str,
        pod: Node,
        container: str,
        *,
        lines: int,
        take: Callable[[str], object],
        position: LogPosition,
    ) -> None:
        self._call("follow")
        position.begin()
        if self.log_failures:
            self.log_failures -= 1
            raise ArgoCDError(kind=FailureKind.UNREACHABLE, command="follow", exit_code=None, message="no answer")
        if position.is_new("2026-01-01T00:00:00"):
            take("migrating")
        if self.cut_streams:
            self.cut_streams -= 1
            raise ArgoCDError(kind=FailureKind.OTHER, command="follow", exit_code=None, message="the stream was cut")
        self.ended.wait(WAIT_SECONDS)
        take("fatal: no such table users")


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def record_failure(cluster: Cluster, recorder: HookRecorder) -> None:
    """Let the recorder see a hook that runs and then fails."""
    recorder.look(RUNNING)
    until(lambda: "follow" in cluster.asked)
    cluster.failed = True
    cluster.ended.set()
    until(lambda: "events" in cluster.asked)


def test_the_last_words_of_a_hook_survive_its_pod() -> None:
    cluster = Cluster()
    recorder = HookRecorder("web", cluster)
    record_failure(cluster, recorder)
    cluster.exists = False
    recorder.look(FAILED)

    *_, last = steps("web", FAILED, cluster, recorder.kept(FAILED, seconds=WAIT_SECONDS))

    assert last.cause is not None
    assert last.cause.code is CauseCode.HOOK_FAILED
    assert str(last.cause) == (
        'PreSync hook Job/migrate → Pod/migrate-x: Error, exit code 3 — "fatal: no such table users"'
    )
    assert last.cause.hint == RETRIED.fill_hint(fix=FIX_HOOK_BY_LOG, application="argocd/web")
    assert [event.event.message for event in last.events] == ["it failed"]
    assert [log.lines for log in last.logs] == [("migrating", "fatal: no such table users")]
    assert [pod.name for pod in last.pods] == ["migrate-x"]


def test_a_secret_that_begins_before_the_last_lines_is_hidden() -> None:
    class Printing(Cluster):
        def follow(self, *args: Any, lines: int, take: Callable[[str], object], **other: Any) -> None:
            text = ["kind: Secret", "stringData:", *(f"  key{number}: hunter2" for number in range(60)), "fatal"]
            for line in text[-lines:]:
                take(line)
            super().follow(*args, lines=lines, take=take, **other)

    cluster = Printing()
    recorder = HookRecorder("web", cluster)
    record_failure(cluster, recorder)
    recorder.look(FAILED)

    *_, last = steps("web", FAILED, cluster, recorder.kept(FAILED, seconds=WAIT_SECONDS))

    (log,) = last.logs
    assert log.lines == ("kind: Secret", "stringData: [redacted]", *log.lines[2:])
    assert "fatal" in log.lines
    assert not any("hunter2" in line for line in log.lines)


def test_a_hook_that_is_deleted_before_its_end_is_seen_still_has_its_log() -> None:
    cluster = Cluster()
    recorder = HookRecorder("web", cluster)
    recorder.look(RUNNING)
    until(lambda: "follow" in cluster.asked)
    cluster.exists = False
    cluster.ended.set()
    recorder.look(FAILED)

    *_, last = steps("web", FAILED, cluster, recorder.kept(FAILED, seconds=WAIT_SECONDS))

    assert str(last.cause) == 'PreSync hook Job/migrate → Pod/migrate-x: Failed — "fatal: no such table users"'


def test_a_log_that_is_denied_hides_neither_pod_nor_exit_code() -> None:
    cluster = Cluster(denied="follow")
    cluster.failed = True
    recorder = HookRecorder("web", cluster)
    recorder.look(FAILED)

    (kept,) = recorder.kept(FAILED, seconds=WAIT_SECONDS)

    assert kept.clues.status is not None
    assert [container.exit_code for container in kept.clues.status.containers] == [3]
    assert kept.clues.log is None
    *_, diagnosis = steps("web", FAILED, cluster, (kept,))
    (note,) = diagnosis.notes
    assert "logs, get" in note


def test_a_look_costs_nothing_while_no_operation_of_this_revision_runs() -> None:
    cluster = Cluster()
    recorder = HookRecorder("web", cluster)
    recorder.look(application())
    recorder.look(application(sync="OutOfSync", phase="Running", operated="e" * 40))
    time.sleep(0.1)
    assert cluster.asked == []


def test_what_does_not_change_is_read_ever_more_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    # Use a fifth of the real pauses.
    monkeypatch.setattr(hook_evidence, "FIRST_SECONDS", hook_evidence.FIRST_SECONDS / 5)
    monkeypatch.setattr(hook_evidence, "MOST_SECONDS", hook_evidence.MOST_SECONDS / 5)
    cluster = Cluster()
    recorder = HookRecorder("web", cluster)
    recorder.look(RUNNING)
    time.sleep(0.6)
    recorder.stop()
    assert cluster.asked.count("live") == 1
    assert cluster.asked.count("follow") == 1
    assert cluster.asked.count("tree") <= 5
    cluster.ended.set()


def test_nothing_is_kept_of_another_operation() -> None:
    cluster = Cluster()
    cluster.failed = True
    cluster.ended.set()
    recorder = HookRecorder("web", cluster)
    recorder.look(FAILED)
    later = application(phase="Failed", results=[], operation=None)
    assert recorder.kept(later, seconds=WAIT_SECONDS) == ()


def test_a_job_past_its_deadline_is_the_cause_and_not_the_pod_that_it_ended() -> None:
    cluster = Cluster()
    recorder = HookRecorder("web", cluster)
    recorder.look(RUNNING)
    until(lambda: "follow" in cluster.asked)
    ended = state("Failed", message="Job was active longer than specified deadline")
    recorder.look(ended)
    cluster.ended.set()
    kept = recorder.kept(ended, seconds=WAIT_SECONDS)
    assert [hook.pod.name for hook in kept] == ["migrate-x"]
    *_, diagnosis = steps("web", ended, cluster, kept)
    assert diagnosis.cause is not None
    assert diagnosis.cause.message.startswith("PreSync hook Job/migrate: ")
    assert diagnosis.logs


def test_a_pod_that_could_not_be_read_is_read_again_though_the_tree_shows_no_change() -> None:
    cluster = Cluster()
    cluster.live_failures = 1
    recorder = HookRecorder("web", cluster)
    recorder.look(RUNNING)
    until(lambda: "follow" in cluster.asked)
    cluster.ended.set()
    recorder.stop()
    assert cluster.asked.count("live") == 2


def test_a_log_that_could_not_be_opened_is_opened_again() -> None:
    cluster = Cluster()
    cluster.log_failures = 1
    recorder = HookRecorder("web", cluster)
    recorder.look(RUNNING)
    until(lambda: cluster.asked.count("follow") == 2)
    cluster.exists = False
    cluster.ended.set()
    recorder.look(FAILED)
    (kept,) = recorder.kept(FAILED, seconds=WAIT_SECONDS)
    assert kept.clues.log is not None


@pytest.mark.parametrize(("cuts", "follows"), [(0, 1), (2, 3), (100, hook_evidence.RENEWALS + 1)])
def test_a_log_whose_stream_was_cut_is_followed_again(monkeypatch: pytest.MonkeyPatch, cuts: int, follows: int) -> None:
    monkeypatch.setattr(hook_evidence, "FIRST_SECONDS", 0.01)
    cluster = Cluster()
    cluster.cut_streams = cuts
    events: list[JobEvent] = []
    logs = HookLogs(events.append, several=False)
    recorder = HookRecorder("web", cluster, logs)
    recorder.look(RUNNING)
    until(lambda: cluster.asked.count("follow") == follows)
    time.sleep(0.5)
    cluster.ended.set()
    recorder.look(FAILED)
    (kept,) = recorder.kept(FAILED, seconds=WAIT_SECONDS)
    logs.close()

    assert cluster.asked.count("follow") == follows
    lines = ("migrating",) if cuts > follows else ("migrating", "fatal: no such table users")
    assert kept.clues.log is not None
    assert kept.clues.log.lines == lines
    assert [line for event in events if isinstance(event, HookLogLines) for line in event.lines] == list(lines)
    assert [log.lines for log in logs.of("web")] == [lines]


def test_a_container_that_waits_is_read_until_it_runs_though_the_tree_shows_no_change() -> None:
    cluster = Cluster()
    cluster.waiting = True
    recorder = HookRecorder("web", cluster)
    recorder.look(RUNNING)
    time.sleep(4)
    cluster.waiting = False
    started_at = time.monotonic()
    until(lambda: "follow" in cluster.asked)
    cluster.ended.set()
    recorder.stop()
    assert time.monotonic() - started_at < 1.5
    assert cluster.asked.count("live") >= 4
