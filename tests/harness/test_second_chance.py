"""The second chance of a test that fails once, in CI and elsewhere, on a small suite with this suite's conftest."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Each counts its runs in a file; `browser` is the marker that needs least.
HEAD = """
import os
from pathlib import Path

import pytest

@pytest.fixture(scope="session")
def browser():
    with Path("starts").open("a") as file:
        file.write("x")

@pytest.fixture(scope="module")
def asked(request):
    return [item.name for item in request.session.items if item.path == request.path]

def times(name):
    with Path(name).open("a") as file:
        file.write("x")
    return Path(name).stat().st_size
"""
STEADY = """
def test_steady(browser):
    times("steady")
"""
FLAKY = """
@pytest.mark.parametrize("number", range({count}))
def test_flaky(browser, asked, number):
    again = times(f"flaky-{{number}}") > 1
    assert (len(asked) == 1) is again
    assert again, "the first time"
"""
FAILING = """
def test_failing(browser):
    assert times("failing") > 5, "every time"
"""
UNTIDY = """
@pytest.fixture
def untidy(browser):
    yield
    assert times("untidy") > 5, "left behind"

def test_untidy(untidy):
    assert times("untidy-test") > 1
"""
UNIT = """
def test_unit():
    assert times("unit") > 1, "no second chance"
"""


class Suite:
    """A project of this one's pytest settings and conftest, and of the tests that it is given."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copy(ROOT / "pyproject.toml", folder)
        shutil.copytree(ROOT / "tests" / "support", folder / "tests" / "support")
        shutil.copy(ROOT / "tests" / "conftest.py", folder / "tests")
        (folder / "sandbox").symlink_to(ROOT / "sandbox")
        (folder / "bin").mkdir()
        (folder / "bin" / "chromium").touch(0o755)

    def run(self, *e2e: str, unit: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
        for layer, text in {"docs": "".join(e2e), "unit": unit}.items():
            (self.folder / "tests" / layer).mkdir()
            (self.folder / "tests" / layer / f"test_{layer}.py").write_text(HEAD + text)
        plain = {name: value for name, value in os.environ.items() if name not in {"CI", "PYTEST_ADDOPTS"}}
        path = {"PATH": f"{self.folder}/bin:{os.environ['PATH']}"}
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--junitxml=junit.xml"]
        return subprocess.run(
            command,
            cwd=self.folder,
            env=plain | path | environ,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def ran(self, name: str) -> int:
        file = self.folder / name
        return file.stat().st_size if file.exists() else 0


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    return Suite(tmp_path)


def test_what_passes_alone_is_green_and_named_at_the_end(suite: Suite) -> None:
    done = suite.run(FLAKY.format(count=3), STEADY, CI="true")
    assert done.returncode == 0, done.stdout + done.stderr
    *_, said, closing = done.stdout.splitlines()
    assert "flaky: 3; more than 3 are red" in said
    assert "4 passed" in closing
    for number in range(3):
        assert suite.ran(f"flaky-{number}") == 2
        assert f"flaky: tests/docs/test_docs.py::test_flaky[{number}] failed, then passed alone" in done.stdout
    assert done.stdout.count("AssertionError: the first time") == 3
    assert suite.ran("steady") == 1
    assert suite.ran("starts") == 4, "each is given its own"
    junit = (suite.folder / "junit.xml").read_text("utf-8")
    assert 'failures="0" skipped="0" tests="4"' in junit
    assert junit.count('name="flaky"') == 3


def test_what_fails_again_is_red(suite: Suite) -> None:
    done = suite.run(FAILING, STEADY, CI="true")
    assert done.returncode == 1, done.stdout + done.stderr
    assert suite.ran("failing") == 2
    assert "1 failed, 1 passed" in done.stdout.splitlines()[-1]
    assert "passed alone" not in done.stdout


def test_many_are_red_and_not_run_again(suite: Suite) -> None:
    done = suite.run(FLAKY.format(count=4), STEADY, CI="true")
    assert done.returncode == 1, done.stdout + done.stderr
    assert [suite.ran(f"flaky-{number}") for number in range(4)] == [1] * 4
    assert "4 failed, 1 passed" in done.stdout.splitlines()[-1]


def test_a_unit_test_has_one_chance_and_leaves_none_to_the_others(suite: Suite) -> None:
    done = suite.run(FLAKY.format(count=1), unit=UNIT, CI="true")
    assert done.returncode == 1, done.stdout + done.stderr
    assert (suite.ran("unit"), suite.ran("flaky-0")) == (1, 1)
    assert "2 failed" in done.stdout.splitlines()[-1]


def test_what_is_left_behind_is_red(suite: Suite) -> None:
    done = suite.run(UNTIDY, CI="true")
    assert done.returncode == 1, done.stdout + done.stderr
    assert suite.ran("untidy-test") == 1


def test_whoever_works_sees_the_failure_at_once(suite: Suite) -> None:
    done = suite.run(FLAKY.format(count=1))
    assert done.returncode == 1, done.stdout + done.stderr
    assert suite.ran("flaky-0") == 1
