import io
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argocd_release.argocd import connection
from argocd_release.core.redaction import redaction
from argocd_release.core.text import with_names
from argocd_release.messages import job_log
from argocd_release.messages import settings as settings_messages
from argocd_release.model.errors import SettingsError, SetupProblem
from argocd_release.release.job import Run
from argocd_release.settings.environment import (
    PROPERTIES,
    JobEnvironment,
    open_values,
    secret_values,
    with_files_read,
)
from argocd_release.settings.load import (
    Settings,
    load,
    report_paths,
    seconds_left,
    valid,
)
from argocd_release.verdict.symptoms import GracePeriods

GOOD = {
    "ARGOCD_SERVER": "argocd.example.com",
    "ARGOCD_AUTH_TOKEN": "eyJhbGciOiJIUzI1NiJ9.e30.c2ln",
    "ARGOCD_APP_NAME": "sentry-frontend-dev",
}

D = "a" * 64
# These texts are no image: a variable in them was empty or not expanded, they have a scheme or quotes, or any version
# would match.
NO_IMAGES = (
    "registry.example.com/web", "registry.example.com:5000/web", "web:", ":", "@", "web@", "$IMAGE_TAG", "web:$TAG",
    "web:${TAG}", "%TAG%", "https://registry.example.com/web:1", '"web:1"', "'1'", "web:1:2", "web:1@", "@1",
    "sha256:abc", "web@sha256:abc", f"web@sha256:{'A' * 64}", "/web:1", "web//x:1", "-1", "web:a/b",
)  # fmt: skip
IMAGES = (
    "1.2", ":1.2", "abc1234", "_x", "web:1", "team/web:1", "registry.example.com/web:1", "localhost:5000/web:1.2-rc.1",
    f"sha256:{D}", f"@sha256:{D}", f"web@sha256:{D}", f"registry.example.com:5000/team/web:1@sha256:{D}",
    f"sha512:{D * 2}", "docker.io/library/nginx:1.27",
)  # fmt: skip


HOSTILE = (
    "$(id)\n`id`; id #",
    "--help",
    "\x1b[31mred\x1b[0m",
    "section_end:0:x\r",
    "\u202eabc",
    "x" * 100_000,
    "]]>",
    "%s{0}",
)


def problems(**environ: str) -> tuple[SetupProblem, ...]:
    try:
        load(JobEnvironment(GOOD | environ))
    except SettingsError as error:
        return error.problems
    return ()


def test_fields_are_those_of_the_schema() -> None:
    assert sorted(field.name for field in fields(Settings)) == sorted(
        declared["x-field"] for declared in PROPERTIES.values()
    )


def test_every_setting_is_declared_whole() -> None:
    for name, declared in PROPERTIES.items():
        assert declared["description"].endswith("."), name
        assert declared["type"] in {"string", "integer", "boolean"}, name
        assert "pattern" not in declared or "x-rule" in declared, name


def test_defaults() -> None:
    settings = load(JobEnvironment(GOOD))
    assert settings.timeout == 300
    assert settings.opts == ""
    assert (settings.junit_path, settings.dotenv_path) == ("argocd-release.xml", "argocd-release.env")


def test_empty_counts_as_not_set_and_white_space_around_is_dropped() -> None:
    settings = load(
        JobEnvironment(GOOD | {"RELEASE_TIMEOUT": "", "ARGOCD_AUTH_TOKEN": GOOD["ARGOCD_AUTH_TOKEN"] + "\n"})
    )
    assert settings.timeout == 300
    assert settings.connection.environ["ARGOCD_AUTH_TOKEN"] == GOOD["ARGOCD_AUTH_TOKEN"]


def test_everything_wrong_is_said_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        load(JobEnvironment({"RELEASE_TIMEOUT": "0"}))
    names = ["ARGOCD_SERVER", "ARGOCD_AUTH_TOKEN", "ARGOCD_APP_NAME", "RELEASE_TIMEOUT"]
    assert [problem.subject for problem in caught.value.problems] == names
    assert str(caught.value).splitlines() == [
        settings_messages.WRONG.fill(settings="4 settings", verb="are"),
        *(
            line
            for problem in caught.value.problems
            for line in settings_messages.PROBLEM.fill(message=problem.message, fix=problem.fix).splitlines()
        ),
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ARGOCD_SERVER", "http://argocd.example.com"),
        ("ARGOCD_SERVER", "argocd.example.com/argo"),
        ("ARGOCD_SERVER", "-argocd"),
        ("ARGOCD_SERVER", "$(id)"),
        ("ARGOCD_AUTH_TOKEN", "two words"),
        ("ARGOCD_AUTH_TOKEN", "line\nbreak"),
        ("ARGOCD_APP_NAME", "--help"),
        ("ARGOCD_APP_NAME", "a b;c"),
        ("ARGOCD_APP_NAME", "UPPER"),
        ("ARGOCD_APP_NAME", "a/b/c"),
        ("ARGOCD_APP_NAME", "a\n-b"),
        ("RELEASE_SELECTOR", "--project=x"),
        ("RELEASE_PROJECT", "--x"),
        ("RELEASE_EXPECTED_COUNT", "many"),
        ("RELEASE_EXPECTED_COUNT", "0"),
        ("RELEASE_ON_FAILURE", "ignore"),
        ("ARGOCD_APP_NAME", "$(touch x)"),
        ("ARGOCD_OPTS", "-k"),
        ("ARGOCD_OPTS", "--grpc-web stray"),
        ("ARGOCD_OPTS", "--header 'Name: value"),
        ("ARGOCD_OPTS", "--auth-token x"),
        ("ARGOCD_OPTS", "--server=x"),
        ("RELEASE_TIMEOUT", "soon"),
        ("RELEASE_TIMEOUT", "1.5"),
        ("RELEASE_TIMEOUT", "-1"),
        ("RELEASE_TIMEOUT", "86401"),
        ("RELEASE_FAIL_FAST", "yes"),
        ("RELEASE_REVISION", "main"),
        ("RELEASE_REVISION", "abc"),
        ("RELEASE_DEGRADED_GRACE", "-1"),
        ("RELEASE_REVISION_MATCH", "maybe"),
        ("RELEASE_IMAGE", "web 1.2"),
        *[("RELEASE_IMAGE", image) for image in NO_IMAGES],
        ("RELEASE_CHART_VERSION", "1.2 3"),
        ("RELEASE_CHART_VERSION", "$VERSION"),
        ("RELEASE_SOURCE", "values\x1b[31m"),
        ("RELEASE_WAIT_FOR", "everything"),
        ("RELEASE_WAIT_FOR", "sync;health"),
        ("RELEASE_SYNC", "1"),
        ("RELEASE_REFRESH", "harder"),
        ("RELEASE_PROXY", "proxy.example.com:3128"),
        ("RELEASE_PROXY", "https://proxy.example.com:3128"),
        ("RELEASE_PROXY", "http://ci:se@cret@proxy.example.com:3128"),
        ("RELEASE_PROXY", "http://ci:secret@proxy.example.com:3128/path"),
        ("RELEASE_PROXY", "http://ci:secret@proxy.example.com:99999"),
        ("RELEASE_PROXY", "http://proxy.example.com:0"),
        ("RELEASE_PROXY", "http://[:::]:3128"),
    ],
)
def test_a_wrong_value_is_one_problem_that_names_the_setting(name: str, value: str) -> None:
    (problem,) = problems(**{name: value})
    assert problem.subject == name


@pytest.mark.parametrize("name", ["RELEASE_PROXY", "INPUT_RELEASE_PROXY"])
@pytest.mark.parametrize(
    "account",
    [
        "ci:s3 cret",
        "ci:s3cret#word1",
        "ci:s3cret?word1",
        "ci:12345#cret",
        "c[i:cret",
        "ci:cret]",
        "ci:\\cret",
        "ci:cret\u2100",
    ],
)
def test_a_wrong_proxy_is_not_shown_because_it_can_contain_a_password(name: str, account: str) -> None:
    (problem,) = problems(**{name: f"http://{account}@proxy.example.com:3128"})
    assert problem.subject == "RELEASE_PROXY"
    assert "cret" not in problem.message + problem.fix
    assert "ci" not in problem.message + problem.fix.replace("GitLab CI/CD", "")


@pytest.mark.parametrize(
    "proxy", ["http://proxy", "http://proxy:3128/", "http://ci:s3%40cret@10.0.0.1:3128", "http://[::1]:3128"]
)
def test_a_proxy_can_have_these_forms(proxy: str) -> None:
    assert problems(RELEASE_PROXY=proxy) == ()


@pytest.mark.parametrize(
    "environ",
    [
        *({"ARGOCD_SERVER": server} for server in ("'", "https://", "http://", "/argo", "https:///argo", "$HOST")),
        *({"ARGOCD_OPTS": opts} for opts in ("-k", "--header 'x", "--auth-token x", "--server=x", "--core")),
        *({"ARGOCD_OPTS": f"--server-crt {path}"} for path in ("/no/such.pem", "MIIB... MIIC")),
        {"RELEASE_ARGOCD_CA": "/no/such.pem"},
        {"RELEASE_ARGOCD_CA": "MIIB... MIIC"},
        {"RELEASE_PREVIEW_PATTERN": "("},
        {"RELEASE_URL_CHECK": "true"},
        {"RELEASE_EXPECTATIONS": "/no/such.yml"},
        {"RELEASE_DEX_CONNECTOR": "gitlab"},
        {"RELEASE_SPLIT": "true"},
        {"ARGOCD_AUTH_TOKEN": "/no/such"},
        {"ARGOCD_APP_NAME": ""},
    ],
    ids=lambda environ: repr(environ)[:40],
)
def test_each_problem_has_a_fix(environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError) as caught:
        load(JobEnvironment(GOOD | environ))
    check_fixes(caught.value)


def check_fixes(error: SettingsError) -> None:
    fixes = [problem.fix for problem in error.problems]
    assert all(fix and fix[0] not in " ," and len(fix) < 600 for fix in fixes), fixes
    assert str(error).count("\n    fix: ") == len(error.problems)


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_that_can_be_found(image: str) -> None:
    assert problems(RELEASE_IMAGE=image) == ()


@pytest.mark.parametrize("version", ["1.2.3", "v1.2.3", "1.2.3-rc.1+build_5"])
def test_the_version_of_a_chart(version: str) -> None:
    assert problems(RELEASE_CHART_VERSION=version) == ()


@pytest.mark.parametrize("name", PROPERTIES)
def test_every_setting_takes_hostile_text_or_names_itself_harmlessly(name: str) -> None:
    for value in HOSTILE:
        found: tuple[SetupProblem, ...] = ()
        try:
            load(JobEnvironment(GOOD | {name: value}))
        except SettingsError as error:
            check_fixes(error)
            found = error.problems
        assert {problem.subject for problem in found} <= {name}
        assert all(len(problem.message) < 1000 and problem.message.isprintable() for problem in found)
        if PROPERTIES[name]["type"] != "string":
            assert found


@pytest.mark.parametrize("name", [name for name, declared in PROPERTIES.items() if declared["type"] == "integer"])
def test_every_number_has_its_range(name: str) -> None:
    declared = PROPERTIES[name]
    # The settings of the site's check are only allowed together with that check.
    # The time for which a release must stay ready must be shorter than the timeout.
    others = {"RELEASE_TIMEOUT": "86400", "RELEASE_URL_CHECK": "true", "RELEASE_SITE_URL": "https://web.example.com"}
    assert problems(**others | {name: str(declared["minimum"])}) == ()
    assert len(problems(**others | {name: str(declared["minimum"] - 1)})) == 1
    if "maximum" in declared:
        assert problems(**others | {name: str(declared["maximum"])}) == ()
        assert len(problems(**others | {name: str(declared["maximum"] + 1)})) == 1


def test_an_input_wins_over_a_variable_unless_it_is_empty() -> None:
    environ = GOOD | {"RELEASE_TIMEOUT": "60", "INPUT_RELEASE_TIMEOUT": "90", "INPUT_ARGOCD_SERVER": ""}
    assert load(JobEnvironment(environ)).timeout == 90
    assert load(JobEnvironment(environ)).server == GOOD["ARGOCD_SERVER"]


IN_THE_COMPONENT = GOOD | {"INPUT_COMPONENT": "true"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RELEASE_IMAGE", "web:1"),
        ("RELEASE_REVISION", "not a revision at all"),
        ("RELEASE_SOURCE", "github"),
        ("RELEASE_JUNIT_PATH", "elsewhere.xml"),
        ("RELEASE_FAILED_ATTEMPTS", "soon"),
    ],
)
def test_in_the_component_a_variable_of_the_pipelines_own_is_no_setting(name: str, value: str) -> None:
    found = load(JobEnvironment(IN_THE_COMPONENT | {name: value}))
    assert found == load(JobEnvironment(IN_THE_COMPONENT))
    assert report_paths(JobEnvironment(IN_THE_COMPONENT | {name: value})) == report_paths(JobEnvironment({}))
    assert JobEnvironment(IN_THE_COMPONENT | {name: value, "RELEASE_NOTES": "x"}).unknown_variables() == ()


def test_in_the_component_the_inputs_count_and_an_ignored_variable_is_named_with_its_input() -> None:
    environ = IN_THE_COMPONENT | {"RELEASE_IMAGE": "web:1", "INPUT_RELEASE_IMAGE": "web:2", "RELEASE_NOTES": "x"}
    assert load(JobEnvironment(environ)).image == "web:2"
    assert JobEnvironment(environ).ignored_variables() == (("RELEASE_IMAGE", "expected_image"),)
    assert JobEnvironment(environ | {"RELEASE_IMAGE": " "}).ignored_variables() == ()
    assert JobEnvironment(GOOD | {"RELEASE_IMAGE": "web:1"}).ignored_variables() == ()


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ({"INPUT_RELEASE_TIMEOUT": "0"}, 300),
        ({"INPUT_RELEASE_TIMEOUT": "0", "RELEASE_TIMEOUT": "600"}, 600),
        ({"INPUT_RELEASE_TIMEOUT": "300", "RELEASE_TIMEOUT": "600"}, 300),
        ({"INPUT_RELEASE_TIMEOUT": "90"}, 90),
    ],
)
def test_in_the_component_the_guides_names_still_count(given: dict[str, str], seconds: int) -> None:
    environ = IN_THE_COMPONENT | given
    assert load(JobEnvironment(environ)).timeout == seconds
    assert JobEnvironment(environ).ignored_variables() == ()
    assert load(JobEnvironment(environ | {"ARGOCD_OPTS": "--grpc-web"})).opts == "--grpc-web"


GRACES = [name for name, declared in PROPERTIES.items() if "x-patience" in declared]


def test_patience_sets_every_grace_period() -> None:
    """``strict`` is never longer than ``normal``, and ``lenient`` is always longer."""
    assert len(GRACES) == 9
    strict, normal, lenient = (
        load(JobEnvironment(GOOD | {"RELEASE_PATIENCE": word})) for word in ("strict", "normal", "lenient")
    )
    assert normal == load(JobEnvironment(GOOD | {"RELEASE_PATIENCE": ""}))
    for name in GRACES:
        field = PROPERTIES[name]["x-field"]
        assert 0 < getattr(strict, field) < getattr(normal, field) < getattr(lenient, field), name
        assert getattr(normal, field) == PROPERTIES[name]["default"]
        assert getattr(lenient, field) <= PROPERTIES[name]["maximum"]


@pytest.mark.parametrize("start", [GOOD, IN_THE_COMPONENT], ids=["variables", "component"])
@pytest.mark.parametrize("name", GRACES)
def test_a_single_grace_period_takes_precedence_over_patience(start: dict[str, str], name: str) -> None:
    prefix = "INPUT_" if start is IN_THE_COMPONENT else ""
    settings = load(JobEnvironment(start | {f"{prefix}RELEASE_PATIENCE": "lenient", name: "7"}))
    assert getattr(settings, PROPERTIES[name]["x-field"]) == 7
    others = [PROPERTIES[other] for other in GRACES if other != name]
    assert all(getattr(settings, other["x-field"]) == other["x-patience"]["lenient"] for other in others)


def test_a_wrong_patience_is_reported_with_the_nearest() -> None:
    (problem,) = problems(RELEASE_PATIENCE="lenint")
    assert problem.subject == "RELEASE_PATIENCE"
    assert problem.fix == "set <RELEASE_PATIENCE> to lenient"


def test_in_the_component_a_secret_is_read_for_no_input_could_hand_it_over() -> None:
    assert (
        load(JobEnvironment(IN_THE_COMPONENT | {"RELEASE_GIT_TOKEN": "glpat-0123456789"})).git_token
        == "glpat-0123456789"
    )
    assert load(JobEnvironment(IN_THE_COMPONENT | {"INPUT_RELEASE_GIT_TOKEN": "glpat-0123456789"})).git_token == ""


def test_in_the_component_the_paths_are_the_jobs_own() -> None:
    environ = IN_THE_COMPONENT | {"INPUT_RELEASE_JUNIT_PATH": "argocd-release.web.xml"}
    assert report_paths(JobEnvironment(environ))["junit_path"] == "argocd-release.web.xml"


@pytest.mark.parametrize(
    ("environ", "names"),
    [
        (
            {"INPUT_RELEASE_FAILED_ATTEMPTS": "-1", "RELEASE_TIMEOUT": "soon"},
            ["RELEASE_TIMEOUT ", "the input failed_attempts "],
        ),
        ({"INPUT_ARGOCD_OPTS": "stray"}, ["the input options "]),
        ({"ARGOCD_OPTS": "stray", "INPUT_ARGOCD_OPTS": ""}, ["ARGOCD_OPTS"]),
    ],
)
def test_what_is_wrong_has_the_name_that_was_typed(environ: dict[str, str], names: list[str]) -> None:
    for name, problem in zip(names, problems(**environ), strict=True):
        assert name in with_names(problem.message, JobEnvironment(environ).name_in_text)


def test_a_boolean_input_comes_with_white_space() -> None:
    assert load(JobEnvironment(IN_THE_COMPONENT | {"INPUT_RELEASE_FAIL_FAST": "false "})).fail_fast is False


def test_the_token_is_never_an_input() -> None:
    assert not [name for name, declared in PROPERTIES.items() if declared.get("x-secret") and "x-input" in declared]
    (problem,) = problems(ARGOCD_AUTH_TOKEN="", INPUT_ARGOCD_AUTH_TOKEN="x")
    assert (problem.subject, problem.code) == ("ARGOCD_AUTH_TOKEN", "setting-missing")


def test_a_secret_value_is_not_shown() -> None:
    (problem,) = problems(ARGOCD_AUTH_TOKEN="hunter2 hunter2")
    assert "hunter2" not in problem.message


def test_a_secret_is_not_in_the_repr() -> None:
    settings = load(JobEnvironment(GOOD | {"ARGOCD_OPTS": "--header 'Authorization: Basic aHVudGVyMg=='"}))
    assert GOOD["ARGOCD_AUTH_TOKEN"] not in repr(settings)
    assert "aHVudGVyMg==" not in repr(settings)


@pytest.mark.parametrize("server", ["argocd", "argocd.example.com:8443", "10.0.0.1", "[::1]:443", "localhost:8080"])
def test_servers(server: str) -> None:
    assert load(JobEnvironment(GOOD | {"ARGOCD_SERVER": server})).server == server


@pytest.mark.parametrize("application", ["web", "argocd-apps/web", "a.b-c", "a b", "a, team/b\nc"])
def test_applications(application: str) -> None:
    assert load(JobEnvironment(GOOD | {"ARGOCD_APP_NAME": application})).app_name == application


@pytest.mark.parametrize(
    ("opts", "url"),
    [
        ("--grpc-web", "https://argocd.example.com/applications/sentry-frontend-dev"),
        ("--grpc-web --plaintext", "http://argocd.example.com/applications/sentry-frontend-dev"),
        ("--grpc-web-root-path=/argo/", "https://argocd.example.com/argo/applications/sentry-frontend-dev"),
    ],
)
def test_url(opts: str, url: str) -> None:
    assert (
        f"{load(JobEnvironment(GOOD | {'ARGOCD_OPTS': opts})).connection.address}/applications/sentry-frontend-dev"
        == url
    )


def test_the_default_grace_periods_are_those_of_the_settings() -> None:
    settings = load(JobEnvironment(GOOD))
    assert all(getattr(settings, field.name) == field.default for field in fields(GracePeriods))


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({}, 300),
        ({"CI_JOB_TIMEOUT": "3600", "CI_JOB_STARTED_AT": "2026-01-01T00:00:00Z"}, 300),
        ({"CI_JOB_TIMEOUT": "200", "CI_JOB_STARTED_AT": "2026-01-01T00:00:00Z"}, 145),
        ({"CI_JOB_TIMEOUT": "20", "CI_JOB_STARTED_AT": "2026-01-01T00:00:00Z"}, 1),
        ({"CI_JOB_TIMEOUT": "200", "CI_JOB_STARTED_AT": "yesterday"}, 300),
        ({"CI_JOB_TIMEOUT": "200"}, 300),
    ],
)
def test_the_wait_ends_before_gitlab_ends_the_job(environ: dict[str, str], seconds: int) -> None:
    now = datetime(2026, 1, 1, 0, 0, 10, tzinfo=UTC)
    assert seconds_left(load(JobEnvironment(GOOD | environ)), now) == (seconds, "")


@pytest.mark.parametrize(
    ("began", "reason"),
    [
        ("2025-12-31T22:58:10Z", job_log.STARTED_BEFORE_TIMEOUT.fill(elapsed=3720, timeout=3600)),
        ("2026-01-01T00:10:10Z", job_log.STARTS_IN_FUTURE.fill(ahead=600)),
    ],
    ids=["ahead", "behind"],
)
def test_a_clock_that_would_end_the_job_before_its_time_is_not_believed(began: str, reason: str) -> None:
    now = datetime(2026, 1, 1, 0, 0, 10, tzinfo=UTC)
    environ = {"CI_JOB_TIMEOUT": "3600", "CI_JOB_STARTED_AT": began}
    seconds, why = seconds_left(load(JobEnvironment(GOOD | environ)), now)
    assert (seconds, why) == (300, reason)
    seconds, _ = seconds_left(load(JobEnvironment(GOOD | environ | {"CI_JOB_TIMEOUT": "100"})), now)
    assert seconds == 55, "the job has no more than all its time"


@pytest.mark.parametrize(("text", "value"), [("true", True), ("False", False), ("", True)])
def test_booleans(text: str, value: bool) -> None:  # noqa: FBT001
    assert load(JobEnvironment(GOOD | {"RELEASE_FAIL_FAST": text})).fail_fast is value


def test_opts_are_read_as_argocd_reads_them() -> None:
    assert connection.parse_options("--grpc-web --header 'A: b' --insecure=true --server-crt ca.pem") == {
        "--grpc-web": "true",
        "--header": "A: b",
        "--insecure": "true",
        "--server-crt": "ca.pem",
    }


def test_secrets_are_the_token_and_the_headers() -> None:
    environ = GOOD | {"ARGOCD_OPTS": "--grpc-web --grpc-web-root-path argocd --header 'X-Key: open sesame'"}
    assert {GOOD["ARGOCD_AUTH_TOKEN"], "open sesame"} <= set(secret_values(JobEnvironment(environ)))
    assert not {"--grpc-web", "argocd"} & set(secret_values(JobEnvironment(environ)))


def test_a_header_s_value_that_people_must_read_is_no_secret() -> None:
    environ = GOOD | {"ARGOCD_OPTS": "--header 'X-Tenant: sentry-frontend,X-Key: open sesame'"}
    assert "open sesame" in secret_values(JobEnvironment(environ))
    assert "sentry-frontend" not in secret_values(JobEnvironment(environ))


@pytest.mark.parametrize(
    "opts",
    [
        "--header Name: hunter2-hunter2",
        "-H 'Name: hunter2-hunter2'",
        "-HName:hunter2-hunter2",
        "-H Name: hunter2-hunter2 --grpc-web",
        "--grpc-web hunter2-hunter2",
        "--header 'Name: hunter2-hunter2",
        "--header \"Name: hunter2-hunter2' --grpc-web",
        "--unknown=hunter2-hunter2 stray",
        "hunter2-hunter2",
        "--core hunter2-hunter2",
        "--server-crt ca.pem hunter2-hunter2",
        "--auth-token hunter2-hunter2",
        "--header=Name:hunter2-hunter2 stray",
    ],
)
def test_a_word_of_the_options_that_can_be_a_secret_is_never_quoted(opts: str) -> None:
    environ = GOOD | {"ARGOCD_OPTS": opts}
    said = problems(ARGOCD_OPTS=opts)
    assert said
    assert not any("hunter2" in problem.message + problem.fix for problem in said)
    assert "hunter2" not in redaction(secret_values(JobEnvironment(environ)))(
        f"argocd says: {opts}, and {opts.rsplit(maxsplit=1)[-1]}"
    )


@pytest.mark.parametrize(
    ("opts", "named"),
    [
        ("--grpc-web stray", "word 2 "),
        ("--header Name: value more", "words 3, 4 "),
        ("--core", "--core"),
        ("--grpc-web --core=true", "--core"),
        ("--port-forward", "--port-forward"),
        ("--port-forward-namespace argocd", "--port-forward-namespace"),
    ],
)
def test_an_option_that_the_job_cannot_work_with_is_refused_by_name(opts: str, named: str) -> None:
    (problem,) = problems(ARGOCD_OPTS=opts)
    assert problem.subject == "ARGOCD_OPTS"
    assert named in problem.message
    assert problems(ARGOCD_OPTS="--core=false --grpc-web") == ()


@pytest.mark.parametrize("name", ["ARGOCD_AUTH_TOKEN", "RELEASE_ID_TOKEN"])
@pytest.mark.parametrize(
    "value", ["/" + "hunter2" * 700, "/hunter2-hunter2", "/hunter2\0hunter2", "/proc", "/proc/1/mem", "/dev/null"]
)
def test_a_token_file_that_cannot_be_read_is_a_problem_that_does_not_quote_it(name: str, value: str) -> None:
    environ = with_files_read(GOOD | {name: value})
    assert environ[name] == value
    said = problems(**{name: value})
    assert (name, "token-file") in {(problem.subject, problem.code) for problem in said}
    assert not any("hunter2" in problem.message + problem.fix for problem in said)


def test_a_token_is_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f" {GOOD['ARGOCD_AUTH_TOKEN']}\n", "utf-8")
    environ = with_files_read({"ARGOCD_AUTH_TOKEN": str(file)})
    assert environ == {"ARGOCD_AUTH_TOKEN": GOOD["ARGOCD_AUTH_TOKEN"]}
    file.write_text("", "utf-8")
    (problem,) = problems(ARGOCD_AUTH_TOKEN=str(file))
    assert problem.code == "token-file"
    assert settings_messages.TOKEN_FILE_EMPTY.fill() in problem.message


@given(st.dictionaries(st.sampled_from([*PROPERTIES, "HTTPS_PROXY", "DB_DSN", "A_TOKEN"]), st.text()))
def test_nothing_in_the_environment_keeps_a_run_from_beginning(environ: dict[str, str]) -> None:
    """Reports are written only about errors inside the ``try`` of a run."""
    environ |= {name: "" for name in environ if name.endswith("_PATH")}
    Run(environ, io.StringIO())


ACCOUNTS = st.tuples(
    st.sampled_from(["user", "", "us%40er"]),
    st.text("hunter2@:/%40-+ÿ[]", min_size=1, max_size=12).map(lambda text: f"hunter2-{text}-hunter2"),
)


@pytest.mark.parametrize("name", ["ARGOCD_SERVER", "RELEASE_SITE_URL", "CI_REPOSITORY_URL", "HTTPS_PROXY", "all_proxy"])
@given(
    st.sampled_from(["", "https://", "http://", "ssh://", "socks5h://"]),
    ACCOUNTS,
    st.sampled_from(["h.example.com", "h:80", "[::1]:8"]),
    st.sampled_from(["", "/x", "/x?y=1"]),
)
def test_a_password_in_an_address_is_a_secret(
    name: str, scheme: str, account: tuple[str, str], host: str, path: str
) -> None:
    user, password = account
    value = f"{scheme}{user}:{password}@{host}{path}"
    redact = redaction(secret_values(JobEnvironment({name: value})))
    assert "hunter2-" not in redact(f"cannot use {password} of {value!r}")


@pytest.mark.parametrize("query", ["token", "private_token", "api_key"])
def test_a_secret_in_the_query_of_an_address_is_a_secret(query: str) -> None:
    assert "open sesame" in secret_values(
        JobEnvironment({"RELEASE_SITE_URL": f"https://x/?a=1&{query}=open%20sesame&b=2"})
    )


@pytest.mark.parametrize(
    "value", ["https://ci:hunter2@[x/y", "https://ci:hunter2@git\u2100x/y", "https://ci:hunter2@x/y"]
)
def test_the_password_of_a_repository_s_url_is_a_secret_even_if_it_is_no_url(value: str) -> None:
    assert "hunter2" in secret_values(JobEnvironment(GOOD | {"CI_REPOSITORY_URL": value}))


def test_what_the_pipeline_says_of_itself_is_open_and_headers_are_not() -> None:
    environ = GOOD | {"CI_COMMIT_SHA": "1" * 40, "ARGOCD_OPTS": "--header X-Key:secret", "CI_COMMIT_MESSAGE": "m"}
    shown = open_values(JobEnvironment(environ))
    assert {"1" * 40, GOOD["ARGOCD_APP_NAME"], GOOD["ARGOCD_SERVER"], "ARGOCD_RELEASE"} <= set(shown)
    assert not any("secret" in value or value == "m" or value == GOOD["ARGOCD_AUTH_TOKEN"] for value in shown)


@pytest.mark.parametrize("value", ["--5", "9" * 5000, "-" * 5000, "\u0665", "+5", "5_0"])
def test_what_is_no_number_is_said_to_be_none(value: str) -> None:
    (problem,) = problems(RELEASE_TIMEOUT=value)
    assert settings_messages.RULES["seconds"] in problem.message


def test_a_wrong_value_is_replaced_by_the_default_where_reports_need_one() -> None:
    assert valid(JobEnvironment({"RELEASE_DOTENV_PREFIX": "1A"}), "RELEASE_DOTENV_PREFIX") == "ARGOCD_RELEASE"
    assert valid(JobEnvironment({"RELEASE_DOTENV_PREFIX": "A\nB"}), "RELEASE_DOTENV_PREFIX") == "ARGOCD_RELEASE"
    assert valid(JobEnvironment({"RELEASE_DOTENV_PREFIX": "A1"}), "RELEASE_DOTENV_PREFIX") == "A1"
    assert valid(JobEnvironment({"ARGOCD_APP_NAME": "UPPER"}), "ARGOCD_APP_NAME") == ""


def test_unknown_names_come_with_the_nearest_known_one() -> None:
    assert JobEnvironment({"RELEASE_TIMOUT": "1", "RELEASE_QWERTYUIOP": "1", "OTHER": "1"}).unknown_variables() == (
        ("RELEASE_QWERTYUIOP", ""),
        ("RELEASE_TIMOUT", "RELEASE_TIMEOUT"),
    )


def test_a_git_token_is_a_secret_with_its_user_and_without() -> None:
    environ = GOOD | {"RELEASE_GIT_TOKEN": "deploy-1:open sesame"}
    assert {"deploy-1:open sesame", "open sesame"} <= set(secret_values(JobEnvironment(environ)))


def test_report_paths_are_known_even_when_the_rest_is_wrong() -> None:
    assert report_paths(JobEnvironment({"RELEASE_JUNIT_PATH": "out/junit.xml"})) == {
        "junit_path": "out/junit.xml",
        "dotenv_path": "argocd-release.env",
        "annotations_path": "argocd-release.annotations.json",
        "json_path": "argocd-release.json",
        "metrics_path": "argocd-release.metrics.txt",
        "page_path": "argocd-release.html",
    }


@given(st.dictionaries(st.sampled_from(list(PROPERTIES)), st.text()))
def test_load_gives_settings_or_says_what_is_wrong(environ: dict[str, str]) -> None:
    try:
        load(JobEnvironment(environ))
    except SettingsError as error:
        assert error.problems
        assert all(problem.subject in PROPERTIES for problem in error.problems)


@pytest.mark.parametrize(
    "selector",
    [
        "team=web", "team==web,tier!=db", "env in (dev, test)", "env notin (dev),!legacy", "example.com/team=a.b_c", "team",
        "! legacy", "a=,b", "count>3, count<10", " team = web ", "env in (a,,b)", "x in ()",
    ],
)  # fmt: skip
def test_a_selector_of_kubernetes_is_accepted(selector: str) -> None:
    assert problems(RELEASE_SELECTOR=selector) == ()


@pytest.mark.parametrize(
    "selector",
    [
        "team=web,",
        "=web",
        "team=a b",
        "env in dev",
        "env in (dev",
        "team=web;tier=db",
        "a=b=c",
        "!!x",
        "a!b",
        ",",
        "x>y",
        f"{'k' * 64}=a",
    ],
)
def test_a_malformed_selector_is_a_problem_of_its_setting(selector: str) -> None:
    (problem,) = problems(RELEASE_SELECTOR=selector)
    assert problem.subject == "RELEASE_SELECTOR"


@pytest.mark.parametrize("name", ["OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"])
def test_the_headers_for_a_collector_are_secret_but_not_the_names_in_them(name: str) -> None:
    tenant = GOOD["ARGOCD_APP_NAME"]
    environ = GOOD | {name: f"authorization=Bearer%20hunter2-hunter2, x-tenant={tenant}"}
    redact = redaction(secret_values(JobEnvironment(environ)))
    assert "hunter2" not in redact("it said hunter2-hunter2 and Bearer%20hunter2-hunter2")
    assert redact(tenant) == tenant
