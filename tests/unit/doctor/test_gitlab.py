"""Test the doctor's check of the GitLab token."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from argocd_release.doctor import gitlab as checks
from argocd_release.messages import doctor
from argocd_release.settings.environment import JobEnvironment
from argocd_release.settings.load import Settings, load
from sandbox.git import Repository
from tests.support import gitlab_api
from tests.support.gitlab_api import GitLab

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])


@pytest.fixture
def gitlab(tmp_path: Path) -> Iterator[GitLab]:
    with gitlab_api.serving() as running:
        running.project("team/shop", Repository.create(tmp_path / "shop.git"))
        yield running


def settings(gitlab: GitLab, **environ: str) -> Settings:
    known = {
        "ARGOCD_SERVER": "argocd.example.com",
        "ARGOCD_AUTH_TOKEN": "eyJhbGciOiJIUzI1NiJ9",
        "ARGOCD_APP_NAME": "web",
    }
    known |= {"CI_API_V4_URL": gitlab.api, "CI_PROJECT_ID": "1", "CI_PROJECT_PATH": "team/shop"}
    known |= {"RELEASE_GITLAB_TOKEN": gitlab.token(), "RELEASE_REVERT": "merge-request"}
    return load(JobEnvironment(known | environ))


def codes(gitlab: GitLab, **environ: str) -> list[str]:
    seen = checks.readable(settings(gitlab, **environ))
    return [] if isinstance(seen, str) else [problem.code for problem in seen]


def test_a_token_that_suffices(gitlab: GitLab) -> None:
    known = settings(gitlab, RELEASE_COMMIT_STATUS="team/shop")
    assert checks.projects(known) == {"team/shop": "<RELEASE_COMMIT_STATUS>", "1": "<RELEASE_REVERT>"}
    assert checks.readable(known) == doctor.GITLAB_READABLE.fill(projects="team/shop, 1")


@pytest.mark.parametrize(
    ("environ", "code"),
    [
        ({"RELEASE_GITLAB_TOKEN": ""}, "gitlab-token-missing"),
        ({"RELEASE_GITLAB_TOKEN": "wrong"}, "gitlab-unreadable"),
        ({"RELEASE_REVERT_PROJECT": "team/other", "RELEASE_REVISION": "c" * 40}, "gitlab-unreadable"),
        ({"CI_API_V4_URL": "http://127.0.0.1:1/api/v4"}, "gitlab-unreadable"),
    ],
)
def test_a_token_that_does_not_suffice(gitlab: GitLab, environ: dict[str, str], code: str) -> None:
    assert codes(gitlab, **environ) == [code]


def test_a_token_that_only_reads(gitlab: GitLab) -> None:
    assert codes(gitlab, RELEASE_GITLAB_TOKEN=gitlab.token("read")) == ["gitlab-scope"]


def test_outside_of_gitlab_it_is_not_checked(gitlab: GitLab) -> None:
    assert checks.readable(settings(gitlab, CI_API_V4_URL="")) == doctor.GITLAB_OUTSIDE.fill()
