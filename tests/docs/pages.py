"""The site's sources and what is built of them, as its tests read them."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
LANGUAGES = ("en", "ru")
# These pages are in English in both languages, because developers of this project read them.
ENGLISH_ONLY = {"changelog.md", "contributing.md"}
INCLUDE = re.compile(r'^(\s*)--8<-- "([^"]+)"$', re.MULTILINE)
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)

LOADING = {"script": "src", "img": "src", "iframe": "src", "source": "srcset", "link": "href"}


def names(language: str = "en") -> list[str]:
    """Every page by its path within the language's folder."""
    folder = DOCS / language
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*.md"))


def text(language: str, name: str) -> str:
    return (DOCS / language / name).read_text("utf-8")


def includes(language: str, name: str) -> list[str]:
    """Return the files that the page includes, in order.

    A file with a version per language counts as the English one.
    """
    found = [match[2] for match in INCLUDE.finditer(text(language, name))]
    return [re.sub(r"\.ru\.(md|svg)$", r".en.\1", path) for path in found]


def included() -> Iterator[tuple[str, str]]:
    """Every include of every English page: the page and the file."""
    for name in names():
        for path in includes("en", name):
            yield name, path


def blocks(language: str, name: str) -> list[tuple[str, str]]:
    """Return the language and the content of every fenced block of a page."""
    return [(match[2], match[3].strip()) for match in FENCE.finditer(text(language, name))]


class Reader(HTMLParser):
    """The headings of a page with their ids, every id, and what the page loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.headings: list[tuple[str, str]] = []
        self.all_ids: list[str] = []
        self.loads: list[str] = []
        self.feed(text)

    @property
    def ids(self) -> set[str]:
        return set(self.all_ids)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.all_ids += [given["id"]] if "id" in given else []
        if re.fullmatch(r"h[1-4]", tag) and "id" in given:
            self.headings.append((tag, given["id"] if tag != "h1" else ""))
        # A browser does not load the canonical address of a page.
        if tag in LOADING and given.get("rel") != "canonical":
            self.loads.append(given.get(LOADING[tag], ""))


def built(site: Path, language: str, name: str) -> Reader:
    half = site if language == "en" else site / language
    path = name.removesuffix("index.md").removesuffix(".md")
    return Reader((half / path / "index.html").read_text("utf-8"))
