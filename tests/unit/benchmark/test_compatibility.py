"""Test the results of ``bin/dev compatibility``, and their use in the documentation and the product."""

import json

from benchmark.compatibility import OUTPUT, merged, rendered
from sandbox.releases import DEFAULT, RELEASES
from scenarios import NEWEST, SCENARIOS
from scenarios.dsl import Scenario
from scenarios.parallel_runner import possible

ENTRY = {
    "server": "3.6.1",
    "cli": "2.13.2",
    "results": {"b": {"right": 1, "seconds": 2}, "a": {"right": 3, "seconds": 1}},
}


def test_what_is_committed_is_what_the_command_writes() -> None:
    text = OUTPUT.read_text("utf-8")
    assert rendered(json.loads(text)) == text


def test_what_is_committed_is_of_versions_and_scenarios_that_there_are() -> None:
    entries = json.loads(OUTPUT.read_text("utf-8"))
    assert {(DEFAULT.version, DEFAULT.version), (list(RELEASES)[-1], DEFAULT.version)} <= {
        (each["server"], each["cli"]) for each in entries
    }
    for each in entries:
        assert {each["server"], each["cli"]} <= set(RELEASES)
        assert len(each["results"]) in {0, each["scenarios"]}


def test_an_entry_takes_the_place_of_the_one_before() -> None:
    other = ENTRY | {"server": "2.13.2", "cli": "2.13.2"}
    assert merged([dict(ENTRY, results={}), other], ENTRY) == [other, ENTRY]
    assert merged([ENTRY], ENTRY | {"server": "3.10.0"}) == [ENTRY, ENTRY | {"server": "3.10.0"}]


def test_the_newest_version_is_played_in_every_way() -> None:
    assert len(NEWEST) >= 30
    assert set(SCENARIOS) >= NEWEST
    assert {SCENARIOS[name].outcome for name in NEWEST} >= {each.outcome for each in SCENARIOS.values()}


def test_a_scenario_is_possible_where_its_parts_are() -> None:
    scenarios = [scenario("plain"), scenario("hydrates", "commit-server")]
    assert list(possible(scenarios, DEFAULT)) == ["plain"]
    assert list(possible(scenarios, RELEASES["3.6.1"])) == ["plain", "hydrates"]


def scenario(name: str, *parts: str) -> Scenario:
    some = next(iter(SCENARIOS.values()))
    return Scenario(
        name=name, title="", outcome=some.outcome, play=some.play, cause="", max_seconds=1, exclusive=False, parts=parts
    )
