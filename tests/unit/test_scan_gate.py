"""Test which vulnerabilities in the reports of GitLab's scanners stop a version."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

GATE = Path(__file__).parents[2] / "bin" / "scan_gate"


def vulnerability(severity: str, **fields: Any) -> dict[str, Any]:
    identifiers = [{"type": "cve", "name": "CVE-2026-1", "value": "CVE-2026-1"}]
    location = {"dependency": {"package": {"name": "openssl"}}, "image": "x"}
    return {"name": "overflow", "severity": severity, "identifiers": identifiers, "location": location} | fields


def gate(folder: Path, kind: str, *found: dict[str, Any], options: tuple[str, ...] = ()) -> tuple[int, str]:
    report = folder / "report.json"
    report.write_text(json.dumps({"scan": {"type": kind}, "vulnerabilities": found}), "utf-8")
    command = [sys.executable, str(GATE), str(report), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("kind", "severity", "solution", "code"),
    [
        ("container_scanning", "Critical", "Upgrade openssl to 3.5.2", 1),
        ("container_scanning", "High", "Upgrade openssl to 3.5.2", 1),
        ("container_scanning", "Critical", "", 0),
        ("container_scanning", "Medium", "Upgrade openssl to 3.5.2", 0),
        ("dependency_scanning", "High", "Upgrade to 2", 1),
        ("secret_detection", "Critical", "", 1),
        ("sast", "High", "", 1),
        ("sast", "Info", "", 0),
    ],
)
def test_severity_and_fix_decide(kind: str, severity: str, solution: str, code: int, tmp_path: Path) -> None:
    ended, said = gate(tmp_path, kind, vulnerability(severity, solution=solution))
    assert ended == code
    assert ("CVE-2026-1" in said) is bool(code)


def test_a_line_names_the_package_and_the_fix(tmp_path: Path) -> None:
    _, said = gate(tmp_path, "container_scanning", vulnerability("High", solution="Upgrade openssl to 3.5.2"))
    assert said.endswith("report.json: High: overflow in openssl (CVE-2026-1). Upgrade openssl to 3.5.2\n")


def test_an_accepted_one_passes(tmp_path: Path) -> None:
    assert gate(tmp_path, "sast", vulnerability("High"), options=("--accept", "CVE-2026-1"))[0] == 0
    assert gate(tmp_path, "sast", vulnerability("High"), options=("--accept", "CVE-2026-2"))[0] == 1


def test_a_missing_report_stops_unless_it_is_optional(tmp_path: Path) -> None:
    absent = str(tmp_path / "absent.json")
    assert gate(tmp_path, "sast", options=(absent,))[0] == 1
    assert gate(tmp_path, "sast", options=("--optional", absent))[0] == 0
