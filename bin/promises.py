"""List the names on which pipelines of users rely, and keep them in ``docs/promises.json``.

A new name is added to the list. If a name of the list is missing in the sources, the program ends with a message,
because users would notice its removal. docs/en/reference/versions.md says what is promised.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

from reference import dotenv_variables, empty_result, report, tier

from argocd_release.messages import reports as texts
from argocd_release.model.outcome import Outcome
from argocd_release.model.problem import CauseCode
from argocd_release.reports import gitlab_reports, junit
from argocd_release.reports.json_report import SCHEMA as REPORT_SCHEMA
from argocd_release.settings.environment import PROPERTIES

PATH = Path("docs/promises.json")
Promises = dict[str, list[str]]


def generate(root: Path, inputs: Mapping[str, Sequence[str]]) -> str:
    """Return the text of the list. If a promised name is missing, end the program with a message.

    Args:
        root: the folder of the project.
        inputs: the names of the inputs of each component.
    """
    current = names(inputs)
    path = root / PATH
    if path.exists() and (lost := missing(json.loads(path.read_text("utf-8")), current)):
        sys.exit(
            f"{PATH} promises names that no longer exist: {', '.join(lost)}. next: restore them, or deprecate them as "
            "docs/en/reference/versions.md says, and then remove them from the list by hand"
        )
    return json.dumps(current, indent=2, ensure_ascii=False) + "\n"


def names(inputs: Mapping[str, Sequence[str]]) -> Promises:
    """Return all promised names of the sources by their kind."""
    own = {name: declared for name, declared in PROPERTIES.items() if tier(declared) != "set by GitLab"}
    return {
        "components": [f"platform/argocd-release/{component}" for component in inputs],
        **{f"inputs of {component}": sorted(given) for component, given in inputs.items()},
        "settings": sorted(own),
        "report files": sorted(declared["default"] for name, declared in own.items() if name.endswith("_PATH")),
        "exit codes": [f"{outcome.exit_code} {outcome.word}" for outcome in Outcome],
        "cause codes": sorted(code.word for code in CauseCode),
        "dotenv variables": [name.strip("`") for name, _ in dotenv_variables("en")],
        "JSON report": [
            f"format {REPORT_SCHEMA['properties']['format']['const']}",
            *(name.strip("`") for name, *_ in report(REPORT_SCHEMA, "en")),
        ],
        "JUnit report": junit_names(),
        "metrics": [f"{gitlab_reports.PREFIX}_{name}" for name in gitlab_reports.METRICS],
    }


def junit_names() -> list[str]:
    """Return the names of the suites and cases in the JUnit reports of one application and of a group."""
    found = [f"case {texts.UNLISTED}", f"case {texts.ALL_RELEASED}"]
    for several in (False, True):
        suites = ET.fromstring(junit.render(empty_result("APPLICATION", several=several)))  # noqa: S314 - our own text
        named = [element for element in suites.iter() if "name" in element.attrib]
        found += [f"{element.tag.removeprefix('test')} {element.attrib['name']}" for element in named]
    return sorted(set(found))


def missing(promised: Promises, current: Promises) -> list[str]:
    """Return the promised names that the sources lack, each after its kind."""
    return [f"{kind}: {name}" for kind, kept in promised.items() for name in kept if name not in current.get(kind, ())]
