"""Test the limits of the diagnosis if Argo CD is slow, does not respond, or returns far too much."""

import threading
import time
from dataclasses import replace
from typing import Any

import pytest

from argocd_release.argocd.tree_json import parse_tree
from argocd_release.diagnosis import root_cause
from argocd_release.diagnosis.collect import SUSPECTS, diagnose
from argocd_release.messages import causes as texts
from argocd_release.messages import hooks
from argocd_release.messages.verdict import NO_CONSUMER
from argocd_release.model.application import Application
from argocd_release.model.errors import ArgoCDError, FailureKind
from argocd_release.model.problem import CauseCode, ResourceRef, Subject
from argocd_release.model.resource_tree import Event, Node, Tree
from argocd_release.model.result import Diagnosis
from tests.support.recording import Answers
from tests.support.wording import fields_of
from tests.unit.states import application

CRASHES = application(health="Progressing")


def crashing(count: int) -> Tree:
    pods = [
        {
            "kind": "Pod",
            "name": f"web-{index}",
            "uid": f"pod-{index}",
            "parentRefs": [{"uid": "set"}],
            "health": {"status": "Degraded"},
            "info": [{"name": "Status Reason", "value": "CrashLoopBackOff"}],
        }
        for index in range(count)
    ]
    return parse_tree({"nodes": [{"kind": "ReplicaSet", "name": "web", "uid": "set"}, *pods]})


class Slow(Answers):
    """Argo CD's API. The call ``hang_at`` never returns, and the call ``fail_at`` fails."""

    def __init__(self, *, pods: int = 1, hang_at: str = "", fail_at: str = "") -> None:
        self.pods, self.hang_at, self.fail_at = pods, hang_at, fail_at
        self.asked: list[str] = []

    def _call(self, what: str) -> None:
        self.asked.append(what)
        if what == self.hang_at:
            time.sleep(5)
        if what == self.fail_at:
            raise ArgoCDError(kind=FailureKind.DENIED, command=what, exit_code=None, message="permission denied")

    def tree(self, name: str) -> Tree:
        del name
        self._call("tree")
        return crashing(self.pods)

    def events(self, name: str, node: Node) -> tuple[Event, ...]:
        del name, node
        self._call("events")
        return ()

    def live(self, name: str, node: Node) -> object:
        del name, node
        self._call("live")
        waiting = {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "restartCount": 4, "name": "web"}
        ended = {"lastState": {"terminated": {"exitCode": 1, "reason": "Error"}}}
        return {"status": {"containerStatuses": [waiting | ended]}, "spec": {"containers": [{"name": "web"}]}}

    def log(self, name: str, pod: Node, container: str, *, previous: bool, lines: int) -> tuple[str, ...]:
        del name, pod, container, previous
        self._call("log")
        return ("cannot connect",) * lines


def ask(slow: Slow, state: Application = CRASHES, **options: Any) -> tuple[object, float]:
    started = time.monotonic()
    found = diagnose("web", state, sources=slow, stop=threading.Event(), **options)
    return found, time.monotonic() - started


def test_a_call_that_hangs_costs_no_more_than_the_limit_and_what_was_known_is_kept() -> None:
    found, seconds = ask(Slow(hang_at="log"), seconds=0.5)
    assert seconds < 2
    assert "incomplete" in str(found)
    assert "web-0" in str(found), "the pods were known before"


def test_a_stop_ends_it_at_once() -> None:
    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()
    started = time.monotonic()
    diagnose("web", CRASHES, sources=Slow(hang_at="tree"), stop=stop)
    assert time.monotonic() - started < 2


def test_of_many_pods_only_a_few_are_asked_about() -> None:
    slow = Slow(pods=50)
    ask(slow)
    assert slow.asked.count("live") == SUSPECTS


@pytest.mark.parametrize(
    ("call", "policy"),
    [
        ("log", "p, role:ci-readonly, logs, get, */*, allow"),
        ("tree", "p, role:ci-readonly, applications, get, */*, allow"),
    ],
)
def test_what_is_denied_is_said_with_the_line_that_would_allow_it(call: str, policy: str) -> None:
    found, _ = ask(Slow(fail_at=call))
    assert policy in str(found)


class Quiet(Slow):
    """An API whose containers have this log, and have started or not."""

    def __init__(self, *, started: bool, lines: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.started, self.lines = started, lines

    def live(self, name: str, node: Node) -> object:
        if self.started:
            return super().live(name, node)
        waiting = {"state": {"waiting": {"reason": "ImagePullBackOff"}}, "restartCount": 0, "name": "web"}
        return {"status": {"containerStatuses": [waiting]}, "spec": {"containers": [{"name": "web"}]}}

    def log(self, name: str, pod: Node, container: str, *, previous: bool, lines: int) -> tuple[str, ...]:
        del name, pod, container, previous, lines
        return self.lines


@pytest.mark.parametrize(
    ("started", "lines", "notes"),
    [
        (
            False,
            (),
            (
                texts.NO_WARNINGS.fill(pod="Pod/web-0"),
                texts.NO_LOG_NOT_STARTED.fill(pod="Pod/web-0", container="web"),
            ),
        ),
        (True, ("", " "), (texts.NO_LOG_EMPTY.fill(pod="Pod/web-0", container="web"),)),
        (True, ("cannot connect",), ()),
    ],
)
def test_a_missing_log_is_explained(started: bool, lines: tuple[str, ...], notes: tuple[str, ...]) -> None:  # noqa: FBT001
    found = diagnose("web", CRASHES, sources=Quiet(started=started, lines=lines), stop=threading.Event())
    assert found.notes == notes


class Scheduled(Quiet):
    """An API with one event about a pod that has not started."""

    def __init__(self, kind: str) -> None:
        super().__init__(started=False)
        self.kind = kind

    def events(self, name: str, node: Node) -> tuple[Event, ...]:
        del name, node
        return (Event(type=self.kind, reason="Scheduled", message="assigned", count=1, last_at=""),)


@pytest.mark.parametrize(("kind", "is_noted"), [("Normal", True), ("Warning", False)])
def test_a_pod_that_has_not_started_says_if_there_is_no_warning(kind: str, *, is_noted: bool) -> None:
    """The reader of a log could not tell if there were no events, or if the job had not read them."""
    found = diagnose("web", CRASHES, sources=Scheduled(kind), stop=threading.Event())
    assert (texts.NO_WARNINGS.fill(pod="Pod/web-0") in found.notes) is is_noted


def test_what_the_application_itself_says_needs_no_api() -> None:
    state = application(conditions=[{"type": "ComparisonError", "message": "app path does not exist"}])
    found = diagnose("web", replace(state), sources=Slow(fail_at="tree"), stop=threading.Event())
    assert found.cause is not None
    assert found.cause.message == "ComparisonError: app path does not exist"
    assert found.cause.code is CauseCode.PATH_MISSING


@pytest.mark.parametrize(("host", "named"), [("", True), ("shop.example.com", False)])
def test_a_pod_that_does_not_serve_the_silent_site_is_no_cause(host: str, *, named: bool) -> None:
    found, _ = ask(Slow(), application(), host=host)
    assert isinstance(found, Diagnosis)
    assert (found.cause is not None) is named
    assert found.pods, "the pods are shown all the same"


def hook_that_runs() -> Application:
    hook = {"kind": "Job", "group": "batch", "namespace": "web", "name": "migrate", "hookType": "PreSync"}
    return application(sync="OutOfSync", phase="Running", results=[hook | {"hookPhase": "Running", "status": ""}])


def job(**more: Any) -> dict[str, Any]:
    return {"kind": "Job", "group": "batch", "namespace": "web", "name": "migrate", "uid": "job"} | more


def test_a_hook_that_the_sync_waits_for_is_gone() -> None:
    gone = root_cause.lost_hook(hook_that_runs(), parse_tree({"nodes": []}), lambda _: {})
    assert gone is not None
    assert gone.code is CauseCode.HOOK_FAILED
    assert fields_of(gone.message, hooks.HOOK_GONE) == {"hook_type": "PreSync", "hook": "Job/migrate"}
    assert root_cause.lost_hook(hook_that_runs(), parse_tree({"nodes": [job()]}), lambda _: {}) is None


@pytest.mark.parametrize("is_deleted", [True, False])
def test_a_hook_that_the_sync_waits_for_is_being_deleted(*, is_deleted: bool) -> None:
    tree = parse_tree({"nodes": [job()]})
    manifest = {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"} if is_deleted else {}}
    cause = root_cause.lost_hook(hook_that_runs(), tree, lambda _: manifest)
    assert (cause is not None) is is_deleted
    if cause is not None:
        assert cause.code is CauseCode.HOOK_FAILED
        assert fields_of(cause.message, hooks.HOOK_DELETED) == {"hook_type": "PreSync", "hook": "Job/migrate"}


class WithHook(Slow):
    """An API whose tree also contains the running hook."""

    def tree(self, name: str) -> Tree:
        crashed = super().tree(name)
        return replace(crashed, nodes=(*parse_tree({"nodes": [job()]}).nodes, *crashed.nodes))


def test_a_hook_whose_manifest_cannot_be_read_hides_no_pods() -> None:
    found, _ = ask(WithHook(fail_at="live"), hook_that_runs())
    assert isinstance(found, Diagnosis)
    assert [pod.name for pod in found.pods] == ["web-0"]
    assert any("permission denied" in note for note in found.notes)


def test_no_manifest_of_a_hook_is_read_if_the_cause_is_known() -> None:
    known = replace(hook_that_runs(), conditions=application(
        conditions=[{"type": "ComparisonError", "message": "app path does not exist"}]
    ).conditions)  # fmt: skip
    slow = WithHook()
    ask(slow, known)
    assert "live" not in slow.asked


def test_a_hook_is_suspended() -> None:
    tree = parse_tree({"nodes": [job(health={"status": "Suspended"})]})
    (suspect,) = root_cause.suspects(hook_that_runs(), tree)
    cause = root_cause.describe(tree, suspect, root_cause.Clues(), hook_that_runs())
    assert cause is not None
    assert cause.code is CauseCode.HOOK_FAILED
    assert str(cause.subject) == "Job/migrate"
    suspended = hooks.HOOK_SUSPENDED.fill(subject="Job/migrate")
    assert cause.message == hooks.HOOK.fill(hook_type="PreSync", message=suspended)


@pytest.mark.parametrize("used", [True, False])
def test_a_claim_that_waits_for_its_first_consumer(*, used: bool) -> None:
    claim = {"kind": "PersistentVolumeClaim", "name": "data", "uid": "claim", "health": {"status": "Progressing"}}
    tree = parse_tree({"nodes": [claim, {"kind": "Pod", "name": "web", "uid": "pod"}]})
    event = Event(type="Normal", reason="WaitForFirstConsumer", message="waiting", count=1, last_at="")
    cause = root_cause.describe(tree, tree.nodes[0], root_cause.Clues(events=(event,), used=used), CRASHES)
    assert (cause is None) is used
    assert used or (cause is not None and cause.hint == NO_CONSUMER)


class Restarted(Slow):
    """An application with one pod, whose container was killed and runs again."""

    def tree(self, name: str) -> Tree:
        del name
        info = {"Status Reason": "Running", "Restart Count": "1"}
        pod: dict[str, Any] = {"kind": "Pod", "name": "web-1", "uid": "pod-1", "parentRefs": [{"uid": "set"}]}
        rows = [{"name": key, "value": value} for key, value in info.items()]
        pod |= {"health": {"status": "Healthy"}, "info": rows}
        return parse_tree({"nodes": [{"kind": "ReplicaSet", "name": "web", "uid": "set"}, pod]})

    def live(self, name: str, node: Node) -> object:
        del name, node
        killed = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
        container = {"name": "web", "ready": True, "restartCount": 1, "state": {"running": {}}, "lastState": killed}
        return {"status": {"containerStatuses": [container]}}


@pytest.mark.parametrize("named", [True, False])
def test_a_pod_that_has_restarted_is_a_suspect_only_if_the_verdict_is_about_it(*, named: bool) -> None:
    pod = ResourceRef("", "Pod", "", "web-1")
    subject = Subject(ref=pod, root=pod) if named else None
    found, _ = ask(Restarted(), application(), subject=subject)
    assert isinstance(found, Diagnosis)
    if not named:
        assert found.cause is None
        return
    assert found.cause is not None
    assert found.cause.code is CauseCode.OOM_KILLED
    assert "OOMKilled, exit code 137, 1 restart" in found.cause.message
    (log,) = found.logs
    assert log.previous, "the log of the run that was killed"
