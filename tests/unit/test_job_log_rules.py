"""Test that each rule for job logs finds the lines that break it."""

from pathlib import Path

import pytest

from tests.support.job_log_rules import CONTRADICTIONS, RULE, UNFOLDED_LINES, check_log

LOGS = Path(__file__).parents[2] / "docs" / "logs"
BANNER = f"argocd-release 1: application web\n\n{RULE}\nRELEASE FAILED\n{RULE}\n"
#: For each pair, two lines that occurred in logs of earlier versions, or that a change could bring.
EXAMPLES = {
    "it failed, and it is delivered": "OutOfSync: all 2 are Synced",
    "Degraded, beside another health": "Exit code: 11 (applied, but Degraded)\nHealth Status:      Progressing",
    "not synced, and synced already": "compared 0.6 s · not synced\nArgo CD has synced this revision already and does not sync it again",
    "compared, and cannot compare": "compared 0.5 s · not synced\ncause: ComparisonError: Failed to unmarshal",
    "healthy, and not healthy": "Duration: 5 s (healthy 3.0 s · Progressing at the end)\nHealth Status: Healthy",
    "nothing was applied, but the state says applied": "next: fix it; Argo CD has applied nothing\nArgo CD has: revision 1: applied (Synced); x",
    "the state is kept, but everything is missing": "next: fix it; the cluster keeps its previous state\nArgo CD has: revision 1: not applied (OutOfSync); the application's health is Missing",
    "the old version serves, but no pod is ready": "Runs now: nothing: no pod is ready\nOld version: still serves",
    "the old version is gone, but it runs": "Runs now: web:1\nOld version: does not serve any more",
    "applied, and not synced": "Argo CD has: revision 1: applied (Synced); x\nSync Status: OutOfSync from main",
    "not applied, and synced": "Argo CD has: revision 1: not applied (OutOfSync); x\nSync Status: Synced to main",
    "no hook ran, but one failed": "cause: PreSync hook Job/migrate: Error\nHooks: none ran",
    "the status is unknown, and the manifests are wrong": "RELEASE STATUS UNKNOWN\nnext: fix the manifests named above",
    "one attempt, and several": "sync attempt 1 failed: x\ncause: sync failed (2 attempts, Argo CD still retries)",
    "nothing runs, and something does": "cause: no pod runs the image 2; running: none\nRuns now: web:1",
    "more time for what time does not heal": "cause: Pod/web: CrashLoopBackOff\nnext: or raise RELEASE_TIMEOUT",
    "the log is quoted, and there is none": "Pod/web has no log: x\nnext: fix the error in the program's log",
    "a new version runs, and the expected one does not": "Old version: replaced: 1 of 1 pod\ncause: no pod runs the image 2",
    "it was the first release, and an old version runs": "Old version: none: this is the first release\nof the previous revision",
}  # fmt: skip


@pytest.mark.parametrize("name", [name for name, *_ in CONTRADICTIONS])
def test_each_contradiction_is_noticed(name: str) -> None:
    problems = check_log(BANNER + EXAMPLES[name])
    assert any(problem.startswith(f"{name}:") for problem in problems), problems


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("Revision:    f9be3f950acd564c1ed81fe3dd26966d5005edfe", "an id"),
        ("Back-off restarting failed container web in pod web-x_web(d1d110cb-6977-472d-8728-562d6a8e6556)", "an id"),
        ("Commit:      ", "an empty value"),
        ("-> Unknown to , Healthy: sync is running", "an empty value"),
    ],
)
def test_ids_and_empty_values_are_noticed(line: str, problem: str) -> None:
    assert [found.partition(":")[0] for found in check_log(BANNER + line)] == [problem]


def test_a_repetition_up_to_its_numbers_is_noticed() -> None:
    lines = "-> Synced to a, Progressing: CrashLoopBackOff, 1 restart\n-> Synced to a, Progressing: CrashLoopBackOff, 4 restarts\n"
    assert any(problem.startswith("repeats") for problem in check_log(lines + BANNER))
    assert not check_log("-> Synced to a: one\n-> Synced to a: two\n" + BANNER)


def test_a_log_that_is_too_long_is_noticed() -> None:
    short = BANNER + "cause: because\n" + "x\n" * (UNFOLDED_LINES - 10)
    assert not check_log(short)
    assert check_log(short + "x\n" * 10)
    folded = short + "Pods\n" + "x\n" * 100 + "reports: a\n"
    assert not check_log(folded)


@pytest.mark.parametrize("file", sorted(LOGS.glob("*.log")), ids=lambda file: file.stem)
def test_each_published_log_obeys_the_rules(file: Path) -> None:
    assert not check_log(file.read_text("utf-8"))
