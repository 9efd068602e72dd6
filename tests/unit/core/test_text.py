import pytest
from hypothesis import given
from hypothesis import strategies as st

from argocd_release.core.text import as_message, clean, one_line, without_applied_file, without_layers


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
        ("zero\u200b\u2060\u00ad\u061cwidth", "zerowidth"),
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
            'is forbidden: exceeded quota "none", requested: pods=1',
        ),
        ('exceeded quota: "none", requested', 'exceeded quota: "none", requested'),
        ("exceeded quota: x", 'exceeded quota "x"'),
    ],
)
def test_the_name_of_a_quota_is_quoted(message: str, shown: str) -> None:
    """«exceeded quota: none» was read as «there is no quota»."""
    assert as_message(message) == shown


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("completion of hook batch/Job/migrate and 1 more hooks", "completion of hook batch/Job/migrate"),
        ("healthy state of apps/Deployment/web and 11 more resources", "healthy state of apps/Deployment/web and 11 more hooks or resources"),
    ],
)  # fmt: skip
def test_the_tasks_for_which_a_sync_waits_are_not_all_hooks(message: str, shown: str) -> None:
    """Argo CD counted a Deployment of a later phase as a hook, so readers looked for a second hook."""
    assert without_applied_file(f"waiting for {message}") == f"waiting for {shown}"


HELM = "`helm template . --name-template web --namespace web --kube-version 1.31 <api versions removed> --include-crds`"
#: Errors as Argo CD reports them, each with the part that says what is wrong.
WRAPPED = {
    "Failed to load target state: failed to generate manifest for source 1 of 1: rpc error: code = Unknown desc = "
    f"failed to execute helm template command: failed to get command args to log: {HELM} failed exit status 1: Error: "
    "execution error at (web/templates/config.yaml:1:3): tell me the colour\n\nUse --debug flag to render out invalid YAML":
    "helm template failed: execution error at (web/templates/config.yaml:1:3): tell me the colour",
    "Manifest generation error (cached): `helm template .` failed exit status 1: Error: cannot load values.yaml":
    "helm template failed: cannot load values.yaml",
    "failed to build helm dependencies: failed to build dependencies: failed to get command args to log: `helm dependency "
    "build` failed exit status 1: Error: no cached repository":
    "failed to build helm dependencies: `helm dependency build` failed exit status 1: Error: no cached repository",
    "error fetching chart: failed to fetch chart: failed to get command args to log: `helm pull web --version 1` failed "
    "exit status 1: Error: chart not found":
    "error fetching chart: `helm pull web --version 1` failed exit status 1: Error: chart not found",
    "rpc error: code = Unknown desc = plugin sidecar failed. error generating manifests in cmp: rpc error: code = Unknown "
    "desc = error generating manifests: `sh -c ./render` failed exit status 2: no such file":
    "plugin sidecar failed. `sh -c ./render` failed exit status 2: no such file",
    "rpc error: code = Unknown desc = `kustomize build <path to cached source>/prod` failed exit status 1: Error: x.yaml":
    "`kustomize build <path to cached source>/prod` failed exit status 1: Error: x.yaml",
    # Texts of which no part is noise.
    "web: app path does not exist": "web: app path does not exist",
    "`helm template . --set a=`b`` failed exit status 1: Error: x": "`helm template . --set a=`b`` failed exit status 1: Error: x",
    f"{HELM} failed timeout after 1m30s": f"{HELM} failed timeout after 1m30s",
    "run helm, Use --debug flag to render out invalid YAML, then look": "run helm, Use --debug flag to render out invalid YAML, then look",
}  # fmt: skip


@pytest.mark.parametrize("message", WRAPPED)
def test_the_error_of_the_renderer_stands_without_the_words_around_it(message: str) -> None:
    """Readers took «failed to get command args to log» for the cause."""
    assert without_layers(message) == WRAPPED[message]
