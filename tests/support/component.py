"""The component as a consumer's pipeline gets it, and copies of the project that tests can change."""

import importlib.resources
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

from jsonschema import Draft7Validator

from tests.support.gitlab_pipeline import interpolated

ROOT: Final = Path(__file__).parents[2]
TEMPLATE: Final = ROOT / "templates" / "release.yml"
DOCTOR: Final = ROOT / "templates" / "doctor.yml"
DIFF: Final = ROOT / "templates" / "diff.yml"
TEMPLATES: Final = {file.stem: file.read_text("utf-8") for file in (TEMPLATE, DOCTOR, DIFF)}
# The predefined variables of GitLab in each kind of pipeline.
MAIN: Final = {"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BRANCH": "main", "CI_DEFAULT_BRANCH": "main"}
TAG: Final = {"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_TAG": "1.2.3", "CI_DEFAULT_BRANCH": "main"}
MERGE_REQUEST: Final = {
    "CI_PIPELINE_SOURCE": "merge_request_event",
    "CI_MERGE_REQUEST_IID": "7",
    "CI_DEFAULT_BRANCH": "main",
}


def resolved(component: str = "release", /, **given: Any) -> dict[str, Any]:
    """Return the component's jobs with these inputs."""
    return interpolated(TEMPLATES[component], given)


def schema_errors(document: Any) -> list[str]:
    """Return the errors of a validation against GitLab's own schema for pipelines."""
    packaged = importlib.resources.files("check_jsonschema").joinpath("builtin_schemas/vendor/gitlab-ci.json")
    return [
        f"{'/'.join(map(str, error.path))}: {error.message[:200]}"
        for error in Draft7Validator(json.loads(packaged.read_text("utf-8"))).iter_errors(document)
    ]


def copy_of_the_project(folder: Path) -> Path:
    """Copy all files that git tracks, including uncommitted changes, into the folder, and return the folder."""
    files = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    for name in filter(None, files):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
    return folder
