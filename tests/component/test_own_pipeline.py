"""The project's own pipeline and its release, as far as that can be seen without a GitLab and a registry."""

import functools
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox import releases
from tests.support import missing
from tests.support.component import MAIN, MERGE_REQUEST, TAG, TEMPLATE, copy_of_the_project
from tests.support.gitlab_ci_local import ROOT
from tests.support.gitlab_pipeline import Pipeline, holds, merged, read
from tests.support.runner import WRAPPERS, wrapped

# The jobs of GitLab's templates, which only a GitLab has, with the rules that they have there.
ON_BRANCHES = {"stage": "test", "script": ["scan"], "allow_failure": True, "rules": [{"if": "$CI_COMMIT_BRANCH"}]}
NEVER = {"stage": "test", "script": ["exit 1"], "rules": [{"when": "never"}]}
TEMPLATE_JOBS = {
    "secret_detection": ON_BRANCHES,
    "sast": NEVER,
    "semgrep-sast": {"extends": "sast"} | {key: value for key, value in ON_BRANCHES.items() if key != "stage"},
    "dependency_scanning": NEVER,
    "container_scanning": ON_BRANCHES,
}
SCANNERS = {"secret_detection", "semgrep-sast", "container_scanning"}
SELF_MANAGED = TAG | {"CI_SERVER_FQDN": "gitlab.example.com"}
GITLAB_COM = TAG | {"CI_SERVER_FQDN": "gitlab.com"}
PARTS = ("lint", "unit", "e2e", "image-tests", "docs")
# The jobs that make the version available to users.
PUBLISHING = {"attest", "publish-image", "release-files", "publish", "pages"}
# BuildKit's option for the times in the layers, and the argument that it takes them from.
REPRODUCIBLE = ("--output type=registry,rewrite-timestamp=true", '--build-arg SOURCE_DATE_EPOCH="$SOURCE_DATE_EPOCH"')
DIGEST = f"sha256:{'ab' * 32}"


@functools.cache
def pipeline() -> Pipeline:
    own = yaml.safe_load((ROOT / ".gitlab-ci.yml").read_text("utf-8"))
    return read(yaml.safe_dump(merged(TEMPLATE_JOBS, own)), TEMPLATE.read_text("utf-8"))


def script(job: str) -> str:
    return "\n".join(pipeline().jobs[job]["script"])


def test_gitlab_takes_it_without_a_warning() -> None:
    assert pipeline().warnings == ()
    own = yaml.safe_load((ROOT / ".gitlab-ci.yml").read_text("utf-8"))
    templates = {entry["template"] for entry in own["include"] if "template" in entry}
    kinds = ("Secret-Detection", "SAST", "Dependency-Scanning", "Container-Scanning")
    assert templates == {f"Jobs/{kind}.gitlab-ci.yml" for kind in kinds}
    assert pipeline().jobs["container_scanning"]["variables"]["CS_IMAGE"] == "$CI_REGISTRY_IMAGE:$CI_COMMIT_SHA"


@pytest.mark.parametrize("tag", ["nightly", "v1.2.3", "1.2", "1.2.3+build.5", "release-1.2.3"])
def test_a_tag_that_is_no_version_makes_no_pipeline(tag: str) -> None:
    assert pipeline().created(GITLAB_COM | {"CI_COMMIT_TAG": tag}) == set()


@pytest.mark.parametrize("variables", [MAIN, MERGE_REQUEST])
def test_nothing_is_published_without_a_tag(variables: dict[str, str]) -> None:
    created = pipeline().created(variables | {"CI_SERVER_FQDN": "gitlab.com"})
    assert {*PARTS, "build-image", "self-test", "self-test:reports"} <= created
    assert not PUBLISHING & created


@pytest.mark.parametrize(
    ("variables", "attested"),
    [
        (GITLAB_COM, True),
        (SELF_MANAGED, False),
        (SELF_MANAGED | {"COSIGN_PRIVATE_KEY": "key"}, True),
        (GITLAB_COM | {"CI_COMMIT_TAG": "1.2.3-rc.1"}, True),
    ],
)
def test_a_version_is_published_everywhere_and_signed_on_gitlab_com_or_with_a_key(
    variables: dict[str, str],
    attested: bool,  # noqa: FBT001
) -> None:
    created = pipeline().created(variables)
    assert "publish" in created
    assert ("attest" in created) is attested
    assert ("pages" in created) is ("-" not in variables["CI_COMMIT_TAG"])
    for name in created:
        for need in pipeline().jobs[name].get("needs", ()):
            needed = {"job": need} if isinstance(need, str) else need
            assert needed["job"] in created or needed.get("optional"), f"{name} could never start"


def test_the_builder_takes_its_tls_from_a_context() -> None:
    lines = script("build-image").splitlines()
    context = lines.index("docker context create ci")
    assert "buildx create" in lines[context + 1]
    assert lines[context + 1].endswith(" ci")
    variables = pipeline().jobs["build-image"]["variables"]
    assert {"DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_TLS_CERTDIR"} <= set(variables)


def test_each_platform_has_its_sbom_and_provenance_and_the_digest_is_signed() -> None:
    for option in (
        '--sbom=generator="$SBOM_IMAGE"',
        "--provenance=mode=max",
        "--platform linux/amd64,linux/arm64",
        "--metadata-file",
        *REPRODUCIBLE,
    ):
        assert option in script("build-image")
    signed = re.findall(r"cosign sign [^;]*", script("attest"))
    assert len(signed) == 2
    for command in signed:
        assert command.endswith('"$CI_REGISTRY_IMAGE@$IMAGE_DIGEST"')
        assert "--recursive" in command
    assert pipeline().jobs["build-image"]["artifacts"]["reports"]["dotenv"] == "image.env"


@pytest.mark.parametrize("variables", [MAIN, MERGE_REQUEST, TAG])
def test_the_scanners_run_in_each_pipeline_and_only_stop_a_version(variables: dict[str, str]) -> None:
    assert SCANNERS | {"scans"} <= pipeline().created(variables)
    job = pipeline().jobs["scans"]
    assert set(job["needs"]) == SCANNERS
    (rule,) = [rule for rule in job["rules"] if "if" not in rule or holds(rule["if"], variables)][:1]
    assert rule.get("allow_failure", False) is ("CI_COMMIT_TAG" not in variables)


def waits_for(name: str, created: set[str]) -> set[str]:
    """Return the created jobs that must end before GitLab starts this job."""
    own = pipeline()
    stage = {job: own.stages.index(own.jobs[job].get("stage", "test")) for job in created}
    earlier: set[str] = set()
    unread = {name}
    while unread:
        job = unread.pop()
        if "needs" in own.jobs[job]:
            needed = {need if isinstance(need, str) else need["job"] for need in own.jobs[job]["needs"]} & created
        else:
            needed = {other for other in created if stage[other] < stage[job]}
        unread |= needed - earlier
        earlier |= needed
    return earlier


@pytest.mark.parametrize("variables", [GITLAB_COM, SELF_MANAGED, SELF_MANAGED | {"COSIGN_PRIVATE_KEY": "key"}])
def test_nothing_is_signed_or_published_before_every_test_and_scan_has_passed(variables: dict[str, str]) -> None:
    created = pipeline().created(variables)
    before = created - PUBLISHING
    assert {*PARTS, "scans", "version", "self-test", "self-test:reports"} <= before
    for name in PUBLISHING & created:
        assert before <= waits_for(name, created), name
        assert not pipeline().jobs[name].get("allow_failure")
    # The pipeline signs the image before it adds the version's tag, and publishes everything else after the tag.
    assert ("attest" in waits_for("publish-image", created)) is ("attest" in created)
    for name in (PUBLISHING & created) - {"attest", "publish-image"}:
        assert "publish-image" in waits_for(name, created), name


def test_only_the_job_that_publishes_gives_the_image_its_version() -> None:
    users = {name for name in pipeline().jobs if re.search(r"REGISTRY_IMAGE:\$\{?CI_COMMIT_TAG", script(name))}
    assert users == {"publish-image"}


OTHER_DIGEST = f"sha256:{'cd' * 32}"


@pytest.mark.parametrize(
    ("inspected", "code", "printed", "tagged"),
    [
        ("echo ERROR: r.example.com/x:2.0.0: not found >&2; exit 1", 0, "", True),
        (f"echo {DIGEST}", 0, "r.example.com/x:2.0.0 already names this image", False),
        (f"echo {OTHER_DIGEST}", 1, "next: give the commit a new version", False),
        ("echo ERROR: 503 Service Unavailable >&2; exit 1", 1, "503 Service Unavailable", False),
    ],
)
def test_a_published_version_keeps_its_image(
    inspected: str,
    code: int,
    printed: str,
    tagged: bool,  # noqa: FBT001
    tmp_path: Path,
) -> None:
    """The registry's answer decides. The dry run of the pipeline has a real registry and a real buildx."""
    program = f'#!/bin/sh\ncase "$*" in *inspect*) {inspected} ;; *create*) echo "$*" > tagged ;; esac\n'
    (tmp_path / "docker").write_text(program)
    (tmp_path / "docker").chmod(0o755)
    given = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "CI_REGISTRY_IMAGE": "r.example.com/x",
        "CI_COMMIT_TAG": "2.0.0",
        "IMAGE_DIGEST": DIGEST,
    }
    command = ["sh", "-ec", script("publish-image")]
    done = subprocess.run(command, cwd=tmp_path, env=given, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, (tmp_path / "tagged").exists()) == (code, tagged)
    assert printed in done.stdout
    if tagged:
        created = (tmp_path / "tagged").read_text().split()
        assert created[-3:] == ["--tag", "r.example.com/x:2.0.0", f"r.example.com/x@{DIGEST}"]


def test_the_gate_reads_the_reports_that_the_scanners_hand_on() -> None:
    reports = set(re.findall(r"gl-[\w-]+\.json", script("scans")))
    assert reports == {path for name in SCANNERS for path in pipeline().jobs[name]["artifacts"]["paths"]}


def test_the_release_links_to_the_files_that_its_job_uploads(tmp_path: Path) -> None:
    received: dict[str, bytes] = {}

    class Packages(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            assert self.headers["JOB-TOKEN"] == "job-token"
            received[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(201)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the library's
            """Write no log."""

    names = re.findall(r'> "((?:sbom|provenance)-\$architecture[\w.]+)"', script("build-image"))
    files = {name.replace("$architecture", architecture) for name in names for architecture in ("amd64", "arm64")}
    for name in files:
        (tmp_path / name).write_text(f"content of {name}")
    (tmp_path / "apk").write_text("#!/bin/sh\n")
    (tmp_path / "apk").chmod(0o755)
    with ThreadingHTTPServer(("127.0.0.1", 0), Packages) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        given = {
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "CI_API_V4_URL": f"http://127.0.0.1:{server.server_port}/api/v4",
            "CI_PROJECT_ID": "42",
            "CI_COMMIT_TAG": "1.2.3",
            "CI_JOB_TOKEN": "job-token",
        }
        subprocess.run(["sh", "-ec", script("release-files")], cwd=tmp_path, env=given, check=True, timeout=60)
        server.shutdown()
    place = "/projects/42/packages/generic/argocd-release/1.2.3/"
    assert received == {f"/api/v4{place}{name}": f"content of {name}".encode() for name in files}
    links = pipeline().jobs["publish"]["release"]["assets"]["links"]
    template = "$CI_API_V4_URL/projects/$CI_PROJECT_ID/packages/generic/argocd-release/$CI_COMMIT_TAG/"
    assert {link["url"] for link in links} == {template + name for name in files}
    assert len({link["name"] for link in links}) == len(files) == 4
    assert {link["link_type"] for link in links} == {"other"}


SCHEMAS = {
    ".gitlab-ci.yml": "gitlab-ci",
    "renovate.json": "renovate",
    "docs/snippets/renovate/renovate.json": "renovate",
}


@pytest.mark.parametrize("file", SCHEMAS)
def test_configuration_matches_the_schema_of_its_program(file: str, tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("check-jsonschema")
    # The schema does not know YAML's merge key, which GitLab resolves before.
    (tmp_path / "file.json").write_text(json.dumps(yaml.safe_load((ROOT / file).read_text("utf-8"))))
    command = [str(program), "--builtin-schema", f"vendor.{SCHEMAS[file]}", str(tmp_path / "file.json")]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_shell_of_the_pipeline_is_sound(tmp_path: Path) -> None:
    files = [ROOT / ".ci" / "run", ROOT / "benchmark" / "plain.sh"]
    for number, (name, job) in enumerate(sorted(pipeline().jobs.items())):
        lines = [line for line in (*job.get("before_script", ()), *job["script"]) if isinstance(line, str)]
        files.append(tmp_path / f"{number}.sh")
        files[-1].write_text("\n".join(["#!/bin/sh", f"# the job {name}", "set -e", *lines, ""]))
    # SC1091: a file that an earlier line of the job writes.
    program = str(Path(sys.executable).with_name("shellcheck"))
    command = [program, "--severity=warning", "--exclude=SC1091", *map(str, files)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("indent", [None, 2])
def test_the_digest_is_read_from_what_buildx_writes(indent: int | None, tmp_path: Path) -> None:
    other = f"sha256:{'cd' * 32}"
    metadata: dict[str, Any] = {
        "buildx.build.ref": "ci/ci0/x",
        "containerimage.descriptor": {"mediaType": "application/vnd.oci.image.index.v1+json", "digest": other},
        "containerimage.digest": DIGEST,
        "image.name": "registry.example.com/platform/argocd-release:1.2.3",
    }
    (tmp_path / "build.json").write_text(json.dumps(metadata, indent=indent))
    lines = script("build-image").splitlines()
    reading = "\n".join(line for line in lines if line.startswith(("sed", "grep")))
    assert subprocess.run(["sh", "-ec", reading], cwd=tmp_path, check=False, capture_output=True).returncode == 0
    assert (tmp_path / "image.env").read_text().splitlines() == [f"IMAGE_DIGEST={DIGEST}"]
    (tmp_path / "build.json").write_text("{}")
    assert subprocess.run(["sh", "-ec", reading], cwd=tmp_path, check=False, capture_output=True).returncode != 0


def test_tools_are_pinned() -> None:
    own = yaml.safe_load((ROOT / ".gitlab-ci.yml").read_text("utf-8"))
    pins = {name: value for name, value in own["variables"].items() if name.endswith("_IMAGE")}
    for name, pin in pins.items():
        assert re.search(r":v?\d+\.\d+\.\d+", pin), name
    for name, job in pipeline().jobs.items():
        image = job.get("image")
        image = image["name"] if isinstance(image, dict) else image
        services = [service["name"] for service in job.get("services", ())]
        assert all(used.startswith("$") for used in (image, *services) if used), name
        for package in re.findall(r"apk add --no-cache (.*)", "\n".join(job["script"])):
            assert re.fullmatch(r"'[\w-]+~\d+\.\d+'", package)
    major, minor = map(int, re.findall(r"v(\d+)\.(\d+)", pins["GLAB_IMAGE"])[0])
    assert (major, minor) >= (1, 58), "what the release keyword of GitLab 18 asks for"
    assert pipeline().jobs["publish"]["image"] == "$GLAB_IMAGE"
    for pin in ("BUILDKIT_IMAGE", "SBOM_IMAGE"):
        assert f'="${pin}"' in script("build-image")


def test_each_part_is_a_job_that_is_shown_cached_and_ends() -> None:
    jobs = {name: job for name, job in pipeline().jobs.items() if job["script"] == ['.ci/run "$CI_JOB_NAME"']}
    offered = re.findall(r"^  ([\w-]+)\)", (ROOT / ".ci" / "run").read_text("utf-8"), re.MULTILINE)
    assert set(jobs) == set(offered) - {"everything"} == {*PARTS, "programs", "newest", "locks"}
    for name, job in jobs.items():
        assert job["artifacts"]["reports"]["junit"] == "build/junit/*.xml", name
        assert job["artifacts"]["when"] == "always", name
        assert job["variables"]["XDG_CACHE_HOME"] == "$CI_PROJECT_DIR/.cache"
        assert job["timeout"] in {"20 minutes", "1 hour", "2 hours", "3 hours"}, name
        caches = [job["cache"]] if isinstance(job["cache"], dict) else job["cache"]
        for cache in caches:
            # As lib/gitlab/ci/config/entry/files.rb wants it.
            assert 1 <= len(cache["key"]["files"]) <= 2
            assert all((ROOT / file).exists() for file in cache["key"]["files"])
    assert "build-image" in jobs["image-tests"]["needs"]
    # Built by one, taken by three.
    assert [cache.get("policy", "") for cache in jobs["e2e"]["cache"]] == ["", "pull"]
    assert jobs["e2e"]["cache"][1]["key"] == jobs["programs"]["cache"]["key"]


def test_the_parts_have_all_tests() -> None:
    text = (ROOT / ".ci" / "run").read_text("utf-8")
    named = {folder for line in re.findall(r"^\w+=\((tests/.*)\)", text, re.MULTILINE) for folder in line.split()}
    quick = set(
        re.findall(
            r'"(tests/\w+)"', (ROOT / "bin" / "dev").read_text("utf-8").partition("QUICK = ")[2].partition("\n")[0]
        )
    )
    assert quick
    assert not named & quick
    assert named | quick == {f"tests/{file.parent.name}" for file in (ROOT / "tests").glob("*/test_*.py")} | {
        "tests/unit"
    }


def test_a_part_that_is_none_is_said_to_be_so() -> None:
    done = subprocess.run([ROOT / ".ci" / "run", "nonsense"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "there is no part nonsense; see .gitlab-ci.yml\n")


@pytest.mark.parametrize(("source", "created"), [("schedule", True), ("push", False), ("merge_request_event", False)])
def test_the_newest_argo_cd_is_tried_at_night(source: str, created: bool) -> None:  # noqa: FBT001
    nightly = pipeline().created(MAIN | {"CI_PIPELINE_SOURCE": source})
    assert ("newest" in nightly) is created
    assert "newest" not in pipeline().created(TAG)
    newest = [*releases.RELEASES.values()][-1]
    assert newest.version == max(releases.RELEASES, key=lambda version: [int(part) for part in version.split(".")])


def test_what_gitlab_reads_the_coverage_from() -> None:
    pattern = pipeline().jobs["unit"]["coverage"].strip("/")
    (said,) = re.findall(r'"(coverage: \{.*?\} %), every row', (ROOT / "bin" / "coverage_gate").read_text("utf-8"))
    assert re.search(pattern, said.replace("{percent(measured):.1f}", "93.4"))


def test_the_self_test_looks_at_the_reports_of_that_job() -> None:
    assert "argocd-release.self-test-*.xml" in script("self-test:reports")


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize("shell", ["bash", "dash"])
def test_the_self_test_passes_only_if_the_server_is_unreachable(shell: str, wrapper: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        missing.skip(f"there is no {shell}", f"install {shell}: apt-get install {shell}")
    job = pipeline().jobs["self-test"]
    assert not job["allow_failure"]
    program = wrapped([*job["before_script"], *job["script"]], wrapper)
    seen = {}
    for code in (0, 1, 10, 30, 143):
        (tmp_path / "argocd-release").write_text(f"#!/bin/sh\nexit {code}\n")
        (tmp_path / "argocd-release").chmod(0o755)
        path = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
        done = subprocess.run([shell], input=program, env=path, text=True, capture_output=True, timeout=30, check=False)
        seen[code] = done.returncode
    assert seen == {0: 1, 1: 1, 10: 1, 30: 0, 143: 1}


def test_a_pre_release_and_the_notes_of_a_release(tmp_path: Path) -> None:
    project = copy_of_the_project(tmp_path)

    def bump(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["bin/bump_version", *arguments]
        return subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)

    assert bump("7.8.9-rc.1", "--yes").returncode == 0
    assert bump("--check", "7.8.9-rc.1").returncode == 0
    assert bump("7.8.9", "--yes").returncode == 0
    assert bump("--check", "7.8.9").returncode == 0
    assert bump("--check", "7.8.9-rc.1").returncode == 1
    assert bump("7.8.9-", "--yes").returncode == 2
    changelog = project / "CHANGELOG.md"
    changelog.write_text(
        "# Changelog\n\n## [Unreleased]\n\n## [2.0.0] - x\n\n- two\n\n## [1.0.0] - x\n\n- one\n\n## [0.9.0]\n"
    )
    assert bump("--notes", "2.0.0").stdout == "- two\n"
    assert bump("--notes", "1.0.0").stdout == "- one\n"
    for version in ("0.9.0", "3.0.0", "2.0"):
        done = bump("--notes", version)
        assert done.returncode == 1
        assert f"says nothing of {version};" in done.stderr


def test_the_notes_end_with_the_image(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("- two\n")
    given = {"CI_REGISTRY_IMAGE": "r.example.com/x", "CI_COMMIT_TAG": "2.0.0", "IMAGE_DIGEST": DIGEST}
    subprocess.run(["sh", "-ec", script("publish")], cwd=tmp_path, env=given, check=True)
    text = (tmp_path / "notes.md").read_text()
    assert text.startswith("- two\n\nImage: `r.example.com/x:2.0.0@sha256:")
    assert pipeline().jobs["publish"]["release"]["description"] == "./notes.md"
