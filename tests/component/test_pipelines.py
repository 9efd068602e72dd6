"""Pipelines that include the component, put through GitLab's rules: alone, as they are pasted, and among hostile jobs."""

import re
from typing import Any

import pytest
import yaml

from argocd_release.messages import settings
from argocd_release.settings import environment
from argocd_release.settings.environment import JobEnvironment
from argocd_release.settings.load import load
from tests.support import component, gitlab_pipeline
from tests.support.component import MAIN, MERGE_REQUEST, TAG
from tests.support.gitlab_ci_local import EXAMPLES, ROOT
from tests.support.gitlab_pipeline import Pipeline, RefusedError, merged, read

TEMPLATE = component.TEMPLATES["release"]
SNIPPETS = ROOT / "docs" / "snippets" / "pipelines"
INCLUDE = """
include:
  - component: $CI_SERVER_FQDN/platform/argocd-release/release@0.2.0
    inputs:
      application: sentry-frontend-dev
"""
# Keys that teams have in their pipelines, and that must not change the component's job.
HOSTILE: dict[str, Any] = {
    "default": {
        "image": "node:22",
        "before_script": ["npm ci"],
        "after_script": ["npm run report"],
        "services": ["docker:28.3.3-dind"],
        "cache": {"paths": ["node_modules/"]},
        "hooks": {"pre_get_sources_script": ["exit 1"]},
        "artifacts": {"paths": ["dist/"]},
        "retry": 2,
        "interruptible": False,
        "timeout": "2h",
        "tags": ["shared"],
    },
    "release": {"stage": ".post", "image": "node:22", "script": ["npx semantic-release"]},
}
KEPT_OUT = {"before_script", "after_script", "services", "cache", "hooks"}
OTHER_BRANCH = MAIN | {"CI_COMMIT_BRANCH": "topic"}
CHILD_OF_MERGE_REQUEST = MERGE_REQUEST | {"CI_PIPELINE_SOURCE": "parent_pipeline"}
CHILD = MAIN | {"CI_PIPELINE_SOURCE": "parent_pipeline"}
CHILD_OF_SCHEDULE = CHILD | {"PARENT_PIPELINE_SOURCE": "schedule"}
SCHEDULE = MAIN | {"CI_PIPELINE_SOURCE": "schedule"}


def readme() -> list[str]:
    """Return the pipelines of README, which is also what the catalog shows."""
    snippets = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    return [snippet for snippet in snippets if snippet.startswith("include:")]


def pasted() -> list[Any]:
    files = sorted([*SNIPPETS.glob("*.yml"), *EXAMPLES.glob("*.yml")])
    read_files = [pytest.param(file.read_text("utf-8"), id=f"{file.parent.name}/{file.stem}") for file in files]
    return [*(pytest.param(text, id=f"README-{at}") for at, text in enumerate(readme(), 1)), *read_files]


def releases(pipeline: Pipeline) -> dict[str, Any]:
    return {name: job for name, job in pipeline.jobs.items() if job["script"] == ["argocd-release || exit $?"]}


def includes(text: str) -> int:
    return sum("/release@" in entry["component"] for entry in yaml.safe_load(text).get("include", ()))


def with_inputs(extra: str = "", **inputs: Any) -> Pipeline:
    """Return a pipeline with the component only, or with ``extra``."""
    document = yaml.safe_load(INCLUDE)
    document["include"][0]["inputs"] |= inputs
    return read(yaml.safe_dump(document) + extra, TEMPLATE)


@pytest.mark.parametrize("text", pasted())
def test_gitlab_takes_it_alone_and_without_a_warning(text: str) -> None:
    pipeline = read(text, component.TEMPLATES)
    assert pipeline.warnings == ()
    if includes(text):
        assert len(releases(pipeline)) == includes(text)


@pytest.mark.parametrize("text", pasted())
def test_among_hostile_defaults_and_a_job_named_release(text: str) -> None:
    pipeline = read(yaml.safe_dump(merged(HOSTILE, yaml.safe_load(text))), component.TEMPLATES)
    # A page without an include can contain a copy of the job.
    assert len(releases(pipeline)) == includes(text) + ("script" in yaml.safe_load(text).get("argocd-release", {}))
    assert pipeline.jobs["release"]["script"] == ["npx semantic-release"]
    assert "environment" not in pipeline.jobs["release"]
    for name, job in releases(pipeline).items():
        assert not KEPT_OUT & set(job), name
        place = job["image"]["name"].partition(":")[0]
        assert job["variables"].get(place.removeprefix("$"), place).endswith("/argocd-release")
        assert job["artifacts"]["reports"]
        assert job["retry"]["exit_codes"] == [30]
        assert job["timeout"] == "2h", "what says how long and where jobs run is theirs to say"
        assert job["tags"] in (["shared"], ["in-cluster"], ["kubernetes"])


@pytest.mark.parametrize("text", pasted())
def test_no_job_of_ones_own_replaces_the_gate(text: str) -> None:
    own = yaml.safe_load(text)
    jobs: dict[str, Any] = {}
    for entry in own.get("include", ()):
        kind = entry["component"].rpartition("/")[2].partition("@")[0]
        jobs |= gitlab_pipeline.interpolated(component.TEMPLATES[kind], entry["inputs"])
    for name in set(own) & set(jobs):
        assert not {"script", "image"} & set(own[name]), f"{name} would be another job"


def test_the_defaults_do_reach_a_job_that_does_not_keep_them_out() -> None:
    careless = TEMPLATE.replace("  inherit:\n    default: [tags, timeout]\n", "")
    assert careless != TEMPLATE
    (job,) = releases(read(yaml.safe_dump(merged(HOSTILE, yaml.safe_load(INCLUDE))), careless)).values()
    assert set(job) >= KEPT_OUT


def test_a_stage_that_is_not_there_is_refused() -> None:
    with pytest.raises(
        RefusedError, match="chosen stage release does not exist; available stages are .pre, build, test"
    ):
        with_inputs(stage="release")


def test_a_job_of_the_same_name_would_take_the_gate_away() -> None:
    """The default name avoids this: jobs of one name are merged (https://docs.gitlab.com/ci/components/)."""
    pipeline = with_inputs("release:\n  script: [npx semantic-release]\n", job_name="release")
    assert releases(pipeline) == {}
    assert pipeline.jobs["release"]["environment"]["name"] == "dev"


@pytest.mark.parametrize(
    ("name", "tier"),
    [("production", "production"), ("staging", "staging"), ("dev", "development"), ("eu/live", "production")],
)
def test_an_environment_keeps_its_tier_and_its_url(name: str, tier: str) -> None:
    (job,) = releases(with_inputs(environment=name)).values()
    assert job["environment"] == {"name": name, "action": "start"}
    assert gitlab_pipeline.tier(job) == tier


def test_tier_and_url_when_they_are_asked_for() -> None:
    given = {"environment_tier": "staging", "environment_url": "argo-cd", "dotenv_prefix": "WEB"}
    (job,) = releases(with_inputs(environment="production", **given)).values()
    assert job["environment"]["deployment_tier"] == "staging"
    assert job["environment"]["url"] == "${WEB_URL}"
    assert job["variables"]["INPUT_RELEASE_DOTENV_PREFIX"] == "WEB"
    (without,) = releases(with_inputs(with_environment=False, **given)).values()
    assert "environment" not in without


@pytest.mark.parametrize("tier", ["production", "staging", "testing", "development", "other"])
def test_every_tier_that_can_be_asked_for(tier: str) -> None:
    (job,) = releases(with_inputs(environment_tier=tier)).values()
    assert job["environment"]["deployment_tier"] == tier


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"environment": ""}, "environment name can't be blank"),
        ({"environment_url": ""}, "not in the list of allowed options"),
        ({"rules": []}, "rules config can't be blank"),
        ({"retry": 3}, "less than or equal to 2"),
        ({"timeout": "600"}, "`timeout` input: provided value is not a number"),
        ({"timeout": "$SECONDS_TO_WAIT"}, "provided value is not a number"),
        ({"sync": "true"}, "provided value is not a boolean"),
        ({"chart_version": 1.1}, "provided value is not a string"),
        ({"dotenv_prefix": "a-b"}, "does not match"),
        ({"artifacts_access": "maintainer"}, "allowed options"),
        ({"needs": ["build"]}, "unknown input arguments: needs"),
    ],
)
def test_what_can_be_got_wrong_is_refused_aloud(inputs: dict[str, Any], message: str) -> None:
    with pytest.raises(RefusedError, match=re.escape(message)):
        with_inputs(**inputs)


@pytest.mark.parametrize("inputs", [{"timeout": 600}, {"sync": True}, {"fail_fast": False}, {"failed_attempts": 0}])
def test_numbers_and_booleans_need_no_quotes(inputs: dict[str, Any]) -> None:
    (job,) = releases(with_inputs(**inputs)).values()
    ((name, value),) = inputs.items()
    assert str(job["variables"][f"INPUT_RELEASE_{name.upper()}"]).strip() == str(value).lower()


def test_needs_and_tags_are_written_beside_the_include() -> None:
    extra = "build:\n  stage: build\n  script: ['true']\nargocd-release:\n  needs: [build]\n  tags: [big]\n"
    pipeline = with_inputs(extra)
    assert pipeline.jobs["argocd-release"]["needs"] == ["build"]
    assert pipeline.jobs["argocd-release"]["tags"] == ["big"]
    (alone,) = releases(with_inputs()).values()
    assert not {"needs", "tags"} & set(alone), "neither starts before the build nor loses the tags of `default:`"
    with pytest.raises(RefusedError, match="undefined need: no-such-job"):
        with_inputs("argocd-release:\n  needs: [no-such-job]\n")


@pytest.mark.parametrize(
    ("variables", "runs"),
    [
        (MAIN, True),
        (OTHER_BRANCH, False),
        (TAG, True),
        (CHILD, True),
        (CHILD_OF_SCHEDULE, False),
        (CHILD | {"CI_COMMIT_BRANCH": "topic"}, False),
        (MERGE_REQUEST, False),
        (CHILD_OF_MERGE_REQUEST, False),
        (SCHEDULE, False),
    ],
)
def test_when_the_job_runs_by_default(variables: dict[str, str], runs: bool) -> None:  # noqa: FBT001
    assert ("argocd-release" in with_inputs().created(variables)) is runs


@pytest.mark.parametrize("name", ["services", "migrated", "plain", "production", "matrix", "air-gapped"])
def test_an_example_makes_one_pipeline_for_a_push(name: str) -> None:
    """A push to a branch with a merge request offers GitLab two pipelines; releases must be in one of them only."""
    pipeline = read((EXAMPLES / f"{name}.yml").read_text("utf-8"), TEMPLATE)
    branch = OTHER_BRANCH | {"CI_OPEN_MERGE_REQUESTS": "team/shop!7"}
    both = [pipeline.created(variables) & set(releases(pipeline)) for variables in (branch, MERGE_REQUEST)]
    assert not (both[0] and both[1])
    assert pipeline.created(MAIN) & set(releases(pipeline)) or name == "production"


def test_the_same_names_in_the_job_and_in_its_artifacts() -> None:
    (job,) = releases(with_inputs()).values()
    reports = job["artifacts"]["reports"]
    told = {kind: job["variables"][f"INPUT_RELEASE_{kind.upper()}_PATH"] for kind in reports}
    assert set(reports) == {"junit", "dotenv", "annotations", "metrics"}
    assert reports == told
    people = [job["variables"][f"INPUT_RELEASE_{kind}_PATH"] for kind in ("JUNIT", "JSON", "PAGE")]
    assert job["artifacts"]["paths"] == people
    # GitLab exposes no path that holds a variable: the job's page links the page instead.
    assert "expose_as" not in job["artifacts"]
    names = [*reports.values(), *job["artifacts"]["paths"]]
    # Earlier jobs' files are in the folder when a job begins: a name that two share would be the other's green.
    # The slug of a name without Latin letters is empty, and release:web has that of release-web.
    assert all("$CI_JOB_NAME_SLUG-$CI_JOB_ID." in path for path in names)
    assert len(set(names)) == 6


def test_a_later_job_reads_both_of_two_releases() -> None:
    pipeline = read((SNIPPETS / "several.yml").read_text("utf-8"), TEMPLATE)
    prefixes = {job["variables"]["INPUT_RELEASE_DOTENV_PREFIX"] for job in releases(pipeline).values()}
    assert prefixes == {"FRONTEND", "PAYMENT"}
    assert prefixes == set(re.findall(r"\$(\w+)_STATUS", str(pipeline.jobs["notify"]["script"])))


def test_a_failed_pull_is_repeated_as_a_silent_argo_cd_is() -> None:
    (job,) = releases(with_inputs(retry=2)).values()
    assert job["retry"] == {"max": 2, "when": ["runner_system_failure"], "exit_codes": [30]}


def test_the_folder_is_emptied_and_reports_are_not_public() -> None:
    (job,) = releases(with_inputs()).values()
    assert job["variables"]["GIT_STRATEGY"] == "empty"
    assert job["artifacts"]["access"] == "developer"


def test_a_review_app_by_the_same_merge() -> None:
    pipeline = read((SNIPPETS / "review-app.yml").read_text("utf-8"), TEMPLATE)
    environment = pipeline.jobs["argocd-release"]["environment"]
    assert environment["on_stop"] == "stop-review"
    assert environment["auto_stop_in"] == "3 days"
    assert environment["kubernetes"] == {"agent": "platform/clusters:dev"}
    assert gitlab_pipeline.tier(pipeline.jobs["argocd-release"]) == "development"


EXTENDS = """
.mine:
  tags: [mine]
argocd-release:
  extends: {extends}
"""
AUDIENCE = {"oidc_audience": "https://argocd.example.com"}


def started(job: dict[str, Any]) -> dict[str, str]:
    """Return the variables of the job as GitLab starts it, as far as the component's promises concern them."""
    environ = {name: str(value) for name, value in job["variables"].items()}
    if "environment" in job:
        environ["CI_ENVIRONMENT_NAME"] = job["environment"]["name"]
    return environ | dict.fromkeys(job.get("id_tokens", {}), "x.y.z")


def test_extends_beside_the_include_takes_environment_and_token_away_and_the_job_says_so() -> None:
    (job,) = releases(with_inputs(EXTENDS.format(extends="[.mine]"), **AUDIENCE)).values()
    assert not {"environment", "id_tokens"} & set(job), "GitLab says nothing"
    (warning,) = environment.identity_warnings(JobEnvironment(started(job)))
    assert warning.message == settings.ENVIRONMENT_GONE.fill()
    (problem,) = environment.missing_identity({}, JobEnvironment(started(job)))
    assert settings.EXTENDS_REPLACED.fill() in problem.message
    assert warning.fix == problem.fix


def test_the_extends_that_the_job_advises_keeps_both() -> None:
    (job,) = releases(with_inputs(EXTENDS.format(extends="[.mine]"), **AUDIENCE)).values()
    (warning,) = environment.identity_warnings(JobEnvironment(started(job)))
    advised = warning.fix.partition("extends: ")[2].replace(".your-job", ".mine")
    (kept,) = releases(with_inputs(EXTENDS.format(extends=advised), **AUDIENCE)).values()
    assert kept["tags"] == ["mine"]
    assert kept["environment"]["name"] == "dev"
    assert kept["id_tokens"]["RELEASE_ID_TOKEN"] == {"aud": "https://argocd.example.com"}
    assert list(environment.identity_warnings(JobEnvironment(started(kept)))) == []


@pytest.mark.parametrize("inputs", [{}, {"with_environment": False}, AUDIENCE])
def test_a_job_without_extends_of_its_own_has_what_it_is_promised(inputs: dict[str, Any]) -> None:
    (job,) = releases(with_inputs(**inputs)).values()
    assert list(environment.identity_warnings(JobEnvironment(started(job)))) == []
    assert (
        list(
            environment.missing_identity(
                {"RELEASE_ID_TOKEN": started(job).get("RELEASE_ID_TOKEN")}, JobEnvironment(started(job))
            )
        )
        == []
    )


def test_the_inputs_that_most_pipelines_set_come_first() -> None:
    header = next(yaml.safe_load_all(TEMPLATE))
    assert list(header["spec"]["inputs"])[:8] == [
        "application", "expected_image", "revision", "server", "options", "timeout", "environment", "rules",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["release", "doctor"])
def test_inputs_are_listed_by_tier(name: str) -> None:
    """A user meets a dozen basic inputs first, and the rarely needed ones last."""
    names = list(next(yaml.safe_load_all(component.TEMPLATES[name]))["spec"]["inputs"])
    text = (ROOT / "docs" / "generated" / "component.en.md").read_text("utf-8")
    tiers = [re.findall(r"^\| `(\w+)`", part, re.MULTILINE) for part in text.split("\n## ")[1:]]
    assert len(tiers) == 3
    assert len(tiers[0]) == 12
    assert names == [each for tier in tiers for each in tier if each in names]
    assert names[-1] in tiers[-1]


def test_a_grace_period_beside_the_include_reaches_the_job() -> None:
    (job,) = releases(read((SNIPPETS / "updater.yml").read_text("utf-8"), TEMPLATE)).values()
    started = {name: str(value) for name, value in job["variables"].items()}
    secrets = {"ARGOCD_SERVER": "argocd.example.com", "ARGOCD_AUTH_TOKEN": "a.b.c", "CI_PIPELINE_ID": "1"}
    expanded = {name: value for name, value in started.items() if "$" not in value}
    assert load(JobEnvironment(expanded | secrets)).expectation_grace == 300


def test_the_first_lines_of_readme_do_nothing_on_a_feature_branch() -> None:
    pipeline = read(readme()[0], component.TEMPLATES)
    assert pipeline.created(MAIN) == {"argocd-release"}
    assert pipeline.created(OTHER_BRANCH) == set()


def test_a_new_service_has_a_build_and_a_release_that_run_together() -> None:
    """The page shows them in two blocks, which a user pastes into one file."""
    build, release = (yaml.safe_load((SNIPPETS / name).read_text("utf-8")) for name in ("build.yml", "new-service.yml"))
    pipeline = read(yaml.safe_dump(build | release | {"stages": ["build", "deploy"]}), TEMPLATE)
    assert pipeline.jobs["release:frontend"]["rules"] == pipeline.jobs["build:frontend"]["rules"]
    assert pipeline.jobs["release:frontend"]["needs"] == [{"job": "build:frontend", "optional": True}]


def test_readme_answers_a_monorepo_with_a_company_ca_and_without_a_stored_token() -> None:
    """Merge what README says about each part, as a newcomer does, into one pipeline."""
    (services,) = [text for text in readme() if text.count("component:") > 1]
    singles = [yaml.safe_load(text)["include"][0]["inputs"] for text in readme() if text.count("component:") == 1]
    more = {name: given[name] for given in singles for name in ("argocd_ca", "oidc_audience") if name in given}
    assert set(more) == {"argocd_ca", "oidc_audience"}
    document = yaml.safe_load(services)
    for entry in document["include"]:
        entry["inputs"] |= more
    jobs = releases(read(yaml.safe_dump(document), component.TEMPLATES))
    assert set(jobs) == {"release:frontend", "release:payment"}
    for job in jobs.values():
        assert job["id_tokens"]["RELEASE_ID_TOKEN"]["aud"] == more["oidc_audience"]
        assert job["variables"]["INPUT_RELEASE_ARGOCD_CA"] == "$ARGOCD_CA"
        assert job["variables"]["INPUT_RELEASE_IMAGE"].endswith(":$CI_COMMIT_SHORT_SHA")


def test_readme_shows_two_services_that_are_two_jobs() -> None:
    (text,) = [text for text in readme() if text.count("component:") > 1]
    jobs = releases(read(text, component.TEMPLATES))
    assert set(jobs) == {"release:frontend", "release:payment"}
    assert len({job["variables"]["INPUT_RELEASE_DOTENV_PREFIX"] for job in jobs.values()}) == 2
    assert len({job["environment"]["name"] for job in jobs.values()}) == 2
