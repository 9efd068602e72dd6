"""Test the names that are made from branches, with tables of examples and with properties of all names."""

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argocd_release.core.text import LABEL_LIMIT, host_with_tag, slug, tag_of, with_tag
from argocd_release.settings.environment import PROPERTIES

PATTERN = PROPERTIES["RELEASE_PREVIEW_PATTERN"]["default"]
LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PROJ-123", "proj-123"),
        ("feature/Login_Form", "feature-login-form"),
        ("--fix--", "fix"),
        ("a--b", "a--b"),
        ("Straße/ÄÖ", "stra-e"),
        ("описание", ""),
        ("x" * 70, "x" * 63),
        ("x" * 62 + "/y", "x" * 62),
        ("K-1", "k-1"),  # the sign of kelvin, which is k in small letters
    ],
)
def test_slug(text: str, expected: str) -> None:
    assert slug(text) == expected


@pytest.mark.parametrize(
    ("branch", "expected"),
    [
        ("PROJ-123-description", "proj-123"),
        ("PROJ-123", "proj-123"),
        ("proj-123/again", "proj-123"),
        ("PROJ-123_x", "proj-123"),
        ("PROJ-123-описание", "proj-123"),
        ("AB2-7-x", "ab2-7"),
        ("PROJ-123x", ""),
        ("feature/PROJ-123", ""),
        ("main", ""),
        ("123-4", ""),
        ("PROJ-", ""),
        ("", ""),
        ("ABCDEFGHIJKLMNOPQRST-123456789012-long", "abcdefghijklmnopqrst-123456789012"),
        ("ABCDEFGHIJKLMNOPQRSTU-1", ""),
    ],
)
def test_tag_of_a_branch(branch: str, expected: str) -> None:
    assert tag_of(branch, PATTERN) == expected


def test_a_pattern_of_ones_own() -> None:
    assert tag_of("feature/PROJ-9-x", r"^feature/([A-Z]+-\d+)") == "proj-9"
    assert tag_of("feature/Some Thing", r".+") == "feature-some-thing"
    assert tag_of("x", r"^(y)?x") == ""


@given(st.text(max_size=300))
def test_a_slug_is_a_label_or_nothing(text: str) -> None:
    made = slug(text)
    assert made == "" or LABEL.fullmatch(made)
    assert len(made) <= LABEL_LIMIT
    assert slug(made) == made


@given(st.text(alphabet=string.ascii_letters + string.digits + "-", max_size=60))
def test_text_of_a_label_is_only_made_small(text: str) -> None:
    assert slug(text) == text.lower().strip("-")


@given(st.text(max_size=255))
def test_a_tag_makes_a_name_that_kubernetes_takes(branch: str) -> None:
    tag = tag_of(branch, r".+")
    name = with_tag("preview-{tag}", tag)
    assert len(name) <= LABEL_LIMIT
    assert LABEL.fullmatch(name) or tag == ""
    url = host_with_tag("https://{tag}.preview.example.com/login", tag)
    assert len(url.split("/")[2].split(".")[0]) <= LABEL_LIMIT


@given(st.from_regex(r"[A-Za-z][A-Za-z0-9]{0,19}-[0-9]{1,12}", fullmatch=True), st.text(max_size=100))
def test_two_tags_never_become_one_name_but_by_their_case(tag: str, rest: str) -> None:
    """The default pattern limits the length of a tag, so that no tag is cut and two tags differ."""
    branch = f"{tag}-{rest}"
    found = tag_of(branch, PATTERN)
    assert found == tag.lower()
    assert with_tag("preview-{tag}", found) == f"preview-{tag.lower()}"


def test_where_the_tag_stands_in_an_address() -> None:
    assert host_with_tag("https://{tag}.preview.example.com", "proj-1") == "https://proj-1.preview.example.com"
    assert host_with_tag("https://shop-{tag}-ui.example.com", "x" * 63) == f"https://shop-{'x' * 55}-ui.example.com"
    assert with_tag("team-a/preview-{tag}", "proj-1") == "team-a/preview-proj-1"
