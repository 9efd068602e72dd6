"""Test the file of expectations: its content, and its errors, which are all reported at once."""

import json
import time
from itertools import pairwise
from pathlib import Path

import pytest

from argocd_release.messages import settings
from argocd_release.model.errors import SetupProblem
from argocd_release.settings.environment import PROPERTIES
from argocd_release.settings.expectations_file import BYTES, FIELDS, Expected, read


def said(tmp_path: Path, text: str) -> tuple[Expected, tuple[str, ...]]:
    file = tmp_path / "expectations"
    file.write_text(text, "utf-8")
    found, problems = read(str(file), PROPERTIES)
    return found, problems


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
    fields, rules = ", ".join(FIELDS), {name: PROPERTIES[FIELDS[name]]["x-rule"] for name in ("revision", "wait_for")}
    assert sorted(problems) == sorted(
        [
            settings.FIELD_INVALID.fill(place="web.revision", rule=rules["revision"], value="'main'"),
            settings.FIELD_TEXT.fill(place="web.image", value="'1.1'"),
            settings.FIELDS_UNKNOWN.fill(place="web", unknown="colour", fields=fields),
            settings.NAME_INVALID.fill(name="'UPPER'"),
            settings.FIELDS_NONE.fill(place="empty", fields=fields),
            settings.FIELDS_NONE.fill(place="none", fields=fields),
            settings.FIELD_INVALID.fill(place="worker.wait_for", rule=rules["wait_for"], value="'all'"),
        ]
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", settings.NO_MAPPING.fill()),
        ("[]", settings.NO_MAPPING.fill()),
        ("{}", settings.NO_MAPPING.fill()),
        ("web: {image: ':1'}\nweb: {image: ':2'}", settings.YAML_DUPLICATE.fill(key="'web'")),
        ("web: {image: ':1', image: ':2'}", settings.YAML_DUPLICATE.fill(key="'image'")),
        ("web: [", settings.EXPECTATIONS_UNPARSED.text.partition("{path}")[2].partition(":")[0]),
        (
            "web: !!python/object/apply:os.system [id]",
            settings.EXPECTATIONS_UNPARSED.text.partition("{path}")[2].partition(":")[0],
        ),
        ("? [web]\n: {image: ':1'}", settings.EXPECTATIONS_UNPARSED.text.partition("{path}")[2].partition(":")[0]),
        ("[" * 400, settings.EXPECTATIONS_UNPARSED.text.partition("{path}")[2].partition(":")[0]),
        ("b:\n  <<: {image: ':1'}\n  chart_version: '2'", settings.YAML_MERGE_KEY.fill()),
        ("a: " + "x" * BYTES, settings.EXPECTATIONS_TOO_LARGE.text.partition("{path}")[2].format(megabytes=1)),
    ],
)
def test_what_is_no_such_file_is_said(tmp_path: Path, text: str, problem: str) -> None:
    found, problems = said(tmp_path, text)
    assert len(problems) == 1
    assert problem in problems[0]
    assert found.rules == {}


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    _, (problem,) = read(str(tmp_path / "gone.yml"), PROPERTIES)
    assert problem == settings.EXPECTATIONS_UNREADABLE.fill(
        path=tmp_path / "gone.yml", error="No such file or directory"
    )
    assert read("", PROPERTIES) == (Expected(rules={}), ())


def test_a_name_that_is_none_of_the_applications_is_a_mistake(tmp_path: Path) -> None:
    found, _ = said(tmp_path, 'web: {image: ":1"}\n"wbe-*": {image: ":2"}\n')
    (problem,) = found.unmatched(["web", "worker"])
    assert problem.subject == "RELEASE_EXPECTATIONS"
    assert problem == SetupProblem.of_setting(
        settings.EXPECTATIONS_UNMATCHED, "RELEASE_EXPECTATIONS", rule="wbe-*", applications="web, worker"
    )
    assert found.unmatched(["web", "wbe-1"]) == ()


def test_aliases_are_refused_before_they_grow(tmp_path: Path) -> None:
    """Nine lists with nine aliases each are a file of 622 bytes, and took 1.4 GB of memory."""
    names = "abcdefghi"
    lines = ['a: &a ["x", "x", "x", "x", "x", "x", "x", "x", "x"]']
    lines += [f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]" for before, name in pairwise(names)]
    started = time.monotonic()
    found, problems = said(tmp_path, "\n".join(lines))
    assert time.monotonic() - started < 2
    assert found.rules == {}
    (problem,) = problems
    assert settings.YAML_ALIAS.fill(name="a") in problem
    (problem,) = said(tmp_path, 'web: &it {image: ":1"}\nother: {<<: *it}\n')[1]
    assert settings.YAML_ALIAS.fill(name="it") in problem


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
    assert problems[-1] == settings.EXPECTATIONS_MORE.fill(mistakes="1980 more mistakes")


@pytest.mark.parametrize(
    ("key", "name"), [("argocd/web", "web"), ("web", "argocd/web"), ("argocd/*", "web"), ("web", "web")]
)
def test_argocd_s_own_namespace_can_be_written_in_front_or_left_out(key: str, name: str) -> None:
    expected = Expected(rules={key: {"image": ":1"}})
    assert expected.of(name) == {"image": ":1"}
    assert expected.unmatched([name]) == ()
    assert Expected(rules={"team-a/web": {}}).unmatched([name])
    assert Expected(rules={"argocd/*": {}}).unmatched(["team-a/web"])
