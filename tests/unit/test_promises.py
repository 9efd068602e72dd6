"""Test that the promised names of docs/promises.json are those that users get, and that none can disappear."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import promises
import pytest
import yaml

from argocd_release.model.outcome import Outcome

ROOT = Path(__file__).parents[2]
PROMISED: promises.Promises = json.loads((ROOT / promises.PATH).read_text("utf-8"))
COMPONENTS = [path.rpartition("/")[2] for path in PROMISED["components"]]
CASES = ROOT / "tests" / "cases"
INPUTS = {name: PROMISED[f"inputs of {name}"] for name in COMPONENTS}


def test_each_promised_name_exists() -> None:
    assert promises.missing(PROMISED, promises.names(INPUTS)) == []


@pytest.mark.parametrize("component", COMPONENTS)
def test_the_template_of_each_component_has_the_promised_inputs(component: str) -> None:
    header = next(yaml.safe_load_all((ROOT / "templates" / f"{component}.yml").read_text("utf-8")))
    assert sorted(header["spec"]["inputs"]) == INPUTS[component]


def test_the_reports_of_recorded_jobs_have_the_promised_names() -> None:
    variables, cases = set(), set()
    for file in CASES.glob("*/argocd-release.env"):
        variables |= {line.partition("=")[0] for line in file.read_text("utf-8").splitlines()}
    for file in CASES.glob("*/argocd-release.xml"):
        suites = ET.parse(file).iter()
        cases |= {f"{element.tag.removeprefix('test')} {element.get('name')}" for element in suites}
    # No recorded job is about a group.
    group = {"APPLICATIONS", "DELIVERED", "FAILED", "FAILED_NAMES"}
    assert set(PROMISED["dotenv variables"]) - variables == {f"ARGOCD_RELEASE_{name}" for name in group}
    of_one = {"case health", "case operation", "case sync", "suite argocd-release"}
    assert of_one <= cases & set(PROMISED["JUnit report"])


def test_exit_codes_have_the_promised_numbers() -> None:
    assert {f"{outcome.exit_code} {outcome.word}" for outcome in Outcome} == set(PROMISED["exit codes"])


def test_a_name_that_disappears_stops_the_generator(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    lost = PROMISED | {"cause codes": [*PROMISED["cause codes"], "cause-of-old"], "flags": ["--old"]}
    (tmp_path / promises.PATH).write_text(json.dumps(lost), "utf-8")
    with pytest.raises(SystemExit, match=r"no longer exist: cause codes: cause-of-old, flags: --old\. next: restore"):
        promises.generate(tmp_path, INPUTS)


def test_a_new_name_is_added(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    shorter = PROMISED | {"cause codes": PROMISED["cause codes"][1:]}
    (tmp_path / promises.PATH).write_text(json.dumps(shorter), "utf-8")
    assert json.loads(promises.generate(tmp_path, INPUTS)) == PROMISED


@pytest.mark.parametrize("language", ["en", "ru"])
def test_the_page_of_promises_links_to_the_list_of_each_kind(language: str) -> None:
    page = (ROOT / "docs" / language / "reference" / "versions.md").read_text("utf-8")
    linked = set(re.findall(r"\]\(([\w./-]+\.md)", page))
    assert {"component.md", "settings.md", "exit-codes.md", "dotenv.md", "report.md", "junit.md", "page.md"} <= linked
    assert f"`{promises.PATH}`" in page
