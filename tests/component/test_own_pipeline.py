"""The project's own pipeline and its release, as far as that can be seen without a GitLab and a registry."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox import releases
from tests.support.component import MAIN, MERGE_REQUEST, TAG, TEMPLATE, copy_of_the_project
from tests.support.gitlab_ci_local import ROOT
from tests.support.gitlab_pipeline import Pipeline, merged, read

# Brought by GitLab's templates, which are on a GitLab.
SCANNERS = ("secret_detection", "dependency_scanning", "container_scanning")
SELF_MANAGED = TAG | {"CI_SERVER_FQDN": "gitlab.example.com"}
GITLAB_COM = TAG | {"CI_SERVER_FQDN": "gitlab.com"}
PARTS = ("lint", "unit", "e2e", "image-tests", "docs")
DIGEST = f"sha256:{'ab' * 32}"


def pipeline() -> Pipeline:
    own = yaml.safe_load((ROOT / ".gitlab-ci.yml").read_text("utf-8"))
    scans = {name: {"stage": "test", "script": ["scan"]} for name in SCANNERS}
    return read(yaml.safe_dump(merged(scans, own)), TEMPLATE.read_text("utf-8"))


def script(job: str) -> str:
    return "\n".join(pipeline().jobs[job]["script"])


def test_gitlab_takes_it_without_a_warning() -> None:
    assert pipeline().warnings == ()
    own = yaml.safe_load((ROOT / ".gitlab-ci.yml").read_text("utf-8"))
    templates = {entry["template"] for entry in own["include"] if "template" in entry}
    kinds = ("Secret-Detection", "Dependency-Scanning", "Container-Scanning")
    assert templates == {f"Jobs/{kind}.gitlab-ci.yml" for kind in kinds}
    assert pipeline().jobs["container_scanning"]["variables"]["CS_IMAGE"] == "$CI_REGISTRY_IMAGE:$CI_COMMIT_SHA"


@pytest.mark.parametrize("tag", ["nightly", "v1.2.3", "1.2", "1.2.3+build.5", "release-1.2.3"])
def test_a_tag_that_is_no_version_makes_no_pipeline(tag: str) -> None:
    assert pipeline().created(GITLAB_COM | {"CI_COMMIT_TAG": tag}) == set()


@pytest.mark.parametrize("variables", [MAIN, MERGE_REQUEST])
def test_nothing_is_published_without_a_tag(variables: dict[str, str]) -> None:
    created = pipeline().created(variables | {"CI_SERVER_FQDN": "gitlab.com"})
    assert {*PARTS, "build-image", "self-test", "self-test:reports"} <= created
    assert not {"publish", "attest", "pages"} & created


@pytest.mark.parametrize(
    ("variables", "attested"),
    [(GITLAB_COM, True), (SELF_MANAGED, False), (GITLAB_COM | {"CI_COMMIT_TAG": "1.2.3-rc.1"}, True)],
)
def test_a_version_is_published_everywhere_and_signed_where_sigstore_knows_the_issuer(
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
    for option in ("--sbom=true", "--provenance=mode=max", "--platform linux/amd64,linux/arm64", "--metadata-file"):
        assert option in script("build-image")
    (signed,) = re.findall(r"cosign sign .*", script("attest"))
    assert signed.endswith('"$CI_REGISTRY_IMAGE@$IMAGE_DIGEST"')
    assert "--recursive" in signed
    assert pipeline().jobs["build-image"]["artifacts"]["reports"]["dotenv"] == "image.env"


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
        assert image is None or image.startswith("$"), name
        for package in re.findall(r"apk add --no-cache (.*)", "\n".join(job["script"])):
            assert re.fullmatch(r"'[\w-]+~\d+\.\d+'", package)
    major, minor = map(int, re.findall(r"v(\d+)\.(\d+)", pins["GLAB_IMAGE"])[0])
    assert (major, minor) >= (1, 58), "what the release keyword of GitLab 18 asks for"
    assert pipeline().jobs["publish"]["image"] == "$GLAB_IMAGE"


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
    assert set(PARTS) <= set(pipeline().jobs["publish"]["needs"][:-2]) | {"version"}
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
    assert pipeline().jobs["self-test"]["allow_failure"] == {"exit_codes": [30]}


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
