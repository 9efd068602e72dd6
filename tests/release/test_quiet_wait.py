"""The cost of a wait: requests that Argo CD counts, and CPU time of the job with all of its processes."""

from collections.abc import Iterator
from pathlib import Path

from argocd_release.model.outcome import Outcome
from sandbox.sandbox import Sandbox
from scenarios.dsl import Scenario, Stage, status, web
from scenarios.groups import compared_since_synced
from scenarios.runner import COMMAND, play

SECONDS = 60
#: One of them reads the events of the pod, so that the log names its warning while it waits.
MOST_REQUESTS = 26
MOST_CPU_SECONDS = 1.2


def never_ready(stage: Stage) -> Iterator[None]:
    """Deploy a pod that stays unready. The application's own sync and the next comparison end before the job starts."""
    stage.deploy(web("1", fate="never-ready"))
    stage.until(lambda state: status(state, "health", "status") == "Progressing" and compared_since_synced(state), 60)
    stage.sleep(20)
    yield


def test_a_minute_without_news_costs_few_requests_and_little_cpu(tmp_path: Path) -> None:
    waits = Scenario(
        name="quiet-wait",
        title="",
        outcome=Outcome.TIMED_OUT,
        play=never_ready,
        cause="",
        max_seconds=0,
        exclusive=False,
    )
    # structlog imports rich if it is there. It is here because of import-linter, and costs 30 ms; the image has none.
    without_rich = tmp_path / "without-rich"
    without_rich.mkdir()
    (without_rich / "rich.py").write_text("raise ImportError\n")
    # Only this job asks this sandbox, so that all requests are its own.
    with Sandbox.start() as sandbox:
        before = sandbox.requests()
        played = play(
            waits, sandbox, command=[COMMAND], name="quiet-wait", folder=tmp_path / "job",
            environ={"RELEASE_TIMEOUT": str(SECONDS), "PYTHONPATH": str(without_rich)},
        )  # fmt: skip
        requests = sandbox.requests() - before
    assert played.exit_code == Outcome.TIMED_OUT.exit_code, played.log
    print(dict(requests), played.cpu_seconds)
    assert requests.total() <= MOST_REQUESTS, played.log
    assert played.cpu_seconds <= MOST_CPU_SECONDS
