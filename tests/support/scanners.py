"""Scan the project and its image with open scanners, and write reports in the format of GitLab's scanners.

GitLab's own scanners are images of GitLab.com. Run ``python -m tests.support.scanners KIND REPORT`` in the project. The
kinds are ``secret_detection`` (gitleaks), ``sast`` (bandit) and ``container_scanning``. The last one reports each Debian
package of the image CS_IMAGE for which Debian's security archive has a newer package. The archive has no
severities, so each such package counts as High. The scan leaves out Python packages, because a package index alone does
not know their vulnerabilities.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

BANDIT: Final = ("uvx", "bandit==1.9.4", "--recursive", "--quiet", "--exit-zero", "--format", "json", "plugin")
SECURITY: Final = "deb http://deb.debian.org/debian-security trixie-security main"
Vulnerability = dict[str, Any]


def main() -> int:
    kind, report = sys.argv[1:]
    scan = {"secret_detection": secrets, "sast": weaknesses, "container_scanning": packages}[kind]
    document = {"scan": {"type": kind}, "vulnerabilities": list(scan())}
    Path(report).write_text(json.dumps(document, indent=2), "utf-8")
    print(f"{report}: {len(document['vulnerabilities'])} vulnerabilities")
    return 0


def secrets() -> Iterator[Vulnerability]:
    """Yield the secrets in the history of git, except below SECRET_DETECTION_EXCLUDED_PATHS."""
    excluded = [path.strip() for path in os.environ.get("SECRET_DETECTION_EXCLUDED_PATHS", "").split(",")]
    with tempfile.NamedTemporaryFile(suffix=".json") as found:
        command = ["gitleaks", "git", "--no-banner", "--exit-code=0", f"--report-path={found.name}", "."]
        subprocess.run(command, check=True)
        leaks = json.loads(Path(found.name).read_text("utf-8"))
        for leak in (
            leak for leak in leaks if not any(Path(leak["File"]).is_relative_to(path) for path in excluded if path)
        ):
            place = {"file": leak["File"], "start_line": leak["StartLine"]}
            yield vulnerability(leak["RuleID"], "Critical", leak["Description"], place)


def weaknesses() -> Iterator[Vulnerability]:
    """Yield the weaknesses in the code of the product."""
    for result in json.loads(output(BANDIT))["results"]:
        place = {"file": result["filename"], "start_line": result["line_number"]}
        yield vulnerability(result["test_id"], result["issue_severity"].title(), result["issue_text"], place)


def packages() -> Iterator[Vulnerability]:
    """Yield the Debian packages of the image that have a security update."""
    update = f"echo {SECURITY} > /etc/apt/sources.list.d/security.list; apt-get update -qq; apt-get upgrade -s"
    for line in in_image("sh", "-ec", update).splitlines():
        word, name, *rest = (*line.split(), "", "")
        if word == "Inst" and "Security" in line:
            place = {"dependency": {"package": {"name": name}, "version": rest[0]}}
            yield vulnerability(f"security update of {name}", "High", line, place, line)


def vulnerability(name: str, severity: str, text: str, place: dict[str, Any], solution: str = "") -> Vulnerability:
    return {
        "name": name,
        "severity": severity,
        "description": text,
        "identifiers": [{"type": "id", "name": name, "value": name}],
        "location": place,
        "solution": solution,
    }


def in_image(*command: str) -> str:
    run = ("docker", "run", "--rm", "--network=host", "--user=0", os.environ["CS_IMAGE"])
    return output((*run, *command))


def output(command: tuple[str, ...]) -> str:
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"{command[0]} {command[1]} ended with exit code {done.returncode}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
