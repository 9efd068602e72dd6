"""The lock installs: with each Python, into an empty environment without caches, and through a mirror of PyPI."""

import os
import re
import shutil
import ssl
import subprocess
import sys
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support import missing

ROOT = Path(__file__).parents[2]
VERSIONS = ("3.11", "3.12", "3.13", "3.14")
PROJECT = ("pyproject.toml", "uv.lock", "bin", "plugin", "README.md", "LICENSE", "NOTICE")
INSTALL = "import dev_environment as e; e.ensure({groups!r})"
# Nothing of this machine's user but how it reaches an index; nothing that is cached.
EMPTY = {"PIP_NO_CACHE_DIR": "1", "UV_NO_CACHE": "1"}
INDEX = "https://pypi.org/simple"


def interpreter(version: str) -> str:
    """Return a Python of that version, or an empty text. pyenv keeps versions that its configuration does not select."""
    on_path = shutil.which(f"python{version}")
    candidates = [on_path] if on_path else []
    for program in [*candidates]:
        if (versions := Path(program).parents[1] / "versions").is_dir():
            candidates += [str(path) for path in sorted(versions.glob(f"{version}.*/bin/python{version}"))]
    for candidate in candidates:
        if subprocess.run([candidate, "-c", "import ensurepip"], capture_output=True, check=False).returncode == 0:
            return candidate
    return ""


def install(python: str, folder: Path, *groups: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Do what bin/dev does first, in a copy of the project that has no `.venv`."""
    for name in PROJECT:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    (folder / "home").mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
    return subprocess.run(
        [python, "-c", INSTALL.format(groups=groups)],
        cwd=folder / "bin",
        env=kept | EMPTY | {"HOME": str(folder / "home")} | environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )


@pytest.mark.timeout(700)
@pytest.mark.parametrize("version", VERSIONS)
def test_the_whole_lock_installs_and_lacks_nothing(version: str, tmp_path: Path) -> None:
    python = interpreter(version)
    if not python:
        why, how = f"there is no Python {version} with ensurepip", f"pyenv install {version}"
        missing.skip(why, f"install Python {version} with ensurepip: {how}", in_ci=True)
    done = install(python, tmp_path, "lint", "test", "sandbox", "docs", "e2e", "upkeep")
    assert done.returncode == 0, done.stdout
    programs = tmp_path / ".venv" / "bin"
    # The packages are installed without their dependencies: all of these must be in the lock.
    checked = subprocess.run([programs / "python", "-m", "pip", "check"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout
    licenses = [str(programs / "python"), "-m", "piplicenses"]
    allowed = subprocess.run(licenses, cwd=ROOT, capture_output=True, text=True, check=False)
    assert allowed.returncode == 0, allowed.stderr
    told = subprocess.run([programs / "python", "--version"], capture_output=True, text=True, check=True).stdout
    assert told.startswith(f"Python {version}.")
    assert subprocess.run([programs / "argocd-release", "--version"], capture_output=True, check=True).stdout


class Mirror(BaseHTTPRequestHandler):
    """A mirror of the index that this machine uses: pages with links to files of its own address."""

    links: dict[str, str]

    def do_GET(self) -> None:
        kind, _, rest = self.path.removeprefix("/").partition("/")
        address = f"{INDEX}/{rest}" if kind == "simple" else self.links.get(self.path, "")
        if not address:
            self.send_error(404)
            return
        request = urllib.request.Request(address, headers={"Accept": "text/html"})  # noqa: S310 - https, of the index
        with urllib.request.urlopen(request, timeout=60, context=ssl.create_default_context()) as response:  # noqa: S310
            content = response.read()
        if kind == "simple":
            content = re.sub(r'href="([^"#]+)', partial(self._own, address), content.decode()).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html" if kind == "simple" else "application/octet-stream")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _own(self, page: str, found: re.Match[str]) -> str:
        address = urllib.parse.urljoin(page, found[1])
        own = f"/files/{address.rpartition('/')[2]}"
        self.links[own] = address
        return f'href="{own}'

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the library's
        """Keep quiet."""


@pytest.fixture
def mirror() -> Iterator[str]:
    handler = type("MirrorOfOneTest", (Mirror,), {"links": {}})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/simple/"
        server.shutdown()


# A proxy at which nothing listens: whatever does not ask the mirror fails at once.
ONLY_THE_MIRROR = {
    **dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy", "ALL_PROXY"), "http://127.0.0.1:9"),
    **dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1"),
    "UV_HTTP_RETRIES": "0",
    "PIP_RETRIES": "0",
}


def test_with_a_mirror_in_pips_variable_nothing_else_is_asked(tmp_path: Path, mirror: str) -> None:
    done = install(sys.executable, tmp_path, PIP_INDEX_URL=mirror, **ONLY_THE_MIRROR)
    assert done.returncode == 0, done.stdout


def test_with_a_mirror_in_pips_file_nothing_else_is_asked(tmp_path: Path, mirror: str) -> None:
    file = tmp_path / "pip.conf"
    file.write_text(f"[global]\nindex-url = {mirror}\n")
    done = install(sys.executable, tmp_path, PIP_CONFIG_FILE=str(file), **ONLY_THE_MIRROR)
    assert done.returncode == 0, done.stdout


def test_without_an_index_it_fails_and_says_at_what(tmp_path: Path) -> None:
    done = install(sys.executable, tmp_path, **ONLY_THE_MIRROR)
    assert done.returncode == 1
    assert "bin/dev: installing uv failed:" in done.stdout
