"""Against real repositories, made and served by git itself."""

import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from argocd_release.ancestry import Ancestry
from argocd_release.application import Kinship, Relation
from sandbox.git import Repository

# Git's own server, on this machine.
pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

EVERYTHING = 100


class History:
    """Four commits in a row, and one beside the last two."""

    def __init__(self, folder: Path) -> None:
        self.repository = Repository.create(folder)
        self.first, self.second = (self.repository.commit({"file": text}) for text in ("1", "2"))
        self.repository.git("checkout", "--quiet", "-b", "other")
        self.other = self.repository.commit({"file": "other"})
        self.repository.git("checkout", "--quiet", "main")
        self.third, self.fourth = (self.repository.commit({"file": text}) for text in ("3", "4"))

    def clone(self, folder: Path, depth: int = EVERYTHING) -> Path:
        self.repository.git(
            "clone", "--quiet", f"--depth={depth}", "--no-single-branch", self.repository.url, str(folder)
        )
        return folder


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    return History(tmp_path_factory.mktemp("history") / "repository")


@pytest.fixture(scope="module")
def url(history: History) -> Iterator[str]:
    """The repository over HTTP, served by git itself, which can filter as GitLab can."""
    history.repository.git("config", "uploadpack.allowFilter", "true")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(GitOverHttp, history.repository.folder.parent)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://user:secret@127.0.0.1:{server.server_port}/{history.repository.folder.name}"
        server.shutdown()


class GitOverHttp(BaseHTTPRequestHandler):
    """``git http-backend`` speaks CGI (https://git-scm.com/docs/git-http-backend)."""

    def __init__(self, folder: Path, *arguments: Any) -> None:
        self.folder = folder
        super().__init__(*arguments)

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        size = int(self.headers.get("Content-Length") or 0)
        environ = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type") or "",
            "CONTENT_LENGTH": str(size),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding") or "",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol") or "",
        }
        answer = subprocess.run(
            ["git", "http-backend"], env=environ, input=self.rfile.read(size), capture_output=True, check=True
        ).stdout
        head, _, body = answer.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().splitlines())
        self.send_response(int(fields.pop("Status", "200").split()[0]))
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - http.server's names

    def log_message(self, *_: object) -> None:
        pass


def of(relation: Relation, commits: int = 0) -> Kinship:
    return Kinship(relation=relation, commits=commits)


def check(known: Ancestry, history: History) -> None:
    assert known.kinship(history.fourth, history.fourth) == of(Relation.SAME)
    assert known.kinship(history.fourth, history.second) == of(Relation.DESCENDANT, 2)
    assert known.kinship(history.fourth, history.second[:7]) == of(Relation.DESCENDANT, 2)
    assert known.kinship(history.second, history.fourth) == of(Relation.OLDER, 2)
    assert known.kinship(history.other, history.fourth) == of(Relation.DIVERGED)


def test_a_whole_clone_needs_no_network(history: History, tmp_path: Path) -> None:
    with Ancestry(history.clone(tmp_path / "clone"), "http://127.0.0.1:1/nowhere") as known:
        check(known, history)


def test_what_a_shallow_clone_lacks_is_fetched(history: History, url: str, tmp_path: Path) -> None:
    clone = history.clone(tmp_path / "clone", depth=1)
    before = sorted(file for file in clone.rglob("*"))
    with Ancestry(clone, url) as known:
        check(known, history)
    assert sorted(file for file in clone.rglob("*")) == before


def test_without_a_clone_all_is_fetched(history: History, url: str, tmp_path: Path) -> None:
    with Ancestry(tmp_path / "nothing", url) as known:
        check(known, history)


def test_a_revision_pushed_meanwhile_is_fetched_too(history: History, url: str, tmp_path: Path) -> None:
    clone = history.clone(tmp_path / "clone")
    with Ancestry(clone, url) as known:
        assert known.kinship(history.fourth, history.third) == of(Relation.DESCENDANT, 1)
        history.repository.git("checkout", "--quiet", "-b", "later", history.fourth)
        later = history.repository.commit({"file": "5"})
        history.repository.git("checkout", "--quiet", "main")
        assert known.kinship(later, history.third) == of(Relation.DESCENDANT, 2)


@pytest.mark.parametrize(
    ("url", "note"),
    [
        ("", "this job has no clone, and CI_REPOSITORY_URL is not set"),
        ("http://127.0.0.1:1/nowhere", "refused"),
        ("https://user:secret@127.0.0.1:1/nowhere", "127.0.0.1"),
    ],
)
def test_where_history_cannot_be_consulted_it_says_why(history: History, tmp_path: Path, url: str, note: str) -> None:
    with Ancestry(tmp_path / "nothing", url) as known:
        found = known.kinship(history.fourth, history.second)
    assert found.relation is Relation.UNKNOWN
    assert note in found.note
    assert "secret" not in found.note


def test_a_revision_of_another_repository_is_unknown(url: str, tmp_path: Path) -> None:
    with Ancestry(tmp_path / "nothing", url) as known:
        found = known.kinship("a" * 40, "b" * 40)
    assert found.relation is Relation.UNKNOWN


def test_a_server_that_never_answers_costs_a_limited_time(
    history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("argocd_release.ancestry.FETCH_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        with Ancestry(tmp_path / "nothing", f"http://127.0.0.1:{silent.getsockname()[1]}/x") as known:
            found = known.kinship(history.fourth, history.second)
    assert "no answer within" in found.note
    assert time.monotonic() - started < 3
