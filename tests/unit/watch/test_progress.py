"""Test which reasons the log shows, and which messages in the rows of ``argocd app wait`` it leaves out."""

from typing import Any

import pytest

from argocd_release.model.events import ApplicationState, JobEvent, StillWaiting
from argocd_release.model.outcome import Verdict
from argocd_release.verdict.blockers import blocker
from argocd_release.verdict.expectation import Expectation
from argocd_release.watch.progress import Progress, without_old_message
from tests.unit.states import OLD, application

CREATED = {
    "kind": "Deployment", "group": "apps", "name": "web", "namespace": "web", "status": "Synced",
    "message": "deployment.apps/web created",
}  # fmt: skip
ROW = "2026-01-01T00:00:01+00:00   apps  Deployment  web  web  {}  Healthy              {}"


def row(status: str, message: str = CREATED["message"]) -> str:
    return ROW.format(status, message)


@pytest.mark.parametrize("status", ["OutOfSync", "Unknown"])
def test_a_row_about_an_earlier_release_has_no_message(status: str) -> None:
    """The row said that the Deployment was created, in a release that applied nothing."""
    earlier = application(sync=status, operated=OLD, results=[CREATED])
    assert without_old_message(row(status), earlier) == row(status, "").rstrip()


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        # This release has created it.
        (row("OutOfSync"), {"sync": "OutOfSync"}),
        (row("Synced"), {"operated": OLD}),
        # The sync of another revision still runs.
        (row("OutOfSync"), {"sync": "OutOfSync", "operated": OLD, "phase": "Running"}),
        (row("OutOfSync", "deployment.apps/web configured"), {"sync": "OutOfSync", "operated": OLD}),
        (row("OutOfSync", "is invalid: spec.replicas"), {"sync": "OutOfSync", "operated": OLD}),
        (row("OutOfSync"), {"sync": "OutOfSync", "phase": None}),
        ("", {"sync": "OutOfSync", "operated": OLD}),
    ],
)  # fmt: skip
def test_all_other_lines_stay_as_they_are(line: str, parts: dict[str, Any]) -> None:
    assert without_old_message(line, application(results=[CREATED], **parts)) == line
    assert without_old_message(line, None) == line


def test_the_lack_of_a_comparison_after_a_sync_is_only_logged_if_it_lasts() -> None:
    events: list[JobEvent] = []
    now = [0.0]
    progress = Progress(emit=events.append, now=lambda: now[0], started=0.0, timeout=60)
    outdated = application(reconciledAt="2026-01-01T00:00:04Z")
    problem = blocker(outdated, Expectation(), compared=True)
    assert problem is not None
    pending = Verdict(outcome=None, reason=problem.message, code=problem.code)
    for now[0] in (1.0, 5.0):
        progress.emit_pending(outdated, pending)
    assert events == []
    now[0] = 11.0
    progress.emit_pending(outdated, pending)
    assert [type(event) for event in events] == [StillWaiting]
    progress.emit_pending(application(health="Progressing"), Verdict(outcome=None, reason="Progressing"))
    assert [type(event) for event in events] == [StillWaiting, ApplicationState]
