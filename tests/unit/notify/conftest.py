"""A GitLab that enforces its own rules, for the tests of the notifications."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from argocd_release.timing import GITLAB_PAUSE, SITE_PAUSE
from sandbox.git import Repository
from tests.support import gitlab_api
from tests.support.gitlab_api import GitLab, Project


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Repeat requests after a tenth of the real pauses. The pause of a Retry-After stays as it is."""
    monkeypatch.setattr("argocd_release.notify.gitlab_client.GITLAB_PAUSE", GITLAB_PAUSE / 10)
    monkeypatch.setattr("argocd_release.notify.site.SITE_PAUSE", SITE_PAUSE / 10)


@pytest.fixture
def gitlab() -> Iterator[GitLab]:
    with gitlab_api.serving() as running:
        yield running


@pytest.fixture
def project(gitlab: GitLab, tmp_path: Path) -> Project:
    return gitlab.project("team/shop", Repository.create(tmp_path / "shop.git"))
