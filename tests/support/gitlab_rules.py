"""Check reports by the rules of GitLab's parsers, which are copied from their source.

Sources: lib/gitlab/ci/parsers/test/junit.rb, ci_job_annotation_data.json,
app/services/ci/parse_dotenv_artifact_service.rb, and lib/gitlab/ci/variables/collection/item.rb for the expansion of
dotenv variables in later jobs.
"""

import json
import re
from xml.etree import ElementTree as ET

ANNOTATIONS_BYTES = 80 * 1024
DOTENV_BYTES = 5120
DOTENV_VARIABLES = 20
# The pattern Item::VARIABLES_REGEXP. GitLab expands %NAME% on all systems. $$ and %% are escapes.
EXPANDED = re.compile(r"\$\$|%%|\$([a-zA-Z_][a-zA-Z0-9_]*)|\${([a-zA-Z_][a-zA-Z0-9_]*)?}|%([a-zA-Z_][a-zA-Z0-9_]*)%")
# The pattern ATTACHMENT_TAG_REGEX of junit.rb, which GitLab searches in system-out.
ATTACHMENT = re.compile(r"\[\[ATTACHMENT\|(?P<path>.+?)\]\]")
KEY = re.compile(r"[A-Za-z0-9_]{1,255}")


def released(cases: dict[str, str]) -> str:
    """Return the status of the JUnit case that stands for the whole release."""
    (status,) = [status for name, status in cases.items() if name.endswith((" is released", " are released"))]
    return status


def check_junit(document: str) -> dict[str, str]:
    """Parse a JUnit report like GitLab, and return the status of each case by its name.

    Raises:
        AssertionError: GitLab would reject the report, or drop a case.
        ParseError: the report is not XML.
    """
    root = ET.fromstring(document)
    assert root.tag in {"testsuites", "testsuite"}
    cases: dict[str, str] = {}
    for suite in root.iter("testsuite"):
        assert suite.get("name")
        failed = [case for case in suite.findall("testcase") if {"failure", "error"} & {child.tag for child in case}]
        assert len(failed) <= 1, "the release of an application is one test"
        for case in suite.findall("testcase"):
            key = f"{case.get('classname')} {case.get('name')}"
            assert case.get("name")
            assert case.get("classname")
            assert key not in cases, f"{key} is there twice: GitLab would drop one"
            assert not (case.text or "").strip(), "text directly inside a case kills the whole report"
            assert len(case.findall("system-out")) <= 1, "two of them kill the whole report"
            marks = [child for child in case if child.tag in {"failure", "error", "skipped"}]
            assert len(marks) <= 1
            for mark in marks:
                assert not mark.attrib, "attributes are dropped as soon as there is text"
                assert (mark.text or "").strip(), "only the text is shown"
            text = "".join(case.itertext())
            links = [found["path"] for found in ATTACHMENT.finditer(case.findtext("system-out") or "")]
            assert text.count("[[ATTACHMENT|") == len(links) <= 1, "a link that is not ours"
            assert not any(link.startswith("/") or ".." in link for link in links), "not a path in the project"
            assert not case.get("file", "").startswith("/")
            cases[str(case.get("name"))] = marks[0].tag if marks else "passed"
    assert cases, "a report without cases says nothing"
    return cases


def check_dotenv(document: str) -> dict[str, str]:
    """Parse a dotenv report like GitLab, and return its variables.

    Raises:
        AssertionError: GitLab would reject the report and fail the job, or expand a variable in a value.
    """
    assert len(document.encode()) < DOTENV_BYTES
    variables = {}
    for line in document.removesuffix("\n").split("\n"):
        key, equals, value = line.partition("=")
        assert equals, f"no variable: {line!r}"
        assert KEY.fullmatch(key), f"no key: {key!r}"
        assert "$" not in value, "later jobs would expand it"
        assert not re.search(r"%[A-Za-z_]", value), "later jobs would expand it"
        assert not any(any(found.groups()) for found in EXPANDED.finditer(value))
        assert key not in variables
        variables[key] = value
    assert len(variables) <= DOTENV_VARIABLES
    return variables


def check_annotations(document: str) -> dict[str, str]:
    """Parse an annotations report like GitLab (ci_job_annotation_data.json), and return the links by their labels.

    Raises:
        AssertionError: GitLab would reject the report.
    """
    assert len(document.encode()) <= ANNOTATIONS_BYTES
    sections = json.loads(document)
    assert isinstance(sections, dict)
    links = {}
    for name, entries in sections.items():
        assert 1 <= len(name) <= 255
        for entry in entries:
            assert set(entry) == {"external_link"}
            assert set(entry["external_link"]) == {"label", "url"}
            assert entry["external_link"]["url"].startswith(("http://", "https://"))
            links[entry["external_link"]["label"]] = entry["external_link"]["url"]
    return links
