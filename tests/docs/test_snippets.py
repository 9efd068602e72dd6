"""Every block that the pages show: run, applied or checked, as what it is."""

import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import certifi
import pytest
import yaml
from docker.errors import ContainerError

from argocd_release import __version__
from argocd_release.model.errors import SettingsError
from argocd_release.settings import expectations_file, load
from argocd_release.settings.environment import PROPERTIES, JobEnvironment
from sandbox.commands import CommandError
from sandbox.sandbox import Sandbox
from tests.docs.installation import APPLICATION, PROJECT, SNIPPETS, Installation, renamed, snippet
from tests.docs.pages import DOCS, ROOT, included
from tests.support.component import resolved, schema_errors
from tests.support.docker_engine import Engine
from tests.support.gitlab_ci_local import default_image
from tests.support.gitlab_pipeline import RefusedError, merged

# Included too, and tested where they belong.
ELSEWHERE = {
    "component/examples/": "tests/component/test_component.py",
    "docs/logs/": "tests/release",
    "docs/generated/": "bin/generate --check, in tests/component/test_component.py",
    "docs/diagrams/": "tests/docs/test_pages.py",
    "tests/cases/": "tests/cases/test_cases.py",
    "tests/release/doctor/": "tests/release/test_doctor.py",
    "CHANGELOG.md": "prose",
    "CONTRIBUTING.md": "prose",
}
PIPELINES = sorted(file.name for file in (SNIPPETS / "pipelines").iterdir())
PATCHES = {
    "argocd-cm.yaml": "argocd-cm",
    "argocd-rbac-cm.yaml": "argocd-rbac-cm",
    "argocd-rbac-cm-sync.yaml": "argocd-rbac-cm",
    "argocd-cmd-params-cm.yaml": "argocd-cmd-params-cm",
    "argocd-cm-oidc.yaml": "argocd-cm",
    "argocd-cm-dex.yaml": "argocd-cm",
    "argocd-rbac-cm-oidc.yaml": "argocd-rbac-cm",
    "argocd-rbac-cm-dex.yaml": "argocd-rbac-cm",
}
OBJECTS = (
    "application.yaml", "appproject-ci-role.yaml", "deployment.yaml", "ingress-passthrough.yaml", "ingress-tls.yaml",
)  # fmt: skip
# These two need a registry, and are read by bash and shellcheck only.
SYNTAX_ONLY = {"mirror-image.sh", "verify-image.sh"}
# In tests/component/test_signing.py.
RUN_WITH_COSIGN = {"signing-key.sh", "verify-image-key.sh"}
# In tests/docs/test_walk.py.
RUN_IN_GETTING_STARTED = {"apply-account.sh", "generate-token.sh"}
# Where a page shows environment.sh before them: pasted after it.
PASTED_BY_AN_ADMINISTRATOR = {"look.sh", "pod-logs.sh", "sync.sh", "sync-force.sh"}
PASTED_IN_THE_PIPELINES_NAME = {"check-server.sh", "check-token.sh", "doctor.sh", "release.sh"}
RUN_BY_A_TEST_OF_ITS_OWN = {
    "check-rights.sh", "login.sh", "certificate.sh", "revoke-token.sh", "environment.sh", "get-argocd.sh", "release-in-docker.sh",
    "page.sh",
    # In tests/docs/test_install.py.
    "install.sh", "install-look.sh", "install-do.sh", "install-image.sh", "install-air-gapped.sh",
}  # fmt: skip
# A file in PEM, as GitLab makes of a variable of type File.
AUTHORITY = Path(certifi.where())
SAMPLES = {
    "$CI_COMMIT_SHA": "3f2c1ab000000000000000000000000000000000",
    "$CI_COMMIT_SHORT_SHA": "3f2c1ab",
    "$ARGOCD_CA": str(AUTHORITY),
    "$ARGOCD_OPTS": f"--grpc-web --server-crt {AUTHORITY}",
    "$DEPLOYED_COMMIT": "0badcafe00000000000000000000000000000000",
    "$CF_ACCESS_ID": "id.access",
    "$CF_ACCESS_SECRET": "secret",
}


def files(folder: str) -> set[str]:
    return {file.name for file in (SNIPPETS / folder).iterdir()}


def test_every_file_is_shown_and_tested() -> None:
    paths = {path for _, path in included()}
    own = {path for path in paths if path.startswith("docs/snippets/")}
    assert own == {str(file.relative_to(ROOT)) for file in SNIPPETS.rglob("*") if file.is_file()}
    for path in paths - own:
        assert any(path.startswith(place) for place in ELSEWHERE), f"{path} is shown and tested nowhere"
        assert (ROOT / path).exists()
    assert {path.name for path in SNIPPETS.iterdir()} == {"pipelines", "kubernetes", "shell", "renovate", "release"}
    assert files("kubernetes") == set(PATCHES) | set(OBJECTS)
    tested = [
        SYNTAX_ONLY,
        RUN_WITH_COSIGN,
        RUN_IN_GETTING_STARTED,
        PASTED_BY_AN_ADMINISTRATOR,
        PASTED_IN_THE_PIPELINES_NAME,
        RUN_BY_A_TEST_OF_ITS_OWN,
    ]
    assert files("shell") == set.union(*tested)
    assert sum(map(len, tested)) == len(files("shell"))
    examples = {f"component/examples/{file.name}" for file in (ROOT / "component" / "examples").glob("*.yml")}
    assert examples <= paths


def test_the_file_of_expectations_is_right() -> None:
    said, problems = expectations_file.read(str(SNIPPETS / "release" / "expectations.yml"), PROPERTIES)
    assert problems == ()
    assert said.unmatched(["sentry-frontend-dev", "sentry-payment-dev", "sentry-worker-1"]) == ()


# Pipelines


@pytest.mark.parametrize("name", PIPELINES)
def test_pipelines_are_what_gitlab_and_the_component_take(name: str) -> None:
    document = yaml.safe_load(snippet(f"pipelines/{name}"))
    own = {key: value for key, value in document.items() if key != "include"}
    for entry in document.get("include", ()):
        name = entry["component"].rpartition("/")[2].partition("@")[0]
        assert entry["component"] == f"$CI_SERVER_FQDN/platform/argocd-release/{name}@{__version__}"
        check_inputs(entry["inputs"], name)
        own = merged(resolved(name, **entry["inputs"]), own)
    assert schema_errors(own) == []


def check_inputs(given: dict[str, Any], component: str = "release") -> None:
    """Assert that the component has inputs of these types, and that argocd-release accepts the resulting settings."""
    (job,) = [job for name, job in resolved(component, **given).items() if not name.startswith(".")]
    environ = {"ARGOCD_SERVER": "argocd.example.com", "ARGOCD_AUTH_TOKEN": "x"}
    environ["ARGOCD_APP_NAME"] = "sentry-frontend-dev"
    if "oidc_audience" in given:
        environ["RELEASE_ID_TOKEN"] = "x.y.z"
    known = SAMPLES | {f"${name}": str(value) for name, value in job["variables"].items() if "$" not in str(value)}
    for name, value in job["variables"].items():
        environ[name] = re.sub(r"\$\w+", lambda found: known.get(found[0], found[0]), str(value))
    load.load(JobEnvironment(environ))


@pytest.mark.parametrize(
    "wrong", [{"aplication": "x"}, {"timeout": "600"}, {"timeout": -1}, {"environment_tier": "live"}]
)
def test_a_wrong_input_is_noticed(wrong: dict[str, Any]) -> None:
    with pytest.raises((RefusedError, SettingsError)):
        check_inputs(wrong)


def test_the_script_of_the_build_job() -> None:
    job = yaml.safe_load(snippet("pipelines/build.yml"))["build:frontend"]
    # As the runner does: a line that fails ends the script.
    check_shell("\n".join(["set -e", *job["script"]]))


def test_the_build_job_writes_the_tag(tmp_path: Path) -> None:
    """Its `sed`, on the manifest that the pages show."""
    job = yaml.safe_load(snippet("pipelines/build.yml"))["build:frontend"]
    line = next(line for line in job["script"] if line.startswith("sed "))
    manifest = tmp_path / "frontend" / ".cicd" / "deployment.yaml"
    manifest.parent.mkdir(parents=True)
    manifest.write_text(snippet("kubernetes/deployment.yaml"))
    environ = {
        "IMAGE": "registry.example.com/sentry-demo/frontend",
        "CI_COMMIT_SHORT_SHA": "0badcafe",
        "PATH": "/bin:/usr/bin",
    }
    subprocess.run(["sh", "-ec", line], cwd=tmp_path, env=environ, check=True)
    container = yaml.safe_load(manifest.read_text())["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "registry.example.com/sentry-demo/frontend:0badcafe"


# Kubernetes


@pytest.mark.parametrize("name", OBJECTS)
def test_objects_are_what_the_api_takes(sandbox: Sandbox, name: str) -> None:
    sandbox.kubectl(
        "apply",
        "--server-side",
        "--force-conflicts",
        "--dry-run=server",
        "--validate=strict",
        "-f",
        "-",
        stdin=snippet(f"kubernetes/{name}"),
    )


def test_a_wrong_object_is_noticed(sandbox: Sandbox) -> None:
    text = snippet("kubernetes/ingress-tls.yaml").replace("pathType", "pathtype")
    with pytest.raises(CommandError):
        sandbox.kubectl(
            "apply",
            "--server-side",
            "--force-conflicts",
            "--dry-run=server",
            "--validate=strict",
            "-f",
            "-",
            stdin=text,
        )


@pytest.mark.parametrize("name", PATCHES)
def test_patches_are_what_the_api_takes(sandbox: Sandbox, name: str) -> None:
    patch = json.dumps(yaml.safe_load(snippet(f"kubernetes/{name}")))
    sandbox.kubectl(
        "patch", "configmap", PATCHES[name], "-n", "argocd", "--type", "merge", "--dry-run=server", "-p", patch
    )


def test_the_account_may_what_the_page_says_and_nothing_else(sandbox: Sandbox) -> None:
    """The account has only its own lines, under a name that gets no other rights."""
    for name in ("argocd-cm.yaml", "argocd-rbac-cm.yaml"):
        patch = json.dumps(yaml.safe_load(renamed(snippet(f"kubernetes/{name}"), "docs-all")))
        sandbox.kubectl("patch", "configmap", PATCHES[name], "-n", "argocd", "--type", "merge", "-p", patch)
    assert (
        sandbox.argocd("admin", "settings", "rbac", "validate", "--namespace", "argocd").strip() == "Policy is valid."
    )
    token = sandbox.argocd("account", "generate-token", "--account", "docs-all").strip()

    def may(*question: str) -> str:
        return sandbox.argocd("account", "can-i", *question, token=token).strip()

    assert may("get", "applications", f"{PROJECT}/app") == "yes"
    assert may("get", "projects", PROJECT) == "yes"
    assert may("get", "logs", f"{PROJECT}/app") == "yes"
    for action in ("sync", "delete", "create", "update", "override"):
        assert may(action, "applications", f"{PROJECT}/app") == "no"
    assert may("get", "applications", "other/app") == "no"
    assert may("get", "projects", "other") == "no"
    assert may("get", "repositories", "*") == "no"


def test_the_policy_of_one_project(sandbox: Sandbox, tmp_path: Path) -> None:
    data = yaml.safe_load(snippet("kubernetes/argocd-rbac-cm.yaml"))["data"]
    narrow = next(iter(data.values()))
    sync = next(iter(yaml.safe_load(snippet("kubernetes/argocd-rbac-cm-sync.yaml"))["data"].values()))

    def can(policy: str, *question: str) -> bool:
        (tmp_path / "policy.csv").write_text(policy)
        try:
            sandbox.argocd(
                "admin",
                "settings",
                "rbac",
                "can",
                "ci-readonly",
                *question,
                "--policy-file",
                str(tmp_path / "policy.csv"),
            )
        except CommandError:
            return False
        return True

    assert can(narrow, "get", "applications", f"{PROJECT}/x")
    assert can(narrow, "get", "projects", PROJECT)
    assert not can(narrow, "get", "applications", "other/x")
    assert not can(narrow, "get", "projects", "other")
    assert not can(narrow, "sync", "applications", f"{PROJECT}/x")
    assert can(narrow + sync, "sync", "applications", f"{PROJECT}/x")
    assert not can(narrow + sync, "sync", "applications", "other/x")


# Shell


def check_shell(text: str) -> None:
    subprocess.run(["bash", "-n"], input=text, text=True, check=True)
    shellcheck = Path(sys.executable).with_name("shellcheck")
    # `cd … || exit` is for scripts: pasted into a shell it would close it.
    command = [str(shellcheck), "--shell=bash", "--exclude=SC2164", "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", sorted(files("shell")))
def test_shell_is_sound(name: str) -> None:
    check_shell(snippet(f"shell/{name}"))


def test_the_page_is_drawn_anew(tmp_path: Path) -> None:
    shutil.copy(ROOT / "docs" / "reports" / "green.json", tmp_path / "argocd-release.json")
    environ = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    subprocess.run(["sh", "-ec", snippet("shell/page.sh")], cwd=tmp_path, env=environ, check=True)
    assert "Release successful" in (tmp_path / "argocd-release.html").read_text("utf-8")


def test_unsound_shell_is_noticed() -> None:
    with pytest.raises(AssertionError):
        check_shell("rm -rf $1/*\n")


@pytest.mark.parametrize("name", sorted(PASTED_BY_AN_ADMINISTRATOR))
def test_pasted_by_an_administrator(installation: Installation, name: str) -> None:
    out = installation.pasted(name, as_admin=True)
    expected = {
        "look.sh": "Operation:          Sync",
        "sync.sh": "Phase:              Succeeded",
        "sync-force.sh": "Phase:              Succeeded",
    }
    assert expected.get(name, "") in out


def test_rights_are_shown(installation: Installation) -> None:
    assert installation.run("check-rights.sh", as_admin=True) == "Yes\nYes\n"


EXPECTED = {
    "check-server.sh": "argocd-server: v2.13.2",
    "check-token.sh": "Logged In: true",
    "doctor.sh": "Ready to track releases",
    "release.sh": "SUCCESSFUL",
}


@pytest.mark.parametrize("name", sorted(PASTED_IN_THE_PIPELINES_NAME))
def test_pasted_in_the_pipelines_name(installation: Installation, name: str) -> None:
    """On a machine that trusts no certificate of ours and has no variable of the pipeline."""
    out = installation.pasted(name)
    assert EXPECTED[name] in out
    if name == "check-token.sh":
        assert out.endswith("yes\nyes\n")


@pytest.mark.parametrize("name", sorted(PASTED_IN_THE_PIPELINES_NAME))
def test_in_a_job(installation: Installation, engine: Engine, name: str) -> None:
    """In the image, which has no curl, with the variables of the group and of the job alone."""
    out = installation.in_the_image(engine, snippet(f"shell/{name}"), ARGOCD_APP_NAME=APPLICATION)
    assert EXPECTED[name] in out


def test_a_bad_token_is_noticed(installation: Installation) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        installation.pasted("check-token.sh", token="bad")


def script(name: str, job: str) -> tuple[str, dict[str, str]]:
    """Return a job's script as a runner builds it, and the variables that the job sets."""
    declared = yaml.safe_load(snippet(f"pipelines/{name}"))[job]
    return "\n".join(declared["script"]), {key: str(value) for key, value in declared["variables"].items()}


def test_the_job_without_the_catalog(installation: Installation, engine: Engine) -> None:
    """Green with the image that runs, red with one that does not; its reports lie where it uploads them from."""
    text, own = script("without-catalog.yml", "argocd-release")
    uploaded = yaml.safe_load(snippet("pipelines/without-catalog.yml"))["argocd-release"]["artifacts"]
    listed = " ".join([*uploaded["paths"], *uploaded["reports"].values()])
    good = own | {"RELEASE_IMAGE": "3f2c1ab"}
    assert "SUCCESSFUL" in installation.in_the_image(engine, f"{text}\nls -l {listed}", **good)
    with pytest.raises(ContainerError) as failed:
        installation.in_the_image(engine, text, **(own | {"RELEASE_IMAGE": "0badcafe", "RELEASE_TIMEOUT": "20"}))
    assert failed.value.exit_status in {12, 13}


def test_options_are_added_to_those_of_the_group(installation: Installation, engine: Engine) -> None:
    """As debug.yml adds them; GitLab puts the group's value in the variable's place."""
    given = yaml.safe_load(snippet("pipelines/debug.yml"))["include"][0]["inputs"]["options"]
    options = given.replace("$ARGOCD_OPTS", "--grpc-web --server-crt /builds/ARGOCD_CA")
    out = installation.in_the_image(
        engine,
        "argocd-release 2>&1",
        ARGOCD_APP_NAME=APPLICATION,
        INPUT_ARGOCD_OPTS=options,
        INPUT_RELEASE_LOG_LEVEL="debug",
    )
    assert "RELEASE SUCCESSFUL" in out


def test_argocd_from_the_image(installation: Installation, engine: Engine) -> None:
    engine.image.tag(*default_image().rsplit(":", 1))
    out = installation.run("get-argocd.sh", PATH=os.environ["PATH"])
    assert "argocd: v2.13.2" in out
    assert (installation.folder / "argocd").stat().st_mode & 0o100


def test_release_in_docker(installation: Installation, engine: Engine) -> None:
    """Only the network, which is this machine's, and the place of the certificate differ from the pasted command."""
    engine.image.tag(*default_image().rsplit(":", 1))
    text = snippet("shell/release-in-docker.sh")
    options = f"--network host -v {installation.sandbox.certificate}:/ca.crt:ro"
    text = text.replace("docker run", f"docker run {options}")
    out = installation.run(
        "release-in-docker.sh",
        change=lambda _: text,
        PATH=os.environ["PATH"],
        ARGOCD_AUTH_TOKEN=installation.token,
        ARGOCD_OPTS="--grpc-web --server-crt /ca.crt",
        ARGOCD_APP_NAME=APPLICATION,
    )
    assert "RELEASE SUCCESSFUL" in out


def test_renovate_finds_the_components_version() -> None:
    """Renovate's manager for GitLab reads an include if an alias replaces its variable, and if it has a full version."""
    aliases = json.loads(snippet("renovate/renovate.json"))["registryAliases"]
    for name in PIPELINES:
        for component in re.findall(r"- component: (.*)", snippet(f"pipelines/{name}")):
            host, _, rest = component.partition("/")
            assert aliases[host] == "gitlab.example.com", name
            assert re.fullmatch(rf"platform/argocd-release/(release|doctor|diff)@{re.escape(__version__)}", rest), name


def test_login(installation: Installation) -> None:
    # It asks whether to trust the certificate, as the page says.
    out = installation.run("login.sh", stdin="y\n", ARGOCD_OPTS="")
    assert "'admin:login' logged in successfully" in out


def test_certificate(installation: Installation) -> None:
    """Argo CD's own certificate holds the names that the page gives."""
    installation.run("certificate.sh")
    file = installation.folder / "argocd.crt"
    assert file.read_bytes() == installation.sandbox.certificate.read_bytes()
    host, _, port = installation.sandbox.server.partition(":")
    context = ssl.create_default_context(cafile=file)
    with (
        socket.create_connection((host, int(port))) as plain,
        context.wrap_socket(plain, server_hostname=host) as channel,
    ):
        held = str(channel.getpeercert())
    page = (DOCS / "en" / "guides" / "network.md").read_text("utf-8")
    for name in ("localhost", "argocd-server", "argocd-server.argocd.svc.cluster.local"):
        assert f"('DNS', '{name}')" in held
        assert f"`{name}`" in page


def test_revoked_token(installation: Installation) -> None:
    change: Callable[[str], str] = lambda text: renamed(text, "docs-revoked")  # noqa: E731
    for name in ("argocd-cm.yaml", "argocd-rbac-cm.yaml"):
        patch = json.dumps(yaml.safe_load(change(snippet(f"kubernetes/{name}"))))
        installation.sandbox.kubectl(
            "patch", "configmap", PATCHES[name], "-n", "argocd", "--type", "merge", "-p", patch
        )
    token = installation.run("generate-token.sh", as_admin=True, change=change).strip()
    assert installation.sandbox.argocd("account", "can-i", "get", "projects", PROJECT, token=token).strip() == "yes"
    installation.run("revoke-token.sh", as_admin=True, change=change)
    with pytest.raises(CommandError):
        installation.sandbox.argocd("account", "can-i", "get", "projects", PROJECT, token=token)
