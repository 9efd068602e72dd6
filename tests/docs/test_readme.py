"""README is the page of the catalog: complete on its own, and its links render on GitLab."""

import re
from itertools import pairwise
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.docs.pages import ROOT

TEXT = (ROOT / "README.md").read_text("utf-8")
# The questions that a newcomer with nothing but this page had, each with words of its answer.
ANSWERS = {
    "two services in one pipeline": ("job_name", "GitLab makes one job of two includes"),
    "a separate configuration repository": ("separate configuration repository", "expect the image"),
    "the image of the job on a mirror": ("ARGOCD_RELEASE_REPOSITORY",),
    "the company's CA": ("argocd_ca",),
    "keyless sign-in": ("oidc_audience",),
    "whether the job syncs": ("does not sync unless",),
    "how expected_image matches": ("exactly this tag",),
    "the timeout": ("300 if you do not set it",),
    "the token's rights": ("policy.ci-readonly.csv", "generate-token"),
    "the form of ARGOCD_SERVER": ("a host or `host:port`",),
    "stage and default rules": ("in the stage `deploy`", "default branch and of tags"),
    "versions": ("17.0 or newer", "2.13 to 3.6"),
    "whether the doctor blocks": ("never\nblocks the pipeline",),
    "whether two jobs' variables collide": ("dotenv_prefix",),
}


def pages() -> dict[str, str]:
    """Return README and each Markdown file that it leads to, directly or through other files, by their paths."""
    found, waiting = dict[str, str](), ["README.md"]
    while waiting:
        name = waiting.pop()
        if name in found or not (ROOT / name).is_file():
            continue
        found[name] = (ROOT / name).read_text("utf-8")
        waiting += [path for path, _ in targets(name, found[name]) if path.endswith(".md")]
    return found


def rendered(text: str) -> list[Token]:
    """Return the parts of a page as GitLab renders it: CommonMark with tables, without includes and attribute lists."""
    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)


def targets(name: str, text: str) -> list[tuple[str, str]]:
    """Return the path in the project and the anchor of each relative link and picture of a page."""
    inline = [child for token in rendered(text) for child in token.children or ()]
    links = [str(child.attrs.get("href") or child.attrs.get("src") or "") for child in inline]
    relative = [urlsplit(link) for link in links if link and not urlsplit(link).scheme]
    folder = (ROOT / name).parent
    return [
        (str((folder / unquote(link.path)).resolve().relative_to(ROOT)) if link.path else name, unquote(link.fragment))
        for link in relative
    ]


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as GitLab makes them (lib/gitlab/utils/markdown.rb)."""
    tokens = rendered(text)
    titles = [
        "".join(child.content for child in after.children or ())
        for before, after in pairwise(tokens)
        if before.type == "heading_open"
    ]
    return {re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-") for title in titles}


def problems(name: str, text: str) -> list[str]:
    """Return what a reader of the page on GitLab would see as broken."""
    found = []
    tokens = rendered(text)
    prose = [token.content for token in tokens if token.type == "inline"]
    raw = [token.content for token in tokens if token.type in {"html_block", "fence"}]
    shown = [re.sub(r"`[^`]*`", "", part) for part in prose] + raw
    found += [f"a directive of the site: {part[:60]}" for part in shown if "--8<--" in part or "markdown>" in part]
    found += [f"attributes: {part[:60]}" for part in shown[: len(prose)] if re.search(r"\{[:#.] ?\w|\{ ?\w+=", part)]
    kinds = [token.type for token in tokens]
    for start in (at for at, kind in enumerate(kinds) if kind == "table_open"):
        table = tokens[start : kinds.index("table_close", start)]
        cells = [
            after.content for before, after in pairwise(table) if before.type == "td_open" and after.type == "inline"
        ]
        found += (
            [] if any(cell.strip() for cell in cells) else [f"an empty table in line {(table[0].map or [0])[0] + 1}"]
        )
    found += [
        f"a broken link: {path}#{anchor}".removesuffix("#")
        for path, anchor in targets(name, text)
        if not (ROOT / path).exists()
        or (anchor and path.endswith(".md") and anchor not in anchors((ROOT / path).read_text("utf-8")))
    ]
    return found


@pytest.mark.parametrize("name", pages())
def test_what_readme_leads_to_renders_on_gitlab(name: str) -> None:
    """GitLab knows no `--8<--`: a page with it would show neither its tables nor its commands."""
    assert problems(name, pages()[name]) == []


def test_readme_leads_to_the_tables() -> None:
    assert len(pages()) >= 8
    assert "docs/generated/component.en.md" in pages()
    tables = [token for token in rendered(pages()["docs/generated/component.en.md"]) if token.type == "table_open"]
    assert len(tables) == 3


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('--8<-- "docs/generated/many.en.md"', "a directive of the site"),
        ('```yaml\n--8<-- "a.yml"\n```', "a directive of the site"),
        ("<div markdown>\n\nx\n\n</div>", "a directive of the site"),
        ("## Files {#files}", "attributes"),
        ("![x](README.md){ loading=lazy }", "attributes"),
        ("| a | b |\n|---|---|\n", "an empty table in line 1"),
        ("| a | b |\n|---|---|\n|  |  |\n", "an empty table in line 1"),
        ("[x](nowhere.md)", "a broken link: nowhere.md"),
        ("![x](docs/nothing.webp)", "a broken link: docs/nothing.webp"),
        ("[x](README.md#nowhere)", "a broken link: README.md#nowhere"),
        ("[x](#nowhere)", "a broken link: README.md#nowhere"),
    ],
)
def test_what_gitlab_would_show_broken_is_noticed(text: str, problem: str) -> None:
    (found,) = problems("README.md", text)
    assert found.startswith(problem)


@pytest.mark.parametrize("question", ANSWERS)
def test_readme_answers_what_a_newcomer_asks(question: str) -> None:
    for words in ANSWERS[question]:
        assert words in TEXT


def test_the_include_comes_before_anything_else_of_use() -> None:
    assert TEXT.index("```yaml\ninclude:") < TEXT.index("## ")
    headings = re.findall(r"^## (.*)$", TEXT, re.MULTILINE)
    assert headings.index("Inputs") < headings.index("Try it here, develop") == len(headings) - 1


def test_the_rights_are_those_of_the_guide() -> None:
    """The guide's are applied to a real Argo CD by tests/docs/test_snippets.py."""
    block = next(text for text in re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL) if "policy" in text)
    account, rights = yaml.safe_load_all(block)
    guide = ROOT / "docs" / "snippets" / "kubernetes"
    assert account == yaml.safe_load((guide / "argocd-cm.yaml").read_text("utf-8"))
    policy = rights["data"]["policy.ci-readonly.csv"].replace("gitops", "gitops-poc-dzha")
    assert (
        policy == yaml.safe_load((guide / "argocd-rbac-cm.yaml").read_text("utf-8"))["data"]["policy.ci-readonly.csv"]
    )
