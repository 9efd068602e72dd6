from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from junitparser import JUnitXml

from argocd_release import reporters
from argocd_release.application import Source
from argocd_release.errors import Outcome
from argocd_release.reporters import annotations, dotenv, junit, summary
from argocd_release.result import Result
from argocd_release.text import one_line
from argocd_release.verdict import Verdict
from tests.gitlab_rules import check_annotations, check_dotenv, check_junit
from tests.unit.states import NEW, application

HOSTILE = "\x1b[31m]]>\x00<b>&amp; $HOME\nsection_end:1:x\r\x1b[0K \u202e"


def result(outcome: Outcome = Outcome.SYNC_FAILED, reason: str = "because", **parts: Any) -> Result:
    return Result(
        verdict=Verdict(outcome=outcome, reason=reason, hint="do this"),
        name="web",
        url="https://argocd.example.com/applications/web",
        image_tag="abc1234",
        seconds=1.5,
        ended_at=datetime(2026, 1, 1, 0, 1, tzinfo=UTC),
        application=application(**parts) if parts else None,
    )


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_has_valid_reports(outcome: Outcome) -> None:
    cases = check_junit(junit.render(result(outcome)))
    assert (cases["release"] == "passed") == (outcome is Outcome.DELIVERED)
    assert check_dotenv(dotenv.render(result(outcome)))["ARGOCD_RELEASE_STATUS"] == outcome.word
    links = check_annotations(annotations.render(result(outcome)))
    assert links == {"web in Argo CD": "https://argocd.example.com/applications/web"}


@pytest.mark.parametrize(
    ("repo_url", "address"),
    [
        ("https://gitlab.example.com/team/web.git", "https://gitlab.example.com/team/web"),
        ("git@gitlab.example.com:team/web.git", "https://gitlab.example.com/team/web"),
        ("ssh://git@gitlab.example.com:2222/team/config.git", "https://gitlab.example.com/team/config"),
        ("https://git.example.org/team/web.git", ""),
        ("file:///srv/web.git", ""),
        ("", ""),
        ('https://gitlab.example.com/team/"><script>', "https://gitlab.example.com/team/%22%3E%3Cscript%3E"),
    ],
)
def test_a_commit_is_linked_where_it_is(repo_url: str, address: str) -> None:
    """Argo CD reads another repository than this project's more often than not."""
    ended = replace(result(sync="Synced"), project_url="https://gitlab.example.com/team/web/")
    assert ended.application is not None
    chart = Source(repo_url="https://gitlab.example.com/team/charts", chart="web")
    sources = (chart, Source(repo_url=repo_url))
    several = replace(ended.application, sources=sources, revisions=("1.2.3", NEW))
    links = check_annotations(annotations.render(replace(ended, application=several)))
    assert links.get(f"commit {NEW[:8]}", "") == (f"{address}/-/commit/{NEW}" if address else "")
    assert len(links) == 1 + bool(address)


def test_junit_is_read_by_others_too() -> None:
    suites = JUnitXml.fromstring(junit.render(result(health="Degraded")).encode())
    assert [case.name for suite in suites for case in suite] == [
        "release", "sync", "operation", "health", "apps/Deployment/web/web",
    ]  # fmt: skip


def test_names_in_junit_do_not_change_with_the_state() -> None:
    first = check_junit(junit.render(result(health="Degraded", revision="1" * 40)))
    second = check_junit(junit.render(result(Outcome.DELIVERED, health="Healthy", revision="2" * 40)))
    assert list(first) == list(second)


def test_the_cause_is_the_first_line() -> None:
    assert junit.render(result()).split("<failure>")[1].startswith("cause: because\n")
    assert summary.render(result()).splitlines()[3] == "cause: because"


def test_what_the_application_says_cannot_break_a_report() -> None:
    conditions = [{"type": HOSTILE, "message": HOSTILE}]
    state: dict[str, Any] = {
        "sync": "OutOfSync",
        "phase": "Failed",
        "conditions": conditions,
        "summary": {"images": [HOSTILE]},
    }
    for render in (junit.render, dotenv.render, summary.render):
        text = render(result(reason=one_line(HOSTILE), **state))
        assert "\x1b" not in text
        assert "\x00" not in text
        assert "section_end" not in text
    check_junit(junit.render(result(**state)))
    check_dotenv(dotenv.render(result(reason=HOSTILE, **state)))


@given(st.text(), st.lists(st.text(), max_size=40))
def test_dotenv_is_valid_whatever_it_is_given(reason: str, images: list[str]) -> None:
    check_dotenv(dotenv.render(result(reason=reason, summary={"images": images})))


def test_a_long_dotenv_keeps_every_key() -> None:
    images = [f"registry.example.com/{'x' * 200}:{number}" for number in range(100)]
    long = dotenv.render(result(reason="ü" * 5000, summary={"images": images}))
    assert len(check_dotenv(long)) == len(check_dotenv(dotenv.render(result())))


def test_a_file_is_whole_or_absent(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "report.xml"
    reporters.write(target, "old")
    reporters.write(target, "new")
    assert target.read_text() == "new"
    with pytest.raises(UnicodeEncodeError):
        reporters.write(target, "half \ud800")
    assert target.read_text() == "new"
    assert [file.name for file in target.parent.iterdir()] == ["report.xml"]
