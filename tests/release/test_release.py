"""argocd-release against the real Argo CD of the sandbox: each situation with its verdict, reports and time."""

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox import manifests
from sandbox.application import delivered
from sandbox.sandbox import Sandbox
from tests.conftest import Release, StartRelease
from tests.gitlab_rules import check_dotenv, check_junit

IMAGE = "registry.example.com/web"
Run = Callable[..., Release]


def web(tag: str, **options: object) -> dict[str, str | None]:
    return {"web.yaml": manifests.deployment("web", f"{IMAGE}:{tag}", **options)}  # type: ignore[arg-type]


def check_reports(release: Release, status: str) -> dict[str, str]:
    """Both reports pass GitLab's rules and agree; gives the JUnit cases with their status."""
    assert release.dotenv == check_dotenv("".join(f"{key}={value}\n" for key, value in release.dotenv.items()))
    assert release.dotenv["ARGOCD_RELEASE_STATUS"] == status
    assert release.dotenv["ARGOCD_RELEASE_EXIT_CODE"] == str(release.exit_code)
    return check_junit(release.junit)


def test_first_release(sandbox: Sandbox, release: Run, name: str) -> None:
    repository = sandbox.repository(name)
    revision = repository.commit(web("1", replicas=2))
    sandbox.application(name, repository)

    ended = release(name)

    assert ended.exit_code == 0, ended.log
    assert "RELEASE SUCCESSFUL" in ended.log
    assert "Image Tag:   abc1234" in ended.log
    assert f"$ argocd app wait {name} --timeout 60 --health --sync --operation" in ended.log
    assert f"$ argocd app get {name}\nName:               argocd/{name}" in ended.log
    assert ended.dotenv["ARGOCD_RELEASE_REVISION"] == revision
    assert ended.dotenv["ARGOCD_RELEASE_IMAGES"] == f"{IMAGE}:1"
    assert ended.dotenv["ARGOCD_RELEASE_URL"] == f"https://{sandbox.server}/applications/{name}"
    cases = check_reports(ended, "delivered")
    assert cases == dict.fromkeys(["release", "sync", "operation", "health", f"apps/Deployment/{name}/web"], "passed")


def test_already_delivered(sandbox: Sandbox, release: Run, name: str) -> None:
    repository = sandbox.repository(name)
    revision = repository.commit(web("1"))
    sandbox.application(name, repository).wait_for(delivered(revision))

    ended = release(name)

    assert ended.exit_code == 0, ended.log
    assert ended.seconds <= 2.5
    check_reports(ended, "delivered")


def test_commit_not_noticed_yet(sandbox: Sandbox, release: Run, name: str) -> None:
    """The plain `argocd app wait` is green at once here, with the old image still running."""
    repository = sandbox.repository(name)
    old = repository.commit(web("old"))
    application = sandbox.application(name, repository)
    application.wait_for(delivered(old))
    sandbox.argocd("app", "get", name)
    revision = repository.commit(web("new", ready_after="2s"))
    plain = sandbox.argocd("app", "wait", name, "--sync", "--health", "--timeout", "20", token=sandbox.ci_token)
    assert revision[:7] not in plain
    assert application.get()["status"]["summary"]["images"] == [f"{IMAGE}:old"]

    ended = release(name)

    assert ended.exit_code == 0, ended.log
    assert ended.dotenv["ARGOCD_RELEASE_REVISION"] == revision
    assert ended.dotenv["ARGOCD_RELEASE_IMAGES"] == f"{IMAGE}:new"
    pods = sandbox.kubectl("get", "pods", "-n", name, "-o", "jsonpath={.items[*].spec.containers[*].image}")
    assert pods == f"{IMAGE}:new"


def test_delivered_is_seen_in_time(sandbox: Sandbox, start_release: StartRelease, name: str) -> None:
    repository = sandbox.repository(name)
    first = repository.commit(web("1"))
    application = sandbox.application(name, repository)
    application.wait_for(delivered(first))
    with application.changes() as changes:
        running = start_release(name)
        revision = repository.commit(web("2", ready_after="3s"))
        ended = running.end()

    assert ended.exit_code == 0, ended.log
    if ended.dotenv["ARGOCD_RELEASE_REVISION"] == revision:
        late = ended.ended - changes.first(delivered(revision))
        print(f"the whole command ended {late:.2f} s after Synced and Healthy")
        assert late <= 2.0


def test_manifest_rejected_by_the_api(sandbox: Sandbox, release: Run, name: str) -> None:
    repository = sandbox.repository(name)
    first = repository.commit(web("1"))
    application = sandbox.application(name, repository)
    application.wait_for(delivered(first))
    repository.commit(web("2", replicas=-2))

    ended = release(name)

    assert ended.exit_code == 10, ended.log
    assert ended.seconds <= 20
    assert ended.cause.startswith('sync failed: Deployment/web: Deployment.apps "web" is invalid: spec.replicas')
    assert f"$ argocd app resources {name}" in ended.log
    assert "must be greater than or equal to 0" in ended.dotenv["ARGOCD_RELEASE_REASON"]
    cases = check_reports(ended, "sync-failed")
    assert cases["release"] == "failure"
    assert cases["operation"] == "failure"


def test_failed_operation_without_retries(sandbox: Sandbox, release: Run, name: str) -> None:
    repository = sandbox.repository(name)
    repository.commit(web("1", replicas=-2))
    sandbox.application(name, repository, retry_limit=0)

    ended = release(name)

    assert ended.exit_code == 10, ended.log
    assert ended.seconds <= 8
    assert ended.cause.startswith("sync failed: Deployment/web: ")


def test_fix_after_a_failed_operation_is_delivered(sandbox: Sandbox, release: Run, name: str) -> None:
    """The failure of the revision before is history."""
    repository = sandbox.repository(name)
    repository.commit(web("1", replicas=-2))
    application = sandbox.application(name, repository, retry_limit=0)
    application.wait_for(lambda state: state.get("status", {}).get("operationState", {}).get("phase") == "Failed")
    revision = repository.commit(web("2"))

    ended = release(name)

    assert ended.exit_code == 0, ended.log
    assert ended.dotenv["ARGOCD_RELEASE_REVISION"] == revision


def test_failed_post_sync_hook(sandbox: Sandbox, release: Run, name: str) -> None:
    """Synced and Healthy, and yet not delivered; the plain script is green."""
    repository = sandbox.repository(name)
    repository.commit(web("1") | {"hook.yaml": manifests.hook("smoke-test", "PostSync", fate="fail", ends_after="3s")})
    sandbox.application(name, repository, retry_limit=0)

    ended = release(name)

    assert ended.exit_code == 10, ended.log
    assert "Job/smoke-test" in ended.cause


def test_missing_application(release: Run, name: str) -> None:
    ended = release(name)

    assert ended.exit_code == 14, ended.log
    assert ended.seconds <= 5
    assert ended.cause == f"there is no application {name} that this token may see"
    assert check_reports(ended, "missing")["release"] == "failure"


def test_token_that_may_not_read_the_application(sandbox: Sandbox, release: Run, name: str) -> None:
    repository = sandbox.repository(name)
    repository.commit(web("1"))
    sandbox.application(name, repository)
    token = sandbox.token("narrow", ("applications, get, other/*, allow", "projects, get, *, allow"))

    ended = release(name, ARGOCD_AUTH_TOKEN=token)

    assert ended.exit_code == 31, ended.log
    assert ended.cause.startswith("permission denied: applications, get")
    assert check_reports(ended, "denied")["release"] == "error"


def test_token_without_projects_get(sandbox: Sandbox, release: Run, name: str) -> None:
    """The guide's «permission denied: projects, get»."""
    repository = sandbox.repository(name)
    repository.commit(web("1"))
    sandbox.application(name, repository)
    token = sandbox.token("no-projects", ("applications, get, */*, allow",))

    ended = release(name, ARGOCD_AUTH_TOKEN=token)

    assert ended.exit_code == 31, ended.log
    assert ended.cause.startswith("permission denied: projects, get, default")


def test_revoked_token(sandbox: Sandbox, release: Run, name: str) -> None:
    repository = sandbox.repository(name)
    repository.commit(web("1"))
    sandbox.application(name, repository)
    token = sandbox.token("revoked", ("applications, get, */*, allow", "projects, get, *, allow"))
    sandbox.revoke("revoked")

    ended = release(name, ARGOCD_AUTH_TOKEN=token)

    assert ended.exit_code == 31, ended.log
    assert "does not have token with id" in ended.cause
    assert token not in ended.log
    check_reports(ended, "denied")


def test_timeout_names_what_is_missing(sandbox: Sandbox, release: Run, name: str) -> None:
    repository = sandbox.repository(name)
    repository.commit(web("1", fate="never-ready"))
    sandbox.application(name, repository)

    ended = release(name, RELEASE_TIMEOUT="8")

    assert ended.exit_code == 12, ended.log
    assert 8 <= ended.seconds <= 11
    assert ended.cause.startswith("not delivered within 8 s: Progressing: Deployment/web Waiting for rollout to finish")
    cases = check_reports(ended, "timed-out")
    assert (cases["sync"], cases["health"]) == ("passed", "failure")


def test_server_down_at_start(sandbox: Sandbox, release: Run, name: str) -> None:
    with sandbox.part("argocd-server").stopped():
        ended = release(name)

    assert ended.exit_code == 30, ended.log
    assert 15 <= ended.seconds <= 22
    assert "connection refused" in ended.cause
    assert "RELEASE FAILED" not in ended.log
    assert check_reports(ended, "unreachable")["release"] == "error"


def test_server_down_for_a_while(sandbox: Sandbox, start_release: StartRelease, name: str) -> None:
    repository = sandbox.repository(name)
    revision = repository.commit(web("1", ready_after="8s"))
    sandbox.application(name, repository)
    running = start_release(name)
    time.sleep(3)
    with sandbox.part("argocd-server").stopped():
        time.sleep(5)
    ended = running.end()

    assert ended.exit_code == 0, ended.log
    assert ended.dotenv["ARGOCD_RELEASE_REVISION"] == revision
    assert "trying again" in ended.log


def test_controller_frozen_for_a_while(sandbox: Sandbox, start_release: StartRelease, name: str) -> None:
    """`get --refresh` never returns then; a plain `get` still shows the old state, Synced and Healthy."""
    repository = sandbox.repository(name)
    old = repository.commit(web("old"))
    sandbox.application(name, repository).wait_for(delivered(old))
    revision = repository.commit(web("new"))
    with sandbox.part("application-controller").paused():
        running = start_release(name)
        time.sleep(12)
    ended = running.end()

    assert ended.exit_code == 0, ended.log
    assert ended.dotenv["ARGOCD_RELEASE_REVISION"] == revision
    assert "has not compared with git since this job began" in ended.log


def test_server_frozen(sandbox: Sandbox, release: Run, name: str) -> None:
    """Connections are accepted and never answered."""
    with sandbox.part("argocd-server").paused():
        ended = release(name, RELEASE_TIMEOUT="10")

    assert ended.exit_code == 30, ended.log
    assert ended.seconds <= 10 + 5 + 2
    assert "no answer within 5 s" in ended.cause
    assert "RELEASE FAILED" not in ended.log
    check_reports(ended, "unreachable")


def test_degraded_after_its_grace_and_not_before(sandbox: Sandbox, release: Run, name: str) -> None:
    repository = sandbox.repository(name)
    repository.commit(web("1", fate="never-ready", deadline=2))
    sandbox.application(name, repository)

    ended = release(name, RELEASE_DEGRADED_GRACE="4", RELEASE_TIMEOUT="40")

    assert ended.exit_code == 11, ended.log
    assert ended.cause.startswith("Degraded: Deployment/web")
    assert ended.seconds <= 4 + 5 + 3


@pytest.mark.parametrize(
    ("fate", "reason"),
    [("crash", "CrashLoopBackOff, "), ("image-pull", "ImagePullBackOff")],
)
def test_pods_that_cannot_start(sandbox: Sandbox, release: Run, name: str, fate: str, reason: str) -> None:
    """The application stays Progressing for ten minutes; the plain script burns its whole timeout."""
    repository = sandbox.repository(name)
    repository.commit(web("1", fate=fate))
    sandbox.application(name, repository)

    ended = release(name, RELEASE_POD_GRACE="5")

    assert ended.exit_code == 11, ended.log
    assert ended.cause.startswith("Deployment/web → Pod/web-")
    assert reason in ended.cause
    assert ended.seconds <= 5 + 5 + 2


def test_old_pods_that_crash_while_new_ones_start(sandbox: Sandbox, release: Run, name: str) -> None:
    repository = sandbox.repository(name)
    repository.commit(web("1", fate="crash"))
    application = sandbox.application(name, repository)
    application.wait_for(lambda state: state.get("status", {}).get("sync", {}).get("status") == "Synced")
    time.sleep(2)
    revision = repository.commit(web("2", ready_after="7s"))

    ended = release(name, RELEASE_POD_GRACE="3")

    assert ended.exit_code == 0, ended.log
    assert ended.dotenv["ARGOCD_RELEASE_REVISION"] == revision


def test_missing_path(sandbox: Sandbox, release: Run, name: str) -> None:
    repository = sandbox.repository(name)
    repository.commit(web("1"))
    sandbox.application(name, repository, path="not/there")

    ended = release(name, RELEASE_CONDITION_GRACE="3")

    assert ended.exit_code == 10, ended.log
    assert ended.cause.startswith("ComparisonError: ")
    assert "app path does not exist" in ended.cause


def test_application_that_appears_late(sandbox: Sandbox, start_release: StartRelease, name: str) -> None:
    running = start_release(name, RELEASE_APPEAR_TIMEOUT="30")
    time.sleep(3)
    repository = sandbox.repository(name)
    revision = repository.commit(web("1"))
    sandbox.application(name, repository)
    ended = running.end()

    assert ended.exit_code == 0, ended.log
    assert ended.dotenv["ARGOCD_RELEASE_REVISION"] == revision


def test_application_deleted_midway(sandbox: Sandbox, start_release: StartRelease, name: str) -> None:
    repository = sandbox.repository(name)
    repository.commit(web("1", fate="never-ready"))
    application = sandbox.application(name, repository)
    running = start_release(name, RELEASE_DELETED_GRACE="3")
    time.sleep(3)
    application.delete()
    ended = running.end()

    assert ended.exit_code == 14, ended.log
    assert ended.cause == "the application was deleted while it was tracked"


def test_an_expected_revision(sandbox: Sandbox, start_release: StartRelease, name: str) -> None:
    """The job begins before the commit it expects is pushed."""
    repository = sandbox.repository(name)
    first = repository.commit(web("1"))
    application = sandbox.application(name, repository)
    application.wait_for(delivered(first))
    # Git can be asked for the revision only once it is there, so the commit is made on a branch and moved.
    repository.git("checkout", "--quiet", "-b", "next")
    second = repository.commit(web("2"))
    running = start_release(name, RELEASE_REVISION=second)
    time.sleep(4)
    assert running.process.poll() is None
    repository.git("branch", "--force", "main", "next")
    application.refresh()
    ended = running.end()

    assert ended.exit_code == 0, ended.log
    assert ended.dotenv["ARGOCD_RELEASE_REVISION"] == second
    assert f"Argo CD compares with {first[:12]}, not with {second[:12]}" in ended.log


def test_wrong_settings_are_all_named(release: Run) -> None:
    ended = release("--help", ARGOCD_SERVER="https://argocd.example.com", RELEASE_TIMEOUT="soon", RELEASE_TIMOUT="5")

    assert ended.exit_code == 2, ended.log
    assert ended.cause == "3 settings are wrong:"
    for setting in ("ARGOCD_SERVER: ", "ARGOCD_APP_NAME: ", "RELEASE_TIMEOUT: must be a whole number, not 'soon'"):
        assert f"\n  {setting}" in ended.log
    assert "RELEASE_TIMOUT is no setting; did you mean RELEASE_TIMEOUT?" in ended.log
    check_reports(ended, "settings")


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signal(sandbox: Sandbox, start_release: StartRelease, name: str, number: int, exit_code: int) -> None:
    repository = sandbox.repository(name)
    repository.commit(web("1", fate="never-ready"))
    sandbox.application(name, repository)
    running = start_release(name)
    time.sleep(3)
    children = descendants(running.process.pid)
    assert children
    sent = time.time()
    running.process.send_signal(number)
    time.sleep(0.05)
    running.process.send_signal(number)
    ended = running.end()

    assert ended.exit_code == exit_code, ended.log
    assert ended.ended - sent <= 5
    assert "RELEASE TRACKING CANCELLED" in ended.log
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]
    check_reports(ended, "cancelled" if number == signal.SIGTERM else "interrupted")


def test_token_is_nowhere(sandbox: Sandbox, start_release: StartRelease, name: str) -> None:
    repository = sandbox.repository(name)
    repository.commit(web("1", ready_after="4s"))
    sandbox.application(name, repository)
    running = start_release(name)
    seen: set[str] = set()
    while running.process.poll() is None:
        time.sleep(0.02)
        for pid in [running.process.pid, *descendants(running.process.pid)]:
            try:
                seen.add(Path(f"/proc/{pid}/cmdline").read_text("utf-8", "replace"))
            except OSError:
                continue
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
    assert "warning: JUnit report could not be written to /proc/nowhere/report.xml" in ended.log


def descendants(pid: int) -> list[int]:
    """Every process below this one."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            stat = (entry / "stat").read_text("utf-8", "replace")
        except OSError:
            continue
        children.setdefault(int(stat.rpartition(")")[2].split()[1]), []).append(int(entry.name))
    found: list[int] = []
    pending = [pid]
    while pending:
        below = children.get(pending.pop(), [])
        found += below
        pending += below
    return found
