"""Test the rules of imports: each is broken in a copy of the package, and import-linter must report it."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONTRACTS = [
    contract["name"]
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
]
# An import for each rule, which breaks no other rule.
BREAKS = {
    "layers: each knows those below it, and none beside it": (
        "argocd_release.reports.registry",
        "argocd_release.git.relation",
    ),
    "what watches, judges, diagnoses and reports sees the world through ports": (
        "argocd_release.watch.clock",
        "argocd_release.argocd.connection",
    ),
    "verdict, model, messages and core are pure": ("argocd_release.verdict.pending", "socket"),
    "only argocd starts processes": ("argocd_release.joblog", "sh"),
    "only transport speaks HTTP": ("argocd_release.joblog", "httpcore"),
}


def test_each_rule_is_tried() -> None:
    assert set(BREAKS) == set(CONTRACTS)


def test_what_breaks_a_rule_is_reported(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "plugin", tmp_path / "plugin", ignore=shutil.ignore_patterns("__pycache__"))
    for module, imported in BREAKS.values():
        file = tmp_path / "plugin" / Path(*module.split(".")).with_suffix(".py")
        file.write_text(f"{file.read_text('utf-8')}\nimport {imported}\n")
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo", "--config", str(ROOT / "pyproject.toml")],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path / "plugin"), "COLUMNS": "300"},
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    said = done.stdout.partition("Broken contracts")[2]
    for name, (module, imported) in BREAKS.items():
        assert f"{name} BROKEN" in done.stdout, name
        assert f"{module} -> {imported} (l." in said, name
