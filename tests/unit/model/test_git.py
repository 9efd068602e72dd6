from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argocd_release.model.git import Access, GitUrl, web_address

PROJECT = "https://gitlab.example.com/group/web"
FORMS = [
    "https://gitlab.example.com/group/web",
    "https://gitlab.example.com/group/web.git",
    "https://gitlab.example.com:443/group/web.git/",
    "https://user:secret@GitLab.example.com/Group/Web.git",
    "http://gitlab.example.com/group/web.git",
    "git@gitlab.example.com:group/web.git",
    "gitlab.example.com:group/web",
    "ssh://git@gitlab.example.com:2222/group/web.git",
]
OTHERS = [
    "https://gitlab.example.com/group/web-config.git",
    "https://gitlab.example.com:8443/group/web.git",
    "https://example.com/group/web.git",
    "https://gitlab.example.com.evil.example/group/web.git",
    "git@github.com:group/web.git",
    "file:///group/web",
    "group/web",
    "",
    "https://user:secret@[::1/group/web",
    "https://user:[secret]@gitlab.example.com/group/web",
    "https://gitlab.example.com:port/group/web",
]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_the_same_repository(form: str) -> None:
    assert GitUrl.parse(form).is_same(GitUrl.parse(PROJECT))
    assert web_address(form, PROJECT) == PROJECT
    assert "secret" not in str(GitUrl.parse(form))


@pytest.mark.parametrize("other", OTHERS)
def test_another_repository(other: str) -> None:
    assert not GitUrl.parse(other).is_same(GitUrl.parse(PROJECT))
    assert web_address(other, "") == ""
    assert "secret" not in str(GitUrl.parse(other))


@pytest.mark.parametrize(
    ("repo_url", "address"),
    [
        ("git@gitlab.example.com:group/config.git", "https://gitlab.example.com/group/config"),
        ("https://user:secret@gitlab.example.com/group/con fig.git", "https://gitlab.example.com/group/con%20fig"),
        ("https://gitlab.example.com:8443/group/config.git", ""),
        ("https://github.com/group/config.git", ""),
        ("https://gitlab.example.com/", ""),
    ],
)
def test_where_another_repository_is_shown(repo_url: str, address: str) -> None:
    assert web_address(repo_url, PROJECT) == address


@pytest.mark.parametrize(
    ("repo_url", "token", "remote"),
    [
        ("", "", "https://gitlab-ci-token:job@gitlab.example.com/group/web.git"),
        (FORMS[5], "other", "https://gitlab-ci-token:job@gitlab.example.com/group/web.git"),
        ("git@gitlab.example.com:g/c.git", "", "https://gitlab-ci-token:job@gitlab.example.com/g/c.git"),
        ("http://gitlab.example.com/g/c", "", "https://gitlab-ci-token:job@gitlab.example.com/g/c.git"),
        ("https://u:p@gitlab.example.com/g/c.git", "t", "https://oauth2:t@gitlab.example.com/g/c.git"),
        ("https://gitlab.example.com:8443/g/c.git", "", "https://gitlab.example.com:8443/g/c.git"),
        ("https://github.com/g/c.git", "", "https://github.com/g/c.git"),
        ("https://u:p@github.com/g/c", "t@/:", "https://t%40%2F:@github.com/g/c"),
        ("https://github.com/g/c", "me:t@", "https://me:t%40@github.com/g/c"),
        ("http://github.com/g/c", "t", "http://github.com/g/c"),
        ("git@github.com:g/c.git", "", ""),
        ("git@github.com:g/c.git", "t", "https://oauth2:t@github.com/g/c.git"),
        ("file:///srv/c.git", "t", "file:///srv/c.git"),
        ("ext::sh -c id", "t", ""),
        ("-oProxyCommand=id", "t", ""),
    ],
)
def test_where_the_job_reads_a_repository(repo_url: str, token: str, remote: str) -> None:
    own = "https://gitlab-ci-token:job@gitlab.example.com/group/web.git"
    access = Access(clone=Path(), repository_url=own, project_url=PROJECT, git_token=token)
    assert access.remote(repo_url) == remote
    assert "job" not in repr(access)


@pytest.mark.parametrize("asked", ["http://gitlab.example.com/g/c", "git@gitlab.example.com:g/c.git"])
def test_the_git_token_is_only_sent_over_https(asked: str) -> None:
    own = "http://gitlab-ci-token:job@gitlab.example.com/group/web.git"
    access = Access(
        clone=Path(), repository_url=own, project_url="http://gitlab.example.com/group/web", git_token="u:secret"
    )
    assert access.remote(asked) == "http://gitlab-ci-token:job@gitlab.example.com/g/c.git"


def test_without_ci_the_repository_itself_is_read() -> None:
    assert Access(clone=Path()).remote("https://github.com/g/c") == "https://github.com/g/c"
    assert not Access(clone=Path()).is_own("https://github.com/g/c")


@given(st.text())
def test_no_address_is_a_crash(text: str) -> None:
    own = "https://gitlab-ci-token:job@gitlab.example.com/group/web.git"
    assert "job" not in web_address(text, PROJECT)
    remote = Access(clone=Path(), repository_url=own).remote(text)
    assert "job" not in remote or remote.startswith("https://gitlab-ci-token:job@gitlab.example.com/")
