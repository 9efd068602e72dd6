"""The cost of a wait: requests that Argo CD counts, and CPU time of the job with all of its processes."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from argocd_release.model.outcome import Outcome
from sandbox.sandbox import Sandbox
from scenarios.dsl import Scenario, Stage, status, web
from scenarios.groups import compared_since_synced
from scenarios.runner import COMMAND, Played, play

SECONDS = 60
SERVER = "argocd-server"
#: The maximum number of seconds between the restart of the API server and the moment at which the job rests again. The
#: job looks after 10 s, pauses for 7.5 s, and polls twice.
RESTS_AFTER = 30
#: One look reads the application, its tree and the events of its pod.
MOST_REQUESTS_OF_REST = 6
MOST_LATE = 5.0
#: One of them reads the events of the pod, so that the log names its warning while it waits.
MOST_REQUESTS = 26
#: The CPU time of the job, as a multiple of that of a job which waits for only ``SHORT_SECONDS``. Both start, diagnose and
#: report alike, and the ratio does not depend on the speed of the machine.
MOST_CPU_RATIO = 1.3
SHORT_SECONDS = 8


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
    # Only these jobs ask this sandbox, so that all requests are their own.
    requests: list[Counter[str]] = []
    with Sandbox.start() as sandbox:

        def waited(seconds: int) -> Played:
            before = sandbox.requests()
            played = play(
                waits, sandbox, command=[COMMAND], name=f"quiet-wait-{seconds}", folder=tmp_path / str(seconds),
                environ={"RELEASE_TIMEOUT": str(seconds), "PYTHONPATH": str(without_rich)},
            )  # fmt: skip
            requests.append(sandbox.requests() - before)
            assert played.exit_code == Outcome.TIMED_OUT.exit_code, played.log
            return played

        short, long = waited(SHORT_SECONDS), waited(SECONDS)
    print(*map(dict, requests), short.cpu_seconds, long.cpu_seconds)
    assert requests[-1].total() <= MOST_REQUESTS, long.log
    assert long.cpu_seconds <= short.cpu_seconds * MOST_CPU_RATIO


def test_after_a_restart_of_the_api_server_the_job_rests_again(tmp_path: Path) -> None:
    requests: list[Counter[str]] = []

    def restarted(stage: Stage) -> Iterator[None]:
        yield from never_ready(stage)
        stage.sleep(10)
        stage.sandbox.part(SERVER).restart()
        for seconds in (RESTS_AFTER, SECONDS / 2):
            stage.sleep(seconds)
            # The server counts from its start.
            requests.append(stage.sandbox.requests())
        stage.deploy_again(web("2"))

    waits = Scenario(
        name="restart", title="", outcome=Outcome.DELIVERED, play=restarted, cause="", max_seconds=0, exclusive=False
    )
    with Sandbox.start() as sandbox:
        played = play(
            waits, sandbox, command=[COMMAND], name="restart", folder=tmp_path / "job",
            environ={"RELEASE_TIMEOUT": "140"},
        )  # fmt: skip
    before, after = requests
    print(dict(+before), dict(after - before), played.late)
    assert played.exit_code == 0, played.log
    assert (after - before).total() <= MOST_REQUESTS_OF_REST
    assert played.late is not None
    assert played.late < MOST_LATE
    assert "streams on which" not in played.log
