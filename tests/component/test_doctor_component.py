"""The doctor's component: as the release's, but it deploys nothing and writes no report."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from argocd_release.settings.environment import PROPERTIES
from tests.support.component import MAIN, MERGE_REQUEST, TEMPLATES, resolved, schema_errors
from tests.support.gitlab_ci_local import Consumer
from tests.support.gitlab_pipeline import RefusedError, read

AUDIENCE = "https://argocd.example.com"
INCLUDE = """
include:
  - component: $CI_SERVER_FQDN/platform/argocd-release/{component}@0.2.0
    inputs: {{application: sentry-frontend-dev, {inputs}}}
build:
  script: [make]
"""


def job(component: str, inputs: str = "") -> dict[str, Any]:
    """Return the component's job as it will run."""
    pipeline = read(INCLUDE.format(component=component, inputs=inputs), TEMPLATES)
    return dict(pipeline.jobs[f"argocd-{component}"])


def test_the_header_is_of_the_same_kind() -> None:
    release, doctor = (
        next(yaml.safe_load_all(text))["spec"]["inputs"] for text in (TEMPLATES["release"], TEMPLATES["doctor"])
    )
    # The doctor takes every setting of a release under the same name.
    for declared in PROPERTIES.values():
        if "x-input" in declared and "x-only" not in declared:
            assert doctor[declared["x-input"]] == release[declared["x-input"]]
    assert set(doctor) < set(release)
    for name, declared in doctor.items():
        assert set(declared) <= {"default", "description", "type", "options", "regex"}, name
        assert "default" in declared, f"{name} would be mandatory"


@pytest.mark.parametrize(
    "given", [{}, {"with_environment": False}, {"oidc_audience": AUDIENCE}, {"allow_failure": False}]
)
def test_against_gitlabs_schema(given: dict[str, Any]) -> None:
    assert schema_errors(next(yaml.safe_load_all(TEMPLATES["doctor"]))) == []
    assert schema_errors(resolved("doctor", **given)) == []


def test_it_runs_by_hand_and_deploys_nothing() -> None:
    doctor = job("doctor")
    assert doctor["script"] == ["argocd-release doctor || exit $?"]
    assert doctor["environment"] == {"name": "dev", "action": "access"}
    assert doctor["rules"][-1]["when"] == "manual"
    assert doctor["allow_failure"] is True
    pipeline = read(INCLUDE.format(component="doctor", inputs=""), TEMPLATES)
    assert "argocd-doctor" in pipeline.created(MAIN)
    assert "argocd-doctor" not in pipeline.created(MERGE_REQUEST)


def test_it_is_told_what_the_release_is_told() -> None:
    release, doctor = job("release", "timeout: 600"), job("doctor", "timeout: 600")
    assert doctor["variables"] == release["variables"] | {"INPUT_JOB_NAME": "argocd-doctor"}
    assert doctor["inherit"] == release["inherit"]
    assert doctor["image"] == release["image"]


@pytest.mark.parametrize("component", TEMPLATES)
def test_an_audience_gives_the_job_an_identity(component: str) -> None:
    with_one = job(component, f"oidc_audience: '{AUDIENCE}', dex_connector: gitlab-ci")
    assert with_one["id_tokens"] == {"RELEASE_ID_TOKEN": {"aud": AUDIENCE}}
    assert with_one["variables"]["INPUT_RELEASE_DEX_CONNECTOR"] == "gitlab-ci"
    assert "id_tokens" not in job(component), "GitLab refuses an empty aud"


@pytest.mark.parametrize("component", TEMPLATES)
@pytest.mark.parametrize("audience", ["argocd.example.com", "http://argocd.example.com", "https://", "https://a b"])
def test_an_audience_that_would_be_none(component: str, audience: str) -> None:
    with pytest.raises(RefusedError, match="does not match"):
        job(component, f"oidc_audience: '{audience}'")


def test_gitlab_ci_local_takes_both(tmp_path: Path) -> None:
    text = INCLUDE.format(component="release", inputs="") + "\n"
    both = yaml.safe_load(text)
    both["include"] += yaml.safe_load(INCLUDE.format(component="doctor", inputs=""))["include"]

    shown = yaml.safe_load(Consumer.create(tmp_path, yaml.safe_dump(both)).preview())

    assert shown["argocd-doctor"]["script"] == ["argocd-release doctor || exit $?"]
    assert shown["argocd-release"]["script"] == ["argocd-release || exit $?"]
