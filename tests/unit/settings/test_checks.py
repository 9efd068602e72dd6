"""Test that a wrong setting is an error with a fix, and that a clear but unusual one is only a warning."""

import json
from pathlib import Path

import pytest

from argocd_release.messages import Message, settings
from argocd_release.model.errors import SettingsError, SetupProblem
from argocd_release.settings import environment, interpret
from argocd_release.settings.environment import JobEnvironment
from argocd_release.settings.load import check_job_time, load

GOOD = {"ARGOCD_SERVER": "argocd.example.com", "ARGOCD_AUTH_TOKEN": "eyJ.e30.c2ln", "ARGOCD_APP_NAME": "web"}
COMPONENT = {"INPUT_COMPONENT": "true", "INPUT_JOB_NAME": "release:web"}
PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


def wrong(**environ: str) -> list[SetupProblem]:
    """Return the problems of the settings with these variables."""
    try:
        load(JobEnvironment(GOOD | environ))
    except SettingsError as error:
        return list(error.problems)
    return []


@pytest.mark.parametrize(
    ("environ", "subject", "code", "fix"),
    [
        (COMPONENT | {"INPUT_ARGOCD_SERVER": "http://argocd.example.com"}, "ARGOCD_SERVER", "server-scheme", "argocd.example.com, and add --plaintext"),
        ({"ARGOCD_SERVER": "ftp://argocd.example.com"}, "ARGOCD_SERVER", "server-scheme", "argocd.example.com"),
        ({"ARGOCD_SERVER": "argocd.example.com/argo"}, "ARGOCD_SERVER", "server-path", settings.ADD_ROOT_PATH.fill(fix="argocd.example.com", path="/argo")),
        ({"ARGOCD_SERVER": "'argocd.example.com'"}, "ARGOCD_SERVER", "server-quoted", "argocd.example.com"),
        ({"RELEASE_SYNC": "yes"}, "RELEASE_SYNC", "setting", "<RELEASE_SYNC> to true"),
        ({"RELEASE_SYNC": "flase"}, "RELEASE_SYNC", "setting", "<RELEASE_SYNC> to false"),
        (COMPONENT | {"INPUT_RELEASE_WAIT_FOR": "sync helth"}, "RELEASE_WAIT_FOR", "setting", "<RELEASE_WAIT_FOR> to sync health"),
        ({"RELEASE_ON_FAILURE": "stopp"}, "RELEASE_ON_FAILURE", "setting", "<RELEASE_ON_FAILURE> to stop"),
        ({"RELEASE_ON_FAILURE": "qwerty"}, "RELEASE_ON_FAILURE", "setting", "finish or stop"),
        ({"RELEASE_TIMEOUT": "10 min"}, "RELEASE_TIMEOUT", "setting", settings.RANGE.fill(minimum=1, maximum=86400)),
        ({"RELEASE_TIMEOUT": "48h"}, "RELEASE_TIMEOUT", "setting", settings.RANGE.fill(minimum=1, maximum=86400)),
        ({"RELEASE_STABLE_FOR": "5m"}, "RELEASE_STABLE_FOR", "setting", "raise <RELEASE_TIMEOUT>"),
        ({"RELEASE_FAILED_ATTEMPTS": "2m"}, "RELEASE_FAILED_ATTEMPTS", "setting", "from 0 to 100"),
    ],
)  # fmt: skip
def test_a_wrong_setting_comes_with_its_fix(environ: dict[str, str], subject: str, code: str, fix: str) -> None:
    """The reader can copy the correct value from the fix."""
    (problem,) = wrong(**environ)
    assert (problem.subject, problem.code) == (subject, code)
    assert fix in problem.fix


SITE = {"RELEASE_URL_CHECK": "true", "RELEASE_SITE_URL": "https://web.example.com"}
REVERT = {"RELEASE_REVERT": "merge-request", "CI_PROJECT_PATH": "team/web", "CI_PROJECT_ID": "7"}


@pytest.mark.parametrize(
    ("environ", "fitting", "subject"),
    [
        (
            SITE | {"RELEASE_URL_SUCCESS_THRESHOLD": "31", "RELEASE_TIMEOUT": "60"},
            {"RELEASE_TIMEOUT": "61"},
            "RELEASE_URL_SUCCESS_THRESHOLD",
        ),
        (
            {"RELEASE_TERMINATE_OLD_SYNC": "true", "RELEASE_STUCK_GRACE": "0"},
            {"RELEASE_STUCK_GRACE": "1"},
            "RELEASE_TERMINATE_OLD_SYNC",
        ),
        (REVERT | {"RELEASE_REVERT_PROJECT": "team/config"}, {"RELEASE_REVISION": "3f2c1ab"}, "RELEASE_REVERT_PROJECT"),
        (REVERT | {"RELEASE_REVERT_PROJECT": "8"}, {"RELEASE_REVERT_PROJECT": "7"}, "RELEASE_REVERT_PROJECT"),
        (REVERT | {"RELEASE_REVERT_PROJECT": "8"}, {"RELEASE_REVERT_PROJECT": "Team/Web"}, "RELEASE_REVERT_PROJECT"),
        ({"RELEASE_REVISION_MATCH": "exact"}, {"RELEASE_REVISION": "3f2c1ab"}, "RELEASE_REVISION_MATCH"),
        (
            {"RELEASE_REVISION_MATCH": "exact", "RELEASE_IMAGE": "web:1"},
            {"RELEASE_REVISION_MATCH": "contained"},
            "RELEASE_REVISION_MATCH",
        ),
        ({"RELEASE_SOURCE": "values"}, {"RELEASE_REVISION": "3f2c1ab"}, "RELEASE_SOURCE"),
        ({"RELEASE_SOURCE": "2", "RELEASE_IMAGE": "web:1"}, {"RELEASE_CHART_VERSION": "1.2.3"}, "RELEASE_SOURCE"),
    ],
)
def test_settings_that_cannot_work_together_are_an_error(
    environ: dict[str, str], fitting: dict[str, str], subject: str
) -> None:
    (problem,) = wrong(**environ)
    assert problem.subject == subject
    assert not wrong(**(environ | fitting))


@pytest.mark.parametrize(
    ("environ", "rules", "subjects"),
    [
        # A revision in the file is enough for the setting, and the revision of the setting is enough for the file.
        ({"RELEASE_REVISION_MATCH": "exact"}, {"web": {"revision": "3f2c1ab"}, "db": {"image": "db:1"}}, []),
        ({"RELEASE_SOURCE": "values"}, {"web": {"chart_version": "1.2.3"}}, []),
        ({"RELEASE_REVISION": "3f2c1ab"}, {"web": {"revision_match": "exact", "source": "2"}}, []),
        ({"RELEASE_REVISION_MATCH": "exact"}, {"web": {"image": "web:1"}}, ["RELEASE_REVISION_MATCH"]),
        ({}, {"web": {"revision_match": "exact"}, "db": {"revision": "3f2c1ab"}}, ["RELEASE_EXPECTATIONS"]),
        ({}, {"web": {"source": "values", "image": "web:1"}}, ["RELEASE_EXPECTATIONS"]),
        ({}, {"web": {"revision_match": "contained", "image": "web:1"}}, []),
    ],
)
def test_a_rule_about_a_revision_needs_a_revision_in_the_settings_or_the_file(
    environ: dict[str, str], rules: dict[str, dict[str, str]], subjects: list[str], tmp_path: Path
) -> None:
    file = tmp_path / "expectations.json"
    file.write_text(json.dumps(rules))
    problems = wrong(RELEASE_EXPECTATIONS=str(file), **environ)
    assert [problem.subject for problem in problems] == subjects
    assert all("web" in problem.message for problem in problems if problem.subject == "RELEASE_EXPECTATIONS")


def test_a_release_that_cannot_stay_ready_before_gitlab_ends_the_job_is_an_error() -> None:
    settings_of_job = load(JobEnvironment(GOOD | {"RELEASE_STABLE_FOR": "60", "CI_JOB_TIMEOUT": "105"}))
    check_job_time(settings_of_job, 61)
    with pytest.raises(SettingsError) as caught:
        check_job_time(settings_of_job, 60)
    (problem,) = caught.value.problems
    assert problem.subject == "RELEASE_STABLE_FOR"
    assert "CI_JOB_TIMEOUT" in problem.message
    check_job_time(load(JobEnvironment(GOOD)), 1)


def test_each_malformed_pattern_of_resources_is_an_error_with_its_own_fix() -> None:
    given = "apps:Deployment:web deployment.apps/api,\n!:Service:*, web"
    first, second = wrong(RELEASE_RESOURCES=given)
    assert {first.subject, second.subject} == {"RELEASE_RESOURCES"}
    assert "'deployment.apps/api'" in first.message
    assert "apps:Deployment:api" in first.fix
    assert "'web'" in second.message
    assert not wrong(RELEASE_RESOURCES="apps:Deployment:web,\n!:Service:*")


def test_all_mistakes_are_said_at_once(tmp_path: Path) -> None:
    subjects = [problem.subject for problem in wrong(
        ARGOCD_SERVER="argocd.example.com/argo",
        RELEASE_ARGOCD_CA=str(tmp_path / "ca.pem"),
        ARGOCD_APP_NAME="",
        ARGOCD_OPTS="--grpc-web stray",
        RELEASE_EXPECTATIONS=str(tmp_path / "none.yml"),
        RELEASE_SYNC="yes",
        RELEASE_URL_CHECK="true",
    )]  # fmt: skip
    assert subjects == [
        "ARGOCD_SERVER", "RELEASE_ARGOCD_CA", "ARGOCD_APP_NAME", "ARGOCD_OPTS", "RELEASE_EXPECTATIONS", "RELEASE_SYNC",
        "RELEASE_URL_CHECK",
    ]  # fmt: skip


@pytest.mark.parametrize("given", ["https://argocd.example.com", "https://argocd.example.com/", "argocd.example.com/"])
def test_an_address_that_means_one_host_is_accepted_with_a_warning(given: str) -> None:
    environ = GOOD | COMPONENT | {"INPUT_ARGOCD_SERVER": given}
    assert load(JobEnvironment(environ)).server == "argocd.example.com"
    (problem,) = interpret.warnings(JobEnvironment(environ))
    assert (problem.subject, problem.outcome) == ("ARGOCD_SERVER", None)
    assert problem.code == ("server-scheme" if "://" in given else "server-path")
    assert problem.fix.endswith(" argocd.example.com")


@pytest.mark.parametrize("given", ["https://a/b", "https://user:secret@argocd.example.com/", "https://", "https://a//"])
def test_an_address_that_needs_a_decision_is_refused_without_its_password(given: str) -> None:
    found = wrong(ARGOCD_SERVER=given)
    assert found
    assert "secret" not in str(found)


@pytest.mark.parametrize(
    ("given", "seconds"), [("10m", 600), ("600s", 600), ("1h30m", 5400), ("1H", 3600), ("2m5s", 125), ("90", 90)]
)
def test_a_duration_is_accepted_with_a_warning(given: str, seconds: int) -> None:
    environ = GOOD | {"RELEASE_TIMEOUT": given}
    assert load(JobEnvironment(environ)).timeout == seconds
    warned = [(problem.code, problem.subject) for problem in interpret.warnings(JobEnvironment(environ))]
    assert warned == ([] if given == "90" else [("setting-read-as", "RELEASE_TIMEOUT")])


@pytest.mark.parametrize("given", ["m", "1.5h", "5m1h", "10x", "-5m", "1m ", "99999h", "9" * 500 + "m"])
def test_what_is_no_duration_is_refused(given: str) -> None:
    found = wrong(RELEASE_TIMEOUT=given)
    assert found == [] if given == "1m " else len(found) == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, settings.FILE_MISSING), ("", settings.FILE_WITHOUT_PEM), ("0" * 40, settings.FILE_WITHOUT_PEM)],
)
@pytest.mark.parametrize("option", ["", "--server-crt", "--client-crt", "--client-crt-key"])
def test_a_file_that_a_setting_names_is_read_before_argo_cd_is_asked(
    option: str, content: str | None, reason: Message, tmp_path: Path
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    name = "ARGOCD_OPTS" if option else "RELEASE_ARGOCD_CA"
    (problem,) = wrong(**{name: f"{option} {path}".strip()})
    assert (problem.subject, problem.code) == (name, "options-file" if option else "authority-file")
    assert reason.fill() in problem.message
    assert option in problem.message
    path.write_text(PEM)
    assert wrong(**{name: f"{option} {path}".strip()}) == []


def test_a_folder_is_no_certificate(tmp_path: Path) -> None:
    (problem,) = wrong(RELEASE_ARGOCD_CA=str(tmp_path))
    assert (problem.subject, problem.code) == ("RELEASE_ARGOCD_CA", "authority-file")


@pytest.mark.parametrize("given", ["MIIB no header here", "A" * 300, "a\nb"])
def test_what_may_be_a_key_without_its_first_line_is_not_shown(given: str) -> None:
    (problem,) = wrong(RELEASE_ARGOCD_CA=given)
    assert problem == SetupProblem.of_setting(settings.AUTHORITY_NO_FILE, "RELEASE_ARGOCD_CA")


def test_a_certificate_itself_needs_no_file() -> None:
    assert wrong(RELEASE_ARGOCD_CA=PEM) == []


@pytest.mark.parametrize(
    ("environ", "code"),
    [
        ({"CI_COMMIT_REF_PROTECTED": "false", "CI_COMMIT_REF_NAME": "feature"}, "protected-variable"),
        ({"CI_COMMIT_REF_PROTECTED": "true"}, "setting-missing"),
    ],
)
def test_a_missing_token_says_what_can_keep_it_away(environ: dict[str, str], code: str) -> None:
    (problem,) = wrong(ARGOCD_AUTH_TOKEN="", CI_ENVIRONMENT_NAME="dev", **environ)
    assert (problem.subject, problem.code) == ("ARGOCD_AUTH_TOKEN", code)
    assert settings.SCOPE_OF_ENVIRONMENT.fill(environment="dev") in problem.fix
    assert environ.get("CI_COMMIT_REF_NAME", "") in problem.message


def test_the_server_may_be_set_by_its_input() -> None:
    (problem,) = wrong(ARGOCD_SERVER="", **COMPONENT)
    assert (problem.subject, problem.code) == ("ARGOCD_SERVER", "setting-missing")
    assert settings.OR_SETTING.fill(setting="<ARGOCD_SERVER>") in problem.fix


EXTENDED = COMPONENT | {"INPUT_WITH_ENVIRONMENT": "true", "INPUT_OIDC_AUDIENCE": "https://argocd.example.com"}
HOW = 'extends: [.release:web:environment:true, ".release:web:id-token:https", .your-job]'


def test_extends_that_replaced_the_component_s_is_named_when_the_id_token_is_gone() -> None:
    (problem,) = wrong(ARGOCD_AUTH_TOKEN="", **EXTENDED)
    assert (problem.subject, problem.code) == ("RELEASE_ID_TOKEN", "identity-missing")
    assert settings.EXTENDS_REPLACED.fill() in problem.message
    assert problem.fix.endswith(HOW)


def test_without_signing_key_the_id_token_is_gone_and_the_environment_is_not() -> None:
    (problem,) = wrong(ARGOCD_AUTH_TOKEN="", CI_ENVIRONMENT_NAME="dev", **EXTENDED)
    assert settings.NO_ID_TOKEN.fill() in problem.message


@pytest.mark.parametrize(
    ("environ", "messages"),
    [
        ({"INPUT_WITH_ENVIRONMENT": "true"}, [settings.ENVIRONMENT_GONE.fill()]),
        ({"INPUT_WITH_ENVIRONMENT": "true", "CI_ENVIRONMENT_NAME": "dev"}, []),
        ({"INPUT_WITH_ENVIRONMENT": "false"}, []),
        ({}, []),
        (EXTENDED | {"CI_ENVIRONMENT_NAME": "dev", "RELEASE_ID_TOKEN": "eyJ"}, []),
    ],
)
def test_an_environment_that_is_gone_is_a_warning(environ: dict[str, str], messages: list[str]) -> None:
    assert [
        problem.message for problem in environment.identity_warnings(JobEnvironment(GOOD | COMPONENT | environ))
    ] == messages


def test_a_stored_token_that_is_used_instead_of_the_id_token_is_said() -> None:
    assert wrong(**EXTENDED) == []
    *_, problem = environment.identity_warnings(JobEnvironment(GOOD | EXTENDED))
    assert problem.message == settings.STORED_TOKEN_USED.fill(reason=settings.EXTENDS_REPLACED.fill())


def test_a_value_is_shown_unless_it_is_secret() -> None:
    (problem,) = wrong(ARGOCD_AUTH_TOKEN="hunter2 hunter2")
    assert "hunter2" not in problem.message
