"""The end of the job log."""

import io
from datetime import UTC, datetime

from argocd_release.model.outcome import Outcome
from argocd_release.model.result import ReleaseResult
from argocd_release.model.verdict import Verdict
from argocd_release.release.job_log import JobLog
from argocd_release.release.show import show


def test_the_hint_of_a_group_without_applications_is_shown() -> None:
    """H30."""
    stream = io.StringIO()
    verdict = Verdict(outcome=Outcome.MISSING, reason="no application matches team=shop", hint="check the selector")
    show(
        JobLog({}, stream),
        ReleaseResult(verdict=verdict, applications=(), seconds=1.0, ended_at=datetime.now(UTC), several=True),
        (),
    )
    assert stream.getvalue().count("\nnext: check the selector\n") == 1
