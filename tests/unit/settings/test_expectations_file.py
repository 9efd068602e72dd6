"""The file of expectations: what it may say, and that every mistake is said at once."""

import json
import time
from itertools import pairwise
from pathlib import Path

import pytest

from argocd_release.settings.expectations_file import BYTES, Expected, read
from argocd_release.settings.schema import PROPERTIES


def said(tmp_path: Path, text: str) -> tuple[Expected, tuple[str, ...]]:
    file = tmp_path / "expectations"
    file.write_text(text, "utf-8")
    found, problems = read(str(file), PROPERTIES)
    return found, tuple(problem.removeprefix("RELEASE_EXPECTATIONS: ") for problem in problems)


@pytest.mark.parametrize(
    "text",
    [
        'web: {image: ":1"}\n"worker-*": {revision: "3f2c1ab0", wait_for: sync health}\n',
        json.dumps({"web": {"image": ":1"}, "worker-*": {"revision": "3f2c1ab0", "wait_for": "sync health"}}),
    ],
)
def test_yaml_and_json_say_the_same(tmp_path: Path, text: str) -> None:
    found, problems = said(tmp_path, text)
    assert problems == ()
    assert found.of("web") == {"image": ":1"}
    assert found.of("worker-7") == {"revision": "3f2c1ab0", "wait_for": "sync health"}
    assert found.of("other") == {}
    assert found.asks_revisions


def test_a_name_wins_over_patterns_and_of_those_the_first(tmp_path: Path) -> None:
    found, _ = said(
        tmp_path, '"w*": {image: ":1"}\n"web-*": {image: ":2"}\nweb-1: {image: ":3"}\nteam/a: {image: ":4"}\n'
    )
    assert [found.of(name)["image"] for name in ("web-1", "web-2", "team/a")] == [":3", ":1", ":4"]


def test_every_mistake_is_said_at_once(tmp_path: Path) -> None:
    _, problems = said(
        tmp_path,
        'web: {revision: main, image: 1.10, colour: red}\n"UPPER": {image: ":1"}\nempty: {}\nnone:\nworker: {wait_for: all}\n',
    )
    assert sorted(problems) == sorted(
        [
            "web: revision: 'main' must be 7 to 40 hex digits of a git revision",
            "web: image: must be a text, not '1.1': put it in quotes",
            "web: colour is unknown; there are revision, revision_match, source, image, chart_version, wait_for",
            "'UPPER' is no application's name or pattern",
            "empty: must name at least one of revision, revision_match, source, image, chart_version, wait_for",
            "none: must name at least one of revision, revision_match, source, image, chart_version, wait_for",
            "worker: wait_for: 'all' must be some of sync, health, suspended, operation, separated by spaces",
        ]
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "must be a list of applications, each by its name"),
        ("[]", "must be a list of applications, each by its name"),
        ("{}", "must be a list of applications, each by its name"),
        ("web: {image: ':1'}\nweb: {image: ':2'}", "'web' stands there more than once"),
        ("web: {image: ':1', image: ':2'}", "'image' stands there more than once"),
        ("web: [", "cannot be read as YAML or JSON"),
        ("web: !!python/object/apply:os.system [id]", "cannot be read as YAML or JSON"),
        ("? [web]\n: {image: ':1'}", "cannot be read as YAML or JSON"),
        ("[" * 400, "cannot be read as YAML or JSON"),
        ("b:\n  <<: {image: ':1'}\n  chart_version: '2'", "the merge key << is not supported"),
        ("a: " + "x" * BYTES, "is larger than 1 MB"),
    ],
)
def test_what_is_no_such_file_is_said(tmp_path: Path, text: str, problem: str) -> None:
    found, problems = said(tmp_path, text)
    assert len(problems) == 1
    assert problem in problems[0]
    assert found.rules == {}


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    _, (problem,) = read(str(tmp_path / "gone.yml"), PROPERTIES)
    assert "cannot be read: No such file or directory" in problem
    assert read("", PROPERTIES) == (Expected(rules={}), ())


def test_a_name_that_is_none_of_the_applications_is_a_mistake(tmp_path: Path) -> None:
    found, _ = said(tmp_path, 'web: {image: ":1"}\n"wbe-*": {image: ":2"}\n')
    assert [problem.text for problem in found.unmatched(["web", "worker"])] == [
        "<RELEASE_EXPECTATIONS> names wbe-*, which is no application of this release: web, worker",
    ]
    assert found.unmatched(["web", "wbe-1"]) == ()


def test_aliases_are_refused_before_they_grow(tmp_path: Path) -> None:
    """Nine lists of nine aliases each are 622 bytes, and were 1.4 GB."""
    names = "abcdefghi"
    lines = ['a: &a ["x", "x", "x", "x", "x", "x", "x", "x", "x"]']
    lines += [f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]" for before, name in pairwise(names)]
    started = time.monotonic()
    found, problems = said(tmp_path, "\n".join(lines))
    assert time.monotonic() - started < 2
    assert found.rules == {}
    (problem,) = problems
    assert "alias *a" in problem
    (problem,) = said(tmp_path, 'web: &it {image: ":1"}\nother: {<<: *it}\n')[1]
    assert "alias *it" in problem


def test_twenty_thousand_names_take_time_in_proportion(tmp_path: Path) -> None:
    def seconds(count: int) -> float:
        text = "".join(f'app-{number}: {{image: ":1"}}\n' for number in range(count))
        started = time.process_time()
        found, problems = said(tmp_path, text)
        applications = [f"app-{number}" for number in range(0, count, 10)]
        assert problems == ()
        assert all(found.of(name) == {"image": ":1"} for name in applications)
        assert len(found.unmatched(applications)) <= 20
        return time.process_time() - started

    seconds(100)
    assert seconds(20_000) < 12 * max(seconds(4_000), 0.1), "five times as many names"


def test_of_thousands_of_mistakes_the_first_are_told(tmp_path: Path) -> None:
    _, problems = said(tmp_path, "".join(f"app-{number}: {{image: 1}}\n" for number in range(2_000)))
    assert len(problems) <= 21
    assert "1980 more" in problems[-1]


@pytest.mark.parametrize(
    ("key", "name"), [("argocd/web", "web"), ("web", "argocd/web"), ("argocd/*", "web"), ("web", "web")]
)
def test_argocd_s_own_namespace_can_be_written_in_front_or_left_out(key: str, name: str) -> None:
    expected = Expected(rules={key: {"image": ":1"}})
    assert expected.of(name) == {"image": ":1"}
    assert expected.unmatched([name]) == ()
    assert Expected(rules={"team-a/web": {}}).unmatched([name])
    assert Expected(rules={"argocd/*": {}}).unmatched(["team-a/web"])
