"""Rules of the package that no linter knows. Which layer may import which: pyproject.toml, import-linter."""

from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "plugin" / "argocd_release"


def test_only_the_boundary_reads_the_environment() -> None:
    users = {file.stem for file in PACKAGE.rglob("*.py") if "os.environ" in file.read_text("utf-8")}
    assert users == {"main"}


def test_no_module_grows_past_the_size_one_can_read() -> None:
    sizes = {file.name: len(file.read_text("utf-8").splitlines()) for file in PACKAGE.rglob("*.py")}
    assert {name: size for name, size in sizes.items() if size > 400} == {}
