"""Test the settings of a preview, in which ``{tag}`` stands in the application's name."""

import pytest

from argocd_release.model.errors import NoPreviewError, SettingsError
from argocd_release.model.outcome import Outcome
from argocd_release.settings.environment import JobEnvironment
from argocd_release.settings.load import Settings, load

SHA, SOURCE = "a" * 40, "b" * 40
GIVEN = {
    "ARGOCD_SERVER": "argocd.example.com",
    "ARGOCD_AUTH_TOKEN": "eyJhbGciOiJIUzI1NiJ9.e30.c2ln",
    "ARGOCD_APP_NAME": "preview-{tag}",
    "CI_COMMIT_REF_NAME": "PROJ-123-description",
    "CI_COMMIT_SHA": SHA,
}


def loaded(**environ: str) -> Settings:
    return load(JobEnvironment(GIVEN | environ))


def test_a_preview_comes_later_and_runs_this_commit() -> None:
    known = loaded(
        RELEASE_TIMEOUT="900",
        RELEASE_SITE_URL="https://{tag}.preview.example.com",
        RELEASE_GITLAB_ENVIRONMENT="preview/{tag}",
    )
    assert known.app_name == "preview-proj-123"
    assert known.site_url == "https://proj-123.preview.example.com"
    assert known.gitlab_environment == "preview/proj-123"
    assert (known.revision, known.appear_timeout, known.expectation_grace) == (SHA, 900, 0)


def test_what_was_said_stands() -> None:
    known = loaded(RELEASE_APPEAR_TIMEOUT="60", RELEASE_REVISION="c" * 40, RELEASE_EXPECTATION_GRACE="45")
    assert (known.revision, known.appear_timeout, known.expectation_grace) == ("c" * 40, 60, 45)
    assert loaded(RELEASE_IMAGE="web:1").revision == ""


def test_of_a_merged_result_the_branchs_own_commit() -> None:
    known = loaded(
        CI_COMMIT_REF_NAME="main",
        CI_MERGE_REQUEST_SOURCE_BRANCH_NAME="PROJ-7",
        CI_MERGE_REQUEST_SOURCE_BRANCH_SHA=SOURCE,
    )
    assert (known.app_name, known.revision) == ("preview-proj-7", SOURCE)


def test_without_the_mark_nothing_changes() -> None:
    known = loaded(ARGOCD_APP_NAME="web", CI_COMMIT_REF_NAME="main")
    assert (known.revision, known.appear_timeout, known.expectation_grace) == ("", 0, 30)


@pytest.mark.parametrize("branch", ["main", "", "feature/PROJ-1"])
def test_a_branch_without_a_tag_has_an_outcome_of_its_own(branch: str) -> None:
    with pytest.raises(NoPreviewError) as caught:
        loaded(CI_COMMIT_REF_NAME=branch)
    assert caught.value.outcome is Outcome.NO_PREVIEW
    assert branch in str(caught.value)


@pytest.mark.parametrize(
    ("environ", "subject"),
    [
        ({"RELEASE_PREVIEW_PATTERN": "("}, "RELEASE_PREVIEW_PATTERN"),
        ({"RELEASE_URL_CHECK": "true"}, "RELEASE_URL_CHECK"),
        ({"RELEASE_URL_BODY": "abc123"}, "RELEASE_URL_BODY"),
        ({"RELEASE_URL_STATUS": "401"}, "RELEASE_URL_STATUS"),
        ({"RELEASE_URL_STATUS": "2xx or 3xx"}, "RELEASE_URL_STATUS"),
        ({"RELEASE_URL_SUCCESS_THRESHOLD": "3"}, "RELEASE_URL_SUCCESS_THRESHOLD"),
        ({"RELEASE_URL_SUCCESS_THRESHOLD": "0"}, "RELEASE_URL_SUCCESS_THRESHOLD"),
        ({"RELEASE_SITE_URL": "proj.example.com"}, "RELEASE_SITE_URL"),
        ({"ARGOCD_APP_NAME": "Preview_{tag}"}, "ARGOCD_APP_NAME"),
        ({"CI_COMMIT_REF_NAME": "main", "RELEASE_TIMEOUT": "soon"}, "RELEASE_TIMEOUT"),
    ],
)
def test_what_is_wrong_is_said_first(environ: dict[str, str], subject: str) -> None:
    with pytest.raises(SettingsError) as caught:
        loaded(**environ)
    assert subject in {problem.subject for problem in caught.value.problems}, caught.value.problems


def test_each_of_several_names_has_its_own_room_for_the_tag() -> None:
    known = loaded(
        ARGOCD_APP_NAME="web-{tag}, api-{tag}\nteam-a/worker-{tag}", CI_COMMIT_REF_NAME=f"PROJ-123-{'x' * 80}"
    )
    assert known.names == ("web-proj-123", "api-proj-123", "team-a/worker-proj-123")
    long = loaded(ARGOCD_APP_NAME=f"{'w' * 58}-{{tag}},api-{{tag}}").names
    assert long == (f"{'w' * 58}-proj", "api-proj-123")
