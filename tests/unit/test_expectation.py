from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argocd_release.application import HealthStatus, Kinship, Relation, Source
from argocd_release.expectation import Condition, Expectation, Gap, runs
from argocd_release.tree import Workloads
from tests.unit.states import NEW, OLD, application

ONE = application()
DIGEST = "sha256:" + "a" * 64
CHART = Source(repo_url="https://charts.example.com", chart="web")
VALUES = Source(repo_url="https://git.example.com/values.git", ref="values")
TWO = replace(application(), sources=(CHART, VALUES), revisions=("1.2.3", NEW))


@pytest.mark.parametrize(
    ("wanted", "image"),
    [
        ("1.2", "registry.example.com:5000/team/web:1.2"),
        (":1.2", "registry.example.com/web:1.2"),
        ("web:1.2", "registry.example.com/team/web:1.2"),
        ("registry.example.com:5000/web:1.2", "registry.example.com:5000/web:1.2"),
        ("registry.example.com/web:1.2", f"registry.example.com/web:1.2@{DIGEST}"),
        (f"registry.example.com/web@{DIGEST}", f"registry.example.com/web:1.2@{DIGEST}"),
        (DIGEST, f"registry.example.com/web@{DIGEST}"),
        (f"@{DIGEST}", f"registry.example.com/web:1@{DIGEST}"),
    ],
)
def test_the_image_that_is_wanted(wanted: str, image: str) -> None:
    assert runs(wanted, image)


@pytest.mark.parametrize(
    ("wanted", "image"),
    [
        ("1.2", "registry.example.com/web:1.20"),
        ("5000", "registry.example.com:5000/web"),
        ("web", "registry.example.com/web:1.2"),
        ("web:1.2", "registry.example.com/cobweb:1.2"),
        ("registry.example.com/web:1.2", "mirror.example.com/web:1.2"),
        (f"registry.example.com/web:1.3@{DIGEST}", f"registry.example.com/web:1.2@{DIGEST}"),
        (DIGEST, "registry.example.com/web:1.2"),
        ("", "registry.example.com/web:1.2"),
        ("", "registry.example.com/web"),
        (":", f"registry.example.com/web@{DIGEST}"),
    ],
)
def test_an_image_that_is_another(wanted: str, image: str) -> None:
    assert not runs(wanted, image)


REPOSITORIES = st.sampled_from(["web", "team/web", "registry.example.com/web", "registry.example.com:5000/team/web"])
TAGS = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True)


@given(REPOSITORIES, TAGS, TAGS)
def test_an_image_is_what_is_wanted_by_its_tag_alone(repository: str, tag: str, other: str) -> None:
    for wanted in (tag, f":{tag}", f"web:{tag}", f"{repository}:{tag}"):
        assert runs(wanted, f"{repository}:{tag}")
        assert runs(wanted, f"{repository}:{other}") == (tag == other)


@given(st.text(), st.text())
def test_what_runs_is_a_part_of_the_image(wanted: str, image: str) -> None:
    assert not runs(wanted, image) or wanted.removeprefix(":").removeprefix("@").partition("@")[0] in image


def kin(relation: Relation, commits: int = 0, note: str = "") -> Mapping[str, Kinship]:
    return {NEW: Kinship(relation=relation, commits=commits, note=note)}


def test_a_descendant_delivers_and_says_so() -> None:
    state = replace(ONE, kinships=kin(Relation.DESCENDANT, 2))
    expectation = Expectation(revision=OLD.replace("0l", "01"))
    assert expectation.gap(state) is None
    assert expectation.via(state) == "01d0000 was delivered via 3f2c1ab, 2 commits later"


@pytest.mark.parametrize(
    ("relation", "commits", "reason", "final"),
    [
        (Relation.OLDER, 1, "not with deadbeef, which is 1 commit newer and not there yet", True),
        (Relation.DIVERGED, 0, "not with deadbeef: the two have diverged, neither contains the other", True),
        (Relation.UNKNOWN, 0, "not with deadbeef (no clone)", False),
    ],
)
def test_a_revision_that_does_not_contain_the_expected_one(
    relation: Relation, commits: int, reason: str, *, final: bool
) -> None:
    state = replace(ONE, kinships=kin(relation, commits, "no clone" if relation is Relation.UNKNOWN else ""))
    gap = Expectation(revision="deadbeef").gap(state)
    assert gap == Gap(reason=f"Argo CD compares with {NEW[:12]}, {reason}", final=final)


def test_exactly_means_no_other_revision() -> None:
    state = replace(ONE, kinships=kin(Relation.DESCENDANT, 2))
    assert Expectation(revision="deadbeef", exact=True).gap(state) is not None
    assert Expectation(revision=NEW, exact=True).gap(state) is None


def test_only_unknown_git_revisions_need_git() -> None:
    assert Expectation(revision="deadbeef").strangers(ONE) == {NEW: ONE.sources[0]}
    assert Expectation(revision=NEW[:8]).strangers(ONE) == {}
    assert Expectation().strangers(ONE) == {}
    assert Expectation(revision="deadbeef").strangers(TWO) == {NEW: VALUES}
    assert Expectation(revision="deadbeef").strangers(replace(TWO, revisions=("12345678", NEW))) == {NEW: VALUES}
    # Whether it is a tag of the expected revision is seen in git alone.
    assert Expectation(revision="deadbeef", exact=True).strangers(ONE) == {NEW: ONE.sources[0]}


@pytest.mark.parametrize("exact", [False, True])
def test_the_tag_of_a_revision_and_its_beginning_are_that_revision(*, exact: bool) -> None:
    tagged = replace(ONE, kinships=kin(Relation.SAME))
    expectation = Expectation(revision="deadbeef" * 5, exact=exact)
    assert expectation.gap(tagged) is None
    assert not expectation.via(tagged)
    assert expectation.gap(replace(ONE, revisions=("deadbeef",))) is None
    assert expectation.strangers(replace(ONE, revisions=("deadbeef",))) == {}
    assert expectation.strangers(replace(ONE, revisions=("deadbee1",))) == {"deadbee1": ONE.sources[0]}
    assert expectation.gap(replace(ONE, revisions=("deadbe",))) is not None, "too short to be a revision"


def test_what_was_reverted_is_not_delivered() -> None:
    state = replace(ONE, kinships={NEW: Kinship(relation=Relation.REVERTED, by="f" * 40)})
    gap = Expectation(revision="deadbeef").gap(state)
    reason = f"Argo CD compares with {NEW[:12]}, not with deadbeef: "
    assert gap == Gap(reason=f"{reason}ffffffffffff reverts it", final=True)
    gap = Expectation(revision="deadbeef").gap(replace(ONE, kinships=kin(Relation.REVERTED)))
    assert gap == Gap(reason=f"{reason}the files are again those of before it", final=True)
    assert not Expectation(revision="deadbeef").via(state)


def test_a_history_that_nobody_can_ask_is_said_at_once() -> None:
    state = replace(ONE, kinships={NEW: Kinship(relation=Relation.UNKNOWN, note="no access", final=True)})
    gap = Expectation(revision="deadbeef").gap(state)
    assert gap == Gap(reason=f"Argo CD compares with {NEW[:12]}, not with deadbeef (no access)", final=True)


@pytest.mark.parametrize("source", ["", "2", "values", "https://git.example.com/values.git"])
def test_the_source_that_the_revision_is_of(source: str) -> None:
    assert Expectation(revision=NEW, source=source).gap(TWO) is None


@pytest.mark.parametrize("source", ["1", "web", "https://charts.example.com"])
def test_the_other_source_has_another_revision(source: str) -> None:
    gap = Expectation(revision=NEW, source=source).gap(TWO)
    assert gap == Gap(reason=f"Argo CD compares with 1.2.3, not with {NEW[:12]}")


def test_a_source_that_is_not_there() -> None:
    gap = Expectation(revision=NEW, source="3").gap(TWO)
    assert gap == Gap(
        reason="the application has no source '3', but 1: https://charts.example.com web; "
        "2: https://git.example.com/values.git",
        final=True,
    )


def test_the_version_of_a_chart() -> None:
    assert Expectation(chart_version="1.2.3").gap(TWO) is None
    assert Expectation(chart_version="1.2.4").gap(TWO) == Gap(reason="the chart's version is 1.2.3, not 1.2.4")
    no_chart = Expectation(chart_version="1.2.3").gap(replace(ONE, sources=(VALUES,)))
    assert no_chart == Gap(reason="the application has no source that is a Helm chart", final=True)


def test_an_image_must_run() -> None:
    running = replace(ONE, workloads=Workloads(images=("web:1", "proxy:9")))
    assert Expectation(image="web:1").gap(running) is None
    missing = Gap(reason="no pod runs the image web:2; running: web:1, proxy:9")
    assert Expectation(image="web:2").gap(running) == missing
    settled = Expectation(image="web:2", revision=NEW).gap(running)
    assert settled == replace(missing, final=True)
    not_yet = replace(running, health=HealthStatus.PROGRESSING)
    assert Expectation(image="web:2", revision=NEW).gap(not_yet) == missing


def test_what_is_healthy_enough() -> None:
    assert Expectation().healths == {HealthStatus.HEALTHY}
    both = frozenset({Condition.HEALTH, Condition.SUSPENDED})
    assert Expectation(wait_for=both).healths == {HealthStatus.HEALTHY, HealthStatus.SUSPENDED}
    assert Expectation(wait_for=frozenset({Condition.SYNC})).healths == set()
