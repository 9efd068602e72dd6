"""README is the page of the catalog: complete on its own, and its links render on GitLab."""

import re
from urllib.parse import unquote

import pytest
import yaml

from tests.docs.pages import ROOT

TEXT = (ROOT / "README.md").read_text("utf-8")
LINKS = sorted(set(re.findall(r"\]\(([^)#]+)", TEXT)))
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


@pytest.mark.parametrize("link", LINKS)
def test_what_readme_links_to_renders_on_gitlab(link: str) -> None:
    """GitLab knows no `--8<--`: a page with it shows neither its tables nor its commands."""
    path = ROOT / unquote(link)
    assert path.exists()
    if path.suffix == ".md":
        assert "--8<--" not in path.read_text("utf-8")


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
