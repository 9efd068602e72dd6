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
    "how the component gets into a GitLab": ("## Install", "bin/install --gitlab", "job token allowlist"),
    "two services in one pipeline": ("job_name", "GitLab silently merges them into one job"),
    "a separate configuration repository": ("| a separate configuration repository | the image",),
    "code and manifests in one repository": ("| one repository, and the build job writes the tag",),
    "the branch that the application tracks": ("The application must track your branch", "exit code 13"),
    "a newer commit": ("A newer commit can overtake yours",),
    "the image of the job on a mirror": ("ARGOCD_RELEASE_REPOSITORY",),
    "the company's CA": ("argocd_ca",),
    "keyless sign-in": ("oidc_audience", "oidc.config", "dex_connector", "It then ignores `ARGOCD_AUTH_TOKEN`"),
    "whether the job syncs": ("does not sync unless",),
    "a sync of production": ("sync: true", "when: manual", "It does not prune", "environment scope `production`"),
    "how expected_image matches": ("exactly this tag",),
    "the timeout": ("300 if you do not set it",),
    "an application that starts slowly": ("progressDeadlineSeconds", "patience: lenient"),
    "the token's rights": ("policy.ci-readonly.csv", "generate-token", "applications, sync"),
    "a protected variable": ("empty on branches and tags that are not protected",),
    "scopes of variables": ("does not match `dev/frontend`",),
    "the form of ARGOCD_SERVER": ("a host or `host:port`",),
    "names, stage and default rules": (
        "`argocd-release` in `deploy`",
        "`argocd-doctor`",
        "first three rules are the default ones",
    ),
    "needs": ("optional: true",),
    "YAML anchors": ("YAML anchors work in `rules`",),
    "what is stored": ("[redacted]", "artifacts_access", "do not grant `logs, get`"),
    "versions": ("17.0 or newer", "2.13 to 3.6"),
    "the doctor": ("blocks the pipeline", "GitLab records no deployment", "The doctor does not have `resource_group`"),
    "how to repeat the measurement": ("bin/dev benchmark", "docs/en/benchmarks.md"),
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
        assert words in " ".join(TEXT.split())


def test_the_include_comes_before_anything_else_of_use() -> None:
    assert TEXT.index("```yaml\ninclude:") < TEXT.index("## ")
    headings = re.findall(r"^## (.*)$", TEXT, re.MULTILINE)
    assert headings.index("Inputs") < headings.index("Try it here, develop") == len(headings) - 1


@pytest.mark.parametrize(
    ("account", "account_file", "rights_file"),
    [
        ("accounts.", "argocd-cm.yaml", "argocd-rbac-cm.yaml"),
        ("oidc.config", "argocd-cm-oidc.yaml", "argocd-rbac-cm-oidc.yaml"),
    ],
)
def test_argo_cds_configuration_is_that_of_the_guides(account: str, account_file: str, rights_file: str) -> None:
    """The guides' files are applied to a real Argo CD by tests/docs/test_snippets.py."""
    (block,) = [text for text in re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL) if account in text]
    folder = ROOT / "docs" / "snippets" / "kubernetes"
    files = [yaml.safe_load((folder / name).read_text("utf-8")) for name in (account_file, rights_file)]
    own = block.replace("gitops/", "gitops-poc-dzha/").replace("get, gitops,", "get, gitops-poc-dzha,")
    assert list(yaml.safe_load_all(own)) == files


def inputs(kind: str) -> set[str]:
    """Return the names of a component's inputs."""
    header = next(yaml.safe_load_all((ROOT / "templates" / f"{kind}.yml").read_text("utf-8")))
    return set(header["spec"]["inputs"])


def test_it_names_the_inputs_that_the_doctor_does_not_have() -> None:
    sentence = re.search(r"The doctor does not have (.*?);", " ".join(TEXT.split()))
    assert sentence
    assert set(re.findall(r"`(\w+)`", sentence[1])) == inputs("release") - inputs("doctor")
    assert inputs("doctor") < inputs("release")


def test_every_input_that_it_uses_is_in_its_tables() -> None:
    tables = set(re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE))
    blocks = re.findall(r"```yaml\n(include:.*?)```", TEXT, re.DOTALL)
    used = {name for block in blocks for entry in yaml.safe_load(block)["include"] for name in entry["inputs"]}
    assert len(used) >= 10
    assert used <= tables


def test_the_rules_that_it_calls_the_default_are_the_default() -> None:
    blocks = re.findall(r"```yaml\n(include:.*?)```", TEXT, re.DOTALL)
    (own,) = [yaml.safe_load(block) for block in blocks if "hotfix" in block]
    header = next(yaml.safe_load_all((ROOT / "templates" / "release.yml").read_text("utf-8")))
    assert own["include"][0]["inputs"]["rules"][:3] == header["spec"]["inputs"]["rules"]["default"]
