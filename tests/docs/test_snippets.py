"""Every block that the pages show: run, applied or checked, as what it is."""

import json
import re
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from argocd_release import __version__
from argocd_release.model.errors import SettingsError
from argocd_release.settings import load
from sandbox.commands import CommandError
from sandbox.sandbox import Sandbox
from tests.component.test_component import resolved, schema_errors
from tests.docs.installation import APPLICATION, PROJECT, SNIPPETS, Installation, renamed, snippet
from tests.docs.pages import DOCS, ROOT, included
from tests.gitlab_pipeline import RefusedError, merged

# Included too, and tested where they belong.
ELSEWHERE = {
    "component/examples/": "tests/component/test_component.py",
    "docs/logs/": "tests/release",
    "docs/generated/": "bin/generate --check, in tests/component/test_component.py",
    "docs/diagrams/": "tests/docs/test_pages.py",
    "tests/cases/": "tests/cases/test_cases.py",
    "CHANGELOG.md": "prose",
    "CONTRIBUTING.md": "prose",
}
PIPELINES = sorted(file.name for file in (SNIPPETS / "pipelines").iterdir())
PATCHES = {
    "argocd-cm.yaml": "argocd-cm",
    "argocd-rbac-cm.yaml": "argocd-rbac-cm",
    "argocd-rbac-cm-project.yaml": "argocd-rbac-cm",
    "argocd-rbac-cm-sync.yaml": "argocd-rbac-cm",
    "argocd-cmd-params-cm.yaml": "argocd-cmd-params-cm",
}
OBJECTS = ("application.yaml", "deployment.yaml", "ingress-passthrough.yaml", "ingress-tls.yaml")
# Run on the sandbox by the test of that name below; these two need a registry, and are read by bash and shellcheck only.
SYNTAX_ONLY = {"mirror-image.sh", "verify-image.sh"}
RUN_IN_GETTING_STARTED = {"apply-account.sh", "generate-token.sh"}
RUN_AS_ADMIN = {"check-rights.sh", "look.sh", "pod-logs.sh", "sync.sh", "sync-force.sh"}
RUN_AS_PIPELINE = {"check-server.sh", "check-token.sh", "preflight.sh"}
RUN_BY_A_TEST_OF_ITS_OWN = {"login.sh", "certificate.sh", "release-by-hand.sh", "revoke-token.sh"}
SAMPLES = {
    "$CI_COMMIT_SHA": "3f2c1ab000000000000000000000000000000000",
    "$CI_COMMIT_SHORT_SHA": "3f2c1ab",
    "$ARGOCD_CA": "/builds/team/shop.tmp/ARGOCD_CA",
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
    assert {path.name for path in SNIPPETS.iterdir()} == {"pipelines", "kubernetes", "shell"}
    assert files("kubernetes") == set(PATCHES) | set(OBJECTS)
    tested = [SYNTAX_ONLY, RUN_IN_GETTING_STARTED, RUN_AS_ADMIN, RUN_AS_PIPELINE, RUN_BY_A_TEST_OF_ITS_OWN]
    assert files("shell") == set.union(*tested)
    assert sum(map(len, tested)) == len(files("shell"))
    examples = {f"component/examples/{file.name}" for file in (ROOT / "component" / "examples").glob("*.yml")}
    assert examples <= paths


# Pipelines


@pytest.mark.parametrize("name", PIPELINES)
def test_pipelines_are_what_gitlab_and_the_component_take(name: str) -> None:
    document = yaml.safe_load(snippet(f"pipelines/{name}"))
    own = {key: value for key, value in document.items() if key != "include"}
    for entry in document.get("include", ()):
        assert entry["component"] == f"$CI_SERVER_FQDN/platform/argocd-release/release@{__version__}"
        check_inputs(entry["inputs"])
        own = merged(resolved(**entry["inputs"]), own)
    assert schema_errors(own) == []


def check_inputs(given: dict[str, Any]) -> None:
    """The component has the inputs, of that type, and argocd-release accepts what they make of its settings."""
    (job,) = [job for name, job in resolved(**given).items() if not name.startswith(".")]
    environ = {"ARGOCD_SERVER": "argocd.example.com", "ARGOCD_AUTH_TOKEN": "x"}
    environ["ARGOCD_APP_NAME"] = "sentry-frontend-dev"
    for name, value in job["variables"].items():
        environ[name] = re.sub(r"\$\w+", lambda found: SAMPLES.get(found[0], found[0]), str(value))
    load.load(environ)


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
    """Its lines alone, under a name that nobody else gives rights to."""
    for name in ("argocd-cm.yaml", "argocd-rbac-cm.yaml"):
        patch = json.dumps(yaml.safe_load(renamed(snippet(f"kubernetes/{name}"), "docs-all")))
        sandbox.kubectl("patch", "configmap", PATCHES[name], "-n", "argocd", "--type", "merge", "-p", patch)
    assert (
        sandbox.argocd("admin", "settings", "rbac", "validate", "--namespace", "argocd").strip() == "Policy is valid."
    )
    token = sandbox.argocd("account", "generate-token", "--account", "docs-all").strip()

    def may(*question: str) -> str:
        return sandbox.argocd("account", "can-i", *question, token=token).strip()

    assert may("get", "applications", "any/app") == "yes"
    assert may("get", "projects", "any") == "yes"
    assert may("get", "logs", "any/app") == "yes"
    for action in ("sync", "delete", "create", "update", "override"):
        assert may(action, "applications", "any/app") == "no"
    assert may("get", "repositories", "*") == "no"


def test_the_policy_of_one_project(sandbox: Sandbox, tmp_path: Path) -> None:
    data = yaml.safe_load(snippet("kubernetes/argocd-rbac-cm-project.yaml"))["data"]
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
    done = subprocess.run(
        [shellcheck, "--shell=bash", "-"], input=text, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", sorted(files("shell")))
def test_shell_is_sound(name: str) -> None:
    check_shell(snippet(f"shell/{name}"))


def test_unsound_shell_is_noticed() -> None:
    with pytest.raises(AssertionError):
        check_shell("rm -rf $1/*\n")


@pytest.mark.parametrize("name", sorted(RUN_AS_ADMIN))
def test_shell_of_an_administrator(installation: Installation, name: str) -> None:
    out = installation.run(name, as_admin=True)
    expected = {
        "check-rights.sh": "Yes\nYes\n",
        "look.sh": "Operation:          Sync",
        "sync.sh": "Phase:              Succeeded",
        "sync-force.sh": "Phase:              Succeeded",
    }
    assert expected.get(name, "") in out


@pytest.mark.parametrize("name", sorted(RUN_AS_PIPELINE))
def test_shell_of_the_pipeline(installation: Installation, name: str) -> None:
    out = installation.run(name)
    expected = {
        "check-server.sh": '"Version":"v2.13.2',
        "check-token.sh": "Logged In: true",
        "preflight.sh": "RELEASE SUCCESSFUL",
    }
    assert expected[name] in out
    if name == "check-token.sh":
        assert out.endswith("yes\nyes\n")


@pytest.mark.parametrize("name", ["check-token.sh", "preflight.sh"])
def test_a_bad_token_is_noticed(installation: Installation, name: str) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        installation.run(name, ARGOCD_AUTH_TOKEN="bad")


def test_login(installation: Installation) -> None:
    out = installation.run("login.sh", ARGOCD_AUTH_TOKEN="", ARGOCD_OPTS="")
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


def test_release_by_hand(installation: Installation) -> None:
    def here(text: str) -> str:
        options = installation.sandbox.environment()["ARGOCD_OPTS"]
        return text.replace("argocd.example.com", installation.sandbox.server).replace("=--grpc-web", f"='{options}'")

    out = installation.run("release-by-hand.sh", change=here, stdin=f"{installation.token}\n", ARGOCD_AUTH_TOKEN="")
    assert "RELEASE SUCCESSFUL" in out


def test_revoked_token(installation: Installation) -> None:
    change: Callable[[str], str] = lambda text: renamed(text, "docs-revoked")  # noqa: E731
    for name in ("argocd-cm.yaml", "argocd-rbac-cm.yaml"):
        patch = json.dumps(yaml.safe_load(change(snippet(f"kubernetes/{name}"))))
        installation.sandbox.kubectl(
            "patch", "configmap", PATCHES[name], "-n", "argocd", "--type", "merge", "-p", patch
        )
    token = installation.run("generate-token.sh", as_admin=True, change=change).strip()
    assert installation.sandbox.argocd("account", "can-i", "get", "projects", "x", token=token).strip() == "yes"
    installation.run("revoke-token.sh", as_admin=True, change=change)
    with pytest.raises(CommandError):
        installation.sandbox.argocd("account", "can-i", "get", "projects", "x", token=token)


# The page «Getting started», as a new user would do it


def test_getting_started(installation: Installation) -> None:
    """Its own account and token (see ``Installation``), its include, a good push and a bad one."""
    given = yaml.safe_load((ROOT / "component" / "examples" / "plain.yml").read_text("utf-8"))["include"][0]["inputs"]
    assert given == {"application": APPLICATION, "options": "--grpc-web"}
    green = installation.release(given)
    assert green.returncode == 0, green.stdout
    assert "RELEASE SUCCESSFUL" in green.stdout

    installation.push(tag="0badcafe", fate="image-pull")
    red = installation.release(given, RELEASE_POD_GRACE="3")
    assert red.returncode == 11, red.stdout
    assert re.search(r"^cause: Deployment/sentry-frontend → Pod/.*: ImagePullBackOff", red.stdout, re.MULTILINE)
