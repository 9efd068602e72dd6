"""Test that all sentences for people are in the message catalogue, and none is in another package."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import argocd_release

PACKAGE = Path(argocd_release.__file__).parent
#: ``core`` must not import the catalogue.
EXEMPT = {"messages", "core"}
#: Strings that look like sentences, but come from another program or a protocol.
ALLOWED = {
    "(combined from similar events): ",
    " is part of applications ",
    "Cannot transition status",
    "Failed to checkout revision",
    "Failed to unmarshal",
    "Manifest generation error (cached)",
    "SSO is not configured",
    "Shared resource found: ",
    "Sync operation blocked by sync window",
    "active longer than specified deadline",
    "another operation is already in progress",
    "app path does not exist",
    "blocked by sync window",
    "does not have token with id",
    "error setting app health: ",
    "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'",
    "failed calling webhook",
    "ignored (no prune)",
    "couldn't find remote ref",
    "not our ref",
    "note: run with",
    "openid profile groups federated:id",
    "signature is invalid",
    "unable to resolve",
    "waiting for deletion of ",
    "waiting for pruning confirmation of ",
}
WORDS = 3
_PATTERN = re.compile(r"[\\|]|\(\?|\.\*")
_WORD = re.compile(r"""(?<!\S)[(“"]?[A-Za-z']{2,}[,.;:)”"]?(?!\S)""")
_RECOGNISE = {"startswith", "endswith", "removeprefix", "removesuffix", "partition", "rpartition", "compile", "split"}
#: Errors in the code itself, which the job reports as unexpected.
_PROGRAM_ERRORS = {"TypeError", "AssertionError", "RuntimeError"}


def test_each_sentence_is_in_the_catalogue() -> None:
    found = [
        f"{file.relative_to(PACKAGE)}:{line}: {text}"
        for file in sorted(PACKAGE.rglob("*.py"))
        if not is_exempt(file.relative_to(PACKAGE))
        for line, text in sentences(ast.parse(file.read_text("utf-8")))
        if text not in ALLOWED
    ]
    assert found == []


def test_each_exception_is_needed() -> None:
    files = [file for file in PACKAGE.rglob("*.py") if not is_exempt(file.relative_to(PACKAGE))]
    found = {text for file in files for _, text in sentences(ast.parse(file.read_text("utf-8")))}
    assert found >= ALLOWED


def test_a_sentence_is_noticed() -> None:
    source = """
        def reason(name: str, error: str) -> str:
            '''Return the reason for people.'''
            if error.startswith("rpc error: code = "):
                return f"the call of {name} has failed"
            return "no response was received"
    """
    tree = ast.parse(re.sub(r"^        ", "", source, flags=re.MULTILINE))
    assert {text for _, text in sentences(tree)} == {"the call of … has failed", "no response was received"}


def is_exempt(path: Path) -> bool:
    return any(path.is_relative_to(exempt) for exempt in EXEMPT)


def sentences(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield each text that looks like our own words, outside docstrings and annotations, after its line."""
    skipped = {id(part) for node in ast.walk(tree) for whole in _not_shown(node) for part in ast.walk(whole)}
    inner = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if id(node) in skipped or (id(node) in inner and isinstance(node, ast.Constant)):
            continue
        match node:
            case ast.Constant(value=str(text)):
                pass
            case ast.JoinedStr(values=values):
                text = "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in values)
            case _:
                continue
        if len(_WORD.findall(text)) >= WORDS and " " in text and not _PATTERN.search(text):
            yield getattr(node, "lineno", 0), text


def _not_shown(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the parts of the node whose strings no person sees."""
    match node:
        case ast.Module() | ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
            if ast.get_docstring(node, clean=False) is not None:
                yield node.body[0]
            if isinstance(node, ast.FunctionDef) and node.returns:
                yield node.returns
        # The name of an event is only the key of its line in the catalogue.
        case ast.Assign(targets=[ast.Name(id="NAME")]):
            yield node
        case ast.AnnAssign(annotation=annotation) | ast.arg(annotation=ast.expr() as annotation):
            yield annotation
        case ast.Compare():
            yield node
        case ast.Call(func=ast.Attribute(attr=name)) if name in _RECOGNISE:
            yield from node.args
        case ast.Raise(exc=ast.Call(func=ast.Name(id=name))) if name in _PROGRAM_ERRORS:
            yield node
        case _:
            pass
