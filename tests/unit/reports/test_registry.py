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
from jsonschema import Draft202012Validator
from junitparser import JUnitXml

from argocd_release.core.text import one_line
from argocd_release.messages.reports import ALL_RELEASED, HEAD_OF_BRANCH
from argocd_release.model.git import Source
from argocd_release.model.outcome import Outcome, Verdict, overall
from argocd_release.model.problem import CauseCode, Problem, ResourceRef, Subject
from argocd_release.model.resource_tree import Node
from argocd_release.model.result import ApplicationResult, Diagnosis, ReleaseResult
from argocd_release.notify import gitlab
from argocd_release.reports import evidence, gitlab_reports, json_report, junit, registry
from tests.support.gitlab_rules import EXPANDED, check_annotations, check_dotenv, check_junit, released
from tests.unit.states import NEW, application

HOSTILE = "\x1b[31m]]>\x00<b>&amp; $HOME %HOME% [[ATTACHMENT|/etc/passwd]]\nsection_end:1:x\r\x1b[0K \u202e"


ENDED_AT = datetime(2026, 1, 1, 0, 1, tzinfo=UTC)


def one(
    outcome: Outcome = Outcome.SYNC_FAILED, reason: str = "because", name: str = "web", **parts: Any
) -> ApplicationResult:
    return ApplicationResult(
        verdict=Verdict(outcome=outcome, reason=reason, hint="do this"),
        name=name,
        url=f"https://argocd.example.com/applications/{name}",
        image_tag="abc1234",
        seconds=1.5,
        ended_at=ENDED_AT,
        application=application(**parts) if parts else None,
    )


def release(*applications: ApplicationResult, **parts: Any) -> ReleaseResult:
    verdict = applications[0].verdict if len(applications) == 1 else overall([one.outcome for one in applications])
    return ReleaseResult(verdict=verdict, applications=applications, seconds=1.5, ended_at=ENDED_AT, **parts)


def result(*args: Any, **parts: Any) -> ReleaseResult:
    return release(one(*args, **parts))


def test_the_log_ends_with_the_whole_cause_and_the_next_step() -> None:
    said = "2 settings are wrong:\nerror: A is not set\nerror: B is not set"
    assert evidence.last_lines(one(reason=said)).splitlines() == [
        "cause: 2 settings are wrong:", "  error: A is not set", "  error: B is not set", "next: do this",
    ]  # fmt: skip
    long = evidence.last_lines(one(reason="\n".join(map(str, range(50))))).splitlines()
    assert len(long) <= 8, "GitLab shows the last ten lines, and the runner adds one"
    assert long[-2:] == ["… and 44 more lines left out", "next: do this"]
    assert evidence.last_lines(one(Outcome.DELIVERED)) == ""


@pytest.mark.parametrize(
    ("outcome", "expects", "expected"),
    [
        (Outcome.TIMED_OUT, "revision 01e0c66f", "revision 01e0c66f"),
        (Outcome.DEGRADED, "image 254ee6b1", "image 254ee6b1"),
        (Outcome.DEGRADED, "", HEAD_OF_BRANCH),
        (Outcome.DELIVERED, "revision 01e0c66f", None),
        (Outcome.DENIED, "revision 01e0c66f", "revision 01e0c66f"),
        (Outcome.SETTINGS, "", None),
    ],
)
def test_a_failure_shows_what_was_expected(outcome: Outcome, expects: str, expected: str | None) -> None:
    given = replace(one(outcome, health="Degraded"), expects=expects)
    lines = dict(line.split(None, 1) for line in evidence.facts(given).splitlines())
    assert lines.get("Expected:") == expected


def test_an_encoded_address_of_the_pipeline_s_own_stays_one_in_dotenv() -> None:
    address = "https://xn--p1ai.example.com/%D0%BF%d1%80/?q=%41"
    given = replace(result(Outcome.DELIVERED, reason="%D0%BF and %HOME%"), site_url=address)
    written = check_dotenv(gitlab_reports.render_dotenv(given))
    assert written["ARGOCD_RELEASE_SITE_URL"] == "https://xn--p1ai.example.com/пр/?q=%41"
    assert "%D0%" not in written["ARGOCD_RELEASE_REASON"]
    given = replace(given, site_url="https://x/%HOME%%TOKEN%")
    assert not any(any(found.groups()) for found in EXPANDED.finditer(gitlab_reports.render_dotenv(given)))


def test_dotenv_stays_well_below_the_default_limit_of_gitlab() -> None:
    long = result(
        Outcome.SYNC_FAILED, reason="ü" * 5000, images=[f"registry.example.com/{'i' * 200}:{n}" for n in range(50)]
    )
    assert len(gitlab_reports.render_dotenv(long).encode()) < 4096


@pytest.mark.parametrize("length", [10, 200, 253])
def test_no_label_of_an_annotation_is_longer_than_gitlab_takes(length: int) -> None:
    name = f"{'n' * 63}/{'a' * length}"
    given = release(one(Outcome.SYNC_FAILED, name=name))
    check_annotations(gitlab_reports.render_annotations(given))
    assert all(
        len(link["external_link"]["label"]) <= 255
        for links in json.loads(gitlab_reports.render_annotations(given)).values()
        for link in links
    )


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_has_valid_reports(outcome: Outcome) -> None:
    cases = check_junit(junit.render(result(outcome)))
    assert (released(cases) == "passed") == (outcome is Outcome.DELIVERED)
    assert check_dotenv(gitlab_reports.render_dotenv(result(outcome)))["ARGOCD_RELEASE_STATUS"] == outcome.word
    links = check_annotations(gitlab_reports.render_annotations(result(outcome)))
    assert links == {"web in Argo CD": "https://argocd.example.com/applications/web"}


def test_a_cause_is_linked_where_it_is_explained() -> None:
    """The log, the story, the page and the comment have the link. Its anchor is the cause code, which is stable."""
    cause = Problem(code=CauseCode.IMAGE_PULL, message="ImagePullBackOff", hint="push the image")
    red = replace(one(Outcome.DEGRADED), diagnosis=Diagnosis(cause=cause), docs_url="https://docs.example.com/ru/")
    there = "https://docs.example.com/ru/troubleshooting/#image-pull"
    assert evidence.next_step(red) == f"next: push the image\nhelp: {there}"
    assert f"help: {there}\n" in evidence.story(red)
    assert check_annotations(gitlab_reports.render_annotations(release(red)))["help: image-pull"] == there
    assert f"[What it means](<{there}>)" in gitlab.render_comment(release(red))
    silent = replace(red, diagnosis=Diagnosis(cause=replace(cause, hint="")), verdict=replace(red.verdict, hint=""))
    assert evidence.next_step(silent) == f"help: {there}"


def test_without_an_address_or_a_cause_there_is_no_link() -> None:
    assert evidence.next_step(one()) == "next: do this"
    green = replace(one(Outcome.DELIVERED), docs_url="https://docs.example.com")
    assert green.help_url == ""
    assert "help" not in gitlab_reports.render_annotations(release(green)) + evidence.story(green)


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
    """Argo CD usually reads another repository than that of the pipeline's project."""
    ended = one(sync="Synced")
    assert ended.application is not None
    chart = Source(repo_url="https://gitlab.example.com/team/charts", chart="web")
    sources = (chart, Source(repo_url=repo_url))
    several = replace(ended.application, sources=sources, revisions=("1.2.3", NEW))
    links = check_annotations(
        gitlab_reports.render_annotations(
            release(replace(ended, application=several), project_url="https://gitlab.example.com/team/web/")
        )
    )
    assert links.get(f"commit {NEW[:8]}", "") == (f"{address}/-/commit/{NEW}" if address else "")
    assert len(links) == 1 + bool(address)


def test_the_log_of_the_first_broken_pod_is_one_click_away() -> None:
    ended = one(health="Degraded")
    fine, broken = pod("web-a", health="Healthy"), pod("web b", health="Degraded")
    links = check_annotations(
        gitlab_reports.render_annotations(release(replace(ended, diagnosis=Diagnosis(pods=(fine, broken)))))
    )
    assert links["log of Pod/web b"] == f"{ended.url}?resource=&node=%2FPod%2Fweb%2Fweb%20b%2F0&tab=logs"
    assert "log of Pod/web-a" not in check_annotations(gitlab_reports.render_annotations(release(ended)))


def pod(name: str, *, health: str) -> Node:
    return Node(
        uid=name, owner="", group="", version="v1", kind="Pod", namespace="web", name=name, health=health, message="",
        created_at="", images=(),
    )  # fmt: skip


def config_maps(count: int, **actions: int) -> dict[str, Any]:
    """Return the resources and results of an application that consists of ConfigMaps.

    Args:
        count: the number of ConfigMaps.
        actions: the number of ConfigMaps with each action of the sync. All others are unchanged.
    """
    names = [f"c-{number:03}" for number in range(count)]
    done = [action for action, times in actions.items() for _ in range(times)]
    done += ["unchanged"] * (count - len(done))
    there = {"group": "", "kind": "ConfigMap", "namespace": "web"}
    resources = [there | {"name": name, "status": "Synced"} for name in names]
    results = [
        there | {"name": name, "status": "Synced", "hookPhase": "Running", "message": f"configmap/{name} {action}"}
        for name, action in zip(names, done, strict=True)
    ]
    return {"resources": resources, "results": results}


def changed(**parts: Any) -> list[str]:
    blocks = list(evidence.blocks(one(Outcome.DELIVERED, **parts)))
    return list(blocks[-1].lines) if blocks and blocks[-1].title == "What changed" else []


def test_green_tells_what_the_release_changed_and_of_the_rest_the_number() -> None:
    header, *lines = changed(**config_maps(300, configured=2))
    assert header.split() == ["GROUP", "KIND", "NAMESPACE", "NAME", "STATUS", "HEALTH", "HOOK", "MESSAGE"]
    assert [line.split()[-2:] for line in lines[:2]] == [
        ["configmap/c-000", "configured"],
        ["configmap/c-001", "configured"],
    ]
    assert lines[2:] == ["+ 298 unchanged"]
    assert changed(**config_maps(3)) == ["+ 3 unchanged"]


def test_what_changed_is_bounded_however_much_it_is() -> None:
    lines = changed(**config_maps(300, configured=2, created=298))
    assert len(lines) == 1 + evidence.CHANGED + 1
    assert lines[-1] == f"and {300 - evidence.CHANGED} more: {300 - evidence.CHANGED} created"


def test_what_was_pruned_and_a_hook_are_changes_too() -> None:
    gone = {"kind": "Service", "namespace": "web", "name": "old", "status": "Pruned", "message": "pruned"}
    hook = {"kind": "Job", "namespace": "web", "name": "migrate", "hookType": "PreSync", "hookPhase": "Succeeded"}
    lines = changed(results=[gone, hook])
    assert [line.split()[:3] for line in lines[1:]] == [
        ["Service", "web", "old"],
        ["Job", "web", "migrate"],
        ["+", "1", "unchanged"],
    ]


def test_junit_is_read_by_others_too() -> None:
    suites = JUnitXml.fromstring(junit.render(result(health="Degraded")).encode())
    assert [case.name for suite in suites for case in suite] == [
        "web is released", "sync", "operation", "health", "apps/Deployment/web/web",
    ]  # fmt: skip


def test_names_in_junit_do_not_change_with_the_state() -> None:
    first = check_junit(junit.render(result(health="Degraded", revision="1" * 40)))
    second = check_junit(junit.render(result(Outcome.DELIVERED, health="Healthy", revision="2" * 40)))
    assert list(first) == list(second)


def test_the_cause_is_the_first_line() -> None:
    assert junit.render(result()).split("<failure>")[1].startswith("cause: because\n")
    assert evidence.render(result()).splitlines()[3] == "cause: because"


def test_what_the_application_says_cannot_break_a_report() -> None:
    conditions = [{"type": HOSTILE, "message": HOSTILE}]
    state: dict[str, Any] = {
        "sync": "OutOfSync",
        "phase": "Failed",
        "conditions": conditions,
        "summary": {"images": [HOSTILE]},
    }
    for render in (junit.render, gitlab_reports.render_dotenv, evidence.render):
        text = render(result(reason=one_line(HOSTILE), **state))
        assert "\x1b" not in text
        assert "\x00" not in text
        assert "section_end" not in text
    check_junit(junit.render(result(**state)))
    check_dotenv(gitlab_reports.render_dotenv(result(reason=HOSTILE, **state)))


NAMES = st.text("A_$%{} 1", max_size=30)


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://web.example.com/a%20b%2Fc%5Bd%5D", "https://web.example.com/a%20b%2Fc%5Bd%5D"),
        ("https://web.example.com/%D0%BF%D1%83%D1%82%D1%8C/%C3%A9%20", "https://web.example.com/путь/é%20"),
        # These escapes are not UTF-8, an invisible character, and the name of a variable.
        ("https://web.example.com/%E9%E9", "https://web.example.com/% E9% E9"),
        ("https://web.example.com/%E2%80%AE", "https://web.example.com/% E2%80% AE"),
        ("https://web.example.com/%CI_JOB_TOKEN%", "https://web.example.com/% CI_JOB_TOKEN%"),
    ],
)
def test_the_sites_address_in_dotenv_stays_an_address(url: str, kept: str) -> None:
    values = check_dotenv(gitlab_reports.render_dotenv(replace(result(), site_url=url)))
    assert values["ARGOCD_RELEASE_SITE_URL"] == kept
    assert [found[0] for found in EXPANDED.finditer(kept)] == []


@given(NAMES, st.lists(NAMES, max_size=5))
def test_no_later_job_expands_anything_in_the_dotenv_report(reason: str, images: list[str]) -> None:
    """GitLab makes variables from these values, which can refer to others. Only doubled signs are safe."""
    text = gitlab_reports.render_dotenv(result(reason=reason, summary={"images": images}))
    values = [line.partition("=")[2] for line in text.splitlines()]
    assert [found[0] for value in values for found in EXPANDED.finditer(value) if found[0] != "%%"] == []


def test_a_percent_sign_stays_where_nothing_would_expand_it() -> None:
    values = check_dotenv(gitlab_reports.render_dotenv(result(reason="100%CI_JOB_TOKEN% at 25% of $HOME, %%A%%")))
    assert values["ARGOCD_RELEASE_REASON"] == "100% CI_JOB_TOKEN% at 25% of HOME, %% A%%"


@given(st.text(), st.lists(st.text(), max_size=40))
def test_dotenv_is_valid_whatever_it_is_given(reason: str, images: list[str]) -> None:
    check_dotenv(gitlab_reports.render_dotenv(result(reason=reason, summary={"images": images})))


def test_a_long_dotenv_keeps_every_key() -> None:
    images = [f"registry.example.com/{'x' * 200}:{number}" for number in range(100)]
    long = gitlab_reports.render_dotenv(result(reason="ü" * 5000, summary={"images": images}))
    assert len(check_dotenv(long)) == len(check_dotenv(gitlab_reports.render_dotenv(result())))


def test_images_in_dotenv_are_whole_names_and_counted() -> None:
    images = [f"registry.example.com/team/service-{number:03}:1.0" for number in range(50)]
    values = check_dotenv(gitlab_reports.render_dotenv(result(summary={"images": images})))
    listed = values["ARGOCD_RELEASE_IMAGES"].split(" ")
    assert listed == images[: len(listed)]
    assert len(listed) > 5
    assert values["ARGOCD_RELEASE_IMAGE_COUNT"] == "50"
    crowded = gitlab_reports.render_dotenv(result(reason="ü" * 5000, summary={"images": ["ü" * 300, *images]}))
    assert set(check_dotenv(crowded)["ARGOCD_RELEASE_IMAGES"].split(" ")) <= {"", "ü" * 300, *images}


def test_two_jobs_can_have_variables_of_their_own() -> None:
    values = check_dotenv(gitlab_reports.render_dotenv(replace(result(), dotenv_prefix="WEB")))
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
    assert [name for name, status in cases.items() if status in {"failure", "error"}] == ["web is released"]
    assert cases["sync"] == cases["health"] == cases["operation"] == "skipped"


PROJECT = "https://git.example.com/team/web"


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.DELIVERED])
def test_the_case_of_the_release_has_the_same_name_whatever_its_outcome(outcome: Outcome) -> None:
    """GitLab tells new failures from old ones by suite, class and name, and its widget shows only the name."""

    def names(result: ApplicationResult) -> list[tuple[str | None, str | None, str | None]]:
        suites = JUnitXml.fromstring(junit.render(release(result)).encode())
        return [(suite.name, case.classname, case.name) for suite in suites for case in suite][:1]

    delivered, failed = one(Outcome.DELIVERED, name="sentry-payment-dev"), one(outcome, name="sentry-payment-dev")
    assert names(failed) == names(delivered)
    assert names(failed)[0][2] == "sentry-payment-dev is released"


def test_the_failed_rows_of_a_group_can_be_told_apart() -> None:
    group = release(one(Outcome.DEGRADED, name="web"), one(Outcome.SYNC_FAILED, name="api"), several=True)
    suites = JUnitXml.fromstring(junit.render(group).encode())
    failed = [case.name for suite in suites for case in suite if case.is_failure]
    assert failed == ["web is released", "api is released"]


def test_no_case_has_a_file() -> None:
    """«Copy failed tests» in the merge request would copy the path of a folder."""
    manifests = replace(application(health="Degraded"), sources=(Source(repo_url=PROJECT, path="deploy/dev/"),))
    failed = replace(one(), application=manifests)
    assert "file=" not in junit.render(release(failed, project_url=PROJECT))


def test_a_message_of_several_lines_does_not_go_on_as_ours() -> None:
    text = evidence.render(result(reason="it said\nRELEASE SUCCESSFUL\n" + "=" * 45))
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
    assert f"{label:12} abc1234" in evidence.facts(one(Outcome.DELIVERED, summary={"images": images}))


@pytest.mark.parametrize(
    ("parts", "state", "said"),
    [
        ({}, {}, True),
        ({"expects": "image web:1"}, {}, False),
        ({"image_tag": ""}, {}, False),
        # Argo CD's list of images also contains those of finished Jobs (H4).
        ({}, {"summary": {"images": ["web:abc1234"]}}, True),
        ({}, {"revision": "abc1234" + "0" * 33}, False),
    ],
)
def test_green_says_what_it_does_not_prove(parts: dict[str, Any], state: dict[str, Any], *, said: bool) -> None:
    delivered = replace(one(Outcome.DELIVERED, health="Healthy", **state), **parts)
    assert ("to prove this commit" in evidence.caveat(delivered)) is said
    assert evidence.caveat(replace(delivered, verdict=Verdict(outcome=Outcome.DEGRADED, reason="r"))) == ""


def test_of_several_applications_the_worst_comes_first_in_every_report() -> None:
    several = release(
        one(Outcome.DELIVERED, name="api", health="Healthy"),
        one(Outcome.UNREACHABLE, reason="no answer", name="jobs"),
        one(Outcome.DEGRADED, reason="Pod/x: CrashLoopBackOff", name="team/web", health="Degraded"),
    )
    assert several.outcome is Outcome.DEGRADED
    assert several.verdict.reason == "3 applications: 1 degraded, 1 unreachable, 1 delivered"
    suites = JUnitXml.fromstring(junit.render(several).encode())
    assert [suite.name for suite in suites] == [
        "argocd-release: api", "argocd-release: jobs", "argocd-release: team/web",
    ]  # fmt: skip
    links = check_annotations(gitlab_reports.render_annotations(several))
    assert list(links) == ["team/web in Argo CD", "jobs in Argo CD"]
    assert (
        check_dotenv(gitlab_reports.render_dotenv(several))["ARGOCD_RELEASE_CAUSE"]
        == "team/web: Pod/x: CrashLoopBackOff"
    )
    rows = [line.split()[:2] for line in evidence.render(several).splitlines() if " s  " in line or "1.5 s" in line]
    assert rows[:3] == [["team/web", "degraded"], ["jobs", "unreachable"], ["api", "delivered"]]
    report = json_report.document(several)
    Draft202012Validator(json_report.SCHEMA).validate(report)
    assert [each["outcome"] for each in report["applications"]] == ["delivered", "unreachable", "degraded"]


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_has_a_cause_by_the_schema(outcome: Outcome) -> None:
    report = json_report.document(result(outcome))
    Draft202012Validator(json_report.SCHEMA).validate(report)
    assert (report["cause"] is None) == (outcome is Outcome.DELIVERED)
    assert report["cause"] == report["applications"][0]["cause"]


def test_the_schema_knows_every_word() -> None:
    words = json_report.SCHEMA["$defs"]
    assert words["code"]["enum"] == [code.word for code in CauseCode]
    assert words["outcome"]["enum"] == [outcome.word for outcome in Outcome]


CRASHES = Problem(
    code=CauseCode.CRASH_LOOP,
    message="Deployment/web → Pod/web-x: CrashLoopBackOff, exit code 1",
    subject=Subject(
        ref=ResourceRef("", "Pod", "web", "web-x"),
        root=ResourceRef("apps", "Deployment", "web", "web"),
        container="container a",
    ),
)


def test_a_cause_in_its_parts() -> None:
    known = replace(one(health="Degraded"), diagnosis=Diagnosis(cause=CRASHES))
    assert json_report.document(release(known))["cause"] == {
        "code": "crash-loop",
        "subject": "Deployment/web → Pod/web-x, container a",
        "message": CRASHES.message,
        "hint": "do this",
        "link": f"{known.url}?resource=&node=%2FPod%2Fweb%2Fweb-x%2F0",
    }


def test_in_junit_the_cause_stands_at_the_resource_it_lies_beneath_and_no_other() -> None:
    web = {"group": "apps", "kind": "Deployment", "namespace": "web", "name": "web", "status": "Synced"}
    twins = [{**web, "namespace": name, "health": {"status": "Degraded"}} for name in ("web", "other")]
    known = replace(one(health="Degraded", resources=twins), diagnosis=Diagnosis(cause=CRASHES))
    cases = ET.fromstring(junit.render(release(known))).iter("testcase")
    said = {str(case.get("name")): "".join(case.itertext()) for case in cases}
    assert CRASHES.message in said["apps/Deployment/web/web"]
    assert CRASHES.message not in said["apps/Deployment/other/web"]


@pytest.mark.parametrize(
    ("verdict", "shown"),
    [
        # Both are about the same object, and the root cause says more.
        ({"reason": "Deployment/web → Pod/web-x: CrashLoopBackOff", "subject": CRASHES.subject, "quotes": True}, False),
        ({"reason": "Deployment/web → Pod/web-y: CrashLoopBackOff", "subject": None, "quotes": True}, True),
        ({"reason": "not delivered within 9 s: Deployment/web → Pod/web-x: Crash", "subject": CRASHES.subject}, True),
        ({"reason": CRASHES.message}, False),
    ],
)
def test_the_verdict_is_said_where_it_says_more_than_the_cause(verdict: dict[str, Any], *, shown: bool) -> None:
    known = Verdict(outcome=Outcome.DEGRADED, **verdict)
    lines = evidence.headline(replace(one(), verdict=known, diagnosis=Diagnosis(cause=CRASHES))).splitlines()
    assert lines == [f"cause: {CRASHES.message}", *([known.reason] if shown else [])]


def test_where_no_application_matches_there_are_reports_all_the_same() -> None:
    verdict = Verdict(outcome=Outcome.MISSING, reason="nothing matches", hint="do this")
    nothing = ReleaseResult(verdict=verdict, applications=(), seconds=1, ended_at=ENDED_AT)
    assert check_junit(junit.render(nothing)) == {ALL_RELEASED: "failure"}
    assert check_annotations(gitlab_reports.render_annotations(nothing)) == {}
    assert check_dotenv(gitlab_reports.render_dotenv(nothing))["ARGOCD_RELEASE_STATUS"] == "missing"
    Draft202012Validator(json_report.SCHEMA).validate(json_report.document(nothing))
    assert "cause: nothing matches" in evidence.render(nothing)


def test_half_a_pair_of_surrogates_keeps_no_report_from_being_written(tmp_path: Path) -> None:
    broken = result(reason="half \ud800", health="Degraded")
    registry.write_file(tmp_path / "report.json", json_report.render(broken))
    assert json.loads((tmp_path / "report.json").read_text("utf-8"))["reason"] == "half ?"


def test_only_a_regular_file_is_removed(tmp_path: Path) -> None:
    file, pipe, link = tmp_path / "file", tmp_path / "pipe", tmp_path / "link"
    file.write_text("old")
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    for path in (file, pipe, link, tmp_path, tmp_path / "nothing"):
        registry.remove_file(path)
    assert not file.exists()
    assert pipe.is_fifo()
    assert link.is_symlink()


def test_a_file_is_whole_or_absent(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "report.xml"
    registry.write_file(target, "old")
    registry.write_file(target, "new")
    assert target.read_text() == "new"
    with pytest.raises(UnicodeEncodeError):
        registry.write_file(target, "half \ud800")
    assert target.read_text() == "new"
    assert [file.name for file in target.parent.iterdir()] == ["report.xml"]


def test_a_label_is_never_longer_than_gitlab_takes() -> None:
    """If a label has more than 255 characters, GitLab fails the job."""
    ended = one(Outcome.DELIVERED, name="a" * 300)
    links = check_annotations(gitlab_reports.render_annotations(release(ended)))
    assert max(map(len, links)) == 255


@pytest.mark.parametrize("name", ["r" * 250, "я" * 125])
def test_a_report_can_have_the_longest_name_of_a_file(tmp_path: Path, name: str) -> None:
    assert registry.written("page", str(tmp_path / name), lambda: "text") == str(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]
