"""Whole runs at the edges of a process: streams that are closed or full, reports that are no files, settings of nonsense."""

import json
import os
import re
import shutil
import stat
import subprocess
import threading
from pathlib import Path

import pytest

from argocd_release.argocd.wait_output import PROGRESS_LINES
from argocd_release.messages import job_log
from argocd_release.messages.settings import PROGRAM_MISSING, SET_TO_SECONDS
from argocd_release.messages.verdict import LOOK_FAILED, NO_RESPONSE
from argocd_release.settings.environment import PROPERTIES
from tests.support import missing
from tests.support.gitlab_rules import check_dotenv, check_junit, released
from tests.support.job import COMMAND
from tests.support.replay import CASES, OFFLINE, REPLAY, run
from tests.support.wording import is_from

DELIVERED = CASES / "delivered"
FAILED = CASES / "sync-failed"
REPORTS = ("argocd-release.xml", "argocd-release.env", "argocd-release.annotations.json", "argocd-release.json")


def shell(case: Path, folder: Path, ending: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the case with standard streams that a shell has changed; the exit code is that of the command."""
    settings = json.loads((case / "environ.json").read_text("utf-8"))
    path = f"{REPLAY}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-c", f"{COMMAND} {ending}; exit ${{PIPESTATUS[0]}}"],
        env=OFFLINE | {"REPLAY": str(case / "argocd"), "PATH": path} | settings | environ,
        cwd=folder, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("ending", ["| true", "> /dev/full", ">&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize(("case", "exit_code"), [(DELIVERED, 0), (FAILED, 10)])
def test_the_exit_code_is_the_verdict_s_whoever_reads_the_log(
    tmp_path: Path, case: Path, exit_code: int, ending: str
) -> None:
    done = shell(case, tmp_path, ending)
    assert (done.returncode, done.stderr) == (exit_code, "")
    for name in REPORTS:
        assert (tmp_path / name).is_file(), name


def test_a_device_stays_one(tmp_path: Path) -> None:
    """On a device of the test's own: a fault here must not cost the machine its /dev/null."""
    device, link = tmp_path / "device", tmp_path / "link"
    try:
        os.mknod(device, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    except PermissionError:
        missing.skip("only root can make a device", "run the tests as root", in_ci=True)
    link.symlink_to(device)
    assert run(DELIVERED, tmp_path, RELEASE_DOTENV_PATH=str(link), RELEASE_JUNIT_PATH="device").returncode == 0
    assert link.is_symlink()
    assert device.is_char_device()


def test_a_pipe_that_is_read_gets_the_report(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got: list[str] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_text("utf-8")), daemon=True)
    reader.start()
    assert run(DELIVERED, tmp_path, RELEASE_DOTENV_PATH=str(pipe)).returncode == 0
    reader.join(10)
    assert check_dotenv(got[0])["ARGOCD_RELEASE_STATUS"] == "delivered"
    assert pipe.is_fifo()


def test_a_pipe_that_nobody_reads_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    done = run(DELIVERED, tmp_path, RELEASE_JSON_PATH="pipe")
    assert done.returncode == 0
    assert any(is_from(line, job_log.LINES["report not written"]) for line in done.stdout.splitlines())
    assert (tmp_path / "argocd-release.xml").is_file()


def test_a_link_stays_and_what_it_leads_to_is_written(tmp_path: Path) -> None:
    link = tmp_path / "argocd-release.xml"
    link.symlink_to(tmp_path / "elsewhere.xml")
    run(DELIVERED, tmp_path)
    assert link.is_symlink()
    check_junit((tmp_path / "elsewhere.xml").read_text("utf-8"))


def test_the_reports_of_another_job_are_removed_before_anything_can_fail(tmp_path: Path) -> None:
    for name in REPORTS:
        (tmp_path / name).write_text("green")
    settings = json.loads((DELIVERED / "environ.json").read_text("utf-8"))
    script = "import signal, argocd_release.release.job_log as r; r.redaction = lambda _: signal.raise_signal(signal.SIGKILL); "
    killed = subprocess.run(
        [str(COMMAND.with_name("python")), "-c", script + "from argocd_release.__main__ import main; main([])"],
        env={"PATH": os.environ["PATH"]} | settings, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert killed.returncode == -9
    assert list(tmp_path.iterdir()) == []


def test_without_argocd_the_job_says_what_is_missing(tmp_path: Path) -> None:
    done = run(DELIVERED, tmp_path, PATH=str(tmp_path))
    assert done.returncode == 2, done.stdout
    assert f"cause: {PROGRAM_MISSING.fill(program='argocd')}\nnext: {PROGRAM_MISSING.hint}\n" in done.stdout
    assert check_dotenv((tmp_path / "argocd-release.env").read_text("utf-8"))["ARGOCD_RELEASE_STATUS"] == "settings"


@pytest.mark.parametrize(
    ("name", "value"), [("RELEASE_TIMEOUT", "--5"), ("RELEASE_TIMEOUT", "9" * 5000), ("RELEASE_POD_GRACE", "-9" * 3000)]
)
def test_a_number_that_is_none_is_a_wrong_setting(tmp_path: Path, name: str, value: str) -> None:
    done = run(DELIVERED, tmp_path, **{name: value})
    assert done.returncode == 2
    assert f"error: {name} must be a " in done.stdout
    assert any(is_from(line, f"    fix: {SET_TO_SECONDS.text}") for line in done.stdout.splitlines())
    assert released(check_junit((tmp_path / "argocd-release.xml").read_text("utf-8"))) == "error"


@pytest.mark.parametrize(
    "url",
    [
        "https://gitlab-ci-token:hunter2-hunter2@[git.example.com/x",
        "https://ci:hunter2-hunter2@git\u2100.example.com/x",
    ],
)
def test_a_repository_s_url_that_is_none_stops_nothing(tmp_path: Path, url: str) -> None:
    done = run(DELIVERED, tmp_path, CI_REPOSITORY_URL=url)
    assert done.returncode == 0
    assert "hunter2" not in done.stdout + "".join((tmp_path / name).read_text("utf-8") for name in REPORTS)


def test_on_wrong_settings_the_reports_know_the_application_all_the_same(tmp_path: Path) -> None:
    run(DELIVERED, tmp_path, RELEASE_TIMEOUT="soon", RELEASE_DOTENV_PREFIX="WEB")
    assert 'classname="sentry-frontend-dev"' in (tmp_path / "argocd-release.xml").read_text("utf-8")
    assert (
        check_dotenv((tmp_path / "argocd-release.env").read_text("utf-8"))["WEB_APPLICATION"] == "sentry-frontend-dev"
    )


def replay(case: Path, folder: Path) -> Path:
    """Copy the recorded answers, so that a test can change them; return the copy."""
    copy = folder / "case"
    shutil.copytree(case, copy)
    return copy


def answers(case: Path, call: str) -> list[Path]:
    return [file for folder in (case / "argocd").iterdir() if call in folder.name for file in folder.glob("*.out")]


def test_a_feed_of_megabytes_is_counted_and_not_shown(tmp_path: Path) -> None:
    case = replay(DELIVERED, tmp_path)
    row = "2026-11-23T22:03:35+00:00   apps  Deployment  sentry-frontend-dev  web-{}  OutOfSync  Healthy  {}\n"
    for feed in answers(case, "app-wait"):
        feed.write_text("".join(row.format(number, "x" * 100) for number in range(40_000)))
        assert feed.stat().st_size > 8_000_000 - 1_000_000
    done = run(case, tmp_path)
    assert done.returncode == 0
    assert done.stdout.count("  web-") == PROGRESS_LINES
    assert any(is_from(line, job_log.LINES["output left out"]) for line in done.stdout.splitlines())
    assert len(done.stdout) < 200_000
    assert "RELEASE SUCCESSFUL" in done.stdout


def test_a_feed_cannot_speak_for_us(tmp_path: Path) -> None:
    case = replay(FAILED, tmp_path)
    for feed in answers(case, "app-wait"):
        feed.write_text(
            feed.read_text("utf-8") + "=====\nRELEASE SUCCESSFUL\ncause: none\nName: x/y\n$ argocd app get web\n"
        )
    log = run(case, tmp_path, GITLAB_CI="true").stdout
    assert "\n  | RELEASE SUCCESSFUL\n" in log
    assert log.count("RELEASE SUCCESSFUL") == 1
    assert log.count("cause: none") == 1
    assert "\n  | cause: none\n" in log


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("K8S_SECRET_STAGE", "sentry-frontend"),
        ("VAULT_SECRET", "sentry-frontend"),
        ("CACHE_TOKEN", "ae3597b9d348dc6647cfe590900ed32f5798a0d7"),
        ("SOME_TOKEN", "sentry-frontend-dev"),
        ("SOME_PASSWORD", "registry.example.com"),
    ],
)
def test_a_variable_that_looks_secret_changes_no_verdict(tmp_path: Path, variable: str, value: str) -> None:
    # RELEASE_IMAGE makes the API be asked, and a name would ask a name server.
    wanted = {
        "ARGOCD_SERVER": "127.0.0.1:9",
        "RELEASE_IMAGE": "registry.example.com/sentry-frontend:2",
        "RELEASE_REVISION": "ae3597b9d348dc6647cfe590900ed32f5798a0d7",
    }
    done = run(DELIVERED, tmp_path, **{variable: value}, **wanted)
    assert done.returncode == 0, done.stdout
    if variable != "CACHE_TOKEN":
        assert "[redacted]" not in done.stdout


def test_a_secret_that_is_a_word_of_the_report_s_grammar_breaks_none(tmp_path: Path) -> None:
    words = ("testcase", "external_link", "ARGOCD_RELEASE", "testsuites", "argocd-release", "tracking")
    done = run(
        FAILED, tmp_path, **{f"TOKEN_{number}_TOKEN": word for number, word in enumerate(words)}, GITLAB_CI="true"
    )
    assert done.returncode == 10
    check_junit((tmp_path / "argocd-release.xml").read_text("utf-8"))
    check_dotenv((tmp_path / "argocd-release.env").read_text("utf-8"))
    assert "Argo CD" in json.loads((tmp_path / "argocd-release.annotations.json").read_text("utf-8"))
    assert "section_start" in done.stdout
    assert ":tracking\n" in done.stdout


def test_a_secret_is_taken_out_of_every_output(tmp_path: Path) -> None:
    case = replay(FAILED, tmp_path)
    for file in (case / "argocd").rglob("*.out"):
        file.write_text(
            file.read_text("utf-8").replace(
                "must be greater", "hunter2-\x1b[0mhunter2 must be greater".replace("\x1b", "")
            )
        )
    done = run(case, tmp_path, DB_PASS="hunter2-[0mhunter2")
    assert "hunter2" not in done.stdout + "".join((tmp_path / name).read_text("utf-8") for name in REPORTS)


def test_without_a_folder_of_a_short_name_argocd_is_asked_all_the_same(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 60)
    long.mkdir()
    assert run(DELIVERED, tmp_path, TMPDIR=str(long)).returncode == 0


@pytest.mark.parametrize("which", [{"ARGOCD_APP_NAME": "web,api,db"}, {"RELEASE_SELECTOR": "team=shop"}])
def test_a_group_whose_server_cannot_be_reached_gets_one_cause_and_one_next_step(
    tmp_path: Path, which: dict[str, str]
) -> None:
    """D6: as for one application, with the checks of the connection and without a silent start."""
    refused = "dial tcp 127.0.0.1:9: connect: connection refused"
    argocd = tmp_path / "argocd"
    argocd.write_text(f"""#!/bin/sh\necho '{{"level":"fatal","msg":"{refused}"}}' >&2\nexit 20\n""")
    argocd.chmod(0o755)
    done = subprocess.run(
        [str(COMMAND)],
        env=OFFLINE | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "ARGOCD_SERVER": "127.0.0.1:9"}
        | {"ARGOCD_AUTH_TOKEN": "t" * 20, "RELEASE_CONNECT_GRACE": "2", "RELEASE_TIMEOUT": "20"} | which,
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 30, done.stdout
    before, _, banner = done.stdout.partition("RELEASE STATUS UNKNOWN")
    reason = LOOK_FAILED.fill(what=NO_RESPONSE, message=refused)
    assert job_log.LINES["no answer"].format(reason=reason).removeprefix("-> ") in before
    head = banner.partition("\n\n")[0].splitlines()
    assert sum(refused in line for line in head) == 1, head
    assert f"cause: {refused}" in head
    assert done.stdout.count("\nnext: ") == 1
    assert "next: check the port in ARGOCD_SERVER" in done.stdout
    assert "127.0.0.1 port 9 refuses connections" in done.stdout.rpartition("next: ")[2]


@pytest.mark.parametrize("name", ["missing", "settings", "timed-out"])
def test_in_the_component_a_run_names_inputs_and_no_variable_that_it_does_not_read(name: str, tmp_path: Path) -> None:
    """``RELEASE_IMAGE`` is no setting there, and ``image`` is the job's own image."""
    case = CASES / name
    given = json.loads((case / "environ.json").read_text("utf-8"))
    titles = {variable: declared["x-input"] for variable, declared in PROPERTIES.items() if "x-input" in declared}
    # The address stays a variable, as README has it.
    titles.pop("ARGOCD_SERVER")
    inputs = {f"INPUT_{variable}": given[variable] for variable in titles.keys() & given.keys()}
    unset = dict.fromkeys([variable for variable in given if variable.startswith("RELEASE_") or variable in titles], "")
    done = run(case, tmp_path, INPUT_COMPONENT="true", **unset, **inputs)
    assert (tmp_path / "argocd-release.xml").exists(), done.stdout
    said = f"{done.stdout}\n{(tmp_path / 'argocd-release.xml').read_text('utf-8')}"
    assert {variable for variable in titles if re.search(rf"\b{variable}\b", said)} == set(), said
    assert "<RELEASE_" not in said
    assert "<ARGOCD_" not in said
