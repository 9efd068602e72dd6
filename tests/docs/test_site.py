"""The site builds strictly, from files that other tests run, and asks no other host for anything."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.gitlab_ci_local import EXAMPLES, ROOT

MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def test_the_site_is_small_and_whole(site: Path) -> None:
    assert sum(file.stat().st_size for file in site.rglob("*") if file.is_file()) <= 8 * MEGABYTE
    assert "RELEASE FAILED" in (site / "index.html").read_text("utf-8")
    assert "ARGOCD_AUTH_TOKEN" in (site / "reference" / "settings" / "index.html").read_text("utf-8")


def test_no_page_asks_another_host_for_anything(site: Path) -> None:
    for page in site.rglob("*.html"):
        loaded = re.findall(
            r"<(?:script|img|iframe|link)[^>]+(?:src|href)=[\"']?(https?://[^\"' >]+)", page.read_text("utf-8")
        )
        assert loaded == [], page


def test_every_example_has_its_place(site: Path) -> None:
    del site
    shown = (ROOT / "docs" / "examples.md").read_text("utf-8")
    for file in EXAMPLES.glob("*.yml"):
        assert f'--8<-- "component/examples/{file.name}"' in shown


def test_no_yaml_is_typed_into_a_page() -> None:
    for page in (ROOT / "docs").rglob("*.md"):
        for block in re.findall(r"```(?:yaml|sh|text)\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
            assert block.startswith("--8<-- "), page
