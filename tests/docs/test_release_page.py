"""The page in Debian's Chromium: light and dark, on a phone and a desk, accessible, and with hostile text."""

import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from argocd_release.reports.page import render
from tests.support.hostile import HOSTILE, MARKUP
from tests.support.reports import application, report

PHONE, DESK = {"width": 360, "height": 740}, {"width": 1280, "height": 900}
WORST = " ".join([*MARKUP, *(text for text in HOSTILE if isinstance(text, str) and len(text) < 1000)])
REPORTS = {
    "green": report(application()),
    "red": report(application(outcome="degraded")),
    "status unknown": report(outcome="settings"),
    "hostile": report(application(outcome="degraded", text=WORST)),
    "many": report(
        application("bad", "degraded", seconds=91),
        application("worse", "sync-failed", text=WORST),
        *(application(f"shop-{number}", seconds=5 + number % 40) for number in range(40)),
    ),
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # A root user has no other way, and nothing but our own pages is opened.
        running = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield running
        running.close()


class Reading:
    """The page of a report, open, and whatever it did that it should not have."""

    def __init__(self, page: Page, file: Path) -> None:
        self.page = page
        self.wrong: list[str] = []
        page.on("console", lambda message: self.wrong.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        page.on("dialog", lambda dialog: self.wrong.append(f"dialog: {dialog.message}"))
        page.on("request", lambda request: self.wrong.append(request.url) if request.url != file.as_uri() else None)
        page.goto(file.as_uri())

    def unfold(self) -> None:
        self.page.locator("details").evaluate_all("all => all.forEach(each => { each.open = true })")

    def unreadable(self) -> list[str]:
        """Return axe's findings, after unfolding all folded parts."""
        self.unfold()
        found = Axe().run(self.page).response["violations"]
        return [f"{each['id']}: {node['html'][:120]}" for each in found for node in each["nodes"]]


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    made = {name: tmp_path / f"{name}.html" for name in REPORTS}
    for name, file in made.items():
        file.write_text(render(REPORTS[name]), "utf-8")
    return made


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_read_it(browser: Browser, files: dict[str, Path], scheme: Literal["light", "dark"]) -> None:
    problems: list[str] = []
    for name, file in files.items():
        for size in (PHONE, DESK):
            page = browser.new_page(viewport=size, color_scheme=scheme)
            reading = Reading(page, file)
            wider = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            told = [*reading.wrong, *([f"{wider} px wider than the screen"] if wider > 0 else [])]
            # Axe is a script, which the policy must block. So it runs on a page without a policy.
            problems += [f"{name}, {size['width']}: {problem}" for problem in told]
            page.close()
        context = browser.new_context(viewport=PHONE, color_scheme=scheme, bypass_csp=True)
        problems += [f"{name}: {problem}" for problem in Reading(context.new_page(), file).unreadable()]
        context.close()
    assert problems == []


def test_hostile_text_is_only_text(browser: Browser, files: dict[str, Path]) -> None:
    for name in ("hostile", "many"):
        # Even where the policy is not there to help.
        context = browser.new_context(viewport=DESK, bypass_csp=True)
        reading = Reading(context.new_page(), files[name])
        title = reading.page.title()
        reading.unfold()
        reading.page.locator("td, li, summary").evaluate_all(
            "all => all.forEach(each => each.dispatchEvent(new MouseEvent('mouseover', {bubbles: true})))"
        )
        assert reading.page.title() == title
        assert reading.wrong == []
        assert (
            reading.page.locator("script, img, iframe, form, input:not([type=radio]), base, link, object").count() == 0
        )
        assert reading.page.locator("main").is_visible()
        assert "<script>document.title" in reading.page.locator("main").inner_text()
        context.close()


def test_the_policy_stops_what_would_get_through(browser: Browser, tmp_path: Path) -> None:
    """Were the escaping to fail one day: the same words, not escaped."""
    file = tmp_path / "unescaped.html"
    loads = "<img src='data:image/gif;base64,R0lGODlhAQABAAAAACw=' onload='document.title=1'>"
    harm = "<script>document.title='owned'</script><style>main{display:none}</style>" + loads
    file.write_text(render(REPORTS["red"]).replace("<main>", f"<main>{harm}"), "utf-8")
    page = browser.new_page(viewport=DESK)
    reading = Reading(page, file)
    page.wait_for_timeout(300)
    assert page.title().startswith("Release failed")
    assert page.locator("main").is_visible()
    assert any("Content Security Policy" in text for text in reading.wrong)
    page.close()


def test_an_unreadable_page_is_noticed(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "pale.html"
    pale = render(REPORTS["green"]).replace("--soft:#565d6d", "--soft:#d0d3da").replace("<html lang=en>", "<html>")
    file.write_text(pale, "utf-8")
    context = browser.new_context(viewport=DESK, color_scheme="light", bypass_csp=True)
    found = " ".join(Reading(context.new_page(), file).unreadable())
    assert "html-has-lang" in found
    assert "color-contrast" in found
    context.close()


def test_the_timeline_is_drawn(browser: Browser, files: dict[str, Path]) -> None:
    page = browser.new_page(viewport=DESK)
    Reading(page, files["red"])
    widths: list[float] = page.locator("svg.track rect").evaluate_all(
        "bars => bars.map(bar => bar.getBoundingClientRect().width)"
    )
    assert len(widths) >= 6
    assert all(width > 0 for width in widths)
    # Each bar is also a text: the state, the duration, the beginning and the end.
    lanes = page.locator("ul.lanes li:not([aria-hidden])").all_inner_texts()[1:]
    assert lanes
    assert all(re.search(r"\d+\.\d s\s+\d+\.\d–\d+\.\d", lane) for lane in lanes), lanes
    page.close()


def test_a_click_changes_the_language(browser: Browser, files: dict[str, Path]) -> None:
    page = browser.new_page(viewport=PHONE)
    reading = Reading(page, files["red"])
    main = page.locator("main")
    assert "Timeline" in main.inner_text()
    assert "Хронология" not in main.inner_text()
    page.get_by_text("Русский").click()
    assert "Хронология" in main.inner_text()
    assert "Timeline" not in main.inner_text()
    page.keyboard.press("ArrowLeft")
    assert "Timeline" in main.inner_text(), "the keyboard switches too"
    assert reading.wrong == []
    page.close()


@pytest.mark.parametrize("width", [360, 390, 1280])
@pytest.mark.parametrize("language", ["English", "Русский"])
def test_nothing_is_cut_off(browser: Browser, files: dict[str, Path], width: int, language: str) -> None:
    cut: list[str] = []
    for name, file in files.items():
        page = browser.new_page(viewport={"width": width, "height": 800})
        reading = Reading(page, file)
        page.get_by_text(language).click()
        reading.unfold()
        wider: list[str] = page.locator("body *:visible").evaluate_all(
            "all => all.filter(each => each.scrollWidth > each.clientWidth + 1 && each.clientWidth)"
            ".map(each => each.outerHTML.slice(0, 90))"
        )
        outside: list[str] = page.locator("main *:visible").evaluate_all(
            "all => all.filter(each => each.getBoundingClientRect().right > innerWidth + 1)"
            ".map(each => each.outerHTML.slice(0, 90))"
        )
        cut += [f"{name}: {each}" for each in [*wider, *outside]]
        page.close()
    assert cut == []


def test_paper_shows_everything_in_dark_ink(browser: Browser, files: dict[str, Path]) -> None:
    page = browser.new_page(viewport=DESK, color_scheme="dark")
    Reading(page, files["red"])
    page.emulate_media(media="print")
    assert not page.get_by_text("Русский").is_visible()
    table = page.locator("details table").first
    height = table.evaluate("table => table.getBoundingClientRect().height")
    assert height > 0, "folded evidence is printed too"
    colour = page.evaluate("getComputedStyle(document.body).color")
    assert max(map(int, re.findall(r"\d+", colour)[:3])) < 80, colour
    page.close()


def test_the_html_needs_no_repair(browser: Browser, files: dict[str, Path]) -> None:
    """Compare the tags of the file with the browser's document: a repair would move, add or drop an element."""

    class Tags(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.names: list[str] = []

        def handle_starttag(self, tag: str, _: list[tuple[str, str | None]]) -> None:
            self.names.append(tag)

    for name, file in files.items():
        written = Tags()
        written.feed(file.read_text("utf-8"))
        page = browser.new_page(viewport=DESK)
        page.goto(file.as_uri())
        parsed = page.evaluate("[...document.querySelectorAll('*')].map(each => each.localName)")
        ids = page.evaluate("[...document.querySelectorAll('[id]')].map(each => each.id)")
        page.close()
        assert parsed == written.names, name
        assert len(ids) == len(set(ids)), name
