"""Test which failed pods of Jobs the job log names, and when."""

from argocd_release.model.hook_events import JobPodFailed
from argocd_release.model.problem import CauseCode, Problem, ResourceRef, Subject
from argocd_release.model.resource_tree import Failing, Workloads
from argocd_release.watch.retried_pods import PODS, SECONDS, RetriedPods
from tests.unit.states import application

HOOK = {"group": "batch", "kind": "Job", "namespace": "web", "name": "migrate", "hookType": "PreSync"}
RUNNING = application(phase="Running", results=[HOOK | {"status": "Synced", "hookPhase": "Running"}])


def failed(job: str, pod: str = "x") -> Failing:
    root = ResourceRef("batch", "Job", "web", job)
    subject = Subject(ref=ResourceRef("", "Pod", "web", f"{job}-{pod}"), root=root)
    message = f"Job/{job} → Pod/{job}-{pod}: Error"
    return Failing(uid=f"{job}-{pod}", problem=Problem(message=message, code=CauseCode.UNHEALTHY, subject=subject))


def test_a_failed_pod_of_a_running_hook_is_named_once_after_a_moment() -> None:
    pods, workloads = RetriedPods(), Workloads(retried=(failed("migrate"), failed("of-a-cron-job")))
    times = (0.0, SECONDS / 2, SECONDS, 4.0)
    events = [list(pods.new(RUNNING, workloads, 100.0 + seconds)) for seconds in times]
    assert events == [[], [], [JobPodFailed(failure="PreSync hook Job/migrate → Pod/migrate-x: Error")], []]


def test_a_hook_that_has_failed_has_no_further_pod() -> None:
    ended = application(phase="Running", results=[HOOK | {"status": "Synced", "hookPhase": "Failed"}])
    pods, workloads = RetriedPods(), Workloads(retried=(failed("migrate"),))
    assert [list(pods.new(ended, workloads, at)) for at in (0.0, 10.0)] == [[], []]


def test_the_number_of_named_pods_is_limited() -> None:
    pods, workloads = RetriedPods(), Workloads(retried=tuple(failed("migrate", str(number)) for number in range(200)))
    assert [len(list(pods.new(RUNNING, workloads, at))) for at in (0.0, 10.0, 20.0)] == [0, PODS, 0]
