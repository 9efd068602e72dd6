"""The table of the architecture: which module may touch what."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "plugin" / "argocd_release"

# Own modules each module may import. `text` and `errors` are words for all, and import nothing of ours.
OWN = {
    "__init__": set[str](),
    "__main__": {"run", "settings", "signals"},
    "api": {"settings", "shape", "tree"},
    "ancestry": {"application", "git_access", "git_url", "reverts"},
    "application": {"tree"},
    "argocd": {"application", "document", "feed"},
    "cause": {"application", "evidence", "pod", "tree", "waiting"},
    "changes": {"gitlab"},
    "diagnosis": {"application", "cause", "evidence", "pod", "tree"},
    "document": {"application", "shape"},
    "errors": set(),
    "evidence": {"tree"},
    "expectation": {"application"},
    "feed": set(),
    "git_access": {"git_url"},
    "git_url": set(),
    "gitlab": set(),
    "log": {"gitlab", "redaction"},
    "looks": {"application", "expectation", "tree", "verdict"},
    "pod": {"shape"},
    "redaction": set(),
    "reporters": {"reporters", "result"},
    "reporters.annotations": {"git_url", "result"},
    "reporters.dotenv": {"result"},
    "reporters.json_report": {"application", "result"},
    "reporters.junit": {"application", "git_url", "reporters", "result"},
    "reporters.story": {"application", "evidence", "gitlab", "reporters", "result"},
    "reporters.summary": {"reporters", "result"},
    "reporters.tables": set(),
    "reverts": set(),
    "result": {"application", "evidence", "timeline", "verdict"},
    "run": {
        "ancestry", "api", "application", "argocd", "changes", "diagnosis", "evidence", "expectation", "git_access",
        "gitlab", "log", "redaction", "reporters", "result", "rules", "settings", "signals", "tracker", "verdict",
    },
    "rules": set(),
    "settings": set(),
    "shape": set(),
    "signals": set(),
    "text": set(),
    "timeline": {"application"},
    "tracker": {"application", "expectation", "looks", "rules", "timeline", "verdict"},
    "tree": {"shape"},
    "verdict": {"application", "expectation", "rules", "waiting"},
    "waiting": {"application", "expectation"},
}  # fmt: skip
# Everything that touches the world, and who may.
EDGES = {
    "dulwich": {"ancestry", "reverts"},
    "httpx": {"api"},
    "ssl": {"ancestry", "api"},
    "sh": {"argocd"},
    "jsonschema": {"settings"},
    "structlog": {"log"},
    "signal": {"argocd", "feed", "signals"},
    "subprocess": set[str](),
    "socket": set(),
    "os": {"__main__", "reporters"},
    "sys": {"__main__"},
    "datetime": {"reporters.tables", "result", "run", "settings"},
    "time": {"ancestry", "api", "argocd", "reporters", "run", "tracker"},
    "tempfile": {"ancestry", "argocd", "reporters"},
    "threading": {"ancestry", "diagnosis", "feed", "run", "tracker"},
    "pathlib": {"ancestry", "argocd", "git_access", "reporters", "run"},
}


def modules() -> dict[str, set[str]]:
    found = {}
    for file in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(file.relative_to(PACKAGE).with_suffix("").parts)
        name = name.removesuffix(".__init__") if name != "__init__" else name
        found[name] = imported(ast.parse(file.read_text("utf-8")))
    return found


def imported(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def own(names: set[str]) -> set[str]:
    parts = [name.split(".") for name in names if name.startswith("argocd_release.")]
    return {part[1] for part in parts if part[1] not in {"__version__", "errors", "text"}}


MODULES = modules()


def test_every_module_has_a_rule() -> None:
    assert set(MODULES) == set(OWN)


@pytest.mark.parametrize("module", MODULES)
def test_own_imports(module: str) -> None:
    assert own(MODULES[module]) <= OWN[module]


@pytest.mark.parametrize("edge", EDGES)
def test_edges(edge: str) -> None:
    users = {module for module, names in MODULES.items() if any(name.split(".")[0] == edge for name in names)}
    assert users == EDGES[edge]


def test_only_the_boundary_reads_the_environment() -> None:
    users = {file.stem for file in PACKAGE.rglob("*.py") if "os.environ" in file.read_text("utf-8")}
    assert users == {"__main__"}


def test_no_module_grows_past_the_size_one_can_read() -> None:
    sizes = {file.name: len(file.read_text("utf-8").splitlines()) for file in PACKAGE.rglob("*.py")}
    assert {name: size for name, size in sizes.items() if size > 400} == {}
