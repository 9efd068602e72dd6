"""The site's sources, as its tests read them."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
LANGUAGES = ("en", "ru")
# What these say is English in both languages: they are read by people who change the code.
ENGLISH_ONLY = {"changelog.md", "contributing.md"}
INCLUDE = re.compile(r'^(\s*)--8<-- "([^"]+)"$', re.MULTILINE)
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


def names(language: str = "en") -> list[str]:
    """Every page by its path within the language's folder."""
    folder = DOCS / language
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*.md"))


def text(language: str, name: str) -> str:
    return (DOCS / language / name).read_text("utf-8")


def includes(language: str, name: str) -> list[str]:
    """What the page includes, in order; a file of which there is one in each language by its English name."""
    found = [match[2] for match in INCLUDE.finditer(text(language, name))]
    return [re.sub(r"\.ru\.(md|svg)$", r".en.\1", path) for path in found]


def included() -> Iterator[tuple[str, str]]:
    """Every include of every English page: the page and the file."""
    for name in names():
        for path in includes("en", name):
            yield name, path


def blocks(language: str, name: str) -> list[tuple[str, str]]:
    """The language and the content of every fenced block of a page."""
    return [(match[2], match[3].strip()) for match in FENCE.finditer(text(language, name))]
