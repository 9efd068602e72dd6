"""Test the lookup of revisions with real repositories, which git creates and serves."""

import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from argocd_release.git.history import LAST_RETRY_SECONDS, RETRY_SECONDS, GitHistories
from argocd_release.messages import git_history as texts
from argocd_release.model.git import Access, Relation, RevisionRelation, Source
from sandbox.git import Repository
from sandbox.git_server import GitServer, serving
from tests.support.wording import fields_of, is_from

# The tests run git's own server on this machine.
pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

EVERYTHING = 100
NOBODY = threading.Event()


class History:
    """A repository with four commits in a row, and with one commit on another branch after the second."""

    def __init__(self, folder: Path) -> None:
        self.repository = Repository.create(folder)
        self.first, self.second = (self.repository.commit({"file": text}) for text in ("1", "2"))
        self.repository.git("checkout", "--quiet", "-b", "other")
        self.other = self.repository.commit({"file": "other"})
        self.repository.git("checkout", "--quiet", "main")
        self.third, self.fourth = (self.repository.commit({"file": text}) for text in ("3", "4"))

    def clone(self, folder: Path, depth: int = EVERYTHING) -> Path:
        self.repository.git(
            "clone",
            "--quiet",
            "--template=",
            f"--depth={depth}",
            "--no-single-branch",
            self.repository.url,
            str(folder),
        )
        return folder


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    return History(tmp_path_factory.mktemp("history") / "repository")


@pytest.fixture(scope="module")
def packed(history: History, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a clone in which git has packed all objects and references."""
    clone = history.clone(tmp_path_factory.mktemp("packed") / "clone")
    for command in (["repack", "-adq"], ["pack-refs", "--all"]):
        subprocess.run(["git", *command], cwd=clone, check=True)
    return clone


@pytest.fixture(scope="module")
def url(history: History) -> Iterator[str]:
    with serving(history.repository.folder.parent) as server:
        yield server.url(history.repository, "user:secret")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with serving(tmp_path) as running:
        yield running


@pytest.fixture
def config(tmp_path: Path) -> Repository:
    """Return a configuration repository with three commits to the folder of an application."""
    repository = Repository.create(tmp_path / "group" / "config.git")
    for tag in ("1", "2", "3"):
        repository.commit({"apps/web/image": tag, "apps/other/image": "1"}, message=f"web:{tag}")
    return repository


def of(relation: Relation, commits: int = 0) -> RevisionRelation:
    return RevisionRelation(relation=relation, commits=commits)


def ask(access: Access, revision: str, expected: str, repo_url: str = "", path: str = "") -> RevisionRelation:
    with GitHistories(access, stop=NOBODY) as known:
        return known.revision_relation(revision, expected, Source(repo_url=repo_url, path=path))


def commits(repository: Repository) -> list[str]:
    """Return the commits of the branch main, the oldest first."""
    return repository.git("rev-list", "--reverse", "main").split()


def check(access: Access, history: History) -> None:
    with GitHistories(access, stop=NOBODY) as known:
        assert known.revision_relation(history.fourth, history.fourth) == of(Relation.SAME)
        assert known.revision_relation(history.fourth, history.second) == of(Relation.DESCENDANT, 2)
        assert known.revision_relation(history.fourth, history.second[:7]) == of(Relation.DESCENDANT, 2)
        assert known.revision_relation(history.fourth[:8], history.second) == of(Relation.DESCENDANT, 2)
        assert known.revision_relation(history.second, history.fourth) == of(Relation.OLDER, 2)
        assert known.revision_relation(history.other, history.fourth) == of(Relation.DIVERGED)


def test_a_whole_clone_needs_no_network(history: History, tmp_path: Path) -> None:
    check(Access(clone=history.clone(tmp_path / "clone"), repository_url="http://127.0.0.1:1/nowhere"), history)


def test_what_a_shallow_clone_lacks_is_fetched(history: History, url: str, tmp_path: Path) -> None:
    clone = history.clone(tmp_path / "clone", depth=1)
    before = sorted(file for file in clone.rglob("*"))
    check(Access(clone=clone, repository_url=url), history)
    assert sorted(file for file in clone.rglob("*")) == before


def test_without_a_clone_all_is_fetched(history: History, url: str, tmp_path: Path) -> None:
    check(Access(clone=tmp_path / "nothing", repository_url=url), history)
    check(Access(clone=tmp_path / "nothing", repository_url=history.repository.url), history)


@pytest.mark.parametrize("short", [(8, 40), (40, 8), (8, 8)])
def test_a_short_revision_is_found_in_the_branches(
    history: History, url: str, tmp_path: Path, short: tuple[int, int]
) -> None:
    for revision, expected, relation in (
        (history.fourth, history.second, Relation.DESCENDANT),
        (history.second, history.fourth, Relation.OLDER),
        (history.other, history.fourth, Relation.DIVERGED),
    ):
        access = Access(clone=tmp_path / "nothing", repository_url=url)
        assert ask(access, revision[: short[0]], expected[: short[1]]).relation is relation


def test_a_revision_pushed_meanwhile_is_fetched_too(history: History, url: str, tmp_path: Path) -> None:
    clone = history.clone(tmp_path / "clone")
    with GitHistories(Access(clone=clone, repository_url=url), stop=NOBODY) as known:
        assert known.revision_relation(history.fourth, history.third) == of(Relation.DESCENDANT, 1)
        history.repository.git("checkout", "--quiet", "-b", "later", history.fourth)
        later = history.repository.commit({"file": "5"})
        history.repository.git("checkout", "--quiet", "main")
        assert known.revision_relation(later, history.third) == of(Relation.DESCENDANT, 2)


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("remote", ["clone", "http", "file"])
def test_an_annotated_tag_is_the_commit_that_it_is_put_on(
    history: History, url: str, tmp_path: Path, remote: str, *, nested: bool
) -> None:
    name = f"v-{remote}-{nested}"
    history.repository.git("tag", "--annotate", "--message=x", name, history.third)
    if nested:
        history.repository.git("tag", "--annotate", "--message=x", f"{name}-again", name)
        name = f"{name}-again"
    tag = history.repository.git("rev-parse", name).strip()
    assert tag != history.third
    access = {
        "clone": lambda: Access(clone=history.clone(tmp_path / "clone")),
        "http": lambda: Access(clone=tmp_path / "nothing", repository_url=url),
        "file": lambda: Access(clone=tmp_path / "nothing", repository_url=history.repository.url),
    }[remote]()
    assert ask(access, tag, history.third).relation is Relation.SAME
    assert ask(access, tag, history.third[:8]).relation is Relation.SAME
    assert ask(access, history.third, tag).relation is Relation.SAME
    assert ask(access, tag, history.first).relation is Relation.DESCENDANT


@pytest.mark.parametrize(
    ("url", "note"),
    [
        ("", texts.VARIABLE_MISSING.fill(reason=texts.NO_CLONE, variable="CI_REPOSITORY_URL")),
        ("http://127.0.0.1:1/nowhere", "refused"),
        ("https://user:secret@127.0.0.1:1/nowhere", "127.0.0.1"),
        ("https://user:secret@[::1/nowhere", "lacks"),
        ("nonsense", "lacks"),
        ("ssh://git@127.0.0.1/x", ""),
    ],
)
def test_where_history_cannot_be_consulted_it_says_why(history: History, tmp_path: Path, url: str, note: str) -> None:
    found = ask(Access(clone=tmp_path / "nothing", repository_url=url), history.fourth, history.second)
    assert found.relation is Relation.UNKNOWN
    assert not found.final
    assert note in found.note or "CI_REPOSITORY_URL" in found.note
    assert "secret" not in found.note


def test_a_revision_of_another_repository_is_unknown(url: str, tmp_path: Path) -> None:
    found = ask(Access(clone=tmp_path / "nothing", repository_url=url), "a" * 40, "b" * 40)
    assert found.relation is Relation.UNKNOWN


def test_a_server_that_never_answers_costs_a_limited_time(
    history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("argocd_release.git.history.ANSWER_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/x"
        started = time.monotonic()
        found = ask(Access(clone=tmp_path / "nothing", repository_url=url), history.fourth, history.second)
    assert texts.REPOSITORY_SILENT.fill(seconds="0") in found.note
    assert time.monotonic() - started < 3


def test_applications_that_ask_silent_servers_at_once_wait_no_longer_than_one(
    history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """H26: in a group the questions waited for each other, 15 s each."""
    monkeypatch.setattr("argocd_release.git.history.ANSWER_SECONDS", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        access = Access(clone=tmp_path / "nothing", repository_url=f"{address}/own")
        asked = [
            (revision, Source(repo_url=f"{address}/{name}"))
            for name in ("own", "other")
            for revision in (history.second, history.third, history.fourth)
        ]
        started = time.monotonic()
        with GitHistories(access, stop=NOBODY) as known, ThreadPoolExecutor(len(asked)) as pool:
            found = list(pool.map(lambda one: known.revision_relation(one[0], history.first, one[1]), asked))
        assert {each.relation for each in found} == {Relation.UNKNOWN}
        assert time.monotonic() - started < 2


def test_a_server_that_answers_does_not_wait_for_a_silent_one(
    history: History, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("argocd_release.git.history.ANSWER_SECONDS", 20.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hangs = Source(repo_url=f"http://127.0.0.1:{silent.getsockname()[1]}/x")
        access = Access(clone=tmp_path / "nothing", repository_url=url)
        stop = threading.Event()
        with GitHistories(access, stop=stop) as known, ThreadPoolExecutor(1) as pool:
            late = pool.submit(known.revision_relation, history.fourth, history.second, hangs)
            found = known.revision_relation(history.fourth, history.second, Source(repo_url=url))
            assert not late.done()
            stop.set()
    assert found == of(Relation.DESCENDANT, 2)


def test_who_is_told_to_stop_waits_no_longer(history: History, tmp_path: Path) -> None:
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/x"
        threading.Timer(0.3, stop.set).start()
        started = time.monotonic()
        with GitHistories(Access(clone=tmp_path / "nothing", repository_url=url), stop=stop) as known:
            assert known.revision_relation(history.fourth, history.second).relation is Relation.UNKNOWN
    assert time.monotonic() - started < 1.3


def test_what_takes_long_is_there_for_a_later_question(
    history: History, tmp_path: Path, server: GitServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("argocd_release.git.history.ANSWER_SECONDS", 0.0)
    history.clone(tmp_path / "slow")
    url = server.url(Repository(folder=tmp_path / "slow"))
    server.answering.clear()
    with GitHistories(Access(clone=tmp_path / "nothing", repository_url=url), stop=NOBODY) as known:
        assert known.revision_relation(history.fourth, history.second).relation is Relation.UNKNOWN
        server.answering.set()
        monkeypatch.setattr("argocd_release.git.history.ANSWER_SECONDS", 10.0)
        assert known.revision_relation(history.fourth, history.third) == of(Relation.DESCENDANT, 1)
        assert known.revision_relation(history.fourth, history.second) == of(Relation.DESCENDANT, 2)


def test_a_failed_fetch_is_repeated_after_a_while(history: History, tmp_path: Path, server: GitServer) -> None:
    now = 0.0
    history.clone(tmp_path / "served")
    access = Access(clone=tmp_path / "nothing", repository_url=server.url(Repository(folder=tmp_path / "served")))
    server.down = True
    with GitHistories(access, stop=NOBODY, now=lambda: now) as known:
        question = (history.fourth, history.second)
        assert "500" in known.revision_relation(*question).note
        asked = len(server.seen)
        assert "500" in known.revision_relation(*question).note
        assert len(server.seen) == asked
        now += RETRY_SECONDS
        assert "500" in known.revision_relation(*question).note
        assert len(server.seen) > asked
        now += LAST_RETRY_SECONDS
        server.down = False
        assert known.revision_relation(*question) == of(Relation.DESCENDANT, 2)
        asked = len(server.seen)
        assert known.revision_relation(*question) == of(Relation.DESCENDANT, 2)
        assert len(server.seen) == asked


def _extension(clone: Path) -> None:
    subprocess.run(["git", "config", "core.repositoryFormatVersion", "1"], cwd=clone, check=True)
    subprocess.run(["git", "config", "extensions.preciousObjects", "true"], cwd=clone, check=True)


def _version(clone: Path) -> None:
    subprocess.run(["git", "config", "core.repositoryFormatVersion", "2"], cwd=clone, check=True)


def _rewritten(pattern: str, content: bytes) -> Callable[[Path], None]:
    def rewrite(clone: Path) -> None:
        for file in clone.glob(pattern):
            file.chmod(0o644)
            file.write_bytes(content)

    return rewrite


def _loose(clone: Path) -> None:
    packs = [file.rename(clone / file.name) for file in clone.glob(".git/objects/pack/*.pack")]
    for file in clone.glob(".git/objects/pack/*"):
        file.unlink()
    for pack in packs:
        subprocess.run(["git", "unpack-objects", "-q"], input=pack.read_bytes(), cwd=clone, check=True)
    for file in clone.glob(".git/objects/??/*"):
        file.chmod(0o644)
        file.write_bytes(b"damaged")


@pytest.mark.parametrize(
    "damage",
    [
        _extension,
        _version,
        _loose,
        _rewritten(".git/objects/pack/*.idx", b"\xfftOc\x00\x00\x00\x02"),
        _rewritten(".git/objects/pack/*.idx", b""),
        _rewritten(".git/objects/pack/*.pack", b"PACK\x00\x00\x00\x02\x00\x00\x00\x09"),
        _rewritten(".git/objects/pack/*.pack", b"JUNK" * 100),
        _rewritten(".git/config", b"[core\n\xff"),
        _rewritten(".git/config", b""),
        _rewritten(".git/HEAD", b"\xff\x00"),
        _rewritten(".git/packed-refs", b"\xff\x00 nonsense"),
    ],
)
@pytest.mark.parametrize("served", [False, True])
def test_a_damaged_or_unusual_clone_is_no_crash(
    history: History, url: str, packed: Path, tmp_path: Path, damage: Callable[[Path], None], *, served: bool
) -> None:
    clone = shutil.copytree(packed, tmp_path / "clone")
    damage(clone)
    found = ask(Access(clone=clone, repository_url=url if served else ""), history.fourth, history.second)
    assert found.relation is Relation.DESCENDANT or (not served and found.note)


def test_the_repository_that_argo_cd_reads_is_asked(history: History, config: Repository, tmp_path: Path) -> None:
    """The job's project contains the code, and the revisions are commits of the configuration."""
    access = Access(clone=history.clone(tmp_path / "clone"), repository_url=history.repository.url)
    first, second, third = commits(config)
    assert ask(access, third, first, config.url, "apps/web") == of(Relation.DESCENDANT, 2)
    assert ask(access, first, second, config.url, "apps/web") == of(Relation.OLDER, 1)


def test_the_jobs_token_reads_another_repository_of_the_same_gitlab(
    history: History, config: Repository, tmp_path: Path, server: GitServer
) -> None:
    server.account = "gitlab-ci-token:job-token"
    own = f"http://{server.account}@localhost:{server.port}/group/code.git"
    first, _, third = commits(config)
    access = Access(clone=history.clone(tmp_path / "clone"), repository_url=own)
    for repo_url in (server.url(config), "git@localhost:group/config.git", "ssh://git@localhost:2222/group/config"):
        assert ask(access, third, first, repo_url) == of(Relation.DESCENDANT, 2)


def test_the_jobs_token_is_sent_to_its_own_gitlab_alone(config: Repository, tmp_path: Path, server: GitServer) -> None:
    own = "https://gitlab-ci-token:job-token@gitlab.example.com/group/code.git"
    first, _, third = commits(config)
    access = Access(clone=tmp_path / "nothing", repository_url=own, git_token="user:git-token")
    assert ask(access, third, first, server.url(config)) == of(Relation.DESCENDANT, 2)
    assert set(server.seen) == {""}, "nor is the other, in the clear"


@pytest.mark.parametrize(
    ("token", "account"), [("git-token", "oauth2:git-token"), ("deploy:git/token", "deploy:git/token")]
)
def test_the_git_token_reads_a_repository_elsewhere(
    config: Repository, tmp_path: Path, authority: Path, token: str, account: str
) -> None:
    first, _, third = commits(config)
    own = "https://gitlab-ci-token:job-token@gitlab.example.com/group/code.git"
    with serving(tmp_path, account=account, certificate=authority / "server.pem") as server:
        access = Access(
            clone=tmp_path / "nothing", repository_url=own, git_token=token, git_ca_file=str(authority / "ca.pem")
        )
        assert ask(access, third, first, server.url(config)) == of(Relation.DESCENDANT, 2)
        assert set(server.seen) == {account}


def test_a_private_authority_is_trusted_where_gitlab_names_it(
    history: History, tmp_path: Path, authority: Path
) -> None:
    history.clone(tmp_path / "served")
    with serving(tmp_path, certificate=authority / "server.pem") as server:
        url = server.url(Repository(folder=tmp_path / "served"))
        named = Access(clone=tmp_path / "nothing", repository_url=url, git_ca_file=str(authority / "ca.pem"))
        assert ask(named, history.fourth, history.second) == of(Relation.DESCENDANT, 2)
        for ca_file in ("", str(tmp_path / "not-there")):
            found = ask(replace(named, git_ca_file=ca_file), history.fourth, history.second)
            assert found.relation is Relation.UNKNOWN
            assert ("certificate verify failed" if not ca_file else "FileNotFoundError") in found.note


@pytest.mark.parametrize(
    ("repo_url", "why"),
    [
        ("ssh://git@git.example.com/group/config.git", texts.NO_REPOSITORY_ADDRESS),
        ("https://localhost:1/group/config.git", "refused"),
        ("http://user:secret@localhost:1/group/config.git", "refused"),
        ("\x1b[31mnonsense", texts.NO_REPOSITORY_ADDRESS),
    ],
)
def test_a_repository_that_cannot_be_asked_is_said_at_once(
    history: History, tmp_path: Path, repo_url: str, why: str
) -> None:
    access = Access(clone=tmp_path / "nothing", repository_url=history.repository.url)
    found = ask(access, "a" * 40, history.fourth, repo_url)
    assert found.relation is Relation.UNKNOWN
    assert found.final
    assert why in found.note
    assert is_from(found.note, texts.OTHER_HISTORY_UNREAD)
    assert "secret" not in found.note
    assert "\x1b" not in found.note


@pytest.mark.parametrize("length", [8, 40])
def test_a_commit_of_another_repository_is_said_at_once(
    history: History, config: Repository, tmp_path: Path, length: int
) -> None:
    access = Access(clone=history.clone(tmp_path / "clone"), repository_url=history.repository.url)
    found = ask(access, commits(config)[-1], history.fourth[:length], config.url)
    assert found.relation is Relation.UNKNOWN
    assert found.final
    fields = fields_of(found.note, texts.COMMIT_ELSEWHERE)
    assert fields is not None
    assert fields["commit"] == history.fourth[:length][:12]
    assert fields["repository"].endswith("group/config")


def test_a_mirror_that_only_argo_cd_reaches_is_known_by_its_commits(history: History, tmp_path: Path, url: str) -> None:
    elsewhere = "https://localhost:1/mirror.git"
    for access in (
        Access(clone=history.clone(tmp_path / "clone"), repository_url="http://localhost:1/code.git"),
        Access(clone=tmp_path / "nothing", repository_url=url),
    ):
        assert ask(access, history.fourth, history.second, elsewhere) == of(Relation.DESCENDANT, 2)
