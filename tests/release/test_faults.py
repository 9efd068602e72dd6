"""An argocd that misbehaves: killed, or printing what it should not. The real one does neither when asked to."""

import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from sandbox.sandbox import Sandbox
from scenarios.stage import web
from tests.support.job import Release, StartRelease, check_reports
from tests.support.processes import command_line, descendants

GETS = """
n=0
case " $* " in
  " app get "*" -o json "*) n=$(cat "$COUNT" 2>/dev/null || echo 0); n=$((n + 1)); echo "$n" > "$COUNT" ;;
esac
"""


@pytest.fixture
def misbehaving(sandbox: Sandbox, tmp_path: Path) -> Callable[[str], str]:
    """A PATH on which argocd is the real one, but for what the lines of shell do first; ``$n`` counts its gets."""

    def make(lines: str) -> str:
        folder = tmp_path / "bin"
        folder.mkdir()
        program = folder / "argocd"
        real = sandbox.layout.programs["argocd"]
        program.write_text(f'#!/bin/sh\nCOUNT={tmp_path}/count\nREAL={real}\n{GETS}\n{lines}\nexec "$REAL" "$@"\n')
        program.chmod(0o755)
        return f"{folder}:{os.environ['PATH']}"

    return make


def test_argocd_killed_again_and_again(sandbox: Sandbox, start_release: StartRelease, name: str) -> None:
    repository = sandbox.repository(name)
    revision = repository.commit(web("1", ready_after="6s"))
    sandbox.application(name, repository)
    running = start_release(name)
    killed = 0
    deadline = time.monotonic() + 5
    while killed < 3 or time.monotonic() < deadline:
        assert running.process.poll() is None
        for pid in descendants(running.process.pid):
            if "get" in command_line(pid).split("\0"):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    killed += 1
        time.sleep(0.02)
    ended = running.end()

    assert ended.exit_code == 0, ended.log
    assert "argocd was killed; trying again" in ended.log
    assert ended.dotenv["ARGOCD_RELEASE_REVISION"] == revision


@pytest.mark.parametrize("garbage", ["echo garbage", "echo '{\"kind\": '", "head -c 3000000 /dev/urandom", "echo '[]'"])
def test_argocd_prints_garbage_for_a_while(
    sandbox: Sandbox, release: Callable[..., Release], misbehaving: Callable[[str], str], name: str, garbage: str
) -> None:
    repository = sandbox.repository(name)
    repository.commit(web("1"))
    sandbox.application(name, repository)

    ended = release(name, PATH=misbehaving(f'[ "$n" -ge 2 ] && [ "$n" -le 3 ] && {{ {garbage}; exit 0; }}'))

    assert ended.exit_code == 0, ended.log
    assert "argocd printed no application: " in ended.log


def test_argocd_prints_nothing_but_garbage(
    release: Callable[..., Release], misbehaving: Callable[[str], str], name: str
) -> None:
    path = misbehaving('[ "$n" -ge 1 ] && { echo garbage; exit 0; }')

    ended = release(name, PATH=path, RELEASE_CONNECT_GRACE="2")

    assert ended.exit_code == 30, ended.log
    assert ended.cause.startswith("argocd printed no application: ")
    check_reports(ended, "unreachable")


def test_argocd_prints_two_documents(
    sandbox: Sandbox, release: Callable[..., Release], misbehaving: Callable[[str], str], name: str
) -> None:
    """As `argocd app wait -o json` does at its timeout: the last one counts."""
    repository = sandbox.repository(name)
    repository.commit(web("1"))
    sandbox.application(name, repository)
    first = '{"metadata": {"name": "another"}, "status": {}}'

    ended = release(name, PATH=misbehaving(f"[ \"$n\" -ge 1 ] && echo '{first}'"))

    assert ended.exit_code == 0, ended.log
    assert ended.dotenv["ARGOCD_RELEASE_IMAGES"] == "registry.example.com/web:1"


@pytest.mark.parametrize("minutes", [-10, 10], ids=["behind", "ahead"])
def test_the_clock_of_the_server_is_minutes_off(
    sandbox: Sandbox, release: Callable[..., Release], misbehaving: Callable[[str], str], name: str, minutes: int
) -> None:
    """Times are compared with one another only. Go reads the clock past any preload, so its answers are shifted."""
    repository = sandbox.repository(name)
    revision = repository.commit(web("1", ready_after="2s"))
    sandbox.application(name, repository)
    shift = (
        "import re, sys; from datetime import datetime as d, timedelta as t; "
        f"print(re.sub(r'20..-..-..T..:..:..Z', lambda m: (d.fromisoformat(m[0]) + t(minutes={minutes}))"
        ".strftime('%Y-%m-%dT%H:%M:%SZ'), sys.stdin.read()))"
    )

    ended = release(
        name, PATH=misbehaving(f'[ "$n" -ge 1 ] && {{ "$REAL" "$@" | {sys.executable} -c "{shift}"; exit; }}')
    )

    assert ended.exit_code == 0, ended.log
    assert ended.dotenv["ARGOCD_RELEASE_REVISION"] == revision
