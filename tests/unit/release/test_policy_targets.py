"""Test which applications a job requests, and how several jobs share them."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argocd_release.argocd.application_list import ApplicationReader, parse_applications
from argocd_release.model.application import Application, Resource, SyncStatus
from argocd_release.model.observation import OwnerRef
from argocd_release.release.policy import ExpectedCount, Targets, resolve, top
from argocd_release.settings.load import read_names
from tests.unit.states import application

NAMES = st.text("abcdefgh-.", min_size=1, max_size=8)


def known(*names: str, **children: tuple[str, ...]) -> dict[str, Application]:
    """Return applications with these full names. ``children`` are the applications that each of them manages."""
    found = {}
    for full in names:
        namespace, _, name = full.partition("/")
        managed = tuple(
            Resource(
                group="argoproj.io", kind="Application", namespace=namespace, name=child, sync=SyncStatus.SYNCED,
                health=None, message="", hook=False, requires_pruning=False,
            )
            for child in children.get(name, ())
        )  # fmt: skip
        found[full] = replace(application(), name=name, namespace=namespace, resources=managed)
    return found


@pytest.mark.parametrize("text", ["a,b", "a b", "a\nb", " a ,\n b,a,", "a, b a"])
def test_names_are_separated_by_commas_spaces_or_lines_and_count_once(text: str) -> None:
    assert read_names(text) == ("a", "b")


@given(st.sets(NAMES, max_size=60), st.integers(1, 12))
def test_each_application_falls_to_exactly_one_job(names: set[str], jobs: int) -> None:
    shares = [
        {name for name in names if Targets(names=(), job=job, jobs=jobs).mine(name)} for job in range(1, jobs + 1)
    ]
    assert sum(map(len, shares)) == len(names)
    assert set().union(*shares) == names


@given(NAMES, st.integers(1, 12))
def test_a_name_falls_to_the_same_job_whatever_others_there_are(name: str, jobs: int) -> None:
    mine = [Targets(names=("x", name), job=job, jobs=jobs).mine(name) for job in range(1, jobs + 1)]
    assert mine == [Targets(names=(name, "y"), job=job, jobs=jobs).mine(name) for job in range(1, jobs + 1)]


@pytest.mark.parametrize(
    ("text", "few", "many"),
    [("", {0}, set()), ("2", {0, 1}, {3, 4}), ("2+", {0, 1}, set())],
)
def test_how_many_there_must_be(text: str, few: set[int], many: set[int]) -> None:
    count = ExpectedCount.parse(text)
    assert {number for number in range(5) if count.few(number)} == few
    assert {number for number in range(5) if count.many(number)} == many


def test_only_one_name_alone_is_a_set_of_one() -> None:
    assert Targets(names=("web",)).one == "web"
    several = [
        Targets(names=()), Targets(names=("a", "b")), Targets(names=("web",), selector="x=y"),
        Targets(names=("web",), project="p"), Targets(names=("web",), children=True), Targets(names=("web",), jobs=2),
        Targets(names=("web",), count=ExpectedCount.parse("2")),
    ]  # fmt: skip
    assert [targets.one for targets in several] == [""] * len(several)


def test_an_application_that_is_named_and_selected_counts_once() -> None:
    there = known("argocd/web", "argocd/api", "team-a/web")
    meant = resolve(Targets(names=("web", "gone")), ["argocd/web", "team-a/web"], there, "argocd")
    assert meant == {"web": "", "gone": "", "team-a/web": ""}


def test_until_argocds_own_namespace_is_known_none_is_taken_for_another() -> None:
    there = known("argocd/web", "team-a/web", "team-a/api")
    meant = resolve(Targets(names=("web",)), ["argocd/web", "team-a/web", "team-a/api"], there, "")
    assert meant == {"web": "", "team-a/api": ""}


def test_children_are_taken_in_with_theirs_each_below_what_manages_it() -> None:
    there = known("argocd/root", "argocd/a", "argocd/b", root=("b", "a"), a=("unseen",))
    meant = resolve(Targets(names=("root",), children=True), (), there, "argocd")
    assert meant == {"root": "", "a": "root", "unseen": "a", "b": "root"}


def test_children_may_be_in_other_namespaces() -> None:
    there = known("argocd/root", "team-a/web", root=("x",))
    managed = replace(there["argocd/root"].resources[0], namespace="team-a", name="web")
    there["argocd/root"] = replace(there["argocd/root"], resources=(managed,))
    assert resolve(Targets(names=("root",), children=True), (), there, "argocd") == {"root": "", "team-a/web": "root"}


@pytest.mark.parametrize(
    ("change", "meant"),
    [
        ({"sync": SyncStatus.OUT_OF_SYNC}, False),
        ({"sync": SyncStatus.OUT_OF_SYNC, "requires_pruning": True}, False),
        ({"sync": SyncStatus.SYNCED}, True),
    ],
)
def test_a_child_that_is_still_to_be_created_is_none_yet(change: dict[str, Any], *, meant: bool) -> None:
    there = known("argocd/root", root=("new",))
    there["argocd/root"] = replace(
        there["argocd/root"], resources=(replace(there["argocd/root"].resources[0], **change),)
    )
    assert ("new" in resolve(Targets(names=("root",), children=True), (), there, "argocd")) == meant


def test_applications_that_manage_each_other_end_the_search_and_only_one_is_above() -> None:
    there = known("argocd/root", "argocd/a", root=("a", "root"), a=("root",))
    meant = resolve(Targets(names=("root",), children=True), (), there, "argocd")
    assert meant == {"root": "", "a": "root"}


def test_one_that_is_named_before_what_manages_it_is_below_it_all_the_same() -> None:
    there = known("argocd/root", "argocd/a", root=("a",))
    meant = resolve(Targets(names=("a", "root"), children=True), (), there, "argocd")
    assert meant == {"a": "root", "root": ""}


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("abcdef")), max_size=15))
def test_whatever_manages_what_each_has_one_top(edges: list[tuple[str, str]]) -> None:
    children = {name: tuple(child for parent, child in edges if parent == name) for name in "abcdef"}
    there = known(*(f"argocd/{name}" for name in "abcdef"), **children)
    meant = resolve(Targets(names=tuple("abcdef"), children=True), (), there, "argocd")
    assert set(meant) == set("abcdef")
    assert all(meant[top(name, meant)] == "" for name in meant)


@pytest.mark.parametrize(("text", "count"), [("null", 0), ("[]", 0), ("[{}]", 0), ("[null, 1]", 0)])
def test_a_list_of_nothing_is_no_application(text: str, count: int) -> None:
    assert len(parse_applications(text)) == count


@pytest.mark.parametrize("text", ["", "{}", "1", "[" * 100_000, "no server"])
def test_what_is_no_list_is_said(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - json's own words
        parse_applications(text)


def test_a_list_holds_what_each_application_alone_would() -> None:
    item = {"metadata": {"name": "web", "namespace": "argocd"}, "status": {"sync": {"status": "Synced"}}}
    (found,) = parse_applications(json.dumps([item]))
    assert (found.full_name, found.sync) == ("argocd/web", SyncStatus.SYNCED)


def listed(version: str, sync: str, name: str = "web") -> str:
    metadata = {"name": name, "namespace": "argocd", "uid": "u1", "resourceVersion": version}
    return json.dumps({"metadata": {}, "items": [{"metadata": metadata, "status": {"sync": {"status": sync}}}]})


def test_of_an_application_that_is_as_before_nothing_is_read_anew() -> None:
    lists = ApplicationReader()
    (first,), (again,), (later,) = (
        lists.read(listed(version, sync)) for version, sync in [("7", "Synced"), ("7", "Synced"), ("8", "OutOfSync")]
    )
    assert again is first
    assert later.sync is SyncStatus.OUT_OF_SYNC


def test_one_without_a_version_is_read_each_time() -> None:
    lists = ApplicationReader()
    states = [lists.read(listed("", sync))[0].sync for sync in ("Synced", "OutOfSync")]
    assert states == [SyncStatus.SYNCED, SyncStatus.OUT_OF_SYNC]


def test_http_answers_with_no_items_where_there_are_none() -> None:
    assert ApplicationReader().read('{"metadata": {"resourceVersion": "1"}, "items": null}') == ()


def test_the_applications_of_a_managed_application_set_are_children() -> None:
    there = known("argocd/root", "argocd/one", "argocd/two", "argocd/other", root=("shop",))
    (resource,) = there["argocd/root"].resources
    there["argocd/root"] = replace(there["argocd/root"], resources=(replace(resource, kind="ApplicationSet"),))
    for name, owner in (("one", "shop"), ("two", "shop"), ("other", "another")):
        refs = (OwnerRef(kind="ApplicationSet", name=f"argocd/{owner}"),)
        there[f"argocd/{name}"] = replace(there[f"argocd/{name}"], owner_refs=refs)
    meant = resolve(Targets(names=("root",), children=True), [], there, "argocd")
    assert meant == {"root": "", "one": "root", "two": "root"}
