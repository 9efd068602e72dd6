import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argocd_release.argocd.tree_json import (
    LINE_BYTES,
    WARNING_SECONDS,
    LogReader,
    PodWarnings,
    ignored_roots,
    parse_events,
    parse_pod_template,
    parse_tree,
    retried_pods,
)
from argocd_release.diagnosis.pod_status import serving_host
from argocd_release.diagnosis.root_cause import Clues, describe
from argocd_release.messages import verdict as texts
from argocd_release.messages.causes import NO_PODS
from argocd_release.model.observation import LogPosition
from argocd_release.model.problem import WAITING_REASONS, CauseCode, Problem, ResourceRef, Subject
from argocd_release.model.resource_tree import Event, Failing, Node
from tests.unit.states import application

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def node(kind: str, name: str, parent: str = "", **info: str) -> dict[str, Any]:
    rows = [{"name": key.replace("_", " "), "value": value} for key, value in info.items()]
    return {"kind": kind, "name": name, "uid": name, "info": rows, "parentRefs": [{"uid": parent}] if parent else []}


def tree(*pods: dict[str, Any], revision: str = "Rev:1") -> dict[str, Any]:
    return {"nodes": [node("Deployment", "web"), node("ReplicaSet", "web-1", "web", Revision=revision), *pods]}


def failing_pods(document: object) -> tuple[str, ...]:
    known = parse_tree(document)
    return tuple(known.described(pod) for pod in known.failing)


CRASH = node("Pod", "web-1-a", "web-1", Status_Reason="CrashLoopBackOff", Containers="0/1", Restart_Count="4")


def test_a_crash_loop() -> None:
    assert failing_pods(tree(CRASH)) == ("Deployment/web → Pod/web-1-a: CrashLoopBackOff, 4 restarts",)


@pytest.mark.parametrize("reason", ["Running", "Pending", "ContainerCreating", "Completed", "Error", "Terminating", ""])
def test_pods_that_may_still_start(reason: str) -> None:
    assert failing_pods(tree(CRASH | {"info": [{"name": "Status Reason", "value": reason}]})) == ()


@pytest.mark.parametrize("reason", ["Init:CrashLoopBackOff", "ErrImagePull", "CreateContainerConfigError"])
def test_pods_that_cannot_start(reason: str) -> None:
    assert len(failing_pods(tree(CRASH | {"info": [{"name": "Status Reason", "value": reason}]}))) == 1


def test_pods_of_a_replica_set_before_are_history() -> None:
    newer = node("ReplicaSet", "web-2", "web", Revision="Rev:10")
    assert failing_pods(tree(CRASH, newer, revision="Rev:9")) == ()


def test_pods_of_another_deployment_are_their_own() -> None:
    other = [node("Deployment", "api"), node("ReplicaSet", "api-7", "api", Revision="Rev:7")]
    assert len(failing_pods(tree(CRASH, *other))) == 1


def test_pods_of_jobs_are_the_operations_business() -> None:
    nodes = [node("Job", "migrate"), node("Pod", "migrate-a", "migrate", Status_Reason="CrashLoopBackOff")]
    assert failing_pods({"nodes": nodes}) == ()


def test_a_replica_set_that_can_make_no_pod() -> None:
    refused = node("ReplicaSet", "web-1", "web", Revision="Rev:1") | {
        "health": {"status": "Degraded", "message": "exceeded quota: none"}
    }
    found = failing_pods({"nodes": [node("Deployment", "web"), refused]})
    assert found == (f'Deployment/web → ReplicaSet/web-1: {NO_PODS} — exceeded quota "none"',)


def test_a_replica_set_that_waits_for_its_pods_can_create_them() -> None:
    waits = node("ReplicaSet", "web-1", "web", Revision="Rev:1") | {
        "health": {"status": "Progressing", "message": "3 out of 5 new replicas are available"}
    }
    known = parse_tree({"nodes": [node("Deployment", "web"), waits, node("Pod", "web-1-a", "web-1")]})
    problem = describe(known, known.nodes[1], Clues(), application())
    assert problem is not None
    assert problem.code is CauseCode.UNHEALTHY
    assert NO_PODS not in problem.message


def test_what_should_have_pods_and_has_none() -> None:
    waiting = node("StatefulSet", "db") | {"health": {"status": "Progressing"}}
    scaled_down = node("StatefulSet", "idle") | {"health": {"status": "Healthy"}}
    known = parse_tree({"nodes": [waiting, scaled_down, node("StatefulSet", "cache"), node("Pod", "cache-0", "cache")]})
    assert [str(each) for each in known.owners_without_pods] == ["StatefulSet/db"]


def test_images_of_a_replica_set_before_do_not_run_now() -> None:
    old, new = (node("Pod", f"web-{n}-a", f"web-{n}") | {"images": [f"web:{n}"]} for n in (1, 2))
    newer = node("ReplicaSet", "web-2", "web", Revision="Rev:2")
    assert [pod.images for pod in parse_tree(tree(old, newer, new)).pods] == [("web:2",)]


def pod(name: str, owner: str, image: str, **fields: Any) -> dict[str, Any]:
    reason, health = fields.pop("reason", "Running"), fields.pop("health", "Healthy")
    labels = {"networkingInfo": {"labels": {"controller-revision-hash": fields.pop("hash", "")}}}
    return node("Pod", name, owner, Status_Reason=reason) | {"images": [image], "health": {"status": health}} | labels


def test_a_pod_that_has_ended_or_is_not_ready_serves_nobody() -> None:
    job = node("Job", "report-1") | {"createdAt": "2026-01-01T00:00:00Z"}
    pods = [
        pod("web-1-a", "web-1", "web:2"),
        pod("web-1-b", "web-1", "web:3", health="Progressing"),
        pod("web-1-c", "web-1", "web:4", reason="Terminating"),
        pod("report-1-a", "report-1", "web:1", reason="Completed"),
        pod("smoke", "", "web:5", reason="Completed"),
    ]
    known = parse_tree(tree(job, *pods))
    assert known.images == ("web:2",)
    assert known.starting == ("web:3",)


def test_where_only_jobs_have_pods_the_newest_job_counts() -> None:
    jobs = [node("Job", f"report-{n}") | {"createdAt": f"2026-01-0{n}T00:00:00Z"} for n in (1, 2)]
    pods = [pod(f"report-{n}-a", f"report-{n}", f"web:{n}", reason="Completed") for n in (1, 2)]
    assert parse_tree({"nodes": [*jobs, *pods]}).images == ("web:2",)
    assert parse_tree({"nodes": [*jobs, pods[0]]}).images == (), "the newest has none yet"
    pods[1] = pod("report-2-a", "report-2", "web:2", reason="Error", health="Degraded")
    assert parse_tree({"nodes": [*jobs, *pods]}).images == ()


def revised(kind: str, name: str, *pods: dict[str, Any]) -> dict[str, Any]:
    """Return a tree with two revisions of a workload, the second of which is being rolled out."""
    revisions = [
        node("ControllerRevision", f"{name}-{text}", name, Revision=f"Rev:{n}")
        | {"createdAt": f"2026-01-01T00:0{n}:00Z"}
        for n, text in ((1, "old"), (2, "new"))
    ]
    return {"nodes": [node(kind, name) | {"health": {"status": "Progressing"}}, *reversed(revisions), *pods]}


CRASHES = {"reason": "CrashLoopBackOff", "health": "Degraded"}


@pytest.mark.parametrize(("kind", "old", "new"), [("StatefulSet", "db-old", "db-new"), ("DaemonSet", "old", "new")])
def test_pods_of_a_controller_revision_before_are_history(kind: str, old: str, new: str) -> None:
    pods = [pod("db-0", "db", "db:1", hash=old, **CRASHES), pod("db-1", "db", "db:2", hash=new)]
    known = parse_tree(revised(kind, "db", *pods))
    assert [str(each) for each in known.pods] == ["Pod/db-1"]
    assert known.failing == ()
    kept = parse_tree(revised(kind, "db", pod("db-0", "db", "db:1", hash=old), pods[1]))
    assert (kept.kept, kept.earlier, kept.images) == (("db:1",), ("db:1",), ("db:2",))
    assert known.kept == ()
    crashing = parse_tree(revised(kind, "db", pod("db-1", "db", "db:2", hash=new, **CRASHES)))
    assert [str(each) for each in crashing.failing] == ["Pod/db-1"]
    without = parse_tree({"nodes": [node(kind, "db"), pods[0]]})
    assert [str(each) for each in without.failing] == ["Pod/db-0"], "no revision is known"


def test_a_broken_pod_of_the_revision_before_blocks_a_stateful_set() -> None:
    pods = [pod("db-0", "db", "db:1", hash="db-old", **CRASHES)]
    assert [str(each) for each in parse_tree(revised("StatefulSet", "db", *pods)).blocking] == ["Pod/db-0"]
    assert parse_tree(revised("DaemonSet", "db", *pods)).blocking == ()


def test_a_refusal_of_the_revision_before_is_history() -> None:
    known = parse_tree(revised("StatefulSet", "db"))
    times = ("2026-01-01T00:01:30Z", "2026-01-01T00:02:00Z", "2026-01-01T00:02:30.5Z")
    events = parse_events({"items": [{"reason": "FailedCreate", "lastTimestamp": at, "message": at} for at in times]})
    assert [event.message for event in known.refusals(known.nodes[0], events)] == list(times[1:])


def test_a_job_that_failed_says_so_and_not_that_no_pod_can_be_created() -> None:
    late = node("Job", "migrate") | {"health": {"status": "Degraded", "message": "active longer than deadline"}}
    known = parse_tree({"nodes": [late]})
    assert known.described(known.nodes[0]) == "Job/migrate: Failed — active longer than deadline"
    assert known.described(known.nodes[0], "quota", refused=True) == f"Job/migrate: {NO_PODS} — quota"


def test_owners_that_go_in_circles_have_an_end() -> None:
    known = parse_tree({"nodes": [node("ReplicaSet", "a", "b"), node("ReplicaSet", "b", "a")]})
    assert str(known.root(known.nodes[0])) == "ReplicaSet/b"


def test_the_latest_event_comes_last() -> None:
    items = [
        {"reason": "BackOff", "lastTimestamp": "2026-01-01T00:00:09Z", "count": 4},
        {"reason": "Pulled", "eventTime": "2026-01-01T00:00:01.5Z", "lastTimestamp": None},
    ]
    assert [(event.reason, event.count) for event in parse_events({"items": items})] == [("Pulled", 1), ("BackOff", 4)]


@given(JSON)
def test_whatever_events_come_it_does_not_crash(anything: Any) -> None:
    assert parse_events({"items": anything}) == () or isinstance(anything, list)


@given(JSON)
def test_whatever_comes_it_does_not_crash(anything: Any) -> None:
    assert failing_pods(anything) == () or isinstance(anything, dict)


@pytest.mark.parametrize(
    ("owner", "reason", "found"),
    [
        ("", "ImagePullBackOff", True),
        ("", "Init:ErrImagePull", True),
        ("", "CreateContainerConfigError", True),
        # Kubernetes itself counts the crashes of a Job. The Jobs of a CronJob do not matter to a release.
        ("", "CrashLoopBackOff", False),
        ("", "Completed", False),
        ("nightly", "ImagePullBackOff", False),
    ],
)
def test_pods_of_jobs_that_never_begin(owner: str, reason: str, found: bool) -> None:  # noqa: FBT001
    nodes = [
        node("CronJob", "nightly"),
        node("Job", "import", owner),
        node("Pod", "import-a", "import", Status_Reason=reason),
    ]
    known = parse_tree({"nodes": nodes})
    subject = Subject(ref=ResourceRef("", "Pod", "", "import-a"), root=ResourceRef("", "Job", "", "import"))
    text, code = (
        f"Job/import → Pod/import-a: {reason}",
        WAITING_REASONS.get(reason.removeprefix("Init:"), CauseCode.NO_PODS),
    )
    failing = Failing(uid="import-a", problem=Problem(message=text, code=code, subject=subject), of_job=True)
    assert [known.as_failing(pod) for pod in known.never_begun] == ([failing] if found else [])
    assert known.failing == ()


def test_a_log_that_is_followed_is_handed_on_line_by_line_however_it_is_cut() -> None:
    def entry(content: str, **more: str) -> bytes:
        return json.dumps({"result": {"content": content, "timeStamp": "2026-01-01T00:00:00Z"} | more}).encode() + b"\n"

    whole = entry("migrating") + b"no JSON\n" + entry("fatal: \x1b[31mno such table") + entry("", last="true")
    lines: list[str] = []
    reader = LogReader(lines.append, LogPosition())
    for index in range(0, len(whole), 7):
        reader.feed(whole[index : index + 7])
    assert lines == ["migrating", "fatal: no such table"]


def test_a_log_that_is_read_again_has_no_line_twice() -> None:
    def entry(second: str, content: str) -> bytes:
        time = f"2026-01-01T00:00:{second}Z"
        return json.dumps({"result": {"content": content, "timeStamp": time, "timeStampStr": time}}).encode() + b"\n"

    position = LogPosition()
    lines: list[str] = []
    log = [entry("00", "a"), entry("01", "b"), entry("01", "b"), entry("01", "b"), entry("01.5", "c"), entry("02", "d")]
    for part in (log[:3], log[:3], log[1:5], log[4:]):
        reader = LogReader(lines.append, position)
        reader.feed(b"".join(part))
        assert not reader.is_complete
    assert lines == ["a", "b", "b", "b", "c", "d"]
    reader = LogReader(lines.append, position)
    reader.feed(b'{"result":{"content":"","timeStamp":"2026-01-01T00:00:03Z","last":true}}\n')
    assert reader.is_complete


@pytest.mark.parametrize(("value", "ignored"), [("true", True), ("false", False), ("", False)])
def test_the_pods_of_a_resource_whose_health_is_ignored(value: str, *, ignored: bool) -> None:
    known = parse_tree(tree(CRASH))
    roots = [known.root(pod).ref for pod in known.failing]
    manifest = {"metadata": {"annotations": {"argocd.argoproj.io/ignore-healthcheck": value} if value else None}}
    asked: list[str] = []

    def live(node: object) -> object:
        asked.append(str(node))
        return manifest

    assert bool(ignored_roots(known, roots, live)) is ignored
    assert asked == ["Deployment/web"]


def pod_of_web(
    name: str, reason: str, created_at: str, *, health: str = "Degraded", owner: str = "web-1"
) -> dict[str, Any]:
    more = {"health": {"status": health}, "createdAt": f"2026-01-01T00:00:0{created_at}Z"}
    return node("Pod", name, owner, Status_Reason=reason) | more


@pytest.mark.parametrize(
    ("younger", "reason", "replaced"),
    [("2", "Evicted", True), ("2", "Error", True), ("0", "Evicted", False), ("2", "CrashLoopBackOff", False)],
)
def test_a_pod_that_has_ended_is_replaced_by_a_younger_one(younger: str, reason: str, *, replaced: bool) -> None:
    known = parse_tree(tree(pod_of_web("old", reason, "1"), pod_of_web("new", "Running", younger, health="Healthy")))
    old = next(pod for pod in known.pods if pod.name == "old")
    assert known.is_replaced(old) is replaced
    assert (old in known.serving_pods) is not replaced


def test_an_earlier_attempt_of_a_job_is_not_replaced() -> None:
    pods = [pod_of_web(name, "Error", name[-1], owner="migrate") for name in ("a1", "a2")]
    known = parse_tree({"nodes": [node("Job", "migrate"), *pods]})
    assert not any(known.is_replaced(pod) for pod in known.pods)


def test_what_serves_a_host() -> None:
    route = node("Ingress", "web-route") | {
        "networkingInfo": {
            "externalURLs": ["https://shop.example.com/", "https://[broken"],
            "targetRefs": [{"kind": "Service", "name": "web"}],
        }
    }
    service = node("Service", "web") | {"networkingInfo": {"targetLabels": {"app": "web"}}}
    service["uid"] = "service-web"
    serving = CRASH | {"networkingInfo": {"labels": {"app": "web", "pod-template-hash": "1"}}}
    other = node("Pod", "worker", "operator") | {"networkingInfo": {"labels": {"app": "worker"}}}
    known = parse_tree({"nodes": [route, service, serving, other]})
    assert serving_host(known, "shop.example.com") == {"web-route", "service-web", "web-1-a"}
    assert serving_host(known, "other.example.com") == frozenset()


@pytest.mark.parametrize(
    ("kind", "spec", "due"),
    [
        ("CronJob", {"jobTemplate": {"spec": {"template": "POD"}}}, texts.DUE_AT_START),
        ("CronJob", {"jobTemplate": {"spec": {"template": "POD"}}, "suspend": True}, texts.DUE_WHEN_RESUMED),
        ("Job", {"template": "POD", "suspend": True}, texts.DUE_SUSPENDED_JOB),
        ("Job", {"template": "POD"}, ""),
        ("Deployment", {"template": "POD", "replicas": 0}, texts.DUE_WITH_REPLICAS),
        ("Deployment", {"template": "POD", "replicas": 1}, ""),
        ("StatefulSet", {"template": "POD", "replicas": 0}, texts.DUE_WITH_REPLICAS),
    ],
)  # fmt: skip
def test_a_pod_template(kind: str, spec: dict[str, Any], due: str) -> None:
    init = [{"image": "init:1"}, {"image": "proxy:1", "restartPolicy": "Always"}]
    pod = {"spec": {"initContainers": init, "containers": [{"image": "web:2"}]}}
    known = parse_tree({"nodes": [node(kind, "web")]})
    manifest = json.loads(json.dumps({"spec": spec}).replace('"POD"', json.dumps(pod)))
    (idle,) = known.idle
    template = parse_pod_template(idle, manifest)
    assert (template.resource, template.images, template.due) == (f"{kind}/web", ("proxy:1", "web:2"), due)
    assert (template.on_delete, template.partitioned) == (False, False)


@pytest.mark.parametrize(("partition", "partitioned"), [(2, True), (0, False), (None, False)])
def test_the_partition_of_a_stateful_set(partition: int | None, *, partitioned: bool) -> None:
    (idle,) = parse_tree({"nodes": [node("StatefulSet", "db")]}).idle
    update = {"type": "RollingUpdate", "rollingUpdate": {"partition": partition}}
    template = parse_pod_template(idle, {"spec": {"updateStrategy": update}})
    assert (template.on_delete, template.partitioned) == (False, partitioned)


def test_a_job_that_has_completed_can_prove_its_image() -> None:
    completed = node("Job", "batch") | {"health": {"status": "Healthy"}}
    pod = node("Pod", "batch-1") | {"parentRefs": [{"uid": completed["uid"]}], "health": {"status": "Healthy"}}
    (idle,) = parse_tree({"nodes": [completed, pod]}).idle
    assert parse_pod_template(idle, {"spec": {}}).completed
    assert not parse_pod_template(idle, {"spec": {"suspend": True}}).completed
    runs = node("Job", "batch") | {"health": {"status": "Progressing"}}
    assert not parse_tree({"nodes": [runs, pod]}).idle


def test_the_images_of_a_pod_are_those_of_its_containers() -> None:
    (pod,) = parse_tree({"nodes": [node("Pod", "web-1")]}).nodes
    manifest = {"spec": {"initContainers": [{"image": "init:1"}], "containers": [{"image": "web:2"}]}}
    assert parse_pod_template(pod, manifest).images == ("web:2",)


def test_the_events_of_a_pod_are_read_again_if_its_state_changes_or_without_a_warning_later() -> None:
    warning = Event(reason="Unhealthy", message="probe failed", type="Warning", count=1, last_at="")
    clock = [0.0]
    warnings, found, reads = PodWarnings(now=lambda: clock[0]), list[Event](), list[str]()

    def events(node: Node) -> tuple[Event, ...]:
        reads.append(node.name)
        return tuple(found)

    def look(reason: str) -> str:
        pod = node("Pod", "web-1", Status_Reason=reason) | {"health": {"status": "Progressing"}}
        return warnings.of(parse_tree({"nodes": [pod]}), events)

    assert [look("Running"), look("Running"), len(reads)] == ["", "", 1]
    found.append(warning)
    clock[0] = WARNING_SECONDS
    assert "probe failed" in look("Running")
    assert "probe failed" in look("Running")
    assert len(reads) == 2
    look("Error")
    assert len(reads) == 3


@given(JSON)
def test_whatever_a_manifest_holds_it_does_not_crash(manifest: object) -> None:
    (idle,) = parse_tree({"nodes": [node("CronJob", "web")]}).idle
    parse_pod_template(idle, manifest)


def test_what_has_pods_is_not_idle() -> None:
    job = [node("Job", "report-1", "report"), node("Pod", "report-1-a", "report-1", Status_Reason="Completed")]
    nodes = [*tree(CRASH)["nodes"], node("CronJob", "report"), *job, node("StatefulSet", "db")]
    assert [str(each) for each in parse_tree({"nodes": nodes}).idle] == ["CronJob/report", "StatefulSet/db"]


def test_a_line_without_an_end_is_left_out_and_not_lost_silently() -> None:
    lines: list[str] = []
    reader = LogReader(lines.append, LogPosition())
    for _ in range(4):
        reader.feed(b"x" * LINE_BYTES)
    reader.feed(b"\n")
    assert lines == [texts.LINE_TOO_LONG.fill(megabytes=1)]


@pytest.mark.parametrize(
    ("job", "pod", "reason", "found"),
    [
        ("Progressing", "Degraded", "Error", True),
        ("Healthy", "Degraded", "OOMKilled", True),
        ("Degraded", "Degraded", "Error", False),
        ("Progressing", "Healthy", "Completed", False),
        ("Progressing", "Degraded", "ImagePullBackOff", False),
    ],
)
def test_failed_pods_of_a_job_that_goes_on(job: str, pod: str, reason: str, *, found: bool) -> None:
    owner = {"kind": "Job", "name": "migrate", "uid": "job", "health": {"status": job}}
    child = {
        "kind": "Pod", "name": "migrate-x", "uid": "pod", "parentRefs": [{"uid": "job"}], "health": {"status": pod},
        "info": [{"name": "Status Reason", "value": reason}],
    }  # fmt: skip
    assert bool(retried_pods(parse_tree({"nodes": [owner, child]}))) is found
