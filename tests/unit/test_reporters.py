import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from junitparser import JUnitXml

from argocd_release.core.text import one_line
from argocd_release.model.application import Source
from argocd_release.model.outcome import Outcome
from argocd_release.model.result import Result
from argocd_release.model.verdict import Verdict
from argocd_release.reports import annotations, banner, dotenv, evidence, files, json_report, junit
from tests.gitlab_rules import EXPANDED, check_annotations, check_dotenv, check_junit
from tests.unit.states import NEW, application

HOSTILE = "\x1b[31m]]>\x00<b>&amp; $HOME %HOME% [[ATTACHMENT|/etc/passwd]]\nsection_end:1:x\r\x1b[0K \u202e"


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
    assert banner.render(result()).splitlines()[3] == "cause: because"


def test_what_the_application_says_cannot_break_a_report() -> None:
    conditions = [{"type": HOSTILE, "message": HOSTILE}]
    state: dict[str, Any] = {
        "sync": "OutOfSync",
        "phase": "Failed",
        "conditions": conditions,
        "summary": {"images": [HOSTILE]},
    }
    for render in (junit.render, dotenv.render, banner.render):
        text = render(result(reason=one_line(HOSTILE), **state))
        assert "\x1b" not in text
        assert "\x00" not in text
        assert "section_end" not in text
    check_junit(junit.render(result(**state)))
    check_dotenv(dotenv.render(result(reason=HOSTILE, **state)))


NAMES = st.text("A_$%{} 1", max_size=30)


@given(NAMES, st.lists(NAMES, max_size=5))
def test_no_later_job_expands_anything_in_the_dotenv_report(reason: str, images: list[str]) -> None:
    """GitLab hands these values on as variables that may refer to others; only doubled signs may be left."""
    text = dotenv.render(result(reason=reason, summary={"images": images}))
    values = [line.partition("=")[2] for line in text.splitlines()]
    assert [found[0] for value in values for found in EXPANDED.finditer(value) if found[0] != "%%"] == []


def test_a_percent_sign_stays_where_nothing_would_expand_it() -> None:
    values = check_dotenv(dotenv.render(result(reason="100%CI_JOB_TOKEN% at 25% of $HOME, %%A%%")))
    assert values["ARGOCD_RELEASE_REASON"] == "100% CI_JOB_TOKEN% at 25% of HOME, %% A%%"


@given(st.text(), st.lists(st.text(), max_size=40))
def test_dotenv_is_valid_whatever_it_is_given(reason: str, images: list[str]) -> None:
    check_dotenv(dotenv.render(result(reason=reason, summary={"images": images})))


def test_a_long_dotenv_keeps_every_key() -> None:
    images = [f"registry.example.com/{'x' * 200}:{number}" for number in range(100)]
    long = dotenv.render(result(reason="ü" * 5000, summary={"images": images}))
    assert len(check_dotenv(long)) == len(check_dotenv(dotenv.render(result())))


def test_images_in_dotenv_are_whole_names_and_counted() -> None:
    images = [f"registry.example.com/team/service-{number:03}:1.0" for number in range(50)]
    values = check_dotenv(dotenv.render(result(summary={"images": images})))
    listed = values["ARGOCD_RELEASE_IMAGES"].split(" ")
    assert listed == images[: len(listed)]
    assert len(listed) > 5
    assert values["ARGOCD_RELEASE_IMAGE_COUNT"] == "50"
    crowded = dotenv.render(result(reason="ü" * 5000, summary={"images": ["ü" * 300, *images]}))
    assert set(check_dotenv(crowded)["ARGOCD_RELEASE_IMAGES"].split(" ")) <= {"", "ü" * 300, *images}


def test_two_jobs_can_have_variables_of_their_own() -> None:
    values = check_dotenv(dotenv.render(replace(result(), dotenv_prefix="WEB")))
    assert all(name.startswith("WEB_") for name in values)
    assert values["WEB_STATUS"] == "sync-failed"


def test_the_facts_stand_once_and_the_json_report_is_attached() -> None:
    failed = junit.render(replace(result(health="Degraded"), attachment="out/release.json"))
    assert failed.count("Duration:") == 1
    assert "<system-out>[[ATTACHMENT|out/release.json]]</system-out>" in failed
    assert "<system-out>" not in junit.render(result(health="Degraded"))
    passed = junit.render(replace(result(Outcome.DELIVERED, health="Healthy"), attachment="out/release.json"))
    assert "ATTACHMENT" not in passed
    assert passed.count("Duration:") == 1


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.DELIVERED])
def test_one_release_is_one_failed_test(outcome: Outcome) -> None:
    state = {"sync": "OutOfSync", "health": "Degraded", "phase": "Failed"}
    cases = check_junit(junit.render(result(outcome, **state)))
    assert [name for name, status in cases.items() if status in {"failure", "error"}] == ["release"]
    assert cases["sync"] == cases["health"] == cases["operation"] == "skipped"


PROJECT = "https://git.example.com/team/web"


@pytest.mark.parametrize(
    ("repository", "file"),
    [
        (PROJECT, "deploy/dev"),
        (f"{PROJECT}.git", "deploy/dev"),
        ("git@git.example.com:team/web.git", "deploy/dev"),
        ("ssh://git@git.example.com/Team/web.git/", "deploy/dev"),
        ("https://ci:token@git.example.com/team/web.git", "deploy/dev"),
        ("https://git.example.com/team/manifests.git", None),
    ],
)
def test_the_failed_case_names_the_folder_where_that_is_in_this_project(repository: str, file: str | None) -> None:
    manifests = replace(application(health="Degraded"), sources=(Source(repo_url=repository, path="deploy/dev/"),))
    failed = replace(result(), application=manifests)
    case = ET.fromstring(junit.render(replace(failed, project_url=PROJECT))).find(".//testcase[@name='release']")
    assert case is not None
    assert case.get("file") == file
    assert "file=" not in junit.render(failed)


def test_a_message_of_several_lines_does_not_go_on_as_ours() -> None:
    text = banner.render(result(reason="it said\nRELEASE SUCCESSFUL\n" + "=" * 45))
    assert [line for line in text.splitlines() if line.startswith(("RELEASE", "==="))] == [
        "=" * 45, "RELEASE FAILED", "=" * 45, "=" * 45,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("images", "label"),
    [
        (["web:abc1234"], "Image Tag:"),
        (["registry:5000/web:main-abc1234@sha256:1"], "Image Tag:"),
        (["abc1234/web:1"], "Commit:"),
        (["web:1"], "Commit:"),
        ([], "Commit:"),
    ],
)
def test_the_commit_is_called_an_image_tag_only_if_an_image_that_runs_has_it(images: list[str], label: str) -> None:
    assert f"{label:12} abc1234" in evidence.facts(result(Outcome.DELIVERED, summary={"images": images}))


@pytest.mark.parametrize(
    ("parts", "state", "said"),
    [
        ({}, {}, True),
        ({"expects": "image web:1"}, {}, False),
        ({"image_tag": ""}, {}, False),
        ({}, {"summary": {"images": ["web:abc1234"]}}, False),
        ({}, {"revision": "abc1234" + "0" * 33}, False),
    ],
)
def test_green_says_what_it_does_not_prove(parts: dict[str, Any], state: dict[str, Any], *, said: bool) -> None:
    delivered = replace(result(Outcome.DELIVERED, health="Healthy", **state), **parts)
    assert ("to prove this commit" in evidence.caveat(delivered)) is said
    assert evidence.caveat(replace(delivered, verdict=Verdict(outcome=Outcome.DEGRADED, reason="r"))) == ""


def test_half_a_pair_of_surrogates_keeps_no_report_from_being_written(tmp_path: Path) -> None:
    broken = result(reason="half \ud800", health="Degraded")
    files.write(tmp_path / "report.json", json_report.render(broken))
    assert json.loads((tmp_path / "report.json").read_text("utf-8"))["reason"] == "half ?"


def test_only_a_regular_file_is_removed(tmp_path: Path) -> None:
    file, pipe, link = tmp_path / "file", tmp_path / "pipe", tmp_path / "link"
    file.write_text("old")
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    for path in (file, pipe, link, tmp_path, tmp_path / "nothing"):
        files.remove(path)
    assert not file.exists()
    assert pipe.is_fifo()
    assert link.is_symlink()


def test_a_file_is_whole_or_absent(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "report.xml"
    files.write(target, "old")
    files.write(target, "new")
    assert target.read_text() == "new"
    with pytest.raises(UnicodeEncodeError):
        files.write(target, "half \ud800")
    assert target.read_text() == "new"
    assert [file.name for file in target.parent.iterdir()] == ["report.xml"]
