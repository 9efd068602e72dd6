"""The component of the diff: it runs in merge request pipelines, and reads only the settings of a diff."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from argocd_release.settings.environment import PROPERTIES
from tests.support.component import MAIN, MERGE_REQUEST, TEMPLATES, resolved, schema_errors
from tests.support.gitlab_ci_local import Consumer
from tests.support.gitlab_pipeline import read

INCLUDE = """
include:
  - component: $CI_SERVER_FQDN/platform/argocd-release/diff@0.2.0
    inputs: {application: sentry-frontend-dev}
build:
  script: [make]
"""


def inputs() -> dict[str, dict[str, Any]]:
    return dict(next(yaml.safe_load_all(TEMPLATES["diff"]))["spec"]["inputs"])


def test_its_inputs_are_the_settings_of_a_diff() -> None:
    read_by_a_diff = {
        declared["x-input"]
        for declared in PROPERTIES.values()
        if "x-input" in declared and (declared.get("x-diff") or declared.get("x-only") == "diff")
    }
    assert read_by_a_diff <= set(inputs())
    assert {"scope", "fail_on"} <= read_by_a_diff
    assert "degraded_grace" not in inputs()
    for declared in inputs().values():
        assert set(declared) <= {"default", "description", "type", "options", "regex"}
        assert "default" in declared


def test_no_other_component_has_the_inputs_of_a_diff() -> None:
    for name in ("release", "doctor"):
        assert not {"scope", "fail_on"} & set(next(yaml.safe_load_all(TEMPLATES[name]))["spec"]["inputs"])


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"with_environment": True},
        {"oidc_audience": "https://argocd.example.com"},
        {"fail_on": "dangerous", "scope": "all"},
    ],
)
def test_against_gitlabs_schema(given: dict[str, Any]) -> None:
    assert schema_errors(next(yaml.safe_load_all(TEMPLATES["diff"]))) == []
    assert schema_errors(resolved("diff", **given)) == []


def test_it_runs_in_merge_request_pipelines_only() -> None:
    pipeline = read(INCLUDE, TEMPLATES)
    assert "argocd-diff" in pipeline.created(MERGE_REQUEST)
    assert "argocd-diff" not in pipeline.created(MAIN)
    job = pipeline.jobs["argocd-diff"]
    assert job["script"] == ["argocd-release diff || exit $?"]
    assert "environment" not in job
    assert job["variables"]["INPUT_RELEASE_MR_NOTE"].strip() == "true"


def test_gitlab_ci_local_takes_it(tmp_path: Path) -> None:
    shown = yaml.safe_load(Consumer.create(tmp_path, INCLUDE).preview())

    assert shown["argocd-diff"]["script"] == ["argocd-release diff || exit $?"]
