"""Test the calls of the argocd command with shell scripts that behave as the real argocd does only rarely."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from argocd_release.argocd.cli import _FOLDERS, ArgoCD, _short_folder
from argocd_release.argocd.wait_output import failure_message
from argocd_release.messages import argocd as texts
from argocd_release.messages.settings import PROGRAM_MISSING
from argocd_release.model.errors import ArgoCDError, Cancelled, FailureKind, ProgramMissingError
from argocd_release.model.outcome import Outcome
from argocd_release.timing import run_in_background
from tests.support.stopwatch import Stopwatch, check
from tests.support.wording import is_from, pattern_of
from tests.unit.states import document

Make = Callable[..., ArgoCD]
TMP, VAR, SHM = _FOLDERS
LONG = "/builds/" + "x" * 60


@pytest.fixture
def make(tmp_path: Path, request: pytest.FixtureRequest) -> Make:
    """Return a function that creates an ``ArgoCD`` whose argocd is a shell script."""

    def made(script: str, limit: float = 5.0) -> ArgoCD:
        program = tmp_path / "argocd"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        echoed: list[str] = []
        argocd = ArgoCD({"PATH": f"{tmp_path}:/usr/bin:/bin"}, echo=echoed.append, limit=limit)
        request.addfinalizer(argocd.close)
        return argocd

    return made


def kind(argocd: ArgoCD) -> ArgoCDError:
    with pytest.raises(ArgoCDError) as caught:
        argocd.get("web")
    return caught.value


def test_an_answer(make: Make) -> None:
    assert make(f"cat <<'END'\n{json.dumps(document())}\nEND").get("web").name == "web"


def test_a_call_ends_when_its_program_has_ended(make: Make) -> None:
    argocd, watch = make("echo ok"), Stopwatch()
    for _ in range(5):
        argocd.show("version")
    check(watch.seconds(), stalled=watch.stalled(), promised=0.4, busy=60)


def test_a_call_that_hangs_is_ended_at_its_limit(make: Make) -> None:
    started = time.monotonic()
    error = kind(make("exec sleep 60", limit=0.2))
    assert error.kind is FailureKind.TIMED_OUT
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("output", ["garbage", "{", '{"kind": "List"}', ""])
def test_garbage(make: Make, output: str) -> None:
    assert kind(make(f"echo '{output}'")).kind is FailureKind.MALFORMED


def test_invalid_utf8_is_no_crash(make: Make) -> None:
    assert kind(make(r"printf '\377\376{}'")).kind is FailureKind.MALFORMED


@pytest.mark.parametrize(
    "around",
    [
        "echo 'a line of a wrapper'; {get}",
        "{get}; echo 'a line of a wrapper'",
        "echo 'WARN[0000] {{old}}'; {get}; echo '{{\"level\": \"info\"}}'",
    ],
)
def test_text_around_the_answer(make: Make, around: str) -> None:
    get = f"cat <<'END'\n{json.dumps(document())}\nEND\n"
    assert make(around.replace("{get};", "{get}").format(get=get).replace("\n; ", "\n")).get("web").name == "web"


def test_what_is_no_answer_is_quoted(make: Make) -> None:
    assert "'usage: argocd [command]'" in kind(make("echo 'usage: argocd [command]'")).message


def test_killed(make: Make) -> None:
    assert kind(make("kill -9 $$")).kind is FailureKind.KILLED


@pytest.mark.parametrize(
    ("stderr", "expected"),
    [
        ('{"level":"fatal","msg":"rpc error: code = Unauthenticated desc = invalid session: Token is expired"}', FailureKind.UNAUTHENTICATED),
        ('{"level":"fatal","msg":"rpc error: code = PermissionDenied desc = permission denied: projects, get, p"}', FailureKind.DENIED),
        ('{"level":"fatal","msg":"rpc error: code = Unavailable desc = connection error"}', FailureKind.UNREACHABLE),
        ('{"level":"fatal","msg":"Failed to establish connection to x:443: dial tcp: connection refused"}', FailureKind.UNREACHABLE),
        ('{"level":"fatal","msg":"rpc error: code = Unknown desc = POST https://x failed with status code 502"}', FailureKind.UNREACHABLE),
        ('{"level":"fatal","msg":"rpc error: code = Unknown desc = POST https://x failed with status code 403"}', FailureKind.UNREACHABLE),
        ('{"level":"fatal","msg":"rpc error: code = PermissionDenied desc = unexpected HTTP status code received from server: 403 (Forbidden)"}', FailureKind.UNREACHABLE),
        ('{"level":"fatal","msg":"rpc error: code = InvalidArgument desc = application spec for web is invalid"}', FailureKind.REFUSED),
        ('{"level":"fatal","msg":"rpc error: code = FailedPrecondition desc = Cannot sync to abc"}', FailureKind.REFUSED),
        ('{"level":"fatal","msg":"rpc error: code = Unknown desc = app is not allowed in project x"}', FailureKind.REFUSED),
        ('{"level":"fatal","msg":"rpc error: code = Unknown desc = Get https://x: dial tcp: i/o timeout"}', FailureKind.UNREACHABLE),
        ('{"level":"fatal","msg":"rpc error: code = Unknown desc = "}', FailureKind.OTHER),
        ('{"level":"fatal","msg":"rpc error: code = Internal desc = boom"}', FailureKind.OTHER),
        ("Error: unknown flag: --x", FailureKind.OTHER),
    ],
)  # fmt: skip
def test_troubles_are_told_apart(make: Make, stderr: str, expected: FailureKind) -> None:
    assert kind(make(f"echo '{stderr}' >&2; exit 20")).kind is expected


@pytest.mark.parametrize(
    ("script", "message"),
    [("echo 'usage: argocd'; exit 1", "usage: argocd"), ("exit 1", texts.ARGOCD_SILENT)],
)
def test_a_failure_without_a_word_on_standard_error(make: Make, script: str, message: str) -> None:
    assert kind(make(script)).message == message


def test_the_environment_of_a_call(make: Make) -> None:
    argocd = make(
        'case "$HOME" in /tmp/argocd-*) ;; *) exit 9 ;; esac; [ "$TMPDIR" = "$HOME" ] && [ ! -e "$ARGOCD_CONFIG_DIR" ] || exit 8; echo ok'
    )
    assert argocd.show("version") == "ok\n"


def test_cancel_ends_the_call_that_runs_and_refuses_the_next(make: Make) -> None:
    argocd = make("exec sleep 60", limit=30)
    threading.Timer(0.2, argocd.cancel, (Outcome.CANCELLED,)).start()
    started = time.monotonic()
    with pytest.raises(Cancelled):
        argocd.get("web")
    assert time.monotonic() - started < 5
    with pytest.raises(Cancelled):
        argocd.get("web")


DENIED = 'echo "rpc error: code = PermissionDenied desc = permission denied" >&2; exit 20'
PROBED = (
    'echo "$*" >> "$HOME/calls"; case "$*" in *"proj list"*) {projects} ;; *can-i*) echo {may} ;; *) {denied} ;; esac'
)


@pytest.mark.parametrize(("may", "expected"), [("yes", FailureKind.MISSING), ("no", FailureKind.DENIED)])
def test_missing_and_forbidden_are_told_apart_once(make: Make, tmp_path: Path, may: str, expected: FailureKind) -> None:
    script = PROBED.format(projects="echo one", may=may, denied=DENIED).replace("$HOME", str(tmp_path))
    argocd = make(script)
    assert [kind(argocd).kind for _ in range(3)] == [expected] * 3
    calls = (tmp_path / "calls").read_text("utf-8").splitlines()
    assert len([call for call in calls if "proj list" in call or "can-i" in call]) == 2


def test_telling_them_apart_takes_no_longer_than_the_call_may(make: Make) -> None:
    argocd = make(PROBED.format(projects="exec sleep 60", may="yes", denied=DENIED).replace("$HOME", "/dev/null/.."))
    started = time.monotonic()
    with pytest.raises(ArgoCDError) as caught:
        argocd.get("web", seconds=1)
    assert caught.value.kind is FailureKind.DENIED
    assert is_from(caught.value.message, texts.APPLICATION_DENIED)
    assert time.monotonic() - started < 3


def test_a_proxys_words_are_kept(make: Make) -> None:
    said = "rpc error: code = Unknown desc = POST https://x/Get failed with status code 403"
    message = kind(make(f"echo '{said}' >&2; exit 20")).message
    assert message == texts.FROM_PROXY.fill(message="POST https://x/Get failed with status code 403")


def test_calls_run_beside_each_other_and_all_are_ended(make: Make) -> None:
    argocd = make("exec sleep 60", limit=30)
    calls = [run_in_background(lambda: argocd.get("web")) for _ in range(3)]
    time.sleep(0.5)
    argocd.cancel(Outcome.CANCELLED)
    started = time.monotonic()
    assert {type(call.exception(5)) for call in calls} == {Cancelled}
    assert time.monotonic() - started < 1


def test_a_feed_gives_lines_and_is_ended(make: Make) -> None:
    argocd = make('echo \'\\033[31mred\\033[0m\'; echo \'{"level":"warning","msg":"careful"}\' >&2; exec sleep 60')
    lines: list[str] = []
    feed = argocd.wait("web", wait_for=("health",), seconds=5, on_line=lines.append)
    deadline = time.monotonic() + 5
    while len(lines) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert sorted(lines) == ["argocd: careful", "red"]
    assert not feed.ended
    feed.stop()
    assert feed.ended


def test_a_feed_that_will_not_end_is_killed(make: Make) -> None:
    argocd = make("trap '' TERM; while true; do sleep 1; done")
    feed = argocd.wait("web", wait_for=("health",), seconds=5, on_line=lambda _: None)
    time.sleep(0.3)
    started = time.monotonic()
    feed.stop()
    assert feed.ended
    assert time.monotonic() - started < 3


@pytest.mark.parametrize(
    ("wanted", "usable", "chosen"),
    [
        (TMP, {TMP, VAR}, TMP),
        ("/builds/tmp", {"/builds/tmp", TMP}, "/builds/tmp"),
        (LONG, {LONG, TMP}, TMP),
        (LONG, {LONG, SHM}, SHM),
        (LONG, {LONG}, LONG),
    ],
)
def test_the_folder_is_the_first_short_one_that_can_be_written(
    monkeypatch: pytest.MonkeyPatch, wanted: str, usable: set[str], chosen: str
) -> None:
    def made(*, prefix: str, dir: str) -> str:  # noqa: A002 - the library's name
        if dir not in usable:
            raise OSError(30, "Read-only file system", dir)
        return f"{dir}/{prefix}x"

    monkeypatch.setattr("argocd_release.argocd.cli.tempfile.mkdtemp", made)
    monkeypatch.setattr("argocd_release.argocd.cli.tempfile.gettempdir", lambda: wanted)
    assert _short_folder() == Path(f"{chosen}/argocd-x")


def test_without_argocd_the_error_says_so(tmp_path: Path) -> None:
    with pytest.raises(ProgramMissingError, match=pattern_of(PROGRAM_MISSING)):
        ArgoCD({"PATH": str(tmp_path)}, echo=lambda _: None)


@pytest.mark.parametrize(
    ("stderr", "message"),
    [
        ('{"level":"warning","msg":"w"}\n{"level":"fatal","msg":"the cause"}\n', "the cause"),
        ('time="x" level=fatal msg="old"', 'time="x" level=fatal msg="old"'),
        ("", ""),
        ('{"no": "message"}', '{"no": "message"}'),
        ("[1]", "[1]"),
        ('{"level":"fatal","msg":"caf%C3%A9: 5%25 of a%2Fb:%0A%0AUse --debug"}', "café: 5% of a%2Fb: Use --debug"),
        ('{"level":"fatal","msg":"bad:%0Adata:%0A  password: hunter2hunter2%0A"}', "bad: data: [redacted]"),
        ('{"level":"fatal","msg":"%1B[31mred"}', "red"),
    ],
)
def test_what_argocd_says_of_its_failure(stderr: str, message: str) -> None:
    assert failure_message(stderr) == message
