"""Test rules of the package that no linter checks. The rules of imports are in pyproject.toml (import-linter)."""

import ast
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "plugin" / "argocd_release"


def test_only_the_boundary_reads_the_environment() -> None:
    users = {file.stem for file in PACKAGE.rglob("*.py") if "os.environ" in file.read_text("utf-8")}
    assert users == {"main"}


def test_no_module_grows_past_the_size_one_can_read() -> None:
    sizes = {
        str(file.relative_to(PACKAGE)): len(file.read_text("utf-8").splitlines()) for file in PACKAGE.rglob("*.py")
    }
    assert {name: size for name, size in sizes.items() if size > 400} == {}


def test_no_two_public_classes_share_a_name() -> None:
    names = Counter(
        node.name
        for file in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert [name for name, count in names.items() if count > 1] == []


def imported(file: Path) -> set[str]:
    """Return the modules of this package that a file imports, at any depth."""
    return imported_in(ast.parse(file.read_text("utf-8")))


def imported_in(tree: ast.AST) -> set[str]:
    """Return the modules of this package that the code imports."""
    found: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                found |= {alias.name for alias in names}
            case ast.ImportFrom(module=str(module), names=names):
                found |= {name if module_file(name := f"{module}.{alias.name}") else module for alias in names}
            case _:
                pass
    return {name for name in found if name.startswith("argocd_release.")}


#: Modules that need a slow library at their import, which would delay the first look.
OF_LIBRARIES = {
    "argocd_release.git.changed_files": "dulwich",
    "argocd_release.git.history": "dulwich",
}


#: Modules of features that are off by default. A job without such a feature must not load its modules.
OF_FEATURES = {
    "argocd_release.argocd.http_only",
    "argocd_release.diagnosis.hook_logs",
    "argocd_release.notify.traces",
    "argocd_release.release.commit_statuses",
    "argocd_release.release.revert_request",
    "argocd_release.verdict.chosen_resources",
    "argocd_release.verdict.stability",
}


def test_only_libraries_and_features_are_imported_late() -> None:
    late = {
        name
        for file in PACKAGE.rglob("*.py")
        for function in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(function, ast.FunctionDef)
        for name in imported_in(function)
    }
    assert late == OF_LIBRARIES.keys() | OF_FEATURES


#: The message catalogue, which contains only tables.
TABLES = ("argocd_release.messages",)


def module_file(name: str) -> Path | None:
    path = PACKAGE.parent.joinpath(*name.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


def test_no_module_imports_more_than_fourteen_others() -> None:
    known = {
        str(file.relative_to(PACKAGE)): {name for name in imported(file) if not name.startswith(TABLES)}
        for file in PACKAGE.rglob("*.py")
    }
    assert {name: sorted(modules) for name, modules in known.items() if len(modules) > 14} == {}
    assert "argocd_release.git.history" in known["release/policy.py"], "a late import counts, too"


def test_the_first_call_of_argocd_waits_for_no_library_that_it_does_without() -> None:
    """The first call needs only the libraries for the log, the settings and starting argocd."""
    script = "import sys, argocd_release.cli.main, argocd_release.release.job; print(*sys.modules)"
    # If coverage measures this process, it must not load its own libraries into the new process.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    done = subprocess.run([sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    late = {
        "httpcore",
        "urllib.request",
        "dulwich",
        "xml",
        "difflib",
        "argparse",
        "jinja2",
    }
    assert loaded & (late | OF_FEATURES) == set()
    assert loaded >= {"structlog", "jsonschema", "sh", "argocd_release.watch.tracker"}
