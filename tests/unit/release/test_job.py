"""Test the verdict on a run that an exception has ended."""

import io
import math
import time

import pytest

from argocd_release.messages import job_log
from argocd_release.model.errors import Cancelled
from argocd_release.model.outcome import Outcome
from argocd_release.release.job import Run, verdict_on
from argocd_release.release.job_log import JobLog
from argocd_release.release.signals import Signals
from argocd_release.settings.environment import JobEnvironment

GOOD = {"ARGOCD_SERVER": "argocd.example.com", "ARGOCD_AUTH_TOKEN": "x.y.z", "ARGOCD_APP_NAME": "web"}


def test_a_job_whose_time_is_over_is_cancelled_or_out_of_time() -> None:
    log = JobLog(JobEnvironment(GOOD), io.StringIO())
    verdict = verdict_on(Cancelled(Outcome.CANCELLED), log, out_of_time=True)
    assert verdict.outcome is Outcome.CANCELLED
    assert verdict.reason == job_log.OUT_OF_TIME.fill()
    assert verdict_on(Cancelled(Outcome.CANCELLED), log).reason == job_log.CANCELLED.fill(
        meaning=Outcome.CANCELLED.meaning
    )


@pytest.mark.parametrize(("left", "said"), [(3600.0, False), (3.0, True), (-60.0, True), (math.inf, False)])
def test_the_run_knows_when_gitlab_ends_its_job(left: float, said: bool, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: FBT001
    stream = io.StringIO()
    run = Run(GOOD, stream)

    def cancelled(*_: object) -> None:
        run._job_ends_at = time.monotonic() + left
        raise Cancelled(Outcome.CANCELLED)

    monkeypatch.setattr(run, "_track", cancelled)
    monkeypatch.setattr(run._results, "write", lambda *_, **__: [])
    with Signals() as signals:
        assert run.execute(signals) == Outcome.CANCELLED.exit_code
    assert (job_log.OUT_OF_TIME.fill() in stream.getvalue()) is said
