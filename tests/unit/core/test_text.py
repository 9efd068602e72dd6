import pytest
from hypothesis import given
from hypothesis import strategies as st

from argocd_release.core.text import as_message, clean, one_line, without_applied_file


@pytest.mark.parametrize(
    ("hostile", "harmless"),
    [
        ("plain text, ünïcode ✓", "plain text, ünïcode ✓"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;https://example.com\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("nul\x00bell\x07back\x08", "nulbellback"),
        ("over\rwritten", "overwritten"),
        ("dos\r\nlines", "dos\nlines"),
        ("right\u202eleft\u2066", "rightleft"),
        ("\ud800lone", "lone"),
        ("\x1b[0Ksection_end:1:release\r\x1b[0K", "section-end:1:release"),
        ("[[ATTACHMENT|x]] [[[\x00ATTACHMENT|y]]", "[ [ATTACHMENT|x]] [[ [ATTACHMENT|y]]"),
        ("tab\tand\nline", "tab\tand\nline"),
    ],
)
def test_clean(hostile: str, harmless: str) -> None:
    assert clean(hostile) == harmless


def test_clean_is_bounded_and_counts_what_it_cut() -> None:
    assert clean("x" * 1_000_000, limit=10) == "x" * 7 + " … (999990 more characters) " + "x" * 3


def test_the_end_of_a_long_message_stays_because_it_gives_the_reason() -> None:
    message = f"Job.batch is invalid: {'x' * 5000}: field is immutable"
    for limit in (400, 1000, 2000):
        shown = one_line(one_line(message, limit=4000), limit=limit)
        assert shown.startswith("Job.batch is invalid")
        assert shown.endswith("field is immutable")
        assert len(shown) < limit + 50


@given(st.text())
def test_clean_leaves_nothing_a_terminal_or_xml_acts_on(text: str) -> None:
    left = clean(text)
    assert not any(ord(char) < 32 and char not in "\t\n" for char in left)
    assert clean(left) == left


@given(st.text())
def test_one_line_is_one_line(text: str) -> None:
    assert len(one_line(text).splitlines()) <= 1


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (
            "is forbidden: exceeded quota: none, requested: pods=1",
            'is forbidden: exceeded quota: the one named "none", requested: pods=1',
        ),
        ('exceeded quota: "none", requested', 'exceeded quota: "none", requested'),
        ("exceeded quota: x", 'exceeded quota: the one named "x"'),
    ],
)
def test_the_name_of_a_quota_is_quoted(message: str, shown: str) -> None:
    """«exceeded quota: none» was read as «there is no quota»."""
    assert as_message(message) == shown


def test_argo_cd_s_plural_of_one_hook_is_corrected() -> None:
    message = "waiting for completion of hook batch/Job/migrate and 1 more hooks"
    assert without_applied_file(message) == message.removesuffix("s")
    assert without_applied_file(message.replace("1", "11")).endswith("11 more hooks")
