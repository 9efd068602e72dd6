"""Test the sandbox: pods have their fates, commits arrive, tokens have rights, components stop."""

import json
import time
from datetime import datetime
from typing import Any

import pytest

from sandbox import manifests
from sandbox.application import delivered
from sandbox.commands import CommandError
from sandbox.control import SandboxError
from sandbox.probes import listens
from sandbox.sandbox import Sandbox
from tests.sandbox.processes import state
from tests.support.waiting import eventually

IMAGE = "registry.example.com/web:1"
READY = ("Ready", "True")


def pod(sandbox: Sandbox, namespace: str, app: str) -> dict[str, Any]:
    """Return the only pod with that label; without any, a pod without a state."""
    found = json.loads(sandbox.kubectl("get", "pods", "-n", namespace, "-l", f"app={app}", "-o", "json"))["items"]
    return dict(found[0]) if found else {"metadata": {}, "status": {}}


@pytest.fixture(scope="module")
def fates(sandbox: Sandbox) -> str:
    """Deploy a Deployment for each fate, named after it; return the namespace and application."""
    repository = sandbox.repository("fates")
    files = {f"{fate}.yaml": manifests.deployment(fate, IMAGE, fate=fate) for fate in manifests.FATES}
    repository.commit(files | {"told.yaml": manifests.deployment("told", IMAGE, ready_after="3s")})
    sandbox.application("fates", repository)
    return "fates"


@pytest.mark.parametrize(
    ("fate", "shown"),
    [
        ("slow", "0/1 Pending"),
        ("ready", "1/1 Running"),
        ("never-ready", "0/1 Running"),
        ("crash", "0/1 CrashLoopBackOff"),
        ("oom", "0/1 CrashLoopBackOff"),
        ("init-crash", "0/1 Init:CrashLoopBackOff"),
        ("config-error", "0/1 CreateContainerConfigError"),
        ("image-pull", "0/1 ImagePullBackOff"),
        ("not-mounted", "0/1 ContainerCreating"),
        ("unschedulable", "0/1 Pending"),
    ],
)
def test_pods_meet_their_fates(sandbox: Sandbox, fates: str, fate: str, shown: str) -> None:
    eventually(lambda: shown in " ".join(sandbox.kubectl("get", "pods", "-n", fates, "-l", f"app={fate}").split()))


def test_a_crash_loop_has_restarts_events_and_a_log(sandbox: Sandbox, fates: str) -> None:
    def container() -> dict[str, Any]:
        status = pod(sandbox, fates, "crash")["status"]
        return dict(status.get("containerStatuses", [{}])[0])

    eventually(lambda: container().get("restartCount", 0) >= 2)
    assert container()["lastState"]["terminated"]["exitCode"] == 1
    assert "cannot connect to database at db:5432" in sandbox.argocd("app", "logs", fates, "--name", "crash")


def test_a_crash_loop_can_have_the_back_off_of_the_kubelet(sandbox: Sandbox) -> None:
    """The kubelet restarts a container at once, and then after 10, 20, 40 seconds and so on."""
    repository = sandbox.repository("back-off")
    repository.commit({"app.yaml": manifests.deployment("back-off", IMAGE, fate="crash", back_off=True)})
    sandbox.application("back-off", repository)
    began: dict[int, float] = {}
    messages: dict[int, str] = {}

    def restarted() -> bool:
        status = pod(sandbox, "back-off", "back-off").get("status", {})
        for container in status.get("containerStatuses", ()):
            began.setdefault(container["restartCount"], time.monotonic())
            messages[container["restartCount"]] = container["state"]["waiting"]["message"]
        return 2 in began

    eventually(restarted)
    assert messages[1].startswith("back-off 10s restarting failed container=back-off")
    assert messages[2].startswith("back-off 20s restarting")
    assert 8 < began[2] - began[1] < 14


def test_a_crash_loop_that_heals(sandbox: Sandbox, fates: str) -> None:
    seen: list[str] = []

    def healed() -> bool:
        container = pod(sandbox, fates, "heals")["status"].get("containerStatuses", [{}])[0]
        seen.append(container.get("state", {}).get("waiting", {}).get("reason", ""))
        return bool(container.get("ready"))

    if not healed():
        eventually(healed)
        assert "CrashLoopBackOff" in seen
    status = pod(sandbox, fates, "heals")["status"]
    assert status["containerStatuses"][0]["restartCount"] >= 2
    assert {"Ready": "True"}.items() <= {is_["type"]: is_["status"] for is_ in status["conditions"]}.items()


@pytest.mark.parametrize(
    ("fate", "reason", "message"),
    [
        ("crash", "BackOff", "Back-off restarting failed container crash in pod crash-"),
        ("init-crash", "BackOff", "Back-off restarting failed container migrate in pod init-crash-"),
        ("image-pull", "Failed", f'Failed to pull image "{IMAGE}": rpc error: '),
        ("image-pull", "BackOff", f'Back-off pulling image "{IMAGE}"'),
        ("config-error", "Failed", 'Error: configmap "settings" not found'),
        ("never-ready", "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503"),
        ("unschedulable", "FailedScheduling", "0/1 nodes are available"),
    ],
)
def test_events_read_as_those_of_a_kubelet(sandbox: Sandbox, fates: str, fate: str, reason: str, message: str) -> None:
    def told() -> bool:
        selector = f"reason={reason},involvedObject.name={pod(sandbox, fates, fate)['metadata'].get('name', '-')}"
        found = sandbox.kubectl("get", "events", "-n", fates, "--field-selector", selector, "-o", "json")
        return any(event["message"].startswith(message) for event in json.loads(found)["items"])

    eventually(told)


@pytest.mark.parametrize(("name", "seconds"), [("told", 3), ("slow", 8)])
def test_slow_pods_are_ready_after_eight_seconds_or_as_told(
    sandbox: Sandbox, fates: str, name: str, seconds: int
) -> None:
    def ready_at() -> str:
        conditions = pod(sandbox, fates, name)["status"].get("conditions", [])
        return "".join(is_["lastTransitionTime"] for is_ in conditions if (is_["type"], is_["status"]) == READY)

    eventually(lambda: ready_at() != "")
    created = pod(sandbox, fates, name)["metadata"]["creationTimestamp"]
    took = datetime.fromisoformat(ready_at()) - datetime.fromisoformat(created)
    assert seconds - 1 <= took.total_seconds() <= seconds + 4


def test_a_fate_that_does_not_exist() -> None:
    with pytest.raises(ValueError, match="'crahs' is none of ready, slow"):
        manifests.deployment("web", IMAGE, fate="crahs")


def test_hooks_complete_and_fail(sandbox: Sandbox, name: str) -> None:
    repository = sandbox.repository(name)
    first = repository.commit({"hook.yaml": manifests.hook("migrate", "PreSync"), "c.yaml": manifests.config_map("c")})
    application = sandbox.application(name, repository, retry_limit=0)
    application.wait_for(delivered(first))
    repository.commit(
        {"hook.yaml": manifests.hook("migrate", "PreSync", fate="fail"), "c.yaml": manifests.config_map("c", a="b")}
    )
    application.refresh()
    application.wait_for(lambda state: state["status"]["operationState"]["phase"] == "Failed")


def test_a_commit_is_a_new_revision_after_a_refresh_and_a_rollout(sandbox: Sandbox, name: str) -> None:
    repository = sandbox.repository(name)
    first = repository.commit({"web.yaml": manifests.deployment("web", IMAGE)})
    application = sandbox.application(name, repository)
    application.wait_for(delivered(first))
    second = repository.commit({"web.yaml": manifests.deployment("web", "registry.example.com/web:2")})
    application.refresh()
    application.wait_for(delivered(second))
    eventually(lambda: len(sandbox.kubectl("get", "pods", "-n", name, "-o", "name").split()) == 1)


def test_a_deployment_is_scaled_and_deleted_by_commits(sandbox: Sandbox, name: str) -> None:
    def pods() -> int:
        return len(sandbox.kubectl("get", "pods", "-n", name, "-o", "name").split())

    repository = sandbox.repository(name)
    both = {"web.yaml": manifests.deployment("web", IMAGE, replicas=3), "c.yaml": manifests.config_map("c")}
    repository.commit(both)
    application = sandbox.application(name, repository)
    eventually(lambda: pods() == 3)
    repository.commit({"web.yaml": manifests.deployment("web", IMAGE)})
    application.refresh()
    eventually(lambda: pods() == 1)
    repository.commit({"web.yaml": None})
    application.refresh()
    eventually(lambda: pods() == 0)


def test_a_stale_commit_stays_stale_and_the_end_of_an_application_is_seen(sandbox: Sandbox, name: str) -> None:
    repository = sandbox.repository(name)
    first = repository.commit({"c.yaml": manifests.config_map("c")})
    application = sandbox.application(name, repository, project="default", syncPolicy={"automated": {"selfHeal": True}})
    policy = application.wait_for(delivered(first))["spec"]["syncPolicy"]
    assert policy == {"automated": {"prune": True, "selfHeal": True}}
    repository.commit({"c.yaml": manifests.config_map("c", a="b")})
    with application.changes() as changes:
        # Longer than the controller takes for a change that it has noticed.
        time.sleep(2)
        assert delivered(first)(changes.seen[-1][1])
        application.delete()
        eventually(lambda: changes.deleted is not None)
    with pytest.raises(SandboxError, match="can't be watched: .*not found"), application.changes():
        pass


def test_a_token_can_do_what_its_policy_says(sandbox: Sandbox) -> None:
    token = sandbox.token("reader", ("projects, get, *, allow",))
    assert "default" in sandbox.argocd("proj", "list", "-o", "name", token=token)
    with pytest.raises(CommandError, match="permission denied"):
        sandbox.argocd("app", "sync", "whatever", token=token)
    sandbox.revoke("reader")
    with pytest.raises(CommandError, match="does not have token with id"):
        sandbox.argocd("proj", "list", token=token)


def test_the_account_of_the_guide(sandbox: Sandbox) -> None:
    def can(action: str, resource: str, what: str) -> str:
        return sandbox.argocd("account", "can-i", action, resource, what, token=sandbox.ci_token).strip()

    assert can("get", "applications", "default/web") == "yes"
    assert can("sync", "applications", "default/web") == "yes"
    assert can("get", "projects", "default") == "yes"
    assert can("delete", "applications", "default/web") == "no"
    assert can("create", "projects", "new") == "no"


def test_a_component_can_be_stopped_paused_and_started_again(sandbox: Sandbox) -> None:
    part = sandbox.part("argocd-server")
    before, port = part.pid, sandbox.layout.ports["argocd-server"]
    with pytest.raises(SandboxError, match="start argocd-server: it is running"):
        part.start()
    with part.stopped():
        assert not listens(port)
        assert sandbox.status()["argocd-server"]["state"] == "stopped"
        sandbox.check()
        with pytest.raises(SandboxError, match="pause argocd-server: it is not running"):
            part.pause()
    assert part.pid != before
    with part.paused():
        assert listens(port)
        assert state(part.pid) == "T"
    assert "argocd-server" in sandbox.argocd("version")


def test_a_component_that_does_not_exist(sandbox: Sandbox) -> None:
    with pytest.raises(SandboxError, match="no component has that name; there are etcd, valkey"):
        sandbox.part("redis").stop()
