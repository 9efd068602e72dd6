"""Find the files of a merge request in real repositories."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from argocd_release.git.changed_files import changed_files
from argocd_release.model.git import Access
from sandbox.git import Repository


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    repository = Repository.create(tmp_path_factory.mktemp("changed") / "repository")
    repository.commit({"app/a.yaml": "1", "live/k.yaml": "path: ../base", "same/x": "1", "gone/y": "1"})
    repository.git("config", "uploadpack.allowFilter", "true")
    repository.git("config", "uploadpack.allowAnySHA1InWant", "true")
    return repository


@pytest.fixture(scope="module")
def commits(repository: Repository) -> tuple[str, str]:
    base = repository.git("rev-parse", "HEAD").strip()
    return base, repository.commit({"app/a.yaml": "2", "app/b.yaml": "1", "gone/y": None})


def test_the_changed_files_of_a_complete_clone(repository: Repository, commits: tuple[str, str]) -> None:
    with ExitStack() as stack:
        files = changed_files(Access(clone=repository.folder), *commits, stack)

        assert files.paths == frozenset({"app/a.yaml", "app/b.yaml", "gone/y"})
        assert files.refers_outside("live")
        assert not files.refers_outside("same")
        assert not files.refers_outside("nowhere")
        assert not files.refers_outside("app/a.yaml")


def test_a_commit_that_the_clone_does_not_contain_is_fetched(
    repository: Repository, commits: tuple[str, str], tmp_path: Path
) -> None:
    repository.git("clone", "--quiet", "--template=", "--depth=1", repository.url, str(tmp_path / "clone"))
    access = Access(clone=tmp_path / "clone", repository_url=repository.url)

    with ExitStack() as stack:
        files = changed_files(access, *commits, stack)

        assert files.why == ""
        assert files.paths == frozenset({"app/a.yaml", "app/b.yaml", "gone/y"})


def test_a_link_refers_outside(repository: Repository) -> None:
    (repository.folder / "linked").mkdir()
    (repository.folder / "linked" / "x").symlink_to("y")
    base = repository.git("rev-parse", "HEAD").strip()
    with ExitStack() as stack:
        files = changed_files(Access(clone=repository.folder), base, repository.commit({"z": "1"}), stack)

        assert files.refers_outside("linked")
        assert files.refers_outside("")


@pytest.mark.parametrize("url", ["", "file:///nowhere"])
def test_files_that_cannot_be_found_are_not_known(tmp_path: Path, url: str) -> None:
    with ExitStack() as stack:
        files = changed_files(Access(clone=tmp_path, repository_url=url), "1" * 40, "2" * 40, stack)

    assert files.paths is None
    assert files.why
    assert files.refers_outside("app")
