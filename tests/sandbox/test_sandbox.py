"""The sandbox itself: pods meet their fates, parts can be stopped, and nothing outlives its caller."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox import manifests
from sandbox.application import delivered
from sandbox.cluster import CommandError
from sandbox.parts import ADDRESS
from sandbox.sandbox import ROOT, Sandbox
from sandbox.supervisor import SandboxError

IMAGE = "registry.example.com/web:1"
PROGRAM = """
import sys, time
from sandbox.sandbox import Sandbox
with Sandbox.start() as sandbox:
    print(sandbox.folder, *[state["pid"] for state in sandbox.status().values()], flush=True)
    print(*sandbox.world.ports.values(), flush=True)
    time.sleep(600)
"""


def eventually(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((ADDRESS, port)) == 0


@pytest.mark.parametrize(
    ("fate", "shown"),
    [
        ("ready", "1/1 Running"),
        ("never-ready", "0/1 Running"),
        ("crash", "0/1 CrashLoopBackOff"),
        ("image-pull", "0/1 ImagePullBackOff"),
    ],
)
def test_pods_meet_their_fates(sandbox: Sandbox, name: str, fate: str, shown: str) -> None:
    repository = sandbox.repository(name)
    repository.commit({"web.yaml": manifests.deployment("web", IMAGE, fate=fate)})
    sandbox.application(name, repository)
    eventually(lambda: shown in " ".join(sandbox.kubectl("get", "pods", "-n", name).split()))


def test_a_crash_loop_has_restarts_events_and_a_log(sandbox: Sandbox, name: str) -> None:
    repository = sandbox.repository(name)
    repository.commit({"web.yaml": manifests.deployment("web", IMAGE, fate="crash")})
    sandbox.application(name, repository)

    def restarts() -> int:
        pods = json.loads(sandbox.kubectl("get", "pods", "-n", name, "-o", "json"))["items"]
        return max([int(pod["status"].get("containerStatuses", [{}])[0].get("restartCount", 0)) for pod in pods] or [0])

    eventually(lambda: restarts() >= 2)
    assert "BackOff" in sandbox.kubectl("get", "events", "-n", name)
    assert "cannot connect to database at db:5432" in sandbox.argocd("app", "logs", name)


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


def test_a_part_can_be_stopped_paused_and_started_again(sandbox: Sandbox) -> None:
    part = sandbox.part("argocd-server")
    before, port = part.pid, sandbox.world.ports["argocd-server"]
    with part.stopped():
        assert not listens(port)
        assert sandbox.status()["argocd-server"]["state"] == "stopped"
    assert part.pid != before
    with part.paused():
        assert listens(port)
        assert Path(f"/proc/{part.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    assert "argocd-server" in sandbox.argocd("version")


def test_two_side_by_side_one_of_which_loses_a_part(sandbox: Sandbox) -> None:
    with Sandbox.start() as other:
        assert not set(other.world.ports.values()) & set(sandbox.world.ports.values())
        os.kill(other.part("valkey").pid, signal.SIGKILL)
        eventually(lambda: other.status()["valkey"]["state"] == "died")
        why = other.status()["valkey"]["why"]
        assert why.startswith("valkey was killed by SIGKILL; its last log lines:\n")
        assert "Ready to accept connections" in why
        with pytest.raises(SandboxError, match="valkey was killed by SIGKILL"):
            other.part("repo-server").start()
    assert sandbox.status()["valkey"]["state"] == "running"
    assert not other.folder.exists()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_nothing_outlives_its_caller(number: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as caller:
        assert caller.stdout is not None
        folder, *pids = caller.stdout.readline().split()
        ports = [int(port) for port in caller.stdout.readline().split()]
        assert len(pids) == 9
        assert any(listens(port) for port in ports)
        caller.send_signal(number)
    eventually(lambda: not any(alive(int(pid)) for pid in pids), 10)
    eventually(lambda: not Path(folder).exists(), 5)
    assert not any(listens(port) for port in ports)


def test_up_status_and_down(tmp_path: Path) -> None:
    def dev(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "sandbox", *arguments, "--name", f"test-{os.getpid()}"]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=90, check=False)

    assert dev("status").returncode == 1
    up = dev("up")
    assert up.returncode == 0, up.stderr
    try:
        assert "export ARGOCD_SERVER=localhost:" in up.stdout
        assert "is up already" in dev("up").stderr
        status = dev("status")
        assert status.returncode == 0
        assert status.stdout.count(" running ") == 9
        (tmp_path / "environment").write_text(up.stdout)
        asked = subprocess.run(
            ["sh", "-c", ". ./environment && argocd proj list -o name"],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert asked.stdout == "default\n", asked.stderr
    finally:
        assert dev("down").returncode == 0
    assert dev("status").returncode == 1
