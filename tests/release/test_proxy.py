"""Releases through a real HTTP proxy, which is the only way out of the job's network namespace."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from argocd_release.messages import argocd as texts
from argocd_release.messages import settings
from sandbox import releases
from sandbox.sandbox import Sandbox
from scenarios import SCENARIOS
from scenarios.dsl import literal, web
from scenarios.parallel_runner import TIMEOUT, possible, wrong
from scenarios.runner import Played, play
from tests.support import missing
from tests.support.diff_job import diff
from tests.support.http_proxy import (
    ENCODED_PASSWORD,
    PASSWORD,
    USER,
    Forbidding,
    HttpProxy,
    can_isolate,
    http_proxy,
    tcp_proxy,
)
from tests.support.insecure_server import insecure_server
from tests.support.job import COMMAND, REPORTS, Checked, Release, StartRelease, doctor
from tests.support.job_log_rules import check_log

#: Scenarios that need each kind of request: reads, lists, streams, logs, syncs, terminations, refusals.
PLAYED = (
    "first-release", "slow-rollout", "crash-loop", "manual-sync", "sync-of-another", "sync-forbidden",
    "old-sync-terminated", "missing", "forbidden", "revoked-midway", "group-selected", "group-one-crashes", "mutable-dependency",
    "migration-fails",
)  # fmt: skip


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpProxy]:
    with http_proxy(tmp_path_factory.mktemp("proxy")) as found:
        yield found


def without_argocd(folder: Path) -> str:
    """Return a PATH on which there is no argocd."""
    folder.mkdir(exist_ok=True)
    return str(folder)


def released(proxy: HttpProxy, sandbox: Sandbox, folder: Path, scenario: str, **environ: str) -> Played:
    """Play a scenario with a job whose only way out is the proxy."""
    return play(
        SCENARIOS[scenario],
        sandbox,
        command=proxy.isolated([str(COMMAND)]),
        name=f"proxy-{scenario}"[:50].rstrip("-"),
        folder=folder / "job",
        environ={
            "RELEASE_TIMEOUT": TIMEOUT,
            "RELEASE_PROXY": proxy.url,
            "PATH": without_argocd(folder / "empty"),
        }
        | environ,
    )


def no_password(played: Played) -> None:
    for file in (played.folder / "log", *(played.folder / name for name in REPORTS)):
        if file.exists():
            text = file.read_text("utf-8")
            assert PASSWORD not in text
            assert ENCODED_PASSWORD not in text
            assert f"{USER}:" not in text


def test_the_namespace_has_no_other_way_out(proxy: HttpProxy) -> None:
    if not can_isolate():
        missing.skip(
            "this machine allows no network namespaces, so the tests of the proxy leave other ways out open",
            "allow unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1)",
            in_ci=True,
        )
    script = "import socket; print([name for _, name in socket.if_nameindex()])"
    done = subprocess.run(
        proxy.isolated([sys.executable, "-c", script]), capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "['lo']"


@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", PLAYED)
def test_scenarios_have_the_same_result_through_a_proxy(
    sandbox: Sandbox, proxy: HttpProxy, tmp_path: Path, name: str
) -> None:
    if name not in possible(SCENARIOS.values(), releases.server()):
        pytest.skip(f"{name} needs another version of Argo CD")
    before = len(proxy.connections)
    played = released(proxy, sandbox, tmp_path, name)
    assert not wrong(SCENARIOS[name], played), played.log
    assert not check_log(played.log), played.log
    assert played.log.count(texts.NO_COMMANDS.fill(proxy=f"127.0.0.1:{proxy.port}")) == 1, played.log
    assert "$ argocd" not in played.log
    assert len(proxy.connections) > before
    no_password(played)


@contextmanager
def silent_server() -> Iterator[int]:
    """Accept connections and never respond. Yield the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A proxy that does not let the job reach Argo CD.

    Attributes:
        code: the code of the doctor's problem.
        message: a text in the cause.
        url: the URL of the proxy, with the names of ``ports``.
        fix: a text in the hint.
    """

    code: str
    message: str
    url: str
    fix: str


REFUSALS = {
    "the password is wrong": Refusal(
        code="proxy-account",
        url=f"http://{USER}:wr0ngpassword@127.0.0.1:{{port}}",
        message="407",
        fix=literal(texts.PROXY_ACCOUNT.hint),
    ),
    "the password is missing": Refusal(
        code="proxy-account", url="http://127.0.0.1:{port}", message="407", fix=literal(texts.PROXY_ACCOUNT.hint)
    ),
    "the proxy forbids Argo CD": Refusal(
        code="proxy-forbids",
        url=f"http://{USER}:{ENCODED_PASSWORD}@127.0.0.1:{{forbidding}}",
        message="403 Forbidden",
        fix=literal(texts.PROXY_FORBIDS.hint),
    ),
    "the port is closed": Refusal(
        code="proxy-down",
        url="http://ci:wr0ngpassword@127.0.0.1:{closed}",
        message="Connection refused",
        fix=literal(texts.PROXY_DOWN.hint),
    ),
    "the host does not exist": Refusal(
        code="proxy-down",
        url="http://ci:wr0ngpassword@no-such-proxy.invalid:3128",
        message="the proxy no-such-proxy.invalid:3128 cannot be used",
        fix=literal(texts.PROXY_DOWN.hint),
    ),
    "the proxy is silent": Refusal(
        code="proxy-down",
        url="http://ci:wr0ngpassword@127.0.0.1:{silent}",
        message=literal(texts.NO_RESPONSE),
        fix=literal(texts.PROXY_DOWN.hint),
    ),
}


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    """Run a proxy, and a proxy that forbids everything. Return the ports of both, a silent port and a closed one."""
    folder = tmp_path_factory.mktemp("refusals")
    with (
        tcp_proxy(folder / "open") as port,
        tcp_proxy(folder / "forbidding", "--plugins", f"{Forbidding.__module__}.{Forbidding.__name__}") as forbidding,
        silent_server() as silent,
    ):
        yield {"port": port, "forbidding": forbidding, "silent": silent, "closed": closed_port()}


@dataclass(frozen=True, kw_only=True)
class Tried:
    """A release and a run of the doctor, and the cause code in the report of the release."""

    release: Release
    doctor: Checked
    code: str


@pytest.fixture
def tried(sandbox: Sandbox, delivered: str, release: Callable[..., Release], tmp_path: Path) -> Callable[..., Tried]:
    """Return a function that runs a release and the doctor with the given settings."""

    def run(**environ: str) -> Tried:
        ended = release(delivered, RELEASE_CONNECT_GRACE="2", **environ)
        checked = doctor(sandbox.environment() | {"ARGOCD_APP_NAME": delivered} | environ, tmp_path)
        report = json.loads((tmp_path / "0" / "argocd-release.json").read_text("utf-8"))
        return Tried(release=ended, doctor=checked, code=(report["cause"] or {}).get("code", ""))

    return run


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_a_proxy_that_does_not_let_the_job_pass(
    tried: Callable[..., Tried], ports: dict[str, int], refusal: Refusal
) -> None:
    ran = tried(RELEASE_PROXY=refusal.url.format(**ports))
    ended, checked = ran.release, ran.doctor
    assert (ended.exit_code, ran.code) == (30, "proxy"), ended.log
    assert refusal.message in ended.cause, ended.log
    assert refusal.fix in ended.log, ended.log
    assert checked.exit_code == 30, checked.text
    assert "✗ proxy" in checked.text, checked.text
    assert refusal.fix in checked.text, checked.text
    assert "wr0ngpassword" not in ended.log + ended.junit + checked.text
    assert ended.seconds < 30


def test_the_doctor_passes_a_proxy(tried: Callable[..., Tried], ports: dict[str, int]) -> None:
    ran = tried(RELEASE_PROXY=f"http://{USER}:{ENCODED_PASSWORD}@127.0.0.1:{ports['port']}")
    assert ran.release.exit_code == 0, ran.release.log
    assert ran.doctor.exit_code == 0, ran.doctor.text
    for check in ("proxies", "proxy", "TLS", "http"):
        assert f"✓ {check}" in ran.doctor.text, ran.doctor.text
    assert "argocd command" not in ran.doctor.text
    assert PASSWORD not in ran.doctor.text + ran.release.log


def test_a_proxy_that_cannot_reach_argo_cd(tried: Callable[..., Tried], ports: dict[str, int]) -> None:
    """The proxy accepts the job, so the reason is the address of Argo CD."""
    url = f"http://{USER}:{ENCODED_PASSWORD}@127.0.0.1:{ports['port']}"
    ran = tried(RELEASE_PROXY=url, ARGOCD_SERVER=f"127.0.0.1:{ports['closed']}")
    assert (ran.release.exit_code, ran.code) == (30, "proxy"), ran.release.log
    assert literal(texts.PROXY_NO_SERVER.hint) in ran.release.log, ran.release.log
    assert ran.doctor.exit_code == 30, ran.doctor.text


def test_plaintext_through_a_proxy(sandbox: Sandbox, tried: Callable[..., Tried], ports: dict[str, int]) -> None:
    url = f"http://{USER}:{ENCODED_PASSWORD}@127.0.0.1:{ports['port']}"
    with insecure_server(sandbox) as server:
        plain = {"ARGOCD_SERVER": server, "ARGOCD_OPTS": "--plaintext"}
        ran = tried(RELEASE_PROXY=url, **plain)
    assert ran.release.exit_code == 0, ran.release.log
    assert ran.doctor.exit_code == 0, ran.doctor.text


@pytest.mark.parametrize(
    ("port", "account", "fix"),
    [
        ("port", "http://ci:wr0ngpassword@", literal(texts.PROXY_ACCOUNT.hint)),
        ("closed", "http://", literal(texts.PROXY_DOWN.hint)),
        ("forbidding", f"http://{USER}:{ENCODED_PASSWORD}@", ""),
    ],
)
def test_plaintext_and_a_proxy_that_does_not_let_the_job_pass(
    tried: Callable[..., Tried], ports: dict[str, int], port: str, account: str, fix: str
) -> None:
    plain = {"ARGOCD_SERVER": f"127.0.0.1:{ports['closed']}", "ARGOCD_OPTS": "--plaintext"}
    ran = tried(RELEASE_PROXY=f"{account}127.0.0.1:{ports[port]}", **plain)
    assert (ran.release.exit_code, ran.doctor.exit_code) == (30, 30), ran.release.log
    assert ran.code == "proxy" or not fix, ran.release.log
    assert fix in ran.release.log, ran.release.log
    assert "wr0ngpassword" not in ran.release.log + ran.doctor.text


def test_a_diff_through_a_proxy_says_that_it_cannot(
    sandbox: Sandbox, delivered: str, ports: dict[str, int], tmp_path: Path
) -> None:
    url = f"http://{USER}:{ENCODED_PASSWORD}@127.0.0.1:{ports['port']}"
    environ = {"ARGOCD_APP_NAME": delivered, "RELEASE_REVISION": "0" * 40, "RELEASE_PROXY": url}
    ran = diff(sandbox, tmp_path / "diff", environ)
    assert ran.exit_code == 2, ran.log
    assert literal(settings.DIFF_THROUGH_PROXY.hint) in ran.log, ran.log


def test_a_proxy_that_ends_during_the_release(
    sandbox: Sandbox, start_release: StartRelease, name: str, tmp_path: Path
) -> None:
    repository = sandbox.repository(name)
    repository.commit(web("1", ready_after="40s"))
    sandbox.application(name, repository)
    with tcp_proxy(tmp_path / "proxy") as port:
        url = f"http://{USER}:{ENCODED_PASSWORD}@127.0.0.1:{port}"
        running = start_release(name, RELEASE_PROXY=url, RELEASE_UNREACHABLE_GRACE="4")
        assert running.process.stdout is not None
        before = ""
        while "Progressing" not in before:
            before += running.process.stdout.readline()
    ended = running.end()
    assert ended.exit_code == 30, before + ended.log
    assert literal(texts.PROXY_UNREACHABLE, proxy=f"127.0.0.1:{port}") in ended.cause, before + ended.log
    assert literal(texts.PROXY_DOWN.hint) in ended.log, ended.log


def test_a_signal_ends_a_job_whose_proxy_is_silent(
    start_release: StartRelease, delivered: str, ports: dict[str, int]
) -> None:
    running = start_release(delivered, RELEASE_PROXY=f"http://127.0.0.1:{ports['silent']}")
    time.sleep(3)
    running.process.terminate()
    at = time.monotonic()
    assert running.end().exit_code == 143
    assert time.monotonic() - at < 3
