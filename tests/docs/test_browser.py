"""The site as people use it, in Debian's Chromium: one browser, one server on this machine."""

import functools
import gzip
import http.server
import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, cast

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Request, ViewportSize, sync_playwright

from tests.docs.pages import LANGUAGES, names

PHONE: ViewportSize = {"width": 360, "height": 740}
DESK: ViewportSize = {"width": 1280, "height": 900}
KILOBYTE = 1000
# The words that people type, and the page that must be among the first three.
WORDS = {
    "en": {
        "upgrade": "/guides/upgrade/",
        "license": "/license/",
        "macos": "/faq/",
        "out of memory": "/faq/",
        "slack": "/faq/",
        "merge request": "/guides/merge-requests/",
    },
    "ru": {
        "обновление": "/guides/upgrade/",
        "лицензия": "/license/",
        "память": "/faq/",
        "macos": "/faq/",
        "мерж": "/faq/",
        "merge request": "/guides/merge-requests/",
    },
}
# The commonest messages, each as a person would paste it, and the section that must be found first.
MESSAGES = {
    "permission denied: projects, get": "permission-denied-projects-get",
    "CrashLoopBackOff": "crashloopbackoff",
    "ImagePullBackOff": "imagepullbackoff",
    "x509: certificate signed by unknown authority": "x509-certificate-signed-by-unknown-authority",
    "connection refused": "connection-refused",
    "invalid session: Token is expired": "invalid-session-token-is-expired",
    "ARGOCD_AUTH_TOKEN is not set": "argocd_auth_token-is-not-set",
    "app path does not exist": "app-path-does-not-exist",
    "exceeded quota": "exceeded-quota",
    "it has no automated sync policy": "it-has-no-automated-sync-policy",
    "no pod runs the image": "no-pod-runs-the-image",
}
# Words of people, and the page that must be among the first.
RUSSIAN = {
    "недоступный образ": "/what-the-developer-sees/",
    "принудительный sync": "/troubleshooting/",
    "отозвали": "/troubleshooting/",
    "таймаут": "/troubleshooting/",
    "тайм-аут": "/troubleshooting/",
}
STRUCTURE: dict[str, Any] = {"rules": {"color-contrast": {"enabled": False}}}
COLOURS: dict[str, Any] = {"runOnly": ["color-contrast", "link-in-text-block"]}
# One page of each kind: pictures, logs, diagrams, code of each language, tables, admonitions, lists.
COLOURFUL = (
    "index.md",
    "how-it-works.md",
    "guides/argocd-account.md",
    "guides/doctor.md",
    "guides/preflight.md",
    "comparison.md",
    "reference/junit.md",
    "troubleshooting.md",
)


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def send_error(self, code: int, *_: Any) -> None:
            # GitLab Pages answers with the site's own page.
            page = (site / "404.html").read_bytes()
            self.send_response(code)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium")
    with sync_playwright() as playwright:
        # A root user has no other way, and nothing but our own pages is opened.
        running = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield running
        running.close()


class Visit:
    """A page that notes what goes wrong and what is asked of other hosts."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address
        self.wrong: list[str] = []
        page.on("console", lambda message: self._note(message.type == "error", message.text))
        page.on("pageerror", lambda error: self._note(True, str(error)))
        page.on("request", self._request)
        page.on("response", lambda response: self._note(response.status >= 400, f"{response.status} {response.url}"))

    def open(self, language: str, name: str) -> str:
        """Open the page; gives its address."""
        half = "" if language == "en" else f"{language}/"
        self.page.goto(f"{self.address}/{half}{name.removesuffix('index.md').replace('.md', '/')}")
        return str(self.page.url)

    def _request(self, request: Request) -> None:
        elsewhere = not request.url.startswith((self.address, "data:", "blob:"))
        self._note(elsewhere, f"asked another host: {request.url}")

    def _note(self, wrong: bool, text: str) -> None:  # noqa: FBT001
        if wrong:
            self.wrong.append(f"{self.page.url}: {text}")


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Visit]:
    context = browser.new_context(viewport=DESK, permissions=["clipboard-read", "clipboard-write"])
    yield Visit(context.new_page(), address)
    context.close()


def serious(page: Page, options: dict[str, Any], part: str = "html") -> list[str]:
    found = Axe().run(page, context=part, options=options).response["violations"]
    return [
        f"{page.url}: {violation['id']}: {node['html'][:150]}"
        for violation in found
        if violation["impact"] in {"serious", "critical"}
        for node in violation["nodes"]
    ]


# axe alone takes seconds a page on a machine that does other things too.
@pytest.mark.timeout(900)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page(visit: Visit, language: str) -> None:
    """It loads without errors, asks no other host, fits a phone, and can be used without eyes or mouse."""
    page, problems = visit.page, list[str]()
    page.set_viewport_size(PHONE)
    for name in names():
        visit.open(language, name)
        assert page.locator("html").get_attribute("lang") == language
        too_wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        if too_wide > 0:
            problems.append(f"{page.url} is {too_wide} px wider than a phone")
        if name == "index.md":
            problems += serious(page, STRUCTURE)
        elif language == "en":
            # The frame around the article is the same on every page, and articles have the same structure in both
            # languages.
            problems += serious(page, STRUCTURE, "article")
    assert problems + visit.wrong == []


@pytest.mark.parametrize("viewport", [PHONE, DESK], ids=["phone", "desk"])
def test_colours_can_be_read_by_day_and_by_night(visit: Visit, viewport: ViewportSize) -> None:
    visit.page.set_viewport_size(viewport)
    problems = []
    for name in COLOURFUL:
        visit.open("en", name)
        visit.page.add_style_tag(content="* { transition: none !important }")
        problems += serious(visit.page, COLOURS)
        visit.page.evaluate("document.body.setAttribute('data-md-color-scheme', 'slate')")
        problems += serious(visit.page, COLOURS)
    assert problems == []


@pytest.mark.parametrize(
    ("preferred", "scheme", "other", "clicks"), [("dark", "slate", "default", 1), ("light", "default", "slate", 2)]
)
def test_light_and_dark(
    visit: Visit, preferred: Literal["dark", "light"], scheme: str, other: str, clicks: int
) -> None:
    """The site follows the system until the user chooses: first light, then dark, then the system again."""
    visit.page.emulate_media(color_scheme=preferred)
    visit.open("en", "index.md")
    visit.page.wait_for_selector(f'body[data-md-color-scheme="{scheme}"]')
    for _ in range(clicks):
        label = visit.page.locator("form.md-header__option label:visible")
        title = label.get_attribute("title")
        label.click()
        visit.page.wait_for_selector(f"form.md-header__option label:visible:not([title='{title}'])")
    visit.page.wait_for_selector(f'body[data-md-color-scheme="{other}"]')
    visit.open("en", "troubleshooting.md")
    visit.page.wait_for_selector(f'body[data-md-color-scheme="{other}"]')
    assert visit.wrong == []


def test_an_inaccessible_page_is_noticed(visit: Visit) -> None:
    visit.open("en", "index.md")
    visit.page.evaluate(
        "document.querySelector('article').innerHTML = '<img src=\"missing.png\"><p style=\"color:#eee\">pale words</p>'"
    )
    visit.page.wait_for_timeout(200)
    found = " ".join(serious(visit.page, {}))
    assert "image-alt" in found
    assert "color-contrast" in found
    assert any("404" in text for text in visit.wrong)


def search(page: Page, text: str) -> list[str]:
    """Return the found pages and sections, the best first. Five fit a screen."""
    field, links = page.locator("input.md-search__input"), page.locator("a.md-search-result__link")
    field.fill("")
    # The theme listens to keys alone.
    field.press("End")
    # It listens, and nothing that was found before is left.
    page.wait_for_function(
        "() => document.querySelector('.md-search-result__meta').textContent.trim() ==="
        " JSON.parse(document.getElementById('__config').textContent).translations['search.result.placeholder']"
    )
    field.fill(text)
    field.press("End")
    links.first.wait_for(state="attached")
    addresses = links.evaluate_all("links => links.map(link => new URL(link.href)).map(url => url.pathname + url.hash)")
    return list(dict.fromkeys(addresses))


@pytest.mark.parametrize("language", LANGUAGES)
def test_search_finds_the_section_of_each_message_first(visit: Visit, language: str) -> None:
    visit.open(language, "index.md")
    wrong = {}
    for message, section in MESSAGES.items():
        sections = [link for link in search(visit.page, message) if "#" in link]
        if not sections[0].endswith(f"/troubleshooting/#{section}"):
            wrong[message] = sections[:3]
    assert wrong == {}
    assert visit.wrong == []


def test_search_finds_russian_words_in_either_spelling(visit: Visit) -> None:
    visit.open("ru", "index.md")
    for words, page in RUSSIAN.items():
        links = search(visit.page, words)[:8]
        assert any(page in link for link in links), f"{words}: {links}"
    assert visit.wrong == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_search_answers_what_people_type(visit: Visit, language: str) -> None:
    visit.open(language, "index.md")
    wrong = {}
    for words, page in WORDS[language].items():
        pages = list(dict.fromkeys(link.partition("#")[0] for link in search(visit.page, words)))[:3]
        if not any(link.endswith(page) for link in pages):
            wrong[words] = pages
    assert wrong == {}
    assert visit.wrong == []


def test_a_missing_page_leads_on(visit: Visit) -> None:
    visit.page.goto(f"{visit.address}/no/such/page/")
    visit.page.locator("article a", has_text="Troubleshooting").click()
    visit.page.wait_for_url(f"{visit.address}/troubleshooting/")
    visit.page.goto(f"{visit.address}/ru/no-such-page/")
    visit.page.locator("article a", has_text="решение проблем").click()
    visit.page.wait_for_url(f"{visit.address}/ru/troubleshooting/")
    assert len(visit.wrong) == 4  # For each of both pages, the status 404 and the browser's message about it.


@pytest.mark.parametrize("viewport", [PHONE, DESK], ids=["phone", "desk"])
def test_pages_are_light(browser: Browser, address: str, viewport: ViewportSize) -> None:
    """A first visit transfers at most 300 kB without pictures, if the server compresses as GitLab Pages does."""
    heavy = {}
    for name in ("index.md", "getting-started.md", "troubleshooting.md", "reference/settings.md", "benchmarks.md"):
        context = browser.new_context(viewport=viewport)
        loaded: dict[str, int] = {}
        page = context.new_page()
        page.on("response", lambda response, loaded=loaded: loaded.update({response.url: len(response.body())}))
        page.goto(f"{address}/{name.removesuffix('index.md').replace('.md', '/')}", wait_until="networkidle")
        transferred = sum(
            len(gzip.compress(httpx.get(url).content))
            for url in loaded
            if not url.endswith((".webp", ".png", ".svg", ".ico"))
        )
        print(f"{name}: {transferred / KILOBYTE:.0f} kB in {len(loaded)} files")
        if transferred > 300 * KILOBYTE:
            heavy[name] = transferred
        context.close()
    assert heavy == {}


def test_the_scheme_follows_the_system_until_one_is_chosen(visit: Visit) -> None:
    """Also at the second visit, when the system has changed between them."""
    for preferred, scheme in (("light", "default"), ("dark", "slate"), ("light", "default")):
        visit.page.emulate_media(color_scheme=cast("Literal['dark', 'light']", preferred))
        visit.open("en", "index.md")
        visit.page.wait_for_selector(f'body[data-md-color-scheme="{scheme}"]')


def test_sections_are_tabs_with_a_page_of_their_own(visit: Visit) -> None:
    visit.open("en", "index.md")
    tabs = visit.page.locator(".md-tabs__link")
    assert tabs.all_inner_texts() == ["Home", "Use", "Operate", "Reference", "Project"]
    tabs.nth(2).click()
    visit.page.wait_for_url(f"{visit.address}/operate/")
    assert visit.wrong == []


# The Russian texts are the longer ones, so only they are shown at every width.
@pytest.mark.parametrize(
    ("language", "width"),
    [*((language, width) for language in LANGUAGES for width in (360, 1280)), ("ru", 768), ("ru", 1920)],
)
def test_nothing_is_cut_off(visit: Visit, language: str, width: int) -> None:
    """At no width is a page wider than the screen, a text, a diagram or a log cut, or a name broken."""
    visit.page.set_viewport_size({"width": width, "height": 900})
    problems: list[str] = []
    for name in names():
        visit.open(language, name)
        found = [*visit.page.evaluate(CUT_OFF), *visit.page.evaluate(CLIPPED)]
        problems += [f"{name} at {width}: {problem}" for problem in found]
    assert problems == []


@pytest.mark.parametrize(
    ("style", "problem"),
    [
        ("width: 4rem; overflow: hidden; white-space: nowrap", "clipped"),
        ("height: 0.5rem; overflow: hidden", "clipped"),
        ("position: relative; left: 4000px", "beyond the screen"),
    ],
)
def test_a_clipped_text_is_noticed(visit: Visit, style: str, problem: str) -> None:
    visit.open("en", "faq.md")
    assert visit.page.evaluate(CLIPPED) == []
    visit.page.locator("article p").first.evaluate("(node, style) => node.style.cssText = style", style)
    (found, *_) = visit.page.evaluate(CLIPPED)
    assert found.startswith(problem)


# Texts of a page that a reader cannot see whole. A part that scrolls is no problem, and a part of one pixel is for screen
# readers.
CLIPPED = """() => {
  const found = [];
  const scrolls = node => node && node !== document.body && (['auto', 'scroll'].includes(getComputedStyle(node).overflowX) || scrolls(node.parentElement));
  const texts = document.createTreeWalker(document.querySelector('.md-main'), NodeFilter.SHOW_TEXT);
  const judged = new Set();
  for (let text; (text = texts.nextNode());) {
    const node = text.parentElement;
    if (!text.textContent.trim() || !node.checkVisibility({visibilityProperty: true, opacityProperty: true})) continue;
    const words = text.textContent.trim().slice(0, 40);
    const range = document.createRange();
    range.selectNodeContents(text);
    const box = range.getBoundingClientRect();
    // The closed menu of a phone is left of the screen.
    if (box.right <= 0) continue;
    if (box.width > 1 && box.right > innerWidth + 1 && node.closest('article') && !scrolls(node)) found.push(`beyond the screen: ${words}`);
    for (let part = node; part && !part.matches('.md-main'); part = part.parentElement) {
      if (judged.has(part)) break;
      judged.add(part);
      const style = getComputedStyle(part), hides = way => ['hidden', 'clip'].includes(way);
      if (part.clientWidth <= 1 || part.clientHeight <= 1 || style.display === 'inline') continue;
      if ((hides(style.overflowX) && part.scrollWidth > part.clientWidth + 1) || (hides(style.overflowY) && part.scrollHeight > part.clientHeight + 1))
        found.push(`clipped: ${words}`);
    }
  }
  return found;
}"""


# Parts that are cut off: the page, a wide diagram, a name in a table that takes two lines, code under its button.
CUT_OFF = """() => {
  const found = [];
  if (document.documentElement.scrollWidth > innerWidth) found.push(`the page, ${document.documentElement.scrollWidth}`);
  for (const each of document.querySelectorAll('.diagram'))
    if (innerWidth >= 700 && each.scrollWidth > each.clientWidth + 1) found.push('a diagram');
  for (const each of document.querySelectorAll('.md-typeset td:first-child > code:only-child'))
    if ((innerWidth >= 700 || each.closest('table').querySelector('th:nth-child(4)'))
        && each.parentElement.textContent === each.textContent && each.getClientRects().length > 1) found.push(each.textContent);
  for (const each of document.querySelectorAll('.stacked .md-typeset__scrollwrap'))
    if (innerWidth < 700 && each.scrollWidth > each.clientWidth + 1) found.push('what a setting is');
  for (const each of document.querySelectorAll('.md-typeset .language-text pre > code'))
    if (each.scrollWidth > each.clientWidth + 1) found.push(`a log: ${each.textContent.slice(0, 40)}`);
  for (const each of document.querySelectorAll('.md-typeset .language-yaml pre > code'))
    if (getComputedStyle(each).whiteSpace !== 'pre' || getComputedStyle(each).overflowX !== 'auto') found.push('YAML that wraps');
  for (const each of document.querySelectorAll('.md-typeset__scrollwrap'))
    if (innerWidth < 700 && !each.querySelector('th:nth-child(4)') && each.scrollWidth > each.clientWidth + 1) found.push(`few columns: ${each.textContent.trim().slice(0, 40)}`);
  return found;
}"""


@pytest.mark.parametrize("name", ["index.md", "guides/network.md", "reference/settings.md"])
def test_the_other_language_is_the_same_page(visit: Visit, name: str) -> None:
    english = visit.open("en", name)
    russian = english.replace(visit.address, f"{visit.address}/ru")
    for here, there in (("ru", russian), ("en", english)):
        visit.page.locator("button.md-header__button[aria-label]").hover()
        visit.page.locator(f"a.md-select__link[hreflang={here}]").click()
        visit.page.wait_for_url(there)
        assert visit.page.locator("html").get_attribute("lang") == here
    assert visit.wrong == []


def test_code_is_copied(visit: Visit) -> None:
    visit.open("en", "index.md")
    visit.page.locator("button.md-code__button, button.md-clipboard").first.click()
    copied = visit.page.evaluate("navigator.clipboard.readText()")
    assert re.match(r"include:\n  - component: \$CI_SERVER_FQDN/", copied)
    assert copied.rstrip().endswith("expected_image: $CI_COMMIT_SHORT_SHA")


def test_pictures_are_drawn(visit: Visit) -> None:
    for language in LANGUAGES:
        visit.open(language, "index.md")
        sizes = visit.page.locator(".pictures img").evaluate_all(
            "pictures => Promise.all(pictures.map(async picture => { picture.loading = 'eager'; await picture.decode(); return picture.naturalWidth }))"
        )
        assert sizes == [800, 800]
        visit.open(language, "how-it-works.md")
        assert visit.page.locator(".diagram svg text").count() >= 20
    assert visit.wrong == []
