"""Test the detection of reverts with real commits of git."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from argocd_release.git import relation
from argocd_release.git.history import GitHistories
from argocd_release.model.git import Access, Relation, RevisionRelation, Source
from sandbox.git import Repository, committed
from sandbox.git_server import serving

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])
PATH = "apps/web"
IMAGE = f"{PATH}/image"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository.create(tmp_path / "repository")
    made.commit({IMAGE: "1", "other": "1"})
    return made


def ask(access: Access, revision: str, expected: str, path: str) -> RevisionRelation:
    with GitHistories(access, stop=threading.Event()) as known:
        return known.revision_relation(revision, expected, Source(repo_url="", path=path))


def head(repository: Repository) -> str:
    return repository.git("rev-parse", "HEAD").strip()


def related(repository: Repository, wanted: str, path: str = PATH) -> RevisionRelation:
    """Return the relation of HEAD to a commit, by a full clone and by a server, which must agree."""
    access = Access(clone=repository.folder)
    revision = head(repository)
    found = ask(access, revision, wanted, path=path)
    with serving(repository.folder.parent) as server:
        remote = Access(clone=repository.folder / "nothing", repository_url=server.url(repository))
        assert ask(remote, revision, wanted, path=path).relation is found.relation
    return found


def reverting(repository: Repository, revision: str) -> str:
    return committed(repository.git("revert", "--no-edit", revision))


def is_reverted(found: RevisionRelation, by: str = "") -> bool:
    return found.relation is Relation.REVERTED and found.by == by


def test_what_git_reverts(repository: Repository) -> None:
    wanted = repository.commit({IMAGE: "2"})
    repository.commit({"other": "2"})
    by = reverting(repository, wanted)
    assert is_reverted(related(repository, wanted), by)
    repository.commit({"other": "3"}, message="what has nothing to do with it")
    assert is_reverted(related(repository, wanted), by)


def test_a_revert_that_is_reverted_reverts_nothing(repository: Repository) -> None:
    wanted = repository.commit({IMAGE: "2"})
    again = reverting(repository, reverting(repository, wanted))
    assert related(repository, wanted).relation is Relation.DESCENDANT
    assert related(repository, wanted, path="nowhere").relation is Relation.DESCENDANT
    assert related(repository, wanted, path=".").relation is Relation.DESCENDANT
    reverting(repository, again)
    assert related(repository, wanted, path="nowhere").relation is Relation.REVERTED
    assert related(repository, wanted).relation is Relation.REVERTED


def test_what_is_picked_again_is_delivered(repository: Repository) -> None:
    wanted = repository.commit({IMAGE: "2"})
    reverting(repository, wanted)
    repository.git("cherry-pick", wanted)
    assert related(repository, wanted, path="nowhere").relation is Relation.DESCENDANT
    assert related(repository, wanted).relation is Relation.DESCENDANT


def test_a_pick_that_names_its_origin_is_the_commit_again(repository: Repository) -> None:
    """The command ``git cherry-pick -x`` adds a line to the message."""
    wanted = repository.commit({IMAGE: "2"})
    reverting(repository, wanted)
    repository.git("cherry-pick", "-x", wanted)
    assert related(repository, wanted, path="nowhere").relation is Relation.DESCENDANT
    assert related(repository, wanted).relation is Relation.DESCENDANT
    again = head(repository)
    by = reverting(repository, again)
    assert related(repository, wanted).relation is Relation.REVERTED
    assert is_reverted(related(repository, again), by)


def test_a_commit_landed_again_by_hand_with_another_change_is_delivered(repository: Repository) -> None:
    wanted = repository.commit({IMAGE: "2"})
    reverting(repository, wanted)
    repository.commit({IMAGE: "2", f"{PATH}/replicas": "3"}, message="land it again")
    assert related(repository, wanted).relation is Relation.DESCENDANT
    assert related(repository, wanted, path="").relation is Relation.DESCENDANT


def test_a_file_that_holds_its_lines_again_and_others_is_delivered(repository: Repository) -> None:
    repository.commit({IMAGE: "image: 1\nreplicas: 1\n"})
    wanted = repository.commit({IMAGE: "image: 2\nreplicas: 1\n"})
    by = reverting(repository, wanted)
    repository.commit({IMAGE: "image: 1\nreplicas: 4\n"}, message="more of it")
    clone = Access(clone=repository.folder)
    assert is_reverted(ask(clone, head(repository), wanted, path=PATH), by)
    repository.commit({IMAGE: "image: 2\nreplicas: 5\n"}, message="land it again")
    assert ask(clone, head(repository), wanted, path=PATH).relation is Relation.DESCENDANT


def test_a_revert_beside_another_change_is_a_revert(repository: Repository) -> None:
    """The folder differs from its earlier state, and no message mentions a revert.

    But the files that the commit changed have their earlier content again.
    """
    wanted = repository.commit({IMAGE: "2"})
    repository.commit({IMAGE: "1", f"{PATH}/replicas": "3"}, message="back to 1")
    assert is_reverted(related(repository, wanted))


def test_a_revert_of_one_of_two_files_is_none_unless_a_message_says_so(repository: Repository) -> None:
    wanted = repository.commit({IMAGE: "2", f"{PATH}/sub/replicas": "3"})
    repository.commit({IMAGE: "1"}, message="other image")
    assert related(repository, wanted).relation is Relation.DESCENDANT


def test_a_squash_that_quotes_a_revert_reverts_nothing(repository: Repository) -> None:
    wanted = repository.commit({IMAGE: "2"})
    quoted = f"A branch in one commit\n\n* Revert it\n\nThis reverts commit {wanted}.\n\n* Land it again"
    repository.commit({f"{PATH}/replicas": "3"}, message=quoted)
    assert related(repository, wanted).relation is Relation.DESCENDANT


def test_a_merge_request_of_another_project_is_another_one(repository: Repository) -> None:
    merged = "Merge branch 'a' into 'main'\n\nSee merge request group/web!12"
    wanted = repository.commit({IMAGE: "2"}, message=merged)
    repository.commit({"other": "2"}, message='Revert "a"\n\nThis reverts merge request group/other!12')
    assert related(repository, wanted, path="nowhere").relation is Relation.DESCENDANT
    assert related(repository, wanted).relation is Relation.DESCENDANT
    by = repository.commit({"other": "3"}, message='Revert "a"\n\nThis reverts merge request group/web!12')
    assert is_reverted(related(repository, wanted, path="nowhere"), by)


@pytest.mark.parametrize("path", [PATH, f"./{PATH}/", "apps", ".", ""])
def test_files_that_are_again_those_of_before(repository: Repository, path: str) -> None:
    """No message mentions a revert, because another pipeline writes the old tag."""
    wanted = repository.commit({IMAGE: "2"})
    repository.commit({IMAGE: "1"})
    assert is_reverted(related(repository, wanted, path))


def test_files_of_others_are_no_revert(repository: Repository) -> None:
    wanted = repository.commit({IMAGE: "2"})
    repository.commit({"other": "2"})
    repository.commit({"other": "1"})
    assert related(repository, wanted).relation is Relation.DESCENDANT
    unseen = repository.commit({"other": "3"})
    repository.commit({"other": "1"})
    assert related(repository, unseen).relation is Relation.DESCENDANT


def test_what_says_that_it_reverts_but_does_not(repository: Repository) -> None:
    wanted = repository.commit({IMAGE: "2"})
    repository.commit({"other": "2"}, message=f"Revert\n\nThis reverts commit {wanted}.")
    assert related(repository, wanted).relation is Relation.DESCENDANT


def test_a_merge_that_is_reverted_takes_along_what_it_brought(repository: Repository) -> None:
    repository.git("checkout", "--quiet", "-b", "topic")
    wanted = repository.commit({IMAGE: "2"})
    repository.commit({IMAGE: "3"})
    repository.git("checkout", "--quiet", "main")
    before = repository.commit({"other": "2"})
    repository.git("merge", "--quiet", "--no-ff", "--no-edit", "topic")
    merge = head(repository)
    by = committed(repository.git("revert", "--no-edit", "--mainline=1", merge))
    # The files of the commit have the content that they had before the whole branch.
    assert is_reverted(related(repository, wanted), by)
    assert is_reverted(related(repository, merge), by)
    assert related(repository, before).relation is Relation.DESCENDANT


def test_a_merge_request_that_gitlab_reverts(repository: Repository) -> None:
    wanted = repository.commit({IMAGE: "2"}, message="Merge branch 'a' into 'main'\n\nSee merge request group/web!42")
    another = repository.commit({"other": "2"}, message="Merge\n\nSee merge request group/web!4")
    by = repository.commit({IMAGE: "1"}, message='Revert "a"\n\nThis reverts merge request !42')
    assert is_reverted(related(repository, wanted), by)
    assert related(repository, another).relation is Relation.DESCENDANT


@pytest.mark.parametrize(
    "message",
    [
        "This reverts commit ",
        "This reverts commit deadbee",
        "  This reverts commit {wanted}",
        "See how 'This reverts commit {wanted}' is written",
        "This reverts commit {short}",
        "\n".join(["This reverts merge request " + "a" * 5000] * 20),
        "x" * 20_000 + "\nThis reverts commit {wanted}",
    ],
)
def test_messages_that_say_nothing_of_it(repository: Repository, message: str) -> None:
    wanted = repository.commit({IMAGE: "2"})
    repository.commit({IMAGE: "3"}, message=message.format(wanted=wanted, short=wanted[:6]))
    assert related(repository, wanted).relation is Relation.DESCENDANT


HOSTILE: list[Callable[[int], bytes]] = [
    lambda size: b"This reverts merge request " + b"a" * size,
    lambda size: b"\nThis reverts merge request a/b" * (size // 30),
    lambda size: b"See merge request !" * (size // 19),
    lambda size: b"This reverts commit " + b"a" * size,
    lambda size: b"\n" * size,
    lambda size: b"(cherry picked from commit " * (size // 27),
]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_message_takes_long(text: Callable[[int], bytes]) -> None:
    hostile = text(relation.MESSAGE_BYTES)
    for pattern in (relation._REVERTS, relation._MERGED, relation._PICKED):
        started = time.process_time()
        pattern.findall(hostile)
        assert time.process_time() - started < 0.01


def test_a_source_without_a_path_is_the_whole_repository() -> None:
    assert relation.parts(Source(repo_url="x").path) == []
    assert relation.parts("./apps//web/.") == ["apps", "web"]
