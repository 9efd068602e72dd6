"""The built site: whole, small, the same in both languages, and asking no other host for anything."""

import json
import os
import re
import shutil
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest
import yaml

from argocd_release.model.outcome import Outcome
from argocd_release.model.problem import CauseCode
from tests.docs.guide import SECTIONS
from tests.docs.pages import ENGLISH_ONLY, LANGUAGES, ROOT, Reader, built, included, names

MEGABYTE = 1_000_000


def test_it_is_small(site: Path) -> None:
    size = sum(file.stat().st_size for file in site.rglob("*") if file.is_file())
    print(f"the site has {size / MEGABYTE:.1f} MB")
    assert size <= 8 * MEGABYTE


@pytest.mark.parametrize("name", names())
def test_headings_have_the_same_anchors_in_both_languages(site: Path, name: str) -> None:
    english, russian = (built(site, language, name).headings for language in LANGUAGES)
    assert english
    assert english == russian


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) >= 2 * len(names())
    for page in pages:
        for address in Reader(page.read_text("utf-8")).loads:
            assert not re.match(r"\w*:?//", address), f"{page}: {address}"
    for sheet in site.rglob("*.css"):
        assert not re.search(r"url\([\"']?(https?:)?//", sheet.read_text("utf-8")), sheet


def test_every_section_of_the_guide_is_answered(site: Path) -> None:
    for section, answer in SECTIONS.items():
        name, _, anchor = answer.partition("#")
        for language in LANGUAGES:
            assert anchor in built(site, language, name).ids | {""}, section


@pytest.mark.parametrize("language", LANGUAGES)
def test_home_leads_to_every_way(site: Path, language: str) -> None:
    half = site if language == "en" else site / language
    home = (half / "index.html").read_text("utf-8")
    for page in ("what-to-expect", "notifications", "combined", "previews", "install", "without-catalog"):
        assert f'href="guides/{page}/"' in home, page


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_cause_and_exit_code_can_be_linked(site: Path, language: str) -> None:
    """The anchor that the job log links to exists once in both languages."""
    page = built(site, language, "troubleshooting.md")
    wanted = [code.word for code in CauseCode] + [f"exit-code-{outcome.exit_code}" for outcome in Outcome]
    assert [anchor for anchor in wanted if anchor not in page.ids] == []
    assert [anchor for anchor in set(page.all_ids) if page.all_ids.count(anchor) > 1] == []


def test_navigation_is_the_same_in_both_languages() -> None:
    def pages(config: str) -> list[str]:
        # The tag !ENV is MkDocs' own.
        text = (ROOT / config).read_text("utf-8").replace("!ENV", "")
        return re.findall(r"[\w/-]+\.md", json.dumps(yaml.safe_load(text)["nav"]))

    assert pages("mkdocs.yml") == pages("mkdocs.ru.yml")
    assert sorted(pages("mkdocs.yml")) == names()
    assert set(names()) >= ENGLISH_ONLY


def test_a_broken_link_fails_the_build(tmp_path: Path) -> None:
    for folder in ("docs/theme", "docs/en"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    for file in {path for _, path in included()} | {"mkdocs.yml"}:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    with (tmp_path / "docs" / "en" / "links.md").open("a") as page:
        page.write("\n[nowhere](guides/network.md#nowhere)\n")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "nowhere" in done.stderr


DESCRIPTION = re.compile(r'<meta name="description" content="([^"]*)">')
PICTURE = re.compile(r'<meta property="og:image" content="([^"]*)">')


def html(site: Path, language: str, name: str) -> str:
    half = site if language == "en" else site / language
    return (half / name.removesuffix("index.md").removesuffix(".md") / "index.html").read_text("utf-8")


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_page_describes_itself(site: Path, language: str) -> None:
    """Search engines and messengers show the description, so no two pages have the same."""
    described = {name: unescape(DESCRIPTION.findall(html(site, language, name))[0]) for name in names()}
    assert {name: words for name, words in described.items() if not 30 <= len(words) <= 165} == {}
    assert len(set(described.values())) == len(described)
    others = {name for name, words in described.items() if bool(re.search("[а-я]", words)) is not (language == "ru")}
    assert others == (ENGLISH_ONLY if language == "ru" else set())
    # An include would be a description of its file's name.
    assert not [name for name, words in described.items() if "--8<--" in words or words[0] in "`|#"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_link_to_a_page_has_a_preview(site: Path, language: str) -> None:
    for name in ("index.md", "guides/install.md"):
        page = html(site, language, name)
        half = site if language == "en" else site / language
        picture = (half / name.removesuffix("index.md").removesuffix(".md") / PICTURE.findall(page)[0]).resolve()
        assert picture.read_bytes().startswith(b"\x89PNG")
        assert '<meta property="og:title" content="' in page


def test_a_preview_has_a_whole_address_where_the_address_is_known(tmp_path: Path) -> None:
    environ = os.environ | {"CI_PAGES_URL": "https://docs.example.com"}
    command = [sys.executable, "-m", "mkdocs", "build", "--config-file", "mkdocs.ru.yml", "--site-dir", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, env=environ, check=True, capture_output=True, timeout=60)
    page = (tmp_path / "guides" / "install" / "index.html").read_text("utf-8")
    assert PICTURE.findall(page) == ["https://docs.example.com/assets/social.png"]


def test_a_missing_page_helps(site: Path) -> None:
    """GitLab Pages shows it for every address that does not exist, in both languages."""
    page = (site / "404.html").read_text("utf-8")
    article = page[page.index("<article") : page.index("</article>")]
    links = re.findall(r'href="/([^"#]*)"', article)
    assert "troubleshooting/" in links
    assert "ru/troubleshooting/" in links
    assert [link for link in links if not (site / link / "index.html").exists()] == []
    assert "Страница не найдена" in article
    assert "md-search__input" in page


def test_tasks_are_boxes(site: Path) -> None:
    page = html(site, "en", "guides/preflight.md")
    assert page.count('type="checkbox"') >= 20
    assert "[ ]" not in page


def test_the_benchmarks_page_is_there_once_there_are_benchmarks() -> None:
    """Then add `benchmarks.md` to `nav` in mkdocs.yml («Benchmarks») and mkdocs.ru.yml («Замеры»)."""
    assert ("benchmarks.md" in names()) is (ROOT / "docs" / "benchmark.json").exists()
