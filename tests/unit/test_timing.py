"""Test the deadline of the whole job: no phase takes the time that GitLab needs after it."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argocd_release.argocd.api import Api
from argocd_release.argocd.cli import ArgoCD
from argocd_release.argocd.connection import Connection
from argocd_release.git.history import GitHistories
from argocd_release.model.errors import ArgoCDError, FailureKind
from argocd_release.model.git import Access, Relation
from argocd_release.reports import registry
from argocd_release.settings.environment import JobEnvironment
from argocd_release.settings.load import job_seconds_left, load, seconds_left
from argocd_release.timing import AFTER_SECONDS, SECONDS, UPLOAD_SECONDS, Deadline, JobDeadline, Phase

GOOD = {"ARGOCD_SERVER": "argocd.example.com", "ARGOCD_AUTH_TOKEN": "t0ken-t0ken", "ARGOCD_APP_NAME": "web"}
STARTED = datetime(2026, 1, 1, tzinfo=UTC)
shares = st.floats(0, 1)


def test_what_is_kept_for_gitlab_is_more_than_all_phases_take() -> None:
    assert set(SECONDS) == set(Phase)
    assert UPLOAD_SECONDS - AFTER_SECONDS >= 5


@given(
    job_timeout=st.integers(1, 10_000), elapsed=st.floats(0, 10_000), timeout=st.integers(1, 5_000),
    late=st.floats(0, 60), used=st.lists(shares, min_size=5, max_size=5), between=st.floats(0, 0.2),
)  # fmt: skip
def test_the_sum_of_all_phases_stays_below_what_gitlab_leaves(
    *, job_timeout: int, elapsed: float, timeout: int, late: float, used: list[float], between: float
) -> None:
    """Each phase uses any share of what it is given, the verdict comes as late as it likes, and each takes breath."""
    elapsed = min(elapsed, job_timeout - 1)
    known = load(
        JobEnvironment(
            GOOD
            | {
                "RELEASE_TIMEOUT": str(timeout),
                "CI_JOB_TIMEOUT": str(job_timeout),
                "CI_JOB_STARTED_AT": STARTED.isoformat(),
            }
        )
    )
    at = STARTED + timedelta(seconds=elapsed)
    wait, left = seconds_left(known, at)[0], job_seconds_left(known, at)[0]
    now = 0.0
    deadline = JobDeadline(wait, most=left - (UPLOAD_SECONDS - AFTER_SECONDS), now=lambda: now)
    now += min(wait + late, max(deadline.phase(Phase.VERDICT).left, wait))
    for phase, share in zip(list(Phase)[1:], used, strict=True):
        now += deadline.phase(phase).left * share + between
    assert now <= wait + AFTER_SECONDS + 5 * between + 1e-6
    if left > UPLOAD_SECONDS:
        assert now <= left - (UPLOAD_SECONDS - AFTER_SECONDS) + 5 * between + 1e-6


@given(
    timeout=st.integers(1, 5_000),
    late=st.floats(0, SECONDS[Phase.VERDICT]),
    used=st.lists(shares, min_size=5, max_size=5),
)
def test_a_verdict_in_time_leaves_each_phase_all_it_may_take(timeout: int, late: float, used: list[float]) -> None:
    now = 0.0
    deadline = JobDeadline(timeout, now=lambda: now)
    now = timeout + late
    for phase, share in zip(list(Phase)[1:], used, strict=True):
        given = deadline.phase(phase).left
        assert given == pytest.approx(SECONDS[phase])
        now += given * share


@given(whole=st.floats(0, 100), parts=st.lists(st.floats(0, 100), max_size=5), at=st.floats(0, 200))
def test_no_part_ends_after_the_whole(whole: float, parts: list[float], at: float) -> None:
    now = 0.0
    deadline = part = Deadline(whole, lambda: now)
    for seconds in parts:
        part = part.at_most(seconds)
    now = at
    assert 0 <= part.left <= deadline.left


@pytest.fixture
def silent() -> Iterator[int]:
    """Yield the port of a server that accepts every connection and never responds."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_argocd_is_ended_at_the_deadline(tmp_path: Path) -> None:
    (tmp_path / "argocd").write_text("#!/bin/sh\nexec sleep 60\n")
    (tmp_path / "argocd").chmod(0o755)
    environ, began = {"PATH": f"{tmp_path}:/usr/bin:/bin"}, time.monotonic()
    with (
        ArgoCD(environ, echo=lambda _: None, deadline=Deadline(0.3)) as argocd,
        pytest.raises(ArgoCDError) as raised,
    ):
        argocd.get("web", seconds=30, refresh=True)
    assert raised.value.kind is FailureKind.TIMED_OUT
    assert time.monotonic() - began < 2.5


@pytest.mark.enable_socket
def test_the_api_is_given_up_at_the_deadline(silent: int) -> None:
    connection = Connection(server=f"127.0.0.1:{silent}", auth_token="t", opts="--plaintext")
    began = time.monotonic()
    with Api(connection, deadline=Deadline(0.3)) as api, pytest.raises(ArgoCDError):
        api.tree("web")
    assert time.monotonic() - began < 2.5


@pytest.mark.enable_socket
def test_git_is_given_up_at_the_deadline(silent: int, tmp_path: Path) -> None:
    access = Access(clone=tmp_path, repository_url=f"http://127.0.0.1:{silent}/web.git")
    began = time.monotonic()
    with GitHistories(access, stop=threading.Event(), limit=Deadline(0.3)) as histories:
        assert histories.revision_relation("a" * 40, "b" * 40).relation is Relation.UNKNOWN
    assert time.monotonic() - began < 2.5


def test_a_pipe_that_nobody_reads_is_given_up_at_the_deadline(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    began = time.monotonic()
    with pytest.raises(BlockingIOError):
        registry.write_file(pipe, "x" * 1_000_000, seconds=0.2)
    os.close(reader)
    assert time.monotonic() - began < 1.5
