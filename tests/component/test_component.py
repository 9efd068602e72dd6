"""The component: what GitLab reads, what it would refuse, and whole pipelines run with it."""

import hashlib
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from argocd_release import __version__
from argocd_release.settings.environment import PROPERTIES
from sandbox import manifests
from sandbox.sandbox import Sandbox
from tests.support.component import TEMPLATE, copy_of_the_project, resolved, schema_errors
from tests.support.docker_engine import Engine
from tests.support.gitlab_ci_local import EXAMPLES, ROOT, Consumer, default_image, example
from tests.support.gitlab_rules import check_dotenv, check_junit, released

EXPECTED = Path(__file__).parent / "expected"
INPUT = re.compile(r"\$\[\[ inputs\.(\w+) (?:\| truncate\(0,5\) )?\]\]")
# The keys that a header can have in GitLab 17.0. A single later key (spec:component 18.6, spec:description 18.10,
# rules in inputs 18.7) makes the pipeline of a consumer with an older GitLab invalid.
HEADER_KEYS = {"inputs"}
INPUT_KEYS = {"default", "description", "type", "options", "regex"}
GLOBAL_KEYWORDS = {
    "default",
    "stages",
    "variables",
    "workflow",
    "include",
    "image",
    "services",
    "cache",
    "before_script",
}
NAMES = sorted(file.stem for file in EXAMPLES.glob("*.yml"))


def text() -> str:
    return TEMPLATE.read_text("utf-8")


def inputs() -> dict[str, dict[str, Any]]:
    header: dict[str, Any] = next(yaml.safe_load_all(text()))
    declared: dict[str, dict[str, Any]] = header["spec"]["inputs"]
    return declared


def jobs(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from ((name, job) for name, job in document.items() if isinstance(job, dict) and not name.startswith("."))


def test_generated_files_are_fresh() -> None:
    done = subprocess.run(
        [sys.executable, "bin/generate", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_a_stale_template_is_noticed(tmp_path: Path) -> None:
    for folder in ("bin", "component"):
        subprocess.run(["cp", "-r", str(ROOT / folder), str(tmp_path)], check=True)
    shutil.copy(ROOT / "README.md", tmp_path)
    (tmp_path / "docs").mkdir()
    # The measurements, from which pages are generated.
    for measured in (ROOT / "docs").glob("*.json"):
        shutil.copy(measured, tmp_path / "docs")
    # The pages of which rows are generated.
    for lang in ("en", "ru"):
        (tmp_path / "docs" / lang).mkdir()
        shutil.copy(ROOT / "docs" / lang / "troubleshooting.md", tmp_path / "docs" / lang)
    done = subprocess.run(
        [sys.executable, "bin/generate", "--check"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "templates/release.yml is stale, run: bin/dev generate" in done.stdout


def test_layout_and_names_are_those_the_catalog_reads() -> None:
    """`TEMPLATE_PATH_REGEX` of app/models/ci/catalog/components_project.rb; README by name, a licence beside it."""
    files = [str(file.relative_to(ROOT)) for file in (ROOT / "templates").rglob("*") if file.is_file()]
    assert files
    assert all(re.fullmatch(r"templates/[\w-]+(?:/template)?\.yml", file) for file in files)
    assert not any(file.is_symlink() for file in (ROOT / "templates").rglob("*"))
    assert (ROOT / "README.md").stat().st_size > 0
    assert "Copyright 2026 the authors of argocd-release" in (ROOT / "LICENSE").read_text("utf-8")


@pytest.mark.parametrize("document", [0, 1])
def test_each_document_of_the_template_against_gitlabs_schema(document: int) -> None:
    documents = [next(yaml.safe_load_all(text())), resolved()]
    assert schema_errors(documents[document]) == []


def test_the_schema_does_refuse_what_is_wrong() -> None:
    assert schema_errors(resolved() | {"x": {"script": ["true"], "interruptible": "maybe"}})
    assert schema_errors({"spec": {"inputs": {"x": {"type": "strin"}}}})


@pytest.mark.parametrize(
    "given",
    [
        {"with_environment": False},
        {"environment_tier": "production", "environment_url": "argo-cd"},
        {"artifacts_access": "none", "dotenv_prefix": "WEB"},
        {"retry": 0},
        {"job_name": "release:a b"},
        {"oidc_audience": "https://argocd.example.com", "dex_connector": "gitlab-ci"},
    ],
)
def test_the_job_with_other_inputs_against_gitlabs_schema(given: dict[str, Any]) -> None:
    assert schema_errors(resolved(**given)) == []


def test_the_header_holds_nothing_newer_than_gitlab_17_0() -> None:
    header = next(yaml.safe_load_all(text()))
    assert set(header) == {"spec"}
    assert set(header["spec"]) == HEADER_KEYS
    for name, declared in inputs().items():
        assert set(declared) <= INPUT_KEYS, name
        assert declared["description"].strip(), name
        assert "default" in declared, f"{name} would be mandatory"
        assert "options" not in declared or declared["default"] in declared["options"]
    assert "$[[ component" not in text()


def test_every_input_is_declared_and_used() -> None:
    assert set(INPUT.findall(text())) == set(inputs())


def test_inputs_follow_the_settings() -> None:
    of_release = {name: declared for name, declared in PROPERTIES.items() if "x-only" not in declared}
    derived = {declared["x-input"] for declared in of_release.values() if "x-input" in declared}
    assert derived <= set(inputs())
    for name, declared in of_release.items():
        if "x-input" in declared:
            assert f'INPUT_{name}: "$[[ inputs.{declared["x-input"]} ]]' in text()
            kind = {"integer": "number"}.get(declared["type"], declared["type"])
            assert inputs()[declared["x-input"]].get("type", "string") == kind


def test_the_token_is_no_input() -> None:
    assert not [name for name in inputs() if "token" in name or "password" in name]
    assert "ARGOCD_AUTH_TOKEN" not in text()


def test_what_gitlab_refuses_and_the_schema_does_not() -> None:
    document = resolved()
    assert not set(document) & GLOBAL_KEYWORDS, "a component must not touch the rest of the pipeline"
    assert all("argocd-release" in name for name in document), "hidden jobs of two includes would be one"
    assert not set(document) & set(resolved(job_name="other"))
    assert default_image().endswith(f":{__version__}")


def test_inputs_name_nothing_that_the_consumer_does_not_type() -> None:
    """In the component settings are inputs; only the timeout and the grace periods count as variables too."""
    counting = {"RELEASE_TIMEOUT", "RELEASE_"} | {name for name in PROPERTIES if "x-patience" in PROPERTIES[name]}
    for name, declared in inputs().items():
        assert set(re.findall(r"\b(?:RELEASE|INPUT)_\w+", declared["description"])) <= counting, name


def test_inputs_that_yaml_would_change_say_so() -> None:
    for name in ("revision", "expected_image", "chart_version", "source"):
        assert "quotes" in inputs()[name]["description"]


@pytest.mark.parametrize("name", NAMES)
def test_examples_against_gitlabs_schema(name: str) -> None:
    assert schema_errors(yaml.safe_load(example(name))) == []
    assert f"argocd-release/release@{__version__}" in example(name)


@pytest.mark.parametrize("name", NAMES)
def test_examples_resolve_to_what_is_expected(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    preview = Consumer.create(tmp_path, example(name)).preview()
    expected = EXPECTED / f"{name}.yml"
    if request.config.getoption("--accept"):
        EXPECTED.mkdir(exist_ok=True)
        expected.write_text(preview, "utf-8")
    assert preview == expected.read_text("utf-8")
    document = yaml.safe_load(preview)
    assert schema_errors(document) == []
    for job, content in jobs(document):
        assert content.get("rules") != [], job
        assert content.get("environment", {"name": "x"})["name"], job


def test_there_is_an_example_of_each_kind() -> None:
    assert set(NAMES) == {
        "plain",
        "services",
        "production",
        "matrix",
        "migrated",
        "air-gapped",
        "combined",
        "preview",
        "many",
    }


def run(sandbox: Sandbox, engine: Engine, consumer: Consumer, *arguments: str) -> subprocess.CompletedProcess[str]:
    given = sandbox.environment() | {"ARGOCD_OPTS": "--grpc-web --server-crt /argocd.crt"}
    group = {name: given[name] for name in ("ARGOCD_SERVER", "ARGOCD_AUTH_TOKEN", "ARGOCD_OPTS")}
    return consumer.run_in(engine, group, sandbox.certificate, *arguments)


def application(sandbox: Sandbox, name: str, **options: Any) -> str:
    repository = sandbox.repository(name)
    revision = repository.commit({"web.yaml": manifests.deployment("web", "registry.example.com/web:1", **options)})
    sandbox.application(name, repository, retry_limit=0)
    return revision


def test_a_pipeline_goes_green_and_the_next_job_reads_the_report(
    sandbox: Sandbox, engine: Engine, tmp_path: Path
) -> None:
    """Among what a pipeline has for itself: a `default:` that our job must not run, a RELEASE_IMAGE that it must not expect."""
    revision = application(sandbox, "sentry-frontend-dev")
    theirs = {"before_script": ['test "$CI_JOB_NAME" != release:frontend']}
    pipeline = yaml.safe_load(example("migrated")) | {"default": theirs}
    pipeline["variables"]["RELEASE_IMAGE"] = "registry.example.com/something/else:7"
    consumer = Consumer.create(tmp_path, yaml.safe_dump(pipeline, sort_keys=False))
    done = run(sandbox, engine, consumer)
    log = done.stdout + done.stderr
    assert done.returncode == 0, log
    assert "release:frontend > RELEASE SUCCESSFUL" in log
    assert "the component ignores the variable RELEASE_IMAGE; set its input `expected_image` instead" in log
    assert (
        f"sentry-frontend-dev is delivered at {revision}, https://{sandbox.server}/applications/sentry-frontend-dev"
        in log
    )
    assert sandbox.ci_token not in log
    junit, dotenv = reports(consumer)
    assert released(check_junit(junit)) == "passed"
    assert check_dotenv(dotenv)["ARGOCD_RELEASE_REVISION"] == revision


def test_the_guides_pipeline_goes_red_with_its_cause(sandbox: Sandbox, engine: Engine, tmp_path: Path) -> None:
    application(sandbox, "sentry-payment-dev", replicas=-2)
    consumer = Consumer.create(tmp_path, example("services"))
    (consumer.folder / "payment-service").mkdir()
    (consumer.folder / "payment-service" / "main.py").write_text("")
    consumer.git(consumer.folder, "add", "--all")
    consumer.git(consumer.folder, "commit", "--quiet", "--message", "a change of the payment service")
    done = run(sandbox, engine, consumer)
    log = done.stdout + done.stderr
    assert done.returncode != 0, log
    assert "release:payment-service > RELEASE FAILED" in log
    assert "must be greater than or equal to 0" in log
    assert re.search(r"release:payment-service.*10", log)
    assert "release:frontend " not in log, "its folder did not change"
    junit, dotenv = reports(consumer)
    assert released(check_junit(junit)) == "failure"
    assert check_dotenv(dotenv)["ARGOCD_RELEASE_EXIT_CODE"] == "10"


def test_the_pipeline_of_a_preview(sandbox: Sandbox, engine: Engine, tmp_path: Path) -> None:
    """The application is named by the branch's tag; its site is asked, and its address is what GitLab shows."""
    revision = application(sandbox, "preview-proj-123")
    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as site:
        threading.Thread(target=site.serve_forever, args=(0.05,), daemon=True).start()
        address = f"http://127.0.0.1:{site.server_port}"
        text = example("preview").replace("https://{tag}.preview.example.com", f"{address}/{{tag}}")
        consumer = Consumer.create(tmp_path, text)
        merge_request = {
            "CI_PIPELINE_SOURCE": "merge_request_event",
            "CI_COMMIT_REF_NAME": "PROJ-123-description",
            "CI_COMMIT_SHA": revision,
        }
        given = [word for name, value in merge_request.items() for word in ("--variable", f"{name}={value}")]
        done = run(sandbox, engine, consumer, *given, "preview")
        log = done.stdout + done.stderr
        assert done.returncode == 0, log
        assert "RELEASE SUCCESSFUL" in log
        assert check_dotenv(reports(consumer)[1])["ARGOCD_RELEASE_SITE_URL"] == f"{address}/proj-123"
        given[3] = "CI_COMMIT_REF_NAME=no-tag"
        done = run(sandbox, engine, consumer, *given, "preview")
        site.shutdown()
    assert done.returncode == 0, "orange: allow_failure takes exit code 15"
    assert "the branch 'no-tag' contains no tag" in done.stdout + done.stderr


class Site(BaseHTTPRequestHandler):
    """The site of a preview, which answers 204 at its path only."""

    def do_GET(self) -> None:
        self.send_response(204 if self.path == "/proj-123" else 404)
        self.end_headers()


def reports(consumer: Consumer) -> tuple[str, str]:
    """Return the JUnit and the dotenv report of the release job, which gitlab-ci-local copied from the container."""
    found = {file for file in (consumer.folder / ".gitlab-ci-local").rglob("argocd-release.*") if file.is_file()}
    names = {file.name: file for file in found}
    junit, dotenv = [[name for name in names if name.endswith(end)] for end in (".xml", ".env")]
    assert len(junit) == len(dotenv) == 1
    assert re.fullmatch(r"argocd-release\.[a-z0-9-]+\.xml", junit[0]), "the job's name is in it"
    return names[junit[0]].read_text("utf-8"), names[dotenv[0]].read_text("utf-8")


def without_templates(pipeline: str) -> str:
    """Replace GitLab's own templates, which only a GitLab has, by jobs with their names."""
    document = yaml.safe_load(pipeline)
    document["include"] = [entry for entry in document["include"] if "component" in entry]
    for name in document:
        if re.fullmatch(r"\w+_(detection|scanning)|(semgrep-)?sast", name):
            document[name]["script"] = ["scan"]
    return yaml.safe_dump(document, sort_keys=False)


def test_the_projects_own_pipeline(tmp_path: Path) -> None:
    """Against the schema, and resolved with the component at the commit, as far as that can be seen without a GitLab."""
    pipeline = (ROOT / ".gitlab-ci.yml").read_text("utf-8")
    consumer = Consumer.create(
        tmp_path,
        without_templates(pipeline).replace("release@$CI_COMMIT_SHA", f"release@{__version__}"),
        project="platform/argocd-release",
    )
    document = yaml.safe_load(consumer.preview())
    assert schema_errors(document) == []
    assert document["self-test"]["script"] == ["argocd-release || exit $?"]
    assert len(document["self-test"]["before_script"]) == 1


# Other files that users read or copy, with the version in examples and recorded outputs.
MORE = ("docs/snippets", "docs/logs", "docs/reports", "docs/en/guides/install.md", "docs/ru/guides/install.md")


def test_bump_version_moves_every_place(tmp_path: Path) -> None:
    project = copy_of_the_project(tmp_path)

    def bump(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bin/bump_version", *arguments], cwd=project, capture_output=True, text=True, check=False
        )

    assert bump("--check", __version__).returncode == 0
    assert bump("v1.2").returncode == 2
    assert bump("7.8.9", "--yes").returncode == 0
    assert bump("--check", "7.8.9").returncode == 0
    assert bump("--check", __version__).returncode == 1
    left = subprocess.run(
        ["grep", "-rlF", __version__, "README.md", "Dockerfile", "plugin", "component", *MORE],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert left.stdout.split() == []
    assert "## [7.8.9] - " in (project / "CHANGELOG.md").read_text("utf-8")


def test_update_pins_moves_version_and_checksums_and_refuses_what_is_none(tmp_path: Path) -> None:
    dockerfile, listing = tmp_path / "Dockerfile", tmp_path / "cli_checksums.txt"
    (tmp_path / "LICENSE").write_text("the license of v2.13.9")
    dockerfile.write_bytes((ROOT / "Dockerfile").read_bytes())

    def update(text: str) -> int:
        listing.write_text(text)
        command = [
            "bin/update_pins",
            "--argocd",
            "v2.13.9",
            "--no-digest",
            "--checksums",
            str(listing),
            "--snapshot",
            "2026-12-24",
            "--license",
            str(tmp_path / "LICENSE"),
            "--dockerfile",
            str(dockerfile),
        ]
        return subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode

    assert update(f"{'a' * 64}  argocd-linux-amd64\n") == 1
    assert dockerfile.read_bytes() == (ROOT / "Dockerfile").read_bytes()
    assert (
        update(f"{'a' * 64}  argocd-linux-amd64\n{'b' * 64}  argocd-linux-arm64\n{'c' * 64}  argocd-darwin-arm64\n")
        == 0
    )
    text = dockerfile.read_text()
    for pin in ("ARG ARGOCD_VERSION=v2.13.9", "download/v2.13.9\n", f"AMD64={'a' * 64}\n", f"ARM64={'b' * 64}\n"):
        assert pin in text
    assert "ARG APT_SNAPSHOT=20261224T000000Z\nARG SOURCE_DATE_EPOCH=1798070400\n" in text
    digest = hashlib.sha256(b"the license of v2.13.9").hexdigest()
    assert f"argo-cd/v2.13.9/LICENSE\nARG ARGOCD_LICENSE_SHA256={digest}\n" in text
