"""Test the comment, the page and the files of a diff that contains hostile text."""

import re
from dataclasses import replace

from jsonschema import Draft202012Validator

from argocd_release.diff import render
from argocd_release.diff.compare import ApplicationDiff, DiffResult, ResourceChange, State
from argocd_release.diff.dangers import Action
from argocd_release.model.outcome import Outcome
from argocd_release.model.problem import CauseCode, Problem, ResourceRef
from tests.support.gitlab_rules import check_junit
from tests.support.hostile import MARKUP

HOSTILE = ("+/close", "+```", "+~~~~", "+@all", *(f"+{text}" for text in MARKUP))


def change(name: str = "a", lines: tuple[str, ...] = HOSTILE, **fields: str) -> ResourceChange:
    return ResourceChange(ref=ResourceRef("", "ConfigMap", "shop", name), action=Action.CHANGED, lines=lines, **fields)  # type: ignore[arg-type]


def result(*changes: ResourceChange) -> DiffResult:
    shop = ApplicationDiff(name="shop", state=State.COMPARED, changes=changes, unchanged=3, notes=("<b>note</b>",))
    broken = ApplicationDiff(
        name="web",
        state=State.FAILED,
        outcome=Outcome.SYNC_FAILED,
        problem=Problem(code=CauseCode.COMPARISON_ERROR, message="`broken` </script>", hint="fix it"),
    )
    skipped = ApplicationDiff(name="pay", state=State.SKIPPED, reason="not touched")
    return DiffResult(
        outcome=Outcome.SYNC_FAILED,
        reason="web could not be compared: broken",
        hint="fix it",
        applications=(broken, shop, skipped),
        revision="0123456789" * 4,
        job_name="argocd-diff",
        job_url="https://gitlab.example.com/shop/web/-/jobs/1",
        full_url=render.full_url("https://gitlab.example.com/shop/web/-/jobs/1", "argocd-diff"),
    )


def test_no_text_ends_the_block_of_the_comment() -> None:
    note = render.note(result(change()))

    fences = re.findall(r"^`{4,}(?:diff)?$", note, re.MULTILINE)
    assert len(fences) == 2
    assert fences[0] == f"{fences[1]}diff"
    assert not re.search(r"^\s*[/@]", note, re.MULTILINE)
    assert note.startswith("<!-- argocd-release-diff: argocd-diff -->")
    assert "artifacts/file/argocd-diff.diff" in note


def test_the_name_of_an_application_is_no_markup_in_the_title_of_a_block() -> None:
    """Argo CD sends the name, and only Kubernetes restricts it."""
    whole = result(change())
    hostile = replace(whole.applications[1], name="<img src=x>")
    note = render.note(replace(whole, applications=(hostile,)))

    (title,) = re.findall(r"<summary>(.*?)</summary>", note, re.DOTALL)
    assert "<img" not in title


def test_a_large_difference_is_cut_in_the_comment_and_complete_in_the_file() -> None:
    long = change(lines=tuple(f"+line {number} {'x' * 100}" for number in range(20_000)))
    whole = result(long)

    assert len(render.note(whole)) < render.NOTE_LIMIT + 5_000
    assert "more in the full diff" in render.note(whole)
    assert len(render.render_json(whole)) < render.REPORT_LIMIT * 1.3
    assert "line 19999" in render.patch(whole)
    assert len(render.log_lines(whole.applications[1], whole.revision, "argocd-diff.diff")) == render.LOG_LINES + 1


def test_the_page_runs_nothing() -> None:
    page = render.render_page(result(change()))

    assert "<script" not in page
    assert "<b>note" not in page
    assert "default-src &#39;none&#39;" in page


def test_the_files_agree() -> None:
    whole = result(change())

    Draft202012Validator(render.SCHEMA).validate(render.document(whole))
    cases = check_junit(render.render_junit(whole))
    assert len(cases) == 3
    assert render.summary(whole) == whole.reason
    assert list(render.table(whole.applications))[1].startswith("web          error: ")


def test_the_summary_of_a_success() -> None:
    empty = DiffResult(outcome=Outcome.DELIVERED, reason="")

    assert render.summary(empty) == "No application is affected."
    assert render.headline(empty) == "This merge request affects no application"


def test_the_headline_names_changes_and_failures() -> None:
    expected = "This merge request would change 1 application. Argo CD cannot compare 1 other application"
    assert render.headline(result(change())) == expected
    assert "This error does not keep Argo CD from syncing the other applications" in render.note(result(change()))


def test_the_headline_counts_dangerous_changes() -> None:
    dangerous = replace(change(), dangers=("ConfigMap/a would be deleted",))
    only = replace(result(dangerous), applications=result(dangerous).applications[1:])

    assert render.headline(only) == "This merge request would change 1 application, with 1 dangerous change"
    assert "This error does not keep Argo CD from syncing the other applications" not in render.note(only)
    assert render.full_url("", "x") == ""
    assert render.full_url("https://gitlab.example.com/j", "../x") == ""
