"""A wrong setting is an error with its fix; what is unambiguous is accepted with a warning."""

from pathlib import Path

import pytest

from argocd_release.model.errors import SettingsError
from argocd_release.settings import component_job, interpret
from argocd_release.settings.load import load

GOOD = {"ARGOCD_SERVER": "argocd.example.com", "ARGOCD_AUTH_TOKEN": "eyJ.e30.c2ln", "ARGOCD_APP_NAME": "web"}
COMPONENT = {"INPUT_COMPONENT": "true", "INPUT_JOB_NAME": "release:web"}
PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


def wrong(**environ: str) -> list[tuple[str, str]]:
    """Return each problem of the settings with its fix."""
    try:
        load(GOOD | environ)
    except SettingsError as error:
        return [(problem.text, problem.fix) for problem in error.problems]
    return []


@pytest.mark.parametrize(
    ("environ", "error", "fix"),
    [
        (
            COMPONENT | {"INPUT_ARGOCD_SERVER": "http://argocd.example.com"},
            "input server has a scheme: http://argocd.example.com",
            "server: argocd.example.com, and add --plaintext to <ARGOCD_OPTS> if Argo CD is served without TLS",
        ),
        (
            {"ARGOCD_SERVER": "ftp://argocd.example.com"},
            "ARGOCD_SERVER has a scheme: ftp://argocd.example.com",
            "ARGOCD_SERVER=argocd.example.com",
        ),
        (
            {"ARGOCD_SERVER": "argocd.example.com/argo"},
            "ARGOCD_SERVER has a path: argocd.example.com/argo",
            "ARGOCD_SERVER=argocd.example.com, and add --grpc-web-root-path /argo to <ARGOCD_OPTS>",
        ),
        (
            {"ARGOCD_SERVER": "'argocd.example.com'"},
            "ARGOCD_SERVER has quotes around it: 'argocd.example.com'",
            "ARGOCD_SERVER=argocd.example.com",
        ),
        ({"RELEASE_SYNC": "yes"}, "RELEASE_SYNC must be true or false, not 'yes'", "RELEASE_SYNC=true"),
        ({"RELEASE_SYNC": "flase"}, "RELEASE_SYNC must be true or false, not 'flase'", "RELEASE_SYNC=false"),
        (
            COMPONENT | {"INPUT_RELEASE_WAIT_FOR": "sync helth"},
            "input wait_for must be some of sync, health, suspended, operation, separated by spaces, not 'sync helth'",
            "wait_for: sync health",
        ),
        ({"RELEASE_ON_FAILURE": "stopp"}, "RELEASE_ON_FAILURE must be finish or stop, not 'stopp'", "RELEASE_ON_FAILURE=stop"),
        ({"RELEASE_ON_FAILURE": "qwerty"}, "RELEASE_ON_FAILURE must be finish or stop, not 'qwerty'", "set it to finish or stop"),
        (
            {"RELEASE_TIMEOUT": "10 min"},
            "RELEASE_TIMEOUT must be a number of seconds or a duration, such as 600 or 10m, not '10 min'",
            "set it to a number of seconds from 1 to 86400",
        ),
        ({"RELEASE_TIMEOUT": "48h"}, "RELEASE_TIMEOUT must be at most 86400, not '172800'", "set it to a number of seconds from 1 to 86400"),
        ({"RELEASE_FAILED_ATTEMPTS": "2m"}, "RELEASE_FAILED_ATTEMPTS must be a whole number, not '2m'", "set it to a whole number from 0 to 100"),
    ],
)  # fmt: skip
def test_a_wrong_setting_comes_with_its_fix(environ: dict[str, str], error: str, fix: str) -> None:
    assert wrong(**environ) == [(error, fix)]


def test_all_mistakes_are_said_at_once(tmp_path: Path) -> None:
    texts = [text for text, _ in wrong(
        ARGOCD_SERVER="argocd.example.com/argo",
        RELEASE_ARGOCD_CA=str(tmp_path / "ca.pem"),
        ARGOCD_APP_NAME="",
        ARGOCD_OPTS="--grpc-web stray",
        RELEASE_EXPECTATIONS=str(tmp_path / "none.yml"),
        RELEASE_SYNC="yes",
        RELEASE_URL_CHECK="true",
    )]  # fmt: skip
    assert [text.partition(" ")[0] for text in texts] == [
        "ARGOCD_SERVER", "RELEASE_ARGOCD_CA", "ARGOCD_APP_NAME", "ARGOCD_OPTS", "RELEASE_EXPECTATIONS", "RELEASE_SYNC",
        "RELEASE_URL_CHECK",
    ]  # fmt: skip


@pytest.mark.parametrize("given", ["https://argocd.example.com", "https://argocd.example.com/", "argocd.example.com/"])
def test_an_address_that_means_one_host_is_accepted_with_a_warning(given: str) -> None:
    environ = GOOD | COMPONENT | {"INPUT_ARGOCD_SERVER": given}
    assert load(environ).server == "argocd.example.com"
    ((_, text, fix),) = interpret.warnings(environ)
    assert text.startswith("input server has a ")
    assert fix == "server: argocd.example.com"


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
    assert load(environ).timeout == seconds
    warned = [text for _, text, _ in interpret.warnings(environ)]
    shown = f"RELEASE_TIMEOUT is {given}, which is read as {seconds} seconds"
    assert warned == ([] if given == "90" else [shown])


@pytest.mark.parametrize("given", ["m", "1.5h", "5m1h", "10x", "-5m", "1m ", "99999h", "9" * 500 + "m"])
def test_what_is_no_duration_is_refused(given: str) -> None:
    found = wrong(RELEASE_TIMEOUT=given)
    assert found == [] if given == "1m " else len(found) == 1


@pytest.mark.parametrize(
    ("content", "why"), [(None, "does not exist"), ("", "holds nothing in PEM"), ("0" * 40, "holds nothing in PEM")]
)
@pytest.mark.parametrize("option", ["", "--server-crt", "--client-crt", "--client-crt-key"])
def test_a_file_that_a_setting_names_is_read_before_argo_cd_is_asked(
    option: str, content: str | None, why: str, tmp_path: Path
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    name = "ARGOCD_OPTS" if option else "RELEASE_ARGOCD_CA"
    ((text, _),) = wrong(**{name: f"{option} {path}".strip()})
    assert text == f"{name} names a file {f'with {option} ' if option else ''}that {why}: {path}"
    path.write_text(PEM)
    assert wrong(**{name: f"{option} {path}".strip()}) == []


def test_a_folder_is_no_certificate(tmp_path: Path) -> None:
    ((text, _),) = wrong(RELEASE_ARGOCD_CA=str(tmp_path))
    assert text.startswith("RELEASE_ARGOCD_CA names a file that cannot be read (")


@pytest.mark.parametrize("given", ["MIIB no header here", "A" * 300, "a\nb"])
def test_what_may_be_a_key_without_its_first_line_is_not_shown(given: str) -> None:
    ((text, _),) = wrong(RELEASE_ARGOCD_CA=given)
    assert text == "RELEASE_ARGOCD_CA is neither a certificate in PEM nor the path of a file"


def test_a_certificate_itself_needs_no_file() -> None:
    assert wrong(RELEASE_ARGOCD_CA=PEM) == []


@pytest.mark.parametrize(
    ("environ", "text", "fix"),
    [
        (
            {"CI_COMMIT_REF_PROTECTED": "false", "CI_COMMIT_REF_NAME": "feature", "CI_ENVIRONMENT_NAME": "dev"},
            "ARGOCD_AUTH_TOKEN is not set: GitLab passes no protected variable to feature, which is not protected",
            "clear “Protect variable” of ARGOCD_AUTH_TOKEN in Settings → CI/CD → Variables, or protect the branch; the "
            "variable's environment scope must match dev",
        ),
        (
            {"CI_COMMIT_REF_PROTECTED": "true", "CI_ENVIRONMENT_NAME": "dev"},
            "ARGOCD_AUTH_TOKEN is not set",
            "add ARGOCD_AUTH_TOKEN in Settings → CI/CD → Variables of the group or project; if the variable already exists, its "
            "environment scope must match dev",
        ),
    ],
)
def test_a_missing_token_says_what_can_keep_it_away(environ: dict[str, str], text: str, fix: str) -> None:
    assert wrong(ARGOCD_AUTH_TOKEN="", **environ) == [(text, fix)]


def test_the_server_may_be_set_by_its_input() -> None:
    ((text, fix),) = wrong(ARGOCD_SERVER="", **COMPONENT)
    assert text == "ARGOCD_SERVER is not set"
    assert "or set <ARGOCD_SERVER>; " in fix


EXTENDED = COMPONENT | {"INPUT_WITH_ENVIRONMENT": "true", "INPUT_OIDC_AUDIENCE": "https://argocd.example.com"}
HOW = 'extends: [.release:web:environment:true, ".release:web:id-token:https", .your-job]'


def test_extends_that_replaced_the_component_s_is_named_when_the_id_token_is_gone() -> None:
    ((text, fix),) = wrong(ARGOCD_AUTH_TOKEN="", **EXTENDED)
    assert text == (
        "RELEASE_ID_TOKEN is not set, although `oidc_audience` is: the job's `extends` replaced the component's"
    )
    assert fix.endswith(HOW)


def test_without_signing_key_the_id_token_is_gone_and_the_environment_is_not() -> None:
    ((text, _),) = wrong(ARGOCD_AUTH_TOKEN="", CI_ENVIRONMENT_NAME="dev", **EXTENDED)
    assert "GitLab made no token, or" in text


@pytest.mark.parametrize(
    ("environ", "texts"),
    [
        (
            {"INPUT_WITH_ENVIRONMENT": "true"},
            ["the job has no environment: the job's `extends` replaced the component's"],
        ),
        ({"INPUT_WITH_ENVIRONMENT": "true", "CI_ENVIRONMENT_NAME": "dev"}, []),
        ({"INPUT_WITH_ENVIRONMENT": "false"}, []),
        ({}, []),
        (EXTENDED | {"CI_ENVIRONMENT_NAME": "dev", "RELEASE_ID_TOKEN": "eyJ"}, []),
    ],
)
def test_an_environment_that_is_gone_is_a_warning(environ: dict[str, str], texts: list[str]) -> None:
    assert [text for text, _ in component_job.warnings(GOOD | COMPONENT | environ)] == texts


def test_a_stored_token_that_is_used_instead_of_the_id_token_is_said() -> None:
    assert wrong(**EXTENDED) == []
    texts = [text for text, _ in component_job.warnings(GOOD | EXTENDED)]
    assert texts[-1].startswith("<ARGOCD_AUTH_TOKEN> is used, because <RELEASE_ID_TOKEN> is not set")


def test_a_value_is_shown_unless_it_is_secret() -> None:
    ((text, _),) = wrong(ARGOCD_AUTH_TOKEN="hunter2 hunter2")
    assert "hunter2" not in text
