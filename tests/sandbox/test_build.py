"""Building once: two at a time, interrupted, with a changed lock. On a tiny module, with the real toolchain."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sandbox import cache
from sandbox.launch import ROOT

PROGRAM = """
import json, sys
from pathlib import Path
from sandbox import build
from sandbox.programs import Program
build.MODULES = Path(sys.argv[1])
tiny = Program(name="tiny", module="tiny", package="tiny")
build.make([tiny], sys.stderr)
print(json.dumps({"tiny": str(build.target(tiny))}))
"""


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    tiny = tmp_path / "modules" / "tiny"
    tiny.mkdir(parents=True)
    (tiny / "go.mod").write_text("module tiny\n\ngo 1.26\n")
    (tiny / "go.sum").write_text("")
    (tiny / "main.go").write_text('package main\n\nimport "fmt"\n\nfunc main() { fmt.Println("built") }\n')
    return tiny.parent


def start(modules: Path, *, warm: bool = True) -> subprocess.Popen[str]:
    """Start a build into a cache of its own; ``warm`` uses Go's build cache of this machine and takes a second."""
    environ = os.environ | {"XDG_CACHE_HOME": str(modules.parent / "cache"), "PYTHONUNBUFFERED": "1"}
    if warm:
        environ |= {"GOCACHE": os.environ.get("GOCACHE") or str(cache.folder().parents[1] / "go-build")}
    command = [sys.executable, "-c", PROGRAM, str(modules)]
    return subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def end(process: subprocess.Popen[str]) -> tuple[str, Path]:
    """Return the printed progress, and the path of the program."""
    printed, told = process.communicate(timeout=120)
    assert process.returncode == 0, told
    return told, Path(json.loads(printed)["tiny"])


def test_two_builds_at_once_build_once(modules: Path) -> None:
    first, second = start(modules), start(modules)
    (told, program), (told_too, same) = end(first), end(second)
    assert program == same
    assert subprocess.run([program], capture_output=True, text=True, check=True).stdout == "built\n"
    assert (told + told_too).count("s  building") == 1


def test_an_interrupted_build_leaves_nothing_half_made_and_goes_on(modules: Path) -> None:
    process = start(modules, warm=False)
    assert process.stderr is not None
    while "building" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert not list((modules.parent / "cache").rglob("tiny"))
    assert end(start(modules, warm=False))[1].exists()


def test_a_changed_lock_is_another_build(modules: Path) -> None:
    before = end(start(modules))[1]
    assert "building" not in end(start(modules))[0]
    (modules / "tiny" / "go.mod").write_text("module tiny\n\ngo 1.26\n\n// changed\n")
    told, after = end(start(modules))
    assert after != before
    assert "building" in told


def test_a_build_that_fails_says_what_go_said(modules: Path) -> None:
    (modules / "tiny" / "main.go").write_text("package main\n\nfunc main() { undefined() }\n")
    process = start(modules)
    _, told = process.communicate(timeout=120)
    assert process.returncode != 0
    assert "tiny could not be built" in told
    assert "undefined: undefined" in told


def test_nothing_is_silent_while_it_waits_for_another_build(modules: Path) -> None:
    import fcntl  # noqa: PLC0415 - only here

    _, program = end(start(modules))
    program.unlink()
    with (program.parent / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = start(modules)
        assert process.stderr is not None
        assert "1 of 1 programs to build" in process.stderr.readline()
        assert "another build has tiny" in process.stderr.readline()
    time.sleep(0.1)
    end(process)
