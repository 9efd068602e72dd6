"""argocd-release against the real Argo CD of the sandbox: each situation with its verdict, reports and time."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from argocd_release.messages import job_log
from sandbox import manifests
from sandbox.application import delivered
from sandbox.sandbox import Sandbox
from tests.support.gitlab_rules import check_junit, released
from tests.support.job import COMMAND, Release, Running, StartRelease, check_reports
from tests.support.processes import command_line, descendants
from tests.support.runner import WRAPPERS, scripts, wrapped
from tests.support.stopwatch import Stopwatch, check
from tests.support.waiting import eventually

IMAGE = "registry.example.com/web"
Run = Callable[..., Release]


def web(tag: str, **options: object) -> dict[str, str | None]:
    return {"web.yaml": manifests.deployment("web", f"{IMAGE}:{tag}", **options)}  # type: ignore[arg-type]


def test_first_release(sandbox: Sandbox, release: Run, name: str) -> None:
    repository = sandbox.repository(name)
    revision = repository.commit(web("1", replicas=2))
    sandbox.application(name, repository)

    ended = release(name)

    assert ended.exit_code == 0, ended.log
    assert "RELEASE SUCCESSFUL" in ended.log
    assert f"expected: {job_log.NOTHING_EXPECTED.fill()}" in ended.log
    assert "Commit:      abc1234" in ended.log, "no image that runs has that tag"
    assert "to prove this commit (abc1234), set RELEASE_IMAGE" in ended.log
    assert f"$ argocd app wait {name} --timeout 60 --health --sync --operation" in ended.log
    assert f"$ argocd app get {name}\nName:               argocd/{name}" in ended.log
    assert ended.dotenv["ARGOCD_RELEASE_REVISION"] == revision
    assert ended.dotenv["ARGOCD_RELEASE_IMAGES"] == f"{IMAGE}:1"
    assert ended.dotenv["ARGOCD_RELEASE_URL"] == f"https://{sandbox.server}/applications/{name}"
    cases = check_reports(ended, "delivered")
    assert cases == dict.fromkeys(
        [f"{name} is released", "sync", "operation", "health", f"apps/Deployment/{name}/web"], "passed"
    )


def test_links_lead_to_the_address_that_people_use(sandbox: Sandbox, release: Run, name: str) -> None:
    """The runner can reach Argo CD by an address of the cluster only; argocd-cm holds the one for browsers."""
    repository = sandbox.repository(name)
    repository.commit(web("1"))
    sandbox.application(name, repository)
    public = '{"data": {"url": %s}}'
    sandbox.kubectl(
        "patch", "cm", "argocd-cm", "-n", "argocd", "--type=merge", "-p", public % '"https://argocd.example.com/argo/"'
    )
    try:
        ended = release(name)
    finally:
        sandbox.kubectl("patch", "cm", "argocd-cm", "-n", "argocd", "--type=merge", "-p", public % "null")

    assert ended.exit_code == 0, ended.log
    assert ended.dotenv["ARGOCD_RELEASE_URL"] == f"https://argocd.example.com/argo/applications/{name}"
    assert f"URL:         https://argocd.example.com/argo/applications/{name}" in ended.log


def test_delivered_is_seen_in_time(sandbox: Sandbox, start_release: StartRelease, name: str) -> None:
    repository = sandbox.repository(name)
    first = repository.commit(web("1"))
    application = sandbox.application(name, repository)
    application.wait_for(delivered(first))
    with application.changes() as changes:
        revision = repository.commit(web("2", ready_after="3s"))
        running = start_release(name)
        eventually(lambda: changes.has(delivered(revision)))
        stopwatch = Stopwatch()
        ended = running.end()

    assert ended.exit_code == 0, ended.log
    assert ended.dotenv["ARGOCD_RELEASE_REVISION"] == revision
    late = ended.ended - changes.first(delivered(revision))
    print(f"the whole command ended {late:.2f} s after Synced and Healthy")
    check(late, stalled=stopwatch.stalled(), promised=2.0, busy=10.0)


def test_wrong_settings_are_all_named(release: Run) -> None:
    ended = release("--help", ARGOCD_SERVER="http://argocd.example.com", RELEASE_TIMEOUT="soon", RELEASE_TIMOUT="5")

    assert ended.exit_code == 2, ended.log
    assert ended.cause == "3 settings are wrong:"
    for setting in (
        "ARGOCD_SERVER must not contain a scheme",
        "ARGOCD_APP_NAME must be",
        "RELEASE_TIMEOUT must be a number of seconds",
    ):
        assert f"\n  error: {setting}" in ended.log
    assert "unknown setting RELEASE_TIMOUT; did you mean RELEASE_TIMEOUT?" in ended.log
    check_reports(ended, "settings")


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signal(sandbox: Sandbox, start_release: StartRelease, name: str, number: int, exit_code: int) -> None:
    repository = sandbox.repository(name)
    repository.commit(web("1", fate="never-ready"))
    sandbox.application(name, repository)
    running = start_release(name)
    eventually(lambda: "app\0wait" in "".join(map(command_line, descendants(running.process.pid))))
    children = descendants(running.process.pid)
    sent = time.time()
    running.process.send_signal(number)
    time.sleep(0.05)
    running.process.send_signal(number)
    ended = running.end()

    assert ended.exit_code == exit_code, ended.log
    assert ended.ended - sent <= 5
    assert "RELEASE TRACKING CANCELLED" in ended.log
    eventually(lambda: not [pid for pid in children if Path(f"/proc/{pid}").exists()], 2)
    check_reports(ended, "cancelled" if number == signal.SIGTERM else "interrupted")


@pytest.mark.parametrize("shell", ["bash", "dash"])
@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_a_cancel_by_the_shell_executor(sandbox: Sandbox, name: str, tmp_path: Path, wrapper: str, shell: str) -> None:
    """The runner sends SIGTERM to the process group: the shells end at once, the tool writes its reports first."""
    repository = sandbox.repository(name)
    repository.commit(web("1", fate="never-ready"))
    sandbox.application(name, repository)
    script = tmp_path / "script"
    script.write_text(wrapped(scripts()["release.yml"], wrapper), "utf-8")
    environ = sandbox.environment() | {"ARGOCD_APP_NAME": name}
    environ["PATH"] = f"{COMMAND.parent}:{environ['PATH']}"
    running = Running(environ, tmp_path, ["setsid", shell, str(script)])
    try:
        eventually(lambda: "app\0wait" in "".join(map(command_line, descendants(running.process.pid))))
        sent = time.time()
        os.killpg(running.process.pid, signal.SIGTERM)
        ended = running.end()
    finally:
        running.kill()

    assert ended.exit_code == -signal.SIGTERM, ended.log
    assert ended.ended - sent <= 5
    assert "RELEASE TRACKING CANCELLED" in ended.log
    assert ended.dotenv["ARGOCD_RELEASE_STATUS"] == "cancelled"
    assert released(check_junit(ended.junit)) == "error"


def test_a_signal_at_any_moment_still_leaves_reports(sandbox: Sandbox, start_release: StartRelease, name: str) -> None:
    """From the moment on that Python runs our first lines: libraries are still being loaded then."""
    repository = sandbox.repository(name)
    repository.commit(web("1", fate="never-ready"))
    sandbox.application(name, repository)
    for moment in (0, 0.05, 0.15, 0.3, 0.5, 0.8):
        running = start_release(name)
        while not catches_sigterm(running.process.pid):
            time.sleep(0.005)
        time.sleep(moment)
        sent = time.time()
        running.process.send_signal(signal.SIGTERM)
        ended = running.end()
        assert ended.exit_code == 143, (moment, ended.log)
        assert ended.ended - sent <= 5
        check_reports(ended, "cancelled")


def catches_sigterm(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)


def test_token_is_nowhere(sandbox: Sandbox, start_release: StartRelease, name: str) -> None:
    repository = sandbox.repository(name)
    repository.commit(web("1", ready_after="4s"))
    sandbox.application(name, repository)
    running = start_release(name)
    seen: set[str] = set()
    while running.process.poll() is None:
        time.sleep(0.02)
        for pid in [running.process.pid, *descendants(running.process.pid)]:
            seen.add(command_line(pid))
    ended = running.end()

    assert ended.exit_code == 0
    assert any("wait" in line for line in seen)
    written = [file.read_text("utf-8") for file in running.folder.iterdir()]
    for text in [ended.log, *seen, *written]:
        assert sandbox.ci_token not in text


def test_report_that_cannot_be_written_changes_no_verdict(sandbox: Sandbox, release: Run, name: str) -> None:
    repository = sandbox.repository(name)
    repository.commit(web("1"))
    sandbox.application(name, repository)

    ended = release(name, RELEASE_JUNIT_PATH="/proc/nowhere/report.xml", RELEASE_DOTENV_PATH="")

    assert ended.exit_code == 0, ended.log
    assert (
        "warning: could not write the JUnit report to /proc/nowhere/report.xml: No such file or directory" in ended.log
    )
